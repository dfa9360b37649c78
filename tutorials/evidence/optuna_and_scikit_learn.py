# %% [markdown] index="Optuna; Optuna or Keras Tuner; Keras Tuner vs Optuna; HalvingRandomSearchCV; TPE; pruner; create_study; enqueue_trial; suggest_float; migrate from Optuna; alternatives to Keras Tuner; phrase book"
# # Keras Tuner, Optuna or scikit-learn?
#
# The same configurations, curves and budget for three libraries: which
# searches better, whether it matters, and their words in Keras Tuner's.
#
# - On digits, given as many epochs, Optuna's TPE and every kind of
#   halving find higher validation accuracies than random search, and
#   scikit-learn's halving finds the highest. In test accuracy nothing is
#   left of it: there are too few validation images.
# - On MNIST, with five times as many, what scores higher also is better.
#   With the smaller budget the halvings are ahead of random search, Keras
#   Tuner's Hyperband among them.
# - Given as many seconds the order is another: many short trials are
#   dear.
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
from scipy.stats import wilcoxon

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
    "RandomSearch",
    "Hyperband",
    "BayesianOptimization",
    "BayesianOptimization, 5 initial",
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
bayesian = epochs.columns.str.startswith("Bayes")
assert epochs.loc[:, ~bayesian].stack().between(1500, 1530).all()
assert set(epochs["Hyperband"]) == {4 * 375}
assert set(epochs["scikit-learn halving"]) == {4 * 376}
assert (
    spent["seeds"].unstack("tuner").loc[:, ~bayesian].min().min() >= 50
)

# %% [markdown]
# Seconds are the recorded CPU seconds of training, each trial's start
# included: many short trials pay it often. What the libraries take for
# themselves is not in them. `BayesianOptimization` is slow in that, so it
# raced with fewer seeds, for half the epochs.
#
# ## Two questions
#
# A search works for the highest validation accuracy. How far did it stay
# behind the highest that was there? And is what it chose any good? That
# is regret: how far the configuration stays behind the best of the space
# in test accuracy, mean of three recorded runs. Both in percentage
# points.

# %%
from snippets.data.load_curves import load_curves


# %%
def qualities(curves):
    """Return each configuration's test accuracy, mean of its runs."""
    best = curves.validation.argmax(axis=2)[..., None]
    return np.take_along_axis(curves.test, best, 2)[..., 0].mean(axis=1)


def try_all(curves, seed):
    """Return the best score there is, and the quality it stands for."""
    count = len(curves.configurations)
    runs = np.random.default_rng(seed).integers(3, size=count)
    scores = curves.validation[np.arange(count), runs].max(axis=1)
    chosen = scores == scores.max()
    return scores.max(), qualities(curves)[chosen].mean()


curves = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
top, everything = {}, {}
for problem in PROBLEMS:
    top[problem] = qualities(curves[problem]).max()
    for seed in range(1, 51):
        everything[problem, seed] = try_all(curves[problem], seed)
print("the test accuracy of the best configuration:")
print(pd.Series(top).round(4).to_string())

# %%
best_scores = [
    everything[key][0]
    for key in zip(races["problem"], races["seed"], strict=True)
]
races["missed"] = (100 * (best_scores - races["score"])).round(2)
regret = races["problem"].map(top) - races["quality"]
races["regret"] = (100 * regret).round(2)
assert races[["missed", "regret"]].min().min() >= -0.01

# %% [markdown]
# Two budgets of epochs: 14 trials of 27, which is what one iteration of
# Hyperband takes, and four times that. And one of time: the CPU seconds
# of `RandomSearch` for the larger one. Mean and standard error over
# seeds:


# %%
def after(limit, unit="epochs"):
    """Return the state of each race when so much was spent."""
    return races[races[unit] <= limit].groupby(KEYS).last()


def summary(measure):
    """Return the means of a measure, one row a tuner."""
    columns = {}
    for problem in PROBLEMS:
        clock = spent.loc[(problem, "RandomSearch"), "seconds"]
        for name, state in (
            (f"{SMALL} epochs", after(SMALL)),
            (f"{LARGE} epochs", after(LARGE)),
            (f"{clock:.0f} s", after(clock, "seconds")),
        ):
            values = state.loc[problem].groupby("tuner")[measure]
            column = values.mean().map("{:.2f}".format)
            column += values.sem().map(" ± {:.2f}".format)
            if name != f"{SMALL} epochs":
                column[column.index.str.startswith("Bayes")] = ""
            columns[problem, name] = column
    return pd.DataFrame(columns).loc[TUNERS + OTHERS]


missed, regrets = summary("missed"), summary("regret")
print("validation accuracy that was there and not found")
display(missed)
print("regret, in test accuracy")
display(regrets)

# %% [markdown]
# The end of all searching would be to try every configuration and choose
# the one with the highest score:

# %%
state = after(LARGE)["regret"]
gains = {}
for problem in PROBLEMS:
    chosen = [everything[problem, seed][1] for seed in range(1, 51)]
    rest = 100 * (top[problem] - np.array(chosen))
    error = rest.std(ddof=1) / np.sqrt(len(rest))
    print(f"{problem}: regret {rest.mean():.2f} ± {error:.2f}")
    random = state.loc[problem, "RandomSearch"].mean()
    gains[problem] = random - rest.mean()
assert gains["digits"] < 0.05 < gains["mnist"]

# %% [markdown]
# On digits that is no better than `RandomSearch`, which tried an eighth
# of them. There the last tenths of a score are luck, and who searches
# better finds more luck. Not a better search is wanting but more
# validation images, or more runs of the best few:
# [how sure can one be?](how_sure.py) On MNIST there is something to be
# gained by searching better.

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
        axes[row, column].set(xscale="log", ylim=0)
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
# ## Who wins, seed by seed
#
# For one seed all were answered from the same recorded runs, so races
# are compared in pairs. A cell says for how many seeds Keras Tuner, the
# column, did better than the row, and for how many worse; the rest are
# ties. A star: significant at 5 % by Wilcoxon's signed-rank test, after
# Holm's correction for all cells of the table.


# %%
def holm(p_values):
    """Return p-values corrected for their number (Holm, 1979)."""
    order = np.argsort(p_values)
    steps = np.sort(p_values) * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return corrected


def compare(measure):
    """Return wins, losses and p-value of each pair, tuner and other."""
    rows = []
    for tuner in TUNERS:
        last = LARGE // 2 if tuner.startswith("Bayes") else LARGE
        for epochs in (SMALL, last):
            state = after(epochs)[measure].unstack("tuner")
            gains = state[OTHERS].sub(state[tuner], axis="index")
            for other in OTHERS:
                for problem in PROBLEMS:
                    gain = gains.loc[problem][other].dropna().round(2)
                    p = wilcoxon(gain, zero_method="zsplit").pvalue
                    won, lost = (gain > 0).sum(), (gain < 0).sum()
                    pair = problem, other, tuner, epochs
                    rows.append((*pair, won, lost, p))
    names = ["problem", "other", "tuner", "epochs", "won", "lost", "p"]
    pairs = pd.DataFrame(rows, columns=names)
    pairs["p"] = holm(pairs["p"])
    return pairs


def show(pairs):
    """Display pairs as a table, Keras Tuner's tuners as columns."""
    star = pairs["p"].lt(0.05).map({True: "*", False: ""})
    cell = pairs["won"].astype(str) + ":" + pairs["lost"].astype(str)
    table = pairs.assign(cell=cell + star).pivot(
        index=["problem", "other"],
        columns=["tuner", "epochs"],
        values="cell",
    )
    display(table.reindex(OTHERS, level="other")[TUNERS])


# %%
by_score, by_regret = compare("missed"), compare("regret")
print("by validation accuracy found")
show(by_score)
print("by regret")
show(by_regret)

# %% [markdown]
# `RandomSearch` and Optuna's random search are the same idea, and no star
# tells them apart, as it should be. `BayesianOptimization` raced with
# fewer seeds, so it takes more to earn a star. The claims at the top:

# %%
same = "tuner == 'RandomSearch' and other == 'Optuna random'"
for pairs in (by_score, by_regret):
    assert (pairs.query(same)["p"] > 0.05).all()
digits = by_score.query("problem == 'digits' and epochs == @LARGE")
digits = digits[digits["other"] != "Optuna random"]
assert (digits.query("tuner == 'RandomSearch'")["p"] < 0.05).all()
halving = digits[digits["other"].str.startswith("scikit")]
assert (halving["lost"] > halving["won"]).all()
means = after(SMALL).loc["mnist"].groupby("tuner")["regret"].mean()
for tuner in ("Hyperband", "scikit-learn halving"):
    assert means[tuner] < means["RandomSearch"]

# %%
for name, pairs in (("score", by_score), ("regret", by_regret)):
    stars = (pairs["p"] < 0.05).groupby(pairs["problem"]).sum()
    print(f"stars by {name}: {stars.to_dict()}")
assert stars["digits"] == 0 < stars["mnist"]

# %% [markdown]
# ## What to conclude
#
# - First the validation set. If it is small, no library's search is
#   worth a change.
# - If trials are trained in full, some dozens of them, TPE found higher
#   scores than random search, at no cost. Keras Tuner has none.
#   `BayesianOptimization` is the counterpart, and
#   [slow](../bayesian_optimization.py) by default.
# - If early epochs tell, halve: with Keras Tuner's `Hyperband`, Optuna's
#   pruner, or scikit-learn. scikit-learn's single halving is the boldest.
#   Hyperband hedges: a part of its budget goes to trials that are
#   trained for long without having been chosen, which helps
#   [where early epochs mislead](../../explanation/random_search_or_hyperband.md#choose).
#   It has no setting for less of that.
# - If starting a trial costs as much as its epochs do, full trainings
#   give more per second than any halving.
#
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
# | `study.enqueue_trial(values)` | none; `try_first(tuner, [values])` | [known values](../how_to/known_values_and_limits.py#known-values-first) |
# | `study.add_trial(...)` | none | a tuner can't be given a score |
# | `FixedTrial(values)` | `hp = kt.HyperParameters()`, then `hp.Fixed(name, value)` | build one model by hand |
# | `storage=...`, `study_name=...` | `directory=...`, `project_name=...` | files, one folder a trial |
# | `load_if_exists=True` | `overwrite=False`, the default | a changed space is [ignored](../how_to/resume.py); `resumable(...)` refuses |
# | `n_jobs`, processes on one storage | a chief and workers, by environment variables | [Keras's guide](https://keras.io/guides/keras_tuner/distributed_tuning/) |
# | `catch=(Error,)` | `max_consecutive_failed_trials=3` | Optuna stops at the first error, Keras Tuner at the third in a row |
# | none | `max_retries_per_trial=1` | [failed trials](../how_to/failed_trials.py) |
# | `RetryHeartbeatStaleTrialCallback` | a search that resumes runs its last trial again | [resume](../how_to/resume.py) |
# | `callbacks=[...]`, `study.stop()` | override `tuner.on_trial_end`; to stop, `stop_without_progress(tuner, 20)` | [no progress](../how_to/known_values_and_limits.py#no-progress) |
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
# - Other settings than the defaults, and Optuna's other samplers.
# - What the libraries take for themselves, and several processes at once.
# - Any of the two other libraries at work: these pages are made without
#   Optuna. The program that raced it is
#   docs/evidence/race_others.py, and `make races` runs it again.
