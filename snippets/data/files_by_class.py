"""The files of a folder that has a folder for each class."""

from pathlib import Path

import pandas as pd

PICTURES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png")
PICTURES += (".tif", ".tiff", ".webp")
PARTS = {"train", "training", "test", "testing", "val", "valid"}
PARTS |= {"validation", "dev", "eval", "holdout"}


def files_by_class(folder, suffixes=PICTURES):
    """Return a data frame with a row per file: its path, its class.

    `folder` holds a folder per class, named as the class is; files may
    lie deeper. Files of other `suffixes`, hidden ones, and folders
    without any are passed over. The columns are `path` and `name`, that
    of the class.

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
        known = path.suffix.lower() in suffixes and path.is_file()
        if known and not hidden and len(parts) > 1:
            rows.append((path, parts[0]))
    files = pd.DataFrame(rows, columns=["path", "name"])
    names = set(files["name"].str.lower())
    if len(names) < 2:
        raise ValueError(
            f"{folder} must hold a folder for each class, two or more, "
            f"with files {', '.join(suffixes)}"
        )
    if names <= PARTS:
        raise ValueError(
            f"{folder} is split already: give the folder below it with "
            "a folder for each class, such as its train"
        )
    return files
