"""Rows to train, to validate and to test, without a copy between."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold


def split_rows(y, together, classes=True, seed=1):
    """Return the numbers of rows to train, to validate and to test.

    About 60, 20 and 20 % of them. `y`, (rows,), are the targets; with
    `classes`, each class is spread alike. `together`, (rows,), is
    anything that compares: rows where it is the same stay on one side,
    as copies of one picture must, or several rows of one patient.

    For rows in no order of time; a series is split in that order.

    Raises ValueError if there are fewer than 25 rows, or fewer than 5
    that differ, or if a class has too few, or too many together, to be
    on all three sides.

    Source: https://scikit-learn.org/stable/api/
    """
    if len(y) < 25:
        raise ValueError(f"{len(y)} rows are too few: give 25 or more")
    groups, _ = pd.factorize(np.asarray(together))
    if groups.max() < 4:
        raise ValueError("fewer than 5 of the rows differ")
    named, counts = np.unique(y, return_counts=True)
    few = named[counts < 5] if classes else []
    if len(few):
        raise ValueError(
            f"fewer than 5 rows are of {list(map(str, few))}: find "
            "more of them, leave them out, or join classes"
        )
    kind = StratifiedGroupKFold if classes else GroupKFold
    splitter = kind(5, shuffle=True, random_state=seed)
    rows = np.arange(len(y))
    folds = [fold for _, fold in splitter.split(rows, y, groups)]
    train, test = np.concatenate(folds[2:]), folds[0]
    for part in (train, folds[1], test) if classes else ():
        if lost := set(named) - set(np.asarray(y)[part]):
            raise ValueError(
                f"too many rows of {sorted(map(str, lost))} belong "
                "together: no side may be left without a class"
            )
    return np.sort(train), np.sort(folds[1]), np.sort(test)
