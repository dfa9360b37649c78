# %% [markdown] index="kill -9; SIGKILL; power cut; process died; No space left on device; disk full; ResourceExhaustedError; read-only; two processes; lock; MemoryError; damaged file" needs="posix"
# # Faults, and what they cost
#
# What a kill, a full disk, a second process or a failed trial costs a
# search, tried on hundreds of searches, and what to do about each.
#
# ```python
# Tuner = resumable(safe(kt.RandomSearch))  # use it as RandomSearch
# ```
#
# - After a kill, Ctrl-C or a full disk, run the script again. No trial
#   that had ended is lost or trained again.
# - [Mend](#a-search-that-was-killed-without-safe) a search that was
#   killed without them: here three in four then went on.
# - [`scored_failures`](#trials-that-fail) keeps Hyperband's brackets full
#   when trials fail.
# - Restart a dead parallel worker under its old name: the chief waits.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.results.compare_runs import compare_runs

# %%
import pandas as pd
from IPython.display import display

faults = pd.read_csv(evidence_file("faults.csv"), comment="#")
faults["stuck"] = ~faults["seen"].str.endswith("goes on")
faults["short"] = (faults["missing"] > 0) & ~faults["stuck"]
faults["harmed"] = faults["stuck"] | faults["short"]
killed = faults[faults["fault"] == "kill"]
plain = killed[killed["way"] == "plain"]
harmed = dict(list(plain.groupby("tuner")["harmed"]))
for way in ("mended", "safe"):
    harmed[f"{way}, all four"] = killed["harmed"][killed["way"] == way]
shares = compare_runs(harmed).rename(columns={"runs": "searches"})
print("share of killed searches that could not go on or ended short:")
display(shares[["searches", "mean", "low", "high"]].round(3))

# %% [markdown]
# *Mended* searches began as plain Keras Tuner, like the first four rows,
# and went on with `resumable(safe(...))` after `mend`. *Safe* ones had it
# from the start. Kills came at random moments. These searches spent
# nearly all their time on files, so a kill hit a file far more often than
# in a search that trains for minutes. In a Bayesian search it did so less
# often, because its time goes into proposals.

# %%
assert shares["mean"][:4].idxmin() == "BayesianOptimization"

# %%
import contextlib
import inspect
import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt

keras.utils.set_random_seed(1)
pd.set_option("display.max_colwidth", None)

# %% [markdown]
# ## Each fault, and what to do
#
# [A program](../../evidence/break_searches.py) broke searches in these
# ways, ran the same script again, and compared the end with an
# uninterrupted search ([the record](../../evidence/faults.csv)). A *stuck*
# search cannot go on. A *short* one ends early, because it counts a trial
# that was never run. *Repeated* trials ran again.


# %%
def costs(way):
    """Count, for each fault, what became of the searches."""
    rows = faults[faults["way"] == way]
    return rows.groupby("fault", sort=False).agg(
        searches=("seen", "size"),
        seen=("seen", lambda seen: " or ".join(sorted(set(seen)))),
        stuck=("stuck", "sum"),
        short=("short", "sum"),
        repeated=("repeated", "sum"),
    )


# %% [markdown]
# With the classes of Keras Tuner as they are:

# %%
TO_DO = {
    "kill": "resumable(safe(...)); else mend",
    "interrupt": "run it again; GridSearch under resumable",
    "two processes": "safe; to share the work, a chief and workers",
    "full disk": "resumable(safe(...)); make room",
    "full disk, models": "few_checkpoints too; make room",
    "read-only folder": "another directory",
    "out of memory": "max_model_size; scored_failures",
    "damaged file": "mend; keep a copy",
    "late worker": "nothing: it takes its share",
    "kill of a worker": "start it again, under its name",
    "kill of the chief": "start it again; the same tools",
}
table = costs("plain")
display(table.assign(**{"what to do": table.index.map(TO_DO)}))

# %% [markdown]
# With `resumable(safe(...))`:

# %%
safely = costs("safe")
display(safely)

# %%
promised = ["kill", "interrupt", "full disk", "full disk, models"]
assert not safely.loc[promised, ["stuck", "short"]].any(axis=None)

# %% [markdown]
# No trial that had ended was lost from disk. The tools refuse a second
# process, a read-only folder and damaged files. No fault that was tried
# made `safe` damage or lose a file.
#
# ## Files that stay whole
#
# `safe` writes a file aside, and puts it in its place when it is whole.

# %%
from snippets.searches.safe import safe

# %% [markdown]
# ## A kill between two files
#
# Keras Tuner writes a new trial's values to the trial's own file, and
# only then lists the trial in `oracle.json`. These scripts, whose trials
# are numbers, kill themselves between the two, in the third trial of
# four.


# %%
def score(hp):
    return hp.Float("x", 0.0, 1.0)


def numbers(tuner_class):
    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            return self.hypermodel.build(trial.hyperparameters)

    return Numbers


# %%
def make(tuner_class, project_name):
    return tuner_class(
        score,
        objective=kt.Objective("score", "min"),
        max_trials=4,
        seed=1,
        directory="searches",
        project_name=project_name,
    )


# %%
def kill_between(tuner):
    """Let the tuner kill its process between two files."""
    save = tuner.oracle.save

    def save_or_die():
        if len(tuner.oracle.trials) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        save()

    tuner.oracle.save = save_or_die


# %%
COMMAND = [sys.executable, "search.py"]


def write_script(*functions, last):
    """Write a script of `safe`, functions and lines that use them."""
    source = "".join(inspect.findsource(safe)[0]) + "import signal\n"
    parts = [source, *map(inspect.getsource, functions), last]
    Path("search.py").write_text("\n".join(parts), "utf-8")


# %%
FUNCTIONS = score, numbers, make, kill_between
for project, tuner_class in (
    ("faults_plain", "numbers(kt.RandomSearch)"),
    ("faults_safe", "safe(numbers(kt.RandomSearch))"),
):
    begin = f'tuner = make({tuner_class}, "{project}")\n'
    search = "kill_between(tuner)\ntuner.search(verbose=0)\n"
    write_script(*FUNCTIONS, last=begin + search)
    shutil.rmtree(f"searches/{project}", ignore_errors=True)
    code = subprocess.run(COMMAND, capture_output=True).returncode
    print(f"{project}: exit code {code}")

# %%
shutil.copytree("searches/faults_plain", "copy", dirs_exist_ok=True)
Numbers = numbers(kt.RandomSearch)


# %%
def go_on(tuner_class, project_name):
    """Search to the end; return what became of each trial."""
    with contextlib.redirect_stdout(io.StringIO()):  # it reloads
        tuner = make(tuner_class, project_name)
    tuner.search(verbose=0)
    trials = sorted(tuner.oracle.trials.items())
    return {number: trial.status for number, trial in trials}


ends = {"as it is": go_on(Numbers, "faults_plain")}
ends["safe"] = go_on(safe(Numbers), "faults_safe")

# %%
table = pd.DataFrame(ends).rename_axis("trial")
display(table)
assert table.loc["2", "as it is"] == "RUNNING"
assert (table["safe"] == "COMPLETED").all()

# %% [markdown]
# As it is, the third trial is counted and never run, without a message.
# `safe` drew it again.
#
# ## A search that was killed without `safe`

# %%
from snippets.searches.mend import mend

# %%
from snippets.searches.resumable import resumable

# %% [markdown]
# `mend` repairs what a kill left between two files or in the middle of
# one. From a shell: `python mend.py searches/digits`. A copy of the
# folder above goes on once mended:

# %%
shutil.rmtree("searches/faults_mended", ignore_errors=True)
shutil.copytree("copy", "searches/faults_mended")
print("mended:", mend("searches/faults_mended"))
mended = go_on(resumable(safe(Numbers)), "faults_mended")
print("trials:", mended)
assert [*mended.values()] == 4 * ["COMPLETED"]

# %% [markdown]
# It names what it can't repair: half an `oracle.json` once a trial has
# ended, or half the file of a trial that had ended. Those need [a
# copy](resume.py#a-damaged-file). That of `oracle.json` may be old, or of a
# new search with the same arguments: `mend` adds the trials that ended
# since.
#
# ## A kill at any moment
#
# What the random kills left behind, and how many of these searches were
# *harmed*, that is, stuck or short:

# %%
states = killed.groupby(["found", "way"])["harmed"]
states = states.agg(searches="size", harmed="sum").unstack()
display(states.fillna(0).astype(int))

# %%
mended = killed[(killed["way"] == "mended") & killed["harmed"]]
assert set(mended["found"]) <= {"half of oracle.json", "nothing yet"}

# %% [markdown]
# With `safe` a kill can leave an `oracle.json` ahead of a trial's file;
# the next process repairs it. `mend` also refuses a folder that holds
# nothing yet: start over.
#
# ### Is the end the same?
#
# The share of killed searches whose trials all have the values and scores
# of an uninterrupted search:

# %%
same = killed.pivot_table(index="tuner", columns="way", values="same")
display((100 * same).round().astype(int).astype(str) + " %")
other = plain[~plain["same"]]
torn = other["found"].str.startswith("half").groupby(other["tuner"])
torn = torn.mean()
assert torn["RandomSearch"] == 1 and torn["Hyperband"] > 0.5
assert torn["GridSearch"] < 1 and torn["BayesianOptimization"] < 1

# %% [markdown]
# Without tools, RandomSearch and Hyperband differ above all where a file
# was torn. GridSearch also loses its place, and Bayesian searches their
# random generator, which is not saved. Mended, a trial whose file was
# torn is drawn again, with other values. `safe` keeps files whole;
# `resumable` finds the place again and draws each proposal from its own
# seed. The scores of models are the same too if [each trial is
# seeded](reproducible_searches.py#seed-each-trial).
#
# ## A second process
#
# Keras Tuner lets two processes search in one folder, where both run every
# trial. Here a safe search starts its script again:

# %%
last = """
tuner_class = safe(numbers(kt.RandomSearch))
make(tuner_class, "faults_shared").search(verbose=0)
"""
write_script(score, numbers, make, last=last)
errors = []


def score_beside_another(hp):
    if not errors:
        done = subprocess.run(COMMAND, capture_output=True, text=True)
        errors.append(done.stderr.splitlines()[-1])
    return score(hp)


# %%
shutil.rmtree("searches/faults_shared", ignore_errors=True)
tuner = make(safe(Numbers), "faults_shared")
tuner.hypermodel.build = score_beside_another
tuner.search(verbose=0)
print(errors[0].replace(str(os.getpid()), "1234"))
assert "BlockingIOError: process" in errors[0]

# %% [markdown]
# The lock ends with its process. It holds on one machine; on Windows
# nothing is locked.
#
# ## Trials that fail
#
# `scored_failures(kt.Hyperband, worst=0.0)(build_model, ...)` gives
# [trials that still fail after their
# retries](failed_trials.py#under-hyperband-a-failure-costs-more) a bad
# score.
#
# ## Parallel workers
#
# One of a chief and two workers was killed: see the last rows of the
# [tables](#each-fault-and-what-to-do).
#
# Workers wait up to an hour for a dead chief. Once it is restarted they
# go on, and may run the trials they had in hand twice. A worker that
# asks too seldom can find the search over and the chief gone: nothing
# is missing, and it ends with an error or is ended by hand.
#
# [A launcher](several_processes.py#when-a-worker-dies) restarts what
# died, and ends what is left over.
#
# ## A full disk
#
# The disk was too small, then made larger. Without `safe`, no search could
# go on until mended:

# %%
disk = faults[faults["fault"].str.startswith("full disk")]
disk = disk.set_index("way")[["found", "stuck"]]
print(disk.value_counts(["way", "found", "stuck"]).to_string())
assert disk.loc["plain", "stuck"].all()
assert not disk.loc[["mended", "safe"], "stuck"].any()

# %% [markdown]
# ## What this page did not show
#
# - Changed arguments. A new range or seed is [ignored in
#   silence](resume.py#what-is-honoured-and-what-is-not), and refused by
#   [resumable](resume.py#a-search-that-resumes-or-says-why-not).
# - A power cut. `safe` asks the system to write each file to the disk; no
#   test here can tell whether the disk obeys.
# - Folders on a network, where locks and replacing a file may mean less.
# - A trial resumed in its middle: it is [run again from its
#   start](resume.py#a-search-that-is-killed).
