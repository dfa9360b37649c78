# %% [markdown] index="benchmark on many problems; critical difference; mean ranks; Nemenyi; probability of improvement; time to target; is Hyperband better; is Bayesian optimisation better; ASHA; evolution"
# # Which tuner, on many problems?
#
# Eleven ways to search, raced on fifteen recorded problems: tables,
# images, series and texts. The problem is the unit, not the seed.
#
# ANSWER
#
# In numbers: [regret](../../reference/glossary.md#regret) after 378 and 1,512 epochs, and
# its difference to that of `RandomSearch`, with 95 % intervals over
# problems, all at once. 0 is who knows all other splits of a problem, 1 a
# configuration that a quarter of all beat.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.stats import spearmanr

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_problem import load_problem

# %%
from snippets.data.load_races import load_races

# %%
from snippets.data.regret_of import regret_of

# %%
from snippets.results.compare_runs import compare_runs

# %%
from snippets.results.mean_ranks import mean_ranks

# %%
races = load_races(evidence_file("races_problems.npz"))
names = races["problem"].cat.categories
problems = {
    name: load_problem(evidence_file(f"problem_{name}.npz"))
    for name in names
}
RACE = ["problem", "contestant", "split", "seed"]


def scored(trials):
    """Return a problem's trials with score and regret of each."""
    problem = problems[trials["problem"].iloc[0]]
    trials = trials.assign(
        score=0.0,
        regret=regret_of(problem)[trials["row"], trials["split"]],
    )
    for (first, last), part in trials.groupby(["first", "last"]):
        curves = problem.validation[part["row"], part["split"]]
        best = curves[:, first:last].max(axis=1)
        trials.loc[part.index, "score"] = best
    return trials


groups = races.groupby("problem", observed=True)
races = pd.concat([scored(trials) for _, trials in groups])

# %%
FEW, MANY = 14 * 27, 56 * 27
TWICE = "RandomSearch, twice the epochs"


def regrets(budget):
    """Return the regret of each race when `budget` epochs are spent.

    That of the best trial by then, a Series. Who has twice the epochs
    is asked when it has spent twice the budget.
    """
    twice = races["contestant"] == TWICE
    ended = races[races["epochs"] <= budget * (1 + twice)]
    best = ended.groupby(RACE, observed=True)["score"].idxmax()
    return ended.loc[best].set_index(RACE)["regret"]


def by_problem(budget):
    """Return the mean regret, one row a problem, one column a tuner."""
    means = regrets(budget).groupby(RACE[:2], observed=True).mean()
    return means.unstack("contestant")


def summary(table):
    """Return the means and how far they are from RandomSearch's."""
    found = compare_runs(table, "RandomSearch", paired=True)
    other = table.drop(columns="RandomSearch")
    ahead = other.lt(table["RandomSearch"], axis=0).sum()
    shown = {
        "regret": found["mean"],
        "less than RandomSearch": -found["difference"],
        "from": -found["difference_high"],
        "to": -found["difference_low"],
    }
    shown = pd.DataFrame(shown).round(2).assign(ahead_on=ahead)
    return shown.sort_values("regret").astype(object).fillna("")


few, many = by_problem(FEW), by_problem(MANY)
for epochs, table in ((FEW, few), (MANY, many)):
    print(f"after {epochs:,} epochs, {len(table)} problems")
    display(summary(table))

# %% [markdown]
# `RandomSearch` trains each trial for all 27 epochs; for 9 or 3; until five
# epochs bring nothing better (`patience 5`); or for twice the budget of
# everyone else, which says what a lead is worth. Quasi-random, evolution
# and ASHA are oracles [of our own](../how_to/own_search_algorithm.py).
# `ahead_on` counts the problems on which a tuner's mean regret is lower.
#
# ## Who is ahead at which budget
#
# Mean regret over all problems. Bands are 95 % intervals of a bootstrap
# that draws problems, their splits and their seeds anew.

# %% alt="Mean regret of five searches over all problems against the epochs spent, on a log scale, with bands." figure="regret"
STYLES = {
    "RandomSearch": "--",
    "RandomSearch, 9 epochs": "-.",
    "Hyperband": "-",
    "BayesianOptimization": ":",
    "ASHA": (0, (5, 1, 1, 1, 1, 1)),
}


def resampled(found, draws=1000):
    """Return means over problems, splits and seeds drawn anew."""
    sizes = [len(level) for level in found.index.levels]
    values = found.to_numpy().reshape(sizes).swapaxes(0, 1)
    rng, (_, _, splits, seeds) = np.random.default_rng(1), sizes
    problem = rng.integers(sizes[0], size=(draws, sizes[0], 1, 1))
    split = rng.integers(splits, size=(draws, sizes[0], splits, 1))
    shape = draws, sizes[0], splits, seeds
    seed = rng.integers(seeds, size=shape)
    return values[:, problem, split, seed].mean(axis=(2, 3, 4))


budgets = np.geomspace(81, MANY, 12).astype(int)
at = [regrets(budget) for budget in budgets]
middle = pd.DataFrame(
    {
        b: r.groupby("contestant", observed=True).mean()
        for b, r in zip(budgets, at, strict=True)
    }
)
bands = np.array(
    [np.quantile(resampled(r), [0.025, 0.975], axis=1) for r in at]
)
figure, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
order = middle.index.tolist()
for tuner, style in STYLES.items():
    (line,) = axis.plot(
        budgets, middle.loc[tuner], ls=style, label=tuner
    )
    low, high = bands[:, :, order.index(tuner)].T
    axis.fill_between(
        budgets, low, high, color=line.get_color(), alpha=0.1, lw=0
    )
axis.set(
    xscale="log",
    xlabel="epochs spent",
    ylabel="mean regret",
    ylim=(0, 2),
)
axis.set_xticks([100, 200, 500, 1000], ["100", "200", "500", "1,000"])
axis.minorticks_off()
axis.legend()
plt.show()

# %% [markdown]
# ## Ranks, and how far apart they must be
#
# On each problem the six ways that Keras Tuner offers are ranked by their
# mean regret. Mean ranks which are closer together than the critical
# difference (the bar) are not shown to differ.

# %% alt="Two rows of mean ranks of six tuners on a line, one for each budget, with a bar as long as the critical difference." figure="ranks"
SIX = [
    "RandomSearch",
    "RandomSearch, 9 epochs",
    "RandomSearch, patience 5",
]
SIX += ["Hyperband", "BayesianOptimization", "GridSearch"]
figure, axes = plt.subplots(
    2, 1, figsize=(8, 5), sharex=True, layout="constrained"
)
for axis, (epochs, table) in zip(
    axes, {FEW: few, MANY: many}.items(), strict=True
):
    ranks, critical = mean_ranks(table[SIX])
    for place, (name, rank) in enumerate(ranks.items()):
        axis.plot(
            [rank, rank + critical],
            [place, place],
            lw=3,
            alpha=0.3,
            color="C0",
        )
        axis.plot(rank, place, "o", color="C0")
    axis.set_yticks(range(6), ranks.index)
    axis.invert_yaxis()
    axis.set_title(
        f"after {epochs:,} epochs; critical difference {critical:.2f}"
    )
axes[1].set_xlabel("mean rank: 1 is best")
plt.show()

# %% [markdown]
# Each bar reaches as far as the critical difference: whoever lies beyond
# its end is shown to be worse than the tuner at its beginning.
#
# ## How likely is it to be better?
#
# For each problem: how often does a race of this tuner end with less
# regret than a race of `RandomSearch`, over all pairs, ties as a half? And
# how many epochs did it need, as a part of those of `RandomSearch`, until
# its mean regret was as low as that of `RandomSearch` in the end? Blank:
# on fewer than half of the problems it never was.


# %%
def better(found):
    """Return how often each is better than RandomSearch, by problem."""
    table = found.unstack(["split", "seed"])
    chances = {}
    for name in names:
        rows = table.loc[name].to_numpy()
        own = table.loc[(name, "RandomSearch")].to_numpy()
        pairs = np.sign(own[None, :, None] - rows[:, None, :])
        chances[name] = 0.5 + pairs.mean(axis=(1, 2)) / 2
    return pd.DataFrame(chances, index=table.loc[names[0]].index).T


chance = compare_runs(better(regrets(MANY)))[["mean", "low", "high"]]
budgets = np.geomspace(81, MANY, 30).astype(int)
paths = {b: by_problem(b) for b in budgets}
reached = pd.concat(paths).le(
    many["RandomSearch"] + 1e-9, level=1, axis=0
)
needed = {}
for name in names:
    times = reached.xs(name, level=1)
    needed[name] = times.idxmax().where(times.any(), np.inf)
needed = pd.DataFrame(needed).T.div(needed_by := MANY)
median = needed.median().replace(np.inf, np.nan)
display(
    chance.round(2)
    .assign(epochs_needed=median.round(2))
    .rename(columns={"mean": "better by", "low": "from", "high": "to"})
    .drop(["RandomSearch", TWICE])
    .astype(object)
    .fillna("")
)

# %% [markdown]
# ## Where short trials mislead
#
# Hyperband believes what a trial scores after one and three epochs. How
# well that foretells the end differs from problem to problem: the rank
# correlation of the score after three epochs with that of all 27, among
# the best quarter of the configurations. Beside it: how much less regret
# `Hyperband` had than `RandomSearch` when each had spent 378 epochs.


# %% alt="A dot for each problem: Hyperband's lead over RandomSearch after 378 epochs against how well three epochs foretell the end. digits_that_start_slowly lies far below the others." figure="foretold"
def foretold(problem, epochs=3):
    """Return the rank correlation of early scores with the last."""
    end = problem.validation.max(axis=2)
    best = end.mean(axis=1) >= np.quantile(end.mean(axis=1), 0.75)
    early = problem.validation[best, :, :epochs].max(axis=2)
    pairs = zip(early.T, end[best].T, strict=True)
    return np.mean([spearmanr(*pair).statistic for pair in pairs])


lead = few["RandomSearch"] - few["Hyperband"]
early = pd.Series({name: foretold(problems[name]) for name in names})
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
axis.axhline(0, color="gray", lw=1)
axis.scatter(early, lead[early.index])
for name in names:
    axis.annotate(
        name,
        (early[name], lead[name]),
        (4, 3),
        textcoords="offset points",
        fontsize=8,
    )
axis.set(
    xlabel="rank correlation, 3 epochs with 27",
    ylabel="lead of Hyperband",
)
plt.show()
