"""The plan's second round is right for searches of other kinds."""

import ast

import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from helpers import ROOT


@pytest.fixture(scope="module")
def plan():
    """Return the functions that the page defines, by name."""
    page = ROOT / "tutorials/plan_your_tuning.py"
    tree = ast.parse(page.read_text("utf-8"))
    names = {"kt": kt, "pd": pd, "np": np}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            exec(ast.unparse(node), names)
    return names


def searched(
    folder, build, score, direction="max", trials=20, space=None
):
    """Search with numbers in place of models."""

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            build(trial.hyperparameters)
            return {"score": score(trial.hyperparameters.values)}

    space = space or kt.HyperParameters()
    build(space)
    tuner = Numbers(
        hyperparameters=space,
        objective=kt.Objective("score", direction),
        max_trials=trials,
        max_consecutive_failed_trials=99,
        seed=1,
        directory=folder,
    )
    tuner.search(verbose=0)
    return tuner


def several(hp):
    hp.Float("rate", 1e-5, 0.3, sampling="log")
    hp.Float("shift", -4.0, -1.0)
    hp.Float("momentum", 0.0, 0.9, step=0.1)
    hp.Float("late", 1e-3, 1.0, sampling="reverse_log")
    hp.Int("layers", 1, 3)
    hp.Choice("units", [8, 16])
    hp.Float("decay", 1e-4, 1.0, parent_name="units", parent_values=[8])


@pytest.mark.parametrize("direction", ["min", "max"])
def test_it_holds_the_best_five_and_lies_inside(
    plan, direction, tmp_path
):
    def score(values):
        return values["rate"] + values["shift"]

    tuner = searched(tmp_path, several, score, direction)
    names = ["rate", "shift", "momentum", "late"]
    space = plan["next_round"](tuner, names)
    old = {each.name: each for each in tuner.oracle.get_space().space}
    best = plan["ranked"](tuner)[:5]
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    top = min(scores) if direction == "min" else max(scores)
    assert best[0].score == top
    assert [each.name for each in space.space] == names
    for each in space.space:
        before = old[each.name]
        found = [t.hyperparameters.get(each.name) for t in best]
        assert each.min_value == pytest.approx(min(found))
        assert each.max_value == pytest.approx(max(found))
        assert each.min_value >= before.min_value
        assert each.max_value <= before.max_value
        assert each.sampling == before.sampling
        assert each.step == before.step
    again = searched(tmp_path / "2", several, score, space=space)
    assert len(again.oracle.trials) == 20


def test_what_failed_counts_for_nothing(plan, tmp_path):
    def score(values):
        if values["rate"] > 1e-3:
            raise ValueError("diverged")
        return values["rate"]

    tuner = searched(tmp_path, several, score)
    trials = tuner.oracle.trials.values()
    ended = [t for t in trials if t.status == "COMPLETED"]
    assert 5 <= len(ended) < 20
    assert plan["ranked"](tuner) == sorted(
        ended, key=lambda t: -t.score
    )
    assert len(plan["places"](tuner, best=20)) == len(ended)
    (rate,) = plan["next_round"](tuner, ["rate"], best=20).space
    assert rate.max_value <= 1e-3


def test_what_is_no_float_of_the_search_is_refused(plan, tmp_path):
    tuner = searched(tmp_path, several, lambda values: values["rate"])
    for name in ("layers", "units", "learning_rte"):
        with pytest.raises(ValueError, match=f"{name} is no Float"):
            plan["next_round"](tuner, [name])


def test_too_few_trials_are_refused(plan, tmp_path):
    def fails(values):
        raise ValueError("always")

    tuner = searched(tmp_path, several, fails, trials=3)
    with pytest.raises(ValueError, match="too few trials"):
        plan["next_round"](tuner, ["rate"])
    one = searched(tmp_path / "1", several, lambda v: 1.0, trials=1)
    with pytest.raises(ValueError, match="too few trials"):
        plan["next_round"](one, ["rate"])
