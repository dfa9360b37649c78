# %% [markdown] index="faster search on a CPU; small models; ensemble of models in one; vectorized map; vmap; batch of models; parallel trials on one core"
# # Trials trained together
#
# Train dozens of small networks as one: the search ends sooner, because most
# of a small model's training step is the overhead of calling it.
#
# - `trained_together` asks for up to 32 trials at once, and trains those
#   of one shape as one model whose weights have a leading axis for the
#   trial.
# - Each trial ends as it would alone, given the same batches, with its own
#   score and checkpoint.
# - Learning rate, weight decay, dropout rate, L1 and L2, epochs and first
#   weights may differ within a shape; layers, units, activation and batch
#   size may not.
#
# It pays for [small models](#where-it-stops-paying); for larger ones use
# [several processes](several_processes.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.searches.trained_together import trained_together

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

space = kt.HyperParameters()
space.Fixed("units", 64)
space.Fixed("activation", "relu")  # one shape
names = {"directory": "searches", "project_name": "together_first"}
names["objective"] = kt.Objective("val_accuracy", "max")
tuner = trained_together(kt.RandomSearch)(
    build_model, hyperparameters=space, max_trials=8, seed=1, **names
)
x, y = load_digits(return_X_y=True)
tuner.search(x / 16, y, validation_split=0.2, verbose=0)
tuner.results_summary(2)

# %% [markdown]
# [Download the tool](../../snippets.md#tools-around-a-tuner): one file,
# for Keras on TensorFlow.

# %%
import time
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A search

# %%
from snippets.data.load_images import load_images


# %%
def build(hp):
    units = hp.Choice("units", [32, 64])
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(units, "relu"),
        keras.layers.Dropout(hp.Float("dropout", 0.01, 0.6)),
        keras.layers.Dense(units, "relu"),
        keras.layers.Dense(10, "softmax"),
    ]
    model = keras.Sequential(layers)
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    loss = "sparse_categorical_crossentropy"
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


# %% [markdown]
# Two shapes, 32 or 64 units: two stacks of about twenty trials.

# %%
images = load_images("digits")
Together = trained_together(kt.RandomSearch, at_most=40)
tuner = Together(
    build,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=40,
    seed=1,
    directory="searches",
    project_name="trials_together",
    overwrite=True,
)
fit = {"epochs": 10, "validation_data": images.validation, "verbose": 0}
begun = time.process_time()
tuner.search(*images.train, **fit)
together = (time.process_time() - begun) / 40

# %% [markdown]
# The same trials alone; four are enough to measure the time.

# %%
alone_tuner = kt.RandomSearch(
    build,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="trials_alone",
    overwrite=True,
)
begun = time.process_time()
alone_tuner.search(*images.train, **fit)
alone = (time.process_time() - begun) / 4
print(f"{alone:.2f} CPU seconds a trial alone, {together:.2f} together")
print(f"{alone / together:.1f} times less")
assert together < alone

# %% [markdown]
# [Other tools](../../snippets.md#tools-around-a-tuner), except `renewed`,
# wrap it: `safe(resumable(trained_together(kt.Hyperband)))`. A kill loses
# the stack that was being trained, not the trials before it.
#
# ## Each ends as alone
#
# All trials of a stack see the same batches. With `shuffle=False` they are
# those of each trial alone, and the losses agree to rounding:


# %%
def seeded(hp):
    keras.utils.set_random_seed(int(hp.Float("seed", 0, 9999)))
    return build(hp)


def searched(tuner_class, name):
    tuner = tuner_class(
        seeded,
        objective=kt.Objective("val_loss", "min"),
        max_trials=3,
        seed=2,
        directory="searches",
        project_name=name,
        overwrite=True,
    )
    tuner.search(*images.train, shuffle=False, **fit | {"epochs": 3})
    return tuner


# %%
pair = [
    searched(kt.RandomSearch, "each_alone"),
    searched(trained_together(kt.RandomSearch), "each_together"),
]
rows = {}
for name, tuner in zip(("alone", "together"), pair, strict=True):
    trials = tuner.oracle.trials.values()
    rows[name] = [trial.score for trial in trials]
losses = pd.DataFrame(rows).rename_axis("trial")
display(losses)
assert np.allclose(losses["alone"], losses["together"], rtol=1e-3)

# %% [markdown]
# ## What is trained alone
#
# A trial whose shape no other has is trained alone, unless that shape was
# trained together before in the search. What can't share a stack is trained
# alone with a warning that says why: subclassed models, models without
# `model.fit`, layers, losses, activations and schedules that aren't Keras's
# own, constraints, clipped gradients, convolutions in groups, callbacks
# that act at batches or tests, data that are neither arrays nor a
# `tf.data.Dataset`. So is `Embedding`, but under `SGD` and `Lion`: where a
# word occurs twice in a batch, Keras on TensorFlow adds the squares of its
# two gradients, and a stack squares their sum. A recurrent layer behind one
# that learns needs `unroll=True`, a `Sequential` model its `keras.Input`.


# %%
def clipped(hp):
    model = build(hp)
    model.optimizer.clipnorm = 1.0
    return model


names["project_name"] = "together_clipped"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    tuner = trained_together(kt.RandomSearch)(
        clipped, max_trials=1, seed=1, **names
    )
    tuner.search(*images.train, **fit | {"epochs": 1})
said = {str(each.message) for each in caught}
(reason,) = (message for message in said if "alone" in message)
print(reason)
assert "clipnorm" in reason

# %% [markdown]
# Two more limits:
#
# - [Callbacks](callbacks.py) are called at epochs. A trial that early
#   stopping ends keeps what it had, but may be computed on, until half of
#   its stack has ended.
# - `HyperModel.fit` runs twice: up to `model.fit`, to learn what it
#   would train, and again with that trained.
#
# ## With Bayesian optimisation
#
# Asked for several configurations at once, it guesses the scores of those
# that run. On fifteen [recorded
# problems](../../evidence/recorded_problems.md) no mean difference is shown,
# but the counts lean against many at once: give it `at_most=8` or fewer.
# (Until `num_initial_points` trials have ended it draws at random: with the
# default of 32, a search of 32 trials is a random search.)
#
# The table has the mean [regret](../../reference/glossary.md#regret) after
# 56 trials, on three splits with two seeds each; its difference from one at
# a time, with 95 % intervals that hold at once; and on how many problems it
# is better or worse by more than 0.05
# ([program](../../evidence/race_batches.py)).

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.results.compare_runs import compare_runs

# %%
batches = pd.read_csv(evidence_file("batches.csv"), comment="#")
batches = batches.groupby(["problem", "at_once"])["regret"].mean()
table = batches.unstack()
more = table.sub(table[1], axis=0)
shown = compare_runs(table, 1, paired=True).rename_axis("at once")
shown = shown.filter(regex="mean|difference").round(2)
shown["better on"] = (more < -0.05).sum()
shown["worse on"] = (more > 0.05).sum()
display(shown.astype(object).fillna(""))

# %%
low, high = shown["difference_low"], shown["difference_high"]
assert (low < 0).sum() == (high > 0).sum() == 3
assert shown.loc[[4, 8], "difference"].abs().max() < 0.02
counts = shown[["worse on", "better on"]].drop(1)
assert counts.to_numpy().tolist() == [[4, 6], [6, 3], [9, 2]]

# %% [markdown]
# [Hyperband](../hyperband.py) asks for whole rounds anyway, and loses
# nothing. Trials of several rounds share a stack.
#
# ## Where it stops paying
#
# How many times less CPU a trial takes than in a bare Keras loop,
# [recorded](../../evidence/bench_together.py) on one thread, medians of
# seven rounds: two hidden layers on the digits and on 8,000 of MNIST's test
# images, and two convolutions. All that a search costs is counted.

# %%
recorded = pd.read_csv(evidence_file("together.csv"), comment="#")
searches = recorded["accuracy"].notna()
together = recorded[recorded["way"].eq("trained together") & ~searches]
table = together.pivot(
    index="problem", columns="trials", values="ratio"
)
display(table.round(1).astype(object).fillna(""))
assert (table[32] > 4).all()
more = table[128].dropna() / table[32] < table[32] / table[8]
assert more.sum() == table[128].notna().sum() == 2
assert 1 / table[128].max() < 0.05  # all but arithmetic is shared

# %% alt="CPU seconds of a trial alone over those of a trial together, against the number of trials, a line for each network" caption="Each network gains from more trials at once, less and less." figure="alone-over-together"
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, row in table.iterrows():
    axes.plot(row.index, row, marker="o", label=name)
axes.axhline(1, color="gray", linewidth=0.8)
axes.set_xscale("log", base=2)
axes.set_xticks(table.columns, table.columns)
axes.set_yscale("log", base=2)
axes.yaxis.set_major_formatter("{x:g}")
axes.set_xlabel("trials together")
axes.set_ylabel("times less CPU a trial")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# The gain is what a step costs besides its arithmetic: nearly all of the
# step in a network of a few thousand weights, less in MNIST's with its
# 118,000. From 32 trials to 128 it grows less than from 8 to 32: each
# model is still built, and trained.
#
# Whole Hyperband searches, of softmax regression on 5,000 of MNIST's
# images: as [often
# written](../hyperband.py#the-mistake-that-breaks-the-schedule),
# extrapolated from nine trials, and together. CPU seconds a trial, and the
# accuracy of the best model on the test images:

# %%
pair = recorded[searches].set_index("way")
display(pair[["trials", "cpu_seconds", "ratio", "accuracy"]].round(3))
assert pair["ratio"].iloc[-1] > 10
assert np.ptp(pair["accuracy"]) < 0.01

# %% [markdown]
# A space that varies layers, units and batch size has few trials of one
# shape, and gains little. That of the table model on [Your
# data](../../your_data/index.md) is such a space, so the composer does not
# offer this tool.
#
# ## What this page did not show
#
# - Recurrent layers and augmentation work, but some of what they draw
#   is drawn trial by trial; how much they gain was not timed.
# - A GPU. A stack should gain more there, since a small network leaves
#   more of it idle.
