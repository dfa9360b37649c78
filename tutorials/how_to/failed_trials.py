# %% [markdown] index="failed trials; NaN; max_consecutive_failed_trials; max_retries_per_trial; max_model_size; Number of consecutive failures exceeded the limit; FailedTrialError; FatalError; out of memory; val_loss nan; loss is nan; invalid configuration; skip a trial"
# # Failed trials
#
# What Keras Tuner does with exceptions, NaN, infinity and models that are
# too large, how to notice it, and how to keep a search whole.
#
# - Most faults cost one trial; three failed ones in a row end the search.
# - Check a trial's status: `get_best_hyperparameters` may return the
#   values of a failed one.
# - Under Hyperband one failure can cost the longest training. Return [a
#   bad score](#under-hyperband-a-failure-costs-more) instead.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
import warnings

import keras
import keras_tuner as kt

warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of NaN


def build(hp):
    model = keras.Sequential([keras.layers.Dense(1)])
    rate = hp.Choice("learning_rate", [0.01, 1e9])
    model.compile(keras.optimizers.SGD(rate), "mean_squared_error")
    return model


loss = kt.Objective("val_loss", "min")
names = {"directory": "searches", "project_name": "failed_trials_nan"}
tuner = kt.GridSearch(build, loss, seed=1, **names)
data = load_images("digits")
tuner.search(*data.train, validation_data=data.validation, verbose=0)
print({t.status: str(t.score) for t in tuner.oracle.trials.values()})

# %% [markdown]
# The second learning rate, far too large, gave NaN. Only NumPy's
# RuntimeWarning, hidden here, reports it.

# %%
import io
import logging
import math
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


# %%
def search(tuner_class, *args, fit=None, **settings):
    """Return the tuner, what was raised and what was printed."""
    usual = {"objective": kt.Objective("score", "max"), "seed": 1}
    usual |= {"directory": "searches", "overwrite": True}
    tuner, raised, printed = None, None, io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            tuner = tuner_class(*args, **(usual | settings))
            tuner.search(**(fit or {}), verbose=0)
        except Exception as error:
            raised = error
    return tuner, raised, printed.getvalue()


# %% [markdown]
# ## Which fault becomes what
#
# This hypermodel goes wrong at one of three values.


# %%
class Faulty(kt.HyperModel):
    def __init__(self, build=None, fit=None, units=1, at=1):
        super().__init__()
        self.build_raises, self.fit_gives = build, fit
        self.units, self.at, self.attempts = units, at, 0

    def build(self, hp):
        bad = hp.Int("value", 0, 2) == self.at
        self.attempts += bad
        if bad and self.build_raises:
            raise self.build_raises
        layer = keras.layers.Dense(self.units if bad else 1)
        return keras.Sequential([keras.Input((1,)), layer])

    def fit(self, hp, model, **kwargs):
        gives = self.fit_gives if hp.get("value") == self.at else 0.5
        if isinstance(gives, Exception):
            raise gives
        return gives


# %%
no_metric = keras.callbacks.History()  # as without validation data
no_metric.history = {"loss": [0.1]}
oops = ValueError("oops")

# %%
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
# With two retries, a fault that is retried is met three times.

# %%
rows = {}
settings = {"max_model_size": 50, "max_retries_per_trial": 2}
settings["project_name"] = "failed_trials"
for fault, hypermodel in FAULTS.items():
    tuner, raised, said = search(kt.GridSearch, hypermodel, **settings)
    trial = tuner.oracle.trials["0001"].status if tuner else "none"
    ending = f"raises {type(raised).__name__}" if raised else "goes on"
    prints = "traceback" if "Traceback" in said else "nothing"
    rows[fault] = [hypermodel.attempts, trial, ending, prints]
columns = ["attempts", "trial", "search", "prints"]
faults = pd.DataFrame.from_dict(rows, "index", columns=columns)
display(faults.rename_axis("fault"))

# %%
goes_on = faults[faults["search"] == "goes on"]
completed = goes_on["trial"] == "COMPLETED"
assert goes_on.index[completed] == "objective is +inf"
assert (goes_on.loc[~completed, "trial"] == "FAILED").all()
ended = faults.drop(goes_on.index)
assert set(ended["trial"]) == {"RUNNING", "none"}
silent = goes_on.index[goes_on["prints"] == "nothing"]
assert list(silent) == ["objective is NaN", "objective is +inf"]
assert faults.loc["FailedTrialError", "attempts"] == 1

# %% [markdown]
# A fault that every trial would meet (`FatalError`, a `fit` that returns
# nothing, a dictionary without the objective) is raised at once. The
# trial stays RUNNING, and a resumed search runs it again. And +inf is a
# score like any other: where more is better, the best one.
#
# Raise `FailedTrialError` where a retry would be a waste. A traceback is
# printed even with `verbose=0`, except for NaN.
#
# ## Three in a row end the search

# %%
SPACE = kt.HyperParameters()
SPACE.Float("x", 0.0, 1.0)


class AlwaysFails(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        raise ValueError("a mistake in every trial")


names = {"project_name": "failed_trials_always", "max_trials": 6}
names["hyperparameters"] = SPACE
for limit in (3, 10):
    tuner, raised, _ = search(
        AlwaysFails, max_consecutive_failed_trials=limit, **names
    )
    print(f"limit {limit}: {len(tuner.oracle.trials)} trials,", end=" ")
    print("raised:", str(raised).splitlines()[0])

# %% [markdown]
# With the limit raised, the search ends as if all were well:

# %%
(best,) = tuner.get_best_hyperparameters()
(trial,) = tuner.oracle.get_best_trials()
print("best values:", best.values)
print("their trial:", trial.status, "with score", trial.score)

# %% [markdown]
# So check the status of each trial that `tuner.oracle.get_best_trials()`
# returns: failed ones fill the list [when too few completed](results.py).
#
# To find such mistakes before the search, train the defaults for one
# epoch: `model = hypermodel.build(hp)`, then
# `hypermodel.fit(hp, model, ...)`, where `hp` is `kt.HyperParameters()`.
#
# ## Retries do not help against NaN
#
# One trial raises and one returns NaN, twice each. The third time both go
# well.


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


names = {"project_name": "failed_trials_retries"}
tuner, *_ = search(WrongTwice, max_retries_per_trial=2, **names)

# %%
for trial in tuner.oracle.trials.values():
    way = trial.hyperparameters.get("way")
    tries = tuner.attempts.count(way)
    print(f"{way:5}: {tries} attempts, {trial.status}, {trial.score}")
assert trial.status == "FAILED" and tries == 3

# %% [markdown]
# Keras Tuner does not replace a recorded NaN. For another try, raise an
# exception instead.
#
# ## Where the NaN stands matters
#
# Keras Tuner looks for the best epoch from the first on, and nothing
# compares as better than NaN.


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


# %%
names = {"project_name": "failed_trials_epochs"}
tuner, *_ = search(Histories, objective=loss, **names)
for trial in tuner.oracle.trials.values():
    where = trial.hyperparameters.get("NaN")
    print(f"NaN in {where:11}: {trial.status}, {trial.score}")
assert trial.score == 0.7

# %% [markdown]
# So a trial that diverges after a good epoch keeps that epoch's score and
# weights, which is right unless the final training runs longer.
#
# ## Under Hyperband a failure costs more
#
# Hyperband promotes from a round when it has more scores than it will
# throw away. A failed trial gives no score, and is never replaced. This
# tool scores exceptions, NaN and infinity, after retries that also work
# for NaN:

# %%
from snippets.searches.scored_failures import scored_failures

# %% [markdown]
# One trial of the first round goes wrong:


# %%
class OneWrong(kt.Hyperband):
    def run_trial(self, trial, *args, **kwargs):
        if trial.trial_id != "0003" or self.way == "none":
            return trial.hyperparameters.get("x")
        if self.way == "an exception":
            raise MemoryError("out of memory")
        return math.nan if self.way == "NaN" else math.inf


# %%
def rounds(tuner_class, way):
    """Count the trials of the first bracket by their epochs."""
    tuner_class.way = way
    names = {"project_name": "failed_trials_hyperband"}
    names |= {"hyperparameters": SPACE.copy(), "max_epochs": 9}
    tuner, *_ = search(tuner_class, **names)
    trials = tuner.oracle.trials.values()
    values = pd.DataFrame([t.hyperparameters.values for t in trials])
    first = values[values["tuner/bracket"] == 2]
    return first["tuner/epochs"].value_counts().sort_index()


# %%
ways = ("none", "an exception", "NaN", "infinity")
Scored = scored_failures(OneWrong, worst=0.0)
counts = {way: rounds(OneWrong, way) for way in ways}
for way in ways[1:]:
    counts[f"{way}, scored"] = rounds(Scored, way)
counts = pd.DataFrame(counts).rename_axis("epochs").fillna(0)
display(counts.astype(int))
assert not counts.loc[9, ["an exception", "NaN"]].any()

# %% [markdown]
# After one failure in the first round, no trial of that bracket is
# trained in full, and no message says so.
#
# A bad score must be finite, and no better than the worst honest trial:
# the accuracy of guessing, or a loss well above that of a constant
# prediction.
#
# ## Learning rates that diverge
#
# Your own `fit` can return a bad score as well.

# %%
x, y = data.train
WORST = 100 * float(np.var(y))
fit = {"x": x, "y": y, "validation_data": data.validation}
fit |= {"epochs": 2, "batch_size": 64, "validation_batch_size": 1000}


# %%
class Diverging(kt.HyperModel):
    epochs = 0

    def build(self, hp):
        model = build(hp)
        model.jit_compile = False  # XLA compiles longer than this runs
        return model

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        self.epochs += len(history.epoch)  # to be shown below
        return history


# %%
class BadScore(Diverging):
    def fit(self, hp, model, *args, **kwargs):
        history = super().fit(hp, model, *args, **kwargs)
        losses = np.nan_to_num(history.history["val_loss"], nan=WORST)
        losses = losses.clip(max=WORST).tolist()
        history.history["val_loss"] = losses
        return history


# %% [markdown]
# With and without `TerminateOnNaN`:

# %%
far = kt.HyperParameters()
far.Fixed("learning_rate", 1e9)
names = {"project_name": "failed_trials_diverging", "objective": loss}
rows = {}
for hypermodel in (Diverging(), BadScore(), Diverging(), BadScore()):
    stops = len(rows) > 1
    fit["callbacks"] = [keras.callbacks.TerminateOnNaN()] * stops
    more = {"hyperparameters": far.copy(), "fit": fit, **names}
    tuner, *_ = search(kt.GridSearch, hypermodel, **more)
    (trial,) = tuner.oracle.trials.values()
    failed = trial.status == "FAILED"
    score = trial.status if failed else f"{trial.score:,.1f}"
    row = {"score": score, "epochs": hypermodel.epochs}
    rows[type(hypermodel).__name__, stops] = row

# %%
table = pd.DataFrame(rows).T.sort_index(ascending=[False, True])
display(table.rename_axis(["fit", "TerminateOnNaN"]))
print(f"WORST is {WORST:,.1f}")
assert (table.loc["BadScore", "score"] == f"{WORST:,.1f}").all()
assert table["epochs"].tolist() == [2, 1, 2, 1]

# %% [markdown]
# `TerminateOnNaN` saves epochs, but is no cure: it stops at infinity or
# NaN, whichever comes first, and the score is what the validation rows give
# at that moment. Use it with `BadScore`.
#
# An accuracy hides a divergence: with NaN weights a classifier gives every
# image one class, and the trial completes with the score of guessing.

# %%
dense = keras.layers.Dense(10, activation="softmax")
broken = keras.Sequential([keras.Input((64,)), dense])
crossentropy = "sparse_categorical_crossentropy"
broken.compile(loss=crossentropy, metrics=["accuracy"])
broken.set_weights([w * math.nan for w in broken.get_weights()])
nan, accuracy = broken.evaluate(x, y, batch_size=2000, verbose=0)
print(f"loss {nan}, accuracy {accuracy:.2f}")

# %% [markdown]
# In such a case, watch the loss in `fit`, and put the bad score into the
# history of the accuracy.
#
# ## Models that are too large
#
# `max_model_size` fails a trial whose model has more parameters, after it
# is built. In a random or grid search, raise
# `max_consecutive_failed_trials` as well. Under Hyperband, return a bad
# score from `fit` before anything is trained.


# %%
class OfLimitedSize(kt.HyperModel):
    def build(self, hp):
        dense = keras.layers.Dense(hp.Choice("units", [8, 4096]))
        layers = [keras.Input((64,)), dense, keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile(loss="mean_squared_error", run_eagerly=True)
        return model

    def fit(self, hp, model, *args, **kwargs):
        if model.count_params() > 10_000:
            return WORST
        return model.fit(*args, **kwargs)


fit |= {"callbacks": [], "batch_size": 1000}
names = {"project_name": "failed_trials_large", "objective": loss}
tuner, *_ = search(kt.GridSearch, OfLimitedSize(), fit=fit, **names)

# %%
for trial in tuner.oracle.trials.values():
    folder = Path(tuner.get_trial_dir(trial.trial_id))
    saved = any(folder.glob("checkpoint*"))
    units = trial.hyperparameters.get("units")
    print(f"{units:4} units: {trial.status}, weights saved: {saved}")

# %% [markdown]
# A trial without training leaves no weights. Hyperband won't promote it
# while enough others score better: at the usual
# `factor=3`, a third of each round. If fewer do, narrow the space.
#
# ## Resume after mending the code
#
# Three failures end this search. Once the code is mended, it resumes
# under its name:


# %%
class Mended(AlwaysFails):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("x")


names = {"project_name": "failed_trials_mended", "max_trials": 6}
tuner, raised, _ = search(AlwaysFails, hyperparameters=SPACE, **names)
print("ended:", str(raised).splitlines()[0])
third = tuner.oracle.trials["2"].hyperparameters.values
tuner, *_ = search(Mended, overwrite=False, **names)
trials = dict(sorted(tuner.oracle.trials.items()))
print("then:", *(trial.status for trial in trials.values()))
assert trials["2"].hyperparameters.values == third

# %% [markdown]
# The third trial ran again with its values, since the search ended before
# saving its failure. The first two stay failed, and count towards
# `max_trials`. To try them too, start over with `overwrite=True` and the
# same `seed`: it draws the same values.
#
# ## What this page did not show
#
# - Memory that really runs out. TensorFlow raises
#   `tf.errors.ResourceExhaustedError`, an exception like any other, if
#   the process survives; if not, [resume](resume.py).
# - Bad scores under Bayesian optimisation. Its model skips failed trials
#   and learns from bad scores; a huge one, and infinity above all, can
#   distort it.
# - [Workers in parallel](several_processes.py), where the limit of
#   failures ends a worker and not the chief.
