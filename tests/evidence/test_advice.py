"""What measures advice finds what was planted in a problem."""

import importlib.util
import types

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE

from snippets.data.regret_of import regret_of

EPOCHS = np.linspace(0.5, 1, 27)


@pytest.fixture(scope="module")
def advice():
    spec = importlib.util.spec_from_file_location(
        "measure_advice", EVIDENCE / "measure_advice.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def planted(noise=0.01, shift=0.0):
    """Return a problem whose score is a parabola of the rate's logarithm.

    Its top is `shift` higher for the larger batches; nothing else
    matters.
    """
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "layers": rng.choice([1, 3], 504),
            "batch_size": rng.choice([32, 128], 504),
            "schedule": rng.choice(["constant", "cosine"], 504),
            "learning_rate": 10 ** rng.uniform(-5, 0, 504),
            "weight_decay": 10 ** rng.uniform(-6, 0, 504),
            "dropout": rng.uniform(0, 0.7, 504),
        }
    )
    top = -3 + shift * (table["batch_size"] == 128)
    score = 0.9 - 0.05 * (np.log10(table["learning_rate"]) - top) ** 2
    score = score.to_numpy()[:, None, None] * EPOCHS
    test, validation = (
        score + rng.normal(0, noise, (504, 5, 1)) for _ in range(2)
    )
    return types.SimpleNamespace(
        configurations=table,
        validation=validation,
        test=test,
        tested=test[:, :, -1],
    )


def test_the_luck_of_a_split_is_no_skill(advice):
    """Scores that are noise alone choose no better than at random."""
    problem = planted()
    luck = np.random.default_rng(2).normal(size=problem.tested.shape)
    blind = regret_of(problem).mean()
    for trials in (5, 160):
        regret = advice.regrets(
            problem, luck, trials, draws=2000
        ).mean()
        assert regret == pytest.approx(blind, rel=0.2)


def test_more_trials_are_worth_less_and_less(advice):
    problem = planted()
    scores = problem.validation.max(axis=2)
    found = [
        advice.regrets(problem, scores, k).mean() for k in (5, 20, 80)
    ]
    assert found[0] > found[1] > found[2] > -0.3
    assert found[0] - found[1] > found[1] - found[2]


def test_what_matters_is_found_and_where_the_best_lies(advice):
    problem = planted()
    shares = advice.importance(problem)
    assert shares.idxmax() == "learning_rate"
    assert shares["learning_rate"] > 0.8
    assert shares.drop("learning_rate").max() < 0.1
    place = advice.places(problem)["learning_rate"]
    assert place == pytest.approx(0.4, abs=0.05)


def test_short_trials_foretell_what_does_not_change_in_time(advice):
    problem = planted(noise=0)
    assert advice.foretold(problem, 1) == pytest.approx(1)
    noise = np.random.default_rng(1).normal(0, 0.05, (504, 5, 27))
    problem.validation = problem.validation + noise
    all_, best = (advice.foretold(problem, 1, b) for b in (False, True))
    assert best < all_ < 1


def test_a_second_round_near_the_best_gains(advice):
    problem = planted(noise=0)
    scores = problem.validation.max(axis=2)
    one = advice.regrets(problem, scores, 40).mean()
    assert advice.two_rounds(problem, draws=30) < one


def test_a_rate_is_lost_only_where_the_best_one_moves(advice):
    change = "batch_size", 32, 128
    assert abs(advice.carried_over(planted(), *change)) < 0.02
    moved = advice.carried_over(planted(shift=1.5), *change)
    assert moved > 0.15


def test_a_mean_has_student_s_interval(advice):
    line = advice.over_problems(np.array([0.0, 0.1, 0.2]))
    assert line.startswith(" 0.10 [-0.15, 0.35]")
    assert line.endswith("above 0.05 on 2, below -0.05 on 0")
