# %% [markdown] index="tf.data; generator; PyDataset; Received an empty generator; validation_split; TextVectorization"
# # Data pipelines: tf.data, generators, PyDataset
#
# Feed a search from tf.data or a PyDataset, tune the batch size of a
# dataset, and see why a Python generator fails in the second trial.
#
# - `search` hands the same objects to every trial. Arrays, data frames, a
#   `tf.data.Dataset` and a `keras.utils.PyDataset` can be read again. A
#   Python generator can't: wrap the function that makes it in
#   [`from_generator`](#the-same-images-six-ways).
# - To tune the batch size, [batch in `fit`](#tune-the-batch-size): Keras
#   ignores a `batch_size` beside a dataset.
# - Shuffle in the pipeline, before `batch`, and pass `shuffle=False`:
#   Keras ignores its own `shuffle`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
data = tf.data.Dataset.from_tensor_slices((x / 16, y)).take(800)
train = data.skip(200).shuffle(2000).batch(32)
given = {"validation_data": data.take(200).batch(200), "shuffle": False}
score = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "data_pipelines"}
tuner = kt.RandomSearch(build_model, score, 2, seed=1, **folder)
tuner.search(train, verbose=0, **given)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.4f}", trial.hyperparameters.values)

# %%
import contextlib
import importlib
import inspect
import io
import warnings

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The same images, six ways
#
# In batches of 32, Keras's default for arrays:

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, y = (part[:100] for part in images.train)
BATCH_SIZE = 32
batches = -(-len(y) // BATCH_SIZE)
print(f"{len(y)} images in {batches} batches")


# %% [markdown]
# A PyDataset makes the batch it is asked for, a generator the next one.


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


# %%
def generate():
    all_of_them = Batches(x, y, BATCH_SIZE)
    for number in range(batches):
        yield all_of_them[number]


# %% [markdown]
# `from_generator` takes the function, not the generator, and calls it for
# each epoch. Its `length` tells Keras when an epoch ends.

# %%
pixels = tf.TensorSpec((None, x.shape[1]), tf.float32)
labels = tf.TensorSpec((None,), tf.int64)
signature = (pixels, labels)
from_generator = tf.data.Dataset.from_generator(
    generate, output_signature=signature
)
length = tf.data.experimental.assert_cardinality(batches)
from_generator = from_generator.apply(length)

# %%
examples = tf.data.Dataset.from_tensor_slices((x, y))
ways = {
    "NumPy arrays": (x, y),
    "pandas": (pd.DataFrame(x), pd.Series(y)),
    "tf.data.Dataset": (examples.batch(BATCH_SIZE),),
    "PyDataset": (Batches(x, y, BATCH_SIZE),),
    "generator": (generate(),),  # wrong: it can be read only once
    "from_generator": (from_generator,),
}

# %% [markdown]
# Each search notes how many batches a trial trains on, in two epochs:


# %%
def small_model(units):
    hidden = keras.layers.Dense(units, activation="relu")
    outputs = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((64,)), hidden, outputs])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(0.5), loss, metrics=["accuracy"])
    model.run_eagerly = True  # tracing takes longer than a few steps
    return model


# %%
class Counted(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.batches = []

    def build(self, hp):
        return small_model(hp.Choice("units", [16, 64]))

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        self.batches.append(int(model.optimizer.iterations))
        return history


# %%
def search(hypermodel, name, *args, **kwargs):
    """Search a grid; return its trials in order."""
    keras.utils.set_random_seed(1)
    goal = kt.Objective("val_accuracy", "max")
    names = {"directory": "searches", "overwrite": True, "seed": 1}
    names["project_name"] = f"data_pipelines_{name}"
    tuner = kt.GridSearch(hypermodel, goal, **names)
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
        tuner.search(*args, epochs=2, verbose=0, **kwargs)
    trials = tuner.oracle.trials
    return [trials[number] for number in sorted(trials)]


# %%
given = {"validation_data": images.validation, "shuffle": False}
given["validation_batch_size"] = 1000
results, rows = {}, {}
for way, data in ways.items():
    hypermodel = Counted()
    with warnings.catch_warnings(action="ignore"):
        trials = results[way] = search(hypermodel, way, *data, **given)
    rows[way] = {f"trial {n}": t.status for n, t in enumerate(trials)}
    rows[way]["batches"] = hypermodel.batches
display(pd.DataFrame(rows).T.rename_axis("way"))
print(results["generator"][1].message.splitlines()[-1])

# %% [markdown]
# The second trial of the generator fails, as would all that follow. The
# search ends as if all were well; only [three failures in a
# row](failed_trials.py) stop it. The first trial is no good either: its
# second epoch had only what Keras held back for it.
#
# All other ways give the same search:

# %%
del results["generator"]
scores = {way: [t.score for t in results[way]] for way in results}
table = pd.DataFrame(scores, ["trial 0", "trial 1"]).T
display(table.rename_axis("way").round(4))
np.testing.assert_allclose(table, table.iloc[[0] * 5], atol=0.01)

# %% [markdown]
# ## Tune the batch size
#
# The first `fit` tunes a number without effect, and Keras says nothing.
# The batches of two epochs:


# %%
class Ignored(Counted):
    def build(self, hp):
        hp.Choice("batch_size", [50, 200])
        return small_model(16)

    def fit(self, hp, model, x, **kwargs):
        size = hp.get("batch_size")  # wrong: ignored for a dataset
        return super().fit(hp, model, x, batch_size=size, **kwargs)


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
    trials = search(hypermodel, name, data, **given)
    sizes = [t.hyperparameters.get("batch_size") for t in trials]
    rows[name] = dict(zip(sizes, hypermodel.batches, strict=True))
table = pd.DataFrame(rows).rename_axis("batch_size").sort_index()
display(table)
assert (table["Ignored"] == 2 * batches).all()

# %% [markdown]
# Make a PyDataset in `fit` too, as `Batches(x, y, batch_size)`. Validation
# data needs no tuned batch size; a large one is fast.
#
# ## Shuffle and cache, in this order
#
# `cache` keeps what comes before it, the order included. Twelve numbers
# in batches of four:

# %%
numbers = tf.data.Dataset.range(12)
pipelines = {
    "cache, shuffle, batch": numbers.cache().shuffle(12).batch(4),
    "shuffle, cache, batch": numbers.shuffle(12).cache().batch(4),
    "shuffle, batch, cache": numbers.shuffle(12).batch(4).cache(),
    "batch, cache, shuffle": numbers.batch(4).cache().shuffle(12),
}
for name, pipeline in pipelines.items():
    first = [batch.numpy().tolist() for batch in pipeline]
    second = [batch.numpy().tolist() for batch in pipeline]
    print(f"{name}\n  epoch 1: {first}\n  epoch 2: {second}")
    assert (first == second) == name.startswith("shuffle")
    assert (sorted(first) != sorted(second)) == name.startswith("cache")

# %% [markdown]
# Only the first has new batches in each epoch. The next two repeat the
# first epoch in every trial. The last only moves whole batches about.
#
# `shuffle` draws from as many examples as its buffer holds. The labels in
# the first batch of images that are sorted by label:

# %%
sorted_labels = np.sort(images.train[1])
by_label = tf.data.Dataset.from_tensor_slices(sorted_labels)
first = {}
for buffer in (1, 100, len(sorted_labels)):
    shuffled = by_label.shuffle(buffer).batch(BATCH_SIZE)
    batch = next(shuffled.as_numpy_iterator())
    first[buffer] = np.bincount(batch, minlength=10)
table = pd.DataFrame(first).T.rename_axis("buffer")
display(table.rename_axis(columns="label"))

# %% [markdown]
# A small buffer gives few labels. Where images don't fit into memory,
# shuffle file names or row numbers.
#
# ## Where to cache
#
# A dataset cached before `search` is read once for the whole search, one
# cached in `fit` once in each trial. Counted at the source:

# %%
reads = []


def counted_source():
    reads.append(1)
    yield from generate()


class CachedInFit(Counted):
    def fit(self, hp, model, x, **kwargs):
        return super().fit(hp, model, x.cache(), **kwargs)


# %%
source = tf.data.Dataset.from_generator(
    counted_source, output_signature=signature
)
for name, hypermodel, data in (
    ("no_cache", Counted(), source),
    ("cached_in_fit", CachedInFit(), source),
    ("cached_before", Counted(), source.cache()),
):
    reads.clear()
    trials = search(hypermodel, name, data, **given)
    print(f"{name:13}: read {len(reads)} times in 2 trials of 2 epochs")

# %% [markdown]
# The cache stays in memory. It saves much where files are decoded before
# it, and nothing for slices of an array.
#
# ## What does not work with a dataset
#
# Keras refuses two arguments of `fit`, and warns in every trial of
# `shuffle=True`, the default.

# %%
model = small_model(16)
weights = {"sample_weight": np.ones(len(y))}
for argument in ({"validation_split": 0.2}, weights, {}):
    with warnings.catch_warnings(record=True, action="always") as said:
        try:
            model.fit(examples.batch(512), verbose=0, **argument)
            message = str(said[0].message)
        except ValueError as error:
            message = str(error)
    print(*(argument or ["the default"]), "-", message[:62], "...")

# %% [markdown]
# So split before you search, put weights into the dataset as a third
# element, and pass `shuffle=False` to `search`. `class_weight` works too.
# Twos and threes count double:

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
    words |= {"shuffle": False, "verbose": 0}
    history = small_model(16).fit(data.batch(128), **words)
    losses[name] = history.history["loss"][0]
    print(f"{name:14} loss {losses[name]:.5f}")

# %%
third, by_class, _ = losses.values()
assert np.isclose(third, by_class, rtol=1e-3)

# %% [markdown]
# Validation takes no class weights: a score counts all examples alike,
# unless the validation data has its own weights.
#
# ## Text
#
# The vocabulary is learned, so it belongs in `fit`, from the training texts
# alone. This hypermodel takes arrays or a dataset of texts.

# %% open=true
from snippets.models.text_classifier import TextClassifier

# %% [markdown]
# The texts are docstrings of Python's standard library, NumPy and
# scikit-learn; the label says which.


# %%
def docstrings(names):
    """Return the longer docstrings of all things in some modules."""
    modules = [importlib.import_module(name) for name in names.split()]
    things = [t for module in modules for t in vars(module).values()]
    found = {inspect.getdoc(t) for t in things if callable(t)}
    return sorted(text for text in found if text and len(text) > 100)


packages = [
    docstrings("argparse ast asyncio logging os statistics typing"),
    docstrings("numpy.linalg numpy.random numpy.fft numpy.ma"),
    docstrings("sklearn.datasets sklearn.ensemble sklearn.metrics"),
]
print("docstrings:", [len(found) for found in packages])

# %%
texts = np.array(sum(packages, []))
labels = np.repeat(range(3), [len(found) for found in packages])
texts, texts_validation, labels, labels_validation = train_test_split(
    texts, labels, test_size=0.25, stratify=labels, random_state=1
)
train, validation = (
    tf.data.Dataset.from_tensor_slices(pair)
    for pair in ((texts, labels), (texts_validation, labels_validation))
)

# %%
folder |= {"project_name": "data_pipelines_text", "overwrite": True}
limit = {"max_trials": 2, "seed": 1}
tuner = kt.RandomSearch(TextClassifier(), score, **limit, **folder)
tuner.search(train, validation_data=validation, epochs=3, verbose=0)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
display(trials.drop(columns="status").round(4))
common = np.bincount(labels_validation).max() / len(labels_validation)
print(f"always the most common label: {common:.4f}")

# %% [markdown]
# The best model comes back without its vocabulary, since a weights file
# holds no words: only two entries, for padding and unknown words. Let the
# layer learn from the same texts again:

# %%
best = tuner.get_best_models()[0]
vocabulary = best.get_layer("vocabulary")
print("words known:", vocabulary.vocabulary_size())
vocabulary.adapt(texts)
accuracy = best.evaluate(validation.batch(256), verbose=0)[1]
score = trials["val_accuracy"].max()
print(f"{accuracy:.4f}, in the trial {score:.4f}")
assert np.isclose(accuracy, score, atol=0.01)

# %% [markdown]
# Saved as a whole, the model keeps its words, and loads without the
# hypermodel or the training texts.

# %%
best.save("texts.keras")
loaded = keras.models.load_model("texts.keras")
asked = tf.constant(["Return the standard deviation of an array."])
np.testing.assert_allclose(loaded(asked), best(asked), rtol=1e-5)
print("probabilities:", loaded(asked).numpy().round(3))

# %% [markdown]
# ## What this page did not show
#
# - Data that doesn't fit into memory, and what reading it costs.
# - PyDatasets with several `workers`, and pipelines with
#   `num_parallel_calls`: faster, and perhaps in another order.
