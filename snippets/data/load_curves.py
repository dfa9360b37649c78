"""Read recorded learning curves: answers in place of training."""

import itertools
import types

import numpy as np
import pandas as pd


def load_curves(path):
    """Load the recorded training of every configuration of a space.

    `path` names a CSV, compressed or not, with comment lines that begin
    with #, a column for each hyperparameter, then seed, epoch,
    validation_accuracy, validation_loss, test_accuracy, epoch_seconds
    and start_seconds. Each configuration was trained once per seed, for
    the same number of epochs.

    Returns a namespace:

    - `space`: each hyperparameter's values, a tuple, by name;
    - `configurations`: a DataFrame, one row each, in the order that
      arrays have them;
    - `validation`, `loss`, `test`: float arrays (configurations, seeds,
      epochs), taken at the end of each epoch;
    - `tested`: float array (configurations, seeds), the test accuracy
      at the epoch with the highest validation accuracy;
    - `seconds`: an array of that shape, CPU seconds of an epoch's
      training on one thread;
    - `start`: float array (configurations,), the CPU seconds that a
      trial costs before its first epoch;
    - `epochs`, `seeds`: how many of each;
    - `find(values)`: the row of a configuration, given its values by
      name; what else `values` holds is not looked at;
    - `provenance`: what the comment lines say.

    Raises ValueError if a configuration, seed or epoch is missing, and
    `find` raises ValueError for a value that was not recorded.

    Source: tabular benchmarks, such as HPOBench,
    https://arxiv.org/abs/2109.06716
    """
    table = pd.read_csv(path, comment="#")
    names = list(table.columns[: list(table.columns).index("seed")])
    space = {
        name: tuple(sorted(table[name].unique().tolist()))
        for name in names
    }
    shape = (
        int(np.prod([len(values) for values in space.values()])),
        table["seed"].nunique(),
        table["epoch"].nunique(),
    )
    if len(table) != np.prod(shape):
        raise ValueError(
            f"{path} has {len(table)} rows, not one for each of "
            f"{shape} configurations, seeds and epochs"
        )
    table = table.sort_values([*names, "seed", "epoch"])

    def recorded(name):
        return table[name].to_numpy(float).reshape(shape)

    def find(values):
        places = []
        for name, known in space.items():
            if values[name] not in known:
                raise ValueError(
                    f"{name}={values[name]!r} was not recorded, "
                    f"only {known}"
                )
            places.append(known.index(values[name]))
        sizes = [len(known) for known in space.values()]
        return int(np.ravel_multi_index(places, sizes))

    with pd.io.common.get_handle(
        path, "r", compression="infer"
    ) as file:
        comments = itertools.takewhile(
            lambda line: line.startswith("#"), file.handle
        )
        provenance = "".join(line[2:] for line in comments).strip()
    configurations = table[names].iloc[:: shape[1] * shape[2]]
    validation, test = (
        recorded("validation_accuracy"),
        recorded("test_accuracy"),
    )
    best = validation.argmax(axis=2)[..., None]
    return types.SimpleNamespace(
        space=space,
        configurations=configurations.reset_index(drop=True),
        validation=validation,
        loss=recorded("validation_loss"),
        test=test,
        tested=np.take_along_axis(test, best, 2)[..., 0],
        seconds=recorded("epoch_seconds"),
        start=recorded("start_seconds")[:, 0, 0],
        epochs=shape[2],
        seeds=shape[1],
        find=find,
        provenance=provenance,
    )
