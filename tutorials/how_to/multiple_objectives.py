# %% [markdown] index="multiple objectives; MultiObjective; Pareto front; model size"
# # Several objectives
#
# What Keras Tuner makes of a list of objectives, and what to do instead:
# one number of your own, or a Pareto front read off the trials.
#
# A list is one objective: the sum of what is to be small minus the sum of
# what is to be large. There are no weights, and no Pareto front. Whatever
# varies by the larger numbers decides.
#
# If you can say what one thing is worth in units of the other, compute
# that in `HyperModel.fit`, return it, and search for it. If you can't,
# let the search report both, and choose from the front afterwards.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
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
# ## A list is a sum

# %%
tuner = kt.RandomSearch(
    build_model,
    objective=[
        kt.Objective("val_accuracy", "max"),
        kt.Objective("val_loss", "min"),
    ],
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="multiple_objectives_list",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    verbose=0,
)
objective = tuner.oracle.objective
print("objective:", objective.name, objective.direction)

# %%
rows = {}
for trial in tuner.oracle.trials.values():
    assert trial.status == "COMPLETED"
    rows[int(trial.trial_id)] = {
        name: trial.metrics.get_last_value(name)
        for name in ("val_loss", "val_accuracy")
    } | {"score": trial.score}
table = pd.DataFrame.from_dict(rows, orient="index")
table["difference"] = table["val_loss"] - table["val_accuracy"]
display(table.rename_axis("trial").sort_values("score").round(4))
assert (table["score"] - table["difference"]).abs().max() < 1e-6

# %% [markdown]
# The score is the difference, to be minimised, and both numbers are those
# of the epoch at which it was smallest. Here the sum does little harm,
# since loss and accuracy go together. It still has a meaning that nobody
# chose: a hundredth of accuracy is worth a hundredth of loss.
#
# ## One number of your own
#
# Accuracy against size. Say that a model ten times as large has to be
# three hundredths more accurate to be worth it: then the number to
# maximise is the accuracy minus 0.03 times the logarithm of the number
# of parameters.


# %%
class WorthItsSize(kt.HyperModel):
    def build(self, hp):
        # The first definition of a name counts: wider than the units
        # of the snippet, narrower than its learning rates.
        hp.Int("units", 2, 256, sampling="log", default=64)
        hp.Float("learning_rate", 3e-3, 3e-2, sampling="log")
        model = build_model(hp)
        # Variables made now are restored when the model is loaded.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        accuracy = history.history["val_accuracy"][-1]
        parameters = model.count_params()
        return {
            "worth": accuracy - 0.03 * math.log10(parameters),
            "val_accuracy": accuracy,
            "parameters": parameters,
        }


# %%
tuner = kt.RandomSearch(
    WorthItsSize(),
    objective=kt.Objective("worth", "max"),
    max_trials=9,
    seed=1,
    directory="searches",
    project_name="multiple_objectives",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=4,
    verbose=0,
)

# %%
numbered = {int(t.trial_id): t for t in tuner.oracle.trials.values()}
rows = {}
for number, trial in numbered.items():
    assert trial.status == "COMPLETED"
    rows[number] = trial.hyperparameters.values | {
        name: trial.metrics.get_last_value(name)
        for name in ("parameters", "val_accuracy", "worth")
    }
trials = pd.DataFrame.from_dict(rows, orient="index")
trials = trials.rename_axis("trial").astype({"parameters": int})
trials = trials.sort_values("worth", ascending=False)
columns = ["units", "parameters", "val_accuracy", "worth"]
display(trials[columns].round(4))

# %% [markdown]
# The dictionary needs the objective as one of its keys; the others are
# kept with the trial, and no more.
#
# Mind the `[-1]`. The tuner does not find `worth` in what is logged each
# epoch, so it can't know the best epoch, and saves the weights after
# every one: those of the last remain. The accuracy reported is that of
# the last epoch too, so that score and saved model belong together.

# %%
(model,) = tuner.get_best_models()
_, accuracy = model.evaluate(*images.validation, verbose=0)
reported = trials["val_accuracy"].iloc[0]
print(f"reported {reported:.4f}, the saved model has {accuracy:.4f}")
assert math.isclose(accuracy, reported, abs_tol=1e-6)

# %% [markdown]
# ## What the list would have chosen
#
# From the same trials: `parameters` to be small, `val_accuracy` to be
# large, summed as a list is.

# %%
as_list = trials["parameters"] - trials["val_accuracy"]
chosen = {
    "as a list": as_list.idxmin(),
    "the fewest parameters": trials["parameters"].idxmin(),
    "the highest accuracy": trials["val_accuracy"].idxmax(),
    "the most worth": trials["worth"].idxmax(),
}
shown = trials.loc[chosen.values(), columns]
shown.insert(0, "chosen by", list(chosen))
display(shown.reset_index().set_index("chosen by").round(4))
assert chosen["as a list"] != chosen["the most worth"]

# %% [markdown]
# Accuracies lie between 0 and 1, parameters are counted in hundreds or
# more: the list ranks all trials by size, and accuracy had no say. Scaling
# the two alike would not mend it. How much of one is worth how much of the
# other is a decision, and dividing by a range makes it blindly.
#
# ## A Pareto front
#
# A trial is on the front if none that is at least as small is more
# accurate, and none that is as accurate is smaller. Whatever one is worth
# in units of the other to you, the best trial is on it.


# %% open=true
def on_front(trials):
    """Say which trials no other trial beats in both."""
    keep = []
    for _, one in trials.iterrows():
        as_small = trials["parameters"] <= one["parameters"]
        as_good = trials["val_accuracy"] >= one["val_accuracy"]
        smaller = trials["parameters"] < one["parameters"]
        better = trials["val_accuracy"] > one["val_accuracy"]
        beaten = as_small & as_good & (smaller | better)
        keep.append(not beaten.any())
    return pd.Series(keep, index=trials.index)


front = trials[on_front(trials)].sort_values("parameters")
display(front[columns[:3]].round(4))
assert 1 < len(front) < len(trials)

# %% [markdown]
# The exchange rate is easily tried out, since nothing has to be trained
# again: it picks from the front.

# %%
for rate in (0, 0.01, 0.03, 0.1, 0.3):
    worth = trials["val_accuracy"] - rate * trials["parameters"].map(
        math.log10
    )
    best = worth.idxmax()
    parameters = trials.loc[best, "parameters"]
    print(
        f"{rate:>4} per tenfold: trial {best}, {parameters} parameters"
    )
    assert worth[best] == worth[front.index].max()

# %% [markdown]
# Before you believe a front, train its members again, from another
# seed:

# %%
again = []
for number, trial in front.iterrows():
    keras.backend.clear_session()
    keras.utils.set_random_seed(2)
    hp = numbered[number].hyperparameters
    model = tuner.hypermodel.build(hp)
    results = tuner.hypermodel.fit(
        hp,
        model,
        *images.train,
        validation_data=images.validation,
        epochs=4,
        verbose=0,
    )
    again.append((trial["parameters"], results["val_accuracy"]))

# %% alt="Validation accuracy against the number of parameters on a log axis: a dot per trial, a stepped line along the Pareto front, and small crosses where the members of the front land with another seed." figure="pareto-front"
figure, axis = plt.subplots()
axis.scatter(
    trials["parameters"], trials["val_accuracy"], label="trials"
)
axis.step(
    front["parameters"],
    front["val_accuracy"],
    where="post",
    color="C1",
    label="front",
)
axis.scatter(
    *zip(*again, strict=True),
    marker="x",
    color="gray",
    label="front, another seed",
)
axis.set_xscale("log")
axis.set_xlabel("parameters")
axis.set_ylabel("validation accuracy")
axis.legend()
plt.show()

# %%
moved = front[["parameters", "val_accuracy"]].assign(
    again=[accuracy for _, accuracy in again]
)
moved["change"] = moved["again"] - moved["val_accuracy"]
display(moved.round(4))

# %% [markdown]
# Members whose accuracies differ by less than a rerun moves them have no
# order. A front is chosen for its scores, so on average they are [too
# good](../evidence/how_sure.py#how-much-of-the-best-score-is-luck); a
# single rerun of a few members can't show by how much.
#
# The search drew at random: it did not look for the front. A tuner that
# learns looks where its one objective is good. Several searches with
# different exchange rates cover more of the front.
#
# ## A dictionary for a list
#
# If `fit` or `run_trial` returns a dictionary and the objective is a
# list, Keras Tuner does not add up: the sum has to be in it, under the
# name `multi_objective`.


# %%
class TwoNumbers(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        units = trial.hyperparameters.Int("units", 2, 256)
        reported = {"large": units, "small": units**2}
        if kwargs["with_sum"]:
            reported["multi_objective"] = units**2 - units
        return reported


for with_sum in (False, True):
    tuner = TwoNumbers(
        objective=[
            kt.Objective("large", "max"),
            kt.Objective("small", "min"),
        ],
        max_trials=3,
        seed=1,
        directory="searches",
        project_name=f"multiple_objectives_{with_sum}",
        overwrite=True,
    )
    try:
        tuner.search(with_sum=with_sum, verbose=0)
    except kt.errors.FatalValueError as error:
        message = str(error)
        print(message.split(" Received")[0])
        continue
    for trial in tuner.oracle.trials.values():
        print(f"{trial.status}, score {trial.score:.0f}")
assert "multi_objective" in message

# %% [markdown]
# It takes whatever number stands there, right or wrong. With a single
# `kt.Objective` and a name of your own you say the same and can be
# understood.
#
# ## What this page did not show
#
# - Time as an objective. Seconds depend on what else the machine does:
#   measure several times, take the median, and expect the front to move.
# - Members of a front that no exchange rate picks. A front that bends
#   inwards has them.
# - Algorithms made for fronts, which Keras Tuner does not have.
# - What any of these models would score on a test set.
