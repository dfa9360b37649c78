# %% [markdown] index="GPU; CUDA; several GPUs; set_memory_growth; TF_FORCE_GPU_ALLOW_GROWTH; CUDA_VISIBLE_DEVICES; mixed precision; mixed_float16; LossScaleOptimizer; ResourceExhaustedError; OOM; is my GPU used"
# # On a GPU
#
# What to set for a Keras Tuner search on a GPU: memory growth, mixed
# precision that outlasts the first build, a worker for each GPU, and
# what to do with trials that do not fit.
#
# - Ask first. Without a GPU that it can use, TensorFlow trains on the
#   CPU and the search says nothing.
# - Before anything else, let memory grow as it is needed:
#
# ```python
# gpus = tf.config.list_physical_devices("GPU")
# assert gpus, "TensorFlow sees no GPU"
# for gpu in gpus:
#     tf.config.experimental.set_memory_growth(gpu, True)
# ```
#
# - Set mixed precision in `build`, each time. Set once at the top of
#   the script, it is [gone before the first
#   trial](#mixed-precision-is-lost-after-one-build).
# - Give each GPU [a worker of its own](#one-worker-for-each-gpu).
# - Give a trial that [does not fit](#a-trial-that-does-not-fit) a bad
#   score.
#
# **This page was executed without a GPU.** What its cells show holds
# there too, as far as it is about Keras and Keras Tuner. What only a
# GPU can show stands in paragraphs that begin *from the documentation*;
# nobody ran those here, and there are no timings.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import importlib.metadata
import io
import logging
import math
import weakref

import keras
import keras_tuner as kt
import pandas as pd
import tensorflow as tf
from IPython.display import display

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

# %% [markdown]
# ## Is there one, and is it used?

# %%
gpus = tf.config.list_physical_devices("GPU")
print("GPUs:", len(gpus))
for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)

# %% [markdown]
# An operation that asks for a GPU where there is none goes to the CPU
# in silence, because *soft placement* is on. Turned off, it raises.


# %%
def device_of_a_sum():
    """Add two numbers on a GPU; return where it was really done."""
    with tf.device("/GPU:0"):
        return tf.add(1.0, 1.0).device.rpartition("/")[2]


where = device_of_a_sum()
print("asked for a GPU, added on", where)
tf.config.set_soft_device_placement(False)
try:
    print("insisted, added on", device_of_a_sum())
except tf.errors.InvalidArgumentError as error:
    print("insisted:", str(error).split(" '")[0])
    assert not gpus
finally:
    tf.config.set_soft_device_placement(True)
assert ("GPU" in where) == bool(gpus)

# %% [markdown]
# A model's weights say where they lie, so a first look can be taken
# before the search:


# %%
def device_of(model):
    return model.weights[0].value.device.rpartition("/")[2]


layers = [keras.Input((64,)), keras.layers.Dense(10)]
print("weights on", device_of(keras.Sequential(layers)))
assert device_of(keras.Sequential(layers)) == where

# %% [markdown]
# *From the documentation:* `nvidia-smi` shows whether the GPU is busy,
# and `tf.debugging.set_log_device_placement(True)` logs every
# operation's device ([Use a
# GPU](https://www.tensorflow.org/guide/gpu)).
#
# ## Install
#
# The plain package finds a GPU only if CUDA's libraries are there. An
# *extra* of the same version brings them:

# %%
needs = importlib.metadata.requires("tensorflow")
cuda = [need for need in needs if "and-cuda" in need]
print(f'pip install "tensorflow[and-cuda]=={tf.__version__}"')
print("brings", ", ".join(need.split("<")[0] for need in cuda))
assert any("cudnn" in need for need in cuda)

# %% [markdown]
# Name the version that a page's notebook installs, and nothing else
# changes. *From the documentation:* that is for Linux, and for Windows
# through WSL2; the driver must be installed already; on Windows itself
# TensorFlow uses no GPU after its version 2.10
# ([Install](https://www.tensorflow.org/install/pip)).
#
# ## Memory growth comes first
#
# *From the documentation:* TensorFlow takes nearly all memory of every
# GPU that it sees, at its first operation. A second process then finds
# none. With memory growth it takes what it needs, and gives nothing
# back until the process ends. `TF_FORCE_GPU_ALLOW_GROWTH=true`, set
# before Python starts, does the same without a line of code ([Use a
# GPU](https://www.tensorflow.org/guide/gpu#limiting_gpu_memory_growth)).
#
# It must come before that first operation, as any change of devices
# must. On this page operations have run, so a change is refused, here
# one of the CPU:

# %%
(cpu,) = tf.config.list_physical_devices("CPU")
halves = 2 * [tf.config.LogicalDeviceConfiguration()]
try:
    tf.config.set_logical_device_configuration(cpu, halves)
except RuntimeError as error:
    print("RuntimeError:", error)
else:
    raise AssertionError("devices were changed while in use")

# %% [markdown]
# So it belongs right after the imports. `keras.utils.set_random_seed`
# may come before it; building or loading a model may not.
#
# ## Mixed precision is lost after one build
#
# In mixed precision layers compute with 16 bits and keep their weights
# in 32. Guides set it once, at the top. Each build below notes what its
# hidden layer computes in:

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


# %%
def classifier(hp):
    """Build a classifier under the policy that is set."""
    units = hp.Int("units", 32, 128, step=32, default=64)
    learning_rate = hp.Choice("learning_rate", [0.001, 0.003])

    inputs = keras.Input((images.train[0].shape[1],))
    hidden = keras.layers.Dense(units, activation="relu")(inputs)
    outputs = keras.layers.Dense(
        images.classes, activation="softmax", dtype="float32"
    )(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # these models are too small for XLA
    )
    # Else Hyperband's promoted trials begin with a new optimizer.
    model.optimizer.build(model.trainable_variables)
    return model


# %%
def search(tuner_class, build, **settings):
    """Search; return the tuner, and each build's model."""
    models = []

    def noted(hp):
        models.append(build(hp))
        return models[-1]

    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
        tuner = tuner_class(
            noted,
            objective=kt.Objective("val_accuracy", "max"),
            seed=1,
            directory="searches",
            project_name="on_a_gpu",
            overwrite=True,
            **settings,
        )
        tuner.search(
            *images.train, validation_data=images.validation, verbose=0
        )
    return tuner, models


def computes_in(models):
    return [model.layers[1].compute_dtype for model in models]


# %%
# wrong: Keras Tuner clears it with the rest of Keras's session
keras.config.set_dtype_policy("mixed_float16")
_, models = search(kt.RandomSearch, classifier, max_trials=2)
print("each build computes in", computes_in(models))
assert computes_in(models) == ["float16"] + 2 * ["float32"]
assert keras.config.dtype_policy().name == "float32"

# %% [markdown]
# The first build is the tuner's own, to learn the search space. Before
# each trial Keras Tuner calls `keras.backend.clear_session()`, which
# puts the policy back. Every trial trained in plain 32 bits, and
# nothing said so.
#
# Set in `build`, the policy holds in every trial, and again when
# `get_best_models` builds. Here it is a hyperparameter, to compare its
# values; every trial begins with the same weights.

# %%
POLICIES = ["float32", "mixed_float16", "mixed_bfloat16"]


def in_precision(hp):
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(hp.Choice("policy", POLICIES))
    return classifier(hp)


space = kt.HyperParameters()
space.Choice("policy", POLICIES)
space.Fixed("units", 64)
space.Fixed("learning_rate", 0.003)
tuner, models = search(
    kt.GridSearch, in_precision, hyperparameters=space
)

# %%
trials = tuner.oracle.trials.values()
rows = {
    trial.hyperparameters.get("policy"): {
        "layers compute in": model.layers[1].compute_dtype,
        "weights": model.layers[1].kernel.dtype,
        "outputs": model.outputs[0].dtype,
        "optimizer": type(model.optimizer).__name__,
        "val_accuracy": round(trial.score, 4),
    }
    for trial, model in zip(trials, models[-3:], strict=True)
}
display(pd.DataFrame(rows).T.rename_axis("policy"))

# %%
assert {trial.status for trial in trials} == {"COMPLETED"}
computed = ["float32", "float16", "bfloat16"]
assert computes_in(models[-3:]) == computed
for row in rows.values():
    assert row["weights"] == row["outputs"] == "float32"
    assert row["val_accuracy"] > 1 / images.classes

# %% [markdown]
# The weights and the outputs stay at 32 bits, the outputs because the
# last layer has `dtype="float32"`: 16 bits are too few for a softmax
# and the logarithm in its loss.
#
# As a hyperparameter the policy is rarely of use. It is there to save
# time, and the score that a search compares does not count time.
# Compare two trials by hand, then write the better policy into `build`.
#
# *From the documentation:* `mixed_float16` is for NVIDIA GPUs of
# compute capability 7.0 and up, and gains most where layers are wide,
# with widths and batch sizes in multiples of 8; `mixed_bfloat16` is for
# TPUs ([Mixed
# precision](https://www.tensorflow.org/guide/mixed_precision)).
#
# ## The optimizer in 16 bits
#
# Small gradients vanish in `float16`. So `compile` wraps the optimizer,
# and the wrapper multiplies the loss before the gradients are taken.
# What this site does with an optimizer still works. Its learning rate
# is read and set, and its state is built, saved and loaded:

# %%
keras.config.set_dtype_policy("mixed_float16")
model = classifier(kt.HyperParameters())
optimizer = model.optimizer
print(type(optimizer).__name__, "of", optimizer.inner_optimizer.name)
model.optimizer.learning_rate = 0.002
model.fit(*images.train, verbose=0)
print("loss times", int(optimizer.dynamic_scale))
print(f"learning rate {float(optimizer.learning_rate):.3f}")
inner_rate = optimizer.inner_optimizer.learning_rate
assert optimizer.learning_rate is inner_rate
assert any(v is inner_rate for v in optimizer.variables)

# %%
optimizer.dynamic_scale.assign(4096.0)  # as overflows would leave it
model.save_weights("saved.weights.h5")
again = classifier(kt.HyperParameters())
again.load_weights("saved.weights.h5")
pairs = zip(optimizer.variables, again.optimizer.variables, strict=True)
for saved, loaded in pairs:
    assert (saved.numpy() == loaded.numpy()).all()
steps = int(again.optimizer.inner_optimizer.iterations)
print(
    len(optimizer.variables), "variables as saved: step", steps, end=""
)
print(", loss times", int(again.optimizer.dynamic_scale))
assert steps == math.ceil(len(images.train[1]) / 32)

# %% [markdown]
# The scale is saved with the optimizer's state. So a Hyperband trial
# that is promoted goes on where its parent was, as long as `build` ends
# with `model.optimizer.build(...)`; the steps at which each training
# begins and the scale it begins with:


# %%
class Steps(kt.HyperModel):
    begun = ()

    def build(self, hp):
        keras.config.set_dtype_policy("mixed_float16")
        return classifier(hp)

    def fit(self, hp, model, *args, **kwargs):
        optimizer, epoch = model.optimizer, kwargs["initial_epoch"]
        steps = int(optimizer.inner_optimizer.iterations)
        scale = int(optimizer.dynamic_scale)
        self.begun += ((epoch, steps, scale),)
        return model.fit(*args, **kwargs)


# %%
hypermodel = Steps()
with contextlib.redirect_stdout(io.StringIO()):
    tuner = kt.Hyperband(
        hypermodel,
        objective=kt.Objective("val_accuracy", "max"),
        max_epochs=2,
        factor=2,
        seed=1,
        directory="searches",
        project_name="on_a_gpu_hyperband",
        overwrite=True,
    )
tuner.search(
    *images.train, validation_data=images.validation, verbose=0
)
columns = ["from epoch", "step", "scale"]
display(pd.DataFrame(hypermodel.begun, columns=columns))
batches = math.ceil(len(images.train[1]) / 32)
for epoch, steps, _ in hypermodel.begun:
    assert steps == epoch * batches
assert max(hypermodel.begun)[0] == 1  # one was promoted

# %% [markdown]
# One way is left to lose the scale: a policy given to layers alone, as
# `Dense(..., dtype="mixed_float16")`. `compile` looks at the model's
# policy, and that is still 32 bits, so nothing is wrapped.

# %%
keras.config.set_dtype_policy("float32")
inputs = keras.Input((64,))
hidden = keras.layers.Dense(32, dtype="mixed_float16")(inputs)
model = keras.Model(inputs, keras.layers.Dense(10)(hidden))
model.compile("adam", loss="mean_squared_error")
# wrong: half precision, and no scaling of the loss
print(hidden.dtype, "and plain", type(model.optimizer).__name__)
assert hidden.dtype == "float16"
assert type(model.optimizer) is keras.optimizers.Adam

# %% [markdown]
# If it must be single layers, wrap the optimizer yourself:
# `keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(...))`.
#
# ## One worker for each GPU
#
# A trial does not get faster by a second GPU that it does not use, but
# two trials can train at once, each in a process that sees one GPU:
#
# ```python
# parallel_search("search.py", workers=2, gpus=[0, 1])
# ```
#
# [Several processes](several_processes.py) has the snippet and what
# it does when a worker dies. It sets `CUDA_VISIBLE_DEVICES` for each
# worker before its Python starts, and hides all GPUs from the
# [chief](../../reference/glossary.md#chief), which trains nothing.
#
# *From the documentation:* what `CUDA_VISIBLE_DEVICES` lists is all
# that a process sees, and is numbered anew from 0, so no script
# changes; set it before TensorFlow starts. Two workers on one GPU need
# memory growth or a limit each ([Use a
# GPU](https://www.tensorflow.org/guide/gpu#limiting_gpu_memory_growth)).
#
# ## A trial that does not fit
#
# When a GPU has no memory left, TensorFlow raises
# [`ResourceExhaustedError`](https://www.tensorflow.org/api_docs/python/tf/errors/ResourceExhaustedError),
# *from the documentation*. A CPU raises it too, for a width that no
# machine has room for:

# %%
HUGE = 2**40


def too_wide(hp):
    units = hp.Choice("units", [8, HUGE, 16], ordered=False)
    inputs = keras.Input((images.train[0].shape[1],))
    hidden = keras.layers.Dense(units, activation="relu")(inputs)
    outputs = keras.layers.Dense(images.classes, activation="softmax")(
        hidden
    )
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


tuner, _ = search(kt.GridSearch, too_wide)
for trial in tuner.oracle.trials.values():
    units = trial.hyperparameters.get("units")
    last = (trial.message or "\n").strip().splitlines()[-1:]
    error = last[0].split(":")[0].split(".")[-1] if last else ""
    print(f"{units:,} units: {trial.status} {error}")

# %%
trials = [*tuner.oracle.trials.values()]
done = [trial.status for trial in trials]
assert done == ["COMPLETED", "FAILED", "COMPLETED"]
assert "ResourceExhaustedError" in trials[1].message

# %% [markdown]
# The trial failed and the search went on. But three such trials in a
# row end it, and under Hyperband one can cost its bracket the longest
# training ([failed trials](failed_trials.py)). With a bad score in
# place of the exception, the bracket is kept and the tuner learns to
# stay away. The same grid:

# %%
from snippets.searches.scored_failures import scored_failures

# %%
tuner, _ = search(scored_failures(kt.GridSearch, worst=0.0), too_wide)
trials = [*tuner.oracle.trials.values()]
for trial in trials:
    print(f"{trial.status}, score {trial.score:.2f}")
assert {trial.status for trial in trials} == {"COMPLETED"}
assert trials[1].score == 0 < min(trials[0].score, trials[2].score)

# %% [markdown]
# Zero is worst where more is better. For a loss, return a large finite
# number. Better still, keep what cannot fit out of the search space:
# [`max_model_size`](failed_trials.py#models-that-are-too-large)
# counts parameters, and says nothing of batches.
#
# Does the memory come back? What Python held of a failed trial is gone
# when the next begins. Each build looks whether the last model is still
# there:


# %%
class Weighed(kt.HyperModel):
    def __init__(self):
        super().__init__()
        self.last, self.alive = None, []

    def build(self, hp):
        hp.Int("number", 1, 3)
        if self.last is not None:
            self.alive.append(self.last() is not None)
        layers = [keras.Input((64,)), keras.layers.Dense(10)]
        model = keras.Sequential(layers)
        self.last = weakref.ref(model)
        return model

    def fit(self, hp, model, *args, **kwargs):
        return tf.zeros((HUGE, 64))  # in place of a batch


# %%
hypermodel = Weighed()
with contextlib.redirect_stderr(io.StringIO()):
    tuner = kt.GridSearch(
        hypermodel,
        objective=kt.Objective("val_accuracy", "max"),
        max_consecutive_failed_trials=9,
        seed=1,
        directory="searches",
        project_name="on_a_gpu_memory",
        overwrite=True,
    )
    tuner.search(verbose=0)
states = [trial.status for trial in tuner.oracle.trials.values()]
print(states, "models left behind:", sum(hypermodel.alive))
assert states == 3 * ["FAILED"] and not any(hypermodel.alive)

# %% [markdown]
# *From the documentation:* TensorFlow keeps for its own next use what
# it once took from the GPU, so `nvidia-smi` shows no drop between
# trials. Only the end of a process frees it; where that matters, [run a
# few trials in each
# process](memory_and_disk.py#a-new-process-every-few-trials).
#
# ## What a trial costs there
#
# [Fast searches](../evidence/fast_searches.py) measures on a CPU what a trial
# costs beside its training. On a GPU the shares change, and the list is
# one of what to try, each for one epoch with a clock:
#
# - **XLA is on** there, unless `compile` says `jit_compile=False`.
#   Every new model is compiled, so many short trials pay much for it; a
#   long training may win it back.
# - **Waiting for data.** End the pipeline with
#   `.prefetch(tf.data.AUTOTUNE)`:
#   [data pipelines](data_pipelines.py).
# - **Small steps.** A call of one small batch leaves the GPU idle; more
#   `steps_per_execution` and larger batches fill it. A larger batch trains
#   differently: tune the learning rate
#   [with it](batch_size_and_epochs.py).
# - **Tracing** is done by the CPU, once for each model, as everywhere.
#
# Whether Keras would use XLA here, asked of a model that was told
# nothing:

# %%
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
model.compile("adam", loss="mean_squared_error")
print("XLA:", model.jit_compile, "with GPUs:", len(gpus))
assert gpus or not model.jit_compile

# %% [markdown]
# ## The same scores again
#
# Seeds make a search [repeatable](reproducible_searches.py) on a
# CPU. *From the documentation:* on a GPU some operations add up in
# another order each time, unless TensorFlow is told not to, at a price
# in speed ([op
# determinism](https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism)).
# Keras then leaves XLA off by itself. It must be said before the
# search, and cannot be taken back in the same process:

# %%
tf.config.experimental.enable_op_determinism()
scores = []
for _ in range(2):
    keras.utils.set_random_seed(1)
    tuner, _ = search(kt.RandomSearch, classifier, max_trials=1)
    (trial,) = tuner.oracle.trials.values()
    scores.append(float(trial.score))
print("score", scores[0], "twice:", scores[0] == scores[1])
assert scores[0] == scores[1]

# %% [markdown]
# ## What this page did not show
#
# - A GPU at work: no speed, no memory, no figure of either.
# - One trial on several GPUs, for which a tuner takes
#   [`distribution_strategy`](../../reference/arguments.md#distribution_strategy).
# - TPUs, GPUs of other makers than NVIDIA, and Apple's.
