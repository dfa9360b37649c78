"""Race Bayesian optimisation that proposes several trials at once.

    python docs/evidence/race_batches.py

As race_problems, on the first three splits and two repeats, with the
seeds of its races: 1, 4, 8, and 28 proposals before any of their scores
is known. Keras Tuner lets the process guess the scores of trials that
run. Writes batches.csv beside itself: the regret of what each race chose
after 1,512 epochs. What is raced is kept under .cache.
"""

import itertools
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import race_problems
import record_problems
import records

from snippets.data.load_problem import load_problem
from snippets.data.regret_of import regret_of

AT_ONCE = 1, 4, 8, 28
SPLITS, REPEATS = range(3), range(2)
KIND = "BayesianOptimization"


def several_at_once(tuner_class, size):
    """Return the tuner class: it asks for `size` trials, then runs them."""

    class SeveralAtOnce(tuner_class):
        def search(self, verbose=0, **kwargs):
            self.oracle.verbose = verbose
            while trials := self.asked():
                for trial in trials:
                    self.on_trial_begin(trial)
                    self._try_run_and_update_trial(trial, **kwargs)
                    self.on_trial_end(trial)

        def asked(self):
            names = [f"tuner{number}" for number in range(size)]
            trials = map(self.oracle.create_trial, names)
            return [each for each in trials if each.status == "RUNNING"]

    return SeveralAtOnce


def chosen(problem_name, split, repeat, at_once):
    """Return the regret of what one search chose."""
    trials = race_problems.race(
        problem_name,
        KIND,
        split,
        repeat,
        changed=lambda kind: several_at_once(kind, at_once),
    )
    problem = load_problem(
        race_problems.HERE / f"problem_{problem_name}.npz"
    )
    rows = [row for row, _, _ in trials]
    best = np.argmax(problem.validation[rows, split].max(axis=1))
    return float(regret_of(problem)[rows[best], split])


def kept(task):
    return records.kept("batches", task, lambda each: chosen(*each))


def main():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    names = list(record_problems.PROBLEMS)
    tasks = list(itertools.product(names, SPLITS, REPEATS, AT_ONCE))
    rows = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for task, regret in zip(
            tasks, pool.map(kept, tasks), strict=True
        ):
            columns = "problem", "split", "seed", "at_once"
            row = dict(zip(columns, task, strict=True))
            rows.append(row | {"regret": round(regret, 4)})
            if len(rows) % 60 == 0:
                print(f"{len(rows)} of {len(tasks)}", flush=True)
    comments = records.provenance(
        "Bayesian optimisation, several proposals at once",
        "race_batches.py",
        ("keras-tuner", "scikit-learn", "numpy"),
        "one thread a race",
    )
    records.write(
        race_problems.HERE / "batches.csv", rows[0], rows, comments
    )


if __name__ == "__main__":
    sys.exit(main())
