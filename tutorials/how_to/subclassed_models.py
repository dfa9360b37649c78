# %% [markdown] index="subclassed model; subclass of keras.Model; autoencoder; variational autoencoder; VAE; GAN; generative adversarial network; add_loss; compute_loss; loading weights into a model that has not yet been built; saving a model that has not yet been built; built with no variables; generator; discriminator; two optimizers; latent dimension; reconstruction error; anomaly detection; model.build"
# # Subclassed models
#
# Tune an autoencoder, a VAE or a GAN written as a subclass of
# `keras.Model`, so that trials load again and Hyperband promotes them.
#
# A subclassed model has no weights until it is called. Keras Tuner
# loads weights into it before that. So call it at the end of `build`,
# on an input of the right shape, and then build its optimizer:
#
# ```python
# def build(hp):
#     model = Autoencoder(hp.Int("code", 2, 16))
#     model.compile("adam", loss="mse")
#     model(keras.Input((64,)))  # now it has its weights
#     model.optimizer.build(model.trainable_variables)
#     return model
# ```
#
# A model with two optimizers, such as a GAN, builds both. Without the
# call, `get_best_models` raises "You are loading weights into a model
# that has not yet been built", and under Hyperband every promoted trial
# fails. `model.build((None, 64))` is not enough: after a warning it can
# return random weights.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io
import warnings

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## An autoencoder
#
# It presses an image into a few numbers, the code, and draws the image
# again from them. A few digits are enough to see what loads and what
# does not.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
x, validation = images.train[0][:128], images.validation[0]
pixels = x.shape[1]
print("training", x.shape, "validation", validation.shape)


# %%
class Autoencoder(keras.Model):
    def __init__(self, code):
        super().__init__()
        self.encoder = keras.layers.Dense(code, activation="relu")
        self.decoder = keras.layers.Dense(pixels, activation="sigmoid")

    def call(self, images):
        return self.decoder(self.encoder(images))


# %% [markdown]
# Three ways to end `build`. The first is what most people write, the
# second what the message suggests, the third is the cure.


# %%
class HyperAutoencoder(kt.HyperModel):
    def __init__(self, ending):
        super().__init__()
        self.ending = ending

    def build(self, hp):
        model = Autoencoder(hp.Int("code", 2, 16))
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        model.compile(
            keras.optimizers.Adam(rate),
            loss="mse",
            run_eagerly=True,  # tracing takes longer than a few steps
        )
        if self.ending == "build()":
            model.build((None, pixels))
        if self.ending == "called":
            model(keras.Input((pixels,)))
            model.optimizer.build(model.trainable_variables)
        return model


# %% [markdown]
# The same small Hyperband for all: some trials of one epoch, the best
# of which goes on to three, and some that have three from the start.

# %%
BATCHES = {"batch_size": 64, "validation_batch_size": len(validation)}


def search(hypermodel, objective, name, **data):
    """Return the tuner after a search, and what was printed."""
    keras.utils.set_random_seed(1)
    printed = io.StringIO()
    shown = contextlib.redirect_stderr(printed)
    with shown, warnings.catch_warnings(action="always"):
        tuner = kt.Hyperband(
            hypermodel,
            objective=kt.Objective(objective, "min"),
            max_epochs=3,
            seed=1,
            directory="searches",
            project_name=f"subclassed_models_{name}",
            overwrite=True,
        )
        tuner.search(**data, **BATCHES, verbose=0)
    return tuner, printed.getvalue()


# %% [markdown]
# After a search, `loaded` evaluates the models that `get_best_models`
# returns, beside the scores of their trials.


# %%
def loaded(tuner, *data):
    """Return the trials' scores, and those of their loaded models."""
    trials = tuner.oracle.get_best_trials(9)
    name = tuner.oracle.objective.name.removeprefix("val_")
    rows = {}
    for trial, model in zip(
        trials, tuner.get_best_models(len(trials)), strict=True
    ):
        values = model.evaluate(
            *data, batch_size=len(data[0]), return_dict=True, verbose=0
        )
        promoted = trial.hyperparameters.get("tuner/round") > 0
        rows[trial.trial_id] = promoted, trial.score, values[name]
    columns = ["promoted", "score", "loaded"]
    return pd.DataFrame(rows, columns).T.rename_axis("trial")


# %%
ENDINGS = "nothing", "build()", "called"
tuners, printed = {}, {}
for ending in ENDINGS:
    tuners[ending], printed[ending] = search(
        HyperAutoencoder(ending),
        "val_loss",
        f"autoencoder_{ENDINGS.index(ending)}",
        x=x,
        y=x,
        validation_data=(validation, validation),
    )

# %%
rows, tables = {}, {}
for ending, tuner in tuners.items():
    statuses = {False: set(), True: set()}
    for trial in tuner.oracle.trials.values():
        promoted = trial.hyperparameters.get("tuner/round") > 0
        statuses[promoted].add(trial.status)
    rows[ending] = {
        "first": " ".join(statuses[False]),
        "promoted": " ".join(statuses[True]),
    }
rows = pd.DataFrame(rows).T.rename_axis("build ends with")
display(rows)
assert list(rows["promoted"]) == ["FAILED", "COMPLETED", "COMPLETED"]
assert set(rows["first"]) == {"COMPLETED"}

# %% [markdown]
# Nothing in the first search says that it lost its promoted trials: it
# ends without an exception. What was printed, and what
# `get_best_models` says:

# %%
lines = printed["nothing"].splitlines()
printed_error = [each for each in lines if "ValueError" in each][-1]
print("the promoted trial:", printed_error)
try:
    tuners["nothing"].get_best_models()
except ValueError as error:
    message = str(error)
print("get_best_models:   ", message)
assert "not yet been built" in message
assert message in printed_error

# %% [markdown]
# The second search looks healthy. Keras warns while the first model is
# built, among the lines that a search prints:

# %%
warning = printed["build()"].partition("UserWarning")[2]
print(". ".join(warning.strip(": ").split(". ")[:2]))
with warnings.catch_warnings(action="ignore"):
    table = loaded(tuners["build()"], validation, validation)
display(table)
wrong = ~np.isclose(*table[["score", "loaded"]].T.to_numpy(float))
assert wrong.any()

# %% [markdown]
# Scores that do not come back: those models are untrained. `build` of a
# class that has no `build` of its own only sets `built = True`. The
# promoted trial loads, because there Hyperband makes the weights
# itself; its optimizer began anew.
#
# Called, all scores come back, and the optimizer's state with them:

# %%
table = loaded(tuners["called"], validation, validation)
display(table)
assert np.allclose(*table[["score", "loaded"]].T.to_numpy(float))
for ending in ("build()", "called"):
    lost = "Skipping variable loading" in printed[ending]
    print(f"{ending}: the optimizer lost its state: {lost}")
    assert lost == (ending == "build()")

# %% [markdown]
# Instead of `keras.Input` a batch of your data will do:
# `model(x[:1])`. It takes longer, and is the way out where `call` uses
# Python on values.
#
# ### What to ask of an autoencoder
#
# The reconstruction error on validation data, as a loss or metric that
# nothing you tune rescales. A longer code always reconstructs better,
# so if short codes are what you want, fix the length, or look at the
# error [against the length](multiple_objectives.py).
#
# ## A variational autoencoder
#
# Its code is a distribution, kept near a standard normal by a second
# term, the KL divergence, whose weight is often tuned. Then the loss of
# two trials is no longer the same quantity. The reconstruction error is,
# and it prefers small weights, since the second term is in its way.
# What stays comparable and counts both is the bound with both terms at
# weight one, whatever weight was trained with: `bound` below.
#
# One method, `compute_loss`, serves training and validation. The noise
# is the same in every evaluation, so a loaded model scores as its trial
# did.


# %%
class VariationalAutoencoder(keras.Model):
    def __init__(self, code, kl_weight):
        super().__init__()
        self.encoder = keras.layers.Dense(2 * code)
        self.decoder = keras.layers.Dense(pixels)
        self.kl_weight = kl_weight
        self.noise = keras.random.SeedGenerator(1)
        self.bound = keras.metrics.Mean("bound")

    def call(self, images, training=False):
        mean, spread = keras.ops.split(self.encoder(images), 2, axis=-1)
        seed = self.noise if training else 1
        noise = keras.random.normal(keras.ops.shape(mean), seed=seed)
        logits = self.decoder(mean + keras.ops.exp(spread) * noise)
        return {"mean": mean, "spread": spread, "logits": logits}

    def compute_loss(
        self, x=None, y=None, y_pred=None, weight=None, training=True
    ):
        mean, spread = y_pred["mean"], y_pred["spread"]
        kl = mean**2 + keras.ops.exp(2 * spread) - 1 - 2 * spread
        kl = keras.ops.sum(kl, axis=-1) / 2
        drawn = keras.ops.binary_crossentropy(
            x, y_pred["logits"], from_logits=True
        )
        drawn = keras.ops.sum(drawn, axis=-1)
        self.bound.update_state(drawn + kl)
        return keras.ops.mean(drawn + self.kl_weight * kl)


# %%
def build_vae(hp):
    code = hp.Int("code", 2, 8)
    kl_weight = hp.Float("kl_weight", 0.01, 4.0, sampling="log")
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")

    model = VariationalAutoencoder(code, kl_weight)
    model.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    model(keras.Input((pixels,)))
    model.optimizer.build(model.trainable_variables)
    return model


tuner, _ = search(
    build_vae, "val_bound", "vae", x=x, validation_data=(validation,)
)
table = loaded(tuner, validation)
display(table)
assert np.allclose(*table[["score", "loaded"]].T.to_numpy(float))
assert table["promoted"].any() and len(table) == len(
    tuner.oracle.trials
)

# %% [markdown]
# Would the loss have chosen the same? The trials in the order of the
# bound, with both:

# %%
rows = {}
for trial in tuner.oracle.get_best_trials(9):
    rows[trial.trial_id] = {
        "KL weight": trial.hyperparameters.get("kl_weight"),
        "epochs": trial.hyperparameters.get("tuner/epochs"),
        "val_bound": trial.score,
        "val_loss": trial.metrics.get_best_value("val_loss"),
    }
table = pd.DataFrame(rows).T.rename_axis("trial")
display(table.round(2))
best = {name: table[name].idxmin() for name in table.columns[2:]}
for name, trial in best.items():
    print(f"{name} would choose trial {trial}")
assert best["val_bound"] != best["val_loss"]

# %% [markdown]
# The loss chooses a trial of small weight, whatever its bound. A term
# that counts less is no merit of the model: more of this under [objectives whose scale is
# tuned](objectives.py#what-you-tune-must-not-change-the-scale). A low
# bound is not a promise of good new images either; look at some.
#
# ## A GAN
#
# Two networks and two optimizers in one model. Both networks may be
# built, the model that holds them is not, and saving it fails at the
# end of the first epoch.
#
# A GAN has no loss to choose by: each network's loss says how the other
# one is doing. An honest stand-in compares generated images with
# validation images. Here that is the energy distance, twice the mean
# distance between the two sets minus the mean distance within each.


# %%
def mean_distance(first, second):
    squares = keras.ops.square(first[:, None] - second[None])
    squares = keras.ops.sum(squares, axis=-1)
    return keras.ops.mean(keras.ops.sqrt(squares + 1e-9))


def energy_distance(first, second):
    """Return 0 if two sets of images (n, pixels) are alike."""
    return (
        2 * mean_distance(first, second)
        - mean_distance(first, first)
        - mean_distance(second, second)
    )


# %% [markdown]
# Before it is trusted, what does it say where the answer is known?

# %%
random = np.random.default_rng(1)
known = {
    "other real images": images.train[0][128:416],
    "real images, blurred": (validation + validation[::-1]) / 2,
    "one real image, repeated": np.repeat(validation[:1], 288, axis=0),
    "noise": random.uniform(size=(288, pixels)).astype("float32"),
}
distances = {
    name: float(energy_distance(each, validation))
    for name, each in known.items()
}
for name, distance in distances.items():
    print(f"{name}: {distance:.3f}")
assert min(distances, key=distances.get) == "other real images"

# %% [markdown]
# The model. `call` runs both networks, which is all that it is for:
# training goes by `train_step`, and `test_step` reports the distance,
# from the same noise in every evaluation.

# %%
NOISE = 8  # how many numbers an image is made of


class GAN(keras.Model):
    def __init__(self, generator, critic):
        super().__init__()
        self.generator, self.critic = generator, critic
        self.noise = keras.random.SeedGenerator(1)
        self.distance = keras.metrics.Mean("distance")

    def call(self, noise):
        return self.critic(self.generator(noise))

    def compile(self, optimizer, critic_optimizer, **kwargs):
        super().compile(optimizer, **kwargs)
        self.critic_optimizer = critic_optimizer

    def generate(self, images, seed):
        """Return as many images as there are, from noise."""
        shape = keras.ops.shape(images)[0], NOISE
        return self.generator(keras.random.normal(shape, seed=seed))

    def test_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        generated = self.generate(images, seed=1)
        self.distance.update_state(energy_distance(generated, images))
        return {"distance": self.distance.result()}

    def train_step(self, data):
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape(persistent=True) as tape:
            generated = self.critic(self.generate(images, self.noise))
            fooled = keras.ops.mean(keras.ops.softplus(-generated))
            real = keras.ops.softplus(-self.critic(images))
            fake = keras.ops.softplus(generated)
            critic_loss = keras.ops.mean(real + fake)
        for optimizer, part, loss in (
            (self.optimizer, self.generator, fooled),
            (self.critic_optimizer, self.critic, critic_loss),
        ):
            weights = part.trainable_variables
            optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": fooled, "critic_loss": critic_loss}


# %%
def network(inputs, units, outputs, activation):
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(units, activation="leaky_relu"),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )


# %%
class HyperGAN(kt.HyperModel):
    def __init__(self, called=True):
        super().__init__()
        self.called = called

    def build(self, hp):
        units = hp.Int("units", 16, 64, step=16)
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        critic_rate = hp.Float(
            "critic_rate", 1e-4, 1e-2, sampling="log"
        )

        model = GAN(
            network(NOISE, units, pixels, "sigmoid"),
            network(pixels, units, 1, None),
        )
        model.compile(
            keras.optimizers.Adam(rate, beta_1=0.5),
            keras.optimizers.Adam(critic_rate, beta_1=0.5),
            run_eagerly=True,
        )
        if self.called:
            model(keras.Input((NOISE,)))
        model.optimizer.build(model.generator.trainable_variables)
        model.critic_optimizer.build(model.critic.trainable_variables)
        return model


# %% [markdown]
# Not called first. Every trial fails, so the search ends after three:

# %%
data = {"x": x, "validation_data": (validation,)}
try:
    search(HyperGAN(called=False), "val_distance", "not_called", **data)
except RuntimeError as error:
    message = str(error).strip().splitlines()[-1]
print(message)
assert "saving a model that has not yet been built" in message

# %% [markdown]
# And called, with both optimizers built:

# %%
tuner, _ = search(HyperGAN(), "val_distance", "gan", **data)
table = loaded(tuner, validation)
display(table.round(4))
assert np.allclose(*table[["score", "loaded"]].T.to_numpy(float))
assert table["promoted"].any() and len(table) == len(
    tuner.oracle.trials
)

# %% [markdown]
# What the distance does not say: it is blind to what distances between
# pixels are blind to, such as sharp edges. A GAN that repeats its
# training images scores as well as other real images do. And it depends
# on how many images are compared, so let one batch hold all validation
# images, as here.
#
# Compare the winner with the table of known answers before you believe
# in it: after a few steps these networks are nowhere near other real
# images. Then look at what they draw. For photographs people compare
# features of a pretrained network in place of pixels, which has the
# same limits in a better space.
#
# ## What this page did not show
#
# - Good autoencoders, VAEs and GANs: these have one or two small layers
#   and train for a few epochs. How they load holds for large ones too.
# - `build` and `get_config` of the class itself. Written out, they make
#   `.keras` files load without the code that built the model:
#   [retrain and ship](retrain_and_ship.py).
# - A training loop outside of the model:
#   [custom training loops](custom_training_loops.py).
