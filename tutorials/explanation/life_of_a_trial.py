# %% [markdown] index="life of a trial; order of calls; hooks; on_trial_end; trial status; INVALID; trial.json; tuner0.json; build_config.json; files in the project directory"
# # The life of a trial, and what lies on disk
#
# What Keras Tuner calls, in which order, from one trial to the next;
# where your own code can step in; and what each of its files is for.
#
# - The oracle draws a trial's values and writes it to disk as RUNNING. If
#   the process dies, [the next one](../how_to/resume.py) finds it there.
# - `run_trial` builds and trains a model for each execution, and saves
#   its weights whenever an epoch is better than all before it.
# - Then the oracle scores and ends the trial, and the state of the search
#   is saved.
#
# Two trials, and the files that they leave:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.build_model import build_model

# %%
from pathlib import Path

import keras_tuner as kt


class Told(kt.RandomSearch):
    def on_trial_end(self, trial):
        print("trained:", trial.status, trial.score)
        super().on_trial_end(trial)
        print("ended:  ", trial.status, f"{trial.score:.4f}")


images, score = load_images("digits"), kt.Objective("val_loss", "min")
folder = {"directory": "searches", "project_name": "life_of_two"}
tuner = Told(build_model, score, max_trials=2, seed=1, **folder)
tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)
for path in sorted(Path("searches", "life_of_two").rglob("*.*")):
    print(path.as_posix(), path.stat().st_size, "bytes")

# %% [markdown]
# To go on with a search, Keras Tuner needs `oracle.json`, `tuner0.json`
# and every `trial.json`. To load a trained model it also needs that
# trial's `checkpoint.weights.h5`. Other checkpoints may be
# [deleted](../how_to/memory_and_disk.py#delete-the-weights-of-beaten-trials),
# under Hyperband only after its end.

# %%
import contextlib
import gc
import inspect
import io
import json
import math
import os
import shutil
from unittest import mock

import keras
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Trace it
#
# A trace notes each call, indented by depth, and each file written.

# %%
FOLDER = Path("searches", "life_of_a_trial")


class Trace:
    def __init__(self):
        self.notes, self.depth = [], 0

    def note(self, text):
        self.notes.append((self.depth, text))

    def files(self):
        """Note files written since; set their time back to 1970."""
        for path in sorted(FOLDER.rglob("*.*")):
            if path.is_file() and path.stat().st_mtime > 0:
                name = path.relative_to(FOLDER).as_posix()
                self.note(f"writes {name}")
                os.utime(path, (0, 0))


trace = Trace()


# %%
@contextlib.contextmanager
def call(text):
    """Note a call, and what happens inside."""
    trace.files()
    trace.note(text)
    trace.depth += 1
    try:
        yield
    finally:
        trace.files()
        trace.depth -= 1


# %%
Trial = kt.engine.trial.Trial


def described(values):
    """Say of a trial among the values how it stands."""
    for trial in values:
        if isinstance(trial, Trial):
            known = trial.score is not None
            score = f", score {trial.score:.3f}" if known else ""
            return f" trial {trial.trial_id} {trial.status}{score}"
    return ""


# %%
def traced(base, owner, names):
    """Return a subclass of `base` that notes calls of these methods."""

    def method(name):
        def noted(self, *args, **kwargs):
            with call(f"{owner}.{name}{described(args)}"):
                result = getattr(base, name)(self, *args, **kwargs)
                trace.files()
                if found := described([result]):
                    trace.note(f"returns{found}")
                return result

        return noted

    methods = {name: method(name) for name in names.split()}
    return type(base.__name__, (base,), methods)


# %%
def noted(owner, holder, name):
    """Return a patch that notes calls of a function."""
    function = getattr(holder, name)

    def wrapper(*args, **kwargs):
        with call(f"{owner}.{name}"):
            return function(*args, **kwargs)

    return mock.patch.object(holder, name, wrapper)


class OurCallback(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        trace.note(f"our callback.on_epoch_end {epoch}")


# %%
class Classifier(kt.HyperModel):
    def build(self, hp):
        model = build_model(hp)
        model.run_eagerly = True  # sooner done, for so few steps
        # Its state is in the checkpoint; unbuilt, loading would warn.
        model.optimizer.build(model.trainable_variables)
        return model


# %%
ORACLE = "create_trial populate_space update_trial end_trial "
ORACLE += "score_trial save"
TUNER = "search on_search_begin pre_create_trial on_trial_begin "
TUNER += "run_trial on_epoch_end on_trial_end save on_search_end"
TracedOracle = traced(kt.oracles.RandomSearchOracle, "oracle", ORACLE)
TracedTuner = traced(kt.Tuner, "tuner", TUNER)
TracedClassifier = traced(Classifier, "hypermodel", "build fit")

# %% [markdown]
# Three trials of two executions with two epochs each.

# %%
goal = kt.Objective("val_accuracy", "max")
oracle = TracedOracle(objective=goal, max_trials=3, seed=1)
tuner = TracedTuner(
    oracle,
    TracedClassifier(),
    executions_per_trial=2,
    directory=FOLDER.parent,
    project_name=FOLDER.name,
    overwrite=True,
)
few = [part[:128] for part in images.train]
DATA = {"validation_data": images.validation, "verbose": 0}
DATA["validation_batch_size"] = 1000  # one step

# %%
with (
    noted("gc", gc, "collect"),
    noted("keras.backend", keras.backend, "clear_session"),
    noted("model", keras.Model, "save_weights"),
):
    tuner.search(*few, epochs=2, callbacks=[OurCallback()], **DATA)

# %% [markdown]
# ## From one trial to the next
#
# From the tuner's creation to the request for a second trial:

# %%
texts = [text for _, text in trace.notes]
asked = [n for n, t in enumerate(texts) if "pre_create_trial" in t]
for depth, text in trace.notes[: asked[1]]:
    print("  " * depth + text)

# %% [markdown]
# And the end of the search:

# %%
for depth, text in trace.notes[asked[-1] :]:
    print("  " * depth + text)

# %%
order = "populate_space trial.json RUNNING tuner.on_trial_begin "
order += "clear_session collect collect build callback "
order += "tuner.on_epoch_end checkpoint build oracle.update_trial "
order += "tuner.on_trial_end oracle.score_trial tuner0.json"
rest = iter(texts[: asked[1]])
for expected in order.split():
    assert any(expected in text for text in rest), expected
assert texts.index("hypermodel.build") < texts.index("tuner.search")
ended = [text for text in texts if "tuner.on_trial_end" in text]
assert len(ended) == 3 and not any("score" in text for text in ended)

# %% [markdown]
# - The hypermodel is built once when the tuner is made, with defaults, to
#   learn what there is to tune. An error there is
#   [raised at once](../how_to/failed_trials.py).
# - Each execution clears Keras's session, [collects garbage
#   twice](../evidence/fast_searches.py) and builds a model anew.
# - After an epoch your callbacks come before the tuner's `on_epoch_end`.
#   Both find an earlier epoch's checkpoint, because weights are saved last.
# - The oracle hears of a trial once, at its end. No tuner stops a trial
#   midway.
# - `on_trial_end` begins with a trial that is COMPLETED and has no score
#   yet. In an override, call `super().on_trial_end(trial)` first.
# - To be saved, an epoch has to beat all before it, including those of
#   the other execution:

# %%
saves = [
    sum("model.save_weights" in text for text in texts[start:stop])
    for start, stop in zip(asked[:-1], asked[1:], strict=True)
]
print("epochs saved of 4, for each trial:", saves)

# %% [markdown]
# ## Where your code can step in
#
# | override, in the order of calls | used for |
# |---|---|
# | `pre_create_trial` | a break between trials |
# | `Oracle.populate_space` | [known values first, limits of time](../how_to/known_values_and_limits.py) |
# | `on_trial_begin` | [opening a run](../how_to/experiment_trackers.py#three-methods) |
# | `run_trial` | [a seed per trial](../how_to/reproducible_searches.py#seed-each-trial), [folds](../how_to/cross_validation.py), [no model at all](../how_to/tune_anything.py) |
# | `HyperModel.build`, `fit` | [batch size](../how_to/batch_size_and_epochs.py), [your own loop](../how_to/custom_training_loops.py) |
# | `on_epoch_end` | [logging a step](../how_to/experiment_trackers.py#three-methods) |
# | `on_trial_end` | [deleting weights](../how_to/memory_and_disk.py#delete-the-weights-of-beaten-trials), [closing a run](../how_to/experiment_trackers.py#three-methods) |
#
# Call `super()` in each but `pre_create_trial`, which does nothing, and a
# `run_trial` that replaces the tuner's.

# %% [markdown]
# ## Six statuses
#
# Every change of status is caught, with the function that made it.

# %%
changes = []


def caught(trial, name, value):
    before = vars(trial).get("status", "new")
    if name == "status" and value != before:
        maker = inspect.currentframe().f_back.f_code.co_name
        changes.append((trial.trial_id, before, value, maker))
    object.__setattr__(trial, name, value)


# %% [markdown]
# One trial for each fate, with one retry:

# %%
FATES = ["a number", "raises once", "raises twice", "NaN"]
FATES += ["FailedTrialError", "a second worker asks"]


# %%
class Fates(kt.GridSearch):
    attempts = ()

    def run_trial(self, trial, **kwargs):
        fate = trial.hyperparameters.get("fate")
        self.attempts += (fate,)
        tries = self.attempts.count(fate)
        once = fate == "raises once" and tries == 1
        if once or fate == "raises twice":
            raise ValueError(fate)
        if fate == "FailedTrialError":
            raise kt.errors.FailedTrialError(fate)
        if fate == "a second worker asks":
            self.oracle.create_trial("second worker")
        return math.nan if fate == "NaN" else 0.5


# %%
space = kt.HyperParameters()
space.Choice("fate", FATES)
score = kt.Objective("score", "max")
folder |= {"project_name": "life_of_a_trial_fates"}
folder["overwrite"] = True
limits = {"max_retries_per_trial": 1}
limits["max_consecutive_failed_trials"] = 9
fates = Fates(None, score, hyperparameters=space, **limits, **folder)
quiet = contextlib.redirect_stderr(io.StringIO())  # the tracebacks
with mock.patch.object(Trial, "__setattr__", caught), quiet:
    fates.search(verbose=0)

# %%
columns = ["trial", "from", "to", "made in"]
table = pd.DataFrame(changes, columns=columns)
fate = {n: FATES[int(n)] for n in fates.oracle.trials}
table["fate"] = table["trial"].map(fate).fillna("no trial")
table = table.groupby(columns[1:], sort=False)["fate"]
table = table.agg(lambda f: ", ".join(dict.fromkeys(f)))
with pd.option_context("display.max_colwidth", None):
    display(table.to_frame())

# %%
known = vars(kt.engine.trial.TrialStatus)
reached = {status for _, _, status, _ in changes}
assert reached == {name for name in known if name.isupper()}
(at_once,) = table.sort_index()["RUNNING", "FAILED"]
assert at_once == "FailedTrialError"

# %% [markdown]
# - INVALID does not last: the trial is tried again, or becomes FAILED.
#   After a NaN the tuner calls the trial COMPLETED, and then the oracle
#   finds that its score is no number.
# - IDLE and STOPPED belong to no trial. They are the oracle's answers
#   *ask again, others are still running* and *the search is over*.
# - RUNNING also stays on disk when a process dies or a
#   [fatal error](../how_to/failed_trials.py) is raised.

# %% [markdown]
# ## The files
#
# ### trial.json


# %%
def keys_of(path, meanings):
    """Show each key of a file, its value and what it is."""
    content = json.loads(path.read_text("utf-8"))
    assert set(content) == set(meanings), set(content) ^ set(meanings)
    table = pd.DataFrame({"what it is": meanings}).rename_axis("key")
    values = pd.Series(content).map(json.dumps)
    table.insert(0, "value here", values)
    display(table)
    return content


# %%
trial = keys_of(
    FOLDER / "trial_0" / "trial.json",
    {
        "trial_id": "number, padded as max_trials is long",
        "hyperparameters": "the space as it was, and the values drawn",
        "metrics": "each metric of the best epoch",
        "score": "the objective of the best epoch",
        "best_step": "that epoch, from 0",
        "status": "see above",
        "message": "the traceback, if it failed",
    },
)

# %% [markdown]
# The values drawn, and the metrics, which are [means of both
# executions](what_a_score_means.py):

# %%
print(trial["hyperparameters"]["values"])
for name, metric in trial["metrics"]["metrics"].items():
    (observation,) = metric["observations"]
    print(f"{name:12} {metric['direction']} {observation}")

# %% [markdown]
# No file holds the other epochs ([keep the curves
# yourself](../how_to/results.py#curves-over-epochs)), each execution's
# own score, or how long a trial took.
#
# ### oracle.json

# %%
KEYS = {
    "ongoing_trials": "what is running, by tuner",
    "hyperparameters": "the space, which grows as trials show more",
    "start_order": "trials as they began",
    "end_order": "trials as they ended",
    "run_times": "attempts at each trial",
    "retry_queue": "trials to be tried again",
    "seed": "as given, or drawn",
    "seed_state": "the seed of the next draw",
    "tried_so_far": "a hash of each set of values tried",
    "id_to_hash": "the same, by trial",
    "display": "when trials began; filled if verbose is 1",
}
state = keys_of(FOLDER / "oracle.json", KEYS)

# %% [markdown]
# Some oracles add keys of their own:

# %%
for name, oracle in {
    "BayesianOptimization": kt.oracles.BayesianOptimizationOracle(),
    "Hyperband": kt.oracles.HyperbandOracle(),
    "GridSearch": kt.oracles.GridSearchOracle(),
}.items():
    more = sorted(set(oracle.get_state()) - set(state))
    print(f"{name}:", ", ".join(more) or "none")

# %% [markdown]
# GridSearch adds nothing, so it [loses its
# place](../how_to/resume.py#an-interrupted-grid) in the grid. No oracle
# saves the objective, `max_trials` or the number of retries: your code must
# say them again.

# %%
for name in ("objective", "max_trials", "max_retries_per_trial"):
    assert name not in oracle.get_state()

# %% [markdown]
# ### The others
#
# `tuner0.json`, named by the tuner's id, is an empty state whose
# existence makes the next run resume. `build_config.json` has the shape
# of the input, for models that don't state it. `checkpoint.weights.h5`
# holds weights and the optimizer's state, [most of the
# bytes](../how_to/memory_and_disk.py).

# %%
print("tuner0.json:", (FOLDER / "tuner0.json").read_text("utf-8"))

# %% [markdown]
# ## Take one away
#
# Each kind of file is deleted from a copy of the folder. A tuner then runs
# one more trial there, with a score of zero.


# %%
COPY = Path("searches", "life_of_a_trial_copy")


class OneMore(kt.RandomSearch):
    ran = 0

    def run_trial(self, trial, **kwargs):
        self.ran += 1
        return 0.0


def attempt(step):
    """Return what a step gives, or the error's name."""
    try:
        return step()
    except Exception as error:
        return type(error).__name__


# %%
def make():
    return OneMore(
        Classifier(),
        objective=goal,
        max_trials=4,
        seed=1,
        directory=COPY.parent,
        project_name=COPY.name,
    )


# %%
def without(patterns):
    """Delete from a copy of the search."""
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(FOLDER, COPY)
    for pattern in patterns:
        for path in COPY.glob(pattern):
            path.unlink()


# %%
def what_is_left(patterns):
    """Return what a tuner makes of a copy without some files."""
    without(patterns)
    again = attempt(make)
    if isinstance(again, str):
        return {"found": again}
    row = {"found": len(again.oracle.trials)}
    error = attempt(lambda: again.search(verbose=0))
    row["then ran"] = error or again.ran
    score = again.oracle.get_best_trials()[0].score
    row["best score"] = round(score, 4)
    loaded = attempt(lambda: again.get_best_models() and "load")
    return row | {"its weights": loaded}


# %%
best = f"trial_{tuner.oracle.get_best_trials()[0].trial_id}"
beaten = [f"trial_{n}" for n in range(3) if f"trial_{n}" != best]
CASES = {
    "nothing": (),
    "oracle.json": ("oracle.json",),
    "tuner0.json": ("tuner0.json",),
    "checkpoint of the best": (f"{best}/checkpoint*",),
    "other checkpoints": [f"{name}/checkpoint*" for name in beaten],
    "every build_config.json": ("*/build_config.json",),
    "trial.json of trial 0": ("trial_0/trial.json",),
}

# %%
with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
    rows = {name: what_is_left(case) for name, case in CASES.items()}
table = pd.DataFrame.from_dict(rows, orient="index", dtype=object)
table = table.rename_axis("deleted").fillna("").map(str)
display(table)

# %%
assert [*table["then ran"]] == ["1", "", "4", "1", "1", "1", "KeyError"]
lost = table.index[table["its weights"] != "load"]
assert [*lost] == ["oracle.json", "checkpoint of the best"]
last = json.loads((COPY / "trial_2" / "trial.json").read_text("utf-8"))
assert last["status"] == "RUNNING"  # it was COMPLETED

# %% [markdown]
# - The worst to lose is `tuner0.json`, two bytes. Without it the search
#   silently starts over, and overwrites the old trials.
# - Without `oracle.json` only a copy helps.
# - A missing `trial.json` shows only when the next trial ends. By then
#   that trial has overwritten another of the same number.
# - A folder can be moved, as each copy was.
#
# `build_config.json` is not missed, because this model states its
# input. Hyperband needs it all the same, because promoted trials read
# their parents' file. Without it a promoted trial fails:


# %%
class Losing(kt.Hyperband):
    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        folder = Path(self.get_trial_dir(trial.trial_id))
        (folder / "build_config.json").unlink(missing_ok=True)


# %%
folder["project_name"] = "life_of_a_trial_hyperband"
rounds = {"max_epochs": 2, "factor": 2, "seed": 1}
loser = Losing(Classifier(), goal, **rounds, **folder)

# %%
with contextlib.redirect_stderr(io.StringIO()):  # the traceback
    loser.search(*few, **DATA)
for number, trial in loser.oracle.trials.items():
    parent = trial.hyperparameters.values.get("tuner/trial_id")
    print(number, "continues", parent, "and is", trial.status)
    assert (trial.status == "FAILED") == (parent is not None)

# %% [markdown]
# ## What this page did not show
#
# - Searches of several processes. There a chief holds the oracle, and
#   each worker has a `KERASTUNER_TUNER_ID` and a JSON file of its own.
# - `kt.SklearnTuner`, which saves whole models: see
#   [scikit-learn models](../scikit_learn.py).
