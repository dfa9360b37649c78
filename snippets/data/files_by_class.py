"""The files of a folder that has a folder for each class."""

from collections import Counter
from itertools import chain
from pathlib import Path

import pandas as pd

PICTURES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png")
PICTURES += (".tif", ".tiff", ".webp")
PARTS = {"train", "training", "test", "testing", "val", "valid"}
PARTS |= {"validation", "dev", "eval", "holdout"}


def files_by_class(folder, suffixes=PICTURES):
    """Return a data frame with a row per file: its path, its class.

    `folder` holds a folder per class, named as the class is; files may
    lie deeper. Hidden files and folders, those without a file, and
    files of other suffixes than `suffixes` are passed over; of the
    last, `attrs["others"]` of the data frame says how many there are.
    The columns are `path` and `name`, that of the class.

    Raises ValueError if there is no such folder, if it has files of
    fewer than two classes, or if its folders are called train and test.

    Source: https://keras.io/api/data_loading/image/
    """
    folder, rows, others = Path(folder), [], Counter()
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    # A folder that is a link is not gone into where it is found.
    within = [
        top.rglob("*") for top in folder.iterdir() if top.is_dir()
    ]
    for path in sorted(chain.from_iterable(within)):
        parts = path.relative_to(folder).parts
        hidden = "__MACOSX" in parts or any(p[0] == "." for p in parts)
        if hidden or not path.is_file():
            continue
        if path.suffix.lower() in suffixes:
            rows.append((path, parts[0]))
        else:
            others[path.suffix.lower() or "no suffix"] += 1
    files = pd.DataFrame(rows, columns=["path", "name"])
    names = set(files["name"].str.lower())
    if len(names) < 2:
        raise ValueError(
            f"{folder} must hold a folder for each class, two or more, "
            f"with files {', '.join(suffixes)}, not {dict(others)}"
        )
    if names <= PARTS:
        raise ValueError(
            f"{folder} is split already: give the folder below it with "
            "a folder for each class, such as its train"
        )
    files.attrs["others"] = dict(others)
    return files
