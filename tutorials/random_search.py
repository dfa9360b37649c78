# %% [markdown] index="random search; RandomSearch; search at random; baseline; max_trials; first search; how to start; start tuning; is tuning worth it; better than defaults"
# # Random search
#
# Draw [configurations](../reference/glossary.md#configuration) at random,
# train each, keep the best, and measure what the tuning was worth.
#
# [Twelve such searches](evidence/how_sure.py#is-a-search-worth-it) gained
# 0.8 points of test accuracy on average, from -1.3 to 2.2, over the best
# of as many untuned runs as their
# [epochs](../reference/glossary.md#epoch) pay for. This page runs one
# more search, which takes one to two minutes. A single search is often
# not enough to show a gain of one point.
#
# The smallest search takes a model-building function, a tuner and data:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras
import keras_tuner as kt
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)
x, y = load_digits(return_X_y=True)
tuner = kt.RandomSearch(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="random_search_opening",
)
tuner.search(x / 16, y, validation_split=0.2, epochs=2, verbose=0)
print("Best of three:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# A second run finds this search on disk and trains nothing. To start
# over, pass `overwrite=True`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

# %% [markdown]
# ## The data
#
# The data are 5,000 handwritten digits from MNIST. For other images, set
# the environment variable `TUTORIAL_DATASET`.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images(default="mnist_5000")
features = images.train[0].shape[1]
for name in ("train", "validation", "test"):
    print(f"{name}: {len(getattr(images, name)[1])} images")

# %% alt="Twelve training images in a row, each with its label." caption="Every digit is written in many ways." figure="images"
height, width = images.shape
row = [pixels.reshape(height, width) for pixels in images.train[0][:12]]
figure, axis = plt.subplots(figsize=(7.2, 0.9))
axis.imshow(np.hstack(row), cmap="gray_r", interpolation="none")
places = width * (np.arange(len(row)) + 0.5)
axis.set_xticks(places, images.train[1][:12])
axis.set_yticks([])
plt.show()

# %% [markdown]
# [Trials](../reference/glossary.md#trial) learn from the training images
# and are compared on the validation images. The test images stay closed:
# data that has chosen a model can't also judge it.
#
# ## What there is to tune
#
# [Hyperparameters](../reference/glossary.md#hyperparameter) of the
# *model* say what is trained: hidden layers, their
# [units](../reference/glossary.md#units) and [activation
# function](../reference/glossary.md#activation-function). Those of the
# *algorithm* say how: the [learning
# rate](../reference/glossary.md#learning-rate) and [batch
# size](../reference/glossary.md#batch-size). One class declares both.

# %% open=true
from snippets.models.image_classifier import ImageClassifier

# %% [markdown]
# Build the model once before any search: an error in `build` costs
# nothing yet.

# %%
hypermodel = ImageClassifier(features, images.classes)
defaults = kt.HyperParameters()
model = hypermodel.build(defaults)
print("Default values:", defaults.values)
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## The baseline
#
# The defaults set the [score](../reference/glossary.md#score) to beat. A
# [baseline](../reference/glossary.md#baseline) that stops too early is
# easy to beat, so the untuned network trains until its validation
# accuracy has not risen for ten epochs. A trial gets half of that
# patience. Both keep the weights of their best epoch.

# %%
EPOCHS, PATIENCE = 100, 5
OPTIONS = {"epochs": EPOCHS, "verbose": 0}
OPTIONS["validation_data"] = images.validation
OPTIONS["validation_batch_size"] = 1000  # fewer steps


def stop(patience):
    return keras.callbacks.EarlyStopping(
        "val_accuracy",
        mode="max",
        patience=patience,
        restore_best_weights=True,
    )


# %%
def train(values, seed, patience=PATIENCE):
    """Train a configuration; return the model and its history."""
    keras.utils.set_random_seed(seed)
    model = hypermodel.build(values)
    options = OPTIONS | {"callbacks": [stop(patience)]}
    history = hypermodel.fit(values, model, *images.train, **options)
    return model, pd.DataFrame(history.history)


# %%
untuned = [train(defaults, seed=1, patience=2 * PATIENCE)]
curve = untuned[0][1]["val_accuracy"]
baseline = curve.max()
print(f"untuned: validation accuracy {baseline:.4f},")
print(f"best epoch {curve.argmax() + 1}, {len(curve)} trained")

# %% [markdown]
# ## The search
#
# `RandomSearch` draws each trial's values independently. Its
# [budget](../reference/glossary.md#budget) is `max_trials`. `search`
# passes its own arguments, such as epochs and
# [callbacks](../reference/glossary.md#callback), on to `fit`.

# %%
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=8,
    seed=1,  # not 0, which Keras Tuner takes for no seed
    directory="searches",
    project_name="random_search",
    overwrite=True,  # else a second run resumes, and trains nothing
)

# %%
tuner.search(*images.train, callbacks=[stop(PATIENCE)], **OPTIONS)
spent = [  # a trial ends PATIENCE epochs after its best one
    min(trial.best_step + 1 + PATIENCE, EPOCHS)
    for trial in tuner.oracle.trials.values()
]
budget = sum(spent)
print(f"{budget} epochs in all; the longest trial {max(spent)}")

# %% [markdown]
# Epochs are not tuned: a search over them [tends to ask for the
# most](how_to/batch_size_and_epochs.py#why-not-epochs). Allow more epochs
# than any trial needs, and let early stopping end it. If a trial's best
# epoch is the last one allowed, allow more.
#
# ## The trials
#
# The [oracle](../reference/glossary.md#oracle) keeps every trial.
# `best_step` counts epochs from 0.

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
# A failed trial has no score: look before ranking.
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns="status").round(4))

# %% [markdown]
# A hyperparameter mattered if its dots form a pattern.

# %%
from snippets.results.trials_plot import trials_plot

# %% alt="Five panels of dots, one for each hyperparameter, showing the validation accuracy of every trial against the value it drew." caption="So few trials show only strong effects, and a pattern may be chance." figure="slices"
trials_plot(tuner)
plt.show()

# %% alt="Validation accuracy of each trial in the order drawn, as dots; a step line shows the best so far, a dashed line the untuned baseline." caption="The best so far only rises; the trials themselves do not improve." figure="best-so-far"
figure, axis = plt.subplots()
scores = trials["val_accuracy"].sort_index()
axis.scatter(scores.index, scores, label="a trial")
highest = scores.cummax()
axis.step(scores.index, highest, where="post", label="best so far")
axis.axhline(baseline, linestyle="--", color="gray", label="untuned")
axis.set(xlabel="trial", ylabel="validation accuracy")
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

# %% [markdown]
# The table says more about what to avoid than about what is best: the
# best of many noisy scores is partly luck.
#
# ## Two ways to a final model
#
# The first is the [checkpoint](../reference/glossary.md#checkpoint) of
# the best trial's best epoch. It has learned from the training images
# only.

# %%
best_trial = tuner.oracle.get_best_trials()[0]
best = best_trial.hyperparameters
epochs = best_trial.best_step + 1
print("best:", best.values)
print(f"validation accuracy {best_trial.score:.4f}, epoch {epochs}")
checkpoint = tuner.get_best_models()[0]

# %% [markdown]
# The second is a new model with the best hyperparameters, trained on the
# training and validation images for as many epochs. (Under Hyperband,
# [add the epochs of earlier
# rounds](how_to/retrain_and_ship.py#under-hyperband).)

# %%
keras.utils.set_random_seed(1)
retrained = hypermodel.build(best)
x = np.concatenate([images.train[0], images.validation[0]])
y = np.concatenate([images.train[1], images.validation[1]])
history = hypermodel.fit(
    best, retrained, x, y, epochs=epochs, verbose=0
)

# %% [markdown]
# ## The same epochs without tuning
#
# The untuned network trains again and again, from other initial weights,
# until it has used as many epochs as the search. The best configuration
# trains three times.

# %%
while sum(len(history) for _, history in untuned) < budget:
    untuned.append(train(defaults, len(untuned) + 1, 2 * PATIENCE))
tuned_runs = [train(best, seed) for seed in range(1, 4)]
runs = {"untuned": untuned, "tuned": tuned_runs}
for name, trained in runs.items():
    histories = [history for _, history in trained]
    at = [int(h["val_accuracy"].argmax()) + 1 for h in histories]
    length = sum(map(len, histories))
    print(f"{name}: {len(at)} runs, {length} epochs, best epochs {at}")

# %% alt="Loss by epoch of the untuned network and of the best hyperparameters, on training images as solid lines and on validation images as dashed lines." caption="Where the dashed line leaves the solid one, the model still improves on its training images and no longer on others." figure="learning-curves"
figure, axis = plt.subplots()
for color, name in (("C0", "untuned"), ("C1", "tuned")):
    losses = runs[name][0][1]
    for key, style in (("loss", "-"), ("val_loss", "--")):
        epochs = losses.index + 1
        label = f"{name}, {key}"
        axis.plot(epochs, losses[key], color + style, label=label)
axis.set(xlabel="epoch", ylabel="cross-entropy", yscale="log")
axis.xaxis.get_major_locator().set_params(integer=True)
axis.legend()
plt.show()

# %% [markdown]
# ## One look at the test set
#
# Open the [test set](../reference/glossary.md#test-set) once, after all
# choices: to change something and look again would be tuning on it.


# %%
def right(model):
    predicted = model.predict(images.test[0], verbose=0).argmax(axis=1)
    return predicted == images.test[1]


answers = {}
for name, trained in runs.items():
    answers[name] = np.array([right(model) for model, _ in trained])

# %% [markdown]
# Initial weights and test images both bring chance, so the average gain
# of the configuration has two 95 % intervals.

# %%
from snippets.results.compare_runs import compare_runs

# %%
INTERVAL = ["difference", "difference_low", "difference_high"]
worth = {}
ways = ("over runs", 1, False), ("over images", 0, True)
for name, axis, paired in ways:
    means = {model: a.mean(axis=axis) for model, a in answers.items()}
    table = compare_runs(means, "untuned", paired=paired)
    of_tuned = table.loc["tuned", INTERVAL]
    worth[name] = [table.loc["untuned", "mean"], *of_tuned]
columns = ["untuned", "tuned is better by", "from", "to"]
worth = pd.DataFrame(worth, index=columns).T
display(worth.rename_axis("interval").round(4))

# %% [markdown]
# The two final models are compared, image by image, with the untuned
# network that has the best validation accuracy.

# %%
chosen, _ = max(untuned, key=lambda run: run[1]["val_accuracy"].max())
finals = {
    "best of the untuned": right(chosen),
    "checkpoint": right(checkpoint),
    "retrained": right(retrained),
}
gained = compare_runs(finals, "best of the untuned", paired=True)
gained = gained.rename_axis("model")[["mean", "low", "high", *INTERVAL]]
display(gained.round(4))
print(f"validation accuracy of the best trial {best_trial.score:.4f}")

# %% [markdown]
# An interval without 0 shows a difference. One that contains 0 leaves the
# question open. The validation accuracy of the winner is too good,
# because it chose the winner.
#
# ## Was it luck?
#
# No interval above covers what other random draws would have found.
# [Twelve searches](evidence/how_sure.py#is-a-search-worth-it) show that.

# %% [markdown]
# ## Practice
#
# **1.** How likely are eight random trials to miss the best tenth of the
# space? How many trials does a search need to miss it less than once in
# twenty?

# %% answer="Answer 1"
trials_needed = 1
while 0.9**trials_needed >= 0.05:
    trials_needed += 1
print(f"Eight trials miss it with a probability of {0.9**8:.2f}.")
print(f"{trials_needed} trials are enough, however large the space is.")

# %% [markdown]
# **2.** `learning_rate` runs from 0.0001 to 0.1. What share of random
# draws lies below 0.01, with `sampling="log"` and without?

# %% answer="Answer 2"
for sampling in ("log", "linear"):
    rate = kt.engine.hyperparameters.Float(
        "learning_rate", 1e-4, 1e-1, sampling=sampling
    )
    print(f"{sampling}: {rate.value_to_prob(0.01):.0%} of the draws")
print("Without the log scale, small rates are hardly tried.")

# %% [markdown]
# **3.** A search of two trials has ended. What runs if you start it again
# with `max_trials=3` and without `overwrite=True`? Try it, with numbers in
# place of models.


# %% answer="Answer 3"
class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **kwargs):
        return {"score": trial.hyperparameters.Float("x", 0, 1)}


for max_trials in (2, 3):
    again = Numbers(
        objective=kt.Objective("score", "max"),
        max_trials=max_trials,
        directory="searches",
        project_name="random_search_practice",
        overwrite=max_trials == 2,
    )
    known = len(again.oracle.trials)
    again.search(verbose=0)
    print(f"max_trials={max_trials}: {known} trials known before")

# %% [markdown]
# ## What this page did not show
#
# - Whether [Hyperband](hyperband.py) would have found as much for fewer
#   epochs: [Which tuner?](evidence/many_problems.py)
# - How this configuration does on other data: only the method carries
#   over. On scikit-learn's smaller digits the same search is not shown to
#   gain anything over the untuned network, given as many epochs.
