# %% [markdown] index="conditional_scope; name_scope; parent_name; tune the number of layers; inactive hyperparameters; num_layers; units_2; listed; choose the optimizer; tune optimizer; optimizer as a hyperparameter; nested conditions; depends on another hyperparameter; range that depends; only if; only where another is used"
# # Conditional spaces
#
# Declare a [conditional
# hyperparameter](../../reference/glossary.md#conditional-hyperparameter),
# which exists only where another has a certain value, so that no trial
# varies what its model ignores.
#
# Put it in a `conditional_scope` with its parent's name and the values
# for which it exists. Without one the models are the same, but the first
# trial with three layers gives every later trial a `units_2`, listed and
# counted as different even if it has one layer.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import keras
import keras_tuner as kt


def build(hp, loss="sparse_categorical_crossentropy"):
    model = keras.Sequential([keras.Input((64,))])
    for layer in range(hp.Int("layers", 1, 3, default=3)):
        # It exists in models of this many layers or more.
        with hp.conditional_scope("layers", [1, 2, 3][layer:]):
            units = hp.Choice(f"units_{layer}", [16, 64])
        model.add(keras.layers.Dense(units, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", loss, metrics=["accuracy"])
    return model


goal = kt.Objective("val_accuracy", "max")
tuner = kt.RandomSearch(build, goal, seed=1, directory="searches/scope")
tuner.search_space_summary()

# %%
import contextlib
import io

import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# `conditions` says where each exists. `default=3` lets the first `build`
# meet all of them.
#
# ## A loop over layers
#
# With and without a scope, where nothing is trained:


# %%
class Layers(kt.HyperModel):
    def __init__(self, scoped):
        super().__init__()
        self.scoped = scoped

    def build(self, hp):
        model = keras.Sequential([keras.Input((64,))])
        for layer in range(hp.Int("layers", 1, 3)):
            scope = hp.conditional_scope("layers", [1, 2, 3][layer:])
            with scope if self.scoped else contextlib.nullcontext():
                units = hp.Choice(f"units_{layer}", [16, 64])
            model.add(keras.layers.Dense(units))
        return model

    def fit(self, hp, model, **kwargs):
        return model.count_params()


# %%
from snippets.results.trials_table import trials_table


# %%
def searched(hypermodel, name, max_trials, **arguments):
    """Return the tuner of a search that needs no data."""
    tuner = kt.RandomSearch(
        hypermodel,
        max_trials=max_trials,
        seed=1,
        directory="searches",
        project_name=f"conditional_spaces_{name}",
        overwrite=True,
        **arguments,
    )
    tuner.search(verbose=0)
    return tuner


# %%
columns = ["layers", "units_0", "units_1", "units_2"]
tables = {}
for name, scoped in (("plain loop", False), ("in a scope", True)):
    tuner = searched(Layers(scoped), f"layers_{scoped}", 14)
    tables[name] = trials_table(tuner).sort_index()[columns]
shown = pd.concat(tables, axis=1).head(8).astype("Int64")
shown.columns = [f"{name}: {column}" for name, column in shown]
display(shown.astype(object).where(shown.notna(), ""))

# %%
for name, table in tables.items():
    built = [
        tuple(row[columns[1 : 1 + int(row["layers"])]])
        for _, row in table.iterrows()
    ]
    repeated = len(built) - len(set(built))
    print(f"{name}: {len(built)} trials, {repeated} repeat a network")
assert not repeated  # in a scope

# %% [markdown]
# `RandomSearch` and `GridSearch` never try the same values twice, but
# count a `units_2` that no layer uses as a difference. With the scope,
# each of the fourteen networks has one trial.
#
# ## One optimizer or another
#
# Each optimizer needs its own range of learning rates. The scope
# registers what is drawn; the `if` decides what is built.


# %%
def optimizer_of(hp):
    name = hp.Choice("optimizer", ["adam", "sgd"])
    with hp.conditional_scope("optimizer", ["adam"]):
        if name == "adam":
            rate = hp.Float("adam_rate", 1e-4, 1e-2, sampling="log")
            optimizer = keras.optimizers.Adam(rate)
    with hp.conditional_scope("optimizer", ["sgd"]):
        if name == "sgd":
            rate = hp.Float("sgd_rate", 1e-2, 1.0, sampling="log")
            momentum = hp.Float("momentum", 0.0, 0.9)
            optimizer = keras.optimizers.SGD(rate, momentum)
    return optimizer


# %%
def either_optimizer(hp, loss="sparse_categorical_crossentropy"):
    outputs = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((64,)), outputs])
    model.compile(optimizer_of(hp), loss, metrics=["accuracy"])
    return model


# %%
from snippets.data.load_images import load_images

# %%
images = load_images("digits")
names = {"directory": "searches", "project_name": "either_optimizer"}
names |= {"seed": 1, "overwrite": True}
tuner = kt.RandomSearch(either_optimizer, goal, max_trials=5, **names)
data = {"validation_data": images.validation, "verbose": 0}
tuner.search(*images.train, **data)
table = trials_table(tuner).drop(columns=["status", "best_step"])
display(table.round(4).astype(object).where(table.notna(), ""))

# %% [markdown]
# A gap is a hyperparameter that the trial lacks. `get` refuses it, so ask
# first:

# %%
number = table.index[table["optimizer"] == "adam"][0]
hp = tuner.oracle.get_trial(str(number)).hyperparameters
print("momentum is active:", "momentum" in hp)
try:
    hp.get("momentum")
except ValueError as error:
    print(f"ValueError: {error}")

# %% [markdown]
# ## Outside its scope it is None
#
# The code under a scope runs in every trial, hence the `if`. A single
# hyperparameter can take `parent_name` instead.

# %%
hp = kt.HyperParameters()
hp.Choice("optimizer", ["adam", "sgd"])  # adam, being the default
with hp.conditional_scope("optimizer", ["sgd"]):
    momentum = hp.Float("momentum", 0.0, 0.9)
nesterov = hp.Boolean(
    "nesterov", parent_name="optimizer", parent_values=["sgd"]
)
print("momentum:", momentum, "- nesterov:", nesterov)
assert momentum is None and nesterov is None

# %% [markdown]
# ## Return after the last scope
#
# To learn the whole space, the tuner first calls `build` for each scope
# it has met. A `return` inside one hides the next until a trial gets
# there, and that trial takes the defaults.


# %%
def returns_early(hp):
    name = hp.Choice("optimizer", ["adam", "sgd"])
    model = keras.Sequential([keras.Input((1,))])
    with hp.conditional_scope("optimizer", ["adam"]):
        if name == "adam":
            hp.Float("adam_rate", 1e-4, 1e-2, sampling="log")
            return model  # too early: the next scope is not met
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("sgd_rate", 1e-2, 1.0, sampling="log")
    return model


# %%
for build in (either_optimizer, returns_early):
    folder = f"searches/{build.__name__}"
    tuner = kt.RandomSearch(build, goal, seed=1, directory=folder)
    names = [entry.name for entry in tuner.oracle.get_space().space]
    print("known before the search:", names)
    assert ("sgd_rate" in names) == (build is either_optimizer)

# %% [markdown]
# ## One name, one scope
#
# Keras Tuner accepts one name in two scopes, and loses values:


# %%
class OneName(kt.HyperModel):
    def build(self, hp):
        name = hp.Choice("optimizer", ["adam", "sgd"])
        with hp.conditional_scope("optimizer", ["adam"]):
            if name == "adam":
                hp.Float("rate", 1e-4, 1e-2, sampling="log")
        with hp.conditional_scope("optimizer", ["sgd"]):
            if name == "sgd":
                hp.Float("rate", 1e-2, 1.0, sampling="log")
        return keras.Sequential([keras.Input((1,))])

    def fit(self, hp, model, **kwargs):
        return hp.get("rate")


# %%
options = {"max_consecutive_failed_trials": 9}
with contextlib.redirect_stderr(io.StringIO()) as tracebacks:
    tuner = searched(OneName(), "one_name", 8, **options)
table = trials_table(tuner)
print(tracebacks.getvalue().splitlines()[-1])
display(pd.crosstab(table["optimizer"], table["status"]))
failed = table["status"] == "FAILED"
assert (failed == (table["optimizer"] == "adam")).all()

# %% [markdown]
# Every trial of the first optimizer fails, and a search that tolerates
# failures reports the other as the best. Where two blocks each have
# `units`, use `name_scope`. Without a scope, a second declaration returns
# the first one's value, and its own range is ignored.

# %%
hp = kt.HyperParameters()
for block in ("encoder", "decoder"):
    with hp.name_scope(block):
        hp.Int("units", 16, 64, step=16)
print("names:", list(hp.values))
first, second = hp.Int("units", 16, 64), hp.Int("units", 100, 200)
print("first declaration:", first, "- second:", second)

# %% [markdown]
# ## A condition within a condition
#
# Nest the scopes too. A scope whose parent is inactive raises, as if the
# parent had never been declared:


# %%
def side_by_side(hp):
    hp.Boolean("pool")
    with hp.conditional_scope("pool", [True]):
        hp.Choice("kind", ["max", "mean"])
    with hp.conditional_scope("kind", ["max"]):  # wrong: not nested
        return hp.Int("size", 2, 4)


def nested(hp):
    hp.Boolean("pool")
    with hp.conditional_scope("pool", [True]):
        hp.Choice("kind", ["max", "mean"])
        with hp.conditional_scope("kind", ["max"]):
            return hp.Int("size", 2, 4)


# %%
try:
    side_by_side(kt.HyperParameters())  # "pool" is False, its default
except ValueError as error:
    print("side by side:", error)
print("nested:", nested(kt.HyperParameters()))

# %% [markdown]
# ## A range that depends on another hyperparameter
#
# `hp.Int("second", 4, first)` keeps the range of its first build, with
# the default of `first`: here no second layer is ever wider than 16, and
# nothing fails. Draw a ratio instead.


# %%
class TwoWidths(kt.HyperModel):
    def __init__(self, ratio):
        super().__init__()
        self.ratio = ratio

    def build(self, hp):
        first = hp.Choice("first", [16, 64])
        if self.ratio:
            second = round(first * hp.Float("ratio", 0.25, 1.0))
        else:
            second = hp.Int("second", 4, first)  # wrong: 16 for ever
        widths = [keras.Input((64,)), keras.layers.Dense(first)]
        return keras.Sequential([*widths, keras.layers.Dense(second)])

    def fit(self, hp, model, **kwargs):
        return model.layers[-1].units


# %%
for ratio in (False, True):
    tuner = searched(TwoWidths(ratio), f"ratio_{ratio}", 12)
    trials = trials_table(tuner)
    wide = trials.loc[trials["first"] == 64, "default_objective"]
    print(f"ratio={ratio}: {wide.min():.0f} to {wide.max():.0f}, of 64")
    assert (wide.max() > 16) == ratio

# %% [markdown]
# ## What this page did not show
#
# - Bayesian optimisation, whose model fills the gaps with defaults.
# - Whether the scope finds better models. What it does is spare repeated
#   trials.
