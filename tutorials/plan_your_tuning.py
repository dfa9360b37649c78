# %% [markdown] index="how to tune; tuning strategy; where to start; method; plan; workflow; budget; narrow the range; best at the edge; second round; coarse to fine; deep learning tuning playbook; checklist"
# # Plan your tuning
#
# Six steps from a model that works to one that is tuned, each measured on
# fifteen problems, each in code that runs.
#
# 1. **Know the noise.** Train the untuned model with three seeds: what is
#    less than their spread is no gain.
# 2. **Explore.** Twenty random trials, a wide range for the learning rate,
#    a third of the epochs.
# 3. **Look.** Where do the best five lie? At an edge, the range was wrong.
# 4. **Go on there.** Twenty more trials in the range of the best five,
#    moved past the edge where they lean on it.
# 5. **Choose at full length.** Train the best few for all epochs, with
#    three seeds each. Among those within the noise take the simplest.
# 6. **Judge once**, on the test set.
#
# ```python
# tuner.search(x, y, epochs=9, validation_data=validation)
# space = next_round(tuner, ["learning_rate", "dropout"])
# tuner = kt.RandomSearch(build_model, hyperparameters=space, ...)
# ```
#
# Why these steps and these numbers: [Advice,
# measured](evidence/measured_advice.py). Which tuner may take the place of
# random search: [Which tuner, on many problems?](evidence/many_problems.py).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
from IPython.display import display

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
features, classes = images.train[0].shape[1], images.classes
print({n: len(getattr(images, n)[1]) for n in ("train", "validation")})


# %% [markdown]
# Every range is wide; the defaults are what one would write without tuning.


# %%
def build_model(hp):
    model = keras.Sequential([keras.Input((features,))])
    units = hp.Choice("units", [32, 128], default=128)
    dropout = hp.Float("dropout", 0.0, 0.7, default=0.2)
    for _ in range(hp.Int("layers", 1, 2, default=2)):
        model.add(keras.layers.Dense(units, "relu"))
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(classes, "softmax"))
    rate = hp.Float(
        "learning_rate", 1e-5, 0.3, sampling="log", default=1e-3
    )
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


# %% [markdown]
# ## 1. Know the noise

# %%
EPOCHS, BATCH, SEEDS = 27, 128, (1, 2, 3)


def trained(values, seed):
    """Train a configuration to the end; return the model, its score."""
    keras.utils.set_random_seed(seed)
    model = build_model(values)
    stop = keras.callbacks.ModelCheckpoint(
        "best.weights.h5",
        "val_accuracy",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    history = model.fit(
        *images.train,
        epochs=EPOCHS,
        batch_size=BATCH,
        validation_data=images.validation,
        callbacks=[stop],
        verbose=0,
    )
    model.load_weights("best.weights.h5")
    return model, max(history.history["val_accuracy"])


def repeated(values):
    """Return the models and the scores of each seed."""
    runs = [trained(values, seed) for seed in SEEDS]
    return [model for model, _ in runs], [score for _, score in runs]


defaults = kt.HyperParameters()
build_model(defaults)
untuned, scores = repeated(defaults)
print("untuned, three seeds:", np.round(scores, 4))

# %% [markdown]
# ## 2. Explore
#
# A third of the epochs weeds out what does not train; among the best it
# says little, which is why step 5 trains these again. [Trials trained
# together](how_to/trials_together.py) cost a fraction; without
# `trained_together` the search is the same.

# %%
from snippets.searches.trained_together import trained_together


# %%
def search(name, **settings):
    """Search at random, 20 trials of a third of the epochs."""
    keras.utils.set_random_seed(1)
    tuner = trained_together(kt.RandomSearch)(
        build_model,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=20,
        directory="searches",
        project_name=f"plan_{name}",
        overwrite=True,
        **settings,
    )
    tuner.search(
        *images.train,
        epochs=EPOCHS // 3,
        batch_size=BATCH,
        validation_data=images.validation,
        verbose=0,
    )
    return tuner


first = search("first", seed=1)

# %%
from snippets.results.trials_table import trials_table

# %%
columns = [
    "learning_rate",
    "units",
    "layers",
    "dropout",
    "val_accuracy",
]
table = trials_table(first).sort_values("val_accuracy", ascending=False)
display(table[columns].head(5).round(4))

# %% [markdown]
# ## 3. Look
#
# Where in its range does each number of the best five lie, from 0, the
# lowest it could be, to 1? Keras Tuner counts on the scale that you gave
# the range. A median below 0.25 or above 0.75 leans on an edge.


# %%
def places(tuner, best=5):
    """Return where in their ranges the best trials' numbers lie."""
    trials = tuner.oracle.get_best_trials(best)
    found = {}
    for each in tuner.oracle.get_space().space:
        if hasattr(each, "sampling"):
            values = [t.hyperparameters.get(each.name) for t in trials]
            found[each.name] = [each.value_to_prob(v) for v in values]
    return pd.DataFrame(found)


display(places(first).agg(["min", "median", "max"]).round(2))

# %% [markdown]
# ## 4. Go on there
#
# The space of the second round: from the lowest to the highest value of
# the best five; where they lean on an edge, half a range past it. What
# can't be passed, such as a dropout below zero, gets a limit.

# %%
LIMITS = {"dropout": (0.0, 0.9)}


def next_round(tuner, names, best=5):
    """Return a space around the best trials, for the names given."""
    space, lies = kt.HyperParameters(), places(tuner, best)
    for each in tuner.oracle.get_space().space:
        if each.name not in names:
            continue
        low, high = lies[each.name].min(), lies[each.name].max()
        middle = lies[each.name].median()
        low, high = (
            low - 0.5 * (middle < 0.25),
            high + 0.5 * (middle > 0.75),
        )
        ends = [unlimited(each, place) for place in (low, high)]
        ends = np.clip(ends, *LIMITS.get(each.name, (0, np.inf)))
        space.Float(each.name, *ends.tolist(), sampling=each.sampling)
    return space


def unlimited(each, place):
    """Return the value at a place of a range, also outside 0 to 1."""
    low, high = each.min_value, each.max_value
    if each.sampling == "log":
        return low * (high / low) ** place
    return low + (high - low) * place


space = next_round(first, ["learning_rate", "dropout"])
for each in space.space:
    print(f"{each.name}: {each.min_value:.2g} to {each.max_value:.2g}")
second = search("second", seed=1_000_001, hyperparameters=space)
for name, tuner in (("first", first), ("second", second)):
    found = [t.score for t in tuner.oracle.get_best_trials(20)]
    print(f"{name}: best {found[0]:.4f}, median {np.median(found):.4f}")

# %% [markdown]
# Layers and units keep their ranges: the best learning rate depends on the
# depth, so that the two are searched together.
#
# ## 5. Choose at full length
#
# The best four of both rounds, with three seeds each.

# %%
trials = [
    t
    for tuner in (first, second)
    for t in tuner.oracle.get_best_trials(20)
]
trials = sorted(trials, key=lambda trial: -trial.score)[:4]
finals = [repeated(trial.hyperparameters) for trial in trials]
rows = []
for trial, (models, scores) in zip(trials, finals, strict=True):
    rows.append(
        {
            **trial.hyperparameters.values,
            "parameters": models[0].count_params(),
            "short": trial.score,
            "mean": np.mean(scores),
        }
    )
rows = pd.DataFrame(rows)
display(rows.round(4))

# %% [markdown]
# The noise of a mean: one standard error of an accuracy on so many
# validation images. Of those that are no further than that from the best,
# the one with the fewest parameters is chosen.

# %%
top = rows["mean"].max()
error = (top * (1 - top) / len(images.validation[1])) ** 0.5
near = rows[rows["mean"] >= top - error]
chosen = near["parameters"].idxmin()
print(f"within {error:.4f} of {top:.4f}: {len(near)} of {len(rows)}")
print("chosen:", trials[chosen].hyperparameters.values)

# %% [markdown]
# ## 6. Judge once

# %%
from snippets.results.compare_runs import compare_runs

# %%
x, y = images.test


def right(models):
    """Return, for each test image, the mean of the models being right."""
    answers = [
        model.predict(x, verbose=0).argmax(1) == y for model in models
    ]
    return np.mean(answers, axis=0)


judged = {"untuned": right(untuned), "tuned": right(finals[chosen][0])}
display(
    compare_runs(judged, "untuned", paired=True)[
        [
            "mean",
            "low",
            "high",
            "difference",
            "difference_low",
            "difference_high",
        ]
    ].round(4)
)

# %% [markdown]
# The interval is that of the test images, the mean over three seeds of
# each. If it holds 0 the gain is not shown: then the untuned model was good
# enough, which is worth knowing too.
#
# ## How much of it do you need?
#
# - **One hour or less:** steps 1, 2 and 6, with as many trials as fit.
# - **The model changes** in depth: tune its learning rate again.
# - **The best trials change** from seed to seed (step 5): more
#   validation data, or the mean of [several splits](how_to/cross_validation.py),
#   not more trials.
#
# ## What this page did not show
#
# - Which tuner: all 40 trials are random.
# - Early stopping in step 5, which a larger model needs.
# - Ranges of choices: which activation or which optimizer is not a place
#   in a range. Count which of them the best five have.
