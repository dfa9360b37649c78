# %% [markdown] boost=1.7 index="train, validation and test set; tune on the test set; validation_split; leakage; duplicate rows; GroupShuffleSplit; no validation data; three splits"
# # Train, validation and test when tuning
#
# What each set is for in a search, what goes wrong when one does the
# work of another, and how large each mistake is, measured.
#
# - **Training rows** teach: the weights, and all that preprocessing
#   learns.
# - **Validation rows** choose: the epoch, when to stop, the best trial.
#   Their score is too good, more so after many trials.
# - **Test rows** decide nothing. Used once, they give an honest score, within
#   an [interval](../evidence/how_sure.py#what-to-do-about-it).
#
# By how many points is the score of a search's winner too good? Here the
# truth is known: networks are simulated, and judged by 300 images of each
# set.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import numpy as np
import pandas as pd
from IPython.display import display

rng, rows, search = np.random.default_rng(1), {}, np.arange(4000)
truth = rng.normal(0.9, 0.01, (4000, 256)).clip(max=0.99)
validation, test = rng.binomial(300, truth, (2, *truth.shape)) / 300
for n in (1, 4, 16, 64, 256):
    pick, worn = (s[:, :n].argmax(axis=1) for s in (validation, test))
    rows[n] = {
        "validation, chose": (validation - truth)[search, pick].mean(),
        "test, chose nothing": (test - truth)[search, pick].mean(),
        "test, chose": (test - truth)[search, worn].mean(),
    }
good = 100 * pd.DataFrame(rows).T.rename_axis("trials")
display(good.round(2) + 0)

# %% [markdown]
# A test set that chooses is a validation set, and [each look has its
# price](#what-it-costs-to-look-at-the-test-set). And the more a search
# tries, the more it [overfits](../../reference/glossary.md#overfitting)
# the validation set.
#
# Split once, before anything else looks at the data, and by groups where
# rows belong together:
#
# ```python
# x, x_kept, y, y_kept = train_test_split(
#     x, y, test_size=0.2, stratify=y, random_state=1
# )
# x_train, x_validation, y_train, y_validation = train_test_split(
#     x, y, test_size=0.2, stratify=y, random_state=1
# )
# tuner.search(
#     x_train, y_train, validation_data=(x_validation, y_validation)
# )
# ```

# %%
import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.neighbors import NearestNeighbors

assert all(abs(good["test, chose nothing"]) < 0.2)
assert good["test, chose"].is_monotonic_increasing
keras.utils.set_random_seed(1)

# %% [markdown]
# ## Early stopping is a use, too
#
# Stopping early, choosing the best epoch and waiting for a plateau make
# a validation score less of a forecast. [Recorded
# runs](../../evidence/recorded_curves.md) of all configurations of two
# problems show by how much, without any tuner.

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
problems = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}

# %% [markdown]
# One set may be easier, so everything is done again with the two sets
# exchanged. The mean of both says how much was luck.


# %%
def stopped(curve, patience=3):
    """Return the last epoch of early stopping, and the best."""
    best = 0
    for epoch, score in enumerate(curve):
        if score > curve[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return np.array([epoch, best])


# %%
def epochs_by_rule(seen):
    """Return the epoch that each rule takes, for each run."""
    ends = np.apply_along_axis(stopped, 2, seen)
    return {
        "all epochs, the last": np.full(ends.shape[:2], -1),
        "stopped, the last": ends[..., 0],
        "stopped, the best": ends[..., 1],
        "all epochs, the best": seen.argmax(axis=2),
    }


# %%
luck = {}
for name, curves in problems.items():
    pair, gaps = (curves.validation, curves.test), []
    for seen, judge in (pair, pair[::-1]):
        row, run = np.indices(seen.shape[:2])
        gap = seen - judge
        rules = epochs_by_rule(seen).items()
        gaps.append(
            {rule: gap[row, run, epoch].mean() for rule, epoch in rules}
        )
    luck[name] = 100 * pd.DataFrame(gaps).mean()

# %%
luck = pd.DataFrame(luck).rename_axis("points too good")
display(luck.round(2) + 0)
assert all(luck.loc["stopped, the last"] < 0)
assert all(luck.loc["stopped, the best"] > 0.1)

# %% [markdown]
# The first row chose nothing. Stopping with the best weights chooses
# among the epochs it saw. The last weights come after epochs that looked
# no better. Such epochs tend to be unlucky, so their score is a little
# too low.
#
# Stop early all the same, but report no validation score, not even that
# of a single training.
#
# ## `validation_split` takes the last rows
#
# A model that can only predict zero shows which rows they are: its mean
# absolute error is the mean of the rows' numbers.

# %%
numbers = np.arange(10.0)
layer = keras.layers.Dense(1, kernel_initializer="zeros")
model = keras.Sequential([keras.Input((1,)), layer])
model.compile(keras.optimizers.SGD(0.0), "mean_absolute_error")
history = model.fit(
    numbers[:, None], numbers, validation_split=0.2, verbose=0
).history
print("training:  ", history["loss"], "- rows 0 to 7")
print("validation:", history["val_loss"], "- rows 8 and 9")
assert history == {"loss": [3.5], "val_loss": [8.5]}

# %% [markdown]
# `shuffle=True`, the default, concerns only the training rows. Here are
# digits sorted by label, as files in one folder per class are, and the
# same digits permuted:

# %%
from snippets.models.tabular_classifier import TabularClassifier

# %%
x, y = load_digits(return_X_y=True)
x, x_kept, y, y_kept = train_test_split(
    x, y, test_size=0.2, stratify=y, random_state=1
)
orders = {
    "sorted": np.argsort(y, kind="stable"),
    "permuted": np.random.default_rng(1).permutation(len(y)),
}


# %%
def trained(order, **given):
    """Train as a trial does; return the model and its best score."""
    keras.utils.set_random_seed(1)
    hypermodel = TabularClassifier(features=64, classes=10)
    model = hypermodel.build(hp := kt.HyperParameters())
    rows = {"x": x[order], "y": y[order], "epochs": 5, "verbose": 0}
    history = hypermodel.fit(hp, model, **rows, **given)
    return model, max(history.history["val_accuracy"])


# %%
models, scores = {}, {}
for name, order in orders.items():
    models[name], scores[name] = trained(order, validation_split=0.2)
    last = np.unique(y[order][-len(y) // 5 :])
    print(f"{name:8}: score {scores[name]:.3f}, digits {last}")
assert scores["sorted"] < 0.3 and scores["permuted"] > 0.8

# %% [markdown]
# Nothing fails, and the tuner ranks trials by digits they have hardly
# seen. Rows in the order of time, of place or of the person who labelled
# them do the same less visibly.
#
# For rows in time the last ones are right. Still pass them as
# `validation_data`: with `validation_split`, `HyperModel.fit` gets all rows
# together, and what it learns from them it learns from the validation rows
# too:

# %%
order, cut = orders["permuted"], int(len(y) * 0.8)
rest = x[order[cut:]], y[order[cut:]]
model, _ = trained(order[:cut], validation_data=rest)
ways = {
    "validation_split": models["permuted"],
    "validation_data": model,
}

# %%
rows = {"all rows": x, "training rows": x[order[:cut]]}
learned = {}
for way, model in ways.items():
    mean = np.ravel(model.get_layer("scale").mean)
    learned[way] = {
        name: np.allclose(mean, some.mean(axis=0), rtol=1e-3)
        for name, some in rows.items()
    }
table = pd.DataFrame(learned).T.rename_axis("means are those of")
display(table)
assert table.to_numpy().tolist() == [[True, False], [False, True]]

# %% [markdown]
# For scaling, that does little harm; for a step that looks at labels,
# [it does much](../how_to/preprocessing.py#the-leak-measured).
#
# ## The same thing on both sides
#
# A split keeps rows apart, but not the things that they describe. Copies,
# crops of one picture, visits of one patient, sentences of one text: with
# some in training and others in validation, a network is rewarded for
# remembering them.
#
# Each digit gets four noisy copies, as when data is augmented *before*
# the split. Three labels in ten are wrong, and their copies are wrong
# too. The model can remember to any degree: it takes the majority of the
# `k` nearest neighbours, and `k` is tuned.

# %%
COPIES, WRONG = 4, 0.3
NEIGHBOURS = [1, 2, 4, 8, 16, 32, 64, 128]


def mislabel(labels, rng):
    wrong = rng.random(len(labels)) < WRONG
    others = labels + rng.integers(1, 10, size=len(labels))
    return np.where(wrong, others % 10, labels)


def accuracies(x_train, y_train, x_new, y_new):
    """Return the accuracy for each number of neighbours."""
    nearest = NearestNeighbors(n_neighbors=max(NEIGHBOURS)).fit(x_train)
    labels = y_train[nearest.kneighbors(x_new, return_distance=False)]
    votes = np.eye(10)[labels].cumsum(axis=1)
    guesses = votes.argmax(axis=2) == y_new[:, None]
    return guesses[:, np.array(NEIGHBOURS) - 1].mean(axis=0)


# %% [markdown]
# The split is by rows, or by images with all their copies. Images put
# away beforehand, labelled just as badly, show what each `k` is worth.


# %%
def judged(seed):
    """Yield accuracies on two splits, and on new images."""
    rng = np.random.default_rng(seed)
    labels, labels_kept = mislabel(y, rng), mislabel(y_kept, rng)
    image = np.repeat(np.arange(len(x)), COPIES)
    copies = x[image] + rng.normal(0, 2, (len(image), 64))
    labels = labels[image]
    noisy = x_kept + rng.normal(0, 2, x_kept.shape)
    rows = np.arange(len(image))
    splitter = GroupShuffleSplit(1, test_size=0.2, random_state=seed)
    for way, groups in (("row", rows), ("image", image)):
        ((a, b),) = splitter.split(copies, groups=groups)
        data = copies[a], labels[a], copies[b], labels[b]
        yield f"split by {way}", accuracies(*data)
    yield "new images", accuracies(copies, labels, noisy, labels_kept)


# %%
runs = [pd.DataFrame(dict(judged(s)), NEIGHBOURS) for s in range(1, 6)]
means = sum(runs) / len(runs)
display(means.rename_axis("k").round(3))

# %% alt="Accuracy against the number of neighbours, on a log axis. Split by row the accuracy is highest for few neighbours and falls; split by image, and on new images, it is low for few and rises, to fall a little in the end." caption="Split by row, the search asks for the fewest neighbours, which are the worst on new images; split by image, it follows them." figure="copies"
figure, axis = plt.subplots()
for marker, (way, line) in zip("xos", means.items(), strict=True):
    axis.plot(line, marker=marker, label=way)
axis.set_xscale("log", base=2)
axis.set_xticks(NEIGHBOURS, NEIGHBOURS)
axis.set(xlabel="neighbours, k", ylabel="accuracy")
axis.legend()
plt.show()

# %%
chosen, new = means.idxmax()[:2], means["new images"]
for way, k in chosen.items():
    claims = f"k={k}, claims {means.loc[k, way]:.3f}"
    print(f"{way}: {claims}, worth {new[k]:.3f}")
assert new[chosen["split by row"]] == new.min() < new[k] - 0.05
assert abs(means["split by image"] - new).max() < 0.05

# %% [markdown]
# The leak does more than raise the score: it chooses the model that
# remembers most. In a network that would mean more units, less dropout
# and more epochs. No test set from the same split would notice.
#
# So look for duplicates before you split, split before you augment, and
# split by groups: `GroupShuffleSplit` for one validation set, `GroupKFold`
# for [folds](../how_to/cross_validation.py). To find exact copies:

# %%
doubled = np.concatenate([x, x[:3]])
extra = len(doubled) - len(np.unique(doubled, axis=0))
print(extra, "rows too many")

# %% [markdown]
# ## What it costs to look at the test set
#
# The networks of the table at the top fail independently. Real ones
# tend to fail on the same images, and are [too good by
# less](../evidence/how_sure.py#how-much-of-the-best-score-is-luck).
#
# Whoever looks, changes something, searches again and keeps the better
# result has chosen, too. Here the best test accuracy of several honest
# searches of 64 trials is reported:

# %%
from snippets.results.compare_runs import compare_runs

# %%
pick = validation[:, :64].argmax(axis=1)
tested, really = test[search, pick], truth[search, pick]
errors = {}
for looks in (1, 2, 5, 20):
    asked = tested.reshape(-1, looks)
    best = asked.argmax(axis=1)[:, None]
    error = asked - really.reshape(-1, looks)
    errors[looks] = 100 * np.take_along_axis(error, best, 1).ravel()
looked = compare_runs(errors).drop(columns="runs").rename_axis("looks")
looked = looked.rename(columns={"mean": "too good"})
display(looked.round(2))

# %%
assert looked["too good"].is_monotonic_increasing
four_trials = good.loc[4, "validation, chose"]
assert 0.8 < looked.loc[5, "too good"] / four_trials < 1.3

# %% [markdown]
# A test set wears out look by look nearly as fast as a validation set does
# trial by trial: five looks cost what choosing among four trials costs
# above.
#
# ## In short
#
# 1. Look for duplicates, split by what belongs together, put the test
#    rows away.
# 2. Give every trial the same `validation_data`, with [enough
#    rows](../evidence/how_sure.py#how-large-must-a-difference-be) for the
#    differences that matter to you, or
#    [cross-validate](../how_to/cross_validation.py).
# 3. Learn [from training rows](../how_to/preprocessing.py) alone.
# 4. [Train again](../how_to/retrain_and_ship.py) on both, with the
#    hyperparameters and epochs found.
# 5. Open the test set once, and report its score with its interval. With no
#    rows to spare, use [a nested
#    loop](../how_to/cross_validation.py#how-good-is-it-the-nested-loop).
#
# ## What this page did not show
#
# - Rows that change over time: the newest should judge, and no random
#   split forecasts what changes next.
# - Test rows that differ from what the network will meet. No split shows
#   that.
# - Statistics that let a test set be asked more often, such as
#   [the reusable holdout](https://doi.org/10.1126/science.aaa9375).
