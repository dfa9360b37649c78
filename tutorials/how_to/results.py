# %% [markdown] index="results_summary; DataFrame; CSV; parallel coordinates; importance; plot; print the best hyperparameters; sort trials by score; trials as a DataFrame; pandas; export"
# # Results as tables and plots
#
# Turn the trials of a Keras Tuner search into a table, a CSV file and
# plots, ask which hyperparameters mattered, and how far to trust that.
#
# - `trials_table(tuner)` makes a DataFrame, `to_csv` saves it, and
#   `trials_plot(tuner)` draws the score against each hyperparameter.
# - Both also work later, without training, on a tuner made with the
#   same `directory` and `project_name`, and without `overwrite=True`.
# - Keras Tuner does not keep [curves over epochs](#curves-over-epochs),
#   and `get_best_trials` [may include failed
#   trials](#the-best-trials-may-have-failed).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.results.trials_table import trials_table

# %%
import keras
import keras_tuner as kt
from IPython.display import display
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
goal = kt.Objective("val_accuracy", "max")
names = {"directory": "searches", "project_name": "results", "seed": 1}
tuner = kt.RandomSearch(build_model, goal, max_trials=8, **names)
fit = {"validation_split": 0.2, "batch_size": 64, "verbose": 0}
tuner.search(x / 16, y, epochs=2, **fit)
display(trials_table(tuner).head().round(4))

# %%
import contextlib
import io
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import ShuffleSplit

# %% [markdown]
# ## A table
#
# One row per trial, the best first; above are five of eight.
# `best_step` counts epochs from 0.

# %%
trials = trials_table(tuner)
cut_short = (trials["best_step"] == 1).sum()
print(f"{cut_short} of 8 trials were best in their last epoch")

# %% [markdown]
# With more epochs such trials may rank differently. The order of the best
# few is partly luck: each configuration ran once.
#
# ## What Keras Tuner prints
#
# `results_summary` prints the best ten trials, or as many as `num_trials`
# says.

# %%
tuner.results_summary(num_trials=2)

# %% [markdown]
# It returns nothing, and leaves out the status and the epoch of a score.
#
# ## Save it, and read it elsewhere
#
# Every number comes back exactly, without Keras or the tuner.

# %%
trials.to_csv("trials.csv")
again = pd.read_csv("trials.csv", index_col="trial")
pd.testing.assert_frame_equal(again, trials, check_exact=True)

# %% [markdown]
# Nothing saved? This makes the same table from the `trial.json` files in
# the search's folder, without Keras:


# %% open=true
def read_trials(folder):
    """Return the table of the trials in the folder of a search."""
    rows = []
    for path in Path(folder).glob("trial_*/trial.json"):
        trial = json.loads(path.read_text("utf-8"))
        row = {"trial": int(trial["trial_id"])}
        row["status"] = trial["status"]
        row |= trial["hyperparameters"]["values"]
        row["val_accuracy"] = trial["score"]
        row["best_step"] = trial["best_step"]
        rows.append(row)
    return pd.DataFrame(rows).set_index("trial")


elsewhere = read_trials("searches/results")
pd.testing.assert_frame_equal(elsewhere.loc[trials.index], trials)
print("the same", len(elsewhere), "trials")

# %% [markdown]
# Or make the tuner as before, but without `overwrite=True`, which would
# delete the search:

# %%
reloaded = kt.RandomSearch(build_model, goal, max_trials=8, **names)
pd.testing.assert_frame_equal(trials_table(reloaded), trials)

# %% [markdown]
# ## The score against each hyperparameter
#
# A hyperparameter may matter if its dots, one per trial, form a pattern.

# %% open=true
from snippets.results.trials_plot import trials_plot

# %% alt="Three panels of dots, the validation accuracy of every trial against its units, its activation function and, on a log axis, its learning rate." caption="The dots form a pattern against the learning rate: the worst trials have small rates." figure="slices"
trials_plot(reloaded)
plt.show()

# %% [markdown]
# No panel can show whether the best learning rate depends on the units.

# %%
rates = trials["learning_rate"]
assert rates.tail(2).max() < rates.median()

# %% [markdown]
# ## All hyperparameters at once
#
# In parallel coordinates a trial is a line through its values. Columns
# run from lowest to highest, the learning rate on its log scale.

# %% open=true
tuned = ["units", "activation", "learning_rate"]
numbers = trials[[*tuned, "val_accuracy"]].copy()
numbers["activation"] = (numbers["activation"] == "tanh").astype(int)
numbers["learning_rate"] = np.log10(numbers["learning_rate"])
low, high = numbers.min(), numbers.max()
scaled = (numbers - low) / (high - low)
best = trials.index[:3]

# %% alt="Parallel coordinates: every trial is a line from its units over its activation function and learning rate to its validation accuracy; the three best lines are drawn bold." caption="Where the bold lines pass a column close together, good trials agree on a value." figure="parallel-coordinates" open=true
figure, axis = plt.subplots(figsize=(7, 3.6))
for trial, line in scaled.iterrows():
    bold = {"color": "C0", "linewidth": 2, "zorder": 3}
    thin = {"color": "gray", "linewidth": 0.7}
    axis.plot(line.to_numpy(), **(bold if trial in best else thin))
axis.set_xticks(range(len(scaled.columns)), scaled.columns)
axis.set_yticks([0, 1], ["lowest", "highest"])
axis.grid(axis="x", color="gray", linewidth=0.5)
plt.show()

# %% [markdown]
# Where the bold lines spread, this value did not make the trials good.
# Three lines can also meet by chance.
#
# ## Which hyperparameters mattered
#
# A random forest predicts a trial's place in the ranking from its
# values; then one column is shuffled, to see how much worse it
# predicts. It is judged on trials it did not see, over several splits,
# and the trial's number goes in as a hyperparameter that can't matter.

# %% open=true
values = numbers[tuned].assign(**{"trial number": numbers.index})
places = trials["val_accuracy"].rank(ascending=False)
forest = RandomForestRegressor(20, random_state=1)
settings = {"scoring": "neg_mean_absolute_error", "random_state": 1}
errors, naive, importances = [], [], []
splits = ShuffleSplit(5, test_size=1 / 3, random_state=1)
for seen, unseen in splits.split(values):
    forest.fit(values.iloc[seen], places.iloc[seen])
    asked = values.iloc[unseen], places.iloc[unseen]
    errors.append((forest.predict(asked[0]) - asked[1]).abs().mean())
    naive.append((places.iloc[seen].median() - asked[1]).abs().mean())
    shuffled = permutation_importance(forest, *asked, **settings)
    importances.append(shuffled.importances_mean)
print(f"error of the forest       {np.mean(errors):.2f} places")
print(f"error of a constant guess {np.mean(naive):.2f} places")

# %% alt="A box per hyperparameter: how many places worse the forest predicts when that column is shuffled, over five splits; the trial number is there to compare with." caption="A hyperparameter whose box overlaps that of the trial number has not been shown to matter." figure="importance" open=true
importances = pd.DataFrame(importances, columns=values.columns)
order = importances.median().sort_values().index
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
lying = {"orientation": "horizontal", "tick_labels": order}
axis.boxplot(importances[order], **lying)
axis.axvline(0, linestyle="--", color="gray")
axis.set_xlabel("error added by shuffling, in places")
plt.show()

# %% [markdown]
# If the forest predicts little better than the constant guess, ignore the
# boxes. An overlap does not prove that a hyperparameter doesn't matter: in
# few trials a small effect looks like none. Nor does a separate box prove
# that it does: eight trials settle nothing.
#
# A wider range would make the learning rate more important. And
# importance does not say which value is good.
#
# ## Curves over epochs
#
# For each metric, Keras Tuner keeps one number per trial, that of the
# best epoch.

# %%
trial = tuner.oracle.get_best_trials()[0]
print("kept:", trial.metrics.get_history("val_accuracy"))

# %% [markdown]
# `run_trial` returns the history of each execution. This subclass, of any
# tuner of Keras models, keeps it.


# %%
class CurvesKept(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        runs = super().run_trial(trial, *args, **kwargs)
        path = Path(self.get_trial_dir(trial.trial_id), "curves.json")
        curves = json.dumps([run.history for run in runs])
        path.write_text(curves, "utf-8")
        return runs


# %% [markdown]
# One of these three trials fails: its model is above `max_model_size`.

# %%
names = {"directory": "searches", "project_name": "results_curves"}
names |= {"max_model_size": 5_000, "seed": 1, "overwrite": True}
curves_tuner = CurvesKept(build_model, goal, max_trials=3, **names)
with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
    curves_tuner.search(x / 16, y, epochs=4, **fit)
display(trials_table(curves_tuner).round(4))

# %% alt="Validation accuracy by epoch, a line for each trial that was trained." caption="A line that still rises at its end belongs to a trial that was cut short." figure="curves" open=true
figure, axis = plt.subplots()
folder = Path(curves_tuner.project_dir)
for path in sorted(folder.glob("trial_*/curves.json")):
    curve = json.loads(path.read_text("utf-8"))[0]["val_accuracy"]
    axis.plot(range(1, 5), curve, label=path.parent.name)
axis.set(xticks=range(1, 5), xlabel="epoch")
axis.set_ylabel("validation accuracy")
axis.legend()
plt.show()

# %% [markdown]
# ## The best trials may have failed
#
# Asked for more trials than have completed, `get_best_trials` adds failed
# ones without saying so, and so do `get_best_hyperparameters` and
# `get_best_models`.

# %%
for trial in curves_tuner.oracle.get_best_trials(3):
    print(f"trial {trial.trial_id}: {trial.status}, {trial.score}")

# %% [markdown]
# So check the status before you read a score: [failed
# trials](failed_trials.py).
#
# ## What this page did not show
#
# - How hyperparameters act together, which takes more trials.
# - Whether the importance would be the same under another tuner. One
#   that learns, such as [Bayesian
#   optimisation](../bayesian_optimization.py), looks mostly where
#   scores are good.
# - Several executions per trial: `curves.json` then holds a curve for
#   each, and the table their mean.
