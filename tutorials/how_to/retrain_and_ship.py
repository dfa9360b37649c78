# %% [markdown] index="get_best_models; get_best_hyperparameters; retrain; final model; save; best_step; best values as JSON; rebuild the best model; save best hyperparameters"
# # Retrain and ship
#
# After a Keras Tuner search: take its best checkpoint or train again,
# on which rows and for how long, and save one file that works
# elsewhere.
#
# Build a new model with the best hyperparameters, and train it on
# training and validation rows together, for the best number of epochs.
#
# - `best_step` counts from 0, hence the 1 below.
# - Call `hypermodel.fit`: `model.fit` loses the batch size and scaling
#   of your own `fit`.
# - If you need a validation score of the model you ship, ship the
#   checkpoint, `tuner.get_best_models()[0]`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

names = {"directory": "searches", "project_name": "retrain_first"}
names["objective"] = kt.Objective("val_accuracy", "max")
tuner = kt.RandomSearch(build_model, max_trials=2, seed=1, **names)
x, y = load_digits(return_X_y=True)
few = x[:600] / 16, y[:600]
tuner.search(*few, validation_split=0.2, epochs=2, verbose=0)

trial = tuner.oracle.get_best_trials()[0]
hp, epochs = trial.hyperparameters, trial.best_step + 1
model = tuner.hypermodel.build(hp)
tuner.hypermodel.fit(hp, model, *few, epochs=epochs, verbose=0)
model.save("final.keras")
print(f"trained on all {len(few[1])} rows, {epochs} epochs, and saved")

# %% [markdown]
# [Under Hyperband](#under-hyperband), add the epochs of the trials that
# the best one continues. For your data, [the composer
# writes](../../your_data/index.md) the search with this at its end, and a
# program that predicts.

# %%
import inspect
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Three ways to a final model
#
# The data are digits as raw numbers from 0 to 16. A fifth of them is set
# aside for the end.

# %%
fifth = {"test_size": 0.2, "random_state": 1}
x, _, y, _ = train_test_split(x, y, stratify=y, **fifth)
x_train, x_validation, y_train, y_validation = train_test_split(
    x, y, stratify=y, **fifth
)
rows = len(x_train), len(x_validation)
print("{} training and {} validation rows".format(*rows))

# %% [markdown]
# This hypermodel scales its input in the model, with what `fit` learns
# from its rows: the final model learns its scaling from more.

# %%
from snippets.models.tabular_classifier import TabularClassifier


# %%
hypermodel = TabularClassifier(features=64, classes=10)
names |= {"project_name": "retrain_and_ship", "overwrite": True}
tuner = kt.RandomSearch(hypermodel, max_trials=2, seed=1, **names)
data = {"validation_data": (x_validation, y_validation)}
data["validation_batch_size"] = 1000  # fewer steps
tuner.search(x_train, y_train, epochs=4, verbose=0, **data)

# %% [markdown]
# To [retrain](../../reference/glossary.md#retrain) is to build again,
# with new weights and a new optimizer. To go on training the checkpoint
# would be a longer training than any trial.


# %%
def retrain(tuner, x, y):
    """Train a new model as the best trial was, on the rows given."""
    trial = tuner.oracle.get_best_trials()[0]
    hp = trial.hyperparameters
    keras.backend.clear_session()
    model = tuner.hypermodel.build(hp)
    begun = hp.values.get("tuner/initial_epoch", 0)
    epochs = begun + trial.best_step + 1
    tuner.hypermodel.fit(hp, model, x, y, epochs=epochs, verbose=0)
    return model


# %%
models = {
    "checkpoint": tuner.get_best_models()[0],
    "retrained": retrain(tuner, x_train, y_train),
    "retrained on both": retrain(tuner, x, y),
}
chosen = tuner.oracle.get_best_trials()[0]
print(f"score {chosen.score:.4f}, in epoch {chosen.best_step + 1} of 4")

# %% [markdown]
# Where the best epoch is the last one allowed, the training was cut
# short, and so is the final model's: allow more.
#
# `get_best_models` may warn that it skips the optimizer's variables,
# which predict nothing. A `build` that ends with
# `model.optimizer.build(...)` avoids it.
#
# ## One file, another process
#
# A `.keras` file holds the layers, their weights and the scaling. This
# script imports neither Keras Tuner nor the hypermodel.


# %%
def predict(path):
    model = keras.models.load_model(path, compile=False)
    rows = np.load("rows.npy")
    np.save("predictions.npy", model.predict(rows, verbose=0))
    print("Keras Tuner imported:", "keras_tuner" in sys.modules)


np.save("rows.npy", x_validation)  # raw, from 0 to 16
source = "import sys\nimport keras\nimport numpy as np\n"
source += inspect.getsource(predict) + "predict(sys.argv[1])"
Path("predict.py").write_text(source, "utf-8")
path, model = "both.keras", models["retrained on both"]
model.save(path)
command = [sys.executable, "predict.py", path]
done = subprocess.run(command, capture_output=True, check=True)
print(done.stdout.decode().strip())

# %%
here = model.predict(x_validation, verbose=0)
there = np.load("predictions.npy")
print("largest difference:", abs(here - there).max())
assert np.allclose(here, there, atol=1e-6)

# %% [markdown]
# Scaling outside the model must be repeated in `predict.py`, and
# nothing fails if it differs. The same rows, scaled to [0, 1]
# beforehand:

# %%
wrong = model.predict(x_validation / 16, verbose=0).argmax(axis=1)
right = here.argmax(axis=1)
print(f"raw rows:       {np.mean(right == y_validation):.3f}")
print(f"scaled outside: {np.mean(wrong == y_validation):.3f}")

# %% [markdown]
# Don't quote the first accuracy: the model was trained on these rows.
#
# `compile=False` leaves out the optimizer, which only training needs.
# Saved without it, the file is smaller:

# %%
keras.models.load_model(path, compile=False).save("small.keras")
sizes = [Path(name).stat().st_size for name in (path, "small.keras")]
print("with optimizer {:,} bytes, without {:,}".format(*sizes))

# %% [markdown]
# ## The best values as JSON
#
# To train the model elsewhere, its values are enough:

# %%
hp = tuner.get_best_hyperparameters()[0]
Path("best.json").write_text(json.dumps(hp.values), "utf-8")
print(Path("best.json").read_text("utf-8"))

# %% [markdown]
# There `build` takes what it finds in `values`:

# %%
again = kt.HyperParameters()
again.values = json.loads(Path("best.json").read_text("utf-8"))
rebuilt = hypermodel.build(again)
print(f"the same network, {rebuilt.count_params():,} parameters")
assert rebuilt.count_params() == models["checkpoint"].count_params()

# %% [markdown]
# Undeclared names are ignored and missing ones take their defaults, so
# keep the file with the code that reads it.
#
# ## Under Hyperband
#
# There `best_step` counts from the start of that trial's own `fit`, and
# a promoted trial goes on from the weights of another. A trial here is
# a made-up history that gets better to its last epoch.


# %%
class MadeUp(kt.Hyperband):
    def run_trial(self, trial, *args, **kwargs):
        values = trial.hyperparameters.values
        first = values["tuner/initial_epoch"]
        epochs = range(first, values["tuner/epochs"])
        scores = [epoch * values["x"] for epoch in epochs]
        history = keras.callbacks.History()
        history.history = {"val_accuracy": scores}
        return history


# %%
space = kt.HyperParameters()
space.Float("x", 1.0, 2.0)
names["project_name"] = "retrain_and_ship_hyperband"
tuner = MadeUp(hyperparameters=space, max_epochs=9, seed=1, **names)
tuner.search(verbose=0)

# %%
rows = {}
for trial in tuner.oracle.trials.values():
    values = trial.hyperparameters.values
    begun = values["tuner/initial_epoch"]
    epochs = begun + trial.best_step + 1
    rows[begun, values["tuner/epochs"]] = trial.best_step, epochs
    assert epochs == values["tuner/epochs"]
table = pd.DataFrame(rows, ["best_step", "epochs to retrain"]).T
display(table.rename_axis(["initial_epoch", "epochs"]).sort_index())

# %% [markdown]
# So train for `hp.get("tuner/initial_epoch") + trial.best_step + 1`
# epochs. That is only about right: the parent's weights are those of
# its best epoch, which need not be its last.
#
# ## Open the test set
#
# Only now open the rows that were set aside. All three models have the
# same hyperparameters, and are compared row by row:

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_all, y_all = load_digits(return_X_y=True)
_, x_test, _, y_test = train_test_split(
    x_all, y_all, stratify=y_all, **fifth
)
right = {
    way: model.predict(x_test, verbose=0).argmax(axis=1) == y_test
    for way, model in models.items()
}
table = compare_runs(right, reference="checkpoint", paired=True)
print(f"accuracy on {len(y_test)} test rows, with 95 % intervals:")
display(table.drop(columns=["runs", "p"]).round(4))

# %% [markdown]
# Where the interval from `difference_low` to `difference_high` contains
# 0, no difference is shown. The intervals allow for other rows, not for
# another search or seed, so one search proves little. Retraining on all
# rows costs one training, and is the only way that learns from the
# validation rows.
#
# The search's own score is the best on rows used to choose: on average
# the same weights [do worse on new
# rows](../explanation/train_validation_test.py).
#
# In your project, choose the way first, and evaluate that one model,
# once. Choosing by the test set makes it a second validation set.
#
# ## What this page did not show
#
# - Shipping the mean prediction of several final models.
# - Several executions per trial, where `best_step` is a mean over them.
# - Other formats, such as a SavedModel by `model.export`.
