# %% [markdown] index="batch_size; epochs; best_step"
# # Batch size and epochs
#
# Draw the batch size in `fit`, declare it in `build` too, and don't tune
# epochs at all: the code, and the proof of each.
#
# Override `HyperModel.fit`, draw `hp.Choice("batch_size", ...)` there, and
# pass `**kwargs` on. Declare it in `build` as well, or the first trial
# always takes the default.
#
# Leave epochs alone. A trial is scored by its best epoch, so more epochs
# can't lower its score, and a search over epochs tends to ask for the
# most. Give `search` enough of them that the best isn't the last, and
# read it off the trial: `best_step + 1`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %%
from snippets.models.build_model import build_model

# %% [markdown]
# ## The batch size
#
# `fit` gets what was given to `search`, and the tuner's
# [callbacks](../../reference/glossary.md#callback), in `args` and `kwargs`. It adds
# the batch size and hands on the rest.


# %%
class BatchSizeInFit(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        batch_size = hp.Choice("batch_size", [16, 32, 64, 128])
        return model.fit(*args, batch_size=batch_size, **kwargs)


# %% [markdown]
# This works, but the tuner can't vary what it doesn't know. It learns of
# `batch_size` when the first `fit` runs, so the first trial has the
# default. One more line in `build` makes it known before.


# %%
class BatchSizeInBoth(BatchSizeInFit):
    def build(self, hp):
        hp.Choice("batch_size", [16, 32, 64, 128])
        return super().build(hp)


# %% [markdown]
# The batch size of the first trial, over searches with other seeds
# ([far apart](reproducible_searches.py#seeds-that-are-too-close), or
# they draw the same values):

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
SEEDS = independent_seeds(3)
firsts = {}
for hypermodel in (BatchSizeInFit(), BatchSizeInBoth()):
    name = type(hypermodel).__name__
    for seed in SEEDS:
        tuner = kt.RandomSearch(
            hypermodel,
            objective=kt.Objective("val_accuracy", "max"),
            max_trials=1,
            seed=seed,
            directory="searches",
            project_name=f"batch_size_{name}_{seed}",
            overwrite=True,
        )
        tuner.search(
            *images.train,
            validation_data=images.validation,
            epochs=1,
            verbose=0,
        )
        (hp,) = tuner.get_best_hyperparameters()
        firsts.setdefault(name, []).append(hp.get("batch_size"))
display(pd.DataFrame(firsts, index=SEEDS).rename_axis("seed"))
assert set(firsts["BatchSizeInFit"]) == {16}
assert len(set(firsts["BatchSizeInBoth"])) > 1

# %% [markdown]
# ## Together with the learning rate
#
# A larger batch means fewer updates an epoch, each from more images. Does
# it need another learning rate? [Recorded
# runs](../../evidence/recorded_curves.md) tell: 36 networks on two
# problems, each trained three times with every pair of batch size and
# learning rate, for 27 epochs.

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %% [markdown]
# How many of the networks do best with which learning rate, for each
# batch size. The rate 0.0001 was tried too, and wins nowhere:

# %%
problems = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
pair = ["batch_size", "learning_rate"]
grids, best_rates = {}, {}
for name, curves in problems.items():
    score = curves.validation.max(axis=2).mean(axis=1)
    table = curves.configurations.assign(score=score)
    grids[name] = table.groupby(pair)["score"].mean().unstack()
    rest = [key for key in curves.space if key != "learning_rate"]
    best = table.loc[table.groupby(rest)["score"].idxmax()]
    best_rates[name] = best.groupby(pair).size().unstack()
best_rates = pd.concat(best_rates).fillna(0).astype(int)
display(best_rates)
for curves in problems.values():
    assert 0.0001 in set(curves.configurations["learning_rate"])
assert 0.0001 not in best_rates.columns

# %% alt="A grid of squares, one for each pair of batch size and learning rate on MNIST, with its mean validation accuracy written in. The best rate of each batch size is shaded: it is larger for the largest batch." figure="batch-size-and-learning-rate"
grid = grids["mnist"]
figure, axis = plt.subplots(figsize=(6, 3.4))
axis.imshow(grid.eq(grid.max(axis=1), axis=0), cmap="Greys", vmax=6)
for row, batch_size in enumerate(grid.index):
    for column, score in enumerate(grid.loc[batch_size]):
        axis.text(column, row, f"{score:.3f}", ha="center", va="center")
axis.set_xticks(range(len(grid.columns)), grid.columns)
axis.set_yticks(range(len(grid.index)), grid.index)
axis.set_xlabel("learning rate")
axis.set_ylabel("batch size")
plt.show()

# %%
powers = np.log10(best_rates.columns.to_numpy())
typical = best_rates.mul(powers).sum(axis=1).unstack()
assert (typical.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
assert best_rates.loc[("mnist", 16)].idxmax() == 0.001
assert best_rates.loc[("mnist", 256)].idxmax() == 0.01
assert grid[0.001].idxmax() == 16 and grid[0.01].idxmax() == 256

# %% [markdown]
# Larger batches want larger learning rates, on MNIST much more than on
# digits. So a search that tunes the rate for one batch size has not tuned
# it for another; tune the two together.
#
# The grid holds means of the 36 networks on MNIST. At a rate of 0.001 the
# smallest batch is the best, at 0.01 the largest: batch sizes compared at
# one rate are ranked by that rate.
#
# ## Why not epochs
#
# The same trial, the same seeds, given more and more epochs:

# %%
rows = []
for epochs in (2, 6, 12):
    keras.utils.set_random_seed(1)
    tuner = kt.RandomSearch(
        BatchSizeInBoth(),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        seed=1,
        directory="searches",
        project_name=f"batch_size_epochs_{epochs}",
        overwrite=True,
    )
    tuner.search(
        *images.train,
        validation_data=images.validation,
        epochs=epochs,
        verbose=0,
    )
    (trial,) = tuner.oracle.get_best_trials()
    rows.append((epochs, trial.score, trial.best_step + 1))
table = pd.DataFrame(rows, columns=["epochs", "score", "best epoch"])
display(table.set_index("epochs").round(4))
assert table["score"].is_monotonic_increasing

# %% [markdown]
# The score never falls, whatever the later epochs do, because the tuner
# keeps the best one and its weights. So the number of epochs is not a
# choice that a score can make. It is a budget: set it, and take the best
# epoch for [the final training](retrain_and_ship.py). If the best is the
# last, the budget was too small. An [EarlyStopping
# callback](callbacks.py) gives back what a trial doesn't need.
#
# Under Hyperband the tuner hands `fit` its own `epochs`. A `fit` that
# replaces them [breaks its schedule](../hyperband.py), and `best_step`
# counts from [where the trial
# began](retrain_and_ship.py#under-hyperband).

# %% [markdown]
# ## What this page did not show
#
# - What a batch size costs in seconds and memory, which depends on the
#   machine.
# - Batch sizes for data that comes in batches already: see
#   [data pipelines](data_pipelines.py).
# - Learning rate schedules, which may move the best pair, and rates
#   between those recorded, a factor of ten apart.
