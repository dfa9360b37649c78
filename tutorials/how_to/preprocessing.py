# %% [markdown] index="preprocessing; Normalization; adapt; data leak; scaling; scale inputs; leakage; StandardScaler"
# # Preprocess without leaking
#
# Scale, select and encode so that nothing is learned from validation
# rows: in a layer of the model, adapted in `HyperModel.fit`.
#
# - What preprocessing learns (means, vocabularies, which columns to
#   keep) it must learn from a trial's training rows alone, and do the
#   same to every other row. A layer does both, and the saved model
#   carries it along.
# - Selecting columns on all rows is the leak to fear: [it finds skill
#   in labels that were shuffled](#the-leak-measured).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.tabular_classifier import TabularClassifier

# %%
import keras
import keras_tuner as kt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

x, y = load_breast_cancer(return_X_y=True)
x_train, x_validation, y_train, y_validation = train_test_split(
    x, y, stratify=y, random_state=1
)
keras.utils.set_random_seed(1)
goal = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "preprocessing"}
tuner = kt.RandomSearch(TabularClassifier(), goal, 2, seed=1, **folder)
given = {"validation_data": (x_validation, y_validation), "verbose": 0}
tuner.search(x_train, y_train, epochs=5, **given)
tuner.results_summary()

# %%
import inspect

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

# %% [markdown]
# ## Scaling inside the model
#
# The snippet's `fit` calls `adapt` on the trial's training rows alone.
# Whether to take logarithms first is a hyperparameter.
#
# Did the layer learn from the training rows alone, and is it still
# there in a model loaded from disk?

# %%
best_trial = tuner.oracle.get_best_trials()[0]
best_model = tuner.get_best_models()[0]
log_first = best_trial.hyperparameters.get("log_first")
learned = best_model.get_layer("scale").mean[0]
for name, rows in (("training", x_train), ("all", x)):
    rows = np.log1p(rows) if log_first else rows
    same = np.allclose(learned, rows.mean(axis=0), rtol=1e-3)
    print(f"means of {name} rows: {same}")
_, accuracy = best_model.evaluate(x_validation, y_validation, verbose=0)
print(f"{accuracy:.4f} from raw rows, {best_trial.score:.4f} in trial")

# %% [markdown]
# The same holds in each fold of a
# [cross-validation](cross_validation.py).
#
# ## The mistake: validation rows left raw
#
# Without a layer, this `fit` scales what it trains on; the validation
# rows pass by in `kwargs`.


# %%
class HalfScaled(TabularClassifier):
    def fit(self, hp, model, x, y, **kwargs):
        x = StandardScaler().fit_transform(x)  # and validation_data?
        return model.fit(x, y, **kwargs)


values, half = kt.HyperParameters(), HalfScaled()
trained = values, half.build(values), x_train, y_train
history = half.fit(*trained, epochs=5, **given).history
for name in ("accuracy", "val_accuracy"):
    print(f"{name:12} {history[name][-1]:.4f}")
frequent = np.bincount(y_validation).max() / len(y_validation)
print(f"always the more frequent class: {frequent:.4f}")

# %% [markdown]
# Nothing fails, but the scores mean nothing. Scaling the validation rows by
# their own mean breaks later: a row that comes alone is its own mean.
#
# ## The leak, measured
#
# To see a leak takes data with nothing to find: the words in each of
# NumPy's docstrings, with labels dealt at random. On average no honest
# method can beat one half.

# %%
texts = {inspect.getdoc(thing) or "" for thing in vars(np).values()}
texts = sorted(text for text in texts if len(text) > 400)
words = CountVectorizer(binary=True, min_df=20).fit_transform(texts)
words = words.toarray().astype("float32")
print(f"{words.shape[0]} docstrings, {words.shape[1]} words")

# %% [markdown]
# Three ways: all steps learned from the training rows, the scaling from
# all rows, or the choice of a hundred columns from all rows and their
# labels.


# %%
def accuracy_of(labels, seed, scale_on_all, select_on_all):
    """Split, preprocess, train; return the validation accuracy."""
    everything = np.arange(len(words))
    how = {"stratify": labels, "random_state": seed}
    train, validation = train_test_split(everything, **how)
    seen = everything if scale_on_all else train
    x = StandardScaler().fit(words[seen]).transform(words)
    seen = everything if select_on_all else train
    x = SelectKBest(k=100).fit(x[seen], labels[seen]).transform(x)
    model = LogisticRegression(max_iter=1000)
    model.fit(x[train], labels[train])
    return model.score(x[validation], labels[validation])


# %%
ways = {
    "all from training rows": (False, False),
    "scaled on all rows": (True, False),
    "columns selected on all rows": (False, True),
}
generator = np.random.default_rng(1)
scores = {way: [] for way in ways}
for seed in range(8):
    labels = generator.permutation(len(words)) % 2
    for way, leaks in ways.items():
        scores[way].append(accuracy_of(labels, seed, *leaks))

# %%
from snippets.results.compare_runs import compare_runs

# %%
table = compare_runs(scores, "all from training rows", paired=True)
shown = table.drop(columns=["runs", "p"]).rename_axis("learned")
display(shown.round(3))
leaked = table.loc["columns selected on all rows"]
assert leaked["low"] > 0.5 and leaked["difference_low"] > 0

# %% [markdown]
# Selecting columns on all rows keeps those that agree by chance with the
# labels of the validation rows. A search hardly shows it: the score of
# every trial is too good. Scaling looks at no label, and no leak through
# it is shown here; it should still learn from the training rows alone. So
# do filling gaps, and encoding a category by the mean of its target,
# which uses labels.
#
# ## The target has a scale too
#
# A network starts near zero; a target in the hundreds is far away. If you
# scale it by hand, errors lose their unit. A last layer that learned the
# target's mean and deviation in `fit` keeps the unit:
# `Normalization(invert=True)`.

# %% open=true
from snippets.models.regressor import Regressor

# %% [markdown]
# The target is how far a disease went within a year. A model has to be
# better than predicting the training median for everybody:

# %%
x, y = load_diabetes(return_X_y=True, scaled=False)
x, _, y, _ = train_test_split(x, y, test_size=0.2, random_state=1)
x_train, x_validation, y_train, y_validation = train_test_split(
    x, y, test_size=0.25, random_state=1
)
median = np.abs(y_validation - np.median(y_train)).mean()
print(f"targets from {y_train.min():.0f} to {y_train.max():.0f}")
print(f"the median for everybody: mean absolute error {median:.1f}")

# %% [markdown]
# With the last layer, without it, and without it at a larger learning
# rate:

# %%
rows = {}
for scaled, rate in ((True, 0.0005), (False, 0.0005), (False, 0.03)):
    keras.utils.set_random_seed(1)
    values, regressor = kt.HyperParameters(), Regressor(10, scaled)
    values.Fixed("learning_rate", rate)
    model = regressor.build(values)
    regressor.fit(values, model, x_train, y_train, epochs=12, verbose=0)
    predicted = model(x_validation).numpy().ravel()
    rows[scaled, rate] = np.abs(y_validation - predicted).mean()
table = pd.Series(rows).rename_axis(["scaled", "learning rate"])
display(table.to_frame("mean absolute error").round(1))
scaled, unscaled, faster = table
assert scaled < median < unscaled and faster < unscaled

# %% [markdown]
# At the small rate the unscaled network hardly leaves zero in twelve
# epochs, and is worse than the median. At a larger rate it learns too:
# without the layer, the range to search depends on the target's unit. One
# run of each doesn't say which is better at a rate that suits it.
#
# ## What this page did not show
#
# - Categories. `StringLookup` needs its vocabulary when the model is
#   built: fix it beforehand from the training rows, with a place for
#   words it has not seen.
# - Rows that belong together, such as several of one patient, or that
#   follow each other in time. There a random split is the leak.
# - `tf.data`: `adapt` takes a dataset of rows without labels, see [data
#   pipelines](data_pipelines.py).
