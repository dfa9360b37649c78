"""Means and differences agree with code that shares nothing with it."""

import math

import numpy as np
import pytest

from snippets.results.compare_runs import compare_runs

T975 = {4: 2.776445, 9: 2.262157}  # Student's t, printed in any table


def test_a_paired_difference_has_the_interval_of_the_textbook():
    one, two = [1.0, 2.0, 4.0, 7.0, 9.0], [1.5, 2.1, 5.0, 7.0, 10.0]
    row = compare_runs({"one": one, "two": two}, "one", paired=True)
    differences = [b - a for a, b in zip(one, two, strict=True)]
    mean = sum(differences) / 5
    spread = sum((d - mean) ** 2 for d in differences) / 4
    half = T975[4] * math.sqrt(spread / 5)
    found = row.loc["two"]
    assert found["difference"] == pytest.approx(mean)
    assert found["difference_low"] == pytest.approx(mean - half, 1e-5)
    assert found["difference_high"] == pytest.approx(mean + half, 1e-5)
    assert np.isnan(row.loc["one", "difference"])


def test_welchs_interval_has_its_degrees_of_freedom():
    rng = np.random.default_rng(1)
    one, two = rng.normal(0, 1, 8), rng.normal(2, 3, 12)
    found = compare_runs({"one": one, "two": two}, "one").loc["two"]
    parts = [np.var(each, ddof=1) / len(each) for each in (one, two)]
    error = math.sqrt(sum(parts))
    half = (found["difference_high"] - found["difference_low"]) / 2
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 7 + parts[1] ** 2 / 11)
    # The quantile at so many degrees lies between those of 9 and 4.
    assert 11 < freedom < 18 and 2.09 < half / error < T975[9]


def test_a_share_has_wilsons_interval():
    found = compare_runs({"right": [1] * 81 + [0] * 9}).loc["right"]
    n, p, z = 90, 0.9, 1.959964
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    half /= 1 + z**2 / n
    assert found["low"] == pytest.approx(centre - half, 1e-5)
    assert found["high"] == pytest.approx(centre + half, 1e-5)
    whole = compare_runs({"right": [True] * 69}).loc["right"]
    assert whole["high"] == 1 and 0.94 < whole["low"] < 0.95


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("kind", ["numbers", "shares"])
def test_intervals_hold_as_often_as_they_say(paired, kind):
    """All of three at once, in 95 of 100 experiments, give or take."""
    rng, held, repeats = np.random.default_rng(2), 0, 300
    means = np.array([0.6, 0.7, 0.75, 0.8])
    for _ in range(repeats):
        if kind == "numbers":
            runs = rng.normal(means[:, None], 0.2, (4, 6))
            runs += rng.normal(0, 0.2, 6) * paired
        else:
            luck = rng.random(60 if paired else (4, 60))
            runs = luck < means[:, None]
        table = compare_runs(
            dict(zip("abcd", runs, strict=True)), "a", paired
        ).loc[list("bcd")]
        true = means[1:] - means[0]
        inside = (table["difference_low"] <= true) & (
            true <= table["difference_high"]
        )
        held += inside.all()
    assert held / repeats > 0.92
    if kind == "numbers":  # nor are they wider than need be
        assert held / repeats < 0.985


def test_p_and_interval_never_contradict_each_other():
    rng = np.random.default_rng(3)
    for size in range(2, 12):
        runs = {
            name: rng.normal(n, 1, size) for n, name in enumerate("abc")
        }
        table = compare_runs(runs, "a").loc[["b", "c"]]
        outside = (table["difference_low"] > 0) | (
            table["difference_high"] < 0
        )
        assert (outside == (table["p"] < 0.05)).all()


def test_differences_of_zero_are_no_shares():
    found = compare_runs({"gain": [0.0, 0.0, 0.0]}).loc["gain"]
    assert found["mean"] == 0 and found[["low", "high"]].isna().all()


@pytest.mark.parametrize("paired", [True, False])
def test_numbers_without_spread_get_no_interval(paired):
    """One image better five times: rounding must not make it certain."""
    one = np.array([0.951, 0.1, 0.973, 0.3, 0.7])
    assert np.ptp(one + 1 / 288 - one) > 0  # there is rounding
    if not paired:
        one = np.full(5, 0.95)
    table = compare_runs(
        {"one": one, "two": one + 1 / 288}, "one", paired
    )
    found = table.loc["two"]
    assert found["difference"] == pytest.approx(1 / 288)
    assert (
        found[["difference_low", "difference_high", "p"]].isna().all()
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([{"a": [1.0]}], "two or more results"),
        ([{"a": [[1, 2], [3, 4]]}], "in one row"),
        ([{"a": [1, float("nan")]}], "not finite"),
        ([{"a": [1, 2], "b": [1, 2, 3]}, "a", True], "unequal lengths"),
        ([{"a": [1, 2]}, "b"], "reference is one of"),
        ([{"a": [1, 2]}, "a", False, 95], "confidence is in"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        compare_runs(*arguments)


def test_nothing_to_compare_leaves_the_columns_and_no_difference():
    table = compare_runs({"a": [1.0, 2.0]}, "a")
    assert table.loc["a", "difference":"p"].isna().all()
    few = compare_runs({"a": [0, 0], "b": [1, 1]}, "a", paired=True)
    assert few["difference_low"].min() >= -1
    assert few["difference_high"].max() <= 1
