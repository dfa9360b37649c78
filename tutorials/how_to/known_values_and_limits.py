# %% [markdown] index="known values; warm start; time limit; stop early; no progress; stop after two hours"
# # Known values, time limits, no progress
#
# Begin a Keras Tuner search with values that you know to be good, end
# it when its time is up, or when it makes no progress any more.
#
# Keras Tuner has no argument for any of the three. Three functions add
# them to a tuner class, each by itself or all together:
#
# ```python
# Tuner = try_first(kt.BayesianOptimization, [{"units": 96}])
# Tuner = stop_after(Tuner, hours=8)
# Tuner = stop_without_progress(Tuner, patience=40)
# tuner = resumable(safe(Tuner))(build_model, ...)
# ```
#
# A search that is stopped so returns as if it had finished. Its trials
# are on disk, and the same script with a larger limit [goes
# on](resume.py). For your data, [the composer writes a script with a time
# limit](../../your_data/index.md?time_limit=1&resume=1).
#
# `default=` in the [search
# space](../../reference/glossary.md#search-space) is no way to begin with known
# values: of the four tuners only GridSearch begins with the defaults.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
import math
import warnings

import keras
import keras_tuner as kt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## Trials that take no time
#
# What is shown here are tuners, not models. So a trial is a formula
# instead of a training: an error that is smallest near a learning rate
# of 0.003 and 96 units. Everything around it is the real thing.


# %%
def error(hp):
    units = hp.Int("units", 32, 256, step=32, default=128)
    rate = hp.Float(
        "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
    )
    return abs(math.log10(rate / 0.003)) + abs(units - 96) / 256


def make(tuner_class, project_name, seed=1, **settings):
    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            return self.hypermodel.build(trial.hyperparameters)

    return Numbers(
        error,
        objective=kt.Objective("error", "min"),
        seed=seed,
        directory="searches",
        project_name=f"known_values_and_limits_{project_name}",
        **({"overwrite": True} | settings),
    )


# %%
from snippets.results.trials_table import trials_table

# %% [markdown]
# ## Defaults are not tried first
#
# The first trial of each tuner, beside the defaults of 128 and 0.001:

# %%
budgets = {
    kt.RandomSearch: {"max_trials": 5},
    kt.BayesianOptimization: {"max_trials": 5, "num_initial_points": 3},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
    kt.GridSearch: {"max_trials": 5},
}
firsts = {}
for tuner_class, budget in budgets.items():
    tuner = make(tuner_class, "defaults", **budget)
    tuner.search(verbose=0)
    firsts[tuner_class.__name__] = trials_table(tuner).loc[0]
firsts = pd.DataFrame(firsts).T[["units", "learning_rate"]]
display(firsts)
is_default = (firsts == [128, 1e-3]).all(axis=1)
assert is_default.tolist() == [False, False, False, True]

# %% [markdown]
# Under GridSearch, then, write known values as defaults. For the
# others:
#
# ## Known values first

# %% open=true
from snippets.searches.try_first import try_first

# %% [markdown]
# Two sets of values to begin with. The second leaves the units open,
# and they take their default.

# %%
KNOWN = [{"units": 96, "learning_rate": 0.003}, {"learning_rate": 0.01}]
tables = {}
for tuner_class in list(budgets)[:3]:
    budget = budgets[tuner_class]
    tuner = make(try_first(tuner_class, KNOWN), "known", **budget)
    tuner.search(verbose=0)
    trials = trials_table(tuner).sort_index()
    tables[tuner_class] = trials
    print(tuner_class.__name__)
    display(trials[["units", "learning_rate", "error"]].head(4))
    begun = trials[["units", "learning_rate"]].head(2).to_numpy()
    assert begun.tolist() == [[96, 0.003], [128, 0.01]]
    assert len(trials) > 4 and set(trials["status"]) == {"COMPLETED"}

# %% [markdown]
# Then each tuner draws its own. The Bayesian tuner was given three
# initial points, and counts the known values among them: its third
# trial is the random draw that RandomSearch made, its fourth is already
# a proposal from what it learnt. Hyperband takes known values into its
# first round, and promotes them if they are good:

# %%
drawn, learnt = (
    tables[tuner_class]["learning_rate"]
    for tuner_class in (kt.RandomSearch, kt.BayesianOptimization)
)
assert drawn[2] == learnt[2] and drawn[3] != learnt[3]

# %%
where = ["tuner/bracket", "tuner/round", "tuner/epochs"]
is_known = trials["learning_rate"].isin([0.003, 0.01])
display(trials[is_known][["units", "learning_rate", *where]])

# %% [markdown]
# Known to be good from twenty epochs says little about one epoch,
# though. A configuration that starts slowly is dropped in Hyperband's
# first round, also if you know better.
#
# In a search that is interrupted and resumed they are not tried twice.
# Here the first run ends after one trial:

# %%
for max_trials in (1, 5):
    tuner = make(
        try_first(kt.RandomSearch, KNOWN),
        "resumed",
        max_trials=max_trials,
        overwrite=max_trials == 1,
    )
    tuner.search(verbose=0)
trials = trials_table(tuner).sort_index()
display(trials[["units", "learning_rate", "error"]])
begun = trials[["units", "learning_rate"]].to_numpy().tolist()
assert begun[:2] == [[96, 0.003], [128, 0.01]]
assert [96, 0.003] not in begun[2:]

# %% [markdown]
# Values that the search could not have drawn are refused when the tuner
# is made, and so are names that it doesn't know: a typing error would
# otherwise be a trial with defaults.

# %%
for known in (
    {"learning_rate": 0.5},
    {"lr": 0.003},
    {"units": 96.5},
):
    try:
        make(try_first(kt.RandomSearch, [known]), "no", max_trials=5)
    except ValueError as refused:
        print("ValueError:", refused)
    else:
        raise AssertionError(f"{known} was taken")

# %% [markdown]
# ## A time limit

# %% open=true
from snippets.searches.stop_after import stop_after

# %% [markdown]
# Time on a page differs from build to build, so the clock here is made
# up: each trial takes ten of its seconds. Leave `clock` out, and they
# are real. Up to ten trials, and the same script run again and again,
# with 35 seconds, and then with more:


# %%
now = 0


def tick(hp):
    """Let ten seconds pass; return the error of a trial."""
    global now
    now += 10
    return error(hp)


counts = []
for seconds in (35, 35, 60, 600):
    Timed = stop_after(
        kt.RandomSearch, seconds=seconds, clock=lambda: now
    )
    with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
        tuner = make(Timed, "time", max_trials=10, overwrite=not counts)
    tuner.hypermodel.build = tick
    tuner.search(verbose=0)
    trials = tuner.oracle.trials.values()
    assert {trial.status for trial in trials} == {"COMPLETED"}
    counts.append(len(trials))
print("trials after each run:", counts)
assert counts == [4, 4, 6, 10]

# %% [markdown]
# A limit of 35 seconds admits a fourth trial, which begins at 30 and is
# finished at 40. Where a job is killed at a fixed time, set the limit
# below it by the length of the longest trial.
#
# The time is that of the search, over all its processes: it is kept
# with the trials. Run again after a kill, the script has what is left
# of it; to go on after the limit, give more. Time between two processes
# does not count.
#
# ## No progress

# %%
from snippets.searches.independent_seeds import independent_seeds

# %% open=true
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)

# %% [markdown]
# Random search of at most 60 trials, over eight seeds far apart: with
# three sorts of patience, and to the end.

# %%
rows = []
for seed in independent_seeds(8):
    for patience in (5, 10, 20, None):
        tuner_class = kt.RandomSearch
        if patience:
            tuner_class = stop_without_progress(tuner_class, patience)
        tuner = make(tuner_class, "patience", seed, max_trials=60)
        tuner.search(verbose=0)
        trials = trials_table(tuner)
        best = trials.index[0]
        if patience and len(trials) < 60:
            assert len(trials) - 1 - best == patience
        rows.append(
            (seed, patience or 60, len(trials), trials["error"][best])
        )
columns = ["seed", "patience", "trials", "error"]
runs = pd.DataFrame(rows, columns=columns)

# %%
whole = runs[runs["patience"] == 60].set_index("seed")["error"]
runs["missed"] = runs["error"] > runs["seed"].map(whole)
table = runs.groupby("patience").agg(
    {"trials": "mean", "error": "mean", "missed": "sum"}
)
display(table.round(3))
assert table["trials"].is_monotonic_increasing
assert table["error"].is_monotonic_decreasing
assert table["missed"].iloc[0] > 0

# %% [markdown]
# Trials and errors are means. `missed` counts the searches, of eight,
# that would have found something better had they gone on. Patience
# saves trials and costs score: a search that is cut is the beginning of
# the whole one. It can't tell an end from a pause. A random search has long
# ones: of any ten trials and the ten after them, the best is as likely
# in the first ten as in the second. There `max_trials` says more
# plainly what you can spend.
#
# The count is made from the trials on disk. A search that was stopped
# stays stopped, until it is given more patience:

# %%
counts = []
for run, patience in enumerate((5, 5, 10)):
    with contextlib.redirect_stdout(io.StringIO()):
        tuner = make(
            stop_without_progress(kt.RandomSearch, patience),
            "again",
            max_trials=60,
            overwrite=run == 0,
        )
    tuner.search(verbose=0)
    counts.append(len(tuner.oracle.trials))
print("trials after each run:", counts)
assert counts[0] == counts[1] < counts[2]

# %% [markdown]
# Hyperband is refused: each of its brackets begins with short trials,
# whose scores are worse for that alone.
#
# ## All together
#
# Whichever limit comes first ends the search. The order of the tools
# does not matter, and [others](../../snippets.md#tools-around-a-tuner)
# go with them.

# %%
from snippets.searches.resumable import resumable

# %%
from snippets.searches.safe import safe

# %%
Tuner = try_first(kt.BayesianOptimization, KNOWN)
Tuner = stop_after(Tuner, hours=1)
Tuner = stop_without_progress(Tuner, patience=3)
tuner = make(resumable(safe(Tuner)), "all", max_trials=12)
tuner.search(verbose=0)
trials = trials_table(tuner).sort_index()
display(trials[["units", "learning_rate", "error"]])
assert len(trials) == 4  # the first is hard to beat

# %% [markdown]
# ## What this page did not show
#
# - A limit on one trial. Callbacks that end a training early are
#   [another matter](callbacks.py).
# - [Parallel workers](several_processes.py). There all three act in
#   the [chief](../../reference/glossary.md#chief), which hands out the
#   trials; the script is the same.
# - Patience under a tuner that learns, whose pauses may be shorter.
# - Whether known values help. Good ones do, by as much as they are
#   better than what the tuner finds; bad ones cost a trial each.
