"""What a race had reached, trial by trial."""

import types

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE

from snippets.data.judge_races import judge_races
from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races
from snippets.data.regret_of import regret_of


def planted():
    """Two races of three trials, of which the second is the best."""
    races = pd.DataFrame(
        {
            "problem": "small",
            "contestant": ["a"] * 3 + ["b"] * 3,
            "split": [0] * 3 + [1] * 3,
            "seed": 0,
            "row": [0, 1, 2] * 2,
            "first": [0, 0, 1] * 2,
            "last": [1, 2, 2] * 2,
        }
    )
    curves = [[0.1, 0.9], [0.5, 0.3], [0.8, 0.5]]
    validation = np.stack([curves, curves], axis=1)
    problem = types.SimpleNamespace(validation=validation)
    regret = np.array([[7, 70], [5, 50], [2, 20]])
    return races, {"small": problem}, {"small": regret}


def test_a_trial_has_the_best_score_of_its_own_epochs():
    judged = judge_races(*planted())
    # Row 0 was stopped before its 0.9, row 2 went on after its 0.8.
    assert judged["score"].tolist() == [0.1, 0.5, 0.5] * 2


def test_the_regret_is_of_the_best_so_far_and_of_its_race_alone():
    judged = judge_races(*planted())
    # The third is as good as the second: the first of equals counts.
    assert judged["regret"].tolist() == [7, 5, 5, 70, 50, 50]
    mixed = planted()[0].iloc[[3, 0, 4, 1, 5, 2]]
    judged = judge_races(mixed, *planted()[1:])
    assert judged.index.tolist() == mixed.index.tolist()
    assert judged["regret"].tolist() == [70, 7, 50, 5, 50, 5]


def test_a_problem_that_is_not_given_is_named():
    races, problems, _ = planted()
    with pytest.raises(ValueError, match="not given: small"):
        judge_races(races, problems, {})


def test_recorded_races_end_where_a_plain_loop_ends_them():
    races = load_races(EVIDENCE / "races_problems.npz")
    races = races[races["problem"] == "cars"]
    races = races[races["seed"] == races["seed"].min()]
    problem = load_problem(EVIDENCE / "problem_cars.npz")
    regret = regret_of(problem)
    judged = judge_races(races, {"cars": problem}, {"cars": regret})
    keys = ["contestant", "split"]
    for (_, split), race in judged.groupby(keys, observed=True):
        best, chosen = -np.inf, None
        for trial in race.itertuples():
            part = slice(trial.first, trial.last)
            curve = problem.validation[trial.row, split, part]
            if curve.max() > best:
                best, chosen = curve.max(), trial.row
            assert trial.regret == regret[chosen, split]
