# %% [markdown] index="text files; text classification; sentiment; strings; TextVectorization; text column; nlp; folder of texts; bag of words; documents; word sequence; spam filter; classify tweets; positive and negative reviews; tokenizer; max_tokens"
# # Texts
#
# From texts, in files or in a column of a table, to a tuned Keras model
# that takes raw texts, in words or in characters.
#
# [The composer](../../your_data/index.md?kind=texts&resume=1) writes the two programs
# for your texts. This page explains them. Is a docstring of Keras about an
# operation or about a layer?

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.text_model import TextModel

# %%
import keras
import keras_tuner as kt
import tensorflow as tf

layers = {t.__doc__ or "": 0 for t in vars(keras.layers).values()}
ops = {t.__doc__ or "": 0 for t in vars(keras.ops).values()}
texts = [t for pair in zip(ops, layers, strict=False) for t in pair]
x, y = tf.constant(texts), tf.range(len(texts)) % 2
model = TextModel(texts[60:], classes=2)  # not of those that validate
goal = kt.Objective("val_accuracy", "max")
where = {"directory": "searches", "project_name": "texts_opening"}
tuner = kt.RandomSearch(model, goal, max_trials=2, seed=1, **where)
check = {"validation_data": (x[:60], y[:60]), "verbose": 0}
tuner.search(x[60:], y[60:], **check)
print("Better of two:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# `TextModel` learns two vocabularies: words, and characters by threes, for
# languages without spaces and words that vary. Which of them to read is a
# hyperparameter.

# %%
import contextlib
import inspect
import json
import runpy
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.linear_model import LogisticRegression

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Texts in files
#
# A folder for each class, a file for each text, here the first sentence of
# a docstring. (Texts in a table take one line, `read_table(path)["text"]`,
# and labels from another column.)

# %%
from snippets.data.files_by_class import files_by_class

# %%
folder = Path("searches", "texts", "data")
parts = {"layer": keras.layers, "op": keras.ops, "frame": pd.DataFrame}
for name, part in parts.items():
    (folder / name).mkdir(parents=True, exist_ok=True)
    for key, thing in vars(part).items():
        text = (inspect.getdoc(thing) or "").split("\n\n")[0]
        if callable(thing) and len(text) > 20:
            (folder / name / f"{key}.txt").write_text(text, "utf-8")
found = files_by_class(folder, suffixes=[".txt"])
print("texts by class:", found["name"].value_counts().to_dict())

# %%
texts = np.array([path.read_text("utf-8") for path in found["path"]])
labels, names = pd.factorize(found["name"], sort=True)
print("one of them:", texts[0])

# %% [markdown]
# ## Split them
#
# A text that occurs twice stays in one part; otherwise the test would ask
# for texts that the training has shown.

# %%
from snippets.data.split_rows import split_rows

# %%
train, validation, closed = split_rows(labels, texts)
print(f"{len(train)}, {len(validation)}, and {len(closed)} kept closed")


# %%
def take(rows):
    """Return texts, as Keras takes them, and labels by number."""
    return tf.constant(list(texts[rows])), labels[rows]


# %% [markdown]
# ## Search
#
# The vocabularies come from the training texts alone.

# %%
hypermodel = TextModel(texts[train], classes=len(names))
x, y = take(train)
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="texts",
    overwrite=True,
)
options = {"validation_data": take(validation), "verbose": 0}
options["validation_batch_size"] = 1000  # fewer steps
tuner.search(x, y, epochs=10, **options)

# %%
from snippets.results.trials_table import trials_table

# %%
display(trials_table(tuner).drop(columns="status").round(4))

# %% [markdown]
# The untuned model gets three times a trial's epochs.

# %%
untuned = kt.HyperParameters()
keras.utils.set_random_seed(1)
model = hypermodel.build(untuned)
history = hypermodel.fit(
    untuned, model, x, y, epochs=30, **options
).history["val_accuracy"]
best = tuner.oracle.get_best_trials()[0]
print(f"tuned:   {best.score:.4f} after {best.best_step + 1} epochs")
print(f"untuned: {max(history):.4f} after {np.argmax(history) + 1}")

# %% [markdown]
# ## Train again, and save
#
# The better one in validation trains on all texts that are not kept
# closed. (The composer's program compares both on the test set.)

# %%
name, hp, epochs = "tuned", best.hyperparameters, best.best_step + 1
if max(history) > best.score:
    name, hp, epochs = "untuned", untuned, int(np.argmax(history)) + 1
keras.utils.set_random_seed(1)
model = hypermodel.build(hp)
learned = np.concatenate([train, validation])
hypermodel.fit(hp, model, *take(learned), epochs=epochs, verbose=0)
print(f"kept: {name}, trained for {epochs} epochs")
file = folder.parent / "model.keras"
model.save(file)
with zipfile.ZipFile(file, "a") as archive:
    archive.writestr("about.json", json.dumps({"names": list(names)}))


# %% [markdown]
# ## Predict in another program
#
# `python predict.py TEXT` needs only the model's file. `runpy` runs it here.


# %%
def predict(texts):
    """Print the class of each text, and how probable it is."""
    model = keras.models.load_model("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        names = json.loads(archive.read("about.json"))["names"]
    for row in model.predict(tf.constant(texts), verbose=0):
        print(names[row.argmax()], f"{row.max():.3f}")


# %%
imports = "import json, sys, zipfile, keras, tensorflow as tf\n"
source = inspect.getsource(predict)
(folder.parent / "predict.py").write_text(
    f"{imports}\n\n{source}\n\npredict(sys.argv[1:])\n", "utf-8"
)
new = ["Return a new DataFrame without duplicated rows.", ""]
sys.argv = ["predict.py", *new]
with contextlib.chdir(folder.parent):
    runpy.run_path("predict.py")

# %% [markdown]
# An empty text gets an answer too: the class that the model falls back on.
#
# ## One look at the test set
#
# On short texts a network has to beat a logistic regression on words.

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test = take(closed)
words = keras.layers.TextVectorization(output_mode="multi_hot")
words.adapt(x)
regression = LogisticRegression(max_iter=1000)
regression.fit(words(take(learned)[0]).numpy(), labels[learned])
guesses = {
    "most frequent": np.bincount(y).argmax(),
    "logistic regression": regression.predict(words(x_test).numpy()),
    name: model.predict(x_test, verbose=0).argmax(axis=1),
}

# %%
right = {name: guess == y_test for name, guess in guesses.items()}
compared = compare_runs(right, "logistic regression", paired=True)
print(f"accuracy on {len(y_test)} texts, with 95 % intervals:")
compared = compared.rename_axis("model").drop(columns=["runs", "p"])
display(compared.round(3))

# %% [markdown]
# If the regression is level or ahead, take it: it trains in a second.
#
# ## What this page did not show
#
# - A pretrained language model, on few texts worth more than any search.
# - The order of words: the embedding is averaged over the text. Layers that
#   read in order are in [A series](series.py).
# - Near copies, such as one notice with two dates: give `split_rows` what
#   they have in common.
