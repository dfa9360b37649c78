"""Race tuners on the recorded problems.

    python docs/evidence/race_problems.py

Each race is a search by a real tuner on one split of a problem, its
trials looked up instead of trained, until 1,512 epochs are spent. What a
tuner proposes becomes the nearest recorded configuration that the search
has not tried, and the tuner is told that it was this one (but a grid,
which keeps its own values): what is looked up is a training that
happened, never a guess between two.

Writes races_problems.npz beside itself; load_races reads it: every trial
of every race. What is raced is kept, race by race, under .cache; run it
again when a problem is recorded.
"""

import itertools
import os
import sys
import tempfile
import types
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import record_problems
import records

from snippets.data.load_problem import load_problem
from snippets.searches.independent_seeds import independent_seeds

HERE = Path(__file__).parent
BUDGET = 1512  # epochs
REPEATS = 4
OBJECTIVE = "val_accuracy"
ROUNDS = {"max_epochs": 27, "factor": 3}
EVOLUTION = {"population": 16, "sample": 4}
# The tuner or the oracle, its arguments, the epochs of a trial where it
# sets none, and the patience.
CONTESTANTS = {
    "RandomSearch": ("RandomSearch", {"max_trials": 56}, 27, None),
    "RandomSearch, 9 epochs": (
        "RandomSearch",
        {"max_trials": 168},
        9,
        None,
    ),
    "RandomSearch, 3 epochs": (
        "RandomSearch",
        {"max_trials": 504},
        3,
        None,
    ),
    "RandomSearch, patience 5": (
        "RandomSearch",
        {"max_trials": 250},
        27,
        5,
    ),
    "RandomSearch, twice the epochs": (
        "RandomSearch",
        {"max_trials": 112},
        27,
        None,
    ),
    "Hyperband": (
        "Hyperband",
        {**ROUNDS, "hyperband_iterations": 5},
        None,
        None,
    ),
    "BayesianOptimization": (
        "BayesianOptimization",
        {"max_trials": 56},
        27,
        None,
    ),
    "GridSearch": ("GridSearch", {"max_trials": 56}, 27, None),
    "Quasi-random": ("QuasiRandomOracle", {"max_trials": 56}, 27, None),
    "Evolution": (
        "EvolutionOracle",
        {"max_trials": 56, **EVOLUTION},
        27,
        None,
    ),
    "ASHA": (
        "AshaOracle",
        {"max_trials": 900, "max_epochs": 27},
        None,
        None,
    ),
}


def seed_of(problem, split, repeat):
    """Return a race's seed: no two problems or splits share draws.

    Where they do, the luck of a draw is in all of them, and no interval
    over problems knows of it.
    """
    names, splits = (
        list(record_problems.PROBLEMS),
        record_problems.SPLITS,
    )
    number = (names.index(problem) * splits + split) * REPEATS + repeat
    return independent_seeds(len(names) * splits * REPEATS)[number]


def space_of(problem):
    """Return the search space in which the problem was recorded."""
    import keras_tuner as kt

    space = kt.HyperParameters()
    for name, values in problem.configurations.items():
        if name in record_problems.RANGES:
            low, high = record_problems.RANGES[name]
            scale = "log" if low else "linear"
            space.Float(name, low, high, sampling=scale)
        else:
            space.Choice(name, np.unique(values).tolist())
    return space


class Nearest:
    """Finds, for a trial's values, the nearest recorded configuration.

    Near where Keras Tuner places them: each hyperparameter from 0 to 1,
    on its own scale. It gives one that it has not given, while there is
    any, and writes it into the values, unless `told` is False. A trial
    that goes on keeps its configuration. `rows` lists what was given.
    """

    def __init__(self, problem, told=True):
        self.space = space_of(problem).space
        self.told, self.rows = told, []
        self.known = problem.configurations.to_dict("records")
        self.places = np.array(
            [self.place(each) for each in self.known]
        )

    def place(self, values):
        return [
            each.value_to_prob(values[each.name]) for each in self.space
        ]

    def __call__(self, values):
        away = ((self.places - self.place(values)) ** 2).sum(axis=1)
        if not values.get("tuner/initial_epoch"):
            away[np.unique(self.rows).astype(int)] += len(self.space)
        row = int(away.argmin())
        self.rows.append(row)
        if self.told:
            values.update(self.known[row])
        return row


def contestant(name):
    """Return a tuner's class, or a function that makes one's tuner."""
    import keras_tuner as kt

    from snippets.searches.asha_oracle import AshaOracle
    from snippets.searches.evolution_oracle import EvolutionOracle
    from snippets.searches.quasi_random_oracle import QuasiRandomOracle
    from snippets.searches.quick_proposals import quick_proposals
    from snippets.searches.rounds_tuner import RoundsTuner

    oracles = {
        each.__name__: each
        for each in (AshaOracle, EvolutionOracle, QuasiRandomOracle)
    }
    if name in oracles:
        return RoundsTuner, oracles[name]
    if name == "BayesianOptimization":
        return quick_proposals(kt.BayesianOptimization), None
    return getattr(kt, name), None


def race(problem_name, name, split, repeat, changed=None):
    """Run one search; return its trials: row, first and last epoch.

    `changed` takes the tuner's class and returns the one to race.
    """
    import keras_tuner as kt
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    from snippets.searches.replayed import replayed

    warnings.simplefilter("ignore", ConvergenceWarning)
    problem = load_problem(HERE / f"problem_{problem_name}.npz")
    kind, arguments, epochs, patience = CONTESTANTS[name]
    # A grid that is told of other values does not find its place again.
    find = Nearest(problem, told=kind != "GridSearch")
    curves = types.SimpleNamespace(
        validation=problem.validation, find=find
    )
    tuner_class, oracle_class = contestant(kind)
    if changed:
        tuner_class = changed(tuner_class)
    settings = {
        "objective": kt.Objective(OBJECTIVE, "max"),
        "hyperparameters": space_of(problem),
        "seed": seed_of(problem_name, split, repeat),
        **arguments,
    }
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (
        tempfile.TemporaryDirectory(dir=shared) as folder,
        threadpool_limits(1),
    ):
        tuner_class = replayed(tuner_class, curves, split, patience)
        place = {"directory": folder, "project_name": "race"}
        if oracle_class:
            tuner = tuner_class(oracle_class(**settings), **place)
        else:
            tuner = tuner_class(**settings, **place)
        # What is whole after the race needs no files while it runs.
        tuner.oracle.save = tuner.oracle._save_trial = lambda *_: None
        tuner.save = lambda: None
        tuner.search(
            verbose=0, **({"epochs": epochs} if epochs else {})
        )
    trials, spent = [], 0
    budget = BUDGET * (2 if "twice" in name else 1)
    for row, trial_id in zip(
        find.rows, tuner.oracle.end_order, strict=True
    ):
        trial = tuner.oracle.trials[trial_id]
        values = trial.hyperparameters.values
        first = values.get("tuner/initial_epoch", 0)
        last = first + int(trial.metrics.get_best_value("epochs"))
        if spent + last - first > budget:
            break
        spent += last - first
        trials.append((row, first, last))
    return trials


def planned(problems):
    """Yield every race: problem, contestant, split, repeat."""
    splits, repeats = range(record_problems.SPLITS), range(REPEATS)
    yield from itertools.product(problems, CONTESTANTS, splits, repeats)


def kept(each):
    return records.kept(
        "races_of_problems", each, lambda task: race(*task)
    )


def main():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    files = sorted(HERE.glob("problem_*.npz"))
    races = list(planned([file.stem[8:] for file in files]))
    columns, trials = [[] for _ in range(4)], []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        told = pool.map(kept, races, chunksize=4)
        for done, (each, found) in enumerate(
            zip(races, told, strict=True), 1
        ):
            for column, value in zip(columns, each, strict=True):
                column.append(value)
            trials.append(found)
            if done % 100 == 0:
                print(f"{done} of {len(races)}", flush=True)
    comments = records.provenance(
        "Races on recorded problems",
        "race_problems.py",
        ("keras-tuner", "numpy", "scipy"),
        "one thread a race",
    )
    rows, first, last = np.concatenate(trials).T
    np.savez_compressed(
        HERE / "races_problems.npz",
        problem=np.array(columns[0]),
        contestant=np.array(columns[1]),
        split=np.uint8(columns[2]),
        seed=np.int64(columns[3]),
        trials=np.int32([len(each) for each in trials]),
        row=np.int16(rows),
        first=np.uint8(first),
        last=np.uint8(last),
        provenance="\n".join(line[2:] for line in comments),
    )
    print(f"wrote {HERE / 'races_problems.npz'}")


if __name__ == "__main__":
    sys.exit(main())
