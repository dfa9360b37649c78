# %% [markdown] boost=8 index="error message; traceback; ValueError; TypeError; RuntimeError; KeyError; ModuleNotFoundError; FatalValueError; FatalTypeError"
# # Error messages
#
# What Keras Tuner and Keras say when something is wrong: each message
# reproduced, with its cause and its cure.
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
# its last line names the error of a trial. `search` may also return in
# silence; every failed trial keeps its traceback:

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
# `with shown():` prints the line to look up.


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
# One failed trial ends these searches, where usually three do.


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
#
# All values of a `Choice` are integers, or floats, or strings, or
# booleans. Write `0.0`, not `0`, among floats.

# %%
with shown():
    hp.Choice("dropout", [0, 0.25, 0.5])  # wrong: 0 is an integer
assert hp.Choice("dropout", [0.0, 0.25, 0.5]) == 0.0

# %% [markdown]
# ### `` A `Choice` can contain only `int`, `float`, `str`, or `bool` ``
#
# Values go to JSON files, where tuples, lists, `None`, classes and
# functions can't. Choose a name, and look up its value.

# %%
with shown():
    hp.Choice("kernel", [(3, 3), (5, 5)])  # wrong: tuples
KERNELS = {"3x3": (3, 3), "5x5": (5, 5)}
kernel = KERNELS[hp.Choice("kernel", list(KERNELS))]
assert kernel == (3, 3)

# %% [markdown]
# ### `The default value should be one of the choices`
#
# Add the default to the values, or leave `default` out: then it is the
# first value.

# %%
with shown():
    hp.Choice("batch", [16, 32], default=64)  # wrong: not a choice
assert hp.Choice("batch", [16, 32, 64], default=64) == 64

# %% [markdown]
# ### `` `default` must be a Python boolean ``
#
# Give `True` or `False`, without quotes: any text, even `"False"`, is
# refused. For more than two values, take `hp.Choice`.

# %%
with shown():
    hp.Boolean("augment", default="yes")  # wrong: a word
assert hp.Boolean("augment", default=True) is True

# %% [markdown]
# ### `is greater than the max_value`
#
# The order is name, minimum, maximum. If the bounds were computed, print
# them.

# %%
with shown():
    hp.Int("width", 64, 32)  # wrong: the smaller comes first
assert hp.Int("width", 32, 64) == 32

# %% [markdown]
# ### `must be an int, Received:`
#
# Bounds, step and default of `hp.Int` are integers. Divide with `//`, or
# take `hp.Float`.

# %%
with shown():
    hp.Int("depth", 1, 3, step=0.5)  # wrong: not an integer
assert hp.Float("depth", 1, 3, step=0.5) == 1

# %% [markdown]
# ### `does not support negative values, found min_value: 0`
#
# Start at a small positive number. For "none at all", add an `hp.Boolean`
# [and a scope](../how_to/conditional_spaces.py).

# %%
with shown():
    hp.Float("decay", 0, 1e-2, sampling="log")  # wrong: log of 0
assert hp.Float("decay", 1e-6, 1e-2, sampling="log") == 1e-6

# %% [markdown]
# ### `expected step > 1 with sampling='log'`
#
# On a log scale a step multiplies. `step=10` gives powers of ten: [which
# values a range becomes](../grid_search.py#which-values-a-range-becomes).

# %%
with shown():
    hp.Float("rate", 1e-4, 1e-1, step=0.1, sampling="log")  # wrong
assert hp.Float("rate", 1e-4, 1e-1, step=10, sampling="log") == 1e-4

# %% [markdown]
# ### `` `HyperParameter` named: … not defined ``
#
# Declare the hyperparameter that a scope refers to before the scope:
# [conditional spaces](../how_to/conditional_spaces.py).

# %%
with shown(), hp.conditional_scope("optimizer", ["sgd"]):
    hp.Float("momentum", 0.0, 0.9)  # wrong: no "optimizer" so far
hp.Choice("optimizer", ["adam", "sgd"])
with hp.conditional_scope("optimizer", ["sgd"]):
    assert hp.Float("momentum", 0.0, 0.9) is None  # it is adam

# %% [markdown]
# ### `is currently inactive`
#
# The condition of this hyperparameter is not met, so it has no value. Ask
# first: `if "momentum" in hp`.

# %%
with shown():
    hp.get("momentum")  # wrong: the optimizer is adam
assert "momentum" not in hp and hp.values.get("momentum") is None

# %% [markdown]
# ### `does not exist`
#
# So far no hyperparameter has this name: a typo, a name scope
# (`"encoder/units"`), or one declared in `fit` and read in `build`.
# `print(hp.values)` lists the names.

# %%
with shown():
    hp.get("optimiser")  # wrong: it was declared as "optimizer"
assert hp.get("optimizer") == "adam"

# %% [markdown]
# ### `` Received an invalid value for `units` ``
#
# Keras wants an integer. It receives `units=None` where a
# hyperparameter is [outside its
# scope](../how_to/conditional_spaces.py#outside-its-scope-it-is-none).

# %%
with shown():
    keras.layers.Dense(hp.get("width") / 2)  # wrong: a float
assert keras.layers.Dense(hp.get("width") // 2).units == 16

# %% [markdown]
# ### `takes 0 positional arguments but 1 was given`
#
# `build` gets one argument, `hp`, and a method `self` before it. To [keep
# a function](../how_to/part_of_a_model.py#keep-a-function-as-it-is), wrap
# it.


# %%
def without_hp():  # wrong: Keras Tuner calls it with hp
    return build_model(kt.HyperParameters())


with shown():
    kt.RandomSearch(without_hp, ACCURACY, **USUAL)
kt.RandomSearch(lambda hp: without_hp(), ACCURACY, **USUAL)

# %% [markdown]
# ### `Only input tensors may be passed as positional arguments`
#
# Give the function, without parentheses. A model can be called too, hence
# the odd message.

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
# ### `` The `hypermodel` argument should be either ``
#
# A string, a list or a dictionary is refused. Give a function or a
# [`HyperModel`](../../explanation/hyperparameters.md#a-model-builder-function).

# %%
with shown():
    kt.RandomSearch("build_model", ACCURACY, **USUAL)  # wrong: a name

# %% [markdown]
# ### `` Received `hypermodel=None` ``
#
# The first argument is missing, or what makes it has no `return`. Without
# a model, [override `run_trial`](../how_to/tune_anything.py).

# %%
with shown():
    kt.RandomSearch(objective=ACCURACY, **USUAL)  # wrong: no model

# %% [markdown]
# ### `` Expected `oracle` argument to be an instance of `Oracle` ``
#
# `kt.Tuner` and `kt.SklearnTuner` take an oracle from `kt.oracles`, with
# parentheses. Arguments such as `max_trials` [go to the
# oracle](../how_to/tune_anything.py#one-problem-any-oracle).

# %%
with shown():
    kt.SklearnTuner(
        oracle=kt.RandomSearch,  # wrong: a tuner
        hypermodel=build_model,
    )
oracle = kt.oracles.RandomSearchOracle(ACCURACY, max_trials=1)
assert isinstance(oracle, kt.Oracle)

# %% [markdown]
# ### `` `allow_new_entries` is `False`, but found new entries ``
#
# Add what `build` declares to `hyperparameters=`, or give
# `tune_new_entries=False`, which leaves it at its default:
# [which arguments do what](../how_to/part_of_a_model.py#which-arguments-do-what).

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
# ### `` If you set `tune_new_entries=False`, you must ``
#
# Give what to tune, at least one, in `hyperparameters=`:
# [tune part of a model](../how_to/part_of_a_model.py).

# %%
with shown():
    kt.RandomSearch(
        build_model,
        ACCURACY,
        tune_new_entries=False,  # wrong: alone, nothing is tuned
        **USUAL,
    )

# %% [markdown]
# ## Objectives
#
# ### `Could not infer optimization direction ("min" or "max") for unknown metric`
#
# Keras has no metric of this name. Always give
# `kt.Objective(name, direction)`, since other strings
# [can be guessed wrong](../how_to/objectives.py#which-strings-are-guessed-wrong).

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
# ### `missing 1 required positional argument: 'num_classes'`
#
# To guess the direction, Keras Tuner makes the metric without its
# arguments. With `kt.Objective("val_mean_io_u", "max")` it [does not
# guess](../how_to/objectives.py#which-strings-are-guessed-wrong).

# %%
with shown():
    kt.RandomSearch(
        build_model,
        "val_mean_io_u",  # wrong: a string
        **USUAL,
    )

# %% [markdown]
# ### `` `objective` not understood ``
#
# The metric belongs in `model.compile(metrics=[...])`. The objective is
# its name, with `val_` before it:
# [print the keys](../how_to/objectives.py#the-name-print-the-keys).

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
# ### `` `direction` should be one of {"min", "max"} ``
#
# The direction is `"min"` or `"max"`. It is checked only [after the first
# trial](../how_to/objectives.py).

# %%
wrong = kt.Objective("score", "maximize")  # wrong: "max"
with shown():
    Returning(objective=wrong, **USUAL).search()

# %% [markdown]
# ### `KeyError: 'val_accuracy'`
#
# Training did not report the objective: `validation_data` is missing, or
# `metrics=["acc"]` reports `val_acc`, or your `fit` doesn't pass on
# `**kwargs`. Train one epoch and
# [print the keys](../how_to/objectives.py#when-the-name-is-not-there).

# %%
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(x, y)  # wrong: no validation_data

# %% [markdown]
# ### `Objective value missing in metrics reported to the Oracle`
#
# With `found: dict_keys([])` no epoch was trained: `epochs` is 0, or not
# above `initial_epoch`, as [if Hyperband's epochs are
# changed](../hyperband.py#the-mistake-that-breaks-the-schedule). Otherwise
# your objective is not [among those listed](../how_to/objectives.py).

# %%
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        **DATA,
        epochs=2,
        initial_epoch=2,  # wrong: nothing is left to train
    )

# %% [markdown]
# ### `to have the specified objective, … as one of the keys`
#
# A dictionary that you return needs the objective's name as a key, or
# `multi_objective` [for a
# list](../how_to/multiple_objectives.py#a-dictionary-for-a-list) of
# objectives.

# %%
with shown():
    Returning(objective=ACCURACY, **USUAL).search(
        returned={"accuracy": 0.9}  # wrong: not the objective's name
    )

# %% [markdown]
# ### `` a single float when `objective` is left unspecified ``
#
# Without an objective a single number is minimised. Return one, or [name
# an objective](../how_to/objectives.py).

# %%
with shown():
    Returning(**USUAL).search(
        returned={"val_loss": 0.1}  # wrong: which of them counts?
    )

# %% [markdown]
# ### `Unknown metric:`
#
# The metric was never reported, or the trial failed.
# `print(list(trial.metrics.metrics))` [lists the
# names](../how_to/objectives.py#the-name-print-the-keys).

# %%
tuner = Returning(objective=ACCURACY, **USUAL)
tuner.search(returned={"val_accuracy": 0.9}, verbose=0)
(trial,) = tuner.oracle.get_best_trials()
with shown():
    trial.metrics.get_history("accuracy")  # wrong: not reported

# %% [markdown]
# ### `The truth value of an array with more than one element is ambiguous`
#
# The objective is an array, here one value for each class. Give `F1Score`
# [an `average`](../how_to/objectives.py#when-the-name-is-not-there).

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
# ## While a trial runs
#
# ### `Number of consecutive failures exceeded the limit of 3.`
#
# Look up the last line of the message, or of a trial's `message`, mend
# that, and start over with another `project_name` or `overwrite=True`:
# trials that failed stay failed. Where some configurations can only fail,
# [raise the
# limit](../how_to/failed_trials.py#three-in-a-row-end-the-search).

# %%
three = USUAL | {"max_trials": 9, "max_consecutive_failed_trials": 3}
with shown(line=0):
    tuner = Returning(**three)
    tuner.search(returned=ValueError("your mistake"))  # wrong
trial = tuner.oracle.trials["0"]
assert trial.message.splitlines()[-1] == "ValueError: your mistake"

# %% [markdown]
# ### `Did you forget to return the metrics?`
#
# `fit` or `run_trial` lacks a `return`. [Return the
# metrics](../how_to/custom_training_loops.py#what-to-return) that old code
# gave to `self.oracle.update_trial(...)`.

# %%
with shown():
    Returning(**USUAL).search(returned=None)  # wrong: no return

# %% [markdown]
# ### `to be one of float, dict, keras.callbacks.History`
#
# A tuple, an array or a tensor is refused. `float(...)` makes a number of
# a tensor. A *list* is
# [averaged](../how_to/custom_training_loops.py#what-to-return).

# %%
with shown():
    Returning(objective=ACCURACY, **USUAL).search(
        returned=(0.1, 0.9)  # wrong: a tuple
    )

# %% [markdown]
# ### `to return a valid Keras Model instance`
#
# The message ends with what it received. `None`: `build` has no `return`. A
# `HyperModel`: you gave the class, not `MyHyperModel()`. A `tf_keras`
# model, also from `TF_USE_LEGACY_KERAS=1`: Keras Tuner takes those of
# [`keras`](../../explanation/hyperparameters.md#a-model-builder-function).


# %%
def returns_nothing(hp):
    build_model(hp)  # wrong: no return


with shown():
    kt.RandomSearch(returns_nothing, ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# ### `Oversized model: … parameters. Skip model.`
#
# A model above `max_model_size` fails its trial. Raise the limit of
# failures, or [return a bad
# score](../how_to/failed_trials.py#models-that-are-too-large).

# %%
with shown():
    kt.RandomSearch(
        build_model,
        ACCURACY,
        max_model_size=10,  # wrong: every model has more
        **USUAL,
    ).search(**DATA)

# %% [markdown]
# ### `You are saving a model that has not yet been built`
#
# A `train_step` that never runs the model itself, like a GAN's, leaves it
# unbuilt. Call it once in `build`, on a `keras.Input`:
# [subclassed models](../how_to/subclassed_models.py#a-gan).


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
# ### `All layers added to a Sequential model should have unique names`
#
# Two layers have one name. In a loop, write `name=f"dense_{number}"`.
# Make all layers in `build`: before each trial Keras Tuner clears the
# names, and a new layer gets that of one made outside. Shared layers also
# [go on
# learning](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it).

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
# ### `Unknown variable`
#
# An optimizer belongs to the variables that it was built for. Make one
# in `build`, or give its name. Build it
# [last](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it),
# after layers are added or thawed.

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
# ### `All callbacks used during a search should be deep-copyable`
#
# Every execution gets a copy of your callbacks. Open what can't be copied,
# such as a file, a lock or a connection, in
# [`on_train_begin`](../how_to/callbacks.py#notes-that-last).


# %%
class Locked(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()  # wrong: can't be copied


with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(**DATA, callbacks=[Locked()])

# %% [markdown]
# ### `` You must call `compile()` before ``
#
# `build` has to return a compiled model, in every branch. Or compile in
# `fit`, or [by the
# tuner](../how_to/part_of_a_model.py#overriding-compile-drops-what-it-held):
# `optimizer=`, `loss=` and `metrics=`.


# %%
def uncompiled(hp):
    layers = [keras.Input((4,)), keras.layers.Dense(2)]
    return keras.Sequential(layers)  # wrong: not compiled


with shown():
    kt.RandomSearch(uncompiled, ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# ### `got an unexpected keyword argument 'callbacks'`
#
# Keras Tuner hands `fit` callbacks that save weights. Take `**kwargs`, and
# [pass them on](../../explanation/hyperparameters.md#a-hypermodel-subclass)
# to `model.fit`.


# %%
class NoKwargs(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, x, y, validation_data):  # wrong: no **
        return model.fit(x, y, validation_data=validation_data)


with shown():
    kt.RandomSearch(NoKwargs(), ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# ### `'HyperParameters' object has no attribute 'fit'`
#
# `hp` comes first: `fit(self, hp, model, *args, **kwargs)`, as in
# [a HyperModel subclass](../../explanation/hyperparameters.md#a-hypermodel-subclass).


# %%
class Swapped(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, model, hp, **kwargs):  # wrong: hp comes first
        return model.fit(**kwargs)


with shown():
    kt.RandomSearch(Swapped(), ACCURACY, **USUAL).search(**DATA)

# %% [markdown]
# ### `All-NaN axis encountered`
#
# The objective was NaN. The trial is FAILED, with only this warning, and
# retries don't help. A [bad
# score](../how_to/failed_trials.py#learning-rates-that-diverge) does.

# %%
two = USUAL | {"max_trials": 2, "max_consecutive_failed_trials": 3}
with shown(RuntimeWarning):
    Returning(**two).search(returned=float("nan"))  # wrong: NaN

# %% [markdown]
# ## Data
#
# ### `Received an empty generator.`
#
# Every trial reads the generator, which can be read once. Give arrays, a
# `Dataset` or a `PyDataset`:
# [six ways](../how_to/data_pipelines.py#the-same-images-six-ways).

# %%
generator = ((x[:8], y[:8]) for _ in range(3))
two = USUAL | {"max_trials": 2}
with shown():
    kt.RandomSearch(build_model, ACCURACY, **two).search(
        generator,  # wrong: the first trial uses it up
        validation_data=(x, y),
    )

# %% [markdown]
# ### `Unrecognized data type: x=`
#
# Keras takes no lists of numbers. Make arrays of them by `np.asarray`:
# [data pipelines](../how_to/data_pipelines.py).

# %%
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        x[:2].tolist(),  # wrong: lists
        y[:2].tolist(),
        validation_data=(x, y),
    )

# %% [markdown]
# ### `Invalid dtype: object`
#
# The array mixes types: texts, `None` in place of NaN, rows or pictures of
# unequal length. Find the column, `table.dtypes`, and code it as numbers:
# [a table](../your_data/table.py). If all are numbers,
# `astype("float32")`.

# %%
objects = x.astype(object)  # wrong: Python objects, not numbers
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(objects, y, validation_data=(x, y))

# %% [markdown]
# ### `Invalid dtype: str`
#
# Keras takes no text. Number the labels, and keep their names. Texts go
# through a [`TextVectorization`](../your_data/texts.py), categories
# through a [`StringLookup`](../your_data/table.py). Numbers read as text
# need `astype("float32")`.

# %%
words = np.array(["no", "yes"])[y]  # wrong: labels as words
with shown():
    tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
    tuner.search(x, words, validation_data=(x, y))
names, numbers = np.unique(words, return_inverse=True)
assert (names[numbers] == words).all()

# %% [markdown]
# ### `adapt() expects an iterable`
#
# A data frame gives `adapt` its column names, a list its elements. It
# wants an array, `.to_numpy()` or `np.asarray`:
# [preprocessing](../how_to/preprocessing.py).

# %%
frame = pd.DataFrame(x, columns=list("abcd"))
with shown():
    keras.layers.Normalization().adapt(frame)  # wrong: a table
scaling = keras.layers.Normalization()
scaling.adapt(frame.to_numpy())
assert scaling.mean.shape == (1, 4)

# %% [markdown]
# ### `The truth value of a Series is ambiguous`
#
# An `if`, `and`, `or`, `max` or `in` was given a column, with one truth
# value per row. Use `.all()`, `.any()`, or `.mean()` for a share. Give
# other code an array, `column.to_numpy()`: [a
# table](../your_data/table.py).

# %%
column = pd.Series(y)
with shown():
    accuracy = 1.0 if column == y else 0.0  # wrong: many answers
assert (column == y).all()

# %% [markdown]
# ### `` Argument `validation_split` is only supported ``
#
# Split a dataset yourself, with `take` and `skip` before it is batched,
# and give [`validation_data`](../how_to/data_pipelines.py#what-does-not-work-with-a-dataset).

# %%
dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
with shown():
    kt.RandomSearch(build_model, ACCURACY, **USUAL).search(
        dataset,
        validation_split=0.25,  # wrong: for arrays only
    )

# %% [markdown]
# ### `` Arguments `target` and `output` must have the same rank ``
#
# Integer labels need `sparse_categorical_crossentropy`, one-hot labels
# the loss without `sparse`. The models of `kt.applications`
# [want one-hot labels](../how_to/part_of_a_model.py#the-networks-that-come-with-keras-tuner).


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
# ## Resuming and disk
#
# ### `Reloading Tuner from`
#
# No error: this search goes on from the one in `directory/project_name`.
# If that was finished, `search` returns at once. Changes of the space
# [are ignored](../how_to/resume.py#what-is-honoured-and-what-is-not). For a
# new search give another `project_name`, or `overwrite=True`.

# %%
Returning(**USUAL).search(verbose=0)
again = USUAL | {"overwrite": False}
tuner = Returning(**again)  # wrong if you wanted a new search
tuner.search(verbose=0)
assert tuner.remaining_trials == 0

# %% [markdown]
# ### `` Error reloading `Oracle` from existing project ``
#
# The folder holds another tuner's search. Give each search a name:
# without `project_name` all are `untitled_project`
# ([resume](../how_to/resume.py)).

# %%
with shown():
    kt.Hyperband(  # wrong: the folder holds a RandomSearch
        build_model,
        ACCURACY,
        directory="searches",
        project_name=USUAL["project_name"],
    )

# %% [markdown]
# ### `KeyError: '0001'`
#
# An interrupted GridSearch can't find the running trial.
# `resumable(safe(kt.GridSearch))` can: [an interrupted
# grid](../how_to/resume.py#an-interrupted-grid).

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
# ### `Expecting value: line 1 column 1 (char 0)`
#
# `oracle.json`, `tuner0.json` or a `trial.json` is empty or torn.
# [`mend`](../how_to/faults.py#a-search-that-was-killed-without-safe) says
# which, and repairs what it can. Otherwise put back a copy, or start
# over: [a damaged file](../how_to/resume.py#a-damaged-file).

# %%
oracle_file = Path("searches", USUAL["project_name"], "oracle.json")
kept = oracle_file.read_text("utf-8")
oracle_file.write_text("", "utf-8")  # wrong: as after a full disk
with shown():
    Returning(**again)
oracle_file.write_text(kept, "utf-8")  # put back

# %% [markdown]
# ### `oracle.json; No such file or directory`
#
# The folder was copied or deleted in part: `tuner0.json` is there, the
# search's state is not. Copy it whole, [between two
# trials](../how_to/resume.py#a-damaged-file).

# %%
oracle_file.unlink()  # wrong: a part of the folder is gone
with shown():
    Returning(**again)

# %% [markdown]
# ### `is not a directory`
#
# `directory` is a file. Name a folder, or what does not exist yet:
# [what lies in it](../how_to/memory_and_disk.py#what-a-trial-leaves-on-disk).

# %%
Path("results").touch()
with shown():
    Returning(**USUAL | {"directory": "results"})  # wrong: a file

# %% [markdown]
# ### `Unable to synchronously open file`
#
# The trial has no `checkpoint.weights.h5`: it
# [failed](../how_to/failed_trials.py#three-in-a-row-end-the-search), as
# `trial.status` says, `fit` did not pass on [the tuner's
# callbacks](../how_to/custom_training_loops.py#the-mistake-a-loop-without-callbacks),
# or the file was deleted.

# %%
with shown():
    tuner = kt.RandomSearch(
        build_model, kt.Objective("val_acc", "max"), **USUAL
    )
    with contextlib.suppress(RuntimeError):
        tuner.search(x, y, epochs=0)
    tuner.get_best_models()  # wrong: no trial has completed

# %% [markdown]
# ### `You are loading weights into a model that has not yet been built`
#
# A subclass of `keras.Model`, or a `Sequential` without `keras.Input`, has no
# weights before it is called. Under Hyperband every promoted trial fails.
# End `build` with `model(keras.Input((4,)))` and `optimizer.build`.
# `model.build` alone may mark it built [without
# variables](../how_to/subclassed_models.py).


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
# ### `objects could not be loaded`
#
# The build function has changed since the search, or builds something
# else each time. Keep it [with the
# search](../how_to/resume.py#in-another-process-or-another-day).

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
# ### `Skipping variable loading for optimizer`
#
# To predict, ignore it. Under [Hyperband](../hyperband.py) training goes
# on with an optimizer that has forgotten everything, unless `build` ends
# with `model.optimizer.build(model.trainable_variables)`.

# %%
with shown(UserWarning):
    tuner = kt.RandomSearch(build_model, ACCURACY, **again)
    tuner.get_best_models()  # wrong if training is to go on

# %% [markdown]
# ## Hyperband
#
# ### `Unrecognized arguments ['max_trials']`
#
# `max_epochs` and `factor` fix [the number of
# trials](../../evidence/hyperband_planner.md). The same is said of any
# argument that no tuner has.

# %%
with shown():
    kt.Hyperband(build_model, ACCURACY, **USUAL)  # wrong: max_trials

# %% [markdown]
# ### `got multiple values for keyword argument 'epochs'`
#
# Leave out your own `epochs=`: Hyperband, or `search(epochs=...)`, passes
# it in `kwargs`. Removing that one [breaks the
# schedule](../hyperband.py#the-mistake-that-breaks-the-schedule). Likewise,
# give `batch_size` to `search` or [tune it in
# `fit`](../how_to/batch_size_and_epochs.py#the-batch-size), not both.


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
# ### `factor needs to be a int larger than 1.`
#
# [Each round](../hyperband.py#brackets-and-rounds) keeps one in `factor`
# of its trials, so 2 is the least. The default is 3.

# %%
with shown():
    kt.Hyperband(
        build_model,
        ACCURACY,
        factor=1,  # wrong: nothing would be thrown out
        **schedule,
    )

# %% [markdown]
# ### `list index out of range`
#
# `max_epochs` has to be 1 or more, or there is no bracket:
# [plan a Hyperband search](../../evidence/hyperband_planner.md).

# %%
with shown():
    kt.Hyperband(
        build_model,
        ACCURACY,
        max_epochs=0,  # wrong: no bracket
        **schedule,
    ).search(**DATA)

# %% [markdown]
# ## BayesianOptimization
#
# ### `Please install scikit-learn (sklearn) before using`
#
# `pip install scikit-learn scipy`, which Keras Tuner alone does not
# bring, and restart the kernel: [Bayesian
# optimisation](../bayesian_optimization.py).

# %%
bayesian = sys.modules[kt.oracles.BayesianOptimizationOracle.__module__]
with shown(), mock.patch.object(bayesian, "sklearn", None):
    # wrong: as where scikit-learn is not installed
    kt.BayesianOptimization(build_model, ACCURACY, **USUAL)

# %% [markdown]
# ### `module 'keras_tuner.oracles' has no attribute 'BayesianOptimization'`
#
# Old guides leave out `Oracle`, which ends each name today: [one problem,
# any oracle](../how_to/tune_anything.py#one-problem-any-oracle).

# %%
with shown():
    oracle = kt.oracles.BayesianOptimization  # wrong: an old name
assert kt.oracles.BayesianOptimizationOracle(ACCURACY, max_trials=1)

# %% [markdown]
# ### `of parameter length_scale is close to the specified`
#
# The search goes on. At the upper bound, no score so far depends on what is
# tuned: tune something else. At the lower one, scores of neighbours have
# nothing in common: [repeat
# trials](../evidence/how_sure.py#repeats-in-keras-tuner). A few of these in
# a sound [search](../bayesian_optimization.py) mean nothing.


# %%
class Unmoved(kt.BayesianOptimization):
    run_trial = Returning.run_trial


six = USUAL | {"max_trials": 6, "num_initial_points": 3}
with shown(ConvergenceWarning):
    Unmoved(**six).search(returned=0.5)  # wrong: always the same

# %% [markdown]
# ## scikit-learn
#
# ### `'str' object is not callable`
#
# `scoring` is called as it is. Give a scorer, by `make_scorer` or
# `get_scorer("accuracy")`:
# [what is accepted](../scikit_learn.py#what-is-accepted-and-what-fails).


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
# ### `Expected the data to be numpy.ndarray or pandas.DataFrame`
#
# A Series, a list or a sparse matrix is [not
# accepted](../scikit_learn.py#what-is-accepted-and-what-fails): `np.asarray(y)`,
# and `x.toarray()` if memory allows.

# %%
with shown():
    sklearn_tuner().search(x[:6], [0, 1] * 3)  # wrong: a list
sklearn_tuner().search(x, np.asarray(y.tolist()))

# %% [markdown]
# ### `'int' object has no attribute 'split'`
#
# scikit-learn's own searches take a number of folds as `cv`, this tuner
# [only a splitter](../scikit_learn.py#what-is-accepted-and-what-fails).

# %%
with shown():
    sklearn_tuner(cv=5).search(x, y)  # wrong: a number of folds
sklearn_tuner(cv=KFold(5)).search(x, y)

# %% [markdown]
# ### `SklearnTuner.search() got an unexpected keyword argument`
#
# It takes `X`, `y`, `sample_weight` and `groups`, not `verbose`, `epochs`
# or `validation_data`. For silence, `tuner.oracle.verbose = 0`:
# [scikit-learn models](../scikit_learn.py).

# %%
with shown():
    sklearn_tuner().search(x, y, verbose=0)  # wrong: no verbose

# %% [markdown]
# ## Many processes
#
# ### `"KERASTUNER_ORACLE_IP" was set, but "KERASTUNER_ORACLE_PORT" was not`
#
# [Each process](../../reference/environment.md#environment-variables)
# needs address, port and id. If you want only one,
# `unset KERASTUNER_ORACLE_IP`.

# %%
taken = socket.create_server(("127.0.0.1", 0))
PORT = str(taken.getsockname()[1])
chief = {"KERASTUNER_ORACLE_IP": "127.0.0.1"}
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL)  # wrong: an address without a port

# %% [markdown]
# ### `"KERASTUNER_ORACLE_IP" was set, but "KERASTUNER_TUNER_ID" was not`
#
# Give each worker [a name of its
# own](../../reference/environment.md#environment-variables), and the chief
# one with "chief" in it. Two workers of one name run the same trials.

# %%
chief["KERASTUNER_ORACLE_PORT"] = PORT
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL)  # wrong: which of them is this?
chief["KERASTUNER_TUNER_ID"] = "chief"

# %% [markdown]
# ### `Failed to bind to address`
#
# The port is in use, often by a chief that [still waits for its
# workers](../how_to/several_machines.py#what-ends-and-what-must-be-started-again).
# End it, or take another port.

# %%
with shown(), mock.patch.dict(os.environ, chief):
    Returning(**USUAL).search()  # wrong: the port is taken
taken.close()

# %% [markdown]
# ### `` `OracleClient` object has no attribute ``
#
# A worker's oracle only asks the chief. It has `get_best_trials(n)`. All
# trials are read from disk after the search, [without those
# variables](../how_to/resume.py).

# %%
worker = chief | {"KERASTUNER_TUNER_ID": "worker0"}
with shown(), mock.patch.dict(os.environ, worker):
    trials = Returning(**USUAL).oracle.trials  # wrong: a worker

# %% [markdown]
# ### `StatusCode.DEADLINE_EXCEEDED`
#
# A worker waited an hour for the chief, which was never started, is at
# another address, or has ended. Start it first, or have both started [for
# you](../how_to/several_processes.py).

# %%
with shown(line=1), mock.patch.dict(os.environ, worker):
    tuner = Returning(**USUAL)
    client = sys.modules[type(tuner.oracle).__module__]
    with mock.patch.object(client, "TIMEOUT", 1):  # an hour otherwise
        tuner.search()  # wrong: no chief is running
assert client.TIMEOUT == 60 * 60  # seconds

# %% [markdown]
# ## Installation
#
# ### `No module named 'tensorboard'`
#
# `pip install tensorboard`: Keras Tuner imports it in every trial, and
# TensorFlow [no longer brings it](../how_to/hparams_in_tensorboard.py).

# %%
hidden = {name for name in sys.modules if "tensorboard" in name}
with shown(), mock.patch.dict(sys.modules):
    for name in hidden:
        del sys.modules[name]
    with mock.patch.object(sys, "path", []):  # wrong: not installed
        tuner = kt.RandomSearch(build_model, ACCURACY, **USUAL)
        tuner.search(**DATA)

# %% [markdown]
# ### `No module named 'keras_tuner'`
#
# The Python that is running lacks it, though another may have it:
# `python -m pip install keras-tuner`, with a hyphen, or in a notebook
# `%pip install keras-tuner`, as in [the first cell
# here](../random_search.py).

# %%
bare = [sys.executable, "-S", "-c", "import keras_tuner"]  # wrong
done = subprocess.run(bare, capture_output=True, text=True)
print(done.stderr.splitlines()[-1])

# %% [markdown]
# ### `` `import kerastuner` is deprecated ``
#
# Write `import keras_tuner as kt`. A second package keeps the old name.
# Without it you read `No module named 'kerastuner'`.

# %%
with shown(DeprecationWarning):
    importlib.import_module("kerastuner")  # wrong: the old name
assert importlib.import_module("keras_tuner") is kt

# %% [markdown]
# ### `object has no attribute 'reset_states'`
#
# Keras 3 has `reset_state`, without the s. The loop in Keras Tuner's
# guide is older: [custom training
# loops](../how_to/custom_training_loops.py#a-whole-loop).

# %%
metric = keras.metrics.Mean()
with shown():
    metric.reset_states()  # wrong: the name in Keras 2
metric.reset_state()

# %% [markdown]
# ## No message at all
#
# The worst mistakes raise nothing. `model.evaluate` returns loss and
# accuracy as a list, which Keras Tuner takes for executions of one trial:

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
# A hyperparameter that nothing uses is drawn, listed and searched. Build
# with two of its values: does the model differ?


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

# %% [markdown]
# What only `fit` uses, such as a batch size, can't be seen this way. The
# others:
#
# | what you see | why |
# |---|---|
# | `search` returns at once | [the search of this name is finished](../how_to/resume.py) |
# | a new range or seed has no effect | [a resumed search keeps the old ones](../how_to/resume.py#what-is-honoured-and-what-is-not) |
# | a second `hp.Int` of the same name has no effect | [the first one wins](../../explanation/hyperparameters.md#four-traps) |
# | Hyperband ends without a trial | [every hyperparameter is declared in `fit` or `run_trial`](../how_to/tune_anything.py#declare-the-hyperparameters-before) |
# | Hyperband never trains in full | [a trial failed in the first round](../how_to/failed_trials.py#under-hyperband-a-failure-costs-more) |
# | fewer trials than `max_trials` | [collisions](../grid_search.py#why-random-search-misses-some): the space is nearly used up |
# | `get_best_hyperparameters` returns bad values | [no trial has completed](../how_to/failed_trials.py) |
# | the best trial is the worst | [the direction was guessed wrong](../how_to/objectives.py#which-strings-are-guessed-wrong) |
# | the same seed, other trials | [the seed is 0](../how_to/reproducible_searches.py#zero-is-no-seed) |
# | your callback has recorded nothing | [the tuner trains with a copy](../how_to/callbacks.py#your-callback-stays-empty) |
# | `hp.Choice` of `True` and `False` returns 1 and 0 | [it holds numbers](../explanation/corrections.py#a-choice-of-booleans-or-none), use `hp.Boolean` |
# | the first trial has the defaults | [hyperparameters are declared in `fit`](../how_to/tune_anything.py#declare-the-hyperparameters-before) |
# | a hyperparameter has no effect | nothing uses it, as above |
# | each trial is better than the one before | [what is made outside of `build` goes on learning](../how_to/part_of_a_model.py#load-inside-build-or-trials-share-it), a layer, network or optimizer |
# | the smallest penalty or weight of a loss wins | [what is tuned changes the scale of the objective](../how_to/objectives.py#what-you-tune-must-not-change-the-scale) |
# | `get_best_models` returns an untrained model | [`model.build` marked it built](../how_to/subclassed_models.py), and it had no variables |
# | a second range never exceeds the default of the first | [a range that depends on another hyperparameter](../how_to/conditional_spaces.py#a-range-that-depends-on-another-hyperparameter) is that of its first build: use a ratio |
#
# ## What this page did not show
#
# - Messages of TensorFlow, CUDA and the operating system, such as those
#   about memory that runs out: [failed trials](../how_to/failed_trials.py).
# - Your own mistakes in `build` and `fit`. Build and train once by hand
#   before the search.
