"""The races are whole, and the page's tables follow from them."""

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, page_tables, program

from snippets.data.load_curves import load_curves

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
    full = races[races["setting"] == "full"]
    seeds = full.groupby(["problem", "tuner"])["seed"].nunique()
    slow = seeds.index.get_level_values("tuner").str.startswith("Bayes")
    assert (seeds[~slow] >= 50).all() and (seeds[slow] >= 20).all()


def test_tuners_spend_the_same_epochs_within_five_percent(races):
    """Where the space is larger than what they may try."""
    full = races[races["setting"] == "full"]
    spent = full.groupby(["problem", "tuner", "seed"])["epochs"].last()
    slow = spent.index.get_level_values("tuner").str.startswith("Bayes")
    for budget, group in ((1500, spent[~slow]), (750, spent[slow])):
        assert group.between(budget * 0.95, budget * 1.05).all()


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
    rows = racing.race(problem, "full", name, 7)
    kept = races[
        (races["problem"] == problem)
        & (races["setting"] == "full")
        & (races["tuner"] == name)
        & (races["seed"] == 7)
    ]
    again = pd.DataFrame(rows, columns=racing.COLUMNS)
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), again)


@pytest.mark.process
def test_the_first_table_of_the_page_follows_from_the_races(races):
    problems, _, *rows = next(page_tables("which_tuner"))
    assert problems[1:] == ["digits", "mnist"]
    shown = {name: values for name, *values in rows if any(values)}
    assert len(shown) == 5
    columns = [
        (problem, budget)
        for problem in ("digits", "mnist")
        for budget in (380, 1515)
    ]
    for place, (problem, budget) in enumerate(columns):
        curves = load_curves(EVIDENCE / f"curves_{problem}.csv.xz")
        true = []
        for validation, test in zip(
            curves.validation, curves.test, strict=True
        ):
            chosen = [
                run_test[run.argmax()]
                for run, run_test in zip(validation, test, strict=True)
            ]
            true.append(np.mean(chosen))
        rows = races[
            (races["problem"] == problem)
            & (races["setting"] == "full")
            & (races["epochs"] <= budget)
        ]
        for tuner in shown:
            group = rows[rows["tuner"] == tuner]
            found = group.groupby("seed")["quality"].last()
            mean = 100 * (max(true) - found).mean()
            text = shown[tuner][place].partition(" ± ")[0]
            assert text == f"{mean:.2f}"
