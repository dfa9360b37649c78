# %% [markdown] index="tf.data; generator; PyDataset; Received an empty generator; validation_split; TextVectorization"
# # tf.data, generators and PyDataset
#
# Feed a search from arrays, a tf.data pipeline or a PyDataset, tune the
# batch size of a dataset, and see why a Python generator fails in the
# second trial.
#
# `search` hands the same data objects to every trial, so they must bear
# being read again and again. Arrays, data frames, a `tf.data.Dataset`
# and a `keras.utils.PyDataset` do. A Python generator is used up by the
# first trial: wrap the function that makes it in `from_generator`.
#
# To tune the batch size of a dataset, give `search` single examples and
# batch them in `fit`. A `batch_size` given to Keras beside a dataset is
# ignored.
#
# ```python
# def fit(self, hp, model, x, validation_data, **kwargs):
#     batch_size = hp.Choice("batch_size", [32, 64, 128])
#     return model.fit(
#         x.cache().shuffle(10_000).batch(batch_size),
#         validation_data=validation_data.batch(1024),
#         shuffle=False,  # done above
#         **kwargs,
#     )
# ```

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import argparse
import ast
import asyncio
import contextlib
import inspect
import io
import logging
import os
import re
import statistics
import typing
import warnings

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import sklearn.datasets
import sklearn.ensemble
import sklearn.metrics
import tensorflow as tf
from IPython.display import display
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The same images, six ways
#
# In batches of 32, which is what Keras makes of arrays unless told
# otherwise, and always in the same order, so that only the way differs.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, y = images.train
BATCH_SIZE = 32
batches = -(-len(y) // BATCH_SIZE)
print(f"{len(y)} images in {batches} batches")


# %% [markdown]
# A PyDataset says how many batches there are and makes the one it is
# asked for. A generator makes one after the other, and then it is over.


# %%
class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return -(-len(self.y) // self.batch_size)

    def __getitem__(self, number):
        start = number * self.batch_size
        rows = slice(start, start + self.batch_size)
        return self.x[rows], self.y[rows]


def generate():
    for start in range(0, len(y), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        yield x[rows], y[rows]


# %% [markdown]
# `from_generator` takes the function, not the generator, and calls it
# for each epoch. Told its `length`, Keras knows when an epoch ends.

# %%
examples = tf.data.Dataset.from_tensor_slices((x, y))
signature = (
    tf.TensorSpec((None, x.shape[1]), tf.float32),
    tf.TensorSpec((None,), tf.int64),
)
length = tf.data.experimental.assert_cardinality(batches)
from_generator = tf.data.Dataset.from_generator(
    generate, output_signature=signature
).apply(length)
ways = {
    "NumPy arrays": (x, y),
    "pandas": (pd.DataFrame(x), pd.Series(y)),
    "tf.data.Dataset": (examples.batch(BATCH_SIZE),),
    "PyDataset": (Batches(x, y, BATCH_SIZE),),
    "generator": (generate(),),  # wrong: it can be read only once
    "from_generator": (from_generator,),
}

# %% [markdown]
# A hypermodel that counts the batches each trial is trained on.


# %%
class Counted(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.batches = []

    def build(self, hp):
        units = hp.Choice("units", [16, 64])
        inputs = keras.Input((64,))
        hidden = keras.layers.Dense(units, activation="relu")(inputs)
        outputs = keras.layers.Dense(10, activation="softmax")(hidden)
        model = keras.Model(inputs, outputs)
        model.compile(
            "adam",
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,  # XLA compiles longer than this runs
        )
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        self.batches.append(0)

        def count(batch, logs):
            self.batches[-1] += 1

        counting = keras.callbacks.LambdaCallback(
            on_train_batch_end=count
        )
        callbacks = [*callbacks, counting]
        return model.fit(*args, callbacks=callbacks, **kwargs)


# %% [markdown]
# Every value of the space once, two epochs each. Warnings and
# tracebacks are kept off this page; `shuffle=False` keeps the order.


# %%
def search(hypermodel, name, *args, **kwargs):
    """Search a grid; return the tuner and its trials."""
    keras.utils.set_random_seed(1)
    tuner = kt.GridSearch(
        hypermodel,
        objective=kt.Objective("val_accuracy", "max"),
        seed=1,
        directory="searches",
        project_name=f"data_pipelines_{name}",
        overwrite=True,
    )
    with (
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        tuner.search(*args, epochs=2, verbose=0, **kwargs)
    trials = tuner.oracle.trials
    return tuner, [trials[number] for number in sorted(trials)]


# %%
given = {"validation_data": images.validation, "shuffle": False}
results, rows = {}, {}
for way, data in ways.items():
    tuner, trials = search(Counted(), way, *data, **given)
    results[way] = trials
    rows[way] = {
        **{f"trial {t.trial_id[-1]}": t.status for t in trials},
        "batches": tuner.hypermodel.batches,
    }
table = pd.DataFrame(rows).T
display(table)

# %%
print(results["generator"][1].message.splitlines()[-1])
assert "empty generator" in results["generator"][1].message
assert table.loc["generator", "trial 0"] == "COMPLETED"
assert table.loc["generator", "trial 1"] == "FAILED"
good = table.drop(index="generator")
assert set(good.filter(like="trial").to_numpy().flat) == {"COMPLETED"}
assert all(counts == [2 * batches] * 2 for counts in good["batches"])

# %% [markdown]
# The second trial of the generator fails, and so would all that follow.
# Because the first completed, the search ends as if all were well; only
# [three failures in a row](failed_trials.py) stop it. That first
# trial is no good either: its second epoch had only what Keras held
# back for it. Count its batches.
#
# All other ways give the same search. What a trial learns doesn't
# depend on how its batches came:

# %%
expected = [trial.score for trial in results["NumPy arrays"]]
for way in good.index:
    scores = [trial.score for trial in results[way]]
    print(f"{way:16}", np.round(scores, 4))
    np.testing.assert_allclose(scores, expected, atol=0.01)

# %% [markdown]
# ## Tune the batch size
#
# A dataset that comes in batches has its batch size. Keras takes a
# `batch_size` beside it, does nothing with it, and says nothing. So
# this `fit` tunes a number without effect, and the second one is right:


# %%
class Ignored(Counted):
    def build(self, hp):
        hp.Choice("batch_size", [16, 128])
        return super().build(kt.HyperParameters())  # units by default

    def fit(self, hp, model, x, **kwargs):
        batch_size = hp.get("batch_size")
        return super().fit(
            hp,
            model,
            x,
            batch_size=batch_size,  # wrong: ignored for a dataset
            **kwargs,
        )


class BatchedInFit(Ignored):
    def fit(self, hp, model, x, **kwargs):
        batches = x.shuffle(10_000).batch(hp.get("batch_size"))
        return Counted.fit(self, hp, model, batches, **kwargs)


# %%
rows = {}
for hypermodel, data in (
    (Ignored(), examples.batch(BATCH_SIZE)),
    (BatchedInFit(), examples),
):
    name = type(hypermodel).__name__
    tuner, trials = search(hypermodel, name, data, **given)
    assert {trial.status for trial in trials} == {"COMPLETED"}
    sizes = [t.hyperparameters.get("batch_size") for t in trials]
    rows[name] = dict(zip(sizes, hypermodel.batches, strict=True))
table = pd.DataFrame(rows).rename_axis("batch_size").sort_index()
display(table)
assert (table["Ignored"] == 2 * batches).all()
assert list(table["BatchedInFit"]) == [
    2 * -(-len(y) // size) for size in table.index
]

# %% [markdown]
# The table has the number of batches in two epochs. For a PyDataset it
# is the same: make it in `fit`, as `Batches(x, y, batch_size)`.
# Validation data needs no tuned batch size; a large one is fast.
#
# ## Shuffle and cache, in this order
#
# `cache` keeps what comes before it, the order included. Twelve numbers
# in batches of four, for two epochs:

# %%
numbers = tf.data.Dataset.range(12)
pipelines = {
    "cache, shuffle, batch": numbers.cache().shuffle(12).batch(4),
    "shuffle, cache, batch": numbers.shuffle(12).cache().batch(4),
    "shuffle, batch, cache": numbers.shuffle(12).batch(4).cache(),
    "batch, cache, shuffle": numbers.batch(4).cache().shuffle(12),
}
epochs = {}
for name, pipeline in pipelines.items():
    epochs[name] = [
        [batch.tolist() for batch in pipeline.as_numpy_iterator()]
        for epoch in range(2)
    ]
    print(name)
    print("  epoch 1:", *epochs[name][0])
    print("  epoch 2:", *epochs[name][1])

# %%
for name, (first, second) in epochs.items():
    assert (first == second) == name.startswith("shuffle")
    same_batches = sorted(first) == sorted(second)
    assert same_batches == (name != "cache, shuffle, batch")

# %% [markdown]
# Only the first has new batches in each epoch. The next two repeat the
# first epoch for ever, in every trial of the search. The last moves
# batches about, and each always has the same members.
#
# The buffer matters as well. `shuffle` draws from that many examples,
# and the next one takes the free place. Images that are sorted by
# label, and what is in the first batch:

# %%
order = np.argsort(y, kind="stable")
by_label = tf.data.Dataset.from_tensor_slices(y[order])
first = {}
for buffer in (1, 100, len(y)):
    shuffled = by_label.shuffle(buffer).batch(BATCH_SIZE)
    batch = next(shuffled.as_numpy_iterator())
    first[buffer] = np.bincount(batch, minlength=10)
display(pd.DataFrame(first).T.rename_axis("buffer"))
assert (first[100] > 0).sum() < (first[len(y)] > 0).sum()

# %% [markdown]
# Each row counts the labels from 0 to 9. With a buffer below the number
# of images the first batch has only some of them. Shuffle file names or
# row numbers where images don't fit into memory.
#
# ## Where to cache
#
# A dataset cached before `search` gets it is read once for the whole
# search; a `cache` in `fit` is a new one in each trial. To see it,
# count how often the source is read. This hypermodel reads its data
# twice, as two epochs do, and trains nothing.

# %%
reads = []


def counted_source():
    reads.append(1)
    yield from generate()


class Read(Counted):
    def __init__(self, cache=False):
        super().__init__()
        self.cache = cache

    def fit(self, hp, model, x, epochs, **kwargs):
        x = x.cache() if self.cache else x
        for _ in range(epochs):
            for _ in x:
                pass
        return 0.0


# %%
source = tf.data.Dataset.from_generator(
    counted_source, output_signature=signature
)
rows = {}
for name, hypermodel, data in (
    ("no_cache", Read(), source),
    ("cached_in_fit", Read(cache=True), source),
    ("cached_before", Read(), source.cache()),
):
    reads.clear()
    _, trials = search(hypermodel, name, data)
    assert {trial.status for trial in trials} == {"COMPLETED"}
    rows[name] = len(reads)
print(f"{len(trials)} trials of 2 epochs:", rows)
assert list(rows.values()) == [4, 2, 1]

# %% [markdown]
# The cache is in memory and stays there between trials. What it saves
# depends on what stands before it: decoding files, much; slices of an
# array, nothing.

# %% [markdown]
# ## What does not work with a dataset
#
# Three arguments of `fit` are for arrays. Keras refuses two of them,
# and warns of the third in every trial, even if nobody gave it:
# `shuffle` is true by default.

# %%
model = Counted().build(kt.HyperParameters())
for argument in (
    {"validation_split": 0.2},
    {"sample_weight": np.ones(len(y))},
    {},
):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(examples.batch(512), verbose=0, **argument)
            message = str(caught[0].message)
        except ValueError as error:
            message = str(error)
    print(*(argument or ["the default"]), "-", message[:62], "...")
    expected = (
        "ignored" if not argument else "should not|only supported"
    )
    assert re.search(expected, message)

# %% [markdown]
# So split before you search, put weights into the dataset as a third
# element, and pass `shuffle=False` to `search`. `class_weight` works
# with all of them. Weights that count twos and threes double, in two
# ways, and none:

# %%
weights = np.where(np.isin(y, [2, 3]), 2.0, 1.0)
weighted = tf.data.Dataset.from_tensor_slices((x, y, weights))
double = {label: 2.0 if label in (2, 3) else 1.0 for label in range(10)}
losses = {}
for name, data, words in (
    ("third element", weighted, {}),
    ("class_weight", examples, {"class_weight": double}),
    ("no weights", examples, {}),
):
    keras.utils.set_random_seed(1)
    model = Counted().build(kt.HyperParameters())
    data = data.batch(128)
    history = model.fit(data, shuffle=False, verbose=0, **words)
    losses[name] = history.history["loss"][0]
    print(f"{name:14} loss {losses[name]:.5f}")

# %%
third, by_class, none = losses.values()
assert np.isclose(third, by_class, rtol=1e-3)
assert not np.isclose(third, none, rtol=1e-3)

# %% [markdown]
# One way gives the same training as the other. Validation takes no
# class weights: a trial's score counts all examples alike, unless the
# validation data has weights of its own.
#
# ## Text
#
# Strings go through a pipeline like anything else. What is special is
# the vocabulary: it is learned, so it belongs into `fit`, from the
# training texts alone. This hypermodel takes arrays or a dataset of
# single texts, and batches them itself.

# %% open=true
from snippets.models.text_classifier import TextClassifier

# %% [markdown]
# The texts are what Python's standard library, NumPy and scikit-learn
# say of their own functions and classes; the label says which of the
# three.


# %%
def docstrings(*modules):
    """Return the longer docstrings of all things in some modules."""
    things = [t for module in modules for t in vars(module).values()]
    found = {inspect.getdoc(t) for t in things if callable(t)}
    return sorted(text for text in found if text and len(text) > 100)


packages = [
    docstrings(argparse, ast, asyncio, logging, os, statistics, typing),
    docstrings(np.linalg, np.random, np.strings, np.fft, np.ma),
    docstrings(sklearn.datasets, sklearn.ensemble, sklearn.metrics),
]
texts = np.array(sum(packages, []))
labels = np.repeat(range(3), [len(found) for found in packages])
texts_train, texts_validation, labels_train, labels_validation = (
    train_test_split(
        texts, labels, test_size=0.25, stratify=labels, random_state=1
    )
)
print("docstrings:", [len(found) for found in packages])

# %%
train = (texts_train, labels_train)
validation = (texts_validation, labels_validation)
as_datasets = [
    tf.data.Dataset.from_tensor_slices(pair)
    for pair in (train, validation)
]
tuners = {}
for name, data, validation_data in (
    ("arrays", train, validation),
    ("datasets", as_datasets[:1], as_datasets[1]),
):
    keras.utils.set_random_seed(1)
    tuners[name] = kt.RandomSearch(
        TextClassifier(),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=2,
        seed=1,
        directory="searches",
        project_name=f"data_pipelines_text_{name}",
        overwrite=True,
    )
    tuners[name].search(
        *data, validation_data=validation_data, epochs=3, verbose=0
    )

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuners["arrays"])
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns="status").round(4).T)
common = np.bincount(labels_validation).max() / len(labels_validation)
print(f"always the most common label: {common:.4f}")
assert trials["val_accuracy"].max() > common
np.testing.assert_allclose(
    trials_table(tuners["datasets"])["val_accuracy"].sort_index(),
    trials["val_accuracy"].sort_index(),
    atol=0.01,
)

# %% [markdown]
# Arrays and datasets of strings gave the same scores, which is
# asserted. Two trials show that the search runs; they don't show which
# of its values matter.
#
# The best model comes back with its weights and without its vocabulary,
# because Keras Tuner saves a model as a weights file, and such a file
# holds no words. Two entries are left, for padding and unknown words.
# So let the layer learn from the same texts again, before the model is
# used:

# %%
tuner = tuners["datasets"]
best = tuner.get_best_models()[0]
print("words known:", best.get_layer("vocabulary").vocabulary_size())
assert best.get_layer("vocabulary").vocabulary_size() == 2
best.get_layer("vocabulary").adapt(texts_train)
_, accuracy = best.evaluate(as_datasets[1].batch(256), verbose=0)
score = trials["val_accuracy"].max()
print(f"{accuracy:.4f}, in the trial {score:.4f}")
assert np.isclose(accuracy, score, atol=0.01)

# %% [markdown]
# Saved as a whole, the model keeps its words. Whoever loads it needs
# neither the hypermodel nor the training texts.

# %%
best.save("texts.keras")
loaded = keras.models.load_model("texts.keras")
asked = tf.constant(["Return the standard deviation of an array."])
np.testing.assert_allclose(loaded(asked), best(asked), rtol=1e-5)
print("probabilities:", loaded(asked).numpy().round(3))

# %% [markdown]
# ## What this page did not show
#
# - Data that doesn't fit into memory, and what reading it costs. The
#   order of shuffle, cache and batch is the same there.
# - PyDatasets with several `workers`, and pipelines with
#   `num_parallel_calls`. Both make batches faster, and may change their
#   order.
# - Preprocessing that is tuned: see
#   [preprocess without leaking](preprocessing.py).
