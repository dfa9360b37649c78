# %% [markdown] index="security; is it safe; untrusted search folder; downloaded search; pickle; arbitrary code; malicious; symlink; path traversal; safe_mode; share a search" needs="posix"
# # A stranger's search folder
#
# What can happen when you open a Keras Tuner search folder that someone
# else made, and how to use its values safely.
#
# - A **pickle** runs code: never call `get_best_models` of a
#   `SklearnTuner` there. In what was tried here, `.h5` weights ran none, and
#   JSON none that your program had not registered with Keras.
# - A search that **goes on** there can write outside the folder, and
#   `overwrite=True` can delete outside it.
# - **Nothing is checked**: neither values nor ranges nor scores.
#
# So [take the values alone](#take-the-values-alone), and train them in a
# folder of your own, where your search space decides what is allowed:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.searches.try_first import try_first

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

theirs = {"units": 96, "activation": "tanh", "learning_rate": 0.01}
tuner = try_first(kt.RandomSearch, [theirs])(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="strangers_folder_first",
)
x, y = load_digits(return_X_y=True)
tuner.search(x[:900] / 16, y[:900], validation_split=0.2, verbose=0)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.3f}", trial.hyperparameters.values)

# %% [markdown]
# A `build` function that comes with a folder is a program: read it
# first.

# %%
import ast
import contextlib
import io
import json
import logging
import os
import pickle
import shutil
import tarfile
import tracemalloc
import warnings
from pathlib import Path

import h5py
import keras
import pandas as pd
import tensorflow as tf
from IPython.display import display
from sklearn.neighbors import KNeighborsClassifier

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

# %% [markdown]
# ## All that was tried
#
# | tried | what happens | what to do |
# |---|---|---|
# | values, ranges, scores | taken as they are | check, retrain |
# | SklearnTuner's models | any code runs | never load them |
# | classes named in JSON | registered ones run | register little |
# | trial's name with ../, link in a trial | writes elsewhere | never go on |
# | link, `overwrite=True` | deletes elsewhere | `shutil.rmtree` |
# | links in weights | refused | train anew |
# | weights that claim much | take that memory | train anew |
# | Keras objects as values | made, without code | check types |
#
# ## What a folder holds, and who reads it
#
# `downloaded` plays the stranger, `opened` is you, and trials are numbers.

# %%
FOLDER = Path("searches", "strangers_folder")
YOURS = Path("searches", "strangers_folder_yours")
PROOF = YOURS / "proof"


class Numbers(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        return self.hypermodel.build(trial.hyperparameters)


def one(hp):
    return hp.Float("x", 0.0, 1.0)


# %%
def opened(tuner_class=Numbers, build=one, folder=FOLDER, **settings):
    with contextlib.redirect_stdout(io.StringIO()):
        return tuner_class(
            build,
            objective=kt.Objective("val_accuracy", "max"),
            seed=1,
            directory=folder.parent,
            project_name=folder.name,
            **{"max_trials": 3} | settings,
        )


# %%
def clean():
    for folder in (FOLDER, YOURS):
        shutil.rmtree(folder, ignore_errors=True)
    YOURS.mkdir(parents=True)
    (YOURS / "notes.txt").write_text("precious", "utf-8")


def downloaded():
    clean()
    opened().search(verbose=0)


def edit(name, **changes):
    state = json.loads((FOLDER / name).read_text("utf-8"))
    (FOLDER / name).write_text(json.dumps(state | changes), "utf-8")


downloaded()
for path in sorted(FOLDER.rglob("*.json")):
    print(path.relative_to(FOLDER).as_posix())

# %% [markdown]
# Making the tuner reads all of these. Of the usual functions that run what
# they are given, Keras Tuner calls one:

# %%
RUNS_CODE = {"eval", "exec", "__import__", "importlib.import_module"}
RUNS_CODE |= {"pickle.load", "pickle.loads", "marshal.loads"}
calls = []
for path in sorted(Path(kt.__file__).parent.rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and not path.match("*_test.py"):
            name = ast.unparse(node.func)
            calls += [(path.name, name)] * (name in RUNS_CODE)
print(calls)
assert calls == [("sklearn_tuner.py", "pickle.load")]

# %% [markdown]
# ## A pickle runs
#
# `SklearnTuner` keeps models [as pickles](../scikit_learn.py). Loading
# a pickle calls whatever function it names.


# %%
class Payload:
    def __reduce__(self):
        return os.mkdir, (str(PROOF),)


def neighbours(hp):
    return KNeighborsClassifier(hp.Int("n_neighbors", 1, 9))


# %%
def opened_sklearn():
    score = kt.Objective("score", "max")
    oracle = kt.oracles.RandomSearchOracle(score, max_trials=1, seed=1)
    with contextlib.redirect_stdout(io.StringIO()):
        return kt.SklearnTuner(
            oracle,
            neighbours,
            directory="searches",
            project_name="strangers_folder_sklearn",
        )


# %%
clean()
shutil.rmtree("searches/strangers_folder_sklearn", ignore_errors=True)
tuner = opened_sklearn()
tuner.oracle.verbose = 0
tuner.search(*load_digits(return_X_y=True))
(model,) = Path(tuner.project_dir).rglob("model.pickle")
model.write_bytes(pickle.dumps(Payload()))

tuner = opened_sklearn()
tuner.get_best_hyperparameters()
print("opened, values read, code ran:", ran := PROOF.exists())
tuner.get_best_models()
print("get_best_models, code ran:   ", PROOF.exists())
assert PROOF.exists() and not ran

# %% [markdown]
# So does [any pickle](https://docs.python.org/3/library/pickle.html),
# `.joblib` and, with `allow_pickle=True`, `.npy` file.
#
# ## JSON names classes, of two kinds only
#
# `oracle.json` names a class for each hyperparameter.


# %%
@keras.saving.register_keras_serializable("yours")
def tidy_up(folder):
    shutil.rmtree(folder)
    raise ValueError(f"deleted {folder}")


# %%
def name_a_class(class_name, **config):
    """Let oracle.json name a class; return what opening it raises."""
    downloaded()
    space = [{"class_name": class_name, "config": config}]
    edit("oracle.json", hyperparameters={"space": space, "values": {}})
    try:
        opened()
    except (ValueError, TypeError) as error:
        return str(error).split(". ")[0]


# %%
print(name_a_class("subprocess.Popen", args=["touch", str(PROOF)]))
assert not PROOF.exists()
print(name_a_class("yours>tidy_up", folder=str(YOURS)))
assert not YOURS.exists()

# %% [markdown]
# Nothing is imported. Besides its own classes, Keras Tuner calls only what
# your program has registered with Keras, with the stranger's arguments.
#
# ## A search that goes on writes elsewhere
#
# A trial's name becomes part of a path. The stranger's search claims to be
# interrupted in this trial, so yours repeats it, and writes there:

# %%
name = f"/../../{YOURS.name}/written"
downloaded()
edit("trial_1/trial.json", trial_id=name, status="RUNNING")
edit("oracle.json", start_order=["0", name, "2"], end_order=["0", "2"])
edit("oracle.json", ongoing_trials={"tuner0": name})
opened().search(verbose=0)
for path in sorted(YOURS.rglob("*")):
    print(path.as_posix())
assert (YOURS / "written" / "trial.json").is_file()

# %% [markdown]
# Symbolic links do it too, which most archives and shared disks keep. Here
# the next trial's weights are a link to your notes:


# %%
def small(hp):
    model = build_model(hp)
    model.optimizer.build(model.trainable_variables)
    return model


def train(tuner):
    data = {"validation_split": 0.2, "verbose": 0}
    tuner.search(x[:900] / 16, y[:900], **data)


# %%
clean()
train(opened(kt.RandomSearch, small, max_trials=1))
(FOLDER / "trial_1").mkdir()
link = FOLDER / "trial_1" / "checkpoint.weights.h5"
link.symlink_to((YOURS / "notes.txt").absolute())
train(opened(kt.RandomSearch, small, max_trials=2))
print("notes.txt is now", (YOURS / "notes.txt").read_bytes()[:4])
assert link.is_symlink() and h5py.is_hdf5(YOURS / "notes.txt")

# %% [markdown]
# ## `overwrite=True` deletes elsewhere
#
# TensorFlow's function for deleting follows links to other folders, and fails
# only when it has emptied them. Python's doesn't:

# %%
left = {}
for way in ("overwrite=True", "shutil.rmtree"):
    downloaded()
    (FOLDER / "trial_3").symlink_to(YOURS.absolute())
    with contextlib.suppress(tf.errors.FailedPreconditionError):
        if way == "overwrite=True":
            opened(overwrite=True)
        else:
            shutil.rmtree(FOLDER)
    left[way] = [path.name for path in YOURS.iterdir()]
print("left of your files:", left)
assert left == {"overwrite=True": [], "shutil.rmtree": ["notes.txt"]}

# %% [markdown]
# Even without a stranger this happens, if the project's folder is itself
# a link, say to a larger disk:

# %%
clean()
FOLDER.symlink_to(YOURS.absolute())
with contextlib.suppress(tf.errors.FailedPreconditionError):
    opened(overwrite=True)
print("left behind the link:", [*YOURS.iterdir()])
assert [*YOURS.iterdir()] == []
FOLDER.unlink()

# %% [markdown]
# ## Weights
#
# In each file the first weight of a sound checkpoint is replaced:

# %%
MIB = 2**20
WEIGHT = "layers/dense/vars/0"


def elsewhere(file):
    file[WEIGHT] = h5py.ExternalLink("other.h5", "secret")


def outside(file):
    where = [(str(YOURS / "notes.txt"), 0, 8)]
    file.create_dataset(WEIGHT, (1, 2), "float32", external=where)


def claims(mib):
    shape, chunks = (mib * MIB // 4,), (MIB,)
    return lambda file: file.create_dataset(
        WEIGHT, shape, "float32", chunks=chunks
    )


# %%
TRIES = {
    "a link to another file": elsewhere,
    "numbers kept in any file": outside,
    "a claim to be 5 GiB": claims(5 * 1024),
    "a claim to be 100 MiB": claims(100),
}


# %%
def load(checkpoint):
    """Load the weights; return what it took and what Keras says."""
    warnings.simplefilter("ignore")  # Keras also names what it skips
    tracemalloc.start()
    try:
        opened(kt.RandomSearch, small).get_best_models()
    except ValueError as error:
        said = str(error).split("\n")[2].strip()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = checkpoint.stat().st_size // 1024
    return size, round(peak / MIB), said[:60]


# %%
clean()
train(opened(kt.RandomSearch, small, max_trials=1))
checkpoint = FOLDER / "trial_0" / "checkpoint.weights.h5"
sound = checkpoint.read_bytes()
rows = {}
for name, put in TRIES.items():
    checkpoint.write_bytes(sound)
    with h5py.File(checkpoint, "r+") as file:
        del file[WEIGHT]
        put(file)
    rows[name] = load(checkpoint)

# %%
columns = ["KiB on disk", "MiB taken", "Keras says"]
weights = pd.DataFrame(rows, columns).T.rename_axis("first weight")
with pd.option_context("display.max_colwidth", None):
    display(weights)
assert weights["Keras says"].str.startswith("Not allowed").sum() == 3
assert weights["MiB taken"].iloc[:3].max() < 100
assert weights["MiB taken"].iloc[-1] >= 100

# %% [markdown]
# The smaller claim takes that memory, or more, before its shape is
# compared with the model's. Keep Keras up to date: its checks are
# [young](https://github.com/keras-team/keras/security/advisories).
#
# ## Nothing is checked
#
# Values come from `trial.json`, ranges from `oracle.json`, and shapes
# of models without an `Input` from `build_config.json`, not from your space:

# %%
downloaded()
claimed = {"space": [], "values": {"x": "?"}}
edit("trial_2/trial.json", score=1e9, hyperparameters=claimed)
wider = kt.HyperParameters()
wider.Float("x", 1e6, 1e9)
edit("oracle.json", hyperparameters=wider.get_config())

# %%
tuner = opened(max_trials=4)
(best,) = tuner.oracle.get_best_trials()
print(f"best of all: {best.hyperparameters.values}, {best.score:.0e}")
tuner.search(verbose=0)
value = tuner.oracle.trials["3"].hyperparameters.get("x")
print(f"next, of a range from 0 to 1: {value:.0e}")
assert best.score == 1e9 and value >= 1e6

# %% [markdown]
# A width of a million units costs an hour, or all memory. And the stranger
# chooses any value that your `build` takes as the name of a file or a
# module, or as code for `eval`.
#
# A value may also describe an object. Keras makes its own, and refuses code
# unless you call `keras.config.enable_unsafe_deserialization`:


# %%
def activation(hp):
    return keras.layers.Activation(hp.Choice("activation", ["relu"]))


described = keras.saving.serialize_keras_object
DROPOUT = described(keras.layers.Dropout(0.5))
LAYER = described(keras.layers.Lambda(lambda x: x))
LAMBDA = LAYER["config"]["function"]
SYSTEM = {"class_name": "function", "module": "os", "config": "system"}
LOADER = SYSTEM | {"module": "keras.utils", "config": "get_file"}

# %%
made = []
for value in (LAMBDA, LAYER, SYSTEM, LOADER, DROPOUT):
    hp = kt.HyperParameters()
    hp.values["activation"] = value
    try:
        made.append(activation(hp).activation)
    except (ValueError, TypeError) as error:
        print("refused:", str(error)[:58])
print("made:", made)
assert len(made) == 1

# %% [markdown]
# ## Take the values alone
#
# This function reads only a trial's values, and follows no link:


# %% open=true
def values_of(trial, most_bytes=1_000_000):
    """Return the values in the folder of a trial, unchecked."""
    path = Path(trial, "trial.json")
    if path.is_symlink() or path.parent.is_symlink():
        raise ValueError(f"{path} is a link")
    if not path.is_file() or path.stat().st_size > most_bytes:
        raise ValueError(f"{path} is no small file")
    state = json.loads(path.read_text("utf-8"))
    values = state["hyperparameters"]["values"].items()
    return {k: v for k, v in values if not k.startswith("tuner/")}


downloaded()
print(values_of(FOLDER / "trial_1"))


# %% [markdown]
# [`try_first`](known_values_and_limits.py) refuses what your space doesn't
# allow:


# %%
for values in ({"units": 10**6}, {"units": DROPOUT}, {"model": "x"}):
    Mine = try_first(kt.RandomSearch, [values])
    try:
        opened(Mine, build_model, YOURS / "mine")
    except ValueError as error:
        print("refused:", str(error)[:60])

# %%
downloaded()
trial = FOLDER / "trial_3"
trial.mkdir()
(trial / "trial.json").symlink_to((YOURS / "notes.txt").absolute())
with contextlib.suppress(ValueError):
    values_of(trial)
    raise AssertionError("a link was followed")

# %% [markdown]
# ## Look before you open
#
# If you need the weights too, look for what Keras Tuner never makes:


# %% open=true
def odd(folder):
    """Return what does not belong into the folder of a search."""
    names = {"trial.json", "build_config.json", "oracle.json"}
    names |= {"checkpoint.weights.h5", "tuner0.json"}
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            found.append(f"{path.name}: no file and no folder")
        elif path.is_file() and path.name not in names:
            found.append(f"{path.name}: not by Keras Tuner")
        elif path.name == "trial.json":
            named = json.loads(path.read_text("utf-8"))["trial_id"]
            if f"trial_{named}" != path.parent.name:
                found.append(f"{path.parent}: calls itself {named}")
    return found


print(odd(FOLDER))
assert odd(FOLDER) == ["trial.json: no file and no folder"]
downloaded()
assert odd(FOLDER) == []

# %% [markdown]
# An empty list rules out only these tricks. Open a copy, in a container
# or on a machine that holds nothing of yours, without a network and with
# limited memory. In archives, `filter="data"` refuses links that lead
# outside:

# %%
(FOLDER / "trial_3").symlink_to(YOURS.absolute())
archive = shutil.make_archive(YOURS / "sent", "tar", FOLDER)
try:
    shutil.unpack_archive(archive, YOURS / "received", filter="data")
except tarfile.FilterError as error:
    print(type(error).__name__)

# %% [markdown]
# ## What this page did not show
#
# - Every trick there is.
# - Windows, where making a symbolic link needs a right of its own, and
#   backslashes in a trial's name.
# - A [chief](../../reference/glossary.md#chief) that strangers can reach:
#   [several machines](several_machines.py).
# - Models saved whole, as `.keras`, and logs of TensorBoard.
