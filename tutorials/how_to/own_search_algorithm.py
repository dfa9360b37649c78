# %% [markdown] index="write your own oracle; custom search algorithm; populate_space; quasi-random; Sobol; Halton; ASHA; asynchronous successive halving; evolution; genetic algorithm"
# # Your own search algorithm
#
# Search with an algorithm that Keras Tuner doesn't have: copy one of
# three, or write the one method that an oracle needs.
#
# ```python
# oracle = QuasiRandomOracle(
#     kt.Objective("val_accuracy", "max"), max_trials=20, seed=1
# )
# tuner = kt.Tuner(oracle, build_model, directory="searches")
# ```
#
# - **`QuasiRandomOracle`** covers the search space evenly.
# - **`AshaOracle`** trains the best trials longer, as Hyperband does, and
#   no worker waits: asynchronous [successive
#   halving](../../reference/glossary.md#successive-halving).
# - **`EvolutionOracle`** changes one value of a good recent trial.
#
# They resume, survive failed trials, run in [several
# processes](several_processes.py) and combine with [the
# tools](../../snippets.md#tools-around-a-tuner), as Keras Tuner's own
# oracles do. [On recorded trainings](#what-they-are-worth) evolution and
# ASHA were ahead of Keras Tuner's oracles in some races, the quasi-random
# search in none.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.stats import qmc

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A search with one of them
#
# The [oracle](../../reference/glossary.md#oracle) chooses what to try;
# `kt.Tuner` takes any oracle, and trains.

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
from snippets.results.trials_table import trials_table

# %%
from snippets.searches.quasi_random_oracle import QuasiRandomOracle

# %%
images = load_images("digits")
SCORE = kt.Objective("val_accuracy", "max")
tuner = kt.Tuner(
    QuasiRandomOracle(SCORE, max_trials=5, seed=1),
    ImageClassifier(),
    directory="searches",
    project_name="own_search_algorithm_quasi_random",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=3,
    verbose=0,
)
trials = trials_table(tuner)
assert trials["status"].eq("COMPLETED").all() and len(trials) == 5
display(trials.drop(columns=["status", "best_step"]).round(4))

# %% [markdown]
# Five trials: all numbers of layers, both activations, and learning rates
# from all three powers of ten.

# %%
assert trials["hidden_layers"].nunique() == 3
assert trials["activation"].nunique() == 2
powers = np.floor(np.log10(trials["learning_rate"]))
assert set(powers) == {-4, -3, -2}

# %% [markdown]
# ## What an oracle has to do
#
# One method, `populate_space`. It is asked for each trial and gives one
# of three answers:
#
# | `"status"` | meaning | with |
# |---|---|---|
# | `"RUNNING"` | train this | `"values"`, a dict by name |
# | `"IDLE"` | ask again: something that still runs decides | |
# | `"STOPPED"` | the search is over | |
#
# It finds the trials so far in `self.trials`, and the order in which they
# began and ended in `self.start_order` and `self.end_order`.
# Here is one with all three answers, for a single number: try a third and
# two thirds of the range, drop the third beside the worse, again.


# %%
class Thirds(kt.Oracle):
    def populate_space(self, trial_id):
        trials = [self.trials[name] for name in self.start_order]
        if self.ongoing_trials and len(trials) % 2 == 0:
            return {"status": "IDLE"}  # the last pair still runs
        low, high = 0.0, 1.0
        for pair in zip(trials[::2], trials[1::2], strict=False):
            left, right = (error(trial) for trial in pair)
            third = (high - low) / 3
            low, high = (
                low + third * (left > right),
                high - third * (left <= right),
            )
        if high - low < 0.05:
            return {"status": "STOPPED"}
        (number,) = self.get_space().space
        place = low + (high - low) * (1 + len(trials) % 2) / 3
        values = {number.name: number.prob_to_value(place)}
        return {"status": "RUNNING", "values": values}


def error(trial):
    return math.inf if trial.status == "FAILED" else trial.score


# %% [markdown]
# `prob_to_value` turns a number from 0 to 1 into a value. Every kind of
# hyperparameter has it, and with it an oracle needs to know nothing of
# log scales, steps or choices. A failed trial has no score: an oracle that
# compares has to say what that means.
#
# A formula takes the place of a training here, least at 0.003.


# %%
class Formula(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        rate = trial.hyperparameters.get("learning_rate")
        return math.log10(rate / 0.003) ** 2


def make(oracle, project_name, overwrite=True):
    return Formula(
        oracle,
        directory="searches",
        project_name=f"own_search_algorithm_{project_name}",
        overwrite=overwrite,
    )


space = kt.HyperParameters()
space.Float("learning_rate", 1e-4, 1e-1, sampling="log")
tuner = make(Thirds(hyperparameters=space.copy()), "thirds")
tuner.search(verbose=0)
trials = trials_table(tuner).sort_index()
shown = trials[["learning_rate", "default_objective"]].round(5)
display(shown.rename(columns={"default_objective": "error"}))
(best,) = tuner.get_best_hyperparameters()
assert abs(math.log10(best.get("learning_rate") / 0.003)) < 0.1

# %% [markdown]
# The last trials are near 0.003, and the search has ended by itself,
# without `max_trials`. Keras Tuner sees to that argument, to failures and
# to retries before it asks `populate_space`.
#
# With several workers, the [chief](../../reference/glossary.md#chief)
# has the oracle, and they ask it in turn. Three of them, before any trial
# has ended:

# %%
tuner = make(Thirds(hyperparameters=space.copy()), "workers")
tuner.oracle.verbose = 0
answers = [
    tuner.oracle.create_trial(f"worker {number}").status
    for number in range(3)
]
print(*answers)
assert answers == ["RUNNING", "RUNNING", "IDLE"]

# %% [markdown]
# The third waits, and asks again without a pause: an algorithm that
# answers `"IDLE"` wastes workers.
#
# ## What must survive a restart
#
# `Thirds` keeps only trials, and Keras Tuner saves those. So it
# resumes as it is: what follows from the trials needs no state.
# `QuasiRandomOracle` also has its place in the sequence, which it has to
# save, in two methods:
#
# ```python
# def get_state(self):
#     return super().get_state() | {"place": self.place}
#
# def set_state(self, state):
#     super().set_state(state)
#     self.place = state["place"]
# ```
#
# Random numbers are the third thing. A generator that is made for each
# trial from `[self.seed, len(self.trials)]` has no state either.
#
# ## A score of your own
#
# `score_trial` sets the score, by default that of the best epoch. Here
# a unit costs a ten-thousandth of accuracy:


# %%
class Frugal(QuasiRandomOracle):
    def score_trial(self, trial):
        super().score_trial(trial)
        trial.score -= trial.hyperparameters.get("units") / 10_000


class Width(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        units = trial.hyperparameters.Int("units", 32, 256, step=32)
        return {"val_accuracy": 0.98 - 0.3 / units}


for oracle_class in (QuasiRandomOracle, Frugal):
    name = oracle_class.__name__
    tuner = Width(
        oracle_class(SCORE, max_trials=8, seed=1),
        directory="searches",
        project_name=f"own_search_algorithm_{name}",
        overwrite=True,
    )
    tuner.search(verbose=0)
    (best,) = tuner.get_best_hyperparameters()
    print(f"{name}: {best.get('units')} units are best")
assert best.get("units") == 64

# %% [markdown]
# ## Quasi-random
#
# Random points leave gaps and lie in clusters. A Halton sequence puts
# each point where the ones before have left room, in all hyperparameters
# at once; scrambled, it has a seed.

# %% alt="Two squares with 30 points each. The random points leave empty corners and lie in clusters; the quasi-random points are spread evenly." figure="points"
square = kt.HyperParameters()
square.Float("x", 0.0, 1.0)
square.Float("y", 0.0, 1.0)


class Nothing(kt.Tuner):
    def run_trial(self, trial, **kwargs):
        return 0.0


def points(oracle_class, seed, number=30):
    """Return the places that a search tries, (number, 2)."""
    oracle = oracle_class(
        hyperparameters=square.copy(), max_trials=number, seed=seed
    )
    tuner = Nothing(
        oracle,
        directory="searches",
        project_name="own_search_algorithm_points",
        overwrite=True,
    )
    tuner.search(verbose=0)
    trials = oracle.trials.values()
    return np.array(
        [[*t.hyperparameters.values.values()] for t in trials]
    )


RANDOM = kt.oracles.RandomSearchOracle
figure, axes = plt.subplots(
    1, 2, figsize=(7, 3.4), layout="constrained"
)
for axis, oracle_class in zip(
    axes, (RANDOM, QuasiRandomOracle), strict=True
):
    axis.scatter(*points(oracle_class, 1).T, s=14)
    axis.set(title=oracle_class.__name__, xlim=(0, 1), ylim=(0, 1))
    axis.set(aspect="equal", xticks=[0, 1], yticks=[0, 1])
plt.show()

# %% [markdown]
# The discrepancy measures how far the share of points in a box is from
# the box's size: less is more even.

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
uneven = pd.DataFrame(
    {
        oracle_class.__name__: [
            qmc.discrepancy(points(oracle_class, seed))
            for seed in independent_seeds(5)
        ]
        for oracle_class in (RANDOM, QuasiRandomOracle)
    }
)
display(uneven.describe().loc[["mean", "min", "max"]].round(5))
assert uneven["QuasiRandomOracle"].max() < uneven[RANDOM.__name__].min()

# %% [markdown]
# In five seeds of each, the least even quasi-random search is more even
# than the most even random one. That is a property of the points. Whether
# such a search finds better models was [measured](#what-they-are-worth).
#
# ## Successive halving that never waits
#
# Hyperband fills a round, then promotes its best. ASHA promotes as soon
# as it can: of a round with n scores, the best n // `factor` may go on,
# from the highest round down, and where none may, a new trial begins.

# %%
from snippets.searches.asha_oracle import AshaOracle

# %%
oracle = AshaOracle(SCORE, max_trials=9, max_epochs=4, factor=2, seed=1)

# %% [markdown]
# It writes into a trial's values how to train it, under the names that
# Hyperband uses. Hyperband's own tuner reads them there. It only has to
# take an oracle from outside:

# %% open=true
from snippets.searches.rounds_tuner import RoundsTuner

# %%
tuner = RoundsTuner(
    oracle,
    ImageClassifier(),
    directory="searches",
    project_name="own_search_algorithm_asha",
    overwrite=True,
)
tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)
trials = trials_table(tuner).sort_index()
assert trials["status"].eq("COMPLETED").all() and len(trials) == 9
columns = ["tuner/round", "tuner/initial_epoch", "tuner/epochs"]
columns += ["tuner/trial_id", "learning_rate", "val_accuracy"]
shown = trials[columns].round(4).astype(object).fillna("")
display(shown.rename(columns=lambda name: name.removeprefix("tuner/")))

# %% [markdown]
# As soon as two trials had ended, the better one went on from epoch 1
# to 2, with its weights: `trial_id` says whose. `max_trials` counts
# promotions too, so the search can stop at any time, and go on later with
# more.

# %%
later = trials[trials["tuner/round"] > 0]
assert later.index[0] == 2 and len(later) >= 3
for _, row in later.iterrows():
    parent = trials.loc[int(row["tuner/trial_id"])]
    assert row["learning_rate"] == parent["learning_rate"]
    assert row["tuner/initial_epoch"] == parent["tuner/epochs"]

# %% [markdown]
# It is made for many workers. Here eight of them ask Hyperband's oracle
# and this one in turn, and a trial lasts until its worker's next turn.
# How often is a worker told to wait?

# %%
told_to_wait = {}
for oracle_class in (kt.oracles.HyperbandOracle, AshaOracle):
    oracle = oracle_class(
        SCORE, max_epochs=9, hyperparameters=space.copy(), seed=1
    )
    name = oracle_class.__name__
    oracle = make(oracle, name).oracle
    oracle.verbose, running, told_to_wait[name] = 0, {}, 0
    for turn in range(120):
        worker = f"worker {turn % 8}"
        if trial := running.pop(worker, None):
            score = {"val_accuracy": math.sin(turn)}
            oracle.update_trial(trial.trial_id, score)
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        trial = oracle.create_trial(worker)
        told_to_wait[name] += trial.status == "IDLE"
        if trial.status == "RUNNING":
            running[worker] = trial
print(told_to_wait)
assert told_to_wait["HyperbandOracle"] > 0 == told_to_wait["AshaOracle"]

# %% [markdown]
# ## Evolution
#
# The first `population` trials are random. Then each is a child: of the
# `population` youngest trials draw `sample`, take the best, change one
# value. The oldest drop out even if they are good, so that a lucky score
# doesn't rule for ever.

# %%
from snippets.searches.evolution_oracle import EvolutionOracle

# %%
tuner = kt.Tuner(
    EvolutionOracle(
        SCORE, max_trials=8, population=3, sample=2, seed=1
    ),
    ImageClassifier(),
    directory="searches",
    project_name="own_search_algorithm_evolution",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=3,
    verbose=0,
)
trials = trials_table(tuner).sort_index()
assert trials["status"].eq("COMPLETED").all() and len(trials) == 8

# %% [markdown]
# For each child, which of the three before it differs in one value, and in
# which:

# %%
names = [hp.name for hp in tuner.oracle.get_space().space]
parents, changes = {}, {}
for child in trials.index[3:]:
    for parent in range(child - 3, child):
        differs = trials.loc[child, names] != trials.loc[parent, names]
        if differs.sum() == 1:
            parents[child] = parent
            changes[child] = differs.idxmax()
table = trials[[*names, "val_accuracy"]].round(4).astype(object)
for name, column in (("parent", parents), ("changed", changes)):
    table[name] = [column.get(child, "") for child in trials.index]
display(table)
assert set(parents) == set(range(3, 8))

# %% [markdown]
# Eight trials are enough to see how it works, and too few to see it work.
#
# ## They resume
#
# Each search is interrupted in its tenth trial, made again, and ends as
# one that was not interrupted. [`resumable` and
# `safe`](resume.py) do for these oracles what they do for Keras Tuner's.

# %%
from snippets.searches.resumable import resumable

# %%
from snippets.searches.safe import safe


# %%
class Interrupted(Formula):
    def run_trial(self, trial, stop_in=None, **kwargs):
        if int(trial.trial_id) == stop_in:
            raise KeyboardInterrupt
        return super().run_trial(trial)


def searched(oracle_class, project_name, overwrite, stop_in=None):
    oracle = oracle_class(
        max_trials=30, hyperparameters=space.copy(), seed=1
    )
    tuner = resumable(safe(Interrupted))(
        oracle,
        directory="searches",
        project_name=f"own_search_algorithm_{project_name}",
        overwrite=overwrite,
    )
    try:
        tuner.search(stop_in=stop_in, verbose=0)
    except KeyboardInterrupt:
        print(f"{oracle_class.__name__}: stopped in trial {stop_in}")
    return trials_table(tuner).sort_index()


for oracle_class in (QuasiRandomOracle, AshaOracle, EvolutionOracle):
    whole = searched(oracle_class, "whole", True)
    searched(oracle_class, "torn", True, stop_in=9)
    again = searched(oracle_class, "torn", False)
    assert len(again) == 30
    pd.testing.assert_frame_equal(again, whole)
print("Each ended as if it had not been stopped.")

# %% [markdown]
# ## What they are worth
#
# Fifty searches of each on two problems whose every training was
# [recorded](../../evidence/recorded_curves.md), beside those of
# [Which tuner?](../evidence/which_tuner.py), with the same seeds and the
# same answers. [Regret](../../reference/glossary.md#regret) is how far
# what was found stays behind what there is to find, in points of test
# accuracy.

# %%
from snippets.data.attainable import attainable

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
from snippets.results.compare_runs import compare_runs

# %%
races = pd.concat(
    pd.read_csv(evidence_file(name), comment="#")
    for name in ("races.csv", "races_own.csv")
)
curves = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
best = {name: attainable(each) for name, each in curves.items()}
PAIRS = {
    "QuasiRandom": "RandomSearch",
    "QuasiRandom, 9 epochs": "RandomSearch, 9 epochs",
    "Evolution": "RandomSearch",
    "Evolution, 9 epochs": "RandomSearch, 9 epochs",
    "Asha": "Hyperband",
}


BUDGETS = (378, "epochs"), (756, "epochs"), (80, "seconds")


def regrets(problem, budget, unit):
    """Return the regret of each race, a row a seed."""
    spent = races[races["setting"].eq("full") & races[unit].le(budget)]
    spent = spent[spent["problem"].eq(problem)]
    last = spent.groupby(["seed", "tuner"])["quality"].last()
    return 100 * (best[problem] - last.unstack("tuner"))


# %% [markdown]
# Each is compared with Keras Tuner's own that trains its trials alike:
# the difference in regret, below 0 where it is ahead. The intervals, of
# both problems together, hold at once with 95 %.


# %%
def differences(problem, budgets, confidence=1 - 0.05 / 25):
    """Compare in pairs, 25 on two problems; return a row a pair."""
    rows = []
    for budget, unit in budgets:
        table = regrets(problem, budget, unit)
        for own, other in PAIRS.items():
            pair = table[[own, other]].dropna()
            row = compare_runs(pair, other, True, confidence).loc[own]
            rows.append(
                {
                    "spent": f"{budget} {unit}",
                    "oracle": own,
                    "compared with": other,
                    "regret": row["mean"],
                    "difference": row["difference"],
                    "from": row["difference_low"],
                    "to": row["difference_high"],
                }
            )
    return pd.DataFrame(rows)


mnist = differences("mnist", BUDGETS)
digits = differences("digits", BUDGETS[:2])
display(mnist.round(2).set_index("spent"))
for name, table in (("MNIST", mnist), ("digits", digits)):
    ahead, behind = (table["to"] < 0).sum(), (table["from"] > 0).sum()
    print(f"{name}: {ahead} of {len(table)} ahead, {behind} behind")

# %% [markdown]
# - **Quasi-random** trials are not shown to differ from random ones.
#   They cover the space more evenly, and here that gained nothing that
#   shows.
# - **ASHA** is ahead of Hyperband when as many epochs are spent, and not
#   shown to be in as many seconds: it has more than twice the trials, and
#   each of them costs a start.
# - **Evolution** is ahead of random search with trials of 9 epochs, in
#   epochs and in seconds. With trials of 27 epochs, and so a third as
#   many, it is not shown to be.
# - On digits none is ahead: there [is nothing to
#   find](../evidence/which_tuner.py#is-there-anything-to-find).

# %%
shown = mnist[mnist["to"] < 0]
assert set(zip(shown["oracle"], shown["spent"], strict=True)) == {
    ("Asha", "756 epochs"),
    ("Evolution, 9 epochs", "756 epochs"),
    ("Evolution, 9 epochs", "80 seconds"),
}
assert not (mnist["from"] > 0).any()
assert not ((digits["to"] < 0) | (digits["from"] > 0)).any()
ends = races[races["problem"].eq("mnist") & races["epochs"].le(756)]
ends = ends[ends["setting"].eq("full")].groupby("tuner")["trial"].max()
assert ends["Asha"] > 2 * ends["Hyperband"]

# %% [markdown]
# ## When it is worth it
#
# - **Your algorithm is published and missing here.** Write
#   `populate_space`, with `prob_to_value` and the trials; try it on a
#   formula first, as `Thirds` above.
# - **You have many workers, or long trainings.** Take `AshaOracle` before
#   Hyperband: its workers don't wait, and starting a trial costs
#   little beside training it.
# - **You don't know in advance how many trials you can afford.** All
#   three can be stopped after any trial and go on later with more; a grid
#   is [worth least](../evidence/many_problems.py) half done.
# - **Otherwise, begin with Keras Tuner's.** On [fifteen
#   problems](../evidence/many_problems.py) none of the three is shown to be
#   ahead in the end.
#
# ## What this page did not show
#
# - Workers in several processes: the same script, started by
#   [`parallel_search`](several_processes.py).
# - Other problems and larger spaces. The recorded one has 432 combinations
#   of six choices: no ranges, in which even coverage could count.
# - Other settings of the three oracles than one each.
