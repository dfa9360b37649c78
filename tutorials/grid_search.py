# %% [markdown] index="GridSearch; all combinations; exhausted; collisions; exhaustive search; every combination; all values"
# # Grid search
#
# Try every combination of a small space with `GridSearch`: which values,
# in which order, and why `RandomSearch` misses some.
#
# - Use it when each hyperparameter has a short list of values and you can
#   afford all combinations: it tries each one once.
# - List the values yourself, with `Choice` or a `step`. From a range of
#   floats, Keras Tuner picks about ten values, never the maximum. An
#   `Int` becomes every integer, or about ten on a [log
#   scale](../reference/glossary.md#log-scale).
# - Leave `max_trials` out; otherwise the search ends in a corner of the
#   grid.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.data.load_images import load_images

# %%
import keras_tuner as kt

x, y = load_images("digits").train
space = kt.HyperParameters()
space.Choice("learning_rate", [0.0001, 0.001, 0.01, 0.1])
space.Fixed("units", 64)
tuner = kt.GridSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    hyperparameters=space,
    seed=1,
    directory="searches",
    project_name="grid_search",
)
tuner.search(x, y, validation_split=0.2, epochs=3, verbose=0)
print("Best of the grid:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# The model-building function adds what `space` doesn't declare, here the
# activation function.

# %%
import contextlib

import pandas as pd
from IPython.display import display

# %%
from snippets.results.trials_table import trials_table

# %% [markdown]
# ## All of a small space
#
# Every cell is filled, which no other tuner promises:

# %%
trials = trials_table(tuner)
grid = trials.set_index(["learning_rate", "activation"])
grid = grid["val_accuracy"].unstack()
assert grid.notna().all(axis=None) and grid.shape == (4, 2)
print("Validation accuracy:")
display(grid.round(4))
assert (grid.loc[0.01] > grid.loc[0.0001]).all()

# %% [markdown]
# After three epochs the smallest learning rate has hardly begun to learn.
# Close scores may change places in another run. If the best cell is at the
# edge, try a wider grid and more epochs.
#
# The price: these eight trials try four learning rates twice, where eight
# random trials try eight. And each further hyperparameter multiplies the
# size of the grid. If one of them is continuous, use [random
# search](random_search.py).
#
# ## The order, and what max_trials cuts off
#
# In the first trial every hyperparameter has its default. From there, the
# one declared last changes fastest.

# %%
in_order = trials.sort_index()[["learning_rate", "activation"]]
display(in_order.head(4))
tried = sorted(set(in_order["learning_rate"].head(4)))
print("learning rates that max_trials=4 would have tried:", tried)

# %% [markdown]
# ## Which values a range becomes
#
# Finding out takes no training.


# %%
class NoTraining(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return 0.0


def proposed(space, oracle=None, tuner_class=NoTraining):
    """Search a space, by default as a grid; return the trials."""
    grid = kt.oracles.GridSearchOracle(hyperparameters=space, seed=1)
    tuner = tuner_class(
        oracle=oracle or grid,
        directory="searches",
        project_name="grid_search_proposed",
        overwrite=True,
    )
    tuner.search(verbose=0)
    return trials_table(tuner).sort_index()


# %% [markdown]
# A grid search for each kind of hyperparameter:

# %%
kinds = kt.HyperParameters()
kinds.Boolean("Boolean")
kinds.Choice("Choice", [3, 1, 2])
kinds.Choice("Choice, default", [3, 1, 2], default=2)
kinds.Int("Int", 1, 5)
kinds.Int("Int, step", 10, 100, step=20)
kinds.Int("Int, step, default", 10, 100, step=20, default=45)
kinds.Int("Int, log", 1, 1000, sampling="log")
kinds.Int("Int, log, step", 1, 100, sampling="log", step=10)
kinds.Float("Float", 0, 1)
kinds.Float("Float, step", 0, 1, step=0.25)
kinds.Float("Float, log", 1e-4, 1, sampling="log")
kinds.Float("Float, log, step", 1e-4, 1, sampling="log", step=10)

# %%
tried = {}
for kind in kinds.space:
    space = kt.HyperParameters()
    space.merge([kind])
    values = proposed(space)[kind.name].tolist()
    tried[kind.name] = values
    shown = [v if isinstance(v, int) else f"{v:.3g}" for v in values]
    print(f"{kind.name:18}{len(shown):3}:", *shown)

# %% [markdown]
# - A `Choice` keeps its order; the values of other kinds ascend. The
#   default comes first; if it is not on a step, it is an additional
#   value.
# - A range with a step ends at the last step that fits, which need not be
#   the maximum.
# - On a log scale the step is a factor.
# - A `Float` without a step, or an `Int` on a log scale without one,
#   becomes its default (the minimum if you give none) and the middles of
#   ten parts that are equal on its scale, in no particular order. The
#   maximum is never tried.

# %%
assert tried["Choice, default"] == [2, 3, 1]
assert tried["Int, step, default"] == [45, 10, 30, 50, 70, 90]
assert tried["Float, log, step"] == [0.0001, 0.001, 0.01, 0.1, 1]
assert len(tried["Int, log"]) == 10 and max(tried["Int, log"]) < 1000
assert tried["Float"] != sorted(tried["Float"])
tenths = [round(10 * value, 9) for value in sorted(tried["Float"])]
assert tenths == [0, *(part + 0.5 for part in range(10))]

# %% [markdown]
# ## Why random search misses some
#
# `RandomSearch` never tries the same values twice either: it draws again.
# After this many repeats in a row it takes the space to be exhausted,
# whether or not it is:

# %%
print("repeats:", kt.oracles.RandomSearchOracle()._max_collisions)


# %% [markdown]
# Spaces of 18 and of 72 combinations, searched without a limit:

# %%
from snippets.searches.independent_seeds import independent_seeds


# %%
def small_space(more):
    """Return a space of 18 combinations, or four times as many."""
    space = kt.HyperParameters()
    space.Choice("units", [16, 64, 256])
    space.Choice("activation", ["relu", "tanh"])
    space.Choice("learning_rate", [0.0003, 0.003, 0.03])
    if more:
        space.Choice("batch_size", [16, 32, 64, 128])
    return space


# %%
counts = {}
for more, size in ((False, 18), (True, 72)):
    space = small_space(more)
    assert len(proposed(space)) == size
    options = {"hyperparameters": space, "max_trials": 1000}
    counts[size] = []
    for seed in independent_seeds(8):
        oracle = kt.oracles.RandomSearchOracle(seed=seed, **options)
        counts[size].append(len(proposed(space, oracle)))
counts = pd.DataFrame(counts)
table = counts.agg(["min", "median", "max"]).astype(int).T
table["searches that tried all"] = (counts == counts.columns).sum()
display(table.rename_axis("combinations"))
assert (counts.min() < counts.columns).all()

# %% [markdown]
# A random search that stops early doesn't say so, and may have missed
# the best combination.
#
# ## Found late, covered too
#
# A hyperparameter first met in `fit`, as a [batch
# size](how_to/batch_size_and_epochs.py) may be, is unknown when the search
# starts. Once a trial has met it, the grid goes back for the values it
# missed.


# %%
class MeetsLater(NoTraining):
    def run_trial(self, trial, **kwargs):
        trial.hyperparameters.Choice("batch_size", [16, 64])
        return super().run_trial(trial, **kwargs)


space = kt.HyperParameters()
space.Choice("units", [16, 64, 256])
late = proposed(space, tuner_class=MeetsLater)
display(late[["units", "batch_size"]])
assert len(late) == 6

# %% [markdown]
# ## One scope, fewer trials
#
# A grid tries every momentum even with an optimizer that has none. In a
# [conditional scope](how_to/conditional_spaces.py), momentum varies only
# where it exists.

# %%
for scoped in (False, True):
    space = kt.HyperParameters()
    space.Choice("optimizer", ["adam", "sgd"])
    scope = space.conditional_scope("optimizer", ["sgd"])
    with scope if scoped else contextlib.nullcontext():
        space.Choice("momentum", [0.0, 0.5, 0.9])
    table = proposed(space)
    trained = (table["optimizer"] == "adam").sum()
    print(f"scoped={scoped}: {len(table)} trials, {trained} with Adam")

# %% [markdown]
# ## Practice
#
# **1.** An `Int` from 1 to 3, a `Boolean` and a `Float` from 0 to 1
# without a step: how many trials does their grid take?

# %% answer="Answer 1"
space = kt.HyperParameters()
space.Int("layers", 1, 3)
space.Boolean("batch_normalization")
space.Float("dropout", 0, 1)
count = len(proposed(space))
print(f"{count} trials: 3 × 2 × 11, the default and ten middles")
assert count == 3 * 2 * 11

# %% [markdown]
# **2.** `Int("units", 10, 100, step=20)` never tries 100. Which step does?

# %% answer="Answer 2"
for step in (20, 30):
    space = kt.HyperParameters()
    space.Int("units", 10, 100, step=step)
    units = proposed(space)["units"].tolist()
    print(f"step={step} tries {units}")

# %% [markdown]
# **3.** There is time for two trials, and the learning rate matters most.
# Declare two learning rates and two activations so that `max_trials=2`
# tries both rates.

# %% answer="Answer 3"
space = kt.HyperParameters()
space.Fixed("units", 64)
space.Choice("activation", ["relu", "tanh"])
space.Choice("learning_rate", [0.001, 0.01])
short = kt.GridSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    hyperparameters=space,
    max_trials=2,
    directory="searches",
    project_name="grid_search_practice",
)
short.search(x, y, validation_split=0.2, verbose=0)
rates = set(trials_table(short)["learning_rate"])
print("Declared last, it varies fastest; tried:", sorted(rates))

# %% [markdown]
# ## What this page did not show
#
# - Whether the best cell would win again. [Plan your
#   tuning](plan_your_tuning.py) trains the best few with several seeds.
# - A score on unseen data. The best of many scores is too good; [Retrain
#   and ship](how_to/retrain_and_ship.py) ends with a test set.
# - [Several workers](how_to/several_processes.py) on one grid, and an
#   interrupted grid, which [does not resume](how_to/resume.py).
