# %% [markdown] index="custom training loop; GradientTape; train_step; override run_trial; own training loop"
# # Custom training loops
#
# Tune a model that trains in a way of its own: a `train_step` that keeps
# `fit`, or a whole loop in `HyperModel.fit`.
#
# If only the step is yours, override
# [`train_step`](#a-train_step-that-keeps-fit). If the loop is yours, it
# must call the callbacks that it is given: they save the weights.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.image_classifier import ImageClassifier

# %%
import keras
import keras_tuner as kt


class ShortLoop(ImageClassifier):
    def fit(self, hp, model, x, y, callbacks, epochs, **kwargs):
        calls = keras.callbacks.CallbackList(callbacks, model=model)
        for epoch in range(epochs):
            model.train_on_batch(x[300:], y[300:])
            score = model.test_on_batch(x[:300], y[:300])[1]
            calls.on_epoch_end(epoch, {"val_accuracy": float(score)})
        return float(score)


goal = kt.Objective("val_accuracy", "max")
folder = {"directory": "searches", "project_name": "short_loop"}
tuner = kt.RandomSearch(ShortLoop(), goal, 2, seed=1, **folder)
tuner.search(*load_images().train, epochs=15, verbose=0)
tuner.results_summary()

# %% [markdown]
# This short loop saves the weights of the best epoch but scores the last,
# takes all rows in each step, whatever batch size is drawn, and ignores
# early stopping. A [whole loop](#a-whole-loop), which Hyperband needs,
# must
#
# - train from `initial_epoch` to `epochs`;
# - call the `callbacks`;
# - give `on_epoch_end` a dictionary that contains the objective;
# - return the `History` of all epochs.

# %%
import contextlib
import io

import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display

keras.utils.set_random_seed(1)
# TensorFlow warns of functions that are compiled often; here each trial
# compiles one, and means to.
tf.get_logger().setLevel("ERROR")

# %% [markdown]
# ## A train_step that keeps fit
#
# Two images are overlaid, and each label counts by its image's share,
# which changes the loss. (For one-hot labels Keras has a layer, `MixUp`.)


# %%
class MixingModel(keras.Model):
    mixing = 0.0  # the largest share of the other image

    def train_step(self, data):
        mixed, y, other, share = mix(*data, self.mixing)
        with tf.GradientTape() as tape:
            y_pred = self(mixed, training=True)
            loss = (1 - share) * self.compute_loss(y=y, y_pred=y_pred)
            loss += share * self.compute_loss(y=other, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            seen = (loss,) if metric.name == "loss" else (y, y_pred)
            metric.update_state(*seen)
        return self.get_metrics_result()


# %%
def mix(x, y, most):
    """Return overlaid images, both labels, the share of the second."""
    order = tf.random.shuffle(tf.range(tf.shape(y)[0]))
    share = tf.random.uniform((), 0.0, most)
    mixed = (1 - share) * x + share * tf.gather(x, order)
    return mixed, y, tf.gather(y, order), share


# %% [markdown]
# A model with layers and a `call` of its own must [also be
# called](subclassed_models.py) in `build`.


# %%
def network(hp, model_class=keras.Model):
    learning_rate = hp.Float("learning_rate", 1e-3, 0.1, sampling="log")
    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(32, activation="relu")(inputs)
    outputs = keras.layers.Dense(10, activation="softmax")(hidden)
    model = model_class(inputs, outputs)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,  # tracing takes longer than a few steps
    )
    # Made now, its variables are restored when Hyperband promotes.
    model.optimizer.build(model.trainable_variables)
    return model


# %%
def mixing_network(hp):
    model = network(hp, MixingModel)
    model.mixing = hp.Float("mixing", 0.0, 0.5)
    return model


# %%
from snippets.results.trials_table import trials_table

# %%
images = load_images("digits")
usual = {"objective": goal, "directory": "searches"}
usual |= {"seed": 1, "overwrite": True}
tuner = kt.RandomSearch(
    mixing_network, max_trials=2, project_name="loops_mixing", **usual
)
given = {"validation_data": images.validation, "verbose": 0}
tuner.search(*images.train, epochs=2, batch_size=256, **given)
display(trials_table(tuner).round(4))

# %% [markdown]
# Keras still handles epochs, callbacks, validation and the history, so
# every tuner works. Two trials don't show whether mixing helps.
#
# ## A whole loop
#
# `History` is a callback that collects what `on_epoch_end` is given.


# %%
def loop(
    model, train, validate, callbacks=(), epochs=1, initial_epoch=0, **_
):
    history = keras.callbacks.History()
    callbacks = [*callbacks, history]
    calls = keras.callbacks.CallbackList(callbacks, model=model)
    calls.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        calls.on_epoch_begin(epoch)
        train()
        calls.on_epoch_end(epoch, validate())
        if model.stop_training:  # EarlyStopping sets it
            break
    calls.on_train_end()
    return history


# %%
class Loop(kt.HyperModel):
    def build(self, hp):
        hp.Choice("batch_size", [32, 64, 128])
        return network(hp)

    def fit(self, hp, model, x, y, validation_data, **told):
        batches = tf.data.Dataset.from_tensor_slices((x, y)).cache()
        batches = batches.shuffle(len(y)).batch(hp.get("batch_size"))

        def validate():
            words = {"batch_size": 1000, "verbose": 0}
            loss, accuracy = model.evaluate(*validation_data, **words)
            return {"val_loss": loss, "val_accuracy": accuracy}

        model.stop_training = False
        train = make_train(model, batches)
        return loop(model, train, validate, **told)


# %%
def make_train(model, batches):
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
# `compute_loss` adds the penalties of layers, such as a
# `kernel_regularizer`, to the compiled loss. A loss of your own forgets
# them. `tf.function` compiles the epoch once per trial, since each has a
# new model; the trial's epochs must [win that
# back](../evidence/fast_searches.py).
#
# ## Does Hyperband get its epochs?
#
# Hyperband gives each trial its own `epochs` and `initial_epoch`, and
# continues a promoted trial from the weights that the callbacks saved.


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
tuner = kt.Hyperband(
    Recorded(), max_epochs=2, factor=2, project_name="loops", **usual
)
tuner.search(*images.train, **given)

# %%
trials = pd.DataFrame(tuner.hypermodel.records)
display(trials.rename_axis("trial"))
assert (trials["trained"] == trials["scheduled"]).all()
assert trials.query("`updates before` > 0")["from"].tolist() == [1]

# %% [markdown]
# The promoted trial began with its predecessor's weights and optimizer
# updates.
#
# ## Is the best model the one that was scored?
#
# Loaded again, the saved weights must give the trial's score:

# %%
score = tuner.oracle.get_best_trials()[0].score
best_model = tuner.get_best_models()[0]
_, accuracy = best_model.evaluate(*images.validation, verbose=0)
print(f"score {score:.4f}, loaded again {accuracy:.4f}")
assert np.isclose(accuracy, score)

# %% [markdown]
# ## The mistake: a loop without callbacks
#
# Every trial completes, with a score.


# %%
class NoCallbacks(Loop):
    def fit(self, *args, callbacks, **kwargs):
        history = super().fit(*args, **kwargs)  # the tuner's are lost
        return max(history.history["val_accuracy"])


# %%
tuner = kt.RandomSearch(
    NoCallbacks(), max_trials=1, project_name="loops_bare", **usual
)
tuner.search(*images.train, **given)
display(trials_table(tuner).round(4))
try:
    tuner.get_best_models()
except FileNotFoundError as error:
    print("FileNotFoundError:", str(error).split(",")[0])

# %% [markdown]
# Only the weights are lost: [train again](retrain_and_ship.py). Under
# Hyperband that does not help: a promoted trial needs its predecessor's
# weights.
#
# ## What to return
#
# One curve over three epochs, returned in several ways:


# %%
def history_of(curve):
    history = keras.callbacks.History()
    history.history = {"val_accuracy": curve}
    return history


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
class Returning(kt.RandomSearch):
    def run_trial(self, trial, returned, verbose):
        return returned


# %%
usual["project_name"] = "loops_returning"
rows = {}
for way, returned in ways.items():
    tuner = Returning(network, max_trials=1, **usual)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
            tuner.search(returned=returned, verbose=0)
        trial = tuner.oracle.trials["0"]
        rows[way] = [trial.status, trial.score, trial.best_step]
    except kt.errors.FatalError as error:
        rows[way] = [type(error).__name__, np.nan, np.nan]

# %%
columns = ["status", "score", "best_step"]
table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
table["score"] = table["score"].astype(float).round(4)
shown = table.astype(object).where(table.notna(), "")
display(shown.rename_axis("returned"))
assert table["score"][:5].tolist() == [0.9, 0.7, 0.9, 0.5, 0.7]
assert table["best_step"][:5].tolist() == [1, 0, 0, 0, 0]
failed = ["FAILED", "FatalTypeError", "FatalValueError"]
assert table["status"][5:].tolist() == failed

# %% [markdown]
# Only a History has the best epoch found for it. A dictionary of the last
# epoch scores the last, while the saved weights are the best epoch's:
# return the best epoch's numbers instead. A list is taken for
# [executions](../../reference/glossary.md#execution) and averaged, so a
# curve counts its bad first epochs. A `Fatal` error ends the search.
#
# ## Early stopping
#
# Callbacks given to `search` arrive in the same list as the tuner's:

# %%
stopping = keras.callbacks.EarlyStopping(
    "val_accuracy", mode="max", min_delta=1.0, patience=2
)
given |= {"callbacks": [stopping], "epochs": 20}
hp = kt.HyperParameters()
model = Loop().build(hp)
history = Loop().fit(hp, model, *images.train, **given)
print(len(history.epoch), "epochs of 20")
assert len(history.epoch) == 3

# %% [markdown]
# ## What this page did not show
#
# - Callbacks that need batches, such as a schedule per step: this loop
#   never calls `on_train_batch_end`.
# - Models with a `call` of their own or of several networks, such as
#   GANs: see [subclassed models](subclassed_models.py).
# - Other backends. The tape is TensorFlow's; what the loop owes the tuner
#   is the same on JAX or PyTorch.
