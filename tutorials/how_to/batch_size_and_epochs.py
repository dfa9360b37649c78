# %% [markdown] index="batch_size; epochs; best_step; number of epochs; tune the epochs"
# # Batch size and epochs
#
# Tune the batch size in `HyperModel.fit`, and don't tune epochs at all.
#
# - **Batch size:** declare it in `build`, read it in `fit`, pass `**kwargs`
#   on. Declared in `fit` alone, it has its default in the first trial.
# - **Epochs:** a trial is scored by its best epoch, so more epochs can't
#   lower its score, and a search over epochs tends to ask for the most.
#   Give `search` enough that the best isn't the last, and read the best off
#   the trial: `best_step + 1`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits


class Batched(kt.HyperModel):
    def build(self, hp):
        hp.Choice("batch_size", [16, 32, 64, 128])
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        size = hp.get("batch_size")
        return model.fit(*args, batch_size=size, **kwargs)


x, y = load_digits(return_X_y=True)
goal = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "batch_size"}
tuner = kt.RandomSearch(Batched(), goal, 2, seed=1, **folder)
tuner.search(x / 16, y, validation_split=0.2, epochs=3, verbose=0)
tuner.results_summary()

# %%
import keras
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The batch size
#
# `args` and `kwargs` hold what was given to `search`, and the tuner's
# [callbacks](../../reference/glossary.md#callback).
#
# Declared in `fit`, the batch size is unknown to the tuner until the first
# `fit` runs:


# %%
class DrawnInFit(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        size = hp.Choice("batch_size", [16, 32, 64, 128])
        return model.fit(*args, batch_size=size, **kwargs)


# %% [markdown]
# The batch size of the first trial, declared in `fit` or in `build`, for
# seeds [far apart](reproducible_searches.py#seeds-that-are-too-close):

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
few = [part[:500] for part in images.train]


def first_trial(hypermodel, seed, epochs=1):
    tuner = kt.RandomSearch(
        hypermodel,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        seed=seed,
        directory="searches",
        project_name="batch_size_first",
        overwrite=True,
    )
    given = {"validation_data": images.validation, "epochs": epochs}
    tuner.search(*few, verbose=0, **given)
    return tuner.oracle.get_best_trials()[0]


# %%
SEEDS = independent_seeds(2)
firsts = {}
for hypermodel in (DrawnInFit(), Batched()):
    trials = [first_trial(hypermodel, seed) for seed in SEEDS]
    spaces = [trial.hyperparameters for trial in trials]
    sizes = [space.get("batch_size") for space in spaces]
    firsts[type(hypermodel).__name__] = sizes
display(pd.DataFrame(firsts, SEEDS).rename_axis("seed"))
assert set(firsts["DrawnInFit"]) == {16}
assert len(set(firsts["Batched"])) > 1

# %% [markdown]
# ## Together with the learning rate
#
# In [recorded runs](../../evidence/recorded_curves.md), 36 networks on
# two problems were trained three times with every pair of batch size and
# learning rate, for 27 epochs.

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %% [markdown]
# How many networks do best with which learning rate? 0.0001 was tried too,
# and wins nowhere:

# %%
pair = ["batch_size", "learning_rate"]
grids, best_rates = {}, {}
for name in ("digits", "mnist"):
    curves = load_curves(evidence_file(f"curves_{name}.csv.xz"))
    score = curves.validation.max(axis=2).mean(axis=1)
    table = curves.configurations.assign(score=score)
    grids[name] = table.groupby(pair)["score"].mean().unstack()
    rest = [key for key in curves.space if key != "learning_rate"]
    best = table.loc[table.groupby(rest)["score"].idxmax()]
    best_rates[name] = best.groupby(pair).size().unstack()
best_rates = pd.concat(best_rates, names=["problem"])
best_rates = best_rates.fillna(0).astype(int)
display(best_rates)
assert 0.0001 not in best_rates.columns

# %% [markdown]
# The mean validation accuracy of the 36 networks on MNIST:

# %%
grid = grids["mnist"]
display(grid.round(3))

# %%
powers = np.log10(best_rates.columns.to_numpy())
typical = best_rates.mul(powers).sum(axis=1).unstack()
assert (typical.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
assert grid[0.001].idxmax() == 16 and grid[0.01].idxmax() == 256

# %% [markdown]
# Larger batches do best with larger learning rates, on MNIST much more than
# on digits. Tune the two together.
#
# At a rate of 0.001 the smallest batch is the best on MNIST, at 0.01 the
# largest: batch sizes compared at one rate are ranked by that rate.
#
# ## Why not epochs
#
# The same trial, the same seeds, given more epochs:

# %%
rows = {}
for epochs in (2, 8):
    keras.utils.set_random_seed(1)
    trial = first_trial(Batched(), 1, epochs)
    rows[epochs] = trial.score, trial.best_step + 1
table = pd.DataFrame(rows, ["score", "best epoch"], dtype=object).T
display(table.rename_axis("epochs"))
assert table["score"].is_monotonic_increasing

# %% [markdown]
# The score never falls, so it can't choose the number of epochs. That
# number is a budget: set it, and take the best epoch for [the final
# training](retrain_and_ship.py). [Early stopping](callbacks.py) gives back
# what a trial doesn't need.
#
# If you must tune epochs, under `RandomSearch` alone, declare them in
# `build` and replace them in `fit`: `kwargs["epochs"] = hp.get("epochs")`.
# Under Hyperband this [breaks the
# schedule](../hyperband.py#the-mistake-that-breaks-the-schedule), and
# `best_step` counts from [where the trial
# began](retrain_and_ship.py#under-hyperband).
#
# ## What this page did not show
#
# - What a batch size costs in seconds and memory, which depends on the
#   machine.
# - Batch sizes for data that comes in batches already: [data
#   pipelines](data_pipelines.py).
# - Learning rate schedules, which may move the best pair, and rates between
#   those recorded, a factor of ten apart.
