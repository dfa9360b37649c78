# %% [markdown] index="run_trial returns a number; black box; not a model; any function; XGBoost; xgboost; LightGBM; lightgbm; catboost; PyTorch"
# # Tune anything that returns a number
#
# Search without a model: override `run_trial`, return a number, and every
# tuner of Keras Tuner looks for the values that make it smallest.
#
# - No hypermodel, no objective: the number is minimised. If larger is
#   better, say so: `objective=kt.Objective("name", "max")`.
# - Give the hyperparameters to the constructor, in `hyperparameters=`.
# - What `search` is given arrives in `run_trial`, `verbose` included, hence
#   `**kwargs`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import zlib
from pydoc_data import topics

import keras_tuner as kt


class Smallest(kt.RandomSearch):
    def run_trial(self, trial, text, **kwargs):
        get = trial.hyperparameters.get
        return len(zlib.compress(text, get("level"), get("wbits")))


hp = kt.HyperParameters()
hp.Int("level", 1, 9)
hp.Int("wbits", 9, 15)
folder = {"directory": "searches", "project_name": "tune_anything"}
tuner = Smallest(max_trials=5, seed=1, hyperparameters=hp, **folder)
tuner.search("".join(topics.topics.values()).encode(), verbose=0)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.0f} bytes", trial.hyperparameters.values)

# %%
import lzma
import math
from pathlib import Path

import pandas as pd
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score

# %% [markdown]
# ## A function whose answer is known
#
# Branin's function has three equal minima.

# %% open=true
DEPTH = 10 / (8 * math.pi)


def branin(x, y):
    a, b = 5.1 / (4 * math.pi**2), 5 / math.pi
    bowl = (y - a * x**2 + b * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


print(f"{branin(math.pi, 2.275):.6f} is {DEPTH:.6f}")


# %%
class Branin(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        hp = trial.hyperparameters
        return branin(hp.get("x"), hp.get("y"))


def searched(tuner_class, name, **arguments):
    """Return the tuner of a finished search."""
    names = {"project_name": f"tune_anything_{name}", "overwrite": True}
    names |= {"directory": "searches", **arguments}
    tuner = tuner_class(**names)
    tuner.search(verbose=0)
    return tuner


# %%
space = kt.HyperParameters()
space.Float("x", -5, 10)
space.Float("y", 0, 15)
words = {"hyperparameters": space.copy(), "seed": 1}
tuner = searched(Branin, "branin", max_trials=200, **words)
(trial,) = tuner.oracle.get_best_trials()
print(f"best {trial.score:.3f}, possible {DEPTH:.3f}")
print(trial.hyperparameters.values)

# %% [markdown]
# The best trial is near a minimum, not at it: random search never looks
# again where it was lucky.
#
# ## Something real
#
# Can a search of LZMA's options beat the strongest preset? It sees half of
# a text, Python's own help.

# %% open=true
text = "".join(topics.topics.values()).encode()
middle = len(text) // 2
half, kept = text[:middle][:150_000], text[middle:][:150_000]
preset = lzma.PRESET_EXTREME | 9


def compressed(data, **settings):
    """Return the compressed size of the data, in bytes."""
    chain = [{"id": lzma.FILTER_LZMA2, "preset": preset, **settings}]
    return len(lzma.compress(data, lzma.FORMAT_RAW, filters=chain))


# %% [markdown]
# A dictionary holds the objective, and what else to keep with the trial:


# %%
class Compressor(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        size = compressed(half, **trial.hyperparameters.values)
        return {"ratio": len(half) / size, "bytes": size}


settings = kt.HyperParameters()
settings.Int("lc", 0, 4)  # bits of the byte before, as context
settings.Int("pb", 0, 4)  # bits of the position, as context
settings.Int("nice_len", 8, 273, sampling="log")  # long enough a match
words = {"hyperparameters": settings, "max_trials": 30, "seed": 1}
words["objective"] = kt.Objective("ratio", "max")
tuner = searched(Compressor, "lzma", **words)

# %%
(hp,) = tuner.get_best_hyperparameters()
print(hp.values)
for name, data in (("searched", half), ("kept", kept)):
    tuned, usual = compressed(data, **hp.values), compressed(data)
    saved = 1 - tuned / usual
    print(f"{name:>8}: {usual} to {tuned} bytes, {saved:.2%} saved")

# %% [markdown]
# The gain is small, and carries over to the other half, a text of the same
# kind.
#
# ## Repeats: return a list
#
# The score is the mean of the list, say of folds or of several seeds.

# %%
x, y = load_diabetes(return_X_y=True)


class Folds(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        model = Ridge(trial.hyperparameters.get("alpha"))
        return cross_val_score(model, x, y, cv=5).tolist()


alphas = kt.HyperParameters()
alphas.Float("alpha", 1e-3, 10, sampling="log")
words = {"hyperparameters": alphas, "max_trials": 5, "seed": 1}
words["objective"] = kt.Objective("r2", "max")
tuner = searched(Folds, "folds", **words)

# %%
(trial,) = tuner.oracle.get_best_trials()
folds = tuner.run_trial(trial)
mean = sum(folds) / len(folds)
print("folds:", [round(fold, 3) for fold in folds], "mean:", mean)
print("kept: ", trial.metrics.get_history("r2"))

# %% [markdown]
# Only the mean is kept. To keep the folds, return a dictionary with the
# mean under the objective's name and each fold under another. scikit-learn
# has [its own tuner](../scikit_learn.py).
#
# ## Declare the hyperparameters before
#
# If `run_trial` declares them, the first trial gets the defaults, whatever
# the seed.


# %%
from snippets.searches.independent_seeds import independent_seeds


# %%
class DeclaredInside(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        hp = trial.hyperparameters
        return branin(hp.Float("x", -5, 10), hp.Float("y", 0, 15))


rows = {}
for seed in independent_seeds(3):
    tuner = searched(DeclaredInside, "first", seed=seed, max_trials=1)
    rows[seed] = tuner.get_best_hyperparameters()[0].values
display(pd.DataFrame(rows).T.rename_axis("seed"))

# %% [markdown]
# Hyperband then ends without a trial and without a message.


# %%
class Nothing(kt.Hyperband):
    run_trial = DeclaredInside.run_trial


tuner = searched(Nothing, "nothing", max_epochs=9, seed=1)
print(len(tuner.oracle.trials), "trials")

# %% [markdown]
# ## One problem, any oracle
#
# An oracle proposes values, a tuner runs them. `kt.Tuner` takes any oracle:


# %%
class AnyBranin(kt.Tuner):
    run_trial = Branin.run_trial


# %%
for make in (
    kt.oracles.RandomSearchOracle,
    kt.oracles.BayesianOptimizationOracle,
    kt.oracles.GridSearchOracle,
):
    oracle = make(max_trials=12, hyperparameters=space.copy(), seed=1)
    tuner = searched(AnyBranin, "oracle", oracle=oracle)
    (trial,) = tuner.oracle.get_best_trials()
    print(f"{make.__name__:>27}: {trial.score:.3f}")

# %% [markdown]
# One seed ranks nothing, and so few trials cut off most of the grid:
# [Which tuner, on images?](../evidence/which_tuner.py) compares over many
# seeds.
#
# ## What is saved, and what is not
#
# Trials and the oracle's state are on disk; what `run_trial` made is not.

# %%
folder = Path("searches", "tune_anything_oracle")
print(sorted(path.name for path in folder.glob("*.json")))
print(sorted(p.name for p in (folder / "trial_00").iterdir()))

# %% [markdown]
# So there is no best model to load:

# %%
try:
    tuner.get_best_models()
except AttributeError as error:
    print(f"AttributeError: {error}")
else:
    raise AssertionError("a model where none was made")

# %% [markdown]
# Make the model again from `get_best_hyperparameters`, or save it in
# `run_trial`, under `self.get_trial_dir(trial.trial_id)`.
#
# ## Resuming works
#
# With the same `directory` and `project_name`, without `overwrite`, [only
# the rest is run](resume.py). A changed range is silently ignored.


# %%
class Counted(Branin):
    runs = 0

    def run_trial(self, trial, **kwargs):
        type(self).runs += 1
        return super().run_trial(trial, **kwargs)


words = {"hyperparameters": space.copy(), "seed": 1}
for trials in (8, 12, 12):
    before = Counted.runs
    words |= {"max_trials": trials, "overwrite": before == 0}
    tuner = searched(Counted, "resumed", **words)
    print(f"of {trials} trials, {Counted.runs - before} were run")

# %% [markdown]
# ## What this page did not show
#
# - Failures: a `run_trial` that raises makes a [failed
#   trial](failed_trials.py).
# - Hyperband with a budget other than epochs: `run_trial` finds it in
#   `trial.hyperparameters.values["tuner/epochs"]`.
# - Noise: the best of numbers that differ from run to run is partly luck.
