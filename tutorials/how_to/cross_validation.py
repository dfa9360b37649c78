# %% [markdown] index="cross-validation; k-fold; nested cross-validation; StratifiedKFold; KFold"
# # Cross-validation
#
# Score every trial on k folds instead of one [validation
# set](../../reference/glossary.md#validation-set), and measure a search
# by a nested loop.
#
# - Keras Tuner cross-validates [scikit-learn models](../scikit_learn.py)
#   only. The snippet `CrossValidationTuner` does it for any hypermodel.
# - A search costs k times as much. That is worth it where rows are few
#   and a score depends on the split.
# - Don't combine folds with Hyperband.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.regressor import Regressor

# %%
from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)

# %%
import keras_tuner as kt
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

x, y = load_diabetes(return_X_y=True, scaled=False)
space = kt.HyperParameters()
space.Float("learning_rate", 0.003, 0.03, sampling="log")
goal = kt.Objective("val_mae", "min")
given = {"hyperparameters": space, "tune_new_entries": False}
given |= {"objective": goal, "max_trials": 2, "seed": 1}
oracle = kt.oracles.RandomSearchOracle(**given)
folds = KFold(3, shuffle=True, random_state=1)
folder = {"directory": "searches", "project_name": "cross_validation"}
tuner = CrossValidationTuner(oracle, Regressor(), cv=folds, **folder)
tuner.search(x, y, epochs=4, verbose=0)
print(tuner.fold_scores(tuner.oracle.get_best_trials()[0]))

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The tuner
#
# `search` gets all rows and no validation data. All trials get the same
# folds, and each fold a new model. A trial's score is the mean over its
# folds.
#
# ## A search over folds
#
# The task is to predict from ten measurements how far a disease went
# within a year. The regressor of [preprocessing](preprocessing.py)
# learns its scaling from each fold's training rows.

# %%
best = tuner.oracle.get_best_trials(2)
folds = pd.DataFrame(
    {int(trial.trial_id): tuner.fold_scores(trial) for trial in best},
    index=[f"fold {fold}" for fold in range(1, 4)],
).rename_axis(columns="trial")
display(folds.T.assign(mean=folds.mean()).round(2))

# %% [markdown]
# ## What a single split would have said
#
# A search on one split would have seen one column of that table.

# %% alt="The error of each trial, best mean first: a thin line for each fold, a thick one for their mean. The folds lie further apart than the trials." caption="Which fold it is moves the error further than which trial it is." figure="folds"
figure, axis = plt.subplots()
order = [str(trial) for trial in folds.columns]
axis.plot(order, folds.T, color="C0", marker="o", linewidth=0.8)
axis.plot(order, folds.mean(), color="C1", linewidth=3, label="mean")
axis.set(xlabel="trial", ylabel="mean absolute error")
axis.legend()
plt.show()

# %%
first, second = folds.columns
difference = folds[second] - folds[first]
print(f"one trial over the folds: {folds[first].std():.2f} (deviation)")
print(f"first to second trial:    {difference.mean():.2f}")
print(f"  the same, fold by fold: {difference.round(2).tolist()}")
print("best trial of each fold: ", folds.idxmin(axis=1).tolist())
assert np.ptp(folds[first]) > difference.mean()

# %% [markdown]
# A fold that is hard for all trials drops out of their differences, if
# they share their folds. So the tuner refuses a splitter that would split
# anew for each trial.
#
# Folds are not independent experiments: any two of the three share half
# of their training rows. No formula turns their spread into the exact
# error of the mean.
#
# ## The final model
#
# No fold's model was trained on all rows, so `get_best_models` refuses.
# Fit the best configuration to everything, for as many epochs as the
# folds needed on average:


# %%
def refitted(tuner, x, y):
    """Return the best configuration's model, trained on all rows."""
    (trial,) = tuner.oracle.get_best_trials()
    hp, epochs = trial.hyperparameters, trial.best_step + 1
    model = tuner.hypermodel.build(hp)
    tuner.hypermodel.fit(hp, model, x, y, epochs=epochs, verbose=0)
    print(f"{epochs} epochs on {len(x)} rows")
    return model


# %% [markdown]
# ## How good is it? The nested loop
#
# The best was chosen for its score, which is partly luck. Keep rows
# closed until the end or, where rows are too few for that, cross-validate
# the whole search: an outer loop sets rows aside, the search makes folds
# of the others, and the rows set aside judge its result.


# %%
class Untraced(Regressor):
    def build(self, hp):
        model = super().build(hp)
        model.run_eagerly = True  # tracing takes longer than this
        return model


# %%
def searched(x, y, number):
    tuner = CrossValidationTuner(
        kt.oracles.RandomSearchOracle(**given),
        Untraced(),
        cv=KFold(2, shuffle=True, random_state=1),
        directory="searches",
        project_name=f"cross_validation_outer_{number}",
        overwrite=True,
    )
    tuner.search(x, y, epochs=3, validation_batch_size=1000, verbose=0)
    return tuner


# %%
rows = {}
outer = KFold(2, shuffle=True, random_state=2)
for number, (inside, aside) in enumerate(outer.split(x, y), 1):
    tuner = searched(x[inside], y[inside], number)
    (trial,) = tuner.oracle.get_best_trials()
    model = refitted(tuner, x[inside], y[inside])
    _, mae = model.evaluate(x[aside], y[aside], verbose=0)
    rows[number] = {"inner score": trial.score, "outer score": mae}
nested = pd.DataFrame(rows).T.rename_axis("outer fold")
display(nested.round(2))
print(f"estimate: {nested['outer score'].mean():.2f}")

# %% [markdown]
# Each outer fold has its own project: under one name, the second search
# would find the first one finished and [train nothing](resume.py).
#
# The estimate is for the *procedure* of searching and refitting, not for
# one configuration, which may differ by outer fold. The model to ship comes
# from the same search on all rows.
#
# ## The optimism, measured
#
# By how much is the inner score too good? Labels dealt at random can be
# guessed in half of the cases.

# %%
from snippets.results.compare_runs import compare_runs

# %%
from snippets.searches.independent_seeds import independent_seeds


# %%
def tree(hp):
    return DecisionTreeClassifier(
        max_depth=hp.Int("max_depth", 1, 8),
        min_samples_leaf=hp.Int("min_samples_leaf", 1, 20),
        max_features=hp.Int("max_features", 1, 10),
        random_state=hp.Int("random_state", 1, 1000),
    )


# %%
def search_of_trees(seed):
    score = kt.Objective("score", "max")
    oracle = kt.oracles.RandomSearchOracle(score, 20, seed=seed)
    oracle.verbose = 0
    return kt.SklearnTuner(
        oracle,
        tree,
        cv=StratifiedKFold(5, shuffle=True, random_state=1),
        directory="searches",
        project_name="cross_validation_optimism",
        overwrite=True,
    )


# %%
generator = np.random.default_rng(1)
rows = []
for number, seed in enumerate(independent_seeds(6)):
    labels = generator.permutation(len(x)) % 2
    splitter = StratifiedKFold(2, shuffle=True, random_state=number)
    inside, aside = next(splitter.split(x, labels))
    tuner = search_of_trees(seed)
    tuner.search(x[inside], labels[inside])
    (trial,) = tuner.oracle.get_best_trials()
    best = tree(trial.hyperparameters).fit(x[inside], labels[inside])
    rows.append((trial.score, best.score(x[aside], labels[aside])))

# %%
optimism = pd.DataFrame(rows, columns=["best inner", "outer"])
compared = compare_runs(optimism, reference="outer", paired=True)
display(compared.drop(columns="p").rename_axis("score").round(3))
gap = compared.loc["best inner", "difference"]
print(f"skill where there is none: {gap:+.3f}")
assert compared.loc["best inner", "mean"] > 0.52 and gap > 0.02

# %% [markdown]
# Every inner score is an honest cross-validation. Choosing the best of
# twenty makes it too good. The outer score chose nothing. The gap
# [grows](../explanation/what_a_score_means.py#why-it-grows) with the
# number of trials and with the noise of a score.
#
# ## Not with Hyperband
#
# Hyperband's later rounds go on from weights that, with folds, have seen
# the rows that judge them. Its first rounds decide on little training,
# where folds help least. The tuner refuses it:

# %%
try:
    hyperband = kt.oracles.HyperbandOracle(goal, seed=1)
    CrossValidationTuner(hyperband, Regressor(), cv=outer)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# Search with Hyperband on one split, then cross-validate the best few of
# its configurations.
#
# ## What this page did not show
#
# - Classes: `StratifiedKFold` keeps their shares in each fold.
# - Rows that belong together, such as several of one patient:
#   `GroupKFold`, with `search(x, y, groups=...)`. Rows in time:
#   `TimeSeriesSplit`.
# - Repeating the folds with other seeds: a steadier mean, at the same
#   price again.
# - TensorBoard: a trial's folds would all write to one folder.
