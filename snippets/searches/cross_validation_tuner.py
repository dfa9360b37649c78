"""A tuner that scores each trial by cross-validation."""

import copy
import json
import numbers
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np


class CrossValidationTuner(kt.engine.base_tuner.BaseTuner):
    """Search over Keras models, each trial trained once per fold.

    `oracle` proposes the trials: `kt.oracles.RandomSearchOracle(...)`,
    BayesianOptimizationOracle or GridSearchOracle, for one objective.
    `hypermodel` is what other tuners take. `cv` is a splitter of
    scikit-learn, `StratifiedKFold(5, shuffle=True, random_state=1)` for
    example; every trial gets the same folds. Other arguments are
    `directory`, `project_name` and `overwrite`.

    `search(x, y, groups=None, **kwargs)` takes x and y, (n, ...): each
    an array or a table of pandas or, for several inputs or outputs, a
    list, tuple or dict of them. `cv` sees `groups` (n,), and y if that
    is one array; `fit` gets the rest, such as `epochs`. Each fold in
    turn is the validation data of a new model, with new callbacks.

    A trial's score is the mean over the folds of the objective at each
    fold's best epoch, `best_step` the mean of these epochs, rounded
    down. `fold_scores(trial)` returns the score of each fold.

    No model has seen all rows and none is kept: `get_best_models`
    refuses. Fit one of `get_best_hyperparameters` to all rows.

    Raises ValueError for Hyperband's oracle, whose trials continue from
    weights that have seen the validation rows; for a `cv` that can't
    split or splits anew each time; and in `search` for validation data,
    unequal numbers of rows and rows that `cv` can't split.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """

    def __init__(self, oracle, hypermodel, cv, **kwargs):
        if isinstance(oracle, kt.oracles.HyperbandOracle):
            raise ValueError(
                "Hyperband continues from weights that have seen the "
                "validation rows of other folds; use another oracle"
            )
        if not hasattr(cv, "split"):
            raise ValueError(
                "cv must be a splitter of scikit-learn, such as "
                f"KFold(5, shuffle=True, random_state=1), not {cv!r}"
            )
        seed = getattr(cv, "random_state", 0)
        fixed = isinstance(seed, numbers.Integral)
        if getattr(cv, "shuffle", True) and not fixed:
            raise ValueError(
                "cv must have an integer random_state, or each trial "
                f"gets other folds: {cv!r}"
            )
        self.cv = cv  # first: a tool may read it while reloading
        super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)

    def search(self, x, y, groups=None, **kwargs):
        """Search; `kwargs` go to `fit` for every fold."""
        wrong = {"validation_data", "validation_split", "sample_weight"}
        if wrong := wrong & kwargs.keys():
            raise ValueError(
                f"leave out {sorted(wrong)}: only x and y are split"
            )
        given = {"x": _arrays(x), "y": _arrays(y)}
        if groups is not None:
            given["groups"] = np.asarray(groups)
        rows = {}
        for (name, *keys), array in keras.tree.flatten_with_path(given):
            name += "".join(f"[{key!r}]" for key in keys)
            rows[name] = len(array) if array.ndim else 0
        if 0 in rows.values() or len({*rows.values()}) > 1:
            raise ValueError(f"unequal numbers of rows or none: {rows}")
        self._folds(**given)
        super().search(**given, **kwargs)

    def run_trial(self, trial, x, y, groups=None, **kwargs):
        """Train once per fold; return the results of all."""
        hp = trial.hyperparameters
        callbacks = kwargs.pop("callbacks", [])
        results = []
        for train, validation in self._folds(x, y, groups):
            keras.backend.clear_session()
            model = self.hypermodel.build(hp)
            result = self.hypermodel.fit(
                hp,
                model,
                *_rows(train, (x, y)),
                validation_data=_rows(validation, (x, y)),
                callbacks=copy.deepcopy(callbacks),
                **kwargs,
            )
            results.append(result)
        scores = json.dumps([self._score(result) for result in results])
        path = Path(self.get_trial_dir(trial.trial_id), "folds.json")
        path.write_text(scores, "utf-8")
        return results

    def fold_scores(self, trial):
        """Return the score of each fold, in the order of `cv`."""
        path = Path(self.get_trial_dir(trial.trial_id), "folds.json")
        return json.loads(path.read_text("utf-8"))

    def get_best_models(self, num_models=1):
        """Refuse: each trial's models have seen a part of the rows."""
        raise RuntimeError(
            "no model was trained on all rows: build one with "
            "get_best_hyperparameters and fit it to all of them"
        )

    def _folds(self, x, y, groups=None):
        x, *_ = keras.tree.flatten(x)
        y, *others = keras.tree.flatten(y)
        try:
            return list(self.cv.split(x, None if others else y, groups))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"cv can't split these rows: {error}. It sees y if "
                "that is one array; KFold and PredefinedSplit need none"
            ) from error

    def _score(self, result):
        objective = self.oracle.objective
        if isinstance(result, keras.callbacks.History):
            best = {"min": min, "max": max}[objective.direction]
            result = best(result.history[objective.name])
        if isinstance(result, dict):
            result = result[objective.name]
        return float(result)


def _arrays(data):
    """Return data with arrays for tables and for lists of numbers."""
    if isinstance(data, dict):
        return {name: _arrays(part) for name, part in data.items()}
    parts = keras.tree.flatten(data)
    if isinstance(data, (list, tuple)) and any(map(np.ndim, parts)):
        return type(data)(map(_arrays, data))
    return np.asarray(data)


def _rows(rows, data):
    return keras.tree.map_structure(lambda array: array[rows], data)
