"""The tuner trains each trial once per fold, and keeps folds apart."""

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
)

from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)

X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12) % 2
FOLDS = KFold(3, shuffle=True, random_state=1)


class Recorded(kt.HyperModel):
    """A real, tiny model; what each fit was given is written down."""

    def __init__(self, results=None):
        super().__init__()
        self.fits = []
        self.results = results

    def build(self, hp):
        hp.Int("units", 1, 100)
        model = keras.Sequential([keras.Input((2,))])
        model.add(keras.layers.Dense(1, kernel_initializer="zeros"))
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    def fit(self, hp, model, x, y, **kwargs):
        start = np.abs(model.get_weights()[0]).sum()
        self.fits.append({"x": x, "y": y, "start": start, **kwargs})
        model.set_weights([np.ones((2, 1)), np.zeros(1)])
        if self.results:
            return self.results[len(self.fits) - 1]
        return model.fit(x, y, **kwargs)


def oracle(trials=1, name="val_mae", direction="min"):
    return kt.oracles.RandomSearchOracle(
        objective=kt.Objective(name, direction),
        max_trials=trials,
        seed=1,
    )


def searched(folder, hypermodel, cv=FOLDS, trials=1, **kwargs):
    tuner = CrossValidationTuner(
        oracle(trials), hypermodel, cv, directory=folder
    )
    tuner.search(X, Y, verbose=0, **kwargs)
    return tuner


def history(*values):
    result = keras.callbacks.History()
    result.history = {"val_mae": list(values)}
    return result


def test_each_row_validates_once_and_trains_in_the_other_folds(
    tmp_path,
):
    hypermodel = Recorded()
    searched(tmp_path, hypermodel, epochs=1)
    validated = []
    for fit in hypermodel.fits:
        x_validation, y_validation = fit["validation_data"]
        both = np.concatenate([fit["x"], x_validation])
        np.testing.assert_array_equal(np.sort(both, axis=0), X)
        labels = np.concatenate([fit["y"], y_validation])
        np.testing.assert_array_equal(labels, both[:, 0] // 2 % 2)
        validated += x_validation[:, 0].tolist()
    assert sorted(validated) == X[:, 0].tolist()


def test_each_fold_starts_from_a_new_model_and_new_callbacks(tmp_path):
    hypermodel = Recorded()
    mine = keras.callbacks.EarlyStopping("val_mae")
    searched(tmp_path, hypermodel, epochs=1, callbacks=[mine], trials=2)
    assert len(hypermodel.fits) == 6
    assert [fit["start"] for fit in hypermodel.fits] == [0.0] * 6
    used = [fit["callbacks"][0] for fit in hypermodel.fits]
    assert len({id(callback) for callback in [mine, *used]}) == 7


def test_epochs_reach_each_fit(tmp_path):
    hypermodel = Recorded()
    searched(tmp_path, hypermodel, epochs=2)
    assert [fit["epochs"] for fit in hypermodel.fits] == [2, 2, 2]


def test_all_trials_have_the_same_folds(tmp_path):
    hypermodel = Recorded([1.0] * 6)
    searched(tmp_path, hypermodel, trials=2)
    first, second = hypermodel.fits[:3], hypermodel.fits[3:]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])


@pytest.mark.parametrize(
    "results, folds, step",
    [
        ([history(5, 1, 3), history(4, 6, 2), history(9, 8, 7)], 3, 1),
        ([1.0, 2.0, 7.0], 3, 0),
        ([{"val_mae": 1.0}, {"val_mae": 2.0}, {"val_mae": 7.0}], 3, 0),
    ],
    ids=["histories", "numbers", "dictionaries"],
)
def test_a_score_is_the_mean_of_the_best_epochs_of_the_folds(
    results, folds, step, tmp_path
):
    tuner = searched(tmp_path, Recorded(results))
    (trial,) = tuner.oracle.get_best_trials()
    assert tuner.fold_scores(trial) == [1, 2, 7]
    assert trial.score == pytest.approx(10 / 3)
    assert trial.best_step == step


def test_a_maximum_is_taken_where_more_is_better(tmp_path):
    tuner = CrossValidationTuner(
        oracle(direction="max"),
        Recorded([history(5, 1), history(2, 6), history(1, 1)]),
        FOLDS,
        directory=tmp_path,
    )
    tuner.search(X, Y, verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    assert tuner.fold_scores(trial) == [5, 6, 1] and trial.score == 4


def test_a_reloaded_search_still_has_its_folds_and_trains_nothing(
    tmp_path,
):
    searched(tmp_path, Recorded([1.0, 2.0, 7.0]))
    hypermodel = Recorded()
    again = searched(tmp_path, hypermodel)
    (trial,) = again.oracle.get_best_trials()
    assert again.fold_scores(trial) == [1, 2, 7]
    assert not hypermodel.fits


def test_groups_stay_together(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    groups = np.repeat([0, 1, 2], 4)
    searched(tmp_path, hypermodel, GroupKFold(3), groups=groups)
    for fit in hypermodel.fits:
        rows = fit["validation_data"][0][:, 0] // 2
        assert len(set(groups[rows.astype(int)])) == 1


def test_tables_of_pandas_become_arrays(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    tuner = CrossValidationTuner(
        oracle(), hypermodel, StratifiedKFold(3), directory=tmp_path
    )
    tuner.search(pd.DataFrame(X), pd.Series(Y), verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    assert trial.status == "COMPLETED"
    assert type(hypermodel.fits[0]["x"]) is np.ndarray


def test_no_model_of_a_fold_is_handed_out_as_the_best(tmp_path):
    tuner = searched(tmp_path, Recorded(), epochs=1)
    with pytest.raises(RuntimeError, match="fit it to all of them"):
        tuner.get_best_models()


@pytest.mark.parametrize(
    "cv, message",
    [
        (5, "cv must be a splitter of scikit-learn.*not 5"),
        (
            KFold(3, shuffle=True),
            "cv must have an integer random_state",
        ),
        (ShuffleSplit(3), "cv must have an integer random_state"),
    ],
)
def test_folds_that_would_change_are_refused(cv, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        CrossValidationTuner(
            oracle(), Recorded(), cv, directory=tmp_path
        )


def test_hyperband_is_refused(tmp_path):
    hyperband = kt.oracles.HyperbandOracle(
        objective=kt.Objective("val_mae", "min"), seed=1
    )
    with pytest.raises(ValueError, match="Hyperband continues"):
        CrossValidationTuner(
            hyperband, Recorded(), FOLDS, directory=tmp_path
        )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"validation_data": (X, Y)}, "validation_data must be left"),
        (
            {"validation_split": 0.2},
            "validation_split must be left out",
        ),
        ({"sample_weight": Y}, "sample_weight is not split"),
        ({"y": Y[:-1]}, r"not of shapes \(12, 2\) and \(11,\)"),
        ({"x": iter(X)}, r"not of shapes \(\) and \(12,\)"),
    ],
)
def test_data_that_cannot_be_split_is_refused_before_any_trial(
    arguments, message, tmp_path
):
    tuner = CrossValidationTuner(
        oracle(), Recorded(), FOLDS, directory=tmp_path
    )
    with pytest.raises(ValueError, match=message):
        tuner.search(**{"x": X, "y": Y} | arguments)
    assert not tuner.oracle.trials
