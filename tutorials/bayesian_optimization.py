# %% [markdown] index="BayesianOptimization; num_initial_points; beta; alpha; Gaussian process; OPENBLAS_NUM_THREADS; slow proposals; takes long"
# # Bayesian optimisation
#
# Let a model of the scores propose the next trial: watch its
# [proposals](../reference/glossary.md#proposal), race them against random
# ones, and time them.
#
# - Use it for trials of minutes and a handful of hyperparameters, mostly
#   numbers. On this page's small problem it shows no gain; [Which
#   tuner?](evidence/many_problems.py) has larger ones.
# - A proposal takes from a fraction of a second to several seconds. In
#   that time, `RandomSearch` runs more short trials.
# - In a small space of choices it repeats itself: use
#   [`GridSearch`](grid_search.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
tuner = kt.BayesianOptimization(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    num_initial_points=2,
    seed=1,
    directory="searches",
    project_name="bayesian_optimization_opening",
)
tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)
print("Best of three:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# After `num_initial_points` random trials, a [Gaussian
# process](../reference/glossary.md#gaussian-process), fitted to the scores
# so far, proposes where the score should be good or is still uncertain.

# %%
import os
import time
import warnings

import keras
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## Watch the proposals move
#
# To compare whole searches, the trials here are cheap: kernel ridge
# regression, scored by three-fold
# [cross-validation](../reference/glossary.md#cross-validation). A snippet
# computes the same proposals in less time.

# %%
from snippets.searches.quick_proposals import quick_proposals

# %%
from snippets.results.trials_table import trials_table

# %%
x, y = load_diabetes(return_X_y=True)
x, y = scale(x), y - y.mean()


class Ridge:
    def run_trial(self, trial, **kwargs):
        """Return the cross-validated root mean squared error."""
        values = trial.hyperparameters.values
        model = KernelRidge(kernel="rbf", **values)
        scoring = "neg_root_mean_squared_error"
        scores = cross_val_score(model, x, y, cv=3, scoring=scoring)
        return {"error": -scores.mean()}


class RandomRidge(Ridge, kt.RandomSearch):
    pass


class BayesianRidge(Ridge, quick_proposals(kt.BayesianOptimization)):
    pass


# %%
space = kt.HyperParameters()  # told, as no hypermodel can be asked
space.Float("alpha", 1e-4, 1e2, sampling="log")
space.Float("gamma", 1e-6, 1e1, sampling="log")


# %%
def search(tuner_class, max_trials=16, space=space, **settings):
    """Search a space, by default the ridge's; return the tuner."""
    tuner = tuner_class(
        hyperparameters=space.copy(),  # tuners add to it
        objective=kt.Objective("error", "min"),
        max_trials=max_trials,
        directory="searches",
        project_name="bayesian_optimization_ridge",
        overwrite=True,
        **settings,
    )
    with threadpool_limits(1, user_api="blas"):
        tuner.search(verbose=0)
    return tuner


# %% alt="Three panels of dots against the trial's number: alpha, gamma and the error. A dashed line marks where random trials end and the model's proposals begin." caption="Left of the dashed line trials are scattered; right of it they return to what scored well, and visit an end of a range now and then." figure="proposals"
trials = trials_table(search(BayesianRidge, seed=1)).sort_index()
figure, axes = plt.subplots(3, sharex=True, figsize=(6.4, 5.2))
for axis, name in zip(axes, ["alpha", "gamma", "error"], strict=True):
    axis.scatter(trials.index, trials[name])
    axis.axvline(5.5, linestyle="--", color="gray")
    axis.set_ylabel(name)
    axis.set_yscale("linear" if name == "error" else "log")
axes[-1].set(xlabel="trial", xticks=range(0, 16, 2))
plt.show()

# %% [markdown]
# The model is least certain at the ends of a range.
#
# ## Against RandomSearch
#
# To tell whether proposals find more takes many searches, with seeds that
# are [far
# apart](how_to/reproducible_searches.py#seeds-that-are-too-close).

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
RACERS = {"RandomSearch": RandomRidge, "Bayesian": BayesianRidge}
tables = []
for name, tuner_class in RACERS.items():
    for seed in independent_seeds(6):
        begun = time.perf_counter()
        tuner = search(tuner_class, seed=seed)
        seconds = time.perf_counter() - begun
        table = trials_table(tuner).sort_index()
        table = table.assign(tuner=name, seed=seed, seconds=seconds)
        table["best"] = table["error"].cummin()
        tables.append(table.reset_index())
races = pd.concat(tables)
runs = races.pivot(index="trial", columns=["tuner", "seed"])

# %% [markdown]
# With the same seed, both tuners begin with the same six random trials.

# %%
alphas = runs["alpha"]
shared = (alphas["RandomSearch"] == alphas["Bayesian"]).all(axis=1)
print("trials in common:", shared.sum())
assert shared[:6].all() and not shared[6:].any()

# %% alt="Best error so far against the number of trials: thin lines for the seeds of each tuner and a thick line for their mean. The tuners share their first six trials." caption="The tuners part after the dashed line; the thin lines, one for each seed, overlap." figure="best-so-far"
figure, axis = plt.subplots()
for name, color in zip(RACERS, ("C0", "C1"), strict=True):
    best = runs["best"][name]
    axis.plot(best, color=color, alpha=0.3)
    axis.plot(best.mean(axis=1), color=color, linewidth=3, label=name)
axis.axvline(5.5, linestyle="--", color="gray")
axis.set(xlabel="trial", ylabel="lowest error so far")
axis.set_xticks(range(0, 16, 2))
axis.legend()
plt.show()

# %%
from snippets.results.compare_runs import compare_runs

# %%
last = races[races["trial"] == races["trial"].max()]
best = last.pivot(index="seed", columns="tuner", values="best")
errors = compare_runs(best, reference="RandomSearch", paired=True)
print("Lowest error of a search, and the difference per seed:")
display(errors.rename_axis("tuner").round(3))
print("Seconds of a search, the median:")
display(last.groupby("tuner")[["seconds"]].median().round(2))
interval = errors.loc["Bayesian", "difference_low":"difference_high"]
assert interval.abs().max() < 0.02 * errors["mean"].min()

# %% [markdown]
# Where the interval from `difference_low` to `difference_high` contains
# 0, no difference is shown. Either way, the difference is a small part of
# the error. Even with the snippet, proposals take a large part of the
# time of a Bayesian search. Where trials take minutes, only the errors
# count. One problem of two dimensions doesn't rank the tuners in general.
#
# ## What a proposal costs
#
# Every proposal fits the Gaussian process anew and minimises over it from
# fifty starting points: thousands of very small matrix products. BLAS,
# the linear algebra library of NumPy and SciPy, by default uses one
# thread per core for each product. This is one proposal after 40 trials,
# without the snippet:

# %%
known = search(RandomRidge, max_trials=40, seed=1)


def propose():
    """Propose once after 40 trials; return the costs."""
    oracle = kt.oracles.BayesianOptimizationOracle(
        objective=kt.Objective("error", "min"),
        hyperparameters=space.copy(),
        seed=1,
    )
    oracle.trials = dict(known.oracle.trials)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    oracle.populate_space("next")
    spent = time.perf_counter() - begun
    cpu = time.process_time() - begun_cpu
    return {"seconds": spent, "CPU seconds": cpu}


# %%
costs = {}
for threads in (1, 1, os.cpu_count()):  # the first only warms up
    with threadpool_limits(threads, user_api="blas"):
        costs[threads] = propose()
costs = pd.DataFrame(costs).T.rename_axis("BLAS threads")
display(costs.round(2))

# %% [markdown]
# Threads that share so little work mostly wait for each other. To use one
# thread, put `with threadpool_limits(1, user_api="blas")` around
# `search`, which leaves TensorFlow's own threads alone, or set
# `OPENBLAS_NUM_THREADS=1` before Python starts.
#
# The cost of a proposal [grows with the
# trials](evidence/growing_searches.py). [Fast
# searches](evidence/fast_searches.py#proposals) shows what else makes
# proposals cheaper.
#
# ## Fewer random trials
#
# `num_initial_points` sets the number of random trials. If it is left out
# or 0, there are three for each hyperparameter, fixed ones included. Only
# completed trials count.

# %%
for points, expected in ((None, 6), (0, 6), (3, 3)):
    settings = {"max_trials": 7, "num_initial_points": points}
    table = trials_table(search(BayesianRidge, seed=1, **settings))
    same = table["alpha"].sort_index() == alphas["RandomSearch"][1][:7]
    print(f"num_initial_points={points}: {same.sum()} random trials")
    assert same.sum() == expected

# %% [markdown]
# The default can use up the whole search: with ten hyperparameters,
# `max_trials=30` is a random search.
#
# ## It repeats itself
#
# Unlike the other tuners, this one doesn't avoid values that were tried
# before. In a space of few values, it proposes the same ones again.


# %%
class BayesianKernel(kt.BayesianOptimization):
    def run_trial(self, trial, **kwargs):
        kernel = trial.hyperparameters.get("kernel")
        model = KernelRidge(kernel=kernel, gamma=0.01)
        return {"error": -cross_val_score(model, x, y, cv=3).mean()}


# %%
kernels = kt.HyperParameters()
kernels.Choice("kernel", ["linear", "rbf", "laplacian"])
repeating = search(BayesianKernel, max_trials=9, space=kernels, seed=1)
tried = trials_table(repeating).sort_index()["kernel"]
print("trained, in this order:", ", ".join(tried))

# %% [markdown]
# To the model, a list of choices is a number line on which neighbours
# score alike. Put the choices in a meaningful order, or use another
# tuner.

# %% [markdown]
# ## Practice
#
# **1.** You can pay for thirty trials of eight hyperparameters. How many
# does the Gaussian process propose by default, and how many with
# `num_initial_points=8`?

# %% answer="Answer 1"
print(f"proposed by default: {30 - 3 * 8}, the other 24 are random")
print(f"proposed with num_initial_points=8: {30 - 8}")

# %% [markdown]
# **2.** Where on its number line does the Gaussian process see each
# choice of `Choice("optimizer", ["sgd", "adam", "rmsprop"])`? Ask
# `value_to_prob`.

# %% answer="Answer 2"
names = ["sgd", "adam", "rmsprop"]
choice = kt.engine.hyperparameters.Choice("optimizer", names)
for name in names:
    print(f"{name}: {choice.value_to_prob(name):.2f}")
print("So it takes adam to lie between the two others.")

# %% [markdown]
# **3.** `beta` weighs uncertain places against good ones. Search the ridge
# with `beta=0.1` and with `beta=10`, twelve trials each: which trials are
# the same?

# %% answer="Answer 3"
drawn = []
for beta in (0.1, 10):
    settings = {"max_trials": 12, "beta": beta}
    table = trials_table(search(BayesianRidge, seed=1, **settings))
    drawn.append(table["alpha"].sort_index())
same = drawn[0] == drawn[1]
print("the same:", same.sum(), "of", len(same), "trials")
print("The six random trials don't depend on beta; proposals do.")
assert same[:6].all()

# %% [markdown]
# ## What this page did not show
#
# - The race in more dimensions, or on noisy scores: `alpha` tells the model
#   how much a Keras model's score varies when it trains again.
# - Which `beta` and which `num_initial_points` are best.
