# %% [markdown] index="Objective; direction; val_f1_score; metrics; KeyError: 'val_accuracy'; Could not infer optimization direction; AUC; multi-label; custom metric objective; L2 penalty; weight decay; scale of the objective; weighted_metrics"
# # Objectives and metrics
#
# Which name an objective needs, and why to state its direction every
# time: from a bare string Keras Tuner may return the worst trial.
#
# The name is a key of `history.history`. Train one epoch, print the keys,
# copy one. Then say whether more of it is better:
#
# ```python
# objective=kt.Objective("val_f1_score", "max")
# ```
#
# The bare string `"val_f1_score"` is accepted as well, and minimised.
# Keras Tuner guesses the direction of a string: names on a short list are
# maximised, others that Keras knows are minimised, some are refused.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import contextlib
import io

import keras
import keras_tuner as kt
import numpy as np
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
# A problem for which accuracy is not the obvious choice: images that
# carry several labels at once. The labels are worked out from the digit
# that an image shows; nobody looked at the images for them.

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

# %% open=true
from snippets.models.multi_label_classifier import MultiLabelClassifier

# %% [markdown]
# One epoch, without a tuner, is enough to see the names.

# %%
hypermodel = MultiLabelClassifier()
hp = kt.HyperParameters()
model = hypermodel.build(hp)
history = hypermodel.fit(
    hp, model, *train, validation_data=validation, epochs=1, verbose=0
)
print("keys:", list(history.history))
assert "val_f1_score" in history.history

# %% [markdown]
# Choose one that starts with `val_`; without validation data there is
# none. The others are of the rows trained on.

# %%
from snippets.results.trials_table import trials_table

# %%
tuner = kt.RandomSearch(
    MultiLabelClassifier(),
    objective=kt.Objective("val_f1_score", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="objectives",
    overwrite=True,
)
tuner.search(*train, validation_data=validation, epochs=2, verbose=0)
trials = trials_table(tuner)
assert set(trials["status"]) == {"COMPLETED"}
display(trials.drop(columns="status").round(4))

# %% [markdown]
# Two trials are a demonstration and no ranking. Nor can a search tell
# whether F1 was the right thing to ask for: that depends on what a mistake
# costs.
#
# ## The direction: the same trials, two winners
#
# Two learning rates, all else at its default, searched twice: with the
# direction, and with the string alone.

# %%
space = kt.HyperParameters()
space.Choice("learning_rate", [0.0001, 0.01])


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
    tuner.search(
        *train, validation_data=validation, epochs=2, verbose=0
    )
    return tuner


stated = search(kt.Objective("val_f1_score", "max"), "stated")
bare = search("val_f1_score", "bare")  # wrong: F1 is to be large
print(stated.oracle.objective, bare.oracle.objective, sep="\n")

# %%
scores = pd.DataFrame(
    {
        name: trials_table(each).set_index("learning_rate")[
            "val_f1_score"
        ]
        for name, each in (("stated", stated), ("bare string", bare))
    }
).sort_index()
display(scores.round(4))

# %%
best = {}
for name, each in (("stated", stated), ("bare string", bare)):
    (hp,) = each.get_best_hyperparameters()
    (model,) = each.get_best_models()
    evaluated = model.evaluate(*validation, return_dict=True, verbose=0)
    best[name] = hp.get("learning_rate"), evaluated["f1_score"]
    rate, f1 = best[name]
    print(f"{name}: learning rate {rate}, F1 {f1:.3f}")
assert best["bare string"][0] == scores["stated"].idxmin()
assert best["stated"][0] == scores["stated"].idxmax()
assert best["bare string"][1] < best["stated"][1]
assert (scores["bare string"] <= scores["stated"]).all()

# %% [markdown]
# The same two trainings. With the string alone, the tuner names the
# worse of them best, and of each trial it scores and keeps the worst
# epoch. Nothing fails and nothing is printed. A low score is all there is
# to see, and it looks like a hard problem.
#
# ## Which strings are guessed wrong
#
# Every metric class that Keras ships, asked two ways. *Guessed* is what
# Keras Tuner makes of the name as a string. *Right* is not written down
# here, it is measured: wines of three kinds, predicted by a model that
# did not see them in training, and the same predictions handed to the
# wrong wines. If the metric gives the good ones the larger value, larger
# is better.

# %%
x, kind = load_wine(return_X_y=True)
classifier = make_pipeline(StandardScaler(), LogisticRegression())
good = cross_val_predict(
    classifier, x, kind, cv=5, method="predict_proba"
).astype("float32")
bad = np.random.default_rng(1).permutation(good)

# %% [markdown]
# Some classes want arguments, and some compare kinds, not probabilities.

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
NOT_ABOUT_PREDICTIONS = ("Metric", "Mean", "MeanMetricWrapper", "Sum")


# %%
def measured(make):
    """Return a metric's name and its value for good and bad."""
    keras.backend.clear_session()  # else a second "auc" is "auc_1"
    metric = make(**ARGUMENTS.get(make.__name__, {}))
    values = []
    for predictions in (good, bad):
        truth = np.eye(3)[kind]
        if make.__name__ in ("Accuracy", "IoU", "MeanIoU"):
            truth, predictions = kind, predictions.argmax(axis=1)
        elif make.__name__.startswith("Sparse"):
            truth = kind
        metric.reset_state()
        metric.update_state(truth, predictions)
        values.append(float(metric.result()))
    return metric.name, *values


def guessed(name):
    """Return what Keras Tuner makes of a bare string."""
    try:
        oracle = kt.oracles.RandomSearchOracle(objective=name)
    except (TypeError, ValueError) as error:
        return type(error).__name__
    return oracle.objective.direction


# %%
rows = []
for make in vars(keras.metrics).values():
    if (
        not isinstance(make, type)
        or not issubclass(make, keras.metrics.Metric)
        or make.__name__ in NOT_ABOUT_PREDICTIONS
    ):
        continue
    name, of_good, of_bad = measured(make)
    assert of_good != of_bad
    right = "max" if of_good > of_bad else "min"
    rows.append((f"val_{name}", guessed(f"val_{name}"), right))
strings = pd.DataFrame(rows, columns=["string", "guessed", "right"])
assert len(strings) > 40 and strings["string"].is_unique

# %%
raises = strings["guessed"].str.endswith("Error")
wrong = ~raises & (strings["guessed"] != strings["right"])
strings["outcome"] = np.select(
    [wrong, raises], ["searches for the worst", "raises"], "works"
)
worst = set(strings.loc[wrong, "string"])
assert {"val_f1_score", "val_r2_score", "val_cosine_similarity"} < worst
order = ["searches for the worst", "raises", "works"]
print(strings["outcome"].value_counts().loc[order].to_string())

# %%
strings["outcome"] = pd.Categorical(strings["outcome"], order)
table = strings.sort_values(["outcome", "string"]).set_index("string")
with pd.option_context("display.max_rows", None):
    display(table)

# %% [markdown]
# An error is the lucky case: the search never starts. The classes with
# "TypeError" fail because Keras Tuner tries to make one without the
# arguments it needs.
#
# The table shows names as Keras gives them. Give a metric another name,
# and the guess is about the new name: `name="accuracy"` on a metric of
# errors would be maximised.
#
# ## Several outputs
#
# The name of the output goes in front. Name the output layers, or they
# are called `dense_1` and so on, with other numbers in the next model.

# %%
inputs = keras.Input((64,))
digit = keras.layers.Dense(10, activation="softmax", name="digit")
loop = keras.layers.Dense(1, activation="sigmoid", name="loop")
model = keras.Model(
    inputs, {"digit": digit(inputs), "loop": loop(inputs)}
)
model.compile(
    loss={
        "digit": "sparse_categorical_crossentropy",
        "loop": "binary_crossentropy",
    },
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
# `val_loss` is the sum of the losses of the outputs. A whole search of
# this kind: [several inputs and outputs](several_inputs.py). To weigh
# outputs against each other, see [several
# objectives](multiple_objectives.py).
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
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="sparse_categorical_crossentropy", **settings)
    return model


for settings in (
    {"metrics": [confidence]},
    {"metrics": ["acc"]},
    {"metrics": [keras.metrics.SparseCategoricalAccuracy("hits")]},
    {"weighted_metrics": ["accuracy"]},
    {"weighted_metrics": ["accuracy"], "metrics": ["accuracy"]},
):
    print(*names(softmax_regression(**settings), digits))

# %% [markdown]
# Some metrics get a number when a second one is made in the same process.
# Keras Tuner clears the names before each trial, so within a search they
# stay as they are. A model that you build yourself may have the number.


# %%
def build_model(hp):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(hp.Choice("units", [16, 32])),
            keras.layers.Dense(3, activation="sigmoid"),
        ]
    )
    auc = keras.metrics.AUC()
    model.compile(loss="binary_crossentropy", metrics=[auc])
    return model


tuner = kt.GridSearch(
    build_model,
    objective=kt.Objective("val_auc", "max"),
    seed=1,
    directory="searches",
    project_name="objectives_auc",
    overwrite=True,
)
tuner.search(*validation, validation_data=validation, verbose=0)
for trial in tuner.oracle.trials.values():
    print("in a trial:      ", *trial.metrics.metrics)
    assert trial.status == "COMPLETED"
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
# A penalty is part of the loss, and so of `val_loss`. Tune the penalty
# by `val_loss`, and none wins, whether it helps or not. A metric leaves
# it out. Few images and three penalties:


# %%
def penalised(hp):
    penalty = keras.regularizers.L2(
        hp.Choice("penalty", [0.0, 0.001, 0.01])
    )
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(64, "relu", kernel_regularizer=penalty),
        keras.layers.Dense(10, "softmax", kernel_regularizer=penalty),
    ]
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=[
            keras.metrics.SparseCategoricalCrossentropy("entropy")
        ],
        run_eagerly=True,
    )
    return model


# %%
best = {}
for name in ("val_loss", "val_entropy"):
    keras.utils.set_random_seed(1)
    tuner = kt.GridSearch(
        penalised,
        objective=kt.Objective(name, "min"),
        seed=1,
        directory="searches",
        project_name=f"objectives_{name}",
        overwrite=True,
    )
    tuner.search(
        *(part[:60] for part in images.train),
        validation_data=images.validation,
        validation_batch_size=1000,
        epochs=15,
        batch_size=60,
        verbose=0,
    )
    trials = trials_table(tuner).set_index("penalty")
    best[name] = trials[name].sort_index()
table = pd.DataFrame(best)
display(table.round(3))
print("best penalty:", table.idxmin().to_dict())
assert table["val_loss"].idxmin() == 0
assert table["val_loss"].is_monotonic_increasing

# %% [markdown]
# The two columns are the same networks, measured twice. Without the
# penalty they differ by little, and three trials don't rank them; with
# it the order is that of the penalties.
#
# The same trap: a tuned `loss_weights`, which
# [several inputs](several_inputs.py#why-not-val_loss) shows, the choice
# between two losses, label smoothing, the weight of a
# [VAE's second term](subclassed_models.py#a-variational-autoencoder).
# Search by a metric that has none of it.
#
# `class_weight` is not such a case, it reaches the training loss alone,
# and so no score. Where rare classes are to count in the score as well,
# give weights with the validation data, and the metric in
# `weighted_metrics`: [rare
# classes](../your_data/pictures.py#rare-classes).
#
# ## When the name is not there
#
# A trial trains first and fails afterwards, with the name and no more.


# %%
def message(build, objective, *data, **more):
    """Search one trial; return the last line of what it failed with."""
    tuner = kt.RandomSearch(
        lambda hp: build(),
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
    assert trial.status == "FAILED"
    return trial.message.strip().splitlines()[-1]


# %%
accuracy = kt.Objective("val_accuracy", "max")
acc = message(
    lambda: softmax_regression(metrics=["acc"]),
    accuracy,
    *images.validation,
    validation_data=images.validation,
)
print(f'metrics=["acc"]:    {acc}')
no_data = message(
    lambda: softmax_regression(metrics=["accuracy"]),
    accuracy,
    *images.validation,
)
print(f"no validation_data: {no_data}")
assert acc == no_data == "KeyError: 'val_accuracy'"

# %% [markdown]
# A `HyperModel.fit` that doesn't pass `**kwargs` on loses the validation
# data too.
#
# A name that is there can still hold no number. `F1Score()` without
# `average` reports an array, a value for each label, and arrays have no
# order.


# %%
def f1_of_each_label():
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(3, "sigmoid")]
    )
    f1 = keras.metrics.F1Score(threshold=0.5)
    model.compile(loss="binary_crossentropy", metrics=[f1])
    return model


array = message(
    f1_of_each_label,
    kt.Objective("val_f1_score", "max"),
    *validation,
    validation_data=validation,
)
print(array)
assert "ambiguous" in array

# %% [markdown]
# After three such trials in a row the search raises. A search of one or
# two trials ends as if nothing had happened:
# [failed trials](failed_trials.py).
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
