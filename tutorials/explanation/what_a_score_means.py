# %% [markdown] index="what a score means; trial.score; best_step; best epoch; mean of executions; default_objective"
# # What a score means
#
# Which epoch, which runs and which rows `trial.score` comes from, which
# network belongs to it, and why it shows
# [optimism](../../reference/glossary.md#optimism).
#
# - **One run** is scored by its best epoch. `best_step` is that epoch,
#   counted from 0.
# - **Several executions** are scored by the mean of their best epochs'
#   scores. `get_best_models` gives the model of the best epoch of the
#   best one.
# - **It is too good**: the best epoch and then the best trial were chosen
#   on the rows that score.
#
# One trial, two executions:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import keras
import keras_tuner as kt

curves = [0.6, 0.9, 0.8], [0.5, 0.6, 0.7]  # val_accuracy by epoch


class Returned(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        runs = [keras.callbacks.History() for _ in curves]
        for run, curve in zip(runs, curves, strict=True):
            run.history = {"val_accuracy": curve}
        return runs


score = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "score_of_two"}
tuner = Returned(objective=score, max_trials=1, seed=1, **folder)
tuner.search(verbose=0)
(trial,) = tuner.oracle.get_best_trials()
print(f"score {trial.score:.2f}, best_step {trial.best_step}")

# %% [markdown]
# The score is the mean of 0.9 and 0.7. `best_step` is the mean of their
# epochs 1 and 2, rounded down, and may be the best epoch of neither.
#
# - **A number** from `fit` or `run_trial` is the score as it stands.
#   Without an objective [it is minimised](../how_to/tune_anything.py).
# - **A list of objectives** makes one: the sum of what is to be small
#   minus the sum of what is to be large
#   ([several objectives](../how_to/multiple_objectives.py)).
# - **A failed trial** scores `None` after an exception, NaN after NaN.

# %%
import contextlib
import io
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %% [markdown]
# ## One trial in a picture
#
# A tuner sees what `fit` returns: histories, here of three
# [recorded runs](../../evidence/recorded_curves.md) of one configuration.

# %%
curves = load_curves(evidence_file("curves_digits.csv.xz"))
configuration = {"layers": 2, "units": 32, "activation": "relu"}
configuration |= {"dropout": 0.0, "batch_size": 16}
configuration |= {"learning_rate": 0.01}
runs = curves.validation[curves.find(configuration)]
print("executions: {}, epochs: {}".format(*runs.shape))


# %%
def history(**metrics):
    """Return what `model.fit` would return."""
    made = keras.callbacks.History()
    made.history = metrics
    return made


class Cases(kt.GridSearch):
    """A trial gets what is written down for its case."""

    def run_trial(self, trial, cases, **kwargs):
        result = cases[trial.hyperparameters.get("case")]
        if isinstance(result, Exception):
            raise result
        return result


# %%
def search(cases):
    """Return the trial of each case, by its name."""
    space = kt.HyperParameters()
    space.Choice("case", list(cases))
    tuner = Cases(
        objective=kt.Objective("val_accuracy", "max"),
        hyperparameters=space,
        seed=1,
        directory="searches",
        project_name="what_a_score_means",
        overwrite=True,
    )
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
        tuner.search(cases, verbose=0)
    return dict(zip(cases, tuner.oracle.trials.values(), strict=True))


# %%
executions = [history(val_accuracy=run.tolist()) for run in runs]
trial = search({"three executions": executions})["three executions"]
best_epochs = runs.argmax(axis=1)
print("best epochs, from 0:", best_epochs, "scores:", runs.max(axis=1))
print(f"best_step {trial.best_step}, score {trial.score:.4f}")
assert math.isclose(trial.score, runs.max(axis=1).mean())
assert trial.best_step == int(best_epochs.mean())
assert trial.best_step not in best_epochs

# %% alt="Validation accuracy by epoch of three executions. A mark stands at the best epoch of each, a dashed line the score, which is their mean height, a dotted line best_step, their mean place, and a star the network that is kept, at the highest mark." caption="At best_step no execution is at its best; the network kept is the highest mark, and the score lies below it." figure="one-trial"
figure, axis = plt.subplots()
for number, run in enumerate(runs):
    style, label = f"C{number}", f"execution {number}"
    axis.plot(run, style, linewidth=1)
    best = style + "os^"[number]
    axis.plot(run.argmax(), run.max(), best, label=label)
axis.axhline(trial.score, linestyle="--", color="gray", label="score")
axis.axvline(trial.best_step, ls=":", color="gray", label="best_step")
kept = best_epochs[runs.max(axis=1).argmax()]
axis.plot(kept, runs.max(), "k*", markersize=16, label="kept")
axis.set(xlabel="epoch, from 0", ylabel="validation accuracy")
axis.set_ylim(np.quantile(runs, 0.08), runs.max() + 0.005)
axis.legend(loc="lower right", ncols=2)
plt.show()

# %% [markdown]
# With several executions `best_step + 1` is only a fair guess at how long
# to train. With one, score, `best_step` and network agree.
#
# ## Whatever comes back
#
# The same tuner, given one return value after another:

# %%
nan = math.nan
cases = {
    "one history": history(
        val_accuracy=[0.7, 0.9, 0.8], val_loss=[0.8, 0.6, 0.5]
    ),
    "two best epochs": history(val_accuracy=[0.7, 0.9, 0.9]),
    "a number": 0.8,
    "a list of numbers": [0.7, 0.9],
    "a dictionary": {"val_accuracy": 0.8, "val_loss": 0.4},
    "NaN": nan,
    "NaN in one of two": [0.9, nan],
    "the rest went well": 0.8,
    "an exception": ValueError("oops"),
}
trials = search(cases)

# %%
rows = {}
for case, trial in trials.items():
    known = trial.metrics.exists("val_loss")
    loss = trial.metrics.get_last_value("val_loss") if known else None
    rows[case] = trial.status, trial.score, trial.best_step, loss
table = pd.DataFrame(rows, dtype=object).T.rename_axis("returned")
table.columns = ["status", "score", "best_step", "val_loss"]
display(table)

# %%
assert table.loc["one history", "val_loss"] == 0.6
assert table.loc["two best epochs", "best_step"] == 1
failed = table.index[table["status"] == "FAILED"]
assert [*failed] == ["NaN", "NaN in one of two", "an exception"]

# %% [markdown]
# - Other metrics, such as `val_loss`, are those of the best epoch.
# - Of equal epochs the first counts.
# - A number has no epochs, so its `best_step` of 0 says nothing.
#
# Asked for more trials than have completed, `get_best_trials`,
# `get_best_hyperparameters` and `get_best_models` add failed ones
# ([more](../how_to/failed_trials.py)). Look at `status` before you read a
# score. Sorting by score does not help:

# %%
scores = [trial.score for trial in trials.values()]
print("largest of the numbers:", max(scores[5:8]))
try:
    max(scores)
except TypeError as error:
    print("of all of them:", error)

# %% [markdown]
# ## The network that is kept
#
# A callback writes a trial's only checkpoint whenever an epoch beats all
# before it, in all executions. It doesn't know what `fit` returns. Here
# are four searches of one trial, whose last epoch is spoilt by a far too
# large learning rate:

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.build_model import build_model

# %%
images = load_images("digits")


class BestEpoch(kt.HyperModel):
    def build(self, hp):
        model = build_model(hp)
        # Its state is in the checkpoint; unbuilt, loading would warn.
        model.optimizer.build(model.trainable_variables)
        return model


class LastEpoch(BestEpoch):
    def fit(self, *args, **kwargs):
        trained = super().fit(*args, **kwargs)
        return trained.history["val_accuracy"][-1]


# %%
class AfterTraining(BestEpoch):
    def fit(self, hp, model, *args, **kwargs):
        super().fit(hp, model, *args, **kwargs)
        x, y = kwargs["validation_data"]
        right = model.predict(x, verbose=0).argmax(axis=1) == y
        return {"right": right.mean()}


def spoil(epoch, rate):
    return 3.0 if epoch == 3 else 0.003


FOLDER = {"directory": "searches", "overwrite": True}
FOLDER["project_name"] = "what_a_score_means_kept"
SETTINGS = {
    "validation_data": images.validation,
    "epochs": 4,
    "callbacks": [keras.callbacks.LearningRateScheduler(spoil)],
}


# %%
def kept_by(hypermodel, objective="val_accuracy", executions=1):
    """Return the score, and the accuracy of the network kept."""
    keras.utils.set_random_seed(1)
    tuner = kt.RandomSearch(
        hypermodel,
        objective=kt.Objective(objective, "max"),
        max_trials=1,
        executions_per_trial=executions,
        seed=1,
        **FOLDER,
    )
    tuner.search(*images.train, **SETTINGS, verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    (model,) = tuner.get_best_models()
    return trial.score, model.evaluate(*images.validation, verbose=0)[1]


# %%
kept = {
    "a history": kept_by(BestEpoch()),
    "a history, three executions": kept_by(BestEpoch(), executions=3),
    "the last epoch's accuracy": kept_by(LastEpoch()),
    "what is computed afterwards": kept_by(AfterTraining(), "right"),
}
kept = pd.DataFrame(kept, index=["score", "network kept"]).T
display(kept.rename_axis("`fit` returns").round(4))
better = (kept["network kept"] - kept["score"]).tolist()
assert np.allclose([better[0], better[3]], 0, atol=1e-6)
assert better[1] > -1e-6 and better[2] > 0.1

# %% [markdown]
# - Three executions: the network is the luckiest. The score, their mean,
#   forecasts a [new
#   training](../evidence/how_sure.py#repeats-in-keras-tuner) better.
# - The last epoch's accuracy, returned as a number: the search ranks
#   trials by the last epoch, and keeps the weights of the best.
# - A name that no epoch logs: the callback can't compare, and writes in
#   every epoch. Score and network are both those of the spoilt epoch.
#
# ## Under Hyperband
#
# Each round is a trial. Its `best_step` counts from the start of its own
# `fit` ([how to add up](../how_to/retrain_and_ship.py#under-hyperband)), and its
# score is the best of its own epochs, whatever its parent reached:


# %%
def trained(values):
    """Return the scores of a round's own epochs."""
    begun, end = values["tuner/initial_epoch"], values["tuner/epochs"]
    return curves.validation[curves.find(values), 0, begun:end]


class Rounds(kt.Hyperband):
    def run_trial(self, trial, **kwargs):
        curve = trained(trial.hyperparameters.values)
        return history(val_accuracy=curve.tolist())


# %%
space = kt.HyperParameters()
for name, values in curves.space.items():
    space.Choice(name, list(values))
tuner = Rounds(
    objective=kt.Objective("val_accuracy", "max"),
    hyperparameters=space,
    max_epochs=27,
    seed=1,
    directory="searches",
    project_name="what_a_score_means_rounds",
    overwrite=True,
)
tuner.search(verbose=0)

# %%
rows = {}
for number, trial in tuner.oracle.trials.items():
    values = trial.hyperparameters.values
    curve = trained(values)
    assert trial.score == curve.max() == curve[trial.best_step]
    if begun := values["tuner/initial_epoch"]:
        parent = tuner.oracle.get_trial(values["tuner/trial_id"]).score
        epochs = f"{begun + 1} to {values['tuner/epochs']}"
        rows[number] = epochs, parent, trial.score, trial.best_step

# %%
promoted = pd.DataFrame(rows).T.rename_axis("trial")
promoted.columns = ["epochs", "score of parent", "score", "best_step"]
display(promoted.tail(6))
lower = promoted["score"] < promoted["score of parent"]
print(f"{lower.sum()} of {len(lower)} promoted scored lower")
assert lower.any()

# %% [markdown]
# `get_best_trials` ranks all rounds together. A parent ranks above a
# child that scored lower, though it trained for fewer epochs.
#
# ## Too good, twice
#
# A winner's score is too good by two choices, of the best epoch and of
# the best trial. On [recorded
# runs](../evidence/how_sure.py#how-much-of-the-best-score-is-luck) the
# epoch's part is there from the first trial on. The trials' part grows
# with their number, at least up to 64.
#
# ## Why it grows
#
# In a simple model, a trial's worth has a standard deviation of 1, and so
# has its luck. Half the variance of luck belongs to the run and is common
# to its epochs; the other half belongs to the epoch. The largest of `n`
# normal numbers lies, on average, `m(n)` above the mean:

# %%
grid = np.linspace(-9, 9, 20_001)
density = np.exp(-(grid**2) / 2)
below = density.cumsum() / density.sum()


def m(n):
    """Return the expected largest of n standard normal numbers."""
    middles = (grid[1:] + grid[:-1]) / 2
    return float((middles * np.diff(below**n)).sum())


print("m(n):", {n: abs(round(m(n), 2)) for n in (1, 2, 10, 100, 1000)})

# %% [markdown]
# - The best of `E` epochs of a trial is too good by `m(E)` deviations of
#   an epoch's luck.
# - The best of `n` trials, ranked by last epochs, scores `m(n)`
#   deviations of a score above the mean. Luck's share of that rise is its
#   share of the variance of scores.
#
# The same deviations, simulated:

# %%
EPOCHS, SIMULATED = 10, 3000
TRIALS = np.array([1, 4, 16, 64, 256])
shape = SIMULATED, TRIALS.max()
rng = np.random.default_rng(2)
worth = rng.normal(size=shape)
of_run, last_epoch = 0.5**0.5 * rng.normal(size=(2, *shape))
of_epochs = 0.5**0.5 * rng.normal(size=(EPOCHS, *shape))
last, best = of_run + last_epoch, of_run + of_epochs.max(axis=0)


def luck(chosen, scores):
    """Return the winners' mean by number of trials."""
    wins = [scores[:, :n].argmax(axis=1)[:, None] for n in TRIALS]
    return [np.take_along_axis(chosen, w, axis=1).mean() for w in wins]


# %%
theory = {
    "best epoch only": np.full(len(TRIALS), 0.5**0.5 * m(EPOCHS)),
    "best trial only": np.array([m(n) for n in TRIALS]) / 2**0.5,
}
simulated = {
    "best epoch only": np.full(len(TRIALS), best.mean()),
    "best trial only": luck(last, worth + last),
    "both": luck(best, worth + best),
}
table = pd.DataFrame(simulated, TRIALS).rename_axis("trials")
display(table.round(2))
for what, exact in theory.items():
    assert np.allclose(simulated[what], exact, atol=0.06), what
assert all(np.less(simulated["both"], sum(theory.values()))[2:])

# %% [markdown]
# Both choices together make a score too good by less than the sum of
# each alone: they pick from the same luck. Twice the images halve the
# variance of luck. Unlike this model, a real space has a best
# configuration, and once a search is near it, [more of the rise is
# luck](../evidence/how_sure.py#how-much-of-the-best-score-is-luck).
#
# So let a score choose, and report on [rows that chose
# nothing](train_validation_test.py).
#
# ## What this page did not show
#
# - Scores of [cross-validation](../how_to/cross_validation.py), which are means
#   over folds, and as flattered by a choice among trials.
# - An objective without `val_`, such as `accuracy`. It is a mean over the
#   training rows while the weights still change, and rewards learning
#   them by heart.
