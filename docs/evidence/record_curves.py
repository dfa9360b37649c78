"""Train every configuration of a fixed space and record each epoch.

    python docs/evidence/record_curves.py digits
    python docs/evidence/record_curves.py mnist

Three seeds of 432 configurations, 27 epochs each: all that a tuner
could ask of this space, so that comparing tuners costs lookups instead
of training. The method is that of tabular benchmarks: NAS-Bench-101
(Ying et al., 2019), HPOBench (Eggensperger et al., 2021), LCBench
(Zimmer et al., 2021).

What is trained is kept, architecture by architecture, under .cache:
interrupted, the command goes on where it was. Done, it writes
curves_PROBLEM.csv.xz beside itself. With `--starts` only start_seconds
is measured anew, and the rest of that file stays as it is.
"""

import argparse
import csv
import datetime
import io
import itertools
import lzma
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path

import records

HERE = Path(__file__).parent
EPOCHS = 27
SEEDS = 1, 2, 3
SPACE = {
    "layers": (1, 2, 3),
    "units": (8, 32, 128),
    "activation": ("relu", "tanh"),
    "dropout": (0.0, 0.3),
    "batch_size": (16, 64, 256),
    "learning_rate": (1e-4, 1e-3, 1e-2, 1e-1),
}
RECORDED = (
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "epoch_seconds",
    "start_seconds",
)
COLUMNS = (*SPACE, "seed", "epoch", *RECORDED)


def build(data, architecture, seed):
    """Return an untrained classifier of flat images, compiled."""
    import keras

    layers, units, activation, dropout, batch_size = architecture
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(data.train[0].shape[1:])])
    for _ in range(layers):
        model.add(keras.layers.Dense(units, activation))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(data.classes, "softmax"))
    model.compile(
        keras.optimizers.Adam(),
        "sparse_categorical_crossentropy",
        steps_per_execution=-(-len(data.train[0]) // batch_size),
    )
    model.optimizer.build(model.trainable_variables)
    return model


def train(data, architecture):
    """Train at every learning rate and seed; yield a row per epoch.

    A row holds what COLUMNS names. Accuracies and losses are taken at
    the end of an epoch. Seconds are CPU seconds on one thread:
    epoch_seconds those of the epoch's training steps, start_seconds
    what a trial costs before them, see start_seconds().
    """
    import keras

    class Recorder(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.rows = []

        def on_epoch_begin(self, epoch, logs=None):
            self.begun = time.process_time()

        def on_epoch_end(self, epoch, logs=None):
            seconds = time.process_time() - self.begun
            accuracy, loss = score(self.model, *data.validation)
            tested, _ = score(self.model, *data.test)
            self.rows.append(
                (accuracy, loss, tested, round(seconds, 4))
            )

    def fit(epochs):
        recorder = Recorder()
        model.fit(
            *data.train,
            batch_size=architecture[-1],
            epochs=epochs,
            callbacks=[recorder],
            verbose=0,
        )
        return recorder.rows

    start = start_seconds(data, architecture)
    keras.backend.clear_session()
    model = build(data, architecture, seed=SEEDS[0])
    # Traced once, the same model serves all: it is set back each time to
    # what a new one would be, its optimizer and dropout included.
    for rate, seed in itertools.product(SPACE["learning_rate"], SEEDS):
        new = build(data, architecture, seed)
        kept = model.variables + model.optimizer.variables
        fresh = new.variables + new.optimizer.variables
        for variable, value in zip(kept, fresh, strict=True):
            variable.assign(value)
        model.optimizer.learning_rate = rate
        for epoch, row in enumerate(fit(EPOCHS), 1):
            yield (*architecture, rate, seed, epoch, *row, start)


def start_seconds(data, architecture):
    """Return the CPU seconds of building and tracing a model.

    It is what the first epoch takes more than the second, building
    included: the median of three models.
    """
    import keras

    def epoch(model):
        model.fit(*data.train, batch_size=architecture[-1], verbose=0)

    measured = []
    for seed in SEEDS:
        keras.backend.clear_session()
        begun = time.process_time()
        model = build(data, architecture, seed)
        epoch(model)
        first = time.process_time()
        epoch(model)
        second = time.process_time()
        measured.append((first - begun) - (second - first))
    return round(statistics.median(measured), 4)


def score(model, x, y):
    """Return accuracy and mean cross-entropy, to four digits."""
    import numpy as np

    chosen = np.asarray(model(x, training=False))
    losses = -np.log(np.maximum(chosen[np.arange(len(y)), y], 1e-7))
    accuracy = np.mean(chosen.argmax(axis=1) == y)
    return round(float(accuracy), 4), round(float(losses.mean()), 4)


def record(task):
    """Keep what training one architecture gives, in a file."""
    from snippets.data.load_images import load_images

    dataset, architecture, part, starts = task
    data = load_images(dataset)
    if starts:
        rows = [(*architecture, start_seconds(data, architecture))]
    else:
        rows = list(train(data, architecture))
    with open(
        part.with_suffix(".partial"), "w", newline="", encoding="utf-8"
    ) as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    part.with_suffix(".partial").replace(part)  # whole or not at all


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0]
    )
    parser.add_argument("problem", choices=("digits", "mnist"))
    parser.add_argument(
        "--images",
        help="an .npz of the 10,000 test images of MNIST, where "
        "keras.datasets cannot download them",
    )
    parser.add_argument("--starts", action="store_true")
    problem, images, starts = vars(parser.parse_args()).values()
    parts = HERE.parents[1] / ".cache" / "curves" / problem
    if starts:
        parts = parts / "starts"
    parts.mkdir(parents=True, exist_ok=True)
    if problem == "mnist" and not images:
        import keras
        import numpy as np

        images = parts / "images.npz"
        _, (x, y) = keras.datasets.mnist.load_data()
        np.savez(images, x=x, y=y)
    architectures = list(itertools.product(*list(SPACE.values())[:-1]))
    files = [
        parts / ("-".join(map(str, architecture)) + ".csv")
        for architecture in architectures
    ]
    tasks = [
        (str(images or problem), architecture, file, starts)
        for architecture, file in zip(architectures, files, strict=True)
        if not file.exists()
    ]
    print(
        f"{problem}: {len(tasks)} of {len(files)} architectures to train"
    )
    # One thread each, and as many at once as there are cores; a process
    # is renewed now and then, since TensorFlow's memory grows.
    names = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
    )
    os.environ |= dict.fromkeys(names, "1") | {
        "TF_CPP_MIN_LOG_LEVEL": "3"
    }
    spawn = multiprocessing.get_context("spawn")
    begun = time.monotonic()
    with spawn.Pool(os.cpu_count(), maxtasksperchild=6) as pool:
        runs = pool.imap_unordered(record, tasks)
        for done, _ in enumerate(runs, 1):
            minutes = (time.monotonic() - begun) / 60
            left = minutes / done * (len(tasks) - done)
            print(
                f"{done} of {len(tasks)}, {minutes:.1f} min, "
                f"{left:.0f} min to go",
                flush=True,
            )
    result = HERE / f"curves_{problem}.csv.xz"
    text = io.StringIO()
    if starts:
        text.write(with_starts(result, files))
        return pack(text, result)
    comments = records.provenance(
        f"Learning curves of {problem}",
        f"record_curves.py {problem}",
        ("tensorflow", "keras", "numpy", "scikit-learn"),
        "one thread a training",
    )
    text.writelines(f"{line}\n" for line in comments)
    text.write(",".join(COLUMNS) + "\n")
    text.writelines(file.read_text("utf-8") for file in files)
    pack(text, result)


def with_starts(recorded, files):
    """Return the lines of a record, its start_seconds those of files."""
    texts = [file.read_text("utf-8").strip() for file in files]
    starts = dict(text.rsplit(",", 1) for text in texts)
    architecture = len(SPACE) - 1
    lines = []
    for line in (
        lzma.decompress(recorded.read_bytes()).decode().splitlines()
    ):
        head, _, old = line.rpartition(",")
        known = ",".join(line.split(",")[:architecture])
        new = starts.get(known, old)
        lines.append(f"{head},{new}" if head else line)
    comments = [line for line in lines if line[0] == "#"]
    comments = [line for line in comments if "--starts" not in line]
    today, processor = datetime.date.today(), records.processor()
    comments.append(f"# start_seconds: --starts, {today}, {processor}")
    rows = [line for line in lines if line[0] != "#"]
    return "\n".join([*comments, *rows, ""])


def pack(text, result):
    packed = lzma.compress(text.getvalue().encode(), preset=9)
    result.write_bytes(packed)
    print(f"wrote {result}, {len(packed) / 2**20:.2f} MiB")


if __name__ == "__main__":
    sys.exit(main())
