"""Say what each recorded race had reached, trial by trial."""

import numpy as np
import pandas as pd

RACE = ["problem", "contestant", "split", "seed"]


def judge_races(races, problems, regrets):
    """Return races with the score of each trial and the regret so far.

    `races` is what load_races returns; `problems` has what load_problem
    returns, and `regrets` what regret_of does, by the problems' names.

    Adds two columns of floats: `score`, a trial's best validation score
    in the epochs for which it was trained, and `regret`, that of the
    trial which has the highest score of its race by then; among equals
    it is the first. So what a race had reached after some epochs is the
    `regret` in the last row of `races[races["epochs"] <= budget]`.

    Raises ValueError for races on a problem that is not given.
    """
    names = races["problem"].unique()
    if missing := {*names} - ({*problems} & {*regrets}):
        raise ValueError(f"not given: {', '.join(sorted(missing))}")
    parts = []
    for name, trials in races.groupby("problem", observed=True):
        where = trials["row"].to_numpy(), trials["split"].to_numpy()
        curves = problems[name].validation[where]
        epoch = np.arange(curves.shape[1])
        first, last = trials[["first", "last"]].to_numpy().T[..., None]
        inside = (epoch >= first) & (epoch < last)
        score = np.where(inside, curves, -np.inf).max(axis=1)
        regret = regrets[name][where]
        parts.append(trials.assign(score=score, regret=regret))
    judged = pd.concat(parts).loc[races.index]
    race = [judged[name] for name in RACE]
    best = judged["score"].groupby(race, observed=True).cummax()
    before = best.groupby(race, observed=True).shift()
    better = judged["score"] > before.fillna(-np.inf)
    so_far = judged["regret"].where(better)
    judged["regret"] = so_far.groupby(race, observed=True).ffill()
    return judged
