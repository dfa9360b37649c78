# %% [markdown] index="Objective; direction; val_f1_score; metrics; KeyError: 'val_accuracy'; Could not infer optimization direction; AUC; multi-label; custom metric objective; L2 penalty; weight decay; scale of the objective; weighted_metrics; minimise the validation loss; minimize; maximise; maximize; recall"
# # Objectives and metrics
#
# Which name an objective needs, and why to state its direction every
# time: from a bare string Keras Tuner may return the worst trial.
#
# - **The name** is a key of `history.history`. Train one epoch, [print the
#   keys](#the-name-print-the-keys), copy one that starts with `val_`.
# - **The direction:** state it, `kt.Objective("val_f1_score", "max")`.
#   From a bare string it is a guess: names on a short list
#   are maximised, others that Keras knows are minimised, some are refused.
#   `"val_f1_score"` is accepted, and minimised.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.multi_label_classifier import MultiLabelClassifier

# %%
import keras_tuner as kt
import numpy as np
from sklearn.datasets import load_digits

x, digit = load_digits(return_X_y=True)
y = np.stack([digit % 2 == 0, digit > 4, digit % 3 == 0], axis=1)
right = kt.Objective("val_f1_score", "max")
folder = {"directory": "searches/first", "overwrite": True}
for objective in (right, "val_f1_score"):
    tuner = kt.RandomSearch(
        MultiLabelClassifier(), objective, 3, seed=1, **folder
    )
    tuner.search(x / 16, y, validation_split=0.2, verbose=0)
    best = tuner.oracle.get_best_trials()[0]
    print(f"{tuner.oracle.objective}, best: {best.score:.3f}")

# %%
import contextlib
import io

import keras
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(1)

# %% [markdown]
# ## The name: print the keys
#
# Images that carry several labels at once, so that accuracy is not the
# obvious choice. The labels are worked out from the digit that an image
# shows.

# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")


def labels(digit):
    """Even, above four, written with a closed loop."""
    facts = (digit % 2 == 0, digit > 4, np.isin(digit, [0, 6, 8, 9]))
    return np.stack(facts, axis=1).astype("float32")


train, validation = (
    (x, labels(digit)) for x, digit in (images.train, images.validation)
)
print("images", train[0].shape, "labels", train[1].shape)
print("share with each label:", train[1].mean(axis=0).round(2))

# %% [markdown]
# One epoch, without a tuner, is enough to see the names.

# %%
hypermodel, hp = MultiLabelClassifier(), kt.HyperParameters()
given = {"validation_data": validation, "verbose": 0}
model = hypermodel.build(hp)
history = hypermodel.fit(hp, model, *train, epochs=1, **given)
print("keys:", list(history.history))
assert "val_f1_score" in history.history

# %% [markdown]
# Choose one that starts with `val_`; without validation data there is
# none. No search can say whether F1 is the right thing to ask for: that
# depends on what a mistake costs.
#
# ## The direction: the same trials, two winners
#
# Two learning rates, all else at its default, searched twice: with the
# direction, and with the string alone.

# %%
from snippets.results.trials_table import trials_table


# %%
def search(objective, name):
    """Train both rates, each search from the same seed."""
    keras.utils.set_random_seed(1)
    tuner = kt.GridSearch(
        MultiLabelClassifier(),
        objective=objective,
        hyperparameters=space.copy(),
        tune_new_entries=False,
        seed=1,
        directory="searches",
        project_name=f"objectives_{name}",
        overwrite=True,
    )
    tuner.search(*train, epochs=2, **given)
    return tuner


# %%
space = kt.HyperParameters()
space.Choice("learning_rate", [0.0001, 0.01])
stated = search(right, "stated")
bare = search("val_f1_score", "bare")  # wrong: F1 is to be large
scores = pd.DataFrame()
for name, each in (("stated", stated), ("bare string", bare)):
    trials = trials_table(each).set_index("learning_rate")
    scores[name] = trials["val_f1_score"].sort_index()
    (model,) = each.get_best_models()
    f1 = model.evaluate(*validation, return_dict=True, verbose=0)
    rate = trials.index[0]
    print(f"{name}: best {rate}, its model has F1 {f1['f1_score']:.3f}")
display(scores.round(4))

# %%
assert trials_table(bare)["learning_rate"].iloc[0] == 0.0001
assert trials_table(stated)["learning_rate"].iloc[0] == 0.01
assert f1["f1_score"] < scores["stated"].max()
assert (scores["bare string"] <= scores["stated"]).all()

# %% [markdown]
# The same two trainings. With the string alone, the tuner names the
# worse of them best, and of each trial it scores and keeps the worst
# epoch. Nothing fails and nothing is printed: a low score looks like a
# hard problem.
#
# ## Which strings are guessed wrong
#
# Every metric class that Keras ships, asked two ways. *Guessed* is what
# Keras Tuner makes of the name as a string. *Right* is measured: wines
# of three kinds, predicted by a model that did not see them in
# training, and the same predictions handed to the wrong wines. If the
# metric gives the good ones the larger value, larger is better.

# %%
x, kind = load_wine(return_X_y=True)
classifier = make_pipeline(StandardScaler(), LogisticRegression())
good = cross_val_predict(
    classifier, x, kind, cv=5, method="predict_proba"
).astype("float32")
bad = np.random.default_rng(1).permutation(good)

# %% [markdown]
# Some classes need arguments, and some compare kinds, not probabilities.

# %%
ARGUMENTS = {
    "F1Score": {"average": "macro"},
    "FBetaScore": {"average": "macro"},
    "IoU": {"num_classes": 3, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.8},
    "RecallAtPrecision": {"precision": 0.8},
    "SensitivityAtSpecificity": {"specificity": 0.8},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "SpecificityAtSensitivity": {"sensitivity": 0.8},
    "TopKCategoricalAccuracy": {"k": 2},
}


# %%
def measured(make):
    """Return a metric's name and which direction is right."""
    keras.backend.clear_session()  # else a second "auc" is "auc_1"
    metric, values = make(**ARGUMENTS.get(make.__name__, {})), []
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
for name, make in vars(keras.metrics).items():
    if not isinstance(make, type) or name in ABOUT_NO_PREDICTIONS:
        continue
    if issubclass(make, keras.metrics.Metric):
        name, direction = measured(make)
        string = f"val_{name}"
        rows.append((string, guessed(string), direction))
strings = pd.DataFrame(rows, columns=["string", "guessed", "right"])
assert len(strings) > 40 and strings["string"].is_unique

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
worst = set(strings.loc[wrong, "string"])
assert {"val_f1_score", "val_r2_score", "val_cosine_similarity"} < worst

# %% [markdown]
# An error is the lucky case: the search never starts. "TypeError" means
# that Keras Tuner tried to make the class without the arguments it
# needs.
#
# The guess is about the name: `name="accuracy"` on a metric of errors
# would be maximised.
#
# ## Several outputs
#
# The name of the output goes in front: its key in a dictionary of
# outputs, or the layer's name. A layer without a name is `dense_1` or
# so, with another number in the next model.

# %%
inputs = keras.Input((64,))
softmax = keras.layers.Dense(10, activation="softmax", name="digit")
sigmoid = keras.layers.Dense(1, activation="sigmoid", name="loop")
outputs = {"digit": softmax(inputs), "loop": sigmoid(inputs)}
model = keras.Model(inputs, outputs)
crossentropy = "sparse_categorical_crossentropy"
model.compile(
    loss={"digit": crossentropy, "loop": "binary_crossentropy"},
    metrics={"digit": ["accuracy"], "loop": ["accuracy"]},
)


# %%
def names(model, y):
    """Fit for one epoch and return the names to choose from."""
    x = images.validation[0]
    model.run_eagerly = True  # sooner done, for so few batches
    history = model.fit(x, y, validation_data=(x, y), verbose=0)
    return [n for n in history.history if n.startswith("val_")]


digits = images.validation[1]
both = names(model, {"digit": digits, "loop": validation[1][:, 2:]})
print(*both, sep="\n")
assert "val_digit_accuracy" in both
print("guessed from a string:", guessed("val_digit_accuracy"))

# %% [markdown]
# `val_loss` is the sum of the losses of the outputs. See [several
# inputs and outputs](several_inputs.py) for a whole search, and
# [several objectives](multiple_objectives.py) to weigh outputs.
#
# ## Metrics of your own, weighted metrics, numbered names
#
# A function is called by its own name, a metric by the `name` that it is
# given. What is in `weighted_metrics` gets a prefix only where the
# same metric is there without weights too.


# %%
def confidence(truth, probabilities):
    """The probability given to the likeliest digit."""
    return keras.ops.max(probabilities, axis=-1)


def softmax_regression(**settings):
    layers = [keras.Input((64,)), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss=crossentropy, **settings)
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
# Some metrics get a number when a second one is made in the same
# process. Keras Tuner clears the names before each trial, so within a
# search they stay. A model that you build yourself may have the number.


# %%
def build_model(hp):
    hidden = keras.layers.Dense(hp.Choice("units", [16, 32]))
    outputs = keras.layers.Dense(3, activation="sigmoid")
    model = keras.Sequential([keras.Input((64,)), hidden, outputs])
    auc = keras.metrics.AUC()
    model.compile(loss="binary_crossentropy", metrics=[auc])
    return model


# %%
tuner = kt.GridSearch(
    build_model,
    objective=kt.Objective("val_auc", "max"),
    seed=1,
    directory="searches",
    project_name="objectives_auc",
    overwrite=True,
)
tuner.search(*validation, **given)

# %%
for trial in tuner.oracle.trials.values():
    print("in a trial:      ", *trial.metrics.metrics)
    assert "val_auc" in trial.metrics.metrics
(hp,) = tuner.get_best_hyperparameters()
afterwards = names(build_model(hp), validation[1])
print("built afterwards:", *afterwards)
assert "val_auc" not in afterwards

# %% [markdown]
# `name="auc"` in the metric settles it.
#
# ## What you tune must not change the scale
#
# A penalty is part of the loss, and so of `val_loss`. Tuned by
# `val_loss`, the penalty of zero wins, whether a penalty helps or not.
# A metric leaves it out. Few images and three penalties:


# %%
def penalised(hp):
    penalty = hp.Choice("penalty", [0.0, 0.001, 0.01])
    l2 = {"kernel_regularizer": keras.regularizers.L2(penalty)}
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(64, "relu", **l2),
        keras.layers.Dense(10, "softmax", **l2),
    ]
    model = keras.Sequential(layers)
    entropy = keras.metrics.SparseCategoricalCrossentropy("entropy")
    adam = keras.optimizers.Adam(0.01)
    model.compile(adam, crossentropy, metrics=[entropy])
    model.run_eagerly = True  # tracing takes longer than a few steps
    return model


# %%
def best_scores(name):
    keras.utils.set_random_seed(1)
    tuner = kt.GridSearch(
        penalised,
        objective=kt.Objective(name, "min"),
        seed=1,
        directory="searches",
        project_name=f"objectives_{name}",
        overwrite=True,
    )
    few = [part[:60] for part in images.train]
    words = {"validation_data": images.validation, "verbose": 0}
    words |= {"validation_batch_size": 1000, "batch_size": 60}
    tuner.search(*few, epochs=15, **words)
    return trials_table(tuner).set_index("penalty")[name].sort_index()


# %%
names_of_both = ("val_loss", "val_entropy")
table = pd.DataFrame(
    {name: best_scores(name) for name in names_of_both}
)
display(table.round(3))
print("best penalty:", table.idxmin().to_dict())
assert table["val_loss"].idxmin() == 0
assert table["val_loss"].is_monotonic_increasing

# %% [markdown]
# The two columns are the same networks, measured twice. Without the
# penalty they differ by little, and three trials don't rank them; with
# it the order is that of the penalties.
#
# The same trap: a tuned `loss_weights` ([several
# inputs](several_inputs.py#why-not-val_loss)), the choice between two
# losses, label smoothing, the weight of a [VAE's second
# term](subclassed_models.py#a-variational-autoencoder). Search by a
# metric that has none of it.
#
# `class_weight` is no such case: it reaches the training loss alone.
# Where rare classes are to count in the score as well, give weights
# with the validation data, and the metric in `weighted_metrics`: [rare
# classes](../your_data/pictures.py#rare-classes).
#
# ## When the name is not there
#
# A trial trains first and fails afterwards, with the name and nothing
# else.


# %%
def message(model, objective, *data, **more):
    """Search one trial; return the last line of what it failed with."""
    tuner = kt.RandomSearch(
        lambda hp: model,
        objective=objective,
        max_trials=1,
        seed=1,
        directory="searches",
        project_name="objectives_message",
        overwrite=True,
    )
    with contextlib.redirect_stderr(io.StringIO()):
        tuner.search(*data, **more, verbose=0)
    (trial,) = tuner.oracle.trials.values()
    return trial.message.strip().splitlines()[-1]


# %%
accuracy = kt.Objective("val_accuracy", "max")
data = images.validation
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
# `average` reports an array, a value for each label:

# %%
layers = [keras.Input((64,)), keras.layers.Dense(3, "sigmoid")]
model = keras.Sequential(layers)
f1 = keras.metrics.F1Score(threshold=0.5)
model.compile(loss="binary_crossentropy", metrics=[f1])
f1_score = kt.Objective("val_f1_score", "max")
array = message(
    model, f1_score, *validation, validation_data=validation
)
print(array)
assert "ambiguous" in array

# %% [markdown]
# After three such trials in a row the search raises. A search of one or
# two ends as if nothing had happened: [failed
# trials](failed_trials.py).
#
# ## What this page did not show
#
# - Objectives that no metric reports, such as one counted in seconds or
#   in parameters: return them from `HyperModel.fit`, as in
#   [several objectives](multiple_objectives.py).
# - Which metric suits your problem, and the threshold of F1, which can be
#   chosen after training.
# - The scores on a test set. The validation rows chose the epoch and the
#   trial, so their score is too good:
#   [retrain and ship](retrain_and_ship.py).
