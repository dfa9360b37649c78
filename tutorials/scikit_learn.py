# %% [markdown] index="SklearnTuner; scikit-learn; sklearn; 'str' object is not callable; sample_weight; Pipeline; random forest; gradient boosting; hyperparameters of a classifier; SVM; SVC; tune an SVM"
# # Tune scikit-learn models
#
# Tune scikit-learn models and pipelines with `SklearnTuner`, which
# cross-validates every trial, and learn what fails silently.
#
# - The [objective](../reference/glossary.md#objective) is always called
#   `score`, and more is better. For an error use
#   `make_scorer(..., greater_is_better=False)`.
# - Refit the best on all rows. `get_best_models` returns the model of the
#   last fold, which has not seen all of them.
# - Don't rely on `sample_weight`: scikit-learn's own classes, and
#   pipelines, train without it.
# - If scikit-learn is all you tune, [its own search
#   classes](#or-scikit-learns-own-search) do more.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
import keras_tuner as kt
from sklearn.svm import SVC


def build_model(hp):
    return SVC(C=hp.Float("C", 0.1, 100, sampling="log"))


x, y = load_images("digits").train
score = kt.Objective("score", "max")
oracle = kt.oracles.RandomSearchOracle(score, max_trials=4, seed=1)
tuner = kt.SklearnTuner(
    oracle, build_model, directory="searches", project_name="svm"
)
tuner.oracle.verbose = 0  # search takes no verbose
tuner.search(x, y)  # NumPy arrays, no validation data
model = build_model(tuner.get_best_hyperparameters()[0]).fit(x, y)
print("Refitted on all rows:", model)

# %%
import warnings

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## A space of two families
#
# Folds replace the validation data, so the training and validation images
# are joined into one set.

# %%
images = load_images("digits")
both = zip(images.train, images.validation, strict=True)
x, y = map(np.concatenate, both)
folds = StratifiedKFold(5, shuffle=True, random_state=1)

# %% [markdown]
# A scaled support vector machine or a random forest, each with its
# hyperparameters in a [conditional scope](how_to/conditional_spaces.py). In
# the pipeline, the scaler learns from the training rows of each fold alone.


# %%
def scaled_svm(**settings):
    return make_pipeline(StandardScaler(), SVC(**settings))


def forest(**settings):
    return RandomForestClassifier(20, random_state=1, **settings)


# %%
def build_model(hp):
    """Return a scikit-learn classifier with the values of `hp`."""
    family = hp.Choice("family", ["svm", "forest"])
    with hp.conditional_scope("family", ["svm"]):
        if family == "svm":
            c = hp.Float("C", 0.1, 100, sampling="log")
            gamma = hp.Float("gamma", 1e-5, 1e-1, sampling="log")
            model = scaled_svm(C=c, gamma=gamma)
    with hp.conditional_scope("family", ["forest"]):
        if family == "forest":
            depth = hp.Int("max_depth", 4, 16, step=4)
            share = hp.Float("max_features", 0.05, 0.5)
            model = forest(max_depth=depth, max_features=share)
    return model  # inside a scope it would hide the next one


# %%
def searched(oracle, project_name):
    """Search over `build_model` by cross-validation."""
    tuner = kt.SklearnTuner(
        oracle=oracle,
        hypermodel=build_model,
        scoring=make_scorer(accuracy_score),
        metrics=[accuracy_score],  # recorded beside the score
        cv=folds,
        directory="searches",
        project_name=project_name,
        overwrite=True,
    )
    tuner.oracle.verbose = 0
    tuner.search(x, y)
    return tuner


# %%
from snippets.results.trials_table import trials_table

# %%
oracle = kt.oracles.RandomSearchOracle(score, max_trials=10, seed=1)
random_tuner = searched(oracle, "scikit_learn_random")
trials = trials_table(random_tuner)
tuned = ["family", "C", "gamma", "max_depth", "max_features"]
table = trials[[*tuned, "score"]].round(4)
display(table.astype(object).where(table.notna(), ""))

# %% [markdown]
# A score is the mean over five folds, whose own scores are not kept.
# scikit-learn can compute them again.

# %%
best_trial = random_tuner.oracle.get_best_trials()[0]
best = best_trial.hyperparameters
scores = cross_val_score(build_model(best), x, y, cv=folds)
print("folds:", scores.round(4))
print(f"mean:  {scores.mean():.4f}, the trial's {best_trial.score:.4f}")
assert np.isclose(scores.mean(), best_trial.score)
assert np.ptp(scores) > np.ptp(trials["score"][:3])

# %% [markdown]
# The folds differ by more than the means of the best three trials do. But
# all trials had the same folds, so the comparison is fairer than it
# looks.
#
# ## Another oracle
#
# `BayesianOptimizationOracle` and `GridSearchOracle` work too.
# Hyperband's doesn't, because there are no epochs to hand out. After five
# random trials, the [Bayesian one](bayesian_optimization.py) proposes:

# %%
oracle = kt.oracles.BayesianOptimizationOracle(
    score, max_trials=7, num_initial_points=5, seed=1
)
bayesian_tuner = searched(oracle, "scikit_learn_bayesian")
proposed = trials_table(bayesian_tuner).sort_index()[5:]
table = proposed[[*tuned, "score"]].round(4)
display(table.astype(object).where(table.notna(), ""))

# %% [markdown]
# ## The best model is a model of the last fold
#
# `get_best_models` loads a pickle, so [never call it on a stranger's
# folder](how_to/strangers_folder.py#a-pickle-runs). Its model is compared
# with models fitted on each fold's training rows, and on all rows:

# %%
predictions = random_tuner.get_best_models()[0].predict(x)
fits = {"all rows": np.arange(len(y))}
for number, (rows, _) in enumerate(folds.split(x, y), 1):
    fits[f"fold {number}"] = rows
differ = pd.Series(name="predictions that differ", dtype=int)
for name, rows in fits.items():
    fitted = build_model(best).fit(x[rows], y[rows])
    differ[name] = (fitted.predict(x) != predictions).sum()
display(differ.rename_axis("fitted on").to_frame())
assert differ.pop("fold 5") == 0 and (differ > 0).all()

# %% [markdown]
# ## What the refit is worth
#
# Thirty random splits set rows aside to judge both models, that of the
# last fold and the refitted one.


# %%
from sklearn.model_selection import train_test_split


# %%
def gains_of(seed):
    """Return what the refit gains, for each number of folds."""
    x_fit, x_aside, y_fit, y_aside = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=seed
    )
    model = build_model(best)
    refitted = model.fit(x_fit, y_fit).score(x_aside, y_aside)
    gains = {}
    for count in (2, 3, 5, 10):
        splits = StratifiedKFold(count, shuffle=True, random_state=seed)
        *_, (rows, _) = splits.split(x_fit, y_fit)
        model.fit(x_fit[rows], y_fit[rows])
        gains[count] = refitted - model.score(x_aside, y_aside)
    return gains


# %%
gains = pd.DataFrame([gains_of(seed) for seed in range(30)])
table = gains.agg(["mean", "min", "max"]).T.round(4)
table["splits where it gains"] = (gains > 0).sum()
table["where it loses"] = (gains < 0).sum()
display(table.rename_axis("folds"))
assert gains[2].mean() > max(0, gains[10].mean())
assert gains[10].min() < 0

# %% [markdown]
# The fewer the folds, the more rows the last model lacks, and the more
# the refit gains. With many folds it gains little and can lose on a
# given split, but costs a single fit.
#
# The refitted model has no score of its own. The score of its trial is
# too low, because it belongs to models with fewer rows, and too high,
# because it is the best of many.
#
# ## Weights reach the score and not the model
#
# Here the digit zero has almost no `sample_weight`. A model that gets the
# weights takes zeros to be rare.


# %%
import contextlib
import io

from sklearn.naive_bayes import GaussianNB


# %%
def naive_bayes(hp):
    return GaussianNB()


def attempt(build=naive_bayes, x=x, y=y, search=None, **changes):
    """Run a search of one trial; return the tuner."""
    options = {"cv": StratifiedKFold(2), "directory": "searches"}
    options |= {"project_name": "attempt", "overwrite": True}
    oracle = kt.oracles.RandomSearchOracle(score, max_trials=1, seed=1)
    tuner = kt.SklearnTuner(oracle, build, **options | changes)
    tuner.oracle.verbose = 0
    with contextlib.redirect_stderr(io.StringIO()):
        tuner.search(x, y, **search or {})
    return tuner


# %%
class Weighted(GaussianNB):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight)


def pipeline(hp):
    return make_pipeline(Weighted())


weighted = {"search": {"sample_weight": np.where(y == 0, 0.001, 1.0)}}
cases = {
    "GaussianNB, no weights given": {},
    "GaussianNB": weighted,
    "with a plain fit": weighted | {"build": lambda hp: Weighted()},
    "the same in a pipeline": weighted | {"build": pipeline},
}

# %%
rows = {}
for name, changes in cases.items():
    tuner = attempt(**changes)
    (model,) = tuner.get_best_models()
    classifier = model[-1] if isinstance(model, Pipeline) else model
    (trial,) = tuner.oracle.get_best_trials()
    rows[name] = (classifier.class_prior_[0], trial.score)
rows = pd.DataFrame(rows, index=["share of zeros it learned", "score"])
display(rows.T.rename_axis("model").round(4))
shares, scores = rows.to_numpy()
assert shares[0] == shares[1] == shares[3] > 0.05 > shares[2]
assert scores[0] != scores[1]

# %% [markdown]
# With scikit-learn's own class, the score was weighted and the training
# was not, and nothing says so: Keras Tuner looks for `sample_weight`
# among the arguments of `fit`, which scikit-learn wraps. A subclass with
# a plain `fit` gets the weights. A pipeline never does, but its
# classifier may take `class_weight`.
#
# ## What is accepted, and what fails
#
# Each row is a search with one change.


# %%
def outcome(**changes):
    """Say how a search with these changes ended."""
    try:
        trial = attempt(**changes).oracle.get_trial("0")
    except TypeError as error:
        return f"search raised TypeError: {error}"
    if trial.status == "COMPLETED":
        return trial.status
    lines = trial.message.splitlines()
    error = [line for line in lines if "Error: " in line][-1]
    return f"{trial.status}, {error.partition(' Received')[0]}"


# %%
import functools

from scipy.sparse import csr_matrix
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold

# %%
groups = {"groups": np.arange(len(y)) // 10}
macro_f1 = make_scorer(f1_score, average="macro")
accepted = {
    "x a DataFrame": {"x": pd.DataFrame(x)},
    "y of strings": {"y": y.astype(str)},
    "scoring left out": {"scoring": None},
    "scoring from make_scorer": {"scoring": macro_f1},
    "cv by groups": {"cv": GroupKFold(2), "search": groups},
}

# %%
partial = functools.partial(f1_score, average="macro")
refused = {
    "y a Series": {"y": pd.Series(y)},
    "y a list": {"y": y.tolist()},
    "x sparse": {"x": csr_matrix(x)},
    "scoring a name": {"scoring": "accuracy"},
    "scoring a function": {"scoring": lambda m, x, y: m.score(x, y)},
    "cv a number": {"cv": 5},
    "metrics a partial": {"metrics": [partial]},
    "search(verbose=0)": {"search": {"verbose": 0}},
}

# %%
cases = accepted | refused
outcomes = {name: outcome(**cases[name]) for name in cases}
table = pd.Series(outcomes, name="what happened").rename_axis("change")
with pd.option_context("display.max_colwidth", None):
    display(table.to_frame())
completed = table.index[table == "COMPLETED"]
assert [*completed] == [*accepted]

# %% [markdown]
# Only the third failure in a row raises a `RuntimeError`, so [look at the
# status](how_to/failed_trials.py). What to pass instead:
#
# - Arrays: `np.asarray(y)`, and `x.toarray()` if it fits into memory. If
#   not, use scikit-learn's own search.
# - `make_scorer(accuracy_score)`, or `get_scorer("accuracy")` for a name.
#   Scorers and metrics have to accept `sample_weight`.
# - A splitter such as `StratifiedKFold(5)`.
# - For a metric with arguments, a function of your own with a name.
# - For silence, `tuner.oracle.verbose = 0` before `search`.
#
# ## Or scikit-learn's own search
#
# `RandomizedSearchCV` takes a dictionary for each family, metrics by name
# and labels in a Series, and refits the best on all rows by itself.

# %%
from scipy.stats import loguniform
from sklearn.model_selection import RandomizedSearchCV

# %%
svms = {
    "svc__C": loguniform(0.1, 100),
    "svc__gamma": loguniform(1e-5, 1e-1),
}
forests = {
    "standardscaler": ["passthrough"],
    "svc": [forest()],
    "svc__max_depth": [4, 8, 12, 16],
}
options = {"n_iter": 6, "cv": folds, "random_state": 1}
options |= {"scoring": ["accuracy", "f1_macro"], "refit": "accuracy"}
search = RandomizedSearchCV(scaled_svm(), [svms, forests], **options)

# %%
columns = [f"split{fold}_test_accuracy" for fold in range(5)]
search.fit(x, pd.Series(y))
results = pd.DataFrame(search.cv_results_).rename_axis("candidate")
results = results.sort_values("rank_test_accuracy").head(3)
display(results[[*columns, "mean_test_f1_macro"]].round(4))

# %% [markdown]
# It also keeps the score of every fold, hands weights to `fit`, takes
# sparse matrices, and uses every core with `n_jobs=-1`. `SklearnTuner` does
# none of this.
#
# In return, `SklearnTuner` has conditional spaces, Bayesian optimisation,
# and searches that [resume](how_to/resume.py) after a crash.
#
# ## The test set, opened once
#
# `low` to `high` is a 95 % interval for images like these.

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test = images.test
final = build_model(best).fit(x, y)
right = {"refitted": final.predict(x_test) == y_test}
accuracy = compare_runs(right).rename(columns={"runs": "images"})
display(accuracy.rename_axis("model").round(4))
print(f"{best_trial.score:.4f} in cross-validation, best of 10")

# %% [markdown]
# ## Practice
#
# **1.** How many models does a trial fit with `StratifiedKFold(3)`? And ten
# trials with a refit?

# %% answer="Answer 1"
fitted = []


class Noted(GaussianNB):
    def fit(self, X, y):
        fitted.append(len(y))
        return super().fit(X, y)


attempt(build=lambda hp: Noted(), cv=StratifiedKFold(3))
print(len(fitted), "fits, on so many rows each:", fitted)
print("ten trials and a refit:", 10 * len(fitted) + 1)

# %% [markdown]
# **2.** The largest `score` wins. What is a trial's score when `scoring` is
# an error, the share of wrong answers?


# %% answer="Answer 2"
def wrong(y_true, y_pred, sample_weight=None):
    return 1 - accuracy_score(y_true, y_pred)


errors = make_scorer(wrong, greater_is_better=False)
trial = attempt(scoring=errors).oracle.get_trial("0")
print(f"{trial.score:.4f}: the error with a minus before it")
print("So the largest score is still the smallest error.")

# %% [markdown]
# **3.** Does scaling help the support vector machine here? Search both
# ways with a `GridSearchOracle` over `hp.Boolean("scale")`.


# %% answer="Answer 3"
def scaled_or_not(hp):
    return scaled_svm() if hp.Boolean("scale") else SVC()


grid = kt.oracles.GridSearchOracle(score, seed=1)
scale_tuner = kt.SklearnTuner(
    grid,
    scaled_or_not,
    directory="searches",
    project_name="scikit_learn_practice",
)
scale_tuner.oracle.verbose = 0
scale_tuner.search(x, y)
for trial in scale_tuner.oracle.trials.values():
    print(trial.hyperparameters.values, f"score {trial.score:.4f}")
print("Pixels have one scale already; one search each ranks nothing.")

# %% [markdown]
# ## What this page did not show
#
# - Which family or which oracle is better: here the ranges decided that,
#   and a single search of each.
# - By how much the best of many cross-validated scores is too good, and
#   folds for Keras models:
#   [cross-validation](how_to/cross_validation.py).
