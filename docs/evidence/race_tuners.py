"""Race Keras Tuner's tuners on recorded learning curves.

    python docs/evidence/race_tuners.py [digits] [mnist]

Each race is a search by a real tuner of Keras Tuner, its trials looked
up instead of trained, until 1,500 epochs are spent: as many as Hyperband
takes for four iterations of max_epochs=27 (BayesianOptimization: half of
them). A row of races.csv, written beside this file, says when a race
found a better configuration:

- problem, setting, tuner, seed: which race;
- trial, epochs, seconds: what had been spent by then. Seconds are the
  recorded CPU seconds of training, each trial's start included;
- score: the best validation accuracy so far;
- quality: the test accuracy of the configuration that reached it, mean
  of the recorded runs, each at its epoch of best validation accuracy.

The last row of a race says what it had spent in all. Settings: `full`
is the whole space, one recorded run per configuration, drawn by seed;
`small` fixes all but layers, units and learning rate; `mean of three`
answers with the mean curve of the runs, and so with less noise.

What is raced is kept, race by race, under .cache.
"""

import csv
import itertools
import os
import sys
import tempfile
import time
import types
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import records

HERE = Path(__file__).parent
BUDGET = 1500  # epochs
PROBLEMS = "digits", "mnist"
SEEDS = range(1, 51)
# BayesianOptimization takes a second or so to propose a trial: it gets
# fewer seeds, and half of the epochs.
SLOW = range(1, 21)
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
# Class, arguments, epochs of a trial, patience.
TUNERS = {
    "RandomSearch": ("RandomSearch", {"max_trials": 56}, 27, None),
    "RandomSearch, patience 5": (
        "RandomSearch",
        {"max_trials": 250},
        27,
        5,
    ),
    "RandomSearch, 9 epochs": (
        "RandomSearch",
        {"max_trials": 167},
        9,
        None,
    ),
    "Hyperband": (
        "Hyperband",
        {"max_epochs": 27, "factor": 3, "hyperband_iterations": 4},
        27,
        None,
    ),
    "GridSearch": ("GridSearch", {"max_trials": 56}, 27, None),
    "BayesianOptimization": (
        "BayesianOptimization",
        {"max_trials": 28},
        27,
        None,
    ),
    "BayesianOptimization, 5 initial": (
        "BayesianOptimization",
        {"max_trials": 28, "num_initial_points": 5},
        27,
        None,
    ),
}


def quality(curves):
    """Return each configuration's mean test accuracy, (configurations,).

    Each run counts at its epoch of best validation accuracy.
    """
    import numpy as np

    best = curves.validation.argmax(axis=2)[..., None]
    return np.take_along_axis(curves.test, best, 2)[..., 0].mean(axis=1)


def draw_runs(seed, configurations):
    """Return which recorded run answers for each configuration."""
    import numpy as np

    return np.random.default_rng(seed).integers(3, size=configurations)


def improvements(history, curves):
    """Yield trial, epochs, seconds, score, quality at each new best.

    `history` lists the trials in the order they ended: row of the
    configuration, run, first and last epoch, score. The last yield says
    what was spent in all.
    """
    true = quality(curves)
    epochs, seconds, best, chosen = 0, 0.0, -1.0, None
    number, row = 0, None
    for row, run, first, last, score in history:
        if epochs >= BUDGET:
            break
        number += 1
        epochs += last - first
        taken = curves.seconds[row, run, first:last].sum()
        seconds += curves.start[row] + taken
        if score > best:
            best, chosen = score, row
            yield number, epochs, seconds, best, true[chosen]
    yield number, epochs, seconds, best, true[chosen]


def race(problem, setting, name, seed):
    """Run one search; return its improvements."""
    import keras_tuner as kt
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    from snippets.data.load_curves import load_curves
    from snippets.searches.replayed import replayed

    warnings.simplefilter("ignore", ConvergenceWarning)
    curves = load_curves(HERE / f"curves_{problem}.csv.xz")
    runs = draw_runs(seed, len(curves.configurations))
    asked = curves
    if setting == "mean of three":
        mean = curves.validation.mean(axis=1, keepdims=True)
        asked = types.SimpleNamespace(validation=mean, find=curves.find)
    space = kt.HyperParameters()
    for hyperparameter, values in curves.space.items():
        if setting == "small" and hyperparameter in SMALL:
            space.Fixed(hyperparameter, SMALL[hyperparameter])
        else:
            space.Choice(hyperparameter, list(values))
    class_name, arguments, epochs, patience = TUNERS[name]
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (
        tempfile.TemporaryDirectory(dir=shared) as folder,
        threadpool_limits(1),
    ):
        tuner = replayed(
            getattr(kt, class_name),
            asked,
            runs=0 if setting == "mean of three" else runs,
            patience=patience,
        )(
            objective=kt.Objective("val_accuracy", "max"),
            hyperparameters=space,
            seed=seed,
            directory=folder,
            project_name="race",
            **arguments,
        )
        given = {} if class_name == "Hyperband" else {"epochs": epochs}
        tuner.search(verbose=0, **given)
    history = []
    for trial_id in tuner.oracle.end_order:
        trial = tuner.oracle.trials[trial_id]
        row = curves.find(trial.hyperparameters.values)
        first = trial.hyperparameters.values.get(
            "tuner/initial_epoch", 0
        )
        trained = int(trial.metrics.get_best_value("epochs"))
        span = first, first + trained
        history.append((row, runs[row], *span, trial.score))
    # What a Choice of floats answers is a NumPy float at times.
    return [
        (
            problem,
            setting,
            name,
            seed,
            number,
            epochs,
            round(float(seconds), 2),
            round(float(score), 4),
            round(float(true), 4),
        )
        for number, epochs, seconds, score, true in improvements(
            history, curves
        )
    ]


def run_all(races, race, kept, result, comments):
    """Run what is not kept, side by side; write all as one CSV."""
    kept.mkdir(parents=True, exist_ok=True)
    files = {
        each: kept
        / ("-".join(map(str, each)).replace(" ", "_") + ".csv")
        for each in races
    }
    missing = [each for each in races if not files[each].exists()]
    print(f"{len(missing)} of {len(races)} races to run")
    begun = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        runs = {pool.submit(race, *each): each for each in missing}
        for done, run in enumerate(as_completed(runs), 1):
            file = files[runs[run]]
            partial = file.with_suffix(".partial")
            with open(
                partial, "w", newline="", encoding="utf-8"
            ) as lines:
                writer = csv.writer(lines, lineterminator="\n")
                writer.writerows(run.result())
            partial.replace(file)  # whole or not at all
            if done % 50 == 0 or done == len(runs):
                minutes = (time.monotonic() - begun) / 60
                print(
                    f"{done} of {len(runs)}, {minutes:.1f} min",
                    flush=True,
                )
    lines = [file.read_text("utf-8").strip() for file in files.values()]
    text = "\n".join([*comments, ",".join(COLUMNS), *lines, ""])
    result.write_text(text, "utf-8")
    print(f"wrote {result}")


def planned(problems):
    """Yield every race: problem, setting, tuner, seed."""
    for problem, name in itertools.product(problems, TUNERS):
        if TUNERS[name][0] == "BayesianOptimization":
            for seed in SLOW:
                yield problem, "full", name, seed
        else:
            settings = "full", "small", "mean of three"
            for setting, seed in itertools.product(settings, SEEDS):
                yield problem, setting, name, seed


def main():
    problems = sys.argv[1:] or PROBLEMS
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    run_all(
        list(planned(problems)),
        race,
        HERE.parents[1] / ".cache" / "races",
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
