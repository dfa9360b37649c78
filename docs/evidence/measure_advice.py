"""Measure advice on tuning on the recorded problems.

    python docs/evidence/measure_advice.py

Prints, from every problem_NAME.npz beside this file: what more trials
are worth; what the same epochs are worth in many short trials or in few
long ones, and whether short trials foretell long ones; which
hyperparameters matter; where in its range the best lies; what a second
round near the best of the first gains; and what a learning rate loses
that was tuned for another model. The problem is the unit: means have
Student's 95 % intervals over problems.

A search picks, on one split, the configuration with the best validation
score of those it tried. regret_of says what that is worth on the other
splits: 0 is who knows all of these, 1 what a quarter of all beat.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr, ttest_1samp

from snippets.data.load_problem import load_problem
from snippets.data.regret_of import regret_of

HERE = Path(__file__).parent
TRIALS = 5, 10, 20, 40, 80, 160
LENGTHS = {27: 20, 9: 60, 3: 180, 1: 504}  # epochs: trials
CHANGES = {"batch_size": (32, 128), "layers": (1, 3)}
CHANGES |= {"schedule": ("constant", "cosine")}
RANGES = "learning_rate", "weight_decay", "dropout"


def judged(problem, chosen):
    """Return the regret of rows chosen on each split, (draws, splits)."""
    return regret_of(problem)[chosen, np.arange(chosen.shape[1])]


def regrets(problem, scores, trials, draws=300):
    """Return the regret of random searches, an array (draws, splits).

    `scores` (configurations, splits) is what they go by.
    """
    order = np.random.default_rng(1).random((draws, len(scores)))
    tried = order.argsort(axis=1)[:, :trials]
    best = scores[tried].argmax(axis=1)
    return judged(problem, np.take_along_axis(tried, best, axis=1))


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


def importance(problem):
    """Return the share of rank variance that each explains by itself.

    What chance would explain is taken off; continuous ones are cut into
    seven parts.
    """
    ranks = rankdata(problem.validation.max(axis=2).mean(axis=1))
    shares = {}
    for name, values in problem.configurations.items():
        if values.dtype.kind == "f":
            values = pd.qcut(values, 7, labels=False)
        groups = pd.Series(ranks).groupby(values.to_numpy())
        inside = groups.var().mean() / np.var(ranks, ddof=1)
        shares[name] = max(0.0, 1 - inside)
    return pd.Series(shares)


def places(problem):
    """Return where in its range the ten best lie: 0 low, 1 high."""
    best = problem.validation.max(axis=2).mean(axis=1).argsort()[-10:]
    found = {}
    for name in RANGES:
        values = problem.configurations[name]
        if name != "dropout":
            values = np.log(values)
        place = (values - values.min()) / (values.max() - values.min())
        found[name] = place[best].median()
    return pd.Series(found)


def two_rounds(problem, draws=200):
    """Return the mean regret of 20 trials and 20 more near them.

    Near: between the lowest and the highest values of the best five, in
    learning rate, weight decay and dropout.
    """
    rng, scores = (
        np.random.default_rng(1),
        problem.validation.max(axis=2),
    )
    where = problem.configurations[list(RANGES)].to_numpy()
    found = []
    for _ in range(draws):
        tried, chosen = rng.choice(len(scores), 20, replace=False), []
        for split in scores.T:
            best = where[tried[split[tried].argsort()[-5:]]]
            inside = (where >= best.min(axis=0)) & (
                where <= best.max(axis=0)
            )
            near = np.setdiff1d(
                np.flatnonzero(inside.all(axis=1)), tried
            )
            more = min(20, len(near))
            new = rng.choice(near, more, replace=False)
            both = np.concatenate([tried, new])
            chosen.append(both[split[both].argmax()])
        found.append(judged(problem, np.array([chosen])).mean())
    return np.mean(found)


def by_rate(problem, name, value, splits):
    """Return the score of each ninth of the learning rates.

    That of its four best configurations with this value, as a mean.
    """
    table = problem.configurations
    part = pd.qcut(np.log(table["learning_rate"]), 9, labels=False)
    scores = problem.tested[:, splits].mean(axis=1)
    rows = (table[name] == value).to_numpy()
    parts = [scores[rows & (part == n).to_numpy()] for n in range(9)]
    return np.array([np.sort(each)[-4:].mean() for each in parts])


def carried_over(problem, name, source, target):
    """Return what the rate tuned for a value loses with another.

    Both rates are chosen on all splits but one and judged on that, in
    units of the best configuration over the median.
    """
    means, lost = problem.tested.mean(axis=1), []
    for split in range(problem.tested.shape[1]):
        others = [
            n for n in range(problem.tested.shape[1]) if n != split
        ]
        old = by_rate(problem, name, source, others).argmax()
        new = by_rate(problem, name, target, others).argmax()
        judged = by_rate(problem, name, target, [split])
        lost.append(judged[new] - judged[old])
    return np.mean(lost) / (means.max() - np.median(means))


def over_problems(values, worth=0.05):
    """Return a line: mean, interval, on how many problems above, below."""
    found = ttest_1samp(values, 0).confidence_interval()
    more, less = (values > worth).sum(), (values < -worth).sum()
    text = f"{np.mean(values):5.2f} [{found.low:.2f}, {found.high:.2f}]"
    return f"{text}, above {worth} on {more}, below -{worth} on {less}"


def main():
    files = sorted(HERE.glob("problem_*.npz"))
    problems = {file.stem[8:]: load_problem(file) for file in files}
    print(f"{len(problems)} problems: {', '.join(problems)}")

    def each(measure):
        return pd.Series({n: measure(p) for n, p in problems.items()})

    print("\nregret after so many trials of 27 epochs")
    before, at = None, {}
    for trials in TRIALS:
        at[trials] = each(
            lambda p, k=trials: regrets(
                p, p.validation.max(2), k
            ).mean()
        )
        print(f"{trials:4}: {over_problems(at[trials])}")
        if before is not None:
            gain = before - at[trials]
            print(f"      gained: {over_problems(gain)}")
        before = at[trials]
    print("\nregret of 540 epochs, the winner then trained for 27")
    for epochs, trials in LENGTHS.items():
        found = each(
            lambda p, e=epochs, k=trials: regrets(
                p, p.validation[:, :, :e].max(2), k
            ).mean()
        )
        gain = at[20] - found
        print(f"{trials} trials of {epochs}: {over_problems(found)}")
        print(f"      gained over 20 of 27: {over_problems(gain)}")
    print("\nrank correlation with the end: lowest, median, highest")
    for epochs in (1, 3, 9):
        for best_only in (False, True):
            found = each(
                lambda p, e=epochs, b=best_only: foretold(p, e, b)
            )
            who = "best quarter" if best_only else "all"
            spread = found.quantile([0, 0.5, 1]).round(2).tolist()
            print(f"{epochs} epochs, {who}: {spread}")
    shares = pd.DataFrame(
        {
            name: importance(problem)
            for name, problem in problems.items()
        }
    ).T
    print("\nshare of rank variance\n", shares.round(2).to_string())
    print(
        "the largest:", shares.idxmax(axis=1).value_counts().to_dict()
    )
    where = pd.DataFrame(
        {name: places(problem) for name, problem in problems.items()}
    ).T
    print("\nwhere the ten best lie\n", where.round(2).to_string())
    rounds = each(two_rounds)
    print("\ntwo rounds of 20:", over_problems(rounds))
    print("gained over one of 40:", over_problems(at[40] - rounds))
    print("\nlost by a learning rate tuned for another model")
    for name, (source, target) in CHANGES.items():
        lost = each(
            lambda p, n=name, a=source, b=target: carried_over(
                p, n, a, b
            )
        )
        print(f"{name} {source} to {target}: {over_problems(lost)}")


if __name__ == "__main__":
    main()
