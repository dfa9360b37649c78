# %% [markdown] index="GridSearch; all combinations; exhausted; collisions"
# # Grid search
#
# Try every combination of a small space with `GridSearch`: which values
# that means, in which order, and why `RandomSearch` misses some.
#
# Use it when every hyperparameter has a short list of values and you can
# afford all combinations: it is the tuner that is sure to try each one,
# and each one once. List the values yourself, with `Choice` or a `step`,
# or Keras Tuner picks about ten values of each range of floats, or of
# integers on a [log scale](../reference/glossary.md#log-scale), and the
# maximum is not among them; an `Int` without a step becomes every
# integer. Leave `max_trials` out, or the search ends in a corner of the
# grid.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## All of a small space
#
# Three widths and three learning rates: nine networks for small images of
# digits.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


# %%
def build_model(hp):
    """Return a compiled classifier; every value is from a list."""
    units = hp.Choice("units", [16, 64, 256])
    learning_rate = hp.Choice("learning_rate", [0.0003, 0.003, 0.03])
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %%
tuner = kt.GridSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    seed=1,
    directory="searches",
    project_name="grid_search",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=3,
    verbose=0,
)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
names = ["units", "learning_rate"]
assert len(trials[names].drop_duplicates()) == len(trials) == 9
grid = trials.pivot(
    index="units", columns="learning_rate", values="val_accuracy"
)
print("Validation accuracy:")
display(grid.round(4))

# %% [markdown]
# This is what a full grid gives that no other search does: every cell is
# filled, so each hyperparameter can be read with the others held still.
# Here is each width along the learning rate:

# %% alt="Validation accuracy against the learning rate on a log axis, one line for each width." figure="grid"
figure, axis = plt.subplots()
for units, row in grid.iterrows():
    axis.plot(row, "o-", label=f"{units} units")
axis.set_xscale("log")
axis.set_xlabel("learning rate")
axis.set_ylabel("validation accuracy")
axis.legend()
plt.show()

# %% [markdown]
# Each point is one training from one random start. Neighbours that differ
# by a few images may change places with another seed. And the highest
# learning rate beats the lowest at every width: three epochs favour
# steps that are large. A best cell at the edge of a grid calls for a
# wider grid, and more epochs, before it is believed.

# %%
assert (grid[0.03] > grid[0.0003]).all()

# %% [markdown]
#
# The price: few learning rates, each tried several times. Random trials try
# as many learning rates as there are trials, from all of the range, so a
# space with a continuous hyperparameter is better given to
# [random search](random_search.py). And each hyperparameter that is
# added multiplies the grid.
#
# ## The order, and what max_trials cuts off
#
# The first trial has every default. Then the hyperparameter that was
# declared last changes fastest, like the last digit of a counter.

# %%
in_order = trials.sort_index()[names]
display(in_order.head(4))
assert in_order["units"].is_monotonic_increasing
assert in_order["learning_rate"].tolist()[:3] == [0.0003, 0.003, 0.03]

# %% [markdown]
# So with `max_trials` a grid is not thinned out but cut off. Six trials
# here would have seen these widths and no other:

# %%
tried = sorted(set(in_order["units"].head(6)))
print("units tried, of [16, 64, 256]:", tried)
assert set(in_order["units"].head(6)) == {16, 64}

# %% [markdown]
# ## Which values a range becomes
#
# No training is needed to ask. A tuner's `run_trial` may return any
# number as a trial's score; the oracle proposes values all the same. This
# one serves the rest of the page.


# %%
class NoTraining(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return 0.0


def proposed(oracle, tuner_class=NoTraining):
    """Run a search without models; return its trials in order."""
    tuner = tuner_class(
        oracle=oracle,
        directory="searches",
        project_name="grid_search_proposed",
        overwrite=True,
    )
    tuner.search(verbose=0)
    return trials_table(tuner).sort_index()


# %% [markdown]
# Declared here is one hyperparameter of each kind, named after what is
# special about it. Each gets a grid search of its own.

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
print(len(kinds.space), "kinds")

# %%
tried = {}
for kind in kinds.space:
    space = kt.HyperParameters()
    space.merge([kind])
    oracle = kt.oracles.GridSearchOracle(hyperparameters=space, seed=1)
    tried[kind.name] = proposed(oracle)[kind.name].tolist()
for name, values in tried.items():
    shown = [
        f"{value:.3g}" if isinstance(value, float) else str(value)
        for value in values
    ]
    print(f"{name:18}{len(shown):3}:", *shown)

# %% [markdown]
# What to take from it:
#
# - A `Choice` keeps the order of its list, other kinds ascend. The
#   default comes first, also when it is on no step: then it is one value
#   more.
# - A range with a step starts at its minimum and ends at the last step
#   that fits, which need not be the maximum.
# - On a [log scale](../reference/glossary.md#log-scale) the step is a factor, and
#   whole decades come out whole.
# - A `Float` without a step, or an `Int` on a log scale without one,
#   becomes the default, which is the minimum if you give no other, and
#   the middles of ten parts, equal on its scale, in no order. The maximum
#   is never tried.

# %%
assert tried["Choice"] == [3, 1, 2]
assert tried["Choice, default"] == [2, 3, 1]
assert tried["Int"] == [1, 2, 3, 4, 5]
assert len(tried["Int, log"]) == 10 and max(tried["Int, log"]) < 1000
assert tried["Int, step"] == [10, 30, 50, 70, 90]
assert tried["Int, step, default"] == [45, 10, 30, 50, 70, 90]
assert tried["Int, log, step"] == [1, 10, 100]
assert tried["Float, step"] == [0, 0.25, 0.5, 0.75, 1]
assert tried["Float, log, step"] == [0.0001, 0.001, 0.01, 0.1, 1]
for name in ("Float", "Float, log"):
    values = tried[name]
    assert len(values) == 11 and values[0] == min(values)
    assert values != sorted(values) and max(values) < 1
middles = [(part + 0.5) / 10 for part in range(10)]
assert all(
    math.isclose(a, b)
    for a, b in zip(sorted(tried["Float"])[1:], middles, strict=True)
)

# %% [markdown]
# ## Why random search misses some
#
# `RandomSearch` never tries the same values twice either. When it draws
# values that it has tried, it draws again, and it takes the space for
# exhausted after too many such draws in a row, whether or not it is. The
# limit is fixed:

# %%
repeats = kt.oracles.RandomSearchOracle()._max_collisions
print("ends after", repeats, "repeats in a row")


# %% [markdown]
# The networks from above, with one more choice, and a space four times as
# large. The searches may run as many trials as they like; their seeds are
# [far apart](how_to/reproducible_searches.py#seeds-that-are-too-close).

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


counts = []
for more, size in ((False, 18), (True, 72)):
    grid_oracle = kt.oracles.GridSearchOracle(
        hyperparameters=small_space(more), seed=1
    )
    assert len(proposed(grid_oracle)) == size
    for seed in independent_seeds(12):
        oracle = kt.oracles.RandomSearchOracle(
            hyperparameters=small_space(more),
            max_trials=1000,
            seed=seed,
        )
        counts.append((size, len(proposed(oracle))))
counts = pd.DataFrame(counts, columns=["combinations", "tried"])

# %%
runs = counts.groupby("combinations")["tried"]
whole = counts["tried"] == counts["combinations"]
display(
    pd.DataFrame(
        {
            "searches": runs.count(),
            "that tried all": whole.groupby(
                counts["combinations"]
            ).sum(),
            "fewest tried": runs.min(),
            "median": runs.median().astype(int),
        }
    )
)
assert (runs.min() < runs.min().index).all()
assert (runs.max() <= runs.max().index).all()

# %% [markdown]
# The grid search tried all of them both times. A random search that stops
# early says nothing about it, and which combinations are missing is
# chance; the best may be among them. That few are missing is no comfort
# where the point was to have tried all.
#
# Of a space that you can't exhaust anyway, this is no fault.
#
# ## Found late, covered too
#
# A hyperparameter that is first met in `fit`, as a
# [batch size](how_to/batch_size_and_epochs.py) may be, is unknown when the
# search starts. The grid takes it in once a trial has met it, and goes
# back for the values it had no chance to try.


# %%
class MeetsLater(NoTraining):
    def run_trial(self, trial, **kwargs):
        trial.hyperparameters.Choice("batch_size", [16, 64])
        return super().run_trial(trial, **kwargs)


space = kt.HyperParameters()
space.Choice("units", [16, 64, 256])
oracle = kt.oracles.GridSearchOracle(hyperparameters=space, seed=1)
late = proposed(oracle, MeetsLater)[["units", "batch_size"]]
display(late)
assert len(late.drop_duplicates()) == len(late) == 6

# %% [markdown]
# ## One scope, fewer trials
#
# A grid multiplies everything with everything, also where it makes no
# sense: momentum for an optimizer that has none. Declared in a
# [conditional scope](how_to/conditional_spaces.py), it is varied only where
# it exists.

# %%
for scoped in (False, True):
    space = kt.HyperParameters()
    space.Choice("optimizer", ["adam", "sgd"])
    scope = contextlib.nullcontext()
    if scoped:
        scope = space.conditional_scope("optimizer", ["sgd"])
    with scope:
        space.Choice("momentum", [0.0, 0.5, 0.9])
    oracle = kt.oracles.GridSearchOracle(hyperparameters=space, seed=1)
    table = proposed(oracle)
    trained = (table["optimizer"] == "adam").sum()
    print(f"scoped={scoped}: {len(table)} trials, {trained} with Adam")
    assert len(table) == (4 if scoped else 6)

# %% [markdown]
# Without the scope, the same network with Adam would be trained once for
# each momentum that it doesn't use.
#
# ## What this page did not show
#
# - Whether the best cell would be the best again. Train the best few with
#   several seeds before you choose:
#   [random search](random_search.py) shows how.
# - A score on data that the search has not seen. The best of many scores
#   is flattered; see [retrain and ship](how_to/retrain_and_ship.py).
# - `BayesianOptimization`, which may try the same values again and so is
#   no way to cover a small space:
#   [Bayesian optimisation](bayesian_optimization.py).
# - [Several workers](how_to/several_processes.py) on one grid.
