# %% [markdown] index="convolutional network; CNN; images; augmentation; RandomRotation; dropout; number of filters; kernel size"
# # A convolutional network and its augmentation
#
# Tune a convolutional network together with the random shifts and turns
# of its training images, and measure what each was worth.
#
# - Put the augmenting layers inside the model. They act in training only:
#   validation and test images can't be augmented by mistake.
# - Let the range of their strength begin at zero, so that the search may
#   answer "none".
# - A best trial that moves its images doesn't show that moving them
#   helped. Train it again without moving them, with several seeds.
#
# The page takes about a minute, on small images of digits.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.convolutional_network import ConvolutionalNetwork

# %%
import keras
import keras_tuner as kt

keras.utils.set_random_seed(1)
images = load_images("digits")
x, y = images.train
tuner = kt.RandomSearch(
    ConvolutionalNetwork(),
    objective=kt.Objective("val_loss", "min"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="convolutional_network_opening",
)
tuner.search(x.reshape(-1, 8, 8), y, validation_split=0.2, verbose=0)
print("Better of two:", tuner.get_best_hyperparameters()[0].values)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

# %% [markdown]
# ## The network and its data
#
# A convolution needs to know which pixels are neighbours, so flat images
# get their two axes back; the hypermodel adds the channel axis.


# %%
def unflatten(x, y):
    return x.reshape(-1, *images.shape), y


train = unflatten(*images.train)
validation = unflatten(*images.validation)
hypermodel = ConvolutionalNetwork(*images.shape, images.classes)
defaults = kt.HyperParameters()
model = hypermodel.build(defaults)
print("training images", train[0].shape)
print("default values", defaults.values)
print(f"{model.count_params():,} parameters")

# %% [markdown]
# ## Augmentation acts in training only
#
# Here the augmenting part of the model is called as in validation and as
# in training:


# %%
def augmentation(shift, rotation):
    """Return the part of the model that moves its images."""
    values = kt.HyperParameters()
    values.Fixed("shift", shift)
    values.Fixed("rotation", rotation)
    model = hypermodel.build(values)
    moved = model.get_layer("rotation").output
    return keras.Model(model.input, moved)


# %%
augment = augmentation(0.1, 0.05)
some = train[0][:32]
for training in (False, True):
    seen = np.squeeze(augment(some, training=training), axis=-1)
    unchanged = np.array_equal(seen, some)
    print(f"training={training}: unchanged is {unchanged}")

# %% [markdown]
# `fit` calls the model with `training=True` for its own steps and with
# `False` for validation data, as `evaluate` and `predict` do. One image,
# moved differently every time:

# %% alt="Three rows of small pictures of one handwritten digit. The first picture of each row is the original; the others are shifted and turned at random, a little in the first row, and so far in the last that parts leave the frame." caption="Above each original: the farthest shift, as a part of the image, and the farthest turn." figure="augmented"
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
# Look before choosing the ranges: an image that you can't read teaches
# nothing, and an upside-down 6 is a 9. Moving also blurs small images.
#
# ## The search
#
# The objective is the validation *loss*: good networks misread a handful
# of images, and accuracy moves in steps of one image. Moved images take
# longer to learn, so each trial trains until three epochs in a row bring
# no improvement.

# %%
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_loss", "min"),
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="convolutional_network",
    overwrite=True,
)

# %%
EPOCHS = 60
stop = keras.callbacks.EarlyStopping(
    "val_loss", patience=3, restore_best_weights=True
)
options = {"epochs": EPOCHS, "callbacks": [stop], "verbose": 0}
options["validation_data"] = validation
options["validation_batch_size"] = 1000  # one step, not five
keras.utils.set_random_seed(1)
tuner.search(*train, **options)

# %%
from snippets.results.trials_table import trials_table

# %%
display(trials_table(tuner).drop(columns="batch_size").round(4))

# %% [markdown]
# These trials differ in several ways. To see what augmentation does, change
# it alone.
#
# ## What was the tuning worth, and what the augmentation?
#
# The untuned defaults, the best trial, and the best trial with nothing
# moved train alike, with three seeds each.

# %%
best = tuner.get_best_hyperparameters()[0]
still = best.copy()
still.values.update(shift=0.0, rotation=0.0)
configurations = {"untuned": defaults, "tuned": best}
configurations["tuned, nothing moved"] = still

# %%
runs, models = {}, {}
for name, values in configurations.items():
    for seed in range(1, 4):
        keras.utils.set_random_seed(seed)
        model = hypermodel.build(values)
        history = hypermodel.fit(values, model, *train, **options)
        models[name, seed] = model
        runs[name, seed] = pd.DataFrame(history.history)
assert max(map(len, runs.values())) < EPOCHS

# %% [markdown]
# This is how far the others differ from the tuned network on average:

# %%
from snippets.results.compare_runs import compare_runs


# %%
def against_tuned(scores):
    """Display how far the others differ, with 95 % intervals."""
    table = compare_runs(scores.unstack(0), "tuned").round(4)
    table = table.loc[list(configurations)].rename_axis("network")
    display(table.filter(regex="mean|diff").astype(object).fillna(""))


losses = {key: run["val_loss"].min() for key, run in runs.items()}
print("validation loss")
against_tuned(pd.Series(losses))

# %% [markdown]
# For losses, a positive difference favours the tuned network; for
# accuracies, a negative one. An interval that contains 0 shows no
# difference. The last row says what a search can't: what moving the
# images did on its own.
#
# ## Learning curves under augmentation

# %% alt="Two panels of loss by epoch on a log scale, one for the untuned and one for the tuned network: training loss as a solid line, validation loss as a dashed line." caption="On the right, with augmentation and dropout, the training loss stays above the validation loss." figure="learning-curves"
figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8, 3.4))
for axis, name in zip(axes, ("untuned", "tuned"), strict=True):
    run = runs[name, 1]
    for key, style in (("loss", "-"), ("val_loss", "--")):
        axis.plot(run.index + 1, run[key], style, label=key)
    axis.set(title=name, xlabel="epoch", yscale="log")
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()

# %% [markdown]
# `fit` reports the training loss with moved images and with dropout.
# Beside it, the loss without either:

# %%
run = runs["tuned", 1]
in_fit = run["loss"][run["val_loss"].argmin()]
unmoved, _ = models["tuned", 1].evaluate(*train, verbose=0)
print(f"training loss that fit reported  {in_fit:.4f}")
print(f"training loss of unmoved images  {unmoved:.4f}")

# %% [markdown]
# ## One look at the test set
#
# These networks never learned from the validation images. [Retrain and
# ship](how_to/retrain_and_ship.py) uses those too.

# %%
test = unflatten(*images.test)
results = {}
for key, model in models.items():
    results[key] = model.evaluate(*test, verbose=0)
results = pd.DataFrame(results, ["test loss", "test accuracy"]).T
for measure in results:
    print(measure)
    against_tuned(results[measure])

# %% [markdown]
# A difference that is not shown may still exist: three seeds make wide
# intervals, and these cover only the seeds, not the choice of test
# images. To choose a row by these tables would be tuning on the test set.

# %% [markdown]
# ## Practice
#
# **1.** Which of these change the number of parameters: two blocks instead
# of one, 16 filters instead of 8, dropout, a shift?

# %% answer="Answer 1"
for change in (
    {"blocks": 1, "filters": 8},
    {"blocks": 2, "filters": 8},
    {"blocks": 1, "filters": 16},
    {"blocks": 1, "filters": 8, "dropout": 0.5, "shift": 0.2},
):
    values = defaults.copy()
    values.values.update(change)
    count = hypermodel.build(values).count_params()
    print(change, f"{count:,} parameters")
print("Dropout and shifts have none.")

# %% [markdown]
# **2.** How many pixels and degrees are the farthest `shift` and
# `rotation` of the space, on images eight pixels wide?

# %% answer="Answer 2"
space = kt.HyperParameters()
hypermodel.build(space)
named = {hp.name: hp for hp in space.space}
print(f"{named['shift'].max_value * images.shape[1]:.1f} pixels")
print(f"{named['rotation'].max_value * 360:.0f} degrees, either way")

# %% [markdown]
# **3.** Tune the augmentation alone, the rest at its defaults. Which
# argument keeps the tuner from drawing more?

# %% answer="Answer 3"
space = kt.HyperParameters()
space.Choice("shift", [0.0, 0.1])
space.Choice("rotation", [0.0, 0.05])
alone = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_loss", "min"),
    hyperparameters=space,
    tune_new_entries=False,
    max_trials=1,
    seed=1,
    directory="searches",
    project_name="convolutional_network_practice",
)
alone.search(*train, validation_data=validation, verbose=0)
print("tune_new_entries=False; tuned:", [h.name for h in space.space])

# %% [markdown]
# ## What this page did not show
#
# - Whether augmentation pays on your images. These digits are upright and
#   centered, photographs are not.
# - Colors, flips, zoom and noise: each is one more layer and strength in
#   `build`.
