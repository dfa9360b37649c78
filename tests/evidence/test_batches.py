"""What several proposals at once cost is what races say."""

import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, program

from snippets.data.judge_races import RACE, judge_races
from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races
from snippets.data.regret_of import regret_of

RACES = ["problem", "split", "seed", "at_once"]


@pytest.fixture(scope="module")
def record():
    table = pd.read_csv(EVIDENCE / "batches.csv", comment="#")
    return table.set_index(RACES)["regret"]


@pytest.fixture(scope="module")
def batches():
    return program("race_batches")


def test_trials_are_asked_for_before_any_of_their_scores(
    batches, tmp_path
):
    asked, told = [], []

    class Oracle(kt.oracles.RandomSearchOracle):
        def populate_space(self, trial_id):
            told.append(len(self.end_order))
            return super().populate_space(trial_id)

    class Tuner(kt.Tuner):
        def run_trial(self, trial, **kwargs):
            asked.append(len(self.oracle.start_order))
            return trial.hyperparameters.get("x")

    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    goal = kt.Objective("score", "max")
    oracle = Oracle(goal, max_trials=6, hyperparameters=space)
    tuner = batches.several_at_once(Tuner, 4)(
        oracle, directory=tmp_path
    )
    tuner.search()
    assert asked == [4] * 4 + [6] * 2
    assert told[:6] == [0] * 4 + [4] * 2


def test_one_at_once_is_what_the_races_have(record):
    races = load_races(EVIDENCE / "races_problems.npz")
    named = races["contestant"] == "BayesianOptimization"
    few = (races["split"] < 3) & (races["seed"] < 2)
    races = races[named & few]
    problems, regrets = {}, {}
    for name in races["problem"].unique():
        problems[name] = load_problem(EVIDENCE / f"problem_{name}.npz")
        regrets[name] = regret_of(problems[name])
    judged = judge_races(races, problems, regrets)
    judged = judged[judged["epochs"] <= 1512]
    last = judged.groupby(RACE, observed=True)["regret"].last()
    last = last.droplevel("contestant").sort_index()
    one = record.xs(1, level="at_once").sort_index()
    assert len(one) == len(last) == 15 * 3 * 2
    np.testing.assert_allclose(one, last, atol=1e-4)


@pytest.mark.process
def test_a_race_with_eight_at_once_runs_again_as_recorded(
    batches, record
):
    found = batches.chosen("cars", 1, 1, 8)
    assert found == pytest.approx(record["cars", 1, 1, 8], abs=1e-4)
