# %% [markdown] index="random search; RandomSearch; search at random; baseline; max_trials; first search"
# # Random search
#
# Draw settings at random, train each, keep the best, and find out what
# the tuning was really worth: a whole search, from the data to the test.
#
# It takes about a minute on two cores. Every number and picture below was
# made by the code above it.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import gc

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.metrics import classification_report, confusion_matrix

keras.utils.set_random_seed(1)
# Keras Tuner collects garbage in every trial; what is frozen here is
# not walked again each time.
gc.collect()
gc.freeze()

# %% [markdown]
# ## The data
#
# Small images of handwritten digits by default; `TUTORIAL_DATASET` names
# others.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images()
features = images.train[0].shape[1]
sizes = {
    name: len(getattr(images, name)[1])
    for name in ("train", "validation", "test")
}
print(sizes, "images of shape", images.shape)

# %% alt="Twelve training images in a row, each with its label." figure="images"
figure, axes = plt.subplots(1, 12, figsize=(7.2, 1))
for axis, pixels, label in zip(axes, *images.train, strict=False):
    axis.imshow(pixels.reshape(images.shape), cmap="gray_r")
    axis.set_title(label)
    axis.axis("off")
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
# set the [score](../reference/glossary.md#score) to beat.

# %%
EPOCHS = 10
baseline_history = hypermodel.fit(
    defaults,
    model,
    *images.train,
    validation_data=images.validation,
    epochs=EPOCHS,
    verbose=0,
)
baseline = max(baseline_history.history["val_accuracy"])
print(f"untuned: validation accuracy {baseline:.4f}")

# %% [markdown]
# ## The search
#
# `RandomSearch` draws each trial's values independently. It has one
# [budget](../reference/glossary.md#budget), `max_trials`; the
# [epochs](../reference/glossary.md#epoch) of a trial are yours to give to
# `search`, which hands them to `fit`.

# %%
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=10,
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
    verbose=0,
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
# matters when its dots form a shape.

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
# A number beside the picture: Spearman's rank correlation of each
# hyperparameter with the score. It sees only slopes, so a learning rate
# that is best in the middle can come out near zero.

# %%
numbers = trials[tuned].replace({"relu": 0, "tanh": 1}).astype(float)
display(
    numbers.corrwith(trials["val_accuracy"], method="spearman")
    .rename("rank correlation with the score")
    .to_frame()
    .round(2)
)

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
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# Scores this close are not a ranking. The table says which settings to
# avoid more firmly than which one is best: the best of many noisy scores
# is partly luck, and the search can't tell how much.

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
# a search that tunes epochs learns to ask for the most. Give enough of
# them, and read the best number off the trial, as above.
#
# If you must tune them, put your own number in place of the
# [tuner](../reference/glossary.md#tuner)'s, in `fit`, under RandomSearch only.
# Under [Hyperband](../reference/glossary.md#hyperband) this [destroys the
# search](hyperband.py).


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
# There is nothing left to choose on, so nothing stops it early.


# %%
def retrain(values, epochs, seed):
    """Train anew on training and validation images together."""
    keras.utils.set_random_seed(seed)
    model = hypermodel.build(values)
    x, y = (
        np.concatenate(pair)
        for pair in zip(images.train, images.validation, strict=True)
    )
    hypermodel.fit(values, model, x, y, epochs=epochs, verbose=0)
    return model


# %% [markdown]
# Learning curves of the best settings show where its epochs went; here
# once more on the training images, so that there is a validation curve
# to see.

# %% alt="Loss by epoch of the baseline and of the best hyperparameters, on training images as solid lines and on validation images as dashed lines." figure="learning-curves"
keras.utils.set_random_seed(1)
best_history = hypermodel.fit(
    best,
    hypermodel.build(best),
    *images.train,
    validation_data=images.validation,
    epochs=EPOCHS,
    verbose=0,
)
figure, axis = plt.subplots()
for name, color, history in (
    ("untuned", "C0", baseline_history),
    ("best", "C1", best_history),
):
    for key, style in (("loss", "-"), ("val_loss", "--")):
        line = history.history[key]
        axis.plot(
            range(1, EPOCHS + 1),
            line,
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
# the first, would be tuning on it. To see how much of a difference is
# chance, the retrained models are made with five
# [seeds](../reference/glossary.md#seed) each; only the seed differs.

# %%
SEEDS = range(1, 6)
baseline_epochs = 1 + int(
    pd.Series(baseline_history.history["val_accuracy"]).argmax()
)
tests, finals = [], {}
for name, values, epochs in (
    ("untuned", defaults, baseline_epochs),
    ("best hyperparameters", best, best_epochs),
):
    for seed in SEEDS:
        final = retrain(values, epochs, seed)
        _, accuracy = final.evaluate(*images.test, verbose=0)
        tests.append({"model": name, "test accuracy": accuracy})
        finals.setdefault(name, final)  # of the first seed
tests = pd.DataFrame(tests)
summary = tests.groupby("model", sort=False)["test accuracy"].agg(
    ["mean", "std", "min", "max"]
)
print(f"Test accuracy over {len(SEEDS)} seeds:")
display(summary.round(4))

# %% [markdown]
# What is the difference to the [baseline](../reference/glossary.md#baseline)
# worth? Its mean, and the [standard
# error](../reference/glossary.md#standard-error) of that mean, over the seeds.

# %%
by_model = dict(list(tests.groupby("model")["test accuracy"]))
difference = (
    by_model["best hyperparameters"].to_numpy()
    - by_model["untuned"].to_numpy()
)
error = difference.std(ddof=1) / len(difference) ** 0.5
print(f"tuned minus untuned: {difference.mean():+.4f} ± {error:.4f}")
if abs(difference.mean()) > 2 * error:
    print("More than two standard errors: more than the seeds explain.")
else:
    print("Within two standard errors: the seeds alone could do this.")

# %% [markdown]
# The standard error speaks of the seeds, not of the test images: with
# few of those, a share of the accuracy is the luck of the split.

# %%
_, checkpoint_accuracy = checkpoint.evaluate(*images.test, verbose=0)
count = len(images.test[1])
accuracy = summary.loc["best hyperparameters", "mean"]
luck = (accuracy * (1 - accuracy) / count) ** 0.5
print(f"validation accuracy of the best trial {best_trial.score:.4f}")
print(
    f"test accuracy of its checkpoint       {checkpoint_accuracy:.4f}"
)
print(f"test accuracy retrained, mean         {accuracy:.4f}")
print(f"standard error from {count} test images {luck:.4f}")

# %% [markdown]
# The first line chose the winner, so it flatters the winner; only the
# others were earned. Of the two ways, the
# [checkpoint](../reference/glossary.md#checkpoint) costs nothing more, and
# retraining uses every image there is. Whether that helped here, a
# difference smaller than the last line cannot say.
#
# Which classes go wrong, in the retrained model of the first seed:

# %% alt="Confusion matrix of the retrained model on the test images: rows are true classes, columns predicted ones; nearly all counts lie on the diagonal." figure="confusion-matrix"
final = finals["best hyperparameters"]
predicted = final.predict(images.test[0], verbose=0).argmax(axis=1)
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
# - Whether another draw of trials would have found better settings: this
#   is one search with one seed.
# - Whether [Hyperband](hyperband.py) would have found as good settings
#   for fewer epochs.
# - How these settings do on other data. They are answers for these
#   images; the way to them is what carries over.
