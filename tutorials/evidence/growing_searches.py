# %% [markdown] index="1,000 trials; 1000 trials; long search; many trials; slower and slower; memory grows; overnight; scale up; renewed"
# # From 10 trials to 1,000
#
# What grows with the number of trials in a Keras Tuner search: memory,
# time beside training, disk; and what stops or slows it.
#
# - **[Memory](#memory)** grows with each Keras model, and slows each
#   trial: `flat_memory` or `renewed` stops that.
# - **[A proposal](#time-beside-training)** of `BayesianOptimization` takes
#   seconds, then more and more: use `quick_proposals` and two restarts.
# - **[Disk](#disk)** fills with weights: use `few_checkpoints`.
#
# Other tuners' proposals, JSON files and the time to resume grow a little and
# need no cure. Real trials, as guides show a search and with these cures:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
import pandas as pd
from IPython.display import display

growth = pd.read_csv(evidence_file("growth.csv"), comment="#")
rows = {}
for way, run in growth.query("measurement == 'search'").groupby("way"):
    run = run.set_index("trials")
    memory, seconds = run["memory_mib"], run["cpu_seconds"]
    rows[way] = {
        "trials": (last := run.index.max()),
        "growth, %": 100 * (memory[last] / memory[50] - 1),
        "CPU s, trials 11 to 20": seconds[20],
        "CPU s, the last": seconds[last],
    }
table = pd.DataFrame.from_dict(rows, orient="index")
display(table.rename_axis("search").round(2))

# %% [markdown]
# Growth is that of memory since trial 50. All cures, for a night of a thousand
# trials:
#
# ```python
# gc.collect()
# gc.freeze()
# Tuner = few_checkpoints(flat_memory(kt.BayesianOptimization))
# Tuner = resumable(safe(quick_proposals(Tuner)))
# tuner = Tuner(build_model, max_trials=1000, seed=1)
# tuner.oracle.gpr.set_params(n_restarts_optimizer=2)
# tuner.search(...)
# ```
#
# Instead of `flat_memory`, `renewed(kt.Hyperband, trials=50)` ends the process
# after 50 trials, and [the next one goes
# on](#a-new-process-every-fifty-trials).

# %%
import contextlib
import inspect
import io
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np

keras.utils.set_random_seed(1)

# %% [markdown]
# Recorded on one thread by `make growth`:

# %%
lines = evidence_file("growth.csv").read_text("utf-8").splitlines()
print(*(line[2:] for line in lines if line[0] == "#"), sep="\n")


def recorded(measurement, column):
    """Return a column of a measurement: trials by way."""
    table = growth[growth["measurement"] == measurement]
    table = table.pivot(index="trials", columns="way", values=column)
    return table.rename_axis(columns=None)


# %% [markdown]
# ## Memory
#
# RandomSearch, an epoch of a small model in each trial: *as it is* in guides;
# *as the page says*, with `gc.freeze`, `flat_memory` and `few_checkpoints`; and
# *renewed*, that in processes of fifty trials.

# %% alt="Memory by trial for three ways: as it is it climbs in a straight line, as the page says and renewed stay level." caption="As it is, memory climbs in a straight line; with the cures it stays nearly level." figure="memory"
memory = recorded("search", "memory_mib")
figure, axis = plt.subplots()
for way, marker in zip(rows, "os^", strict=True):
    line = memory[way].dropna()
    axis.plot(line.index, line, marker=marker, label=way)
axis.set(xlabel="trial", ylabel="MiB in memory", ylim=(0, None))
axis.legend()
plt.show()

# %%
slower = table["CPU s, the last"] / table["CPU s, trials 11 to 20"]
assert slower["as it is"] > 1.5 > 1.2 > slower["as the page says"]

# %% [markdown]
# TensorFlow [registers
# gradients](../how_to/memory_and_disk.py#what-grows-and-why) and never
# forgets them. Garbage collection walks all that memory, so trials take
# longer and longer. With the cures a little still grows, a third of it even
# without models:

# %%
table = recorded("tuner", "memory_mib")
left = 1024 * (table.loc[1000] - table.loc[10]) / 990
print("KiB of memory a trial, without models:")
print(left.round(1).to_string())
line = memory["as the page says"]
rest = 1024 * (line[500] - line[50]) / 450
print(f"with models, as the page says: {rest:.1f}")
assert 0.25 < left.min() / rest < left.max() / rest < 0.4

# %% [markdown]
# ## A new process every fifty trials
#
# `flat_memory` reaches into a private part of TensorFlow. `renewed` does not: a
# process that ends gives everything back. It works for all four tuners, even
# Hyperband.

# %% open=true
from snippets.searches.renewed import renewed

# %% [markdown]
# A shell runs the script again while it exits with 75:
#
# ```shell
# (until python search.py; do [ $? -eq 75 ] || exit; done)
# ```
#
# The same in Python, around six trials, renewed every four:


# %%
def run_trial(self, trial, *args, **kwargs):
    return {"error": abs(trial.hyperparameters.get("x") - 0.7)}


# %%
def search(tuner_class, project_name):
    """Search; return the values of each trial, in order."""
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    tuner = type("Numbers", (tuner_class,), {"run_trial": run_trial})(
        hyperparameters=hp,
        objective=kt.Objective("error", "min"),
        max_epochs=3,
        seed=1,
        directory="searches",
        project_name=f"growing_searches_{project_name}",
    )
    tuner.search(verbose=0)
    trials = sorted(tuner.oracle.trials.items())
    return [trial.hyperparameters.values for _, trial in trials]


# %%
source = f"""
{"".join(inspect.findsource(renewed)[0])}

{inspect.getsource(run_trial)}

{inspect.getsource(search)}

search(renewed(kt.Hyperband, trials=4), "parts")
"""
Path("search.py").write_text(source, "utf-8")
for folder in Path("searches").glob("growing_searches_*"):
    shutil.rmtree(folder)  # of an earlier run of this page

# %%
codes = [75]
while codes[-1] == 75:
    command = [sys.executable, "search.py"]
    done = subprocess.run(command, capture_output=True)
    codes.append(done.returncode)
print("exit codes:", codes[1:])

# %% [markdown]
# The same search without interruption:

# %%
with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
    whole = search(kt.Hyperband, "whole")
    parts = search(kt.Hyperband, "parts")
print(len(parts), "trials, as without interruption:", parts == whole)
assert parts == whole

# %% [markdown]
# Without `resumable` the Bayesian tuner's proposals may [differ a
# little](../how_to/resume.py), and GridSearch is refused; with it, so is a script
# that changed between two processes. With `safe` a kill [costs one
# trial](../how_to/faults.py):
#
# ```python
# tuner = renewed(resumable(safe(kt.Hyperband)), 50)(build_model, ...)
# ```
#
# With a chief, renew the workers, each in a loop of its own; [the
# launcher](../how_to/several_processes.py) starts them again by itself. What
# follows `search` in the script runs once, in the last process. What precedes
# it runs in each, and counts in the CPU seconds of *renewed*.
#
# ## Time beside training
#
# What Keras Tuner takes for trials that return a number at once, with five
# floats to tune. BayesianOptimization's trials are random here; its
# proposals follow.

# %%
table = 1000 * recorded("tuner", "cpu_seconds")
print("CPU milliseconds a trial")
display(table.round(1))
assert table.to_numpy().max() < 50

# %% [markdown]
# Each proposal of BayesianOptimization fits a Gaussian process to all
# trials so far, with twenty restarts, at a cost that rises faster than
# their number. Cures, each on top of those before:
#
# - `quick_proposals(kt.BayesianOptimization)`, from [Fast
#   searches](fast_searches.py#proposals).
# - `tuner.oracle.gpr.set_params(n_restarts_optimizer=2)`: only the length scale
#   of the kernel is fitted, and in the five proposals below twenty restarts
#   found no other.
# - Fit only some trials: the *newest*, or the *best*.

# %%
CURES = ["as it is", "quick_proposals", "and 2 restarts"]
CURES += ["and the newest", "and the best"]
cost = recorded("proposal", "cpu_seconds")[CURES]

# %% alt="CPU seconds of one proposal by trials, both axes logarithmic: as it is it rises from a tenth to over ten seconds, with the newest or best trials alone it stays below half a second, and a trial of RandomSearch costs a few thousandths." caption="Fewer restarts make a proposal cheaper; only a limit to the trials that are fitted keeps it below half a second." figure="proposals"
figure, axis = plt.subplots()
for way, marker in zip(CURES, "osD^v", strict=True):
    axis.plot(cost.index, cost[way], marker=marker, label=way)
line = table["RandomSearch"] / 1000
axis.plot(line.index, line, "k.:", label="a trial of RandomSearch")
axis.set(xscale="log", yscale="log", xlabel="trials so far")
axis.set_ylabel("CPU seconds of a proposal")
axis.legend(ncols=2, fontsize="small")
plt.show()

# %%
proposals = recorded("proposal", "proposal")[CURES]


def numbers(way):
    return np.array([p.split() for p in proposals[way]], float)


apart = {
    way: np.abs(numbers(way) - numbers("as it is")).max(axis=1)
    for way in CURES
}
print("largest difference of a proposed number, from 0 to 1:")
apart = pd.DataFrame(apart, index=proposals.index)
display(apart)

# %%
assert (apart[CURES[:3]] < 0.01).all(axis=None)
last = cost.loc[1000]
assert (last / cost.loc[300])[CURES[:2]].min() > 1000 / 300
assert last["quick_proposals"] > last["as it is"] / 2
assert last["and 2 restarts"] < last["as it is"] / 4
assert last[CURES[3:]].max() < min(0.5, last["and 2 restarts"] / 5)

# %% [markdown]
# The first two cures propose the same. At a thousand trials, when the fit is
# what costs, `quick_proposals` is worth little. Fewer restarts make the fit
# cheaper, and it still grows. A limit to the trials that are fitted removes
# most of the cost, but changes the proposals. Are they as good?
#
# Searches for the minimum, zero, of a made-up function with many dips, with
# a limit of thirty trials and the same
# [independent](../how_to/reproducible_searches.py#seeds-that-are-too-close)
# seeds for each way. The least found, on average:

# %%
results = growth[growth["measurement"] == "result"]
FOUND = ["random", *CURES[2:]]
best = results.pivot_table("best", ["trials", "round"], "way")[FOUND]
display(best.groupby("trials").mean().round(2))
spent = results[results["trials"] == 80].groupby("way")["cpu_seconds"]
print("CPU seconds of the search:")
print(spent.mean()[FOUND].round(1).to_string())

# %%
from snippets.results.compare_runs import compare_runs

# %%
table = compare_runs(
    best.loc[80], reference="and 2 restarts", paired=True
)
print("after 80 trials, and how much higher than by all of them:")
display(table.rename_axis("way").round(3))
assert (table["p"].dropna() > 0.05).all()

# %% [markdown]
# Each interval of a difference contains 0. Neither limit is shown to be
# as good as all trials, or worse; nor are all trials shown to beat random
# search. Where a proposal costs too much, a limit is the cheaper risk,
# RandomSearch the cheapest.
#
# ## Disk
#
# KiB of all files of a search, with the real models above:

# %%
folder = recorded("search", "folder_kib")
shown = folder[["as it is", "as the page says"]].round()
display(shown.astype("Int64").astype(object).fillna(""))

# %% [markdown]
# At 1,000 trials without models:

# %%
names = {
    "folder_kib": "KiB of JSON a trial",
    "state_kib": "KiB of oracle.json",
    "reload_seconds": "CPU s to make the tuner again",
}
files = growth.query("measurement == 'tuner' and trials == 1000")
files = files.set_index("way")[[*names]]
files["folder_kib"] /= 1000
display(files.rename(columns=names).rename_axis("tuner").round(2))
assert files["folder_kib"].max() < 3
assert files["reload_seconds"].max() < 1

# %% [markdown]
# `few_checkpoints` keeps the weights of the best trial, and under Hyperband
# those of the running bracket, whose trials may [still be
# promoted](../how_to/memory_and_disk.py#delete-the-weights-of-beaten-trials).
#
# ## What this page did not show
#
# - What your models leave: here is one small model, without a GPU. Measure
#   fifty trials of yours, and multiply.
# - Whether a thousand trials are worth it: the best is [partly
#   luck](how_sure.py#how-much-of-the-best-score-is-luck).
# - Integers and choices. Where the space has few points, the Bayesian
#   tuner proposes some twice.
