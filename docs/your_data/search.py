"""Tune a network for your data, and keep the best one.

#: kind=table
    python search.py                            # an example: penguins
    python search.py table.csv --target COLUMN  # your own
    python predict.py new.csv

COLUMN is what to predict, the others are what it is predicted from:
numbers or texts, cells may be missing. --ignore COLUMN leaves one out;
--together COLUMN, of patients, say, keeps the rows of one of them on
one side, so that the test is on others than those it learned from.
#: kind=pictures
    python search.py         # an example: pieces of two photographs
    python search.py FOLDER  # your own: a folder of pictures per class
    python predict.py PATH   # a picture, or a folder of them

#: kind=texts
    python search.py                            # an example: docstrings
    python search.py texts.csv --target COLUMN  # beside a column of texts
#: kind=texts predict=class
    python search.py FOLDER                     # a folder per class
#: kind=texts
    python predict.py PATH                      # a table, or text files

#: kind=series
    python search.py                            # an example: weather
    python search.py series.csv --target COLUMN --time COLUMN
    python predict.py series.csv                # the next value

The column of --target is forecast; without --time rows are in order.
#:
Writes model.keras, which predict.py uses, and trials.png. Needs

    pip install tensorflow keras-tuner tensorboard scikit-learn scipy
#: kind=table
    pip install matplotlib pandas palmerpenguins
#: kind=pictures
    pip install matplotlib pandas pillow
#: kind=texts
    pip install matplotlib pandas
#: kind=series
    pip install matplotlib pandas vega_datasets
#:
"""

import argparse
import contextlib
import inspect
import json
import os
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

HERE = Path(__file__).parent
#: kind=pictures
SIZE = 32  # pixels a side that the network sees; more sees more, slower
#: kind=series
LENGTH = 28  # values in the longest window that is tried
#: kind=texts
CHARACTERS = 10_000  # of the start of a text, for at most 400 words
#:


def main(options, data):
    """Search, compare with the untuned model, keep the best."""
    hypermodel, take, (train, validation, test), about = data
    x, y = take(train)
    x_validation, y_validation = take(validation)
    #: predict=class
    objective = kt.Objective("val_accuracy", "max")
    #: predict=number
    objective = kt.Objective("val_mae", "min")
    #: class_weights
    # Each class counts alike, in the loss and in val_accuracy.
    weights = compute_sample_weight("balanced", y)
    weights_validation = compute_sample_weight("balanced", y_validation)
    #:
    #: early_stopping
    stop = keras.callbacks.EarlyStopping(
        objective.name, mode=objective.direction, patience=5
    )
    #:
    arguments = {
        "x": x,
        "y": y,
        #: class_weights
        "sample_weight": weights,
        "validation_data": (
            x_validation,
            y_validation,
            weights_validation,
        ),
        #: !class_weights
        "validation_data": (x_validation, y_validation),
        #:
        "verbose": 0,
    }

    keras.utils.set_random_seed(1)
    #: resume
    try:
        tuner = make_tuner(hypermodel, objective, options)
        tuner.search(
            **arguments,
            #: resume !tuner=Hyperband
            epochs=options.max_epochs,
            #: resume early_stopping
            callbacks=[stop],
            #: resume
        )
    except (OSError, ValueError) as error:
        sys.exit(
            f"search.py: {HERE / 'searches'}: {error}. To begin anew, "
            "delete the folder of this search"
        )
    #: !resume
    tuner = make_tuner(hypermodel, objective, options)
    tuner.search(
        **arguments,
        #: !resume !tuner=Hyperband
        epochs=options.max_epochs,
        #: !resume early_stopping
        callbacks=[stop],
        #: !resume
    )
    #:
    if not tuner.oracle.get_best_trials():
        messages = [t.message for t in tuner.oracle.trials.values()]
        #: time_limit
        if not messages:
            sys.exit("search.py: no trial has begun: give more --hours")
        #:
        sys.exit(f"search.py: all trials failed: {messages[-1]}")
    print(f"\nTrials, best first:\n{trials_table(tuner).to_string()}")
    trials_plot(tuner).savefig(HERE / "trials.png")
    best = tuner.oracle.get_best_trials()[0]
    begun = best.hyperparameters.values.get("tuner/initial_epoch", 0)
    epochs = begun + best.best_step + 1
    print(
        f"\nThe best: {objective.name} {best.score:.4f}, {epochs} epochs"
    )
    #: tuner=Hyperband
    longest = max(
        trial.hyperparameters.values["tuner/epochs"]
        for trial in tuner.oracle.trials.values()
    )
    if longest < options.max_epochs:
        print(
            f"No trial had more than {longest} epochs: allow more --trials"
        )
    #:
    if epochs >= options.max_epochs:
        print("It was still improving: raise --max-epochs")

    print("Training the untuned model, to compare ...", flush=True)
    # It may train longer than trials do, until it is at its best.
    untuned = kt.HyperParameters()
    keras.utils.set_random_seed(1)
    model = hypermodel.build(untuned)
    history = hypermodel.fit(
        untuned, model, **arguments, epochs=3 * options.max_epochs
    ).history[objective.name]
    turned = np.array(history) * (
        -1 if objective.direction == "min" else 1
    )
    step = int(turned.argmax())
    print(f"Untuned: {history[step]:.4f}, {step + 1} epochs")

    # Both again, on what they learned from and what chose between them.
    joined = np.sort(np.concatenate([train, validation]))
    x, y = take(joined)
    x_test, y_test = take(test)
    models = {}
    for name, values, number in (
        ("untuned", untuned, step + 1),
        ("tuned", best.hyperparameters, epochs),
    ):
        keras.utils.set_random_seed(1)
        models[name] = hypermodel.build(values)
        hypermodel.fit(
            values,
            models[name],
            x,
            y,
            epochs=number,
            verbose=0,
            #: class_weights
            sample_weight=compute_sample_weight("balanced", y),
            #:
        )
    guesses = {
        name: model.predict(x_test, verbose=0)
        for name, model in models.items()
    }
    #: predict=class
    guesses = {name: g.argmax(axis=1) for name, g in guesses.items()}
    frequent = np.full(len(y_test), np.bincount(y).argmax())
    guesses = {"most frequent class": frequent, **guesses}
    scores = {name: g == y_test for name, g in guesses.items()}
    what = "Accuracy"
    #: predict=number kind=table,texts
    guesses = {name: g[:, 0] for name, g in guesses.items()}
    guesses = {"median": np.full(len(y_test), np.median(y)), **guesses}
    scores = {name: abs(g - y_test) for name, g in guesses.items()}
    what = "Mean absolute error"
    #: kind=series
    guesses = {name: g[:, 0] for name, g in guesses.items()}
    guesses = {"the last value again": x_test[:, -1], **guesses}
    # Errors that follow each other are alike: means of stretches are
    # the repeats.
    stretches = np.array_split(np.arange(len(y_test)), 20)
    errors = {name: abs(g - y_test) for name, g in guesses.items()}
    scores = {
        name: [
            error[stretch].mean()
            for stretch in stretches
            if len(stretch)
        ]
        for name, error in errors.items()
    }
    what = "Mean absolute error, in stretches of time"
    #:
    table = compare_runs(scores, reference="untuned", paired=True)
    table = table.drop(columns=["runs", "p"])
    print(f"\n{what} on the {len(y_test)} rows of the test set, with")
    print("95 % intervals, and the difference to the untuned model:")
    print(table.round(4).to_string())
    low, high = table.loc["tuned", "difference_low":"difference_high"]
    #: predict=number
    low, high = -high, -low  # less is better
    #:
    if low > 0:
        print("Tuning helped.")
    elif high < 0:
        print("Tuning made it worse: try more trials, or longer ones.")
    else:
        print("Whether tuning helped, this test set cannot tell.")
    simplest = next(iter(guesses))
    gain = table["mean"]["tuned"] - table["mean"][simplest]
    #: predict=number
    gain = -gain  # less is better
    #:
    if gain <= 0:
        print(f"The tuned model is no better than: {simplest}.")
        #: predict=class !class_weights
        print("Where classes are of unequal size, choose class weights.")
        #:
    #: class_weights
    print("\nWith each class counted alike:")
    for name, guess in guesses.items():
        score = balanced_accuracy_score(y_test, guess)
        print(f"{name}: {score:.4f}")
    print("\nHow much of each class the tuned model finds:")
    found = {
        name: scores["tuned"][y_test == number]
        for number, name in enumerate(about["names"])
    }
    several = {n: right for n, right in found.items() if len(right) > 1}
    print(compare_runs(several).round(4).to_string())
    for name in found.keys() - several.keys():
        print(f"{name}: {found[name].sum()} of 1")
    #:

    # Which to keep, the validation data say: the test set must not.
    least = min if objective.direction == "min" else max
    kept = "tuned"
    if least(best.score, history[step]) != best.score:
        kept = "untuned"
    models[kept].save(HERE / "model.keras")
    with zipfile.ZipFile(HERE / "model.keras", "a") as file:
        file.writestr("about.json", json.dumps(about))
    print(f"\nSaved the {kept} model, no worse on the validation data.")
    print("To predict: python predict.py PATH, of new data like")
    print(options.path)


def make_tuner(hypermodel, objective, options):
    """Return the tuner, its folder named after the data."""
    #: tuner=RandomSearch
    tuner_class = kt.RandomSearch
    settings = {"max_trials": options.trials}
    #: tuner=Hyperband
    tuner_class = kt.Hyperband
    settings = {"max_epochs": options.max_epochs, "factor": 3}
    #: tuner=BayesianOptimization
    tuner_class = kt.BayesianOptimization
    settings = {"max_trials": options.trials}
    #: tuner=GridSearch
    tuner_class = kt.GridSearch
    grid = kt.HyperParameters()
    grid.Choice("learning_rate", [1e-3, 3e-3, 1e-2])
    grid.Choice("batch_size", [32, 64])
    #: tuner=GridSearch kind=table
    grid.Choice("units", [32, 64, 128])
    #: tuner=GridSearch kind=pictures
    grid.Choice("filters", [8, 16, 32])
    #: tuner=GridSearch kind=texts
    grid.Choice("vocabulary_size", [500, 2000, 10_000])
    #: tuner=GridSearch kind=series
    grid.Choice("kind", ["GRU", "LSTM", "convolution"])
    #: tuner=GridSearch
    settings = {
        "max_trials": options.trials,
        "hyperparameters": grid,
        "tune_new_entries": False,  # the others keep their defaults
    }
    #: flat_memory
    tuner_class = flat_memory(tuner_class)
    #: time_limit
    tuner_class = stop_after(tuner_class, hours=options.hours)
    #: resume
    tuner_class = resumable(safe(tuner_class))
    #:

    class Seeded(tuner_class):
        """A search that ends alike however often it is interrupted."""

        def run_trial(self, trial, *args, **kwargs):
            keras.utils.set_random_seed(1 + int(trial.trial_id))
            return super().run_trial(trial, *args, **kwargs)

        #: !cores

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            score = self.oracle.trials[trial.trial_id].score
            print(f"trial {trial.trial_id}: {score}", flush=True)

    #:

    name = Path(options.path).resolve().stem
    tuner = Seeded(
        hypermodel,
        objective=objective,
        seed=1,
        directory=HERE / "searches",
        project_name=f"{name}_{options.max_epochs}",
        #: !resume
        overwrite=True,  # an earlier run of this is deleted
        #:
        **settings,
    )
    #: tuner=Hyperband
    tuner.oracle.max_trials = options.trials
    #:
    return tuner


#: kind=table
def load(options):
    """Return hypermodel, rows by number, parts and what to save."""
    #: kind=table predict=class
    table = read_table(
        options.path, texts=[options.target], without=options.ignore
    )
    #: kind=table predict=number
    table = read_table(options.path, without=options.ignore)
    #: kind=table
    table, target = known_targets(table, options)
    #: kind=table predict=class
    y, names = classes_of(target)
    #: kind=table predict=number
    y = numbers_of(target)
    #: kind=table
    if options.together and options.together not in table:
        raise ValueError(
            f"--together must be one of {list(table)}, not "
            f"{options.together}"
        )
    if options.together:
        groups = table.pop(options.together)
        alone = "row " + table.index.to_series().astype(str)
        unknown = groups.isin(["", np.nan])
        groups = groups.astype(str).mask(unknown, alone)
    kept, left_out = usable_columns(table)
    copies = table.groupby(list(kept), dropna=False, sort=False)
    copies = copies.ngroup()
    kinds = [
        table[c].nunique()
        for c in kept
        if kept[c] is not None or (table[c].dropna() % 1 == 0).all()
    ]
    if options.together:
        copies = groups
    elif len(kinds) == len(kept) and np.prod(kinds, dtype=float) < len(y):
        print("Rows are alike by chance: copies are not kept together")
        copies = table.index
    #: kind=table predict=class
    parts = split_rows(np.take(names, y), copies)
    #: kind=table predict=number
    parts = split_rows(y, copies, classes=False)
    #: kind=table
    known, more = usable_columns(table.iloc[parts[0]][list(kept)])
    columns = {c: known[c] for c in kept if c in known}
    print(f"{len(y)} rows, learning from {list(columns)}")
    for column, why in (left_out | more).items():
        print(f"left out: {column}, {why}")

    def take(part):
        return table_inputs(table.iloc[part], columns), y[part]

    texts = [f"{c}={v}" for c in columns for v in columns[c] or ()]
    hypermodel = TableModel(
        numbers=sum(of is None for of in columns.values()),
        categories=texts,
        texts=sum(of is not None for of in columns.values()),
        #: kind=table predict=class
        classes=len(names),
        #: kind=table
    )
    #: kind=table predict=class
    about = {"columns": columns, "names": names}
    #: kind=table predict=number
    about = {"columns": columns}
    #: kind=table
    about["decimal"] = table.attrs["decimal"]
    return hypermodel, take, parts, about


#: kind=pictures
def load(options):
    """Return hypermodel, rows by number, parts and what to save."""
    found = files_by_class(options.path)
    split_rows(found["name"], found["path"])  # refused before it reads
    pictures = read_pictures(found["path"], SIZE)
    y, names = classes_of(found["name"])
    same = [hash(picture.tobytes()) for picture in pictures]
    parts = split_rows(found["name"], same)
    print(f"{len(y)} pictures:", found["name"].value_counts().to_dict())
    if others := found.attrs["others"]:
        print(f"passed over, by suffix: {others}")

    def take(part):
        return pictures[part], y[part]

    hypermodel = PictureModel(SIZE, classes=len(names))
    return hypermodel, take, parts, {"names": names, "size": SIZE}


#: kind=texts predict=class
def load(options):
    """Return hypermodel, rows by number, parts and what to save."""
    if Path(options.path).is_dir():
        found = files_by_class(options.path, suffixes=[".txt"])
        texts = found["path"].map(read_text)
        target, about = found["name"], {}
        if others := found.attrs["others"]:
            print(f"passed over, by suffix: {others}")
    else:
        texts, target, about = text_column(options)
    texts, kept = beginnings(texts)
    texts, target = texts[kept].to_numpy(), target[kept]
    y, names = classes_of(target)
    about["names"], about["characters"] = names, CHARACTERS
    parts = split_rows(np.take(names, y), texts)
    print(f"{len(y)} texts:", target.value_counts().to_dict())
    hypermodel = TextModel(texts[parts[0]], classes=len(names))


#: kind=texts predict=number
def load(options):
    """Return hypermodel, rows by number, parts and what to save."""
    texts, target, about = text_column(options)
    texts, kept = beginnings(texts)
    texts, y = texts[kept].to_numpy(), numbers_of(target[kept])
    about["characters"] = CHARACTERS
    parts = split_rows(y, texts, classes=False)
    print(f"{len(y)} texts")
    hypermodel = TextModel(texts[parts[0]])
    #: kind=texts

    def take(part):
        return tf.constant(list(texts[part])), y[part]

    return hypermodel, take, parts, about


def beginnings(texts):
    """Return the beginning of each text, and which are not empty."""
    kept = texts.str.strip() != ""
    if missing := len(texts) - kept.sum():
        print(f"{missing} empty texts are left out")
    if longer := (texts.str.len() > CHARACTERS).sum():
        print(f"of {longer} texts only {CHARACTERS} characters are used")
    return texts.str[:CHARACTERS], kept


def text_column(options):
    """Return the texts of a table, their targets, and the column."""
    #: kind=texts predict=class
    table = read_table(options.path, numbers=[])
    #: kind=texts predict=number
    table = read_table(options.path, numbers=[options.target])
    #: kind=texts
    table, target = known_targets(table, options)
    lengths = {}
    for column, cells in table.items():
        if pd.to_numeric(cells, errors="coerce").isna().any():
            said = cells.str.replace(r"\w+://\S+", "", regex=True)
            lengths[column] = said.str.len().mean()
    column = options.text or max(lengths, key=lengths.get, default=None)
    if column not in lengths:
        raise ValueError(
            f"--text must be one of {list(lengths)}, not {column}"
        )
    print(f"texts: column {column}")
    return table[column], target, {"text": column}


#: kind=table,texts
def known_targets(table, options):
    """Return the rows whose target is there, and the targets."""
    if options.target not in table:
        raise ValueError(
            f"--target must be one of {list(table)}, not {options.target}"
        )
    there = ~table[options.target].isin(["", np.nan])
    if missing := len(table) - there.sum():
        print(f"{missing} rows without {options.target} are left out")
    table = table[there].reset_index(drop=True)
    return table, table.pop(options.target)


#: kind=series
def load(options):
    """Return hypermodel, rows by number, parts and what to save."""
    if options.target is None:
        raise ValueError("--target must name the column to forecast")
    columns = [options.target, options.time or options.target]
    table = read_table(options.path, only=columns)
    series = regular_series(table, options.target, options.time)
    windows, values, places = windows_of(series, LENGTH)
    print(
        f"{len(series)} steps, {series.isna().sum()} missing; "
        f"{len(windows)} windows of {LENGTH}"
    )
    ends = np.quantile(places, [0.6, 0.8])
    part = np.searchsorted(ends, places, side="left")
    parts = [np.flatnonzero(part == number) for number in range(3)]

    def take(part):
        return windows[part], values[part]

    about = {"target": options.target, "time": options.time}
    about["length"] = LENGTH
    step = series.attrs.get("step", series.index[-1] - series.index[-2])
    about["step"] = str(step)
    return SeriesModel(LENGTH), take, parts, about


#: predict=class
def classes_of(target):
    """Return each row's class by number, and the names of classes."""
    numbers, names = pd.factorize(target, sort=True)
    if not 2 <= len(names) <= 200:
        raise ValueError(
            f"the target has {len(names)} different values: classes are "
            "2 to 200; for a number there is another program"
        )
    return numbers, [str(name) for name in names]


#: kind=table,texts predict=number
def numbers_of(target):
    """Return numbers to predict, as the network takes them."""
    if target.dtype.kind != "f":
        wrong = target[pd.to_numeric(target, errors="coerce").isna()]
        raise ValueError(
            f"{target.name!r} does not hold numbers, but "
            f"{[*wrong, *target][0]!r}: write 1234.5, without a unit"
        )
    span = target.max() - target.min()
    if not span > max(1e-6, 1e-5 * target.abs().max()):
        raise ValueError(
            f"{target.name!r} is missing or nearly the same in all rows: "
            "take off what they have in common, or change the unit"
        )
    return target.to_numpy("float32")


#: kind=table
def example(options):
    """Take penguins, measured by K. Gorman and others, CC0."""
    options.path = str(files("palmerpenguins") / "data/penguins.csv")
    #: kind=table predict=class
    options.target = "sex"
    #: kind=table predict=number
    options.target = "body_mass_g"


#: kind=table


#: kind=pictures
def example(options):
    """Cut up two photographs of scikit-learn's, CC BY danielbuechele."""
    options.path = "example_pictures"
    pieces = {
        "leaves": (1, 0, 60, 150, 420),
        "pavilion": (0, 110, 110, 310, 330),
        "petals": (1, 215, 130, 400, 310),
        "sky": (0, 360, 10, 630, 180),
        "trees": (0, 340, 330, 560, 420),
        "water": (0, 360, 245, 540, 300),
    }
    random = np.random.default_rng(1)
    images = load_sample_images().images
    for name, (image, left, top, right, bottom) in pieces.items():
        folder = Path(options.path, name)
        folder.mkdir(parents=True, exist_ok=True)
        for x in range(left, right - 20, 20):
            for y in range(top, bottom - 20, 20):
                height, width = random.integers(12, 20, size=2)
                piece = images[image][y : y + height, x : x + width]
                Image.fromarray(piece).save(folder / f"{x}_{y}.png")


#: kind=texts
def example(options):
    """Take first sentences of docstrings from four libraries."""
    rows = {}
    for library in ("keras", "numpy", "pandas", "sklearn"):
        for module in sys.modules.copy():
            if module.split(".")[0] == library:
                for thing in vars(sys.modules[module]).values():
                    if inspect.isfunction(thing) or inspect.isclass(
                        thing
                    ):
                        text = (inspect.getdoc(thing) or "").split(
                            "\n\n"
                        )[0]
                        owner = thing.__module__.split(".")[0]
                        if len(text) > 20 and owner == library:
                            rows[text] = library, thing
    #: kind=texts predict=class
    options.path = "example_texts"
    for number, (text, (library, _)) in enumerate(sorted(rows.items())):
        folder = Path(options.path, library)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{number}.txt"
        file.write_text(text, "utf-8")
    #: kind=texts predict=number
    options.path, options.target = "example_texts.csv", "parameters"
    table = [
        (text, thing.__code__.co_argcount)
        for text, (_, thing) in sorted(rows.items())
        if inspect.isfunction(thing)
    ]
    table = pd.DataFrame(table, columns=["sentence", "parameters"])
    table.to_csv(options.path, index=False)


#: kind=texts


#: kind=series
def example(options):
    """Take the highest temperature of each day in Seattle, from NOAA."""
    file = files("vega_datasets") / "_data/seattle-weather.csv"
    options.path = str(file)
    options.target, options.time = "temp_max", "date"


#:
def read_options():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", help="else an example")
    #: kind=table,texts
    parser.add_argument("--target", metavar="COLUMN", help="to predict")
    #: kind=table
    parser.add_argument(
        "--ignore",
        metavar="COLUMN",
        action="append",
        default=[],
        help="not to be read; may be given several times",
    )
    parser.add_argument(
        "--together",
        metavar="COLUMN",
        help="rows where it is the same stay on one side",
    )
    #: kind=texts
    parser.add_argument("--text", metavar="COLUMN", help="of texts")
    #: kind=series
    parser.add_argument("--target", metavar="COLUMN", help="the series")
    parser.add_argument("--time", metavar="COLUMN", help="when it was")
    #: tuner=Hyperband
    parser.add_argument("--trials", type=positive, help="at most")
    #: tuner=GridSearch
    parser.add_argument("--trials", type=positive, help="else all")
    #: tuner=RandomSearch,BayesianOptimization
    parser.add_argument("--trials", type=positive, default=20)
    #: kind=table
    parser.add_argument("--max-epochs", type=positive, default=50)
    #: kind=pictures,series
    parser.add_argument("--max-epochs", type=positive, default=20)
    #: kind=texts
    parser.add_argument("--max-epochs", type=positive, default=15)
    #: time_limit
    parser.add_argument(
        "--hours",
        type=hours,
        default=1.0,
        help="for the search alone; what follows it is not counted",
    )
    #:
    return parser.parse_args()


#: time_limit
def hours(text):
    """Return a time above 0, of less than a thousand years."""
    if 0 < float(text) < 1e7:
        return float(text)
    raise ValueError


#:
def positive(text):
    """Return a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number above 0")
    return int(text)


#: kind=table
from snippets.data.read_table import read_table
from snippets.data.usable_columns import usable_columns
from snippets.data.table_inputs import table_inputs
from snippets.data.split_rows import split_rows
from snippets.models.table_model import TableModel

#: kind=pictures
from snippets.data.files_by_class import files_by_class
from snippets.data.read_pictures import read_pictures
from snippets.data.split_rows import split_rows
from snippets.models.picture_model import PictureModel

#: kind=texts
from snippets.data.read_table import read_table
from snippets.data.read_text import read_text
from snippets.data.split_rows import split_rows
from snippets.models.text_model import TextModel

#: kind=texts predict=class
from snippets.data.files_by_class import files_by_class

#: kind=series
from snippets.data.read_table import read_table
from snippets.data.regular_series import regular_series
from snippets.data.windows_of import windows_of
from snippets.models.series_model import SeriesModel

#:
from snippets.results.trials_table import trials_table
from snippets.results.trials_plot import trials_plot
from snippets.results.compare_runs import compare_runs

#: flat_memory
from snippets.searches.flat_memory import flat_memory

#: time_limit
from snippets.searches.stop_after import stop_after

#: resume
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

#: cores
from snippets.searches.parallel_search import parallel_search
#:


if __name__ == "__main__":
    options = read_options()
    try:
        if options.path is None:
            example(options)
        #: cores
        first = "KERASTUNER_TUNER_ID" not in os.environ
        with contextlib.redirect_stdout(sys.stdout if first else None):
            data = load(options)
        #: !cores
        data = load(options)
        #:
    except (ModuleNotFoundError, OSError, ValueError) as error:
        sys.exit(f"search.py: {error}")
    #: cores
    if first:
        try:
            parallel_search(__file__, *sys.argv[1:])
        except RuntimeError as error:
            sys.exit(str(error))
        sys.exit()
    #:
    main(options, data)
