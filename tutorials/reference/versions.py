# %% [markdown] index="versions; compatibility; upgrade; breaking changes; older code; Keras 3; JAX; PyTorch backend; torch; KERAS_BACKEND; what needs TensorFlow; TF_USE_LEGACY_KERAS; kerastuner; val_acc"
# # Versions: what runs with what
#
# Which versions of TensorFlow, Keras and Keras Tuner go together, as
# tried, and what breaks older code, with symptom and cure.
#
# - **Install** `pip install keras-tuner keras tensorflow tensorboard`.
#   [Without tensorboard](#what-pip-installs-and-what-is-missing) every
#   trial fails.
# - **Write** `import keras`, not `from tensorflow import keras`. With Keras
#   Tuner 1.3.5 or later the same code runs on every TensorFlow tried, on
#   JAX and on PyTorch.
# - **If older code fails**: [Keras Tuner](#names-gone-from-keras-tuner),
#   [your tuners](#tuners-and-oracles-of-your-own),
#   [Keras](#names-gone-from-keras), [other
#   results](#what-runs-and-does-something-else), an [older
#   search](#go-on-with-an-older-search).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
import pandas as pd
from IPython.display import display


def summary(record):
    rows = {}
    for name, runs in record.groupby("combination", sort=False):
        failed = runs["script"][runs["exit_code"] != "0"].tolist()
        rows[name] = dict(runs.iloc[0]["tensorflow":"numpy"])
        rows[name]["ran"] = f"{len(runs) - len(failed)} of {len(runs)}"
        rows[name]["failed"] = ", ".join(failed)
    return pd.DataFrame(rows).T.rename_axis("combination")


pd.set_option("display.max_colwidth", None)
file = evidence_file("versions.csv")
record = pd.read_csv(file, comment="#", dtype=str).fillna("")
pages = ~record["script"].str.contains("^with_|^reopen|^reload")
display(summary(record[pages & (record["bare"] == "False")]))

# %% [markdown]
# Another combination is [one command](#try-another), and other messages
# have [a page](error_messages.py).

# %%
import contextlib
import importlib
import importlib.metadata
import io
import json
import platform
import textwrap
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np

keras.utils.set_random_seed(1)

# %% [markdown]
# ## What this guide was executed with

# %%
print("Python", platform.python_version())
packages = "keras-tuner keras tensorflow tensorboard numpy"
for name in [*packages.split(), "scikit-learn", "protobuf"]:
    print(name, importlib.metadata.version(name))

# %% [markdown]
# ## What was tried
#
# Each combination got its own environment; `locked` is this guide's.
# Three pages ran as scripts: [known values and
# limits](../how_to/known_values_and_limits.py), [conditional
# spaces](../how_to/conditional_spaces.py) and [failed
# trials](../how_to/failed_trials.py). `first_search` is a short search,
# and `tf_keras_search` the same with `from tensorflow import keras`.
# The failures:


# %%
def show_errors(record):
    failed = record[record["exit_code"] != "0"]
    for error, runs in failed.groupby("error", sort=False):
        print(textwrap.fill(error, 72))
        for name, scripts in runs.groupby("combination", sort=False):
            print(f"    {name}: {', '.join(scripts['script'])}")


projects = record["script"].isin(["reopen", "reload"])
bare = record["bare"] == "True"
tried = record[~bare & ~projects]
show_errors(tried)
failed = tried.query("exit_code != '0' & script != 'tf_keras_search'")
assert set(failed["keras_tuner"]) == {"1.1.0"}

# %%
lines = file.read_text("utf-8").splitlines()
print(*(line for line in lines if line[0] == "#"), sep="\n")

# %% [markdown]
# - On JAX and on PyTorch, without TensorFlow, all runs but what imports
#   TensorFlow. Set `KERAS_BACKEND=jax` or `torch` before Python starts,
#   and install `six`.
# - With `TF_USE_LEGACY_KERAS=1` and `tf-keras`, `tf.keras` is Keras 2, whose
#   models Keras Tuner refuses. Write `import keras`, or stay at TensorFlow
#   2.15, where both are Keras 2.
# - Keras Tuner 1.1.0 has no `GridSearch` and no `errors`, which came with
#   1.2.0.
#
# ## The tools on each backend
#
# Each [tool for searches](../../snippets.md#tools-around-a-tuner) had to do
# what it promises with real models, in one combination for each backend.

# %%
used = record[record["script"].str.startswith("with_")]
did = used["says"].where(used["says"] == "", "nothing, and says so")
did = did.where(used["exit_code"] == "0", "failed")
tool = used["script"].str.removeprefix("with_")
table = used.assign(tool=tool, did=did.replace("", "works"))
table = table.pivot(index="tool", columns="combination", values="did")
display(table[used["combination"].unique()])
print(*sorted({*used["says"]} - {""}), sep="\n")

# %% [markdown]
# `flat_memory` needs TensorFlow, whose leak it stops. Elsewhere it only
# warns. `traced_once` saves no time under PyTorch, which traces nothing.
#
# ## What pip installs, and what is missing
#
# Only the packages named, and what they bring:

# %%
for _, runs in record[bare].groupby("combination", sort=False):
    print("pip install", runs["requirements"].iloc[0])
    first = runs[runs["script"] == "first_search"].iloc[0]
    print("   ", first["error"] or "runs")

# %% [markdown]
# - Keras Tuner brings no TensorFlow
#   ([since 1.3.5](https://github.com/keras-team/keras-tuner/blob/master/RELEASE.md)),
#   and Keras takes TensorFlow unless told otherwise.
# - TensorFlow 2.21 brings no tensorboard any more
#   ([release notes](https://github.com/tensorflow/tensorflow/releases/tag/v2.21.0)),
#   2.20 did. Keras Tuner imports it in every trial on TensorFlow.
# - Keras Tuner imports `six`, which it doesn't declare. TensorFlow brings
#   it, JAX does not.
#
# ## Go on with an older search
#
# This guide's versions opened the project of each `first_search`:
# `reopen` reads its four trials and runs a fifth, `reload` loads the best
# model and compares its score.

# %%
opened = summary(record[~bare & projects])
display(opened.drop(columns=["numpy", "ran"]))
show_errors(record[~bare & projects])

# %% [markdown]
# - What Keras Tuner 1.4 and Keras 3 left goes on and loads, on JAX as
#   well.
# - Weights saved under Keras 2 are not loaded. Train anew with
#   `tuner.hypermodel.build(hp)`, or load them with the old versions.
# - Later versions can't open a project of Keras Tuner 1.1.0. Each
#   `trial.json` has the `score`, and the values under `hyperparameters`.
#
# Keras Tuner 1.3.5 wrote an `oracle.json` without `display`, and the
# message doesn't say so. `mend` adds it:


# %%
def mend(project):
    """Let Keras Tuner 1.4 reopen a project of version 1.3."""
    file = Path(project, "oracle.json")
    state = json.loads(file.read_text("utf-8"))
    new = {"search_start": None, "trial_start": {}, "trial_number": {}}
    state.setdefault("display", new)
    file.write_text(json.dumps(state), "utf-8")


# %%
class Square(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        return trial.hyperparameters.Float("x", 0, 1) ** 2


OLD = {"directory": "searches", "project_name": "versions_old_project"}
tuner = Square(max_trials=3, seed=1, overwrite=True, **OLD)
tuner.search(verbose=0)

# %%
file = Path(tuner.project_dir, "oracle.json")
state = json.loads(file.read_text("utf-8"))
del state["display"]
file.write_text(json.dumps(state), "utf-8")
try:
    Square(max_trials=4, seed=1, **OLD)
except RuntimeError as error:
    print(textwrap.fill(f"RuntimeError: {error}", 72))
mend(tuner.project_dir)
tuner = Square(max_trials=4, seed=1, **OLD)
tuner.search(verbose=0)
print(f"mended: {len(tuner.oracle.trials)} trials")

# %% [markdown]
# ## Try another
#
# In a clone of this guide, after `make`, with the packages you name and
# the newest of others that fit:
#
# ```shell
# python docs/evidence/try_versions.py "tensorflow==2.19.*" "keras==3.10.*"
# KERAS_BACKEND=jax python docs/evidence/try_versions.py jax six
# ```
#
# `--scripts first_search` is enough for a first answer. [The
# program](../../evidence/try_versions.py) says the rest. `make versions`
# makes [the record](../../evidence/versions.csv) anew.
#
# ## Names gone from Keras Tuner
#
# Each old line fails today, each new one runs:


# %%
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
x = np.ones((8, 2))


def compare(old, new, since=""):
    """Run old code, which must fail, then new code, which must not."""
    names = {"kt": kt, "keras": keras, "model": model, "x": x}
    try:
        exec(old, names)
    except Exception as error:
        message = str(error).splitlines()[0].partition(" (/")[0]
        message = f"{type(error).__name__}: {message}"
    exec(new, names)
    print("old:", old)
    print(textwrap.indent(textwrap.fill(message, 66), " " * 5))
    print(f"new: {new}" + f"   # {since}" * bool(since) + "\n")


# %%
compare("kt.Sklearn", "kt.SklearnTuner", "1.3.0")
for name in ("RandomSearch", "BayesianOptimization", "Hyperband"):
    name = f"kt.oracles.{name}"
    compare(name, f"{name}Oracle", "1.3.0")
compare("kt.Logger", "kt.Tuner.on_trial_end", "1.3.0")

# %%
compare(
    "from keras_tuner.engine import tuner_utils",
    "from keras_tuner.src.engine import tuner_utils",
    "1.4.0",
)
compare(
    "from keras_tuner.engine import multi_execution_tuner",
    "from keras_tuner.engine.tuner import Tuner",
)
compare("kt.FailedTrialError", "kt.errors.FailedTrialError")

# %% [markdown]
# The comment is the version of Keras Tuner that made the change, by its
# [release notes](https://github.com/keras-team/keras-tuner/blob/master/RELEASE.md).
# `keras_tuner.src` is private and may move again.
#
# `import kerastuner`, the old name, still works through the package
# `kt-legacy`. It warns, and lacks some modules:

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    kerastuner = importlib.import_module("kerastuner")
print(*{str(each.message) for each in caught})
print(kerastuner.__version__, "and really", kt.__version__)
assert kerastuner.RandomSearch is kt.RandomSearch
compare(
    "import kerastuner.engine.logger", "import keras_tuner.engine.tuner"
)

# %% [markdown]
# ## Tuners and oracles of your own
#
# In old guides `run_trial` takes the data by name, saves the model, tells
# the oracle the result and returns nothing. Today each fails:


# %%
def square(trial, x):
    return (trial.hyperparameters.get("x") - x) ** 2


class WithoutKeywords(kt.RandomSearch):
    def run_trial(self, trial, x):
        return square(trial, x)


class SavesModel(kt.RandomSearch):
    def run_trial(self, trial, x, **kwargs):
        self.save_model(trial.trial_id, model=None)
        return square(trial, x)


class ReturnsNothing(kt.RandomSearch):
    def run_trial(self, trial, x, **kwargs):
        square(trial, x)


class NewTuner(kt.RandomSearch):
    def run_trial(self, trial, x, **kwargs):
        return {"loss": square(trial, x)}


# %%
def search(tuner):
    """Search; return the error's name, and its first and last line."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            tuner.search(0.5, verbose=0)
    except Exception as error:
        lines = str(error).strip().splitlines()
        shown = [type(error).__name__, *lines[:1], *lines[1:][-1:]]
        return "\n   ".join(shown)
    return f"{len(tuner.oracle.trials)} trials"


# %%
space = kt.HyperParameters()
space.Float("x", 0, 1)
SETTINGS = {"objective": kt.Objective("loss", "min"), "seed": 1}
SETTINGS |= {"hyperparameters": space, "max_trials": 4}
FOLDER = {"directory": "searches", "overwrite": True}

# %%
for kind in (WithoutKeywords, SavesModel, ReturnsNothing, NewTuner):
    FOLDER["project_name"] = f"versions_{kind.__name__}"
    tuner = kind(**SETTINGS, **FOLDER)
    print(f"{kind.__name__}: {search(tuner)}")
assert len(tuner.oracle.trials) == 4

# %% [markdown]
# - Take `**kwargs`: `search` passes on all it is given, `verbose` too.
# - `save_model` only raises. Save a model of your own under
#   `self.get_trial_dir(trial.trial_id)`.
# - Since 1.2.0, return the number, or a dictionary with the objective in
#   it, and leave `oracle.update_trial` alone:
#   [Tune anything](../how_to/tune_anything.py).
#
# An oracle's `_populate_space` became `populate_space`, and since 1.2.0
# its `end_trial` takes the trial itself:


# %%
class OldName(kt.Oracle):
    def _populate_space(self, trial_id):
        return {"status": "RUNNING", "values": {"x": 0.25}}


class OldArguments(kt.oracles.RandomSearchOracle):
    def end_trial(self, trial_id, status):
        super().end_trial(trial_id, status)


class NewOracle(kt.Oracle):
    def populate_space(self, trial_id):
        return {"status": "RUNNING", "values": {"x": 0.25}}

    def end_trial(self, trial):
        super().end_trial(trial)


class OneTuner(kt.Tuner):
    run_trial = NewTuner.run_trial


# %%
for kind in (OldName, OldArguments, NewOracle):
    FOLDER["project_name"] = f"versions_{kind.__name__}"
    tuner = OneTuner(kind(**SETTINGS), **FOLDER)
    print(f"{kind.__name__}: {search(tuner)}")
assert len(tuner.oracle.trials) == 4

# %% [markdown]
# ## Names gone from Keras
#
# TensorFlow 2.16 made Keras 3 its Keras
# ([release notes](https://github.com/tensorflow/tensorflow/releases/tag/v2.16.1)),
# so updating TensorFlow alone changes all of this.

# %%
compare(
    "keras.optimizers.Adam(lr=0.01)",
    "keras.optimizers.Adam(learning_rate=0.01)",
)
compare("keras.optimizers.legacy.Adam()", "keras.optimizers.Adam()")
compare(
    "model.predict_classes(x)", "model.predict(x, verbose=0).argmax(1)"
)
compare("model.fit_generator", "model.fit")
compare(
    "keras.metrics.Mean().reset_states()",
    "keras.metrics.Mean().reset_state()",
)

# %%
compare("model.save('best')", "model.save('best.keras')")
compare(
    "model.save('best', save_format='tf')", "model.save('best.keras')"
)
compare(
    "keras.models.load_model('best')",
    "keras.models.load_model('best.keras')",
)
compare(
    "import tensorflow as tf; tf.reduce_mean(keras.Input((2,)))",
    "keras.ops.mean(keras.Input((2,)))",
)

# %% [markdown]
# Only `.keras` and `.h5` are saved and loaded. For TensorFlow's
# SavedModel there are `model.export` and, to predict,
# `keras.layers.TFSMLayer`: [Retrain and ship](../how_to/retrain_and_ship.py).

# %%
compare(
    "from keras.utils import np_utils",
    "from keras.utils import to_categorical",
)
compare(
    "keras.layers.experimental.preprocessing.Rescaling",
    "keras.layers.Rescaling",
)

# %%
compare(
    "from keras.preprocessing.image import ImageDataGenerator",
    "keras.layers.RandomFlip, keras.utils.PyDataset",
)
compare(
    "from keras.wrappers.scikit_learn import KerasClassifier",
    "from keras.wrappers import SKLearnClassifier",
)

# %% [markdown]
# Keras has a [guide to migrating](https://keras.io/guides/migrating_to_keras_3)
# and a
# [list of what is incompatible](https://github.com/keras-team/keras/issues/18467).
#
# ## What runs, and does something else
#
# No error, at most a warning: look for these first.
#
# **Names of metrics.** An objective has the name that was given to
# `compile`
# ([since Keras 2.3](https://github.com/keras-team/keras/releases/tag/2.3.0)).

# %%
for name in ("accuracy", "acc"):
    model.compile(
        loss="sparse_categorical_crossentropy", metrics=[name]
    )
    history = model.fit(x, x[:, 0], validation_split=0.5, verbose=0)
    print(f"metrics=[{name!r}] logs", *history.history)

# %% [markdown]
# The two must agree, or every trial fails with
# `KeyError: 'val_acc'`: [Objectives](../how_to/objectives.py).
#
# **`decay` is ignored**, with a warning. A schedule does the same:

# %%
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ignored = keras.optimizers.SGD(learning_rate=0.1, decay=0.5)
print(caught[0].message)
schedule = keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 0.5)
for optimizer in (ignored, keras.optimizers.SGD(schedule)):
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(2)
    print("learning rate:", float(optimizer.learning_rate))

# %% [markdown]
# With Keras 2, TensorFlow 2.11 and later ignored `lr=` too
# ([keras#17338](https://github.com/keras-team/keras/issues/17338)).
#
# **`logger=` is ignored** since 1.3.0, with a warning that Python hides
# by default: [shown](../how_to/experiment_trackers.py#the-logger-argument).
# Log from `on_trial_end`.
#
# **A failing trial no longer ends the search** [since
# 1.2.0](https://github.com/keras-team/keras-tuner/pull/761), but three in
# a row do: [failed trials](../how_to/failed_trials.py).
#
# **The same seed draws other values** since 1.2.0, by its release notes:
# an older search can't be repeated.
#
# **Trials are numbered** 0, 1, 2 since
# [1.1.1](https://github.com/keras-team/keras-tuner/releases?page=3), not in
# hexadecimal digits.
#
# **On a GPU Keras 3 compiles by XLA** unless told `jit_compile=False`.
#
# ## What this page did not show
#
# - The tools under older versions: each backend has one combination.
# - Python other than the version in the record, macOS, Windows, GPUs.
# - All pages under all versions: only quick ones were tried.
