# %% [markdown] index="Objective; direction; val_f1_score; metrics; KeyError: 'val_accuracy'; Could not infer optimization direction; AUC; multi-label; custom metric objective; L2 penalty; weight decay; scale of the objective; weighted_metrics; minimise the validation loss; minimize; maximise; maximize; recall"
# # Objectives and metrics
#
# Which name an objective needs, and why to state its direction every
# time: from a bare string Keras Tuner may return the worst trial.
#
# - **The name** is a key of `history.history`. Train one epoch, [print
#   the keys](#the-name-print-the-keys), copy one that starts with `val_`.
# - **The direction:** state it, `kt.Objective("val_f1_score", "max")`.
#   From a bare string it is a guess: names on a short list are maximised,
#   others that Keras knows are minimised, `"val_f1_score"` among them,
#   and some are refused.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.multi_label_classifier import MultiLabelClassifier

# %%
import keras
import keras_tuner as kt
import numpy as np
from sklearn.datasets import load_digits

x, digit = (part[:600] for part in load_digits(return_X_y=True))
y = np.stack([digit % 2 == 0, digit > 4, digit % 3 == 0], axis=1)
tuners, goal = [], kt.Objective("val_f1_score", "max")
for name, objective in (("stated", goal), ("bare", "val_f1_score")):
    keras.utils.set_random_seed(1)
    names = {"directory": "searches/objectives", "project_name": name}
    names |= {"max_trials": 2, "seed": 1}
    tuner = kt.RandomSearch(MultiLabelClassifier(), objective, **names)
    tuner.search(x / 16, y, validation_split=0.2, epochs=2, verbose=0)
    print(f"{name}: {tuner.oracle.get_best_trials()[0].score:.3f}")
    tuners.append(tuner)

# %%
import contextlib
import inspect
import io

import pandas as pd
from IPython.display import display
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% [markdown]
# ## The name: print the keys
#
# One epoch, without a tuner, on images that carry several labels each:

# %%
hypermodel, hp = MultiLabelClassifier(), kt.HyperParameters()
few = x[480:] / 16, y[480:]  # those that validation_split took
given = {"validation_data": few, "verbose": 0}
model = hypermodel.build(hp)
model.run_eagerly = True  # tracing takes longer than a few steps
history = hypermodel.fit(hp, model, *few, epochs=1, **given)
print("keys:", list(history.history))

# %% [markdown]
# Without validation data no key starts with `val_`.
#
# ## The direction: the same trials, two winners
#
# The two searches above trained the same two models:

# %%
from snippets.results.trials_table import trials_table

# %%
scores, winners = pd.DataFrame(), {}
for name, tuner in zip(("stated", "bare string"), tuners, strict=True):
    trials = trials_table(tuner)
    scores[name] = trials["val_f1_score"].sort_index()
    winners[name] = int(trials.index[0])
display(scores.round(4))
print("best trial:", winners)
assert winners["bare string"] == scores["bare string"].idxmin()
assert (scores["bare string"] <= scores["stated"]).all()

# %% [markdown]
# With the string alone, the tuner names the worse model best, and of each
# trial it scores and keeps the worst epoch. Nothing fails: a low score
# looks like a hard problem.
#
# ## Which strings are guessed wrong
#
# *Guessed* is what Keras Tuner makes of the name of each metric class
# that Keras ships. *Right* is measured: good predictions of three kinds
# of wine, and the same predictions handed to the wrong wines. If the
# good ones get the larger value, larger is better.

# %%
wines, kind = load_wine(return_X_y=True)
classifier = make_pipeline(StandardScaler(), LogisticRegression())
good = cross_val_predict(
    classifier, wines, kind, cv=5, method="predict_proba"
).astype("float32")
bad = np.random.default_rng(1).permutation(good)

# %%
ARGUMENTS = {"average": "macro", "k": 2, "num_classes": 3}
ARGUMENTS |= {"target_class_ids": [0], "recall": 0.8, "precision": 0.8}
ARGUMENTS |= {"specificity": 0.8, "sensitivity": 0.8}


def instance(make):
    """Make a metric with those of these arguments that it takes."""
    taken = inspect.signature(make.__init__).parameters
    return make(**{n: v for n, v in ARGUMENTS.items() if n in taken})


# %%
def measured(make):
    """Return a metric's name and which direction is right."""
    keras.backend.clear_session()  # else a second "auc" is "auc_1"
    metric, values = instance(make), []
    for predictions in (good, bad):
        truth = np.eye(3)[kind]
        if make.__name__ in ("Accuracy", "IoU", "MeanIoU"):
            truth, predictions = kind, predictions.argmax(axis=1)
        elif make.__name__.startswith("Sparse"):
            truth = kind
        metric.reset_state()
        metric.update_state(truth, predictions)
        values.append(float(metric.result()))
    assert values[0] != values[1]
    return metric.name, "max" if values[0] > values[1] else "min"


# %%
def guessed(name):
    """Return what Keras Tuner makes of a bare string."""
    try:
        oracle = kt.oracles.RandomSearchOracle(objective=name)
    except (TypeError, ValueError) as error:
        return type(error).__name__
    return oracle.objective.direction


# %%
ABOUT_NO_PREDICTIONS = ("Metric", "Mean", "MeanMetricWrapper", "Sum")
rows = []
for name, make in inspect.getmembers(keras.metrics, inspect.isclass):
    if name not in ABOUT_NO_PREDICTIONS:
        name, direction = measured(make)
        rows.append((f"val_{name}", guessed(f"val_{name}"), direction))
strings = pd.DataFrame(rows, columns=["string", "guessed", "right"])

# %%
raises = strings["guessed"].str.endswith("Error")
wrong = ~raises & (strings["guessed"] != strings["right"])
order = ["searches for the worst", "raises", "works"]
outcome = np.select([wrong, raises], order[:2], order[2])
strings["outcome"] = pd.Categorical(outcome, order)
print(strings["outcome"].value_counts().loc[order].to_string())
table = strings.sort_values(["outcome", "string"]).set_index("string")
with pd.option_context("display.max_rows", None):
    display(table)
assert "val_f1_score" in set(strings.loc[wrong, "string"])

# %% [markdown]
# An error is the lucky case: the search never starts. "TypeError" means
# that the class needs arguments.
#
# The guess is about the name: `name="accuracy"` on a metric of errors
# would be maximised.
#
# ## Several outputs
#
# The name begins with the output's key, or with the name of its layer. A
# layer without a name is `dense_1` or so, with a different number in the
# next model.

# %%
inputs = keras.Input((64,))
softmax = keras.layers.Dense(10, activation="softmax", name="digit")
sigmoid = keras.layers.Dense(1, activation="sigmoid", name="even")
outputs = {"digit": softmax(inputs), "even": sigmoid(inputs)}
model = keras.Model(inputs, outputs)
crossentropy = "sparse_categorical_crossentropy"
losses = {"digit": crossentropy, "even": "binary_crossentropy"}
metrics = {"digit": ["accuracy"], "even": ["accuracy"]}
model.compile(loss=losses, metrics=metrics)


# %%
def names(model, y):
    """Fit for one epoch and return the names to choose from."""
    data = few[0], y
    model.run_eagerly = True  # sooner done, for so few batches
    words = {"batch_size": 120, "verbose": 0}
    history = model.fit(*data, validation_data=data, **words)
    return [n for n in history.history if n.startswith("val_")]


digits = digit[480:]
both = names(model, {"digit": digits, "even": few[1][:, :1]})
print(*both, sep="\n")
print("guessed from a string:", guessed("val_digit_accuracy"))

# %% [markdown]
# `val_loss` is the sum of the outputs' losses. [Several inputs and
# outputs](several_inputs.py) has a whole search, and [several
# objectives](multiple_objectives.py) weighs outputs.
#
# ## Metrics of your own, weighted metrics, numbered names
#
# A function is called by its own name, a metric by its `name`.
# `weighted_metrics` get a prefix only beside the same unweighted metric.


# %%
def confidence(truth, probabilities):
    """The probability given to the likeliest digit."""
    return keras.ops.max(probabilities, axis=-1)


def softmax_regression(**settings):
    layers = [keras.Input((64,)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss=crossentropy, run_eagerly=True, **settings)
    return model


# %%
hits = keras.metrics.SparseCategoricalAccuracy("hits")
for settings in (
    {"metrics": [confidence]},
    {"metrics": ["acc"]},
    {"metrics": [hits]},
    {"weighted_metrics": ["accuracy"]},
    {"weighted_metrics": ["accuracy"], "metrics": ["accuracy"]},
):
    print(*names(softmax_regression(**settings), digits))

# %% [markdown]
# Some metrics get a number when a second one is made in the same process.
# Keras Tuner [clears the names before each
# trial](../explanation/life_of_a_trial.py#from-one-trial-to-the-next); a
# model that you build yourself may have one.

# %%
keras.backend.clear_session()
print(keras.metrics.AUC().name, keras.metrics.AUC().name)
keras.backend.clear_session()
print("after clearing:", keras.metrics.AUC().name)

# %% [markdown]
# `name="auc"` in the metric settles it.
#
# ## What you tune must not change the scale
#
# A penalty is part of `val_loss`, so by `val_loss` a penalty of zero
# wins, whether penalties help or not. A metric leaves it out:


# %%
def penalised(hp):
    penalty = hp.Choice("penalty", [0.0, 0.003, 0.03])
    l2 = {"kernel_regularizer": keras.regularizers.L2(penalty)}
    hidden = keras.layers.Dense(64, "relu", **l2)
    outputs = keras.layers.Dense(10, "softmax", **l2)
    model = keras.Sequential([keras.Input((64,)), hidden, outputs])
    entropy = keras.metrics.SparseCategoricalCrossentropy("entropy")
    adam = keras.optimizers.Adam(0.01)
    model.compile(adam, crossentropy, metrics=[entropy])
    model.run_eagerly = True  # tracing takes longer than a few steps
    return model


# %%
usual = {"seed": 1, "directory": "searches", "overwrite": True}
tuner = kt.GridSearch(
    penalised,
    objective=kt.Objective("val_loss", "min"),
    project_name="objectives_penalty",
    **usual,
)
words = {"batch_size": 60, "validation_batch_size": 120, "epochs": 4}
words |= {"validation_data": (few[0], digits), "verbose": 0}
tuner.search(x[:60] / 16, digit[:60], **words)

# %%
rows = {}
for trial in tuner.oracle.trials.values():
    best = trial.metrics.get_best_value
    losses = {n: best(n) for n in ("val_loss", "val_entropy")}
    rows[trial.hyperparameters.get("penalty")] = losses
table = pd.DataFrame(rows).T.rename_axis("penalty").sort_index()
display(table.round(3))
print("best penalty:", table.idxmin().to_dict())
assert table["val_loss"].idxmin() == 0

# %% [markdown]
# By the entropy the networks differ by less, and three trials don't rank
# them.
#
# The same trap: a tuned `loss_weights` ([several
# inputs](several_inputs.py#why-not-val_loss)), the choice between two
# losses, label smoothing, the weight of a [VAE's second
# term](subclassed_models.py#a-variational-autoencoder). Search by a
# metric that has none of it.
#
# `class_weight` reaches the training loss alone. To count [rare
# classes](../your_data/pictures.py#rare-classes) in the score too, give
# weights with the validation data, and the metric in `weighted_metrics`.
#
# ## When the name is not there
#
# A trial trains first, then fails with only the name:


# %%
def message(model, objective, *data, **more):
    """Search one trial; return the last line of what it failed with."""
    tuner = kt.RandomSearch(
        lambda hp: model,
        objective=objective,
        max_trials=1,
        project_name="objectives_message",
        **usual,
    )
    with contextlib.redirect_stderr(io.StringIO()):
        tuner.search(*data, **more, batch_size=120, verbose=0)
    (trial,) = tuner.oracle.trials.values()
    return trial.message.strip().splitlines()[-1]


# %%
accuracy = kt.Objective("val_accuracy", "max")
data = few[0], digits
model = softmax_regression(metrics=["acc"])
acc = message(model, accuracy, *data, validation_data=data)
print(f'metrics=["acc"]:    {acc}')
model = softmax_regression(metrics=["accuracy"])
no_data = message(model, accuracy, *data)
print(f"no validation_data: {no_data}")
assert acc == no_data == "KeyError: 'val_accuracy'"

# %% [markdown]
# A `HyperModel.fit` that doesn't pass `**kwargs` on loses the validation
# data too.
#
# A name that exists can still hold no number. `F1Score()` without
# `average` reports a value for each label:

# %%
layers = [keras.Input((64,)), keras.layers.Dense(3, "sigmoid")]
model = keras.Sequential(layers)
f1 = keras.metrics.F1Score(threshold=0.5)
model.compile(loss="binary_crossentropy", metrics=[f1])
model.run_eagerly = True
print(message(model, goal, *few, validation_data=few))

# %% [markdown]
# Unless [three trials in a row](failed_trials.py) fail, `search` raises
# nothing.
#
# ## What this page did not show
#
# - Objectives that no metric reports, such as seconds: return them from
#   `HyperModel.fit`, as in [several objectives](multiple_objectives.py).
# - Which metric suits your problem, and the threshold of F1, which can be
#   chosen after training.
