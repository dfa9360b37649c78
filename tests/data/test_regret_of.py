"""Regret is 0 for who knows all, and no luck lowers it."""

import types

import numpy as np
import pytest

from snippets.data.regret_of import regret_of


def planted(noise=0.0, spread=0.01):
    """Return a problem whose configurations differ by `spread` each."""
    rng = np.random.default_rng(1)
    score = np.arange(101) * spread
    validation, tested = (
        score[:, None] + rng.normal(0, noise, (101, 5))
        for _ in range(2)
    )
    return types.SimpleNamespace(
        validation=validation[..., None], tested=tested
    )


def test_it_is_0_for_the_best_and_1_where_a_quarter_is_better():
    regret = regret_of(planted())
    assert regret.shape == (101, 5)
    np.testing.assert_allclose(regret[100], 0, atol=1e-9)
    np.testing.assert_allclose(regret[75], 1)
    np.testing.assert_allclose(regret[0], 4)


def test_a_split_does_not_judge_what_it_chose():
    problem, lucky = planted(), planted()
    lucky.tested[50, 0] += 0.05
    before, after = regret_of(problem)[50], regret_of(lucky)[50]
    assert after[0] == pytest.approx(before[0])
    assert (after[1:] < before[1:]).all()


def test_the_yardstick_is_no_luck_either():
    """Where all are alike, chance brings who knows all no lead."""
    lead = []
    for seed in range(200):
        problem = planted(noise=0, spread=0)
        rng = np.random.default_rng(seed)
        problem.tested = rng.normal(0, 1, (101, 5))
        problem.validation = rng.normal(0, 1, (101, 5, 1))
        try:
            regret = regret_of(problem)
        except ValueError as error:
            assert "nothing to find" in str(error)
            continue
        lead.append(regret.mean())
    assert len(lead) < 60  # by chance above the quarter, of 200


def test_a_problem_without_anything_to_find_is_refused():
    with pytest.raises(ValueError, match="nothing to find.*0.0000"):
        regret_of(planted(spread=0))
