# %% [markdown] index="tune_new_entries; allow_new_entries; hyperparameters=; Fixed; pretrained; transfer learning; fine-tuning; HyperResNet; HyperEfficientNet; frozen; layers of a pretrained model; keras.applications; ImageNet weights; MobileNet; ResNet; state shared between trials; better with every trial; clone_model"
# # Tune part of a model
#
# Tune some hyperparameters and fix the rest, reuse a model function as
# it is, and fine-tune a pretrained network, with the number of frozen
# layers as a hyperparameter.
#
# Hand the tuner its own `hyperparameters`. What stands there replaces
# what the model function declares under the same name: another range,
# or `Fixed` for a value that stays. What doesn't stand there is tuned
# too, unless you say `tune_new_entries=False`; then it takes its
# default. A function without `hp` is wrapped, and a pretrained network
# loaded, in the function that the tuner calls: one that was loaded
# before it [goes on learning from trial to
# trial](#load-inside-build-or-trials-share-it).
#
# ```python
# hp = kt.HyperParameters()
# hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
# tuner = kt.RandomSearch(
#     build_model, hyperparameters=hp, tune_new_entries=False, ...
# )
# ```

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import warnings

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Which arguments do what
#
# A model function that declares three hyperparameters:

# %%
from snippets.models.build_model import build_model

# %% [markdown]
# To see what a search varies, nothing needs training. `fit` notes the
# values that the model was built with, and returns a constant.


# %%
class Noted(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.notes = []

    def build(self, hp):
        return build_model(hp)

    def fit(self, hp, model, **kwargs):
        _, hidden, _ = model.layers
        self.notes.append(
            {
                "units": hidden.units,
                "activation": hidden.activation.__name__,
                "learning_rate": float(model.optimizer.learning_rate),
                "drawn": hp.get("learning_rate"),
                "optimizer": type(model.optimizer).__name__,
            }
        )
        return 0.0


def noted(**arguments):
    """Run six trials; return what their models were built with."""
    tuner = kt.RandomSearch(
        Noted(),
        max_trials=6,
        seed=1,
        directory="searches",
        project_name="part_of_a_model",
        overwrite=True,
        **arguments,
    )
    tuner.search(verbose=0)
    return pd.DataFrame(tuner.hypermodel.notes)


# %% [markdown]
# Two sets of hyperparameters to hand over: one with the learning rate
# alone, in a narrower range, and one that fixes the units.

# %%
narrow = kt.HyperParameters()
narrow.Float("learning_rate", 1e-3, 1e-2, sampling="log")
fixed = kt.HyperParameters()
fixed.Fixed("units", 96)
sets = {"rate": narrow, "units fixed": fixed}


# %%
def varied(column):
    """Say how many values a column has, or which is the only one."""
    values = column.round(6).unique()
    if len(values) > 1:
        return f"{len(values)} values"
    return str(values[0])


tuned = ["units", "activation", "learning_rate"]
rows = {("none", True, True): noted()[tuned].agg(varied)}
for name, hyperparameters in sets.items():
    for tune_new, allow_new in ((1, 1), (0, 1), (0, 0)):
        arguments = {
            "hyperparameters": hyperparameters.copy(),
            "tune_new_entries": bool(tune_new),
            "allow_new_entries": bool(allow_new),
        }
        try:
            row = noted(**arguments)[tuned].agg(varied)
        except RuntimeError as error:
            row = pd.Series("RuntimeError", tuned)
            message = str(error)
        rows[name, bool(tune_new), bool(allow_new)] = row
table = pd.DataFrame(rows).T
table.index.names = ["handed over", "tune_new", "allow_new"]
display(table)

# %%
several = table.apply(lambda column: column.str.contains("values"))
assert several.loc["none"].all(axis=None)
assert list(several.loc["rate", True, True]) == [True] * 3
assert list(several.loc["rate", False, True]) == [False, False, True]
assert list(several.loc["units fixed", True, True]) == [0, 1, 1]
assert table.loc[("units fixed", True, True), "units"] == "96"
assert not several.loc["units fixed", False, True].any()
refused = table.xs(False, level="allow_new") == "RuntimeError"
assert refused.all(axis=None)

# %% [markdown]
# Each row is a search of six trials, `tune_new` and `allow_new` are
# `tune_new_entries` and `allow_new_entries`. The first tunes what is
# handed over and nothing else when it is false; the rest takes its
# defaults. The second is a check: the tuner is refused at its
# construction if the model function declares anything that was not
# handed over.

# %%
print(message.split(" [")[0])
assert message.startswith("`allow_new_entries` is `False`")
rates = noted(hyperparameters=narrow.copy())["drawn"]
assert rates.between(1e-3, 1e-2).all()
print(f"learning rates from {rates.min():.4f} to {rates.max():.4f}")

# %% [markdown]
# The narrow range replaced the wide one of the model function. It had
# to be handed over as a copy: a tuner adds all it finds to the object
# it gets. Used a second time, that object hands over everything.

# %%
used = narrow.copy()
print("before:", [entry.name for entry in used.space])
noted(hyperparameters=used)
print("after: ", [entry.name for entry in used.space])
assert len(used.space) == 3

# %% [markdown]
# ## Overriding compile drops what it held
#
# `optimizer=`, `loss=` and `metrics=` of a tuner compile each model
# anew. The learning rate was tuned for the optimizer that is thrown
# away:

# %%
notes = noted(optimizer="sgd")
display(notes[["drawn", "optimizer", "learning_rate"]].head(4).round(4))
assert set(notes["optimizer"]) == {"SGD"}
assert notes["learning_rate"].nunique() == 1 < notes["drawn"].nunique()

# %% [markdown]
# The search draws learning rates that no model has. Fix
# `learning_rate` as well, or tune the optimizer
# [in the model function](conditional_spaces.py).
#
# ## Keep a function as it is
#
# A function that builds a model needs no `hp` in it. Wrap it: draw,
# then call. This one could be anybody's.


# %%
def convolutional_network(filters, learning_rate):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.Conv2D(filters, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="softmax"),
        ]
    )
    compile_model(model, learning_rate)
    return model


def compile_model(model, learning_rate, eagerly=True):
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=eagerly,  # tracing takes longer than a few steps
        jit_compile=False,
    )
    # Made now, its variables fit those of a saved trial.
    model.optimizer.build(model.trainable_variables)


def wrapped(hp):
    return convolutional_network(
        filters=hp.Choice("filters", [16, 32]),
        learning_rate=hp.Float("learning_rate", 1e-3, 1e-2),
    )


# %% [markdown]
# It learns the digits from 0 to 4. The best of two models is saved:
# that is the pretrained network of the next section.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


def digits(pair, first, last):
    """Return images of some digits, their labels counted from 0."""
    x, y = pair
    chosen = (y >= first) & (y <= last)
    return x[chosen].reshape(-1, 8, 8, 1), y[chosen] - first


tuner = kt.RandomSearch(
    wrapped,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="part_of_a_model_wrapped",
    overwrite=True,
)
tuner.search(
    *digits(images.train, 0, 4),
    validation_data=digits(images.validation, 0, 4),
    batch_size=64,
    epochs=4,
    verbose=0,
)
tuner.get_best_models()[0].save("pretrained.keras")

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
display(trials.round(4))

# %% [markdown]
# ## Fine-tune a pretrained network
#
# Now the digits from 5 to 9, four labelled images of each. `build`
# loads the network, cuts off its last layer, freezes as many
# convolutions as the trial says and puts a new end on top.


# %%
class FineTuned(kt.HyperModel):
    def __init__(self, pretrained=True):
        super().__init__()
        self.pretrained = pretrained

    def build(self, hp):
        frozen = hp.Int("frozen", 0, 2)
        dropout = hp.Float("dropout", 0.0, 0.5, step=0.25)
        learning_rate = hp.Float(
            "learning_rate", 1e-3, 2e-2, sampling="log"
        )

        base = keras.models.load_model("pretrained.keras")
        if not self.pretrained:
            base = keras.models.clone_model(base)  # with new weights
        for layer in base.layers[:frozen]:
            layer.trainable = False
        hidden = keras.layers.Dropout(dropout)(base.layers[-2].output)
        outputs = keras.layers.Dense(5, activation="softmax")(hidden)
        model = keras.Model(base.inputs, outputs)
        compile_model(model, learning_rate)
        return model


# %%
for frozen in (0, 1, 2):
    hp = kt.HyperParameters()
    hp.Fixed("frozen", frozen)
    layers = FineTuned().build(hp).layers[1:]  # without the input
    trained = [layer.trainable for layer in layers if layer.weights]
    print("frozen", frozen, "- trained: two convolutions, end", trained)
    assert trained == [frozen < 1, frozen < 2, True]

# %%
x_new, y_new = digits(images.train, 5, 9)
validation = digits(images.validation, 5, 9)


def few_images(seed, each=4):
    """Draw a few training images of each new digit."""
    order = np.random.default_rng(seed).permutation(len(y_new))
    groups = [order[y_new[order] == label] for label in range(5)]
    chosen = np.concatenate([group[:each] for group in groups])
    return x_new[chosen], y_new[chosen]


few = few_images(1)
keras.utils.set_random_seed(1)
tuner = kt.RandomSearch(
    FineTuned(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="part_of_a_model_few_images",
    overwrite=True,
)
tuner.search(
    *few,
    validation_data=validation,
    batch_size=10,
    validation_batch_size=1000,
    epochs=15,
    verbose=0,
)
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns="status").round(4))

# %% [markdown]
# Is pretraining worth anything here? The best configuration again on
# five other draws of images, and the same network from scratch, nothing
# frozen, since random layers must learn. Both get 40 epochs, in one call
# of many steps.

# %%
from snippets.results.compare_runs import compare_runs

# %%
(best,) = tuner.get_best_hyperparameters()


def accuracy(pretrained, seed, epochs=40):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    hp = best.copy()
    if not pretrained:
        hp.values["frozen"] = 0
    model = FineTuned(pretrained).build(hp)
    compile_model(model, hp.get("learning_rate"), eagerly=False)
    x, y = few_images(seed)
    rng = np.random.default_rng(seed)
    order = [rng.permutation(len(y)) for _ in range(epochs)]
    rows = np.concatenate(order)
    model.fit(x[rows], y[rows], batch_size=10, shuffle=False, verbose=0)
    return model.evaluate(*validation, batch_size=1000, verbose=0)[1]


runs = {
    name: [accuracy(name == "pretrained", seed) for seed in range(2, 7)]
    for name in ("scratch", "pretrained")
}
compared = compare_runs(runs, reference="scratch", paired=True)
display(compared.drop(columns=["runs", "p"]).round(3))

# %% [markdown]
# Only an interval of the difference that lies above 0 shows that
# pretraining helps. The learning rate and dropout were chosen with the
# pretrained network and on these same validation images, which favours
# it. On images as small as these a network from scratch is a strong
# rival, so compare before you believe.
#
# Labels that are short for training are short for validation too. Here
# the validation images are many, which makes the scores surer than they
# would be in earnest.

# %% [markdown]
# ## Load inside build, or trials share it
#
# What is made outside of `build` is one object for all trials: each
# goes on training where the last one stopped. Everything COMPLETES, and
# the later a trial, the better it looks. How far is the network from
# its pretrained weights whenever a model is built?

# %%
outside = keras.models.load_model("pretrained.keras")
kernel = outside.layers[0].get_weights()[0]


class EndOn(kt.HyperModel):
    def __init__(self, base=None):
        super().__init__()
        self.base, self.distances = base, []

    def build(self, hp):
        rate = hp.Float("learning_rate", 1e-3, 1e-2)
        base = self.base  # wrong: shared by all trials
        if base is None:
            base = keras.models.load_model("pretrained.keras")
        moved = base.layers[0].get_weights()[0] - kernel
        self.distances.append(float(np.linalg.norm(moved)))
        end = keras.layers.Dense(5, activation="softmax")
        model = keras.Model(base.inputs, end(base.layers[-2].output))
        compile_model(model, rate)
        return model


# %%
distances = {}
for name, base in (("outside", outside), ("inside", None)):
    tuner = kt.RandomSearch(
        EndOn(base),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=3,
        seed=1,
        directory="searches",
        project_name=f"part_of_a_model_{name}",
        overwrite=True,
    )
    tuner.search(
        *few,
        validation_data=validation,
        validation_batch_size=1000,
        epochs=3,
        verbose=0,
    )
    trials = trials_table(tuner)
    assert set(trials["status"]) == {"COMPLETED"}
    distances[name] = tuner.hypermodel.distances
builds = ["before the search", *(f"trial {n}" for n in range(3))]
table = pd.DataFrame(distances, builds).rename_axis("built")
display(table.round(3))
assert (table["inside"] == 0).all()
assert table["outside"].iloc[1:].is_monotonic_increasing
assert table["outside"].iloc[-1] > 0

# %% [markdown]
# The same holds for a layer, and for a whole model that is made once
# and returned every time. `keras.models.load_model` inside `build`
# starts from the file; `keras.models.clone_model` copies a network
# without its weights, so follow it by `set_weights`. An optimizer made
# outside raises at the second trial:
# [Unknown variable](../reference/error_messages.py#unknown-variable).
#
# ## Two phases: the new end first, then all
#
# A new layer starts at random, and its first large errors can spoil
# what the layers below know. So train it alone for some epochs, then
# everything, slowly. Two calls of Keras's `fit` share the tuner's
# epochs, whatever they are: each gets its own part of the way from
# `initial_epoch` to `epochs`, and the same callbacks.


# %%
class TwoPhases(FineTuned):
    def build(self, hp):
        hp.Fixed("frozen", 0)  # fit does the freezing
        hp.Int("first_phase", 1, 3)
        hp.Float("slower", 0.1, 1.0, sampling="log")
        return super().build(hp)

    def fit(self, hp, model, *args, epochs, initial_epoch=0, **kwargs):
        switch = hp.get("first_phase")
        rate = hp.get("learning_rate")
        total = keras.callbacks.History()
        total.on_train_begin()
        for first, last, frozen, step_size in (
            (0, switch, 2, rate),
            (switch, epochs, 0, rate * hp.get("slower")),
        ):
            first, last = max(first, initial_epoch), min(last, epochs)
            if first >= last:
                continue
            for number, layer in enumerate(model.layers[1:]):
                layer.trainable = number >= frozen
            compile_model(model, step_size)  # or nothing changes
            history = model.fit(
                *args, initial_epoch=first, epochs=last, **kwargs
            )
            total.epoch += history.epoch
            for name, values in history.history.items():
                total.history.setdefault(name, []).extend(values)
        return total


# %% [markdown]
# Is every epoch trained once, whichever part of the way a tuner asks
# for, and are the pretrained layers left alone in the first phase?

# %%
phases = TwoPhases()
rows = []
for first, last in ((0, 1), (1, 3)):
    hp = kt.HyperParameters()
    model = phases.build(hp)
    before = model.layers[1].get_weights()[0]
    history = phases.fit(
        hp, model, *few, epochs=last, initial_epoch=first, verbose=0
    )
    assert history.epoch == list(range(first, last))
    kept = np.array_equal(before, model.layers[1].get_weights()[0])
    rows.append((first, last, len(history.history["loss"]), kept))
table = pd.DataFrame(
    rows, columns=["from", "to", "trained", "first layer unchanged"]
)
display(table)
assert list(table["trained"]) == [1, 2]
assert list(table["first layer unchanged"]) == [True, False]

# %%
keras.utils.set_random_seed(1)
tuner = kt.RandomSearch(
    TwoPhases(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="part_of_a_model_two_phases",
    overwrite=True,
)
tuner.search(
    *few,
    validation_data=validation,
    batch_size=10,
    validation_batch_size=1000,
    epochs=6,
    verbose=0,
)
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns=["status", "frozen"]).round(4))
with warnings.catch_warnings(action="ignore"):
    # The optimizer of the other phase, say; predictions need neither.
    best_model = tuner.get_best_models()[0]
_, accuracy = best_model.evaluate(*validation, verbose=0)
print(f"loaded again: {accuracy:.4f}")
assert np.isclose(accuracy, trials["val_accuracy"].max())

# %% [markdown]
# The score counts epochs of both phases, and `best_step` is an epoch of
# the whole. Six epochs show that it runs; whether two phases beat one
# takes longer trainings and more repeats.
#
# ## The networks that come with Keras Tuner
#
# `kt.applications` has hypermodels of known architectures. Two of them
# build here, without a network connection, with random weights:

# %%
rows = {}
for hypermodel in (
    kt.applications.HyperResNet(input_shape=(32, 32, 3), classes=10),
    kt.applications.HyperXception(input_shape=(32, 32, 3), classes=10),
):
    hp = kt.HyperParameters()
    model = hypermodel.build(hp)
    rows[type(hypermodel).__name__] = {
        "parameters": model.count_params(),
        "hyperparameters": len(hp.space),
        "loss": model.loss,
    }
display(pd.DataFrame(rows).T)
assert {row["loss"] for row in rows.values()} == {
    "categorical_crossentropy"
}

# %% [markdown]
# `HyperEfficientNet` does not: it downloads weights of ImageNet, in the
# tuner's constructor, and has no argument to leave that out. When this
# page was written its build was tried without a connection, and failed.
#
# The loss above wants one-hot labels. Integers fail:

# %%
x = np.zeros((4, 32, 32, 3), "float32")
labels = np.array([0, 1, 2, 3])
probabilities = model(x)
one_hot = keras.utils.to_categorical(labels, 10)
loss = model.compute_loss(y=one_hot, y_pred=probabilities)
print("one-hot:", np.isfinite(float(loss)))
try:
    model.compute_loss(y=labels, y_pred=probabilities)
except ValueError as error:
    print("integers:", error)
else:
    raise AssertionError("integer labels should be refused")

# %% [markdown]
# ## A network of keras.applications
#
# It is fine-tuned like the network above. With `weights="imagenet"` the
# constructor downloads the weights once and keeps them in `~/.keras`;
# these lines were not run here:
#
# ```python
# base = keras.applications.MobileNet(
#     weights="imagenet", include_top=False, pooling="avg",
#     input_shape=(160, 160, 3),
# )
# ```
#
# `weights=` takes a file as well. What runs here, without a connection,
# is a narrow one with weights of our own, random ones at that:

# %%
SHAPE = {"input_shape": (32, 32, 3), "alpha": 0.25}
narrow = {"include_top": False, "pooling": "avg", **SHAPE}
base = keras.applications.MobileNet(weights=None, **narrow)
base.save_weights("mobilenet.weights.h5")


class FineTunedMobileNet(kt.HyperModel):
    def build(self, hp):
        trained = hp.Choice("trained_blocks", [0, 1, 2])
        rate = hp.Float("learning_rate", 1e-5, 1e-3, sampling="log")

        base = keras.applications.MobileNet(
            weights="mobilenet.weights.h5", **narrow
        )
        first = f"conv_dw_{14 - trained}"  # of 13 blocks
        base.trainable = trained > 0
        for layer in base.layers:
            if layer.name == first:
                break
            layer.trainable = False
        inputs = keras.Input((32, 32, 3))
        hidden = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        hidden = base(hidden, training=False)
        outputs = keras.layers.Dense(5, activation="softmax")(hidden)
        model = keras.Model(inputs, outputs)
        compile_model(model, rate)
        return model


# %% [markdown]
# Pixels go in from 0 to 255; each family of networks has a scaling of
# its own, its `preprocess_input`, and this is MobileNet's.
# `training=False` keeps batch normalisation at its pretrained
# statistics, also where its layers are trained.

# %%
counts = {}
for trained in (0, 1, 2):
    hp = kt.HyperParameters()
    hp.Fixed("trained_blocks", trained)
    model = FineTunedMobileNet().build(hp)
    counts[trained] = sum(
        int(np.prod(weights.shape))
        for weights in model.trainable_weights
    )
print("weights trained, by blocks:", counts)
assert counts[0] < counts[1] < counts[2]
pictures = np.zeros((4, 32, 32, 3), "float32")
history = model.fit(pictures, np.arange(4), verbose=0)
assert np.isfinite(history.history["loss"]).all()

# %% [markdown]
# One step on empty pictures shows that it trains. Search with it as
# with `FineTuned` above, small learning rates first.
#
# ## What this page did not show
#
# - Batch normalisation that adapts to the new data.
# - Pretrained networks of a useful size, and training those of
#   `kt.applications`.
# - The optimizer's momentum across phases. Compiling anew starts it
#   afresh, under Hyperband in every round as well.
