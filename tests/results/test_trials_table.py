"""A table of trials loses no hyperparameter, whatever it is called."""

import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from snippets.results.trials_table import trials_table


class Sums(kt.RandomSearch):
    """The score of a trial is the sum of its numbers."""

    def run_trial(self, trial, *args, **kwargs):
        values = trial.hyperparameters.values
        return float(sum(values.values()))


def searched(folder, names, objective="score", tuner_class=Sums):
    """Search these hyperparameters, a range of numbers each."""
    space = kt.HyperParameters()
    for number, name in enumerate(names):
        space.Float(name, 10.0 * number, 10.0 * number + 1)
    if isinstance(objective, str):
        objective = kt.Objective(objective, "min")
    tuner = tuner_class(
        hyperparameters=space,
        objective=objective,
        max_trials=4,
        seed=1,
        directory=folder,
        project_name="tabled",
    )
    tuner.search(verbose=0)
    return tuner


@pytest.mark.parametrize(
    "names, columns",
    [
        (["score"], ["score_"]),
        (["status"], ["status_"]),
        (["best_step"], ["best_step_"]),
        (["trial"], ["trial_"]),
        (["score", "score_"], ["score__", "score_"]),
        (["score_", "score"], ["score_", "score__"]),
        (["status_", "x_", "x"], ["status_", "x_", "x"]),
        (
            ["trial", "status", "score", "best_step", "units"],
            ["trial_", "status_", "score_", "best_step_", "units"],
        ),
    ],
)
def test_a_hyperparameter_named_like_a_column_gets_an_underscore(
    names, columns, tmp_path
):
    tuner = searched(tmp_path, names)
    table = trials_table(tuner)
    fixed = ["status", "score", "best_step"]
    assert sorted(table) == sorted([*columns, *fixed])
    assert set(table["status"]) == {"COMPLETED"}
    assert table["score"].is_monotonic_increasing
    np.testing.assert_allclose(
        table["score"], table[columns].sum(axis=1)
    )
    for trial in tuner.oracle.trials.values():
        row = table.loc[int(trial.trial_id)]
        for name, column in zip(names, columns, strict=True):
            assert row[column] == trial.hyperparameters.get(name)
    assert list(table.reset_index())[0] == "trial"


def test_a_table_of_columns_that_are_free_is_as_it_was(tmp_path):
    table = trials_table(searched(tmp_path, ["units", "tuner/x"]))
    expected = ["status", "units", "tuner/x", "score", "best_step"]
    assert list(table) == expected and table.index.name == "trial"


@pytest.mark.parametrize("name", ["status", "best_step", "trial"])
def test_an_objective_named_like_a_column_gets_an_underscore(
    name, tmp_path
):
    table = trials_table(searched(tmp_path, ["x", name], name))
    assert set(table["status"]) == {"COMPLETED"}
    assert table[f"{name}_"].is_monotonic_increasing
    np.testing.assert_allclose(
        table[f"{name}_"], table[["x", f"{name}__"]].sum(axis=1)
    )


def test_several_objectives_are_one_column_and_min_comes_first(
    tmp_path,
):
    class Pairs(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            x = trial.hyperparameters.get("x")
            return {
                "error": x,
                "speed": 3 * x,
                "multi_objective": -2 * x,
            }

    objectives = [
        kt.Objective("error", "min"),
        kt.Objective("speed", "max"),
    ]
    tuner = searched(tmp_path, ["x"], objectives, Pairs)
    table = trials_table(tuner)
    np.testing.assert_allclose(table["multi_objective"], -2 * table.x)
    (best,) = tuner.oracle.get_best_trials()
    assert table.index[0] == int(best.trial_id)
    assert table["multi_objective"].is_monotonic_increasing


def test_a_search_without_an_objective_has_its_default_as_column(
    tmp_path,
):
    class Plain(Sums):
        def __init__(self, objective, **kwargs):
            super().__init__(**kwargs)

    table = trials_table(searched(tmp_path, ["x"], "", Plain))
    np.testing.assert_allclose(table["default_objective"], table["x"])


def test_trials_that_have_no_number_keep_their_names(tmp_path):
    tuner = searched(tmp_path, ["x"])
    renamed = {}
    for name, trial in zip(
        "dacb", tuner.oracle.trials.values(), strict=True
    ):
        trial.trial_id = name
        renamed[name] = trial
    tuner.oracle.trials = renamed
    table = trials_table(tuner)
    assert sorted(table.index) == ["a", "b", "c", "d"]
    assert table["score"].is_monotonic_increasing
    for name, trial in renamed.items():
        assert table.loc[name, "score"] == trial.score


def test_a_tuner_of_scikit_learn_is_tabled(tmp_path):
    def build(hp):
        return Ridge(alpha=hp.Float("score", 0.1, 10.0))

    tuner = kt.SklearnTuner(
        oracle=kt.oracles.RandomSearchOracle(
            objective=kt.Objective("score", "max"), max_trials=3, seed=1
        ),
        hypermodel=build,
        directory=tmp_path,
    )
    tuner.oracle.verbose = 0
    x = np.random.default_rng(1).normal(size=(30, 2))
    tuner.search(x, x.sum(axis=1))
    table = trials_table(tuner)
    assert table["score"].is_monotonic_decreasing
    alphas = {
        trial.hyperparameters.get("score")
        for trial in tuner.oracle.trials.values()
    }
    assert set(table["score_"]) == alphas and len(alphas) == 3


def test_more_trials_than_digits_keep_their_order(tmp_path):
    tuner = searched(tmp_path, ["x"])
    tuner.oracle.max_trials = 12
    tuner.search(verbose=0)
    table = trials_table(tuner)
    assert sorted(table.index) == list(range(12))
    assert pd.api.types.is_integer_dtype(table.index)
