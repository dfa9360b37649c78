# %% [markdown] index="Hyperband; brackets; rounds; max_epochs; factor; tuner/epochs; tuner/initial_epoch; got multiple values for keyword argument 'epochs'; successive halving; factor=3; hyperband_iterations; promoted trial; promotion"
# # Hyperband
#
# How to use `Hyperband`: its settings, its schedule, and the mistake that
# breaks it.
#
# Try many configurations briefly: on fifteen problems `Hyperband`, its
# winner then trained in full, was ahead of `RandomSearch` on 14 for the
# price of seven full trials, and on 13, by little, for that of 56.
# [Which tuner?](evidence/many_problems.py) measures it.
#
# Set `max_epochs`; the rest follows. Pass no `epochs` to `search`. The
# [hypermodel](../reference/glossary.md#hypermodel) is the one from
# [Random search](random_search.py). For your own data, [the composer
# writes the script](../your_data/index.md?tuner=Hyperband).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
tuner = kt.Hyperband(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=3,
    seed=1,
    directory="searches",
    project_name="hyperband_opening",
)
tuner.search(x / 16, y, validation_split=0.2, verbose=0)
print("Best:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# A second run finds this search on disk and trains nothing, whatever you
# change. To start over, pass `overwrite=True`. Values whose names start
# with `tuner/` belong to the schedule.
#
# ## How to choose its settings
#
# - `max_epochs`: slightly more than your model needs to converge. Train
#   the defaults once to find out. There is no `max_trials`: to spend less,
#   lower `max_epochs`.
# - `factor`: keep 3. With a larger one, a smaller share goes on from each
#   round. [The planner](../evidence/hyperband_planner.md) counts the trials.
# - `hyperband_iterations`: begin with 1. With 2, the whole schedule runs
#   again on new configurations, for a larger budget.
# - Don't tune `epochs` in `fit`. Pass on its `**kwargs`, which hold the
#   schedule's `epochs` and `initial_epoch`.
# - End `build` with `model.optimizer.build(model.trainable_variables)`.
#   Without this line, a promoted trial loses the optimizer's state, and
#   only a warning says so.
# - [Retrain](how_to/retrain_and_ship.py) the best configuration for
#   `tuner/initial_epoch + best_step + 1` epochs: the first of them were
#   trained by the trials that the best one continues.

# %%
best = tuner.oracle.get_best_trials()[0]
before = best.hyperparameters.get("tuner/initial_epoch")
print(f"Retrain for {before} + {best.best_step} + 1 epochs.")

# %%
import math

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

# %% [markdown]
# ## Brackets and rounds
#
# A *[bracket](../reference/glossary.md#bracket)* trains some
# configurations for few epochs, keeps about one in `factor` of them,
# trains those for `factor` times as long, and so on,
# [round](../reference/glossary.md#round) by round, until `max_epochs`.
# This is [successive
# halving](../reference/glossary.md#successive-halving). The first bracket
# trains many configurations very briefly. The last trains a few in full,
# in case short training misleads.


# %%
def schedule(max_epochs, factor):
    """Return a row per round: its trials and their epochs."""
    key = ["bracket", "round", "trials", "from", "to", "epochs in all"]
    last = max(k for k in range(30) if factor**k <= max_epochs)
    final_size = math.ceil(1 + math.log(max_epochs, factor))
    rows = []
    for bracket in range(last, -1, -1):
        for turn in range(bracket + 1):
            shrink = factor ** (bracket - turn)
            trials = math.ceil(final_size / (bracket + 1) * shrink)
            until = math.ceil(max_epochs / shrink)
            done = turn and math.ceil(max_epochs / (shrink * factor))
            epochs = trials * (until - done)
            rows.append((bracket, turn, trials, done, until, epochs))
    return pd.DataFrame(rows, columns=key)


# %%
MAX_EPOCHS, FACTOR = 4, 2
plan = schedule(MAX_EPOCHS, FACTOR)
labels = {"from": "from epoch", "to": "to epoch"}
display(plan.rename(columns=labels).set_index(["bracket", "round"]))
trials, epochs = plan[["trials", "epochs in all"]].sum()
print(f"{trials} trials, {epochs} epochs")

# %% [markdown]
# A promoted trial starts from the weights of the one it continues, and
# trains only the additional epochs.

# %% alt="One panel for each bracket: steps that show how many trials are still in training at each epoch. The first bracket starts with most trials and drops fastest; the last keeps all of its few trials to the end." caption="Each bracket trades the number of trials for their length, the first one most." figure="schedule"
brackets = plan["bracket"].unique()
size = {"figsize": (7.2, 2.8), "sharey": True}
figure, axes = plt.subplots(1, len(brackets), **size)
for axis, bracket in zip(axes, brackets, strict=True):
    rounds = plan[plan["bracket"] == bracket]
    widths = rounds["to"] - rounds["from"]
    bars = rounds["from"], rounds["trials"], widths
    axis.bar(*bars, align="edge", edgecolor="black", alpha=0.6)
    axis.set_xticks(range(MAX_EPOCHS + 1))
    axis.set(xlabel="epoch", title=f"bracket {bracket}")
axes[0].set_ylabel("trials in training")
plt.show()

# %% [markdown]
# What other settings cost:

# %%
totals = {
    pair: schedule(*pair)[["trials", "epochs in all"]].sum()
    for pair in [(9, 3), (27, 3), (81, 3), (27, 2), (100, 3), (100, 5)]
}
totals = pd.DataFrame(totals).T.rename_axis(["max_epochs", "factor"])
display(totals)

# %% [markdown]
# ## Was the schedule kept?
#
# A subclass records what each trial trains.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images()


# %%
class Recorded(ImageClassifier):
    def __init__(self, features, classes):
        super().__init__(features, classes)
        self.records = []

    def fit(self, hp, model, *args, **kwargs):
        record = dict(hp.values)
        record["steps before"] = int(model.optimizer.iterations)
        history = super().fit(hp, model, *args, **kwargs)
        record["trained"] = len(history.epoch)
        record["curve"] = history.history["val_accuracy"]
        self.records.append(record)
        return history


# %%
def search(hypermodel_class, **settings):
    """Search by Hyperband; return a row per trial."""
    tuner = kt.Hyperband(
        hypermodel_class(images.train[0].shape[1], images.classes),
        objective=kt.Objective("val_accuracy", "max"),
        seed=1,
        directory="searches",
        overwrite=True,  # else a second run resumes, and trains nothing
        **settings,
    )
    validation = images.validation
    tuner.search(*images.train, validation_data=validation, verbose=0)
    return pd.DataFrame(tuner.hypermodel.records)


# %%
def by_round(trials):
    """Return the epochs of a trial, by round."""
    given = trials["tuner/epochs"] - trials["tuner/initial_epoch"]
    trials = trials.assign(scheduled=given)
    rounds = trials.groupby(["tuner/bracket", "tuner/round"])
    table = rounds["trained"].agg(
        trials="size", fewest="min", most="max"
    )
    table.insert(1, "scheduled", rounds["scheduled"].first())
    return table.sort_index(ascending=[False, True])


# %%
trials = search(
    Recorded,
    project_name="hyperband",
    max_epochs=MAX_EPOCHS,
    factor=FACTOR,
)
kept = by_round(trials)
print("Epochs of a trial, by round:")
display(kept)
assert kept["fewest"].tolist() == kept["scheduled"].tolist()
assert kept["most"].tolist() == kept["scheduled"].tolist()

# %% [markdown]
# ## Survivors and dropouts
#
# The first bracket as learning curves:

# %% alt="Validation accuracy by epoch in the first bracket: thin gray lines end after the first round or the second, and one thick line, the survivor, reaches the last epoch." caption="One configuration survives; the gray ones were dropped on the score at their last dot." figure="survivors"
tuned = ["hidden_layers", "units", "activation", "learning_rate"]
tuned += ["batch_size"]
bracket = trials[trials["tuner/bracket"] == brackets[0]]
figure, axis = plt.subplots()
for _, rounds in bracket.groupby(tuned):
    curve = rounds.sort_values("tuner/round")["curve"].sum()
    style = {"color": "gray", "linewidth": 1}
    if len(curve) == MAX_EPOCHS:
        style = {"color": "C0", "linewidth": 2.5}
    axis.plot(range(1, len(curve) + 1), curve, marker="o", **style)
axis.set_xticks(range(1, MAX_EPOCHS + 1))
axis.set(xlabel="epoch", ylabel="validation accuracy")
plt.show()

# %% [markdown]
# A dropped configuration might have won with more epochs. Hyperband takes
# that risk; its last bracket is the insurance.
#
# ## The mistake that breaks the schedule
#
# A `fit` that tunes `epochs` replaces the schedule's number with its own.
# Nothing complains:


# %%
class OwnEpochs(Recorded):
    def fit(self, hp, model, *args, **kwargs):
        kwargs["epochs"] = hp.Choice("epochs", [2, 3])  # don't
        return super().fit(hp, model, *args, **kwargs)


wrong = search(
    OwnEpochs, project_name="hyperband_own_epochs", max_epochs=3
)
print("Epochs of a trial, by round:")
display(by_round(wrong))
planned = schedule(3, 3)["epochs in all"].sum()
cost = wrong["trained"].sum() / planned
print(f"own epochs: {cost:.1f} times the {planned} epochs scheduled")

# %% [markdown]
# A configuration can now win a round by drawing the larger number. A
# promoted trial still starts at `initial_epoch` and trains only from
# there to its own number. Such a search may well score as high, because
# it trains more epochs.
#
# ## When to use which
#
# For the same number of epochs, Hyperband tries more configurations than
# a search with full trials. But each trial has a fixed cost to start,
# which for small models is a large part of [the
# seconds](evidence/which_tuner.py).
#
# Try short random trials first: they bet on early epochs too, and need no
# brackets. Where early scores mislead, train in full. See [RandomSearch or
# Hyperband](../explanation/random_search_or_hyperband.md).

# %% [markdown]
# ## Practice
#
# **1.** How many trials and epochs do `max_epochs=30, factor=3` take? And
# with `hyperband_iterations=2`?

# %% answer="Answer 1"
columns = ["trials", "epochs in all"]
count, epochs = schedule(30, 3)[columns].sum().tolist()
print(f"{count} trials, {epochs} epochs")
print(f"with two iterations {2 * count} and {2 * epochs}")

# %% [markdown]
# **2.** You can pay for 1,000 epochs, and `factor` is 3. What is the
# largest `max_epochs`, and how many trials does it run?

# %% answer="Answer 2"
affordable = 1
while schedule(affordable + 1, 3)["epochs in all"].sum() <= 1000:
    affordable += 1
rows = schedule(affordable, 3)
print(f"max_epochs={affordable}: {rows['trials'].sum()} trials,")
print(f"{rows['epochs in all'].sum()} epochs")

# %% [markdown]
# **3.** Does a promoted trial really keep the state of its optimizer?
# `Recorded` noted `model.optimizer.iterations` before training, as
# `steps before` in `trials`.

# %% answer="Answer 3"
begun = trials[["tuner/initial_epoch", "batch_size", "steps before"]]
display(begun.drop_duplicates().rename_axis("trial"))
print("A promoted trial kept its steps; the others begin at 0.")

# %% [markdown]
# ## What this page did not show
#
# - Which tuner finds better configurations: that takes many seeds.
# - What a failed trial does to a bracket: [it can leave the last round
#   empty](../explanation/random_search_or_hyperband.md).
