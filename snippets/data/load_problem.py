"""Read one of the recorded tuning problems."""

import types

import numpy as np
import pandas as pd

NAMES = "layers", "units", "activation", "batch_size"
NAMES += "learning_rate", "weight_decay", "dropout", "schedule"


def load_problem(path):
    """Load what training 504 configurations on a problem gave.

    `path` names an .npz that docs/evidence/record_problems.py wrote.

    Returns a namespace:

    - `configurations`: a DataFrame, one row each, in the order that
      arrays have them;
    - `validation`, `test`: float arrays (configurations, splits,
      epochs): accuracy, or R2 where a number is predicted (at least
      -1), after each epoch; the higher the better;
    - `loss`: an array of that shape, on the validation rows:
      cross-entropy, or squared error in units of the variance;
    - `tested`: float array (configurations, splits), the test score at
      the epoch with the highest validation score;
    - `seconds`: float array (configurations,), CPU seconds that an
      epoch took of those trained together;
    - `rows`: how many were trained on, validated, tested;
    - `classes`: their number, 0 for a number to predict;
    - `provenance`: with what, where and when it was recorded.

    Raises ValueError if `path` holds something else.

    Source: tabular benchmarks, such as LCBench,
    https://arxiv.org/abs/2006.13799
    """
    with np.load(path) as file:
        if missing := {*NAMES, "validation", "test"} - {*file.files}:
            raise ValueError(
                f"{path} is no recorded problem, it has no "
                f"{', '.join(sorted(missing))}"
            )
        record = {name: file[name] for name in file.files}
    scores = {n: record[n] / 1e4 for n in ("validation", "test")}
    best = scores["validation"].argmax(axis=2)[..., None]
    return types.SimpleNamespace(
        configurations=pd.DataFrame({n: record[n] for n in NAMES}),
        tested=np.take_along_axis(scores["test"], best, 2)[..., 0],
        loss=record["loss"].astype(float),
        seconds=record["seconds"],
        rows=record["rows"].tolist(),
        classes=int(record["classes"]),
        provenance=str(record["provenance"]),
        **scores,
    )
