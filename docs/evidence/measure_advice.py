"""Measure advice on tuning on the recorded problems.

    python docs/evidence/measure_advice.py

Writes advice.csv beside itself, from every problem_NAME.npz there, a
line for each problem: what is measured, of what, the value. The
functions below say what each is. Regret is regret_of's: 0 for who knows
all of the other splits, 1 for what a quarter of all configurations
beat. A search picks, on one split, the configuration with the best
validation score of those it tried.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import records
from scipy.stats import rankdata, spearmanr

from snippets.data.judge_races import judge_races
from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races
from snippets.data.regret_of import regret_of

HERE = Path(__file__).parent
PLANNED = 2 * 20 * 9 + 2 * 27  # epochs of the plan in plans
COLUMNS = "measured", "of", "problem", "value"
TRIALS = 5, 10, 20, 40, 80, 160
LENGTHS = {27: 20, 9: 60, 3: 180, 1: 504}  # epochs: trials
CHANGES = (  # of what a learning rate was tuned for
    ("layers", 1, 3),
    ("layers", 3, 1),
    ("units", "fewest", "most"),
    ("units", "most", "fewest"),
    ("batch_size", 32, 128),
    ("schedule", "constant", "cosine"),
)
RANGES = "learning_rate", "weight_decay", "dropout"
DRAWS = 1000


def judged(problem, chosen):
    """Return the regret of rows chosen on each split, (draws, splits)."""
    return regret_of(problem)[chosen, np.arange(chosen.shape[1])]


def best_of(tried, scores):
    """Return the best row of those tried, (draws, splits).

    `tried` (draws, trials) are rows, `scores` (rows, splits) what the
    search goes by.
    """
    best = scores[tried].argmax(axis=1)
    return np.take_along_axis(tried, best, axis=1)


def drawn(rows, trials, draws=DRAWS):
    """Return so many of the rows, drawn at random, (draws, trials)."""
    # All problems share these draws: of so many no luck is left.
    rng = np.random.default_rng(1)
    rows = np.asarray(rows)
    return rows[
        rng.random((draws, len(rows))).argsort(axis=1)[:, :trials]
    ]


def regrets(problem, scores, trials, draws=DRAWS):
    """Return the regret of random searches, an array (draws, splits).

    `scores` (configurations, splits) is what they go by.
    """
    tried = drawn(np.arange(len(scores)), trials, draws)
    return judged(problem, best_of(tried, scores))


def foretold(problem, epochs, best_only=False):
    """Return the rank correlation with the end, mean over splits.

    Of all configurations, or of the best quarter.
    """
    end = problem.validation.max(axis=2)
    early = problem.validation[:, :, :epochs].max(axis=2)
    least = np.quantile(end.mean(axis=1), 0.75 if best_only else 0)
    kept = end.mean(axis=1) >= least
    pairs = zip(early[kept].T, end[kept].T, strict=True)
    return np.mean([spearmanr(*pair).statistic for pair in pairs])


def right_rate(problem):
    """Return whether each row's learning rate is about right.

    It is in the three neighbouring ninths of the rates whose
    configurations have the highest mean rank.
    """
    ranks = rankdata(problem.validation.max(axis=2).mean(axis=1))
    rates = np.log(problem.configurations["learning_rate"])
    part = pd.qcut(rates, 9, labels=False).to_numpy()
    windows = [(part >= n) & (part < n + 3) for n in range(7)]
    return max(windows, key=lambda rows: ranks[rows].mean())


def importance(problem, right=False):
    """Return the share of rank variance that each explains by itself.

    What chance would explain is taken off; continuous ones are cut into
    seven parts. Of all configurations, or of those whose learning rate
    is about right.
    """
    means = problem.validation.max(axis=2).mean(axis=1)
    kept = right_rate(problem) if right else np.full(len(means), True)
    ranks, shares = rankdata(means[kept]), {}
    for name, values in problem.configurations[kept].items():
        if values.dtype.kind == "f":
            values = pd.qcut(values, 7, labels=False)
        groups = pd.Series(ranks).groupby(values.to_numpy())
        inside = groups.var().mean() / np.var(ranks, ddof=1)
        shares[name] = max(0.0, 1 - inside)
    return pd.Series(shares)


def place_of(problem, name):
    """Return where in its range each value lies: 0 low, 1 high."""
    values = problem.configurations[name].to_numpy()
    if name != "dropout":
        values = np.log(values)
    return (values - values.min()) / np.ptp(values)


def places(problem):
    """Return where in their ranges the ten best lie, their medians."""
    best = problem.validation.max(axis=2).mean(axis=1).argsort()[-10:]
    found = {n: np.median(place_of(problem, n)[best]) for n in RANGES}
    return pd.Series(found)


def two_rounds(problem, draws=DRAWS, **finals):
    """Return the mean regret of 20 trials and 20 more near them.

    Near: between the lowest and the highest values of the best five, in
    learning rate, weight decay and dropout. `finals` are second_round's.
    """
    where = problem.configurations[list(RANGES)].to_numpy()

    def near(best):
        inside = where >= where[best].min(axis=0)
        inside &= where <= where[best].max(axis=0)
        return inside.all(axis=1)

    every = np.arange(len(where))
    return second_round(problem, every, near, draws, **finals)


def second_round(
    problem, first, near, draws=DRAWS, epochs=27, finalists=1
):
    """Return the mean regret after 20 of the rows and 20 more.

    `near` takes the best five rows of the first round and returns
    whether each row may be tried in the second. Trials are scored by
    their first `epochs`; the best so many `finalists` of both rounds are
    trained to the end, and the best of these is chosen.
    """
    rng, found = np.random.default_rng(1), []
    early = problem.validation[:, :, :epochs].max(axis=2)
    end = problem.validation.max(axis=2)
    for tried in drawn(first, 20, draws):
        chosen = []
        for split, full in zip(early.T, end.T, strict=True):
            best = tried[split[tried].argsort()[-5:]]
            among = np.setdiff1d(np.flatnonzero(near(best)), tried)
            more = min(20, len(among))
            new = rng.choice(among, more, replace=False)
            both = np.concatenate([tried, new])
            order = (-split[both]).argsort(kind="stable")
            last = both[order[:finalists]]
            chosen.append(last[full[last].argmax()])
        found.append(judged(problem, np.array([chosen])).mean())
    return np.mean(found)


def plans(problem):
    """Yield regrets of the plan, and of random trials for as many epochs.

    The plan: two rounds of 20 trials of 9 epochs, the best two trained
    to the end. That is 414 epochs, as many as of 15 full trials. Three
    seeds of these two, and of a model to compare with, make it 22.
    """
    yield "the plan", two_rounds(problem, epochs=9, finalists=2)
    scores = problem.validation.max(axis=2)
    for trials in (15, 22):
        value = regrets(problem, scores, trials).mean()
        yield f"{trials} random trials", value


def edges(problem):
    """Return regrets of searches whose range of learning rates is wrong.

    It is the half, on its logarithm, in which fewer of the ten best
    lie. 40 trials there; 20 there, and 20 more in that range moved by a
    half of its width to the side where the best five lie.
    """
    rate = place_of(problem, "learning_rate")
    low = places(problem)["learning_rate"] > 0.5
    inside = rate <= 0.5 if low else rate >= 0.5
    start = 0.0 if low else 0.5

    def moved(best):
        up = np.median(rate[best]) > start + 0.25
        begin = start + (0.25 if up else -0.25)
        return (rate >= begin) & (rate <= begin + 0.5)

    rows, scores = (
        np.flatnonzero(inside),
        problem.validation.max(axis=2),
    )
    stay = judged(problem, best_of(drawn(rows, 40), scores)).mean()
    return {"stay": stay, "move": second_round(problem, rows, moved)}


def widths(problem):
    """Return the mean regret of 20 trials in wide and in narrow ranges.

    A narrow range is a third of the learning rate's, on its logarithm:
    the third in which most of the ten best lie, and the one beside it
    in which fewer do.
    """
    rate, scores = (
        place_of(problem, "learning_rate"),
        problem.validation.max(axis=2),
    )
    best = scores.mean(axis=1).argsort()[-10:]
    third = np.minimum((rate * 3).astype(int), 2)
    counts = np.bincount(third[best], minlength=3)
    right = counts.argmax()
    beside = [n for n in (right - 1, right + 1) if 0 <= n < 3]
    wrong = min(beside, key=lambda n: counts[n])
    rows = {"wide": np.arange(len(rate))}
    rows["right third"] = np.flatnonzero(third == right)
    rows["wrong third"] = np.flatnonzero(third == wrong)
    return {
        name: judged(problem, best_of(drawn(each, 20), scores)).mean()
        for name, each in rows.items()
    }


def simplest(problem):
    """Return what the simplest trial within the noise loses and saves.

    Of 40 random trials on a split: the fewest units times layers among
    those within one standard error of the best validation accuracy, by
    the binomial distribution. Its regret more than that of the best,
    and its size as a part of the best's. None for a number to predict.
    """
    if not problem.classes:
        return None
    table = problem.configurations
    size = (table["units"] * table["layers"]).to_numpy()
    scores = problem.validation.max(axis=2)
    tried = drawn(np.arange(len(scores)), 40)
    found = scores[tried]  # (draws, trials, splits)
    top = found.max(axis=1, keepdims=True)
    error = (top * (1 - top) / problem.rows[1]) ** 0.5
    sizes = np.where(found >= top - error, size[tried][..., None], 1e9)
    # Of those of one size the best.
    order = sizes - found
    small = np.take_along_axis(tried, order.argmin(axis=1), axis=1)
    best = best_of(tried, scores)
    lost = judged(problem, small) - judged(problem, best)
    return {
        "loses": lost.mean(),
        "size": np.mean(size[small] / size[best]),
    }


def repeats(problem, splits, trials):
    """Return the mean regret of trials that are each scored on splits.

    The winner is judged on the one split that did not score it, in the
    units of regret_of.
    """
    scores, many = (
        problem.validation.max(axis=2),
        problem.tested.shape[1],
    )
    tried, found = drawn(np.arange(len(scores)), trials), []
    regret = regret_of(problem, problem.tested)
    for judge in range(many):
        others = [(judge + n) % many for n in range(1, splits + 1)]
        mean = scores[:, others].mean(axis=1, keepdims=True)
        best = best_of(tried, mean)[:, 0]
        found.append(regret[best, judge].mean())
    return np.mean(found)


def by_rate(problem, name, value, split):
    """Return each ninth of the learning rates' four best with a value.

    Best by the split's validation scores: their mean of these, and
    their mean regret, arrays (9,).
    """
    table = problem.configurations
    part = pd.qcut(np.log(table["learning_rate"]), 9, labels=False)
    scores = problem.validation[:, split].max(axis=1)
    regret = regret_of(problem)[:, split]
    rows = (table[name] == value).to_numpy()
    found = []
    for number in range(9):
        among = np.flatnonzero(rows & (part == number).to_numpy())
        best = among[scores[among].argsort()[-4:]]
        found.append((scores[best].mean(), regret[best].mean()))
    return np.transpose(found)


def carried_over(problem, name, source, target):
    """Return what the rate tuned for a value loses with another.

    Regret with the target of the ninth of rates that is best with the
    source, more than that of the ninth that is best with the target.
    """
    lost = []
    for split in range(problem.tested.shape[1]):
        before, _ = by_rate(problem, name, source, split)
        now, regret = by_rate(problem, name, target, split)
        lost.append(regret[before.argmax()] - regret[now.argmax()])
    return np.mean(lost)


def half_of_rows(problem, less):
    """Yield regrets of searches on half of the training rows.

    `less` (configurations, splits, 3) is what record_less_data wrote.
    First 20 trials on all rows, and 40 on half of them, for the same
    epochs, thus at the same cost; the winner is trained on all rows.
    Then what is trained on half of the rows to the end, for as many
    steps as on all: how good it is after so many trials.
    """
    early, late, tested = np.moveaxis(less, 2, 0)
    splits = early.shape[1]
    scores = problem.validation.max(axis=2)[:, :splits]
    every = np.arange(len(scores))
    full = regret_of(problem)[:, :splits]
    for name, trials, known in (
        ("20 on all rows", 20, scores),
        ("40 on half of them", 40, early),
        ("20 on half of them", 20, early),
    ):
        best = best_of(drawn(every, trials), known)
        value = full[best, np.arange(splits)].mean()
        yield "regret of a search on fewer rows", name, value
    for rows, known, found in (
        ("all rows", scores, problem.tested[:, :splits]),
        ("half of them", late, tested),
    ):
        others = found.sum(axis=1, keepdims=True) - found
        regret = regret_of(problem, others / (splits - 1))
        for trials in (10, 20, 160):
            best = best_of(drawn(every, trials), known)
            value = regret[best, np.arange(splits)].mean()
            yield "regret with rows", f"{rows}, {trials}", value


def measured(problem, less=None):
    """Yield what is measured, of what, and the value, for a problem.

    `less` is what it scores on half of the rows, where that is known.
    """
    scores = problem.validation.max(axis=2)
    for trials in TRIALS:
        value = regrets(problem, scores, trials).mean()
        yield "regret of trials", trials, value
    for epochs, trials in LENGTHS.items():
        early = problem.validation[:, :, :epochs].max(axis=2)
        value = regrets(problem, early, trials).mean()
        yield "regret of 540 epochs, each trial", epochs, value
    for epochs in (1, 3, 9):
        for best_only in (False, True):
            who = "best quarter" if best_only else "all"
            value = foretold(problem, epochs, best_only)
            yield f"foretold, {who}", epochs, value
    for right in (False, True):
        who = "right rate" if right else "all"
        for name, value in importance(problem, right).items():
            yield f"importance, {who}", name, value
    for name, value in places(problem).items():
        yield "place of the best", name, value
    yield "regret of rounds", "20 and 20 near", two_rounds(problem)
    for name, value in plans(problem):
        yield "regret of a plan", name, value
    for name, value in edges(problem).items():
        yield "regret at a wrong edge", name, value
    for name, value in widths(problem).items():
        yield "regret of a range", name, value
    for name, value in (simplest(problem) or {}).items():
        yield "simplest within the noise", name, value
    for splits, trials in ((1, 40), (2, 20), (4, 10)):
        value = repeats(problem, splits, trials)
        yield "regret of 40 trainings, splits", splits, value
    units = problem.configurations["units"]
    ends = {"fewest": units.min(), "most": units.max()}
    for name, *change in CHANGES:
        values = [ends.get(value, value) for value in change]
        value = carried_over(problem, name, *values)
        yield (
            "lost by the old rate",
            f"{name} {change[0]} to {change[1]}",
            value,
        )
    if less is not None:
        yield from half_of_rows(problem, less)


def hyperbands(problems):
    """Return Hyperband's mean regret after the plan's epochs, by problem."""
    races = load_races(HERE / "races_problems.npz")
    races = races[races["contestant"] == "Hyperband"]
    regret = {name: regret_of(each) for name, each in problems.items()}
    races = judge_races(races, problems, regret)
    ended = races[races["epochs"] <= PLANNED]
    race = ended.groupby(["problem", "split", "seed"], observed=True)
    return (
        race["regret"].last().groupby("problem", observed=True).mean()
    )


def main():
    rows, less = [], np.load(HERE / "less_data.npz")
    files = sorted(HERE.glob("problem_*.npz"))
    problems = {file.stem[8:]: load_problem(file) for file in files}
    raced = hyperbands(problems)
    for name, problem in problems.items():
        half = less[name] / 1e4 if name in less else None
        found = [*measured(problem, half)]
        found += [("regret of a plan", "Hyperband", raced[name])]
        for what, of, value in found:
            row = what, of, name, round(float(value), 4)
            rows.append(dict(zip(COLUMNS, row, strict=True)))
        print(name, flush=True)
    packages = "numpy", "scipy", "pandas"
    comments = records.provenance(
        "Advice on tuning, measured on the recorded problems",
        "measure_advice.py",
        packages,
        "one thread",
    )
    records.write(HERE / "advice.csv", COLUMNS, rows, comments)


if __name__ == "__main__":
    sys.exit(main())
