# %% [markdown] index="what a score means; trial.score; best_step; best epoch; mean of executions; default_objective"
# # What a score means
#
# Of which epoch, which runs and which rows `trial.score` is, which
# network belongs to it, and its [optimism](../../reference/glossary.md#optimism):
# two choices make it too good.
#
# - **One run** is scored by its best epoch: the objective there is
#   `score`, and `best_step` is that epoch, counted from 0. The trial's
#   other metrics are those of the same epoch.
# - **Several executions** are scored by the mean of their best epochs'
#   scores. `best_step` is the mean of those epochs, rounded down, and may
#   be the best epoch of none.
# - **`get_best_models`** gives the best epoch of the best single
#   execution. With `executions_per_trial` above 1 its `evaluate` differs
#   from the score, to the better side.
# - **A number** from `fit` or `run_trial` is the score as it stands.
#   Without an objective [it is minimised](../how_to/tune_anything.py).
# - **A list of objectives** makes one: the sum of what is to be small
#   minus the sum of what is to be large
#   ([several objectives](../how_to/multiple_objectives.py)).
# - **A failed trial** has no score: it is `None` after an exception, NaN
#   after NaN.
#
# And it is too good: the best of the epochs was taken, then the best of
# the trials, both on the rows that score. After many trials more of the
# best score is luck than after few.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
from snippets.results.compare_runs import compare_runs

# %% [markdown]
# ## One trial in a picture
#
# A tuner sees of a trial what `fit` returns: histories. Here they come
# from [recorded runs](../../evidence/recorded_curves.md), three of one configuration
# on [digits](../../evidence/curves_digits.csv.xz), so that nothing has to be
# trained. All else is Keras Tuner.

# %%
curves = load_curves(evidence_file("curves_digits.csv.xz"))
configuration = {
    "layers": 2,
    "units": 32,
    "activation": "relu",
    "dropout": 0.0,
    "batch_size": 16,
    "learning_rate": 0.01,
}
runs = curves.validation[curves.find(configuration)]
print("executions: {}, epochs: {}".format(*runs.shape))


# %%
def history(**metrics):
    """Return what `model.fit` would return."""
    made = keras.callbacks.History()
    made.history = metrics
    return made


class Returned(kt.GridSearch):
    """A trial gets what is written down for its case."""

    def run_trial(self, trial, cases, **kwargs):
        result = cases[trial.hyperparameters.get("case")]
        if isinstance(result, Exception):
            raise result
        return result


def search(cases):
    """Return the trial of each case, by its name."""
    space = kt.HyperParameters()
    space.Choice("case", list(cases))
    tuner = Returned(
        objective=kt.Objective("val_accuracy", "max"),
        hyperparameters=space,
        seed=1,
        directory="searches",
        project_name="what_a_score_means",
        overwrite=True,
    )
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
        tuner.search(cases, verbose=0)
    return {
        trial.hyperparameters.get("case"): trial
        for trial in tuner.oracle.trials.values()
    }


# %%
executions = [history(val_accuracy=run.tolist()) for run in runs]
trial = search({"three executions": executions})["three executions"]
best_epochs = runs.argmax(axis=1)
print("best epochs, from 0:", best_epochs, "scores:", runs.max(axis=1))
print(f"best_step {trial.best_step}, score {trial.score:.4f}")
assert math.isclose(trial.score, runs.max(axis=1).mean())
assert trial.best_step == int(best_epochs.mean())
assert trial.best_step not in best_epochs

# %% alt="Validation accuracy by epoch of three executions. A mark stands at the best epoch of each, a dashed line the score, which is their mean height, a dotted line best_step, their mean place, and a star the network that is kept, at the highest mark." figure="one-trial"
figure, axis = plt.subplots()
kept = runs.max(axis=1).argmax()
for number, (run, epoch, marker) in enumerate(
    zip(runs, best_epochs, "os^", strict=True)
):
    name, color = f"execution {number}", f"C{number}"
    axis.plot(run, linewidth=1, color=color)
    axis.plot(epoch, run[epoch], marker, color=color, label=name)
axis.axhline(trial.score, linestyle="--", color="gray", label="score")
axis.axvline(
    trial.best_step, linestyle=":", color="gray", label="best_step"
)
axis.plot(
    best_epochs[kept], runs.max(), "k*", markersize=16, label="kept"
)
axis.set_ylim(np.quantile(runs, 0.08), runs.max() + 0.005)
axis.set_xlabel("epoch, from 0")
axis.set_ylabel("validation accuracy")
axis.legend(loc="lower right", ncols=2)
plt.show()

# %% [markdown]
# The score is not the height of any curve at `best_step`, and here none is
# best there. With several executions `best_step + 1` is a fair guess at
# how long to train, no more. With one, score, `best_step` and the network
# kept belong to one point.
#
# ## Whatever comes back
#
# The same tuner, given one thing after another:

# %%
nan = math.nan
cases = {
    "one history": history(
        val_accuracy=[0.7, 0.9, 0.8], val_loss=[0.8, 0.6, 0.5]
    ),
    "two best epochs": history(val_accuracy=[0.7, 0.9, 0.9]),
    "three histories": [
        history(val_accuracy=[0.9, 0.6, 0.5, 0.5, 0.5, 0.5]),
        history(val_accuracy=[0.8, 0.6, 0.5, 0.5, 0.5, 0.5]),
        history(val_accuracy=[0.5, 0.5, 0.5, 0.5, 0.5, 0.7]),
    ],
    "a number": 0.8,
    "a list of numbers": [0.7, 0.9],
    "a dictionary": {"val_accuracy": 0.8, "val_loss": 0.4},
    "NaN": nan,
    "NaN in one of two": [0.9, nan],
    "the rest went well": 0.8,
    "an exception": ValueError("oops"),
}
trials = search(cases)
rows = {}
for case, trial in trials.items():
    row = trial.status, trial.score, trial.best_step
    known = trial.metrics.exists("val_loss")
    loss = trial.metrics.get_last_value("val_loss") if known else None
    rows[case] = (*row, loss)
columns = ["status", "score", "best_step", "val_loss"]
table = pd.DataFrame.from_dict(
    rows, orient="index", columns=columns, dtype=object
)
display(table.rename_axis("returned"))

# %%
expected = {
    "one history": (0.9, 1, 0.6),
    "two best epochs": (0.9, 1, None),
    "three histories": (0.8, 1, None),
    "a number": (0.8, 0, None),
    "a list of numbers": (0.8, 0, None),
    "a dictionary": (0.8, 0, 0.4),
    "an exception": (None, 0, None),
}
for case, values in expected.items():
    for got, wanted in zip(rows[case][1:], values, strict=True):
        assert got == wanted or math.isclose(got, wanted), case
failed = {c for c, row in rows.items() if row[0] == "FAILED"}
assert failed == {"NaN", "NaN in one of two", "an exception"}
assert math.isnan(rows["NaN in one of two"][1])

# %% [markdown]
# - `val_loss` of the first row is that of the best epoch, not its own
#   best.
# - Of equal epochs the first counts.
# - The three histories were best at epochs 0, 0 and 5: at the epoch that
#   `best_step` names, none was.
# - A number has no epochs, so its `best_step` is 0 and says nothing.
# - One NaN spoils the mean. After an exception `best_step` is 0 as well.
#
# Asked for more trials than have completed, `get_best_trials`,
# `get_best_hyperparameters` and `get_best_models` fill up with those that
# failed. Look at `status` before you read a score; sorting by it yourself
# is no way out:

# %%
scores = [trial.score for trial in trials.values()]
print("largest of the numbers:", max(s for s in scores[6:9]))
try:
    max(scores)
except TypeError as error:
    print("of all of them:", error)
assert math.isnan(max(scores[6:9]))

# %% [markdown]
# More of both: [failed trials](../how_to/failed_trials.py).
#
# ## The network that is kept
#
# Each trial keeps one checkpoint. It is written by a callback whenever an
# epoch has a better objective than all before, over all executions. What
# `fit` returns, it doesn't know. So four searches, each of one trial, and
# what the kept network gets on the same validation images. In the last
# epoch the learning rate is far too large on purpose: it spoils the
# network.

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


class AfterTraining(BestEpoch):
    def fit(self, hp, model, *args, **kwargs):
        super().fit(hp, model, *args, **kwargs)
        x, y = kwargs["validation_data"]
        right = model.predict(x, verbose=0).argmax(axis=1) == y
        return {"right": right.mean()}


# %%
def spoil(epoch, rate):
    return 3.0 if epoch == 3 else 0.003


def kept_by(hypermodel, objective="val_accuracy", executions=1):
    """Return the score, and the accuracy of the network kept."""
    keras.utils.set_random_seed(1)
    tuner = kt.RandomSearch(
        hypermodel,
        objective=kt.Objective(objective, "max"),
        max_trials=1,
        executions_per_trial=executions,
        seed=1,
        directory="searches",
        project_name="what_a_score_means_kept",
        overwrite=True,
    )
    tuner.search(
        *images.train,
        validation_data=images.validation,
        epochs=4,
        callbacks=[keras.callbacks.LearningRateScheduler(spoil)],
        verbose=0,
    )
    (trial,) = tuner.oracle.get_best_trials()
    assert trial.status == "COMPLETED"
    (model,) = tuner.get_best_models()
    return trial.score, model.evaluate(*images.validation, verbose=0)[1]


# %%
kept = {
    "a history": kept_by(BestEpoch()),
    "a history, three executions": kept_by(BestEpoch(), executions=3),
    "the last epoch's accuracy": kept_by(LastEpoch()),
    "what is computed afterwards": kept_by(AfterTraining(), "right"),
}
kept = pd.DataFrame.from_dict(
    kept, orient="index", columns=["score", "network kept"]
)
display(kept.rename_axis("`fit` returns").round(4))

# %%
better = (kept["network kept"] - kept["score"]).tolist()
assert np.allclose([better[0], better[3]], 0, atol=1e-6)
assert better[1] > -1e-6 and better[2] > 0.1

# %% [markdown]
# - One history: score and network agree.
# - Three executions: the network is the luckiest of three, the score
#   their mean. Which is [the better forecast](../evidence/how_sure.py#repeats-in-keras-tuner)
#   of a new training? The score.
# - The last epoch's accuracy, returned as a number under the name of a
#   metric: the search ranks last epochs and keeps best ones.
# - A name that no epoch logs: the callback can't compare, writes in every
#   epoch, and the last one stays. Score and network agree again, and both
#   are of a spoilt network.
#
# ## Under Hyperband
#
# Each round is a trial. Its `best_step` counts from the start of its own
# `fit` ([how to add up](../how_to/retrain_and_ship.py#under-hyperband)), and its
# score is the best of its own epochs. What its parent reached doesn't
# count:


# %%
class Rounds(kt.Hyperband):
    def run_trial(self, trial, **kwargs):
        values = trial.hyperparameters.values
        own = slice(
            values["tuner/initial_epoch"], values["tuner/epochs"]
        )
        curve = curves.validation[curves.find(values), 0, own]
        return history(val_accuracy=curve.tolist())


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
rows = []
for trial in tuner.oracle.trials.values():
    values = trial.hyperparameters.values
    begun = values["tuner/initial_epoch"]
    curve = curves.validation[curves.find(values), 0]
    assert trial.score == curve[begun : values["tuner/epochs"]].max()
    assert trial.score == curve[begun + trial.best_step]
    if begun:
        parent = tuner.oracle.get_trial(values["tuner/trial_id"])
        epochs = f"{begun + 1} to {values['tuner/epochs']}"
        row = epochs, parent.score, trial.score, trial.best_step
        rows.append(row)
columns = ["epochs", "score of parent", "score", "best_step"]
promoted = pd.DataFrame(rows, columns=columns)
display(promoted.tail(6).set_index("epochs"))
lower = promoted["score"] < promoted["score of parent"]
print(f"{lower.sum()} of {len(lower)} promoted scored lower")
assert lower.any()

# %% [markdown]
# `get_best_trials` ranks the trials of all rounds together. A parent whose
# child scored lower ranks above it, though trained for fewer epochs.
#
# ## Too good, twice
#
# How much of a winner's score is luck, and from which of the two choices?
# Recorded runs answer that for both of them alone and together, since of
# every epoch the test accuracy was recorded too. A trial is drawn at
# random, or the best of several is taken; its last epoch is taken, or its
# best. *Too good* is what the choosing set says minus what the other one
# says of the same network, on average over choosing by validation and
# choosing by test: so it doesn't matter which of the two sets is easier.
# [How sure can one be?](../evidence/how_sure.py#how-much-of-the-best-score-is-luck)
# draws such lines; here is the sum.

# %%
problems = {
    "digits": curves,
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
TRIALS = np.array([1, 4, 16, 64, 256])
SEARCHES = 4000
rng = np.random.default_rng(1)
count = len(curves.validation)
drawn = np.argsort(rng.random((SEARCHES, count)), axis=1)
drawn = drawn[:, : TRIALS.max()]
run = rng.integers(curves.seeds, size=drawn.shape)


def too_good(curves, best_epoch):
    """Return the points by number of trials, with intervals."""
    gaps = 0
    pair = curves.validation, curves.test
    for chooser, judge in (pair, pair[::-1]):
        epoch = chooser.argmax(axis=2) if best_epoch else -1
        epoch = np.broadcast_to(epoch, chooser.shape[:2])[..., None]
        seen, judged = (
            np.take_along_axis(each, epoch % curves.epochs, axis=2)
            for each in (chooser, judge)
        )
        seen, judged = (a[drawn, run, 0] for a in (seen, judged))
        wins = [seen[:, :n].argmax(axis=1)[:, None] for n in TRIALS]
        gaps = gaps + 50 * np.hstack(
            [np.take_along_axis(seen - judged, w, axis=1) for w in wins]
        )
    return compare_runs(dict(zip(TRIALS, gaps.T, strict=True)))


# %%
parts = {}
for name, recorded in problems.items():
    last = too_good(recorded, best_epoch=False)["mean"]
    both = too_good(recorded, best_epoch=True)
    parts[name] = pd.DataFrame(
        {
            "best epoch": both["mean"].iloc[0],
            "+ best trial": both["mean"] - both["mean"].iloc[0],
            "= too good": both["mean"],
            "low": both["low"],
            "high": both["high"],
            "best trial only": last,
        },
    )
display(pd.concat(parts).rename_axis(["problem", "trials"]).round(2))

# %%
for table in parts.values():
    assert abs(table["best trial only"].iloc[0]) < 1e-9
    assert table["best epoch"].iloc[0] > 0
    assert all(np.diff(table["= too good"].iloc[:4]) > 0)
    many = table.loc[[64, 256]].mean()
    assert many["+ best trial"] < many["best trial only"]

# %% [markdown]
# In points, the hundredths of accuracy.
#
# - A single trial, judged by its last epoch, is not too good: nothing was
#   chosen.
# - The epoch is chosen within a trial, so its part is there from the
#   first trial on, and stays. The trial's part grows with their number,
#   at least up to 64.
# - After many trials the trial's part is smaller than the last column,
#   where only the trial was chosen: both choices pick from the same luck,
#   that of a network on these few images.
#
# The intervals hold for searches on these runs and images. Other images
# would give other numbers.
#
# ## Why it grows
#
# A model of it in a few lines. What a trial is worth varies, with a
# standard deviation of 1; luck varies just as much. Half the variance of
# luck is the run's, common to its epochs, half that of the epoch.
#
# Three of its answers can be worked out. The largest of `n` normal
# numbers lies, on average, `m(n)` above the mean. Then

# %%
grid = np.linspace(-9, 9, 20_001)
density = np.exp(-(grid**2) / 2)
below = density.cumsum() / density.sum()


def m(n):
    """Return the expected largest of n standard normal numbers."""
    middles = (grid[1:] + grid[:-1]) / 2
    return float((middles * np.diff(below**n)).sum())


print("m(n):", {n: abs(round(m(n), 2)) for n in (1, 2, 10, 100, 1000)})
assert abs(m(1)) < 1e-3 and math.isclose(
    m(2), math.pi**-0.5, rel_tol=1e-3
)

# %% [markdown]
# - the best of `E` epochs of a trial is too good by `m(E)` deviations of
#   an epoch's luck;
# - the best of `n` trials, by their last epochs, has a score that lies
#   `m(n)` deviations of a score above the mean. Of that rise luck makes as
#   large a share as of the variance of scores;
# - the rest of it is worth.
#
# What both choices do together is simulated.

# %%
EPOCHS, WORTH, LUCK, COMMON = 10, 1.0, 1.0, 0.5
SIMULATED = 3000
shape = SIMULATED, TRIALS.max()
rng = np.random.default_rng(2)
worth = WORTH * rng.normal(size=shape)
of_run = LUCK * COMMON**0.5 * rng.normal(size=shape)
epochs_deviation = LUCK * (1 - COMMON) ** 0.5
last = of_run + epochs_deviation * rng.normal(size=shape)
of_epochs = epochs_deviation * rng.normal(size=(EPOCHS, *shape))
best = of_run + of_epochs.max(axis=0)


def of_winners(values, scores):
    """Return the winners' mean by number of trials, its interval."""
    wins = [scores[:, :n].argmax(axis=1)[:, None] for n in TRIALS]
    won = [np.take_along_axis(values, win, axis=1) for win in wins]
    return intervals(np.hstack(won))


def intervals(simulations):
    """Return the mean and interval of each column."""
    columns = dict(zip(TRIALS, simulations.T, strict=True))
    return compare_runs(columns, confidence=0.9999)


# %%
m_of_trials = np.array([m(n) for n in TRIALS])
deviation = (WORTH**2 + LUCK**2) ** 0.5
theory = {
    "luck, best epoch only": np.full(
        len(TRIALS), epochs_deviation * m(EPOCHS)
    ),
    "luck, best trial only": LUCK**2 / deviation * m_of_trials,
    "worth, best trial only": WORTH**2 / deviation * m_of_trials,
}
# Of one trial at a time, so over all of them: no winner is chosen.
alone = np.tile(best.mean(axis=1)[:, None], len(TRIALS))
simulated = {
    "luck, best epoch only": intervals(alone),
    "luck, best trial only": of_winners(last, worth + last),
    "worth, best trial only": of_winners(worth, worth + last),
    "luck, both": of_winners(best, worth + best),
}
for what, exact in theory.items():
    found = simulated[what]
    assert all(found["low"] < exact) and all(exact < found["high"])

# %% alt="Simulated luck in the winner's score against the number of trials on a log axis. Of the best epoch only it is level; of the best trial only it climbs and lies on the line from theory; of both it lies above each and below their sum." figure="why-it-grows"
figure, axis = plt.subplots()
both = simulated["luck, both"]["mean"].to_numpy()
for marker, what in zip(
    "v^o", ("best epoch only", "best trial only", "both"), strict=True
):
    mean = simulated[f"luck, {what}"]["mean"]
    axis.plot(TRIALS, mean, marker, label=what)
for number, what in enumerate(list(theory)[:2]):
    axis.plot(TRIALS, theory[what], color=f"C{number}", label="theory")
total = sum(theory[what] for what in list(theory)[:2])
axis.plot(TRIALS, total, ":", color="gray", label="their sum")
axis.set_xscale("log", base=2)
axis.set_xticks(TRIALS, TRIALS)
axis.set_xlabel("trials")
axis.set_ylabel("deviations too good")
axis.legend(ncols=2)
plt.show()

# %%
rise = pd.DataFrame(
    {
        "m(trials)": m_of_trials,
        "luck": theory["luck, best trial only"],
        "worth": theory["worth, best trial only"],
        "luck, both": both,
        "worth, both": of_winners(worth, worth + best)["mean"],
    },
    index=pd.Index(TRIALS, name="trials"),
)
display(rise.round(2) + 0)  # no minus before a zero
assert all(both[2:] < total[2:])

# %% [markdown]
# The largest of many grows with every tenfold, ever more slowly. So in
# this model neither luck nor worth stops growing: their shares stay what
# the variances say. Twice the images halve the variance of
# luck, and more of each rise is real.
#
# Real spaces are not normal: there is a best configuration, and once a
# search has come near it, [more of the rise is
# luck](../evidence/how_sure.py#how-much-of-the-best-score-is-luck).
#
# What to do about it: let a score choose and not report. Whatever is
# reported comes from rows that chose nothing:
# [train, validation and test](train_validation_test.py).
#
# ## What this page did not show
#
# - Scores of [cross-validation](../how_to/cross_validation.py), which are means
#   over folds, and as flattered by a choice among trials.
# - An objective without `val_`, such as `accuracy`. It is of the training
#   rows, a mean taken while the weights still change, and rewards
#   learning them by heart.
# - Trials of several processes: their scores mean the same.
# - Searches that look where scores were high. The table draws at random.
