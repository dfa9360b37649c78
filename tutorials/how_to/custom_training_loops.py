# %% [markdown] index="custom training loop; GradientTape; train_step"
# # Custom training loops
#
# Tune a model that trains in a way of its own: a `train_step` that
# keeps `fit`, or a whole loop in `HyperModel.fit` that keeps all its
# promises.
#
# If only the step is yours, override `train_step` in a subclass of
# `keras.Model`, made from inputs and outputs as below, and nothing else
# changes; a subclass with layers and a `call` of its own must
# [also be called](subclassed_models.py) in `build`. If the loop is yours, write it in `HyperModel.fit`. It then
# owes the tuner four things:
#
# - train from `initial_epoch` to `epochs`, as told;
# - call the `callbacks` it is given, since they save the weights;
# - give `on_epoch_end` a dictionary that contains the objective;
# - return the `History` of all epochs.
#
# A loop that forgets the callbacks runs a whole search without a
# complaint, and leaves no model.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
import time

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display

keras.utils.set_random_seed(1)
# TensorFlow warns of functions that are compiled often; here each trial
# compiles one, and means to.
tf.get_logger().setLevel("ERROR")

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")

# %% [markdown]
# ## A train_step that keeps fit
#
# Training on mixed images: two of them, overlaid, and both labels count
# by their share, which changes the loss. How far to mix is tuned.
# (For images with one-hot labels Keras has a layer, `MixUp`.)


# %%
class MixingModel(keras.Model):
    def __init__(self, *args, mixing, **kwargs):
        super().__init__(*args, **kwargs)
        self.mixing = mixing

    def train_step(self, data):
        x, y = data
        order = tf.random.shuffle(tf.range(tf.shape(y)[0]))
        share = tf.random.uniform((), 0.0, self.mixing)
        mixed = (1 - share) * x + share * tf.gather(x, order)
        other = tf.gather(y, order)
        with tf.GradientTape() as tape:
            y_pred = self(mixed, training=True)
            loss = (1 - share) * self.compute_loss(y=y, y_pred=y_pred)
            loss += share * self.compute_loss(y=other, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return self.get_metrics_result()


# %% [markdown]
# The hypermodel is like any other. Its network is a function, to be
# used again below.


# %%
def network(hp, model_class=keras.Model, **arguments):
    """Return a compiled classifier; declare how it is trained."""
    learning_rate = hp.Float("learning_rate", 1e-3, 0.1, sampling="log")
    hp.Choice("batch_size", [32, 64, 128])

    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(32, activation="relu")(inputs)
    outputs = keras.layers.Dense(10, activation="softmax")(hidden)
    model = model_class(inputs, outputs, **arguments)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA compiles longer than this runs
    )
    # Variables made now are restored when Hyperband promotes a trial;
    # an optimizer that makes them in fit starts afresh.
    model.optimizer.build(model.trainable_variables)
    return model


class Mixing(kt.HyperModel):
    def build(self, hp):
        mixing = hp.Float("mixing", 0.0, 0.5)
        return network(hp, MixingModel, mixing=mixing)

    def fit(self, hp, model, *args, **kwargs):
        batch_size = hp.get("batch_size")
        return model.fit(*args, batch_size=batch_size, **kwargs)


# %%
tuner = kt.RandomSearch(
    Mixing(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="custom_training_loops",
    overwrite=True,
)
tuner.search(
    *images.train,
    validation_data=images.validation,
    epochs=4,
    verbose=0,
)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
display(trials.round(4))

# %% [markdown]
# Epochs, callbacks, validation and the history are all still Keras's,
# so every tuner works. Two trials don't show whether mixing helps.
#
# ## A whole loop
#
# `CallbackList` gives each callback the model and passes on every call.
# `History` is a callback too: it collects what `on_epoch_end` is given.


# %%
class Loop(kt.HyperModel):
    def build(self, hp):
        return network(hp)

    def fit(
        self,
        hp,
        model,
        x,
        y,
        validation_data,
        callbacks=(),
        epochs=1,
        initial_epoch=0,
        verbose=0,
    ):
        batches = tf.data.Dataset.from_tensor_slices((x, y)).cache()
        batches = batches.shuffle(len(y)).batch(hp.get("batch_size"))
        train = self.make_train(model, batches)
        history = keras.callbacks.History()
        callbacks = keras.callbacks.CallbackList(
            [*callbacks, history], model=model
        )
        model.stop_training = False
        callbacks.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            callbacks.on_epoch_begin(epoch)
            train()
            loss, accuracy = model.evaluate(*validation_data, verbose=0)
            logs = {"val_loss": loss, "val_accuracy": accuracy}
            callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:  # EarlyStopping sets it
                break
        callbacks.on_train_end()
        return history

    def make_train(self, model, batches):
        """Return a function that trains the model for an epoch."""
        weights = model.trainable_variables

        def train():
            for x, y in batches:
                with tf.GradientTape() as tape:
                    y_pred = model(x, training=True)
                    loss = model.compute_loss(y=y, y_pred=y_pred)
                gradients = tape.gradient(loss, weights)
                model.optimizer.apply(gradients, weights)

        return tf.function(train)


# %% [markdown]
# `compute_loss` is what was given to `compile`, and the penalties of
# layers, such as a `kernel_regularizer`, which a loss of one's own
# forgets.
#
# The loop trains on the `x` and `y` that `search` was given. A well-known
# example of a custom `fit` takes them and then trains on global
# variables; it works until the search is given other data.
#
# ## Does Hyperband get its epochs?
#
# Hyperband gives each trial its own `epochs` and `initial_epoch`, and
# continues a promoted trial from the weights that the callbacks saved.
# So it is the hardest test of a loop. A subclass notes what was
# trained.


# %%
class Recorded(Loop):
    def __init__(self):
        super().__init__()
        self.records = []

    def fit(self, hp, model, *args, **kwargs):
        begun = int(model.optimizer.iterations)
        history = super().fit(hp, model, *args, **kwargs)
        first, last = hp["tuner/initial_epoch"], hp["tuner/epochs"]
        record = {"from": first, "to": last, "scheduled": last - first}
        record["trained"] = len(history.epoch)
        record["updates before"] = begun
        self.records.append(record)
        return history


# %%
hyperband = kt.Hyperband(
    Recorded(),
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=3,
    factor=3,
    seed=1,
    directory="searches",
    project_name="custom_training_loops_hyperband",
    overwrite=True,
)
hyperband.search(
    *images.train, validation_data=images.validation, verbose=0
)

# %%
trials = pd.DataFrame(hyperband.hypermodel.records)
display(trials.rename_axis("trial"))
assert (trials["trained"] == trials["scheduled"]).all()
promoted = trials["from"] > 0
assert promoted.any()
assert (promoted == (trials["updates before"] > 0)).all()
assert set(trials_table(hyperband)["status"]) == {"COMPLETED"}

# %% [markdown]
# Every trial trained what was scheduled. The promoted one began with
# the weights, and the optimizer's updates, of the trial it continues.
#
# ## Is the best model the one that was scored?
#
# The tuner's callback saved the weights of each trial's best epoch.
# Loaded again, they must give the trial's score:

# %%
(best_trial,) = hyperband.oracle.get_best_trials()
best_model = hyperband.get_best_models()[0]
_, accuracy = best_model.evaluate(*images.validation, verbose=0)
print(f"score {best_trial.score:.4f}, loaded again {accuracy:.4f}")
assert np.isclose(accuracy, best_trial.score)

# %% [markdown]
# ## The mistake: a loop without callbacks
#
# This one leaves the callbacks out and returns a plain number. Every
# trial completes, with a score.


# %%
class NoCallbacks(Loop):
    def fit(self, hp, model, *args, callbacks, **kwargs):
        history = super().fit(
            hp,
            model,
            *args,
            callbacks=(),  # wrong: the tuner's own are lost
            **kwargs,
        )
        return max(history.history["val_accuracy"])


# %%
mistaken = kt.RandomSearch(
    NoCallbacks(),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=1,
    seed=1,
    directory="searches",
    project_name="custom_training_loops_no_callbacks",
    overwrite=True,
)
mistaken.search(
    *images.train,
    validation_data=images.validation,
    verbose=0,
)
display(trials_table(mistaken).round(4))
try:
    mistaken.get_best_models()
except FileNotFoundError as error:
    print("FileNotFoundError:", str(error).split(",")[0])
else:
    raise AssertionError("a checkpoint where none should be")
assert set(trials_table(mistaken)["status"]) == {"COMPLETED"}

# %% [markdown]
# The hyperparameters are not lost, only the weights:
# [train again](retrain_and_ship.py). Under Hyperband there is no
# such way out, since a promoted trial needs the weights of its
# predecessor.
#
# ## What to return
#
# Keras Tuner takes a History, a dictionary, a number, or a list of
# these. What it makes of them differs. To see it, one curve over three
# epochs is returned in several ways:


# %%
def history_of(curve):
    history = keras.callbacks.History()
    history.history = {"val_accuracy": curve}
    return history


class Returning(kt.RandomSearch):
    def run_trial(self, trial, returned, verbose):
        return returned


curve = [0.5, 0.9, 0.7]
ways = {
    "History": history_of(curve),
    "dictionary of last epoch": {"val_accuracy": curve[-1]},
    "highest number": max(curve),
    "list of two Histories": [history_of(curve), history_of([0.1])],
    "list of numbers": curve,
    "dictionary of curves": {"val_accuracy": curve},
    "nothing": None,
    "other names": {"accuracy": max(curve)},
}

# %%
space = kt.HyperParameters()
space.Float("x", 0.0, 1.0)
rows = {}
for way, returned in ways.items():
    tuner = Returning(
        hyperparameters=space,
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        seed=1,
        directory="searches",
        project_name="custom_training_loops_returning",
        overwrite=True,
    )
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            tuner.search(returned=returned, verbose=0)
        except kt.errors.FatalError as error:
            rows[way] = {"status": type(error).__name__}
            continue
    (trial,) = tuner.oracle.trials.values()
    rows[way] = {"status": trial.status, "score": trial.score}
    rows[way]["best_step"] = trial.best_step
table = pd.DataFrame(rows).T
table["score"] = table["score"].astype(float).round(4)
display(table.astype(object).where(table.notna(), ""))

# %%
assert table.loc["History", "score"] == max(curve)
assert table.loc["History", "best_step"] == 1
assert table.loc["highest number", "best_step"] == 0
assert table.loc["dictionary of last epoch", "score"] == curve[-1]
assert table.loc["list of numbers", "score"] == round(sum(curve) / 3, 4)
assert table.loc["dictionary of curves", "status"] == "FAILED"
assert table["status"].str.startswith("Fatal").sum() == 2

# %% [markdown]
# Only a History has the best epoch found for it. A dictionary of the
# last epoch scores the last epoch, while the weights saved are those of
# the best: return the numbers of the best epoch, if a dictionary it
# must be. A list is taken for [executions](../../reference/glossary.md#execution) of
# one trial and averaged, so a curve returned as it is counts its bad
# first epochs. A `Fatal` error ends the search.
#
# ## What compiling costs
#
# A loop in plain Python runs each operation by itself. `tf.function`
# compiles the epoch at its first call, once per trial, since each trial
# has a new model.

# %%
batches = tf.data.Dataset.from_tensor_slices(images.train)
model = Loop().build(kt.HyperParameters())
compiled = Loop().make_train(model, batches.batch(32))
rows = {}
for name, train in (
    ("tf.function", compiled),
    ("plain Python", compiled.python_function),
):
    for epoch in ("first epoch", "second epoch"):
        begun = time.process_time()
        train()
        seconds = time.process_time() - begun
        rows.setdefault(name, {})[epoch] = round(seconds, 3)
print("CPU seconds")
display(pd.DataFrame(rows).T)
assert compiled.experimental_get_tracing_count() == 1

# %% [markdown]
# The seconds are of one run on the machine that built this page. They
# decide nothing, but show the trade: what compiling costs a trial, it
# must save in its epochs. `train_step` under `fit` is compiled alike.
#
# ## Early stopping
#
# Callbacks given to `search` arrive in the same list as the tuner's
# own. One that asks for a whole point of accuracy, and waits two epochs
# for it, stops the loop:

# %%
keras.utils.set_random_seed(1)
hp = kt.HyperParameters()
history = Loop().fit(
    hp,
    Loop().build(hp),
    *images.train,
    validation_data=images.validation,
    epochs=20,
    callbacks=[
        keras.callbacks.EarlyStopping(
            "val_accuracy", mode="max", min_delta=1.0, patience=2
        )
    ],
)
print(len(history.epoch), "epochs of 20")
assert len(history.epoch) == 3

# %% [markdown]
# ## What this page did not show
#
# - Callbacks that need batches, such as a schedule per step: this loop
#   never calls `on_train_batch_end`.
# - Models with a `call` of their own. Call such a model on `keras.Input`
#   in `build`: it has no variables before, and no weights can be loaded
#   into it.
# - Models of several networks, as adversarial ones. `build` must return
#   one `keras.Model`; let it hold the others, so that one checkpoint
#   has all weights.
# - Other backends. The tape is TensorFlow's; on JAX or PyTorch the
#   inside of the loop differs, and what it owes the tuner is the same.
