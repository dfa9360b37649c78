# %% [markdown] index="train, validation and test set; tune on the test set; validation_split; leakage; duplicate rows; GroupShuffleSplit; no validation data"
# # Train, validation and test when tuning
#
# What each set is for in a search, what goes wrong when one does the
# work of another, and how large each mistake is, measured.
#
# | set | it decides | how often | what its score is worth |
# |---|---|---|---|
# | training | weights, and all that preprocessing learns | every step | nothing about new rows |
# | validation | the epoch, when to stop, the learning rate's schedule, the best trial | every epoch of every trial | [too good](what_a_score_means.py#too-good-twice), more so after many trials |
# | test | nothing | once, at the end | what it says, within its [interval](../evidence/how_sure.py#what-to-do-about-it) |
#
# Split once, before anything else looks at the data, and by groups where
# rows belong together. Then hand the validation rows over by name:
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
#
# `validation_split=0.2` is not the same: it takes the last rows, as they
# lie. And a search is training by other means: the more it tries, the more
# its choice is [overfitting](../../reference/glossary.md#overfitting) the validation
# set, which therefore can't judge it.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.neighbors import NearestNeighbors

keras.utils.set_random_seed(1)

# %% [markdown]
# ## Early stopping is a use, too
#
# A validation set is not only used by the tuner. Whatever looks at it
# while training makes the score less of a forecast: early stopping, the
# choice of the best epoch, a schedule that waits for a plateau. How much
# that is, without any tuner, [recorded runs](../../evidence/recorded_curves.md) tell:
# all configurations of two problems, each trained three times, with
# validation and test accuracy of every epoch.

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
from snippets.results.compare_runs import compare_runs

# %%
problems = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}

# %% [markdown]
# One of the two sets may be the easier one, which has nothing to do with
# choosing. So everything is done twice, the second time with the two in
# each other's place, and the mean of both says how much was luck.


# %%
def at(epoch, *arrays):
    """Return what each array says of each run at its epoch."""
    return [
        np.take_along_axis(array, epoch[..., None], axis=2)[..., 0]
        for array in arrays
    ]


def stopped(seen, patience):
    """Return the last epoch, and the best, of early stopping."""
    end = np.full(seen.shape[:2], seen.shape[2] - 1)
    best, epoch = np.full(seen.shape[:2], -1.0), np.zeros_like(end)
    for now in range(seen.shape[2]):
        going = now <= end
        better = going & (seen[..., now] > best)
        best = np.where(better, seen[..., now], best)
        epoch = np.where(better, now, epoch)
        out = going & (now - epoch >= patience)
        end = np.where(out, now, end)
    return end, epoch


RULES = {
    "all epochs, the last": lambda seen: np.full(
        seen.shape[:2], seen.shape[2] - 1
    ),
    "stopped, the last": lambda seen: stopped(seen, patience=3)[0],
    "stopped, the best": lambda seen: stopped(seen, patience=3)[1],
    "all epochs, the best": lambda seen: seen.argmax(axis=2),
}
luck = pd.DataFrame(index=RULES)
for name, curves in problems.items():
    pair = curves.validation, curves.test
    for rule, epoch_of in RULES.items():
        gaps = [
            np.subtract(*at(epoch_of(seen), seen, judge)).mean()
            for seen, judge in (pair, pair[::-1])
        ]
        luck.loc[rule, name] = 100 * np.mean(gaps)
display(luck.rename_axis("points too good").round(2))

# %%
assert all(abs(luck.loc["all epochs, the last"]) < 1e-9)
assert all(luck.loc["stopped, the last"] < 0)
assert all(luck.loc["stopped, the best"] > 0.1)
assert all(
    luck.loc["all epochs, the best"] > luck.loc["stopped, the best"]
)

# %% [markdown]
# The first row chose nothing. Stopping with the best weights has chosen
# among the epochs it saw, if among fewer. The last weights of a stopped
# training come after epochs that looked no better: unlucky ones, so their
# score is a little too low.
#
# That is no reason not to stop. It is the reason why a validation score
# is no result, not even that of a single training.
#
# ## `validation_split` takes the last rows
#
# A model shows which rows they are that always predicts zero and can't
# learn: its mean absolute error is the mean of the labels. Those are the
# numbers of the rows.

# %%
numbers = np.arange(10.0)
model = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.Dense(1, kernel_initializer="zeros"),
    ]
)
model.compile(keras.optimizers.SGD(0.0), "mean_absolute_error")
history = model.fit(
    numbers[:, None],
    numbers,
    validation_split=0.2,
    epochs=3,
    shuffle=True,
    verbose=0,
).history
print("training:  ", history["loss"], "- rows 0 to 7")
print("validation:", history["val_loss"], "- rows 8 and 9")
assert np.allclose(history["loss"], numbers[:8].mean())
assert np.allclose(history["val_loss"], numbers[8:].mean())

# %% [markdown]
# `shuffle` comes later and is about the training rows. So it depends on
# how the rows lie. Digits, sorted by label as files from one folder per
# class are, and the same rows permuted, in a search of one trial:

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
scores = {}
for name, order in orders.items():
    keras.utils.set_random_seed(1)
    tuner = kt.RandomSearch(
        TabularClassifier(features=64, classes=10),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=1,
        seed=1,
        directory="searches",
        project_name="train_validation_test_order",
        overwrite=True,
    )
    tuner.search(
        x[order], y[order], validation_split=0.2, epochs=5, verbose=0
    )
    (trial,) = tuner.oracle.get_best_trials()
    scores[name] = trial.score
    last = np.unique(y[order][-len(y) // 5 :])
    print(f"{name:8}: score {trial.score:.3f}, digits {last}")
assert scores["sorted"] < 0.3 and scores["permuted"] > 0.8

# %% [markdown]
# Nothing fails, and the tuner ranks trials by how they do on digits they
# have hardly seen. Rows in the order of time, of place or of the person
# who labelled them do the same less visibly.
#
# For rows in time the last ones are right: then you mean it. Say so by
# `validation_data` all the same, since there is a second thing to mind.
# With `validation_split`, the rows are still together when they reach
# `HyperModel.fit`, and what it learns from them, it learns from the
# validation rows as well:

# %%
order = orders["permuted"]
hypermodel = TabularClassifier(features=64, classes=10)
learned = {}
cut = int(len(y) * 0.8)
for way, data, more in (
    ("validation_split", order, {"validation_split": 0.2}),
    (
        "validation_data",
        order[:cut],
        {"validation_data": (x[order[cut:]], y[order[cut:]])},
    ),
):
    hp = kt.HyperParameters()
    model = hypermodel.build(hp)
    hypermodel.fit(hp, model, x[data], y[data], verbose=0, **more)
    means = np.asarray(model.get_layer("scale").mean).ravel()
    learned[way] = {
        rows: np.allclose(means, x[order[:end]].mean(axis=0), rtol=1e-3)
        for rows, end in (("training rows", cut), ("all rows", None))
    }
table = pd.DataFrame(learned).T.rename_axis("means are those of")
display(table)
assert table.to_numpy().tolist() == [[False, True], [True, False]]

# %% [markdown]
# For a scaling that is little harm; for what looks at labels it is much:
# [preprocess without leaking](../how_to/preprocessing.py#the-leak-measured). And
# a `fit` that permutes its rows before it trains would draw other
# validation rows in every trial, so no two scores could be compared.
#
# ## The same thing on both sides
#
# A split keeps rows apart, not what they are about. Copies, crops of one
# picture, visits of one patient, sentences of one text: if some are in
# training and others in validation, a network is rewarded for
# remembering them.
#
# Digits again. Of each image four copies are made with noise in the
# pixels, as when data is augmented *before* the split. Three labels in ten
# are wrong, and go with the copies. A model that is cheap and can
# remember to any degree: the majority among the `k` nearest neighbours,
# where `k` is to be tuned.

# %%
COPIES, WRONG, SEEDS = 4, 0.3, range(1, 6)
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
# Two splits: of the rows, and of the images, with all copies of an image
# on one side. Images that were put away beforehand, labelled as badly,
# tell what each `k` is worth.

# %%
runs = []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    labels, labels_kept = mislabel(y, rng), mislabel(y_kept, rng)
    image = np.repeat(np.arange(len(x)), COPIES)
    copies = x[image] + rng.normal(0, 2, (len(image), 64))
    labels = labels[image]
    noisy = x_kept + rng.normal(0, 2, x_kept.shape)
    together = {
        "split by row": np.arange(len(image)),
        "split by image": image,
    }
    for way, groups in together.items():
        splitter = GroupShuffleSplit(
            1, test_size=0.2, random_state=seed
        )
        ((a, b),) = splitter.split(copies, groups=groups)
        data = copies[a], labels[a]
        runs.append((way, *accuracies(*data, copies[b], labels[b])))
    data = copies, labels
    runs.append(("new images", *accuracies(*data, noisy, labels_kept)))
columns = ["judged on", *NEIGHBOURS]
runs = pd.DataFrame(runs, columns=columns).set_index("judged on")
means = runs.groupby(level=0, sort=False).mean().T
display(means.rename_axis("k").round(3))

# %% alt="Accuracy against the number of neighbours, on a log axis. Split by row the accuracy is highest for few neighbours and falls; split by image, and on new images, it is low for few and rises, to fall a little in the end." figure="copies"
figure, axis = plt.subplots()
for marker, (way, line) in zip("xos", means.items(), strict=True):
    axis.plot(line, marker=marker, label=way)
axis.set_xscale("log", base=2)
axis.set_xticks(NEIGHBOURS, NEIGHBOURS)
axis.set_xlabel("neighbours, k")
axis.set_ylabel("accuracy")
axis.legend()
plt.show()

# %%
chosen = {way: means[way].idxmax() for way in list(means)[:2]}
for way, k in chosen.items():
    claimed, worth = means.loc[k, way], means.loc[k, "new images"]
    print(f"{way}: k={k}, claims {claimed:.3f}, is worth {worth:.3f}")
by_row, by_image = (means.loc[k, "new images"] for k in chosen.values())
assert by_image > by_row + 0.05
assert abs(means["split by image"] - means["new images"]).max() < 0.05
assert (means["split by row"] - means["new images"]).max() > 0.1

# %% [markdown]
# The leak does not only flatter: it chooses. With copies on both sides the
# search asks for the most memory there is, as it would of a network for
# more units, less dropout and more epochs. No test set taken from the same
# split would notice.
#
# So split before you augment, look for duplicates before you split, and
# split by what belongs together: `GroupShuffleSplit` for one validation
# set, `GroupKFold` for [folds](../how_to/cross_validation.py). Copies that are
# exact are found in a line:

# %%
doubled = np.concatenate([x, x[:3]])
print(len(doubled) - len(np.unique(doubled, axis=0)), "rows too many")
assert len(doubled) - len(np.unique(doubled, axis=0)) == 3

# %% [markdown]
# ## What it costs to look at the test set
#
# Three numbers of one search: the validation score of the winner, the
# test accuracy of the same network, and what one would report who had
# chosen by the test set. First where the truth is known: networks with a
# true accuracy, judged by `IMAGES` images of each set.

# %%
SEARCHES, IMAGES = 4000, 300
TRIALS = np.array([1, 4, 16, 64, 256])
rng = np.random.default_rng(1)
truth = rng.normal(0.9, 0.01, (SEARCHES, TRIALS.max())).clip(max=0.99)
validation, test = (
    rng.binomial(IMAGES, truth, (2, *truth.shape)) / IMAGES
)


def winner(scores, *said):
    """Return, by number of trials, what is said of the winners."""
    wins = [scores[:, :n].argmax(axis=1)[:, None] for n in TRIALS]
    return [
        100 * np.hstack([np.take_along_axis(a, w, 1) for w in wins])
        for a in said
    ]


by_validation, closed, true = winner(
    validation, validation, test, truth
)
by_test, true_of_test = winner(test, test, truth)
errors = {
    "validation, chose": by_validation - true,
    "test, chose nothing": closed - true,
    "test, chose": by_test - true_of_test,
}
simulated = {
    name: compare_runs(dict(zip(TRIALS, error.T, strict=True)))
    for name, error in errors.items()
}
simulated = pd.concat(simulated, axis=1).rename_axis("trials")
simulated = simulated.drop(columns="runs", level=1)
display(simulated.rename(columns={"mean": "too good"}).round(2))

# %%
good = simulated.xs("mean", axis=1, level=1)
assert all(abs(good["test, chose nothing"]) < 0.2)
assert all(np.diff(good["test, chose"]) > 0)
assert good["test, chose"].iloc[-1] > 2

# %% [markdown]
# A test set that chooses is a validation set. (The points are many because
# here the networks fail independently. Real ones tend to fail on the same
# images, which chooses nothing; below they are fewer.)
#
# It doesn't take a program that does so: to look, change something,
# search again and keep the better one is the same. Of several searches
# of 64 trials, each honest, the one with the best test accuracy is
# reported:

# %%
place = list(TRIALS).index(64)
rows = {}
for looks in (1, 2, 5, 20):
    tested, really = (
        each[:, place][: SEARCHES // looks * looks].reshape(-1, looks)
        for each in (closed, true)
    )
    pick = tested.argmax(axis=1)[:, None]
    error = np.take_along_axis(tested - really, pick, axis=1)
    rows[looks] = error.ravel()
looked = compare_runs(rows).drop(columns="runs").rename_axis("looks")
looked = looked.rename(columns={"mean": "too good"})
display(looked.round(2))
assert abs(looked.loc[1, "too good"]) < 0.2
assert looked["too good"].is_monotonic_increasing
five_looks, four_trials = (
    looked.loc[5, "too good"],
    good.loc[4, "validation, chose"],
)
assert 0.8 < five_looks / four_trials < 1.3

# %% [markdown]
# A test set wears out look by look nearly as fast as a validation set does
# trial by trial: five looks cost what choosing among four trials costs above.
# It lasts longer only if it is asked less often.
#
# And on the recorded runs: random searches, of whose winners both sets
# are asked.

# %%
draw = np.random.default_rng(1)
count = len(problems["digits"].validation)
drawn = np.argsort(draw.random((SEARCHES, count)), axis=1)
drawn = drawn[:, : TRIALS.max()]
run = draw.integers(3, size=drawn.shape)
said = {}
for name, curves in problems.items():
    pair = curves.validation, curves.test
    for chooser, (seen, judge) in zip(
        ("validation", "test"), (pair, pair[::-1]), strict=True
    ):
        best = at(seen.argmax(axis=2), seen, judge)
        seen, judge = (each[drawn, run] for each in best)
        said[name, chooser] = [
            each.mean(axis=0) for each in winner(seen, seen, judge)
        ]

# %% alt="Accuracy of the winner against the number of trials, a panel for each problem. The chooser's line climbs above that of the other set, for validation and for test alike, but for a shift between the two sets on digits." figure="looks"
figure, axes = plt.subplots(ncols=2)
for axis, name in zip(axes, problems, strict=True):
    chose, closed_test = said[name, "validation"]
    chose_test, _ = said[name, "test"]
    axis.plot(TRIALS[1:], chose[1:], "o-", label="validation, chose")
    axis.plot(
        TRIALS[1:], closed_test[1:], "s-", label="test, chose nothing"
    )
    axis.plot(
        TRIALS[1:], chose_test[1:], "^--", label="test, had it chosen"
    )
    axis.set_xscale("log", base=2)
    axis.set_xticks(TRIALS[1:], TRIALS[1:])
    axis.set_xlabel(f"trials, {name}")
axes[0].set_ylabel("accuracy of the winner, %")
axes[0].legend()
plt.show()

# %%
rows = {}
for name in problems:
    for chooser in ("validation", "test"):
        seen, judge = said[name, chooser]
        rows[name, chooser] = seen[place], judge[place]
    luck = [np.subtract(*said[name, c]) for c in ("validation", "test")]
    luck = np.mean(luck, axis=0)
    print(f"{name}: the chooser is too good by", luck.round(2))
    assert luck[-1] > luck[0] > 0
    for one, other in (("validation", "test"), ("test", "validation")):
        assert said[name, one][0][place] > said[name, other][1][place]
columns = ["the chooser says", "the other set says"]
table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
table.index = pd.MultiIndex.from_tuples(
    table.index, names=["problem", "chosen by"]
)
display(table.round(2))

# %% [markdown]
# The table is after 64 trials. Whichever set chooses says more than it
# says when the other has chosen. What is left between the two is how hard
# the images happen to be. No rule removes that, only more images do.
#
# ## In short
#
# 1. Look for duplicates, find out what belongs together, split by that,
#    put the test rows away.
# 2. Validation rows by `validation_data`, the same ones for every trial.
#    [How many](../evidence/how_sure.py#how-large-must-a-difference-be) depends on
#    the differences that matter to you; too few to split at all:
#    [cross-validation](../how_to/cross_validation.py).
# 3. Whatever learns from data learns
#    [from training rows](../how_to/preprocessing.py).
# 4. All choices by validation, that of the tuner and the early stopping
#    as well as yours.
# 5. Then the validation rows have done their work:
#    [train again](../how_to/retrain_and_ship.py) on them and the training rows
#    together, with the hyperparameters and the epochs found.
# 6. Open the test set, once, and report what it says with its interval.
#    If no rows can be spared for it, put the whole search into
#    [a nested loop](../how_to/cross_validation.py#how-good-is-it-the-nested-loop).
#
# ## What this page did not show
#
# - Rows that change over time: the newest should judge, and no random
#   split forecasts what changes next.
# - Test rows that differ from what the network will meet. No split of
#   your rows shows that.
# - How exactly a leak works in a large network. Neighbours stood in for
#   it because what they remember is plain to see.
# - Statistics that let a test set be asked more often, such as
#   [the reusable holdout](https://doi.org/10.1126/science.aaa9375).
