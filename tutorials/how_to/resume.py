# %% [markdown] index="resume; overwrite; reload; tuner_id; oracle.json; JSONDecodeError; continue; crash; many searches in a loop; a search for each group; one model per group; for loop over data sets"
# # Resume, overwrite, extend
#
# What a Keras Tuner search keeps when it is killed and run again, which
# changes it honours then, and which it ignores without a word.
#
# Run the same script again. With the same `directory` and
# `project_name` a tuner finds its search on disk: finished trials are
# kept, the one that was running is repeated from its start, and the
# total stays the same.
#
# - A larger `max_trials` extends the search.
# - `overwrite=True` deletes it and begins again. If a symbolic link is
#   in it, it [empties that
#   too](strangers_folder.py#overwritetrue-deletes-elsewhere).
# - Changed ranges, seeds or Hyperband's budget are ignored, and another
#   objective or other data are mixed with the old ones, without a
#   warning. For anything but more trials, take a new `project_name`.
#
# Two tools for any tuner class:
#
# ```python
# tuner = resumable(safe(kt.RandomSearch))(build_model, ...)
# ```
#
# `resumable`, [below](#a-search-that-resumes-or-says-why-not), refuses
# such a change, and says what it was.
# [`safe`](faults.py#files-that-stay-whole) keeps the files whole,
# whenever the search is killed. For a table, pictures, texts or a series
# of yours, [the composer writes a script with
# both](../../your_data/index.md?resume=1).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import inspect
import io
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A search that is killed

# %%
from snippets.models.build_model import build_model

# %% [markdown]
# The tuner below notes every epoch in a file. When told to, it kills
# its own process in the middle of the third trial, as a power cut
# would: SIGKILL leaves no time to tidy up.

# %%
LOGGED = """
class Logged(kt.RandomSearch):
    def on_epoch_end(self, trial, model, epoch, logs=None):
        row = {"run": sys.argv[1], "trial": trial.trial_id}
        row |= {"units": trial.hyperparameters.get("units")}
        row |= {"epoch": epoch + 1, **logs}
        with open("log.jsonl", "a") as log:
            print(json.dumps(row), file=log)
        where = trial.trial_id, epoch
        if sys.argv[1] == "killed" and where == ("2", 1):
            # Windows has no SIGKILL, and its SIGTERM asks nobody.
            kill = getattr(signal, "SIGKILL", signal.SIGTERM)
            os.kill(os.getpid(), kill)
"""


# %%
def search(tuner_class):
    """Search for four trials of three epochs each."""
    x, y = load_digits(return_X_y=True)
    x_train, x_validation, y_train, y_validation = train_test_split(
        x / 16, y, stratify=y, random_state=1
    )
    tuner = tuner_class(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=4,
        seed=1,
        directory="searches",
        project_name="resume",
    )
    tuner.search(
        x_train,
        y_train,
        validation_data=(x_validation, y_validation),
        epochs=3,
        verbose=0,
    )
    return tuner


# %% [markdown]
# A script of all this, and two runs of it: one that is killed, one that
# is not.

# %%
source = f"""
import json, os, signal, sys
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
{LOGGED}
{inspect.getsource(build_model)}
{inspect.getsource(search)}
search(Logged)
"""
Path("search.py").write_text(source, "utf-8")
shutil.rmtree("searches/resume", ignore_errors=True)
Path("log.jsonl").unlink(missing_ok=True)
codes = [
    subprocess.run(
        [sys.executable, "search.py", run], capture_output=True
    ).returncode
    for run in ("killed", "again")
]
print("exit codes:", codes)
assert codes[0] != 0 == codes[1]

# %%
log = pd.read_json("log.jsonl", lines=True)
log = log[["run", "trial", "units", "epoch", "val_accuracy"]]
display(log.round(4))

# %%
epochs = {
    run: rows.groupby("trial")["epoch"].apply(list).to_dict()
    for run, rows in log.groupby("run")
}
whole = [1, 2, 3]
assert epochs["killed"] == {0: whole, 1: whole, 2: [1, 2]}
assert epochs["again"] == {2: whole, 3: whole}
assert log.groupby("trial")["units"].nunique().eq(1).all()

# %% [markdown]
# The second run does not repeat the first two trials. The third has its
# old number and its old hyperparameters and starts again at its first
# epoch: a trial is not resumed in the middle. Its scores differ from
# those of its first attempt, because weights are drawn anew; if that
# matters, [seed each
# trial](reproducible_searches.py#seed-each-trial).
#
# ## In another process, or another day
#
# A third process, this one, makes the same tuner and has it all,
# without training. `search` returns at once, since the search is
# finished.

# %%
tuner = search(kt.RandomSearch)
trials = tuner.oracle.trials.values()
statuses = [trial.status for trial in trials]
print(statuses, "trials left:", tuner.remaining_trials)
assert statuses == 4 * ["COMPLETED"]
assert len(pd.read_json("log.jsonl", lines=True)) == len(log)

# %% [markdown]
# Only weights are on disk, not the model around them: `get_best_models`
# calls `build_model` for that.


# %%
def load_best():
    """Return the best trial's model, built and with its weights."""
    with warnings.catch_warnings():
        # About the state of the optimizer, which predicts nothing.
        warnings.simplefilter("ignore")
        return tuner.get_best_models()[0]


x, y = load_digits(return_X_y=True)
_, x, _, y = train_test_split(x / 16, y, stratify=y, random_state=1)
best_model = load_best()
score = tuner.oracle.get_best_trials()[0].score
_, accuracy = best_model.evaluate(x, y, verbose=0)
print(f"loaded: {accuracy:.4f}, in the trial: {score:.4f}")
assert abs(accuracy - score) < 1e-4

# %% [markdown]
# With another `build` it fails at best. Where the shapes agree, it
# loads, and computes something else.


# %%
def other_activation(hp):
    model = build_model(hp)
    model.layers[1].activation = keras.activations.linear
    return model


def deeper(hp):
    model = build_model(hp)
    hidden = keras.layers.Dense(8)(model.layers[-2].output)
    return keras.Model(model.input, keras.layers.Dense(10)(hidden))


expected = best_model.predict(x, verbose=0)
tuner.hypermodel.build = other_activation
got = load_best().predict(x, verbose=0)
print(f"other activation: off by up to {abs(got - expected).max():.2f}")
assert abs(got - expected).max() > 0.01
tuner.hypermodel.build = deeper
try:
    load_best()
except ValueError as error:
    print("a layer more: ValueError:", str(error).split(".")[0])
else:
    raise AssertionError("weights of another model were loaded")

# %% [markdown]
# ## What is honoured, and what is not
#
# For the rest no model is needed. Here a trial is the number that
# `build` returns. The search around it is the real one, and takes no
# time.


# %%
def numbers(tuner_class):
    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            score = self.hypermodel.build(trial.hyperparameters)
            self.ran.append(trial.hyperparameters.values)
            return score

        def on_search_begin(self):
            self.ran = []

    return Numbers


# %% [markdown]
# `again` searches, makes the tuner once more with something changed,
# and searches on in the same folder. A pair is an argument before and
# after.


# %%
def one(hp):
    return hp.Float("x", 0.0, 1.0)


def again(first=kt.RandomSearch, then=None, **pairs):
    """Return the second tuner; its `ran` is what it ran itself."""
    pairs = {"hypermodel": (one, one), "seed": (1, 1)} | pairs
    if first is not kt.Hyperband:
        pairs.setdefault("max_trials", (4, 6))
    pairs.setdefault("overwrite", (True, False))
    for run, tuner_class in enumerate((first, then or first)):
        settings = {name: pair[run] for name, pair in pairs.items()}
        tuner = numbers(tuner_class)(
            directory="searches",
            project_name="resume_numbers",
            **settings,
        )
        tuner.search(verbose=0)
    return tuner


# %% [markdown]
# First the search space. Each row says what the second search ran, and
# whether it did what its arguments say.


# %%
def moved(hp):
    return hp.Float("x", 5.0, 6.0)


def two(hp):
    return one(hp) + hp.Float("y", 0.0, 1.0)


rows = []
with contextlib.redirect_stdout(io.StringIO()):  # says that it reloads
    tuner = again(max_trials=(4, 4))
    rows.append(("nothing", tuner.ran, not tuner.ran))
    tuner = again(max_trials=(4, 6))
    rows.append(("max_trials 4 to 6", tuner.ran, len(tuner.ran) == 2))
    tuner = again(hypermodel=(one, moved))
    in_range = all(values["x"] >= 5 for values in tuner.ran)
    rows.append(("x from 0..1 to 5..6", tuner.ran, in_range))
    tuner = again(hypermodel=(two, one))
    gone = not any("y" in values for values in tuner.ran)
    rows.append(("y removed", tuner.ran, gone))
    tuner = again(hypermodel=(one, two))
    drawn = {values["y"] for values in tuner.ran}
    rows.append(("y added", tuner.ran, len(drawn) == 2))

# %%
space = pd.DataFrame(rows, columns=["changed", "then ran", "honoured"])
space["then ran"] = [
    ", ".join(str({k: round(v, 2) for k, v in t.items()}) for t in ran)
    for ran in space["then ran"]
]
with pd.option_context("display.max_colwidth", None):
    display(space.set_index("changed"))
assert space["honoured"].tolist() == [True, True, False, False, True]

# %% [markdown]
# The space on disk wins, and only grows. A new hyperparameter takes its
# default in the first trial that meets it and is tuned from then on.
#
# The same for other arguments. An ignored seed is seen by what is
# drawn: the same as if it had not changed.

# %%
rows = []
with contextlib.redirect_stdout(io.StringIO()):
    unchanged = again()
    tuner = again(seed=(1, 1000))
    rows.append(("seed", tuner, tuner.ran != unchanged.ran))
    tuner = again(kt.Hyperband, max_epochs=(3, 9))
    rows.append(("Hyperband's max_epochs", tuner, tuner.ran != []))
    pairs = {"max_epochs": (3, 3), "hyperband_iterations": (1, 2)}
    tuner = again(kt.Hyperband, **pairs)
    rows.append(("hyperband_iterations", tuner, tuner.ran != []))
    pairs = {"max_trials": (3, 3), "beta": (2.6, 9.9)}
    tuner = again(kt.BayesianOptimization, **pairs)
    rows.append(("Bayesian beta", tuner, tuner.oracle.beta == 9.9))
    tuner = again(kt.GridSearch)
    rows.append(("GridSearch's max_trials", tuner, tuner.ran != []))
    tuner = again(tuner_id=("mine", "mine"))
    rows.append(("nothing, with a tuner_id", tuner, len(tuner.ran) < 6))
    tuner = again(overwrite=(True, True))
    rows.append(("overwrite=True", tuner, len(tuner.ran) == 6))

# %%
columns = ["changed", "trials then run", "honoured"]
other = pd.DataFrame(rows, columns=columns).set_index("changed")
other["trials then run"] = [
    len(tuner.ran) for tuner in other["trials then run"]
]
display(other)
assert other["honoured"].tolist() == 6 * [False] + [True]
assert other["trials then run"].tolist() == [2, 0, 0, 0, 0, 6, 6]

# %% [markdown]
# Two rows lose work. With a `tuner_id` the tuner looks for its state
# under one name and saves it under another, so it begins again, over
# the old trials. GridSearch does not save its place in the grid:
# extended it ends at once, and interrupted it fails, as shown below.
#
# Another objective is the worst change. Old trials keep the score of
# the old one, new trials get the new one, and they are ranked together:


# %%
def both(hp):
    error = hp.Float("error", 0.0, 1.0)
    return {"error": error, "seconds": 60 * (1 + error)}


objectives = (
    kt.Objective("error", "min"),
    kt.Objective("seconds", "min"),
)
with contextlib.redirect_stdout(io.StringIO()):
    tuner = again(hypermodel=(both, both), objective=objectives)
for trial in tuner.oracle.get_best_trials(6):
    print(trial.trial_id, f"{trial.score:6.2f}")
scores = [trial.score for trial in tuner.oracle.get_best_trials(6)]
assert max(scores[:4]) <= 1 and min(scores[4:]) >= 60

# %% [markdown]
# What is given to `search` is on disk in no form: other data, other
# epochs, other callbacks are taken as they come, and so is a new `build`
# with the same hyperparameters. Scores before and after then don't
# compare, and nothing says so.
#
# ## A search that resumes, or says why not
#
# `resumable` takes a tuner class and returns one to be used like it. It
# keeps the settings beside the trials, and compares. `safe`, inside or
# outside of it, keeps the files whole.

# %%
from snippets.searches.resumable import resumable

# %%
from snippets.searches.safe import safe

# %% [markdown]
# The same changes as above: each of those that were ignored is refused
# now, and the extensions go on, GridSearch too.


# %%
def safely(tuner_class=kt.RandomSearch, **changes):
    settings = {"hypermodel": two, "max_trials": 4, "seed": 1}
    if tuner_class is kt.Hyperband:
        settings = {"hypermodel": two, "max_epochs": 3, "seed": 1}
    return resumable(safe(numbers(tuner_class)))(
        directory="searches",
        project_name=f"resume_safely_{tuner_class.__name__}",
        **(settings | changes),
    )


def three(hp):
    return two(hp) + hp.Float("z", 0.0, 1.0)


beta, more = {"beta": 9.9}, {"max_trials": 6}
CHANGES = [
    ("x moved", kt.RandomSearch, {"hypermodel": moved}),
    ("y removed", kt.RandomSearch, {"hypermodel": one}),
    ("seed", kt.RandomSearch, {"seed": 1000}),
    ("objective", kt.RandomSearch, {"objective": objectives[1]}),
    ("max_epochs", kt.Hyperband, {"max_epochs": 9}),
    ("iterations", kt.Hyperband, {"hyperband_iterations": 2}),
    ("beta", kt.BayesianOptimization, beta),
    ("tuner_id", kt.RandomSearch, {"tuner_id": "mine"}),
    ("z added", kt.RandomSearch, {"hypermodel": three} | more),
    ("max_trials", kt.RandomSearch, more),
    ("grid", kt.GridSearch, more),
]

# %%
refused = {}
with contextlib.redirect_stdout(io.StringIO()):
    for name, tuner_class, changes in CHANGES:
        safely(tuner_class, overwrite=True).search(verbose=0)
        try:
            tuner = safely(tuner_class, **changes)
        except ValueError as error:
            refused[name] = error
        else:
            tuner.search(verbose=0)
            assert len(tuner.ran) == 2
assert list(refused) == [name for name, *_ in CHANGES[:8]]
print("ValueError:", refused["x moved"])

# %% [markdown]
# A seed that is left out is no change: the search goes on with the one
# it has. Trials that had failed stay failed, and a warning names them.
#
# What `search` is given is compared before a trial begins. Of data it
# keeps a digest, which is short and tells of any change:

# %%
safely(overwrite=True).search(x, epochs=1, verbose=0)
for given, epochs in ((x, 2), (x[1:], 1)):
    with contextlib.redirect_stdout(io.StringIO()):
        tuner = safely(max_trials=6)
    try:
        tuner.search(given, epochs=epochs, verbose=0)
    except ValueError as error:
        print("ValueError:", error)
    else:
        raise AssertionError("it was mixed with what was there")

# %% [markdown]
# ## An interrupted grid
#
# In the middle of the third trial, first with GridSearch as it is:


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
    for interrupt in (True, False):
        with contextlib.redirect_stdout(io.StringIO()):
            tuner = tuner_class(
                grid,
                max_trials=9,
                seed=1,
                directory="searches",
                project_name=f"resume_grid_{way}",
                overwrite=interrupt,
            )
        try:
            tuner.search(interrupt=interrupt, verbose=0)
        except (KeyboardInterrupt, KeyError) as error:
            print(f"{way}: ended with {error!r}")
    trials = tuner.oracle.trials.values()
    print(f"{way}: {len(trials)} of 6 combinations")
    assert len(trials) == (3 if way == "plain" else 6)

# %% [markdown]
# ## A damaged file
#
# Keras Tuner writes its files in place. A full disk or a power cut at
# the wrong moment leaves half a file, and then a bare error without a
# name:

# %%
safely(overwrite=True).search(verbose=0)
torn = Path("searches/resume_safely_RandomSearch/trial_2/trial.json")
torn.write_text(torn.read_text("utf-8")[:100], "utf-8")
for way in (kt.RandomSearch, resumable(safe(kt.RandomSearch))):
    try:
        way(
            two,
            max_trials=4,
            seed=1,
            directory="searches",
            project_name="resume_safely_RandomSearch",
        )
    except ValueError as error:
        print(f"{way.__name__}: {type(error).__name__}: {error}\n")
    else:
        raise AssertionError("half a file was read")

# %% [markdown]
# `safe` writes files so that no kill tears one. What a kill without it
# left, `mend` [makes
# good](faults.py#a-search-that-was-killed-without-safe), but neither
# half an `oracle.json` nor a trial that had ended. There a copy of the
# folder helps, made between two trials: a search goes on from it,
# whatever came after.

# %%
with contextlib.redirect_stdout(io.StringIO()):
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
# A search for each group, shop or sensor needs a `project_name` for
# each. Under one name the second group finds the first one's search
# finished, trains nothing and gets its values:


# %%
def search_group(group, slope, project_name, overwrite):
    tuner = numbers(kt.RandomSearch)(
        lambda hp: slope * hp.Float("x", 0.0, 1.0),
        objective=kt.Objective("score", "max"),
        max_trials=4,
        seed=1,
        directory="searches",
        project_name=project_name,
        overwrite=overwrite,
    )
    tuner.search(verbose=0)
    (hp,) = tuner.get_best_hyperparameters()
    print(f"{group}: ran {len(tuner.ran)}, best x {hp.get('x'):.3f}")
    return len(tuner.ran)


# %% open=true
ran = {}
for own_names in (False, True):
    print("own names" if own_names else "one name for both")
    for group, slope in (("rising", 1), ("falling", -1)):
        name = f"resume_groups_{group if own_names else 'all'}"
        fresh = own_names or group == "rising"
        ran[own_names, group] = search_group(group, slope, name, fresh)
assert ran[False, "falling"] == 0 < ran[True, "falling"]

# %% [markdown]
# `overwrite=True` for each group would do as well, and leaves the last
# group's search alone on disk. In a long loop end each pass with
# `keras.backend.clear_session()`, and read
# [memory](memory_and_disk.py).
#
# ## What this page did not show
#
# - [Parallel workers](several_processes.py). Both tools work there. A
#   chief that you start yourself keeps the search under another name,
#   where one process does not find it; the launcher does not.
# - Two processes in one folder at the same time. They overwrite each
#   other's trials; `safe` [refuses the
#   second](faults.py#a-second-process).
# - Bayesian optimisation resumed without `resumable`. It starts its own
#   random numbers again, so its later proposals can differ from those
#   of an uninterrupted search.
# - Changes that no setting shows: of the model, of versions, and of what
#   a `tf.data` pipeline yields.
