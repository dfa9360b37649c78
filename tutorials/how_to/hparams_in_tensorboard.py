# %% [markdown] index="TensorBoard; HParams; No module named 'tensorboard'"
# # TensorBoard
#
# Hyperparameters, scores and curves of every trial in TensorBoard: one
# callback, what it writes, read back here, and how to open it.
#
# Give `search` a `TensorBoard` callback with a folder of its own, then
# open that folder:
#
# ```python
# board = keras.callbacks.TensorBoard("logs/first_search")
# tuner.search(..., callbacks=[board])
# ```
#
# ```shell
# tensorboard --logdir logs/first_search
# ```
#
# Keras Tuner sends each trial to a folder below it and adds the
# hyperparameters, so the tab HPARAMS compares trials without more code.
#
# TensorBoard must be installed even if you never use it: Keras Tuner
# imports it in every trial on TensorFlow, and TensorFlow no longer
# brings it. Without it every trial fails with
# `ModuleNotFoundError: No module named 'tensorboard'`;
# `pip install tensorboard` is the cure.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.backend.event_processing.event_file_loader import (
    EventFileLoader,
)
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
)
from tensorboard.util import tensor_util

keras.utils.set_random_seed(1)

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %%
from snippets.models.build_model import build_model

# %% [markdown]
# ## A search that logs
#
# Old logs are removed first: TensorBoard shows everything it finds in
# the folder, trials of an earlier search included, and `overwrite=True`
# clears the search's folder but not this one.

# %%
LOGS, EPOCHS = Path("logs", "first_search"), 4
shutil.rmtree(LOGS, ignore_errors=True)
tuner = kt.RandomSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="hparams_in_tensorboard",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=EPOCHS,
    callbacks=[keras.callbacks.TensorBoard(LOGS)],
    verbose=0,
)
trials = tuner.oracle.trials
assert {t.status for t in trials.values()} == {"COMPLETED"}

# %% [markdown]
# ## What it wrote
#
# A folder for each trial, in it one for each execution. The files
# beside `train` and `validation` hold the hyperparameters.

# %%
rows = []
for path in sorted(LOGS.rglob("events.out.tfevents.*")):
    folder = path.parent.relative_to(LOGS)
    rows.append((str(folder), path.stat().st_size / 1024))
files = pd.DataFrame(rows, columns=["folder", "KiB"])
display(files.head(6).round(1))
print(f"{len(trials)} trials: {files['KiB'].sum():.0f} KiB")

# %%
assert len(files) == 3 * len(trials)
assert files["folder"].iloc[0] == "0/execution0"

# %% [markdown]
# Larger models have larger graphs, and the callback's `histogram_freq`
# would add the weights' distributions. Nothing in the search depends on
# these files: delete them and it is still whole.
#
# ## The hyperparameters, read back
#
# TensorBoard's HPARAMS tab is made from two events per trial: one when
# it starts, with the hyperparameters, and one when it ends, with its
# status. The package reads its own files:


# %% open=true
def hparams_events(folder):
    """Return the start and end event of the session logged there."""
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                data = HParamsPluginData.FromString(
                    value.metadata.plugin_data.content
                )
                found[data.WhichOneof("data")] = data
    start = found["session_start_info"].session_start_info
    return start, found["session_end_info"].session_end_info


def scalars(folder, name):
    """Return the values of a scalar by step."""
    events = EventAccumulator(str(folder)).Reload().Tensors(name)
    return pd.Series(
        {
            event.step: float(
                tensor_util.make_ndarray(event.tensor_proto)
            )
            for event in events
        }
    )


# %%
rows, curves = {}, {}
for number in sorted(trials):
    folder = LOGS / number / "execution0"
    start, end = hparams_events(folder)
    values = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in sorted(start.hparams.items())
    }
    curve = scalars(folder / "validation", "epoch_accuracy")
    curves[number] = curve
    rows[start.group_name] = values | {
        "ended": Status.Name(end.status),
        "last accuracy": curve.iloc[-1],
        "score": trials[number].score,
    }
table = pd.DataFrame.from_dict(rows, orient="index")
display(table.rename_axis("trial").round(4))

# %%
for number, trial in trials.items():
    assert np.isclose(curves[number].max(), trial.score)
    for name, value in trial.hyperparameters.values.items():
        logged = table.loc[number, name]
        assert logged == value or np.isclose(logged, value)
assert set(table["ended"]) == {"STATUS_SUCCESS"}

# %% [markdown]
# TensorBoard shows the metric of the last epoch, Keras Tuner ranks by
# the best: sorted there, trials may stand in another order than here.
#
# ## The curves
#
# One scalar per epoch, for training and validation, under the names
# that Keras gives them. In TensorBoard they are drawn side by side;
# here in matplotlib, from the same files.

# %% alt="Validation accuracy by epoch, a line for each trial, read from TensorBoard's event files." figure="curves"
figure, axis = plt.subplots()
for number, curve in curves.items():
    axis.plot(curve.index + 1, curve, marker="o", label=number)
axis.set_xlabel("epoch")
axis.set_ylabel("validation accuracy")
figure.legend(title="trial", loc="outside right upper")
plt.show()

# %%
assert all(len(curve) == EPOCHS for curve in curves.values())

# %% [markdown]
# ## Open it
#
# `tensorboard --logdir logs/first_search` serves the folder at
# `http://localhost:6006` until you press Ctrl-C; in a notebook,
# `%load_ext tensorboard` and `%tensorboard --logdir logs/first_search`
# show it in a cell. On a machine you reach by SSH, forward the port
# with `ssh -L 6006:localhost:6006 machine`.
#
# Does the tab really have the trials? The server, started here for a
# moment, is asked what it would show:

# %%
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
command = [sys.executable, "-m", "tensorboard.main"]
command += ["--logdir", str(LOGS), "--host", "127.0.0.1"]
server = subprocess.Popen(
    [*command, "--port", str(port)],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)


def ask(path, question=None):
    """Return the server's answer; wait a minute for it to start."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/data/{path}",
        json.dumps(question).encode() if question else None,
        {"Content-Type": "application/json"},
    )
    for _ in range(120):
        with contextlib.suppress(OSError):
            answer = json.load(urllib.request.urlopen(request))
            if answer.get("sessionGroups", answer.get("hparams")):
                return answer
        time.sleep(0.5)
    raise TimeoutError(path)


# %%
ended = {"allowedStatuses": ["STATUS_SUCCESS"], "sliceSize": 100}
try:
    plugins = ask("plugins_listing")
    answer = ask("plugin/hparams/session_groups", ended)
finally:
    server.terminate()
    server.wait()
print("HPARAMS enabled:", plugins["hparams"]["enabled"])
shown = {
    group["name"]: group["hparams"]
    | {
        f"{metric['name']['group']} accuracy": metric["value"]
        for metric in group["metricValues"]
        if metric["name"]["tag"] == "epoch_accuracy"
    }
    for group in answer["sessionGroups"]
}
shown = pd.DataFrame.from_dict(shown, orient="index").sort_index()
shown = shown[[*values, "train accuracy", "validation accuracy"]]
display(shown.rename_axis("trial").round(4))

# %%
assert plugins["hparams"]["enabled"] and set(shown.index) == set(trials)
last = table["last accuracy"].to_numpy()
assert np.allclose(shown["validation accuracy"], last)

# %% [markdown]
# ## What this page did not show
#
# - The pages themselves, which run in your browser. In HPARAMS the view
#   *parallel coordinates* draws what [results](results.py) draws.
# - Several searches in one TensorBoard: give each a folder below one
#   that you open, `logs/first_search`, `logs/second_search`.
# - Trials under Hyperband, where a promoted trial is a trial of its
#   own, with a curve that begins where its parent's ended.
# - Other [experiment trackers](experiment_trackers.py).
