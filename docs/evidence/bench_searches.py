"""Measure what searches cost, and what the advice on them is worth.

    python docs/evidence/bench_searches.py
    python docs/evidence/bench_searches.py trial proposal

Four measurements, all of them or those that are named:

- trial: 8 configurations, 15 epochs each, in a bare Keras loop, under
  RandomSearch as guides show it and as this guide does (gc.freeze), and
  under Optuna, if it is installed: pip install optuna;
- random: 15 trials of softmax regression as the notebooks write them
  that this guide started from (epochs tuned in `fit`, all else left as
  it is), and the same 15 made fast, in one process and with two
  workers;
- hyperband: the same two ways under Hyperband, max_epochs=27;
- proposal: one proposal of BayesianOptimization after 20, 50 and 100
  trials of a made-up score, as it is, with one BLAS thread, and made
  by quick_proposals.

Every run is a process of its own, on one thread (of TensorFlow, and of
BLAS unless that is what is measured), and the ways take turns. In each
process something small is trained first, so that what a process pays
once is in no row.

--images names other images than scikit-learn's digits: an .npz, or
mnist (see snippets/data/load_images.py). --rounds is how often all is repeated;
--trials and --epochs make runs smaller, to try the program out.

Each run is kept under .cache as it ends: interrupted, the command goes
on where it was; `--new` begins anew. Done, it writes speed.csv beside
itself, or where --output says, a row for each run:

- measurement, way, round; trials, epochs (trained in all);
- cpu_seconds, of the search alone, its workers together;
- wall_seconds, from the search's first trial to its last;
- whole_seconds, of the command, imports included;
- best_validation_accuracy.
"""

import argparse
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import records

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLUMNS = (
    "measurement",
    "way",
    "round",
    "trials",
    "epochs",
    "cpu_seconds",
    "wall_seconds",
    "whole_seconds",
    "best_validation_accuracy",
)
WAYS = {
    "trial": ("bare Keras", "as guides show", "gc.freeze", "Optuna"),
    "random": ("as in the notebooks", "fast", "fast with two workers"),
    "hyperband": ("as in the notebooks", "fast"),
    "proposal": (
        "default",
        "one thread",
        "quick_proposals and one thread",
    ),
}
OBJECTIVE = "val_accuracy"
AFTER = 20, 50, 100  # trials, when a proposal is timed
BATCH_SIZES = [16, 32, 64]
PATIENCE = 10


def softmax_regression(data, tuned):
    """Return the hypermodel as the notebooks write it, in our words."""
    import keras
    import keras_tuner as kt

    features, classes = data.train[0].shape[1], data.classes

    class SoftmaxRegression(kt.HyperModel):
        def build(self, hp):
            rate = hp.Float("learning_rate", 0.01, 0.5, sampling="log")
            model = keras.Sequential(
                [
                    keras.Input((features,)),
                    keras.layers.Dense(
                        classes,
                        activation="softmax",
                        kernel_initializer="zeros",
                    ),
                ]
            )
            model.compile(
                keras.optimizers.SGD(rate),
                "sparse_categorical_crossentropy",
                metrics=["accuracy"],
            )
            return model

        def fit(self, hp, model, *args, **kwargs):
            kwargs.pop("epochs", None)  # the mistake under Hyperband
            epochs = hp.Int("epochs", *tuned)
            batch_size = hp.Choice("batch_size", BATCH_SIZES)
            return model.fit(
                *args, epochs=epochs, batch_size=batch_size, **kwargs
            )

    return SoftmaxRegression


def fast_regression(data):
    """Return the same hypermodel, written to be fast."""
    import keras
    import keras_tuner as kt

    from snippets.searches.traced_once import traced_once

    features, classes = data.train[0].shape[1], data.classes
    count = len(data.train[1])

    @traced_once
    class FastRegression(kt.HyperModel):
        def build(self, hp):
            rate = hp.Float("learning_rate", 0.01, 0.5, sampling="log")
            hp.Choice("batch_size", BATCH_SIZES)
            inputs = keras.Input((features,))
            outputs = keras.layers.Dense(
                classes,
                activation="softmax",
                kernel_initializer="zeros",
            )(inputs)
            model = keras.Model(inputs, outputs)
            model.compile(
                keras.optimizers.SGD(rate),
                "sparse_categorical_crossentropy",
                metrics=["accuracy"],
                jit_compile=False,
                # An epoch in one call, whatever the batch size.
                steps_per_execution=-(-count // min(BATCH_SIZES)),
            )
            model.optimizer.build(model.trainable_variables)
            return model

        def fit(self, hp, model, x, **kwargs):
            size = hp.Choice("batch_size", BATCH_SIZES)
            batches = x.shuffle(count).batch(size)
            return model.fit(batches, shuffle=False, **kwargs)

    return FastRegression


def datasets(data):
    """Return the training images one by one, the others in one batch."""
    import tensorflow as tf

    train = tf.data.Dataset.from_tensor_slices(data.train).cache()
    return train, tf.data.Dataset.from_tensors(data.validation)


def warm_up(hypermodel, data):
    """Train once what is not measured."""
    import keras
    import keras_tuner as kt

    hp = kt.HyperParameters()
    model = hypermodel.build(hp)
    model.fit(*data.train, verbose=0, validation_data=data.validation)
    keras.backend.clear_session()


def seconds():
    return time.process_time(), time.time()


def drawn(hyperparameters, trials, seed, later=None):
    """Return the values that RandomSearch draws with this seed."""
    import keras_tuner as kt

    class Drawn(kt.RandomSearch):
        def run_trial(self, trial, **kwargs):
            if later:
                later(trial.hyperparameters)
            return {OBJECTIVE: 0.5}

    with tempfile.TemporaryDirectory() as folder:
        tuner = Drawn(
            hyperparameters=hyperparameters,
            objective=kt.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=seed,
            directory=folder,
        )
        tuner.search(verbose=0)
        known = sorted(tuner.oracle.trials.items())
        return [trial.hyperparameters for _, trial in known]


def image_classifier(*sizes):
    """Return the snippet with the batch sizes that were recorded."""
    from snippets.models.image_classifier import ImageClassifier

    class Recorded(ImageClassifier):
        def _batch_size(self, hp):
            sizes = [16, 32, 64, 128]
            return hp.Choice("batch_size", sizes, default=32)

    return Recorded(*sizes)


def run_trial(way, seed, folder, data, trials, epochs):
    """Train the same configurations one way; return the costs."""
    import keras
    import keras_tuner as kt

    hypermodel = image_classifier(data.train[0].shape[1], data.classes)
    space = kt.HyperParameters()
    hypermodel.build(space)
    configurations = drawn(space, trials, seed)
    settings = {
        "validation_data": data.validation,
        "epochs": epochs,
        "verbose": 0,
    }
    trained = []

    def fit(hp, model):
        history = hypermodel.fit(hp, model, *data.train, **settings)
        trained.append(max(history.history[OBJECTIVE]))
        return trained[-1]

    warm_up(hypermodel, data)
    if way == "bare Keras":
        begun = seconds()
        for hp in configurations:
            fit(hp, hypermodel.build(hp))
    elif way == "Optuna":
        import optuna

        def objective(trial):
            keras.backend.clear_session()
            hp = kt.HyperParameters()
            hp.values = {
                "hidden_layers": trial.suggest_int(
                    "hidden_layers", 1, 3
                ),
                "units": trial.suggest_int("units", 32, 256, step=32),
                "activation": trial.suggest_categorical(
                    "activation", ["relu", "tanh"]
                ),
                "learning_rate": trial.suggest_float(
                    "learning_rate", 1e-4, 1e-1, log=True
                ),
                "batch_size": trial.suggest_categorical(
                    "batch_size", [16, 32, 64, 128]
                ),
            }
            return fit(hp, hypermodel.build(hp))

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(direction="maximize")
        for hp in configurations:
            study.enqueue_trial(hp.values)
        begun = seconds()
        study.optimize(objective, n_trials=trials)
        asked = [trial.params for trial in study.trials]
        assert asked == [hp.values for hp in configurations]
    else:
        tuner = kt.RandomSearch(
            hypermodel,
            objective=kt.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            seed=seed,
            directory=folder,
        )
        if way == "gc.freeze":
            gc.collect()
            gc.freeze()
        begun = seconds()
        tuner.search(*data.train, **settings)
        known = sorted(tuner.oracle.trials.items())
        trained = [trial.score for _, trial in known]
        asked = [trial.hyperparameters.values for _, trial in known]
        assert asked == [hp.values for hp in configurations]
    return begun, seconds(), trials, trials * epochs, max(trained)


def run_search(measurement, way, seed, folder, data, trials, epochs):
    """Search one way; return the costs."""
    import keras
    import keras_tuner as kt

    role = os.environ.get("KERASTUNER_TUNER_ID", "")
    objective = kt.Objective(OBJECTIVE, "max")
    # 10, 30 or 50 of 50 epochs in the notebooks; of other numbers the
    # same fractions.
    fewest = max(1, epochs // 5)
    tuned = fewest, epochs, (epochs - fewest) // 2 or 1
    epochs_trained = []

    def counted(hypermodel_class):
        class Counted(hypermodel_class):
            def fit(self, hp, model, *args, **kwargs):
                history = super().fit(hp, model, *args, **kwargs)
                epochs_trained.append(len(history.epoch))
                return history

        return Counted

    settings = {"validation_data": data.validation, "verbose": 0}
    slow = softmax_regression(data, tuned)
    if way == "as in the notebooks":
        hypermodel, args = counted(slow)(), data.train
    else:
        hypermodel = counted(fast_regression(data))()
        train, settings["validation_data"] = datasets(data)
        args = (train,)
        if measurement == "random":
            settings["epochs"] = tuned[1]
            settings["callbacks"] = [
                keras.callbacks.EarlyStopping(
                    OBJECTIVE, mode="max", patience=PATIENCE
                )
            ]
    if role != "chief":
        warm_up(slow(), data)
    if way != "as in the notebooks":
        gc.collect()
        gc.freeze()
    limits = (
        {"max_trials": trials}
        if measurement == "random"
        else {"max_epochs": epochs}
    )
    tuner_class = (
        kt.RandomSearch if measurement == "random" else kt.Hyperband
    )
    begins, ends = [], []

    class Timed(tuner_class):
        def on_trial_begin(self, trial):
            begins.append(seconds())
            super().on_trial_begin(trial)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            ends.append(seconds())

    tuner = Timed(
        hypermodel,
        objective=objective,
        seed=seed,
        directory=folder,
        **limits,
    )
    if measurement == "random" and (not role or role == "chief"):
        known = kt.HyperParameters()
        slow().build(known)

        def later(hp):
            hp.Int("epochs", *tuned)
            hp.Choice("batch_size", BATCH_SIZES)

        asked = [
            {
                name: hp.get(name)
                for name in ("learning_rate", "batch_size")
            }
            for hp in drawn_alone(known, trials, seed, later)
        ]
        if way != "as in the notebooks":  # hand out the very same
            left = iter(asked)

            def populate_space(trial_id):
                values = next(left, None)
                status = "RUNNING" if values else "STOPPED"
                return {"status": status, "values": values}

            tuner.oracle.populate_space = populate_space
    tuner.search(*args, **settings)
    if role == "chief":
        ends = begins = [seconds()]
        known = sorted(tuner.oracle.trials.items())
    elif not begins:
        return None  # the other worker had them all
    elif role:
        return begins[0], ends[-1], len(ends), sum(epochs_trained), None
    known = sorted(tuner.oracle.trials.items())
    statuses = {trial.status for _, trial in known}
    # Own epochs below the schedule's leave none, and the trial fails.
    mistaken = measurement == "hyperband" and way != "fast"
    assert mistaken or statuses == {"COMPLETED"}
    if measurement == "random":
        values = [trial.hyperparameters.values for _, trial in known]
        assert asked == [
            {name: value[name] for name in asked[0]} for value in values
        ]
    best = tuner.oracle.get_best_trials()[0].score
    return begins[0], ends[-1], len(known), sum(epochs_trained), best


def drawn_alone(*args):
    """Return what `drawn` does, outside chief and workers."""
    names = [
        name for name in os.environ if name.startswith("KERASTUNER")
    ]
    kept = {name: os.environ.pop(name) for name in names}
    try:
        return drawn(*args)
    finally:
        os.environ.update(kept)


def run_proposals(way, seed, after):
    """Propose once; return the costs."""
    import warnings

    import keras_tuner as kt
    import numpy as np

    from snippets.searches.quick_proposals import quick_proposals

    warnings.filterwarnings("ignore", module="sklearn")
    space = kt.HyperParameters()
    image_classifier().build(space)
    noise = np.random.default_rng(seed)
    trials = {}
    for number, hp in enumerate(drawn(space.copy(), after, seed)):
        rate = math.log10(hp.get("learning_rate"))
        score = 0.97 - 0.02 * (rate + 2.5) ** 2 + hp.get("units") / 2e4
        trial = kt.engine.trial.Trial(hp, f"{number:03}", "COMPLETED")
        trial.score = score + 0.004 * noise.normal()
        trials[trial.trial_id] = trial

    def propose(count):
        oracle = kt.oracles.BayesianOptimizationOracle(
            objective=kt.Objective(OBJECTIVE, "max"),
            hyperparameters=space.copy(),
            num_initial_points=1,
            seed=seed,
        )
        oracle.trials = dict(list(trials.items())[:count])
        if way.startswith("quick"):
            tuner_class = kt.engine.base_tuner.BaseTuner
            with tempfile.TemporaryDirectory() as folder:
                quick_proposals(tuner_class)(oracle, directory=folder)
        return oracle.populate_space("next")

    propose(3)
    begun = seconds()
    proposal = propose(after)
    ended = seconds()
    assert set(proposal["values"]) == set(space.values)
    return begun, ended, after, 0, None


def run(task):
    """Do one run in this process; print its costs as JSON."""
    import keras

    from snippets.data.load_images import load_images

    measurement, way, seed, trials, epochs, images, folder = task
    keras.utils.set_random_seed(seed)
    if measurement == "proposal":
        result = run_proposals(way, seed, trials)
    else:
        data = load_images(images)
        if measurement == "trial":
            result = run_trial(way, seed, folder, data, trials, epochs)
        else:
            result = run_search(
                measurement, way, seed, folder, data, trials, epochs
            )
    print("\n" + json.dumps(result), flush=True)


def launch(task, **environment):
    """Start a process for a run, or for one part of it."""
    threads = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    )
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    variables = os.environ | dict.fromkeys(threads, "1") | quiet
    if task[:2] == ("proposal", "default"):
        for name in threads:
            del variables[name]
    return subprocess.Popen(
        [sys.executable, __file__, "--run", json.dumps(task)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=variables | environment,
    )


def measured(task):
    """Do one run in processes of its own; return its row."""
    measurement, way, seed, *_ = task
    with tempfile.TemporaryDirectory() as folder:
        task = (*task, folder)
        begun = time.monotonic()
        if way.endswith("two workers"):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = str(free.getsockname()[1])
            where = {
                "KERASTUNER_ORACLE_IP": "127.0.0.1",
                "KERASTUNER_ORACLE_PORT": port,
            }
            roles = "chief", "tuner0", "tuner1"
            processes = [
                launch(task, KERASTUNER_TUNER_ID=role, **where)
                for role in roles
            ]
        else:
            processes = [launch(task)]
        results = []
        try:
            for process in reversed(processes):
                output, error = process.communicate()
                if process.returncode:
                    sys.exit(
                        f"{measurement}, {way} failed:\n{error[-4000:]}"
                    )
                results.append(json.loads(output.splitlines()[-1]))
        finally:
            for process in processes:
                process.kill()
        whole = time.monotonic() - begun
    results = [result for result in results if result]
    begins, ends, trials, epochs, best = zip(*results, strict=True)
    # The chief's result is the last, and it trains nothing.
    count = max(1, len(results) - 1)
    pairs = list(zip(begins, ends, strict=True))[:count]
    cpu = sum(end[0] - begin[0] for begin, end in pairs)
    wall = max(end[1] for _, end in pairs) - min(b[1] for b, _ in pairs)
    return {
        "trials": trials[-1],
        "epochs": sum(epochs),
        "cpu_seconds": round(cpu, 3),
        "wall_seconds": round(wall, 3),
        "whole_seconds": round(whole, 3),
        "best_validation_accuracy": ""
        if best[-1] is None
        else round(best[-1], 4),
    }


def plan(options):
    """Yield the measurement, way, round and task of every run."""
    for measurement in options.measurements:
        ways = list(WAYS[measurement])
        if "Optuna" in ways and not importlib.util.find_spec("optuna"):
            print("Optuna is left out: pip install optuna brings it in")
            ways.remove("Optuna")
        rounds = options.rounds or (
            5 if measurement in ("random", "hyperband") else 3
        )
        trials = {"trial": 8, "random": 15}.get(measurement, 0)
        epochs = {"trial": 15, "random": 50, "hyperband": 27}
        counts = [options.trials or trials]
        if measurement == "proposal":
            counts = AFTER[: options.trials or None]
        for turn in range(1, rounds + 1):
            turned = turn % len(ways)  # who is first varies
            for way in ways[turned:] + ways[:turned]:
                for count in counts:
                    yield (
                        measurement,
                        way,
                        1000 * turn,
                        count,
                        options.epochs or epochs.get(measurement, 0),
                        options.images,
                    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measurements", nargs="*", help=", ".join(WAYS))
    parser.add_argument("--images", default="digits")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--output", default=HERE / "speed.csv")
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
    options.measurements = options.measurements or list(WAYS)
    tasks, rows = list(plan(options)), []
    for number, task in enumerate(tasks, 1):
        measurement, way, seed, trials, *_ = task
        row = records.kept("bench", task, measured, options.new)
        rows.append(
            {
                "measurement": measurement,
                "way": way,
                "round": seed // 1000,
                **row,
            }
        )
        print(
            f"{number} of {len(tasks)}: {measurement}, {way}, "
            f"{row['trials']} trials, {row['cpu_seconds']:.1f} CPU s, "
            f"{row['wall_seconds']:.1f} s",
            flush=True,
        )
    # What all else is compared with comes first, whoever ran first.
    rows.sort(
        key=lambda row: (
            list(WAYS).index(row["measurement"]),
            row["round"],
            WAYS[row["measurement"]].index(row["way"]),
        )
    )
    comments = records.provenance(
        f"Costs of searches on {Path(options.images).name}",
        "bench_searches.py",
        ("tensorflow", "keras", "keras-tuner", "optuna"),
        f"{os.cpu_count()} cores, one thread a process",
    )
    records.write(options.output, COLUMNS, rows, comments)


if __name__ == "__main__":
    sys.exit(main())
