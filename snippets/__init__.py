"""Code to copy: each file works when pasted alone."""
