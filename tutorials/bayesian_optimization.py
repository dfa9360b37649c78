# %% [markdown] index="BayesianOptimization; num_initial_points; beta; alpha; Gaussian process; OPENBLAS_NUM_THREADS; slow proposals; takes long"
# # Bayesian optimisation
#
# Let a model of the scores propose the next trial: watch its
# [proposals](../reference/glossary.md#proposal) move, race them against
# random ones, and time what they cost.
#
# `kt.BayesianOptimization` begins as a random search, with three trials
# for each hyperparameter. Then a [Gaussian
# process](../reference/glossary.md#gaussian-process), fitted to the scores so
# far, proposes every further trial: a place where the score should be
# good, or is still uncertain.
#
# It is meant for trials of minutes and a handful of hyperparameters that
# are mostly numbers; no gain is shown on this page. A proposal itself costs
# part of a second to seconds, so for short trials `RandomSearch` gives
# more trials in the same time. In a small space of choices it repeats
# itself: use [`GridSearch`](grid_search.py). What it found on larger
# problems is on [Which tuner?](evidence/many_problems.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import os
import time
import warnings

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_info, threadpool_limits

keras.utils.set_random_seed(1)
# The Gaussian process says so when a fit ends at a bound; harmless.
warnings.filterwarnings("ignore", module="sklearn.gaussian_process")

# %% [markdown]
# ## Watch the proposals move
#
# Each trial must be cheap, since this page compares whole searches, and
# still real: kernel ridge regression on scikit-learn's diabetes data,
# scored by three-fold
# [cross-validation](../reference/glossary.md#cross-validation). Two
# hyperparameters, over wide ranges, so six random trials come first.

# %%
from snippets.results.trials_table import trials_table

# %%
x, y = load_diabetes(return_X_y=True)
x, y = scale(x), y - y.mean()


class Ridge:
    def run_trial(self, trial, **kwargs):
        """Return the cross-validated root mean squared error."""
        model = KernelRidge(
            kernel="rbf", **trial.hyperparameters.values
        )
        scores = cross_val_score(
            model, x, y, cv=3, scoring="neg_root_mean_squared_error"
        )
        return {"error": -scores.mean()}


class RandomRidge(Ridge, kt.RandomSearch):
    pass


class BayesianRidge(Ridge, kt.BayesianOptimization):
    pass


# %% [markdown]
# This page makes hundreds of proposals, so it lets a snippet compute them:
# the same ones, in less time.

# %%
from snippets.searches.quick_proposals import quick_proposals

# %% [markdown]
# Without a hypermodel to ask, the tuner is told the space.


# %%
def search(tuner_class, seed, max_trials=20, **settings):
    """Search the ridge; return a row per trial, in the order drawn."""
    hp = kt.HyperParameters()
    hp.Float("alpha", 1e-4, 1e2, sampling="log")
    hp.Float("gamma", 1e-6, 1e1, sampling="log")
    name = tuner_class.__name__
    if tuner_class is BayesianRidge:
        tuner_class = quick_proposals(tuner_class)
    tuner = tuner_class(
        hyperparameters=hp,
        objective=kt.Objective("error", "min"),
        max_trials=max_trials,
        seed=seed,
        directory="searches",
        project_name=f"bayesian_optimization_{name}",
        overwrite=True,
        **settings,
    )
    with threadpool_limits(1, user_api="blas"):
        tuner.search(verbose=0)
    table = trials_table(tuner).sort_index()
    table["best"] = table["error"].cummin()
    return table, tuner


# %% [markdown]
# `threadpool_limits` makes trials and proposals cheaper; the section on
# their cost shows why.

# %%
trials, tuner = search(BayesianRidge, seed=1)
assert set(trials["status"]) == {"COMPLETED"}
dimensions = len(tuner.oracle.get_space().space)
random_trials = 3 * dimensions
print(dimensions, "hyperparameters,", random_trials, "random trials")

# %% alt="Three panels of dots against the trial's number: alpha, gamma and the error. A dashed line marks where random trials end and the model's proposals begin." figure="proposals"
names = ["alpha", "gamma", "error"]
figure, axes = plt.subplots(3, sharex=True, figsize=(6.4, 5.2))
for axis, name in zip(axes, names, strict=True):
    axis.scatter(trials.index, trials[name])
    axis.axvline(random_trials - 0.5, linestyle="--", color="gray")
    axis.set_ylabel(name)
axes[0].set_yscale("log")
axes[1].set_yscale("log")
axes[-1].set_xlabel("trial")
plt.show()

# %% [markdown]
# Left of the dashed line the values are scattered over their ranges.
# Right of it each depends on all scores before it: the proposals return
# to what scored well, and now and then visit an end of a range, where
# the model is least certain. One search can't show whether that found
# more than random trials would have.

# %% [markdown]
# ## Against RandomSearch
#
# That takes many searches. Which seeds? Keras Tuner draws each value with
# its own seed, and these are consecutive numbers. So seeds that are
# neighbours draw the same values, a trial or so apart:

# %%
values = ["alpha", "gamma"]
one, _ = search(RandomRidge, seed=1)
three, _ = search(RandomRidge, seed=3)
same = (
    one[values].to_numpy()[1:] == three[values].to_numpy()[:-1]
).all()
print("seed 3 is seed 1, one trial later:", same)
assert same

# %% [markdown]
# Repeats need seeds that lie far apart.

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
tables = []
for tuner_class in (RandomRidge, BayesianRidge):
    for seed in independent_seeds(6):
        begun = time.perf_counter()
        table, _ = search(tuner_class, seed)
        table["seconds"] = time.perf_counter() - begun
        table["tuner"], table["seed"] = tuner_class.__name__, seed
        tables.append(table.reset_index())
races = pd.concat(tables)
runs = races.pivot(index="trial", columns=["tuner", "seed"])
assert runs.notna().all(axis=None)

# %% [markdown]
# Two hyperparameters make six random trials, and with the same seed they
# are exactly those of `RandomSearch`. The race begins after them.

# %%
same = [
    (runs[name]["RandomRidge"] == runs[name]["BayesianRidge"])
    for name in values
]
shared = (same[0] & same[1]).all(axis=1)
print(shared.sum(), "trials in common, the first", shared.argmin())
assert shared[:6].all() and not shared[6:].any()

# %% alt="Best error so far against the number of trials: thin lines for the seeds of each tuner and a thick line for their mean. The tuners share their first six trials." figure="best-so-far"
figure, axis = plt.subplots()
for name, color in (("RandomRidge", "C0"), ("BayesianRidge", "C1")):
    best = runs["best"][name]
    axis.plot(best, color=color, alpha=0.3)
    axis.plot(best.mean(axis=1), color=color, linewidth=3, label=name)
axis.axvline(5.5, linestyle="--", color="gray")
axis.set_xlabel("trial")
axis.set_ylabel("lowest error so far")
axis.legend()
plt.show()

# %%
from snippets.results.compare_runs import compare_runs

# %%
last = races[races["trial"] == races["trial"].max()]
best = last.pivot(index="seed", columns="tuner", values="best")
errors = compare_runs(best, reference="RandomRidge", paired=True)
print("Lowest error of a search, and the difference per seed:")
display(errors.round(3))
print("Seconds of a search, the median:")
display(last.groupby("tuner")[["seconds"]].median().round(2))
interval = errors.loc[
    "BayesianRidge", "difference_low":"difference_high"
]
assert interval.abs().max() < 0.02 * errors["mean"].min()

# %% [markdown]
# Where `difference_low` to `difference_high` holds 0, no difference is
# shown. Whichever it is, it's a small part of the error itself, and the
# seconds tell the other side: with trials this short, a large part of
# the Bayesian search is spent on proposing, even with the snippet. The
# same time would have bought more random trials. With trials of
# minutes, only the errors count.
#
# One problem of two dimensions doesn't rank the tuners in general.

# %% [markdown]
# ## What a proposal costs
#
# Without the snippet, every proposal fits the Gaussian process anew and
# then minimises over it from fifty starting points: thousands of very
# small matrix products. Unless told otherwise, NumPy's and SciPy's linear
# algebra (BLAS) uses a thread per core for each of them:

# %%
cores = os.cpu_count()
with threadpool_limits(cores, user_api="blas"):
    libraries = threadpool_info()
for library in libraries:
    if library["internal_api"] == "openblas":
        print("OpenBLAS has", library["num_threads"], "threads")
        assert library["num_threads"] > 1 or cores == 1

# %% [markdown]
# To time it, an oracle is given the trials of a random search and asked
# for the next one.

# %%
_, known_search = search(RandomRidge, seed=1, max_trials=40)


def propose():
    """Propose once after 40 trials; return the costs."""
    oracle = kt.oracles.BayesianOptimizationOracle(
        objective=kt.Objective("error", "min"),
        hyperparameters=known_search.oracle.get_space(),
        seed=1,
    )
    oracle.trials = dict(known_search.oracle.trials)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    proposal = oracle.populate_space("next")
    assert set(proposal["values"]) == set(values)
    return {
        "seconds": time.perf_counter() - begun,
        "CPU seconds": time.process_time() - begun_cpu,
    }


# %%
costs = {}
for threads in (1, 1, cores):  # the first only warms up
    with threadpool_limits(threads, user_api="blas"):
        costs[threads] = propose()
costs = pd.DataFrame(costs).T.rename_axis("BLAS threads")
display(costs.round(2))

# %% [markdown]
# Threads that share so little work mostly wait for each other. Compare
# the CPU seconds: with one thread less is burnt, and the other cores stay
# free. How costs grow over a thousand trials is on
# [From 10 trials to 1,000](evidence/growing_searches.py).
#
# There are two ways to one thread. `with threadpool_limits(1,
# user_api="blas")` around `search`, as here; TensorFlow has threads of
# its own, which that leaves alone. Or `OPENBLAS_NUM_THREADS=1` in the
# environment before Python starts. What cheapens proposals further is on
# [Fast searches](evidence/fast_searches.py#proposals).

# %% [markdown]
# ## Fewer random trials
#
# `num_initial_points` sets the length of the random phase; leave it out,
# or give 0, and it is three for each hyperparameter, fixed ones included.
# Only completed trials count. How long is it here?

# %%
rows = {}
for points in (None, 0, 3):
    table, _ = search(
        BayesianRidge,
        seed=1,
        max_trials=7,
        num_initial_points=points,
    )
    random_phase = (table[values] == one[values][:7]).all(axis=1)
    rows[str(points)] = int(random_phase.sum())
print("random trials:", rows)
assert rows == {"None": 6, "0": 6, "3": 3}

# %% [markdown]
# With many hyperparameters the default can use up the whole search: ten
# of them and `max_trials=30` is a random search by another name. Whether
# a shorter phase finds better configurations, these runs don't show.

# %% [markdown]
# ## It repeats itself
#
# The other tuners remember what was tried. This one does not: where a
# hyperparameter has few values, it proposes the same ones again.


# %%
class BayesianKernel(kt.BayesianOptimization):
    def run_trial(self, trial, **kwargs):
        kernel = trial.hyperparameters.get("kernel")
        model = KernelRidge(kernel=kernel, gamma=0.01)
        return {"error": -cross_val_score(model, x, y, cv=3).mean()}


kernels = kt.HyperParameters()
kernels.Choice("kernel", ["linear", "rbf", "laplacian"])
repeating = BayesianKernel(
    hyperparameters=kernels,
    objective=kt.Objective("error", "min"),
    max_trials=9,
    seed=1,
    directory="searches",
    project_name="bayesian_optimization_kernel",
    overwrite=True,
)
with threadpool_limits(1, user_api="blas"):
    repeating.search(verbose=0)
tried = trials_table(repeating).sort_index()["kernel"]
print(", ".join(tried))
assert len(tried) == 9 and tried.nunique() <= 3

# %% [markdown]
# Each of the nine was trained, three kernels or not. Also, a list of
# choices is to the model a number line in the order of the list: it takes
# neighbours in the list to score alike. Put them in an order that means
# something, or search them with another tuner.

# %% [markdown]
# ## What this page did not show
#
# - The race in more dimensions, or on noisy scores: Keras models trained
#   twice score differently, and `alpha` tells the model how much.
# - `beta`, which weighs uncertain places against good ones.
# - Final training and the test set: see
#   [retrain and ship](how_to/retrain_and_ship.py).
