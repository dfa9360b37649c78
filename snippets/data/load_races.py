"""Read the races that tuners ran on the recorded problems."""

import numpy as np
import pandas as pd

RACE = "problem", "contestant", "split", "seed"


def load_races(path):
    """Load every trial of every race on the recorded problems.

    `path` names an .npz that docs/evidence/race_problems.py wrote.

    Returns a DataFrame, one row a trial, in the order in which each
    race ended them:

    - `problem`, `contestant`, `split`, `seed`: which race; `seed` is
      the number of the repeat, no two races have the same draws;
    - `trial`: its number in the race, from 1;
    - `row`: the configuration, its place in what load_problem returns;
    - `first`, `last`: it was trained from after the one epoch until
      after the other;
    - `epochs`: what the race had spent when it ended.

    Raises ValueError if `path` holds something else.
    """
    with np.load(path) as file:
        needed = {*RACE, "trials", "row", "first", "last"}
        if missing := needed - {*file.files}:
            raise ValueError(
                f"{path} holds no races, it has no "
                f"{', '.join(sorted(missing))}"
            )
        record = {name: file[name] for name in file.files}
    many = record["trials"]
    races = {name: np.repeat(record[name], many) for name in RACE}
    for name in "problem", "contestant":  # few texts, told many times
        races[name] = pd.Categorical(races[name])
    table = pd.DataFrame(races)
    number = np.repeat(np.arange(len(many)), many)
    table["trial"] = table.groupby(number).cumcount() + 1
    for name in "row", "first", "last":
        table[name] = record[name].astype(int)
    spent = (table["last"] - table["first"]).groupby(number)
    return table.assign(epochs=spent.cumsum())
