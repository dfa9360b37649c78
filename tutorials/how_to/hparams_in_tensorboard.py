# %% [markdown] index="TensorBoard; HParams; No module named 'tensorboard'; trials in TensorBoard"
# # TensorBoard
#
# Hyperparameters, scores and curves of every trial in TensorBoard: one
# callback, what it writes, and how to open it.
#
# Give `search` a `TensorBoard` callback with a folder of its own, then
# open that folder: `tensorboard --logdir logs/first_search`. Keras Tuner
# adds each trial's hyperparameters, so the tab HPARAMS compares trials.
#
# Install TensorBoard even if you never use it: TensorFlow no longer
# installs it, and Keras Tuner imports it in every trial on TensorFlow.
# Without it every trial fails with
# `ModuleNotFoundError: No module named 'tensorboard'`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from pathlib import Path

import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
names = {"directory": "searches", "project_name": "tensorboard"}
names["objective"] = kt.Objective("val_accuracy", "max")
tuner = kt.RandomSearch(build_model, max_trials=2, seed=1, **names)
board = keras.callbacks.TensorBoard("logs/first_search")
x, y = load_digits(return_X_y=True)
fit = {"validation_split": 0.2, "epochs": 3, "verbose": 0}
tuner.search(x / 16, y, callbacks=[board], **fit)
for path in sorted(Path("logs/first_search").glob("*/*")):
    print(path)

# %%
import json
import time
import urllib.request

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from tensorboard import program
from tensorboard.backend.event_processing import (
    event_accumulator,
    event_file_loader,
)
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.util import tensor_util

# %% [markdown]
# ## What it wrote
#
# Each trial has a folder, with one for each execution.

# %%
LOGS, trials = Path("logs", "first_search"), tuner.oracle.trials
rows = []
for path in sorted(LOGS.rglob("events.out.tfevents.*")):
    folder = path.parent.relative_to(LOGS)
    rows.append((str(folder), path.stat().st_size / 1024))
files = pd.DataFrame(rows, columns=["folder", "KiB"])
display(files.head(6).round(1).rename_axis("file"))
print(f"{len(trials)} trials: {files['KiB'].sum():.0f} KiB")

# %% [markdown]
# The search does not need these files. Delete them before a new search:
# `overwrite=True` does not, and TensorBoard shows all trials that it
# finds.
#
# ## The hyperparameters, read back
#
# Each trial logs its hyperparameters when it starts, and its status when
# it ends.


# %% open=true
def hparams_events(folder):
    """Return the start and end event of the session logged there."""
    found = {}
    for path in folder.glob("events.out.tfevents.*"):
        loader = event_file_loader.EventFileLoader(str(path))
        for event in loader.Load():
            for value in event.summary.value:
                data = plugin_data_pb2.HParamsPluginData.FromString(
                    value.metadata.plugin_data.content
                )
                found[data.WhichOneof("data")] = data
    start = found["session_start_info"].session_start_info
    return start, found["session_end_info"].session_end_info


# %%
def scalars(folder, name):
    """Return the values of a scalar by step."""
    log = event_accumulator.EventAccumulator(str(folder)).Reload()
    values = {}
    for event in log.Tensors(name):
        array = tensor_util.make_ndarray(event.tensor_proto)
        values[event.step] = float(array)
    return pd.Series(values)


# %%
rows, curves = {}, {}
for number in sorted(trials):
    folder = LOGS / number / "execution0"
    start, end = hparams_events(folder)
    values = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in sorted(start.hparams.items())
    }
    curves[number] = scalars(folder / "validation", "epoch_accuracy")
    values["ended"] = api_pb2.Status.Name(end.status)
    values["last accuracy"] = curves[number].iloc[-1]
    rows[start.group_name] = values | {"score": trials[number].score}
table = pd.DataFrame.from_dict(rows, orient="index")
display(table.rename_axis("trial").round(4))

# %%
for number, trial in trials.items():
    assert np.isclose(curves[number].max(), trial.score)
    rate = trial.hyperparameters.get("learning_rate")
    assert np.isclose(table.loc[number, "learning_rate"], rate)

# %% [markdown]
# TensorBoard shows the metric of the last epoch, Keras Tuner ranks by the
# best, so the order may differ.
#
# ## The curves
#
# One scalar per epoch, under the names that Keras gives:

# %% alt="Validation accuracy by epoch, a line for each trial, read from TensorBoard's event files." caption="The event files hold the whole curve of every trial, which Keras Tuner does not keep." figure="curves"
figure, axis = plt.subplots()
for number, curve in curves.items():
    axis.plot(curve.index + 1, curve, marker="o", label=number)
axis.set(xlabel="epoch", ylabel="validation accuracy", xticks=[1, 2, 3])
figure.legend(title="trial", loc="outside right upper")
plt.show()

# %% [markdown]
# ## Open it
#
# `tensorboard --logdir logs/first_search` serves the folder at
# `http://localhost:6006` until you press Ctrl-C. In a notebook, use
# `%load_ext tensorboard` and `%tensorboard --logdir logs/first_search`.
# If you reach the machine by SSH, forward the port:
# `ssh -L 6006:localhost:6006 machine`.
#
# A server in this process says what the tab shows:

# %%
server = program.TensorBoard()
server.configure(logdir=str(LOGS), port=0, load_fast="false")
address = server.launch()


# %%
def ask(path, question=None):
    """Return the server's answer; wait a minute for it to read."""
    request = urllib.request.Request(
        f"{address}data/{path}",
        json.dumps(question).encode() if question else None,
        {"Content-Type": "application/json"},
    )
    for _ in range(120):
        answer = json.load(urllib.request.urlopen(request))
        if answer.get("sessionGroups", answer.get("hparams")):
            return answer
        time.sleep(0.5)
    raise TimeoutError(path)


# %%
ended = {"allowedStatuses": ["STATUS_SUCCESS"], "sliceSize": 100}
plugins = ask("plugins_listing")
answer = ask("plugin/hparams/session_groups", ended)

# %%
shown = {}
for group in answer["sessionGroups"]:
    row = shown[group["name"]] = dict(group["hparams"])
    for metric in group["metricValues"]:
        if metric["name"]["tag"] == "epoch_accuracy":
            name = f"{metric['name']['group']} accuracy"
            row[name] = metric["value"]
shown = pd.DataFrame.from_dict(shown, orient="index").sort_index()
columns = ["units", "activation", "learning_rate"]
columns += ["train accuracy", "validation accuracy"]
display(shown[columns].rename_axis("trial").round(4))

# %%
print("HPARAMS enabled:", plugins["hparams"]["enabled"])
last = table["last accuracy"].to_numpy()
assert np.allclose(shown["validation accuracy"], last)

# %% [markdown]
# ## What this page did not show
#
# - The pages themselves, which run in your browser. In HPARAMS, *parallel
#   coordinates* draws what [results](results.py) draws.
# - Several searches in one TensorBoard: give each a folder below the one
#   you open, `logs/first_search`, `logs/second_search`.
# - Hyperband, where a promoted trial is a trial of its own, with a curve
#   that begins where its parent's ended.
