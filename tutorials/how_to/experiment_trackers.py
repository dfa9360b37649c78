# %% [markdown] index="MLflow; Weights & Biases; wandb; logger; experiment tracker"
# # Experiment trackers
#
# Log every trial to MLflow, or to any other tracker, offline: which hook
# of a tuner gets what, and the proof that both tell the same story.
#
# Don't log from a callback. Keras Tuner copies callbacks for each
# execution, and what holds a file or a connection can't be copied. Log
# from the tuner: override three of its methods.
#
# | method | called | has |
# |---|---|---|
# | `on_trial_begin(trial)` | before a trial | its number: open a run |
# | `on_epoch_end(trial, model, epoch, logs)` | after each epoch | the metrics: log a step |
# | `on_trial_end(trial)` | after it, also if it failed | hyperparameters, score, status: close the run |
#
# `Tracked` [below](#three-methods) does that, and is mixed into whichever
# tuner you use: `class TrackedSearch(Tracked, kt.RandomSearch)`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import os

# Read as mlflow is imported; else it reports its use to its makers.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Without a database mlflow writes plain files, and wants to be asked.
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import contextlib
import io
import json
import shutil
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import mlflow
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %%
from snippets.models.image_classifier import ImageClassifier

# %% [markdown]
# ## A tracker in three calls
#
# The package is `mlflow-skinny`: the client of MLflow without its server,
# database and pages. It writes to a folder.

# %% open=true
folder = Path("searches", "experiment_trackers_mlflow").resolve()
shutil.rmtree(folder, ignore_errors=True)  # as overwrite=True does
mlflow.set_tracking_uri(folder.as_uri())
client = mlflow.MlflowClient()
EXPERIMENT = client.create_experiment("digits")
assert mlflow.telemetry.get_telemetry_client() is None


# %% open=true
class MLflow:
    """Runs of an experiment of MLflow."""

    def start(self, name):
        run = client.create_run(EXPERIMENT, run_name=name)
        return run.info.run_id

    def log(self, run, numbers, step):
        for name, number in numbers.items():
            client.log_metric(run, name, float(number), step=step)

    def end(self, run, settings, results, status, text):
        for name, value in settings.items():
            client.log_param(run, name, value)
        self.log(run, results, step=0)
        if text:
            # Tags are short, and a traceback says most at its end.
            client.set_tag(run, "message", text[-4000:])
        done = "FINISHED" if status == "COMPLETED" else "FAILED"
        client.set_terminated(run, done)


# %% [markdown]
# ## Three methods
#
# The hyperparameters are logged at the end, not at the beginning: those
# that are declared in `fit` are not known before. `finally` is there for
# the third failure in a row, at which `super().on_trial_end` raises.


# %%
class Tracked:
    """Mixed into a tuner, it logs each trial as a run of a tracker."""

    tracker = MLflow()

    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        self.run = self.tracker.start(f"trial {trial.trial_id}")

    def on_epoch_end(self, trial, model, epoch, logs=None):
        super().on_epoch_end(trial, model, epoch, logs=logs)
        self.tracker.log(self.run, logs or {}, step=epoch)

    def on_trial_end(self, trial):
        try:
            super().on_trial_end(trial)
        finally:
            ended = self.oracle.get_trial(trial.trial_id)
            best = {"score": ended.score, "best_step": ended.best_step}
            self.tracker.end(
                self.run,
                ended.hyperparameters.values,
                {} if ended.score is None else best,
                ended.status,
                ended.message,
            )


class TrackedSearch(Tracked, kt.RandomSearch):
    pass


# %% [markdown]
# Models above `max_model_size` fail, so that there is a failed trial to
# log too. Its traceback is kept off this page.

# %%
tuner = TrackedSearch(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=4,
    max_model_size=30_000,
    seed=1,
    directory="searches",
    project_name="experiment_trackers",
    overwrite=True,
)
with contextlib.redirect_stderr(io.StringIO()):
    tuner.search(
        *images.train,
        validation_data=images.validation,
        epochs=3,
        verbose=0,
    )

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED", "FAILED"}
display(trials.round(4))

# %% [markdown]
# ## Read back
#
# `mlflow.search_runs` makes a DataFrame of the runs. Parameters come back
# as text, numbers to the last digit.

# %%
runs = mlflow.search_runs([EXPERIMENT])
runs.index = runs["tags.mlflow.runName"].str.split().str[-1].astype(int)
shown = ["status", "params.units", "params.learning_rate"]
display(runs[[*shown, "metrics.score"]].sort_index().round(4))

# %%
logged = {"status": runs["status"].replace("FINISHED", "COMPLETED")}
for name in tuner.get_best_hyperparameters()[0].values:
    text = runs[f"params.{name}"]
    logged[name] = text.astype(trials[name].dtype)
logged["val_accuracy"] = runs["metrics.score"]
logged = pd.DataFrame(logged).loc[trials.index]
pd.testing.assert_frame_equal(
    logged,
    trials.drop(columns="best_step"),
    check_names=False,
    check_dtype=False,
    check_exact=True,
)
print(
    "the same",
    len(logged),
    "trials, in",
    len(logged.columns),
    "columns",
)

# %% [markdown]
# And what Keras Tuner does not keep, the curves over epochs, is there:

# %%
for number in trials.query("status == 'COMPLETED'").index:
    run = runs.loc[number, "run_id"]
    history = client.get_metric_history(run, "val_accuracy")
    curve = [point.value for point in history]
    print(f"trial {number}:", [round(value, 4) for value in curve])
    assert len(curve) == 3
    assert max(curve) == trials.loc[number, "val_accuracy"]
    best_step = curve.index(max(curve))
    assert best_step == runs.loc[number, "metrics.best_step"]
    assert best_step == trials.loc[number, "best_step"]

# %% [markdown]
# A failed trial has no curve and no score, but a status and the traceback
# as a tag.

# %%
(failed, *_) = trials.query("status == 'FAILED'").index
print(runs.loc[failed, "tags.message"].strip().splitlines()[-1])
assert "Oversized model" in runs.loc[failed, "tags.message"]

# %% [markdown]
# ## Another tracker
#
# Only the three calls know of MLflow. A tracker that appends lines of
# JSON to a file takes three more, and `Tracked` stays as it is.


# %% open=true
class Lines:
    """A file to which each event is appended as a line of JSON."""

    def __init__(self, path):
        self.path = Path(path)

    def start(self, name):
        return name

    def log(self, run, numbers, step):
        numbers = {name: float(n) for name, n in numbers.items()}
        self.write(run=run, step=step, **numbers)

    def end(self, run, settings, results, status, text):
        self.write(run=run, status=status, **results, **settings)

    def write(self, **event):
        with self.path.open("a", encoding="utf-8") as file:
            print(json.dumps(event), file=file)


# %% [markdown]
# This time under Hyperband.


# %%
class TrackedHyperband(Tracked, kt.Hyperband):
    tracker = Lines("trials.jsonl")


TrackedHyperband.tracker.path.unlink(missing_ok=True)
hyperband = TrackedHyperband(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=2,
    factor=2,
    seed=1,
    directory="searches",
    project_name="experiment_trackers_hyperband",
    overwrite=True,
)
hyperband.search(
    *images.train, validation_data=images.validation, verbose=0
)

# %%
text = TrackedHyperband.tracker.path.read_text("utf-8")
events = [json.loads(line) for line in text.splitlines()]
ends = {e["run"]: e["status"] for e in events if "status" in e}
epochs = [e for e in events if "val_accuracy" in e]
print(len(ends), "trials,", len(epochs), "epochs")
assert set(ends.values()) == {"COMPLETED"}
assert len(ends) == len(hyperband.oracle.trials)
scores = {e["run"]: e["score"] for e in events if "score" in e}
for trial in hyperband.oracle.trials.values():
    assert scores[f"trial {trial.trial_id}"] == trial.score

# %% [markdown]
# Trackers with an account have the same three calls. For Weights & Biases
# they would be these, from its documentation and not run here:
#
# | call | MLflow | Weights & Biases |
# |---|---|---|
# | `start` | `client.create_run` | `wandb.init(mode="offline", name=name)` |
# | `log` | `client.log_metric` | `run.log(numbers, step=step)` |
# | `end` | `client.log_param`, `client.set_terminated` | `run.config.update(settings)`, `run.summary.update(results)`, `run.finish(exit_code=...)` |
#
# ## Why not a callback
#
# This one holds an open file. Any client with a connection, a lock or a
# thread is like it.


# %%
class WritesToFile(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.file = open("epochs.txt", "w", encoding="utf-8")  # noqa

    def on_epoch_end(self, epoch, logs=None):
        print(epoch, logs, file=self.file)


callback_tuner = kt.RandomSearch(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=1,
    seed=1,
    directory="searches",
    project_name="experiment_trackers_callback",
    overwrite=True,
)
callback = WritesToFile()
try:
    callback_tuner.search(
        *images.train,
        validation_data=images.validation,
        callbacks=[callback],
        verbose=0,
    )
except kt.errors.FatalValueError as error:
    message = str(error)
    print(message.split(" It is not")[0])
callback.file.close()
assert "deep-copyable" in message

# %% [markdown]
# A callback that opens its file in `on_train_begin` passes, being copied
# before. It still knows neither the trial nor its status:
# [callbacks](callbacks.py).
#
# ## The `logger` argument
#
# Tuners take a `logger`, and old answers tell you to use it. It does
# nothing.


# %%
class AnyLogger:
    calls = 0

    def __getattr__(self, name):
        type(self).calls += 1
        raise AttributeError(name)


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    logger_tuner = kt.RandomSearch(
        ImageClassifier(),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        logger=AnyLogger(),
        seed=1,
        directory="searches",
        project_name="experiment_trackers_logger",
        overwrite=True,
    )
    logger_tuner.search(
        *images.train, validation_data=images.validation, verbose=0
    )
said = [str(w.message) for w in caught if "logger" in str(w.message)]
print(*said)
print("the logger was used", AnyLogger.calls, "times")
assert said and AnyLogger.calls == 0

# %% [markdown]
# ## What this page did not show
#
# - Several executions per trial: `on_epoch_end` is called for each, with
#   the same steps. Override `run_trial` and log the list of histories
#   that it returns, as [results](results.py#curves-over-epochs) does.
# - A search that is interrupted: its last run stays open, and on resuming
#   the trial gets a second one.
# - A retried trial, which gets a run for each attempt.
# - MLflow's server and its database, Weights & Biases itself, and models
#   as artefacts.
