"""The races are whole, and the page's tables follow from them."""

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, page_tables, program
from scipy import stats

RACES = EVIDENCE / "races.csv"


@pytest.fixture(scope="module")
def races():
    return pd.read_csv(RACES, comment="#")


@pytest.fixture(scope="module")
def racing():
    return program("race_tuners")


def test_every_planned_race_was_run_and_no_other(races, racing):
    keys = ["problem", "setting", "tuner", "seed"]
    run = {
        tuple(row) for row in races[keys].drop_duplicates().to_numpy()
    }
    assert run == set(racing.planned(racing.PROBLEMS))
    seeds = races.groupby(keys[:3])["seed"].nunique()
    assert (seeds >= 50).all()


def test_tuners_spend_the_same_epochs_within_five_percent(races):
    """Where the space is larger than what they may try."""
    full = races[races["setting"] == "full"]
    spent = full.groupby(["problem", "tuner", "seed"])["epochs"].last()
    spent = spent.drop("RandomSearch, 3 epochs", level="tuner")
    twice = spent.index.get_level_values("tuner").str.contains("twice")
    for budget, group in ((1500, spent[~twice]), (3000, spent[twice])):
        assert group.between(budget * 0.95, budget * 1.05).all()


@pytest.mark.parametrize("name", ["races.csv", "races_others.csv"])
def test_repeats_are_independent_whatever_their_seeds_remainder(name):
    """Within seeds of one remainder races differ as between them.

    The F test of regret by seed mod n, for all races that could tell;
    p values of independent repeats are uniform, so few are small.
    """
    races = pd.read_csv(EVIDENCE / name, comment="#")
    races = races[races["setting"] == "full"]
    keys = ["problem", "tuner", "seed"]
    last = races.groupby(keys)["quality"].last()
    seeds = last.index.get_level_values("seed")
    assert np.diff(np.unique(seeds)).min() > 10_000
    tests = []
    for _, group in last.groupby(["problem", "tuner"]):
        for divisor in range(2, 13):
            rest = group.index.get_level_values("seed") % divisor
            parts = [part.to_numpy() for _, part in group.groupby(rest)]
            parts = [part for part in parts if len(part) > 1]
            tests.append(stats.f_oneway(*parts).pvalue)
    assert min(tests) * len(tests) > 0.01
    assert np.mean(np.array(tests) < 0.05) < 0.15


def test_what_is_spent_and_found_only_grows(races):
    keys = ["problem", "setting", "tuner", "seed"]
    for column in ("trial", "epochs", "seconds", "score"):
        steps = races.groupby(keys, sort=False)[column].diff().dropna()
        assert (steps >= 0).all(), column


@pytest.mark.parametrize("problem", ["digits", "mnist"])
@pytest.mark.parametrize(
    "name", ["RandomSearch", "RandomSearch, patience 5", "Hyperband"]
)
def test_a_race_run_again_is_the_race_that_was_recorded(
    problem, name, races, racing
):
    race = problem, "full", name, racing.SEEDS[6]
    rows = [(*race, *row) for row in racing.race(*race)["rows"]]
    kept = races[
        (races["problem"] == problem)
        & (races["setting"] == "full")
        & (races["tuner"] == name)
        & (races["seed"] == racing.SEEDS[6])
    ]
    again = pd.DataFrame(rows, columns=racing.COLUMNS)
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), again)


def by_hand(problem):
    """Return quality by configuration and run, and what is attainable.

    Without the page's code, and without its way of reading curves.
    """
    table = pd.read_csv(
        EVIDENCE / f"curves_{problem}.csv.xz", comment="#"
    )
    names = list(table.columns[: list(table.columns).index("seed")])
    best = table.loc[
        table.groupby([*names, "seed"])["validation_accuracy"].idxmax()
    ]
    both = best.set_index([*names, "seed"])
    tests = both["test_accuracy"].unstack("seed")
    known = tests + both["validation_accuracy"].unstack("seed")
    judged = [
        tests.loc[known.drop(columns=seed).sum(axis=1).idxmax(), seed]
        for seed in tests
    ]
    return sum(judged) / len(judged)


@pytest.mark.process
def test_the_first_table_of_the_page_follows_from_the_races(races):
    _, _, *rows = next(page_tables("which_tuner"))
    shown = {name: list(map(number, values)) for name, *values in rows}
    best = by_hand("mnist")
    full = races[
        (races["setting"] == "full") & (races["problem"] == "mnist")
    ]
    assert set(shown) == set(full["tuner"])
    for place, budget in ((0, 378), (4, 1512)):
        found = {}
        for tuner, group in full.groupby("tuner"):
            spent = budget * (2 if "twice" in tuner else 1)
            rows = group[group["epochs"] <= spent]
            last = rows.groupby("seed")["quality"].last()
            found[tuner] = 100 * (best - last)
        for tuner, regret in found.items():
            mean, more, low, high = shown[tuner][place : place + 4]
            assert abs(mean - regret.mean()) < 0.006
            if tuner == "Hyperband":
                continue
            gap = regret - found["Hyperband"]
            # 5 % for all of the others at once
            chance, freedom = 0.025 / (len(found) - 1), len(gap) - 1
            half = stats.t.ppf(1 - chance, freedom)
            half *= gap.std() / len(gap) ** 0.5
            assert abs(more - gap.mean()) < 0.006
            assert abs(low - (gap.mean() - half)) < 0.006
            assert abs(high - (gap.mean() + half)) < 0.006


def number(text):
    return float(text) if text not in ("", "NaN") else float("nan")
