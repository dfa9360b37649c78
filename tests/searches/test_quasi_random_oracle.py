"""Quasi-random trials cover the space, and keep their place in it."""

import collections

import keras_tuner as kt
import numpy as np
import pytest
from scipy.stats import qmc

from snippets.searches.independent_seeds import independent_seeds
from snippets.searches.quasi_random_oracle import QuasiRandomOracle


def cube(names="xyz"):
    space = kt.HyperParameters()
    for name in names:
        space.Float(name, 0.0, 1.0)
    return space


def drawn(oracle, trials):
    """Return the values of as many trials, without a tuner."""
    tried = []
    for number in range(trials):
        answer = oracle.populate_space(f"{number}")
        if answer["status"] == "STOPPED":
            break
        hp = oracle.get_space()
        hp.values = answer["values"]
        trial = kt.engine.trial.Trial(hp, f"{number}", "RUNNING")
        oracle.trials[trial.trial_id] = trial
        tried.append(hp.values)
    return tried


def points(oracle_class, seed, trials, names="xyz"):
    oracle = oracle_class(hyperparameters=cube(names), seed=seed)
    tried = drawn(oracle, trials)
    return np.array([[each[name] for name in names] for each in tried])


@pytest.mark.parametrize("trials", [10, 20, 50])
@pytest.mark.parametrize("names", ["xy", "abcde"])
def test_they_cover_the_space_better_than_random_ones(names, trials):
    """By the centered discrepancy, on average at most half of random's."""
    seeds = independent_seeds(10)
    ours, random = (
        [qmc.discrepancy(points(c, s, trials, names)) for s in seeds]
        for c in (QuasiRandomOracle, kt.oracles.RandomSearchOracle)
    )
    assert np.mean(ours) < np.mean(random) / 2
    assert np.median(ours) < min(random)


def test_each_value_of_each_kind_gets_its_share():
    space = kt.HyperParameters()
    space.Choice("four", list("abcd"))
    space.Int("three", 1, 3)
    space.Float("x", 0.0, 1.0)
    oracle = QuasiRandomOracle(hyperparameters=space, seed=1)
    tried = drawn(oracle, 36)
    counts = collections.Counter(each["four"] for each in tried)
    assert set(counts.values()) == {9}
    counts = collections.Counter(each["three"] for each in tried)
    assert set(counts.values()) == {12}


def test_a_log_scale_is_covered_evenly_in_its_logarithm():
    space = kt.HyperParameters()
    space.Float("rate", 1e-4, 1e-1, sampling="log")
    oracle = QuasiRandomOracle(hyperparameters=space, seed=1)
    rates = [each["rate"] for each in drawn(oracle, 24)]
    decades = np.histogram(np.log10(rates), bins=[-4, -3, -2, -1])[0]
    assert decades.min() >= 7


def test_a_hyperparameter_that_is_found_later_moves_no_other():
    whole = points(QuasiRandomOracle, 1, 12, "xyz")
    oracle = QuasiRandomOracle(hyperparameters=cube("xy"), seed=1)
    before = [[each["x"], each["y"]] for each in drawn(oracle, 5)]
    np.testing.assert_array_equal(before, whole[:5, :2])
    oracle.update_space(cube("xyz"))
    later = drawn(oracle, 7)
    later = np.array([[each[name] for name in "xyz"] for each in later])
    np.testing.assert_array_equal(later, whole[5:])


def test_a_point_that_is_known_is_passed_over_once_and_for_all():
    space = kt.HyperParameters()
    space.Boolean("a")
    space.Boolean("b")
    oracle = QuasiRandomOracle(hyperparameters=space, seed=1)
    assert len(drawn(oracle, 9)) == 4
    place = oracle.get_state()["place"]
    assert place > 1000
    space.Float("x", 0.0, 1.0)
    (found,) = drawn(oracle, 1)
    assert oracle.get_state()["place"] == place + 1
    assert set(found) == {"a", "b", "x"}


def test_its_place_is_kept_in_its_state():
    first = QuasiRandomOracle(hyperparameters=cube(), seed=5)
    drawn(first, 6)
    second = QuasiRandomOracle(hyperparameters=cube(), seed=1)
    second.set_state(first.get_state())
    assert drawn(second, 1) == drawn(first, 1)
