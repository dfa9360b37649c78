# %% [markdown] index="kill -9; SIGKILL; power cut; process died; No space left on device; disk full; ResourceExhaustedError; read-only; two processes; lock; MemoryError; damaged file" needs="posix"
# # Faults, and what they cost
#
# What a kill, a full disk, a second process or a failed trial costs a
# search, tried out on hundreds of searches, and what to do about each.
#
# Tools, each around any tuner class:
#
# ```python
# tuner = resumable(safe(kt.RandomSearch))(build_model, ...)
# tuner = scored_failures(kt.Hyperband, worst=0.0)(build_model, ...)
# ```
#
# - With the first, run the script again after a kill, Ctrl-C or a full
#   disk. No trial that had ended is lost or trained again, and a second
#   process in the same folder is refused. An `oracle.json` that was
#   damaged by something else can't be replaced: keep a copy.
# - A search that was killed without it is [mended
#   first](#a-search-that-was-killed-without-safe), `python mend.py
#   searches/digits`, and then goes on with it.
# - With `scored_failures`, a trial that fails for good gets a bad score,
#   and Hyperband's brackets stay full.
# - Of parallel workers, start again the one that died, under its name:
#   until then the chief waits.
#
# Without them many faults cost the running trial alone, and some the
# whole search: the [table](#each-fault-and-what-to-do).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import inspect
import io
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
pd.set_option("display.max_colwidth", None)

# %% [markdown]
# ## Each fault, and what to do

# %%
from snippets.data.evidence_file import evidence_file

# %% [markdown]
# [A program](../../evidence/break_searches.py) broke searches in each of
# these ways, ran the same script again, and compared what came out with
# an uninterrupted search. It kept [a record](../../evidence/faults.csv), a
# row for each search.

# %%
faults = pd.read_csv(evidence_file("faults.csv"), comment="#")
faults["stuck"] = ~faults["seen"].str.endswith("goes on")
faults["short"] = (faults["missing"] > 0) & ~faults["stuck"]


def costs(rows):
    """Count, for each fault, what became of the searches."""
    groups = rows.groupby("fault", sort=False)
    return pd.DataFrame(
        {
            "searches": groups.size(),
            "what was seen": groups["seen"].agg(
                lambda seen: " or ".join(sorted(set(seen)))
            ),
            "cannot go on": groups["stuck"].sum(),
            "ends with too few trials": groups["short"].sum(),
            "trials ended before": groups["finished"].sum(),
            "of them run again": groups["repeated"].sum(),
        }
    )


# %% [markdown]
# What to do is ours, the rest is counted. With the classes of Keras
# Tuner as they are:

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
plain = costs(faults[faults["way"] == "plain"])
display(plain.assign(**{"what to do": plain.index.map(TO_DO)}))
assert set(TO_DO) == set(plain.index)

# %% [markdown]
# And the same faults with `resumable(safe(...))`:

# %%
safely = costs(faults[faults["way"] == "safe"])
display(safely)

# %%
killed = faults[faults["fault"] == "kill"]
promised = ["kill", "interrupt", "full disk", "full disk, models"]
assert (safely.loc[promised, "cannot go on"] == 0).all()
assert (safely.loc[promised, "ends with too few trials"] == 0).all()
assert (safely["of them run again"] == 0).all()
assert (faults["lost"] == 0).all()
print("kills:", len(killed), "in all, at random moments")

# %% [markdown]
# A trial that had ended was never lost from disk. What a fault costs is
# the way back to it: a search that cannot go on, or that ends early
# because a trial it counts was never run. The second process and the
# read-only folder are refused, as they should be, and so are damaged
# files, by their names. No fault that was tried made `safe` damage or
# lose a file.
#
# ## Files that stay whole
#
# With `safe` a trial and the state of the search reach the disk in one
# step: a file is written aside, and takes its place when it is whole.

# %%
from snippets.searches.safe import safe

# %% [markdown]
# ## A kill between two files
#
# Keras Tuner writes a new trial's values to the trial's own file, and
# then to `oracle.json` that there is such a trial. The scripts below
# kill themselves between the two, in the third trial of four: one with
# the class as it is, one with the class made safe. A trial is a number
# here, not a model.


# %%
def score(hp):
    return hp.Float("x", 0.0, 1.0)


def numbers(tuner_class):
    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            return self.hypermodel.build(trial.hyperparameters)

    return Numbers


def make(tuner_class, project_name):
    return tuner_class(
        score,
        objective=kt.Objective("score", "min"),
        max_trials=4,
        seed=1,
        directory="searches",
        project_name=project_name,
    )


def kill_between(tuner):
    """Let the tuner kill its process between two files."""
    save = tuner.oracle.save

    def save_or_die():
        if len(tuner.oracle.trials) == 3:
            # Windows has no SIGKILL, and its SIGTERM asks nobody.
            kill = getattr(signal, "SIGKILL", signal.SIGTERM)
            os.kill(os.getpid(), kill)
        save()

    tuner.oracle.save = save_or_die


# %%
KILLED = {
    "as it is": "numbers(kt.RandomSearch)",
    "safe": "safe(numbers(kt.RandomSearch))",
}
command, codes = [sys.executable, "search.py"], {}
for way, tuner_class in KILLED.items():
    source = f"""
{"".join(inspect.findsource(safe)[0])}
import signal

{inspect.getsource(score)}
{inspect.getsource(numbers)}
{inspect.getsource(make)}
{inspect.getsource(kill_between)}
tuner = make({tuner_class}, "faults_killed_{way}")
kill_between(tuner)
tuner.search(verbose=0)
"""
    Path("search.py").write_text(source, "utf-8")
    shutil.rmtree(f"searches/faults_killed_{way}", ignore_errors=True)
    codes[way] = subprocess.run(command, capture_output=True).returncode
folder = "searches/faults_killed_as it is"
shutil.copytree(folder, "copy", dirs_exist_ok=True)
print("exit codes:", codes)
assert 0 not in codes.values()

# %% [markdown]
# Both searches go on in this process.


# %%
def go_on(tuner_class, project_name):
    """Search to the end; return what became of each trial."""
    with contextlib.redirect_stdout(io.StringIO()):  # it reloads
        tuner = make(tuner_class, project_name)
    tuner.search(verbose=0)
    trials = sorted(tuner.oracle.trials.items())
    return {number: trial.status for number, trial in trials}


# %%
Numbers = numbers(kt.RandomSearch)
rows = {
    "as it is": go_on(Numbers, "faults_killed_as it is"),
    "safe": go_on(safe(Numbers), "faults_killed_safe"),
}
display(pd.DataFrame(rows).rename_axis("trial"))

# %%
assert rows["as it is"]["2"] == "RUNNING"
assert set(rows["safe"].values()) == {"COMPLETED"}
assert len(rows["safe"]) == len(rows["as it is"]) == 4

# %% [markdown]
# As it is, the third trial is found, counted, and never run; no message
# says that the search is one trial short. With `safe` there was no
# third trial yet, and the search drew it as if nothing had happened.
#
# ## A search that was killed without `safe`

# %%
from snippets.searches.mend import mend

# %%
from snippets.searches.resumable import resumable

# %% [markdown]
# `mend` takes the folder of the search, `directory/project_name`, makes
# good what a kill left between two files or in the middle of one, and
# says where it did. From a shell: `python mend.py searches/digits`. A
# copy of the folder above, mended, goes on with `resumable(safe(...))`:

# %%
shutil.rmtree("searches/faults_mended", ignore_errors=True)
shutil.copytree("copy", "searches/faults_mended")
print("mended:", mend("searches/faults_mended"))
mended = go_on(resumable(safe(Numbers)), "faults_mended")
print("trials:", mended)
assert set(mended.values()) == {"COMPLETED"} and len(mended) == 4

# %% [markdown]
# What it can't make good it names: half an `oracle.json`, or half the
# file of a trial that had ended. There only [a
# copy](resume.py#a-damaged-file) helps. That of `oracle.json` may be
# old, or of a new search with the same settings: `mend` takes up the
# trials that ended since. Where none had ended, it removes the rest,
# and the search begins anew.
#
# ## A kill at any moment
#
# Random kills met other moments. Here nearly all the time goes into
# files, so a kill hits one far more often than in a search that trains
# for minutes. *Plain* is the class as it is, *mended* too, but `mend`
# and `resumable(safe(...))` go on from it, *safe* is
# `resumable(safe(...))` from the start. Of the searches in each state,
# how many could not go on or were short in the end:

# %%
killed = killed.assign(harmed=killed["stuck"] | killed["short"])
states = killed.pivot_table(
    index="found",
    columns="way",
    values="harmed",
    aggfunc=["size", "sum"],
)
states = states.rename(columns={"size": "searches", "sum": "harmed"})
display(states.fillna(0).astype(int))

# %%
from snippets.results.compare_runs import compare_runs

# %%
plain = killed[killed["way"] == "plain"]
harmed = dict(list(plain.groupby("tuner")["harmed"]))
most = [harmed[name].mean() for name in harmed if "Bay" not in name]
assert harmed["BayesianOptimization"].mean() < min(most)
for way in ("mended", "safe"):
    harmed[f"{way}, all four"] = killed["harmed"][killed["way"] == way]
shares = compare_runs(harmed).rename(columns={"runs": "searches"})
print("share of harmed searches, and its interval:")
display(shares[["searches", "mean", "low", "high"]].round(3))
assert not harmed["safe, all four"].any()
assert harmed["GridSearch"].any() and harmed["RandomSearch"].any()
mended = killed[(killed["way"] == "mended") & killed["harmed"]]
refused = "half of oracle.json", "nothing yet"
assert set(mended["found"]) <= {*refused}
assert (mended["seen"] == "ValueError").all()
assert (killed.loc[killed["way"] == "safe", "repeated"] == 0).all()
half = killed["found"].str.startswith("half")
assert not half[killed["way"] == "safe"].any()

# %% [markdown]
# What a kill leaves of `safe`, an `oracle.json` ahead of the file of a
# trial, the next process makes whole. A Bayesian search is hit less, for
# its time goes into proposals. What `mend` refuses is half an
# `oracle.json`, and a folder that has none yet: there no trial had
# ended, so begin anew.
#
# ### Is the end the same?
#
# After a kill and a second run, the share of searches whose trials all
# have the values and scores of an uninterrupted search:

# %%
same = killed.pivot_table(index="tuner", columns="way", values="same")
display((100 * same).round().astype(int).astype(str) + " %")
assert (same["safe"] == 1).all()
other = plain[~plain["same"]].set_index("tuner")
half = other["found"].str.startswith("half")
assert half["RandomSearch"].all() and half["Hyperband"].mean() > 0.5
assert not half["GridSearch"].all()
assert not half["BayesianOptimization"].all()

# %% [markdown]
# As they are, RandomSearch and Hyperband differ above all where a file
# was left half written. GridSearch also loses its place. Bayesian
# searches differ where no file was torn too, because none keeps their
# generator of random numbers: once they propose by the model, they go
# on with other proposals. Mended, a trial whose own file was torn is
# drawn again, with other values. `safe` keeps the files whole,
# `resumable` finds the place again and draws each proposal from a seed
# of its own. The scores are those of numbers; a model's are the same
# again if [each trial is
# seeded](reproducible_searches.py#seed-each-trial).
#
# ## A second process
#
# As it is, Keras Tuner lets two processes search in one folder; both
# run every trial. Here this process searches, and in its first trial
# starts the script again, made safe.

# %%
source = f"""
{"".join(inspect.findsource(safe)[0])}

{inspect.getsource(score)}
{inspect.getsource(numbers)}
{inspect.getsource(make)}
tuner_class = safe(numbers(kt.RandomSearch))
make(tuner_class, "faults_shared").search(verbose=0)
"""
Path("search.py").write_text(source, "utf-8")
errors = []


def score_beside_another(hp):
    if not errors:
        done = subprocess.run(command, capture_output=True, text=True)
        errors.append(done.stderr.splitlines()[-1])
    return score(hp)


# %%
shutil.rmtree("searches/faults_shared", ignore_errors=True)
tuner = make(safe(Numbers), "faults_shared")
tuner.hypermodel.build = score_beside_another
tuner.search(verbose=0)
print(errors[0].replace(str(os.getpid()), "1234"))
assert "BlockingIOError: process" in errors[0]
assert len(tuner.oracle.end_order) == 4

# %% [markdown]
# The number is that of the process that searches. The lock ends with
# that process, however it ends. It holds on one machine; on Windows
# nothing is locked.
#
# ## Trials that fail
#
# Which failure becomes what: [failed trials](failed_trials.py). The
# cure shown there is a bad score, returned by `fit`. As a tool, for
# exceptions, NaN and infinity, after retries that count:

# %%
from snippets.searches.scored_failures import scored_failures

# %% [markdown]
# One trial in the first round of Hyperband fails, in each way. Trials
# for each number of epochs, first without the tool:


# %%
class OneFails(kt.Hyperband):
    failure = None

    def run_trial(self, trial, *args, **kwargs):
        if trial.trial_id == "0003" and self.failure is not None:
            if isinstance(self.failure, Exception):
                raise self.failure
            return self.failure
        return trial.hyperparameters.get("x")


FAILURES = {
    "none": None,
    "an exception": MemoryError("out of memory"),
    "NaN": math.nan,
    "infinity": math.inf,
}
quiet = io.StringIO()  # the tracebacks


def rounds(tuner_class, failure):
    """Count the trials of the first bracket by their epochs."""
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    tuner_class.failure = failure
    tuner = tuner_class(
        hyperparameters=space,
        objective=kt.Objective("score", "max"),
        max_epochs=27,
        seed=1,
        directory="searches",
        project_name="faults_failures",
        overwrite=True,
    )
    with (
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
    ):
        tuner.search(verbose=0)
    trials = [
        t.hyperparameters.values for t in tuner.oracle.trials.values()
    ]
    epochs = pd.Series([v["tuner/epochs"] for v in trials])
    bracket = pd.Series([v["tuner/bracket"] for v in trials])
    return tuner, epochs[bracket == 3].value_counts().sort_index()


# %%
counts = {
    name: rounds(OneFails, failure)[1]
    for name, failure in FAILURES.items()
}
counts = (
    pd.DataFrame(counts).rename_axis("epochs").fillna(0).astype(int)
)
display(counts)
assert counts["none"].tolist() == [27, 9, 3, 1]
assert counts["an exception"].tolist() == [27, 8, 2, 0]

# %% [markdown]
# And with it. The worst accuracy is 0.

# %%
Scored = scored_failures(OneFails, worst=0.0)
scored = {}
for name, failure in FAILURES.items():
    tuner, scored[name] = rounds(Scored, failure)
    failed = [t for t in tuner.oracle.trials.values() if t.message]
    assert len(failed) == (failure is not None)
scored = pd.DataFrame(scored).rename_axis("epochs")
display(scored)
for column in scored:
    assert scored[column].equals(counts["none"])
(trial,) = failed
print(trial.trial_id, trial.status, trial.score, "-", trial.message)

# %% [markdown]
# The failed trial is told from others by its message, and by a metric
# `failed`, which reaches [tables](results.py) too. Infinity without
# the tool is the best score of all, and nothing warns of it.
#
# ## Parallel workers
#
# A chief and two workers, one of the three killed, the others watched.
# What was seen:

# %%
workers = faults[faults["fault"].str.contains("worker|chief")]
columns = [
    "fault",
    "way",
    "seen",
    "finished",
    "lost",
    "repeated",
    "missing",
]
display(workers[columns].set_index(["fault", "way"]))

# %% [markdown]
# - A worker that dies takes its trial with it: the chief waits for that
#   trial, and has no limit of time. Started again with the same
#   `KERASTUNER_TUNER_ID`, the worker is given the same trial.
# - Without their chief, workers wait too, each for up to an hour. When
#   it is started again they go on, and what they had in hand may be run
#   twice. A worker that asks too seldom can find the search over and
#   the chief gone: nothing is missing, and it ends with an error or is
#   ended by hand.
# - A worker may join late.
#
# [Several processes](several_processes.py#when-a-worker-dies) has a
# launcher that starts again what died, and ends what is left over.
#
# ## A full disk
#
# What was seen on a disk that was too small, and once it had been made
# larger and the script was run again:

# %%
disk = faults[faults["fault"].str.startswith("full disk")]
columns = ["fault", "tuner", "way", "found", "seen"]
display(disk[columns].set_index(["fault", "tuner", "way"]))

# %% [markdown]
# ## What this page did not show
#
# - Changed settings. A new range or seed is
#   [ignored in silence](resume.py#what-is-honoured-and-what-is-not),
#   and refused by [resumable](resume.py#a-search-that-resumes-or-says-why-not).
# - The process that the system kills for its memory. That is a kill like
#   any other; what makes searches grow, and two cures:
#   [memory and disk](memory_and_disk.py).
# - A power cut. `safe` asks the system to have each file on the disk
#   before it takes its place; whether the disk obeys, no test here can
#   tell.
# - Folders on a network, where locks and replacing a file may mean less.
# - A trial resumed in its middle. It is [run again from its
#   start](resume.py#a-search-that-is-killed).
