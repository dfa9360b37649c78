# %% [markdown] index="callbacks; EarlyStopping; ReduceLROnPlateau; ModelCheckpoint; deepcopy; learning rate schedule; BackupAndRestore; inside a trial"
# # Early stopping and callbacks
#
# Stop trials that no longer improve, see what that saves and costs, and
# get back what a callback saw.
#
# Give callbacks to `search`, and let [early
# stopping](../../reference/glossary.md#early-stopping) watch the objective.
#
# - `restore_best_weights` and `ModelCheckpoint` are not needed: the tuner
#   scores a trial by its best epoch and keeps that epoch's weights.
# - Each trial gets a deep copy. Your own object stays as it was, and a
#   callback that can't be copied ends the search.
# - Under Hyperband most trials are too short for patience to run out.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

stopping = keras.callbacks.EarlyStopping(
    monitor="val_accuracy", mode="max", patience=2
)
score = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "callbacks_first"}
tuner = kt.RandomSearch(build_model, score, 2, seed=1, **folder)
x, y = load_digits(return_X_y=True)
given = {"validation_split": 0.2, "epochs": 30, "verbose": 0}
tuner.search(x[:600] / 16, y[:600], callbacks=[stopping], **given)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.4f} in epoch {trial.best_step + 1} of 30")

# %%
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## What early stopping saves, and what it costs
#
# A stopped trial has the first epochs of a full one. So two full trials
# show what stopping would have changed.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


def build(hp):
    model = build_model(hp)
    model.run_eagerly = True  # tracing takes longer than a few steps
    # Weights are then read back without a warning.
    model.optimizer.build(model.trainable_variables)
    return model


# %%
def searched(callbacks, tuner_class, epochs=1, batch_size=400, **more):
    """Return the tuner of a finished search."""
    usual = {"hypermodel": build, "max_trials": 1, "overwrite": True}
    usual |= {"objective": score, "directory": "searches", "seed": 2000}
    usual["project_name"] = f"callbacks_{tuner_class.__name__}"
    tuner = tuner_class(**usual | more)
    given = {"validation_data": images.validation, "epochs": epochs}
    given |= {"validation_batch_size": 1000, "batch_size": batch_size}
    tuner.search(*images.train, callbacks=callbacks, verbose=0, **given)
    return tuner


# %%
class Curves(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        histories = super().run_trial(trial, *args, **kwargs)
        curves.append(histories[0].history["val_accuracy"])
        return histories


curves = []
settings = {"hypermodel": build_model, "max_trials": 2}
searched([], Curves, epochs=12, batch_size=64, **settings)
print("epochs trained:", [len(curve) for curve in curves])


# %%
def stopped(curve, patience):
    """Return the epochs that Keras would train, and the best score."""
    model = build_model(kt.HyperParameters())
    stopping = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=patience
    )
    stopping.set_model(model)
    stopping.on_train_begin()
    for epoch, value in enumerate(curve):
        stopping.on_epoch_end(epoch, {"val_accuracy": value})
        if model.stop_training:
            break
    return epoch + 1, max(curve[: epoch + 1])


# %%
rows = {}
for number, curve in enumerate(curves):
    for patience in (1, 2, 4, 12):
        rows[number, patience] = stopped(curve, patience)
table = pd.DataFrame(rows, ["epochs", "score"]).T
table.index.names = ["trial", "patience"]
display(table.astype({"epochs": int}).round(4))
print(f"one image is {1 / len(images.validation[1]):.4f}")
assert table.groupby("trial")["score"].is_monotonic_increasing.all()

# %% [markdown]
# With less patience, a trial may end sooner and can't score higher, though
# another trial may then win. What a trial loses depends on the noise of the
# objective: a score that moves by single images pauses often. Two trials
# show no average.
#
# ## Why there is nothing to restore
#
# A stopped trial has trained for `patience` epochs after its best. The
# search at the top kept the weights of the best:

# %%
with warnings.catch_warnings(action="ignore"):
    model = tuner.get_best_models()[0]  # without its optimizer's state
data = x[480:600] / 16, y[480:600]  # those that validation_split took
accuracy = model.evaluate(*data, verbose=0)[1]
trial = tuner.oracle.get_best_trials()[0]
print(f"score {trial.score:.4f}, its weights give {accuracy:.4f}")
assert np.isclose(accuracy, trial.score)
folder = Path(tuner.get_trial_dir(trial.trial_id))
print("on disk:", *sorted(path.name for path in folder.iterdir()))

# %% [markdown]
# A `ModelCheckpoint` would write a second file, the same in every trial: at
# the end it holds whichever trial wrote last.
#
# Watch the objective unless you know why not: a trial that monitors
# `val_loss` in a search for `val_accuracy` stops by one measure and is
# scored by another.
#
# ## Your callback stays empty
#
# This one notes every epoch:


# %%
class Notes(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])


notes = Notes()
searched([notes], kt.RandomSearch)
print("losses noted:", notes.losses)
assert notes.losses == []

# %% [markdown]
# The notes were taken by the copies, which are gone. What can't be
# copied, such as a lock, an open file or a database connection, is
# refused before anything trains:

# %%
notes.database = sqlite3.connect(":memory:")
try:
    searched([notes], kt.RandomSearch)
except kt.errors.FatalValueError as error:
    print(type(error).__name__, str(error).split(". ")[0])
notes.database.close()

# %% [markdown]
# Open such things in `on_train_begin`, which runs in the copy, as Keras's
# `CSVLogger` does.
#
# ## Notes that last
#
# Write a file in each trial's folder: a single `CSVLogger` for the whole
# search would write over the trial before.


# %%
class Logged(kt.RandomSearch):
    def run_trial(self, trial, *args, callbacks=(), **kwargs):
        path = Path(self.get_trial_dir(trial.trial_id), "epochs.csv")
        log = keras.callbacks.CSVLogger(path, append=True)
        kwargs["callbacks"] = [*callbacks, log]
        return super().run_trial(trial, *args, **kwargs)


# %% [markdown]
# A schedule lowers the learning rate when the loss falls by less than
# `min_delta`:

# %%
slower = keras.callbacks.ReduceLROnPlateau(
    monitor="val_loss", factor=0.3, patience=1, min_delta=0.3
)
tuner = searched([slower], Logged, max_trials=2, epochs=4)
rates = {}
for number, trial in tuner.oracle.trials.items():
    log = pd.read_csv(Path(tuner.get_trial_dir(number), "epochs.csv"))
    rates[number] = log["learning_rate"]
    drawn = trial.hyperparameters.get("learning_rate")
    assert np.isclose(rates[number][0], drawn)
print("in the file:", *log)
print("learning rates:")
rates = pd.DataFrame(rates).rename_axis("epoch")
display(rates.rename_axis(columns="trial").round(5))

# %% [markdown]
# The schedule starts afresh in each trial, at the learning rate it drew:
# the tuned one is only the first.
# [Results](results.py#curves-over-epochs) keeps the same history without
# a callback.
#
# ## Go on inside an interrupted trial
#
# A search that runs again repeats the interrupted trial [from its
# start](resume.py). With `BackupAndRestore`, in the trial's own folder, it
# goes on after the last whole epoch. Interrupted in the second epoch:


# %%
class BackedUp(Logged):
    def run_trial(self, trial, *args, callbacks=(), **kwargs):
        folder = Path(self.get_trial_dir(trial.trial_id), "backup")
        backup = keras.callbacks.BackupAndRestore(folder)
        kwargs["callbacks"] = [backup, *callbacks]
        return super().run_trial(trial, *args, **kwargs)


class Interrupted(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


# %%
try:
    searched([Interrupted()], BackedUp, epochs=3)
except KeyboardInterrupt:
    print("interrupted")
tuner = searched([], BackedUp, epochs=3, overwrite=False)
trial = tuner.oracle.trials["0"]
log = pd.read_csv(Path(tuner.get_trial_dir("0"), "epochs.csv"))
print("all epochs, counted from 0:", log["epoch"].tolist())
print("status:", trial.status, "- best_step:", trial.best_step)
assert log["epoch"].tolist() == [0, 1, 2] and trial.best_step < 2

# %% [markdown]
# The cost: score and `best_step` know only the epochs since the restart. An
# earlier best is forgotten, and to [train again](retrain_and_ship.py) you
# add the epochs before. It is worth it where one trial takes hours.
#
# ## A callback with hyperparameters
#
# Make it in `HyperModel.fit`, and add it to the callbacks that come in,
# among them the tuner's own, which saves the best epoch. The second class
# wrongly leaves those out:


# %%
class TunedSchedule(kt.HyperModel):
    def build(self, hp):
        self.schedule(hp)  # known from now on, it varies at once
        return build(hp)

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        callbacks = [*callbacks, self.schedule(hp)]
        return model.fit(*args, callbacks=callbacks, **kwargs)

    def schedule(self, hp):
        return keras.callbacks.ReduceLROnPlateau(
            factor=hp.Choice("factor", [0.1, 0.3, 0.5]),
            patience=hp.Int("patience", 1, 4),
        )


# %%
class OursAlone(TunedSchedule):
    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        callbacks = [self.schedule(hp)]  # and the tuner's own?
        return model.fit(*args, callbacks=callbacks, **kwargs)


for hypermodel in (TunedSchedule(), OursAlone()):
    tuner = searched([], kt.RandomSearch, hypermodel=hypermodel)
    statuses = {t.status for t in tuner.oracle.trials.values()}
    saved = [*Path(tuner.project_dir).glob("trial_*/checkpoint*")]
    print(type(hypermodel).__name__, statuses, len(saved), "saved")
    assert len(saved) == (type(hypermodel) is TunedSchedule)

# %% [markdown]
# Nothing fails until `get_best_models` finds no weights. Don't tune the
# patience of early stopping: like [the number of
# epochs](batch_size_and_epochs.py#why-not-epochs), more of it can't score
# lower.
#
# ## Under Hyperband
#
# A training that never improves runs one epoch to have a best, and
# `patience` more. How many of Hyperband's trials are longer? Its real
# schedule, with a number in place of training:


# %%
class Scheduled(kt.Hyperband):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("learning_rate")


# %%
names = {"directory": "searches", "overwrite": True}
names["project_name"] = "callbacks_hyperband"


def lengths_of_trials(max_epochs):
    tuner = Scheduled(build, score, max_epochs, seed=1, **names)
    tuner.search(verbose=0)
    trials = tuner.oracle.trials.values()
    drawn = pd.DataFrame([t.hyperparameters.values for t in trials])
    return drawn["tuner/epochs"] - drawn["tuner/initial_epoch"]


# %%
rows = {}
for max_epochs in (9, 27):
    lengths = lengths_of_trials(max_epochs)
    for patience in (3, 5, 10):
        rest = (lengths - patience - 1).clip(0)
        rows[max_epochs, patience] = {
            "trials": len(lengths),
            "can be stopped": (rest > 0).sum(),
            "epochs": lengths.sum(),
            "saved at most": rest.sum(),
        }
table = pd.DataFrame(rows).T.rename_axis(["max_epochs", "patience"])
display(table)
assert (table["can be stopped"] < table["trials"] / 2).all()
assert stopped([0.5] * 20, patience=5)[0] == 1 + 5

# %% [markdown]
# Fewer than half can be stopped, but they are the longest and hold many of
# the epochs. The last column assumes that no training ever improves. Where
# `max_epochs` is generous, add patience for the last rounds.
#
# ## What this page did not show
#
# - Seconds saved: a shorter trial still builds and traces its model.
# - Which patience is right. It depends on how noisy your objective is.
