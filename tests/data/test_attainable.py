"""What there is to find is no luck, and agrees with a plain loop."""

import types

import numpy as np
import pytest

from snippets.data.attainable import attainable


def made_up(quality, noise, seed=1, runs=3):
    """Return curves of one epoch: qualities, and what noise adds."""
    rng = np.random.default_rng(seed)
    shape = len(quality), runs
    seen = np.array(quality)[:, None] + noise * rng.normal(size=shape)
    tested = np.array(quality)[:, None] + noise * rng.normal(size=shape)
    return types.SimpleNamespace(
        validation=seen[..., None], tested=tested, seeds=runs
    )


def test_where_all_are_equal_luck_is_not_counted():
    found = [
        attainable(made_up([0.9] * 400, 0.01, seed))
        for seed in range(50)
    ]
    assert np.mean(found) == pytest.approx(0.9, abs=0.003)
    naive = made_up([0.9] * 400, 0.01).tested.mean(axis=1).max()
    assert naive > 0.91


def test_without_noise_it_is_the_best_and_of_rows_that_are_left():
    curves = made_up([0.3, 0.9, 0.5], 0.0)
    assert attainable(curves) == pytest.approx(0.9)
    rows = np.array([True, False, True])
    assert attainable(curves, rows) == pytest.approx(0.5)


def test_it_agrees_with_a_plain_loop():
    curves = made_up(np.linspace(0.5, 0.9, 30), 0.1)
    judged = []
    for judge in range(3):
        sums = []
        for row in range(30):
            others = [run for run in range(3) if run != judge]
            sums.append(
                sum(
                    curves.tested[row, run]
                    + curves.validation[row, run, 0]
                    for run in others
                )
            )
        judged.append(curves.tested[sums.index(max(sums)), judge])
    assert attainable(curves) == pytest.approx(sum(judged) / 3)


def test_one_run_can_not_choose_and_judge():
    with pytest.raises(ValueError, match="two runs"):
        attainable(made_up([0.5, 0.6], 0.1, runs=1))


@pytest.mark.parametrize("name", ["tested", "validation"])
def test_a_missing_accuracy_wins_nothing(name):
    curves = made_up([0.3, 0.9, 0.5], 0.01)
    getattr(curves, name)[0, 0] = np.nan
    with pytest.raises(ValueError, match="missing"):
        attainable(curves)
