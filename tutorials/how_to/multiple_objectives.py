# %% [markdown] index="multiple objectives; MultiObjective; Pareto front; model size; trade off; latency"
# # Several objectives
#
# What Keras Tuner makes of a list of objectives, and what to do instead:
# one number of your own, or a Pareto front.
#
# - A list is one objective: the sum of what is to be small minus the sum
#   of what is to be large, without weights. Whatever varies by the larger
#   numbers decides.
# - If you can say what one thing is worth in units of the other, return
#   that number from `HyperModel.fit`.
# - If you can't, let the search report both, and choose [from the
#   front](#a-pareto-front) afterwards.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.build_model import build_model

# %%
import math

import keras_tuner as kt


class WorthItsSize(kt.HyperModel):
    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, *args, **kwargs):
        scores = model.fit(*args, **kwargs).history["val_accuracy"]
        worth = scores[-1] - 0.03 * math.log10(model.count_params())
        return {"worth": worth, "val_accuracy": scores[-1]}


goal = kt.Objective("worth", "max")
folder = {"directory": "searches", "project_name": "worth"}
tuner = kt.RandomSearch(WorthItsSize(), goal, 2, seed=1, **folder)
images = load_images("digits")
tuner.search(*images.train, validation_split=0.2, verbose=0)
tuner.results_summary()

# %%
import keras
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
given = {"validation_data": images.validation, "verbose": 0}
given["batch_size"] = 64
usual = {"seed": 1, "directory": "searches", "overwrite": True}

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
    project_name="multiple_objectives_list",
    **usual,
)
tuner.search(*images.train, **given)
objective = tuner.oracle.objective
print("objective:", objective.name, objective.direction)


# %%
def numbers(tuner, *names):
    """Return a table of what was reported, a row a trial."""
    rows = {}
    for number, trial in tuner.oracle.trials.items():
        values = map(trial.metrics.get_last_value, names)
        rows[int(number)] = dict(zip(names, values, strict=True))
        rows[int(number)]["score"] = trial.score
    return pd.DataFrame(rows).T.rename_axis("trial")


table = numbers(tuner, "val_loss", "val_accuracy")
table["difference"] = table["val_loss"] - table["val_accuracy"]
display(table.sort_values("score").round(4))
assert (table["score"] - table["difference"]).abs().max() < 1e-6

# %% [markdown]
# The score is the difference, to be minimised, at the epoch where it was
# smallest. Loss and accuracy go together, so the sum does little harm. Yet
# nobody chose that a hundredth of one is worth a hundredth of the other.
#
# ## One number of your own
#
# To be worth it, a model ten times as large has to be three hundredths
# more accurate. Over a wider range of sizes:


# %%
class Reported(WorthItsSize):
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
        reported = super().fit(hp, model, *args, **kwargs)
        return reported | {"parameters": model.count_params()}


# %%
usual["project_name"] = "multiple_objectives"
tuner = kt.RandomSearch(Reported(), goal, max_trials=5, **usual)
tuner.search(*images.train, epochs=3, **given)
trials = numbers(tuner, "parameters", "val_accuracy", "worth")
trials = trials.drop(columns="score").astype({"parameters": int})
trials = trials.sort_values("worth", ascending=False)
display(trials.round(4))

# %% [markdown]
# The dictionary needs the objective as a key; the other numbers are only
# kept with the trial.
#
# Nothing logs `worth` each epoch, so the tuner can't know the best epoch,
# and keeps the weights of the last, whose accuracy is `[-1]`:

# %%
(model,) = tuner.get_best_models()
_, accuracy = model.evaluate(*images.validation, verbose=0)
reported = trials["val_accuracy"].iloc[0]
print(f"reported {reported:.4f}, the saved model has {accuracy:.4f}")
assert math.isclose(accuracy, reported, abs_tol=1e-6)

# %% [markdown]
# ## What the list would have chosen
#
# From the same trials, `parameters` minus `val_accuracy`:

# %%
as_list = trials["parameters"] - trials["val_accuracy"]
chosen = {
    "as a list": as_list.idxmin(),
    "the fewest parameters": trials["parameters"].idxmin(),
    "the highest accuracy": trials["val_accuracy"].idxmax(),
    "the most worth": trials["worth"].idxmax(),
}
shown = trials.loc[chosen.values()].reset_index()
shown.index = pd.Index(chosen, name="chosen by")
display(shown.round(4))
assert chosen["as a list"] == chosen["the fewest parameters"]

# %% [markdown]
# Parameters are by far the larger numbers: the list ranks all trials by
# size. Scaling does not mend it: what one is worth in the other is a
# decision, and dividing by a range makes it blindly.
#
# ## A Pareto front
#
# A trial is on the front if none that is at least as small is more
# accurate, and none that is at least as accurate is smaller. Whatever one
# is worth to you in units of the other, the best trial is on it.


# %% open=true
def on_front(trials):
    """Say which trials no other trial beats in both."""
    sizes, scores = trials["parameters"], trials["val_accuracy"]
    keep = []
    for size, score in zip(sizes, scores, strict=True):
        as_good = (sizes <= size) & (scores >= score)
        better = (sizes < size) | (scores > score)
        keep.append(not (as_good & better).any())
    return pd.Series(keep, index=trials.index)


front = trials[on_front(trials)].sort_values("parameters")

# %% [markdown]
# Other exchange rates need no training:

# %%
digits = trials["parameters"].map(math.log10)
for rate in (0, 0.01, 0.03, 0.1, 0.3):
    worth = trials["val_accuracy"] - rate * digits
    best = worth.idxmax()
    size = trials.loc[best, "parameters"]
    print(f"{rate:>4} per tenfold: trial {best}, {size} parameters")
    assert worth[best] == worth[front.index].max()

# %% [markdown]
# Before you believe a front, train its members again from another seed,
# here the most accurate two:

# %%
again = []
for number in front.index[-2:]:
    keras.utils.set_random_seed(2)
    hp = tuner.oracle.trials[str(number)].hyperparameters
    model = tuner.hypermodel.build(hp)
    fit = tuner.hypermodel.fit
    results = fit(hp, model, *images.train, epochs=3, **given)
    again.append(results["val_accuracy"])
shown = front[["parameters", "val_accuracy"]].tail(2)
shown = shown.assign(again=again)
shown["change"] = shown["again"] - shown["val_accuracy"]
display(shown.round(4))

# %% alt="Validation accuracy against the number of parameters on a log axis: a dot per trial, a stepped line along the Pareto front, and small crosses where its two most accurate members land with another seed." caption="Trained again, members of the front move up or down, so neighbours may trade places." figure="pareto-front"
figure, axis = plt.subplots()
axis.scatter("parameters", "val_accuracy", data=trials, label="trials")
line = {"where": "post", "color": "C1", "label": "front"}
axis.step("parameters", "val_accuracy", data=front, **line)
cross = {"marker": "x", "color": "gray", "label": "another seed"}
axis.scatter(shown["parameters"], again, **cross)
axis.set(xlabel="parameters", ylabel="validation accuracy")
axis.set_xscale("log")
axis.legend()
plt.show()

# %% [markdown]
# Members whose accuracies differ by less than a rerun moves them have no
# order. Chosen for their scores, they are on average [too
# good](../evidence/how_sure.py#how-much-of-the-best-score-is-luck).
#
# A random search does not look for the front. Several searches with
# different exchange rates, by a tuner that learns, cover more of it.
#
# ## A dictionary for a list
#
# If `fit` or `run_trial` returns a dictionary for a list of objectives,
# it has to contain their sum, as `multi_objective`:


# %%
class TwoNumbers(kt.RandomSearch):
    def run_trial(self, trial, with_sum, **kwargs):
        units = trial.hyperparameters.Int("units", 2, 256)
        reported = {"large": units, "small": units**2}
        if with_sum:
            reported["multi_objective"] = units**2 - units
        return reported


goals = [kt.Objective("large", "max"), kt.Objective("small", "min")]

# %%
for with_sum in (False, True):
    usual["project_name"] = f"multiple_objectives_{with_sum}"
    tuner = TwoNumbers(objective=goals, max_trials=2, **usual)
    try:
        tuner.search(with_sum=with_sum, verbose=0)
        print(*(t.score for t in tuner.oracle.trials.values()))
    except kt.errors.FatalValueError as error:
        print(str(error).split(" Received")[0])

# %% [markdown]
# It takes whatever number is there, right or wrong. A single
# `kt.Objective` of your own is plainer.
#
# ## What this page did not show
#
# - Time as an objective. Seconds depend on what else the machine does:
#   measure several times, take the median, and expect the front to move.
# - Members of a front that no exchange rate picks. A front that bends
#   inwards has them.
# - Algorithms made for fronts, which Keras Tuner does not have.
