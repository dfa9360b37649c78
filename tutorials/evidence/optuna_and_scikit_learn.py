# %% [markdown] index="Optuna; Optuna or Keras Tuner; Keras Tuner vs Optuna; HalvingRandomSearchCV; TPE; pruner; alternatives to Keras Tuner"
# # Keras Tuner, Optuna or scikit-learn?
#
# The same configurations, curves and budget for three libraries: which
# searches better, and whether it matters.
#
# - **On a small budget** of epochs, on MNIST, every library's halving is ahead
#   of searches that train in full; the three don't differ detectably.
# - **On a large one** Optuna's TPE is not shown to differ from Keras Tuner's
#   Hyperband, and scikit-learn's single halving of 372 candidates is ahead
#   of everything: in epochs, not in seconds.
# - **On digits**, with 288 validation images, the highest score is luck.
#
# [What Optuna and scikit-learn call
# things](../../reference/other_libraries.md) has their terms beside Keras
# Tuner's.
#
# [Regret](which_tuner.py#is-there-anything-to-find) on MNIST, in points
# of test accuracy, and its difference to Hyperband's:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.attainable import attainable

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
from snippets.results.compare_runs import compare_runs

# %%
import pandas as pd
from IPython.display import display

best = attainable(load_curves(evidence_file("curves_mnist.csv.xz")))
files = [evidence_file("races.csv"), evidence_file("races_others.csv")]
races = pd.concat(pd.read_csv(file, comment="#") for file in files)
left_out = races["tuner"].str.contains("Grid|3 epochs|patience|twice")
races = races[races["setting"].eq("full") & ~left_out]
tables = {}
for budget in (378, 1512):
    spent = races.query("problem == 'mnist' and epochs <= @budget")
    last = spent.groupby(["seed", "tuner"])["quality"].last().unstack()
    table = compare_runs(100 * (best - last), "Hyperband", paired=True)
    tables[f"after {budget} epochs"] = table.filter(regex="mean|diff")
table = pd.concat(tables, axis=1).rename_axis("search").round(2)
display(table.astype(object).fillna(""))

# %% [markdown]
# From `difference_low` to `difference_high` is a 95 % interval; all those
# of a budget hold at once.
#
# 378 epochs are 14 trials of 27, what one iteration of Hyperband takes. (The
# search of 372 candidates has just ended its first round there.)
#
# ## The races
#
# A race asks [recorded curves](../../evidence/recorded_curves.md) instead of
# training: every configuration of one space was trained three times
# beforehand. The programs that raced, and their versions:

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullLocator

for file in files:
    lines = file.read_text("utf-8").splitlines()
    print(*(line for line in lines if line[0] == "#"), sep="\n")

# %% [markdown]
# - **Optuna**: random search; TPE, its default; TPE with the Hyperband
#   pruner, each trial reporting every epoch. Hyperparameters are
#   categories. "(ordered)" suggests numbers by their place in the list, so
#   that TPE knows that 32 lies between 8 and 128, as Keras Tuner does with a
#   `Choice` of numbers.
# - **scikit-learn**: `HalvingRandomSearchCV` with epochs as its resource. It
#   takes only a number of candidates. 88 come to one epoch more than an
#   iteration of Hyperband, and are drawn anew and searched four times.
#   "(once)" is a single search of 372.
#
# scikit-learn trains the survivors of a round from scratch. Keras Tuner's
# Hyperband goes on from their weights. Optuna's pruner judges a running
# trial. Each spent 1,500 to 1,530 epochs, in a hundred races a problem:

# %%
PROBLEMS = ["digits", "mnist"]
KEYS = ["problem", "tuner", "seed"]
SMALL, LARGE = 14 * 27, 56 * 27  # epochs
ended = races.groupby(KEYS)[["trial", "epochs", "seconds"]].last()
spent = ended.groupby(["tuner", "problem"]).mean().unstack()
display(spent[["trial", "seconds"]].round().astype(int))

# %%
epochs = spent["epochs"]
assert epochs.stack().between(1500, 1530).all()
assert set(epochs.loc["scikit-learn halving"]) == {4 * (375 + 1)}
assert (ended.groupby(["problem", "tuner"]).size() == 100).all()

# %% [markdown]
# Seconds are recorded CPU seconds of training, each trial's start included,
# without what the libraries take for themselves.
#
# ## Two questions
#
# How far, in percentage points, does a search stay behind the highest
# validation accuracy that was there? And how far does its choice stay behind
# what there is to find in test accuracy, judged by the two recorded runs that
# it did not see? That is regret.


# %%
def highest(curves, seed):
    """Return the best score there is, and the mean quality it has."""
    count = len(curves.configurations)
    run = np.random.default_rng(seed).integers(3, size=count)
    rows = np.arange(count)
    scores = curves.validation[rows, run].max(axis=1)
    tests = curves.tested
    others = (tests.sum(axis=1) - tests[rows, run]) / 2
    return scores.max(), others[scores == scores.max()].mean()


# %%
best, everything = {}, {}
for problem in PROBLEMS:
    curves = load_curves(evidence_file(f"curves_{problem}.csv.xz"))
    best[problem] = attainable(curves)
    for seed in races["seed"].unique():
        everything[problem, seed] = highest(curves, seed)
everything = pd.DataFrame(everything, ["score", "quality"]).T

# %%
race = pd.MultiIndex.from_frame(races[["problem", "seed"]])
there = everything["score"][race].array
races["missed"] = (100 * (there - races["score"])).round(2)
races["regret"] = 100 * (races["problem"].map(best) - races["quality"])

# %% [markdown]
# Validation accuracy not found after 1,512 epochs, compared with
# Hyperband by seed:


# %%
def after(limit, unit="epochs"):
    """Return the state of each race when so much was spent."""
    return races[races[unit] <= limit].groupby(KEYS).last()


def compared(measure, problem, limit, unit="epochs"):
    """Compare all with Hyperband: a row each."""
    table = after(limit, unit).loc[problem][measure].unstack("tuner")
    return compare_runs(table, "Hyperband", paired=True)


def show(tables):
    shown = {n: t.filter(regex="mean|diff") for n, t in tables.items()}
    table = pd.concat(shown, axis=1).rename_axis("search").round(2)
    display(table.astype(object).fillna(""))


missed = {p: compared("missed", p, LARGE) for p in PROBLEMS}
show(missed)

# %% [markdown]
# Regret on digits, and on both for as many CPU seconds as `RandomSearch`
# takes for the larger budget:

# %%
clock = spent["seconds"].loc["RandomSearch"]
SECONDS = "as many seconds"
regrets = {
    problem: {
        "378 epochs": compared("regret", problem, SMALL),
        "1512 epochs": compared("regret", problem, LARGE),
        SECONDS: compared("regret", problem, clock[problem], "seconds"),
    }
    for problem in PROBLEMS
}
print("regret on digits, in test accuracy")
show(regrets["digits"])
print("regret on mnist, in test accuracy")
show({SECONDS: regrets["mnist"][SECONDS]})

# %% [markdown]
# The regret of trying every configuration and choosing the highest score:

# %%
problem = everything.index.get_level_values(0)
whole = 100 * (problem.map(best) - everything["quality"])
whole = compare_runs(whole.unstack(0))[["mean", "low", "high"]]
display(whole.round(2).rename_axis("regret of the highest score"))

# %% [markdown]
# On digits the last tenths of a score are luck: no better search helps,
# only more validation images or [more runs of the best few](how_sure.py).
# On MNIST a better search can gain something.

# %%
SHOWN = {
    "RandomSearch": "C0-",
    "Hyperband": "C1-",
    "Optuna TPE": "C0o--",
    "Optuna TPE + Hyperband": "C1o--",
    "scikit-learn halving": "C2s:",
}
grid = np.geomspace(100, LARGE, 12)
states = [after(epochs)[["missed", "regret"]] for epochs in grid]
lines = pd.concat(states, keys=grid, names=["epochs"])
lines = lines.groupby(["problem", "tuner", "epochs"]).mean()

# %% alt="Two rows of two panels, for digits and MNIST: validation accuracy not found, and regret, against epochs spent, a line for each of five searches." caption="On digits regret levels off while validation accuracy still improves; on MNIST both improve to the end." figure="races"
figure, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=True)
for row, measure in zip(axes, ("missed", "regret"), strict=True):
    for axis, problem in zip(row, PROBLEMS, strict=True):
        for tuner, style in SHOWN.items():
            line = lines.loc[(problem, tuner), measure]
            axis.plot(line, style, markevery=6, label=tuner)
        axis.set(xscale="log", title=problem, xlabel="epochs spent")
        axis.set_xticks([100, SMALL, LARGE], [100, SMALL, LARGE])
        axis.xaxis.set_minor_locator(NullLocator())
axes[0, 0].set_ylabel("validation, points missed")
axes[1, 0].set_ylabel("regret, points of test")
axes[0, 1].legend(fontsize="small")
plt.show()

# %% [markdown]
# ## What to conclude
#
# - Look at the validation set first. If it is small, a larger budget does
#   not help, and taking the very highest score hurts: on digits the single
#   halving finds the highest validation accuracies, and worse networks
#   than Hyperband.
# - If early epochs foretell late ones, halve: with `Hyperband`, Optuna's
#   pruner, or scikit-learn, whose single halving is the boldest.
#   Hyperband also trains some trials for long without having chosen them,
#   which helps [where early epochs
#   mislead](../../explanation/random_search_or_hyperband.md#choose).
# - If some dozens of trials are trained in full, TPE found better than random
#   search. Keras Tuner has none; `BayesianOptimization` is the counterpart.
# - If starting a trial costs as much as its epochs do, many short trials
#   are expensive: for the same seconds the single halving falls behind
#   Hyperband, from which the others are not shown to differ.

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


# %%
assert differ(few, WHOLE) == [1] * 5
assert differ(few, HALVINGS) == [0] * 2
assert differ(many, TPE + HALVINGS) == [0] * 5
assert differ(many, ONCE) == [-1] and differ(soon, ONCE) == [1]
assert differ(soon, TPE + HALVINGS + WHOLE[1:2]) == [0] * 6
assert differ(missed["digits"], ONCE) == [-1]
assert differ(regrets["digits"]["1512 epochs"], ONCE) == [1]


# %%
def on_mnist(limit, name, rivals):
    """Compare a search with rivals."""
    table = after(limit).loc["mnist"]["regret"].unstack("tuner")
    return compare_runs(table[[name, *rivals]], name, paired=True)


cases = [(LARGE, ONCE[0], few.index.drop(ONCE))]
cases += [(SMALL, name, WHOLE) for name in ["Hyperband", *HALVINGS]]
for case in cases:
    low = on_mnist(*case)["difference_low"].dropna()
    assert (low > 0).all(), case
tpe = on_mnist(LARGE, "RandomSearch", ["Optuna TPE"])
assert tpe.loc["Optuna TPE", "difference_high"] < 0

# %% [markdown]
# Not raced: Optuna's shared database, time limit, Pareto fronts, and known
# values tried first; Keras Tuner's checkpoints, from which a promoted trial
# goes on; scikit-learn's own models, and folds.
#
# ## What this page did not show
#
# - Other problems than two small ones, and one space of lists, in which
#   Optuna's samplers [come back to values they
#   tried](https://optuna.readthedocs.io/en/stable/faq.html#how-can-i-ignore-duplicated-samples),
#   and got the same answer for the same price.
# - Other arguments than the defaults, and Optuna's other samplers.
# - What the libraries take for themselves, and several processes at once.
# - The two other libraries at work: these pages are made without Optuna.
#   `make races` runs docs/evidence/race_others.py again.
