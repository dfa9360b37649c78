# %% [markdown] index="MLflow; Weights & Biases; wandb; logger; experiment tracker; TensorBoard"
# # Experiment trackers
#
# Log every trial to MLflow, or to any other tracker, offline: which hook
# of a tuner gets what.
#
# Don't log from [a callback](#why-not-a-callback). Override three methods
# of the tuner:
#
# | method | called | has |
# |---|---|---|
# | `on_trial_begin(trial)` | before a trial | its number: open a run |
# | `on_epoch_end(trial, model, epoch, logs)` | after each epoch | the metrics: log a step |
# | `on_trial_end(trial)` | after it, also if it failed | hyperparameters, score, status: close the run |

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits


class Logged(kt.RandomSearch):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        ended = self.oracle.get_trial(trial.trial_id)
        print(ended.status, ended.score, ended.hyperparameters.values)


names = {"directory": "searches", "project_name": "trackers_first"}
names["objective"] = kt.Objective("val_accuracy", "max")
tuner = Logged(build_model, max_trials=2, seed=1, **names)
x, y = load_digits(return_X_y=True)
x, y = x[:600] / 16, y[:600]
tuner.search(x, y, validation_split=0.2, verbose=0)

# %% [markdown]
# Instead of `print`, call your tracker, as `Tracked`
# [below](#three-methods) does in all three methods.

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
import mlflow
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A tracker in three calls
#
# The package `mlflow-skinny` is MLflow's client without its server,
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
# Hyperparameters declared in `fit` are only known at the end. `finally`
# is for the third failure in a row, at which `super().on_trial_end`
# raises.


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
            results = {} if ended.score is None else best
            values = ended.hyperparameters.values
            how = ended.status, ended.message
            self.tracker.end(self.run, values, results, *how)


# %% [markdown]
# Models above `max_model_size` fail, so that a failed trial is logged
# too.


# %%
class TrackedSearch(Tracked, kt.RandomSearch):
    pass


names |= {"project_name": "experiment_trackers", "overwrite": True}
tuner = TrackedSearch(
    build_model, max_trials=3, max_model_size=5_000, seed=1, **names
)
fit = {"x": x, "y": y, "validation_split": 0.2, "verbose": 0}
with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
    tuner.search(**fit, epochs=3)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
display(trials.round(4))

# %% [markdown]
# ## Read back
#
# In the DataFrame of the runs, parameters come back as text, numbers to
# the last digit.

# %%
runs = mlflow.search_runs([EXPERIMENT])
runs.index = runs["tags.mlflow.runName"].str.split().str[-1].astype(int)
shown = ["status", "params.units", "params.learning_rate"]
shown = runs[[*shown, "metrics.score"]].sort_index()
display(shown.rename_axis("trial").round(4))

# %%
logged = runs.loc[trials.index]
rates = logged["params.learning_rate"].astype(float)
assert rates.equals(trials["learning_rate"])
assert logged["metrics.score"].equals(trials["val_accuracy"])

# %% [markdown]
# The curves over epochs, which Keras Tuner does not keep:

# %%
for number in trials.query("status == 'COMPLETED'").index:
    run = runs.loc[number, "run_id"]
    history = client.get_metric_history(run, "val_accuracy")
    curve = [point.value for point in history]
    print(f"trial {number}:", [round(value, 4) for value in curve])

# %% [markdown]
# A failed trial has a status and, as a tag, the traceback.

# %%
(failed, *_) = trials.query("status == 'FAILED'").index
print(runs.loc[failed, "tags.message"].strip().splitlines()[-1])

# %% [markdown]
# ## Another tracker
#
# Only the three calls know of MLflow. These append lines of JSON to a
# file.


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
# `Tracked` is mixed into any tuner:


# %%
class TrackedBayesian(Tracked, kt.BayesianOptimization):
    tracker = Lines("trials.jsonl")


# %%
TrackedBayesian.tracker.path.unlink(missing_ok=True)
names["project_name"] = "experiment_trackers_bayesian"
tuner = TrackedBayesian(build_model, max_trials=1, seed=1, **names)
tuner.search(**fit)
print(TrackedBayesian.tracker.path.read_text("utf-8"))

# %% [markdown]
# Trackers with an account have the same three calls. The calls of Weights
# & Biases are from its documentation and were not run here:
#
# | call | MLflow | Weights & Biases |
# |---|---|---|
# | `start` | `client.create_run` | `wandb.init(mode="offline", name=name)` |
# | `log` | `client.log_metric` | `run.log(numbers, step=step)` |
# | `end` | `client.log_param`, `client.set_terminated` | `run.config.update(settings)`, `run.summary.update(results)`, `run.finish(exit_code=...)` |
#
# ## Why not a callback
#
# Keras Tuner copies callbacks for each execution. What holds a file, a
# connection, a lock or a thread [can't be
# copied](callbacks.py#your-callback-stays-empty). A callback that opens its
# file in `on_train_begin` passes, but knows neither the trial nor its
# status.
#
# ## The `logger` argument
#
# Old answers recommend a tuner's `logger`. It does nothing.

# %%
names["project_name"] = "trackers_logger"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    kt.RandomSearch(build_model, logger=print, seed=1, **names)
(said,) = {str(w.message) for w in caught if "logger" in str(w.message)}
print(said)

# %% [markdown]
# ## What this page did not show
#
# - Several executions per trial: `on_epoch_end` is called for each, with
#   the same steps. Override `run_trial` and log the histories that it
#   returns, as [results](results.py#curves-over-epochs) does.
# - An interrupted search, whose last run stays open: on resuming the
#   trial gets a second one. So does each retry.
# - MLflow's server and database, Weights & Biases itself, and models as
#   artefacts.
