# %% [markdown] index="GPU; CUDA; several GPUs; set_memory_growth; TF_FORCE_GPU_ALLOW_GROWTH; CUDA_VISIBLE_DEVICES; mixed precision; mixed_float16; LossScaleOptimizer; ResourceExhaustedError; OOM; is my GPU used; multiple GPUs; one trial for each GPU"
# # On a GPU
#
# What to set for a search on a GPU: memory growth, mixed precision, a
# worker for each GPU, and trials that do not fit.
#
# - Without a GPU TensorFlow trains on the CPU and says nothing. Look
#   first: `assert tf.config.list_physical_devices("GPU")`.
# - Turn on memory growth before anything else.
# - Set mixed precision in `build`: set at the top of the script, it is
#   [gone before the first
#   trial](#mixed-precision-is-lost-after-one-build).
#
# **This page was executed without a GPU.** What only a GPU can show
# begins *from the documentation*; nothing is timed.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.build_model import build_model

# %%
import keras_tuner as kt
import tensorflow as tf
from sklearn.datasets import load_digits

for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)

x, y = load_digits(return_X_y=True)
objective = kt.Objective("val_accuracy", "max")
names = {"directory": "searches", "project_name": "on_a_gpu_first"}
tuner = kt.RandomSearch(
    build_model, objective, max_trials=2, seed=1, **names
)
tuner.search(x[:900] / 16, y[:900], validation_split=0.2, verbose=0)
weights = build_model(kt.HyperParameters()).weights
print("weights on", weights[0].value.device.rpartition("device:")[2])

# %%
import contextlib
import importlib.metadata
import io
import logging
import weakref

import keras
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)
# TensorFlow warns of models that train for few batches, as these do.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

# %% [markdown]
# ## Is there one, and is it used?
#
# With *soft placement*, the default, an operation whose GPU is missing
# goes to the CPU.

# %%
print("GPUs:", len(tf.config.list_physical_devices("GPU")))
for soft in (True, False):
    tf.config.set_soft_device_placement(soft)
    try:
        with tf.device("/GPU:0"):
            where = tf.add(1.0, 1.0).device.rpartition("device:")[2]
    except tf.errors.InvalidArgumentError as error:
        where = str(error).split(" '")[0]
    print(f"soft placement {soft}: {where}")
tf.config.set_soft_device_placement(True)

# %% [markdown]
# *From the documentation:* `nvidia-smi` shows whether the GPU is busy,
# and `tf.debugging.set_log_device_placement(True)` logs every
# operation's device ([Use a
# GPU](https://www.tensorflow.org/guide/gpu)).
#
# ## Install
#
# To find a GPU, TensorFlow needs CUDA's libraries, which an *extra* of
# the same version brings:

# %%
needs = importlib.metadata.requires("tensorflow")
cuda = [need for need in needs if "and-cuda" in need]
print(f'pip install "tensorflow[and-cuda]=={tf.__version__}"')
print("brings", ", ".join(need.split("<")[0] for need in cuda))

# %% [markdown]
# *From the documentation:* this is for Linux, and for Windows through
# WSL2, with the driver installed. On Windows itself TensorFlow uses no
# GPU after version 2.10
# ([Install](https://www.tensorflow.org/install/pip)).
#
# ## Memory growth comes first
#
# *From the documentation:* at its first operation TensorFlow takes
# nearly all memory of every GPU that it sees, and a second process
# finds none. With memory growth it takes what it needs, and keeps it
# until the process ends. `TF_FORCE_GPU_ALLOW_GROWTH=true`, set before
# Python starts, does the same ([Use a
# GPU](https://www.tensorflow.org/guide/gpu#limiting_gpu_memory_growth)).
#
# That operation also fixes the devices, here those of the CPU:

# %%
(cpu,) = tf.config.list_physical_devices("CPU")
halves = 2 * [tf.config.LogicalDeviceConfiguration()]
try:
    tf.config.set_logical_device_configuration(cpu, halves)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# So turn on memory growth before you build or load a model;
# `keras.utils.set_random_seed` may come first.
#
# ## Mixed precision is lost after one build
#
# In mixed precision layers compute with 16 bits but keep weights of 32.
# Each build below notes what its hidden layer computes in:

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
computed = []


def classifier(hp):
    """Build a classifier under the policy that is set."""
    units = hp.Int("units", 32, 128, step=32, default=64)
    rate = hp.Choice("learning_rate", [0.001, 0.003], default=0.003)

    hidden = keras.layers.Dense(units, activation="relu")
    computed.append(hidden.compute_dtype)
    outputs = keras.layers.Dense(
        10, activation="softmax", dtype="float32"
    )
    model = keras.Sequential([keras.Input((64,)), hidden, outputs])
    return compiled(model, rate)


# %%
def compiled(model, rate):
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # these models are too small for XLA
    )
    # Else Hyperband's promoted trials begin with a new optimizer.
    model.optimizer.build(model.trainable_variables)
    return model


# %%
names = {"directory": "searches", "project_name": "on_a_gpu"}
names["overwrite"] = True


def search(tuner_class, build, **settings):
    tuner = tuner_class(build, objective, seed=1, **names, **settings)
    data = {"validation_data": images.validation, "verbose": 0}
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks
        tuner.search(*images.train, batch_size=128, **data)
    return tuner


# %%
# wrong: Keras Tuner clears it with the rest of Keras's session
keras.config.set_dtype_policy("mixed_float16")
search(kt.RandomSearch, classifier, max_trials=1)
print("each build computes in", computed)
assert computed == ["float16", "float32"]

# %% [markdown]
# Only the tuner's own first build, which learns the search space,
# computes in 16 bits. Before each trial Keras Tuner calls
# `keras.backend.clear_session()`, which resets the policy without a
# warning.
#
# Set in `build`, the policy holds in every trial and in
# `get_best_models`. Both policies, from the same first weights:

# %%
POLICIES = ["float32", "mixed_float16"]


def in_precision(hp):
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(hp.Choice("policy", POLICIES))
    return classifier(hp)


space = kt.HyperParameters()
space.Choice("policy", POLICIES)
fixed = {"hyperparameters": space, "tune_new_entries": False}
tuner = search(kt.GridSearch, in_precision, **fixed)

# %%
rows = {}
best = tuner.oracle.get_best_trials(2)
for trial, model in zip(best, tuner.get_best_models(2), strict=True):
    rows[trial.hyperparameters.get("policy")] = {
        "layers compute in": model.layers[0].compute_dtype,
        "weights": model.layers[0].kernel.dtype,
        "outputs": model.outputs[0].dtype,
        "optimizer": type(model.optimizer).__name__,
        "val_accuracy": round(trial.score, 4),
    }
table = pd.DataFrame(rows).T.loc[POLICIES].rename_axis("policy")
display(table)

# %%
assert table["layers compute in"].tolist() == ["float32", "float16"]
assert (table[["weights", "outputs"]] == "float32").all(axis=None)

# %% [markdown]
# Give the last layer `dtype="float32"`, as here: 16 bits are too few
# for a softmax and the logarithm in its loss.
#
# Don't search over the policy: the score does not count the time it
# saves. Compare two trials by hand.
#
# *From the documentation:* `mixed_float16` is for NVIDIA GPUs of
# compute capability 7.0 and up, and gains most in wide layers, with
# widths and batch sizes in multiples of 8. `mixed_bfloat16` is for TPUs
# ([Mixed precision](https://www.tensorflow.org/guide/mixed_precision)).
#
# ## The optimizer in 16 bits
#
# Small gradients vanish in `float16`, so `compile` wraps the optimizer
# and scales the loss. The learning rate is read and set as before:

# %%
keras.config.set_dtype_policy("mixed_float16")
optimizer = classifier(kt.HyperParameters()).optimizer
inner = optimizer.inner_optimizer
print(type(optimizer).__name__, "of", inner.name)
optimizer.learning_rate = 0.002
print(f"learning rate {float(inner.learning_rate):.3f}")

# %% [markdown]
# The scale is part of the optimizer's state. So a promoted Hyperband
# trial keeps its parent's, if `build` ends with
# `model.optimizer.build(...)`:

# %%
parent = classifier(kt.HyperParameters())
parent.fit(*images.train, batch_size=128, verbose=0)
parent.optimizer.dynamic_scale.assign(4096.0)  # as overflows do
parent.save_weights("parent.weights.h5")
new, promoted = (classifier(kt.HyperParameters()) for _ in range(2))
promoted.load_weights("parent.weights.h5")
for name, model in {"new": new, "promoted": promoted}.items():
    step = int(model.optimizer.inner_optimizer.iterations)
    scale = int(model.optimizer.dynamic_scale)
    print(f"{name}: step {step}, scale {scale}")
assert step > 0 and scale == 4096

# %% [markdown]
# A policy of single layers, as `Dense(..., dtype="mixed_float16")`,
# loses the scale: the model's own is still 32 bits, so `compile` wraps
# nothing.

# %%
keras.config.set_dtype_policy("float32")
inputs = keras.Input((64,))
hidden = keras.layers.Dense(32, dtype="mixed_float16")(inputs)
model = keras.Model(inputs, keras.layers.Dense(10)(hidden))
model.compile("adam", loss="mean_squared_error")
# wrong: half precision, and no scaling of the loss
print(hidden.dtype, "and plain", type(model.optimizer).__name__)
assert type(model.optimizer) is keras.optimizers.Adam

# %% [markdown]
# Then wrap the optimizer yourself:
# `keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(...))`.
#
# ## One worker for each GPU
#
# Each worker is a process that sees one GPU:
#
# ```python
# parallel_search("search.py", workers=2, gpus=[0, 1])
# ```
#
# The [snippet](several_processes.py) sets `CUDA_VISIBLE_DEVICES` for
# each worker before its Python starts, and hides all GPUs from the
# [chief](../../reference/glossary.md#chief).
#
# *From the documentation:* a process sees only its GPUs, numbered anew
# from 0, so no script changes. Two workers on one GPU need memory
# growth or a limit each.
#
# ## A trial that does not fit
#
# *From the documentation:* a GPU without memory left raises
# [`ResourceExhaustedError`](https://www.tensorflow.org/api_docs/python/tf/errors/ResourceExhaustedError).
# So does a CPU, for a width that no machine has room for:

# %%
HUGE = 2**40


def too_wide(hp):
    # The first definition of a name counts.
    hp.Choice("units", [8, HUGE], ordered=False)
    hp.Fixed("learning_rate", 0.003)
    return classifier(hp)


tuner = search(kt.GridSearch, too_wide)
for trial in tuner.oracle.trials.values():
    units = trial.hyperparameters.get("units")
    print(f"{units:,} units: {trial.status}")
error = trial.message.strip().splitlines()[-1].split(":")[0]
print(error.split(".")[-1])
assert error.endswith("ResourceExhaustedError")

# %% [markdown]
# The search goes on, but three such trials in a row end it, and under
# Hyperband one can cost its bracket the longest training ([failed
# trials](failed_trials.py)). With a bad score instead, the bracket
# stays full and the tuner learns to avoid such trials:

# %%
from snippets.searches.scored_failures import scored_failures

# %%
tuner = search(scored_failures(kt.GridSearch, worst=0.0), too_wide)
for trial in tuner.oracle.trials.values():
    print(f"{trial.status}, score {trial.score:.2f}")

# %% [markdown]
# For a loss, take a large finite number. Better, leave what cannot fit
# out of the search space:
# [`max_model_size`](failed_trials.py#models-that-are-too-large) counts
# parameters, but not what a batch needs.
#
# Python frees a failed trial's model before the next begins. Each build
# checks it:


# %%
class Weighed(kt.HyperModel):
    last, left_behind = None, 0

    def build(self, hp):
        hp.Int("number", 1, 3)
        self.left_behind += bool(self.last and self.last())
        model = classifier(kt.HyperParameters())
        self.last = weakref.ref(model)
        return model

    def fit(self, hp, model, *args, **kwargs):
        return tf.zeros((HUGE, 64))  # in place of a batch


# %%
hypermodel, allowed = Weighed(), {"max_consecutive_failed_trials": 9}
tuner = search(kt.GridSearch, hypermodel, **allowed)
states = [trial.status for trial in tuner.oracle.trials.values()]
print(states, "models left behind:", hypermodel.left_behind)
assert not hypermodel.left_behind

# %% [markdown]
# *From the documentation:* TensorFlow keeps the GPU memory all the same,
# so `nvidia-smi` shows no drop between trials: [run a few in each
# process](memory_and_disk.py#a-new-process-every-few-trials).
#
# ## What a trial costs there
#
# [Fast searches](../evidence/fast_searches.py) measures a trial's costs
# on a CPU. On a GPU, time each of these for one epoch:
#
# - **XLA** is on, unless `compile` says `jit_compile=False`. It
#   compiles every new model: many short trials pay much, a long
#   training may win it back.
# - **Waiting for data.** End the pipeline with
#   `.prefetch(tf.data.AUTOTUNE)`: [data pipelines](data_pipelines.py).
# - **Small steps** leave the GPU idle; more `steps_per_execution` and
#   larger batches, with [another learning
#   rate](batch_size_and_epochs.py), fill it.
#
# ## The same scores again
#
# [Seeds](reproducible_searches.py) make a search repeatable on a CPU.
# *From the documentation:* on a GPU some operations add up in another
# order each time, unless you enable [op
# determinism](https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism),
# which costs speed and leaves XLA off. Enable it before the search; the
# process can't disable it again:

# %%
tf.config.experimental.enable_op_determinism()
scores = []
for _ in range(2):
    keras.utils.set_random_seed(1)
    tuner = search(kt.RandomSearch, classifier, max_trials=1)
    scores.append(tuner.oracle.get_best_trials()[0].score)
print(f"score {scores[0]:.4f} twice: {scores[0] == scores[1]}")
assert scores[0] == scores[1]

# %% [markdown]
# ## What this page did not show
#
# - A GPU at work.
# - One trial on several GPUs:
#   [`distribution_strategy`](../../reference/arguments.md#distribution_strategy).
# - TPUs, and GPUs of other makers than NVIDIA.
