# %% [markdown] index="how many trials; how many epochs; which hyperparameters matter; best at the edge; second round; rounds; coarse to fine; transfer learning rate; tune again; one standard error rule; simplest model; deep learning tuning playbook; early epochs"
# # Advice, measured
#
# What to tune first, how wide, how many trials and how long, in which
# rounds: advice that is given everywhere, held against fifteen problems.
#
# Tune the learning rate first, in a wide range; twenty random trials find
# most; short trials weed out configurations but do not choose among the
# best. [Plan your tuning](../plan_your_tuning.py) does it step by step.
#
# The share of the variance of the ranks that each hyperparameter explains by
# itself, and on how many problems it is the largest:

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
from snippets.data.evidence_file import evidence_file

# %%
import pandas as pd
from IPython.display import display

advice = pd.read_csv(evidence_file("advice.csv"), comment="#")
names = {"index": "problem", "columns": ["measured", "of"]}
advice = advice.pivot_table("value", **names, sort=False)
share = advice["importance, all"]
first = share.idxmax(axis=1).value_counts()
table = {"share": share.mean().round(2), "largest on": first}
table = pd.DataFrame(table).rename_axis("hyperparameter")
table = table.fillna(0).astype({"largest on": int})
display(table.sort_values("share", ascending=False))

# %% [markdown]
# - [**Tune the learning rate first**](#what-to-tune-first), then units and
#   dropout.
# - [**Give it a wide range**](#how-wide-a-range).
# - [**The best lie at an edge of a wrong range? Move
#   it**](#when-the-best-lies-at-the-edge).
# - [**Twenty random trials find most**](#how-many-trials). Twenty more gain
#   a little, [near the best five](#one-long-search-or-rounds) more.
# - [**Short trials weed out; they do not choose**](#how-long-to-train-a-trial).
# - [**The whole plan**](#the-whole-plan) is ahead of random trials, and not
#   shown to differ from `Hyperband`.
# - [**Tune the rate again**](#what-to-tune-again) when the network gets much
#   deeper or narrower.
# - [**Twice the rows, or sixteen times the trials?**](#more-data-or-more-trials)
#   Which gains more is not shown.
# - [**Trials before splits**](#more-trials-or-more-splits), on ten problems of
#   fifteen; on average not shown.

# %%
import matplotlib.pyplot as plt

# %%
from snippets.results.compare_runs import compare_runs


# %%
def held(table, reference=None, worth=0.05):
    """Display means over problems, or gains over a reference.

    With 95 % intervals, all of a table at once; and on how many
    problems the gain is more than `worth`, or less than -`worth`.
    """
    if reference is None:
        shown = compare_runs(table, confidence=1 - 0.05 / len(table.T))
        shown = shown[["mean", "low", "high"]]
        shown["above 0.05"] = (table > worth).sum()
    else:
        found = compare_runs(table, reference, paired=True)
        gain = -table.sub(table[reference], axis=0)
        shown = pd.DataFrame(
            {
                "regret": found["mean"],
                "gained": -found["difference"],
                "from": -found["difference_high"],
                "to": -found["difference_low"],
            }
        )
        other = gain.drop(columns=reference)
        shown["for"] = (other > worth).sum().astype("Int64")
        shown["against"] = (other < -worth).sum().astype("Int64")
    display((shown.round(2) + 0).astype(object).fillna(""))


print(f"{len(advice)} problems:", ", ".join(advice.index))

# %% [markdown]
# Each [recorded problem](../../evidence/recorded_problems.md) has 504
# trained configurations, on five splits. A search picks the best on one
# split and is judged on the four others. A regret of 0 is the score of
# whoever knows the other splits (a lucky search goes below 0), 1 that of
# a configuration which a quarter of all beat. Intervals are over
# problems. On `affairs` a regret of 1 is one row of 600, less than its
# noise: where that problem decides whether something is shown, the text
# says so.
#
# ## What to tune first
#
# **The learning rate, then units and dropout.** The rate explains more than
# any other, on every problem. Where it is in the best third of its range, units
# or dropout lead on most:


# %%
def shares(who):
    """Return each one's mean share, and where it is the largest."""
    table = advice[f"importance, {who}"]
    leads = table.idxmax(axis=1).value_counts().reindex(table.columns)
    found = {"share": table.mean().round(2), "largest on": leads}
    return pd.DataFrame(found).fillna(0).astype({"largest on": int})


both = {who: shares(who) for who in ("all", "right rate")}
display(
    pd.concat(both, axis=1).sort_values(
        ("all", "share"), ascending=False
    )
)

# %% [markdown]
# ## How wide a range
#
# **Wide, unless you know better.** The right third of the range gains a
# little on most problems (shown without `affairs`). The third beside it
# costs nothing on most problems, and more than 1 on some.
#
# 20 random trials each. The whole range of the learning rate is 0.00001 to 0.3:

# %%
held(advice["regret of a range"], "wide")

# %% [markdown]
# ## When the best lies at the edge
#
# **Move the range** by half its width to the side where the best five trials
# lean. That helps on every problem.
#
# Here the range is the wrong half on purpose. The search has 40 trials in
# it, or 20 in it and 20 in the moved range:

# %%
held(advice["regret at a wrong edge"], "stay")

# %% [markdown]
# ## How many trials
#
# **Twenty find most.** From 5 to 20 random trials the regret falls
# steeply; another 140 gain about as much as the ten before the twentieth.

# %%
trials = advice["regret of trials"]
held(trials, "20")

# %% alt="Regret after 5 to 160 random trials, a thin line for each problem and a thick one for the mean, falling steeply until 20 and slowly after." caption="The first twenty trials bring most of what many bring." figure="trials"
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
axis.plot(trials.columns, trials.T, color="gray", lw=0.8, alpha=0.6)
axis.plot(trials.columns, trials.mean(), color="C0", lw=3)
axis.set(xlabel="random trials of 27 epochs", ylabel="regret")
plt.show()

# %% [markdown]
# ## How long to train a trial
#
# **Short trials weed out; they do not choose.** Early scores rank all
# configurations well, but the best ones badly, so the last round needs
# the full length. The rank correlation with the final score, by epochs:

# %%
display(
    pd.concat(
        {
            who: advice[f"foretold, {who}"]
            .agg(["min", "median", "max"])
            .round(2)
            .T
            for who in ("all", "best quarter")
        },
        axis=1,
    )
)

# %% [markdown]
# Each search spends 540 epochs, on 20 trials of 27 epochs, 60 of 9, 180
# of 3 or all 504 of 1. Its winner is then trained for 27:

# %%
held(advice["regret of 540 epochs, each trial"], "27")

# %% [markdown]
# Trials of 9 epochs are shown to be better, but only a little. Those of 3
# and 1 gain more on some problems, and lose more on others.

# %% [markdown]
# ## One long search, or rounds
#
# **Two rounds.** The gain is small, and no problem loses more than 0.05. The
# second round searches between the lowest and the highest values of the best
# five of the first, in learning rate, weight decay and dropout.

# %%
rounds = pd.DataFrame(
    {
        "40 at once": trials["40"],
        "20 and 20 near": advice["regret of rounds", "20 and 20 near"],
    }
)
held(rounds, "40 at once")

# %% [markdown]
# ## The whole plan
#
# **[The plan](../plan_your_tuning.py) is ahead of random trials** of
# about as many epochs, on 14 problems of 15. No difference from
# `Hyperband` is shown, nor which of the two suits which problem.
#
# Two rounds of 20 trials of 9 epochs, then the best two in full, cost as
# many epochs as 15 full trials. With three seeds of these two and of the
# untuned model, they cost as many as 22, and the plan is ahead of 22
# random trials too, on 13 problems. The final seeds are not recorded, so
# they choose nothing here. Nor is the range moved, or the simplest
# configuration taken. `Hyperband`'s winner is trained in full.

# %%
plan = advice["regret of a plan"]
held(plan, "15 random trials")

# %% [markdown]
# ## What to tune again
#
# **The learning rate, when the network gets much deeper or narrower.**
# The table says what is lost by keeping the old one. (With three layers
# instead of one, the loss is shown without `affairs`.)

# %%
old = advice["lost by the old rate"]
held(old)

# %% [markdown]
# ## The simplest within the noise
#
# **Take it, if size matters.** The simplest of 40 trials is the smallest
# (units times layers) within one standard error of the best validation
# accuracy. It is half as large as the best, and loses about what twenty
# more trials gain.

# %%
held(advice["simplest within the noise"].dropna())

# %% [markdown]
# `loses` is by how much its regret is above that of the best, and `size`
# its part of the best's units. Only problems with classes are here, since
# there the standard error follows from counts.
#
# ## More trials, or more splits
#
# **More trials, at first.** 40 configurations on one split, 20 on two or 10 on
# four, chosen by the mean over splits and judged on the one that is left. Four
# splits are worse on ten problems; no difference is shown on average.

# %%
held(advice["regret of 40 trainings, splits"], "1")

# %% [markdown]
# ## More data, or more trials
#
# **Both gain.** The nine problems that took least to record were trained
# again on half of the training rows, for as many steps. Compared with ten
# trials on the half, sixteen times the trials gain on seven problems, and
# twice the rows on eight; on average a gain is shown for the rows only.
# Which gains more is not shown. (Three splits, judged on the other two:
# compare gains, not levels, with other tables.)

# %%
rows = advice["regret with rows"].dropna()
names = ["half of them, 10", "half of them, 160", "all rows, 10"]
held(rows[names], "half of them, 10")

# %% [markdown]
# **Too slow? Search on half of the rows**, and train the winner on all.
# As many trials, whose epochs cost half, are not shown to lose: they are
# better on two problems, worse on two. Twice as many, for the same cost,
# are better on six and worse on two; on average no difference is shown.

# %%
fewer = advice["regret of a search on fewer rows"].dropna()
held(fewer, "20 on all rows")


# %%
def gains(table, reference, name):
    """Return the interval of the gain: low and high."""
    found = compare_runs(table, reference, paired=True).loc[name]
    return -found["difference_high"], -found["difference_low"]


alone, right = (advice[f"importance, {who}"] for who in both)
assert (alone.idxmax(axis=1) == "learning_rate").all()
assert (alone["learning_rate"] > 0.39).all()
assert alone.drop(columns="learning_rate").max(axis=None) < 0.15
leads = right.idxmax(axis=1).isin(["units", "dropout"])
assert leads.sum() > len(right) / 2
assert set(right.mean().nlargest(2).index) == {"units", "dropout"}

# %%
ranges = advice["regret of a range"]
assert gains(ranges, "wide", "right third")[0] < 0
others = ranges.drop("affairs")
assert gains(others, "wide", "right third")[0] > 0
cost = ranges["wrong third"] - ranges["wide"]
assert cost.max() > 1 and (cost < 0.05).sum() > len(cost) / 2
edge = advice["regret at a wrong edge"]
assert gains(edge, "stay", "move")[0] > 0.2
assert (edge["stay"] - edge["move"] > 0.05).all()

# %%
low, high = gains(trials, "20", "40")
assert 0 < low < high < 0.15
mean = trials.mean()
ratio = (mean["20"] - mean["160"]) / (mean["10"] - mean["20"])
assert 0.6 < ratio < 1.2
assert gains(rounds, "40 at once", "20 and 20 near")[0] > 0
assert (rounds.diff(axis=1).iloc[:, 1] < 0.05).all()
for other, ahead in (("15", 14), ("22", 13)):
    name = f"{other} random trials"
    assert gains(plan, name, "the plan")[0] > 0
    assert (plan[name] - plan["the plan"] > 0.05).sum() == ahead
low, high = gains(plan, "Hyperband", "the plan")
assert low < 0 < high

# %%
assert advice["foretold, best quarter", "3"].max() < 0.6
spent = advice["regret of 540 epochs, each trial"]
for name in ("9", "3", "1"):
    assert (gains(spent, "27", name)[0] > 0) == (name == "9")
    gain = spent["27"] - spent[name]
    wide = gain.min() < -0.2 and gain.max() > 0.2
    assert wide == (name != "9")


def lost(table):
    """Return which changes are shown to lose, all at once."""
    found = compare_runs(table, confidence=1 - 0.05 / len(table.T))
    return set(found.index[found["low"] > 0])


# %%
assert lost(old) == {"units most to fewest"}
assert "layers 1 to 3" in lost(old.drop("affairs"))
splits = advice["regret of 40 trainings, splits"]
assert (splits["4"] - splits["1"] > 0.05).sum() >= 10
simple = advice["simplest within the noise"].dropna().mean()
gain = rows.rsub(rows[names[0]], axis=0)[names[1:]]
assert len(rows) == 9 and (gain > 0.05).sum().tolist() == [7, 8]
assert gains(rows[names], *names[::2])[0] > 0
direct = rows[names[2]] - rows[names[1]]
low, high = compare_runs(direct.to_frame("lost"))[["low", "high"]].iloc[
    0
]
assert low < 0 < high
gain = fewer["20 on all rows"] - fewer["40 on half of them"]
assert (gain > 0.05).sum() == 6 and (gain < -0.05).sum() == 2
few = fewer["20 on all rows"] - fewer["20 on half of them"]
assert (few > 0.05).sum() == (few < -0.05).sum() == 2
for name in fewer.columns[1:]:
    low, high = gains(fewer, "20 on all rows", name)
    assert low < 0 < high
assert gains(rows[names], *names[:2])[0] < 0
assert simple["size"] < 0.6 and 0.05 < simple["loses"] < 0.1

# %% [markdown]
# ## What this page did not show
#
# - Networks of more than three layers, and data of more than a few
#   thousand rows. What is small here may matter there.
# - More rows than the problems have, and parts other than a half.
# - Other ranges: a narrow one of the learning rate would leave it less to
#   explain.
# - Interactions other than those with the learning rate.
# - Trials of 100 epochs and more, of which 9 are a smaller part.
# - Short trials whose cosine schedule ends with them: those of 9 epochs
#   are the beginnings of 27.
