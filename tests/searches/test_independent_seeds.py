"""Repeats with these seeds share no more than chance would."""

import itertools

import keras_tuner as kt
import pytest
from helpers import EVIDENCE, read

from snippets.searches.independent_seeds import independent_seeds
from snippets.searches.quick_proposals import quick_proposals

BUDGETS = {
    "RandomSearch": {"max_trials": 40},
    "Hyperband": {"max_epochs": 9, "factor": 3},
    "BayesianOptimization": {"max_trials": 24},
}
SIZE = 6**4


def tried(name, seed, folder):
    """Return the configurations that a search of 6^4 of them tries."""

    class Told(getattr(kt, name)):
        def run_trial(self, trial, **kwargs):
            values = trial.hyperparameters.values
            seen.add(tuple(values[f"x{n}"] for n in range(4)))
            # Noise: a tuner that learns must not learn the same.
            return float(hash((seed, *seen)) % 1000)

    seen, space = set(), kt.HyperParameters()
    for number in range(4):
        space.Int(f"x{number}", 1, 6)
    if name == "BayesianOptimization":
        Told = quick_proposals(Told)
    tuner = Told(
        hyperparameters=space,
        objective=kt.Objective("score", "max"),
        seed=seed,
        directory=folder,
        project_name=name,
        overwrite=True,
        **BUDGETS[name],
    )
    tuner.search(verbose=0)
    return seen


def shares(name, seeds, folder):
    """Return what two repeats share, and what chance would give."""
    sets = [tried(name, seed, folder) for seed in seeds]
    pairs = list(itertools.combinations(sets, 2))
    shared = sum(len(a & b) / len(a) for a, b in pairs) / len(pairs)
    return shared, sum(map(len, sets)) / len(sets) / SIZE


@pytest.mark.filterwarnings("ignore::UserWarning:sklearn")
@pytest.mark.parametrize("name", BUDGETS)
def test_repeats_share_what_chance_gives_and_close_seeds_most(
    name, cheap_proposals, tmp_path
):
    far, chance = shares(name, independent_seeds(6), tmp_path)
    near, _ = shares(name, range(1, 22, 4), tmp_path)
    assert far < chance + 0.05
    assert near > chance + 0.3


def test_published_races_share_what_chance_gives():
    """But the grid, the same each time, and what learns where to look."""
    rows = read(EVIDENCE / "overlaps.csv")[0]
    rows += read(EVIDENCE / "overlaps_others.csv")[0]
    learns = "BayesianOptimization", "Optuna TPE"
    for row in rows:
        shared, chance = float(row["shared_mean"]), float(row["chance"])
        if row["tuner"] == "GridSearch":
            assert shared == 1
        elif not row["tuner"].startswith(learns):
            assert abs(shared - chance) < 0.02, row


@pytest.mark.parametrize("count", [0, 4001])
def test_a_count_that_cannot_be_is_refused(count):
    with pytest.raises(ValueError, match="1 to 4,000"):
        independent_seeds(count)


def test_seeds_are_valid_distinct_and_the_same_each_time():
    seeds = independent_seeds(4000)
    assert seeds[:50] == independent_seeds(50)
    assert len(set(seeds)) == 4000 and min(seeds) > 0
    assert max(seeds) < 2**32
    # Every remainder occurs, so that none can hide a pattern.
    for divisor in range(2, 13):
        assert len({seed % divisor for seed in seeds[:50]}) == divisor
