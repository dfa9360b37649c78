# %% [markdown] index="write your own oracle; custom search algorithm; populate_space; quasi-random; Sobol; Halton; ASHA; asynchronous successive halving; evolution; genetic algorithm"
# # Your own search algorithm
#
# Search with an algorithm that Keras Tuner doesn't have: paste one of
# three, or write the one method that an oracle needs.
#
# - **`QuasiRandomOracle`** covers the search space evenly.
# - **`AshaOracle`** trains the best trials longer, as Hyperband does,
#   and no worker waits: asynchronous [successive
#   halving](../../reference/glossary.md#successive-halving).
# - **`EvolutionOracle`** changes one value of a good recent trial.
#
# [On recorded trainings](#what-they-are-worth) evolution and ASHA were
# ahead of Keras Tuner's oracles in some races, the quasi-random search
# in none.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
from snippets.searches.quasi_random_oracle import QuasiRandomOracle

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

score = kt.Objective("val_accuracy", "max")
tuner = kt.Tuner(
    QuasiRandomOracle(score, max_trials=4, seed=1),
    ImageClassifier(),
    directory="searches",
    project_name="own_search_algorithm",
    overwrite=True,
)
x, y = load_digits(return_X_y=True)
x, y = x[:600] / 16, y[:600]
tuner.search(x, y, validation_split=0.2, verbose=0)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.4f}", trial.hyperparameters.values)

# %% [markdown]
# An [oracle](../../reference/glossary.md#oracle) chooses what to try;
# `kt.Tuner` takes any oracle, and trains.

# %%
import math

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %%
from snippets.results.trials_table import trials_table

# %% [markdown]
# ## What an oracle has to do
#
# `populate_space` is asked for each trial and gives one of three
# answers:
#
# | `"status"` | meaning | with |
# |---|---|---|
# | `"RUNNING"` | train this | `"values"`, a dict by name |
# | `"IDLE"` | ask again: something that still runs decides | |
# | `"STOPPED"` | the search is over | |
#
# The trials so far are in `self.trials`, the order in which they began
# and ended in `self.start_order` and `self.end_order`. `Thirds`
# searches a single number: it tries a third and two thirds of the
# range, drops the third beside the worse, and repeats.


# %%
class Thirds(kt.Oracle):
    def populate_space(self, trial_id):
        trials = [self.trials[name] for name in self.start_order]
        if self.ongoing_trials and len(trials) % 2 == 0:
            return {"status": "IDLE"}  # the last pair still runs
        low, high = narrowed(trials)
        if high - low < 0.05:
            return {"status": "STOPPED"}
        (number,) = self.get_space().space
        place = low + (high - low) * (1 + len(trials) % 2) / 3
        values = {number.name: number.prob_to_value(place)}
        return {"status": "RUNNING", "values": values}


# %%
def narrowed(trials):
    """Return what pairs of trials leave of the range from 0 to 1."""
    low, high = 0.0, 1.0
    for left, right in zip(trials[::2], trials[1::2], strict=False):
        third = (high - low) / 3
        if error(left) > error(right):
            low += third
        else:
            high -= third
    return low, high


def error(trial):
    return math.inf if trial.status == "FAILED" else trial.score


# %% [markdown]
# `prob_to_value` turns a number from 0 to 1 into a value of any
# hyperparameter, whatever its scale, steps or choices. A failed trial
# has no score: say how it compares.
#
# A formula, least at 0.003, takes the place of training:


# %%
class Formula(kt.Tuner):
    def run_trial(self, trial, formula, **kwargs):
        return formula(trial.hyperparameters)


def made(oracle, name):
    return Formula(
        oracle,
        directory="searches",
        project_name=f"own_search_algorithm_{name}",
        overwrite=True,
    )


def distance(hp):
    return math.log10(hp.get("learning_rate") / 0.003) ** 2


# %%
space = kt.HyperParameters()
space.Float("learning_rate", 1e-4, 1e-1, sampling="log")
tuner = made(Thirds(hyperparameters=space.copy()), "thirds")
tuner.search(formula=distance, verbose=0)
trials = trials_table(tuner).sort_index()
shown = trials[["learning_rate", "default_objective"]].round(5)
display(shown.rename(columns={"default_objective": "error"}))
(best,) = tuner.get_best_hyperparameters()
assert distance(best) < 0.1**2

# %% [markdown]
# The search has ended by itself, near 0.003. Keras Tuner sees to
# `max_trials`, failures and retries before it asks `populate_space`.
#
# Several workers ask the oracle of the
# [chief](../../reference/glossary.md#chief) in turn. Three, before any
# trial has ended:

# %%
oracle = made(Thirds(hyperparameters=space.copy()), "workers").oracle
oracle.verbose = 0
answers = [oracle.create_trial(f"worker {n}").status for n in range(3)]
print(*answers)
assert answers == ["RUNNING", "RUNNING", "IDLE"]

# %% [markdown]
# The third asks again without a pause: `"IDLE"` wastes workers.
#
# ## What must survive a restart
#
# `Thirds` resumes as it is: Keras Tuner saves the trials, and all else
# follows from them. `QuasiRandomOracle` also saves its place in the
# sequence:
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
# A random generator made for each trial from
# `[self.seed, len(self.trials)]` needs no state either.
#
# All three oracles survive failed trials, run in [several
# processes](several_processes.py) and combine with [the
# tools](../../snippets.md#tools-around-a-tuner). Tests kill their
# searches, resume them with [`resumable` and `safe`](resume.py), and
# compare the ends with unbroken searches.
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


def accuracy(hp):
    units = hp.Int("units", 32, 256, step=32)
    return {"val_accuracy": 0.98 - 0.3 / units}


# %%
for oracle_class in (QuasiRandomOracle, Frugal):
    name = oracle_class.__name__
    tuner = made(oracle_class(score, max_trials=8, seed=1), name)
    tuner.search(formula=accuracy, verbose=0)
    (best,) = tuner.get_best_hyperparameters()
    print(f"{name}: {best.get('units')} units are best")
assert best.get("units") == 64

# %% [markdown]
# ## Quasi-random
#
# A Halton sequence puts each point where the ones before have left
# room, in all hyperparameters at once; scrambled, it has a seed.

# %%
square = kt.HyperParameters()
square.Float("x", 0.0, 1.0)
square.Float("y", 0.0, 1.0)
RANDOM = kt.oracles.RandomSearchOracle


def points(oracle_class, seed, number=30):
    """Return the places that a search tries, (number, 2)."""
    space = {"hyperparameters": square.copy(), "max_trials": number}
    tuner = made(oracle_class(seed=seed, **space), "points")
    tuner.search(formula=lambda hp: 0.0, verbose=0)
    trials = tuner.oracle.trials.values()
    return np.array(
        [[*t.hyperparameters.values.values()] for t in trials]
    )


# %% alt="Two squares with 30 points each. The random points leave empty corners and lie in clusters; the quasi-random points are spread evenly." caption="The quasi-random points leave no large gaps, and form no clusters." figure="points"
figure, axes = plt.subplots(
    1, 2, figsize=(7, 3.4), layout="constrained"
)
for axis, oracle_class in zip(
    axes, (RANDOM, QuasiRandomOracle), strict=True
):
    axis.scatter(*points(oracle_class, 1).T, s=14)
    axis.set(title=oracle_class.__name__, xlim=(0, 1), ylim=(0, 1))
    axis.set(aspect="equal", xticks=[0, 1], yticks=[0, 1])
    axis.set(xlabel="x", ylabel="y")
plt.show()

# %% [markdown]
# Tests find these more even on average over ten seeds. Whether even points
# find better models was [measured](#what-they-are-worth).
#
# ## Successive halving that never waits
#
# Hyperband fills a round, then promotes its best. ASHA promotes as soon
# as it can: of a round with n scores, the best n // `factor` may go on,
# from the highest round down; where none may, a new trial begins.

# %%
from snippets.searches.asha_oracle import AshaOracle

# %% [markdown]
# It writes into a trial's values how to train it, under Hyperband's
# names, for Hyperband's tuner, which here takes an oracle from outside:

# %% open=true
from snippets.searches.rounds_tuner import RoundsTuner

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
tuner = RoundsTuner(
    AshaOracle(score, max_trials=6, max_epochs=4, factor=2, seed=1),
    ImageClassifier(),
    directory="searches",
    project_name="own_search_algorithm_asha",
    overwrite=True,
)
tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)

# %%
trials = trials_table(tuner).sort_index()
columns = ["tuner/round", "tuner/initial_epoch", "tuner/epochs"]
columns += ["tuner/trial_id", "learning_rate", "val_accuracy"]
shown = trials[columns].round(4).astype(object).fillna("")
display(shown.rename(columns=lambda name: name.removeprefix("tuner/")))

# %% [markdown]
# As soon as two trials had ended, the better one went on from epoch 1
# to 2, with the weights of trial `trial_id`. `max_trials` counts
# promotions too.

# %%
later = trials[trials["tuner/round"] > 0]
assert later.index[0] == 2 and len(later) >= 2
parents = trials.loc[later["tuner/trial_id"].astype(int)]
begun, ended = later["tuner/initial_epoch"], parents["tuner/epochs"]
assert (begun.to_numpy() == ended.to_numpy()).all()

# %% [markdown]
# Eight workers ask each oracle in turn, and a trial lasts until its
# worker's next turn. How often is one told to wait?


# %%
def told_to_wait(oracle, workers=8, turns=120):
    """Count the answers "IDLE" that workers get."""
    oracle.verbose, running, waits = 0, {}, 0
    for turn in range(turns):
        worker = f"worker {turn % workers}"
        if trial := running.pop(worker, None):
            result = {"val_accuracy": math.sin(turn)}
            oracle.update_trial(trial.trial_id, result)
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        trial = oracle.create_trial(worker)
        waits += trial.status == "IDLE"
        if trial.status == "RUNNING":
            running[worker] = trial
    return waits


# %%
waits = {}
for oracle_class in (kt.oracles.HyperbandOracle, AshaOracle):
    oracle = oracle_class(
        score, max_epochs=9, hyperparameters=space.copy(), seed=1
    )
    name = oracle_class.__name__
    waits[name] = told_to_wait(made(oracle, name).oracle)
print(waits)
assert waits["HyperbandOracle"] > 0 == waits["AshaOracle"]

# %% [markdown]
# ## Evolution
#
# The first `population` trials are random. For each later one, draw
# `sample` of the `population` youngest trials, take the best, change
# one value. The oldest drop out even if good, so that a lucky score
# doesn't rule for ever.

# %%
from snippets.searches.evolution_oracle import EvolutionOracle


# %%
def three(hp):
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    worse = 0.1 * (hp.Choice("activation", ["relu", "tanh"]) == "tanh")
    worse += distance(hp) / 10
    return {"val_accuracy": accuracy(hp)["val_accuracy"] - worse}


# %%
oracle = EvolutionOracle(
    score, max_trials=8, population=3, sample=2, seed=1
)
tuner = made(oracle, "evolution")
tuner.search(formula=three, verbose=0)

# %% [markdown]
# Which of the three trials before a child differs in one value, and in
# which:

# %%
names = [hp.name for hp in tuner.oracle.get_space().space]
trials = trials_table(tuner).sort_index()
table = trials[[*names, "val_accuracy"]].round(4).astype(object)
table["parent"] = table["changed"] = ""
for child in trials.index[3:]:
    for parent in range(child - 3, child):
        differs = trials.loc[child, names] != trials.loc[parent, names]
        if differs.sum() == 1:
            table.loc[child, "parent"] = str(parent)
            table.loc[child, "changed"] = differs.idxmax()
display(table)
assert (table["parent"].iloc[3:] != "").all()

# %% [markdown]
# ## What they are worth
#
# Fifty searches of each on two problems whose every training was
# [recorded](../../evidence/recorded_curves.md), with the seeds and
# answers of [Which tuner, on images?](../evidence/which_tuner.py).
# [Regret](../../reference/glossary.md#regret) is in points of test
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
races = races[races["setting"].eq("full")]
curves = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
best = {name: attainable(each) for name, each in curves.items()}


def regrets(problem, budget, unit):
    """Return the regret of each race, a row a seed."""
    spent = races[races["problem"].eq(problem) & races[unit].le(budget)]
    last = spent.groupby(["seed", "tuner"])["quality"].last()
    return 100 * (best[problem] - last.unstack("tuner"))


# %% [markdown]
# Each is compared with Keras Tuner's own that trains its trials alike:
# below 0 is ahead. The intervals, of both problems together, hold at once
# with 95 %. On MNIST:

# %%
PAIRS = {
    "QuasiRandom": "RandomSearch",
    "QuasiRandom, 9 epochs": "RandomSearch, 9 epochs",
    "Evolution": "RandomSearch",
    "Evolution, 9 epochs": "RandomSearch, 9 epochs",
    "Asha": "Hyperband",
}
BUDGETS = (378, "epochs"), (756, "epochs"), (80, "seconds")
NUMBERS = {
    "mean": "regret",
    "difference": "difference",
    "difference_low": "from",
    "difference_high": "to",
}


# %%
def differences(problem, budgets, confidence=1 - 0.05 / 25):
    """Compare in pairs, 25 on two problems; return a row a pair."""
    rows = []
    for budget, unit in budgets:
        table = regrets(problem, budget, unit)
        for own, other in PAIRS.items():
            pair = table[[own, other]].dropna()
            row = compare_runs(pair, other, True, confidence).loc[own]
            names = f"{budget} {unit}", own, other
            rows.append([*names, *row[list(NUMBERS)]])
    names = "spent", "oracle", "compared with"
    return pd.DataFrame(rows, columns=[*names, *NUMBERS.values()])


# %%
mnist = differences("mnist", BUDGETS)
digits = differences("digits", BUDGETS[:2])
display(mnist.round(2).set_index("spent"))
for name, table in (("MNIST", mnist), ("digits", digits)):
    ahead, behind = (table["to"] < 0).sum(), (table["from"] > 0).sum()
    print(f"{name}: {ahead} of {len(table)} ahead, {behind} behind")

# %% [markdown]
# - **Quasi-random** trials are not shown to differ from random ones.
# - **ASHA** is ahead of Hyperband after 756 epochs, and not shown to be
#   for equal seconds: it starts more than twice the trials.
# - **Evolution** with trials of 9 epochs is ahead of random search
#   after 756 epochs and after 80 seconds. With trials of 27 epochs it
#   is not shown to be.
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
ends = ends.groupby("tuner")["trial"].max()
assert ends["Asha"] > 2 * ends["Hyperband"]

# %% [markdown]
# ## When it is worth it
#
# - **Your algorithm is missing here.** Write `populate_space`, and try
#   it on a formula first.
# - **You have many workers, or long trainings.** Take `AshaOracle`
#   before Hyperband: its workers don't wait, and starting a trial costs
#   little beside training it.
# - **You don't know how many trials you can afford.** All three can
#   stop after any trial and go on later; a grid is [worth
#   least](../evidence/many_problems.py) half done.
# - **Otherwise, begin with Keras Tuner's.** On [fifteen
#   problems](../evidence/many_problems.py) none of the three is shown
#   to be ahead in the end.
#
# ## What this page did not show
#
# - Workers in several processes: start the same script with
#   [`parallel_search`](several_processes.py).
# - Other problems and larger spaces. The recorded one has 432
#   combinations of six choices: no ranges, in which even coverage could
#   count.
# - Other settings of the three oracles.
