# %% [markdown] index="Optuna; Optuna or Keras Tuner; Keras Tuner vs Optuna; HalvingRandomSearchCV; TPE; pruner; create_study; enqueue_trial; suggest_float; migrate from Optuna; alternatives to Keras Tuner; phrase book"
# # Keras Tuner, Optuna or scikit-learn?
#
# The same configurations, curves and budget for three libraries: which
# searches better, whether it matters, and their words in Keras Tuner's.
#
# - On a small budget of epochs every library's halving is ahead of the
#   searches that train in full, on MNIST; Keras Tuner's Hyperband, Optuna's
#   and scikit-learn's are not shown to differ.
# - On a large one Optuna's TPE, with its pruner or without, is not shown to
#   differ from Hyperband, and scikit-learn's single halving of 372
#   candidates is ahead of everything.
# - For the same *seconds* that one falls behind, and the others of these
#   are not shown to differ from Hyperband: short trials must start too.
# - On digits the single halving finds the highest validation accuracies
#   and worse networks than Hyperband: there are too few validation images,
#   and the very highest score is luck.
#
# Then [what to conclude](#what-to-conclude). For whoever knows one of
# them and reads about another there are phrase books for
# [Optuna](#a-phrase-book-for-optuna) and
# [scikit-learn](#a-phrase-book-for-scikit-learns-searches).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.ticker import NullLocator

PROBLEMS = ["digits", "mnist"]
SMALL, LARGE = 14 * 27, 56 * 27  # epochs

# %% [markdown]
# ## The races
#
# Nothing is trained here. Every configuration of one space was trained
# three times beforehand and its curves [recorded](../../evidence/recorded_curves.md);
# a race asks them instead. [Which tuner?](which_tuner.py) has the
# races of Keras Tuner alone.

# %%
from snippets.data.evidence_file import evidence_file

# %%
files = [evidence_file("races.csv"), evidence_file("races_others.csv")]
for file in files:
    lines = file.read_text("utf-8").splitlines()
    print(*(line for line in lines if line[0] == "#"), sep="\n")
races = pd.concat(pd.read_csv(file, comment="#") for file in files)
TUNERS = [
    "Hyperband",
    "RandomSearch",
    "RandomSearch, 9 epochs",
    "BayesianOptimization",
]
OTHERS = [
    "Optuna random",
    "Optuna TPE",
    "Optuna TPE (ordered)",
    "Optuna TPE + Hyperband",
    "scikit-learn halving",
    "scikit-learn halving (once)",
]
races = races[races["setting"] == "full"]
races = races[races["tuner"].isin(TUNERS + OTHERS)]

# %% [markdown]
# These are the programs that raced, their versions, and when. Of others'
# searches there are:
#
# - **Optuna**: random search; TPE, its default; TPE with the Hyperband
#   pruner, each trial reporting every epoch. Hyperparameters are
#   suggested as categories. "(ordered)" suggests numbers by their place
#   in the list, so that TPE knows that 32 lies between 8 and 128, as
#   Keras Tuner does with a `Choice` of numbers.
# - **scikit-learn**: `HalvingRandomSearchCV` with epochs as its
#   resource. It takes no budget, only a number of candidates. 88 of them
#   come to one epoch more than an iteration of Keras Tuner's Hyperband,
#   and are drawn anew and searched four times. "(once)" is a single
#   search of 372 candidates.
#
# An epoch counts, whoever trains it. scikit-learn trains the survivors
# of a round from scratch and pays for that again; Keras Tuner's
# Hyperband goes on from their weights; Optuna's pruner judges a running
# trial, ends it or lets it go on.

# %%
KEYS = ["problem", "tuner", "seed"]
ended = races.groupby(KEYS).last()
spent = ended.groupby(["problem", "tuner"]).agg(
    seeds=("epochs", "size"),
    trials=("trial", "mean"),
    epochs=("epochs", "mean"),
    seconds=("seconds", "mean"),
)
for problem in PROBLEMS:
    print(problem)
    display(spent.loc[problem].loc[TUNERS + OTHERS].round().astype(int))

# %%
epochs = spent["epochs"].unstack("tuner")
assert epochs.stack().between(1500, 1530).all()
assert set(epochs["Hyperband"]) == {4 * 375}
assert set(epochs["scikit-learn halving"]) == {4 * 376}
assert (spent["seeds"] == 100).all()

# %% [markdown]
# Seconds are the recorded CPU seconds of training, each trial's start
# included: many short trials pay it often. What the libraries take for
# themselves is not in them.
#
# ## Two questions
#
# A search works for the highest validation accuracy. How far did it stay
# behind the highest that was there? And is what it chose any good? That
# is [regret](which_tuner.py#is-there-anything-to-find): how far the
# configuration stays behind what there is to find in test accuracy,
# judged by the two recorded runs that the search did not see. Both in
# percentage points.

# %%
from snippets.data.attainable import attainable

# %%
from snippets.data.load_curves import load_curves


# %%
def highest(curves, seed):
    """Return the best score there is, and the quality it stands for.

    The mean of those that have that score.
    """
    count = len(curves.configurations)
    run = np.random.default_rng(seed).integers(3, size=count)
    rows = np.arange(count)
    scores = curves.validation[rows, run].max(axis=1)
    tests = curves.tested
    others = (tests.sum(axis=1) - tests[rows, run]) / 2
    return scores.max(), others[scores == scores.max()].mean()


curves = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
SEEDS = races["seed"].unique()
everything = pd.DataFrame(
    {
        (problem, seed): highest(recorded, seed)
        for problem, recorded in curves.items()
        for seed in SEEDS
    },
    index=["score", "quality"],
).T
best = {problem: attainable(each) for problem, each in curves.items()}
race = pd.MultiIndex.from_frame(races[["problem", "seed"]])
there = everything["score"][race].array
races["missed"] = (100 * (there - races["score"])).round(2)
races["regret"] = 100 * (races["problem"].map(best) - races["quality"])
assert races["missed"].min() >= -0.01

# %% [markdown]
# Two budgets of epochs: 14 trials of 27, which is what one iteration of
# Hyperband takes, and four times that. And one of time: the CPU seconds
# of `RandomSearch` for the larger one. Each is compared with Keras Tuner's
# Hyperband, seed by seed, since for one seed all were answered from the
# same recorded runs; the 95 % intervals of a table hold all at once.

# %%
from snippets.results.compare_runs import compare_runs


# %%
def after(limit, unit="epochs"):
    """Return the state of each race when so much was spent."""
    return races[races[unit] <= limit].groupby(KEYS).last()


def compared(measure, problem, limit, unit="epochs"):
    """Compare all with Hyperband: a row each."""
    table = after(limit, unit).loc[problem][measure].unstack("tuner")
    return compare_runs(
        table[TUNERS + OTHERS], "Hyperband", paired=True
    )


def show(**tables):
    names = {
        "mean": "mean",
        "difference": "more than Hyperband",
        "difference_low": "from",
        "difference_high": "to",
    }
    columns = {
        name.replace("_", " "): table[list(names)].rename(columns=names)
        for name, table in tables.items()
    }
    table = pd.concat(columns, axis=1).reindex(TUNERS + OTHERS)
    table = table.rename_axis("search").round(2).astype(object)
    display(table.fillna(""))


clock = {
    problem: spent.loc[(problem, "RandomSearch"), "seconds"]
    for problem in PROBLEMS
}
missed = {p: compared("missed", p, LARGE) for p in PROBLEMS}
print("validation accuracy that was there and not found, 1,512 epochs")
show(**missed)

# %% [markdown]
# And is what they found any good? (The search of 372 candidates has just
# ended its first round after 378 epochs, an epoch for each.)

# %%
regrets = {
    problem: {
        "378 epochs": compared("regret", problem, SMALL),
        "1512 epochs": compared("regret", problem, LARGE),
        "as many seconds": compared(
            "regret", problem, clock[problem], "seconds"
        ),
    }
    for problem in PROBLEMS
}
for problem in PROBLEMS:
    print(f"regret on {problem}, in test accuracy")
    show(**regrets[problem])

# %% [markdown]
# The end of all searching would be to try every configuration and choose
# the one with the highest score. What that is worth:

# %%
whole = 100 * (
    everything.index.get_level_values(0).map(best)
    - everything["quality"]
)
whole = whole.unstack(0)
display(
    compare_runs(whole)[["mean", "low", "high"]]
    .round(2)
    .rename_axis("regret of the highest score")
)

# %% [markdown]
# On digits the last tenths of a score are luck. They need no better
# search but more validation images, or more runs of the best few: [how
# sure can one be?](how_sure.py) On MNIST a better search can gain
# something.

# %% alt="Two rows of two panels, for digits and MNIST: validation accuracy not found, and regret, against epochs spent, a line for each of five searches." figure="races"
SHOWN = {
    "RandomSearch": ("C0", "-", ""),
    "Hyperband": ("C1", "-", ""),
    "Optuna TPE": ("C0", "--", "o"),
    "Optuna TPE + Hyperband": ("C1", "--", "o"),
    "scikit-learn halving": ("C2", ":", "s"),
}
grid = np.geomspace(100, LARGE, 12)
states = [after(epochs) for epochs in grid]
figure, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=True)
for column, problem in enumerate(PROBLEMS):
    axes[0, column].set_title(problem)
    axes[1, column].set_xlabel("epochs")
    for row, measure in enumerate(("missed", "regret")):
        for tuner, (color, line, marker) in SHOWN.items():
            means = [
                state.loc[problem, tuner][measure].mean()
                for state in states
            ]
            axes[row, column].plot(
                grid,
                means,
                color=color,
                linestyle=line,
                marker=marker,
                markevery=6,
                label=tuner,
            )
        axes[row, column].set_xscale("log")
        axes[row, column].set_xticks([100, SMALL, LARGE], minor=False)
        axes[row, column].xaxis.set_minor_locator(NullLocator())
        axes[row, column].xaxis.set_major_formatter("{x:.0f}")
axes[0, 0].set_ylabel("validation, points missed")
axes[1, 0].set_ylabel("regret, points of test")
figure.legend(
    *axes[0, 0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=3,
)
plt.show()

# %% [markdown]
# ## What to conclude
#
# - First the validation set. If it is small, a larger budget does not
#   help, and taking the very highest score hurts.
# - If early epochs tell, halve: with Keras Tuner's `Hyperband`, Optuna's
#   pruner, or scikit-learn. scikit-learn's single halving is the boldest.
#   Hyperband hedges: a part of its budget goes to trials that are
#   trained for long without having been chosen, which helps
#   [where early epochs mislead](../../explanation/random_search_or_hyperband.md#choose).
#   It has no argument for less of that.
# - If trials are trained in full, some dozens of them, TPE found better
#   than random search. Keras Tuner has none; `BayesianOptimization` is the
#   counterpart.
# - If starting a trial costs as much as its epochs do, many short trials
#   are expensive.

# %%
ONCE = ["scikit-learn halving (once)"]
HALVINGS = ["Optuna TPE + Hyperband", "scikit-learn halving"]
WHOLE = ["RandomSearch", "BayesianOptimization"]
WHOLE += ["Optuna random", "Optuna TPE", "Optuna TPE (ordered)"]
TPE = ["Optuna TPE", "Optuna TPE (ordered)", "Optuna TPE + Hyperband"]
few, many, soon = regrets["mnist"].values()


def differ(table, names):
    """Return +1 where worse than Hyperband, -1 where better, else 0."""
    rows = table.loc[names]
    worse = (rows["difference_low"] > 0).astype(int)
    return (worse - (rows["difference_high"] < 0)).tolist()


assert (
    differ(few, WHOLE) == [1] * 5 and differ(few, HALVINGS) == [0] * 2
)
assert differ(many, TPE + HALVINGS) == [0] * 5
assert differ(many, ONCE) == [-1] and differ(soon, ONCE) == [1]
assert differ(soon, TPE + HALVINGS + WHOLE[1:2]) == [0] * 6
assert differ(missed["digits"], ONCE) == [-1]
assert differ(regrets["digits"]["1512 epochs"], ONCE) == [1]
for name, rivals, limit in (
    (ONCE[0], [*TUNERS, *OTHERS[:-1]], LARGE),
    *((name, WHOLE, SMALL) for name in ["Hyperband", *HALVINGS]),
):
    table = after(limit).loc["mnist"]["regret"].unstack("tuner")
    against = compare_runs(table[[name, *rivals]], name, paired=True)
    assert (against["difference_low"].dropna() > 0).all(), name
pair = ["Optuna TPE", "RandomSearch"]
table = after(LARGE).loc["mnist"]["regret"].unstack("tuner")[pair]
tpe = compare_runs(table, "RandomSearch", paired=True).loc["Optuna TPE"]
print(f"TPE less RandomSearch, after {LARGE} epochs on MNIST:")
print(
    tpe[["difference", "difference_low", "difference_high"]]
    .round(2)
    .to_string()
)
assert tpe["difference_high"] < 0

# %% [markdown]
# Much that speaks for a library is outside of these races. For Optuna:
# processes that share a database, a time limit, Pareto fronts, known
# values first. For Keras Tuner: weights from which a promoted trial goes
# on, checkpoints, Keras models back at the end. For scikit-learn: its
# own models, and folds.
#
# ## A phrase book for Optuna
#
# What Optuna calls it, and what it is called in Keras Tuner. The names on
# the right are checked by a test.
#
# | Optuna | Keras Tuner | mind |
# |---|---|---|
# | `create_study(...)` | a tuner: `kt.RandomSearch(...)`, `kt.Hyperband(...)` | the class is the sampler and the pruner in one |
# | `objective(trial)` | `build(hp)` and `fit` of a `kt.HyperModel`; for anything else `tuner.run_trial` | [anything with a number](../how_to/tune_anything.py) |
# | `study.optimize(objective, n_trials=50)` | `max_trials=50`, then `tuner.search(...)` | `n_trials` adds to what is there, `max_trials` is the total; [Hyperband's follows](../hyperband.py) from `max_epochs=` |
# | `timeout=3600` | none; `stop_after(tuner, 3600)` | [time limits](../how_to/known_values_and_limits.py#a-time-limit) |
# | `direction="maximize"` | `kt.Objective("val_accuracy", "max")` | [objectives](../how_to/objectives.py) |
# | `directions=[...]`, `best_trials` | none; a list of objectives is their sum | [a Pareto front](../how_to/multiple_objectives.py#a-pareto-front) |
# | `RandomSampler` | `kt.RandomSearch` | Optuna's may draw the same values twice |
# | `GPSampler`, `TPESampler` | `kt.BayesianOptimization` | a Gaussian process, like `GPSampler`; there is no TPE |
# | `GridSampler` | `kt.GridSearch` | [grid search](../grid_search.py) |
# | `HyperbandPruner` | `kt.Hyperband` | a round ends before its best go on; Optuna judges each trial as it comes |
# | other pruners, `trial.report`, `trial.should_prune` | none; callbacks such as `EarlyStopping` see one trial only | [callbacks](../how_to/callbacks.py) |
# | `trial.suggest_float(name, low, high, log=True)` | `hp.Float(name, low, high, sampling="log")` | |
# | `trial.suggest_int(name, low, high, step=8)` | `hp.Int(name, low, high, step=8)` | |
# | `trial.suggest_categorical(name, choices)` | `hp.Choice(name, values)`, `hp.Boolean(name)` | numbers are ordered, unless `ordered=False` |
# | `if` around a `suggest_...` | `if`, in `hp.conditional_scope(...)` | [conditional spaces](../how_to/conditional_spaces.py) |
# | `trial.params` | `trial.hyperparameters.values` | |
# | `trial.number`, `trial.value`, `trial.state` | `trial.trial_id`, `trial.score`, `trial.status` | the id is a string |
# | `trial.set_user_attr(...)` | none; numbers: return a dictionary from `fit`; anything else: a file in `tuner.get_trial_dir(trial.trial_id)` | [notes that last](../how_to/callbacks.py#notes-that-last) |
# | `study.best_params` | `tuner.get_best_hyperparameters()[0].values` | may be a failed trial's: [look](../how_to/failed_trials.py) |
# | `study.best_trial`, `study.best_value` | `tuner.oracle.get_best_trials()[0]`, its `trial.score` | |
# | `study.trials_dataframe()` | none; `trials_table(tuner)` | [tables and plots](../how_to/results.py) |
# | `study.enqueue_trial(values)` | none; `try_first(kt.RandomSearch, [values])(...)` | [known values](../how_to/known_values_and_limits.py#known-values-first) |
# | `study.add_trial(...)` | none | a tuner can't be given a score |
# | `FixedTrial(values)` | `hp = kt.HyperParameters()`, then `hp.Fixed(name, value)` | build one model by hand |
# | `storage=...`, `study_name=...` | `directory=...`, `project_name=...` | files, one folder a trial |
# | `load_if_exists=True` | `overwrite=False`, the default | a changed space is [ignored](../how_to/resume.py); `resumable(safe(kt.RandomSearch))(...)` refuses it |
# | `n_jobs`, processes on one storage | a chief and workers, by environment variables | [Keras's guide](https://keras.io/guides/keras_tuner/distributed_tuning/) |
# | `catch=(Error,)` | `max_consecutive_failed_trials=3` | Optuna stops at the first error, Keras Tuner at the third in a row |
# | none | `max_retries_per_trial=1` | [failed trials](../how_to/failed_trials.py) |
# | `RetryHeartbeatStaleTrialCallback` | a search that resumes runs its last trial again | [resume](../how_to/resume.py) |
# | `callbacks=[...]`, `study.stop()` | override `tuner.on_trial_end`; to stop, `stop_without_progress(kt.RandomSearch, 20)(...)` | [no progress](../how_to/known_values_and_limits.py#no-progress) |
# | `visualization`, `importance` | none | [tables and plots](../how_to/results.py) |
#
# ## A phrase book for scikit-learn's searches
#
# | scikit-learn | Keras Tuner | mind |
# |---|---|---|
# | `estimator` | `build(hp)`, the `hypermodel=` of a tuner | for scikit-learn's own models there is [`kt.SklearnTuner`](../scikit_learn.py) |
# | `param_distributions`, `param_grid` | `hp.Int`, `hp.Float`, `hp.Choice` in `build` | the space is code, and an `if` may decide what exists |
# | `RandomizedSearchCV`, `n_iter` | `kt.RandomSearch`, `max_trials=` | |
# | `GridSearchCV` | `kt.GridSearch` | |
# | `HalvingRandomSearchCV` | `kt.Hyperband` | several halvings, from bold to careful, in place of one |
# | `factor` | `factor=` | 3 in both |
# | `resource`, `max_resources` | epochs, `max_epochs=` | no other resource; [`run_trial`](../how_to/tune_anything.py) may read `"tuner/epochs"` as it likes |
# | `min_resources`, `n_candidates` | none; they follow from `max_epochs=` and `factor=`; more with `hyperband_iterations=` | [Hyperband](../hyperband.py) |
# | `aggressive_elimination` | none | |
# | `cv` | validation data, given to `tuner.search`; `CrossValidationTuner` for folds | [cross-validation](../how_to/cross_validation.py) |
# | `scoring` | a metric of `compile`, named in `kt.Objective` | [objectives](../how_to/objectives.py) |
# | `refit=True`, `best_estimator_` | `tuner.get_best_models()`: the weights of the best epoch, on the training data | to fit to all data: [retrain](../how_to/retrain_and_ship.py) |
# | `best_params_`, `best_score_` | `tuner.get_best_hyperparameters()[0].values`, `trial.score` | |
# | `cv_results_` | none; `trials_table(tuner)` | [tables and plots](../how_to/results.py) |
# | `return_train_score=True` | always kept: `trial.metrics.get_history("accuracy")` | of the best epoch |
# | `error_score` | a failed trial has `trial.status` | [failed trials](../how_to/failed_trials.py) |
# | `n_jobs` | a chief and workers, as above | |
# | `random_state` | `seed=`, never 0 | [reproducible searches](../how_to/reproducible_searches.py) |
# | `verbose` | `tuner.search(..., verbose=0)` | |
#
# ## What this page did not show
#
# - Other problems. Here are two small ones, and one space of lists, in
#   which Optuna's samplers [come back to values they
#   tried](https://optuna.readthedocs.io/en/stable/faq.html#how-can-i-ignore-duplicated-samples),
#   and got the same answer for the same price.
# - Other arguments than the defaults, and Optuna's other samplers.
# - What the libraries take for themselves, and several processes at once.
# - Any of the two other libraries at work: these pages are made without
#   Optuna. The program that raced it is
#   docs/evidence/race_others.py, and `make races` runs it again.
