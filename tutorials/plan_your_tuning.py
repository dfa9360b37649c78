# %% [markdown] index="how to tune; tuning strategy; where to start; method; plan; workflow; budget; best at the edge; second round; coarse to fine; deep learning tuning playbook; checklist; how long should a search run; how long to search; what to tune first"
# # Plan your tuning
#
# Six steps from a working model to a tuned one, in code that runs.
#
# 1. **Know the noise:** three seeds of the untuned model.
# 2. **Explore:** twenty random trials, a wide range for the learning rate, a
#    third of the epochs.
# 3. **Look:** if the best five lean to one edge, move the range.
# 4. **Go on there:** twenty more trials in the range of the best five.
# 5. **Choose at full length:** the best few with three seeds each. Take the
#    simplest near the best.
# 6. **Judge once**, on the test set.
#
# Steps 2 and 3 in miniature:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
from snippets.data.load_images import load_images

# %%
import keras_tuner as kt

x, y = load_images("digits").train
tuner = kt.RandomSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="plan_opening",
)
tuner.search(x, y, validation_split=0.2, epochs=2, verbose=0)
best = tuner.get_best_hyperparameters(2)
low, high = sorted(hp.get("learning_rate") for hp in best)
print(f"Next, learning rates from {low:.2g} to {high:.2g},")
print("instead of 0.0001 to 0.1")

# %% [markdown]
# [The plan's rounds and
# finals](evidence/measured_advice.py#the-whole-plan) were ahead of random
# search on 14 of 15 problems, for about the same number of epochs. They
# were not shown to differ from Hyperband, which leaves you less to
# decide. How wide a range, how many trials, how long a trial: see
# [Advice, measured](evidence/measured_advice.py).
#
# ## A model with wide ranges
#
# The defaults are the untuned model.

# %%
import keras
import numpy as np
import pandas as pd
from IPython.display import display

# %%
images = load_images("digits")
FEATURES, CLASSES = images.train[0].shape[1], images.classes


# %%
def build_network(hp):
    model = keras.Sequential([keras.Input((FEATURES,))])
    units = hp.Choice("units", [32, 128], default=128)
    dropout = hp.Float("dropout", 0.0, 0.7, default=0.2)
    for _ in range(hp.Int("layers", 1, 2, default=2)):
        model.add(keras.layers.Dense(units, "relu"))
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(CLASSES, "softmax"))
    rate = hp.Float(
        "learning_rate", 1e-5, 0.3, sampling="log", default=1e-3
    )
    loss = "sparse_categorical_crossentropy"
    adam = keras.optimizers.Adam(rate)
    model.compile(adam, loss, metrics=["accuracy"])
    return model


# %% [markdown]
# ## 1. Know the noise
#
# One training doesn't show a gain smaller than the spread of the seeds.

# %%
EPOCHS, SEEDS = 18, (1, 2, 3)
COMMON = {"batch_size": 128, "validation_batch_size": 1000}
COMMON["validation_data"] = images.validation


def trained(values, seed):
    """Train a configuration to the end; return the model, its score."""
    keras.utils.set_random_seed(seed)
    model = build_network(values)
    best = keras.callbacks.EarlyStopping(
        "val_accuracy",
        mode="max",
        patience=EPOCHS,  # it stops nothing, and restores the best
        restore_best_weights=True,
    )
    options = COMMON | {"epochs": EPOCHS, "callbacks": [best]}
    history = model.fit(*images.train, verbose=0, **options).history
    return model, max(history["val_accuracy"])


# %%
def repeated(values):
    """Return the models and the scores of each seed."""
    runs = [trained(values, seed) for seed in SEEDS]
    return [model for model, _ in runs], [score for _, score in runs]


defaults = kt.HyperParameters()
build_network(defaults)
untuned, scores = repeated(defaults)
print("untuned, three seeds:", np.round(scores, 4))

# %% [markdown]
# ## 2. Explore
#
# A third of the epochs weeds out configurations that do not train. It
# says little about the order of the best, so step 5 trains those again.
# [Trained together](how_to/trials_together.py), the same trials cost a
# fraction of the time.

# %%
from snippets.searches.trained_together import trained_together


# %%
def search(name, **settings):
    """Search at random, 20 trials of a third of the epochs."""
    keras.utils.set_random_seed(1)
    tuner = trained_together(kt.RandomSearch)(
        build_network,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=20,
        directory="searches",
        project_name=f"plan_{name}",
        overwrite=True,
        **settings,
    )
    tuner.search(*images.train, epochs=EPOCHS // 3, verbose=0, **COMMON)
    return tuner


# %%
from snippets.results.trials_table import trials_table

# %%
first = search("first", seed=1)
table = trials_table(first).drop(columns=["status", "best_step"])
display(table.head(5).round(4))

# %% [markdown]
# ## 3. Look
#
# Where does each number of the best five lie in its range, from 0 to 1 on
# its scale? For an `Int`, the middle of the step counts.


# %%
def ranked(*tuners):
    """Return the completed trials of all, the best first."""
    trials = [
        trial
        for tuner in tuners
        for trial in tuner.oracle.trials.values()
        if trial.status == "COMPLETED"
    ]
    largest = tuners[0].oracle.objective.direction == "max"
    return sorted(trials, key=lambda t: t.score, reverse=largest)


# %%
def places(tuner, best=5):
    """Return where in their ranges the best trials' numbers lie."""
    space, found = tuner.oracle.get_space().space, []
    for trial in ranked(tuner)[:best]:
        values = trial.hyperparameters.values
        row = {
            each.name: each.value_to_prob(values[each.name])
            for each in space
            if hasattr(each, "sampling") and each.name in values
        }
        found.append(row)
    return pd.DataFrame(found)


table = places(first).agg(["min", "median", "max"])
display(table.rename_axis("of the best five").round(2))

# %% [markdown]
# ## 4. Go on there
#
# If the best five all crowd one edge, give a wider range by hand:
# `space.Float("learning_rate", 1e-3, 10, sampling="log")`.


# %%
def checked(tuner, name, lies):
    """Return the Float of a name, unless it can't be narrowed."""
    known = {each.name: each for each in tuner.oracle.get_space().space}
    kind = kt.engine.hyperparameters.Float
    if not isinstance(known.get(name), kind):
        raise ValueError(f"{name} is no Float of this search")
    if name not in lies or lies[name].count() < 2:
        raise ValueError(f"too few trials that ended have {name}")
    if lies[name].nunique() == 1:
        raise ValueError(f"{name} is the same in the best trials")
    return known[name]


# %%
def next_round(tuner, names, best=5):
    """Return a space around the best trials, for the Floats named."""
    space, lies = kt.HyperParameters(), places(tuner, best)
    for name in names:
        each = checked(tuner, name, lies)
        low, high = lies[name].agg(["min", "max"]).tolist()
        low = each.prob_to_value(low)
        high = each.prob_to_value(min(high, 1 - 1e-9))
        kept = {"step": each.step, "sampling": each.sampling}
        space.Float(name, low, high, **kept)
    return space


# %%
space = next_round(first, ["learning_rate", "dropout"])
for each in space.space:
    print(f"{each.name}: {each.min_value:.2g} to {each.max_value:.2g}")
second = search("second", seed=1_000_001, hyperparameters=space)
for name, tuner in (("first", first), ("second", second)):
    found = [t.score for t in tuner.oracle.get_best_trials(20)]
    print(f"{name}: best {found[0]:.4f}, median {np.median(found):.4f}")

# %% [markdown]
# Layers and units keep their ranges: the best learning rate depends on
# them. The second seed lies [far from the
# first](how_to/reproducible_searches.py#seeds-that-are-too-close).
#
# ## 5. Choose at full length
#
# The best two of both rounds:

# %%
trials = ranked(first, second)[:2]
finals = [repeated(trial.hyperparameters) for trial in trials]
rows = pd.DataFrame([t.hyperparameters.values for t in trials])
rows["parameters"] = [models[0].count_params() for models, _ in finals]
rows["short score"] = [trial.score for trial in trials]
rows["scores"] = [np.round(s, 3).tolist() for _, s in finals]
rows["mean"] = [np.mean(scores) for _, scores in finals]
display(rows.rename_axis("candidate").round(4))

# %% [markdown]
# *Near the best* means within one standard error, that of an accuracy on
# so many validation images. (For a loss, take `min` instead of `max`, and
# the spread of the seeds instead of the standard error.) Of those near
# the best, the one with the fewest parameters wins.

# %%
top = rows["mean"].max()
error = (top * (1 - top) / len(images.validation[1])) ** 0.5
near = rows[rows["mean"] >= top - error]
chosen = near["parameters"].idxmin()
print(f"within {error:.4f} of {top:.4f}: {len(near)} of {len(rows)}")
print("chosen:", trials[chosen].hyperparameters.values)

# %% [markdown]
# ## 6. Judge once, on the test set

# %%
from snippets.results.compare_runs import compare_runs

# %%
x, y = images.test


def right(models):
    """Return how many of the models are right, for each image."""
    answers = [
        model.predict(x, verbose=0).argmax(1) == y for model in models
    ]
    return np.mean(answers, axis=0)


judged = {"untuned": right(untuned), "tuned": right(finals[chosen][0])}
judged = compare_runs(judged, "untuned", paired=True)
judged = judged.rename_axis("model").drop(columns=["runs", "p"])
display(judged.round(4))

# %% [markdown]
# The interval covers the choice of test images; the answers on each are
# averaged over three seeds. If it contains 0, this test set does not
# distinguish the two: keep the simpler one.
#
# ## How much of it do you need?
#
# - **Little time:** steps 1, 2, 5 with one seed, and 6.
# - **A fixed time:** divide it by the time of a full training. Steps 1
#   and 5 take nine trainings; each further one pays for three short
#   trials. [An hour as an
#   example](../explanation/random_search_or_hyperband.md#by-your-budget).
# - **A much deeper or narrower model:** tune its learning rate again.
# - **In step 5, seeds differ by more than configurations:** use more
#   validation data, or the mean of [several
#   splits](how_to/cross_validation.py).

# %% [markdown]
# ## Practice
#
# **1.** Untuned, three seeds score 0.962, 0.968 and 0.965. Tuned, one scores
# 0.969. Does that show a gain?

# %% answer="Answer 1"
seeds = np.array([0.962, 0.968, 0.965])
spread = np.ptp(seeds)
gain = 0.969 - seeds.mean()
print(f"The gain is {gain:.3f}, the spread of the seeds {spread:.3f}:")
print("one training does not show it. Train it with three seeds too.")
assert gain < spread

# %% [markdown]
# **2.** How large is the standard error of an accuracy of 0.97 on 288
# validation images? How many images reduce it to a fifth?

# %% answer="Answer 2"
errors = {n: (0.97 * 0.03 / n) ** 0.5 for n in (288, 25 * 288)}
for number, error in errors.items():
    print(f"{number} images: a standard error of {error:.4f}")
print("A fifth of the error takes 25 times the images.")
assert np.isclose(errors[288], 5 * errors[7200])

# %% [markdown]
# **3.** The best rate is 0.01, but the range ends at 0.001. Search without
# models, scoring `-abs(log10(rate) + 2)`. Where do the best five lie?


# %% answer="Answer 3"
class TooLow(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        hp = trial.hyperparameters
        rate = hp.Float("rate", 1e-6, 1e-3, sampling="log")
        return {"score": -abs(np.log10(rate) + 2)}


goal = kt.Objective("score", "max")
where = {"directory": "searches", "project_name": "plan_practice"}
tuner = TooLow(objective=goal, max_trials=20, seed=1, **where)
tuner.search(verbose=0)
lie = places(tuner)["rate"]
print(f"median place {lie.median():.2f}: move the range up")
assert lie.median() > 0.5

# %% [markdown]
# ## What this page did not show
#
# - Which tuner: all 40 trials are random.
# - Early stopping in step 5, which a larger model needs.
# - Choices, such as an activation, have no place in a range. Count which
#   ones the best five have.
