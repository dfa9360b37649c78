"""Race search algorithms of our own on recorded learning curves.

    python docs/evidence/race_own.py

Writes races_own.csv beside itself, with the columns of races.csv, from
the same problems and answers as race_tuners.py, on the whole space, with
half the seeds and half the budget: the three oracles of the page *Your
own search algorithm*. "9 epochs" trains each trial for that long instead
of 27.

What is raced is kept, race by race, under .cache.
"""

import itertools
import os
import sys
import tempfile

import race_tuners
import records

from snippets.data.evidence_file import evidence_file

BUDGET = 756  # epochs, two iterations of Hyperband
SEEDS = race_tuners.SEEDS[:50]
EVOLUTION = {"population": 8, "sample": 4}
# The oracle, its arguments, the epochs of a trial where it sets none.
CONTESTANTS = {
    "QuasiRandom": ("QuasiRandomOracle", {"max_trials": 28}, 27),
    "QuasiRandom, 9 epochs": (
        "QuasiRandomOracle",
        {"max_trials": 84},
        9,
    ),
    "Evolution": (
        "EvolutionOracle",
        {"max_trials": 28, **EVOLUTION},
        27,
    ),
    "Evolution, 9 epochs": (
        "EvolutionOracle",
        {"max_trials": 84, **EVOLUTION},
        9,
    ),
    "Asha": ("AshaOracle", {"max_trials": 400, "max_epochs": 27}, None),
}


def race(problem, name, seed):
    """Run one search; return its improvements, as race_tuners does."""
    import keras_tuner as kt

    from snippets.data.load_curves import load_curves
    from snippets.searches.asha_oracle import AshaOracle
    from snippets.searches.evolution_oracle import EvolutionOracle
    from snippets.searches.quasi_random_oracle import QuasiRandomOracle
    from snippets.searches.replayed import replayed
    from snippets.searches.rounds_tuner import RoundsTuner

    classes = AshaOracle, EvolutionOracle, QuasiRandomOracle
    oracles = {each.__name__: each for each in classes}
    curves = load_curves(evidence_file(f"curves_{problem}.csv.xz"))
    runs = race_tuners.draw_runs(seed, len(curves.configurations))
    space = kt.HyperParameters()
    for hyperparameter, values in curves.space.items():
        space.Choice(hyperparameter, list(values))
    oracle, arguments, epochs = CONTESTANTS[name]
    oracle = oracles[oracle](
        kt.Objective("val_accuracy", "max"),
        hyperparameters=space,
        seed=seed,
        **arguments,
    )
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        tuner = replayed(RoundsTuner, curves, runs)(
            oracle, directory=folder, project_name="race"
        )
        tuner.search(
            verbose=0, **({"epochs": epochs} if epochs else {})
        )
    history = []
    for trial_id in oracle.end_order:
        trial = oracle.trials[trial_id]
        values = trial.hyperparameters.values
        row = curves.find(values)
        first = values.get("tuner/initial_epoch", 0)
        last = first + int(trial.metrics.get_best_value("epochs"))
        history.append((row, int(runs[row]), first, last, trial.score))
    return race_tuners.told(history, curves, BUDGET)["rows"]


def planned():
    """Yield every race: problem, contestant, seed."""
    yield from itertools.product(
        race_tuners.PROBLEMS, CONTESTANTS, SEEDS
    )


def main():
    rows = []
    for problem, name, seed in planned():
        task = "own", problem, name, seed
        told = records.kept("races", task, lambda task: race(*task[1:]))
        for row in told:
            named = problem, "full", name, seed
            columns = zip(
                race_tuners.COLUMNS, (*named, *row), strict=True
            )
            rows.append(dict(columns))
    records.write(
        race_tuners.HERE / "races_own.csv",
        race_tuners.COLUMNS,
        rows,
        records.provenance(
            "Races on recorded learning curves",
            "race_own.py",
            ("keras-tuner", "numpy", "scipy"),
            "one thread a race",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
