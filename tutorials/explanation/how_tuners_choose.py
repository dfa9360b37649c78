# %% [markdown] index="how each tuner chooses; acquisition function; upper confidence bound; exploration; exploitation; Matern kernel; successive halving; value_to_prob"
# # How each tuner chooses
#
# What decides the values of the next trial under each tuner of Keras
# Tuner, drawn from its real oracle on a problem that costs nothing.
#
# - [**RandomSearch**](../random_search.py) draws from a row of seeds,
#   [**GridSearch**](../grid_search.py) counts through all combinations.
#   Scores change neither.
# - [**BayesianOptimization**](../bayesian_optimization.py) goes where
#   *predicted score plus `beta` times uncertainty*, the
#   [acquisition function](../../reference/glossary.md#acquisition-function),
#   is highest.
# - [**Hyperband**](../hyperband.py) draws as RandomSearch does. Scores only
#   decide about [promotion](../../reference/glossary.md#promotion): about a
#   third of each round goes on, with the usual `factor=3`.
#
# The values of `x` that each tries, in order; the best is 0.7:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import keras_tuner as kt


class Hill(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        x = trial.hyperparameters.get("x")
        print(f"{x:.2f}", end=" ")
        return 1 - (x - 0.7) ** 2


line, score = kt.HyperParameters(), kt.Objective("score", "max")
line.Float("x", 0.0, 1.0)
for name in ("RandomSearch", "GridSearch", "BayesianOptimization"):
    made = getattr(kt.oracles, f"{name}Oracle")
    oracle = made(score, seed=1, hyperparameters=line.copy())
    print(f"\n{name:20}", end=" ")
    Hill(oracle, directory="searches", overwrite=True).search(verbose=0)

# %%
import warnings

import keras
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
# A formula with one hill takes the place of training. In it, wide
# networks need small learning rates, which take more epochs.


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
        rate, units = values["learning_rate"], values["units"]
        return float(
            made_up(rate, units, values.get("tuner/epochs", 9))
        )


# %%
def space(steps=False):
    """Return the space; with steps, it has 24 points."""
    hp = kt.HyperParameters()
    scale = {"sampling": "log", "step": 10 if steps else None}
    hp.Float("learning_rate", 1e-4, 1e-1, **scale)
    hp.Int("units", 16, 256, step=48 if steps else 1)
    return hp


# %%
from snippets.results.trials_table import trials_table


# %%
def searched(oracle, tuner_class=MadeUp):
    """Search with an oracle; return its trials in order."""
    names = {"directory": "searches", "overwrite": True}
    names["project_name"] = "how_tuners_choose"
    tuner = tuner_class(oracle, **names)
    tuner.search(verbose=0)
    return trials_table(tuner).sort_index()


# %%
SEED, NAMES = 1000, ["learning_rate", "units"]
BUDGETS = {
    "RandomSearch": {"max_trials": 24},
    "GridSearch": {},
    "BayesianOptimization": {"max_trials": 24},
    "Hyperband": {"max_epochs": 9},
}


def oracle_of(name, **settings):
    """Return the oracle of a tuner."""
    return getattr(kt.oracles, f"{name}Oracle")(
        kt.Objective("score", "max"),
        seed=SEED,
        hyperparameters=space(name == "GridSearch"),
        **settings,
    )


# %%
tables = {
    name: searched(oracle_of(name, **budget))
    for name, budget in BUDGETS.items()
}
for name, table in tables.items():
    tried = ", ".join(f"{table[n].nunique()} {n}" for n in NAMES)
    print(f"{name}: {len(table)} trials, values tried: {tried}")

# %%
rates = np.geomspace(1e-4, 1e-1, 21)
widths = np.linspace(16, 256, 21)
hill = made_up(rates, widths[:, None])


def dots(axis, table, **style):
    style = {"color": "C0", "ms": 4, "clip_on": False} | style
    axis.plot(*table[NAMES].T.to_numpy(), "o", **style)


# %%
def show(axis, name, table):
    """Draw the trials of a tuner."""
    if name == "BayesianOptimization":
        dots(axis, table.head(6), markerfacecolor="none")
        table = table.iloc[6:]
    epochs = table.get("tuner/epochs", pd.Series(2, table.index))
    line = "-" if name == "GridSearch" else ""
    for number, part in table.groupby(epochs):
        dots(axis, part, ms=3 * number**0.5, linestyle=line, lw=0.6)


# %% alt="Four panels, one for each tuner, of learning rate and units, with a line around the top of a hill. RandomSearch: dots all over. GridSearch: four columns of six dots, joined from bottom to top and left to right. BayesianOptimization: six hollow dots all over, then filled ones, most of them near the top of the hill, others at the borders. Hyperband: dots all over, larger where trials were trained longer." caption="Only Bayesian optimisation gathers its trials near the top of the hill; Hyperband trains some of its random draws for longer." figure="four-tuners"
figure, axes = plt.subplots(2, 2, sharey=True, figsize=(7.2, 5.4))
for axis, (name, table) in zip(axes.flat, tables.items(), strict=True):
    axis.contour(rates, widths, hill, [0.6], colors="gray")
    show(axis, name, table)
    axis.set(xscale="log", title=name)
    axis.minorticks_off()
    axis.label_outer()
plt.setp(axes[:, 0], yticks=[16, 136, 256], ylabel="units")
plt.setp(axes[1], xlabel="learning rate")
plt.show()

# %% [markdown]
# The gray line marks a score of 0.6. Hollow dots are random first trials;
# larger dots trained longer.
#
# ## RandomSearch: a row of seeds
#
# The oracle's seed counts up by one with each value drawn, and the value
# follows from that seed and the hyperparameter's scale:

# %%
seeds = iter(range(SEED, SEED + 1000))
foretold = [
    [hp.random_sample(next(seeds)) for hp in space().space]
    for _ in range(24)
]
assert foretold == tables["RandomSearch"][NAMES].to_numpy().tolist()
print("foretold:", len(foretold), "of 24 trials")

# %% [markdown]
# So [close
# seeds](../how_to/reproducible_searches.py#seeds-that-are-too-close) make
# nearly the same search. Draws are uniform on the hyperparameter's scale.
# For one range on two scales, the share of draws in each decade:

# %%
rows = {}
for sampling in ("linear", "log"):
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling=sampling)
    draws = [hp.space[0].random_sample(seed) for seed in range(3000)]
    decades = np.histogram(np.log10(draws), bins=[-4, -3, -2, -1])[0]
    rows[sampling] = decades / len(draws)
decades = ["0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1"]
share = pd.DataFrame(rows, index=decades).T.rename_axis("sampling")
display(share.round(2))
assert (share.loc["log"].sub(1 / 3).abs() < 0.03).all()

# %% [markdown]
# In the figure above, each random trial tried another learning rate,
# where the grid tried few. If only some hyperparameters matter, that
# makes random search the better of the two ([Bergstra and Bengio,
# 2012](https://jmlr.org/papers/v13/bergstra12a.html)). Values that were
# tried before are drawn again, and after too many
# [collisions](../../reference/glossary.md#collision) in a row [the search
# ends](../grid_search.py#why-random-search-misses-some).
#
# ## GridSearch: a counter
#
# It counts through the combinations, the last hyperparameter first: in the
# figure above, up each column, then right.

# %%
points = tables["GridSearch"][NAMES].to_numpy().tolist()
assert points == sorted(points)

# %% [markdown]
# ## BayesianOptimization: a model of the scores
#
# After [three random
# trials](../bayesian_optimization.py#against-randomsearch) for each
# hyperparameter, a Gaussian process is fitted to all completed trials
# before each proposal. For any point it gives a predicted score and its
# uncertainty ([Rasmussen and Williams,
# 2006](https://gaussianprocess.org/gpml/)). Here are ten trials, the
# last proposed from the other nine:

# %%
oracle = oracle_of("BayesianOptimization", max_trials=10)
trials = searched(oracle)
known, proposed = trials.iloc[:9], trials.iloc[9]
print(oracle.gpr.kernel_, "fitted to", len(oracle.gpr.X_train_))
assert oracle.gpr.normalize_y

# %% [markdown]
# To the model every hyperparameter runs from 0 to 1, by `value_to_prob`.
# Scores change their sign if more is better, because the oracle minimises.


# %%
def place(table):
    """Return where values are in the unit square of the model."""
    tuned = space().space
    places = [table[hp.name].map(hp.value_to_prob) for hp in tuned]
    return np.transpose(places)


def predict(gpr, places):
    """Return the predicted scores, and their uncertainty."""
    mean, deviation = gpr.predict(places, return_std=True)
    return -mean, deviation


# %% [markdown]
# The next trial goes where *predicted score + `beta` × uncertainty* is
# highest, the upper confidence bound ([Srinivas et al.,
# 2010](https://arxiv.org/abs/0912.3995)). Keras Tuner climbs from fifty
# random points; this page computes a fine grid:

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
panels = {"predicted score": score, "uncertainty": doubt}
panels[f"score + {oracle.beta} × uncertainty"] = bound

# %% alt="Three panels of learning rate and units with the nine known trials as dots: contour lines of the predicted score, of the uncertainty, which is low around the dots, and of the bound made of both. A star marks the next trial, at the highest bound." caption="The next trial goes where score and uncertainty together are highest, between the best known trials and the unknown." figure="acquisition"
figure, axes = plt.subplots(1, 3, sharey=True, figsize=(7.2, 3))
for axis, (title, heights) in zip(axes, panels.items(), strict=True):
    heights = heights.reshape(FINE, FINE)[::6, ::6]
    drawn = axis.contour(rates, widths, heights, 4, cmap="viridis")
    axis.clabel(drawn, drawn.levels[::2], fontsize=8)
    dots(axis, known, color="gray")
    axis.plot(*proposed[NAMES], "*", color="C3", ms=12)
    axis.set(xscale="log", xlabel="learning rate", title=title)
    axis.minorticks_off()
axes[0].set_ylabel("units")
plt.show()

# %% [markdown]
# A promising place and an unknown one can be worth the same, so far
# corners are visited now and then.
#
# The Matérn kernel printed above has one `length_scale`: the score is taken
# to change as fast along every range. A hyperparameter that doesn't matter,
# or a far too wide range, makes the model worse.
#
# ### What beta does
#
# The proposal after the same nine trials, under other values of `beta`:


# %%
def propose(**settings):
    """Propose once after the nine trials; return oracle and row."""
    again = oracle_of("BayesianOptimization", **settings)
    again.trials = dict(list(oracle.trials.items())[:9])
    values = again.populate_space("next")["values"]
    return again, pd.DataFrame([values])


# %%
rows = {}
for beta in (0.0, 2.6, 20.0):
    again, values = propose(beta=beta)
    score, doubt = predict(again.gpr, place(values))
    rows[beta] = values.assign(predicted=score, uncertainty=doubt)
betas = pd.concat(rows, names=["beta"]).droplevel(1)
display(betas.round(4))
assert betas["uncertainty"].is_monotonic_increasing
assert betas["predicted"].is_monotonic_decreasing

# %% [markdown]
# With `beta=0` the next trial goes where the score should be best. The
# larger `beta` is, the more it goes where the model knows least.
#
# ### What alpha does
#
# `alpha` says how noisy the scores are taken to be. The larger it is, the
# more the model smooths.

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
assert (alphas.diff().iloc[1:] > 0).all(axis=None)

# %% [markdown]
# `alpha` is the variance of the noise in scores that are scaled to a
# standard deviation of 1. If [training again](../evidence/how_sure.py)
# moves a score by a tenth of that deviation, this is `alpha=0.01`, a
# hundred times the default.
#
# ### Choices and integers
#
# Choices, in the order of their list, are equal parts of the range from 0
# to 1, as are the steps of an integer. A value lies in the middle of its
# part, and any proposal within the part is that value.

# %%
kinds = kt.HyperParameters()
kinds.Choice("Choice", ["relu", "tanh", "elu"])
kinds.Int("Int", 1, 4)
kinds.Float("Float, log", 0.001, 0.1, sampling="log", step=10)
for hp in kinds.space:
    values = list(hp.values)
    places = [round(hp.value_to_prob(value), 3) for value in values]
    back = [hp.prob_to_value(place) for place in places]
    print(f"{hp.name:10} {values} are at {places}")
    assert np.all(np.array(back) == np.array(values))

# %% [markdown]
# Nothing marks a part as tried, so [the same values come
# again](../bayesian_optimization.py#it-repeats-itself).
#
# ## Hyperband: a race of random draws
#
# Trials that don't continue another are those of RandomSearch, from the
# same row of seeds:

# %%
hyperband = tables["Hyperband"]
fresh = hyperband[hyperband["tuner/round"] == 0][NAMES].to_numpy()
assert fresh.tolist() == foretold[: len(fresh)]
hyperband["parent"] = hyperband["tuner/trial_id"].astype("Int64")
going_on = set(hyperband["parent"].dropna())
print(len(fresh), "fresh draws of", len(hyperband), "trials")

# %% [markdown]
# No bracket learns from earlier ones where to draw ([Li et al.,
# 2018](https://jmlr.org/papers/v18/16-558.html)).

# %% alt="Three panels, one for each bracket, of scores against the epochs of a round. In each round the highest dots are filled and joined to a dot in the next round; the others are hollow and end there." caption="In each round the highest scores go on, and nothing else counts." figure="promotions"
figure, axes = plt.subplots(1, 3, sharey=True, figsize=(7.2, 3))
for number, trial in hyperband.iterrows():
    axis = axes[2 - int(trial["tuner/bracket"])]
    epochs, score = str(trial["tuner/epochs"]), trial["score"]
    if trial["tuner/round"]:
        parent = hyperband.loc[trial["parent"]]
        line = [str(parent["tuner/epochs"]), epochs]
        axis.plot(line, [parent["score"], score], "C0", lw=0.8)
    face = "C0" if number in going_on or epochs == "9" else "none"
    axis.plot(epochs, score, "oC0", markerfacecolor=face)
for axis, bracket in zip(axes, (2, 1, 0), strict=True):
    axis.set(title=f"bracket {bracket}", xlabel="epochs")
    axis.margins(x=0.2)
axes[0].set_ylabel("score")
plt.show()

# %%
steps = hyperband.groupby(["tuner/bracket", "tuner/round"])
for (bracket, turn), rounds in steps:
    parents = going_on & set(rounds.index)
    assert parents == set(rounds["score"].nlargest(len(parents)).index)
    print(f"bracket {bracket:.0f} round {turn:.0f}:", end=" ")
    print(f"{len(parents)} of {len(rounds)} promoted")

# %% [markdown]
# A round doesn't look at how fast a score is rising, what a trial cost, or
# other rounds. Of equal scores, frequent on few images, the older trial
# goes on:


# %%
class AllEqual(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return 0.5


equal = searched(oracle_of("Hyperband", max_epochs=9), AllEqual)
second = equal[equal["tuner/round"] == 1].groupby("tuner/bracket")
parents = second["tuner/trial_id"].agg(list)
print("promoted in bracket 2:", parents[2])

# %% [markdown]
# ## Side by side
#
# | tuner | needs | ends |
# |---|---|---|
# | RandomSearch | nothing | at `max_trials`, or when draws repeat |
# | GridSearch | short lists, or steps | after all combinations, or at `max_trials` |
# | BayesianOptimization | few to tune, mostly numbers | at `max_trials` |
# | Hyperband | epochs whose first scores foretell the last | after its schedule, or when draws repeat |
#
# ## What this page did not show
#
# - Which tuner finds more. One made-up hill says nothing about that:
#   [which tuner?](../evidence/which_tuner.py)
# - Several workers. A Bayesian oracle then also takes in running trials,
#   at a pessimistic guess of their score, and Hyperband may start a
#   bracket before the last one is through.
# - Failed trials. No tuner learns from them, and in Hyperband [they leave
#   a gap](../how_to/failed_trials.py#under-hyperband-a-failure-costs-more).
