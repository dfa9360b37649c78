# %% [markdown] index="fast; slow search; search is slow; speed up; steps_per_execution; gc.freeze; jit_compile; XLA; overhead; time per trial; tracing; CPU; benchmark"
# # Fast searches
#
# What each part of a trial costs on a CPU, what each cure is worth, and a
# checklist of those that pay for small models.
#
# - **Between trials:** `gc.collect(); gc.freeze()` after the imports, and
#   `traced_once`.
# - **In an epoch:** a `tf.data` pipeline, and `steps_per_execution`.
# - **For `BayesianOptimization`:** one BLAS thread, and `quick_proposals`.
#
# The table says how many times less each way takes than the first of its
# kind: in CPU time, on the clock, and for the whole command. *Fast* takes
# this advice. *As in the notebooks* tunes epochs in `fit`, which under
# Hyperband alone trains more of them. Medians of recorded rounds:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
import pandas as pd
from IPython.display import display

speed = pd.read_csv(evidence_file("speed.csv"), comment="#")
columns = {"cpu_seconds": "CPU", "wall_seconds": "clock"}
columns["whole_seconds"] = "command"
kinds = ["measurement", "trials", "way"]
first = speed.groupby(["measurement", "trials", "round"])
times = first[list(columns)].transform("first") / speed[list(columns)]
times = times.rename(columns=columns).join(speed[kinds])
times = times.groupby(kinds, sort=False).median()
display(times.loc[["random", "hyperband", "proposal"]].round(1))

# %% [markdown]
# `random` and `hyperband` are whole searches, `proposal` is one proposal
# of the Bayesian tuner: [the record](#the-record) has more. For models that
# train for seconds:
#
# 1. [`gc.collect(); gc.freeze()`](#garbage-collection) after the imports.
# 2. [A `tf.data` pipeline](#an-epoch), and an epoch in one call.
# 3. [`traced_once`](#whole-searches), for trials that differ in learning rate
#    or batch size alone.
# 4. [No weights](#whole-searches) that nobody will load.
# 5. [One BLAS thread and `quick_proposals`](#proposals). One thread halves the
#    CPU, not the time on the clock; it frees the other core.
# 6. [A worker for each core](../how_to/several_processes.py#when-it-pays), with
#    one thread each, once a search takes minutes.
# 7. No `jit_compile` on a CPU.
#
# For all models, end trials that no longer improve with
# [EarlyStopping](../how_to/callbacks.py), and under Hyperband
# [leave the epochs to the tuner](../hyperband.py).

# %%
import gc
import time

import keras
import keras_tuner as kt
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(1)

# %% [markdown]
# The ratios below are of CPU seconds, which other programs disturb less
# than the clock.
#
# ## An epoch

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, y = images.train

# %% [markdown]
# Measured on the digits, and pipelines also on digits repeated to 2,000
# images of MNIST's size.

# %%
BATCH_SIZE = 32


def repeated(x, y, count, features=784):
    """Repeat images, and the pixels of each, to a larger set."""
    rows, columns = -(-count // len(x)), -(-features // x.shape[1])
    larger = np.tile(x, (rows, columns))[:count, :features]
    return larger, np.tile(y, rows)[:count]


larger = repeated(x, y, 1600), repeated(*images.validation, 400)
sizes = {"digits": (images.train, images.validation), "larger": larger}


# %%
def classifier(features, **settings):
    """Return a small compiled model, the same each time."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((features,))
    hidden = keras.layers.Dense(64, activation="relu")(inputs)
    outputs = keras.layers.Dense(10, activation="softmax")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **settings,
    )
    return model


# %% [markdown]
# If `steps_per_execution` is more than an epoch has, the call ends with
# the epoch.


# %%
def given(train, validation):
    """Return arguments of fit: arrays, and a pipeline."""
    arrays = {"x": train[0], "y": train[1], "batch_size": BATCH_SIZE}
    arrays["validation_data"] = validation
    held = tf.data.Dataset.from_tensor_slices(train).cache()
    batches = held.shuffle(len(train[1])).batch(BATCH_SIZE)
    pipeline = {"x": batches, "shuffle": False}  # shuffled above
    validation = tf.data.Dataset.from_tensors(validation)
    return arrays, pipeline | {"validation_data": validation}


# %%
def ways_to_train(train, validation):
    """Return arguments of compile and of fit, by name."""
    arrays, pipeline = given(train, validation)
    all_steps = {"steps_per_execution": 1000}
    return {
        "as it comes": ({}, arrays),
        "jit_compile=True": ({"jit_compile": True}, arrays),
        "all steps in one": (all_steps, arrays),
        "tf.data": ({}, pipeline),
        "tf.data, all steps in one": (all_steps, pipeline),
    }


# %% [markdown]
# Each way is measured once: small differences between rows mean nothing.


# %%
def first_and_later(features, compiled, fitted, later=2):
    """Return CPU seconds of the first epoch, and of a later one."""
    model = classifier(features, **compiled)
    costs = []
    for epochs in (1, later):
        begun = time.process_time()
        model.fit(**fitted, epochs=epochs, verbose=0)
        costs.append((time.process_time() - begun) / epochs)
    return costs


# %%
_, warm_up = ways_to_train(*sizes["digits"])["as it comes"]
first_and_later(64, {}, warm_up)
ON_LARGER = "as it comes", "tf.data", "tf.data, all steps in one"
rows = {}
for size, (train, validation) in sizes.items():
    features = train[0].shape[1]
    for way, settings in ways_to_train(train, validation).items():
        if size == "digits" or way in ON_LARGER:
            rows[size, way] = first_and_later(features, *settings)

# %%
costs = pd.DataFrame(rows, ["first epoch", "later epoch"]).T
usual = costs.xs("as it comes", level=1)["later epoch"]
costs = costs.div(usual, axis=0, level=0)
display(costs.rename_axis(["size", "way"]).round(2))

# %% [markdown]
# The unit is a later epoch of the way "as it comes": smaller is better. On
# the digits, more steps in a call help later epochs only so far while Keras
# prepares arrays anew for each; with a pipeline only the steps are left. On
# larger data the steps weigh more.
#
# The first epoch holds what a trial pays once, mostly tracing, and is most
# of a short trial. XLA's compiler costs as much as several epochs, and
# later ones are hardly cheaper for it; on a CPU, Keras leaves it off.
#
# ## Garbage collection
#
# Keras Tuner collects garbage before each trial, which walks every live
# object, many of them TensorFlow's. `gc.freeze()` exempts those that are
# there now.


# %%
def collection():
    """Return the CPU seconds of one full collection."""
    gc.collect()
    begun = time.process_time()
    gc.collect()
    return time.process_time() - begun


gc.unfreeze()  # the build of this site froze its imports
before, walked = collection(), len(gc.get_objects())
gc.collect()
gc.freeze()
after, left = collection(), len(gc.get_objects())
print(f"objects to walk: {walked:,} before, {left:,} after")
print(f"CPU seconds to walk them: {before:.3f}, then {after:.5f}")

# %% [markdown]
# Call it once, after imports and data are loaded: what is frozen is never
# collected.
#
# ## Whole searches
#
# The same two trials, five times; learning rate and batch size are tuned.

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
from snippets.searches.flat_memory import flat_memory

# %% open=true
from snippets.searches.traced_once import traced_once

# %%
COUNT = len(images.train[1])


class FastClassifier(ImageClassifier):
    def build(self, hp):
        model = super().build(hp)
        model.compile(
            model.optimizer,
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,
            steps_per_execution=COUNT,  # an epoch in one, or less
        )
        return model

    def fit(self, hp, model, x, **kwargs):
        batches = x.shuffle(COUNT).batch(self._batch_size(hp))
        return model.fit(batches, shuffle=False, **kwargs)


# %%
held = tf.data.Dataset.from_tensor_slices(images.train).cache()
validation = tf.data.Dataset.from_tensors(images.validation)

# %% [markdown]
# `Tuner` writes the weights whenever an epoch is the best so far. If the
# winner is [trained anew](../how_to/retrain_and_ship.py), only Hyperband
# needs them.


# %%
class NoWeights(flat_memory(kt.RandomSearch)):
    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        keras.backend.clear_session()
        model = self.hypermodel.build(hp)
        return self.hypermodel.fit(hp, model, *args, **kwargs)


# %%
space = kt.HyperParameters()
space.Fixed("hidden_layers", 1)
space.Fixed("units", 64)
space.Fixed("activation", "relu")
goal = kt.Objective("val_accuracy", "max")
FOLDER = {"directory": "searches", "overwrite": True}
FOLDER["project_name"] = "fast_searches"


# %%
def search(tuner_class, hypermodel, *args, trials=2, **data):
    """Search; return CPU seconds, the best score, and all values."""
    keras.utils.set_random_seed(1)
    words = {"hyperparameters": space.copy(), "seed": 1, **FOLDER}
    tuner = tuner_class(hypermodel, goal, max_trials=trials, **words)
    begun = time.process_time()
    tuner.search(*args, epochs=3, verbose=0, **data)
    seconds = time.process_time() - begun
    found = tuner.oracle.trials.values()
    values = [trial.hyperparameters.values for trial in found]
    return seconds, max(trial.score for trial in found), values


# %%
once = traced_once(ImageClassifier)
fast = traced_once(FastClassifier)
flat = flat_memory(kt.RandomSearch)
arrays, pipeline = images.train, (held,)
searches = {
    "as guides show": (kt.RandomSearch, ImageClassifier, arrays),
    "gc.freeze": (kt.RandomSearch, ImageClassifier, arrays),
    "and traced once": (kt.RandomSearch, once, arrays),
    "and tf.data, all steps in one": (flat, fast, pipeline),
    "and no weights kept": (NoWeights, fast, pipeline),
}

# %%
rows = {}
warm_up = {"trials": 1, "validation_data": images.validation}
search(kt.RandomSearch, ImageClassifier(), *arrays, **warm_up)
gc.unfreeze()
for way, (tuner_class, hypermodel, data) in searches.items():
    judges = images.validation if data is arrays else validation
    judged = {"validation_data": judges}
    rows[way] = search(tuner_class, hypermodel(), *data, **judged)
    gc.collect()
    gc.freeze()  # for all ways but the first

# %%
*_, values = rows["as guides show"]
columns = ["CPU of a trial", "best val_accuracy", "values"]
table = pd.DataFrame.from_dict(rows, "index", columns=columns)
table["CPU of a trial"] /= table["CPU of a trial"].iloc[0]
shown = table.drop(columns="values").rename_axis("way")
display(shown.round({"CPU of a trial": 2, "best val_accuracy": 4}))
assert all(tried == values for *_, tried in rows.values())

# %% [markdown]
# All tried the same values, once: small steps between rows mean
# nothing. `flat_memory` is not for speed: it keeps [memory from
# growing](../how_to/memory_and_disk.py).
#
# ## Proposals
#
# Before each trial `BayesianOptimization` fits a Gaussian process: many tiny
# matrix products, each shared out over all threads of the linear algebra, BLAS
# ([why](../bayesian_optimization.py#what-a-proposal-costs)). One thread helps,
# and so does a search for the best proposal with a gradient: the rows
# `proposal` of the first table.

# %%
from snippets.searches.quick_proposals import quick_proposals

# %% [markdown]
# The proposals are the same, to half a percent of a range or better. Put
# the search into `with threadpool_limits(1, user_api="blas"):`, of
# `threadpoolctl`, or set `OPENBLAS_NUM_THREADS=1` before Python starts, and
# make the tuner so:

# %%
FOLDER["project_name"] = "fast_searches_quick"
tuner = quick_proposals(kt.BayesianOptimization)(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=20,
    seed=1,
    **FOLDER,
)
print("its oracle:", type(tuner.oracle).__name__)

# %% [markdown]
# ## The record
#
# `make bench` recorded the same several times, each run in its own process:

# %%
text = evidence_file("speed.csv").read_text("utf-8")
lines = [line for line in text.splitlines() if line[0] == "#"]
print(*(line[2:] for line in lines), sep="\n")

# %% [markdown]
# *CPU* is what the search cost, *clock* is from the first trial's
# beginning to the last one's end, and *command* has the imports too:
# median shares of the first way of a kind, in the same round. *Accuracy* is
# the mean difference of the best validation accuracies, with its 95 %
# interval; no two rounds tried a configuration in common.

# %%
from snippets.results.compare_runs import compare_runs


# %%
def ratios(speed):
    """Compare each way with the first of its measurement."""
    names = {"cpu_seconds": "CPU", "wall_seconds": "clock"}
    names |= {"whole_seconds": "command"}
    best, kinds = "best_validation_accuracy", ["trials", "way"]
    rounds = speed.groupby(["measurement", "trials", "round"])
    base = rounds[[*names, best]].transform("first")
    shares = (speed[[*names]] / base[[*names]]).rename(columns=names)
    shares["gain"] = speed[best] - base[best]
    shares = shares.join(speed[["measurement", *kinds]])
    groups = shares.groupby(["measurement", *kinds], sort=False)
    table = groups[[*names.values()]].median()
    table.insert(0, "rounds", groups.size())
    for kind, gain in groups["gain"]:
        if gain.notna().any():
            sure = compare_runs({"gain": gain.dropna()}).loc["gain"]
            found = sure[["mean", "low", "high"]].array
            table.loc[kind, ["accuracy", "from", "to"]] = found
    return table.reset_index(kinds)


# %%
shares = ratios(speed)
display(shares.round(4).astype(object).fillna(""))
one = shares.query("way == 'one thread'")
assert one["CPU"].between(0.4, 0.6).all() and (one["clock"] > 0.8).all()

# %% [markdown]
# `trial` compares frames with the same training: near 1, the tuner costs no
# more than a loop by hand. `fast` is less work than searches as they are
# often written, and not shown to be less accurate.

# %%
runs = speed[speed["measurement"] == "random"]
runs = runs.pivot(index="round", columns="way", values="whole_seconds")
longer = runs["fast with two workers"] > runs["fast"]
assert (longer.sum(), len(longer)) == (4, 5)

# %% [markdown]
# In four of five rounds the command with two workers took longer than with
# one process: fifteen short trials don't pay for three starts.
#
# ## What this page did not show
#
# - [A GPU](../how_to/on_a_gpu.py#what-a-trial-costs-there), which often waits
#   for data first, and where `jit_compile` can pay.
# - Large models. Measure a trial before mending it: `steps_per_execution`
#   can't help where a step takes a second.
# - Whether faster searches find as good configurations on your data.
