"""Measure what a trial costs alone and trained together.

    python docs/evidence/bench_together.py

Three networks: two hidden layers of 64 on the digits, 15 epochs; two of
128 on 8,000 of MNIST's test images, 5 epochs; two small convolutions on
the digits, 5 epochs. Each alone, in a bare Keras loop of four; under
Optuna in such a loop, if it is installed; and under RandomSearch with
trained_together, 1, 8, 32 and (on the digits) 128 trials at once. CPU
seconds a trial, all of it: building, tracing, proposals, checkpoints.
One thread, and garbage frozen; what is paid once in a process is paid
before. The median of seven rounds, each of all ways.

Then Hyperband with 90 trials of softmax regression on 5,000 of MNIST's
images. As often written, `fit` tunes the epochs too: nine trials are
timed alone, and their cost a step counted for all steps of the search.
Together, the schedule is kept. The accuracy of each best model is on
the test images; as written, after trials trained together.

--images names an .npz of MNIST's test images, where keras.datasets
cannot download them. Writes together.csv beside itself. What it measured
of a problem it keeps in .cache, and --new measures anew.
"""

import argparse
import gc
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import records

COLUMNS = "problem", "way", "trials", "cpu_seconds", "ratio"
COLUMNS += ("accuracy",)
HYPERBAND = "MNIST, Hyperband"
TIMED = 9  # of its trials as often written
ROUNDS = 7
SIZES = 1, 8, 32, 128


def problem(name, images):
    """Return what builds a model from a learning rate, data, epochs."""
    import keras
    from sklearn.datasets import load_digits

    layers = keras.layers
    x, y = load_digits(return_X_y=True)
    x, y, epochs = np.float32(x[:1437] / 16), y[:1437], 15
    hidden = [(layers.Dense, 64), (layers.Dense, 64)]
    if name == "MNIST, 784-128-128-10":
        x, y = images["x"].reshape(-1, 784), images["y"].astype("int64")
        x, y, epochs = np.float32(x[:8000] / 255), y[:8000], 5
        hidden = [(layers.Dense, 128), (layers.Dense, 128)]
    if name == "digits, two convolutions":
        x, epochs = x.reshape(-1, 8, 8, 1), 5
        hidden = [(layers.Conv2D, 8, 3), (layers.Conv2D, 8, 3)]

    def build(rate):
        inner = [
            layer(*size, activation="relu") for layer, *size in hidden
        ]
        ends = layers.Flatten(), layers.Dense(10, "softmax")
        model = keras.Sequential(
            [keras.Input(x.shape[1:]), *inner, *ends]
        )
        model.compile(
            keras.optimizers.Adam(rate),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    return build, (x, y), epochs


def spent(run, trials):
    """Return the CPU seconds a trial of what `run` does."""
    gc.collect()
    gc.freeze()
    begun = time.process_time()
    run(trials)
    return (time.process_time() - begun) / trials


def measure(name, images):
    """Yield a row for each way of training one network."""
    import keras
    import keras_tuner as kt

    from snippets.searches.trained_together import trained_together

    build, data, epochs = problem(name, images)
    check = tuple(part[-200:] for part in data)
    fit = {"epochs": epochs, "verbose": 0, "validation_data": check}

    def bare(trials):
        for rate in np.geomspace(1e-4, 1e-2, trials):
            keras.backend.clear_session()
            build(float(rate)).fit(*data, **fit)

    def under_optuna(trials):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def objective(trial):
            keras.backend.clear_session()
            rate = trial.suggest_float("rate", 1e-4, 1e-2, log=True)
            history = build(rate).fit(*data, **fit).history
            return max(history["val_accuracy"])

        sampler = optuna.samplers.RandomSampler(seed=1)
        study = optuna.create_study(
            direction="maximize", sampler=sampler
        )
        study.optimize(objective, trials)

    def together(trials):
        def hypermodel(hp):
            return build(hp.Float("rate", 1e-4, 1e-2, sampling="log"))

        with tempfile.TemporaryDirectory() as folder:
            tuner = trained_together(kt.RandomSearch, at_most=trials)(
                hypermodel,
                objective="val_accuracy",
                max_trials=trials,
                seed=1,
                directory=folder,
            )
            tuner.search(*data, **fit)
        statuses = {t.status for t in tuner.oracle.trials.values()}
        assert statuses == {"COMPLETED"}, statuses

    bare(1)  # what a process pays once
    ways = [("bare Keras loop", bare, 4), ("Optuna", under_optuna, 4)]
    if not importlib.util.find_spec("optuna"):
        print("without Optuna: pip install optuna")
        ways.pop()
    for trials in SIZES[: 3 if "MNIST" in name else 4]:
        ways.append(("trained together", together, trials))
    rounds = [
        [spent(run, trials) for _, run, trials in ways]
        for _ in range(ROUNDS)
    ]
    costs = np.median(rounds, axis=0).tolist()
    for (way, _, trials), cost in zip(ways, costs, strict=True):
        yield [name, way, trials, cost, costs[0] / cost]


def hyperband(name, images):
    """Yield a row for Hyperband as often written, and one together."""
    import keras
    import keras_tuner as kt

    from snippets.data.load_images import load_images
    from snippets.searches.trained_together import trained_together

    images = load_images("mnist_5000")

    class Kept(kt.HyperModel):
        def build(self, hp):
            hp.Choice("batch_size", [16, 32, 64])
            rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
            softmax = keras.layers.Dense(10, "softmax")
            model = keras.Sequential([keras.Input((784,)), softmax])
            model.compile(
                keras.optimizers.Adam(rate),
                "sparse_categorical_crossentropy",
                metrics=["accuracy"],
            )
            model.optimizer.build(model.trainable_variables)
            return model

        def fit(self, hp, model, *args, **kwargs):
            size = hp.get("batch_size")
            return model.fit(*args, batch_size=size, **kwargs)

    class Written(Kept):
        def fit(self, hp, model, *args, **kwargs):
            kwargs["epochs"] = hp.Int("epochs", 10, 60, step=20)
            return super().fit(hp, model, *args, **kwargs)

    class Enough(BaseException):
        """Ends a search."""

    class Some(kt.Hyperband):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            if len(self.oracle.end_order) == TIMED:
                raise Enough

    def steps(trial):
        """Return its batches, those of the validation too."""
        values = trial.hyperparameters.values
        epochs = values.get("epochs", values["tuner/epochs"])
        epochs = max(0, epochs - values["tuner/initial_epoch"])
        data = images.train, images.validation
        size = values["batch_size"]
        return epochs * sum(-(-len(x) // size) for x, _ in data)

    def searched(tuner_class, hypermodel):
        """Return CPU seconds, steps, trials, accuracy on the test."""
        gc.collect()
        gc.freeze()
        begun, accuracy = time.process_time(), None
        with tempfile.TemporaryDirectory() as folder:
            tuner = tuner_class(
                hypermodel,
                objective=kt.Objective("val_accuracy", "max"),
                max_epochs=60,
                factor=3,
                seed=1,
                directory=folder,
            )
            fit = {"validation_data": images.validation, "verbose": 0}
            try:
                tuner.search(*images.train, **fit)
            except Enough:
                tuner.oracle.ongoing_trials.clear()
            cost = time.process_time() - begun
            (model,) = tuner.get_best_models()
            _, accuracy = model.evaluate(*images.test, verbose=0)
        trials = tuner.oracle.trials.values()
        return cost, sum(map(steps, trials)), len(trials), accuracy

    together = trained_together(kt.Hyperband)
    _, every, trials, accuracy = searched(together, Written())
    rounds = []
    for _ in range(ROUNDS):
        cost, timed, *_ = searched(Some, Written())
        rounds.append([cost / timed * every / trials])
        cost, _, trials, kept_accuracy = searched(together, Kept())
        rounds[-1].append(cost / trials)
    alone, cost = np.median(rounds, axis=0).tolist()
    yield [name, "as often written", trials, alone, 1.0, accuracy]
    row = [name, "trained together", trials, cost, alone / cost]
    yield [*row, kept_accuracy]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--images")
    parser.add_argument("--new", action="store_true")
    arguments = parser.parse_args()
    images, new = arguments.images, arguments.new
    threads = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    os.environ |= dict.fromkeys([*threads, "OMP_NUM_THREADS"], "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if images:
        images = np.load(images)
    else:
        import keras

        _, (x, y) = keras.datasets.mnist.load_data()
        images = {"x": x, "y": y}

    def measured(task):
        way = hyperband if task == [HYPERBAND] else measure
        return list(way(*task, images))

    rows = []
    for name in (
        "digits, 64-64-64-10",
        "MNIST, 784-128-128-10",
        "digits, two convolutions",
        HYPERBAND,
    ):
        for row in records.kept("together", [name], measured, new):
            row[3:5] = round(row[3], 4), round(row[4], 2)
            rows.append(dict(zip(COLUMNS, row, strict=False)))
            print(*rows[-1].values(), flush=True)
    comments = records.provenance(
        "CPU seconds a trial, alone and together",
        "bench_together.py",
        ("tensorflow", "keras", "keras-tuner", "optuna"),
        "one thread",
    )
    path = Path(__file__).with_name("together.csv")
    records.write(path, COLUMNS, rows, comments)


if __name__ == "__main__":
    main()
