# %% [markdown] index="how to tune; tuning strategy; where to start; method; plan; workflow; budget; best at the edge; second round; coarse to fine; deep learning tuning playbook; checklist"
# # Plan your tuning
#
# Six steps from a model that works to one that is tuned, in code that runs.
#
# 1. **Know the noise.** Train the untuned model with three seeds. A gain
#    smaller than their spread is not shown by one training.
# 2. **Explore.** Twenty random trials, a wide range for the learning rate,
#    a third of the epochs.
# 3. **Look.** Where do the best five lie? All at one edge, the range may be
#    wrong: move it.
# 4. **Go on there.** Twenty more trials in the range of the best five.
# 5. **Choose at full length.** Train the best few for all epochs, with
#    three seeds each. Among those near the best take the simplest.
# 6. **Judge once**, on the test set.
#
# ```python
# tuner.search(x, y, epochs=9, validation_data=validation)
# space = next_round(tuner, ["learning_rate", "dropout"])
# second = kt.RandomSearch(
#     build_model, hyperparameters=space, project_name="second"
# )
# ```
#
# How wide, how many, how long and why two rounds: [Advice,
# measured](evidence/measured_advice.py), on fifteen problems. What may take
# the place of random search: [Which tuner, on many
# problems?](evidence/many_problems.py). All of it is for accuracy; for a
# loss take `min` for `max` in step 5, and the spread of the seeds as the
# noise.

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
    best = keras.callbacks.EarlyStopping(
        "val_accuracy",
        mode="max",
        patience=EPOCHS,  # it stops nothing, and restores the best
        restore_best_weights=True,
    )
    history = model.fit(
        *images.train,
        epochs=EPOCHS,
        batch_size=BATCH,
        validation_data=images.validation,
        callbacks=[best],
        verbose=0,
    )
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
# `trained_together` the search tries the same configurations.

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
# lowest, to 1? Keras Tuner counts on the scale that you gave the range, and
# takes the middle of what an `Int` step covers.


# %%
def places(tuner, best=5):
    """Return where in their ranges the best trials' numbers lie."""
    space, found = tuner.oracle.get_space().space, []
    for trial in tuner.oracle.get_best_trials(best):
        if trial.status != "COMPLETED":
            continue  # the list is filled up with failed ones
        values = trial.hyperparameters.values
        row = {
            each.name: each.value_to_prob(values[each.name])
            for each in space
            if hasattr(each, "sampling") and each.name in values
        }
        found.append(row)
    return pd.DataFrame(found)


display(places(first).agg(["min", "median", "max"]).round(2))

# %% [markdown]
# ## 4. Go on there
#
# The space of the second round: from the lowest to the highest value of
# the best five. If all of them crowd one edge, give a wider range by
# hand instead: `space.Float("learning_rate", 1e-3, 10, sampling="log")`.


# %%
def next_round(tuner, names, best=5):
    """Return a space around the best trials, for the Floats named."""
    space, lies = kt.HyperParameters(), places(tuner, best)
    known = {each.name: each for each in tuner.oracle.get_space().space}
    for name in names:
        each = known.get(name)
        if not isinstance(each, kt.engine.hyperparameters.Float):
            raise ValueError(f"{name} is no Float of this search")
        if name not in lies or lies[name].count() < 2:
            raise ValueError(f"too few trials that ended have {name}")
        low, high = lies[name].agg(["min", "max"]).tolist()
        if low == high:
            raise ValueError(f"{name} is the same in the best trials")
        space.Float(
            name,
            each.prob_to_value(low),
            each.prob_to_value(min(high, 1 - 1e-9)),
            step=each.step,
            sampling=each.sampling,
        )
    return space


space = next_round(first, ["learning_rate", "dropout"])
for each in space.space:
    print(f"{each.name}: {each.min_value:.2g} to {each.max_value:.2g}")
second = search("second", seed=1_000_001, hyperparameters=space)
for name, tuner in (("first", first), ("second", second)):
    found = [t.score for t in tuner.oracle.get_best_trials(20)]
    print(f"{name}: best {found[0]:.4f}, median {np.median(found):.4f}")

# %% [markdown]
# Layers and units keep their ranges: the best learning rate depends on
# them, so that they are searched together. The second seed lies far from
# the first, as [close ones try the
# same](how_to/reproducible_searches.py#seeds-that-are-too-close).
#
# ## 5. Choose at full length
#
# The best four of both rounds, with three seeds each.


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


trials = ranked(first, second)[:4]
finals = [repeated(trial.hyperparameters) for trial in trials]
rows = []
for trial, (models, scores) in zip(trials, finals, strict=True):
    rows.append(
        {
            **trial.hyperparameters.values,
            "parameters": models[0].count_params(),
            "short": trial.score,
            "scores": np.round(scores, 3).tolist(),
            "mean": np.mean(scores),
        }
    )
rows = pd.DataFrame(rows)
display(rows.round(4))

# %% [markdown]
# Near the best is who lies within one standard error of an accuracy on
# that many validation images. Of these the one with the fewest parameters
# is chosen.

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
# each. If it holds 0, this test set does not distinguish the two: keep the
# simpler one.
#
# ## How much of it do you need?
#
# - **Little time:** steps 1, 2, 5 with one seed, and 6.
# - **The model becomes** much deeper or narrower: tune its learning rate
#   again.
# - **The scores of a configuration differ** from seed to seed by more than
#   those of different ones (step 5): more validation data, or the mean of
#   [several splits](how_to/cross_validation.py).
#
# ## What this page did not show
#
# - Which tuner: all 40 trials are random.
# - Early stopping in step 5, which a larger model needs.
# - Ranges of choices: which activation or which optimizer is not a place
#   in a range. Count which of them the best five have.
