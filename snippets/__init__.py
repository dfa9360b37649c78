"""Code to copy: each module is one file that works when pasted alone."""
