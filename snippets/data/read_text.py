"""The text of a file, or one error that names the file."""

from pathlib import Path


def read_text(path):
    """Return the text of a file in UTF-8, without a byte order mark.

    One file of thousands in another encoding would stop a program with
    a message that names a byte and not the file; this one names it.

    Raises ValueError if the file can't be read or is not in UTF-8.

    Source: https://docs.python.org/3/library/codecs.html
    """
    try:
        return Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not in UTF-8: save it anew"
        ) from None
    except OSError as error:
        raise ValueError(f"can't read {path}: {error}") from None
