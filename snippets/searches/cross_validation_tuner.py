"""A tuner that scores each trial by cross-validation."""

import copy
import json
import numbers
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
from keras_tuner.engine import base_tuner


class CrossValidationTuner(base_tuner.BaseTuner):
    """Search over Keras models, each trial trained once per fold.

    `oracle` proposes the trials: `kt.oracles.RandomSearchOracle(...)`,
    BayesianOptimizationOracle or GridSearchOracle, for one objective.
    `hypermodel` is what other tuners take. `cv` is a splitter of
    scikit-learn, `StratifiedKFold(5, shuffle=True, random_state=1)` for
    example; every trial gets the same folds. Other arguments are
    `directory`, `project_name` and `overwrite`.

    `search(x, y, groups=None, **kwargs)` takes arrays x, (n, ...), and
    y, (n, ...), without validation data: that is, in turn, each fold.
    `groups` (n,) goes to `cv`, the rest to `fit`, such as `epochs`.
    Each fold has a new model and new copies of the callbacks.

    A trial's score is the mean over the folds of the objective at each
    fold's best epoch, `best_step` the mean of these epochs, rounded
    down. `fold_scores(trial)` returns the score of each fold.

    No model has seen all rows, so `get_best_models` refuses: build one
    with `get_best_hyperparameters` and fit it to all rows. No weights
    are kept on disk.

    Raises ValueError for Hyperband's oracle, whose trials continue from
    the weights of others, which have seen the validation rows; for a
    `cv` that can't split or that splits anew each time; and in `search`
    for rows that don't match or for validation data.

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
        fixed = isinstance(
            getattr(cv, "random_state", 0), numbers.Integral
        )
        if getattr(cv, "shuffle", True) and not fixed:
            raise ValueError(
                "cv must have an integer random_state, or each trial "
                f"gets other folds: {cv!r}"
            )
        super().__init__(oracle=oracle, hypermodel=hypermodel, **kwargs)
        self.cv = cv

    def search(self, x, y, groups=None, **kwargs):
        """Search; `kwargs` go to `fit` for every fold."""
        for name in ("validation_data", "validation_split"):
            if name in kwargs:
                raise ValueError(
                    f"{name} must be left out: the folds are it"
                )
        if "sample_weight" in kwargs:
            raise ValueError("sample_weight is not split into folds")
        x, y = np.asarray(x), np.asarray(y)
        if not x.shape or not y.shape or len(x) != len(y):
            raise ValueError(
                "x and y must be arrays with as many rows as each "
                f"other, not of shapes {x.shape} and {y.shape}"
            )
        super().search(x, y, groups=groups, **kwargs)

    def run_trial(self, trial, x, y, groups=None, **kwargs):
        """Train once per fold; return the results of all."""
        hp = trial.hyperparameters
        callbacks = kwargs.pop("callbacks", [])
        results = []
        for train, validation in self.cv.split(x, y, groups):
            keras.backend.clear_session()
            model = self.hypermodel.build(hp)
            result = self.hypermodel.fit(
                hp,
                model,
                x[train],
                y[train],
                validation_data=(x[validation], y[validation]),
                callbacks=copy.deepcopy(callbacks),
                **kwargs,
            )
            results.append(result)
        scores = [self._score(result) for result in results]
        self._path(trial).write_text(json.dumps(scores), "utf-8")
        return results

    def fold_scores(self, trial):
        """Return the score of each fold, in the order of `cv`."""
        return json.loads(self._path(trial).read_text("utf-8"))

    def get_best_models(self, num_models=1):
        """Refuse: each trial's models have seen a part of the rows."""
        raise RuntimeError(
            "no model was trained on all rows: build one with "
            "get_best_hyperparameters and fit it to all of them"
        )

    def _path(self, trial):
        return Path(self.get_trial_dir(trial.trial_id), "folds.json")

    def _score(self, result):
        objective = self.oracle.objective
        if isinstance(result, keras.callbacks.History):
            best = {"min": min, "max": max}[objective.direction]
            return float(best(result.history[objective.name]))
        if isinstance(result, dict):
            return float(result[objective.name])
        return float(result)
