"""The races of Optuna and scikit-learn, and the page about them."""

import csv
import runpy
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from scipy import stats

from snippets.data.evidence_file import evidence_file

PAGE = ROOT / "tutorials/evidence/optuna_and_scikit_learn.py"


def read(name):
    """Return the rows of the CSV by race: problem, tuner, seed."""
    races = defaultdict(list)
    with evidence_file(name).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(r for r in file if r[0] != "#"):
            if row["setting"] == "full":
                key = row["problem"], row["tuner"], row["seed"]
                races[key].append(row)
    return races


def regret_after(epochs, races, problem):
    """Return the regret in points of each race, by tuner and seed."""
    path = evidence_file(f"curves_{problem}.csv.xz")
    curves = pd.read_csv(path, comment="#")
    names = list(curves.columns[: curves.columns.get_loc("seed")])
    runs = curves.groupby([*names, "seed"])["validation_accuracy"]
    ends = curves.loc[runs.idxmax()].set_index([*names, "seed"])
    tests = ends["test_accuracy"].unstack()
    known = tests + ends["validation_accuracy"].unstack()
    judged = [
        tests.loc[known.drop(columns=run).sum(axis=1).idxmax(), run]
        for run in tests
    ]
    regrets = defaultdict(dict)
    for (which, tuner, seed), rows in races.items():
        spent = [row for row in rows if int(row["epochs"]) <= epochs]
        if which == problem and spent:
            regret = np.mean(judged) - float(spent[-1]["quality"])
            regrets[tuner][seed] = 100 * regret
    return regrets


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """What the names of the page stand for when it has run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda *_: None)
        return runpy.run_path(str(PAGE))


@pytest.mark.parametrize("problem", ["digits", "mnist"])
@pytest.mark.parametrize("epochs", [378, 1512])
def test_the_regrets_on_the_page_are_those_of_the_csvs(
    page, problem, epochs
):
    races = read("races.csv") | read("races_others.csv")
    shown = page["regrets"][problem][f"{epochs} epochs"]
    regrets = regret_after(epochs, races, problem)
    others = len(shown) - 1
    assert others == 9
    reference = regrets["Hyperband"]
    for tuner, row in shown.iterrows():
        own = regrets[tuner]
        assert abs(row["mean"] - np.mean(list(own.values()))) < 0.006
        if tuner == "Hyperband":
            continue
        gaps = [own[seed] - reference[seed] for seed in own]
        half = stats.t.ppf(1 - 0.025 / others, len(gaps) - 1)
        half *= np.std(gaps, ddof=1) / len(gaps) ** 0.5
        low, high = np.mean(gaps) - half, np.mean(gaps) + half
        assert abs(row["difference_low"] - low) < 0.006
        assert abs(row["difference_high"] - high) < 0.006


def test_each_raced_at_least_fifty_seeds_on_both_problems():
    seeds = defaultdict(set)
    for problem, tuner, seed in read("races_others.csv"):
        seeds[problem, tuner].add(seed)
    assert len(seeds) == 2 * 6
    assert min(map(len, seeds.values())) >= 50


def test_a_race_only_goes_forward_and_spends_its_budget():
    for race, rows in read("races_others.csv").items():
        for name in ("trial", "epochs", "seconds", "score"):
            values = [float(row[name]) for row in rows]
            assert values == sorted(values), (race, name)
        assert 1500 <= int(rows[-1]["epochs"]) <= 1526, race


@pytest.mark.parametrize("problem", ["digits", "mnist"])
def test_scikit_learn_raced_again_gives_the_same_rows(
    problem, monkeypatch
):
    monkeypatch.syspath_prepend(ROOT / "docs" / "evidence")
    import race_others
    import race_tuners

    recorded = read("races_others.csv")
    halvings = [
        tuner for tuner in race_others.OTHERS if "halving" in tuner
    ]
    assert len(halvings) == 2
    for tuner in halvings:
        race = problem, "full", tuner, race_tuners.SEEDS[6]
        again = [
            (*race, *row) for row in race_others.race(*race)["rows"]
        ]
        kept = recorded[problem, tuner, str(race[-1])]
        again = [[str(value) for value in row] for row in again]
        kept = [list(row.values()) for row in kept]
        if tuner == "scikit-learn halving":
            assert again == kept
        # Of many candidates with equal scores, the processor's sort
        # decides which go on: with AVX-512 others than without.
        assert again[0] == kept[0]
        numbers = np.array([again[-1][4:], kept[-1][4:]], float)
        assert np.allclose(*numbers, rtol=0.01)
