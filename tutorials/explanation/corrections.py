# %% [markdown] index="corrections; errors in guides; keras.io guide; TensorFlow tutorial; myths; outdated advice; hp.Choice with None or a tuple; top-performing half"
# # What other guides say, and what is so
#
# Claims of widespread Keras Tuner guides that do not hold today, each
# with its source and what does hold.
#
# Five to know first:
#
# 1. [The direction of an objective](#the-direction-is-inferred) is not
#    always inferred: an F1 score is minimised.
# 2. [Epochs tuned in `fit`](#epochs-in-fit) fail under Hyperband, or
#    break its schedule.
# 3. [`seed=0`](#any-seed-will-do) is no seed.
# 4. [A worker with `overwrite=True`](#overwrite-on-a-worker) deletes
#    what the others have written.
# 5. [`pip install keras-tuner`](#what-to-install) is not enough: every
#    trial fails.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import keras_tuner as kt

for name in ("val_accuracy", "val_auc", "val_f1_score", "val_r2_score"):
    oracle = kt.oracles.RandomSearchOracle(objective=name, seed=1)
    print(oracle.objective)
for _ in range(2):
    oracle = kt.oracles.RandomSearchOracle(
        seed=0,  # wrong: it is no seed
    )
    print("seed=0 is replaced by", oracle.seed)
hp = kt.HyperParameters()
print("A choice of True and False is", hp.Choice("x", [True, False]))

# %% [markdown]
# Much of this was right once. *Said* and *Shown* give the source,
# *Right* where the claim holds, *So* what follows. Docstrings are those
# installed here:

# %%
import contextlib
import importlib.metadata
import inspect
import io
import math
import os
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from keras_tuner.engine.hyperparameters import Choice

keras.utils.set_random_seed(1)


# %%
for thing, words in (
    (kt.RandomSearch, "(min or max) will be inferred"),
    (kt.Hyperband, "(math.log(max_epochs, factor) ** 2)"),
    (kt.HyperModel, 'epochs=hp.Int("epochs", 5, 20)'),
    (Choice, "None if None is one of the choices"),
    (kt.Tuner, "used to override the `optimizer` argument"),
    (kt.SklearnTuner, "best_model = tuner.get_best_models("),
    (kt.Tuner.get_best_models, "recommended to retrain"),
    (kt.RandomSearch, "crashed or the results are invalid"),
):
    assert words in " ".join(inspect.getdoc(thing).split())
    print(f"{thing.__name__}: {words}")


# %%
class Noted(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.given = []

    def build(self, hp):
        hp.Int("units", 1, 99)
        return keras.Sequential([keras.Input((1,))])

    def fit(self, hp, model, *args, **kwargs):
        self.given.append(kwargs)
        return 0.5


USUAL = {"objective": kt.Objective("score", "max"), "seed": 1}
USUAL |= {"directory": "searches", "overwrite": True}

# %% [markdown]
# ## The objective
#
# ### The direction is inferred
#
# *Said* in [Getting
# started](https://keras.io/guides/keras_tuner/getting_started/) and in
# the tuners' docstrings, for built-in metrics. *Right:* for accuracy, AUC
# and losses. *So:* for others it is guessed, and the lowest F1 score wins.
# Write `kt.Objective("val_f1_score", "max")`: [which strings are guessed
# wrong](../how_to/objectives.py#which-strings-are-guessed-wrong).
#
# ### The name is the class in snake case
#
# *Said* in the same guide. *Right:* nearly always, with `val_` before it
# for validation data. *So:* [print the keys of a
# history](../how_to/objectives.py#metrics-of-your-own-weighted-metrics-numbered-names)
# instead.

# %%
for name in ("FBetaScore", "LogCoshError"):
    print(name, "is called", getattr(keras.metrics, name)().name)
assert keras.metrics.LogCoshError().name != "log_cosh_error"

# %% [markdown]
# ## Hyperband and epochs
#
# ### Half of the models go on
#
# *Said* in [TensorFlow's
# tutorial](https://www.tensorflow.org/tutorials/keras/keras_tuner), where
# a bracket starts `1 + log(max_epochs, factor)` models, rounded up.
# *Right:* for the last bracket. *So:* one in `factor` goes on, rounded
# up, and earlier brackets start more models. With the tutorial's own
# arguments:


# %%
class Counted(kt.Hyperband):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("units")


names = {"project_name": "corrections_hyperband"} | USUAL
tuner = Counted(Noted(), max_epochs=10, factor=3, **names)
tuner.search(verbose=0)
trials = tuner.oracle.trials.values()
trials = pd.DataFrame([t.hyperparameters.values for t in trials])

# %%
counts = trials.groupby(["tuner/bracket", "tuner/round"]).size()
display(counts.unstack().astype("Int64").astype(object).fillna(""))
print("models, by the tutorial:", math.ceil(1 + math.log(10, 3)))

# %% [markdown]
# ### The epochs of an iteration
#
# *Said* in Hyperband's docstring: approximately
# `max_epochs * log(max_epochs, factor) ** 2`. *So:* with the usual
# `factor=3` that is too low, more so for short trainings: [how
# far](../../evidence/hyperband_planner.md#how-far-the-docstring-is-off).

# %%
lengths = trials["tuner/epochs"] - trials["tuner/initial_epoch"]
docstring = 10 * math.log(10, 3) ** 2
print(f"docstring {docstring:.0f}, scheduled {lengths.sum()}")

# %% [markdown]
# ### Epochs and patience given to search
#
# *Shown* in the same tutorial: `search(epochs=50)` under Hyperband, and
# an `EarlyStopping` of patience 5. *So:* the schedule overwrites those
# epochs, and few trials are [long enough for
# patience](../how_to/callbacks.py#under-hyperband) to run out.

# %%
names["project_name"] = "corrections_epochs"
tuner = kt.Hyperband(Noted(), max_epochs=2, **names)
tuner.search(epochs=50, verbose=0)
given = {kwargs["epochs"] for kwargs in tuner.hypermodel.given}
print("epochs given to fit:", given)
print((lengths > 5 + 1).sum(), "trials of", len(lengths), "can stop")
assert given == {2} and (lengths > 6).mean() < 0.2

# %% [markdown]
# ### Epochs in fit
#
# *Shown* in the docstring of `HyperModel`:
# `epochs=hp.Int("epochs", 5, 20)` beside `**kwargs`. *Right:* while
# `search` is given no epochs. *So:* Hyperband gives its own, and every
# trial fails.


# %%
class AsInDocstring(Noted):
    def fit(self, hp, model, *args, **kwargs):
        epochs = hp.Int("epochs", 5, 20)
        return model.fit(*args, epochs=epochs, **kwargs)


# %%
names["project_name"] = "corrections_docstring"
tuner = kt.Hyperband(AsInDocstring(), max_epochs=2, **names)
with contextlib.redirect_stderr(io.StringIO()):
    tuner.search(verbose=0)
for trial in tuner.oracle.trials.values():
    print(trial.status, trial.message.split("fit() ")[-1].strip())

# %% [markdown]
# To pop `epochs` out of `kwargs`, the usual answer, removes the error
# and [the schedule with
# it](../hyperband.py#the-mistake-that-breaks-the-schedule).
#
# ### The batch size in run_trial
#
# *Said* in [a much copied
# answer](https://github.com/keras-team/keras-tuner/issues/122): set
# `kwargs["batch_size"]`, then call the tuner's own `run_trial`. *Right:*
# in 2019. *So:* the call needs a `return` today.


# %%
class BatchSize(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        kwargs["batch_size"] = hp.Int("batch_size", 32, 256, step=32)
        super().run_trial(trial, *args, **kwargs)  # wrong: no return


names["project_name"] = "corrections_run_trial"
tuner = BatchSize(Noted(), **names)
try:
    tuner.search(verbose=0)
except kt.errors.FatalTypeError as error:
    print("FatalTypeError:", str(error).split(". ")[0])
print("given to fit:", tuner.hypermodel.given[0]["batch_size"])

# %% [markdown]
# ## Values that are drawn
#
# ### Any seed will do
#
# *Said* in many places. *So:* Keras Tuner takes [seed
# 0](https://github.com/keras-team/keras-tuner/issues/421) for no seed,
# and draws its own from Python's `random`, which [NumPy's and
# TensorFlow's seeds](https://github.com/keras-team/keras/issues/18244)
# don't touch. [Reproducible searches](../how_to/reproducible_searches.py)
# has the two seeds that work.

# %%
import tensorflow as tf

drawn = []
for _ in range(2):
    np.random.seed(1)
    tf.random.set_seed(1)
    drawn.append(kt.oracles.RandomSearchOracle().seed)
print("with NumPy and TensorFlow seeded:", drawn)
assert drawn[0] != drawn[1]

# %% [markdown]
# ### A choice of booleans, or None
#
# *Said* in the docstring of `Choice`: values may be booleans, and None
# is the default if it is among them. *So:* booleans come back as numbers,
# and None and tuples are refused. Use `hp.Boolean`, and words for the
# rest.

# %%
print("Choice:", hp.Choice("choice", [True, False]))
print("Boolean:", hp.Boolean("boolean", default=True))
for values in ([None, "relu"], [(3, 3), (5, 5)]):
    try:
        hp.Choice("refused", values)
    except TypeError as error:
        print("TypeError:", error)

# %% [markdown]
# ### A loop makes them conditional
#
# *Said* in Getting started: `units_2` is used only where there are enough
# layers. *Right:* for the models. *So:* once met, it is [drawn and listed
# for every trial](../how_to/conditional_spaces.py#a-loop-over-layers).
#
# ### Replace the optimizer, tune its rate
#
# *Shown* in [Tailor the search
# space](https://keras.io/guides/keras_tuner/tailor_the_search_space/):
# `optimizer=` given to the tuner, and a learning rate tuned in the model.
# *So:* that rate [goes with the model's
# optimizer](../how_to/part_of_a_model.py#overriding-compile-drops-what-it-held),
# but is still drawn and listed. The guide's model, as read, never calls its
# last `model.add`: without ten outputs, its scores mean nothing.
#
# ## Data
#
# ### A Normalization layer that normalises
#
# *Shown* in Getting started: `x = layers.Normalization()(x)` in `fit`.
# *So:* a layer that was not adapted changes nothing, and the validation
# rows are left out. As a [layer of the
# model](../how_to/preprocessing.py#scaling-inside-the-model) it reaches
# every row.

# %%
x = np.array([[1.0], [2.0], [6.0]])
layer = keras.layers.Normalization()
print("as in the guide:", np.ravel(layer(x)))
assert np.array_equal(layer(x), x)
layer.adapt(x)
print("after adapt:    ", np.ravel(layer(x)).round(2))

# %% [markdown]
# ### A fit with the data built in
#
# *Shown* in [the guide to custom
# loops](https://keras.io/guides/keras_tuner/custom_tuner/): a `fit`
# that takes `x` and `y`, but trains on `x_train` and `y_train` from
# outside, for two epochs. *So:* it ignores other data, and Hyperband's
# schedule: [a whole
# loop](../how_to/custom_training_loops.py#a-whole-loop).
#
# ### Validate on the test set
#
# *Shown* in [the guide to several
# machines](https://keras.io/guides/keras_tuner/distributed_tuning/).
# *So:* what chose the winner [can't judge it](train_validation_test.py).
#
# ## Results
#
# ### Train again, with a split
#
# *Shown* in TensorFlow's tutorial: after the search, find the best epoch,
# build anew, and fit with `validation_split=0.2`. *Right:* all of it
# except the split. *So:* nothing is left to choose, and the rows set
# aside teach nothing ([an
# issue](https://github.com/keras-team/keras/issues/15789)). [Retrain and
# ship](../how_to/retrain_and_ship.py) compares the ways.
#
# ### The best model is the final model
#
# *Shown* where a guide ends at `get_best_models()[0]`, as the docstring
# of `SklearnTuner` does. *So:* it has not seen the validation rows, and
# SklearnTuner's is [the model of the last
# fold](../scikit_learn.py#the-best-model-is-a-model-of-the-last-fold).
#
# ### A trial with a bad result is tried again
#
# *Said* in each tuner's docstring, of `max_retries_per_trial`. *Right:*
# after a [crash](https://keras.io/guides/keras_tuner/failed_trials/).
# *So:* after NaN the retries run, and their result is [thrown
# away](../how_to/failed_trials.py#retries-do-not-help-against-nan).
#
# ## Around the search
#
# ### What to install
#
# *Said* on [PyPI](https://pypi.org/project/keras-tuner/):
# `pip install keras-tuner`, which needs TensorFlow. *So:* every trial
# imports tensorboard, which Keras Tuner does not declare and
# [TensorFlow no longer brings](../reference/versions.py). [Without it
# every trial fails](../how_to/hparams_in_tensorboard.py).

# %%
for package in ("keras-tuner", "tensorflow"):
    needs = importlib.metadata.requires(package)
    declared = any(need.startswith("tensorboard") for need in needs)
    version = importlib.metadata.version(package)
    print(package, version, "declares tensorboard:", declared)
    assert not declared

# %% [markdown]
# ### Clear the session in build
#
# *Said* in [an issue about
# memory](https://github.com/keras-team/keras-tuner/issues/395). *Right:*
# in a loop of your own. *So:* Keras Tuner does so before each build, and
# memory grows all the same: [why, and what
# helps](../how_to/memory_and_disk.py#what-grows-and-why).

# %%
names["project_name"] = "corrections_session"
with mock.patch.object(keras.backend, "clear_session") as clear:
    tuner = kt.RandomSearch(Noted(), max_trials=3, **names)
    tuner.search(verbose=0)
print(clear.call_count, "calls in", len(tuner.oracle.trials), "trials")
assert clear.call_count == 3

# %% [markdown]
# ### Hand a logger to the tuner
#
# *Said* in [an issue of
# 2020](https://github.com/keras-team/keras-tuner/issues/334). *So:*
# `logger=` is now
# [ignored](../reference/versions.py#what-runs-and-does-something-else).
# There are [three methods to log
# from](../how_to/experiment_trackers.py#three-methods).
#
# ### Overwrite on a worker
#
# *Said* in the guide to several machines: leave `overwrite` false, for
# fault tolerance. *So:* its example sets it to true. Each worker then
# deletes the shared folder as it starts, here even without a chief:

# %%
shared = Path("searches", "corrections_shared")
(shared / "trial_0").mkdir(parents=True, exist_ok=True)
worker = {
    "KERASTUNER_TUNER_ID": "tuner1",
    "KERASTUNER_ORACLE_IP": "127.0.0.1",
    "KERASTUNER_ORACLE_PORT": "8000",
}
print("before:", [path.name for path in shared.iterdir()])
with mock.patch.dict(os.environ, worker):
    kt.RandomSearch(Noted(), **names | {"project_name": shared.name})
print("after: ", list(shared.iterdir()) if shared.exists() else "gone")
assert not shared.exists()

# %% [markdown]
# ## Common advice
#
# ### RandomSearch for small spaces
#
# Heard often, also in the notebooks below. *So:* it may stop before it
# has tried all. [`GridSearch`](../grid_search.py#why-random-search-misses-some)
# doesn't.
#
# ### Hyperband is always faster
#
# From the same sources. *Right:* on MNIST it finds good configurations
# before random trials of full length do. *So:* short random trials are
# not shown to find them later, and for the same epochs Hyperband takes
# more seconds: it starts more trials. [Which
# tuner?](../evidence/which_tuner.py#in-seconds)
#
# ### Bayesian optimisation when trials are few
#
# *Said* [by The Neural
# Base](https://theneuralbase.com/keras/learn/intermediate/bayesianoptimization-tuner/):
# for fewer than a hundred expensive trials. *So:* the first three for each
# hyperparameter are random. A search no longer than that [*is*
# RandomSearch](../bayesian_optimization.py#against-randomsearch), unless
# you ask for [fewer random
# trials](../bayesian_optimization.py#fewer-random-trials).
#
# ## The notebooks this guide began from
#
# Two notebooks on RandomSearch and Hyperband show a whole path, tune the
# batch size where it belongs, and open the test set once. But they:
#
# | what they do | what happens |
# |---|---|
# | replace Hyperband's epochs with tuned ones | [unequal trials are compared](../hyperband.py#the-mistake-that-breaks-the-schedule), and more is trained than scheduled |
# | tune epochs and report the best number | [a score is of the best epoch](../how_to/batch_size_and_epochs.py#why-not-epochs), so more can't lose |
# | give a range that its step doesn't divide | the maximum is never tried, as below |
# | declare hyperparameters in `fit` alone | [the first trial has their defaults](../how_to/batch_size_and_epochs.py#the-batch-size) |
# | read globals in a class, omit `super().__init__()` | [its arguments change nothing](../../explanation/hyperparameters.md#a-hypermodel-subclass), and it works in one notebook |
# | train the final model without the validation rows | [rows are wasted](../how_to/retrain_and_ship.py) |
# | stop early by one measure, search by another | [the two can disagree](../how_to/callbacks.py#why-there-is-nothing-to-restore) |
# | compare searches without a baseline or repeats | [chance can explain the difference](../evidence/how_sure.py#how-large-must-a-difference-be) |
# | overwrite one folder with both searches | [the second deletes the first](../how_to/resume.py) |

# %%
hp.Int("epochs", 10, 60, step=20)
values = {hp.space[-1].prob_to_value(p / 100) for p in range(100)}
print("from 10 to 60 by 20:", sorted(values))

# %% [markdown]
# ## What this page did not show
#
# - The live pages, since copies were read.
# - What these guides have right, which is most of them.
# - Several machines: one process played the worker.
# - Our own mistakes. The [error index](../reference/error_messages.py) and
#   the tests are meant to find them.
