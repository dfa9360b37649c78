# %% [markdown] index="csv; my own table; categorical columns; missing values; pandas; predict new row; tabular data; data frame; mixed types; one-hot encoding; StringLookup; dataframe; customer churn; house prices; label encoder; mean imputation; decimal comma; semicolon; unknown category"
# # A table
#
# From a CSV file with numbers, categories and missing cells to a tuned
# Keras model that predicts new rows, with its preprocessing inside.
#
# [The composer](../../your_data/index.md?kind=table&resume=1) writes the two
# programs for your file. This page explains them. Is a penguin male or
# female? First from two columns:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.read_table import read_table

# %%
from snippets.data.table_inputs import table_inputs

# %%
from snippets.models.table_model import TableModel

# %%
from importlib.resources import files

import keras_tuner as kt

table = read_table(files("palmerpenguins") / "data/penguins.csv")
table = table[table["sex"] != ""].sample(frac=1, random_state=1)
x = table_inputs(table, {"body_mass_g": None, "bill_depth_mm": None})
y = (table["sex"] == "male").to_numpy(int)
model = TableModel(numbers=2, classes=2)
goal = kt.Objective("val_accuracy", "max")
where = {"directory": "searches", "project_name": "table_opening"}
tuner = kt.RandomSearch(model, goal, max_trials=2, seed=1, **where)
tuner.search(x, y, validation_split=0.2, epochs=2, verbose=0)
print("Better of two:", tuner.get_best_hyperparameters()[0].values)

# %%
import contextlib
import inspect
import json
import runpy
import sys
import zipfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Read it
#
# The cells decide what is a number and what is a category. A file may have
# semicolons and a decimal comma. If nothing tells whether 1.234 is more
# than a thousand, it is refused. Rows without a target
# are dropped.

# %%
display(table.rename_axis("row").head(5))
labels, names = pd.factorize(table.pop("sex"), sort=True)
print(f"{len(labels)} rows; classes: {list(names)}")

# %% [markdown]
# ## Split it
#
# A column that numbers the rows, or is the same in each, teaches nothing
# and would hide which rows are copies.

# %%
from snippets.data.usable_columns import usable_columns

# %%
kept, left_out = usable_columns(table)
print("left out:", left_out or "none")

# %% [markdown]
# Three parts train, choose between trials, and judge once. Copies of a row
# stay in one part, or the test would repeat rows of the training data.

# %% open=true
from snippets.data.split_rows import split_rows

# %%
copies = table.groupby(list(kept), dropna=False, sort=False).ngroup()
train, validation, closed = split_rows(labels, copies)
print(
    f"rows: {len(train)}, {len(validation)}, {len(closed)} kept closed"
)

# %% [markdown]
# The categories are those of the training rows alone.

# %%
columns, _ = usable_columns(table.iloc[train][list(kept)])
for name, kinds in columns.items():
    print(f"{name}: {'numbers' if kinds is None else kinds}")

# %% [markdown]
# ## A model that takes raw rows
#
# The model scales numbers, and has a place for missing ones and for
# categories that the training rows lack.


# %%
def take(rows):
    """Return the inputs and labels of rows by number."""
    return table_inputs(table.iloc[rows], columns), labels[rows]


categories = [f"{c}={v}" for c in columns for v in columns[c] or ()]
texts = sum(kinds is not None for kinds in columns.values())
hypermodel = TableModel(
    numbers=len(columns) - texts,
    categories=categories,
    texts=texts,
    classes=len(names),
)

# %% [markdown]
# ## Search

# %%
x, y = take(train)
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=4,
    seed=1,
    directory="searches",
    project_name="table",
    overwrite=True,
)
options = {"validation_data": take(validation), "verbose": 0}
options["validation_batch_size"] = 1000  # fewer steps
tuner.search(x, y, epochs=8, **options)

# %%
from snippets.results.trials_table import trials_table

# %%
display(trials_table(tuner).drop(columns="status").round(4))

# %%
from snippets.results.trials_plot import trials_plot

# %% alt="Validation accuracy of each trial against hidden layers, units, dropout, learning rate and batch size, a panel each." caption="Four trials show strong effects only." figure="trials"
trials_plot(tuner)
plt.show()

# %% [markdown]
# The best score is the luckiest of four. The untuned model trains three
# times as long.

# %%
untuned = kt.HyperParameters()
model = hypermodel.build(untuned)
history = hypermodel.fit(
    untuned, model, x, y, epochs=24, **options
).history["val_accuracy"]
best = tuner.oracle.get_best_trials()[0]
print(f"tuned:   {best.score:.4f} after {best.best_step + 1} epochs")
print(f"untuned: {max(history):.4f} after {np.argmax(history) + 1}")

# %% [markdown]
# ## Train again
#
# Both train anew, for their best numbers of epochs, on the rows to train
# and to validate.


# %%
def train_again(hp, epochs):
    """Return a new model, trained on all rows that are not closed."""
    keras.utils.set_random_seed(1)
    model = hypermodel.build(hp)
    rows = np.concatenate([train, validation])
    hypermodel.fit(hp, model, *take(rows), epochs=epochs, verbose=0)
    return model


models = {
    "untuned": train_again(untuned, int(np.argmax(history)) + 1),
    "tuned": train_again(best.hyperparameters, best.best_step + 1),
}

# %% [markdown]
# ## Save it, and predict in another program
#
# The model's file also keeps the columns and the names of the classes.

# %%
folder = Path("searches", "table")
kept_model = "tuned" if best.score >= max(history) else "untuned"
print("kept, as the validation data say:", kept_model)
file = folder / "model.keras"
models[kept_model].save(file)
with zipfile.ZipFile(file, "a") as archive:
    about = {"columns": columns, "names": list(names)}
    archive.writestr("about.json", json.dumps(about))


# %%
def predict(path):
    """Print each row's class, and how probable it is."""
    model = keras.models.load_model("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        about = json.loads(archive.read("about.json"))
    columns = about["columns"]
    texts = [name for name in columns if columns[name] is not None]
    table = read_table(path, texts, only=columns)
    inputs = table_inputs(table, columns)
    for row in model.predict(inputs, verbose=0):
        print(about["names"][row.argmax()], f"{row.max():.3f}")


# %% [markdown]
# `python predict.py new.csv` starts a program of these functions. Here
# `runpy` starts it. New rows may have columns in another order, missing
# cells and an unknown island.

# %%
imports = """import json, sys, zipfile
from pathlib import Path
import keras, numpy as np, pandas as pd
import tensorflow as tf
"""
parts = (read_table, table_inputs, predict)
source = "\n\n".join(map(inspect.getsource, parts))
program = f"{imports}\n\n{source}\n\npredict(sys.argv[1])\n"

# %%
(folder / "predict.py").write_text(program, "utf-8")
(folder / "new.csv").write_text(
    "island,species,body_mass_g,bill_length_mm,bill_depth_mm,"
    "flipper_length_mm,year\n"
    "Biscoe,Gentoo,5800,50.1,15.9,228,2009\n"
    "Atlantis,Adelie,,36.2,17.3,187,2009\n",
    "utf-8",
)
sys.argv = ["predict.py", "new.csv"]
with contextlib.chdir(folder):
    runpy.run_path("predict.py")

# %% [markdown]
# ## One look at the test set
#
# The closed rows also judge the guess that needs no model, the more
# frequent class.

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test = take(closed)
right = {"more frequent": y_test == np.bincount(y).argmax()}
for name, model in models.items():
    guess = model.predict(x_test, verbose=0).argmax(axis=1)
    right[name] = guess == y_test
compared = compare_runs(right, reference="untuned", paired=True)
print(f"accuracy on {len(y_test)} rows, with 95 % intervals:")
compared = compared.rename_axis("model").drop(columns=["runs", "p"])
display(compared.round(3))

# %% [markdown]
# If the interval of the difference contains 0, this test set can't tell
# whether the search was worth it. That is the usual result for a small
# table.
#
# ## What this page did not show
#
# - Boosted trees. On many tables they are as good as a network or better:
#   [tune scikit-learn models](../scikit_learn.py).
# - Rows that belong together, such as several of one patient: give
#   `split_rows` the patient in place of `copies`.
# - Dates and free text in columns, which `usable_columns` leaves out: make
#   numbers of a date, and see [Texts](texts.py).
# - A number as the target: `TableModel(classes=None)` and
#   `kt.Objective("val_mae", "min")`, as the
#   [composer](../../your_data/index.md?kind=table&predict=number&resume=1) writes.
