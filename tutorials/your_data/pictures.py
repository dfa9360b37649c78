# %% [markdown] index="image folder; folder of images; colour images; image classification; pictures; unbalanced classes; class_weight; jpeg; png; imbalanced; photos; different sizes; balanced class weights; cats and dogs; flow_from_directory; image_dataset_from_directory"
# # Pictures in folders
#
# From a folder of colour pictures, one folder a class, to a tuned Keras
# model that takes pictures of any size and says what is on them.
#
# [The composer](../../your_data/index.md?kind=pictures&resume=1) writes the two
# programs for your folder. This page explains them.
#
# The model takes arrays of shape (pictures, height, width, 3), from 0 to
# 255 as files hold them. Here are digits, enlarged:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.models.picture_model import PictureModel

# %%
import keras_tuner as kt
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).repeat(2, 1).repeat(2, 2).repeat(3, 3) * 15
tuner = kt.RandomSearch(
    PictureModel(size=16, classes=10),
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    seed=1,
    directory="searches",
    project_name="pictures_opening",
)
tuner.search(x[:300], y[:300], validation_split=0.2, verbose=0)
print("Better of two:", tuner.get_best_hyperparameters()[0].values)

# %% [markdown]
# The model's layers scale pictures, and in training move them at random.

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
from PIL import Image

keras.utils.set_random_seed(1)

# %% [markdown]
# ## A folder
#
# Two photographs by Daniel Büchele, which scikit-learn ships, cut into
# small pieces of unequal size: six classes, some rare.

# %%
from sklearn.datasets import load_sample_images

images = load_sample_images().images
pieces = {  # photograph, left, top, right, bottom
    "leaves": (1, 0, 60, 150, 420),
    "pavilion": (0, 110, 110, 310, 330),
    "petals": (1, 215, 130, 400, 310),
    "sky": (0, 360, 10, 630, 180),
    "trees": (0, 340, 330, 560, 420),
    "water": (0, 360, 245, 540, 300),
}

# %%
folder = Path("searches", "pictures")
random = np.random.default_rng(1)
for name, (image, left, top, right, bottom) in pieces.items():
    (folder / "data" / name).mkdir(parents=True, exist_ok=True)
    for x in range(left, right - 20, 20):
        for y in range(top, bottom - 20, 20):
            high, wide = random.integers(12, 20, size=2)
            piece = images[image][y : y + high, x : x + wide]
            file = folder / "data" / name / f"{x}_{y}.png"
            Image.fromarray(piece).save(file)

# %% [markdown]
# From here on, any folder of folders will do. Sixteen pixels a side are
# enough for such pieces, photographs start at 32 or 64.

# %% open=true
from snippets.data.files_by_class import files_by_class

# %%
from snippets.data.read_pictures import read_pictures

# %%
found = files_by_class(folder / "data")
pictures = read_pictures(found["path"], size=16)
labels, names = pd.factorize(found["name"], sort=True)
print("pictures by class:", found["name"].value_counts().to_dict())

# %% alt="One small square piece of each class: leaves, pavilion, petals, sky, trees and water." caption="Pieces of any size become squares of one size." figure="photographs"
figure, axes = plt.subplots(
    1, len(names), figsize=(7, 1.6), facecolor="white"
)
for number, axis in enumerate(axes):
    axis.imshow(pictures[labels == number][0])
    axis.set_title(names[number], fontsize=9)
    axis.set_axis_off()
plt.show()

# %% [markdown]
# ## Split it
#
# Each class is spread alike, and pictures that look the same stay in one
# part. Those of one patient or one second of film must stay together too:
# give `split_rows` the patient in place of `same`.

# %%
from snippets.data.split_rows import split_rows

# %%
same = [hash(picture.tobytes()) for picture in pictures]
train, validation, closed = split_rows(labels, same)
print(f"{len(train)}, {len(validation)}, and {len(closed)} kept closed")

# %% [markdown]
# ## Rare classes
#
# Unequal classes make accuracy look good where rare ones are never found.
# With weights, each class counts alike in the loss and, if the validation
# data have them, in the score that chooses.


# %%
from sklearn.utils.class_weight import compute_sample_weight


# %%
def take(rows):
    """Return pictures, labels and weights by number."""
    weights = compute_sample_weight("balanced", labels[rows])
    return pictures[rows], labels[rows], weights


# %% [markdown]
# ## Search

# %%
hypermodel = PictureModel(size=16, classes=len(names))
tuner = kt.RandomSearch(
    hypermodel,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=3,
    seed=1,
    directory="searches",
    project_name="pictures",
    overwrite=True,
)

# %%
x, y, weights = take(train)
options = {"validation_data": take(validation), "verbose": 0}
options["sample_weight"] = weights
options["validation_batch_size"] = 1000  # fewer steps
tuner.search(x, y, epochs=6, **options)

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
    untuned, model, x, y, epochs=18, **options
).history["val_accuracy"]
best = tuner.oracle.get_best_trials()[0]
print(f"tuned:   {best.score:.4f} after {best.best_step + 1} epochs")
print(f"untuned: {max(history):.4f} after {np.argmax(history) + 1}")

# %% [markdown]
# Trials as short as here rank by how fast they learn, and the untuned model
# may end ahead. If so, give more epochs before more trials.
#
# ## Train again, and save


# %%
def train_again(hp, epochs):
    """Return a new model, trained on all pictures not kept closed."""
    keras.utils.set_random_seed(1)
    model = hypermodel.build(hp)
    x, y, weights = take(np.concatenate([train, validation]))
    hypermodel.fit(
        hp, model, x, y, sample_weight=weights, epochs=epochs, verbose=0
    )
    return model


# %%
models = {
    "untuned": train_again(untuned, int(np.argmax(history)) + 1),
    "tuned": train_again(best.hyperparameters, best.best_step + 1),
}
kept = "tuned" if best.score >= max(history) else "untuned"
print("kept, as the validation data say:", kept)
file = folder / "model.keras"
models[kept].save(file)
with zipfile.ZipFile(file, "a") as archive:
    about = {"names": list(names), "size": 16}
    archive.writestr("about.json", json.dumps(about))


# %% [markdown]
# ## Predict in another program
#
# `python predict.py PICTURE` needs only the model's file. `runpy` runs it
# here.


# %%
def predict(paths):
    """Print what is on each picture, and how probable it is."""
    model = keras.models.load_model("model.keras")
    with zipfile.ZipFile("model.keras") as archive:
        about = json.loads(archive.read("about.json"))
    pictures = read_pictures(paths, about["size"])
    for row in model.predict(pictures, verbose=0):
        print(about["names"][row.argmax()], f"{row.max():.3f}")


# %%
imports = "import json, sys, zipfile, keras, numpy as np\n"
imports += "from PIL import Image, ImageOps\n"
source = "\n\n".join(map(inspect.getsource, (read_pictures, predict)))
(folder / "predict.py").write_text(
    f"{imports}\n\n{source}\n\npredict(sys.argv[1:])\n", "utf-8"
)
tall = Image.fromarray(images[1][130:230, 280:330])
tall.convert("L").save(folder / "gray_and_tall.jpg")

# %%
sys.argv = ["predict.py", "gray_and_tall.jpg"]
with contextlib.chdir(folder):
    runpy.run_path("predict.py")

# %% [markdown]
# ## One look at the test set

# %%
from snippets.results.compare_runs import compare_runs

# %%
x_test, y_test, _ = take(closed)
right = {"most frequent": y_test == np.bincount(y).argmax()}
for name, model in models.items():
    guess = model.predict(x_test, verbose=0).argmax(axis=1)
    right[name] = guess == y_test
compared = compare_runs(right, reference="untuned", paired=True)
print(f"accuracy on {len(y_test)} pictures, with 95 % intervals:")
compared = compared.rename_axis("model").drop(columns=["runs", "p"])
display(compared.round(3))

# %% [markdown]
# How much of each class the tuned model finds, which a single accuracy
# hides:

# %%
found_of = {
    name: right["tuned"][y_test == number]
    for number, name in enumerate(names)
}
found_of = compare_runs(found_of).rename(columns={"runs": "pictures"})
display(found_of.rename_axis("class").round(3))

# %% [markdown]
# A few pictures of a rare class say almost nothing. All pieces come from
# two photographs, so these numbers hold for no third one.
#
# ## What this page did not show
#
# - [A pretrained
#   network](../how_to/part_of_a_model.py#a-network-of-kerasapplications):
#   for photographs of things it is worth more than any search.
# - Larger pictures: twice the side costs about four times as much.
# - More pictures than fit into memory: [data
#   pipelines](../how_to/data_pipelines.py).
