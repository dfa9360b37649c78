# %% [markdown] index="how sure; noise of a score; significant difference; standard error; executions_per_trial; how many repeats; repeats or more trials; winner's curse; optimistic score; one-standard-error rule; test accuracy lower than val_accuracy; overfitting the validation set; how many validation images"
# # How sure can one be?
#
# How far apart two scores must be before the better one means something,
# how many repeats help, and how much of a best score is luck.
#
# With accuracy `p` on `n` validation images, the
# [standard error](../../reference/glossary.md#standard-error) of a score
# is `se = sqrt(p * (1 - p) / n)`.
#
# - **A difference** below one `se` says little; from two `se` on, the
#   better score usually is the better configuration.
# - **Repeats** of every trial lose when trials are few.
# - **The best score** is too good, more so after many trials: report the
#   test set, opened once.
#
# How often the better of two scores stays ahead on the test set:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
import numpy as np
import pandas as pd
from IPython.display import display

ahead = {}
for problem, images in {"digits": 288, "mnist": 1600}.items():
    curves = load_curves(evidence_file(f"curves_{problem}.csv.xz"))
    score = curves.validation.max(axis=2)[:, 0]
    high = score >= np.median(score)
    score, test = score[high], curves.tested[high, 1:].mean(axis=1)
    se = np.sqrt(score * (1 - score) / images)[:, None]
    size = np.ceil((score[:, None] - score) / se).ravel()
    stays = (np.sign(test[:, None] - test).ravel() + 1) / 2
    ahead[problem] = pd.Series(stays).groupby(size).mean()[[1, 2, 3, 4]]
table = pd.DataFrame(ahead).set_axis(["0-1", "1-2", "2-3", "3-4"])
display(table.rename_axis("difference in se").round(2))

# %% [markdown]
# The pairs are from the better half of 432 configurations, each trained
# three times beforehand: one run gives the score, the other two the test
# accuracy.

# %%
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)

# %%
from snippets.results.compare_runs import compare_runs

# %% [markdown]
# ## The recorded runs
#
# Every configuration of a space, trained with three seeds, on
# [digits](../../evidence/curves_digits.csv.xz) and on
# [10,000 images of MNIST](../../evidence/curves_mnist.csv.xz). A seed
# decides first weights, order of images and dropout; the split never changes.
# As in Keras Tuner, a run's best epoch gives its score and network.


# %%
def best_epoch(seen, judge):
    """Return what is seen at each run's best epoch, and its judge."""
    epoch = seen.argmax(axis=2, keepdims=True)
    chosen = (np.take_along_axis(a, epoch, 2) for a in (seen, judge))
    return [array[..., 0] for array in chosen]  # configurations, seeds


problems, scores, tested, top = {}, {}, {}, {}
for name in ("digits", "mnist"):
    curves = load_curves(evidence_file(f"curves_{name}.csv.xz"))
    runs = best_epoch(curves.validation, curves.test)
    problems[name], (scores[name], tested[name]) = curves, runs
    level = sum(runs).mean(axis=1)
    best_quarter = level >= np.quantile(level, 0.75)
    top[name] = [each[best_quarter] for each in runs]

# %%
images = {"digits": (288, 360), "mnist": (1600, 2000)}
for name, (own, test) in images.items():
    print(f"{name}: {own} validation images, {test} for the test")
    right = problems[name].validation * own  # answers: whole numbers
    assert np.allclose(right, right.round(), atol=1e-4 * own)

# %% [markdown]
# ## How large must a difference be?
#
# How far do images and seed move the difference of two runs in the best
# quarter? As standard deviations in points, which are hundredths of
# accuracy:


# %%
def noise(name):
    """Return what moves scores near the top, in points."""
    (score, test), (n, m) = top[name], images[name]
    p = score.mean()
    apart = (score - test).var(ddof=1) / (1 / n + 1 / m)
    own, other = (a.T - a.mean(axis=1) for a in top[name])
    confirmed = (own * other).sum() / (2 * len(score))
    variances = {
        "one score by formula, se": p * (1 - p) / n,
        "images, by formula": 2 * p * (1 - p) / n,
        "images, as measured": 2 * apart / n,
        "seed": 2 * score.var(axis=1, ddof=1).mean(),
        "seed, confirmed by the test": 2 * max(confirmed, 0),
    }
    return 100 * np.sqrt(pd.Series(variances))


# %%
noises = pd.DataFrame({name: noise(name) for name in problems})
display(noises.rename_axis("what moves a score").round(2))
_, formula, measured, seed, confirmed = noises.to_numpy()
assert all(measured < formula) and all(confirmed < seed)

# %% [markdown]
# - **Images.** The formula is for two separate sets of images. Here
#   both runs saw the same images and tend to fail on the same ones,
#   which cancels. If you have the answers on each image, compare
#   networks directly, by `compare_runs` with `paired=True`.
# - **Seed.** Part of its effect is a better or worse network, as the test
#   set confirms. The rest is other errors on these few images.
#
# On larger problems [Bouthillier et al.
# (2021)](https://arxiv.org/abs/2103.03098) found that the data move
# scores most.
#
# How good a yardstick is `se`? This figure has the pairs of all three
# runs:


# %%
def pairs(name, run, least):
    """Return who scores high; the lead of each pair; if it stays."""
    score = scores[name][:, run]
    high = np.flatnonzero(score >= np.quantile(score, least))
    score = score[high]
    test = np.delete(tested[name][high], run, axis=1).mean(axis=1)
    p = (score[:, None] + score) / 2
    se = np.sqrt(p * (1 - p) / images[name][0])
    stays = (np.sign(test[:, None] - test) + 1) / 2  # a tie is half
    return high, (score[:, None] - score) / se, stays


# %%
def shares(name, weights):
    """Return the shares that stay, a row for each row of weights."""
    kept, all_pairs = np.zeros((2, len(weights), 8))
    for run in range(3):
        high, lead, stays = pairs(name, run, 0.5)
        weight = weights[:, high]
        for bin in range(8):
            here = 1.0 * (np.ceil(2 * lead) == bin + 1)
            all_pairs[:, bin] += (weight @ here * weight).sum(axis=1)
            here *= stays
            kept[:, bin] += (weight @ here * weight).sum(axis=1)
    return kept / np.maximum(all_pairs, 1)


# %% alt="How often the better of two scores stays ahead, against their difference in standard errors: for both problems the line climbs from a little above one half to nearly one." caption="The further apart two scores are, the more often the better one stays ahead." figure="stays_ahead"
figure, axis = plt.subplots()
count = len(scores["digits"])
even = np.full(count, 1 / count)
draws = np.random.default_rng(1).multinomial(count, even, 300)
for marker, name in zip("os", problems, strict=True):
    share = shares(name, np.vstack([np.ones(count), draws]))
    middles = np.arange(8) / 2 + 0.25
    low, high = np.quantile(share[1:], [0.05, 0.95], axis=0)
    axis.fill_between(middles, low, high, alpha=0.2)
    axis.plot(middles, share[0], marker=marker, label=name)
axis.axhline(0.5, linestyle=":", color="gray")
axis.set_xlabel("difference of two scores, in se")
axis.set_ylabel("share that stays ahead")
axis.legend()
plt.show()

# %%
SIZES = ["up to 1 se", "1 to 2 se", "2 to 3 se", "3 to 4 se"]


def stays_ahead(name, least):
    """Return shares by size; those of each run that leads by 2 se."""
    sizes, kept, leading = [], [], []
    for run in range(3):
        _, lead, stays = pairs(name, run, least)
        sizes.extend(np.ceil(lead).ravel())
        kept.extend(stays.ravel())
        large = (lead > 2) & (lead <= 4)
        own = np.where(large, stays, np.nan)[large.any(axis=1)]
        leading.extend(np.nanmean(own, axis=1))
    share = pd.Series(kept).groupby(np.array(sizes)).mean()
    row = dict(zip(SIZES, share[[1, 2, 3, 4]], strict=True))
    return row | {"runs that lead by 2 se": len(leading)}, leading


# %%
parts = {"best half": 0.5, "best quarter": 0.75}
found = {
    (part, name): stays_ahead(name, least)
    for part, least in parts.items()
    for name in problems
}
ahead = pd.DataFrame({key: row for key, (row, _) in found.items()}).T
ahead = ahead.rename_axis(["among the", "problem"]).round(2)
display(ahead.astype({"runs that lead by 2 se": int}))

# %%
half = ahead.loc["best half"]
assert ahead["up to 1 se"].max() < 0.75
assert half["2 to 3 se"].min() > 0.85
runs = np.array(found["best quarter", "digits"][1])
assert len(runs) == 9 and (runs < 0.5).sum() == 1 and runs.min() < 0.2
assert all(half[SIZES].T.diff().iloc[1:].min() > 0)

# %% [markdown]
# The bands hold nine tenths of the shares that resampled configurations
# give.
#
# In the best quarter of digits only nine runs lead by more than two `se`,
# and one loses nearly all its pairs: among the best on few images even a
# large lead can be luck.
#
# How many validation images make `2 * se` as small as a difference in points:

# %%
points = pd.Index([0.2, 0.5, 1, 2], name="points")
needed = {
    f"accuracy {p}": 4 * p * (1 - p) / (points / 100) ** 2
    for p in (0.8, 0.9, 0.95, 0.98)
}
display(pd.DataFrame(needed, points).round().astype(int))

# %% [markdown]
# ## How many repeats?
#
# With `executions_per_trial=k` a score is the mean of `k` runs, which divides
# the variance of reruns by `k`, not that of the images. The standard error of
# the difference of two configurations in the best quarter:


# %%
def left_after(name, k):
    """Return the standard error of a difference, in points."""
    (score, test), (n, m) = top[name], images[name]
    gap = score - test
    within = gap.var(axis=1, ddof=1).mean()
    stays = max(gap.mean(axis=1).var(ddof=1) - within / 3, 0)
    stays *= (1 / n) / (1 / n + 1 / m)  # the validation set's part
    of_runs = score.var(axis=1, ddof=1).mean() / k
    return 100 * np.sqrt(2 * (stays + of_runs))


repeats = pd.Index([1, 2, 3, 5, 10, np.inf], name="runs of each")
left = {n: [left_after(n, k) for k in repeats] for n in problems}
left = pd.DataFrame(left, index=repeats)
display(left.rename(index="{:.0f}".format).round(2))
assert all(left.loc[3] > left.loc[1] / 2)
assert all(left.loc[np.inf] < noises.iloc[0])

# %% [markdown]
# Three runs of each don't halve the error. Beyond three, the table is
# calculated from these. Its last row is what no repeat removes, a rough
# estimate: less than one `se`.
#
# ### Repeats, or more configurations?
#
# Random searches are replayed on the recorded runs. A search is judged by
# the third run of the configuration that it picks, which it has not seen.
# Each search also runs the other way round, on the test set, with the
# validation set as judge.

# %%
SEARCHES = 4000
rng = np.random.default_rng(1)
drawn = np.argsort(rng.random((SEARCHES, count)), axis=1)
seeds = np.argsort(rng.random((SEARCHES, count, 3)), axis=2)
row = np.arange(SEARCHES)


def both_ways(name, epochs=slice(None)):
    """Yield what is seen, and its judge: (searches, trials, runs)."""
    curves = problems[name]
    pair = curves.validation[..., epochs], curves.test[..., epochs]
    for ways in (pair, pair[::-1]):
        runs = best_epoch(*ways)
        yield [100 * a[drawn[..., None], seeds] for a in runs]


# %%
def two_runs_of_each(seen, runs):
    return seen[:, : runs // 2, :2].mean(axis=2).argmax(axis=1)


def best_sixth_again(seen, runs):
    again = runs // 6
    first = seen[:, : runs - again, 0]
    best = np.argpartition(-first, again - 1, axis=1)[:, :again]
    means = seen[row[:, None], best, :2].mean(axis=2)
    return best[row, means.argmax(axis=1)]


# %%
RUNS = 12, 24, 48, 96, 192, 384
STYLES = {"two_runs_of_each": "C0s", "best_sixth_again": "C1^"}
gained = {}
for name in problems:
    for searched, pair in zip("vt", both_ways(name), strict=True):
        seen, judge = pair
        once = {n: seen[:, :n, 0].argmax(axis=1) for n in RUNS}
        for way in (two_runs_of_each, best_sixth_again):
            gained[name, way.__name__, searched] = {
                n: judge[row, way(seen, n), 2] - judge[row, pick, 2]
                for n, pick in once.items()
            }

# %% alt="Points that repeats gain over one run of each, against the number of runs, a panel for each problem, two lines for each way to repeat: with few runs two runs of each lose clearly, the best sixth again stays near zero." caption="With few runs, two runs of every configuration lose clearly; running only the best sixth again costs little." figure="repeats"
figure, axes = plt.subplots(ncols=2, sharey=True)
for (name, way, searched), gain in gained.items():
    axis = axes[list(problems).index(name)]
    bars, style = compare_runs(gain), STYLES[way]
    reach = bars["high"] - bars["mean"]
    style += "-" if searched == "v" else ":"
    label = way.replace("_", " ") if searched == "v" else None
    axis.errorbar(RUNS, bars["mean"], reach, fmt=style, label=label)
    axis.set_xlabel(f"runs of a search, {name}")
    axis.axhline(0, linestyle=":", color="gray")
    axis.set_xscale("log", base=2)
    axis.set_xticks(RUNS, RUNS)
axes[0].set_ylabel("points gained")
axes[0].legend()
plt.show()

# %%
gains = pd.DataFrame(gained).map(np.mean)
gains = gains.rename_axis(columns=["problem", "way", "searched on"])
two = gains.xs("two_runs_of_each", axis=1, level="way")
sixth = gains.xs("best_sixth_again", axis=1, level="way")
assert all(two.loc[12] < -0.1)
assert all(sixth.loc[:96].mean() > two.loc[:96].mean())
assert sixth.min().min() > -0.2
assert list(sixth.loc[:, sixth.max() > 0.1]) == [("digits", "v")]

# %% [markdown]
# Dotted lines are searches on the test set. Bars are 95 % intervals for the
# mean over searches, not over other images: the distance between solid and
# dotted shows how much those matter.
#
# With few runs, two of each cost more than they bring, since only half
# as many configurations are tried. With hundreds of runs, running the
# best sixth again paid in one of the four cases, digits searched on the
# validation set.
#
# ## How much of the best score is luck?
#
# A winner is partly the best and partly the luckiest, so its score is too
# good: the winner's curse. The score of a run's best epoch is too good as
# well. Both overfit the validation set by selection ([Cawley and Talbot,
# 2010](https://jmlr.org/papers/v11/cawley10a.html)).
#
# If one of the two sets is easier, that cancels in the mean of both ways
# round. How much too good a winner's score is:

# %%
TRIALS = 1, 4, 16, 64, 256, count


def winners(name, epochs=slice(None)):
    """Return what is seen of winners, and their judge.

    Of shape (ways, trials, searches, runs), of which run 0 has won.
    """
    seen_all, judge_all = [], []
    for seen, judge in both_ways(name, epochs):
        picks = [seen[:, :n, 0].argmax(axis=1) for n in TRIALS]
        seen_all.append([seen[row, pick] for pick in picks])
        judge_all.append([judge[row, pick] for pick in picks])
    return np.array(seen_all), np.array(judge_all)


# %%
def luck(seen, judge):
    """Return score minus judge, less what differs between the ways."""
    gap = seen[..., 0] - judge[..., 0]
    means = gap.mean(axis=2, keepdims=True)
    return gap - means + means.mean(axis=0)


# %%
won, curse = {}, {}
for name in problems:
    seen, judge = won[name] = winners(name)
    others = seen[..., 1:].mean(axis=-1)
    last_epochs = winners(name, slice(-1, None))
    curse[name] = {
        "than the test of the same network": luck(seen, judge),
        "the same, last epochs only": luck(*last_epochs),
        "than scores of other seeds": seen[..., 0] - others,
    }

# %% alt="By how many points a winner's score is too good, against the number of trials, a panel for each problem. It climbs with the trials, and lies higher where the best epoch was chosen than with last epochs only." caption="More trials, up to a point, make the best score too good by more; choosing the best epoch adds to it from the first trial on." figure="luck"
figure, axes = plt.subplots(ncols=2, sharey=True)
for axis, (name, lines) in zip(axes, curse.items(), strict=True):
    best, *_ = lines.values()
    low, high = np.quantile(best, [0.1, 0.9], axis=(0, 2))
    axis.fill_between(TRIALS, low, high, alpha=0.2)
    for style, k in zip(("o-", "v--", "s:"), lines, strict=True):
        axis.plot(TRIALS, lines[k].mean(axis=(0, 2)), style, label=k)
    axis.axhline(0, linestyle=":", color="gray")
    axis.set_xscale("log", base=2)
    axis.set_xticks(TRIALS[:-1], TRIALS[:-1])
    axis.set_xlabel(f"trials, {name}")
axes[0].set_ylabel("points too good")
axes[1].legend(fontsize="small")
plt.show()

# %%
rows = {}
for name, lines in curse.items():
    best, last, _ = (line.mean(axis=(0, 2)) for line in lines.values())
    rows[name, "best epochs"], rows[name, "last epochs"] = best, last
    assert best[3] > best[0] > 0 and last[3] > last[0]
    assert best.mean() > last.mean()
    gap = (won[name][0] - won[name][1])[..., 0].mean(axis=(1, 2))
    print(f"{name}: validation easier by {(gap[0] - gap[1]) / 2:.2f}")
lucky = pd.DataFrame(rows, pd.Index(TRIALS, name="trials"))
print("too good by, in points:")
display(lucky.round(2) + 0)

# %% [markdown]
# - The band holds eight tenths of the searches.
# - The dotted line compares validation scores of one configuration. It
#   shows what training the winner anew would lose.
#
# What the judge says of the winner's two other runs is its `worth`:


# %%
worth = {}
for name, (seen, judge) in won.items():
    for way, searched in enumerate(("validation", "test")):
        row_of = worth[name, searched] = {}
        for n in (16, 64, count):
            place = TRIALS.index(n)
            row_of["score", n] = seen[way, place, :, 0].mean()
            row_of["worth", n] = judge[way, place, :, 1:].mean()
worth = pd.DataFrame(worth).T.sort_index(axis=1)
worth = worth.rename_axis(["problem", "searched on"])
display(worth.rename(columns="{} trials".format, level=1).round(2))

# %%
rise = worth.xs(count, axis=1, level=1) - worth.xs(64, axis=1, level=1)
assert all(rise.loc["digits", "score"] > 0.2)
assert all(rise.loc["digits", "worth"] < 0.1)
assert all(rise.loc["mnist", "worth"] > 0.1)

# %% [markdown]
# From 64 trials to 432, all there are, the scores go on rising. On digits no
# gain in worth is shown; on MNIST some of the rise is real.
#
# ## What to do about it
#
# 1. If `2 * se` is more than the differences that matter, get more validation
#    images, or [cross-validate](../how_to/cross_validation.py).
# 2. Spend the runs on configurations first.
# 3. Run the best few again, with other seeds, and choose by the mean: it
#    is less too good than the best single score.
# 4. Take the simplest of those that are within one `se` of the best
#    ([The Elements of Statistical
#    Learning](https://hastie.su.domains/ElemStatLearn/), 7.10), in weights or
#    seconds. [What that costs](measured_advice.py#the-simplest-within-the-noise).
# 5. Evaluate that one on the test set, once, and report its interval,
#    which `compare_runs` computes from right and wrong on each image. If
#    you go on tuning, that test set is spent.
#
# ## Repeats in Keras Tuner
#
# With `executions_per_trial=2` the score is the mean of two runs, and
# the [weights
# kept](../explanation/what_a_score_means.py#the-network-that-is-kept)
# are those of the better one. To keep the single scores, note them in
# `run_trial`.

# %%
from snippets.models.build_model import build_model

# %%
single = {}


class Noted(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        runs = super().run_trial(trial, *args, **kwargs)
        best = [max(run.history["val_accuracy"]) for run in runs]
        single[trial.trial_id] = best
        return runs


# %%
x, y = load_digits(return_X_y=True)
data = {"x": x[:600] / 16, "y": y[:600], "epochs": 3, "verbose": 0}
data["validation_data"] = x[600:900] / 16, y[600:900]
tuner = Noted(
    build_model,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    executions_per_trial=2,
    seed=1,
    directory="searches",
    project_name="how_sure",
    overwrite=True,
)
tuner.search(**data)

# %%
for trial in tuner.oracle.trials.values():
    runs = single[trial.trial_id]
    print(f"{trial.score:.4f} is the mean of", np.round(runs, 4))

# %% [markdown]
# To repeat only the best few, train them again by hand, and choose by the
# mean of old and new runs:

# %%
for hp in tuner.get_best_hyperparameters(2):
    model = tuner.hypermodel.build(hp)
    history = tuner.hypermodel.fit(hp, model, **data)
    again = max(history.history["val_accuracy"])
    print(f"{again:.4f} from another run, of", hp.values)

# %% [markdown]
# A seed set in `build` makes all runs of a trial the same: [seed each
# trial](../how_to/reproducible_searches.py#seed-each-trial).
#
# ## Is a search worth it?
#
# This is the search of [Random search](../random_search.py), repeated
# twelve times ([program](../../evidence/repeat_random_search.py),
# [results](../../evidence/random_searches.csv)). The untuned network,
# with twice the patience, was trained often enough to know the best of
# several runs.

# %%
record = pd.read_csv(evidence_file("random_searches.csv"), comment="#")
plain = record[record["model"] == "untuned"]
plain = plain.sort_values("validation_accuracy", ignore_index=True)


def best_of(count, accuracy):
    """Return the accuracy of the best of `count` untuned runs.

    By validation accuracy, on average over all choices of that many.
    """
    chances = [math.comb(rank, count - 1) for rank in range(len(plain))]
    score = plain["validation_accuracy"]  # among equals, their mean
    means = plain.groupby(score)[accuracy].transform("mean")
    return np.average(means, weights=chances)


# %%
picked = record[record["model"] == "checkpoint"].set_index("search")
counts = picked["epochs"] / plain["epochs"].mean()


def gained_on(accuracy):
    """Return what the checkpoints gain over the best of the untuned."""
    untuned = [best_of(round(count), accuracy) for count in counts]
    return picked[accuracy] - untuned


# %%
tuned = record[record["model"] == "tuned"].groupby("search")
tuned = tuned["test_accuracy"].mean() - plain["test_accuracy"].mean()
gains = {
    "tuned minus untuned, mean of runs": tuned,
    "checkpoint minus best of the untuned": gained_on("test_accuracy"),
}
gains = pd.DataFrame(gains)
repeated = compare_runs(gains).rename_axis("gain")
repeated["searches that gained"] = (gains > 0).sum()
display(repeated.drop(columns="runs").round(4))
print(f"{len(gains)} searches, each for as many epochs as the best of")
print(f"{counts.mean():.0f} untuned runs")
assert (gains > 0).mean().tolist() == [1, 0.75]

# %% [markdown]
# What the checkpoints gained on the images that chose them, and on the test
# images:

# %% alt="Twelve thin lines, one for each search, from its gain on the validation images to its gain on the test images, and a thick line of means that falls but stays above zero. A few lines end below zero." caption="On images that chose nothing the mean gain is smaller, and a few searches lose. Twelve searches do not show that the mean falls." figure="left"
parts = "validation", "test"
left = {part: 100 * gained_on(f"{part}_accuracy") for part in parts}
left = pd.DataFrame(left)
figure, axis = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
axis.plot([0, 1], left.T, color="gray", lw=1, marker="o", ms=3)
axis.plot([0, 1], left.mean(), color="C0", lw=3, marker="o")
axis.axhline(0, color="black", lw=0.8)
axis.set_xticks([0, 1], ["validation images", "test images"])
axis.set(xlim=(-0.2, 1.2), ylabel="points gained over untuned runs")
plt.show()

# %%
left["fall"] = left["validation"] - left["test"]
shown = compare_runs(left)[["mean", "low", "high"]]
display(shown.rename_axis("points gained").round(2))
assert 0 < shown["mean"]["test"] < shown["mean"]["validation"]
assert shown["low"]["fall"] < 0  # not shown

# %% [markdown]
# Trained anew, every search's configuration is better on average than the
# untuned one. Its checkpoint, one run, beats the best of the untuned in
# three searches of four, on the same test images each time. A single search
# may find little, or luck; its validation score does not say which.
#
# ## What this page did not show
#
# - Other images: both problems are digits, each split once. That split is
#   noise too, and no rerun shows it.
# - Other searches than random ones. Hyperband and Bayesian optimisation
#   look more often where scores are high, and are no less lucky.
# - Other scores than accuracy. For a loss or an AUC, `se` comes from
#   resampling the validation images.
