# %% [markdown] index="memory; disk; checkpoints; RAM; memory leak; grows"
# # Memory and disk
#
# Why a search takes more memory with every trial, two cures, what each
# trial leaves on disk, and which of it can go.
#
# - `tuner = flat_memory(kt.Hyperband)(build_model, ...)` removes after
#   each trial what TensorFlow would keep of it.
# - Without reaching into TensorFlow: run the search a few trials at a
#   time, each time in [a new process](#a-new-process-every-few-trials)
#   that resumes it.
# - `tuner = few_checkpoints(kt.Hyperband)(build_model, ...)` deletes
#   the weights of beaten trials, when they can't be needed any more.
#
# Both go [with other tools](../../snippets.md#tools-around-a-tuner):
# `resumable(safe(few_checkpoints(flat_memory(kt.Hyperband))))`. For your
# data, [the composer writes a script whose memory stays
# flat](../../your_data/index.md?flat_memory=1).
#
# Neither cure makes one large model fit; for that there are smaller
# batches and [limits](failed_trials.py#models-that-are-too-large).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import inspect
import json
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Memory that stays flat

# %% open=true
from snippets.searches.flat_memory import flat_memory

# %% [markdown]
# Is the private part of TensorFlow that it needs still there?

# %%
registry = flat_memory(kt.RandomSearch).registry()
print(type(registry).__name__, "of", len(registry), "gradients")
assert registry, "TensorFlow keeps its registry elsewhere by now"

# %% [markdown]
# ## What grows, and why
#
# Two processes run the same search of small trials, and note after each
# trial how much memory they hold and how many gradients TensorFlow has
# registered.

# %%
from snippets.models.build_model import build_model

# %%
source = f"""
import json
import os
import sys
import time

import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

{"".join(inspect.findsource(flat_memory)[0])}
{inspect.getsource(build_model)}

def resident():
    # MiB in memory now; where /proc is missing, unknown.
    if not os.path.exists("/proc/self/statm"):
        return float("nan")
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

way, max_trials, new = sys.argv[1], int(sys.argv[2]), sys.argv[3]
Flat = flat_memory(kt.RandomSearch)

class Noted(Flat if way == "flat_memory" else kt.RandomSearch):
    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        self.begun = time.process_time()

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        registry = Flat.registry()
        notes.append(
            dict(
                trial=int(trial.trial_id),
                memory=resident(),
                seconds=time.process_time() - self.begun,
                gradients=sum("CustomGradient" in n for n in registry),
            )
        )

notes = []
keras.utils.set_random_seed(1)
tuner = Noted(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=max_trials,
    seed=1,
    directory="searches",
    project_name=f"memory_and_disk_{{way}}",
    overwrite=new == "True",
)
x, y = load_digits(return_X_y=True)
data = dict(validation_data=(x[1000:1400] / 16, y[1000:1400]))
tuner.search(x[:1000] / 16, y[:1000], **data, verbose=0)
print(json.dumps(notes))
"""
Path("search.py").write_text(source, "utf-8")


def run(way, max_trials, new=True):
    """Run the search in a process of its own; return its notes."""
    done = subprocess.run(
        [sys.executable, "search.py", way, str(max_trials), str(new)],
        capture_output=True,
        text=True,
        check=True,
    )
    notes = json.loads(done.stdout.splitlines()[-1])
    return pd.DataFrame(notes).set_index("trial")


# %%
TRIALS = 5
WAYS = ("as it is", "flat_memory")
notes = {way: run(way, TRIALS) for way in WAYS}

# %% alt="Memory held after each trial, a line for each of two ways: as it is it climbs with every trial, with flat_memory it stays level after the first trials." figure="memory"
figure, axis = plt.subplots()
for way, marker in zip(WAYS, "o^", strict=True):
    memory = notes[way]["memory"]
    axis.plot(memory.index + 1, memory, marker=marker, label=way)
axis.set_xlabel("trial")
axis.set_ylabel("MiB in memory")
axis.legend()
plt.show()

# %%
table = pd.DataFrame(
    {
        way: {
            "gradients registered": note["gradients"].iloc[-1],
            "MiB a trial": note["memory"].iloc[2:].diff().mean(),
            "CPU seconds a trial": note["seconds"].iloc[2:].mean(),
        }
        for way, note in notes.items()
    }
).T
display(table.astype({"gradients registered": int}).round(2))

# %%
gradients, growth, _ = (table[column] for column in table)
assert gradients["flat_memory"] == 0 < gradients["as it is"]
assert not growth["flat_memory"] > growth["as it is"] / 2

# %% [markdown]
# The first two trials are left out of the means: whatever is loaded
# once comes with them. Keras Tuner clears the session and collects
# garbage before each trial, and it does not help: the registry itself
# holds on to what each trial traced.
#
# A few MiB are nothing in a search of twenty trials, and much in one of
# a thousand. What a trial of yours adds, tiny models don't say:
# multiply before you worry. On systems without `/proc` the memory
# columns are empty.
#
# ## A new process every few trials
#
# A process that ends gives everything back. Resuming makes that easy:
# raise `max_trials` step by step, with `overwrite=False` and the same
# seed, and each process runs what is missing. A third process goes on
# where the first one above ended:

# %%
parts = [notes["as it is"], run("as it is", TRIALS + 2, new=False)]
display(pd.concat(parts, keys=["first", "third"], names=["process"]))

# %%
assert [list(part.index) for part in parts] == [
    [*range(TRIALS)],
    [TRIALS, TRIALS + 1],
]
again = parts[0]["memory"].iloc[-1], parts[1]["memory"].iloc[0]
print("MiB before and after the change: {:.0f}, {:.0f}".format(*again))

# %% [markdown]
# Resuming draws the values that an uninterrupted search
# [would have drawn](resume.py); its scores are the same too if
# [each trial is seeded](reproducible_searches.py#seed-each-trial).
# The price is the start of Python and TensorFlow, once per process.
#
# ## What a trial leaves on disk

# %%
folder = Path("searches", "memory_and_disk_flat_memory")
rows = [
    (path.name, path.stat().st_size / 1024)
    for path in folder.rglob("*")
    if path.is_file()
]
files = pd.DataFrame(rows, columns=["file", "KiB"]).groupby("file")
files = files["KiB"].agg(["count", "mean"]).sort_values("mean")
display(files.rename(columns={"mean": "mean KiB"}).round(1))

# %% [markdown]
# The weights are what counts: those of the trial's best epoch, with the
# two numbers that Adam keeps for each. So a trial takes three numbers
# of four bytes for each parameter, and a little more:

# %%
for number in range(3):
    trial = folder / f"trial_{number}"
    values = json.loads((trial / "trial.json").read_text("utf-8"))
    units = values["hyperparameters"]["values"]["units"]
    parameters = (64 + 1) * units + (units + 1) * 10
    size = (trial / "checkpoint.weights.h5").stat().st_size
    print(
        f"{parameters} parameters, {size / parameters:.1f} bytes each"
    )
    assert 12 * parameters < size < 12 * parameters + 100_000

# %% [markdown]
# ## Delete the weights of beaten trials
#
# Keras Tuner never deletes any. A beaten trial's weights are needed in
# two cases: you ask `get_best_models` for more than the best, or
# Hyperband promotes the trial and continues from them. Until its
# bracket is over Hyperband may promote a trial that many others beat,
# so there the snippet keeps a bracket's weights until then. The weights
# that the best trial went on from stay with it: `get_best_models`
# builds it from them.

# %% open=true
from snippets.searches.few_checkpoints import few_checkpoints

# %%
FlatAndFew = few_checkpoints(flat_memory(kt.Hyperband))

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %%
from snippets.models.image_classifier import ImageClassifier

# %% [markdown]
# A small Hyperband search with both. One trial is promoted, and none
# fails for want of weights.

# %%
tuner = FlatAndFew(
    ImageClassifier(),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=2,
    factor=2,
    seed=1,
    directory="searches",
    project_name="memory_and_disk_few",
    overwrite=True,
)
tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)
for trial in tuner.oracle.trials.values():
    folder = Path(tuner.get_trial_dir(trial.trial_id))
    values = trial.hyperparameters.values
    parent = values.get("tuner/trial_id", "none")
    saved = (folder / "checkpoint.weights.h5").exists()
    print(trial.trial_id, trial.status, "continues", parent, end=", ")
    print(f"scored {trial.score:.4f}, weights kept: {saved}")

# %%
trials = tuner.oracle.trials.values()
assert {trial.status for trial in trials} == {"COMPLETED"}
parents = [
    t.hyperparameters.values.get("tuner/trial_id") for t in trials
]
assert len(parents) - parents.count(None) == 1
(best,) = tuner.oracle.get_best_trials()
parent = best.hyperparameters.values.get("tuner/trial_id")
kept = [*Path(tuner.project_dir).rglob("checkpoint*")]
assert {path.parent.name for path in kept} == {
    f"trial_{number}" for number in (best.trial_id, parent) if number
}
_, accuracy = tuner.get_best_models()[0].evaluate(
    *images.validation, verbose=0
)
assert np.isclose(accuracy, best.score)
print(f"the weights kept give {accuracy:.4f}")

# %% [markdown]
# Under the other tuners weights go after each trial, so that a long
# search never holds more than a few. Under Hyperband the disk must
# still hold those of a bracket.
#
# ## What this page did not show
#
# - Memory of a GPU, which TensorFlow takes whole at the start unless
#   [told otherwise](on_a_gpu.py#memory-growth-comes-first).
# - Hundreds of trials: [from 10 trials to 1,000](../evidence/growing_searches.py).
# - Data that is too large for memory: see
#   [data pipelines](data_pipelines.py).
# - Whether a later TensorFlow keeps its graphs too. Once it doesn't,
#   the first comparison fails, and this page can't be built as it is.
