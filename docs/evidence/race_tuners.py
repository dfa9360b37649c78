"""Race Keras Tuner's tuners on recorded learning curves.

    python docs/evidence/race_tuners.py [digits] [mnist]

Each race is a search by a real tuner of Keras Tuner, its trials looked
up instead of trained, until 1,500 epochs are spent: as many as Hyperband
takes for four iterations of max_epochs=27. A row of races.csv, written
beside this file, says when a race found a better configuration:

- problem, setting, tuner, seed: which race;
- trial, epochs, seconds: what had been spent by then. Seconds are the
  recorded CPU seconds of training, each trial's start included;
- score: the best validation accuracy so far;
- quality: the test accuracy of the configuration that reached it, mean
  of the two recorded runs that did not answer the search, each at its
  epoch of best validation accuracy.

The last row of a race says what it had spent in all. Settings: `full`
is the whole space; `small` fixes all but layers, units and learning
rate. One recorded run answers for each configuration, drawn by seed.

overlaps.csv says what the races of one tuner have in common: of the
configurations that two of them tried, which share is the same, mean and
maximum over pairs, and what chance would give if each drew its own.

What is raced is kept, race by race, under .cache.
"""

import itertools
import os
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import records

from snippets.searches.independent_seeds import independent_seeds

HERE = Path(__file__).parent
BUDGET = 1500  # epochs
PROBLEMS = "digits", "mnist"
SETTINGS = "full", "small"
SEEDS = independent_seeds(100)
SMALL = {"activation": "relu", "dropout": 0.0, "batch_size": 64}
COLUMNS = (
    "problem",
    "setting",
    "tuner",
    "seed",
    "trial",
    "epochs",
    "seconds",
    "score",
    "quality",
)
SHARES = (
    "problem",
    "setting",
    "tuner",
    "configurations",
    "shared_mean",
    "shared_max",
    "chance",
)


class Contestant(NamedTuple):
    tuner: str
    arguments: dict
    epochs: int = 27  # of a trial; Hyperband has its own
    patience: int | None = None
    budget: int = BUDGET


CONTESTANTS = {
    "RandomSearch": Contestant("RandomSearch", {"max_trials": 56}),
    "RandomSearch, 9 epochs": Contestant(
        "RandomSearch", {"max_trials": 167}, epochs=9
    ),
    "RandomSearch, 3 epochs": Contestant(
        "RandomSearch", {"max_trials": 432}, epochs=3
    ),
    "RandomSearch, patience 5": Contestant(
        "RandomSearch", {"max_trials": 250}, patience=5
    ),
    "RandomSearch, twice the epochs": Contestant(
        "RandomSearch", {"max_trials": 112}, budget=2 * BUDGET
    ),
    "Hyperband": Contestant(
        "Hyperband",
        {"max_epochs": 27, "factor": 3, "hyperband_iterations": 4},
    ),
    "BayesianOptimization": Contestant(
        "BayesianOptimization", {"max_trials": 56}
    ),
    "GridSearch": Contestant("GridSearch", {"max_trials": 56}),
}


def draw_runs(seed, configurations):
    """Return which recorded run answers for each configuration."""
    import numpy as np

    return np.random.default_rng(seed).integers(3, size=configurations)


def improvements(history, curves, budget=BUDGET):
    """Yield trial, epochs, seconds, score, quality at each new best.

    `history` lists the trials in the order they ended: row of the
    configuration, run, first and last epoch, score. The last yield says
    what was spent in all.
    """
    epochs, seconds, best, quality = 0, 0.0, -1.0, None
    number = 0
    for row, run, first, last, score in history:
        if epochs >= budget:
            break
        number += 1
        epochs += last - first
        taken = curves.seconds[row, run, first:last].sum()
        seconds += curves.start[row] + taken
        if score > best:
            best = score
            others = [n for n in range(curves.seeds) if n != run]
            quality = curves.tested[row, others].mean()
            yield number, epochs, seconds, best, quality
    yield number, epochs, seconds, best, quality


def race(problem, setting, name, seed):
    """Run one search; return its improvements and what it tried."""
    import keras_tuner as kt
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    from snippets.data.load_curves import load_curves
    from snippets.searches.quick_proposals import quick_proposals
    from snippets.searches.replayed import replayed

    warnings.simplefilter("ignore", ConvergenceWarning)
    curves = load_curves(HERE / f"curves_{problem}.csv.xz")
    runs = draw_runs(seed, len(curves.configurations))
    space = kt.HyperParameters()
    for hyperparameter, values in curves.space.items():
        if setting == "small" and hyperparameter in SMALL:
            space.Fixed(hyperparameter, SMALL[hyperparameter])
        else:
            space.Choice(hyperparameter, list(values))
    contestant = CONTESTANTS[name]
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (
        tempfile.TemporaryDirectory(dir=shared) as folder,
        threadpool_limits(1),
    ):
        tuner_class = replayed(
            getattr(kt, contestant.tuner),
            curves,
            runs,
            contestant.patience,
        )
        if contestant.tuner == "BayesianOptimization":
            tuner_class = quick_proposals(tuner_class)
        tuner = tuner_class(
            objective=kt.Objective("val_accuracy", "max"),
            hyperparameters=space,
            seed=seed,
            directory=folder,
            project_name="race",
            **contestant.arguments,
        )
        given = {"epochs": contestant.epochs}
        if contestant.tuner == "Hyperband":
            given = {}
        tuner.search(verbose=0, **given)
    history = []
    for trial_id in tuner.oracle.end_order:
        trial = tuner.oracle.trials[trial_id]
        values = trial.hyperparameters.values
        row = curves.find(values)
        first = values.get("tuner/initial_epoch", 0)
        trained = int(trial.metrics.get_best_value("epochs"))
        span = first, first + trained
        history.append((row, int(runs[row]), *span, trial.score))
    return told(history, curves, contestant.budget)


def told(history, curves, budget=BUDGET):
    """Return what is kept of a race: improvements, what it tried."""
    rows = [
        # What a Choice of floats answers is a NumPy float at times.
        (
            number,
            epochs,
            round(float(seconds), 2),
            round(float(score), 4),
            round(float(quality), 4),
        )
        for number, epochs, seconds, score, quality in improvements(
            history, curves, budget
        )
    ]
    ended = rows[-1][0]  # trials, when the budget was spent
    tried = sorted({int(row) for row, *_ in history[:ended]})
    return {"rows": rows, "tried": tried}


def kept(race, each):
    return records.kept("races", each, lambda task: race(*task))


def run_all(races, race, result, comments):
    """Run what is not kept, side by side; write all as two CSVs."""
    begun, told = time.monotonic(), {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(kept, race, each): each for each in races}
        for done, run in enumerate(as_completed(runs), 1):
            told[runs[run]] = run.result()
            if done % 50 == 0 or done == len(runs):
                minutes = (time.monotonic() - begun) / 60
                print(
                    f"{done} of {len(runs)}, {minutes:.1f} min",
                    flush=True,
                )
    rows = [
        dict(zip(COLUMNS, (*each, *row), strict=True))
        for each in races
        for row in told[each]["rows"]
    ]
    records.write(result, COLUMNS, rows, comments)
    groups = {}
    for *named, seed in races:
        tried = set(told[(*named, seed)]["tried"])
        groups.setdefault(tuple(named), []).append(tried)
    rows = [
        dict(
            zip(SHARES, (*named, *overlap(named[1], sets)), strict=True)
        )
        for named, sets in groups.items()
    ]
    place = result.with_name(result.name.replace("races", "overlaps"))
    records.write(place, SHARES, rows, comments)


def overlap(setting, sets):
    """Return sizes, shares and chance of sets of configurations.

    A share is of the smaller set. By chance it is as large as the
    larger set's share of the space.
    """
    size = {"full": 432, "small": 36}[setting]
    pairs = [
        sorted(p, key=len) for p in itertools.combinations(sets, 2)
    ]
    shares = [len(a & b) / len(a) for a, b in pairs]
    chances = [len(b) / size for _, b in pairs]
    numbers = (
        sum(map(len, sets)) / len(sets),
        sum(shares) / len(pairs),
        max(shares),
        sum(chances) / len(pairs),
    )
    return [round(number, 4) for number in numbers]


def planned(problems):
    """Yield every race: problem, setting, tuner, seed."""
    yield from itertools.product(problems, SETTINGS, CONTESTANTS, SEEDS)


def main():
    problems = sys.argv[1:] or PROBLEMS
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    run_all(
        list(planned(problems)),
        race,
        HERE / "races.csv",
        records.provenance(
            "Races on recorded learning curves",
            "race_tuners.py",
            ("keras-tuner", "numpy", "scipy"),
            "one thread a race",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
