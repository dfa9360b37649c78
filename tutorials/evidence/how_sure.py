# %% [markdown] index="how sure; noise of a score; significant difference; standard error; executions_per_trial; how many repeats; repeats or more trials; winner's curse; optimistic score; one-standard-error rule; test accuracy lower than val_accuracy; overfitting the validation set; how many validation images"
# # How sure can one be?
#
# How far apart two scores must be before the better one means something,
# how many repeats that takes, and how much of a best score is luck.
#
# With `p` the accuracy and `n` the number of validation images, take
# `se = sqrt(p * (1 - p) / n)`, the
# [standard error](../../reference/glossary.md#standard-error) of one score.
#
# - **A difference** below one `se` says little. From two `se` on, the
#   better score usually is the better configuration. Among the best
#   on few images even that can be luck.
# - **Repeats** of every trial lose when trials are few: more
#   configurations bring more. Running only the best few again costs
#   less than that, and gained in one case of four.
# - **The best score** is too good, more so after many trials than after
#   few, up to some 64, and can go on rising when winners no longer get
#   better. Look at the test set once, at the end, and report that.
#
# The page works this out on recorded runs, in which any search can be
# replayed thousands of times. Here the test set judges these rules; in a
# search of yours it stays closed until the end.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import math

import keras
import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.data.load_curves import load_curves

# %%
from snippets.results.compare_runs import compare_runs

# %% [markdown]
# ## The recorded runs
#
# Every configuration of a space, trained with three seeds, on
# [digits](../../evidence/curves_digits.csv.xz) and on
# [10,000 images of MNIST](../../evidence/curves_mnist.csv.xz). A seed
# decides the first weights, the order of the images and what dropout
# drops. Which images are for training, validation and test is always the
# same.

# %%
problems = {
    "digits": load_curves(evidence_file("curves_digits.csv.xz")),
    "mnist": load_curves(evidence_file("curves_mnist.csv.xz")),
}
images = {"digits": (288, 360), "mnist": (1600, 2000)}
for name, curves in problems.items():
    print(name, curves.validation.shape, end=": ")
    print("{} validation images, {} for the test".format(*images[name]))
    arrays = curves.validation, curves.test
    for array, number in zip(arrays, images[name], strict=True):
        right = array * number  # whole numbers, but for the rounding
        assert np.all(abs(right - right.round()) < 1e-4 * number)

# %% [markdown]
# The shapes are configurations, seeds, epochs. As in Keras Tuner, a
# run's score is the validation accuracy of its best epoch, and what is
# kept is the network of that epoch.


# %%
def best_epoch(seen, judge):
    """Return what is seen at each run's best epoch, and its judge."""
    epoch = seen.argmax(axis=2, keepdims=True)
    chosen = (np.take_along_axis(a, epoch, 2) for a in (seen, judge))
    return [array[..., 0] for array in chosen]  # configurations, seeds


scores, tested, best_quarter = {}, {}, {}
for name, curves in problems.items():
    runs = best_epoch(curves.validation, curves.test)
    scores[name], tested[name] = runs
    level = sum(runs).mean(axis=1)
    best_quarter[name] = level >= np.quantile(level, 0.75)

# %% [markdown]
# ## How large must a difference be?
#
# Two things move a score: which images the validation set happens to
# hold, and which seed the run happens to have. How far they move the
# difference of two runs in the best quarter, as standard deviations in
# points, the hundredths of accuracy:


# %%
def noise(name):
    """Return what moves scores near the top, in points."""
    score = scores[name][best_quarter[name]]
    test = tested[name][best_quarter[name]]
    n, m = images[name]
    p = score.mean()
    # What a run is worth is in both; what differs is the images.
    apart = (score - test).var(ddof=1) / (1 / n + 1 / m)
    deviations = [
        a - a.mean(axis=1, keepdims=True) for a in (score, test)
    ]
    confirmed = np.prod(deviations, axis=0).sum() / (2 * len(score))
    variances = {
        "one score by formula, se": p * (1 - p) / n,
        "images, by formula": 2 * p * (1 - p) / n,
        "images, as measured": 2 * apart / n,
        "seed": 2 * score.var(axis=1, ddof=1).mean(),
        "seed, confirmed by the test": 2 * max(confirmed, 0),
    }
    return 100 * np.sqrt(pd.Series(variances))


noises = pd.DataFrame({name: noise(name) for name in problems})
display(noises.round(2))

# %%
_, formula, measured, seed, confirmed = noises.to_numpy()
assert all(measured < formula) and all(confirmed < seed)

# %% [markdown]
# - **Images.** The formula is that of two separate sets of images. Both
#   runs saw the same ones, and tend to fail on the same: that cancels,
#   and less is left. From accuracies it can only be told by how far
#   validation and test drift apart. If you keep the answers on each
#   image, compare two networks directly: `compare_runs`, `paired`, of
#   right and wrong.
# - **Seed.** A rerun moves a score too. In part it makes a better or
#   worse network, which the test set confirms; the rest is, again, other
#   errors on these few images.
#
# [Bouthillier et al. (2021)](https://arxiv.org/abs/2103.03098) measured
# such sources on larger problems and found that of the data to be the
# largest.
#
# So much for models of noise. How good a yardstick is `se`? Take two
# configurations from the better half, as one run of each shows them. The
# one with the better score is ahead; does it stay ahead on the test set,
# in the mean of its other two runs?


# %%
def stays_ahead(name, least=0.5, bins=8, resamples=300):
    """Return shares and pairs by the size of the difference.

    A bin is half an se wide. The first row is as recorded, the others
    have resampled configurations. Scores from the quantile `least` on
    take part. Last, for each run that leads by more than two se, how
    often it stays ahead.
    """
    count = len(scores[name])
    draws = np.random.default_rng(1).multinomial(
        count, np.full(count, 1 / count), resamples
    )
    weights = np.vstack([np.ones(count), draws])
    ahead, pairs = np.zeros((2, resamples + 1, bins))
    leading = []
    for run in range(3):
        score = scores[name][:, run]
        high = score >= np.quantile(score, least)
        score, weight = score[high], weights[:, high]
        test = np.delete(tested[name][high], run, axis=1).mean(axis=1)
        p = (score[:, None] + score) / 2
        se = np.sqrt(p * (1 - p) / images[name][0])
        size = np.ceil((score[:, None] - score) / se / 0.5)
        better = (
            np.sign(test[:, None] - test) + 1
        ) / 2  # a tie is half
        for bin in range(bins):
            here = 1.0 * (size == bin + 1)
            pairs[:, bin] += (weight @ here * weight).sum(axis=1)
            here *= better
            ahead[:, bin] += (weight @ here * weight).sum(axis=1)
        large = (size > 4) & (size <= bins)
        leads = large.sum(axis=1)
        stays = (better * large).sum(axis=1)
        leading.extend(stays[leads > 0] / leads[leads > 0])
    return ahead / np.maximum(pairs, 1), pairs[0], leading


# %% alt="How often the better of two scores stays ahead, against their difference in standard errors: for both problems the line climbs from a little above one half to nearly one." figure="stays_ahead"
figure, axis = plt.subplots()
shares = {name: stays_ahead(name) for name in problems}
for marker, (name, (share, *_)) in zip(
    "os", shares.items(), strict=True
):
    middles = np.arange(share.shape[1]) / 2 + 0.25
    low, high = np.quantile(share[1:], [0.05, 0.95], axis=0)
    axis.fill_between(middles, low, high, alpha=0.2)
    axis.plot(middles, share[0], marker=marker, label=name)
axis.axhline(0.5, linestyle=":", color="gray")
axis.set_xlabel("difference of two scores, in se")
axis.set_ylabel("share that stays ahead")
axis.legend()
plt.show()

# %%
sizes = ["up to 1 se", "1 to 2 se", "2 to 3 se", "3 to 4 se"]
ahead, leading = {}, {}
for part, least in (("half", 0.5), ("quarter", 0.75)):
    for name in problems:
        share, pairs, runs = stays_ahead(name, least, resamples=1)
        stayed = (share[0] * pairs).reshape(4, 2).sum(axis=1)
        pairs = pairs.reshape(4, 2).sum(axis=1)
        row = dict(zip(sizes, stayed / pairs, strict=True))
        row["pairs above 2 se"] = int(pairs[2:].sum())
        row["runs that lead them"] = len(runs)
        ahead[f"best {part}", name] = row
        leading[part, name] = np.array(runs)
ahead = pd.DataFrame.from_dict(ahead, orient="index")
display(ahead.round(2))

# %%
half, quarter = ahead.loc["best half"], ahead.loc["best quarter"]
assert ahead["up to 1 se"].max() < 0.75
assert half["2 to 3 se"].min() > 0.85
runs = leading["quarter", "digits"]
assert len(runs) == 9 and (runs < 0.5).sum() == 1 and runs.min() < 0.2
assert all(half[sizes].T.diff().iloc[1:].min() > 0)

# %% [markdown]
# The bands hold nine tenths of what resampled configurations give. The
# test set has noise of its own, so the true shares are a little further
# from one half.
#
# In the best quarter of digits a lead of more than two `se` is rare.
# There only nine runs lead by more than two `se`, and one of them, the
# luckiest, loses nearly all its pairs: even a large lead can be luck.
#
# Turned round: the validation images that it takes until `2 * se` is as
# small as a difference that matters to you.

# %%
points, accuracies = [0.2, 0.5, 1, 2], [0.8, 0.9, 0.95, 0.98]
needed = pd.DataFrame(
    [
        [round(4 * p * (1 - p) / (d / 100) ** 2) for p in accuracies]
        for d in points
    ],
    index=pd.Index(points, name="points"),
    columns=[f"accuracy {p}" for p in accuracies],
)
display(needed)

# %% [markdown]
# ## How many repeats?
#
# With `executions_per_trial=k` a score is the mean of `k` runs. That
# divides the variance of reruns by `k`. The images stay the same, and
# some are hard for one configuration in each of its runs. Of the
# difference of two configurations in the best quarter, this is the
# standard error:


# %%
def left_after(name, k):
    """Return the standard error of a difference, in points."""
    score = scores[name][best_quarter[name]]
    gap = score - tested[name][best_quarter[name]]
    n, m = images[name]
    within = gap.var(axis=1, ddof=1).mean()
    stays = max(gap.mean(axis=1).var(ddof=1) - within / 3, 0)
    stays *= (1 / n) / (1 / n + 1 / m)  # the validation set's part
    return 100 * np.sqrt(
        2 * (stays + score.var(axis=1, ddof=1).mean() / k)
    )


repeats = [1, 2, 3, 5, 10, np.inf]
left = pd.DataFrame(
    {name: [left_after(name, k) for k in repeats] for name in problems},
    index=pd.Index(repeats, name="runs of each"),
)
display(left.round(2))
assert all(left.loc[3] > left.loc[1] / 2)
assert all(left.loc[np.inf] < noises.iloc[0])

# %% [markdown]
# Three runs of each don't halve it. Beyond three the table is arithmetic
# and no record, and its last row, what no repeat removes, is roughly
# estimated: less than one `se`.
#
# ### Repeats, or more configurations?
#
# A number of runs can go into configurations or into repeats. Searches
# that draw at random, replayed, tell which. The judge is the third run
# of the configuration that a search picks, which no search has seen. All
# of it is done twice: searching on the validation set with the test set
# as judge, and the other way round.

# %%
SEARCHES = 4000
count = len(scores["digits"])
rng = np.random.default_rng(1)
drawn = np.argsort(rng.random((SEARCHES, count)), axis=1)
seeds = np.argsort(rng.random((SEARCHES, count, 3)), axis=2)
row = np.arange(SEARCHES)


def both_ways(name, epochs=slice(None)):
    """Yield what searches see, and its judge: validation first.

    Each has the shape (searches, trials, runs), in points.
    """
    validation = problems[name].validation[..., epochs]
    test = problems[name].test[..., epochs]
    for pair in ((validation, test), (test, validation)):
        yield [
            100 * array[drawn[..., None], seeds]
            for array in best_epoch(*pair)
        ]


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
gained = {}
for name in problems:
    for searched, pair in zip("vt", both_ways(name), strict=True):
        seen, judge = pair
        for way in (two_runs_of_each, best_sixth_again):
            gained[name, searched, way.__name__] = np.array(
                [
                    judge[row, way(seen, runs), 2]
                    - judge[row, seen[:, :runs, 0].argmax(axis=1), 2]
                    for runs in RUNS
                ]
            )

# %% alt="Points that repeats gain over one run of each, against the number of runs, a panel for each problem, two lines for each way to repeat: with few runs two runs of each lose clearly, the best sixth again stays near zero." figure="repeats"
figure, axes = plt.subplots(ncols=2, sharey=True)
for axis, shown in zip(axes, problems, strict=True):
    for (name, searched, way), gain in gained.items():
        if name == shown:
            bars = compare_runs(dict(zip(RUNS, gain, strict=True)))
            mean = bars["mean"]
            axis.errorbar(
                RUNS,
                mean,
                (mean - bars["low"], bars["high"] - mean),
                label=way.replace("_", " ")
                if searched == "v"
                else None,
                linestyle="-" if searched == "v" else "--",
                marker="s" if way == "two_runs_of_each" else "^",
                color="C0" if way == "two_runs_of_each" else "C1",
            )
    axis.axhline(0, linestyle=":", color="gray")
    axis.set_xscale("log", base=2)
    axis.set_xticks(RUNS, RUNS)
    axis.set_xlabel(f"runs of a search, {shown}")
axes[0].set_ylabel("points gained")
axes[0].legend()
plt.show()

# %%
gains = pd.DataFrame(
    {key: gain.mean(axis=1) for key, gain in gained.items()},
    index=pd.Index(RUNS, name="runs"),
)
gains.columns.names = "problem", "searched on", "way"
two = gains.xs("two_runs_of_each", axis=1, level="way")
sixth = gains.xs("best_sixth_again", axis=1, level="way")
print("gained, of both problems and ways the least and the most")
for runs in RUNS:
    for way, gain in (("two of each", two), ("best sixth", sixth)):
        least, most = gain.loc[runs].min(), gain.loc[runs].max()
        print(f"{runs:>4} {way:>11}: {least:+.2f} to {most:+.2f}")
assert all(two.loc[12] < -0.1)
assert all(sixth.loc[12] > two.loc[12])
assert all(sixth.loc[:96].mean() > two.loc[:96].mean())
assert sixth.min().min() > -0.2
assert list(sixth.loc[:, sixth.max() > 0.1]) == [("digits", "v")]

# %% [markdown]
# Dashed is the search on the test set. The bars are 95 % intervals for
# the mean over such searches. They know nothing of other images, and the
# distance between solid and dashed shows how much those matter.
#
# With few runs, two of each cost more than they bring: half as many
# configurations were tried. The best sixth again costs less, most on
# MNIST. With hundreds of runs it paid in one of the four cases, digits
# searched on the validation set.
#
# ## How much of the best score is luck?
#
# The winner of a search is partly the best and partly the luckiest, and
# its score too good: the winner's curse. The same happens among the
# epochs of a run, of which the best is taken. Both overfit the
# validation set by selection
# ([Cawley and Talbot, 2010](https://jmlr.org/papers/v11/cawley10a.html)).
#
# Not all of a gap between validation and test is luck: one of the two
# sets may be easier. In a search the other way round that part has the
# other sign, so the mean of both ways is free of it.

# %%
TRIALS = 1, 4, 16, 64, 256, count


def winners(name, epochs=slice(None)):
    """Return what is seen of winners, and their judge.

    Each has the shape (ways, trials, searches, runs). Run 0 has won,
    the others are those of the configuration's other seeds.
    """
    seen_all, judge_all = [], []
    for seen, judge in both_ways(name, epochs):
        picks = [seen[:, :n, 0].argmax(axis=1) for n in TRIALS]
        seen_all.append([seen[row, pick] for pick in picks])
        judge_all.append([judge[row, pick] for pick in picks])
    return np.array(seen_all), np.array(judge_all)


def luck(seen, judge):
    """Return score minus judge, less what tells the two ways apart."""
    gap = seen[..., 0] - judge[..., 0]
    means = gap.mean(axis=2, keepdims=True)
    return gap - means + means.mean(axis=0)


won = {name: winners(name) for name in problems}
curse = {
    name: {
        "than the test of the same network": luck(seen, judge),
        "the same, last epochs only": luck(
            *winners(name, slice(-1, None))
        ),
        "than scores of other seeds": seen[..., 0]
        - seen[..., 1:].mean(axis=-1),
    }
    for name, (seen, judge) in won.items()
}

# %% alt="By how many points a winner's score is too good, against the number of trials, a panel for each problem. It climbs with the trials, and lies higher where the best epoch was chosen than with last epochs only." figure="luck"
figure, axes = plt.subplots(ncols=2, sharey=True)
for axis, (name, lines) in zip(axes, curse.items(), strict=True):
    lucky = lines["than the test of the same network"]
    low, high = np.quantile(lucky, [0.1, 0.9], axis=(0, 2))
    axis.fill_between(TRIALS, low, high, alpha=0.2)
    for style, (label, points) in zip(
        ("o-", "v--", "s:"), lines.items(), strict=True
    ):
        axis.plot(TRIALS, points.mean(axis=(0, 2)), style, label=label)
    axis.axhline(0, linestyle=":", color="gray")
    axis.set_xscale("log", base=2)
    axis.set_xticks(TRIALS[:-1], TRIALS[:-1])
    axis.set_xlabel(f"trials, {name}")
axes[0].set_ylabel("points too good")
axes[1].legend(fontsize="small")
plt.show()

# %%
for name, lines in curse.items():
    best, last, _ = (line.mean(axis=(0, 2)) for line in lines.values())
    print(f"{name}: too good by {best[0]:.2f} for one trial,", end=" ")
    print(f"{best[3]:.2f} for {TRIALS[3]}, {best[5]:.2f} for {count};")
    print(f"    {last[0]:.2f}, {last[3]:.2f}, {last[5]:.2f}", end=" ")
    print("with last epochs only")
    assert best[3] > best[0] > 0 and last[3] > last[0]
    assert best.mean() > last.mean()
    gap = (won[name][0] - won[name][1])[..., 0].mean(axis=(1, 2))
    print(f"    validation set easier by {(gap[0] - gap[1]) / 2:.2f}")

# %% [markdown]
# - The band holds eight tenths of the searches: what can happen to one.
# - One trial alone is too good already: of its epochs the best was
#   chosen. Choosing among trials comes on top.
# - The last line compares validation scores only, of the same
#   configuration: what you would lose by training the winner anew.
# - How much easier one set is has nothing to do with tuning, and on
#   digits it is as large as the luck.
#
# And do more trials still find something better? `worth` is what the
# judge says of the winner's two other runs.

# %%
rows = pd.MultiIndex.from_product([problems, ["validation", "test"]])
worth = pd.DataFrame(
    {
        f"{what}, {n} trials": [
            values[way, TRIALS.index(n)].mean()
            for name in problems
            for way in (0, 1)
            for values in [choose(*won[name])]
        ]
        for what, choose in (
            ("score", lambda seen, judge: seen[..., 0]),
            ("worth", lambda seen, judge: judge[..., 1:].mean(axis=-1)),
        )
        for n in (16, 64, count)
    },
    index=rows.set_names(["problem", "searched on"]),
)
display(worth.round(2))

# %%
rise = pd.DataFrame(
    {
        what: worth[f"{what}, {count} trials"]
        - worth[f"{what}, 64 trials"]
        for what in ("score", "worth")
    }
)
print(f"from 64 to {count} trials:\n", rise.round(2).to_string())
assert all(rise.loc["digits", "score"] > 0.2)
assert all(rise.loc["digits", "worth"] < 0.1)
assert all(rise.loc["mnist", "worth"] > 0.1)
winning = [
    len(np.unique(drawn[row, seen[..., 0].argmax(axis=1)]))
    for name in problems
    for seen, _ in both_ways(name)
]
print(f"configurations that ever win all {count} trials:", winning)
assert min(winning) == 1 and max(winning) == 21

# %% [markdown]
# 432 trials are all there are, so one to twenty-one configurations win.
# On digits no gain in worth is shown; on MNIST some of the rise is real.
#
# ## What to do about it
#
# 1. Work out `se` before the search. If `2 * se` is more than the
#    differences that matter, get more validation images, or
#    [cross-validate](../how_to/cross_validation.py).
# 2. Spend the runs on configurations first.
# 3. Run the best few again, with other seeds, for a score that choosing
#    has flattered less, and choose by the mean.
# 4. Take the simplest of those that are within one `se` of the best.
# 5. Evaluate that one on the test set, once, and report it with its
#    interval, which `compare_runs` gives of right and wrong on each
#    image. If you go back and tune on, that test set is spent.
#
# ### Within one standard error
#
# The rule is from Breiman et al., *Classification and Regression Trees*
# (1984), and in
# [The Elements of Statistical Learning](https://hastie.su.domains/ElemStatLearn/),
# section 7.10. In searches of 50 trials, this is what the network with
# the fewest weights within one `se` of the best score is worth:

# %%
inputs = {"digits": 64, "mnist": 784}
rules = {}
for name, curves in problems.items():
    table = curves.configurations
    layers, units = table["layers"], table["units"]
    weights = (inputs[name] + 1) * units + (units + 1) * 10
    weights += (layers - 1) * (units + 1) * units
    weights = weights.to_numpy()[drawn[:, :50]]
    seen, judge = next(both_ways(name))
    first = seen[:, :50, 0]
    best = first.max(axis=1, keepdims=True)
    se = np.sqrt(best * (100 - best) / images[name][0])
    order = np.where(first >= best - se, weights, np.inf)
    for rule, pick in (
        ("best score", first.argmax(axis=1)),
        ("fewest weights", order.argmin(axis=1)),
    ):
        rules[name, rule] = {
            "worth": judge[row, pick, 1:].mean().round(2),
            "weights, median": int(np.median(weights[row, pick])),
        }
rules = pd.DataFrame(rules).T
display(rules.astype({"weights, median": int}))

# %%
for name in problems:
    best, fewest = (
        rules.loc[(name, rule)]
        for rule in ("best score", "fewest weights")
    )
    lost = best["worth"] - fewest["worth"]
    print(f"{name}: {lost:.2f} points for", end=" ")
    ratio = best["weights, median"] / fewest["weights, median"]
    print(f"{ratio:.1f} times fewer weights")
    assert lost < noises.loc["one score by formula, se", name]
    assert ratio >= 1

# %% [markdown]
# Which is the better bargain depends on what weights cost you. Put
# seconds in their place if it's time that counts.
#
# ## Repeats in Keras Tuner
#
# `executions_per_trial=2` trains every configuration twice. The score is
# the mean over the runs, each at its best epoch; the weights kept are
# those of the one best epoch of the one best run. To keep the single
# scores as well, note them in `run_trial`.

# %%
from snippets.models.build_model import build_model

# %%
single = {}


def with_optimizer(hp):
    model = build_model(hp)
    # Its state is in the checkpoint; unbuilt, loading would warn.
    model.optimizer.build(model.trainable_variables)
    return model


class Noted(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        histories = super().run_trial(trial, *args, **kwargs)
        single[trial.trial_id] = [
            max(run.history["val_accuracy"]) for run in histories
        ]
        return histories


x, y = load_digits(return_X_y=True)
data = {"x": x[:600] / 16, "y": y[:600], "epochs": 3, "verbose": 0}
data["validation_data"] = x[600:900] / 16, y[600:900]
tuner = Noted(
    with_optimizer,
    objective=kt.Objective("val_accuracy", "max"),
    max_trials=2,
    executions_per_trial=2,
    seed=1,
    directory="searches",
    project_name="how_sure",
    overwrite=True,
)
tuner.search(**data)
for trial in tuner.oracle.trials.values():
    runs = single[trial.trial_id]
    print(trial.status, f"{trial.score:.4f} is the mean of", end=" ")
    print(*(f"{score:.4f}" for score in runs))
    assert np.isclose(trial.score, np.mean(runs))

# %%
(best,) = tuner.oracle.get_best_trials()
(model,) = tuner.get_best_models()
_, accuracy = model.evaluate(*data["validation_data"], verbose=0)
print(f"score {best.score:.4f}, the network kept {accuracy:.4f}")
assert np.isclose(accuracy, max(single[best.trial_id]), atol=1e-6)

# %% [markdown]
# The network kept is the luckiest run of the trial, so expect of it
# nearer what the score says. To repeat the best few only, search with
# single runs and go on by hand. Choose by the mean of old and new runs.

# %%
for hp in tuner.get_best_hyperparameters(2):
    model = tuner.hypermodel.build(hp)
    history = tuner.hypermodel.fit(hp, model, **data)
    again = max(history.history["val_accuracy"])
    print(f"{again:.4f} from another run, of", hp.values)

# %% [markdown]
# A seed set in `build` would make all the runs of a trial the same. How
# to seed them otherwise:
# [reproducible searches](../how_to/reproducible_searches.py#seed-each-trial).

# %% [markdown]
# ## Is a search worth it?
#
# One search is one draw. [Random search](../random_search.py) shows one,
# with intervals over runs and over images. The same search was repeated with other seeds, a million apart
# ([program](../../evidence/repeat_random_search.py),
# [results](../../evidence/random_searches.csv)), and the untuned network,
# with twice the patience of a trial, was trained often enough to know what
# the best of several runs of it is.

# %%
record = pd.read_csv(evidence_file("random_searches.csv"), comment="#")
plain = record[record["model"] == "untuned"]
plain = plain.sort_values("validation_accuracy", ignore_index=True)


def best_of(count):
    """Return the test accuracy of the best of `count` untuned runs.

    By validation accuracy, on average over all choices of so many.
    """
    chances = [math.comb(rank, count - 1) for rank in range(len(plain))]
    score = plain["validation_accuracy"]  # among equals, their mean
    tests = plain.groupby(score)["test_accuracy"].transform("mean")
    return np.average(tests, weights=chances)


searches = record[record["search"] > 0].groupby(["search", "model"])
searches = searches[["epochs", "test_accuracy"]].mean().unstack("model")
tests = searches["test_accuracy"]
counts = searches["epochs", "checkpoint"] / plain["epochs"].mean()
gains = pd.DataFrame(
    {
        "tuned minus untuned, mean of runs": tests["tuned"]
        - plain["test_accuracy"].mean(),
        "checkpoint minus best of the untuned": tests["checkpoint"]
        - [best_of(round(count)) for count in counts],
    }
)
repeated = compare_runs(gains)
repeated["searches that gained"] = (gains > 0).sum()
display(repeated.drop(columns="runs").round(4))
print(
    f"{len(gains)} searches, for as many epochs as the best of ", end=""
)
print(f"{counts.mean():.0f} untuned runs")

# %% [markdown]
# Both gain on average. Trained anew, every search's configuration is
# better on average than the untuned one; its checkpoint alone, one run,
# beats the best of the untuned in three searches of four. The intervals
# speak of the draw, on the same test images each time. A single search
# may find little, or luck, and its validation score does not say which.

# %%
assert (repeated["low"] > 0).all()
assert (gains > 0).mean().tolist() == [1, 0.75]

# %% [markdown]
# ## What this page did not show
#
# - Other images: both problems are digits, each cut once into training,
#   validation and test. That cut is noise too, and no rerun shows it.
# - Other searches than random ones. Hyperband and Bayesian optimisation
#   look more often where scores are high, and are no less lucky.
# - Other scores than accuracy. For a loss or an AUC, `se` comes from
#   resampling the validation images.
# - More than three runs of a configuration.
