"""Measure how searches grow, from 10 to 1,000 trials.

    python docs/evidence/grow_searches.py
    python docs/evidence/grow_searches.py search tuner

Four measurements, all of them or those that are named, and the rest
stays as it was recorded:

- search: real trials, one epoch of a small model on scikit-learn's
  digits: as guides show it; with gc.freeze, flat_memory and
  few_checkpoints; and the same in processes of 50 trials;
- tuner: trials that only return a number, of each tuner, so that all
  that is paid for is Keras Tuner itself. BayesianOptimization is kept
  to random trials here;
- proposal: one proposal of BayesianOptimization after so many trials,
  as it is, with quick_proposals, and with the cures of the page on top;
- result: what those cures find in a search for the least of a made-up
  function, beside random search.

Five float hyperparameters in all but the first. Every run is a process
of its own on one thread of TensorFlow and of BLAS.

--trials makes runs smaller, to try the program out, and --rounds says
how often result is repeated, each time with another seed.

Each run is kept under .cache as it ends: interrupted, the command goes
on where it was; `--new` begins anew. Done, it writes growth.csv beside
itself, or where --output says. Blank is what was not measured:

- trials: how many had ended;
- cpu_seconds: of one trial, the mean since the row before; of one
  proposal; of the whole search so far, for result;
- memory_mib: resident in memory;
- folder_kib, state_kib: all files of the search, and its oracle.json;
- reload_seconds: of CPU, to make the tuner again from that folder;
- proposal: the five proposed numbers;
- best: the least value found.
"""

import argparse
import contextlib
import gc
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import records

from snippets.searches.independent_seeds import independent_seeds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLUMNS = (
    "measurement",
    "way",
    "round",
    "trials",
    "cpu_seconds",
    "memory_mib",
    "folder_kib",
    "state_kib",
    "reload_seconds",
    "proposal",
    "best",
)
CURES = (
    "quick_proposals",
    "and 2 restarts",
    "and the newest",
    "and the best",
)
WAYS = {
    "search": ("as it is", "as the page says", "renewed"),
    "tuner": (
        "RandomSearch",
        "GridSearch",
        "Hyperband",
        "BayesianOptimization",
    ),
    "proposal": ("as it is", *CURES),
    "result": ("random", *CURES[1:]),
}
COUNTS = {
    "search": (10, 20, 30, 50, *range(100, 501, 50)),
    "tuner": (10, 30, 100, 300, 1000),
    "proposal": (10, 30, 100, 300, 1000),
    "result": (30, 50, 80),
}
# As it is, a trial costs more and more; renewed, two processes do.
MOST = {"as it is": 200, "renewed": 100}
# How many trials the Gaussian process is given by the last two cures.
GIVEN = {"proposal": 200, "result": 30}
PER_PROCESS = 50
AGAIN = 75


def resident():
    """Return the MiB of this process that are in memory."""
    if not os.path.exists("/proc/self/statm"):
        return ""
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def kib(*paths):
    """Return the KiB that are written in files."""
    return round(sum(path.stat().st_size for path in paths) / 1024, 1)


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def noted(tuner_class, counts, row):
    """Return the tuner class, made to print a row at some counts."""

    class Noted(tuner_class):
        spent = None

        def on_search_begin(self):
            super().on_search_begin()
            # What a process takes to start is part of going on.
            goes_on = bool(self.oracle.end_order)
            self.spent = 0 if goes_on else time.process_time()
            self.ended = 0

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.ended += 1
            count = len(self.oracle.end_order)
            if count in counts:
                now = time.process_time()
                folder = Path(self.project_dir)
                seconds = (now - self.spent) / self.ended
                print(
                    json.dumps(
                        {
                            "trials": count,
                            "cpu_seconds": round(seconds, 5),
                            "memory_mib": resident(),
                            "folder_kib": kib(*files(folder)),
                            "state_kib": kib(folder / "oracle.json"),
                            **row(self),
                        }
                    ),
                    flush=True,
                )
                self.spent, self.ended = time.process_time(), 0

    return Noted


def run_search(way, seed, folder, trials, counts):
    """Search with real trials; print a row at each count."""
    import keras
    import keras_tuner as kt
    from sklearn.datasets import load_digits

    from snippets.models.build_model import build_model
    from snippets.searches.few_checkpoints import few_checkpoints
    from snippets.searches.flat_memory import flat_memory
    from snippets.searches.renewed import renewed

    tuner_class = kt.RandomSearch
    if way != "as it is":
        tuner_class = few_checkpoints(flat_memory(tuner_class))
    tuner_class = noted(tuner_class, counts, lambda tuner: {})
    if way == "renewed":
        each = min(PER_PROCESS, -(-trials // 2))
        tuner_class = renewed(tuner_class, each, AGAIN)
    x, y = load_digits(return_X_y=True)
    if way != "as it is":
        gc.collect()
        gc.freeze()
    keras.utils.set_random_seed(seed)
    tuner = tuner_class(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=trials,
        seed=seed,
        directory=folder,
        project_name="search",
    )
    tuner.search(
        x[:1000] / 16,
        y[:1000],
        validation_data=(x[1000:1400] / 16, y[1000:1400]),
        verbose=0,
    )


def space(step=None):
    """Return five numbers from 0 to 1, to be tuned."""
    import keras_tuner as kt

    hp = kt.HyperParameters()
    for number in range(5):
        hp.Float(f"x{number}", 0.0, 1.0, step=step)
    return hp


def made_up(values):
    """Return Ackley's function, its least value 0 moved off the centre."""
    x = [6 * (values[f"x{n}"] - 0.2 - 0.1 * n) for n in range(5)]
    distance = math.sqrt(sum(each**2 for each in x) / 5)
    waves = sum(math.cos(2 * math.pi * each) for each in x) / 5
    return 20 + math.e - 20 * math.exp(-distance / 5) - math.exp(waves)


def black_box(tuner_class):
    """Return the tuner class, a trial of it a number."""

    class BlackBox(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            return {"error": made_up(trial.hyperparameters.values)}

    return BlackBox


def make(tuner_class, way, seed, folder, trials, **settings):
    """Return a tuner of numbers."""
    import keras_tuner as kt

    # Hyperband's budget is epochs: rounds of 254 trials, until enough.
    limit = {"max_trials": trials}
    if way == "Hyperband":
        limit = {"max_epochs": 100, "hyperband_iterations": 8}
    if way == "BayesianOptimization":
        limit["num_initial_points"] = trials
    return tuner_class(
        # 3,125 points for the grid
        hyperparameters=space(0.25 if way == "GridSearch" else None),
        objective=kt.Objective("error", "min"),
        seed=seed,
        directory=folder,
        project_name=way,
        **limit | settings,
    )


class Enough(Exception):
    """The last row is printed."""


def run_tuner(way, seed, folder, trials, counts):
    """Search with numbers; print a row at each count."""
    import keras_tuner as kt

    def row(tuner):
        begun = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            again = make(tuner_class, way, seed, folder, trials)
        spent = round(time.process_time() - begun, 4)
        assert len(again.oracle.trials) == len(tuner.oracle.trials)
        return {"reload_seconds": spent}

    class Ended(black_box(getattr(kt, way))):
        def pre_create_trial(self):
            super().pre_create_trial()
            if len(self.oracle.end_order) == trials:
                raise Enough  # Hyperband would go on

    tuner_class = noted(Ended, counts, row)
    with contextlib.suppress(Enough):
        make(tuner_class, way, seed, folder, trials).search(verbose=0)


def bayesian(way):
    """Return a way's class of a Bayesian tuner of numbers."""
    import keras_tuner as kt

    from snippets.searches.quick_proposals import quick_proposals

    numbers = black_box(kt.BayesianOptimization)
    return numbers if way == "as it is" else quick_proposals(numbers)


def cure(tuner, way, given):
    """Apply a way's other cures to a Bayesian tuner."""
    import numpy as np

    regressor = tuner.oracle.gpr
    if way.startswith("and"):
        regressor.set_params(n_restarts_optimizer=2)
    fit = regressor.fit
    if way == "and the newest":
        regressor.fit = lambda x, y: fit(x[-given:], y[-given:])
    if way == "and the best":

        def fit_best(x, y):
            best = np.sort(np.argsort(y)[:given])
            return fit(x[best], y[best])

        regressor.fit = fit_best


def run_proposal(way, seed, folder, trials, counts):
    """Propose after random trials; print a row at each count."""
    import keras_tuner as kt

    numbers = black_box(kt.RandomSearch)
    tuner = make(numbers, "random", seed, folder, trials)
    tuner.search(verbose=0)
    known = sorted(tuner.oracle.trials.items())
    for turn, count in enumerate((counts[0], *counts)):
        settings = {"num_initial_points": 1, "overwrite": True}
        tuner = make(
            bayesian(way), way, seed, folder, trials, **settings
        )
        cure(tuner, way, GIVEN["proposal"])
        tuner.oracle.trials = dict(known[:count])
        begun = time.process_time()
        values = tuner.oracle.populate_space("next")["values"]
        spent = time.process_time() - begun
        row = {"trials": count, "cpu_seconds": round(spent, 4)}
        row["proposal"] = " ".join(f"{v:.4f}" for v in values.values())
        if turn:  # the first only warms up
            print(json.dumps(row), flush=True)


def run_result(way, seed, folder, trials, counts):
    """Search for the least; print a row at each count."""
    import keras_tuner as kt

    spent = []

    def row(tuner):
        best = min(t.score for t in tuner.oracle.get_best_trials())
        spent.append(time.process_time() - begun)
        seconds = round(spent[-1], 3)
        return {"cpu_seconds": seconds, "best": round(best, 5)}

    numbers = black_box(kt.RandomSearch)
    if way != "random":
        numbers = bayesian(way)
    numbers = noted(numbers, counts, row)
    tuner = make(numbers, way, seed, folder, trials)
    if way != "random":
        cure(tuner, way, GIVEN["result"])
    begun = time.process_time()
    tuner.search(verbose=0)


def run(task):
    """Run one task; print its rows."""
    measurement, way, seed, trials, counts, folder = task
    warnings.filterwarnings("ignore", module="sklearn.gaussian_process")
    runs = {
        "search": run_search,
        "tuner": run_tuner,
        "proposal": run_proposal,
        "result": run_result,
    }
    runs[measurement](way, seed, folder, trials, counts)


def measured(task):
    """Run a task in processes of its own; return its rows."""
    variables = {
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "grow_searches.py")]
        command += ["--run", json.dumps([*task, folder])]
        code = AGAIN
        while code == AGAIN:
            done = subprocess.run(
                command,
                env=os.environ | variables,
                capture_output=True,
                text=True,
            )
            code = done.returncode
            if code not in (0, AGAIN):
                sys.exit(f"{task} failed:\n{done.stderr[-4000:]}")
            lines = done.stdout.splitlines()
            rows += [json.loads(x) for x in lines if x.startswith("{")]
    return rows


def plan(options):
    """Yield the round and task of every run, without its folder."""
    for measurement in options.measurements:
        rounds = options.rounds if measurement == "result" else 1
        for number, seed in enumerate(independent_seeds(rounds), 1):
            for way in WAYS[measurement]:
                most = COUNTS[measurement][-1]
                if measurement == "search":
                    most = MOST.get(way, most)
                most = min(most, options.trials or most)
                counts = [c for c in COUNTS[measurement] if c < most]
                counts = [*counts, most]
                yield number, (measurement, way, seed, most, counts)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measurements", nargs="*", help=", ".join(WAYS))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--output", default=HERE / "growth.csv")
    parser.add_argument("--new", action="store_true")
    parser.add_argument(
        "--run", type=json.loads, help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.run:
        return run(options.run)
    unknown = set(options.measurements) - set(WAYS)
    if unknown:
        parser.error(
            f"no measurement {unknown}, only {', '.join(WAYS)}"
        )
    if options.trials is not None and options.trials < 2:
        parser.error("--trials must be 2 or more")
    options.measurements = options.measurements or list(WAYS)
    tasks, rows = list(plan(options)), []
    for number, (turn, task) in enumerate(tasks, 1):
        measurement, way, *_ = task
        found = records.kept("growth", task, measured, options.new)
        named = {"measurement": measurement, "way": way, "round": turn}
        rows += [named | row for row in found]
        print(
            f"{number} of {len(tasks)}: {measurement}, {way}, "
            f"{found[-1]['trials']} trials, "
            f"{found[-1].get('cpu_seconds', '-')} CPU s",
            file=sys.stderr,
            flush=True,
        )
    comments = records.provenance(
        "How searches grow, up to 1,000 trials",
        "grow_searches.py",
        ("tensorflow", "keras", "keras-tuner", "scikit-learn"),
        "one thread a process",
    )
    records.update(options.output, COLUMNS, rows, comments)


if __name__ == "__main__":
    sys.exit(main())
