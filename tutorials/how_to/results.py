# %% [markdown] index="results_summary; DataFrame; CSV; parallel coordinates; importance; plot"
# # Results as tables and plots
#
# Turn the trials of a Keras Tuner search into a table, a CSV file and
# plots, ask which hyperparameters mattered, and how far to trust that.
#
# Every trial stays in `tuner.oracle.trials`. `trials_table(tuner)` makes
# a DataFrame of them, `to_csv` saves it, and `trials_plot(tuner)` draws
# the score against each hyperparameter. Both also work in a later process
# on a tuner made with the same `directory` and `project_name`, without
# training anything.
#
# Two things are not there to be read: the curves over epochs, which Keras
# Tuner does not keep, and the certainty that `get_best_trials` holds good
# trials only. Both are dealt with below.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
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
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import ShuffleSplit

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A search to look at

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %%
from snippets.models.build_model import build_model

# %%
tuner = kt.RandomSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=12,
    seed=1,
    directory="searches",
    project_name="results",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=2,
    verbose=0,
)

# %% [markdown]
# ## What Keras Tuner prints
#
# `results_summary` prints the best ten trials, or as many as asked for.

# %%
tuner.results_summary(num_trials=2)

# %% [markdown]
# That is text for the eye. It returns nothing to sort, save or plot, and
# it leaves out the status, and the epoch a score comes from.

# %% [markdown]
# ## A table
#
# One row per trial, the best first. `best_step` counts epochs from 0.

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert len(trials) == 12 and set(trials["status"]) == {"COMPLETED"}
display(trials.head(8).round(4))

# %% [markdown]
# From here it is pandas. The order of the best few is partly luck: the
# table holds one run of each configuration. And where `best_step` is
# the last epoch, here 1, a trial was cut short: with more epochs the
# order may differ.

# %% [markdown]
# ## Save it, and read it elsewhere
#
# A CSV file needs neither Keras nor the tuner to be read again. Every
# number comes back to the last digit.

# %%
trials.to_csv("trials.csv")
again = pd.read_csv("trials.csv", index_col="trial")
pd.testing.assert_frame_equal(again, trials, check_exact=True)

# %% [markdown]
# Nothing saved? The search's folder has a `trial.json` for each trial. A
# fresh process that imports only pandas makes the same table of them.

# %% open=true
source = """
import json
import pathlib
import pandas as pd

rows = []
for path in pathlib.Path("searches/results").glob("trial_*/trial.json"):
    trial = json.loads(path.read_text())
    rows.append(
        {"trial": int(trial["trial_id"]), "status": trial["status"]}
        | trial["hyperparameters"]["values"]
        | {"val_accuracy": trial["score"]}
        | {"best_step": trial["best_step"]}
    )
pd.DataFrame(rows).to_csv("elsewhere.csv", index=False)
"""
Path("read_trials.py").write_text(source, "utf-8")
_ = subprocess.run([sys.executable, "read_trials.py"], check=True)

# %%
elsewhere = pd.read_csv("elsewhere.csv", index_col="trial")
pd.testing.assert_frame_equal(elsewhere.loc[trials.index], trials)
print("the same", len(elsewhere), "trials")

# %% [markdown]
# Or reload the tuner: make it as before, with `overwrite=False`. It says
# so, trains nothing, and `trials_table` and `trials_plot` take it.

# %%
reloaded = kt.RandomSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=12,
    seed=1,
    directory="searches",
    project_name="results",  # wrong: any other search needs its own
    overwrite=False,
)
pd.testing.assert_frame_equal(trials_table(reloaded), trials)

# %% [markdown]
# ## The score against each hyperparameter
#
# A panel per hyperparameter, a dot per trial: a hyperparameter may
# matter when its dots form a shape.

# %% open=true
from snippets.results.trials_plot import trials_plot

# %% alt="Three panels of dots, the validation accuracy of every trial against its units, its activation function and, on a log axis, its learning rate." figure="slices"
trials_plot(reloaded)
plt.show()

# %% [markdown]
# The learning rate has a shape: after two epochs the worst trials have
# small rates. A panel shows one hyperparameter at a time, so it can't
# show that the best learning rate depends on the units, if it does.

# %%
rates = trials["learning_rate"]
assert rates.tail(3).max() < rates.median()

# %% [markdown]
# ## All hyperparameters at once
#
# In parallel coordinates a trial is a line through its values. Each
# column runs from its lowest value to its highest, the learning rate on
# its log scale.

# %% open=true
tuned = ["units", "activation", "learning_rate"]
numbers = trials[[*tuned, "val_accuracy"]].copy()
numbers["activation"] = (numbers["activation"] == "tanh").astype(int)
numbers["learning_rate"] = np.log10(numbers["learning_rate"])
low, high = numbers.min(), numbers.max()
scaled = (numbers - low) / (high - low)
best = trials.index[:6]

# %% alt="Parallel coordinates: every trial is a line from its units over its activation function and learning rate to its validation accuracy; the six best lines are drawn bold." figure="parallel-coordinates" open=true
figure, axis = plt.subplots(figsize=(7, 3.6))
for trial, line in scaled.iterrows():
    bold = {"color": "C0", "linewidth": 2, "zorder": 3}
    thin = {"color": "gray", "linewidth": 0.7}
    axis.plot(line.to_numpy(), **(bold if trial in best else thin))
axis.set_xticks(range(len(scaled.columns)), scaled.columns)
axis.set_yticks([0, 1], ["lowest", "highest"])
for place in range(len(scaled.columns)):
    axis.axvline(place, color="gray", linewidth=0.5)
plt.show()

# %% [markdown]
# The bold lines are the six best trials. Where they pass a column close
# together, good trials agreed on a value; where they spread, it was not
# this value that made them good. Six lines can also meet by chance.

# %% [markdown]
# ## Which hyperparameters mattered
#
# A picture with a number: fit a random forest that predicts a trial's
# place in the ranking from its values, then shuffle one column and see
# how much worse it predicts. Two checks keep it honest. The forest is
# judged on trials it did not see, over several splits. And the trial's
# number goes in as a hyperparameter that can't matter.

# %% open=true
values = numbers[tuned].assign(**{"trial number": numbers.index})
places = trials["val_accuracy"].rank(ascending=False)
forest = RandomForestRegressor(50, random_state=1)
errors, naive, importances = [], [], []
splits = ShuffleSplit(10, test_size=1 / 3, random_state=1)
for seen, unseen in splits.split(values):
    forest.fit(values.iloc[seen], places.iloc[seen])
    asked = values.iloc[unseen], places.iloc[unseen]
    errors.append((forest.predict(asked[0]) - asked[1]).abs().mean())
    naive.append((places.iloc[seen].median() - asked[1]).abs().mean())
    score = "neg_mean_absolute_error"
    importances.append(
        permutation_importance(
            forest, *asked, scoring=score, random_state=1
        ).importances_mean
    )
print(f"error of the forest       {np.mean(errors):.2f} places")
print(f"error of a constant guess {np.mean(naive):.2f} places")

# %% alt="A box per hyperparameter: how many places worse the forest predicts when that column is shuffled, over ten splits; the trial number is there to compare with." figure="importance" open=true
importances = pd.DataFrame(importances, columns=values.columns)
order = importances.median().sort_values().index
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
axis.boxplot(
    importances[order], orientation="horizontal", tick_labels=order
)
axis.axvline(0, linestyle="--", color="gray")
axis.set_xlabel("error added by shuffling, in places")
plt.show()

# %% [markdown]
# If the forest predicts little better than the constant guess, don't
# read the boxes: it has learned little. A hyperparameter whose box
# overlaps that of the trial number has not been shown to matter. That
# is no proof that it doesn't: in few trials a small effect looks like
# none. Nor is a box apart a proof that it does: the splits share their
# twelve trials.
#
# The number is about these ranges: a wider range of learning rates would
# make the learning rate more important. And it says that a value
# matters, not which value is good.

# %% [markdown]
# ## Curves over epochs
#
# Of each metric Keras Tuner keeps one number per trial, that of the best
# epoch.

# %%
trial = tuner.oracle.get_best_trials()[0]
print("kept:", trial.metrics.get_history("val_accuracy"))
assert len(trial.metrics.get_history("val_accuracy")) == 1

# %% [markdown]
# `run_trial` gets the whole history of each execution back from `fit`,
# so that is the place to keep it: in the trial's own folder. This works
# as a subclass of any tuner of Keras models.


# %%
class CurvesKept(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        runs = super().run_trial(trial, *args, **kwargs)
        path = Path(self.get_trial_dir(trial.trial_id), "curves.json")
        path.write_text(
            json.dumps([run.history for run in runs]), "utf-8"
        )
        return runs


# %% [markdown]
# Four trials show it. Models above `max_model_size` parameters fail, so
# that there is also a failed trial to see. Their tracebacks are kept off
# this page.

# %%
curves_tuner = CurvesKept(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=4,
    max_model_size=12_000,
    seed=1,
    directory="searches",
    project_name="results_curves",
    overwrite=True,
)
with contextlib.redirect_stderr(io.StringIO()):
    curves_tuner.search(
        *images.train,
        validation_data=images.validation,
        epochs=4,
        verbose=0,
    )
display(trials_table(curves_tuner).round(4))

# %% alt="Validation accuracy by epoch, a line for each trial that was trained." figure="curves" open=true
figure, axis = plt.subplots()
folder = Path(curves_tuner.project_dir)
for path in sorted(folder.glob("trial_*/curves.json")):
    curve = json.loads(path.read_text("utf-8"))[0]["val_accuracy"]
    assert len(curve) == 4
    axis.plot(range(1, 5), curve, label=path.parent.name)
axis.set_xlabel("epoch")
axis.set_ylabel("validation accuracy")
axis.legend()
plt.show()

# %% [markdown]
# A line still rising at its end says that its trial was cut short. It
# does not say how far it would have risen.

# %% [markdown]
# ## The best trials may have failed
#
# Ask `get_best_trials` for more trials than have completed, and it fills
# up with the others without a word. `get_best_hyperparameters` and
# `get_best_models` are built on it.

# %%
for trial in curves_tuner.oracle.get_best_trials(4):
    print(
        f"trial {trial.trial_id}: {trial.status}, score {trial.score}"
    )

# %%
statuses = {t.status for t in curves_tuner.oracle.get_best_trials(4)}
assert statuses == {"COMPLETED", "FAILED"}
completed = trials_table(curves_tuner).query("status == 'COMPLETED'")
print(len(completed), "of 4 trials may be called best")

# %% [markdown]
# So look at the status before reading a score. The table has it, and
# puts trials without a score last.
# [Failed trials](failed_trials.py) says where they come from.

# %% [markdown]
# ## What this page did not show
#
# - How hyperparameters act together. Two can matter only in combination;
#   that takes more trials than here.
# - Whether the importance would be the same under another tuner. A tuner
#   that learns, such as [Bayesian optimisation](../bayesian_optimization.py),
#   looks mostly where scores are good, and its trials say less about the
#   rest.
# - Trials with inactive hyperparameters, which leave gaps in the table:
#   see [conditional spaces](conditional_spaces.py).
# - Several executions per trial: `curves.json` then holds a curve for
#   each, and the table their mean.
