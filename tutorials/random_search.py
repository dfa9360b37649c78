# %% [markdown] index="random search; RandomSearch; search at random; baseline; max_trials; first search"
# # Random search
#
# Draw [configurations](../reference/glossary.md#configuration) at random,
# train each, keep the best, and measure what the tuning was worth: a
# whole search, from the data to the test.
#
# [Twelve such searches](evidence/how_sure.py#is-a-search-worth-it), each
# with other draws, gained 0.8 points of test accuracy on average, from
# -1.3 to 2.2, on the best of as many untuned runs as their
# [epochs](../reference/glossary.md#epoch) pay for. This page shows one
# more, and how much a single one can show.
#
# It takes one to two minutes. Every number and picture below was made
# by the code above it.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.metrics import classification_report, confusion_matrix

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The data
#
# Five thousand of MNIST's handwritten digits; `TUTORIAL_DATASET` names
# other images.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images(default="mnist_5000")
features = images.train[0].shape[1]
sizes = {
    name: len(getattr(images, name)[1])
    for name in ("train", "validation", "test")
}
print(sizes, "images of shape", images.shape)

# %% alt="Twelve training images in a row, each with its label." figure="images"
height, width = images.shape
row = [pixels.reshape(height, width) for pixels in images.train[0][:12]]
figure, axis = plt.subplots(figsize=(7.2, 0.9))
axis.imshow(np.hstack(row), cmap="gray_r", interpolation="none")
places = width * (np.arange(len(row)) + 0.5)
axis.set_xticks(places, images.train[1][:12])
axis.set_yticks([])
plt.show()

# %% [markdown]
# Three parts, three uses. [Trials](../reference/glossary.md#trial) learn from the
# training images and are compared on the validation images. The test
# images stay closed until the last section: whatever chose a model
# can't also judge it.

# %% [markdown]
# ## What there is to tune
#
# [Hyperparameters](../reference/glossary.md#hyperparameter) of the *model* say
# what is trained: here the number of hidden layers, their
# [units](../reference/glossary.md#units) and their [activation
# function](../reference/glossary.md#activation-function). Hyperparameters of the
# *algorithm* say how: the [learning rate](../reference/glossary.md#learning-rate)
# and the [batch size](../reference/glossary.md#batch-size). One class holds both.
# `build` draws what makes the model; `fit` draws the batch size and
# passes on everything else.

# %% open=true
from snippets.models.image_classifier import ImageClassifier

# %% [markdown]
# Build it once with its default values, before any search: an error in
# `build` is cheapest here.

# %%
hypermodel = ImageClassifier(features, images.classes)
defaults = kt.HyperParameters()
model = hypermodel.build(defaults)
print("Default values:")
for name, value in defaults.values.items():
    print(f"{name:13} {value}")
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## The baseline
#
# These defaults are what one might write without tuning anything. They
# set the [score](../reference/glossary.md#score) to beat, and they get
# as many epochs as help them: training ends when the validation accuracy
# has not risen for ten epochs, and the weights of the best epoch are
# restored. A trial of the search will get half of that patience.

# %%
EPOCHS, PATIENCE = 100, 5


def stop(patience):
    return keras.callbacks.EarlyStopping(
        "val_accuracy",
        mode="max",
        patience=patience,
        restore_best_weights=True,
    )


def train(values, seed, patience=PATIENCE):
    """Train a configuration; return the model and its history."""
    keras.utils.set_random_seed(seed)
    model = hypermodel.build(values)
    history = hypermodel.fit(
        values,
        model,
        *images.train,
        validation_data=images.validation,
        epochs=EPOCHS,
        callbacks=[stop(patience)],
        verbose=0,
    )
    return model, pd.DataFrame(history.history)


untuned = [train(defaults, seed=1, patience=2 * PATIENCE)]
curve = untuned[0][1]["val_accuracy"]
baseline = curve.max()
print(f"untuned: validation accuracy {baseline:.4f},")
print(f"best epoch {curve.argmax() + 1}, {len(curve)} trained")

# %% [markdown]
# A [baseline](../reference/glossary.md#baseline) that is stopped early is easy to beat, and proves nothing.
#
# ## The search
#
# `RandomSearch` draws each trial's values independently. It has one
# [budget](../reference/glossary.md#budget), `max_trials`; the
# [epochs](../reference/glossary.md#epoch) of a trial are yours to give to
# `search`, which hands them to `fit`, as it does the
# [callbacks](../reference/glossary.md#callback).

# %%
epochs_trained = []


class Counted(ImageClassifier):
    def fit(self, hp, model, *args, **kwargs):
        history = super().fit(hp, model, *args, **kwargs)
        epochs_trained.append(len(history.epoch))
        return history


# %%
tuner = kt.RandomSearch(
    Counted(features, images.classes),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=8,
    seed=1,  # not 0, which Keras Tuner takes for no seed
    directory="searches",
    project_name="random_search",
    overwrite=True,  # else a second run resumes, and trains nothing
)
tuner.search_space_summary()

# %%
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=EPOCHS,
    callbacks=[stop(PATIENCE)],
    verbose=0,
)
budget = sum(epochs_trained)
print(
    f"{budget} epochs in all; the longest trial {max(epochs_trained)}"
)

# %% [markdown]
# ## The trials
#
# The [oracle](../reference/glossary.md#oracle) keeps every trial; a snippet makes
# a table of them, best first. `best_step` counts epochs from 0.

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
# A failed trial has no score: look before ranking.
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns="status").round(4))

# %% [markdown]
# Which hyperparameters mattered? Each dot is a trial; a hyperparameter
# matters when its dots form a shape. So few dots show strong effects
# alone.

# %% alt="Five panels of dots, one for each hyperparameter, showing the validation accuracy of every trial against the value it drew." figure="slices"
tuned = list(defaults.values)
figure, axes = plt.subplots(1, len(tuned), sharey=True, figsize=(9, 3))
for axis, name in zip(axes, tuned, strict=True):
    axis.scatter(trials[name], trials["val_accuracy"], alpha=0.7)
    axis.set_xlabel(name)
    axis.margins(x=0.15)
axes[tuned.index("learning_rate")].set_xscale("log")
axes[tuned.index("batch_size")].set_xscale("log", base=2)
axes[0].set_ylabel("validation accuracy")
plt.show()

# %% [markdown]
# And the search as it went: every trial in the order drawn, and the best
# so far.

# %% alt="Validation accuracy of each trial in the order drawn, as dots; a step line shows the best so far, a dashed line the untuned baseline." figure="best-so-far"
figure, axis = plt.subplots()
scores = trials["val_accuracy"].sort_index()
axis.scatter(scores.index, scores, label="a trial")
axis.step(
    scores.index, scores.cummax(), where="post", label="best so far"
)
axis.axhline(baseline, linestyle="--", color="gray", label="untuned")
axis.set_xlabel("trial")
axis.set_ylabel("validation accuracy")
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

# %% [markdown]
# The table says which configurations to avoid more firmly than which one
# is best: the best of many noisy scores is partly luck, and the search
# can't tell how much.

# %% [markdown]
# ## The best hyperparameters

# %%
best_trial = tuner.oracle.get_best_trials()[0]
best = best_trial.hyperparameters
best_epochs = best_trial.best_step + 1
for name, value in best.values.items():
    print(f"{name:13} {value}")
print(
    f"validation accuracy {best_trial.score:.4f}, epoch {best_epochs}"
)

# %% [markdown]
# ## Where epochs belong
#
# No hyperparameter of this search is called `epochs`, and none is
# missing. A trial's score is that of its best epoch, and the weights
# kept are those of that epoch, so a longer trial can only score higher:
# a search that tunes epochs learns to ask for the most. Give more than
# any trial needs, let patience end it, and read the best number off the
# trial, as above. Where a best epoch is the last one allowed, give more.
#
# If you must tune them, put your own number in place of the
# [tuner](../reference/glossary.md#tuner)'s, in `fit`, under RandomSearch only.
# Under [Hyperband](../reference/glossary.md#hyperband) this [breaks the
# schedule](hyperband.py#the-mistake-that-breaks-the-schedule).


# %%
class TunedEpochs(ImageClassifier):
    def fit(self, hp, model, *args, **kwargs):
        kwargs["epochs"] = hp.Int("epochs", 2, 6, step=2)
        return super().fit(hp, model, *args, **kwargs)


epochs_tuner = kt.RandomSearch(
    TunedEpochs(features, images.classes),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="random_search_epochs",
    overwrite=True,
)
epochs_tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)
for trial in epochs_tuner.oracle.trials.values():
    epochs = trial.hyperparameters.get("epochs")
    print(f"{epochs} epochs, score {trial.score:.4f}")

# %% [markdown]
# The first trial took the smallest number because `epochs` was not known
# before its `fit` ran. A hyperparameter that is also declared in `build`
# varies from the start, which is what `ImageClassifier` does with its
# batch size.

# %% [markdown]
# ## Two ways to a final model
#
# The first is ready: the weights of the best epoch of the best trial,
# which saw the training images alone.

# %%
checkpoint = tuner.get_best_models()[0]

# %% [markdown]
# The second starts again with the best hyperparameters, on training and
# validation images together, for the best trial's number of epochs.
# There is nothing left to choose on, so nothing stops it early. (Under
# Hyperband a trial may have started from another's weights: [count those
# epochs too](how_to/retrain_and_ship.py).)

# %%
keras.utils.set_random_seed(1)
retrained = hypermodel.build(best)
x, y = (
    np.concatenate(pair)
    for pair in zip(images.train, images.validation, strict=True)
)
history = hypermodel.fit(
    best, retrained, x, y, epochs=best_epochs, verbose=0
)

# %% [markdown]
# ## The same epochs without tuning
#
# What would the search's epochs have bought without it? The untuned
# network again, from other initial weights, until as many epochs are
# spent; and the best configuration from three, to see what is chance.

# %%
while sum(len(history) for _, history in untuned) < budget:
    untuned.append(train(defaults, len(untuned) + 1, 2 * PATIENCE))
tuned_runs = [train(best, seed) for seed in range(1, 4)]
runs = {"untuned": untuned, "tuned": tuned_runs}
for name, trained in runs.items():
    histories = [history for _, history in trained]
    at = [int(h["val_accuracy"].argmax()) + 1 for h in histories]
    print(
        f"{name}: {len(trained)} runs, "
        f"{sum(map(len, histories))} epochs, best epochs {at}"
    )

# %% alt="Loss by epoch of the untuned network and of the best hyperparameters, on training images as solid lines and on validation images as dashed lines." figure="learning-curves"
figure, axis = plt.subplots()
for color, (name, trained) in zip(
    ("C0", "C1"), runs.items(), strict=True
):
    history = trained[0][1]
    for key, style in (("loss", "-"), ("val_loss", "--")):
        axis.plot(
            range(1, len(history) + 1),
            history[key],
            style,
            color=color,
            label=f"{name}, {key}",
        )
axis.set_yscale("log")
axis.set_xlabel("epoch")
axis.set_ylabel("cross-entropy")
axis.legend()
plt.show()

# %% [markdown]
# Where the dashed line parts from the solid one, the model goes on
# learning its training images without getting better at others.

# %% [markdown]
# ## One look at the test set
#
# All choices are made, so the [test set](../reference/glossary.md#test-set) may
# be opened. Once: a second look, after changing something because of
# the first, would be tuning on it. For each model, and each image: was
# it right?


# %%
def right(model):
    predicted = model.predict(images.test[0], verbose=0).argmax(axis=1)
    return predicted == images.test[1]


answers = {
    name: np.array([right(model) for model, _ in trained])
    for name, trained in runs.items()
}

# %% [markdown]
# What is the configuration worth, on average over its runs? Twice, since
# chance comes in twice: from the initial weights, and from which images
# happen to be in the test set. A snippet gives the 95 % intervals.

# %%
from snippets.results.compare_runs import compare_runs

# %%
over_runs = {name: each.mean(axis=1) for name, each in answers.items()}
over_images = {
    name: each.mean(axis=0) for name, each in answers.items()
}
worth = {
    "over runs": compare_runs(over_runs, "untuned"),
    "over images": compare_runs(over_images, "untuned", paired=True),
}
INTERVAL = ["difference", "difference_low", "difference_high"]
display(
    pd.DataFrame(
        {
            name: [
                table.loc["untuned", "mean"],
                *table.loc["tuned", INTERVAL],
            ]
            for name, table in worth.items()
        },
        index=["untuned", "tuned is better by", "from", "to"],
    ).T.round(4)
)

# %% [markdown]
# And what does one get? Of the untuned networks the one that validated
# best, which is what the same epochs buy; and the two final models of
# the search. The same images judge all, so they are compared image by
# image.

# %%
chosen, _ = max(untuned, key=lambda run: run[1]["val_accuracy"].max())
finals = {
    "best of the untuned": right(chosen),
    "checkpoint": right(checkpoint),
    "retrained": right(retrained),
}
gained = compare_runs(finals, "best of the untuned", paired=True)
display(gained[["mean", "low", "high", *INTERVAL]].round(4))
print(f"validation accuracy of the best trial {best_trial.score:.4f}")

# %% [markdown]
# An interval that leaves out 0 shows a difference; one that holds it
# shows none, and does not show that there is none. The validation
# accuracy in the last line chose the winner, so it flatters it. The
# [checkpoint](../reference/glossary.md#checkpoint) costs nothing more;
# retraining uses every image there is.
#
# ## Was it luck?
#
# All this is one search, with one draw of configurations, often too little
# to show a point of accuracy for sure; and no interval above knows what
# another draw would have found. So the search was repeated beforehand
# with other [seeds](../reference/glossary.md#seed): [what twelve of them
# gained](evidence/how_sure.py#is-a-search-worth-it).
#
# ## Which classes go wrong?
#
# In the retrained model:

# %% alt="Confusion matrix of the retrained model on the test images: rows are true classes, columns predicted ones; nearly all counts lie on the diagonal." figure="confusion-matrix"
predicted = retrained.predict(images.test[0], verbose=0).argmax(axis=1)
matrix = confusion_matrix(images.test[1], predicted)
figure, axis = plt.subplots(figsize=(4.4, 4.4))
axis.imshow(matrix > 0, cmap="Greys", vmax=8)
for (row, column), number in pd.DataFrame(matrix).stack().items():
    if number:
        axis.text(column, row, number, ha="center", va="center")
axis.set_xticks(range(images.classes))
axis.set_yticks(range(images.classes))
axis.set_xlabel("predicted")
axis.set_ylabel("true")
plt.show()

# %%
print(classification_report(images.test[1], predicted, digits=3))

# %% [markdown]
# ## What this page did not show
#
# - Whether [Hyperband](hyperband.py) would have found as much for fewer
#   epochs: [Which tuner?](evidence/many_problems.py)
# - How this configuration does on other data. It is an answer for these
#   images; the way to it is what carries over. On scikit-learn's smaller
#   digits the same search is not shown to gain anything on the untuned
#   network, given its epochs.
