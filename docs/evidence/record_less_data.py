"""Train the recorded configurations again on half of the rows.

    python docs/evidence/record_less_data.py

Configurations and splits are those of record_problems, the first three
splits of five, on the problems that took least to record, named in
PROBLEMS; the training rows are the first half of a
split's, the rows to validate and test on are the same. Each
configuration is trained for twice the epochs, so that it takes as many
steps as on all rows; after as many epochs as on all rows it has cost
half. Writes less_data.npz beside itself: per problem an int16 array of
ten thousandths (configurations, splits, 3): the best validation score of
the first 27 epochs; that of all 54; and the test score of its epoch.
What is trained is kept, shape by shape, under .cache.
"""

import os
import sys

import numpy as np
import record_problems
import records

PROBLEMS = "affairs", "banana", "breast_cancer", "cars", "diabetes"
PROBLEMS += "digits", "parties", "phishing", "segment"
SPLITS, PART = 3, 0.5
EPOCHS = int(record_problems.EPOCHS / PART)


def halved(parts):
    """Return splits with the first half of their training rows."""
    return [
        [[values[: int(len(values) * PART)] for values in train], *rest]
        for train, *rest in parts[:SPLITS]
    ]


def record(name):
    """Return scores (configurations, splits, epochs, 2) on half the rows."""
    kind, classes, parts = record_problems.splits(name)
    parts = halved(parts)
    if classes:  # labels are the same numbers in all parts
        assert max(y.max() for x, y in parts[0]) < classes
    kept = records.CACHE / "less_data" / name
    kept.mkdir(parents=True, exist_ok=True)
    columns, found = ["layers", "units", "activation", "batch_size"], []
    configurations = record_problems.design(kind)
    for shape, rows in configurations.groupby(columns, sort=False):
        file = kept / ("-".join(map(str, shape)) + ".npy")
        if not file.exists():
            result, _ = record_problems.train(
                name, shape, rows, kind, classes, parts, EPOCHS
            )
            aside = file.with_suffix(".partial.npy")
            np.save(aside, result[..., [0, 2]])
            aside.replace(file)  # whole or not at all
        found.append(np.load(file))
    return np.nan_to_num(np.concatenate(found), nan=-1)


def main():
    threads = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    os.environ |= dict.fromkeys([*threads, "OMP_NUM_THREADS"], "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    arrays = {}
    for name in PROBLEMS:
        validation, test = np.moveaxis(record(name), -1, 0)
        best = validation.argmax(axis=2)[..., None]
        early = validation[..., : record_problems.EPOCHS].max(axis=2)
        judged = np.take_along_axis(test, best, axis=2)[..., 0]
        found = np.stack([early, validation.max(axis=2), judged], -1)
        found = np.round(np.clip(found, -1, 2) * 1e4)
        arrays[name] = found.astype("int16")
        print(name, flush=True)
    comments = records.provenance(
        "Learning curves on half of the rows",
        "record_less_data.py",
        ("tensorflow", "numpy", "scikit-learn", "scipy", "pandas"),
        "one thread",
    )
    np.savez_compressed(
        record_problems.HERE / "less_data.npz",
        provenance="\n".join(line[2:] for line in comments),
        **arrays,
    )


if __name__ == "__main__":
    sys.exit(main())
