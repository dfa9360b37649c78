"""The races of Optuna and scikit-learn, and the page about them."""

import csv
import inspect
import operator
import re
import runpy
from collections import defaultdict

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import sklearn.model_selection
from helpers import ROOT, SNIPPETS
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

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
    """Return the regret in points of each race, by (tuner, seed)."""
    path = evidence_file(f"curves_{problem}.csv.xz")
    curves = pd.read_csv(path, comment="#")
    names = list(curves.columns[: curves.columns.get_loc("seed")])
    runs = curves.groupby([*names, "seed"])["validation_accuracy"]
    tested = curves.loc[runs.idxmax()].groupby(names)["test_accuracy"]
    best = tested.mean().max()
    return {
        race[1:]: 100
        * (
            best
            - [
                float(row["quality"])
                for row in rows
                if int(row["epochs"]) <= epochs
            ][-1]
        )
        for race, rows in races.items()
        if race[0] == problem
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """What the names of the page stand for when it has run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", lambda *_: None)
        return runpy.run_path(str(PAGE))


def test_the_regrets_on_the_page_are_those_of_the_csvs(page):
    races = read("races.csv") | read("races_others.csv")
    shown = page["regrets"]
    assert shown.shape == (10, 6)
    for problem, column in shown.columns:
        if not column.endswith(" epochs"):
            continue
        epochs = int(column.split()[0])
        values = defaultdict(list)
        for race, value in regret_after(epochs, races, problem).items():
            values[race[0]].append(value)
        for tuner, text in shown[problem, column].items():
            if tuner.startswith("Bayes") and epochs > 1000:
                assert text == ""  # it raced for half as long
                continue
            mean, error = map(float, text.split(" ± "))
            own = values[tuner]
            assert abs(mean - np.mean(own)) < 0.011, (problem, tuner)
            own_error = np.std(own, ddof=1) / len(own) ** 0.5
            assert abs(error - own_error) < 0.011, (problem, tuner)


def test_wins_and_losses_on_the_page_are_those_of_the_csvs(page):
    races = read("races.csv") | read("races_others.csv")
    pairs = page["by_regret"]
    assert len(pairs) == 2 * 6 * 4 * 2
    for (epochs, problem), part in pairs.groupby(["epochs", "problem"]):
        regrets = regret_after(epochs, races, problem)
        for row in part.itertuples():
            gains = [
                regrets[row.other, seed] - value
                for (tuner, seed), value in regrets.items()
                if tuner == row.tuner
            ]
            assert row.won == sum(gain > 0.005 for gain in gains)
            assert row.lost == sum(gain < -0.005 for gain in gains)


def test_p_values_are_corrected_as_holm_has_it(page):
    """Against the example at the end of Holm's rule, worked by hand."""
    corrected = page["holm"]([0.01, 0.04, 0.03, 0.005])
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])


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

    recorded = read("races_others.csv")
    halvings = [
        tuner for tuner in race_others.OTHERS if "halving" in tuner
    ]
    assert len(halvings) == 2
    for tuner in halvings:
        again = race_others.race(problem, "full", tuner, 7)
        assert [[str(value) for value in row] for row in again] == [
            list(row.values()) for row in recorded[problem, tuner, "7"]
        ]


def phrases(heading):
    """Return the first two columns of a phrase book's rows."""
    text = PAGE.read_text("utf-8").partition(f"# ## {heading}")[2]
    text = text.partition("# ## ")[0]
    rows = re.findall(r"(?m)^# \|(.*?)\|(.*?)\|", text)[2:]
    assert len(rows) > 15
    return rows


def test_what_the_phrase_books_name_exists_in_keras_tuner(tmp_path):
    class Anything(kt.RandomSearch):
        def run_trial(self, trial):
            return 0.0

    tuner = Anything(max_trials=1, directory=tmp_path)
    known = {
        "kt": kt,
        "tuner": tuner,
        "trial": kt.engine.trial.Trial(kt.HyperParameters()),
        "hp": kt.HyperParameters(),
    }
    snippets = "\n".join(path.read_text("utf-8") for path in SNIPPETS)
    makers = [
        kt.Tuner.__init__,
        kt.Tuner.__mro__[1].__init__,
        kt.Hyperband.__init__,
        kt.RandomSearch.__init__,
        known["hp"].Float,
        known["hp"].Choice,
    ]
    arguments = {"verbose"} | {
        name
        for maker in makers
        for name in inspect.signature(maker).parameters
    }
    rows = phrases("A phrase book for Optuna")
    rows += phrases("A phrase book for scikit-learn")
    for _, cell in rows:
        code = " ".join(re.findall(r"`(.+?)`", cell))
        for owner, rest in re.findall(
            r"\b(kt|tuner|trial|hp)\.([\w.]*\w)", code
        ):
            operator.attrgetter(rest)(known[owner])  # or it raises
        for name in re.findall(r"\b(\w+)=", code):
            if name != "hp":
                assert name in arguments, name
        for name in re.findall(r"(?<![.\w])([a-z_]+)\(", code):
            if name != "build":
                assert f"\ndef {name}(" in snippets, name
        for name in re.findall(r"(?<![.\w=])([A-Z]\w+)", code):
            assert f"\nclass {name}(" in snippets or hasattr(
                keras.callbacks, name
            ), name


def test_what_the_phrase_book_names_exists_in_scikit_learn():
    classes = [
        getattr(sklearn.model_selection, name)
        for name in (
            "GridSearchCV",
            "HalvingRandomSearchCV",
            "RandomizedSearchCV",
        )
    ]
    known = {cls.__name__ for cls in classes}
    for cls in classes:
        known |= set(inspect.signature(cls).parameters)
        known |= set(re.findall(r"(?m)^    (\w+_) :", cls.__doc__))
    named = {
        name
        for cell, _ in phrases("A phrase book for scikit-learn")
        for name in re.findall(r"`(\w+)", cell)
    }
    assert named and not named - known
