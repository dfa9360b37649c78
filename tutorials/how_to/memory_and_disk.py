# %% [markdown] index="memory; disk; checkpoints; RAM; memory leak; grows"
# # Memory and disk
#
# Why a search takes more memory with every trial, two cures, what each
# trial leaves on disk, and what can be deleted.
#
# - `flat_memory` clears what each trial leaves in a private registry of
#   TensorFlow. The other cure is [a new
#   process](#a-new-process-every-few-trials) every few trials, which
#   resumes the search.
# - `few_checkpoints` deletes the weights of beaten trials, once they
#   can't be needed.
#
# Neither makes one large model fit: use smaller batches and
# [limits](failed_trials.py#models-that-are-too-large). Both wrap any
# tuner class:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.searches.flat_memory import flat_memory

# %%
from snippets.searches.few_checkpoints import few_checkpoints

# %%
from pathlib import Path

import keras_tuner as kt
from sklearn.datasets import load_digits

tuner = few_checkpoints(flat_memory(kt.RandomSearch))(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="memory_and_disk_first",
)
x, y = load_digits(return_X_y=True)
tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)
weights = Path(tuner.project_dir).rglob("*.weights.h5")
print("weights on disk:", *(path.parent.name for path in weights))

# %% [markdown]
# Both work [with other tools](../../snippets.md#tools-around-a-tuner):
# `resumable(safe(few_checkpoints(flat_memory(kt.Hyperband))))`. For your
# data, [the composer writes a script whose memory stays
# flat](../../your_data/index.md?flat_memory=1).

# %%
import json
import os
import time

import pandas as pd
from IPython.display import display

# %% [markdown]
# ## Memory that stays flat
#
# `flat_memory` needs this registry, which a later TensorFlow may lack:

# %%
registry = flat_memory(kt.RandomSearch).registry()
print(type(registry).__name__, "of", len(registry), "gradients")
assert registry, "TensorFlow keeps its registry elsewhere by now"

# %% [markdown]
# ## What grows, and why
#
# The same search, as it is and with `flat_memory`, notes memory and
# TensorFlow's registered gradients after each trial.


# %%
def resident():
    """Return the MiB in memory now, or NaN where /proc is missing."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return float("nan")
    pages = int(statm.read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def note(way, trial, seconds):
    names = [n for n in registry if "CustomGrad" in n]
    notes.append((way, trial, resident(), len(names), seconds))


# %%
def noted(tuner_class, way):
    class Noted(tuner_class):
        def on_trial_begin(self, trial):
            super().on_trial_begin(trial)
            self.begun = time.process_time()

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            seconds = time.process_time() - self.begun
            note(way, trial.trial_id, seconds)

    return Noted


# %%
def search(way, max_trials=4, overwrite=True):
    flat = way == "flat_memory"
    wrapped = flat_memory(kt.RandomSearch) if flat else kt.RandomSearch
    noted(wrapped, way)(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=max_trials,
        seed=1,
        directory="searches",
        project_name=f"memory_and_disk_{way}",
        overwrite=overwrite,
    ).search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)


# %%
notes = []
for way in ("as it is", "flat_memory"):
    search(way)
columns = ["way", "trial", "memory", "gradients", "seconds"]
table = pd.DataFrame(notes, columns=columns)

# %%
each = table.groupby("way")[["memory", "gradients"]].diff()
each = each.assign(seconds=table["seconds"]).groupby(table["way"])
each = each.mean().add_suffix(" a trial")
display(each.round(2))
gradients, growth = each["gradients a trial"], each["memory a trial"]
assert gradients["flat_memory"] == 0 < gradients["as it is"]
assert not growth["flat_memory"] > growth["as it is"] / 2

# %% [markdown]
# Means from one trial to the next, memory in MiB. Keras Tuner clears
# the session and collects garbage before each trial, to no effect: the
# registry itself holds what was traced.
#
# A few MiB are nothing in twenty trials, and much in [a
# thousand](../evidence/growing_searches.py#memory). Measure what one of
# your trials adds, on a system with `/proc`.
#
# ## A new process every few trials
#
# A process that ends gives everything back. So raise `max_trials` step by
# step, with `overwrite=False` and the same seed: each process runs the
# missing trials. `renewed` [does that for
# you](../evidence/growing_searches.py#a-new-process-every-fifty-trials).
# Here this process plays the next one:

# %%
notes.clear()
search("as it is", max_trials=5, overwrite=False)
print("trials run now:", [trial for _, trial, *_ in notes])

# %% [markdown]
# Resuming draws the values that an uninterrupted search [would have
# drawn](resume.py); its scores are the same too if [each trial is
# seeded](reproducible_searches.py#seed-each-trial).
#
# ## What a trial leaves on disk

# %%
folder = Path("searches", "memory_and_disk_flat_memory")
paths = [path for path in folder.rglob("*") if path.is_file()]
rows = [(path.name, path.stat().st_size / 1024) for path in paths]
files = pd.DataFrame(rows, columns=["file", "KiB"]).groupby("file")
files = files["KiB"].agg(["count", "mean"]).sort_values("mean")
display(files.rename(columns={"mean": "mean KiB"}).round(1))

# %% [markdown]
# Most of it is the weights of the best epoch, with two numbers that Adam
# keeps for each: three times four bytes for each parameter, and a little
# more.

# %%
for number in range(3):
    trial = folder / f"trial_{number}"
    values = json.loads((trial / "trial.json").read_text("utf-8"))
    units = values["hyperparameters"]["values"]["units"]
    parameters = (64 + 1) * units + (units + 1) * 10
    size = (trial / "checkpoint.weights.h5").stat().st_size
    each = size / parameters
    print(f"{parameters} parameters, {each:.1f} bytes each")
    assert 12 * parameters < size < 12 * parameters + 100_000

# %% [markdown]
# ## Delete the weights of beaten trials
#
# Keras Tuner never deletes any. They are needed if you ask
# `get_best_models` for more than the best, or if Hyperband promotes the
# trial and continues from them. It may promote a trial that many others
# beat, so there `few_checkpoints` keeps a bracket's weights until the
# bracket is over. It also keeps those that the best trial went on from:
# `get_best_models` needs them.


# %%
def build(hp):
    model = build_model(hp)
    model.run_eagerly = True  # tracing takes longer than a few steps
    # Made now, its variables fit those of a saved trial.
    model.optimizer.build(model.trainable_variables)
    return model


# %%
tuner = few_checkpoints(kt.Hyperband)(
    build,
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=2,
    factor=2,
    seed=1,
    directory="searches",
    project_name="memory_and_disk_few",
    overwrite=True,
)
validation = x[400:600] / 16, y[400:600]
data = {"validation_data": validation, "validation_batch_size": 200}
tuner.search(x[:400] / 16, y[:400], batch_size=200, verbose=0, **data)

# %%
for trial in tuner.oracle.trials.values():
    folder = Path(tuner.get_trial_dir(trial.trial_id))
    values = trial.hyperparameters.values
    parent = values.get("tuner/trial_id", "none")
    saved = (folder / "checkpoint.weights.h5").exists()
    print(trial.trial_id, "continues", parent, end=", ")
    print(f"scored {trial.score:.4f}, weights kept: {saved}")

# %%
(best,) = tuner.oracle.get_best_trials()
(model,) = tuner.get_best_models()
_, accuracy = model.evaluate(*validation, verbose=0)
print(f"best score {best.score:.4f}, the weights kept {accuracy:.4f}")

# %% [markdown]
# ## What this page did not show
#
# - Memory of a GPU, which TensorFlow takes whole unless [told
#   otherwise](on_a_gpu.py#memory-growth-comes-first).
# - Hundreds of trials: [from 10 trials to
#   1,000](../evidence/growing_searches.py).
# - Whether a later TensorFlow keeps its graphs too.
