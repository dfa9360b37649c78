# %% [markdown] index="subclassed model; subclass of keras.Model; autoencoder; variational autoencoder; VAE; GAN; generative adversarial network; add_loss; compute_loss; loading weights into a model that has not yet been built; saving a model that has not yet been built; built with no variables; generator; discriminator; two optimizers; latent dimension; reconstruction error; anomaly detection; model.build"
# # Subclassed models
#
# Tune an autoencoder, a VAE or a GAN written as a subclass of
# `keras.Model`, so that trials load again and Hyperband promotes them.
#
# A subclassed model has no weights until it is called, and Keras Tuner
# loads weights before that. So **call it at the end of `build`**, on an
# input of the right shape, then build its optimizer.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
from snippets.models.build_model import build_model

# %%
import keras
import keras_tuner as kt


class Wrapped(keras.Model):
    def call(self, images):
        return self.body(images)


def build(hp):
    model = Wrapped()
    model.body = build_model(hp)  # its own optimizer is not used
    model.compile("sgd", model.body.loss, metrics=["accuracy"])
    model(keras.Input((64,)))  # now it has its weights
    return model


goal = kt.Objective("val_accuracy", "max")
tuner = kt.RandomSearch(build, goal, 2, seed=1, directory="searches/s")
tuner.search(*load_images().train, validation_split=0.2, verbose=0)
print(tuner.get_best_models()[0].count_params(), "weights are loaded")

# %% [markdown]
# - Without the call, `get_best_models` raises "You are loading weights into
#   a model that has not yet been built", and under Hyperband every promoted
#   trial fails.
# - `model.build((None, 64))` is not enough: after a warning it can return
#   random weights.
# - For Hyperband, build the optimizer too:
#   `model.optimizer.build(model.trainable_variables)`. A GAN has two.

# %%
import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## An autoencoder
#
# It compresses an image into a few numbers, the code, and restores it.

# %%
images = load_images("digits")
x, validation = images.train[0][:128], images.validation[0]
pixels = x.shape[1]


class Autoencoder(keras.Model):
    def __init__(self, code):
        super().__init__()
        self.encoder = keras.layers.Dense(code, activation="relu")
        self.decoder = keras.layers.Dense(pixels, activation="sigmoid")

    def call(self, images):
        return self.decoder(self.encoder(images))


# %% [markdown]
# Three ways to end `build`: the usual one, the one that the message
# suggests, and the cure.


# %%
def nothing(model):
    pass


def built(model):
    model.build((None, pixels))


def called(model):
    model(keras.Input((pixels,)))
    model.optimizer.build(model.trainable_variables)


# %%
class HyperAutoencoder(kt.HyperModel):
    def __init__(self, end):
        super().__init__()
        self.end = end

    def build(self, hp):
        model = Autoencoder(hp.Int("code", 2, 16))
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        adam = keras.optimizers.Adam(rate)
        # Tracing would take longer than a few steps.
        model.compile(adam, loss="mse", run_eagerly=True)
        self.end(model)
        return model


# %%
def tuner_of(hypermodel, objective, name):
    return kt.Hyperband(
        hypermodel,
        objective=kt.Objective(objective, "min"),
        max_epochs=2,
        factor=2,
        seed=1,
        directory="searches",
        project_name=f"subclassed_models_{name}",
        overwrite=True,
    )


# %%
def search(hypermodel, objective, name, **data):
    """Return the tuner after a search, and what was printed."""
    keras.utils.set_random_seed(1)
    words = {"batch_size": 128, "validation_batch_size": 1000}
    shown = contextlib.redirect_stderr(io.StringIO())
    with shown as printed, warnings.catch_warnings(action="always"):
        tuner = tuner_of(hypermodel, objective, name)
        tuner.search(**data, **words, verbose=0)
    return tuner, printed.getvalue()


# %%
def loaded(tuner, *data):
    """Return the trials' scores, and those of their loaded models."""
    trials = tuner.oracle.get_best_trials(9)
    name = tuner.oracle.objective.name.removeprefix("val_")
    models = tuner.get_best_models(len(trials))
    words = {"batch_size": len(data[0]), "verbose": 0}
    rows = {}
    for trial, model in zip(trials, models, strict=True):
        value = model.evaluate(*data, return_dict=True, **words)[name]
        promoted = trial.hyperparameters.get("tuner/round") > 0
        rows[trial.trial_id] = promoted, trial.score, value
    columns = ["promoted", "score", "loaded"]
    return pd.DataFrame(rows, columns).T.rename_axis("trial")


# %%
data = {"x": x, "y": x, "validation_data": (validation, validation)}
tuners, printed, rows = {}, {}, {}
for end in (nothing, built, called):
    name = end.__name__
    tuners[name], printed[name] = search(
        HyperAutoencoder(end), "val_loss", name, **data
    )
    for trial in tuners[name].oracle.trials.values():
        promoted = trial.hyperparameters.get("tuner/round") > 0
        column = "promoted" if promoted else "first"
        statuses = rows.setdefault(name, {}).setdefault(column, set())
        statuses.add(trial.status)

# %%
rows = pd.DataFrame(rows).T.map(" ".join)
display(rows.rename_axis("build ends with"))
assert list(rows["promoted"]) == ["FAILED", "COMPLETED", "COMPLETED"]
assert set(rows["first"]) == {"COMPLETED"}

# %% [markdown]
# The first search lost its promoted trial without an exception. It prints what
# `get_best_models` raises:

# %%
try:
    tuners["nothing"].get_best_models()
except ValueError as error:
    message = str(error)
print(message)
assert "not yet been built" in message
assert message in printed["nothing"]

# %% [markdown]
# The second looks healthy, but for a warning:

# %%
warning = printed["built"].partition("UserWarning")[2]
print(". ".join(warning.strip(": ").split(". ")[:2]))
with warnings.catch_warnings(action="ignore"):
    table = loaded(tuners["built"], validation, validation)
display(table)
wrong = ~np.isclose(*table[["score", "loaded"]].T.to_numpy(float))
assert wrong.any()

# %% [markdown]
# Scores that do not come back are of untrained models: `build` of a class
# that has no `build` of its own only sets `built = True`. The promoted trial
# loads because Hyperband makes its weights; its optimizer began anew.
#
# If the model is called, all scores come back, and the optimizer's state
# with them:


# %%
def assert_loaded(table):
    assert np.allclose(*table[["score", "loaded"]].T.to_numpy(float))
    assert table["promoted"].any()


table = loaded(tuners["called"], validation, validation)
display(table)
assert_loaded(table)
for name in ("built", "called"):
    lost = "Skipping variable loading" in printed[name]
    print(f"{name}: the optimizer lost its state: {lost}")
    assert lost == (name == "built")

# %% [markdown]
# A batch of data will do too: `model(x[:1])`. It takes longer, and is the
# way out where `call` uses Python on values.
#
# ### What to ask of an autoencoder
#
# Ask for the reconstruction error on validation data, in a loss or metric that
# nothing you tune rescales. A longer code always reconstructs better: fix its
# length, or look at the error [against it](multiple_objectives.py).
#
# ## A variational autoencoder
#
# Its code is a distribution, kept near a standard normal by a second term of
# the loss, the KL divergence. If you tune that term's weight, the losses of two
# trials are not the same quantity. The reconstruction error is, but it prefers
# small weights. The bound, with both terms at weight one, counts both and stays
# comparable. The noise is the same in every evaluation, so a loaded model
# scores as its trial did.


# %%
class RandomCode(keras.Model):
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


# %%
class VariationalAutoencoder(RandomCode):
    def compute_loss(self, x=None, y=None, y_pred=None, *args, **_):
        drawn, kl = both_terms(x, **y_pred)
        self.bound.update_state(drawn + kl)
        return keras.ops.mean(drawn + self.kl_weight * kl)


# %%
def both_terms(images, mean, spread, logits):
    """Return the reconstruction error and the KL divergence."""
    kl = mean**2 + keras.ops.exp(2 * spread) - 1 - 2 * spread
    drawn = keras.ops.binary_crossentropy(
        images, logits, from_logits=True
    )
    return keras.ops.sum(drawn, axis=-1), keras.ops.sum(kl, axis=-1) / 2


# %%
def build_vae(hp):
    code = hp.Int("code", 2, 8)
    kl_weight = hp.Float("kl_weight", 0.01, 4.0, sampling="log")
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")

    model = VariationalAutoencoder(code, kl_weight)
    model.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    called(model)
    return model


data = {"x": x, "validation_data": (validation,)}
tuner, _ = search(build_vae, "val_bound", "vae", **data)
table = loaded(tuner, validation)
assert_loaded(table)

# %% [markdown]
# In the order of the bound, which is not that of the loss:

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
assert not table["val_loss"].is_monotonic_increasing

# %% [markdown]
# The loss favours small weights, whatever the bound: [what you tune must not
# change the scale](objectives.py#what-you-tune-must-not-change-the-scale). Nor
# does a low bound promise good new images; look at some.
#
# ## A GAN
#
# Two networks and two optimizers in one model. Both networks may be built, the
# model that holds them is not, and saving it fails after the first epoch.
#
# A GAN has no loss to choose by: each network's says how the other is doing.
# Here the energy distance compares generated with validation images: twice the
# mean distance between the two sets minus the mean distance within each.


# %%
def mean_distance(first, second):
    squares = keras.ops.square(first[:, None] - second[None])
    squares = keras.ops.sum(squares, axis=-1)
    return keras.ops.mean(keras.ops.sqrt(squares + 1e-9))


def energy_distance(first, second):
    """Return 0 if two sets of images (n, pixels) are alike."""
    within = mean_distance(first, first) + mean_distance(second, second)
    return 2 * mean_distance(first, second) - within


# %% [markdown]
# Here are its answers where they are known:

# %%
random = np.random.default_rng(1)
known = {
    "other real images": images.train[0][128:416],
    "real images, blurred": (validation + validation[::-1]) / 2,
    "one real image, repeated": np.repeat(validation[:1], 288, axis=0),
    "noise": random.uniform(size=(288, pixels)).astype("float32"),
}
distances = pd.Series(known).map(
    lambda each: float(energy_distance(each, validation))
)
print(distances.round(3).to_string())
assert distances.idxmin() == "other real images"

# %% [markdown]
# `call` only serves to build both networks. `test_step` reports the
# distance, from the same noise each time.

# %%
NOISE = 8  # how many numbers an image is made of


class TwoNetworks(keras.Model):
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


# %%
class Judged(TwoNetworks):
    def generate(self, data, seed):
        """Return a batch's images, and as many from noise."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        shape = keras.ops.shape(images)[0], NOISE
        noise = keras.random.normal(shape, seed=seed)
        return images, self.generator(noise)

    def test_step(self, data):
        images, generated = self.generate(data, seed=1)
        self.distance.update_state(energy_distance(generated, images))
        return {"distance": self.distance.result()}


# %%
class GAN(Judged):
    def train_step(self, data):
        with tf.GradientTape(persistent=True) as tape:
            images, generated = self.generate(data, self.noise)
            real, fake = self.critic(images), self.critic(generated)
            fooled = keras.ops.mean(keras.ops.softplus(-fake))
            caught = keras.ops.softplus(-real), keras.ops.softplus(fake)
            critic_loss = keras.ops.mean(sum(caught))
        weights = self.generator.trainable_variables
        self.optimizer.apply(tape.gradient(fooled, weights), weights)
        weights = self.critic.trainable_variables
        gradients = tape.gradient(critic_loss, weights)
        self.critic_optimizer.apply(gradients, weights)
        return {"loss": fooled, "critic_loss": critic_loss}


# %%
def network(inputs, units, outputs, activation):
    hidden = keras.layers.Dense(units, activation="leaky_relu")
    last = keras.layers.Dense(outputs, activation=activation)
    return keras.Sequential([keras.Input((inputs,)), hidden, last])


def adam(hp, name):
    rate = hp.Float(name, 1e-4, 1e-2, sampling="log")
    return keras.optimizers.Adam(rate, beta_1=0.5)


# %%
def build_gan(hp, called=True):
    units = hp.Int("units", 16, 64, step=16)
    generator = network(NOISE, units, pixels, "sigmoid")
    model = GAN(generator, network(pixels, units, 1, None))
    optimizers = adam(hp, "learning_rate"), adam(hp, "critic_rate")
    model.compile(*optimizers, run_eagerly=True)
    if called:
        model(keras.Input((NOISE,)))
    model.optimizer.build(generator.trainable_variables)
    model.critic_optimizer.build(model.critic.trainable_variables)
    return model


# %% [markdown]
# Without the call every trial fails, so the search ends after three:


# %%
def not_called(hp):
    return build_gan(hp, called=False)


try:
    search(not_called, "val_distance", "not_called", **data)
except RuntimeError as error:
    message = str(error).strip().splitlines()[-1]
print(message)
assert "saving a model that has not yet been built" in message

# %% [markdown]
# With the call, and with both optimizers built:

# %%
tuner, _ = search(build_gan, "val_distance", "gan", **data)
table = loaded(tuner, validation)
display(table.round(4))
assert_loaded(table)

# %% [markdown]
# The distance is blind to what distances between pixels are blind to, such as
# sharp edges. A GAN that repeats its training images scores as well as other
# real images. Let one batch hold all validation images, since their number
# matters.
#
# Compare the winner with the known answers: after a few steps these networks
# are nowhere near other real images. Then look at what they draw. For
# photographs people compare features of a pretrained network, which has the
# same limits in a better space.
#
# ## What this page did not show
#
# - Good autoencoders, VAEs and GANs: these are tiny and train for a few
#   epochs. How they load holds for large ones too.
# - The class's own `build` and `get_config`, with which `.keras` files load
#   without the model's code: [retrain and ship](retrain_and_ship.py).
# - [Training loops](custom_training_loops.py) outside of the model.
