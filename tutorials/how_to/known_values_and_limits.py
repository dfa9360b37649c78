# %% [markdown] index="known values; warm start; time limit; stop early; no progress; stop after two hours"
# # Known values, time limits, no progress
#
# Begin a search with values that you know to be good, and end it when its
# time is up or it makes no progress.
#
# Three snippets add what Keras Tuner has no argument for, each by itself
# or all together.
#
# - A search that is stopped returns as if it had finished. The same
#   script with a larger limit [goes on](resume.py).
# - `default=` does not set the first trial: only GridSearch begins with
#   the defaults.
# - For your data, [the composer writes a script with a time
#   limit](../../your_data/index.md?time_limit=1&resume=1).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.searches.stop_after import stop_after

# %%
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)

# %%
from snippets.searches.try_first import try_first

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

known = [{"units": 96, "learning_rate": 0.003}]
Tuner = try_first(kt.RandomSearch, known)
Tuner = stop_after(Tuner, hours=2)
Tuner = stop_without_progress(Tuner, patience=20)
goal = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "known_values"}
tuner = Tuner(build_model, goal, 2, seed=1, **folder)
x, y = load_digits(return_X_y=True)
tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.4f}", trial.hyperparameters.values)

# %%
import contextlib
import io
import math
import warnings

import keras
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## Trials that take no time
#
# Here a trial is a formula: an error that is smallest near a learning
# rate of 0.003 and 96 units.


# %%
def error(hp):
    units = hp.Int("units", 32, 256, step=32, default=128)
    rate = hp.Float(
        "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
    )
    return abs(math.log10(rate / 0.003)) + abs(units - 96) / 256


# %%
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


# %%
def searched(*args, **kwargs):
    """Return the trials of a search, in order."""
    with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
        tuner = make(*args, **kwargs)
    tuner.search(verbose=0)
    names = ["units", "learning_rate", "error"]
    return trials_table(tuner).sort_index()[names]


# %% [markdown]
# ## Defaults are not tried first
#
# The first trial of each tuner, beside the defaults of 128 and 0.001:

# %%
budgets = {
    kt.RandomSearch: {"max_trials": 4},
    kt.BayesianOptimization: {"max_trials": 4, "num_initial_points": 3},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
    kt.GridSearch: {"max_trials": 4},
}
firsts = {
    tuner_class.__name__: searched(tuner_class, "defaults", **budget)
    for tuner_class, budget in budgets.items()
}
firsts = pd.DataFrame({name: t.loc[0] for name, t in firsts.items()}).T
display(firsts[["units", "learning_rate"]].rename_axis("tuner"))
default = firsts["units"].eq(128) & firsts["learning_rate"].eq(1e-3)
assert default.tolist() == [False, False, False, True]

# %% [markdown]
# Under GridSearch, then, write known values as defaults.
#
# ## Known values first
#
# The second set leaves the units open, and they take their default.

# %%
KNOWN = [{"units": 96, "learning_rate": 0.003}, {"learning_rate": 0.01}]
tables = {}
for tuner_class in list(budgets)[:3]:
    Known = try_first(tuner_class, KNOWN)
    table = searched(Known, "known", **budgets[tuner_class])
    tables[tuner_class.__name__] = table
display(pd.concat(tables, names=["tuner"]).groupby("tuner").head(4))

# %% [markdown]
# Then each tuner draws its own. The Bayesian tuner counts known values
# among its three initial points: its third trial is that of RandomSearch,
# its fourth a proposal.
#
# Hyperband takes known values into its first round, and promotes good
# ones. What is good after twenty epochs may start slowly, and be dropped.

# %%
drawn = tables["RandomSearch"]["learning_rate"]
learned = tables["BayesianOptimization"]["learning_rate"]
assert drawn[2] == learned[2] and drawn[3] != learned[3]
errors = tables["Hyperband"]["error"]
assert (errors == errors.min()).sum() > 1  # promoted: once a round

# %% [markdown]
# A search that is resumed doesn't try them twice:

# %%
Known = try_first(kt.RandomSearch, KNOWN)
searched(Known, "resumed", max_trials=1)
display(searched(Known, "resumed", max_trials=5, overwrite=False))

# %% [markdown]
# Values that the search could not have drawn are refused, as are unknown
# names, such as a typing error:

# %%
for known in ({"learning_rate": 0.5}, {"lr": 0.003}, {"units": 96.5}):
    try:
        make(try_first(kt.RandomSearch, [known]), "no", max_trials=5)
    except ValueError as refused:
        print("ValueError:", refused)

# %% [markdown]
# ## A time limit
#
# On this made-up clock a trial takes ten seconds; leave `clock` out for
# real ones. The same script, run again and again:

# %%
now, counts = 0, []


def ticking(tuner_class):
    class Ticking(tuner_class):
        def on_trial_end(self, trial):
            global now
            now += 10
            super().on_trial_end(trial)

    return Ticking


# %%
Ticking = ticking(kt.RandomSearch)
for seconds in (35, 35, 60, 600):
    Timed = stop_after(Ticking, seconds=seconds, clock=lambda: now)
    new = not counts
    trials = searched(Timed, "time", max_trials=10, overwrite=new)
    counts.append(len(trials))
print("trials after each run:", counts)
assert counts[:2] == [4, 4]

# %% [markdown]
# A limit of 35 seconds admits a fourth trial, which begins at 30. Where a
# job is killed at a fixed time, set the limit below it by the length of
# the longest trial.
#
# The time is that of the search in all its processes, without the time
# between them. After a kill the script has what is left of it.
#
# ## No progress
#
# Random searches of at most 60 trials, with four seeds far apart:

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
rows = []
for seed in independent_seeds(4):
    for patience in (5, 20, 60):
        Patient = stop_without_progress(kt.RandomSearch, patience)
        trials = searched(Patient, "patience", seed, max_trials=60)
        least = trials["error"].min()
        rows.append((seed, patience, len(trials), least))
columns = ["seed", "patience", "trials", "error"]
runs = pd.DataFrame(rows, columns=columns)

# %%
whole = runs.groupby("seed")["error"].min()
runs["missed"] = runs["error"] > runs["seed"].map(whole)
how = {"trials": "mean", "error": "mean", "missed": "sum"}
table = runs.groupby("patience").agg(how)
display(table.round(3))
assert table["trials"].is_monotonic_increasing
assert table["error"].is_monotonic_decreasing

# %% [markdown]
# Trials and errors are means. `missed` counts the searches, of four, that
# would have found something better had they gone on. Patience saves
# trials and costs score. It can't distinguish an end from a pause, and a
# random search has long pauses: of any ten trials and the ten after them,
# the best is as likely in either. There `max_trials` says more plainly
# what you can spend.
#
# The count is made from the trials on disk: a stopped search stays
# stopped until it is given more patience.
#
# Hyperband is refused: its brackets begin with short trials, whose scores
# are worse for that alone.
#
# ## All together
#
# Whichever limit comes first ends the search. The order of the tools does
# not matter, and [others](../../snippets.md#tools-around-a-tuner) fit in.

# %%
from snippets.searches.resumable import resumable

# %%
from snippets.searches.safe import safe

# %%
Tuner = try_first(kt.BayesianOptimization, KNOWN)
Tuner = stop_after(Tuner, hours=1)
Tuner = stop_without_progress(Tuner, patience=3)
display(searched(resumable(safe(Tuner)), "all", max_trials=12))

# %% [markdown]
# ## What this page did not show
#
# - A limit on one trial: see [callbacks](callbacks.py).
# - [Parallel workers](several_processes.py). There all three act in the
#   [chief](../../reference/glossary.md#chief); the script is the same.
# - Patience under a tuner that learns, whose pauses may be shorter.
# - Whether known values help. Good ones do, by as much as they are better
#   than what the tuner finds; bad ones cost a trial each.
