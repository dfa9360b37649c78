# %% [markdown] index="several processes; in parallel; n_jobs; multiprocessing; chief and workers; all cores; two searches at once; worker died; chief hangs; waits for ever" needs="posix"
# # Several processes
#
# One command runs a script's search with a chief and two workers, starts
# again what dies, and leaves a folder that one process can resume.
#
# ```shell
# python parallel_search.py search.py --workers 2
# ```
#
# - `parallel_search.py` is the snippet below, `search.py` any script
#   with a search in it, as written for one process. From Python:
#   `parallel_search("search.py", workers=2)`.
# - For your data, [the composer writes a
#   `search.py`](../../your_data/index.md?cores=1) that starts its workers
#   itself.
# - A worker for each core, with one thread each, pays for small models
#   from about 14 s of training on, here: [when it pays](#when-it-pays).
# - Each worker holds TensorFlow and the data once more in memory.
# - On GPUs, `--gpus 0,1` gives each worker one.
#
# The workers train. The chief trains nothing: it decides what is tried
# next, keeps the results, and goes on with the script when all is done.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import inspect
import io
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import keras
import keras_tuner as kt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# The snippet starts the script once for each process. There it replaces
# two methods of Keras Tuner's base class, as soon as the script imports
# it, so that above all only the first chief may delete a folder, a
# worker ends with its search, and the chief says which trials have
# ended.

# %%
from snippets.searches.parallel_search import parallel_search

# %%
print(f"parallel_search{inspect.signature(parallel_search)}")

# %% [markdown]
# ## A search
#
# A script like any other. Only the notes, of who did what, are taken
# for this page. Each trial is
# [seeded](reproducible_searches.py#seed-each-trial), so that its
# score does not depend on the process that trains it.

# %%
from snippets.models.build_model import build_model

# %%
SEARCH = f"""
import gc, json, os, sys
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

{inspect.getsource(build_model)}

def note(what):
    role = os.environ.get("KERASTUNER_TUNER_ID", "alone")
    with open("notes.jsonl", "a") as file:
        print(json.dumps([role, what]), file=file)

class Tuner(kt.RandomSearch):
    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        note(trial.trial_id)

def build(hp):
    keras.utils.set_random_seed(1)
    return build_model(hp)

tuner = Tuner(
    build,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name=sys.argv[1],
    overwrite=True,
)
x, y = load_digits(return_X_y=True)
data = dict(validation_data=(x[1000:1400] / 16, y[1000:1400]))
note(dict(os.environ))
gc.freeze()
tuner.search(x[:1000] / 16, y[:1000], verbose=0, **data)

best = tuner.oracle.get_best_trials()[0]
print("the best is trial", best.trial_id)
note("the rest")
"""

# %% [markdown]
# In a terminal you see the lines as they come, those of the workers
# with their name before them. Here what TensorFlow says of itself is
# left out.


# %%
Path("search.py").write_text(SEARCH, "utf-8")
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.pop(name, None)  # set where this page is built


def together(*words, **settings):
    """Run parallel_search; print what counts, return the notes."""
    Path("notes.jsonl").unlink(missing_ok=True)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            parallel_search(*words, **settings)
    finally:
        for line in said.getvalue().splitlines():
            counts = line.startswith(("worker", "chief", "the best"))
            if counts and " | " not in line:
                print(line)
    return notes()


def notes():
    lines = Path("notes.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


seen = together("search.py", "several_processes", workers=2)

# %% [markdown]
# Who began which trial, and who ran the line after the search:

# %%
trials = {}
for role, what in seen:
    if isinstance(what, str):
        trials.setdefault(role, []).append(what)
for role, began in sorted(trials.items()):
    print(f"{role}: {', '.join(began)}")
began = [x for role in trials for x in trials[role]]
assert sorted(began) == [*"012", "the rest"]
assert trials["chief"] == ["the rest"]

# %% [markdown]
# So final training, the test set and what is printed stand after
# `search`, as in any script, and only the chief does them. It has all
# cores for that, and no GPU: training that needs one belongs in a
# script of its own, which opens the folder.
#
# The folder is what one process would have left. This process, alone,
# finds all trials there, and the same search, here and without any
# workers, gives the same ones.

# %%
sys.argv[1:] = ["several_processes_alone"]
with contextlib.redirect_stdout(io.StringIO()):
    runpy.run_path("search.py")


def opened(project_name):
    """Return the trials of a search, as a table."""
    with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
        tuner = kt.RandomSearch(
            build_model,
            objective=kt.Objective("val_accuracy", "max"),
            max_trials=3,
            seed=1,
            directory="searches",
            project_name=project_name,
        )
    rows = {
        name: {**trial.hyperparameters.values, "score": trial.score}
        for name, trial in sorted(tuner.oracle.trials.items())
    }
    return pd.DataFrame(rows).T


# %%
several = opened("several_processes")
one = opened("several_processes_alone")
table = several.assign(**{"score, one process": one["score"]})
display(table)
values = ["units", "activation", "learning_rate"]
assert several[values].equals(one[values])
assert (several["score"] - one["score"]).abs().max() < 0.02

# %% [markdown]
# That holds for random search, which draws without a look at scores. A
# tuner that learns from them knows, with workers, fewer of them when it
# is asked for the next trial.
#
# ## What each process is told
#
# Keras Tuner knows by three variables who it is and where the chief
# listens. `CUDA_VISIBLE_DEVICES=-1` keeps the chief from taking a GPU's
# memory, and linear algebra has one thread there, on which
# [proposals](../evidence/fast_searches.py#proposals) are cheaper.

# %%
told = {role: what for role, what in seen if isinstance(what, dict)}
told = pd.DataFrame(told).sort_index(axis=1)
ours = "KERASTUNER|_NUM_THREADS|^TF_NUM|CUDA_VISIBLE"
told = told[told.index.str.contains(ours)].sort_index()
assert told.loc["KERASTUNER_ORACLE_PORT"].nunique() == 1
told.loc["KERASTUNER_ORACLE_PORT"] = "a free one"
display(told.fillna(""))

# %% [markdown]
# ## When a worker dies
#
# Out of memory, say. Below, the only worker kills itself as it begins
# its first trial.

# %%
DIES = """
def die_once():
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), 9)
"""
NOTED = "        note(trial.trial_id)\n"
Path("dies.py").write_text(
    DIES + SEARCH.replace(NOTED, f"{NOTED}        die_once()\n"),
    "utf-8",
)
Path("died").unlink(missing_ok=True)
seen = together("dies.py", "several_processes_dies", workers=1)

# %%
counts = {}
for role, what in seen:
    if isinstance(what, str) and what != "the rest":
        counts.setdefault(what, []).append(role)
for trial, roles in sorted(counts.items()):
    print(f"trial {trial}: begun by {' and by '.join(roles)}")
assert sorted(counts) == [*"012"]
(twice,) = (roles for roles in counts.values() if len(roles) > 1)
assert twice == ["worker0", "worker0"]
again = opened("several_processes_dies")
assert again[values].equals(one[values])

# %% [markdown]
# The same trial was begun twice, by two processes of one name. That is
# how it works: the chief hands a trial out by name, and who asks again
# under that name gets the trial that is still open.

# %%
space = kt.HyperParameters()
space.Float("x", 0.0, 1.0)
settings = {
    "hyperparameters": space,
    "objective": kt.Objective("score", "max"),
    "seed": 1,
    "directory": "searches",
    "overwrite": True,
}


class Numbers(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("x")


tuner = Numbers(
    project_name="several_processes_names", max_trials=2, **settings
)
tuner.oracle.verbose = 0
for name in ("worker0", "worker1", "worker0", "worker2"):
    trial = tuner.oracle.create_trial(name)
    print(name, "gets", trial.trial_id, trial.status)
assert (
    trial.status == "STOPPED" and len(tuner.oracle.ongoing_trials) == 2
)

# %% [markdown]
# And that is why a chief without this help waits for ever: it ends when
# no trial is open, and the trial of a dead worker stays open. So too if
# all trials fail: the error that ends a search reaches the worker
# alone.
#
# If the chief dies, the snippet starts all processes again, and they
# resume: trials that were open are repeated, nothing else. It gives up
# at the third death, or another number, `deaths`. What the script
# itself raises in the chief, it raises at once, with the last lines it
# said.

# %%
Path("broken.py").write_text("import no_such_module", "utf-8")
try:
    together("broken.py")
except RuntimeError as error:
    first, *_, last = str(error).splitlines()
    print(first, "...", last, sep="\n")
else:
    raise AssertionError("nothing was said of the mistake")
assert "no_such_module" in last

# %% [markdown]
# Ctrl-C, or the end of the launcher by any other cause, ends them all.
# Run the command again to resume, once `overwrite=True` is gone from
# the script: it deletes the folder when the command starts. The
# [tools around a tuner](../../snippets.md#tools-around-a-tuner) work
# here as in one process, above all `resumable(safe(kt.RandomSearch))`.
#
# ## What not to do
#
# Two plain processes in one folder don't share a search. Each knows what
# it found there when it started, and runs all other trials, over the
# files of the other process. Two tuners show it, both made before either
# begins:

# %%
begun = []


class Plain(Numbers):
    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        begun.append(trial.trial_id)


shutil.rmtree("searches/several_processes_plain", ignore_errors=True)
both = [
    Plain(
        project_name="several_processes_plain",
        max_trials=6,
        **settings | {"overwrite": False},
    )
    for _ in range(2)
]
for tuner in both:
    tuner.search(verbose=0)
print(f"{len(begun)} trials were run, of {len(set(begun))} wanted")
assert len(begun) == 12 and len(set(begun)) == 6

# %% [markdown]
# By hand, with a chief and workers but without the snippet, two more
# things go wrong. A worker made with `overwrite=True` [deletes the
# folder](../explanation/corrections.py#overwrite-on-a-worker) that all share. And a
# worker that goes on after `search` asks a chief that may be gone, for
# up to an hour.
#
# ## Hyperband
#
# A promoted trial reads the weights of the one it continues from the
# folder, so all processes need the same disk, as here they have. And
# workers may have to wait: [promotions](../../reference/glossary.md#promotion) depend
# on scores. A small Hyperband, asked by one worker after the other while
# no trial ends:

# %%
tuner = kt.Hyperband(
    lambda hp: keras.Sequential([keras.layers.Dense(1)]),
    project_name="several_processes_hyperband",
    max_epochs=4,
    factor=2,
    **settings,
)
tuner.oracle.verbose = 0
handed = {}
for number in range(100):
    trial = tuner.oracle.create_trial(f"worker{number}")
    if trial.status == "IDLE":
        break
    values = trial.hyperparameters.values
    epochs, bracket = values["tuner/epochs"], values["tuner/bracket"]
    handed[bracket, epochs] = handed.get((bracket, epochs), 0) + 1
handed = pd.Series(handed).rename_axis(["bracket", "epochs"])
display(handed.rename("trials").to_frame())
print(f"worker{number} has to wait: {trial.status}")
assert trial.status == "IDLE" and handed.sum() == number > 2

# %% [markdown]
# The first rounds of all brackets can run side by side; what comes
# after them waits for scores. A worker that waits asks again at once,
# over and over; the snippet makes it pause in between.
#
# ## When it pays
#
# The same trials of a small convolutional network, of several lengths,
# run in three ways on a machine with two cores by `make workers`:

# %%
from snippets.data.evidence_file import evidence_file

# %%
with open(evidence_file("workers.csv"), encoding="utf-8") as file:
    for line in file:
        if line.startswith("#"):
            print(line[2:], end="")
workers = pd.read_csv(evidence_file("workers.csv"), comment="#")


# %%
def throughput(workers):
    """Return trials per time, as multiples of one thread's."""
    alone = workers[workers["way"] == "one thread"]
    seconds = alone.groupby("steps")["trial_seconds"].median()
    table = {"seconds a trial": seconds.round(1)}
    for column in ("wall_seconds", "whole_seconds"):
        keys = ["way", "steps", "round"]
        each = workers.set_index(keys)[column]
        for way in ("all cores", "two workers"):
            times = each["one thread"] / each[way]
            name = f"{way}, {column.removesuffix('_seconds')}"
            table[name] = times.groupby("steps").median()
    return pd.DataFrame(table).set_index("seconds a trial")


display(throughput(workers).round(2))

# %% [markdown]
# More is better: 2 would be twice the trials in the same time. *Wall*
# is from the first trial's beginning to the last one's end, *whole* is
# the command, with the start of all processes, in searches of so few
# trials:

# %%
shown = workers.groupby("steps")[["trials", "round"]].max()
display(shown.rename(columns={"round": "rounds"}).T)

# %%
runs = workers.pivot(index=["steps", "round"], columns="way")
sooner = {}
for kind in ("wall", "whole"):
    seconds = runs[f"{kind}_seconds"]
    ahead = seconds["two workers"] < seconds["all cores"]
    sooner[kind] = ahead.groupby("steps").sum()
print("rounds in which two workers were sooner than all cores:")
display(pd.DataFrame(sooner).T)
table = throughput(workers)
assert (sooner["wall"] == shown["round"]).all()
assert table["all cores, wall"].max() < 1.4

# %% [markdown]
# A second core makes one process faster by about a third at most, and
# once two workers have begun they are sooner in every round. What is
# left is the start: three processes take longer than one, until
# training has made up for it:

# %%
start = workers["whole_seconds"] - workers["wall_seconds"]
start = start.groupby(workers["way"]).median()
later = start["two workers"] - start["all cores"]
needed = 1 / table[["all cores, wall", "two workers, wall"]].median()
saved = needed.iloc[0] - needed.iloc[1]
print(f"two workers start {later:.1f} s later, and win that back")
print(f"with about {later / saved:.0f} s of training on one thread")
assert round(later / saved) == 14

# %% [markdown]
# And the memory: the sum of what each process held at its peak. It
# counts what they share, as code of libraries, once for each.

# %%
memory = workers.groupby(["way"])["memory_mib"].median()
display(memory.sort_values().round().astype(int).to_frame("MiB"))

# %% [markdown]
# ## What this page did not show
#
# - GPUs. That each worker is told its own is tested, not that it uses
#   it.
# - [Several machines](several_machines.py), and what has to be shared
#   and guarded there.
# - Larger models, whose training may keep all cores busy by itself.
# - Windows. The snippet is for Linux and macOS, and was run on Linux.
# - A script with several searches: the first has workers, the others
#   run in the chief alone.
