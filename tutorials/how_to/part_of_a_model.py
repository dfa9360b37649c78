# %% [markdown] index="tune_new_entries; allow_new_entries; hyperparameters=; Fixed; pretrained; transfer learning; fine-tuning; HyperResNet; HyperEfficientNet; frozen; layers of a pretrained model; keras.applications; ImageNet weights; MobileNet; ResNet; state shared between trials; better with every trial; clone_model"
# # Tune part of a model
#
# Tune some hyperparameters and fix the rest, wrap a model function as
# it is, and fine-tune a pretrained network.
#
# - **Fix or narrow:** declare a hyperparameter in `hyperparameters=`.
#   It replaces the one of that name in the model function. With
#   `tune_new_entries=False`, all others take their defaults.
# - **A function without `hp`:** call it in the function that you give
#   the tuner.
# - **A pretrained network:** load it there too, or it [goes on learning
#   from trial to trial](#load-inside-build-or-trials-share-it).

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

hp = kt.HyperParameters()
hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
some = {"hyperparameters": hp, "tune_new_entries": False}
score = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "part_of_a_model"}
tuner = kt.RandomSearch(
    build_model, score, max_trials=2, seed=1, **some, **folder
)
x, y = load_digits(return_X_y=True)
tuner.search(x[:600] / 16, y[:600], validation_split=0.2, verbose=0)
for trial in tuner.oracle.trials.values():
    print(f"{trial.score:.4f}", trial.hyperparameters.values)

# %%
import warnings

import keras
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Which arguments do what
#
# `build_model` declares three hyperparameters; the search above varied
# one.


# %%
class Built(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.notes = []

    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, **kwargs):
        name = type(model.optimizer).__name__
        rate = float(model.optimizer.learning_rate)
        note = {"optimizer": name, "its learning_rate": rate}
        self.notes.append(hp.values | note)
        return 0.0


# %%
folder["overwrite"] = True


def built(**arguments):
    """Run six trials; return what their models were built with."""
    names = folder | {"project_name": "part_of_a_model_built"}
    tuner = kt.RandomSearch(
        Built(), max_trials=6, seed=1, **names, **arguments
    )
    tuner.search(verbose=0)
    return pd.DataFrame(tuner.hypermodel.notes)


# %%
narrow = kt.HyperParameters()
narrow.Float("learning_rate", 1e-3, 1e-2, sampling="log")
fixed = kt.HyperParameters()
fixed.Fixed("units", 96)
tuned, rows = ["units", "activation", "learning_rate"], {}
rows["none", True] = built()[tuned].nunique()
for name, hp in (("learning_rate", narrow), ("units fixed", fixed)):
    for new in (True, False):
        notes = built(hyperparameters=hp.copy(), tune_new_entries=new)
        rows[name, new] = notes[tuned].nunique()
table = pd.DataFrame(rows).T
table.index.names = ["hyperparameters", "tune_new_entries"]
display(table)
assert (table == 1).sum(axis=1).tolist() == [0, 0, 2, 1, 3]

# %% [markdown]
# Each row counts the values that six trials took. Hand over copies: a
# tuner adds all it finds to the object it gets, which then hands over
# everything in the next search.
#
# `allow_new_entries=False` refuses a model function that declares
# anything else.

# %%
used = narrow.copy()
rates = built(hyperparameters=used)["learning_rate"]
print(f"learning rates from {rates.min():.4f} to {rates.max():.4f}")
print("handed over now:", [entry.name for entry in used.space])
assert rates.between(1e-3, 1e-2).all() and len(used.space) == 3
check = {"tune_new_entries": False, "allow_new_entries": False}
try:
    built(hyperparameters=narrow.copy(), **check)
except RuntimeError as error:
    print("RuntimeError:", str(error).split(" [")[0])

# %% [markdown]
# ## Overriding compile drops what it held
#
# A tuner's `optimizer=`, `loss=` and `metrics=` compile each model
# anew. The learning rate is tuned for an optimizer that is thrown away:

# %%
notes = built(optimizer="sgd").iloc[:, -3:]
display(notes.rename_axis("trial").head(4).round(4))
assert notes.nunique().tolist() == [6, 1, 1]

# %% [markdown]
# Fix `learning_rate` too, or tune the optimizer [in the model
# function](conditional_spaces.py).
#
# ## Keep a function as it is
#
# A model function needs no `hp`. Wrap it: draw, then call.


# %%
def convolutional_network(filters, learning_rate):
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Conv2D(filters, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="softmax"),
    ]
    return compiled(keras.Sequential(layers), learning_rate)


def wrapped(hp):
    filters = hp.Choice("filters", [16, 32])
    learning_rate = hp.Float("learning_rate", 1e-3, 1e-2)
    return convolutional_network(filters, learning_rate)


# %%
def compiled(model, learning_rate):
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,  # tracing takes longer than a few steps
    )
    # Made now, its variables fit those of a saved trial.
    model.optimizer.build(model.trainable_variables)
    return model


# %% [markdown]
# It learns the digits from 0 to 4. The better of two is the pretrained
# network below.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


def digits(pair, first, last):
    """Return images of some digits, their labels counted from 0."""
    x, y = pair
    chosen = (y >= first) & (y <= last)
    return x[chosen].reshape(-1, 8, 8, 1), y[chosen] - first


# %%
def searched(hypermodel, name, data, validation, epochs, batch_size=10):
    """Return the tuner of a finished search."""
    names = folder | {"project_name": f"part_of_a_model_{name}"}
    tuner = kt.RandomSearch(
        hypermodel, score, max_trials=2, seed=1, **names
    )
    tuner.search(
        *data,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        validation_batch_size=1000,
        verbose=0,
    )
    return tuner


# %%
from snippets.results.trials_table import trials_table

# %%
some = digits(images.train, 0, 4), digits(images.validation, 0, 4)
tuner = searched(wrapped, "wrapped", *some, epochs=1, batch_size=32)
tuner.get_best_models()[0].save("pretrained.keras")
display(trials_table(tuner).round(4))

# %% [markdown]
# ## Fine-tune a pretrained network
#
# Now the digits from 5 to 9, four labelled images of each. The function
# loads the network, replaces its last layer and freezes as many
# convolutions as the trial says.


# %%
def fine_tuned(hp):
    frozen = hp.Int("frozen", 0, 2)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.25)
    rate = hp.Float("learning_rate", 1e-3, 2e-2, sampling="log")

    base = keras.models.load_model("pretrained.keras")
    for layer in base.layers[:frozen]:
        layer.trainable = False
    hidden = keras.layers.Dropout(dropout)(base.layers[-2].output)
    outputs = keras.layers.Dense(5, activation="softmax")(hidden)
    return compiled(keras.Model(base.inputs, outputs), rate)


# %%
x_new, y_new = digits(images.train, 5, 9)
validation = digits(images.validation, 5, 9)


groups = [np.flatnonzero(y_new == label) for label in range(5)]
chosen = np.concatenate([group[:4] for group in groups])
few = x_new[chosen], y_new[chosen]
tuner = searched(fine_tuned, "few", few, validation, epochs=4)
display(trials_table(tuner).drop(columns="status").round(4))

# %% [markdown]
# Does pretraining help? Train the same network from scratch, nothing
# frozen, on [several draws](../evidence/how_sure.py#how-many-repeats) of
# images. Only an interval of the difference that lies above 0 shows it,
# and a configuration chosen with the pretrained network favours that one.
# With few labelled images, validation scores are less certain than here.
#
# ## Load inside build, or trials share it
#
# What is made outside of `build` is one object for all trials: each
# goes on training where the last one stopped. Every trial completes,
# and later ones look better. How far is a weight from its pretrained
# value at each build?

# %%
shared = keras.models.load_model("pretrained.keras")
kernel = shared.layers[0].get_weights()[0]
moved = {"outside": [], "inside": []}


def outside(hp):
    return with_new_end(hp, shared, "outside")  # wrong: one for all


def inside(hp):
    base = keras.models.load_model("pretrained.keras")
    return with_new_end(hp, base, "inside")


def with_new_end(hp, base, name):
    weights = base.layers[0].get_weights()[0]
    moved[name].append(np.abs(weights - kernel).max())
    end = keras.layers.Dense(5, activation="softmax")
    model = keras.Model(base.inputs, end(base.layers[-2].output))
    return compiled(model, hp.Float("learning_rate", 1e-3, 1e-2))


# %%
for build in (outside, inside):
    tuner = searched(build, build.__name__, few, validation, epochs=1)
    assert set(trials_table(tuner)["status"]) == {"COMPLETED"}
builds = ["before the search", "trial 0", "trial 1"]
table = pd.DataFrame(moved, builds).rename_axis("built")
display(table.astype(float).round(3))
assert not any(table["inside"]) and table["outside"].iloc[-1] > 0

# %% [markdown]
# The same holds for a layer, or a model that is made once and returned
# every time. Inside `build`, `load_model` starts from the file;
# `clone_model` copies no weights, so follow it by `set_weights`. An
# optimizer made outside raises [Unknown
# variable](../reference/error_messages.py#unknown-variable) at the
# second trial.
#
# ## Two phases: the new end first, then all
#
# A new layer's first large errors can spoil what the layers below know.
# So train it alone for some epochs, then everything, slowly. Two calls
# of `fit` share the tuner's epochs and callbacks.


# %%
class TwoPhases(kt.HyperModel):
    def build(self, hp):
        hp.Fixed("frozen", 0)  # fit does the freezing
        hp.Int("first_phase", 1, 3)
        return fine_tuned(hp)

    def fit(self, hp, model, *args, epochs, initial_epoch=0, **kwargs):
        switch = min(max(hp.get("first_phase"), initial_epoch), epochs)
        phases = (initial_epoch, switch, 2), (switch, epochs, 0)
        histories = []
        for first, last, frozen in phases:
            freeze(model, frozen, hp.get("learning_rate"))
            kwargs |= {"initial_epoch": first, "epochs": last}
            histories.append(model.fit(*args, **kwargs))
        return joined(histories)


# %%
def freeze(model, frozen, rate):
    for number, layer in enumerate(model.layers[1:]):
        layer.trainable = number >= frozen
    compiled(model, rate if frozen else rate / 3)  # or it has no effect


def joined(histories):
    """Return the History of several calls of fit."""
    total = keras.callbacks.History()
    total.on_train_begin()
    for history in histories:
        total.epoch += history.epoch
        for name, values in history.history.items():
            total.history.setdefault(name, []).extend(values)
    return total


# %% [markdown]
# Is every epoch trained once, and are the pretrained layers left alone
# in the first phase?

# %%
rows = {}
for first, last in ((0, 1), (1, 3)):
    hp, phases = kt.HyperParameters(), TwoPhases()
    model = phases.build(hp)
    before = model.layers[1].get_weights()[0]
    words = {"initial_epoch": first, "epochs": last, "verbose": 0}
    history = phases.fit(hp, model, *few, **words)
    kept = np.array_equal(before, model.layers[1].get_weights()[0])
    rows[f"{first} to {last}"] = (history.epoch, kept)
assert rows == {"0 to 1": ([0], True), "1 to 3": ([1, 2], False)}
columns = ["epochs trained", "first layer unchanged"]
table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
display(table.rename_axis("asked for"))

# %%
tuner = searched(TwoPhases(), "phases", few, validation, epochs=4)
trials = trials_table(tuner)
display(trials.drop(columns=["status", "frozen"]).round(4))
with warnings.catch_warnings(action="ignore"):
    # The saved optimizer may be that of the other phase.
    best_model = tuner.get_best_models()[0]
loaded = best_model.evaluate(*validation, verbose=0)[1]
print(f"loaded again: {loaded:.4f}")
assert np.isclose(loaded, trials["val_accuracy"].max())

# %% [markdown]
# `best_step` counts the epochs of both phases. To show whether two phases
# beat one takes longer trainings and more repeats.
#
# ## The networks that come with Keras Tuner
#
# `kt.applications` has hypermodels of known architectures. Two of them
# build here, with random weights:

# %%
rows = {}
for name in ("HyperResNet", "HyperXception"):
    hypermodel = getattr(kt.applications, name)
    hp = kt.HyperParameters()
    model = hypermodel(input_shape=(32, 32, 3), classes=10).build(hp)
    rows[name] = {
        "parameters": model.count_params(),
        "hyperparameters": len(hp.space),
        "loss": model.loss,
    }
display(pd.DataFrame(rows).T.rename_axis("hypermodel"))

# %% [markdown]
# `HyperEfficientNet` always downloads weights of ImageNet, in the
# tuner's constructor.
#
# The loss above takes one-hot labels, as `keras.utils.to_categorical`
# makes them. Integers
# [fail](../reference/error_messages.py#arguments-target-and-output-must-have-the-same-rank).
#
# ## A network of keras.applications
#
# Fine-tune it like the network above. `weights="imagenet"` downloads
# the weights once and keeps them in `~/.keras` (not run here).
# `weights=` takes a file too, here of random weights for a narrow
# MobileNet:


# %%
def mobilenet(weights, size=32):
    return keras.applications.MobileNet(
        input_shape=(size, size, 3),
        alpha=0.25,  # a quarter of the width
        include_top=False,
        pooling="avg",
        weights=weights,  # or "imagenet", with size=160, say
    )


mobilenet(None).save_weights("mobilenet.weights.h5")


# %%
def fine_tuned_mobilenet(hp):
    blocks = hp.Choice("trained_blocks", [0, 1, 2])  # of 13
    rate = hp.Float("learning_rate", 1e-5, 1e-3, sampling="log")

    base = mobilenet("mobilenet.weights.h5")
    names = [layer.name for layer in base.layers]
    first = names.index(f"conv_dw_{14 - blocks}") if blocks else None
    for layer in base.layers[:first]:
        layer.trainable = False
    inputs = keras.Input((32, 32, 3))
    hidden = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    hidden = base(hidden, training=False)
    outputs = keras.layers.Dense(5, activation="softmax")(hidden)
    return compiled(keras.Model(inputs, outputs), rate)


# %% [markdown]
# Pixels go in from 0 to 255 and take MobileNet's scaling; each family
# of networks has its own `preprocess_input`. `training=False` keeps
# batch normalisation at its pretrained statistics, also where its
# layers are trained.

# %%
for blocks in (0, 2):
    hp = kt.HyperParameters()
    hp.Fixed("trained_blocks", blocks)
    trained = fine_tuned_mobilenet(hp).trainable_weights
    count = sum(np.prod(weights.shape) for weights in trained)
    print(f"{blocks} blocks: {count:,} weights are trained")

# %% [markdown]
# Search with it as with `fine_tuned` above, small learning rates first.
#
# ## What this page did not show
#
# - Batch normalisation that adapts to the new data.
# - Training networks of a useful size, and those of `kt.applications`.
# - The optimizer's momentum across phases. Compiling anew starts it
#   afresh, under Hyperband in every round.
