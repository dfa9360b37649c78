"""What measures advice finds what was planted in a problem."""

import types

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, program

from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races
from snippets.data.regret_of import regret_of

EPOCHS = np.linspace(0.5, 1, 27)


@pytest.fixture(scope="module")
def advice():
    return program("measure_advice")


def planted(noise=0.01, shift=0.0, top=-3.0):
    """Return a problem whose score is a parabola of the rate's logarithm.

    Its top is `shift` higher for the larger batches; nothing else
    matters.
    """
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "layers": rng.choice([1, 3], 504),
            "units": rng.choice([8, 72], 504),
            "batch_size": rng.choice([32, 128], 504),
            "schedule": rng.choice(["constant", "cosine"], 504),
            "learning_rate": 10 ** rng.uniform(-5, 0, 504),
            "weight_decay": 10 ** rng.uniform(-6, 0, 504),
            "dropout": rng.uniform(0, 0.7, 504),
        }
    )
    top = top + shift * (table["batch_size"] == 128)
    score = 0.9 - 0.05 * (np.log10(table["learning_rate"]) - top) ** 2
    score = score.to_numpy()[:, None, None] * EPOCHS
    test, validation = (
        score + rng.normal(0, noise, (504, 5, 1)) for _ in range(2)
    )
    return types.SimpleNamespace(
        configurations=table,
        validation=validation,
        test=test,
        tested=test[:, :, -1],
        classes=2,
        rows=[300, 100, 100],
    )


def test_the_luck_of_a_split_is_no_skill(advice):
    """Scores that are noise alone choose no better than at random."""
    problem, rng = planted(), np.random.default_rng(2)
    blind = regret_of(problem).mean()
    for trials in (5, 160):
        found = []
        for _ in range(40):
            luck = rng.normal(size=problem.tested.shape)
            regret = advice.regrets(problem, luck, trials, draws=50)
            found.append(regret.mean())
        assert np.mean(found) == pytest.approx(blind, rel=0.2)


def test_more_trials_are_worth_less_and_less(advice):
    problem = planted()
    scores = problem.validation.max(axis=2)
    found = [
        advice.regrets(problem, scores, k).mean() for k in (5, 20, 80)
    ]
    assert found[0] > found[1] > found[2] > -0.3
    assert found[0] - found[1] > found[1] - found[2]


def test_what_matters_is_found_and_where_the_best_lies(advice):
    problem = planted()
    shares = advice.importance(problem)
    assert shares.idxmax() == "learning_rate"
    assert shares["learning_rate"] > 0.8
    assert shares.drop("learning_rate").max() < 0.1
    right = advice.right_rate(problem)
    rates = np.log10(problem.configurations["learning_rate"][right])
    assert rates.mean() == pytest.approx(-3, abs=0.3)
    assert 160 <= right.sum() <= 176
    place = advice.places(problem)["learning_rate"]
    assert place == pytest.approx(0.4, abs=0.05)


def test_short_trials_foretell_what_does_not_change_in_time(advice):
    problem = planted(noise=0)
    assert advice.foretold(problem, 1) == pytest.approx(1)
    noise = np.random.default_rng(1).normal(0, 0.05, (504, 5, 27))
    problem.validation = problem.validation + noise
    all_, best = (advice.foretold(problem, 1, b) for b in (False, True))
    assert best < all_ < 1


def test_a_second_round_near_the_best_gains(advice):
    problem = planted(noise=0)
    scores = problem.validation.max(axis=2)
    one = advice.regrets(problem, scores, 40).mean()
    assert advice.two_rounds(problem) < one


def test_finalists_mend_what_short_trials_mistake(advice):
    problem = planted(noise=0)
    short = {"draws": 100, "epochs": 9}
    whole = advice.two_rounds(problem, draws=100)
    # Without noise early scores choose as the last ones do.
    for finalists in (1, 2):
        found = advice.two_rounds(problem, finalists=finalists, **short)
        assert found == pytest.approx(whole)
    noise = np.random.default_rng(1).normal(0, 0.02, (504, 5, 9))
    problem.validation[:, :, :9] += noise
    one, two, many = (
        advice.two_rounds(problem, finalists=n, **short)
        for n in (1, 2, 40)
    )
    assert one > two + 0.02 > many + 0.04


def test_a_rate_is_lost_only_where_the_best_one_moves(advice):
    change = "batch_size", 32, 128
    assert abs(advice.carried_over(planted(), *change)) < 0.02
    moved = advice.carried_over(planted(shift=1.5), *change)
    assert moved > 0.15


def test_at_a_wrong_edge_who_moves_finds_more(advice):
    """The top, at -3 of -5 to 0, is in the lower half."""
    found = advice.edges(planted(noise=1e-3))
    assert found["move"] < 0.2 < 0.6 < found["stay"]


def test_a_narrow_range_is_worth_it_where_it_holds_the_best(advice):
    found = advice.widths(planted(noise=1e-3))
    order = "right third", "wide", "wrong third"
    assert sorted(found, key=found.get) == list(order)
    # Near the lower third, where some of the best lie: wrong is the upper.
    near = advice.widths(planted(noise=4e-3, top=-3.2))
    assert near["wrong third"] > near["wide"] + 0.2


def test_the_simplest_within_the_noise_is_small_and_loses_little(
    advice,
):
    """Size matters for nothing here: the smallest is 8 units, 1 layer."""
    problem = planted(noise=1e-3)
    found = advice.simplest(problem)
    assert found["size"] < 0.6 and found["loses"] > 0
    problem.rows = [300, 10**15, 100]  # then there is no noise
    assert advice.simplest(problem) == {"loses": 0, "size": 1}
    problem.classes = 0
    assert advice.simplest(problem) is None


def test_more_splits_help_against_noise_and_cost_trials(advice):
    def found(noise, *each):
        return advice.repeats(planted(noise), *each)

    assert found(0, 1, 40) < found(0, 4, 10)
    assert found(0.03, 4, 40) < found(0.03, 1, 40)


def test_half_of_the_rows_costs_what_they_would_have_taught(advice):
    """Here they teach nothing, then a tenth; and choose as well."""
    problem = planted(noise=1e-3)
    score = problem.validation.max(axis=2)[:, :3]
    for lost in (0, 0.1):
        tested = problem.tested[:, :3] - lost
        less = np.stack([score, score, tested], axis=-1)
        found = {
            of: value
            for _, of, value in advice.half_of_rows(problem, less)
        }
        zero, one = regret_of(problem, np.array([0.0, lost]))
        worth = zero - one
        for trials in (10, 160):
            costs = (
                found[f"half of them, {trials}"]
                - found[f"all rows, {trials}"]
            )
            assert costs == pytest.approx(worth)
        assert found["40 on half of them"] < found["20 on all rows"]
        assert found["20 on half of them"] == found["20 on all rows"]


def test_every_line_of_the_record_is_measured_from_the_problems(advice):
    """As another program would: pandas alone, two measurements."""
    table = pd.read_csv(EVIDENCE / "advice.csv", comment="#")
    files = sorted(EVIDENCE.glob("problem_*.npz"))
    names = [file.stem.removeprefix("problem_") for file in files]
    assert table["problem"].unique().tolist() == names
    lines = table.set_index(["measured", "of", "problem"])["value"]
    assert lines.index.is_unique and np.isfinite(lines).all()
    name = "cars"
    problem = load_problem(EVIDENCE / f"problem_{name}.npz")
    less = np.load(EVIDENCE / "less_data.npz")[name] / 1e4
    again = pd.DataFrame(
        advice.measured(problem, less),
        columns=["measured", "of", "value"],
    )
    again["of"] = again["of"].astype(str)
    kept = table[table["problem"] == name]
    raced = kept["of"] == "Hyperband"
    assert raced.sum() == 1
    kept = kept[~raced].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        again, kept[list(again)], rtol=0, atol=1e-4
    )
    end = problem.validation.max(axis=2)
    early = problem.validation[:, :, :3].max(axis=2)
    ranks = [
        pd.Series(early[:, n]).corr(pd.Series(end[:, n]), "spearman")
        for n in range(5)
    ]
    line = lines["foretold, all", "3", name]
    assert line == pytest.approx(np.mean(ranks), abs=1e-4)
    best = problem.configurations.assign(score=end.mean(axis=1))
    rate = np.log(best.nlargest(10, "score")["learning_rate"]).median()
    low, high = np.log(best["learning_rate"]).agg(["min", "max"])
    line = lines["place of the best", "learning_rate", name]
    assert line == pytest.approx((rate - low) / (high - low), abs=1e-4)


def test_hyperband_is_what_its_races_had_after_the_plans_epochs(advice):
    """Judged one race after another, in plain Python."""
    name, ends = "cars", []
    problem = load_problem(EVIDENCE / f"problem_{name}.npz")
    regret = regret_of(problem)
    races = load_races(EVIDENCE / "races_problems.npz")
    races = races[races["contestant"] == "Hyperband"]
    races = races[(races["problem"] == name) & (races["epochs"] <= 414)]
    for (split, _), trials in races.groupby(["split", "seed"]):
        scores = {
            problem.validation[t.row, split, t.first : t.last].max(): t
            for t in trials[::-1].itertuples()  # of equals the first
        }
        ends.append(regret[scores[max(scores)].row, split])
    assert len(ends) == 20
    table = pd.read_csv(EVIDENCE / "advice.csv", comment="#")
    lines = table.set_index(["measured", "of", "problem"])["value"]
    line = lines["regret of a plan", "Hyperband", name]
    assert line == pytest.approx(np.mean(ends), abs=1e-4)
