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
# Leave epochs alone. A trial is scored by its best epoch, so a longer
# trial can't score lower, and a search over epochs asks for the most. Give
# `search` enough of them and read the best number off the trial:
# `best_step + 1`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import gc

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
# Keras Tuner collects garbage in every trial; what is frozen here is
# not walked again each time.
gc.collect()
gc.freeze()

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
SEEDS = (1000, 2000, 3000)
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
# A larger batch means fewer updates an epoch, each from more images. What
# that does depends on the learning rate, so the two are tuned together.
# Every pair of a small grid, trained for three epochs:

# %%
learning_rates = [0.001, 0.003, 0.03]
grid = pd.DataFrame(index=[16, 128], columns=learning_rates)
for batch_size in grid.index:
    for learning_rate in grid.columns:
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        hp = kt.HyperParameters()
        hp.Fixed("learning_rate", learning_rate)
        history = build_model(hp).fit(
            *images.train,
            batch_size=batch_size,
            validation_data=images.validation,
            epochs=3,
            verbose=0,
        )
        best = max(history.history["val_accuracy"])
        grid.loc[batch_size, learning_rate] = best
grid = grid.astype(float)

# %% alt="A grid of squares, one for each pair of batch size and learning rate, with its validation accuracy written in: which learning rates do well depends on the batch size." figure="batch-size-and-learning-rate"
figure, axis = plt.subplots(figsize=(6, 3.4))
axis.imshow(grid > grid.max().max() - 0.01, cmap="Greys", vmax=6)
for row, batch_size in enumerate(grid.index):
    for column, score in enumerate(grid.loc[batch_size]):
        axis.text(column, row, f"{score:.3f}", ha="center", va="center")
axis.set_xticks(range(len(grid.columns)), grid.columns)
axis.set_yticks(range(len(grid.index)), grid.index)
axis.set_xlabel("learning rate")
axis.set_ylabel("batch size")
plt.show()

# %%
updates = {
    size: -(-len(images.train[1]) // size) for size in grid.index
}
display(
    pd.DataFrame(
        {
            "updates an epoch": updates,
            "best learning rate here": grid.idxmax(axis=1),
        }
    ).rename_axis("batch size")
)

# %% [markdown]
# Shaded pairs are within one hundredth of the best. A search that tunes
# the learning rate for one batch size has not tuned it for another. How
# the grid looks after many epochs, three epochs can't say.
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
assert (table["best epoch"] <= table["epochs"]).all()

# %% [markdown]
# The score never falls, whatever the later epochs do, because the tuner
# keeps the best one and its weights. So the number of epochs is not a
# choice that a score can make. It is a budget: set it, and take the best
# epoch for [the final training](retrain_and_ship.py). An
# [EarlyStopping callback](callbacks.py) gives back what a trial
# doesn't need.
#
# Under Hyperband the tuner hands `fit` its own `epochs`. A `fit` that
# replaces them [destroys the search](../hyperband.py).

# %% [markdown]
# ## What this page did not show
#
# - What a batch size costs in seconds and memory, which depends on the
#   machine.
# - Batch sizes for data that comes in batches already: see
#   [data pipelines](data_pipelines.py).
# - Learning rate schedules, which move the best pair.
