"""Mean ranks, and the critical difference, against what is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from snippets.results.mean_ranks import mean_ranks


def test_ranks_are_shared_and_sorted():
    table = pd.DataFrame(
        {"a": [2.0, 1, 1], "b": [1.0, 1, 0], "c": [3.0, 5, 2]}
    )
    ranks, _ = mean_ranks(table)
    assert ranks.index.tolist() == ["b", "a", "c"]
    np.testing.assert_allclose(ranks, [3.5 / 3, 5.5 / 3, 3])


@pytest.mark.parametrize(
    "methods, problems, confidence, known",
    [  # of Demšar 2006: its example, and its table 5
        (4, 14, 0.95, 1.25),
        (4, 14, 0.90, 1.12),
        (10, 30, 0.95, 3.164 * (110 / 180) ** 0.5),
    ],
)
def test_the_critical_difference_is_that_of_the_tables(
    methods, problems, confidence, known
):
    table = pd.DataFrame(
        np.random.default_rng(1).random((problems, methods))
    )
    _, critical = mean_ranks(table, confidence)
    assert critical == pytest.approx(known, abs=0.005)


def test_by_chance_a_pair_differs_in_few_of_many_tables():
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(400):
        ranks, critical = mean_ranks(rng.random((15, 6)))
        wrong += ranks.max() - ranks.min() > critical
    assert 4 <= wrong <= 36  # 20 of 400 are 5 %


def test_the_ranks_are_those_of_friedman_s_test():
    table = pd.DataFrame(np.random.default_rng(2).random((12, 5)))
    ranks, _ = mean_ranks(table)
    k, n = 5, 12
    chi = 12 * n / (k * (k + 1)) * ((ranks - (k + 1) / 2) ** 2).sum()
    known = friedmanchisquare(*table.to_numpy().T).statistic
    assert chi == pytest.approx(known)


def test_what_cannot_be_ranked_is_refused():
    fine = pd.DataFrame(np.eye(3))
    with pytest.raises(ValueError, match="two or more .* not 1 and 3"):
        mean_ranks(fine[:1])
    with pytest.raises(ValueError, match="two or more .* not 3 and 1"):
        mean_ranks(fine[[0]])
    with pytest.raises(ValueError, match="finite"):
        mean_ranks(fine.replace(1, np.nan))
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        mean_ranks(fine, 95)
