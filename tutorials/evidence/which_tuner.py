# %% [markdown] index="which tuner to use; best tuner; RandomSearch against Hyperband; benchmark; comparison of tuners; regret"
# # Which tuner?
#
# Real searches by four tuners of Keras Tuner, many seeds each, for the
# same number of epochs and of seconds: what each is worth, and when.
#
# - **Epoch for epoch**, `Hyperband` finds better
#   [configurations](../../reference/glossary.md#configuration) than `RandomSearch`
#   where the validation set can tell them apart. Where it is small, no
#   tuner gets ahead.
# - **Second for second** less of that is left: hundreds of short trials
#   are hundreds of starts.
# - **`GridSearch` cut short** by `max_trials` is worst: it has seen one
#   corner. Use it for spaces that it can finish.
# - **`BayesianOptimization`** *is* `RandomSearch` until three trials per
#   hyperparameter are done.
#
# In numbers: [regret](../../reference/glossary.md#regret), how far the configuration
# that a search would choose stays behind the best of the space, in
# points of test accuracy. Mean over seeds, with its standard error.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import gc

import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.stats import wilcoxon

# Keras Tuner collects garbage in every trial; what is frozen here is
# not walked again each time.
gc.collect()
gc.freeze()

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
curves = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
races = pd.read_csv(evidence_file("races.csv"), comment="#")


def qualities(curves):
    """Return each configuration's test accuracy, mean of its runs."""
    best = curves.validation.argmax(axis=2)[..., None]
    return np.take_along_axis(curves.test, best, 2)[..., 0].mean(axis=1)


top = {name: qualities(each).max() for name, each in curves.items()}
races["regret"] = 100 * (races["problem"].map(top) - races["quality"])


# %%
def regrets(budget, unit="epochs", setting="full"):
    """Return the regret of each race when `budget` has been spent.

    One row a problem and seed, one column a tuner, in points of test
    accuracy.
    """
    spent = races[
        (races[unit] <= budget) & (races["setting"] == setting)
    ]
    keys = ["problem", "seed", "tuner"]
    last = spent.groupby(keys)["regret"].last()
    return last.unstack("tuner")


ORDER = [
    "GridSearch",
    "RandomSearch",
    "RandomSearch, patience 5",
    "RandomSearch, 9 epochs",
    "Hyperband",
]
BAYESIAN = ["BayesianOptimization", "BayesianOptimization, 5 initial"]


def summary(tuners=ORDER, **tables):
    """Mean regret and its standard error, one row a tuner."""
    columns = {}
    for problem in top:
        for name, table in tables.items():
            rows = table.loc[problem]
            shown = rows.mean().map("{:.2f}".format)
            error = rows.sem().map(" ± {:.2f}".format)
            columns[problem, name.replace("_", " ")] = shown + error
    index = pd.Index(tuners, name="tuner")
    return pd.DataFrame(columns).reindex(index)


display(
    summary(after_375_epochs=regrets(380), after_1500=regrets(1515))
)

# %% [markdown]
# ## How it was raced
#
# Every configuration of two problems was trained beforehand, three
# times, and each epoch written down:
# [recorded learning curves](../../evidence/recorded_curves.md). A tuner searches
# these records instead of training. All else is Keras Tuner's own.

# %%
from snippets.searches.replayed import replayed

# %% [markdown]
# A trial takes one of the three runs, drawn once per configuration and
# seed. Here are three races of one seed, run before your eyes; the
# assertion holds them against the recorded results.

# %%
space = kt.HyperParameters()
for name, values in curves["digits"].space.items():
    space.Choice(name, list(values))
runs = np.random.default_rng(7).integers(3, size=432)


def race(tuner_class, epochs=None, **settings):
    """Search digits with seed 7; return the best score."""
    tuner = replayed(tuner_class, curves["digits"], runs)(
        objective=kt.Objective("val_accuracy", "max"),
        hyperparameters=space.copy(),
        seed=7,
        directory="searches",
        project_name=f"which_tuner_{tuner_class.__name__}",
        overwrite=True,
        **settings,
    )
    tuner.search(verbose=0, **({"epochs": epochs} if epochs else {}))
    return float(tuner.oracle.get_best_trials()[0].score)


found = {
    "GridSearch": race(kt.GridSearch, epochs=27, max_trials=56),
    "RandomSearch": race(kt.RandomSearch, epochs=27, max_trials=56),
    "Hyperband": race(
        kt.Hyperband, max_epochs=27, factor=3, hyperband_iterations=4
    ),
}
print("the best validation accuracy:")
print(pd.Series(found).round(4).to_string())

# %%
last = races[races["setting"].eq("full") & races["seed"].eq(7)]
last = last[last["problem"] == "digits"].groupby("tuner").last()
for name, score in found.items():
    assert last.loc[name, "score"] == round(score, 4), name

# %% [markdown]
# `RandomSearch` trains each trial for all 27 epochs; with `patience 5`,
# until five epochs bring nothing better; or for 9 epochs only. Hyperband
# has `max_epochs=27, factor=3`, so 375 epochs are one iteration of it.

# %% [markdown]
# ## Best so far
#
# The regret if the search were stopped now, against the epochs spent.
# Bands are 95 % intervals of the mean over seeds.

# %% alt="Two panels, digits and MNIST: mean regret of four searches against epochs spent, from 100 to 1,500, with bands" figure="regret"
budgets = np.geomspace(100, 1515, 25)
STYLES = {
    "GridSearch": ":",
    "RandomSearch": "--",
    "RandomSearch, patience 5": "-.",
    "Hyperband": "-",
}
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.4), layout="constrained"
)
tables = [regrets(budget) for budget in budgets]
for axis, problem in zip(axes, top, strict=True):
    for tuner, style in STYLES.items():
        at = [table.loc[problem][tuner] for table in tables]
        mean = np.array([regret.mean() for regret in at])
        error = 1.96 * np.array([regret.sem() for regret in at])
        (line,) = axis.plot(budgets, mean, ls=style, label=tuner)
        axis.fill_between(
            budgets,
            mean - error,
            mean + error,
            color=line.get_color(),
            alpha=0.15,
            lw=0,
        )
    axis.set(xscale="log", yscale="log", title=problem, xlabel="epochs")
    for ticks, places in (
        (axis.xaxis, (100, 200, 500, 1000)),
        (axis.yaxis, (0.5, 1, 2, 5)),
    ):
        ticks.set_major_locator(FixedLocator(places))
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_locator(NullLocator())
axes[0].set_ylabel("regret, points of test accuracy")
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=3,
)
plt.show()

# %% [markdown]
# ## Is the difference real?
#
# Each tuner against `RandomSearch`, seed by seed: the share of seeds in
# which it chose better, and worse, and what it gained on average.
# `p` is that of Wilcoxon's signed-rank test, after Holm's correction for
# the number of comparisons in the table.


# %%
def compared(budget, tuners):
    """Compare each tuner with RandomSearch, paired by seed."""
    rows = []
    for problem, table in regrets(budget).groupby("problem"):
        for tuner in tuners:
            pair = table[["RandomSearch", tuner]].dropna()
            gain = pair["RandomSearch"] - pair[tuner]
            p = wilcoxon(gain, zero_method="zsplit").pvalue
            won, lost = (gain > 0).mean(), (gain < 0).mean()
            rows.append((problem, tuner, won, lost, gain.mean(), p))
    names = ["problem", "tuner", "better", "worse", "mean_gain", "p"]
    result = pd.DataFrame(rows, columns=names).sort_values("p")
    left = np.arange(len(result), 0, -1)
    result["p"] = (result["p"] * left).cummax().clip(upper=1)
    return result.set_index(["problem", "tuner"]).sort_index()


others = [tuner for tuner in ORDER if tuner != "RandomSearch"]
for budget in (380, 1515):
    print(f"after {budget} epochs at most")
    display(compared(budget, others).round(3))

# %% [markdown]
# On MNIST `Hyperband` gains, and with the larger budget trials of 9
# epochs do as well. On digits nothing but `GridSearch` is told apart
# from `RandomSearch`. There the validation set is so small that the
# highest score of *all* configurations is
# [no better a choice](optuna_and_scikit_learn.py#two-questions).

# %%
for budget in (380, 1515):
    verdict = compared(budget, others)
    real = verdict[verdict["p"] < 0.05]["mean_gain"]
    assert real["digits"].index.tolist() == ["GridSearch"]
    assert real["mnist", "Hyperband"] > 0
    assert (real.xs("GridSearch", level="tuner") < 0).all()
assert real["mnist", "RandomSearch, 9 epochs"] > 0

# %% [markdown]
# ## BayesianOptimization
#
# It draws at random until three trials for each hyperparameter are
# done, here 18; the other variant sets `num_initial_points=5`. A proposal
# takes a second or so, so it was raced for half of the epochs and with
# fewer seeds; here is `RandomSearch` on the same ones.

# %%
slow = races[races["tuner"].isin(BAYESIAN)]
seeds = slow["seed"].unique()
print(len(seeds), "seeds,", slow["trial"].max(), "trials")


def shared(table):
    """Leave the seeds that every tuner was raced with."""
    return table[table.index.get_level_values("seed").isin(seeds)]


display(
    summary(
        ["RandomSearch", *BAYESIAN],
        after_375_epochs=shared(regrets(380)),
        after_750=shared(regrets(760)),
    )
)
display(compared(760, BAYESIAN).round(3))

# %% [markdown]
# Neither is told apart from `RandomSearch` by so few trials. The first
# 18 trials of the default are those of `RandomSearch`, to the digit:

# %%
assert (compared(760, BAYESIAN)["p"] > 0.05).all()
first = regrets(380)[["RandomSearch", "BayesianOptimization"]].dropna()
assert (first.nunique(axis=1) == 1).all()

# %% [markdown]
# ## In seconds
#
# Each trial must be built and traced before its first epoch, and that is
# in no count of epochs. So here is the regret when as many CPU seconds
# are spent as `RandomSearch` takes for 1,500 epochs, and for a quarter
# of them. What a tuner takes for itself is left out: milliseconds, but
# for `BayesianOptimization`.

# %%
full = races[races["setting"] == "full"]
random = full[full["tuner"] == "RandomSearch"]
whole = random.groupby(["problem", "seed"])["seconds"].last()
per_problem = whole.groupby("problem").mean()
print("CPU seconds of RandomSearch, about 1,500 epochs:")
print(per_problem.round(0).to_string())
seconds = {
    name: pd.concat(
        regrets(share * per_problem[problem], "seconds").loc[[problem]]
        for problem in top
    )
    for name, share in (("a quarter", 0.25), ("all", 1.0))
}
display(summary(**{f"{name} of it": t for name, t in seconds.items()}))

# %% [markdown]
# Epochs per second of each tuner tell why:

# %%
ends = full.groupby(["problem", "tuner", "seed"])[
    ["trial", "epochs", "seconds"]
].last()
rates = ends.groupby(["problem", "tuner"]).mean()
rates["seconds per 100 epochs"] = (
    100 * rates["seconds"] / rates["epochs"]
)
display(rates.round(1))

# %% [markdown]
# ## A small space
#
# Activation, dropout and batch size fixed: 36 configurations are left.

# %%
display(
    summary(
        after_375_epochs=regrets(380, setting="small"),
        after_1500=regrets(1515, setting="small"),
    )
)
small = races[races["setting"] == "small"]
print("trials and epochs, at most:")
print(small.groupby("tuner")[["trial", "epochs"]].max().to_string())

# %% [markdown]
# ## Less noise
#
# Each configuration answers with the mean curve of its three runs, as
# if every trial were run three times at no cost.

# %%
display(
    summary(
        one_run=regrets(380),
        mean_of_three=regrets(380, setting="mean of three"),
    )
)

# %% [markdown]
# Of the two, `Hyperband` gains more from less noise: it decides early,
# and often.
#
# ## Common advice, held against this
#
# - *RandomSearch is for small spaces.* In the small space it matters
#   least: whoever trains all of it ends alike. In the large one it is a
#   baseline that a tuner has to beat.
# - *Hyperband is always faster.* For as many epochs it took longer on both
#   problems, and where it found more, it also did for as many seconds.
# - *Hyperband is for large spaces.* True: in the small one it stopped when
#   it had drawn all, before its budget was spent.
# - *Use Bayesian optimisation when trials are few.* By default few trials
#   are all random.
# - *Patience saves time.* It made more trials of as many epochs, and chose
#   no better in the full space.

# %%
time = ends["seconds"].groupby(["problem", "tuner"]).mean()
time = time.unstack("tuner")
print("seconds of Hyperband over those of RandomSearch:")
print((time["Hyperband"] / time["RandomSearch"]).round(1).to_string())
assert (time["Hyperband"] > time["RandomSearch"]).all()
gain = seconds["all"]["RandomSearch"] - seconds["all"]["Hyperband"]
print("regret saved for as many seconds:")
print(gain.groupby("problem").mean().round(2).to_string())
assert (
    wilcoxon(gain["mnist"]).pvalue < 0.05 and gain["mnist"].mean() > 0
)
less = regrets(380) - regrets(380, setting="mean of three")
assert (
    less.groupby("problem").mean().eval("Hyperband > RandomSearch")
).all()
tried = small.groupby("tuner")[["trial", "epochs"]].max()
assert tried.loc["Hyperband", "epochs"] < 375
assert tried.loc["RandomSearch", "trial"] == 36
patient = pd.concat(compared(b, others) for b in (380, 1515))
patient = patient.xs("RandomSearch, patience 5", level="tuner")
assert (patient["p"] > 0.05).all()

# %% [markdown]
# ## What this page did not show
#
# - Other problems: these are two small ones, dense networks, one space.
#   That a tuner is ahead here promises nothing elsewhere; that a rule
#   fails here does refute its *always*.
# - Continuous hyperparameters: only recorded values can be found.
# - Trials of minutes, whose start weighs nothing. There count epochs.
# - [Several workers](../how_to/several_processes.py). Hyperband makes them
#   wait at the end of each round.
# - Other libraries: [Optuna and scikit-learn](optuna_and_scikit_learn.py)
#   ran the same races.
#
# The [raw results](../../evidence/races.csv) and
# [the program](../../evidence/race_tuners.py) that makes them are yours.
