# %% [markdown] index="how each tuner chooses; acquisition function; upper confidence bound; exploration; exploitation; Matern kernel; successive halving; value_to_prob"
# # How each tuner chooses
#
# What decides the values of the next trial under each tuner of Keras
# Tuner, drawn from its real oracle on a problem that costs nothing.
#
# - **RandomSearch** draws each value from a row of seeds. Scores change
#   nothing. It only refuses a [collision](../../reference/glossary.md#collision):
#   what it has drawn before.
# - **GridSearch** counts through all combinations. Scores change nothing
#   either.
# - **BayesianOptimization** fits a model to all scores so far and goes
#   where *predicted score plus `beta` times uncertainty*, the
#   [acquisition function](../../reference/glossary.md#acquisition-function), is
#   highest.
# - **Hyperband** draws as RandomSearch does. Scores only decide about
#   [promotion](../../reference/glossary.md#promotion): about the best third of each
#   round is trained on, with the usual `factor=3`.
#
# How to use them, and on real models, is on pages of their own:
# [random search](../random_search.py), [grid search](../grid_search.py),
# [Bayesian optimisation](../bayesian_optimization.py),
# [Hyperband](../hyperband.py). Which one finds more is
# [measured](../evidence/which_tuner.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import warnings

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from threadpoolctl import threadpool_limits

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")
# More threads make Bayesian proposals slower.
limits = threadpool_limits(1, user_api="blas")

# %% [markdown]
# ## A made-up problem
#
# Two hyperparameters, and a formula in place of training. It has one
# hill: wide networks want small learning rates. A small learning rate
# takes more epochs to get there.


# %%
def made_up(learning_rate, units, epochs=9):
    """Return a score between 0 and 1; more is better."""
    rate = np.log10(learning_rate)
    hill = np.exp(-((rate + 2.4 + units / 600) ** 2))
    width = 1 - ((units - 160) / 320) ** 2
    learnt = 1 - np.exp(-180 * learning_rate * epochs)
    return 0.1 + 0.85 * hill * width * learnt


class MadeUp(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        values = trial.hyperparameters.values
        return float(
            made_up(
                values["learning_rate"],
                values["units"],
                values.get("tuner/epochs", 9),
            )
        )


def space(steps=False):
    """Return the space; with steps, it has 24 points."""
    hp = kt.HyperParameters()
    hp.Float(
        "learning_rate",
        1e-4,
        1e-1,
        sampling="log",
        step=10 if steps else None,
    )
    hp.Int("units", 16, 256, step=48 if steps else 1)
    return hp


# %%
from snippets.results.trials_table import trials_table


# %%
def searched(oracle, tuner_class=MadeUp):
    """Search with an oracle; return its trials in order."""
    tuner = tuner_class(
        oracle=oracle,
        directory="searches",
        project_name="how_tuners_choose",
        overwrite=True,
    )
    tuner.search(verbose=0)
    return trials_table(tuner).sort_index()


# %% [markdown]
# About as many trials for each tuner as the grid has points; Hyperband's
# number follows from its `max_epochs`.

# %%
SEED, NAMES = 1000, ["learning_rate", "units"]
OBJECTIVE = kt.Objective("score", "max")
oracles = {
    "RandomSearch": kt.oracles.RandomSearchOracle(
        OBJECTIVE, max_trials=24, seed=SEED, hyperparameters=space()
    ),
    "GridSearch": kt.oracles.GridSearchOracle(
        OBJECTIVE, seed=SEED, hyperparameters=space(steps=True)
    ),
    "BayesianOptimization": kt.oracles.BayesianOptimizationOracle(
        OBJECTIVE, max_trials=24, seed=SEED, hyperparameters=space()
    ),
    "Hyperband": kt.oracles.HyperbandOracle(
        OBJECTIVE, max_epochs=9, seed=SEED, hyperparameters=space()
    ),
}
tables = {name: searched(oracle) for name, oracle in oracles.items()}
for name, table in tables.items():
    assert set(table["status"]) == {"COMPLETED"}
    tried = ", ".join(f"{table[n].nunique()} {n}" for n in NAMES)
    print(f"{name}: {len(table)} trials, values tried: {tried}")

# %% alt="Four panels, one for each tuner, of learning rate and units, with a line around the top of a hill. RandomSearch: dots all over. GridSearch: four columns of six dots, joined from bottom to top and left to right. BayesianOptimization: six hollow dots all over, then filled ones, most of them near the top of the hill, others at the borders. Hyperband: dots all over, larger where trials were trained longer." figure="four-tuners"
rates = np.geomspace(1e-4, 1e-1, 21)
widths = np.linspace(16, 256, 21)
hill = made_up(rates, widths[:, None])


def dots(axis, table, **style):
    style = {"color": "C0", "ms": 4, "clip_on": False} | style
    axis.plot(*table[NAMES].T.to_numpy(), "o", **style)


figure, axes = plt.subplots(
    2, 2, sharex=True, sharey=True, figsize=(7.2, 5.4)
)
for axis, (name, table) in zip(axes.flat, tables.items(), strict=True):
    axis.contour(rates, widths, hill, [0.6], colors="gray")
    axis.set_xscale("log")
    axis.minorticks_off()
    axis.set_title(name)
    if name == "GridSearch":
        dots(axis, table, linestyle="-", linewidth=0.6)
    elif name == "BayesianOptimization":
        dots(axis, table.head(6), markerfacecolor="none")
        dots(axis, table.iloc[6:])
    elif name == "Hyperband":
        for epochs, part in table.groupby("tuner/epochs"):
            dots(axis, part, ms=3 * epochs**0.5)
    else:
        dots(axis, table)
for axis in axes[:, 0]:
    axis.set_yticks([16, 136, 256])
    axis.set_ylabel("units")
for axis in axes[1]:
    axis.set_xlabel("learning rate")
plt.show()

# %% [markdown]
# Between the gray lines the score is above 0.6, which no tuner is told.
# The line through the grid is its order. Hollow dots are the random
# trials with which Bayesian optimisation begins. The larger a dot of
# Hyperband, the more epochs it was given.
#
# ## RandomSearch: a row of seeds
#
# Nothing is decided during a random search. The oracle's seed counts up
# by one with each value drawn, and the value follows from that seed and
# the hyperparameter's scale. So the whole search can be written down
# without running it:

# %%
seeds = iter(range(SEED, SEED + 1000))
foretold = [
    [hp.random_sample(next(seeds)) for hp in space().space]
    for _ in range(24)
]
assert foretold == tables["RandomSearch"][NAMES].to_numpy().tolist()
print("foretold:", len(foretold), "of 24 trials")

# %% [markdown]
# Which is why [seeds that are
# close](../how_to/reproducible_searches.py#seeds-that-are-too-close) make nearly
# the same search. Draws are uniform on the scale of the hyperparameter. That
# scale decides where the trials go. The same range on two scales, share
# of draws in each decade:

# %%
rows = {}
for sampling in ("linear", "log"):
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling=sampling)
    draws = [hp.space[0].random_sample(seed) for seed in range(3000)]
    decades = np.histogram(np.log10(draws), bins=[-4, -3, -2, -1])[0]
    rows[sampling] = decades / len(draws)
columns = ["0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1"]
share = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
display(share.round(2).rename_axis("sampling"))
assert (share.loc["log"].sub(1 / 3).abs() < 0.03).all()
assert share.loc["linear"].iloc[-1] > 0.85

# %% [markdown]
# The values of a hyperparameter hardly ever repeat: above, each trial
# tried another learning rate, where the grid tried few, each of them
# often. If only some hyperparameters matter, that is what makes random
# search the better one of the two
# ([Bergstra and Bengio, 2012](https://jmlr.org/papers/v13/bergstra12a.html)).
# It remembers one thing: which sets of values were tried. A set that was
# is drawn again, and after too many such draws in a row
# [the search ends](../grid_search.py#why-random-search-misses-some).

# %%
tried = tables["RandomSearch"]["learning_rate"].nunique()
assert tried == 24
assert tables["GridSearch"]["learning_rate"].nunique() == 4

# %% [markdown]
# ## GridSearch: a counter
#
# It goes from one combination to the next as a counter does: the last
# hyperparameter first, and when that is through, the one before it. The
# line in its panel runs up each column before it moves right. It knows
# its place and no score.

# %%
grid = tables["GridSearch"]
assert grid["learning_rate"].is_monotonic_increasing
for _, column in grid.groupby("learning_rate"):
    assert column["units"].is_monotonic_increasing
    assert len(column) == 6

# %% [markdown]
# The steps are ours. Which values a range without steps becomes, and
# what `max_trials` cuts off,
# [has a page](../grid_search.py#which-values-a-range-becomes).
#
# ## BayesianOptimization: a model of the scores
#
# The first trials, three for each hyperparameter, are
# [those of RandomSearch](../bayesian_optimization.py#against-randomsearch).
# Then, for each proposal, a Gaussian process is fitted to all completed
# trials. It gives for any point a predicted score and how uncertain that
# is ([Rasmussen and Williams, 2006](https://gaussianprocess.org/gpml/)).
#
# The oracle keeps it, in `oracle.gpr`. Ten trials, so that the last one
# was proposed from nine:

# %%
oracle = kt.oracles.BayesianOptimizationOracle(
    OBJECTIVE, max_trials=10, seed=SEED, hyperparameters=space()
)
trials = searched(oracle)
same = trials[NAMES] == tables["BayesianOptimization"][NAMES].head(10)
assert same.all(axis=None)  # the same search, cut short
known, proposed = trials.iloc[:9], trials.iloc[9]
print(oracle.gpr.kernel_, "fitted to", len(oracle.gpr.X_train_))
assert len(oracle.gpr.X_train_) == 9 and oracle.gpr.normalize_y
assert np.ndim(oracle.gpr.kernel_.length_scale) == 0


# %% [markdown]
# To the model every hyperparameter runs from 0 to 1; `value_to_prob`
# takes a value there. Scores change their sign, if more is better,
# because the oracle minimises.


# %%
def place(table):
    """Return where values are in the unit square of the model."""
    return np.array(
        [
            [hp.value_to_prob(row[hp.name]) for hp in space().space]
            for _, row in table.iterrows()
        ]
    )


def predict(gpr, places):
    """Return the predicted scores, and their uncertainty."""
    mean, deviation = gpr.predict(places, return_std=True)
    return -mean, deviation


score, doubt = predict(oracle.gpr, place(known))
miss = abs(score - known["score"]).max()
print(f"misses a known score by at most {miss:.6f}")
assert np.allclose(score, known["score"], atol=0.02)

# %% [markdown]
# The next trial goes where *predicted score + `beta` × uncertainty* is
# highest, the upper confidence bound
# ([Srinivas et al., 2010](https://arxiv.org/abs/0912.3995); Keras Tuner
# names [Garnett's notes](https://www.cse.wustl.edu/~garnett/cse515t/spring_2015/files/lecture_notes/12.pdf)).
# Keras Tuner looks for that place by climbing from fifty random points.
# Here the whole square is computed instead, on a fine grid:

# %%
FINE = 121
line = np.linspace(0, 1, FINE)
square = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
score, doubt = predict(oracle.gpr, square)
bound = score + oracle.beta * doubt
at_score, at_doubt = predict(oracle.gpr, place(trials.tail(1)))
at_proposal = at_score[0] + oracle.beta * at_doubt[0]
print(f"highest bound on the grid  {bound.max():.4f}")
print(f"bound at the real proposal {at_proposal:.4f}")
assert abs(at_proposal - bound.max()) < 0.01 * np.ptp(bound)

# %% alt="Three panels of learning rate and units with the nine known trials as dots: contour lines of the predicted score, of the uncertainty, which is low around the dots, and of the bound made of both. A star marks the next trial, at the highest bound." figure="acquisition"
figure, axes = plt.subplots(1, 3, sharey=True, figsize=(7.2, 3))
panels = {
    "predicted score": score,
    "uncertainty": doubt,
    f"score + {oracle.beta} × uncertainty": bound,
}
for axis, (title, heights) in zip(axes, panels.items(), strict=True):
    heights = heights.reshape(FINE, FINE)[::6, ::6]
    drawn = axis.contour(rates, widths, heights, 4, cmap="viridis")
    axis.clabel(drawn, drawn.levels[::2], fontsize=8)
    axis.set_xscale("log")
    axis.minorticks_off()
    dots(axis, known, color="gray")
    axis.plot(*proposed[NAMES], "*", color="C3", ms=12)
    axis.set_title(title, fontsize=11)
    axis.set_xlabel("learning rate")
axes[0].set_ylabel("units")
plt.show()

# %% [markdown]
# The star is the real tenth trial. A promising place and an unknown one
# can be worth the same, so far corners are visited now and then.
#
# The kernel printed above is a Matérn one with a single `length_scale`:
# the model takes the score to change as fast along one hyperparameter's
# range as along any other's. One that doesn't matter, or a range that is far too
# wide, makes it a worse model of the rest.
#
# ### What beta does
#
# The same nine trials, and the proposal under other values of `beta`:


# %%
def propose(**settings):
    """Propose once after the nine trials; return oracle and row."""
    again = kt.oracles.BayesianOptimizationOracle(
        OBJECTIVE, seed=SEED, hyperparameters=space(), **settings
    )
    again.trials = {
        number: trial
        for number, trial in oracle.trials.items()
        if int(number) < 9
    }
    values = again.populate_space("next")["values"]
    return again, pd.DataFrame([values])


# %%
rows = {}
for beta in (0.0, 2.6, 20.0):
    again, values = propose(beta=beta)
    at_score, at_doubt = predict(again.gpr, place(values))
    rows[beta] = values.loc[0].to_dict() | {
        "predicted score": at_score[0],
        "uncertainty": at_doubt[0],
    }
betas = pd.DataFrame(rows).T.rename_axis("beta")
display(betas.round(4))
assert betas["uncertainty"].is_monotonic_increasing
assert betas["predicted score"].is_monotonic_decreasing

# %% [markdown]
# With 0 it goes where the score should be best, and learns little that
# is new. The larger `beta`, the more it goes where it knows least.
#
# ### What alpha does
#
# `alpha` is how noisy the scores are taken to be. Without noise the
# model goes through each of them; with much of it, it smooths.

# %%
rows = {}
for alpha in (1e-4, 1e-2, 1.0):
    again, _ = propose(alpha=alpha)
    at_score, at_doubt = predict(again.gpr, place(known))
    rows[alpha] = {
        "noise it stands for": alpha**0.5 * known["score"].std(ddof=0),
        "largest miss": abs(at_score - known["score"]).max(),
        "uncertainty there": at_doubt.mean(),
    }
alphas = pd.DataFrame(rows).T.rename_axis("alpha")
display(alphas.round(4))
for column in alphas:
    assert alphas[column].is_monotonic_increasing

# %% [markdown]
# The scores are brought to a standard deviation of 1 before the fit, so
# `alpha` is the variance of the noise in that unit. If
# [training again](../evidence/how_sure.py) moves a score by a tenth of what
# scores differ by, that is `alpha=0.01`, a hundred times the default.
#
# ### Choices and integers
#
# A list of choices becomes as many equal parts of the range from 0 to 1,
# in the order of the list, and so do the steps of an integer. A value
# stands in the middle of its part, and any proposal within the part is
# that value.

# %%
kinds = kt.HyperParameters()
kinds.Choice("Choice", ["relu", "tanh", "elu"])
kinds.Int("Int", 1, 4)
kinds.Float("Float, log", 0.001, 0.1, sampling="log", step=10)
kinds.Float("Float", 0.0, 1.0)
for hp in kinds.space:
    values = [0.25, 0.5] if hp.name == "Float" else list(hp.values)
    places = [round(hp.value_to_prob(value), 3) for value in values]
    back = [hp.prob_to_value(place) for place in places]
    print(f"{hp.name:10} {values} are at {places}")
    assert np.all(np.array(back) == np.array(values))

# %% [markdown]
# Nothing says that a part has been tried, so
# [the same values come again](../bayesian_optimization.py#it-repeats-itself).
#
# ## Hyperband: a race of random draws
#
# Where do its values come from? From the same row of seeds. Leave out
# the trials that continue others, and what remains is RandomSearch:

# %%
hyperband = tables["Hyperband"]
fresh = hyperband[hyperband["tuner/round"] == 0][NAMES].to_numpy()
assert fresh.tolist() == foretold[: len(fresh)]
print(len(fresh), "fresh draws of", len(hyperband), "trials")

# %% [markdown]
# No bracket learns where to draw from the brackets before it
# ([Li et al., 2018](https://jmlr.org/papers/v18/16-558.html)). Scores
# decide who goes on, within a round and nowhere else:

# %% alt="Three panels, one for each bracket, of scores against the epochs of a round. In each round the highest dots are filled and joined to a dot in the next round; the others are hollow and end there." figure="promotions"
order = ["tuner/bracket", "tuner/round"]
going_on = set(hyperband["tuner/trial_id"].dropna().astype(int))
figure, axes = plt.subplots(1, 3, sharey=True, figsize=(7.2, 3))
for axis, bracket in zip(axes, (2, 1, 0), strict=True):
    rounds = hyperband[hyperband["tuner/bracket"] == bracket]
    for number, trial in rounds.iterrows():
        epochs = str(trial["tuner/epochs"])
        kept = number in going_on or epochs == "9"
        if trial["tuner/round"]:
            parent = hyperband.loc[int(trial["tuner/trial_id"])]
            before = str(parent["tuner/epochs"])
            scores = [parent["score"], trial["score"]]
            axis.plot([before, epochs], scores, "C0", linewidth=0.8)
        face = "C0" if kept else "none"
        axis.plot(
            epochs,
            trial["score"],
            "o",
            color="C0",
            markerfacecolor=face,
        )
    axis.margins(x=0.2)
    axis.set_title(f"bracket {bracket}")
    axis.set_xlabel("epochs")
axes[0].set_ylabel("score")
plt.show()

# %%
for (bracket, turn), rounds in hyperband.groupby(order):
    following = hyperband[
        (hyperband["tuner/bracket"] == bracket)
        & (hyperband["tuner/round"] == turn + 1)
    ]
    parents = set(following["tuner/trial_id"].astype(int))
    best = rounds["score"].nlargest(len(following)).index
    assert parents == set(best)
    print(f"bracket {bracket:.0f} round {turn:.0f}:", end=" ")
    print(f"{len(following)} of {len(rounds)} promoted")

# %% [markdown]
# Asserted above: those promoted are the best of their round, each time.
# What a round doesn't look at: how fast a score is rising, what a longer
# training might bring, how much a trial cost, and the scores of other
# rounds. Here the formula can say who would have been best of the first
# bracket in the end, and where that one stood after the first round:

# %%
first = hyperband[
    (hyperband["tuner/bracket"] == 2) & (hyperband["tuner/round"] == 0)
]
in_the_end = made_up(first["learning_rate"], first["units"])
would_win = in_the_end.idxmax()
rank = first["score"].rank(ascending=False).astype(int)[would_win]
print(
    f"trial {would_win} would be best; at first it was number {rank},"
)
print("and was", "promoted" if would_win in going_on else "dropped")

# %% [markdown]
# Of equal scores the older trial goes on. On a few images accuracies are
# often equal, and then age decides:


# %%
class AllEqual(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return 0.5


equal = searched(
    kt.oracles.HyperbandOracle(
        OBJECTIVE, max_epochs=9, seed=SEED, hyperparameters=space()
    ),
    AllEqual,
)
second = equal[equal["tuner/round"] == 1].groupby("tuner/bracket")
parents = second["tuner/trial_id"].agg(list)
print("promoted in bracket 2:", parents[2])
assert [int(number) for number in parents[2]] == [0, 1, 2]

# %% [markdown]
# ## Side by side
#
# Two experiments on all four. Each search is run again with every score
# turned upside down: are other values tried? And each is given a space of
# three values and up to six trials.


# %%
class UpsideDown(MadeUp):
    def run_trial(self, trial, **kwargs):
        return 1 - super().run_trial(trial, **kwargs)


class Choices(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return len(trial.hyperparameters.get("activation")) / 10


CLASSES = {
    "RandomSearch": (kt.oracles.RandomSearchOracle, {"max_trials": 7}),
    "GridSearch": (kt.oracles.GridSearchOracle, {"max_trials": 7}),
    "BayesianOptimization": (
        kt.oracles.BayesianOptimizationOracle,
        {"max_trials": 7},
    ),
    "Hyperband": (kt.oracles.HyperbandOracle, {"max_epochs": 9}),
}


def fresh_values(table):
    """Return the values of trials that continue no other."""
    if "tuner/round" in table:
        table = table[table["tuner/round"] == 0]
    return table[NAMES].to_numpy().tolist()


# %%
rows = {}
for name, (oracle_class, budget) in CLASSES.items():
    runs = []
    for tuner_class in (MadeUp, UpsideDown):
        oracle = oracle_class(
            OBJECTIVE,
            seed=SEED,
            hyperparameters=space(steps=name == "GridSearch"),
            **budget,
        )
        runs.append(fresh_values(searched(oracle, tuner_class)))
    three = kt.HyperParameters()
    three.Choice("activation", ["relu", "tanh", "softplus"])
    if "max_trials" in budget:
        budget = {"max_trials": 6}
    oracle = oracle_class(
        OBJECTIVE, seed=SEED, hyperparameters=three, **budget
    )
    small = searched(oracle, Choices)
    rows[name] = {
        "scores move its draws": runs[0] != runs[1],
        "trials in a space of three": len(small),
        "values tried there": small["activation"].nunique(),
    }
computed = pd.DataFrame(rows).T

# %%
said = pd.DataFrame(
    {
        "remembers": {
            "RandomSearch": "which values were tried",
            "GridSearch": "its place in the order",
            "BayesianOptimization": "every completed trial's score",
            "Hyperband": "which values were tried; scores of a round",
        },
        "needs": {
            "RandomSearch": "nothing",
            "GridSearch": "short lists, or steps",
            "BayesianOptimization": "few to tune, mostly numbers",
            "Hyperband": "epochs, and first ones that tell",
        },
        "ends": {
            "RandomSearch": "at max_trials, or when draws repeat",
            "GridSearch": "after all of them, or at max_trials",
            "BayesianOptimization": "at max_trials",
            "Hyperband": "after its schedule, or when draws repeat",
        },
    }
)
with pd.option_context("display.max_colwidth", None):
    display(said.join(computed))

# %%
assert computed["scores move its draws"].tolist() == [0, 0, 1, 0]
trials_run = computed["trials in a space of three"]
assert trials_run["BayesianOptimization"] == 6
assert trials_run["GridSearch"] == 3 >= trials_run["RandomSearch"]

# %% [markdown]
# ## What this page did not show
#
# - Which tuner finds more. One made-up hill says nothing about that:
#   [which tuner?](../evidence/which_tuner.py)
# - Several workers at once. A Bayesian oracle then also takes in the
#   trials that are still running, at a pessimistic guess of their score,
#   and Hyperband may start a new bracket before the last one is through.
# - Conditional spaces, where a hyperparameter may be inactive: see
#   [conditional spaces](../how_to/conditional_spaces.py).
# - Failed trials. Each tuner leaves them out of what it learns, and in
#   Hyperband [they leave a
#   gap](../how_to/failed_trials.py#under-hyperband-a-failure-costs-more).
