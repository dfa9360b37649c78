"""The files of a folder that has a folder for each class."""

import hashlib
from pathlib import Path

import pandas as pd

PARTS = {"train", "training", "test", "val", "valid", "validation"}
PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tiff", ".webp")


def files_by_class(folder, suffixes=PICTURES):
    """Return a row per file: its path, its class, and which are copies.

    `folder` holds a folder per class, named as the class is; files may
    lie deeper. Files of other `suffixes`, hidden ones, and folders
    without any are passed over. Returns a data frame with the columns
    `path`, `name` (of the class) and `content`, the same where two
    files are copies to the byte.

    Raises ValueError if there is no such folder, if it has files of
    fewer than two classes, or if its folders are called train and test.

    Source: https://keras.io/api/data_loading/image/
    """
    folder, rows = Path(folder), []
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = "__MACOSX" in parts or any(p[0] == "." for p in parts)
        if (
            hidden
            or path.suffix.lower() not in suffixes
            or parts[1:] == ()
        ):
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((path, parts[0], digest))
    files = pd.DataFrame(rows, columns=["path", "name", "content"])
    if files["name"].nunique() < 2:
        raise ValueError(
            f"{folder} must hold a folder for each class, two or more, "
            f"with files {', '.join(suffixes)}"
        )
    if set(files["name"].str.lower()) <= PARTS:
        raise ValueError(
            f"{folder} is split already: give the folder below it with "
            "a folder for each class, such as its train"
        )
    return files
