# %% [markdown] index="several processes; in parallel; n_jobs; multiprocessing; chief and workers; all cores; two searches at once; worker died; chief hangs; waits for ever" needs="posix"
# # Several processes
#
# One command runs a script's search with a chief and two workers,
# starts again what dies, and leaves a folder that one process can
# resume.
#
# ```shell
# python parallel_search.py search.py --workers 2
# ```
#
# - `parallel_search.py` is the snippet below, `search.py` any search.
# - For small models a worker for each core, with one thread each, pays
#   once training takes [about 14 s](#when-it-pays) on the machine
#   measured.
#
# From Python, with a function as the script:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.searches.parallel_search import parallel_search

# %%
import inspect
from pathlib import Path


def search():
    import keras_tuner as kt
    from sklearn.datasets import load_digits

    names = {"directory": "searches", "project_name": "processes"}
    names["objective"] = kt.Objective("val_accuracy", "max")
    tuner = kt.RandomSearch(build_model, max_trials=2, seed=1, **names)
    x, y = load_digits(return_X_y=True)
    tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)


code = inspect.getsource(build_model) + inspect.getsource(search)
# This hides TensorFlow's log, and every traceback: not for your script.
quiet = "import os; os.dup2(os.open(os.devnull, 1), 2); import keras\n"
Path("search.py").write_text(f"{quiet}{code}search()", "utf-8")
parallel_search("search.py", workers=2)

# %% [markdown]
# On GPUs, `--gpus 0,1` gives each worker one. Each worker holds TensorFlow
# and the data in memory. The chief trains nothing: it decides what is tried
# next and keeps the results. For your data, [the composer writes a
# script](../../your_data/index.md?cores=1) that starts its own workers.

# %%
import contextlib
import io
import json
import os
import shutil

import keras
import keras_tuner as kt
import pandas as pd
from IPython.display import display

# %% [markdown]
# ## When a worker dies
#
# In this script the only worker kills itself when it first begins, as if
# out of memory. Each process notes what it is told.


# %%
def numbers(project_name, **settings):
    import keras_tuner as kt

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, **_):
            return trial.hyperparameters.get("x")

    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    usual = {"directory": "searches", "project_name": project_name}
    usual |= {"objective": kt.Objective("score", "max"), "seed": 1}
    usual |= {"hyperparameters": space, "max_trials": 3}
    return Numbers(**usual | settings)


# %%
def main():
    task = os.environ["KERASTUNER_TUNER_ID"]
    told = json.dumps(dict(os.environ))
    Path(f"{task}.json").write_text(told, "utf-8")
    if task == "worker0" and not os.path.exists("died"):
        Path("died").touch()
        os.kill(os.getpid(), 9)
    numbers("several_processes").search(verbose=0)
    print(task, "goes on after the search")


imports = "import json, os\nfrom pathlib import Path"
code = [imports, *map(inspect.getsource, (numbers, main)), "main()"]
_ = Path("dying.py").write_text("\n\n".join(code), "utf-8")

# %%
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.pop(name, None)  # set where this page is built
Path("died").unlink(missing_ok=True)
shutil.rmtree("searches/several_processes", ignore_errors=True)
said = io.StringIO()
with contextlib.redirect_stdout(said):
    parallel_search("dying.py", workers=1)
for line in said.getvalue().splitlines():
    # And not what TensorFlow said.
    ours = "|" not in line or "goes on" in line
    if line.startswith(("worker", "chief")) and ours:
        print(line)
assert "worker0 goes on" not in said.getvalue()

# %% [markdown]
# A worker that is started again under its name gets back the trial that
# it left open:

# %%
tuner = numbers("several_processes_names", max_trials=2, overwrite=True)
tuner.oracle.verbose = 0
for name in ("worker0", "worker1", "worker0", "worker2"):
    trial = tuner.oracle.create_trial(name)
    print(name, "gets", trial.trial_id, trial.status)
assert len(tuner.oracle.ongoing_trials) == 2

# %% [markdown]
# Without the snippet the chief waits for ever: a dead worker's trial stays
# open. It also waits if all trials fail, since the error that ends a search
# reaches the worker alone.
#
# If the chief dies, the snippet restarts all processes, and only open
# trials are repeated. It gives up at the third death (`deaths`). An
# error of the script in the chief is raised at once, with the last
# lines printed:

# %%
Path("broken.py").write_text("import no_such_module", "utf-8")
try:
    with contextlib.redirect_stdout(None):
        parallel_search("broken.py")
except RuntimeError as error:
    first, *_, last = str(error).splitlines()
    print(first, "...", last, sep="\n")

# %% [markdown]
# Ctrl-C, or any end of the launcher, ends them all. Run the command
# again to resume, without `overwrite=True`, which deletes the folder at
# the start. The [tools around a
# tuner](../../snippets.md#tools-around-a-tuner) work here too, above
# all `resumable(safe(kt.RandomSearch))`.
#
# ## What each process is told
#
# Three variables tell a process who it is and where the chief listens.
# `CUDA_VISIBLE_DEVICES=-1` keeps the chief from taking a GPU's memory. The
# chief has one thread for linear algebra, on which
# [proposals](../evidence/fast_searches.py#proposals) are cheaper. A lone
# worker has all cores; several share them.

# %%
told = {}
for name in ("chief", "worker0"):
    told[name] = json.loads(Path(f"{name}.json").read_text("utf-8"))
told = pd.DataFrame(told).rename_axis("variable").sort_index()
ours = "KERASTUNER|_NUM_THREADS|^TF_NUM|CUDA_VISIBLE"
told = told[told.index.str.contains(ours)]
told.loc["KERASTUNER_ORACLE_PORT"] = "a free one"
display(told.fillna(""))

# %% [markdown]
# The snippet also replaces two methods of Keras Tuner: only the first
# chief may delete a folder, a worker ends with its search, and the
# chief says which trials have ended.
#
# ## What the chief leaves
#
# Only the chief runs what comes after `search`, on all cores and no GPU:
# put final training, the test set and prints there. Training on a GPU
# belongs in a script of its own, which opens the folder.
#
# The folder is what one process would have left:

# %%
scores = {}
with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
    numbers("several_processes_alone").search(verbose=0)
    for way in ("several_processes", "several_processes_alone"):
        trials = numbers(way).oracle.trials
        scores[way] = {n: trial.score for n, trial in trials.items()}
table = pd.DataFrame(scores).sort_index().rename_axis("trial")
display(table.round(4))
assert len(table) == 3 and table.nunique(axis=1).eq(1).all()

# %% [markdown]
# That holds for random search; the scores of models are the same too if
# [each trial is seeded](reproducible_searches.py#seed-each-trial). With
# workers, a tuner that learns from scores knows fewer of them when asked.
#
# ## What not to do
#
# Two plain processes in one folder don't share a search: each runs all
# trials that it did not find at its start, over the other's files. So
# do two tuners, both made before either begins:

# %%
shutil.rmtree("searches/several_processes_plain", ignore_errors=True)
name = "several_processes_plain"
both = [numbers(name, max_trials=6) for _ in range(2)]
for tuner in both:
    tuner.search(verbose=0)
run = sum(len(tuner.oracle.trials) for tuner in both)
print(f"{run} trials were run, of 6 wanted")

# %% [markdown]
# Without the snippet, a worker with `overwrite=True` [deletes the shared
# folder](../explanation/corrections.py#overwrite-on-a-worker), and one that
# goes on after `search` asks a chief that may be gone, for up to an hour.
#
# ## Hyperband
#
# A promoted trial reads its parent's weights from the folder, so all
# processes need the same disk. Here workers ask a small Hyperband, one
# after the other, while no trial ends:


# %%
def one_layer(hp):
    layer = keras.layers.Dense(hp.Int("units", 1, 999))
    return keras.Sequential([layer])


names = {"directory": "searches", "overwrite": True, "seed": 1}
names["project_name"] = "several_processes_hyperband"
goal = kt.Objective("score", "max")
tuner = kt.Hyperband(one_layer, goal, max_epochs=4, factor=2, **names)
tuner.oracle.verbose = 0

# %%
handed = []
for number in range(100):
    trial = tuner.oracle.create_trial(f"worker{number}")
    if trial.status == "IDLE":
        break
    handed.append(trial.hyperparameters.values)
handed = pd.DataFrame(handed)[["tuner/bracket", "tuner/epochs"]]
display(handed.value_counts(sort=False).to_frame("trials"))
print(f"worker{number} has to wait: {trial.status}")

# %% [markdown]
# The first rounds of all brackets can run side by side; later ones wait for
# the scores that decide
# [promotions](../../reference/glossary.md#promotion). A waiting worker asks
# again without a pause; the snippet adds one.
#
# ## When it pays
#
# Trials of a small convolutional network, of several lengths, on a machine
# with two cores:

# %%
from snippets.data.evidence_file import evidence_file

# %%
lines = Path(evidence_file("workers.csv")).read_text("utf-8")
comments = [s[2:] for s in lines.splitlines() if s.startswith("#")]
print("\n".join(comments))
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


table = throughput(workers)
display(table.round(2))

# %% [markdown]
# More is better: 2 is twice the trials of one thread in the same time.
# *Wall* is from the first trial's beginning to the last one's end,
# *whole* is the command, with the start of all processes. In how many
# rounds two workers were sooner than all cores:

# %%
runs = workers.pivot(index=["steps", "round"], columns="way")
shown = workers.groupby("steps")[["trials", "round"]].max()
shown = shown.rename(columns={"round": "rounds"})
for kind in ("wall", "whole"):
    seconds = runs[f"{kind}_seconds"]
    ahead = seconds["two workers"] < seconds["all cores"]
    shown[f"sooner, {kind}"] = ahead.groupby("steps").sum()
display(shown)
assert (shown["sooner, wall"] == shown["rounds"]).all()
assert table["all cores, wall"].max() < 1.4

# %% [markdown]
# A second core makes one process faster by less than 40 %; two workers,
# once begun, are sooner in every round. But three processes start later:

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
# Memory is the sum of each process's peak; shared libraries count in
# each.

# %%
memory = workers.groupby(["way"])["memory_mib"].median()
display(memory.sort_values().round().astype(int).to_frame("MiB"))

# %% [markdown]
# ## What this page did not show
#
# - GPUs. Tests check that each worker is told its own, not that it uses
#   it.
# - Windows. The snippet is for Linux and macOS, and was run on Linux.
# - A script with several searches: only the first has workers.
