# %% [markdown] boost=8 index="error message; traceback; ValueError; TypeError; RuntimeError; KeyError; ModuleNotFoundError; FatalValueError; FatalTypeError"
# # Error messages
#
# The messages that Keras Tuner, and Keras under it, answer mistakes
# with: each provoked here, with why it comes and what to do.
#
# Paste the last line of yours into the search of this site, or look under
# where it came up: [before the search](#before-the-search),
# [objectives](#objectives), [while a trial runs](#while-a-trial-runs),
# [data](#data), [resuming and disk](#resuming-and-disk),
# [Hyperband](#hyperband), [BayesianOptimization](#bayesianoptimization),
# [scikit-learn](#scikit-learn), [many processes](#many-processes),
# [installation](#installation), or [no message at all](#no-message-at-all).
#
# If yours says `Number of consecutive failures exceeded the limit of 3.`,
# its last line is that of the failed trial's traceback. `search` may also
# return in silence; every failed trial keeps its traceback:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io

import keras_tuner as kt


class Broken(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        x = trial.hyperparameters.Float("x", 0.0, 1.0)
        raise ValueError(f"your mistake, {x=:.2f}")  # wrong


folder = {"directory": "searches", "project_name": "broken_trials"}
tuner = Broken(max_trials=2, seed=1, **folder)
with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
    tuner.search(verbose=0)
for trial in tuner.oracle.trials.values():
    print(trial.trial_id, trial.status, trial.message.splitlines()[-1])

# %%
import importlib
import logging
import os
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from unittest import mock

import keras
import numpy as np

# %%
import pandas as pd
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import KFold

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

# %% [markdown]
# Every cell below makes one mistake, in `with shown():`, which prints
# the one line of the message that is worth looking up.


# %%
@contextlib.contextmanager
def shown(kind=Exception, line=-1):
    """Print a line of the error or warning met, and nothing else."""
    text, quiet = "", io.StringIO()
    out = contextlib.redirect_stdout(quiet)
    errors = contextlib.redirect_stderr(quiet)
    with warnings.catch_warnings(record=True) as warned, out, errors:
        warnings.simplefilter("always")
        try:
            yield
        except kind as error:
            text = "".join(traceback.format_exception_only(error))
    met = [str(w.message) for w in warned if w.category is kind]
    text = met[-1] if met else text
    print(text.strip().splitlines()[line].strip())


# %% [markdown]
# What most of them share: a small model, few rows, and arguments of the
# tuner. One failed trial ends these searches, where usually three do.


# %% fold="Shared by the cells: a small model"
def build_model(hp):
    units = hp.Int("units", 4, 8)
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(units, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


# %% fold="Shared by the cells: few rows, and arguments of the tuner"
x = np.random.default_rng(1).normal(size=(32, 4))
y = (x[:, 0] > 0).astype(int)
DATA = {"x": x[:24], "y": y[:24], "validation_data": (x[24:], y[24:])}
ACCURACY = kt.Objective("val_accuracy", "max")
USUAL = {
    "max_trials": 1,
    "max_consecutive_failed_trials": 1,
    "seed": 1,
    "directory": "searches",
    "project_name": "error_messages",
    "overwrite": True,
}

# %% [markdown]
# Where no model is needed, `run_trial` returns what it is told to.


# %% fold="Shared by the cells: a search that returns what it is told to"
class Returning(kt.RandomSearch):
    def run_trial(self, trial, returned=0.5, **kwargs):
        trial.hyperparameters.Float("x", 0.0, 1.0)
        if isinstance(returned, Exception):
            raise returned
        return returned


hp = kt.HyperParameters()

# %% [markdown]
# ## Before the search
#
# ### `` A `Choice` can contain only one type of value ``

# %%
with shown():
    hp.Choice("dropout", [0, 0.25, 0.5])  # wrong: 0 is an integer
assert hp.Choice("dropout", [0.0, 0.25, 0.5]) == 0.0

# %% [markdown]
# The values of a `Choice` are all integers, or floats, or strings, or
# booleans. Write `0.0`, as in the last line.
#
# ### `` A `Choice` can contain only `int`, `float`, `str`, or `bool` ``

# %%
with shown():
    hp.Choice("kernel", [(3, 3), (5, 5)])  # wrong: tuples
KERNELS = {"3x3": (3, 3), "5x5": (5, 5)}
kernel = KERNELS[hp.Choice("kernel", list(KERNELS))]
assert kernel == (3, 3)

# %% [markdown]
# Values are written to JSON files, so tuples, lists, `None`, classes and
# functions can't be among them. Choose a name, and look up its value.
#
# ### `The default value should be one of the choices`

# %%
with shown():
    hp.Choice("batch", [16, 32], default=64)  # wrong: not a choice
assert hp.Choice("batch", [16, 32, 64], default=64) == 64

# %% [markdown]
# The default has to be among the values. Add it, or leave `default`
# out: then it is the first value.
#
# ### `is greater than the max_value`

# %%
with shown():
    hp.Int("width", 64, 32)  # wrong: the smaller comes first
assert hp.Int("width", 32, 64) == 32

# %% [markdown]
# The order is name, minimum, maximum. Often the bounds were computed;
# print them.
#
# ### `must be an int, Received:`

# %%
with shown():
    hp.Int("depth", 1, 3, step=0.5)  # wrong: not an integer
assert hp.Float("depth", 1, 3, step=0.5) == 1

# %% [markdown]
# Bounds, step and default of `hp.Int` are integers; divide with `//`.
# For steps between integers there is `hp.Float`.
#
# ### `does not support negative values, found min_value: 0`

# %%
with shown():
    hp.Float("decay", 0, 1e-2, sampling="log")  # wrong: log of 0
assert hp.Float("decay", 1e-6, 1e-2, sampling="log") == 1e-6

# %% [markdown]
# The logarithm of 0 does not exist. Start at a small positive number; for
# "none at all", add an `hp.Boolean`
# [and a scope](../how_to/conditional_spaces.py).
#
# ### `expected step > 1 with sampling='log'`

# %%
with shown():
    hp.Float("rate", 1e-4, 1e-1, step=0.1, sampling="log")  # wrong
assert hp.Float("rate", 1e-4, 1e-1, step=10, sampling="log") == 1e-4

# %% [markdown]
# On a log scale a step multiplies. `step=10` gives the powers of ten:
# [which values a range becomes](../grid_search.py#which-values-a-range-becomes).
#
# ### `` `HyperParameter` named: … not defined ``

# %%
with shown(), hp.conditional_scope("optimizer", ["sgd"]):
    hp.Float("momentum", 0.0, 0.9)  # wrong: no "optimizer" so far
hp.Choice("optimizer", ["adam", "sgd"])
with hp.conditional_scope("optimizer", ["sgd"]):
    assert hp.Float("momentum", 0.0, 0.9) is None  # it is adam

# %% [markdown]
# Declare the hyperparameter that a scope refers to before the scope:
# [conditional spaces](../how_to/conditional_spaces.py).
#
# ### `is currently inactive`

# %%
with shown():
    hp.get("momentum")  # wrong: the optimizer is adam
assert "momentum" not in hp and hp.values.get("momentum") is None

# %% [markdown]
# The condition of this hyperparameter is not met, so it has no value. Ask
# first: `if "momentum" in hp`.
#
# ### `does not exist`

# %%
with shown():
    hp.get("optimiser")  # wrong: it was declared as "optimizer"
assert hp.get("optimizer") == "adam"

# %% [markdown]
# No hyperparameter of this name has been declared so far: a typo, a name
# scope (`"encoder/units"`), or one declared in `fit` and read in `build`.
# `print(hp.values)` lists the names.
#
# ### `` Received an invalid value for `units` ``

# %%
with shown():
    keras.layers.Dense(hp.get("width") / 2)  # wrong: a float
assert keras.layers.Dense(hp.get("width") // 2).units == 16

# %% [markdown]
# Keras wants an integer. If it received `units=None`, the number came
# from a hyperparameter whose scope is not active:
# [outside its scope it is None](../how_to/conditional_spaces.py#outside-its-scope-it-is-none).
#
# ### `takes 0 positional arguments but 1 was given`


# %%
def without_hp():  # wrong: Keras Tuner calls it with hp
    return build_model(kt.HyperParameters())


with shown():
    kt.RandomSearch(without_hp, ACCURACY, **USUAL)
tuner = kt.RandomSearch(lambda hp: without_hp(), ACCURACY, **USUAL)
assert not tuner.oracle.get_space().space

# %% [markdown]
# `build` gets one argument, `hp`; a method gets `self` before it. To
# [keep a function as it is](../how_to/part_of_a_model.py#keep-a-function-as-it-is),
# wrap it.
#
# ### `Only input tensors may be passed as positional arguments`

# %%
with shown():
    kt.RandomSearch(
        build_model(hp),  # wrong: a model, not what builds it
        ACCURACY,
        **USUAL,
    )
tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
assert len(tuner.oracle.get_space().space) == 1

# %% [markdown]
# Give the function, not what it returns: no parentheses. A Keras model can
# be called too, hence the odd message.
#
# ### `` The `hypermodel` argument should be either ``

# %%
with shown():
    kt.RandomSearch("build_model", ACCURACY, **USUAL)  # wrong: a name

# %% [markdown]
# You gave a string, a list or a dictionary. A function or a `HyperModel` [is
# accepted](../../explanation/hyperparameters.md#a-model-builder-function).
#
# ### `` Received `hypermodel=None` ``

# %%
with shown():
    kt.RandomSearch(objective=ACCURACY, **USUAL)  # wrong: no model

# %% [markdown]
# The first argument was left out, or the function that makes it has no
# `return`. Without a model, override `run_trial`:
# [tune anything](../how_to/tune_anything.py).
#
# ### `` Expected `oracle` argument to be an instance of `Oracle` ``

# %%
with shown():
    kt.SklearnTuner(
        oracle=kt.RandomSearch,  # wrong: a tuner
        hypermodel=build_model,
    )
oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=1)
assert isinstance(oracle, kt.Oracle)

# %% [markdown]
# `kt.Tuner` and `kt.SklearnTuner` take an oracle from `kt.oracles`, with
# parentheses; the names end in `Oracle`. Arguments such as `max_trials`
# [go to the oracle](../how_to/tune_anything.py#one-problem-any-oracle).
#
# ### `` `allow_new_entries` is `False`, but found new entries ``

# %%
few = kt.HyperParameters()
few.Float("learning_rate", 1e-4, 1e-2, sampling="log")
with shown():
    kt.RandomSearch(
        build_model,
        ACCURACY,
        hyperparameters=few,
        allow_new_entries=False,  # wrong: build_model has "units"
        **USUAL,
    )

# %% [markdown]
# `build` declares what is not in `hyperparameters=`. Add it there, or
# take `tune_new_entries=False`, which leaves it at its default:
# [which arguments do what](../how_to/part_of_a_model.py#which-arguments-do-what).
#
# ### `` If you set `tune_new_entries=False`, you must ``

# %%
with shown():
    kt.RandomSearch(
        build_model,
        ACCURACY,
        tune_new_entries=False,  # wrong: alone, nothing is tuned
        **USUAL,
    )

# %% [markdown]
# Give the list of what to tune in `hyperparameters=`, and not an empty one:
# [tune part of a model](../how_to/part_of_a_model.py).
#
# ## Objectives
#
# ### `Could not infer optimization direction ("min" or "max") for unknown metric`

# %%
with shown():
    kt.RandomSearch(
        build_model,
        "val_fbeta_score",  # wrong: is high good or bad?
        **USUAL,
    )
objective = kt.Objective("val_fbeta_score", "max")
assert kt.RandomSearch(build_model, objective, **USUAL)

# %% [markdown]
# A string is looked up among Keras' metrics, and this one is not there.
# Always give `kt.Objective(name, direction)`: a string that *is* found
# [can be guessed wrong](../how_to/objectives.py#which-strings-are-guessed-wrong).
#
# ### `missing 1 required positional argument: 'num_classes'`

# %%
with shown():
    kt.RandomSearch(
        build_model,
        "val_mean_io_u",  # wrong: a string
        **USUAL,
    )
objective = kt.Objective("val_mean_io_u", "max")
assert kt.RandomSearch(build_model, objective, **USUAL)

# %% [markdown]
# To guess the direction Keras Tuner makes a metric of this name, which
# needs arguments. With a `kt.Objective` it
# [does not guess](../how_to/objectives.py#which-strings-are-guessed-wrong).
#
# ### `` `objective` not understood ``

# %%
with shown():
    kt.RandomSearch(
        build_model,
        keras.metrics.AUC(name="auc"),  # wrong: a metric
        **USUAL,
    )
objective = kt.Objective("val_auc", "max")
assert kt.RandomSearch(build_model, objective, **USUAL)

# %% [markdown]
# The metric belongs in `model.compile(metrics=[...])`; the objective is its
# name, with `val_` before it:
# [print the keys](../how_to/objectives.py#the-name-print-the-keys).
#
# ### `` `direction` should be one of {"min", "max"} ``

# %%
wrong = kt.Objective("score", "maximize")  # wrong: "max"
with shown():
    Returning(objective=wrong, **USUAL).search()
Returning(objective=kt.Objective("score", "max"), **USUAL).search(
    verbose=0
)

# %% [markdown]
# The direction is `"min"` or `"max"`. It is checked only after the first
# trial [has been trained](../how_to/objectives.py).
#
# ### `KeyError: 'val_accuracy'`

# %%
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(x, y)  # wrong: no validation_data
model = build_model(hp)
history = model.fit(**DATA, verbose=0)
assert "val_accuracy" in history.history

# %% [markdown]
# Training did not report the objective: there is no `validation_data`, or
# `metrics=["acc"]` reports `val_acc`, or your `fit` doesn't pass `**kwargs`
# on. Train one epoch by hand and
# [print the keys](../how_to/objectives.py#when-the-name-is-not-there).
#
# ### `Objective value missing in metrics reported to the Oracle`

# %%
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        **DATA,
        epochs=2,
        initial_epoch=2,  # wrong: nothing is left to train
    )

# %% [markdown]
# `found: dict_keys([])` means that no epoch was trained: `epochs` is 0,
# or not above `initial_epoch`, which happens
# [if Hyperband's epochs are changed](../hyperband.py#the-mistake-that-breaks-the-schedule).
# If names are listed, yours is not [among them](../how_to/objectives.py).
#
# ### `to have the specified objective, … as one of the keys`

# %%
with shown():
    Returning(objective=ACCURACY, **USUAL).search(
        returned={"accuracy": 0.9}  # wrong: not the objective's name
    )
Returning(objective=ACCURACY, **USUAL).search(
    returned={"val_accuracy": 0.9}, verbose=0
)

# %% [markdown]
# A dictionary that `fit` or `run_trial` returns must have the name of
# the objective as a key. For a list of objectives that is
# `multi_objective`:
# [a dictionary for a list](../how_to/multiple_objectives.py#a-dictionary-for-a-list).
#
# ### `` a single float when `objective` is left unspecified ``

# %%
with shown():
    Returning(**USUAL).search(
        returned={"val_loss": 0.1}  # wrong: which of them counts?
    )
Returning(**USUAL).search(returned=0.1, verbose=0)

# %% [markdown]
# A tuner made without an objective minimises a single number. Return
# one, or [name an objective](../how_to/objectives.py).
#
# ### `Unknown metric:`

# %%
tuner = Returning(objective=ACCURACY, **USUAL)
tuner.search(returned={"val_accuracy": 0.9}, verbose=0)
(trial,) = tuner.oracle.get_best_trials()
with shown():
    trial.metrics.get_history("accuracy")  # wrong: not reported
assert len(trial.metrics.get_history("val_accuracy")) == 1

# %% [markdown]
# The trial has no metric of this name: it was never reported, or the
# trial failed. `print(list(trial.metrics.metrics))` lists what it has;
# [tables and plots](../how_to/results.py#a-table) of them all, and
# [which names there are](../how_to/objectives.py#the-name-print-the-keys).
#
# ### `The truth value of an array with more than one element is ambiguous`

# %%
each = keras.callbacks.History()
each.history = {"val_f1_score": [np.array([0.9, 0.5])] * 2}  # wrong
with shown():
    Returning(
        objective=kt.Objective("val_f1_score", "max"), **USUAL
    ).search(returned=each)
f1_score = keras.metrics.F1Score(average="macro")
assert np.ndim(f1_score([[1.0, 0.0]], [[0.9, 0.1]])) == 0

# %% [markdown]
# The objective is an array, here one value for each class, and arrays
# have no order. `F1Score` reports a number if it has
# [an `average`](../how_to/objectives.py#when-the-name-is-not-there).
#
# ## While a trial runs
#
# ### `Number of consecutive failures exceeded the limit of 3.`

# %%
three = USUAL | {"max_trials": 9, "max_consecutive_failed_trials": 3}
with shown(line=0):
    tuner = Returning(**three)
    tuner.search(returned=ValueError("your mistake"))  # wrong
trial = tuner.oracle.trials["0"]
assert trial.message.splitlines()[-1] == "ValueError: your mistake"

# %% [markdown]
# Three trials in a row failed. The last line of the message, and `message`
# of each trial, say why: look that up. To let a search go on,
# [raise the limit](../how_to/failed_trials.py#three-in-a-row-end-the-search).
#
# ### `Did you forget to return the metrics?`

# %%
with shown():
    Returning(**USUAL).search(returned=None)  # wrong: no return
Returning(**USUAL).search(returned=0.5, verbose=0)

# %% [markdown]
# `fit` or `run_trial` ends without a `return`. In old code it called
# `self.oracle.update_trial(...)` instead: return those metrics now.
# [What to return](../how_to/custom_training_loops.py#what-to-return).
#
# ### `to be one of float, dict, keras.callbacks.History`

# %%
with shown():
    Returning(objective=ACCURACY, **USUAL).search(
        returned=(0.1, 0.9)  # wrong: a tuple
    )

# %% [markdown]
# A tuple, an array or a tensor is not accepted; `float(...)` makes a
# number of a tensor. A *list* is accepted, and
# [averaged](../how_to/custom_training_loops.py#what-to-return).
#
# ### `to return a valid Keras Model instance`


# %%
def returns_nothing(hp):
    build_model(hp)  # wrong: no return


with shown():
    kt.RandomSearch(returns_nothing, ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# The message ends with what it received. `None`: `build` has no `return`. A
# `HyperModel`: you gave the class, not `MyHyperModel()`. A `tf_keras` model:
# from `TF_USE_LEGACY_KERAS=1` or `import tf_keras`; Keras Tuner takes models
# of the `keras` that it
# [imports itself](../../explanation/hyperparameters.md#a-model-builder-function).
#
# ### `Oversized model: … parameters. Skip model.`

# %%
with shown():
    kt.RandomSearch(
        build_model,
        ACCURACY,
        max_model_size=10,  # wrong: every model has more
        **USUAL,
    ).search(**DATA)

# %% [markdown]
# The model has more parameters than `max_model_size`, so the trial failed.
# Raise the limit of failures, or [return a bad
# score](../how_to/failed_trials.py#models-that-are-too-large).
#
# ### `You are saving a model that has not yet been built`


# %%
class Holder(keras.Model):
    def train_step(self, data):  # wrong: nothing calls the model
        return {"loss": 0.5}


def build_holder(hp):
    model = Holder()
    model.compile("adam")
    return model


with shown():
    tuner = kt.RandomSearch(
        build_holder, kt.Objective("loss", "min"), **USUAL
    )
    tuner.search(x)

# %% [markdown]
# The `train_step` of a `keras.Model`, a GAN for example, runs the networks
# that it holds and never the model itself, which stays unbuilt. Call it once
# in `build`, on a `keras.Input`:
# [subclassed models](../how_to/subclassed_models.py#a-gan).
#
# ### `All layers added to a Sequential model should have unique names`

# %%
keras.backend.clear_session()
shared = keras.layers.Dense(4)  # wrong: made outside of build


def build_shared(hp):
    end = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((4,)), shared, end])
    model.compile(loss="sparse_categorical_crossentropy")
    return model


with shown():
    tuner = kt.RandomSearch(
        build_shared, kt.Objective("val_loss", "min"), **USUAL
    )
    tuner.search(**DATA)

# %% [markdown]
# Two layers have one name. Either you gave it to both, perhaps in a loop:
# write `name=f"dense_{number}"`. Or one was made outside of `build`: Keras
# Tuner clears the names before each trial, and a new layer gets the old
# one's. Make all layers in `build`; shared ones also [go on
# learning](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it).
#
# ### `Unknown variable`

# %%
optimizer = keras.optimizers.Adam()  # wrong: made outside of build


def build_compiled(hp):
    model = build_model(hp)
    model.compile(optimizer, loss="sparse_categorical_crossentropy")
    return model


with shown():
    tuner = kt.RandomSearch(
        build_compiled,
        kt.Objective("val_loss", "min"),
        **USUAL | {"max_trials": 2},
    )
    tuner.search(**DATA)

# %% [markdown]
# An optimizer belongs to the variables that it was built for, here those of
# the first trial. Make one per model, in `build`, or give its name. If
# layers are added or thawed after `optimizer.build`, build it
# [last](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it).
#
# ### `All callbacks used during a search should be deep-copyable`


# %%
class Locked(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()  # wrong: can't be copied


with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(**DATA, callbacks=[Locked()])

# %% [markdown]
# Every execution gets a copy of your callbacks, and one holds something
# that can't be copied: a file, a lock, a connection, a model. Open it
# in `on_train_begin`: [notes that last](../how_to/callbacks.py#notes-that-last).
#
# ### `` You must call `compile()` before ``


# %%
def uncompiled(hp):
    layers = [keras.Input((4,)), keras.layers.Dense(2)]
    return keras.Sequential(layers)  # wrong: not compiled


with shown():
    kt.RandomSearch(uncompiled, ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# `build` has to return a compiled model, in every branch. Or compile in
# `fit`, or give `optimizer=`, `loss=` and `metrics=`
# [to the tuner](../how_to/part_of_a_model.py#overriding-compile-drops-what-it-held).
#
# ### `got an unexpected keyword argument 'callbacks'`


# %%
class NoKwargs(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, x, y, validation_data):  # wrong: no **
        return model.fit(x, y, validation_data=validation_data)


with shown():
    kt.RandomSearch(NoKwargs(), ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# Keras Tuner hands `fit` its own callbacks, which save the weights.
# Take `**kwargs`, and pass them on to `model.fit`:
# [a HyperModel subclass](../../explanation/hyperparameters.md#a-hypermodel-subclass).
#
# ### `'HyperParameters' object has no attribute 'fit'`


# %%
class Swapped(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, model, hp, **kwargs):  # wrong: hp comes first
        return model.fit(**kwargs)


with shown():
    kt.RandomSearch(Swapped(), ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# The first two arguments are swapped. The order is
# `fit(self, hp, model, *args, **kwargs)`:
# [a HyperModel subclass](../../explanation/hyperparameters.md#a-hypermodel-subclass).
#
# ### `All-NaN axis encountered`

# %%
two = USUAL | {"max_trials": 2, "max_consecutive_failed_trials": 3}
with shown(RuntimeWarning):
    Returning(**two).search(returned=float("nan"))  # wrong: NaN

# %% [markdown]
# The objective was NaN. The trial is FAILED, with no message but this
# warning, and retries don't help.
# [What does](../how_to/failed_trials.py#learning-rates-that-diverge).
#
# ## Data
#
# ### `Received an empty generator.`

# %%
generator = ((x[:8], y[:8]) for _ in range(3))
two = USUAL | {"max_trials": 2}
with shown():
    kt.RandomSearch(build_model, ACCURACY, **two).search(
        generator,  # wrong: the first trial uses it up
        validation_data=(x, y),
    )

# %% [markdown]
# A Python generator can be read once, and every trial reads it. Give
# arrays, a `tf.data.Dataset` or a `PyDataset`:
# [the same images, six ways](../how_to/data_pipelines.py#the-same-images-six-ways).
#
# ### `Unrecognized data type: x=`

# %%
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        x[:2].tolist(),  # wrong: lists
        y[:2].tolist(),
        validation_data=(x, y),
    )
history = build_model(hp).fit(np.asarray(x.tolist()), y, verbose=0)
assert history.epoch == [0]

# %% [markdown]
# Keras takes arrays, tensors, data frames and datasets, not lists of
# numbers. `np.asarray` makes an array of them;
# [data pipelines](../how_to/data_pipelines.py) shows the rest.
#
# ### `Invalid dtype: object`

# %%
objects = x.astype(object)  # wrong: Python objects, not numbers
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(objects, y, validation_data=(x, y))
history = build_model(hp).fit(objects.astype("float32"), y, verbose=0)
assert history.epoch == [0]

# %% [markdown]
# An array of `object` mixes types: texts beside numbers, `None` in place of
# NaN, rows or pictures of unequal length. Find the column, `table.dtypes`,
# and code it as numbers: [a table](../your_data/table.py). If all are
# numbers, `astype("float32")`.
#
# ### `Invalid dtype: str`

# %%
words = np.array(["no", "yes"])[y]  # wrong: labels as words
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(x, words, validation_data=(x, y))
names, numbers = np.unique(words, return_inverse=True)
assert (names[numbers] == words).all()

# %% [markdown]
# Keras takes no text as labels or as input. Number the labels, as in the last
# two lines, and keep the names to read predictions. Texts go through a
# [`TextVectorization`](../your_data/texts.py), categories through a
# [`StringLookup`](../your_data/table.py). Numbers that were read as text
# need `astype("float32")`.
#
# ### `adapt() expects an iterable`

# %%
frame = pd.DataFrame(x, columns=list("abcd"))
with shown():
    keras.layers.Normalization().adapt(frame)  # wrong: a table
scaling = keras.layers.Normalization()
scaling.adapt(frame.to_numpy())
assert scaling.mean.shape == (1, 4)

# %% [markdown]
# `adapt` goes through a data frame by its column names, and through a
# list by its elements. It wants an array: `.to_numpy()` or
# `np.asarray`. [Preprocessing](../how_to/preprocessing.py) shows where
# `adapt` belongs.
#
# ### `The truth value of a Series is ambiguous`

# %%
column = pd.Series(y)
with shown():
    accuracy = 1.0 if column == y else 0.0  # wrong: many answers
assert (column == y).all()

# %% [markdown]
# An `if`, `and`, `or`, `max` or `in` was given a column, which has one truth
# value per row. In your own code, use `.all()`, `.any()`, or `.mean()` for a
# share. For other code, make an array, `column.to_numpy()`. [Data
# frames](../your_data/table.py) and arrays say the same.
#
# ### `` Argument `validation_split` is only supported ``

# %%
dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        dataset,
        validation_split=0.25,  # wrong: for arrays only
    )

# %% [markdown]
# A dataset can't be split by rows. Split it yourself, with `take` and
# `skip` before it is batched, and give `validation_data`:
# [what does not work with a dataset](../how_to/data_pipelines.py#what-does-not-work-with-a-dataset).
#
# ### `` Arguments `target` and `output` must have the same rank ``


# %%
def one_hot_wanted(hp):
    model = build_model(hp)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    return model  # wrong: the labels are integers


with shown():
    kt.RandomSearch(one_hot_wanted, ACCURACY, **USUAL).search(**DATA)
one_hot = keras.utils.to_categorical(y)
history = one_hot_wanted(hp).fit(x, one_hot, verbose=0)
assert history.epoch == [0]

# %% [markdown]
# Integer labels need `sparse_categorical_crossentropy`, one-hot labels
# the loss without `sparse`. The models of `kt.applications`
# [want one-hot labels](../how_to/part_of_a_model.py#the-networks-that-come-with-keras-tuner).
#
# ## Resuming and disk
#
# ### `Reloading Tuner from`

# %%
Returning(**USUAL).search(verbose=0)
again = USUAL | {"overwrite": False}
tuner = Returning(**again)  # wrong if you wanted a new search
tuner.search(verbose=0)
assert tuner.remaining_trials == 0

# %% [markdown]
# No error: `directory/project_name` holds a search, and this one goes on
# from it. If that was finished, `search` returns at once; changes of the
# space [are ignored](../how_to/resume.py#what-is-honoured-and-what-is-not).
# For a new search give another `project_name`, or `overwrite=True`.
#
# ### `` Error reloading `Oracle` from existing project ``

# %%
with shown():
    kt.Hyperband(  # wrong: the folder holds a RandomSearch
        build_model,
        ACCURACY,
        directory="searches",
        project_name=USUAL["project_name"],
    )

# %% [markdown]
# The folder holds a search by another tuner. Give each search a name;
# without `project_name` all are `untitled_project`:
# [resume](../how_to/resume.py).
#
# ### `KeyError: '0001'`

# %%
space = kt.HyperParameters()
space.Int("x", 1, 6)


class Interrupted(kt.GridSearch):
    def run_trial(self, trial, interrupt=False, **kwargs):
        if interrupt and trial.trial_id == "0001":
            raise KeyboardInterrupt
        return 0.5


grid = USUAL | {"hyperparameters": space, "max_trials": None}
grid["project_name"] = "error_messages_grid"
with contextlib.suppress(KeyboardInterrupt):
    Interrupted(**grid).search(interrupt=True, verbose=0)
with shown():
    tuner = Interrupted(**grid | {"overwrite": False})
    tuner.search()  # wrong: GridSearch as it is does not resume

# %% [markdown]
# An interrupted GridSearch does not find the trial of this number, which
# was running, in its order of values. With two tools it resumes:
# `resumable(safe(kt.GridSearch))`,
# [an interrupted grid](../how_to/resume.py#an-interrupted-grid).
#
# ### `Expecting value: line 1 column 1 (char 0)`

# %%
oracle_file = Path("searches", USUAL["project_name"], "oracle.json")
kept = oracle_file.read_text("utf-8")
oracle_file.write_text("", "utf-8")  # wrong: as after a full disk
with shown():
    Returning(**again)
oracle_file.write_text(kept, "utf-8")  # put back
with contextlib.redirect_stdout(io.StringIO()):
    assert Returning(**again).remaining_trials == 0

# %% [markdown]
# A file of the search is empty or torn: `oracle.json`, `tuner0.json` or
# a `trial.json`. [`mend`](../how_to/faults.py#a-search-that-was-killed-without-safe)
# says which, and repairs what it can. Otherwise put back a copy of the
# folder, or start over: [a damaged file](../how_to/resume.py#a-damaged-file).
#
# ### `oracle.json; No such file or directory`

# %%
oracle_file.unlink()  # wrong: a part of the folder is gone
with shown():
    Returning(**again)

# %% [markdown]
# `tuner0.json` says that a search can be resumed, but the file with its
# state is missing: the folder was copied or deleted in part. Copy it
# whole, [between two trials](../how_to/resume.py#a-damaged-file).
#
# ### `is not a directory`

# %%
Path("results").touch()
with shown():
    Returning(**USUAL | {"directory": "results"})  # wrong: a file

# %% [markdown]
# `directory` has to be a folder, or a name that does not exist yet; here it
# is a file. [What lies in it](../how_to/memory_and_disk.py#what-a-trial-leaves-on-disk).
#
# ### `Unable to synchronously open file`

# %%
with shown():
    tuner = kt.RandomSearch(
        build_model, kt.Objective("val_acc", "max"), **USUAL
    )
    with contextlib.suppress(RuntimeError):
        tuner.search(x, y, epochs=0)
    tuner.get_best_models()  # wrong: no trial has completed
(trial,) = tuner.oracle.get_best_trials()
assert trial.status == "FAILED"

# %% [markdown]
# The trial has no `checkpoint.weights.h5`: it failed, or `fit` did not
# pass [the tuner's callbacks](../how_to/custom_training_loops.py#the-mistake-a-loop-without-callbacks)
# on, or the file was deleted. Look at `trial.status` first:
# [failed trials](../how_to/failed_trials.py#three-in-a-row-end-the-search).
#
# ### `You are loading weights into a model that has not yet been built`


# %%
class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.end = keras.layers.Dense(2, activation="softmax")

    def call(self, inputs):
        return self.end(inputs)


def build_subclassed(hp):
    model = Subclassed()  # wrong: it has no weights yet
    model.compile(loss="sparse_categorical_crossentropy")
    return model


with shown():
    loss = kt.Objective("val_loss", "min")
    tuner = kt.RandomSearch(build_subclassed, loss, **USUAL)
    tuner.search(**DATA)
    tuner.get_best_models()

# %% [markdown]
# A subclass of `keras.Model`, or a `Sequential` without `keras.Input`, has no
# weights to load into before it is called. Under Hyperband every promoted
# trial fails. End `build` with `model(keras.Input((4,)))` and
# `optimizer.build`; `model.build` alone may mark a model built that has no
# variables: [subclassed models](../how_to/subclassed_models.py).
#
# ### `objects could not be loaded`

# %%
kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
    **DATA, verbose=0
)


def changed(hp):
    hp.Int("units", 4, 8)
    layers = [keras.Input((4,)), keras.layers.Dense(3)]  # wrong
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile(loss="mse")
    return model


with shown(line=0):
    kt.RandomSearch(changed, ACCURACY, **again).get_best_models()

# %% [markdown]
# `get_best_models` builds the model anew and loads weights into it. The
# build function has changed since the search, or builds something else
# each time. Keep it with the search:
# [in another process](../how_to/resume.py#in-another-process-or-another-day).
#
# ### `Skipping variable loading for optimizer`

# %%
with shown(UserWarning):
    tuner = kt.RandomSearch(build_model, ACCURACY, **again)
    tuner.get_best_models()  # wrong if training is to go on

# %% [markdown]
# Weights were loaded, the optimizer's state was not. To predict, ignore it.
# Under Hyperband training goes on with an optimizer that has forgotten
# everything; end `build` with
# `model.optimizer.build(model.trainable_variables)`:
# [Hyperband](../hyperband.py).
#
# ## Hyperband
#
# ### `Unrecognized arguments ['max_trials']`

# %%
with shown():
    kt.Hyperband(build_model, ACCURACY, **USUAL)  # wrong: max_trials

# %% [markdown]
# Hyperband has no `max_trials`: `max_epochs` and `factor` fix the
# number. [Plan a Hyperband search](../../evidence/hyperband_planner.md) shows how
# many. The same is said of any argument that no tuner has.
#
# ### `got multiple values for keyword argument 'epochs'`


# %%
class OwnEpochs(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        epochs = hp.Int("epochs", 1, 9)  # wrong: Hyperband sets them
        return model.fit(*args, epochs=epochs, **kwargs)


schedule = {k: v for k, v in USUAL.items() if k != "max_trials"}
with shown():
    tuner = kt.Hyperband(OwnEpochs(), ACCURACY, 3, **schedule)
    tuner.search(**DATA)

# %% [markdown]
# Hyperband, or `search(epochs=...)`, already passes `epochs` in `kwargs`.
# Don't remove it: [the mistake that breaks the
# schedule](../hyperband.py#the-mistake-that-breaks-the-schedule). For
# `batch_size` likewise: give it to `search`, or
# [tune it in `fit`](../how_to/batch_size_and_epochs.py#the-batch-size), not both.
#
# ### `factor needs to be a int larger than 1.`

# %%
with shown():
    kt.Hyperband(
        build_model,
        ACCURACY,
        factor=1,  # wrong: nothing would be thrown out
        **schedule,
    )

# %% [markdown]
# Each round keeps one in `factor` of its trials, so 2 is the least. The
# default is 3: [brackets and rounds](../hyperband.py#brackets-and-rounds).
#
# ### `list index out of range`

# %%
with shown():
    kt.Hyperband(
        build_model,
        ACCURACY,
        max_epochs=0,  # wrong: no bracket
        **schedule,
    ).search(**DATA)

# %% [markdown]
# `max_epochs` has to be 1 or more; with less there is no bracket to put
# a trial into. [Plan a Hyperband search](../../evidence/hyperband_planner.md).
#
# ## BayesianOptimization
#
# ### `Please install scikit-learn (sklearn) before using`

# %%
bayesian = sys.modules[kt.oracles.BayesianOptimizationOracle.__module__]
with shown(), mock.patch.object(bayesian, "sklearn", None):
    # wrong: as where scikit-learn is not installed
    kt.BayesianOptimization(build_model, ACCURACY, **USUAL)
assert kt.BayesianOptimization(build_model, ACCURACY, **USUAL)

# %% [markdown]
# The Gaussian process comes from scikit-learn, which `pip install
# keras-tuner` alone does not bring. `pip install scikit-learn scipy`,
# and restart the kernel: [Bayesian
# optimisation](../bayesian_optimization.py).
#
# ### `module 'keras_tuner.oracles' has no attribute 'BayesianOptimization'`

# %%
with shown():
    oracle = kt.oracles.BayesianOptimization  # wrong: an old name
assert kt.oracles.BayesianOptimizationOracle(ACCURACY, max_trials=1)

# %% [markdown]
# Old guides write `kt.oracles.BayesianOptimization`,
# `kt.oracles.RandomSearch` and `kt.oracles.Hyperband`. Today each ends
# in `Oracle`: [one problem, any
# oracle](../how_to/tune_anything.py#one-problem-any-oracle).
#
# ### `of parameter length_scale is close to the specified`


# %%
class Unmoved(kt.BayesianOptimization):
    run_trial = Returning.run_trial


six = USUAL | {"max_trials": 6, "num_initial_points": 3}
with shown(ConvergenceWarning):
    Unmoved(**six).search(returned=0.5)  # wrong: always the same

# %% [markdown]
# The search goes on. At the upper bound, no score so far depends on this
# hyperparameter; at the lower one, scores of neighbours have nothing in
# common, like noise. Leave the hyperparameter out, or
# [repeat trials](../evidence/how_sure.py#repeats-in-keras-tuner). A few of
# these in a sound search of
# [BayesianOptimization](../bayesian_optimization.py) mean nothing.
#
# ## scikit-learn
#
# ### `'str' object is not callable`


# %%
def build_classifier(hp):
    return LogisticRegression(C=hp.Float("C", 0.01, 10.0))


def sklearn_tuner(**settings):
    score = kt.Objective("score", "max")
    first = {"max_trials": 1, "max_consecutive_failed_trials": 1}
    oracle = kt.oracles.RandomSearchOracle(score, seed=1, **first)
    oracle.verbose = 0
    folder = {"directory": "searches", "overwrite": True}
    folder["project_name"] = "error_messages_sklearn"
    return kt.SklearnTuner(
        oracle, build_classifier, **folder, **settings
    )


with shown():
    sklearn_tuner(scoring="accuracy").search(x, y)  # wrong: a name
sklearn_tuner(scoring=make_scorer(accuracy_score)).search(x, y)

# %% [markdown]
# `scoring` is called as it is. Give a scorer, by `make_scorer` or
# `get_scorer("accuracy")`:
# [what is accepted](../scikit_learn.py#what-is-accepted-and-what-fails).
#
# ### `Expected the data to be numpy.ndarray or pandas.DataFrame`

# %%
with shown():
    sklearn_tuner().search(x[:6], [0, 1] * 3)  # wrong: a list
sklearn_tuner().search(x, np.asarray(y.tolist()))

# %% [markdown]
# A Series, a list or a sparse matrix is refused. `np.asarray(y)`, and
# `x.toarray()` if memory allows:
# [what is accepted](../scikit_learn.py#what-is-accepted-and-what-fails).
#
# ### `'int' object has no attribute 'split'`

# %%
with shown():
    sklearn_tuner(cv=5).search(x, y)  # wrong: a number of folds
sklearn_tuner(cv=KFold(5)).search(x, y)

# %% [markdown]
# scikit-learn's own searches take a number of folds as `cv`; this tuner
# takes a splitter only:
# [what is accepted](../scikit_learn.py#what-is-accepted-and-what-fails).
#
# ### `SklearnTuner.search() got an unexpected keyword argument`

# %%
with shown():
    sklearn_tuner().search(x, y, verbose=0)  # wrong: no verbose

# %% [markdown]
# It takes `X`, `y`, `sample_weight` and `groups`; no `verbose`, no
# `epochs`, no `validation_data`. For silence, `tuner.oracle.verbose = 0`:
# [scikit-learn models](../scikit_learn.py).
#
# ## Many processes
#
# ### `"KERASTUNER_ORACLE_IP" was set, but "KERASTUNER_ORACLE_PORT" was not`

# %%
taken = socket.create_server(("127.0.0.1", 0))
PORT = str(taken.getsockname()[1])
chief = {"KERASTUNER_ORACLE_IP": "127.0.0.1"}
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL)  # wrong: an address without a port

# %% [markdown]
# The chief and each worker need the address, the port and an id ([what each
# is for](../../reference/environment.md#environment-variables)). If you want
# one process, the variables are left over: `unset KERASTUNER_ORACLE_IP`.
#
# ### `"KERASTUNER_ORACLE_IP" was set, but "KERASTUNER_TUNER_ID" was not`

# %%
chief["KERASTUNER_ORACLE_PORT"] = PORT
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL)  # wrong: which of them is this?
chief["KERASTUNER_TUNER_ID"] = "chief"
with mock.patch.dict(os.environ, chief):
    assert Returning(**USUAL).tuner_id == "chief"

# %% [markdown]
# Give each worker [a name of its
# own](../../reference/environment.md#environment-variables), and the chief
# one with "chief" in it. Two workers of one name run the same trials.
#
# ### `Failed to bind to address`

# %%
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL).search()  # wrong: the port is taken
taken.close()
socket.create_server(("127.0.0.1", int(PORT))).close()  # free again

# %% [markdown]
# The port is in use, often by the chief of an earlier search that [still
# waits for its
# workers](../how_to/several_machines.py#what-ends-and-what-must-be-started-again).
# End it, or take another port.
#
# ### `` `OracleClient` object has no attribute ``

# %%
worker = chief | {"KERASTUNER_TUNER_ID": "worker0"}
with shown(), mock.patch.dict(os.environ, worker):
    trials = Returning(**USUAL).oracle.trials  # wrong: a worker

# %% [markdown]
# In a worker the oracle is a stand-in that asks the chief. It has
# `get_best_trials(n)`; all the trials are read from disk when the search
# is over, in a process [without those variables](../how_to/resume.py).
#
# ### `StatusCode.DEADLINE_EXCEEDED`

# %%
with shown(line=1), mock.patch.dict(os.environ, worker):
    tuner = Returning(**USUAL)
    client = sys.modules[type(tuner.oracle).__module__]
    with mock.patch.object(client, "TIMEOUT", 1):  # an hour otherwise
        tuner.search()  # wrong: no chief is running
assert client.TIMEOUT == 60 * 60  # seconds

# %% [markdown]
# A worker waited an hour for the chief, which was never started, is at
# another address, or has ended. Start the chief first, or have both
# started [for you](../how_to/several_processes.py).
#
# ## Installation
#
# ### `No module named 'tensorboard'`

# %%
hidden = {name for name in sys.modules if "tensorboard" in name}
with shown(), mock.patch.dict(sys.modules):
    for name in hidden:
        del sys.modules[name]
    with mock.patch.object(sys, "path", []):  # wrong: not installed
        tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
        tuner.search(**DATA)
kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
    **DATA, verbose=0
)

# %% [markdown]
# Keras Tuner imports TensorBoard in every trial, and TensorFlow no
# longer brings it. `pip install tensorboard`:
# [TensorBoard](../how_to/hparams_in_tensorboard.py).
#
# ### `No module named 'keras_tuner'`

# %%
bare = [sys.executable, "-S", "-c", "import keras_tuner"]  # wrong
done = subprocess.run(bare, capture_output=True, text=True)
print(done.stderr.splitlines()[-1])
assert done.returncode == 1

# %% [markdown]
# It is not installed for the Python that runs, though maybe for another
# one. `python -m pip install keras-tuner`, with a hyphen; in a notebook
# `%pip install keras-tuner`, so that it goes to the kernel's own Python.
# Needs: [the first cell of any notebook here](../random_search.py).
#
# ### `` `import kerastuner` is deprecated ``

# %%
with shown(DeprecationWarning):
    importlib.import_module("kerastuner")  # wrong: the old name
assert importlib.import_module("keras_tuner") is kt

# %% [markdown]
# The package is called `keras_tuner` today. The old name is kept by
# a second package, and where that is missing, it says `No module named
# 'kerastuner'`. Write `import keras_tuner as kt`, as
# [every page](../random_search.py) does.
#
# ### `object has no attribute 'reset_states'`

# %%
metric = keras.metrics.Mean()
with shown():
    metric.reset_states()  # wrong: the name in Keras 2
metric.reset_state()

# %% [markdown]
# Keras 3 has `reset_state`, without the s. The loop in Keras Tuner's own
# guide is older: [custom training
# loops](../how_to/custom_training_loops.py#a-whole-loop).
#
# ## No message at all
#
# Worse than any of these are mistakes that raise nothing. `model.evaluate`
# returns the loss and the accuracy as a list, and Keras Tuner takes a list
# for executions of one trial:

# %%
model = build_model(hp)
model.fit(**DATA, verbose=0)
loss, accuracy = model.evaluate(x, y, verbose=0)
tuner = Returning(objective=ACCURACY, **USUAL)
tuner.search(
    returned=model.evaluate(x, y, verbose=0),  # wrong: their mean
    verbose=0,
)
score = tuner.oracle.get_best_trials()[0].score
print(f"loss {loss:.3f}, accuracy {accuracy:.3f}, score {score:.3f}")
assert np.isclose(score, (loss + accuracy) / 2)

# %% [markdown]
# Return `accuracy` alone.
#
# A hyperparameter that nothing uses is drawn, listed and searched all
# the same. Build with two of its values, all else at its default: does
# the model differ?


# %%
def ignores_dropout(hp):
    hp.Float("dropout", 0.0, 0.5)  # wrong: no layer gets it
    return build_model(hp)


def differs(build, name, *values):
    """Say whether a hyperparameter changes what is built."""
    built = []
    for value in values:
        keras.backend.clear_session()
        hp = kt.HyperParameters()
        hp.Fixed(name, value)
        model = build(hp)
        built.append((model.to_json(), model.optimizer.get_config()))
    return built[0] != built[1]


# %%
dropout = differs(ignores_dropout, "dropout", 0.0, 0.5)
units = differs(ignores_dropout, "units", 4, 8)
print("dropout changes the model:", dropout, "- units:", units)
assert units and not dropout

# %% [markdown]
# What only `fit` uses, such as a batch size, can't be seen this way. The
# others:
#
# | what you see | why | page |
# |---|---|---|
# | `search` returns at once | the search of this name is finished | [resume](../how_to/resume.py) |
# | a new range or seed has no effect | a resumed search keeps the old ones | [what is honoured](../how_to/resume.py#what-is-honoured-and-what-is-not) |
# | a second `hp.Int` of the same name has no effect | the first one wins | [four traps](../../explanation/hyperparameters.md#four-traps) |
# | Hyperband ends without a trial | every hyperparameter is declared in `fit` or `run_trial` | [declare before](../how_to/tune_anything.py#declare-the-hyperparameters-before) |
# | Hyperband never trains in full | a trial failed in the first round | [a failure costs more](../how_to/failed_trials.py#under-hyperband-a-failure-costs-more) |
# | fewer trials than `max_trials` | collisions: the space is nearly used up | [why random search misses some](../grid_search.py#why-random-search-misses-some) |
# | `get_best_hyperparameters` returns bad values | no trial has completed | [failed trials](../how_to/failed_trials.py) |
# | the best trial is the worst | the direction was guessed wrong | [objectives](../how_to/objectives.py#which-strings-are-guessed-wrong) |
# | the same seed, other trials | the seed is 0 | [zero is no seed](../how_to/reproducible_searches.py#zero-is-no-seed) |
# | your callback has recorded nothing | the tuner trains with a copy | [your callback stays empty](../how_to/callbacks.py#your-callback-stays-empty) |
# | `hp.Choice` of `True` and `False` returns 1 and 0 | it holds numbers; use `hp.Boolean` | [a choice of booleans](../explanation/corrections.py#a-choice-of-booleans-or-none) |
# | the first trial has the defaults | hyperparameters are declared in `fit` | [declare before](../how_to/tune_anything.py#declare-the-hyperparameters-before) |
# | a hyperparameter has no effect on the score | nothing uses it: it is drawn, and no layer gets it | [above](#no-message-at-all) |
# | each trial is better than the one before | a layer, network or optimizer made outside of `build` goes on learning | [state that trials share](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it) |
# | the smallest penalty or weight of a loss wins | what is tuned changes the scale of the objective | [the scale](../how_to/objectives.py#what-you-tune-must-not-change-the-scale) |
# | `get_best_models` returns an untrained model | `model.build` marked it built, and it had no variables | [subclassed models](../how_to/subclassed_models.py) |
# | a second range never exceeds the default of the first | a range that depends on another hyperparameter is that of its first build | [use a ratio](../how_to/conditional_spaces.py#a-range-that-depends-on-another-hyperparameter) |
#
# ## What this page did not show
#
# - Messages of TensorFlow, CUDA and the operating system, such as those
#   about memory that runs out: [failed trials](../how_to/failed_trials.py) says
#   what becomes of them.
# - Other versions. The wording is that of the versions this page was
#   executed with, and changes between them.
# - Your own mistakes in `build` and `fit`. Build and train once by hand
#   before the search; then the traceback is yours alone.
