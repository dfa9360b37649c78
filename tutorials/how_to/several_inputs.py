# %% [markdown] index="several inputs; multiple inputs; two inputs; multi-input; several outputs; multiple outputs; two outputs; multi-output; two losses; loss_weights; dict of inputs; functional model; concatenate; multi-task"
# # Several inputs and outputs
#
# Tune a functional model with several inputs and outputs: data as
# dictionaries, one output as the objective, and cross-validation.
#
# - Name the inputs, return the outputs as a dictionary, and give data
#   as dictionaries with the same keys.
# - An output's losses and metrics carry its name, so the objective does
#   too: `val_top_loss`, `val_progress_mae`.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.load_images import load_images

# %%
import keras
import keras_tuner as kt

x = load_images("digits").train[0]
halves = {"top": x[:, :32], "bottom": x[:, 32:]}


def build(hp):
    inputs = {n: keras.Input((32,), name=n) for n in halves}
    both = keras.ops.hstack([*inputs.values()])
    outputs = {n: keras.layers.Dense(32)(both) for n in halves}
    model = keras.Model(inputs, outputs)
    model.compile(hp.Choice("optimizer", ["adam", "sgd"]), "mse")
    return model


goal = kt.Objective("val_top_loss", "min")
tuner = kt.RandomSearch(build, goal, 2, seed=1, directory="searches/io")
tuner.search(halves, halves, validation_split=0.2, verbose=0)
tuner.results_summary()

# %%
import numpy as np
import pandas as pd
import tensorflow as tf
from IPython.display import display
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Data as dictionaries
#
# Two inputs of people with diabetes: age, sex and body mass, and six
# values of the blood. Two outputs: how far the disease went within a
# year, and whether blood pressure was high.

# %% open=true
table, progress = load_diabetes(
    return_X_y=True, as_frame=True, scaled=False
)
inputs = {
    "person": table[["age", "sex", "bmi"]].to_numpy("float32"),
    "blood": table.loc[:, "s1":"s6"].to_numpy("float32"),
}
outputs = {
    "progress": progress.to_numpy("float32") / 100,
    "pressure": (table["bp"] > 100).to_numpy("float32"),
}
for name, values in (inputs | outputs).items():
    print(name, values.shape, "mean", values.mean().round(2))


# %%
def rows_of(numbers, data):
    return keras.tree.map_structure(lambda part: part[numbers], data)


order = np.random.default_rng(1).permutation(len(table))
train = rows_of(order[:330], (inputs, outputs))
validation = rows_of(order[330:], (inputs, outputs))

# %% [markdown]
# ## The model
#
# Each input has its own scaling, learned in `fit`. Both outputs share a
# hidden layer, and the weight of the second loss is tuned.


# %%
def network(units):
    person = keras.Input((3,), name="person")
    blood = keras.Input((6,), name="blood")
    scaled = [
        keras.layers.Normalization(name="person_scaled")(person),
        keras.layers.Normalization(name="blood_scaled")(blood),
    ]
    hidden = keras.layers.Concatenate()(scaled)
    hidden = keras.layers.Dense(units, activation="relu")(hidden)
    progress = keras.layers.Dense(1, name="progress")(hidden)
    pressure = keras.layers.Dense(1, "sigmoid", name="pressure")(hidden)
    return keras.Model(
        {"person": person, "blood": blood},
        {"progress": progress, "pressure": pressure},
    )


# %%
def build(hp):
    model = network(hp.Int("units", 8, 32, step=8))
    weight = hp.Float("pressure_weight", 0.01, 10.0, sampling="log")
    rate = hp.Float("learning_rate", 3e-3, 1e-1, sampling="log")
    model.compile(
        keras.optimizers.Adam(rate),
        loss={"progress": "mse", "pressure": "binary_crossentropy"},
        loss_weights={"progress": 1, "pressure": weight},
        metrics={"progress": ["mae"], "pressure": ["accuracy"]},
        run_eagerly=True,  # tracing takes longer than a few steps
    )
    model.optimizer.build(model.trainable_variables)
    return model


# %%
class TwoInputsTwoOutputs(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, *args, **kwargs):
        for name, values in x.items():
            model.get_layer(f"{name}_scaled").adapt(values)
        return model.fit(x, *args, batch_size=110, **kwargs)


# %% [markdown]
# ## The name of the objective
#
# One epoch, and the keys to choose from:

# %%
hypermodel, hp = TwoInputsTwoOutputs(), kt.HyperParameters()
given = {"validation_data": validation, "verbose": 0}
given["validation_batch_size"] = len(table)
model = hypermodel.build(hp)
history = hypermodel.fit(hp, model, *train, **given).history
names = [name for name in history if name.startswith("val_")]
print(*names, sep="\n")
assert {"val_progress_mae", "val_pressure_accuracy"} < {*names}

# %% [markdown]
# The names begin with the keys of the output dictionary. For a list of
# outputs they begin with the layers' names, and an unnamed layer is
# `dense_1` in one model and `dense_4` in the next.
#
# ## Search
#
# By the error of `progress`. For `pressure`, take
# `kt.Objective("val_pressure_accuracy", "max")`.

# %%
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_progress_mae", "min"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="several_inputs",
    overwrite=True,
)
tuner.search(*train, epochs=4, **given)

# %%
from snippets.results.trials_table import trials_table

# %%
trials = trials_table(tuner)
for metric in ("val_pressure_accuracy", "val_loss"):
    trials[metric] = [
        tuner.oracle.trials[str(number)].metrics.get_best_value(metric)
        for number in trials.index
    ]
display(trials.drop(columns="status").round(3))

# %% [markdown]
# The other numbers are from the best epoch of `progress`.
#
# ## Why not `val_loss`
#
# The same network with two weights of the second loss:

# %%
rows = {}
hp = tuner.get_best_hyperparameters()[0].copy()
for weight in (0.1, 10.0):
    keras.utils.set_random_seed(1)
    hp.values["pressure_weight"] = weight
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, *train, epochs=3, **given)
    rows[weight] = {name: history.history[name][-1] for name in names}
compared = pd.DataFrame(rows).T.rename_axis("pressure_weight")
display(compared.round(3))
assert compared["val_loss"].is_monotonic_increasing

# %% [markdown]
# The loss grows with the weight itself, so compare the outputs'
# metrics. If both outputs count, weigh them in one number of your own,
# with weights that are not tuned, or [look at
# both](multiple_objectives.py).
#
# ## A dataset of dictionaries
#
# A `tf.data.Dataset` takes the same pair. To tune its batch size,
# [batch in `fit`](data_pipelines.py#tune-the-batch-size).

# %%
dataset = tf.data.Dataset.from_tensor_slices(train)
dataset = dataset.shuffle(330, seed=1).batch(110)
x_part, y_part = next(iter(dataset))
print({name: tuple(part.shape) for name, part in x_part.items()})
history = model.fit(dataset, shuffle=False, **given)
assert "val_progress_mae" in history.history

# %% [markdown]
# ## A name that is missing
#
# The names in the data must be those of the model:

# %%
try:
    model.fit({"person": train[0]["person"]}, train[1], verbose=0)
except (KeyError, ValueError) as error:
    print(f"{type(error).__name__}: {str(error).splitlines()[0]}")

# %% [markdown]
# ## Cross-validate
#
# [The tuner for folds](cross_validation.py#the-tuner) splits every
# array of the dictionaries alike. A splitter that looks at labels, such
# as `StratifiedKFold`, gets none where there are two outputs.

# %%
from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)

# %%
oracle = kt.oracles.RandomSearchOracle(
    kt.Objective("val_progress_mae", "min"), max_trials=2, seed=1
)
folded = CrossValidationTuner(
    oracle,
    TwoInputsTwoOutputs(),
    cv=KFold(2, shuffle=True, random_state=1),
    directory="searches",
    project_name="several_inputs_folds",
    overwrite=True,
)
whole = {"validation_batch_size": len(table), "verbose": 0}
folded.search(inputs, outputs, epochs=2, **whole)

# %%
trials = folded.oracle.get_best_trials(2)
scores = {t.trial_id: folded.fold_scores(t) for t in trials}
folds = [f"fold {number}" for number in (1, 2)]
scores = pd.DataFrame(scores, folds).T.rename_axis("trial")
display(scores.assign(mean=scores.mean(axis=1)).round(3))

# %% [markdown]
# ## Predict
#
# A prediction is a dictionary too:

# %%
model = tuner.get_best_models()[0]
row = rows_of(slice(0, 1), inputs)
predicted = model.predict(row, verbose=0)
for name, values in predicted.items():
    print(name, values.shape, values.item())

# %% [markdown]
# ## What this page did not show
#
# - A picture beside a table: it is one more entry, with its own layers
#   before `Concatenate`.
# - Text columns and missing cells: [a table](../your_data/table.py).
# - Whether a common network helps: tune one for each output as well.
# - Sample weights for each output, which `fit` takes as a dictionary.
