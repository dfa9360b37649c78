# %% [markdown] index="SklearnTuner; scikit-learn; sklearn; 'str' object is not callable; sample_weight; Pipeline; random forest"
# # Tune scikit-learn models
#
# Tune scikit-learn models and pipelines with `SklearnTuner`: every trial
# by cross-validation, the refit on all rows, and what fails silently.
#
# ```python
# tuner = kt.SklearnTuner(
#     oracle=kt.oracles.RandomSearchOracle(
#         objective=kt.Objective("score", "max"), max_trials=10, seed=1
#     ),
#     hypermodel=build_model,  # returns a scikit-learn model
#     scoring=make_scorer(accuracy_score),
#     cv=StratifiedKFold(5, shuffle=True, random_state=1),
# )
# tuner.search(x, y)  # NumPy arrays, no validation data
# model = build_model(tuner.get_best_hyperparameters()[0]).fit(x, y)
# ```
#
# The [objective](../reference/glossary.md#objective) is always called `score`,
# and more of it is always better; for an error use `make_scorer(...,
# greater_is_better=False)`.
#
# Don't use `get_best_models`: it returns the model of the last fold,
# which has not seen all rows. And don't rely on `sample_weight`:
# scikit-learn's own classes, and pipelines, are trained without it.
#
# If scikit-learn is all you tune, its own search classes do more. What
# speaks for each is [further down](#or-scikit-learns-own-search).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import functools
import io
import warnings

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.sparse import csr_matrix
from scipy.stats import loguniform
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## A space of two families
#
# Images of digits. The folds take the place of validation data, so
# training and validation images are one set here.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, y = map(
    np.concatenate, zip(images.train, images.validation, strict=True)
)
print("images", x.shape, "labels", y.shape)

# %% [markdown]
# A support vector machine, scaled first, or a random forest. Each has
# hyperparameters of its own, in a
# [conditional scope](how_to/conditional_spaces.py). As a step of the pipeline
# the scaler learns from the training rows of each fold alone.


# %%
def build_model(hp):
    """Return a scikit-learn classifier with the values of `hp`."""
    family = hp.Choice("family", ["svm", "forest"])
    with hp.conditional_scope("family", ["svm"]):
        if family == "svm":
            c = hp.Float("C", 0.1, 100, sampling="log")
            gamma = hp.Float("gamma", 1e-5, 1e-1, sampling="log")
            model = make_pipeline(
                StandardScaler(), SVC(C=c, gamma=gamma)
            )
    with hp.conditional_scope("family", ["forest"]):
        if family == "forest":
            model = RandomForestClassifier(
                max_depth=hp.Int("max_depth", 4, 16, step=4),
                max_features=hp.Float("max_features", 0.05, 0.5),
                n_estimators=20,
                random_state=1,
            )
    return model  # inside a scope it would hide the next one


# %% [markdown]
# `metrics` are recorded beside the score and change nothing. `search`
# takes no `verbose`; the oracle does.


# %%
def searched(oracle, project_name):
    """Search over `build_model` by cross-validation."""
    tuner = kt.SklearnTuner(
        oracle=oracle,
        hypermodel=build_model,
        scoring=make_scorer(accuracy_score),
        metrics=[accuracy_score],
        cv=StratifiedKFold(5, shuffle=True, random_state=1),
        directory="searches",
        project_name=project_name,
        overwrite=True,
    )
    tuner.oracle.verbose = 0
    tuner.search(x, y)
    return tuner


random_tuner = searched(
    kt.oracles.RandomSearchOracle(
        objective=kt.Objective("score", "max"), max_trials=10, seed=1
    ),
    "scikit_learn_random",
)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(random_tuner)
assert set(trials["status"]) == {"COMPLETED"}
tuned = ["family", "C", "gamma", "max_depth", "max_features"]
table = trials[[*tuned, "score"]].round(4)
display(table.astype(object).where(table.notna(), ""))

# %% [markdown]
# A score is the mean over five folds. The five themselves are not kept;
# scikit-learn gives them again.

# %%
best_trial = random_tuner.oracle.get_best_trials()[0]
assert len(best_trial.metrics.get_history("score")) == 1
folds = StratifiedKFold(5, shuffle=True, random_state=1)
scores = cross_val_score(
    build_model(best_trial.hyperparameters), x, y, cv=folds
)
print("folds:", scores.round(4))
print(f"mean:  {scores.mean():.4f}, the trial's {best_trial.score:.4f}")
assert np.isclose(scores.mean(), best_trial.score)
assert np.ptp(scores) > np.ptp(trials["score"][:3])

# %% [markdown]
# The folds differ among themselves by more than the means of the best
# trials do. All trials had the same folds, so the comparison is fairer
# than this spread suggests. This page doesn't test whether the first
# places are settled.
#
# ## Another oracle
#
# `RandomSearchOracle`, `BayesianOptimizationOracle` and
# `GridSearchOracle` all work. Hyperband's doesn't: it hands out epochs,
# and there are none. The Bayesian one, with fewer random trials before
# it proposes [on its own](bayesian_optimization.py):

# %%
bayesian_tuner = searched(
    kt.oracles.BayesianOptimizationOracle(
        objective=kt.Objective("score", "max"),
        max_trials=8,
        num_initial_points=5,
        seed=1,
    ),
    "scikit_learn_bayesian",
)
proposed = trials_table(bayesian_tuner).sort_index()
assert set(proposed["status"]) == {"COMPLETED"}
for name, part in (
    ("random", proposed[:5]),
    ("proposed", proposed[5:]),
):
    print(
        f"{name}: median {part['score'].median():.4f}, "
        f"best {part['score'].max():.4f}, "
        f"families {part['family'].value_counts().to_dict()}"
    )

# %% [markdown]
# What it proposes can be seen; whether it beats random search can't, from
# one search of each.
#
# ## The best model is a model of the last fold
#
# `get_best_models` unpickles what a trial has left behind, so [never
# call it on a stranger's
# folder](how_to/strangers_folder.py#a-pickle-runs). Here it is compared with
# a model fitted on the training rows of each fold, and with one fitted
# on all rows: how many predictions differ?

# %%
best_model = random_tuner.get_best_models()[0]
predictions = best_model.predict(x)
differ = {}
for fold, (rows, _) in enumerate(folds.split(x, y), start=1):
    model = build_model(best_trial.hyperparameters)
    model.fit(x[rows], y[rows])
    differ[f"fold {fold}"] = (model.predict(x) != predictions).sum()
model = build_model(best_trial.hyperparameters).fit(x, y)
differ["all rows"] = (model.predict(x) != predictions).sum()
display(pd.Series(differ, name="predictions that differ").to_frame())
assert differ.pop("fold 5") == 0 and all(differ.values())

# %% [markdown]
# It is the last fold's, for no reason but that it came last. It was never
# shown a fifth of the rows. Refit on all of them, as in the last line of
# the code at the top.
#
# ## What the refit is worth
#
# Rows are set aside at random, thirty times; the rest is what a search
# would have had. Both models are judged on the rows set aside, for
# several numbers of folds.

# %%
gains = {}
for seed in range(30):
    x_fit, x_aside, y_fit, y_aside = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=seed
    )
    model = build_model(best_trial.hyperparameters)
    refitted = model.fit(x_fit, y_fit).score(x_aside, y_aside)
    for count in (2, 3, 5, 10):
        splitter = StratifiedKFold(
            count, shuffle=True, random_state=seed
        )
        *_, (rows, _) = splitter.split(x_fit, y_fit)
        model.fit(x_fit[rows], y_fit[rows])
        gain = refitted - model.score(x_aside, y_aside)
        gains.setdefault(count, []).append(gain)

# %%
gains = pd.DataFrame(gains).rename_axis(columns="folds")
table = gains.agg(["mean", "min", "max"]).T.round(4)
table["splits where it gains"] = (gains > 0).sum()
table["where it loses"] = (gains < 0).sum()
display(table)
assert gains[2].mean() > max(0, gains[10].mean())
assert gains[10].min() < 0

# %% [markdown]
# The fewer the folds, the more rows the last model lacks, and the more
# the refit gains. With many folds it gains little, and on a given split
# it can even lose; but it costs a single fit. The splits share most of
# their rows, so these are not thirty independent results, and no
# interval is drawn from them.
#
# The refitted model has no score of its own. Its trial's score is the
# mean of models with fewer rows, so on that account it errs on the low
# side; on another, being the best of many, on the high side.
#
# ## Weights reach the score and not the model
#
# `search` accepts `sample_weight`. What becomes of it? Searches of one
# trial show it, with a model that is fast and learns how frequent each
# class is.


# %%
def naive_bayes(hp):
    """Return a classifier; nothing is tuned."""
    return GaussianNB()


def attempt(build=naive_bayes, x=x, y=y, search=None, **changes):
    """Run a search of one trial; return the tuner."""
    tuner = kt.SklearnTuner(
        oracle=kt.oracles.RandomSearchOracle(
            objective=kt.Objective("score", "max"), max_trials=1, seed=1
        ),
        hypermodel=build,
        directory="searches",
        project_name="scikit_learn_attempt",
        overwrite=True,
        **{"cv": StratifiedKFold(2)} | changes,
    )
    tuner.oracle.verbose = 0
    with contextlib.redirect_stderr(io.StringIO()):
        tuner.search(x, y, **search or {})
    return tuner


# %% [markdown]
# The zeros get next to no weight, so a model that is trained with the
# weights must take them to be rare. Three are tried: scikit-learn's, one
# with a plain `fit` of its own, and that one in a pipeline.


# %%
class Weighted(GaussianNB):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, sample_weight)


weighted = {"search": {"sample_weight": np.where(y == 0, 0.001, 1.0)}}
cases = {
    "GaussianNB, no weights given": {},
    "GaussianNB": weighted,
    "with a plain fit": weighted | {"build": lambda hp: Weighted()},
    "the same in a pipeline": weighted
    | {"build": lambda hp: make_pipeline(Weighted())},
}
rows = {}
for name, changes in cases.items():
    tuner = attempt(**changes)
    (model,) = tuner.get_best_models()
    classifier = model[-1] if isinstance(model, Pipeline) else model
    (trial,) = tuner.oracle.get_best_trials()
    rows[name] = (classifier.class_prior_[0], trial.score)
rows = pd.DataFrame(rows, index=["share of zeros it learned", "score"])
display(rows.T.round(4))

# %%
shares, scores = rows.to_numpy()
assert shares[0] == shares[1] == shares[3] > 0.05 > shares[2]
assert scores[0] != scores[1]

# %% [markdown]
# With scikit-learn's own class the score was weighted and the training
# was not, without a word. Keras Tuner looks for `sample_weight` among
# the arguments of `fit`, and scikit-learn wraps `fit` so that it can't be
# found there. A subclass with a plain `fit` gets the weights. A pipeline
# never does; there, `class_weight` of the classifier may do instead.
#
# ## What is accepted, and what fails
#
# Each row below is a search of one trial in which one thing was changed.


# %%
def outcome(**changes):
    """Say how a search with these changes ended."""
    try:
        trial = attempt(**changes).oracle.get_trial("0")
    except TypeError as error:
        return f"search raised TypeError: {error}"
    if trial.status == "COMPLETED":
        return trial.status
    errors = [
        line
        for line in trial.message.splitlines()
        if line.partition(": ")[0].endswith("Error")
    ]
    return f"{trial.status}, {errors[-1].partition(' Received')[0]}"


macro_f1 = functools.partial(f1_score, average="macro")
attempts = {
    "x a DataFrame": {"x": pd.DataFrame(x)},
    "y of strings": {"y": y.astype(str)},
    "scoring left out": {"scoring": None},
    "scoring from make_scorer": {
        "scoring": make_scorer(f1_score, average="macro")
    },
    "cv by groups": {
        "cv": GroupKFold(2),
        "search": {"groups": np.arange(len(y)) // 10},
    },
    "y a Series": {"y": pd.Series(y)},
    "y a list": {"y": y.tolist()},
    "x sparse": {"x": csr_matrix(x)},
    "scoring a name": {"scoring": "accuracy"},
    "scoring a function": {
        "scoring": lambda model, x, y: model.score(x, y)
    },
    "cv a number": {"cv": 5},
    "metrics a partial": {"metrics": [macro_f1]},
    "search(verbose=0)": {"search": {"verbose": 0}},
}
outcomes = {
    name: outcome(**changes) for name, changes in attempts.items()
}

# %%
table = pd.Series(outcomes, name="what happened").to_frame()
with pd.option_context("display.max_colwidth", None):
    display(table)
ended = [text.partition(",")[0] for text in outcomes.values()]
assert ended[:5] == ["COMPLETED"] * 5
assert ended[5:12] == ["FAILED"] * 7
assert ended[12].startswith("search raised TypeError")

# %% [markdown]
# A search of one or two trials that all fail ends without an exception,
# as here; the third failure in a row raises a `RuntimeError`. So
# [look at the status](how_to/failed_trials.py). What to give instead:
#
# - Arrays: `np.asarray(y)`, and `x.toarray()` if it fits into memory. A
#   sparse matrix that doesn't is a case for scikit-learn's own search.
# - `make_scorer(accuracy_score)`, or `get_scorer("accuracy")` for a name.
#   A scorer has to accept `sample_weight`, and so does a metric.
# - A splitter such as `StratifiedKFold(5)`, not a number of folds.
# - For a metric with arguments a function of your own with a name.
# - `tuner.oracle.verbose = 0`.
#
# ## Or scikit-learn's own search
#
# `RandomizedSearchCV` takes a list of dictionaries, one for each family,
# and refits the best on all rows by itself. Here with two metrics by
# their names, and labels in a Series.

# %%
search = RandomizedSearchCV(
    make_pipeline(StandardScaler(), SVC()),
    [
        {
            "svc__C": loguniform(0.1, 100),
            "svc__gamma": loguniform(1e-5, 1e-1),
        },
        {
            "standardscaler": ["passthrough"],
            "svc": [RandomForestClassifier(20, random_state=1)],
            "svc__max_depth": [4, 8, 12, 16],
        },
    ],
    n_iter=8,
    scoring=["accuracy", "f1_macro"],
    refit="accuracy",
    cv=folds,
    random_state=1,
).fit(x, pd.Series(y))

# %%
results = pd.DataFrame(search.cv_results_)
results = results.sort_values("rank_test_accuracy").head(3)
table = results[[f"split{fold}_test_accuracy" for fold in range(5)]]
table.columns = [f"fold {fold}" for fold in range(1, 6)]
table["mean"] = results["mean_test_accuracy"]
table["mean f1_macro"] = results["mean_test_f1_macro"]
display(table.round(4))

# %% [markdown]
# It keeps the score of every fold. `n_jobs=-1` lets it use every core,
# weights reach `fit`, and sparse matrices go where the model takes them;
# `SklearnTuner` has none of these. `HalvingRandomSearchCV` gives bad
# configurations up early, on few rows.
#
# What is left for `SklearnTuner`: spaces written as code, where one value
# decides what else exists; Bayesian optimisation, which scikit-learn
# doesn't have; a search that [resumes](how_to/resume.py) after a crash; one
# way of working, and one format of results, for Keras models and others.
# If none of these is your case, use scikit-learn's.
#
# ## The test set, opened once
#
# The configuration is chosen, the model refitted on all rows. How much
# may the accuracy on so few images be off by chance?

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test = images.test
final = build_model(best_trial.hyperparameters).fit(x, y)
right = {"test images": final.predict(x_test) == y_test}
accuracy = compare_runs(right).rename(columns={"runs": "images"})
display(accuracy.round(4))
print(f"{best_trial.score:.4f} in cross-validation, best of 10")

# %% [markdown]
# `low` to `high` is a 95 % interval for images like these.

# %% [markdown]
# ## What this page did not show
#
# - Whether the forest or the support vector machine is better: their
#   ranges, and a single search of each, decided that here.
# - How flattered the best of many cross-validated scores is, the nested
#   loop that measures it, and folds for Keras models:
#   [cross-validation](how_to/cross_validation.py).
# - Preprocessing that learns from more than it should:
#   [preprocess without leaking](how_to/preprocessing.py).
