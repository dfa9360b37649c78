"""The races of our own oracles, and the page about them."""

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, page_tables, program
from scipy import stats

from snippets.data.attainable import attainable
from snippets.data.load_curves import load_curves


@pytest.fixture(scope="module")
def races():
    return pd.read_csv(EVIDENCE / "races_own.csv", comment="#")


def test_every_planned_race_was_run_and_no_other(races):
    keys = races[["problem", "tuner", "seed"]].drop_duplicates()
    run = [tuple(row) for row in keys.to_numpy()]
    assert run == list(program("race_own").planned())
    assert set(races["setting"]) == {"full"}


def test_all_spend_the_same_epochs_within_five_percent(races):
    spent = races.groupby(["problem", "tuner", "seed"])["epochs"].last()
    budget = program("race_own").BUDGET
    assert spent.between(budget, budget * 1.05).all()


@pytest.mark.parametrize("number", [0, 120, 490])
def test_a_race_that_is_run_again_ends_alike(races, number):
    racing = program("race_own")
    problem, name, seed = list(racing.planned())[number]
    known = races[
        (races["problem"] == problem)
        & (races["tuner"] == name)
        & (races["seed"] == seed)
    ]
    columns = ["trial", "epochs", "seconds", "score", "quality"]
    again = racing.race(problem, name, seed)
    np.testing.assert_allclose(known[columns], again)


def test_the_pages_differences_follow_from_the_records(races):
    """By SciPy's test of pairs, corrected for all 25 of them."""
    others = pd.read_csv(EVIDENCE / "races.csv", comment="#")
    both = pd.concat([races, others[others["setting"] == "full"]])
    both = both[both["problem"] == "mnist"]
    limit = attainable(load_curves(EVIDENCE / "curves_mnist.csv.xz"))
    (rows,) = (
        table
        for table in page_tables("own_search_algorithm")
        if any("compared with" in row for row in table)
    )
    rows = [row[-7:] for row in rows if len(row) >= 7][-15:]
    for spent, own, other, *numbers in rows:
        budget, unit = spent.split()
        lost = []
        for name in (own, other):
            mine = both[
                (both["tuner"] == name) & (both[unit] <= int(budget))
            ]
            last = mine.groupby("seed")["quality"].last()
            lost.append(100 * (limit - last))
        mine, theirs = lost[0], lost[1][lost[0].index]
        assert len(mine) == 50
        test = stats.ttest_rel(mine, theirs)
        interval = test.confidence_interval(1 - 0.05 / 25)
        expected = [mine.mean(), (mine - theirs).mean(), *interval]
        np.testing.assert_allclose(
            np.array(numbers, float), expected, atol=0.0051
        )
