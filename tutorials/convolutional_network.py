# %% [markdown] index="convolutional network; CNN; images; augmentation; RandomRotation; dropout"
# # A convolutional network and its augmentation
#
# Tune a convolutional network together with the random shifts and turns
# of its training images, and measure what each of the two was worth.
#
# The tables at the end say, for each, whether three seeds show a
# difference on these small, upright digits. The way to find out is the
# same for yours.
#
# Put the augmenting layers inside the model and draw their strength like
# any other hyperparameter, with zero as its smallest value: then the
# search may also answer "none". They act in training only, so validation
# and test images need no second pipeline and can't be augmented by
# mistake. Both are shown below.
#
# It takes about a minute.

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

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The data
#
# Small images of handwritten digits. A convolution needs to know what is
# beside what, so the flat images get their two axes back.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


def unflatten(x, y):
    return x.reshape(-1, *images.shape), y


train = unflatten(*images.train)
validation = unflatten(*images.validation)
print("training images", train[0].shape)
print("validation images", validation[0].shape)

# %% [markdown]
# ## The hypermodel
#
# It takes images of shape `(batch, height, width)` and adds the axis of
# channels itself. The defaults are a plain network: no dropout, nothing
# shifted, nothing turned.

# %% open=true
from snippets.models.convolutional_network import ConvolutionalNetwork

# %%
hypermodel = ConvolutionalNetwork(*images.shape, images.classes)
defaults = kt.HyperParameters()
model = hypermodel.build(defaults)
for name, value in defaults.values.items():
    print(f"{name:13} {value}")
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## Augmentation acts in training only
#
# Cut the model after its augmenting layers and call that part both ways.
# `Fixed` holds the two strengths; everything else keeps its default.


# %%
def augmentation(shift, rotation):
    """Return the part of the model that moves its images."""
    values = kt.HyperParameters()
    values.Fixed("shift", shift)
    values.Fixed("rotation", rotation)
    model = hypermodel.build(values)
    moved = model.get_layer("rotation").output
    return keras.Model(model.input, moved)


augment = augmentation(0.1, 0.05)
some = train[0][:32]
outside = np.squeeze(augment(some, training=False), axis=-1)
inside = np.squeeze(augment(some, training=True), axis=-1)
print("outside training, unchanged:", np.array_equal(outside, some))
print("in training, unchanged:     ", np.array_equal(inside, some))
assert np.array_equal(outside, some)
assert not np.array_equal(inside, some)

# %% [markdown]
# `fit` calls the model with `training=True` for its own steps and with
# `training=False` for the validation data, as `evaluate` and `predict`
# do. So nothing has to be switched off anywhere.
#
# What the network is shown: one image, moved anew every time.

# %% alt="Three rows of small pictures of one handwritten digit. The first picture of each row is the original; the others are shifted and turned at random, a little in the first row, and so far in the last that parts leave the frame." figure="augmented"
STRENGTHS = [(0.05, 0.025), (0.1, 0.05), (0.2, 0.1)]
six = train[0][train[1] == 6][:1]
figure, axes = plt.subplots(3, 8, figsize=(7.2, 3.2))
for row, (shift, rotation) in zip(axes, STRENGTHS, strict=True):
    augment = augmentation(shift, rotation)
    moved = augment(np.repeat(six, 7, axis=0), training=True)
    pictures = [six[0], *np.squeeze(moved, axis=-1)]
    for axis, pixels in zip(row, pictures, strict=True):
        axis.imshow(pixels, cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")
    row[0].set_title(f"{shift:.0%}, {rotation * 360:.0f}°", fontsize=9)
plt.show()

# %% [markdown]
# Above each original stand the farthest shift, as a part of the image,
# and the farthest turn; each copy draws its own. In images this small,
# moving blurs too. Look at such a picture before choosing the ranges: an
# image that you can't read any more teaches nothing. An upside-down 6 is
# a 9, so this page neither flips nor turns that far.
#
# ## The search
#
# The objective is the validation *loss*. Good networks misread only a
# handful of these images, and accuracy can't tell them apart: it moves
# in steps of one image. Moved images take longer to learn, so each trial
# trains until five epochs have brought nothing: a fixed few would choose
# against augmentation.

# %%
EPOCHS, PATIENCE = 60, 5


def stop():
    return keras.callbacks.EarlyStopping(
        "val_loss", patience=PATIENCE, restore_best_weights=True
    )


print(f"one image is {1 / len(validation[1]):.4f} of the accuracy")
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_loss", "min"),
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="convolutional_network",
    overwrite=True,
)
tuner.search(
    *train,
    validation_data=validation,
    epochs=EPOCHS,
    callbacks=[stop()],
    verbose=0,
)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
columns = ["blocks", "filters", "dropout", "shift", "rotation"]
columns += ["learning_rate", "val_loss", "best_step"]
display(trials[columns].round(4))

# %% alt="Four panels of dots: validation loss of every trial, on a log scale, against its learning rate, its filters, its shift and its rotation." figure="slices"
shown = ["learning_rate", "filters", "shift", "rotation"]
figure, axes = plt.subplots(1, 4, sharey=True, figsize=(8, 3))
for axis, name in zip(axes, shown, strict=True):
    axis.scatter(trials[name], trials["val_loss"], alpha=0.7)
    axis.set_xlabel(name)
    axis.margins(x=0.15)
axes[0].set_xscale("log")
axes[0].set_yscale("log")
axes[0].set_ylabel("validation loss")
plt.show()

# %% [markdown]
# Four dots show little, and what the augmentation does can't be read
# off them: each trial differs from the others in several ways at once.
# For that, one thing has to change alone.
#
# ## What was the tuning worth, and what the augmentation?
#
# Three configurations, three seeds each, all trained in the same way: the
# untuned defaults, the best trial, and the best trial with nothing moved.

# %%
best_trial = tuner.oracle.get_best_trials()[0]
best = best_trial.hyperparameters
still = best.copy()
still.values.update(shift=0.0, rotation=0.0)
configurations = {
    "untuned": defaults,
    "tuned": best,
    "tuned, nothing moved": still,
}
for name, value in best.values.items():
    print(f"{name:13} {value:.4g}")

# %%
runs, models = {}, {}
for name, values in configurations.items():
    for seed in range(1, 4):
        keras.utils.set_random_seed(seed)
        model = hypermodel.build(values)
        history = hypermodel.fit(
            values,
            model,
            *train,
            validation_data=validation,
            epochs=EPOCHS,
            callbacks=[stop()],
            verbose=0,
        )
        models[name, seed] = model
        runs[name, seed] = pd.DataFrame(history.history)

# %%
names = ["model", "seed"]
losses = pd.Series(
    {key: run["val_loss"].min() for key, run in runs.items()}
)
best_epochs = pd.Series(
    {key: run["val_loss"].argmin() + 1 for key, run in runs.items()}
)
print(f"best epochs, of {EPOCHS} allowed:")
display(best_epochs.unstack(0)[list(configurations)])

# %% [markdown]
# No run came to the last epoch allowed: none was cut short.
#
# How far do the others differ from the tuned network, on average over
# seeds, and how sure is that?

# %%
from snippets.results.compare_runs import compare_runs


# %%
def against_tuned(scores):
    """Display how far the others differ, with 95 % intervals."""
    table = compare_runs(scores.unstack(0), "tuned")
    columns = ["difference", "difference_low", "difference_high"]
    table = table.loc[list(configurations), ["mean", *columns]]
    low, high = table["difference_low"], table["difference_high"]
    shown = np.where(low * high > 0, "yes", "no")
    shown = np.where(low.isna(), "", shown)
    display(table.round(4).assign(shown=shown))


against_tuned(losses)

# %% [markdown]
# A positive difference is for the tuned network; an interval that holds 0
# shows none, as the last column says. The trial's own loss was that of
# one run, the lowest of four; trained again, the same configuration
# scores higher or lower. The last row is the one that a search can't
# give: that the best trial moved its images doesn't mean that moving them
# made it best.
#
# ## Learning curves under augmentation

# %% alt="Two panels of loss by epoch on a log scale, one for the untuned and one for the tuned network: training loss as a solid line, validation loss as a dashed line." figure="learning-curves"
figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8, 3.4))
for axis, name in zip(axes, ("untuned", "tuned"), strict=True):
    run = runs[name, 1]
    for key, style in (("loss", "-"), ("val_loss", "--")):
        axis.plot(run.index + 1, run[key], style, label=key)
    axis.set_title(name)
    axis.set_xlabel("epoch")
axes[0].set_yscale("log")
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()

# %% [markdown]
# A training loss above the validation loss is no mistake here: `fit`
# reports it for moved images, with dropout on. The same network on its
# training images as they are:

# %%
run = runs["tuned", 1]
in_fit = run["loss"][run["val_loss"].argmin()]
unmoved, _ = models["tuned", 1].evaluate(*train, verbose=0)
print(f"training loss that fit reported  {in_fit:.4f}")
print(f"training loss of unmoved images  {unmoved:.4f}")

# %% [markdown]
# ## One look at the test set
#
# The networks of the comparison above, as they are. They never saw the
# validation images; how to use those too is in
# [retrain and ship](how_to/retrain_and_ship.py).

# %%
test = unflatten(*images.test)
results = pd.DataFrame(
    [model.evaluate(*test, verbose=0) for model in models.values()],
    index=pd.MultiIndex.from_tuples(models, names=names),
    columns=["test loss", "test accuracy"],
)
for measure in results:
    print(measure)
    against_tuned(results[measure])

# %% [markdown]
# A difference that is not shown may be there all the same: three seeds make
# the intervals wide. And they speak of the seeds alone, not of which images
# happen to be in the test set. To choose one of the rows because of these
# tables would be tuning on the test set: the choice was made before.
#
# A larger problem, on which a search is worth something, is in [random
# search](random_search.py).

# %%
assert max(map(len, runs.values())) < EPOCHS

# %% [markdown]
# ## What this page did not show
#
# - Whether augmentation pays on your images. These digits are upright
#   and centered, in training as in the test; photographs are not.
# - Colors, flips, zoom and noise. Each is one more layer and one more
#   strength in `build`.
