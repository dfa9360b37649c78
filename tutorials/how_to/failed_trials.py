# %% [markdown] index="failed trials; NaN; max_consecutive_failed_trials; max_retries_per_trial; max_model_size; Number of consecutive failures exceeded the limit; FailedTrialError; FatalError; out of memory; val_loss nan; loss is nan"
# # Failed trials
#
# What Keras Tuner makes of an exception, NaN, infinity or a model that
# is too large; how to notice it, and how to keep a search whole.
#
# - Most exceptions cost one trial. Three failed trials in a row end the
#   search.
# - `get_best_hyperparameters` may hand out the values of a failed
#   trial. Look at the status first:
#
# ```python
# trial = tuner.oracle.get_best_trials()[0]
# if trial.status != "COMPLETED":
#     raise RuntimeError(f"no trial completed\n{trial.message}")
# ```
#
# - Retries help against exceptions, not against NaN.
# - Under Hyperband one failed trial can cost the longest training of
#   its bracket. There, return a bad score instead of NaN or an
#   exception.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
import logging
import math
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

# %% [markdown]
# ## Which fault becomes what
#
# A hypermodel whose only work is to fail: sound for three values of a
# hyperparameter, at a fourth it raises, returns or builds what it was
# told to.


# %%
class Faulty(kt.HyperModel):
    def __init__(self, build=None, fit=None, units=1, at=2):
        super().__init__()
        self.build_raises, self.fit_gives = build, fit
        self.units, self.at, self.attempts = units, at, 0

    def build(self, hp):
        bad = hp.Int("value", 0, 3) == self.at
        self.attempts += bad
        if bad and self.build_raises:
            raise self.build_raises
        units = self.units if bad else 1
        layers = [keras.Input((1,)), keras.layers.Dense(units)]
        return keras.Sequential(layers)

    def fit(self, hp, model, **kwargs):
        if hp.get("value") != self.at:
            return 0.5
        if isinstance(self.fit_gives, Exception):
            raise self.fit_gives
        return self.fit_gives


# %% [markdown]
# A metric that was never logged is a training history without the
# objective in it, as when `search` got no validation data.

# %%
no_metric = keras.callbacks.History()
no_metric.history = {"loss": [0.1]}
oops = ValueError("oops")
FAULTS = {
    "exception in fit": Faulty(fit=oops),
    "exception in build": Faulty(build=oops),
    "the same, with default values": Faulty(build=oops, at=0),
    "objective is NaN": Faulty(fit=math.nan),
    "objective is +inf": Faulty(fit=math.inf),
    "objective was not logged": Faulty(fit=no_metric),
    "dictionary without objective": Faulty(fit={"loss": 0.1}),
    "nothing returned": Faulty(),
    "FailedTrialError": Faulty(fit=kt.errors.FailedTrialError()),
    "FatalError": Faulty(fit=kt.errors.FatalError()),
    "above max_model_size": Faulty(units=99),
}

# %% [markdown]
# A grid search tries the four values in order. Two retries are allowed,
# so a fault that is retried is met three times.


# %%
def meet(hypermodel):
    """Search; return what became of the trial with the fault."""
    tuner, ending, printed = None, "goes on", io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            tuner = kt.GridSearch(
                hypermodel,
                objective=kt.Objective("score", "max"),
                max_model_size=50,
                max_retries_per_trial=2,
                seed=1,
                directory="searches",
                project_name="failed_trials",
                overwrite=True,
            )
            hypermodel.attempts = 0  # the constructor builds once, too
            tuner.search(verbose=0)
    except Exception as error:
        ending = f"raises {type(error).__name__}"
    return {
        "attempts": hypermodel.attempts,
        "trial": tuner.oracle.trials["0002"].status
        if tuner
        else "none",
        "search": ending,
        "prints": "Traceback" in printed.getvalue(),
    }


# %%
rows = {fault: meet(each) for fault, each in FAULTS.items()}
faults = pd.DataFrame.from_dict(rows, orient="index")
prints = faults.pop("prints").map({True: "traceback", False: "nothing"})
faults = faults.assign(prints=prints).rename_axis("fault")
display(faults)

# %%
goes_on = faults[faults["search"] == "goes on"]
assert goes_on["trial"].value_counts().to_dict() == {
    "FAILED": 6,
    "COMPLETED": 1,
}
assert (
    goes_on.query("trial == 'COMPLETED'").index == "objective is +inf"
)
raised = faults.drop(goes_on.index)
assert set(raised["trial"]) == {"RUNNING", "none"}
assert set(raised["prints"]) == {"nothing"}
assert faults.loc["objective is NaN", "prints"] == "nothing"
once = faults.index[faults["attempts"] == 1]
assert {"FailedTrialError", "above max_model_size"} < set(once)

# %% [markdown]
# What a single trial can meet makes that trial FAILED, and the search
# goes on. What every trial would meet (`FatalError`, a `fit` that
# returns nothing, a dictionary that lacks the objective) is raised at
# once; the trial stays RUNNING, and a resumed search runs it again. A
# metric that was never logged would fail every trial too, but counts
# among the first. And +inf is a score like any other: here, where more
# is better, the best one.
#
# `FailedTrialError` is for you to raise, where a retry would be a
# waste. A traceback is printed even with `verbose=0`, except for NaN.
#
# ## Three in a row end the search
#
# A mistake in `fit` fails every trial. To see what follows takes no
# models: here `run_trial` returns the number itself, or raises.


# %%
SPACE = kt.HyperParameters()
SPACE.Float("x", 0.0, 1.0)


class AlwaysFails(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        raise ValueError("a mistake in every trial")


def search(tuner_class, **settings):
    """Search quietly; return the tuner and what was raised."""
    settings = {
        "objective": kt.Objective("score", "max"),
        "seed": 1,
        "directory": "searches",
        "overwrite": True,
    } | settings
    tuner, raised = tuner_class(**settings), None
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            tuner.search(verbose=0)
    except RuntimeError as error:
        raised = error
    return tuner, raised


# %%
for limit in (3, 10):
    tuner, raised = search(
        AlwaysFails,
        hyperparameters=SPACE,
        max_trials=6,
        max_consecutive_failed_trials=limit,
        project_name="failed_trials_always",
    )
    print(f"limit {limit}: {len(tuner.oracle.trials)} trials,", end=" ")
    print("raised:", str(raised).splitlines()[0])
    assert (raised is None) == (limit == 10)

# %% [markdown]
# With the limit raised, a search in which nothing ever worked ends as
# if all were well. Ask it for the best values:

# %%
(best,) = tuner.get_best_hyperparameters()
(trial,) = tuner.oracle.get_best_trials()
print("best values:", {x: round(v, 3) for x, v in best.values.items()})
print("their trial:", trial.status, "with score", trial.score)
assert trial.status == "FAILED" and trial.score is None

# %% [markdown]
# Hence the check at the top of this page. Where more than one trial is
# asked for, check each: `get_best_trials(5)` fills up with failed ones
# [when fewer have completed](results.py).
#
# To meet such mistakes before the search does, build and train once by
# hand, with the default values: `model = hypermodel.build(hp)`, then
# `hypermodel.fit(hp, model, ...)` for one epoch, `hp` being
# `kt.HyperParameters()`.
#
# ## Retries do not help against NaN
#
# Two trials that go wrong the first two times and well the third: one
# by an exception, one by NaN.


# %%
class WrongTwice(kt.GridSearch):
    attempts = ()

    def run_trial(self, trial, *args, **kwargs):
        way = trial.hyperparameters.Choice("way", ["raise", "NaN"])
        self.attempts += (way,)
        if self.attempts.count(way) == 3:
            return 1.0
        if way == "raise":
            raise ValueError("out of luck")
        return math.nan


tuner, _ = search(
    WrongTwice,
    max_retries_per_trial=2,
    project_name="failed_trials_retries",
)
for trial in tuner.oracle.trials.values():
    way = trial.hyperparameters.get("way")
    tries = tuner.attempts.count(way)
    print(f"{way:5}: {tries} attempts, {trial.status}, {trial.score}")

# %%
statuses = [trial.status for trial in tuner.oracle.trials.values()]
assert statuses == ["COMPLETED", "FAILED"]
assert tuner.attempts.count("NaN") == 3

# %% [markdown]
# The retries of the second trial ran, and their result was thrown away:
# Keras Tuner had recorded the NaN, and does not replace what it has
# recorded. If an accident of initial weights may give NaN and you want
# another try, raise an exception instead of returning it.
#
# ## Where the NaN stands matters
#
# From a training history Keras Tuner takes the best epoch, and begins
# to compare at the first. Nothing compares as better than NaN.


# %%
class Histories(kt.GridSearch):
    LOSSES = {
        "never": [0.9, 0.7, 0.8],
        "first epoch": [math.nan, 0.7, 0.8],
        "last epoch": [0.9, 0.7, math.nan],
    }

    def run_trial(self, trial, *args, **kwargs):
        where = trial.hyperparameters.Choice("NaN", list(self.LOSSES))
        history = keras.callbacks.History()
        history.history = {"val_loss": self.LOSSES[where]}
        return history


tuner, _ = search(
    Histories,
    objective=kt.Objective("val_loss", "min"),
    project_name="failed_trials_epochs",
)
for trial in tuner.oracle.trials.values():
    where = trial.hyperparameters.get("NaN")
    print(f"NaN in {where:11}: {trial.status}, {trial.score}")

# %%
scores = [trial.score for trial in tuner.oracle.trials.values()]
assert math.isnan(scores[1]) and scores[0] == scores[2] == 0.7

# %% [markdown]
# So a trial that diverges after a good epoch keeps its score, and the
# weights of that epoch. That is what one wants, unless the final
# training is to run longer than that.
#
# ## Under Hyperband a failure costs more
#
# Hyperband promotes from a round when it has more scores than it will
# throw away. A failed trial gives no score, and it is never replaced.
# The real schedule, with a number in place of training; in the first
# round one trial goes wrong:


# %%
class OneWrong(kt.Hyperband):
    way = "none"

    def run_trial(self, trial, *args, **kwargs):
        score = trial.hyperparameters.get("x")
        if trial.trial_id != "0003" or self.way == "none":
            return score
        if self.way == "an exception":
            raise ValueError("out of memory, say")
        return {"NaN": math.nan, "a bad score": 0.0}[self.way]


# %%
counts = {}
for way in ("none", "an exception", "NaN", "a bad score"):
    OneWrong.way = way
    tuner, _ = search(
        OneWrong,
        hyperparameters=SPACE,
        max_epochs=27,
        project_name="failed_trials_hyperband",
    )
    for trial in tuner.oracle.trials.values():
        values = trial.hyperparameters.values
        if values["tuner/bracket"] == 3:
            column = counts.setdefault(way, {})
            epochs = values["tuner/epochs"]
            column[epochs] = column.get(epochs, 0) + 1
counts = pd.DataFrame(counts).rename_axis("epochs").fillna(0)
display(counts.astype(int))

# %%
assert (counts["none"] == [27, 9, 3, 1]).all()
assert (counts["a bad score"] == counts["none"]).all()
for way in ("an exception", "NaN"):
    assert counts[way].tolist() == [27, 8, 2, 0]

# %% [markdown]
# A row for each round. One failure in the first, and no trial of that
# bracket is trained in full. Nothing says so. The cure is the last
# column: return a bad score. It must be finite, and no better than the
# worst honest trial: the accuracy of guessing, or a loss well above
# that of a constant prediction. As a tool around the tuner, after
# retries that count:
# [`scored_failures`](faults.py#trials-that-fail).
#
# ## Learning rates that diverge
#
# A real case. A regression whose learning rate may be far too large;
# its loss overflows within an epoch.

# %%
x, y = load_diabetes(return_X_y=True)
x, _, y, _ = train_test_split(x, y, test_size=0.2, random_state=1)
x_train, x_validation, y_train, y_validation = train_test_split(
    x, y, test_size=0.25, random_state=1
)


class Diverging(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def build(self, hp):
        rates = [0.1, 1e8]
        learning_rate = hp.Choice("learning_rate", rates)
        layers = [keras.Input((10,)), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile(
            optimizer=keras.optimizers.SGD(learning_rate),
            loss="mean_squared_error",
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        self.epochs += len(history.epoch)  # to be shown below
        return history


# %% [markdown]
# The cure, in `fit`: leave the training alone, and put a bad score
# where the history has no number. `WORST` is far above the loss of
# predicting the mean.

# %%
WORST = 100 * float(np.var(y_train))


class BadScore(Diverging):
    def fit(self, hp, model, *args, **kwargs):
        history = super().fit(hp, model, *args, **kwargs)
        losses = history.history["val_loss"]
        losses = np.nan_to_num(losses, nan=WORST, posinf=WORST)
        history.history["val_loss"] = losses.clip(max=WORST).tolist()
        return history


# %% [markdown]
# `TerminateOnNaN`, which stops a training at the first loss that is no
# number, is often named as the cure. All four combinations:

# %%
rows = []
for hypermodel in (Diverging(), BadScore()):
    for stops in (False, True):
        keras.utils.set_random_seed(1)
        tuner = kt.GridSearch(
            hypermodel,
            objective=kt.Objective("val_loss", "min"),
            seed=1,
            directory="searches",
            project_name="failed_trials_diverging",
            overwrite=True,
        )
        callbacks = [keras.callbacks.TerminateOnNaN()] * stops
        quiet = io.StringIO()
        with (
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            tuner.search(
                x_train,
                y_train,
                validation_data=(x_validation, y_validation),
                epochs=4,
                callbacks=callbacks,
                verbose=0,
            )
        trials = tuner.oracle.trials.values()
        row = {
            "fit": type(hypermodel).__name__,
            "TerminateOnNaN": stops,
        }
        for trial in trials:
            rate = trial.hyperparameters.get("learning_rate")
            done = trial.status == "COMPLETED"
            row[f"{rate:g}"] = trial.score if done else trial.status
        row["epochs"] = hypermodel.epochs
        hypermodel.epochs = 0
        assert ("Invalid loss" in quiet.getvalue()) == stops
        rows.append(row)
table = pd.DataFrame(rows).set_index(["fit", "TerminateOnNaN"])
display(table.map(lambda x: x if isinstance(x, str) else f"{x:,.0f}"))
print(f"WORST is {WORST:,.0f}")

# %%
diverged = table["1e+08"]
assert (table["0.1"] < WORST / 10).all()
assert diverged["Diverging", False] == "FAILED"
assert (diverged["BadScore"] == WORST).all()
for _, epochs in table["epochs"].groupby("fit"):
    assert epochs[:, True].item() < epochs[:, False].item()
(best,) = tuner.get_best_hyperparameters()
assert best.get("learning_rate") < 1

# %% [markdown]
# Under each learning rate its score, or that it failed; then the epochs
# trained in all. `TerminateOnNaN` saves epochs, and prints a line each
# time. It is no cure: it stops at infinity or NaN, whichever comes
# first, and the score is what the validation rows give at that moment.
# `BadScore` is right in both rows, and the two go together.
#
# An accuracy hides a divergence altogether: with weights that are NaN a
# classifier answers with one class for every image, and that has an
# accuracy. Such trials complete, with the score of guessing.

# %%
labels = (y_train > np.median(y_train)).astype(int)
inputs = keras.Input((10,))
outputs = keras.layers.Dense(2, activation="softmax")(inputs)
broken = keras.Model(inputs, outputs)
broken.compile(
    loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
broken.set_weights([w * math.nan for w in broken.get_weights()])
loss, accuracy = broken.evaluate(x_train, labels, verbose=0)
print(f"loss {loss}, accuracy {accuracy:.2f}")
assert math.isnan(loss) and accuracy > 0.3

# %% [markdown]
# There, watch the loss in `fit`, as `BadScore` does, and put the bad
# score into the history of the accuracy.
#
# ## Models that are too large
#
# `max_model_size` fails a model with more parameters than that, after
# it was built. In a random or grid search that is enough, with
# `max_consecutive_failed_trials` raised. Under Hyperband, return a bad
# score from `fit` before anything is trained.


# %%
class OfLimitedSize(kt.HyperModel):
    def build(self, hp):
        units = hp.Choice("units", [8, 4096])
        model = keras.Sequential(
            [
                keras.Input((10,)),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(1),
            ]
        )
        model.compile(loss="mean_squared_error")
        return model

    def fit(self, hp, model, *args, **kwargs):
        if model.count_params() > 10_000:
            return WORST
        return model.fit(*args, **kwargs)


tuner = kt.GridSearch(
    OfLimitedSize(),
    objective=kt.Objective("val_loss", "min"),
    seed=1,
    directory="searches",
    project_name="failed_trials_large",
    overwrite=True,
)
tuner.search(
    x_train,
    y_train,
    validation_data=(x_validation, y_validation),
    verbose=0,
)
for trial in tuner.oracle.trials.values():
    folder = Path(tuner.get_trial_dir(trial.trial_id))
    saved = any(folder.glob("checkpoint*"))
    units = trial.hyperparameters.get("units")
    print(f"{units:4} units: {trial.status}, weights saved: {saved}")
    assert saved == (units == 8)

# %% [markdown]
# A trial that was not trained leaves no weights to go on from, and one
# whose every loss was NaN doesn't either. Hyperband must not promote
# it, and won't while enough others score better: at the usual
# `factor=3`, a third of each round. If more of a space is bad than
# that, narrow the space.
#
# ## Resume after mending the code
#
# Three failures ended a search. The mistake is mended, and the search
# resumed under its name:


# %%
class Mended(AlwaysFails):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("x")


tuner, raised = search(
    AlwaysFails,
    hyperparameters=SPACE,
    max_trials=6,
    project_name="failed_trials_mended",
)
print("ended:", str(raised).splitlines()[0])
before = {
    trial.trial_id: trial.hyperparameters.get("x")
    for trial in tuner.oracle.trials.values()
}
tuner, raised = search(
    Mended,
    max_trials=6,
    project_name="failed_trials_mended",
    overwrite=False,
)
trials = dict(sorted(tuner.oracle.trials.items()))
print("then:", *(trial.status for trial in trials.values()))

# %%
statuses = [trial.status for trial in trials.values()]
assert raised is None
assert statuses == 2 * ["FAILED"] + 4 * ["COMPLETED"]
assert before == {
    number: trials[number].hyperparameters.get("x") for number in before
}

# %% [markdown]
# The third trial was run again with its values, since the search ended
# before its failure was saved. The first two stay failed, and count
# towards `max_trials`. To try them too, start over with
# `overwrite=True` and the same `seed`: it draws the same values.
#
# ## What this page did not show
#
# - Memory that really runs out. TensorFlow raises
#   `tf.errors.ResourceExhaustedError`, an exception like any other, if
#   the process survives at all; if not, [resume](resume.py).
# - What a bad score does to Bayesian optimisation. Its model skips
#   failed trials and learns from bad scores; a huge one, and infinity
#   above all, can bend it out of shape.
# - [Workers in parallel](several_processes.py), where the limit of
#   failures ends a worker and not the chief.
# - Kills, full disks, second processes: [faults](faults.py).
