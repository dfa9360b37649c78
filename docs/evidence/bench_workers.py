"""Measure what two workers are worth, for short and long trials.

    python docs/evidence/bench_workers.py

The same random searches of one small convolutional network, in three
ways: one process on one thread; one process on all cores; a chief and
two workers of one thread each, started by parallel_search. Every trial
trains the same number of steps, whatever its learning rate; a search
has trials of one length, from about a second to twenty.

Each run is a process of its own, or three; the ways take turns. Where
a second core is not free, the record is worth nothing: leave the
machine alone meanwhile. It takes a quarter of an hour.

Each run is kept under .cache as it ends: interrupted, the command goes
on where it was; `--new` begins anew.
--rounds, --steps and --trials make it smaller, to try it out. When no
run is missing, it writes workers.csv beside itself, or where --output
says, a row for each run:

- steps (of a trial), way, round, trials;
- trial_seconds, from a trial's beginning to its end, the mean;
- wall_seconds, from the first trial's beginning to the last one's end;
- whole_seconds, of the command, imports included;
- cpu_seconds, of all processes;
- memory_mib, the sum of what each process held at its peak. What
  processes share, as code of libraries, counts for each.
"""

import argparse
import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import records

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLUMNS = (
    "steps",
    "way",
    "round",
    "trials",
    "trial_seconds",
    "wall_seconds",
    "whole_seconds",
    "cpu_seconds",
    "memory_mib",
)
WAYS = ("one thread", "all cores", "two workers")
# Steps of a trial, and how many such trials make a search.
SEARCHES = {15: 10, 210: 8, 850: 4, 1920: 4, 4060: 2}
THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)


def images():
    """Return scikit-learn's digits, each pixel as 3 x 3 of them."""
    import numpy as np
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8) / 16, np.ones((3, 3)))
    return x[..., None].astype("float32"), y


def search(steps, trials, seed):
    """Search in this process, alone, as the chief or as a worker."""
    import keras
    import keras_tuner as kt
    import tensorflow as tf

    x, y = images()
    # Whole batches in one order: their making should cost next to nothing.
    count = (len(y) - 400) // 64 * 64
    batches = x[400:][:count].reshape(-1, 64, *x.shape[1:])
    labels = y[400:][:count].reshape(-1, 64)
    train = tf.data.Dataset.from_tensor_slices(
        (batches, labels)
    ).repeat()

    def build(hp):
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        model = keras.Sequential(
            [
                keras.Input(x.shape[1:]),
                keras.layers.Conv2D(16, 3, activation="relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Conv2D(32, 3, activation="relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(rate),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    class Timed(kt.RandomSearch):
        def on_trial_begin(self, trial):
            note(begun=time.time())
            super().on_trial_begin(trial)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            note(ended=time.time())

    gc.collect()
    gc.freeze()
    tuner = Timed(
        build,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=trials,
        seed=seed,
        directory="searches",
        project_name="bench_workers",
    )
    tuner.search(
        train,
        steps_per_epoch=steps,
        validation_data=(x[:400], y[:400]),
        validation_batch_size=400,
        verbose=0,
    )
    ended = tuner.oracle.trials.values()
    assert {trial.status for trial in ended} == {"COMPLETED"}
    assert len(ended) == trials


def note(**what):
    with open("notes.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(what) + "\n")


def note_costs():
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM"))
    note(cpu=time.process_time(), memory=int(peak.split()[1]) / 1024)


def measured(steps, way, turn, trials):
    """Run one search in processes of its own; return its row."""
    threads = os.cpu_count() if way == "all cores" else 1
    settings = dict.fromkeys(THREADS, str(threads))
    words = [__file__, json.dumps([steps, trials, turn])]
    command = [sys.executable, *words]
    if way == "two workers":
        program = ROOT / "snippets/searches/parallel_search.py"
        command = [sys.executable, program, *words, "--workers=2"]
        settings = {}
    with tempfile.TemporaryDirectory() as folder:
        begun = time.time()
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | settings | {"BENCH_WORKERS": "search"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        whole = time.time() - begun
        if done.returncode:
            raise RuntimeError(f"{steps}, {way}:\n{done.stdout}")
        lines = (
            Path(folder, "notes.jsonl").read_text("utf-8").splitlines()
        )
    values = {}
    for line in lines:
        for name, value in json.loads(line).items():
            values.setdefault(name, []).append(value)
    assert len(values["begun"]) == len(values["ended"]) == trials
    assert len(values["cpu"]) == (3 if way == "two workers" else 1)
    busy = sum(values["ended"]) - sum(values["begun"])
    row = {
        "trial_seconds": busy / trials,
        "wall_seconds": max(values["ended"]) - min(values["begun"]),
        "whole_seconds": whole,
        "cpu_seconds": sum(values["cpu"]),
        "memory_mib": sum(values["memory"]),
    }
    return {name: round(value, 3) for name, value in row.items()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, nargs="+")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--output", default=HERE / "workers.csv")
    parser.add_argument("--new", action="store_true")
    options = parser.parse_args()
    rows = []
    for turn in range(1, options.rounds + 1):
        for steps in options.steps or SEARCHES:
            trials = options.trials or SEARCHES[steps]
            for way in WAYS[turn % 3 :] + WAYS[: turn % 3]:
                task = steps, way, turn, trials
                found = records.kept(
                    "workers", task, lambda t: measured(*t), options.new
                )
                row = dict(zip(COLUMNS, task, strict=False))
                rows.append(row | found)
                print(*rows[-1].values(), file=sys.stderr, flush=True)
    rows.sort(
        key=lambda row: (
            row["steps"],
            row["round"],
            WAYS.index(row["way"]),
        )
    )
    comments = records.provenance(
        "What two workers are worth",
        "bench_workers.py",
        ("tensorflow", "keras", "keras-tuner"),
        f"{os.cpu_count()} cores",
    )
    records.write(options.output, COLUMNS, rows, comments)


if __name__ == "__main__":
    if os.environ.get("BENCH_WORKERS") == "search":
        atexit.register(note_costs)
        search(*json.loads(sys.argv[1]))
    else:
        main()
