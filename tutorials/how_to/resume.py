# %% [markdown] index="resume; overwrite; reload; tuner_id; oracle.json; JSONDecodeError; continue; crash; many searches in a loop; a search for each group; search for each group; one model per group; for loop over data sets; project_name already exists; overwrite existing results; starts over"
# # Resume, overwrite, extend
#
# What a Keras Tuner search keeps when it is killed and run again, and
# which changes it honours or ignores then.
#
# Run the same script again. With the same `directory` and
# `project_name`, finished trials are kept, and the one that was running
# is repeated.
#
# - A larger `max_trials` extends the search; `overwrite=True`
#   [deletes](strangers_folder.py#overwritetrue-deletes-elsewhere) it
#   and begins again.
# - Changed ranges, seeds or budgets are ignored, and scores of another
#   objective or other data are mixed with the old ones, without a
#   warning. Take a new `project_name`, or [a tool that refuses
#   them](#a-search-that-resumes-or-says-why-not).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
for max_trials in (1, 2):  # as if the script were run twice
    tuner = kt.RandomSearch(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=max_trials,
        seed=1,
        directory="searches",
        project_name="resume_first",
    )
    print("trials on disk:", len(tuner.oracle.trials))
    tuner.search(x / 16, y, validation_split=0.2, verbose=0)
print("in the end", len(tuner.oracle.trials))

# %%
import contextlib
import inspect
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A search that is killed
#
# This tuner notes every epoch in a file, and kills its process in the
# second trial when told to.


# %%
def logged(run):
    class Logged(kt.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            row = {"run": run, "trial": trial.trial_id}
            row |= {"units": trial.hyperparameters.get("units")}
            row |= {"epoch": epoch + 1, **logs}
            with open("log.jsonl", "a", encoding="utf-8") as log:
                print(json.dumps(row), file=log)
            if (run, trial.trial_id, epoch) == ("killed", "1", 0):
                # Windows has no SIGKILL, and its SIGTERM asks nobody.
                kill = getattr(signal, "SIGKILL", signal.SIGTERM)
                os.kill(os.getpid(), kill)

    return Logged


# %%
def search(tuner_class):
    """Search for three trials of two epochs each."""
    x, y = load_digits(return_X_y=True)
    tuner = tuner_class(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=3,
        seed=1,
        directory="searches",
        project_name="resume",
    )
    data = {"validation_split": 0.2, "epochs": 2, "verbose": 0}
    tuner.search(x[:1000] / 16, y[:1000], batch_size=64, **data)
    return tuner


# %% [markdown]
# A script with this tuner is killed. Then the same search runs again.

# %%
IMPORTS = """
import json, os, signal
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits
"""
functions = map(inspect.getsource, (logged, build_model, search))
source = "\n".join([IMPORTS, *functions, "search(logged('killed'))"])
Path("search.py").write_text(source, "utf-8")
shutil.rmtree("searches/resume", ignore_errors=True)
Path("log.jsonl").unlink(missing_ok=True)
command = [sys.executable, "search.py"]
done = subprocess.run(command, capture_output=True)
print("killed: exit code", done.returncode)
tuner = search(logged("again"))

# %%
log = pd.read_json("log.jsonl", lines=True).set_index("run")
log = log[["trial", "units", "epoch", "val_accuracy"]]
display(log.round(4))
assert log["epoch"].tolist() == [1, 2, 1, 1, 2, 1, 2]

# %% [markdown]
# The second trial keeps its number and hyperparameters, and starts
# again at its first epoch. Its scores differ, because weights are drawn
# anew, unless you [seed each
# trial](reproducible_searches.py#seed-each-trial).
#
# ## In another process, or another day
#
# A tuner made with the same arguments has all trials, and the finished
# search returns at once.

# %%
tuner = search(kt.RandomSearch)
print(
    len(tuner.oracle.trials), "trials,", tuner.remaining_trials, "left"
)

# %% [markdown]
# Only weights are on disk. `get_best_models` calls `build_model` for
# the rest.


# %%
def load_best():
    """Return the best trial's model, built and with its weights."""
    # It warns of the optimizer's state, which predicts nothing.
    with warnings.catch_warnings(action="ignore"):
        return tuner.get_best_models()[0]


best_model = load_best()
x_last, y_last = x[800:1000] / 16, y[800:1000]  # for validation
score = tuner.oracle.get_best_trials()[0].score
_, accuracy = best_model.evaluate(x_last, y_last, verbose=0)
print(f"loaded: {accuracy:.4f}, in the trial: {score:.4f}")

# %% [markdown]
# With a different `build`, loading fails, if you are lucky. Where the
# shapes agree, it succeeds, and the model computes something else.


# %%
def other_activation(hp):
    model = build_model(hp)
    model.layers[1].activation = keras.activations.linear
    return model


def deeper(hp):
    model = build_model(hp)
    hidden = keras.layers.Dense(8)(model.layers[-2].output)
    return keras.Model(model.input, keras.layers.Dense(10)(hidden))


# %%
expected = best_model.predict(x_last, verbose=0)
tuner.hypermodel.build = other_activation
off = abs(load_best().predict(x_last, verbose=0) - expected).max()
print(f"other activation: off by up to {off:.2f}")
tuner.hypermodel.build = deeper
try:
    load_best()
except ValueError as error:
    print("a layer more: ValueError:", str(error).split(".")[0])
assert off > 0.01

# %% [markdown]
# ## What is honoured, and what is not
#
# Here a trial is only the number that `build` returns. `again` searches
# with the first of each pair of arguments, then goes on with the second.


# %%
def numbers(tuner_class):
    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            self.ran.append(trial.hyperparameters.values)
            return self.hypermodel.build(trial.hyperparameters)

        def on_search_begin(self):
            self.ran = []

    return Numbers


# %%
def again(tuner_class=kt.RandomSearch, tool=numbers, **pairs):
    """Search twice; return the second tuner, which has what it ran."""
    usual = {"hypermodel": (one, one), "seed": (1, 1)}
    usual |= {"overwrite": (True, False)}
    if tuner_class is not kt.Hyperband:
        usual["max_trials"] = 4, 6
    names = {"directory": "searches"}
    names["project_name"] = f"resume_{tuner_class.__name__}"
    for run in (0, 1):
        settings = {k: v[run] for k, v in (usual | pairs).items()}
        with contextlib.redirect_stdout(io.StringIO()):  # it reloads
            tuner = tool(tuner_class)(**settings, **names)
        tuner.search(verbose=0)
    return tuner


# %%
def one(hp):
    return hp.Float("x", 0.0, 1.0)


def two(hp):
    return one(hp) + hp.Float("y", 0.0, 1.0)


def moved(hp):
    return hp.Float("x", 5.0, 6.0)


RANDOM, BAYESIAN = kt.RandomSearch, kt.BayesianOptimization
ITERATIONS = {"max_epochs": (3, 3), "hyperband_iterations": (1, 2)}
BETA = {"max_trials": (3, 3), "beta": (2.6, 9.9)}

# %%
CHANGES = [
    ("nothing", RANDOM, {"max_trials": (4, 4)}),
    ("max_trials 4 to 6", RANDOM, {}),
    ("x from 0..1 to 5..6", RANDOM, {"hypermodel": (one, moved)}),
    ("y removed", RANDOM, {"hypermodel": (two, one)}),
    ("y added", RANDOM, {"hypermodel": (one, two)}),
    ("seed", RANDOM, {"seed": (1, 1000)}),
    ("Hyperband's max_epochs", kt.Hyperband, {"max_epochs": (3, 9)}),
    ("hyperband_iterations", kt.Hyperband, ITERATIONS),
    ("Bayesian beta", BAYESIAN, BETA),
    ("GridSearch's max_trials", kt.GridSearch, {}),
    ("nothing, with a tuner_id", RANDOM, {"tuner_id": ("me", "me")}),
    ("overwrite=True", RANDOM, {"overwrite": (True, True)}),
]
unchanged = again().ran


# %%
def honoured(name, tuner):
    """Return whether the second search did what its arguments say."""
    ran = tuner.ran
    return {
        "nothing": not ran,
        "max_trials 4 to 6": len(ran) == 2,
        "x from 0..1 to 5..6": all(v["x"] >= 5 for v in ran),
        "y removed": not any("y" in v for v in ran),
        "y added": len({v.get("y") for v in ran}) == 2,
        "seed": ran != unchanged,  # the draws are others
        "Bayesian beta": getattr(tuner.oracle, "beta", None) == 9.9,
        "nothing, with a tuner_id": len(ran) < 6,
        "overwrite=True": len(ran) == 6,
    }.get(name, ran != [])


# %%
rows = {}
for name, tuner_class, pairs in CHANGES:
    tuner = again(tuner_class, **pairs)
    rows[name] = len(tuner.ran), honoured(name, tuner)
columns = ["trials then run", "honoured"]
table = pd.DataFrame.from_dict(rows, "index", columns=columns)
display(table.rename_axis("changed"))
kept = ["nothing", "max_trials 4 to 6", "y added", "overwrite=True"]
assert table.index[table["honoured"]].tolist() == kept

# %% [markdown]
# The saved space takes precedence, and only grows. A new hyperparameter
# takes its default in the first trial that meets it and is tuned from
# then on.
#
# Two changes lose work. With a `tuner_id` the tuner saves its state under
# one name and looks for it under another, so it starts over and
# overwrites the old trials. GridSearch does not save its place in the
# grid: an extended search ends at once, and an interrupted one
# [fails](#an-interrupted-grid).
#
# A different objective is worst: old and new trials are ranked together,
# by scores of different objectives:


# %%
def both(hp):
    error = hp.Float("error", 0.0, 1.0)
    return {"error": error, "seconds": 60 * (1 + error)}


goals = [kt.Objective(name, "min") for name in ("error", "seconds")]
MIXED = {"hypermodel": (both, both), "objective": goals}
tuner = again(**MIXED)
scores = [trial.score for trial in tuner.oracle.get_best_trials(6)]
print("ranked:", *(f"{score:.2f}" for score in scores))
assert max(scores[:4]) <= 1 and min(scores[4:]) >= 60

# %% [markdown]
# Nothing that `search` is given is saved: other data, epochs or
# callbacks are used without a warning, and so is a new `build` with the
# same hyperparameters. Scores then don't compare.
#
# ## A search that resumes, or says why not
#
# `resumable` takes a tuner class and returns one that keeps its
# arguments beside the trials, and compares them.
# [`safe`](faults.py#files-that-stay-whole) keeps the files whole,
# whenever the search is killed:
#
# ```python
# tuner = resumable(safe(kt.RandomSearch))(build_model, ...)
# ```
#
# For your data, [the composer writes a script with
# both](../../your_data/index.md?resume=1).

# %%
from snippets.searches.resumable import resumable

# %%
from snippets.searches.safe import safe

# %% [markdown]
# Changes that were ignored are refused now, and extended searches go on,
# GridSearch included.


# %%
def tooled(tuner_class):
    return resumable(safe(numbers(tuner_class)))


refused = {}
CHANGES.append(("objective", RANDOM, MIXED))
for name, tuner_class, pairs in CHANGES:
    try:
        tuner = again(tuner_class, tooled, **pairs)
    except ValueError as error:
        refused[name] = error
    else:
        assert honoured(name, tuner), name
print("refused:", "; ".join(refused))
print("\nValueError:", refused["x from 0..1 to 5..6"])
assert not {*kept, "GridSearch's max_trials"} & {*refused}

# %% [markdown]
# Leaving out the seed is no change: the search goes on with the one it
# has. Failed trials stay failed, and a warning names them.
#
# What `search` is given is compared before a trial begins, data by a
# digest:


# %%
SAFELY = {"hypermodel": two, "max_trials": 4, "seed": 1}
SAFELY |= {"directory": "searches", "project_name": "resume_safely"}


def safely(**changes):
    with contextlib.redirect_stdout(io.StringIO()):
        return tooled(kt.RandomSearch)(**(SAFELY | changes))


safely(overwrite=True).search(x, epochs=1, verbose=0)
for given, epochs in ((x, 2), (x[1:], 1)):
    tuner = safely(max_trials=6)
    try:
        tuner.search(given, epochs=epochs, verbose=0)
    except ValueError as error:
        print("ValueError:", error)

# %% [markdown]
# ## An interrupted grid
#
# In the third trial, first with GridSearch as it is:


# %%
class Interrupted(kt.GridSearch):
    def run_trial(self, trial, *args, **kwargs):
        if kwargs["interrupt"] and trial.trial_id == "2":
            raise KeyboardInterrupt
        return self.hypermodel.build(trial.hyperparameters)


def grid(hp):
    return hp.Int("x", 1, 2) + hp.Int("y", 1, 3)


# %%
grids = {"plain": Interrupted, "tools": resumable(safe(Interrupted))}
for way, tuner_class in grids.items():
    settings = {"max_trials": 9, "seed": 1, "directory": "searches"}
    settings |= {"project_name": f"resume_grid_{way}"}
    for interrupt in (True, False):
        with contextlib.redirect_stdout(io.StringIO()):
            tuner = tuner_class(grid, overwrite=interrupt, **settings)
        try:
            tuner.search(interrupt=interrupt, verbose=0)
        except (KeyboardInterrupt, KeyError) as error:
            print(f"{way}: ended with {error!r}")
    print(f"{way}: {len(tuner.oracle.trials)} of 6 combinations")

# %% [markdown]
# ## A damaged file
#
# A full disk or a power cut can leave half a file, and an error that
# does not name it:

# %%
safely(overwrite=True).search(verbose=0)
torn = Path("searches/resume_safely/trial_2/trial.json")
torn.write_text(torn.read_text("utf-8")[:100], "utf-8")
for way in (kt.RandomSearch, resumable(safe(kt.RandomSearch))):
    try:
        way(**SAFELY)
    except ValueError as error:
        print(f"{way.__name__}: {type(error).__name__}: {error}\n")

# %% [markdown]
# After a kill without `safe`, [`mend`
# repairs](faults.py#a-search-that-was-killed-without-safe) all but half
# an `oracle.json` and half the file of a trial that had ended. For those
# keep a copy of the folder, made between two trials, to go on from:

# %%
safely(overwrite=True).search(verbose=0)
shutil.copytree(torn.parents[1], "copy", dirs_exist_ok=True)
torn.write_text("", "utf-8")
shutil.copytree("copy", torn.parents[1], dirs_exist_ok=True)
tuner = safely(max_trials=6)
tuner.search(verbose=0)
print(len(tuner.ran), "trials run, of", len(tuner.oracle.trials))
assert len(tuner.ran) == 2

# %% [markdown]
# ## Many searches in a loop
#
# Each group, shop or sensor needs a `project_name` of its own. Under
# one name the second group trains nothing and gets the first one's
# values:


# %%
def search_group(slope, project_name):
    tuner = numbers(kt.RandomSearch)(
        lambda hp: slope * one(hp),
        objective=kt.Objective("score", "max"),
        max_trials=4,
        seed=1,
        directory="searches",
        project_name=project_name,
    )
    tuner.search(verbose=0)
    (hp,) = tuner.get_best_hyperparameters()
    return len(tuner.ran), round(hp.get("x"), 3)


# %% open=true
for path in Path("searches").glob("resume_groups_*"):
    shutil.rmtree(path)  # of a run before
for group, slope in (("rising", 1), ("falling", -1)):
    for name in ("all", group):
        ran, best = search_group(slope, f"resume_groups_{name}")
        print(f"{group}, named {name}: ran {ran}, best x {best}")

# %% [markdown]
# `overwrite=True` works as well, but leaves only the last group's search
# on disk, and [empties folders that the search links
# to](strangers_folder.py#overwritetrue-deletes-elsewhere). In a long loop
# end each pass with `keras.backend.clear_session()`, and read
# [memory](memory_and_disk.py).
#
# ## What this page did not show
#
# - [Parallel workers](several_processes.py), where both tools work. A
#   chief that you start without the launcher keeps the search under
#   another name, where one process does not find it.
# - Two processes in one folder, which overwrite each other's trials;
#   `safe` [refuses the second](faults.py#a-second-process).
# - Bayesian optimisation resumed without `resumable`. It restarts its
#   random numbers, so its later proposals can differ.
# - Changes that no argument shows: of the model, of versions, and of
#   what a `tf.data` pipeline yields.
