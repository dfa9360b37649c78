# %% [markdown] index="reproducible; seed; set_random_seed; same result twice; different results every run; random seed; seed for a tuner"
# # Reproducible searches
#
# Two seeds make a search repeatable: the tuner's draws hyperparameters,
# Keras's draws weights and batches.
#
# - Give the tuner `seed=1` or more, never 0.
# - Call `keras.utils.set_random_seed(1)` right before the search.
# - If the search may be resumed, [seed each trial](#seed-each-trial) as
#   well.
#
# Then two runs on the same machine and versions give the same
# hyperparameters and scores, to the last digit:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
goal = kt.Objective("val_accuracy", "max")
for run in ("first", "second"):
    keras.utils.set_random_seed(1)
    names = {"project_name": f"{run}_run", "overwrite": True}
    tuner = kt.RandomSearch(
        build_model, goal, 2, seed=1, directory="searches", **names
    )
    tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)
    scores = [float(t.score) for t in tuner.oracle.trials.values()]
    print(f"{run} run:", scores)

# %%
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
from IPython.display import display

# %% [markdown]
# ## Zero is no seed
#
# An oracle keeps `seed or random.randint(...)`, and Python takes 0 for
# false:

# %%
for seed in (0, 0, 1, 1):
    oracle = kt.oracles.RandomSearchOracle(seed=seed)
    print(f"seed={seed} became {oracle.seed}")

# %% [markdown]
# ## Which seed fixes what
#
# The same search, with either seed, both or none:


# %%
def build_eagerly(hp):
    model = build_model(hp)
    model.run_eagerly = True  # tracing takes longer than a few steps
    return model


# %%
def search(tuner_class, seed, keras_seed, max_trials=1, overwrite=True):
    """Return each trial's learning rate and validation loss."""
    if keras_seed:
        keras.utils.set_random_seed(keras_seed)
    names = {"directory": "searches", "overwrite": overwrite}
    names["project_name"] = f"reproducible_{tuner_class.__name__}"
    names |= {"max_trials": max_trials, "seed": seed}
    goal = kt.Objective("val_loss", "min")
    tuner = tuner_class(build_eagerly, objective=goal, **names)
    x, y = load_digits(return_X_y=True)
    words = {"validation_split": 0.2, "batch_size": 240, "verbose": 0}
    tuner.search(x[:600] / 16, y[:600], **words)
    trials = tuner.oracle.trials.values()
    rates = [t.hyperparameters.get("learning_rate") for t in trials]
    return rates, [float(trial.score) for trial in trials]


# %%
rows = []
for tuner_seed in (None, 1):
    for keras_seed in (None, 1):
        rates, scores = search(kt.RandomSearch, tuner_seed, keras_seed)
        again = search(kt.RandomSearch, tuner_seed, keras_seed)
        same = [rates == again[0], scores == again[1]]
        rows.append([tuner_seed or "none", keras_seed or "none", *same])
columns = ["tuner's seed", "Keras's seed"]
columns += ["same values", "same scores"]
display(pd.DataFrame(rows, columns=columns).set_index(columns[:2]))

# %% [markdown]
# `set_random_seed` alone is enough only because it also seeds Python's
# `random`, from which a tuner without a seed draws one. Anything that draws
# in between changes the search: give both.
#
# ## In another process
#
# The same functions, run by a new Python:

# %%
imports = """import json
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits
"""
functions = build_model, build_eagerly, search
code = [imports, *map(inspect.getsource, functions)]
code += ["print(json.dumps(search(kt.RandomSearch, 1, 1, 2)))"]
Path("search.py").write_text("\n\n".join(code), "utf-8")
command = [sys.executable, "search.py"]
done = subprocess.run(command, capture_output=True, check=True)

# %%
elsewhere = json.loads(done.stdout.splitlines()[-1])
here = search(kt.RandomSearch, 1, 1, max_trials=2)
print("scores in another process:", elsewhere[1])
print("scores in this process:   ", here[1])
assert elsewhere == list(here)

# %% [markdown]
# With another processor, number of threads or version of TensorFlow the
# last digits may differ. A [GPU](on_a_gpu.py#the-same-scores-again)
# also needs `tf.config.experimental.enable_op_determinism()`.
#
# ## What breaks it
#
# Weights come from one stream of random numbers. Anything that draws from
# it first shifts everything after: here, a model built before. Resuming
# restarts it.


# %%
class OneModelBefore(kt.RandomSearch):
    def on_search_begin(self):
        self.hypermodel.build(kt.HyperParameters())


def resumed(tuner_class):
    """Search for one trial, then go on to two, as after a fault."""
    search(tuner_class, 1, 1, max_trials=1)
    return search(tuner_class, 1, 1, max_trials=2, overwrite=False)


# %%
runs = {
    "as it is": here,
    "a model built before": search(OneModelBefore, 1, 1, 2),
    "resumed after one trial": resumed(kt.RandomSearch),
}
for name, (rates, scores) in runs.items():
    print(f"{name:24}", *(f"{score:.6f}" for score in scores))
    assert rates == here[0]
    assert (scores == here[1]) == (name == "as it is")

# %% [markdown]
# The oracle draws the hyperparameters from its own seed, so only the
# scores differ.
#
# ## Seed each trial
#
# A seed made from the trial's number depends on nothing that came
# before. This works under any tuner of Keras models.


# %%
class SeededTrials(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        keras.utils.set_random_seed(1000 + int(trial.trial_id))
        return super().run_trial(trial, *args, **kwargs)


whole = search(SeededTrials, 1, None, max_trials=2)
parts = resumed(SeededTrials)
print("in one go:", whole[1])
print("resumed:  ", parts[1])
assert whole == parts

# %% [markdown]
# Don't seed in `build`: each of a trial's executions
# (`executions_per_trial`) would repeat the first. Under Hyperband a
# promoted trial has its own number, and so its own seed.
#
# ## Seeds that are too close
#
# Keras Tuner increases its seed with every value it draws, so close seeds
# draw the same values some trials later. Those of `independent_seeds` lie
# a million apart:

# %%
from snippets.searches.independent_seeds import independent_seeds

# %%
drawn = {}
first, second = independent_seeds(2)
for seed in (first, first + 1, second):
    space = kt.HyperParameters()
    space.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    oracle = kt.oracles.RandomSearchOracle(
        max_trials=6, hyperparameters=space, seed=seed
    )
    values = [oracle.populate_space(n)["values"] for n in "012345"]
    drawn[f"seed {seed}"] = [v["learning_rate"] for v in values]
drawn = pd.DataFrame(drawn).rename_axis("trial")
display(drawn.round(5))

# %% [markdown]
# Seed 2 is seed 1, one trial later: their mean is almost that of one
# search. With six hyperparameters the same holds of seeds six apart.
#
# ## What this page did not show
#
# - [Several workers](several_processes.py). Which of them gets which
#   trial depends on their speed; a seed for each trial makes the score
#   independent of that.
# - That a score is *right* because it repeats. It is [one
#   draw](../random_search.py), repeated.
