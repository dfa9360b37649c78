# %% [markdown] index="time series; forecast; LSTM; GRU; windows; sequence; return_sequences; timeseries; next value; forecasting; RNN; recurrent network; lag; timestamps; stock prices; electricity demand; sensor data; weather data; hourly data; sales; business days; predict tomorrow; walk-forward validation"
# # A series
#
# From a column of numbers over time to a tuned Keras model (LSTM, GRU or
# convolution) that forecasts the next one, judged in the order of time.
#
# [The composer](../../your_data/index.md?kind=series&predict=number&resume=1) writes
# the two programs for your series. This page explains them, on Seattle's
# daily highest temperatures:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.read_table import read_table

# %%
from snippets.data.regular_series import regular_series

# %%
from snippets.data.windows_of import windows_of

# %%
from snippets.models.series_model import SeriesModel

# %%
from importlib.resources import files

import keras_tuner as kt

path = files("vega_datasets") / "_data/seattle-weather.csv"
series = regular_series(read_table(path), "temp_max", time="date")
windows, values, _ = windows_of(series[:500], 12)
tuner = kt.RandomSearch(
    SeriesModel(12),
    objective=kt.Objective("val_mae", "min"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="series_opening",
)
tuner.search(windows, values, validation_split=0.2, verbose=0)
print("Better of two:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# The window's length is tuned inside the model, so every length is scored
# on the same days. The model predicts the change since the last value:
# without learning, it says "as today".

# %%
import contextlib
import inspect
import json
import runpy
import sys
import zipfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The series

# %% alt="The highest temperature of each day over four years: a yearly wave with rough edges." caption="A yearly wave with day-to-day noise." figure="series"
plt.figure(figsize=(7, 2.2))
plt.plot(series)
plt.ylabel("°C")
plt.show()

# %% [markdown]
# ## Windows
#
# A window is what the model sees, the value after it what it has to say.
# No window spans a missing day. In a series of working days, weekends and
# holidays are no gaps.

# %%
LENGTH = 12
windows, values, places = windows_of(series, LENGTH)
print(f"{len(series)} days, {series.isna().sum()} of them missing,")
print(f"{len(windows)} windows of {LENGTH} days")

# %% [markdown]
# ## Split it in the order of time
#
# The past trains the model, what came after chooses the trial, and the last
# fifth is kept closed. A random split would train on tomorrow and ask about
# today.

# %% open=true
ends = np.quantile(places, [0.6, 0.8])
part = np.searchsorted(ends, places)
train, validation, closed = (part == number for number in range(3))
for name, rows in ("train", train), ("validate", validation):
    days = series.index[places[rows]]
    print(f"to {name}: {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}")
print(f"kept closed: the last {closed.sum()} days")

# %% [markdown]
# The score to beat says "as today":

# %%
x, y = windows[train], values[train]
again = np.abs(values[validation] - windows[validation, -1]).mean()
print(f"the last value again: mean absolute error {again:.3f} °C")

# %% [markdown]
# ## Search

# %%
hypermodel = SeriesModel(LENGTH)
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_mae", "min"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="series",
    overwrite=True,
)
options = {"validation_data": (windows[validation], values[validation])}
options["validation_batch_size"] = 1000  # fewer steps
tuner.search(x, y, epochs=6, verbose=0, **options)

# %%
from snippets.results.trials_table import trials_table

# %%
display(trials_table(tuner).drop(columns="status").round(4))

# %% [markdown]
# The untuned model gets three times a trial's epochs.

# %%
untuned = kt.HyperParameters()
keras.utils.set_random_seed(1)
model = hypermodel.build(untuned)
history = hypermodel.fit(
    untuned, model, x, y, epochs=18, verbose=0, **options
).history["val_mae"]
best = tuner.oracle.get_best_trials()[0]
print(f"tuned:   {best.score:.4f} after {best.best_step + 1} epochs")
print(f"untuned: {min(history):.4f} after {np.argmin(history) + 1}")

# %% [markdown]
# If it is ahead, the trials may be [too short](pictures.py#search): give
# them more epochs first.
#
# ## Train again, and save


# %%
def train_again(hp, epochs):
    """Return a new model, trained on all that is not kept closed."""
    keras.utils.set_random_seed(1)
    model = hypermodel.build(hp)
    x, y = windows[~closed], values[~closed]
    hypermodel.fit(hp, model, x, y, epochs=epochs, verbose=0)
    return model


# %%
models = {
    "untuned": train_again(untuned, int(np.argmin(history)) + 1),
    "tuned": train_again(best.hyperparameters, best.best_step + 1),
}
kept = "tuned" if best.score <= min(history) else "untuned"
print("kept, as the validation data say:", kept)
folder = Path("searches", "series")
file = folder / "model.keras"
models[kept].save(file)
with zipfile.ZipFile(file, "a") as archive:
    about = {"target": "temp_max", "time": "date", "length": LENGTH}
    archive.writestr("about.json", json.dumps(about))


# %% [markdown]
# ## Predict in another program
#
# `python predict.py FILE` needs only the model's file. `runpy` runs it here.


# %%
def predict(path):
    """Print when the next step is, and the value expected there."""
    model = keras.models.load_model("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        about = json.loads(archive.read("about.json"))
    table = read_table(path)
    series = regular_series(table, about["target"], about["time"])
    window = series.to_numpy("float32")[None, -about["length"] :]
    expected = model.predict(window, verbose=0)[0, 0]
    step = series.index[-1] - series.index[-2]
    print(series.index[-1] + step, f"{expected:.1f}")


# %%
imports = """import json, sys, warnings, zipfile
from pathlib import Path
import keras, numpy as np, pandas as pd
"""
parts = (read_table, regular_series, predict)
source = "\n\n".join(map(inspect.getsource, parts))
(folder / "predict.py").write_text(
    f"{imports}\n\n{source}\n\npredict(sys.argv[1])\n", "utf-8"
)
sys.argv = ["predict.py", str(path)]
with contextlib.chdir(folder):
    runpy.run_path("predict.py")

# %% [markdown]
# ## One look at the test set
#
# Errors of successive days are alike, so days are no independent repeats.
# The means of twenty stretches of days nearly are.

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test = windows[closed], values[closed]
guesses = {"the last value again": x_test[:, -1]}
for name, model in models.items():
    guesses[name] = model.predict(x_test, verbose=0)[:, 0]
stretches = np.array_split(np.arange(len(y_test)), 20)
errors = {
    name: [abs(guess - y_test)[days].mean() for days in stretches]
    for name, guess in guesses.items()
}

# %%
compared = compare_runs(errors, reference="untuned", paired=True)
print(f"mean absolute error in °C over {len(y_test)} days:")
compared = compared.rename_axis("model").drop(columns=["runs", "p"])
display(compared.round(3))

# %% [markdown]
# ## What this page did not show
#
# - Several series as input: windows have the shape (length, columns), and
#   `SeriesModel` would not add an axis.
# - More steps ahead: a model for each distance, or `Dense(steps)` for all.
# - Several splits in time, as in walk-forward validation. One split is one
#   stretch of weather.
