"""The races on the recorded problems are whole, fair and repeatable."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, ROOT, page_tables, program
from scipy import stats

from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races

RACE = ["problem", "contestant", "split", "seed"]


@pytest.fixture(scope="module")
def races():
    return load_races(EVIDENCE / "races_problems.npz")


@pytest.fixture(scope="module")
def racing():
    return program("race_problems")


def test_every_planned_race_was_run_and_no_other(races, racing):
    files = sorted(EVIDENCE.glob("problem_*.npz"))
    names = [file.stem.removeprefix("problem_") for file in files]
    run = [
        tuple(row) for row in races[RACE].drop_duplicates().to_numpy()
    ]
    assert run == list(racing.planned(names))


def test_all_spend_the_same_epochs_within_five_percent(races, racing):
    spent = races.groupby(RACE, observed=True)["epochs"].last()
    twice = spent.index.get_level_values(1).str.contains("twice")
    spent[twice] //= 2
    assert spent.between(racing.BUDGET * 0.95, racing.BUDGET).all()


def test_no_two_races_of_a_tuner_share_their_draws(races, racing):
    """Nor do two problems, else their luck would be one."""
    first = races[races["contestant"] == "RandomSearch"]
    tried = first.groupby(RACE, observed=True)["row"].agg(tuple)
    assert tried.nunique() == len(tried)
    pairs = [
        len(set(a) & set(b))
        for a, b in zip(tried, tried[1:], strict=False)
    ]
    chance = 56 * 56 / 504
    assert np.mean(pairs) == pytest.approx(chance, rel=0.15)
    cells = itertools.product(
        racing.record_problems.PROBLEMS, range(5), range(racing.REPEATS)
    )
    seeds = sorted(racing.seed_of(*cell) for cell in cells)
    assert min(np.diff(seeds)) > 100_000


def test_none_is_begun_twice_before_all_504_were(races):
    again = races[races["first"] == 0]
    tried = again.groupby(RACE, observed=True)["row"]
    assert tried.nunique().eq(tried.size().clip(upper=504)).all()
    rounds = races.loc[races["first"] > 0, "contestant"]
    assert set(rounds) == {"Hyperband", "ASHA"}
    longest = races.groupby("contestant", observed=True)["last"].max()
    assert (
        longest.drop("RandomSearch, 9 epochs")
        .drop("RandomSearch, 3 epochs")
        .eq(27)
        .all()
    )


@pytest.mark.parametrize(
    "name, problem, split",
    [
        ("Hyperband", "cars", 3),
        ("BayesianOptimization", "digits", 0),
        ("RandomSearch, patience 5", "diabetes", 4),
        ("ASHA", "phishing", 1),
        ("GridSearch", "parties", 2),
    ],
)
def test_a_race_that_is_run_again_ends_alike(
    races, racing, name, problem, split
):
    seed = 2
    known = races[
        races["problem"].eq(problem)
        & races["contestant"].eq(name)
        & races["split"].eq(split)
        & races["seed"].eq(seed)
    ]
    again = np.array(racing.race(problem, name, split, seed))
    np.testing.assert_array_equal(
        known[["row", "first", "last"]], again
    )


def test_the_nearest_that_was_not_given_is_given_and_told(racing):
    """Against distances computed from the ranges by hand."""
    problem = load_problem(EVIDENCE / "problem_cars.npz")
    table = problem.configurations
    values = {
        **{"layers": 2, "units": 24, "activation": "relu"},
        **{
            "batch_size": 32,
            "learning_rate": 1e-3,
            "weight_decay": 0.1,
        },
        **{"dropout": 0.35, "schedule": "cosine"},
    }
    away = (
        (np.log(table["learning_rate"] / 1e-3) / np.log(3e4)) ** 2
    ).copy()
    away += (np.log(table["weight_decay"] / 0.1) / np.log(1e6)) ** 2
    away += ((table["dropout"] - 0.35) / 0.7) ** 2
    away += ((table["layers"] - 2) / 3) ** 2
    away += (table["units"].map({8: 0, 24: 1, 72: 2}) - 1) ** 2 / 9
    for name in ("activation", "batch_size", "schedule"):
        away += 0.25 * (table[name] != values[name])
    order = away.argsort().to_numpy()
    find = racing.Nearest(problem)
    for place in range(3):
        told = dict(values)
        assert find(told) == order[place]
        row = table.loc[order[place]]
        assert all(told[name] == row[name] for name in table)
    goes_on = {**told, "tuner/initial_epoch": 3}
    assert find(goes_on) == order[2]  # the same again
    kept = dict(values)
    assert racing.Nearest(problem, told=False)(kept) == order[0]
    assert kept == values


def test_the_page_s_first_table_follows_from_the_records(races):
    """As pandas and SciPy alone recompute it, from the arrays."""
    regret = {}
    for name, trials in races.groupby("problem", observed=True):
        problem = load_problem(EVIDENCE / f"problem_{name}.npz")
        tested = problem.tested
        know = tested + problem.validation.max(axis=2)
        top = np.mean(
            [
                tested[np.delete(know, n, 1).sum(1).argmax(), n]
                for n in range(5)
            ]
        )
        low = np.quantile(tested.mean(axis=1), 0.75)
        for keys, race in trials.groupby(RACE[1:], observed=True):
            limit = 1512 * (2 if "twice" in keys[0] else 1)
            race = race[race["epochs"] <= limit]
            scores = [
                problem.validation[row, keys[1], first:last].max()
                for row, first, last in race[
                    ["row", "first", "last"]
                ].values
            ]
            row = race["row"].iloc[int(np.argmax(scores))]
            others = np.delete(tested[row], keys[1]).mean()
            lost = (top - others) / (top - low)
            regret.setdefault((keys[0], name), []).append(lost)
    means = pd.Series(
        {k: np.mean(v) for k, v in regret.items()}
    ).unstack()
    (table,) = (
        rows
        for rows in [*page_tables("many_problems")][1:2]
        if any("ahead_on" in row for row in rows)
    )
    shown = {row[0]: row[1:] for row in table if row[0] in means.index}
    assert set(shown) == set(means.index)
    reference = means.loc["RandomSearch"]
    for name, cells in shown.items():
        expected = [means.loc[name].mean()]
        if name != "RandomSearch":
            gain = reference - means.loc[name]
            test = stats.ttest_1samp(gain, 0)
            interval = test.confidence_interval(1 - 0.05 / 10)
            expected += [gain.mean(), *interval, (gain > 0).sum()]
        found = [float(cell) for cell in cells if cell]
        np.testing.assert_allclose(found, expected, atol=0.0051)


def test_the_table_by_budget_follows_from_the_records(races):
    text = (
        ROOT / "docs/explanation/random_search_or_hyperband.md"
    ).read_text("utf-8")
    lines = re.findall(r"(?m)^\| (\d+) \| (\d+) \| ([\d.]+) \|$", text)
    assert len(lines) == 5
    files = EVIDENCE.glob("problem_*.npz")
    rows = [sum(load_problem(file).rows) for file in files]
    assert f"(up to {max(rows):,} rows)" in text
    races = races[
        races["contestant"].isin(["Hyperband", "RandomSearch"])
    ]
    for full, *said in lines:
        ended = races[races["epochs"] <= int(full) * 27]
        leads = []
        for name, trials in ended.groupby("problem", observed=True):
            problem = load_problem(EVIDENCE / f"problem_{name}.npz")
            scores = {"Hyperband": [], "RandomSearch": []}
            for keys, race in trials.groupby(RACE[1:], observed=True):
                who, split, _ = keys
                best = max(
                    race[["row", "first", "last"]].values.tolist(),
                    key=lambda t, split=split, problem=problem: (
                        problem.validation[t[0], split, t[1] : t[2]]
                    ).max(),
                )[0]
                others = np.delete(problem.tested[best], split).mean()
                scores[who].append(others)
            means = {who: np.mean(each) for who, each in scores.items()}
            leads.append(means["Hyperband"] - means["RandomSearch"])
        found = [str(sum(lead > 0 for lead in leads))]
        found += [f"{100 * np.mean(leads):.1f}"]
        assert found == said, full
