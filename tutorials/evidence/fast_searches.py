# %% [markdown] index="fast; slow search; speed up; steps_per_execution; gc.freeze; jit_compile; XLA; overhead; time per trial; tracing; CPU; benchmark"
# # Fast searches
#
# What each part of a trial costs on a CPU, what each cure is worth, side
# by side in one run, and a checklist of those that pay for small models.
#
# What each is worth is measured below, on this page or in
# [the record](#the-record). For models that train for seconds:
#
# 1. `gc.collect(); gc.freeze()` after the imports:
#    [garbage collection](#garbage-collection).
# 2. Hold the data in a `tf.data` pipeline, and run an epoch in one
#    call: [`steps_per_execution`](#an-epoch).
# 3. Trace a model once for all trials that differ in learning rate or
#    batch size alone: [`traced_once`](#whole-searches).
# 4. Write no weights that nobody will load:
#    [`run_trial`](#whole-searches).
# 5. One BLAS thread and `quick_proposals` for the
#    [Bayesian tuner](#proposals). One thread halves the CPU, not the time
#    on the clock; it frees the other core.
# 6. Once a search takes minutes, a worker for each core, with one
#    thread each: [when it
#    pays](../how_to/several_processes.py#when-it-pays).
# 7. Leave `jit_compile` off on a CPU.
#
# And for all models: end trials that no longer improve, with
# [EarlyStopping](../how_to/callbacks.py), and under Hyperband
# [leave the epochs to the tuner](../hyperband.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import gc
import os
import time
import warnings

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display
from threadpoolctl import threadpool_limits

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# Costs are CPU seconds, which other programs disturb less than seconds
# on the clock, and they are shown as ratios.
#
# ## An epoch

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, y = images.train

# %% [markdown]
# The same measurements twice: on the digits, and on larger data, 4,000
# images of MNIST's size. Those are the digits again, repeated both ways;
# what they teach doesn't matter here.

# %%
BATCH_SIZE = 32


def repeated(x, y, count, features=784):
    """Repeat images, and the pixels of each, to a larger set."""
    rows, columns = -(-count // len(x)), -(-features // x.shape[1])
    larger = np.tile(x, (rows, columns))[:count, :features]
    return larger, np.tile(y, rows)[:count]


sizes = {
    "digits": (images.train, images.validation),
    "larger": (
        repeated(*images.train, 3200),
        repeated(*images.validation, 800),
    ),
}
for size, ((x, y), _) in sizes.items():
    print(f"{size}: {x.shape}, {-(-len(y) // BATCH_SIZE)} batches")


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
# The ways: what is given to `compile`, and what to `fit`. An execution
# that is to have more steps than an epoch ends with the epoch.


# %%
def ways_to_train(train, validation):
    """Return settings of compile and of fit, by name."""
    arrays = {
        "x": train[0],
        "y": train[1],
        "batch_size": BATCH_SIZE,
        "validation_data": validation,
    }
    one_batch = arrays | {"validation_batch_size": 2048}
    held = tf.data.Dataset.from_tensor_slices(train).cache()
    pipeline = {
        "x": held.shuffle(len(train[1])).batch(BATCH_SIZE),
        "validation_data": tf.data.Dataset.from_tensors(validation),
        "shuffle": False,  # done above
    }
    all_steps = {"steps_per_execution": 1000}
    return {
        "as it comes": ({}, arrays),
        "jit_compile=True": ({"jit_compile": True}, arrays),
        "validation in one batch": ({}, one_batch),
        "and all steps in one": (all_steps, one_batch),
        "tf.data": ({}, pipeline),
        "tf.data, all steps in one": (all_steps, pipeline),
    }


# %% [markdown]
# The first epoch of a model pays for tracing too, or for XLA's compiler;
# later ones are only steps. Each way is measured once, so small
# differences between rows mean nothing.


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


_, warm_up = ways_to_train(*sizes["digits"])["as it comes"]
first_and_later(64, {}, warm_up)
rows = {}
for size, (train, validation) in sizes.items():
    features = train[0].shape[1]
    for way, settings in ways_to_train(train, validation).items():
        rows[way, size] = first_and_later(features, *settings)


# %%
def relative(table):
    """Divide each column by its first row."""
    return (table / table.iloc[0]).round(2)


costs = pd.DataFrame(rows, ["first epoch", "later epoch"]).T
costs = costs.rename_axis(["way", "size"]).unstack(sort=False)
shares = relative(costs)
display(shares.swaplevel(axis=1).sort_index(axis=1))

# %% [markdown]
# The first row is 1 by definition; smaller is better. Read the later
# epochs first. On the digits, more steps in a call help only so far
# while Keras prepares arrays anew for every epoch, which costs more than
# so few steps do; with the data in a pipeline there is little left but
# the steps. On larger data the steps themselves weigh more.
#
# Then the first epochs: they hold what is paid once per trial. Tracing
# is most of that, and a call of many steps takes more of it, which its
# later epochs win back. XLA's compiler costs as much as several epochs,
# and later ones are hardly cheaper for it; on a CPU, Keras leaves it off
# by itself.
#
# What a model costs beside its steps, in later epochs of its own way:

# %%
start = costs["first epoch"] - costs["later epoch"]
paid = (start / costs["later epoch"]).round(1)
display(paid.rename(columns=lambda size: f"{size}: later epochs"))

# %% [markdown]
# The cheaper the epochs, the more of them the start of a trial is worth.
# A short trial is mostly tracing.
#
# ## Garbage collection
#
# Keras Tuner collects garbage before each trial, and Python's collector
# walks every object that is alive: TensorFlow alone brings a great many.
# `gc.freeze()` takes those that are there now out of its sight.


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
assert left < walked / 10

# %% [markdown]
# It must come after the imports and the loading of data, and what is
# frozen is never collected, so it belongs before the search, once.
#
# ## Whole searches
#
# The same two trials, five times. To compare them, the model is the same in
# all; the learning rate and the batch size are tuned.

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
from snippets.searches.flat_memory import flat_memory

# %% open=true
from snippets.searches.traced_once import traced_once

# %% [markdown]
# The hypermodel made fast takes images one by one, in a pipeline, and
# makes batches of them in `fit`.

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


held = tf.data.Dataset.from_tensor_slices(images.train).cache()
validation = tf.data.Dataset.from_tensors(images.validation)

# %% [markdown]
# One cost is left: `Tuner` writes the weights whenever an epoch is the
# best so far. If the winner is [trained anew](../how_to/retrain_and_ship.py)
# anyway, nobody needs them. Keras Tuner's own documentation shows the
# `run_trial` that trains and keeps nothing; Hyperband needs them.


# %%
class NoWeights(flat_memory(kt.RandomSearch)):
    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        keras.backend.clear_session()
        model = self.hypermodel.build(hp)
        return self.hypermodel.fit(hp, model, *args, **kwargs)


# %%
def search(tuner_class, hypermodel, *args, trials=2, validation_data):
    """Search; return CPU seconds a trial, and the trials."""
    keras.utils.set_random_seed(1)
    space = kt.HyperParameters()
    space.Fixed("hidden_layers", 1)
    space.Fixed("units", 64)
    space.Fixed("activation", "relu")
    tuner = tuner_class(
        hypermodel,
        hyperparameters=space,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=trials,
        seed=1,
        directory="searches",
        project_name="fast_searches",
        overwrite=True,
    )
    begun = time.process_time()
    tuner.search(
        *args, validation_data=validation_data, epochs=5, verbose=0
    )
    seconds = time.process_time() - begun
    trials = [trial for _, trial in sorted(tuner.oracle.trials.items())]
    assert {trial.status for trial in trials} == {"COMPLETED"}
    return seconds / len(trials), trials


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
seconds, results = {}, {}
warm_up = {"trials": 1, "validation_data": images.validation}
search(kt.RandomSearch, ImageClassifier(), *arrays, **warm_up)
for way, (tuner_class, hypermodel, data) in searches.items():
    gc.collect()
    if way == "as guides show":
        gc.unfreeze()
    else:
        gc.freeze()
    given = images.validation if data is arrays else validation
    seconds[way], results[way] = search(
        tuner_class, hypermodel(), *data, validation_data=given
    )

# %%
table = pd.DataFrame(
    {
        "CPU of a trial": relative(pd.Series(seconds)),
        "best val_accuracy": {
            way: max(trial.score for trial in trials)
            for way, trials in results.items()
        },
    }
)
display(table.round(4))
values = [
    [trial.hyperparameters.values for trial in trials]
    for trials in results.values()
]
assert all(each == values[0] for each in values)
assert np.ptp(table["best val_accuracy"]) < 0.05

# %% [markdown]
# All tried the same values, once: a small step between two rows means
# nothing. `flat_memory` is not there for speed: it keeps memory from
# growing over hundreds of trials, as is shown where
# [it belongs](../how_to/memory_and_disk.py), with `few_checkpoints`, which
# saves disk. A search that must end by the morning is given
# [a time limit](../how_to/known_values_and_limits.py).
#
# ## Proposals
#
# `BayesianOptimization` fits a Gaussian process before each trial: many
# tiny matrix products, each of them shared out over all threads of the
# linear algebra, BLAS. [Why](../bayesian_optimization.py#what-a-proposal-costs);
# here is only what it costs after twenty trials, and a second cure: a
# snippet that searches for the best proposal with a gradient. The scores
# are made up.

# %%
from snippets.searches.quick_proposals import quick_proposals

# %%
space = kt.HyperParameters()
ImageClassifier().build(space)


class MadeUp(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        rate = np.log10(trial.hyperparameters.get("learning_rate"))
        return {"score": np.cos(rate) + 0.01 * np.sin(900 * rate)}


tuner = MadeUp(
    hyperparameters=space,
    objective=kt.Objective("score", "max"),
    max_trials=20,
    seed=1,
    directory="searches",
    project_name="fast_searches_made_up",
    overwrite=True,
)
tuner.search(verbose=0)
known = tuner.oracle.trials


# %%
def propose(threads, quick=False):
    """Propose after the known trials; return values and CPU seconds."""
    tuner_class = kt.BayesianOptimization
    if quick:
        tuner_class = quick_proposals(tuner_class)
    tuner = tuner_class(
        ImageClassifier(),
        objective=kt.Objective("score", "max"),
        hyperparameters=space,
        seed=1,
        directory="searches",
        project_name="fast_searches_proposals",
        overwrite=True,
    )
    tuner.oracle.trials = dict(known)
    begun = time.process_time()
    with threadpool_limits(threads, user_api="blas"):
        values = tuner.oracle.populate_space("next")["values"]
    return values, time.process_time() - begun


propose(1)  # the first call pays for what is loaded
_, all_threads = propose(os.cpu_count())
values, one_thread = propose(1)
same, quick = propose(1, quick=True)
assert same.keys() == values.keys()
for name, value in values.items():
    if isinstance(value, float):
        assert np.isclose(same[name], value, 1e-3), name
    else:
        assert same[name] == value, name
print(f"one thread: {all_threads / one_thread:.1f} times less CPU")
print(f"quick_proposals: {one_thread / quick:.0f} times less again")

# %% [markdown]
# That is for the very same proposal, measured once. How much the threads
# cost depends on what else the machine does: the busier, the more. The
# record below has the median of several processes, and more trials. Put
# the search into `with threadpool_limits(1, user_api="blas"):`, or set
# `OPENBLAS_NUM_THREADS=1` before Python starts, and make the tuner by
# `quick_proposals(kt.BayesianOptimization)(build_model, ...)`.
#
# ## The record
#
# A page has little time. The same questions, each run in a process of
# its own, several times, were recorded by `make bench`:

# %%
from snippets.data.evidence_file import evidence_file

# %%
with open(evidence_file("speed.csv"), encoding="utf-8") as file:
    for line in file:
        if line.startswith("#"):
            print(line[2:], end="")
speed = pd.read_csv(evidence_file("speed.csv"), comment="#")

# %% [markdown]
# *CPU* is what the search cost, *clock* is from the first trial's
# beginning to the last one's end, and *command* has the imports too:
# each as a share of the first way of its kind, in the same round; the
# median of the rounds. *Accuracy* is the mean difference of the best
# validation accuracies, with its 95 % interval; no two rounds tried a
# configuration in common.

# %%
from snippets.results.compare_runs import compare_runs


# %%
def ratios(speed):
    """Compare each way with the first of its measurement."""
    columns = {
        "cpu_seconds": "CPU",
        "wall_seconds": "clock",
        "whole_seconds": "command",
    }
    first = speed.groupby("measurement")["way"].first()
    rows = []
    kinds = ["measurement", "trials", "way"]
    for kind, runs in speed.groupby(kinds, sort=False):
        measurement, trials, way = kind
        same = (speed["measurement"] == measurement) & (
            speed["trials"] == trials
        )
        base = speed[same & (speed["way"] == first[measurement])]
        base, runs = base.set_index("round"), runs.set_index("round")
        row = dict(zip(kinds, kind, strict=True), rounds=len(runs))
        for column, name in columns.items():
            row[name] = (runs[column] / base[column]).median()
        best = "best_validation_accuracy"
        gain = (runs[best] - base[best]).dropna()
        if len(gain):
            sure = compare_runs({"gain": gain}).loc["gain"]
            row |= {"accuracy": sure["mean"]}
            row |= {"from": sure["low"], "to": sure["high"]}
        rows.append(row)
    return pd.DataFrame(rows).set_index("measurement")


# %%
display(ratios(speed).round(4).astype(object).fillna(""))
one = ratios(speed).query("way == 'one thread'")
assert one["CPU"].between(0.4, 0.6).all() and (one["clock"] > 0.8).all()

# %% [markdown]
# `trial` compares frames: what is asked is the same in all, and so is
# the training. A share near 1 says that the tuner costs no more than the
# loop one would write by hand. `random` and `hyperband` compare a search
# as it is often written, with epochs tuned in `fit`, with one that takes
# this page's advice; `fast` is not faster hardware, but less work, and
# it is not shown to be less accurate. `proposal`: one thread halves the
# CPU, not the time on the clock. In times rather than shares:

# %%
shares = ratios(speed).query("way.str.startswith('fast')")
times = (1 / shares[["CPU", "clock", "command"]]).round(1)
display(times.assign(way=shares["way"]))
assert not (shares["to"] < 0).any() and (times > 1).all(axis=None)
command = shares.loc["random"].set_index("way")["command"]
assert command["fast with two workers"] > command["fast"]
runs = speed[speed["measurement"] == "random"]
runs = runs.pivot(index="round", columns="way", values="whole_seconds")
longer = runs["fast with two workers"] > runs["fast"]
assert (longer.sum(), len(longer)) == (4, 5)

# %% [markdown]
# In four of five rounds the command with two workers took longer than
# with one process: fifteen short trials don't pay for the start of three
# processes.

# %% [markdown]
# ## What this page did not show
#
# - [A GPU](../how_to/on_a_gpu.py#what-a-trial-costs-there). There the first
#   cost is often that it waits for data, and `jit_compile` can pay.
# - Large models, whose steps dwarf everything here. Measure a trial of
#   yours before mending it: `steps_per_execution` can't help where a
#   step takes a second.
# - Which of these hold for PyTorch or JAX behind Keras.
# - Whether faster searches find as good configurations on your data.
