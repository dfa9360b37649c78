# %% [markdown] index="how many trials; how many epochs; which hyperparameters matter; importance; search range; best at the edge; narrow the range; second round; rounds; coarse to fine; transfer learning rate; tune again; one standard error rule; simplest model; deep learning tuning playbook; early epochs"
# # Advice, measured
#
# What to tune first, how wide, how many trials and how long, in which
# rounds: advice that is given everywhere, held against fifteen problems.
#
# ANSWER
#
# [Plan your tuning](../plan_your_tuning.py) follows it, step by step, in
# code.

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

# %%
from snippets.data.evidence_file import evidence_file

# %%
from snippets.results.compare_runs import compare_runs

# %%
advice = pd.read_csv(evidence_file("advice.csv"), comment="#")
advice = advice.pivot_table(
    index="problem",
    columns=["measured", "of"],
    values="value",
    sort=False,
)


def held(table, reference=None, worth=0.05):
    """Display means over problems, or gains over a reference.

    With 95 % intervals, all of a table at once; and on how many problems
    the gain is more than `worth`, or less than -`worth`.
    """
    found = compare_runs(table, reference, paired=bool(reference))
    shown = found[["mean", "low", "high"]]
    if reference:
        gain = -table.sub(table[reference], axis=0)
        shown = pd.DataFrame(
            {
                "regret": found["mean"],
                "gained": -found["difference"],
                "from": -found["difference_high"],
                "to": -found["difference_low"],
                "for": (gain > worth).sum(),
                "against": (gain < -worth).sum(),
            }
        )
        shown.loc[reference, ["gained", "for", "against"]] = None
    display(shown.round(2).astype(object).fillna(""))


print(f"{len(advice)} problems:", ", ".join(advice.index))

# %% [markdown]
# Each [recorded problem](../../evidence/recorded_problems.md) has 504 trained
# configurations, on five splits. A search picks the best on one split and
# is judged on the four others. Regret 0 is what can be found, 1 a
# configuration that a quarter of all beat. The problem is the unit.
#
# ## What to tune first
#
# **The learning rate.** It alone explains most of the differences between
# configurations, on every problem. Once it is right, no hyperparameter
# stands out: which one matters then differs from problem to problem.
#
# The share of the variance of the ranks that each explains by itself, among
# all configurations and among the best quarter, mean over problems; and on
# how many problems it is the largest.


# %%
def shares(who):
    """Return the mean share of each hyperparameter, and where it leads."""
    table = advice[f"importance, {who}"]
    leads = table.idxmax(axis=1).value_counts().reindex(table.columns)
    found = {"share": table.mean().round(2), "largest on": leads}
    return pd.DataFrame(found).fillna(0).astype({"largest on": int})


both = {who: shares(who) for who in ("all", "best quarter")}
display(
    pd.concat(both, axis=1).sort_values(
        ("all", "share"), ascending=False
    )
)

# %% [markdown]
# ## How wide a range
#
# **Wide for the learning rate, unless you know better.** A third of the
# range that holds the best gains little; the third beside it costs more.
#
# 20 random trials in the whole range, from 0.00001 to 0.3; in the third
# of it that holds the best; in the third beside that.

# %%
held(advice["regret of a range"], "wide")

# %% [markdown]
# ## When the best lies at the edge
#
# **Move the range.** If the best five trials lean to one end, move the
# range by half its width to that side, and go on there.
#
# The range is the wrong half on purpose. 40 trials in it, or 20, and 20
# in the range moved to the side where the best five lie:

# %%
held(advice["regret at a wrong edge"], "stay")

# %% [markdown]
# ## How many trials
#
# **Twenty find most; double them and look.** From 5 to 20 random trials
# the regret falls steeply, and then slowly.

# %%
trials = advice["regret of trials"]
held(trials, "20")

# %% alt="Regret after 5 to 160 random trials, a thin line for each problem and a thick one for the mean, falling steeply until 20 and slowly after." figure="trials"
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
axis.plot(trials.columns, trials.T, color="gray", lw=0.8, alpha=0.6)
axis.plot(trials.columns, trials.mean(), color="C0", lw=3)
axis.set(xlabel="random trials of 27 epochs", ylabel="regret")
plt.show()

# %% [markdown]
# ## How long to train a trial
#
# **Short, if short foretells long.** Early scores rank all configurations
# well, and the best ones badly: a short trial weeds out, and does not
# choose. The last round needs the full length.
#
# The rank correlation with the end, after so many epochs:

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
# The same 540 epochs, spent on 20 trials of 27, 60 of 9, 180 of 3 or all
# 504 of 1 epoch, the winner then trained for 27:

# %%
held(advice["regret of 540 epochs, each trial"], "27")

# %% [markdown]
# ## One long search, or rounds
#
# **Two rounds.** The second between the lowest and the highest values of
# the best five of the first, in learning rate, weight decay and dropout.

# %%
rounds = pd.DataFrame(
    {
        "40 at once": trials["40"],
        "20 and 20 near": advice["regret of rounds", "20 and 20 near"],
    }
)
held(rounds, "40 at once")

# %% [markdown]
# ## What to tune again
#
# **The learning rate, when the depth changes.** What is lost by keeping
# the rate that was best before the change:

# %%
held(advice["lost by the old rate"])

# %% [markdown]
# ## The simplest within the noise
#
# **Take it, if size matters to you.** Of 40 trials, those within one standard
# error of the best validation accuracy can't be told from it. The
# smallest of these, in units times layers:

# %%
held(advice["simplest within the noise"].dropna())

# %% [markdown]
# `loses` is the regret more than that of the best, `size` the part of its
# units. Problems with classes only: there the error follows from counts.
#
# ## More trials, or more splits
#
# **More trials.** The same 40 trainings as 40 configurations on one
# split, 20 on two or 10 on four, chosen by the mean over splits:

# %%
held(advice["regret of 40 trainings, splits"], "1")

# %% [markdown]
# ## What this page did not show
#
# - Networks of more than three layers, and data of more than a few
#   thousand rows. What is small here may matter there.
# - More data instead of more trials: each problem has one size.
# - Other ranges. The shares are those of these ranges: a narrow range of
#   the learning rate would leave it less to explain.
# - Interactions but those with the learning rate.
# - Trials of 100 epochs and more, of which 9 are a smaller part.
