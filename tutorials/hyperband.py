# %% [markdown] index="Hyperband; brackets; rounds; max_epochs; factor; tuner/epochs; tuner/initial_epoch; got multiple values for keyword argument 'epochs'"
# # Hyperband
#
# Train many configurations briefly and only the promising ones longer:
# the schedule, the proof that it was kept, and the mistake that breaks
# it.
#
# Try many configurations briefly: on fifteen problems `Hyperband` was
# ahead of `RandomSearch` on 14 for the price of seven full trials, and
# on 13, by little, for eight times as much. [Which
# tuner?](evidence/many_problems.py) measures it.
#
# It takes less than a minute, with the
# [hypermodel](../reference/glossary.md#hypermodel) of [random
# search](random_search.py), on scikit-learn's small digits. For data of
# your own, [the composer writes the whole
# script](../your_data/index.md?tuner=Hyperband).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import math
import time

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Brackets and rounds
#
# Hyperband runs *[brackets](../reference/glossary.md#bracket)*. A bracket starts
# a number of trials with few epochs each, keeps about one in `factor`
# of them, trains those `factor` times as long, and so on,
# [round](../reference/glossary.md#round) by round, until `max_epochs`:
# [successive halving](../reference/glossary.md#successive-halving). The first
# bracket starts many trials very briefly; the last one starts a few and
# trains them in full, in case short training misleads.
#
# Two numbers, `max_epochs` and `factor`, fix all of it. This is the
# schedule that Keras Tuner follows:

# %%
MAX_EPOCHS, FACTOR = 4, 2


def schedule(max_epochs, factor):
    """Return a row per round: its trials and their epochs."""
    last = 0
    while max_epochs / factor ** (last + 1) >= 1:
        last += 1
    final_size = math.ceil(1 + math.log(max_epochs, factor))
    rows = []
    for bracket in range(last, -1, -1):
        before = 0
        for turn in range(bracket + 1):
            shrink = factor ** (bracket - turn)
            trials = math.ceil(final_size / (bracket + 1) * shrink)
            epochs = math.ceil(max_epochs / shrink)
            rows.append((bracket, turn, trials, before, epochs))
            before = epochs
    table = pd.DataFrame(
        rows, columns=["bracket", "round", "trials", "from", "to"]
    )
    table["epochs in all"] = table["trials"] * (
        table["to"] - table["from"]
    )
    return table


# %%
plan = schedule(MAX_EPOCHS, FACTOR)
labels = {"from": "from epoch", "to": "to epoch"}
display(plan.rename(columns=labels).set_index(["bracket", "round"]))
epochs_in_all = plan["epochs in all"].sum()
print(f"{plan['trials'].sum()} trials, {epochs_in_all} epochs")

# %% [markdown]
# A promoted trial is a new trial that starts from the weights of the one
# it continues, so a round trains only the epochs from its predecessor's
# to its own.

# %% alt="One panel for each bracket: steps that show how many trials are still in training at each epoch. The first bracket starts with most trials and drops fastest; the last keeps all of its few trials to the end." figure="schedule"
brackets = plan["bracket"].unique()
figure, axes = plt.subplots(
    1, len(brackets), sharey=True, figsize=(7.2, 2.8)
)
for axis, bracket in zip(axes, brackets, strict=True):
    rounds = plan[plan["bracket"] == bracket]
    axis.bar(
        rounds["from"],
        rounds["trials"],
        width=rounds["to"] - rounds["from"],
        align="edge",
        edgecolor="black",
        alpha=0.6,
    )
    axis.set_xlabel("epoch")
    axis.set_title(f"bracket {bracket}")
axes[0].set_ylabel("trials in training")
plt.show()

# %% [markdown]
# There is no `max_trials` to set: to spend less, lower `max_epochs`.
# What a few choices come to; [the planner](../evidence/hyperband_planner.md)
# has the others:

# %%
plans = [(4, 2), (9, 3), (27, 3), (81, 3), (27, 2), (100, 3)]
totals = [
    (*each, *schedule(*each)[["trials", "epochs in all"]].sum())
    for each in plans
]
display(
    pd.DataFrame(
        totals, columns=["max_epochs", "factor", "trials", "epochs"]
    ).set_index(["max_epochs", "factor"])
)

# %% [markdown]
# ## The search
#
# The test images stay closed here: choosing a tuner is part of tuning.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images()
features = images.train[0].shape[1]

# %% [markdown]
# The hypermodel's `fit` passes on all that the tuner gives it. Under
# Hyperband that includes `epochs` and `initial_epoch`, which are the
# schedule itself.

# %%
from snippets.models.image_classifier import ImageClassifier

# %% [markdown]
# To see what is really trained, a subclass keeps each trial's history
# beside its values. It changes nothing else.


# %%
class Recorded(ImageClassifier):
    def __init__(self, features, classes):
        super().__init__(features, classes)
        self.records = []

    def fit(self, hp, model, *args, **kwargs):
        history = super().fit(hp, model, *args, **kwargs)
        record = dict(hp.values)
        record["trained"] = len(history.epoch)
        record["curve"] = history.history["val_accuracy"]
        self.records.append(record)
        return history


# %%
def search(tuner, **settings):
    """Run a search; return a row per trial and the seconds it took."""
    begun = time.perf_counter()
    tuner.search(
        *images.train,
        validation_data=images.validation,
        verbose=0,
        **settings,
    )
    seconds = time.perf_counter() - begun
    trials = pd.DataFrame(tuner.hypermodel.records)
    trials["score"] = [max(curve) for curve in trials["curve"]]
    return trials, seconds


# %%
hyperband = kt.Hyperband(
    Recorded(features, images.classes),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=MAX_EPOCHS,
    factor=FACTOR,
    seed=1,
    directory="searches",
    project_name="hyperband",
    overwrite=True,  # else a second run resumes, and trains nothing
)
# The first training of a process pays for what all share: not timed.
warm_up = ImageClassifier(features, images.classes)
values = kt.HyperParameters()
warm_up.fit(values, warm_up.build(values), *images.train, verbose=0)
trials, seconds = search(hyperband)
print(f"{len(trials)} trials, {trials['trained'].sum()} epochs")

# %% [markdown]
# ## Was the schedule kept?
#
# Keras Tuner writes the schedule into each trial's values: `tuner/epochs`
# and `tuner/initial_epoch`. Their difference is what the trial was given;
# `trained` is what its history holds.

# %%
trials["scheduled"] = (
    trials["tuner/epochs"] - trials["tuner/initial_epoch"]
)
assert (trials["trained"] == trials["scheduled"]).all()
kept = trials.groupby(["tuner/bracket", "tuner/round"]).agg(
    trials=("trained", "size"),
    scheduled=("scheduled", "first"),
    fewest=("trained", "min"),
    most=("trained", "max"),
)
expected = plan.set_index(["bracket", "round"])["trials"]
assert kept["trials"].to_dict() == expected.to_dict()
print("Epochs of a trial, by round:")
display(kept.sort_index(level=0, ascending=False, sort_remaining=False))

# %% [markdown]
# Every trial trained exactly the epochs scheduled for it, and every round
# had the trials that the rule gives. Both are asserted above, so this
# page can't be built when they fail to hold.
#
# ## Survivors and dropouts
#
# The first bracket as learning curves. A line that goes on was promoted.

# %% alt="Validation accuracy by epoch in the first bracket: thin gray lines end after the first round or the second, and one thick line, the survivor, reaches the last epoch." figure="survivors"
tuned = ["hidden_layers", "units", "activation", "learning_rate"]
tuned += ["batch_size"]
bracket = trials[trials["tuner/bracket"] == brackets[0]]
figure, axis = plt.subplots()
for _, rounds in bracket.groupby(tuned):
    curve = rounds.sort_values("tuner/round")["curve"].sum()
    survived = len(curve) == MAX_EPOCHS
    axis.plot(
        range(1, len(curve) + 1),
        curve,
        marker="o",
        color="C0" if survived else "gray",
        linewidth=2.5 if survived else 1,
    )
axis.set_xlabel("epoch")
axis.set_ylabel("validation accuracy")
plt.show()

# %% [markdown]
# The picture shows who was dropped, and when. It can't show whether a
# dropped configuration would have won with more epochs. That is the risk
# Hyperband takes, and its last bracket the insurance.

# %% [markdown]
# ## The best

# %%
columns = [*tuned, "tuner/epochs", "tuner/bracket", "score"]
best = trials.sort_values("score", ascending=False)
display(best[columns].head().round(4))

# %% [markdown]
# As under any tuner, the first line is the luckiest as well as the best:
# it was picked for its validation score. [Retrain and
# ship](how_to/retrain_and_ship.py) goes on to a final model: a promoted
# trial has the epochs of the trials it continues in it, so it is
# retrained for `tuner/initial_epoch + best_step + 1` epochs.

# %% [markdown]
# ## The mistake that breaks the schedule
#
# A `fit` that tunes `epochs` itself puts its own number in the place of
# the scheduled one. Nothing complains. A smaller schedule shows it:


# %%
class OwnEpochs(Recorded):
    def fit(self, hp, model, *args, **kwargs):
        kwargs["epochs"] = hp.Choice("epochs", [2, 3])  # don't
        return super().fit(hp, model, *args, **kwargs)


mistaken = kt.Hyperband(
    OwnEpochs(features, images.classes),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=3,
    factor=3,
    seed=1,
    directory="searches",
    project_name="hyperband_own_epochs",
    overwrite=True,
)
wrong, _ = search(mistaken)
wrong["scheduled"] = (
    wrong["tuner/epochs"] - wrong["tuner/initial_epoch"]
)

# %%
rows = {
    name: {
        "trials": len(table),
        "epochs scheduled": table["scheduled"].sum(),
        "epochs trained": table["trained"].sum(),
    }
    for name, table in (
        ("tuner's epochs", trials),
        ("own epochs", wrong),
    )
}
display(pd.DataFrame(rows).T)
cost = wrong["trained"].sum() / wrong["scheduled"].sum()
print(f"own epochs: {cost:.1f} times the epochs scheduled")
assert cost > 1

# %% [markdown]
# Round by round, the schedule is gone: configurations are compared that
# were trained for different numbers of epochs, so one can win its round
# by having drawn the larger number. A promoted trial still starts at
# `initial_epoch`, and trains only what its own number leaves.

# %%
print("Epochs of a trial, by round:")
display(
    wrong.groupby(["tuner/bracket", "tuner/round"])
    .agg(
        scheduled=("scheduled", "first"),
        fewest=("trained", "min"),
        most=("trained", "max"),
    )
    .sort_index(level=0, ascending=False, sort_remaining=False)
)

# %% [markdown]
# One mistaken search shows the cost in epochs, which follows from the
# numbers drawn. It doesn't show that such a search finds less: with more
# training, it may well score as high.

# %% [markdown]
# ## RandomSearch for the same epochs
#
# As many full-length trials as Hyperband's epochs pay for.

# %%
budget = int(trials["trained"].sum())
tuner = kt.RandomSearch(
    Recorded(features, images.classes),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=budget // MAX_EPOCHS,
    seed=1,
    directory="searches",
    project_name="hyperband_random_search",
    overwrite=True,
)
results = {
    "Hyperband": (trials, seconds),
    "RandomSearch": search(tuner, epochs=MAX_EPOCHS),
}

# %% alt="Best validation accuracy so far against epochs spent, a step line for Hyperband and a dashed one for RandomSearch, both ending at about the same number of epochs." figure="same-epochs"
figure, axis = plt.subplots()
for style, (name, (table, _)) in zip(
    ("-", "--"), results.items(), strict=True
):
    axis.step(
        table["trained"].cumsum(),
        table["score"].cummax(),
        style,
        where="post",
        label=name,
    )
axis.set_xlabel("epochs spent")
axis.set_ylabel("best validation accuracy so far")
axis.legend()
plt.show()

# %%
rows = {
    name: {
        "trials": len(table),
        "configurations": len(table[tuned].drop_duplicates()),
        "epochs": table["trained"].sum(),
        "seconds": round(taken),
        "best val_accuracy": round(table["score"].max(), 4),
    }
    for name, (table, taken) in results.items()
}
display(pd.DataFrame(rows).T.convert_dtypes())

# %% [markdown]
# ## When to use which
#
# For the same epochs, Hyperband tries more configurations than trials of
# full length do, most of them briefly, and starts more trials, each of
# which has a fixed cost before its first epoch. With models as small as
# these that cost is a large part of the seconds. One search of each ranks
# nothing; [a hundred of each](evidence/which_tuner.py), and of
# `RandomSearch` with shorter trials, say what is at the top of this page.
# Short random trials are the rival to try first: they too bet that early
# epochs tell, and need no brackets. Where early scores mislead, train in
# full. [RandomSearch or
# Hyperband](../explanation/random_search_or_hyperband.md) has the whole
# comparison.
#
# ## What this page did not show
#
# - Which of the two finds better configurations: that takes many seeds,
#   and here there is one.
# - Larger models and longer training, where the balance of cost between
#   a trial and an epoch is different.
# - What a failed trial does to a bracket.
