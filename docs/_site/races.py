"""Write the data of watch_races.md: recorded races, small enough to load.

list.js says what there is. NAME.js has what each contestant reached on a
problem after each budget, NAME-SPLIT.js one race of each on a split, and
that split's curves. Scripts, not JSON: from disk no page may fetch.
"""

import hashlib
import json
from pathlib import Path

import notebooks

EVIDENCE = notebooks.ROOT / "docs/evidence"
SNIPPETS = notebooks.ROOT / "snippets/data"
# Finer where a search begins.
BUDGETS = [*range(3, 81, 3), *range(81, 378, 9), *range(378, 1513, 27)]
HUNDREDTHS, RECORDED = 100, 10_000  # of a regret; of a score


def write(folder):
    """Write the files, made when what they are made of has changed."""
    sources = [__file__, *sorted(EVIDENCE.glob("*problem*.npz"))]
    names = "load_problem", "load_races", "regret_of", "judge_races"
    sources += [SNIPPETS / f"{name}.py" for name in names]
    digest = hashlib.sha256(b"".join(Path(each).read_bytes() for each in sources))
    made = notebooks.once(files, digest.hexdigest())
    for name, text in json.loads(made).items():
        (folder / name).write_text(text, "utf-8")


def files(_):
    """Return the text of each file, as JSON."""
    from snippets.data.judge_races import judge_races
    from snippets.data.load_problem import load_problem
    from snippets.data.load_races import load_races
    from snippets.data.regret_of import regret_of

    races, contents, scores = load_races(EVIDENCE / "races_problems.npz"), {}, {}
    contestants = races["contestant"].drop_duplicates().tolist()

    def each_of(trials, describe):
        groups = trials.groupby("contestant", observed=True)
        return [describe(groups.get_group(each)) for each in contestants]

    for name, trials in races.groupby("problem", observed=True):
        problem = load_problem(EVIDENCE / f"problem_{name}.npz")
        try:
            regret = regret_of(problem)
        except ValueError:  # nothing to find
            continue
        scores[name] = "accuracy" if problem.classes else "R²"
        judged = judge_races(trials, {name: problem}, {name: regret})
        contents[name] = each_of(judged, reached)
        first = trials[trials["seed"] == trials["seed"].min()]
        for split, race in first.groupby("split"):
            steps = differences(problem.validation[:, split])
            content = {"searches": each_of(race, searched), "steps": steps}
            contents[f"{name}-{split + 1}"] = content
    made = {f"{k}.js": f'RACES["{k}"] = {as_json(v)}\n' for k, v in contents.items()}
    splits = sorted((races["split"].unique() + 1).tolist())
    listed = {"budgets": BUDGETS, "contestants": contestants}
    listed |= {"scores": scores, "splits": splits}
    made["list.js"] = f"const RACES = {as_json(listed)}\n"
    return json.dumps(made).encode()


def as_json(content):
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def searched(trials):
    """Return of each trial its configuration, and from where to where it ran."""
    return [trials[column].tolist() for column in ("row", "first", "last")]


def differences(curves):
    """Return each curve as the steps from epoch to epoch, which zip well."""
    import numpy as np

    whole = np.rint(curves * RECORDED).astype(int)
    return np.diff(whole, axis=1, prepend=0).tolist()


def reached(trials):
    """Return per budget: mean regret, its interval, epochs spent, trials.

    The mean over seeds is taken first, since they share a split; the
    interval is Student's, over splits. Before all races have a trial,
    there is none.
    """
    import numpy as np
    from scipy.stats import t

    by_split = {}
    for (split, _), race in trials.groupby(["split", "seed"]):
        twice = race["contestant"].iloc[0].endswith("twice the epochs")
        budgets = np.multiply(BUDGETS, 1 + twice)
        ended = np.searchsorted(race["epochs"], budgets, side="right")
        told = [np.nan, *race["regret"]], [0, *race["epochs"]], range(len(race) + 1)
        by_split.setdefault(split, []).append(np.take(told, ended, axis=1))
    regrets, epochs, ran = np.mean(list(by_split.values()), axis=1).transpose(1, 0, 2)
    mean, many = regrets.mean(axis=0), len(regrets)
    half = t.ppf(0.975, many - 1) * regrets.std(axis=0, ddof=1) / many**0.5
    shown = np.rint(np.multiply([mean, mean - half, mean + half], HUNDREDTHS))
    counts = np.rint([epochs.mean(axis=0), ran.mean(axis=0)])
    return [
        [None if np.isnan(value) else int(value) for value in line]
        for line in (*shown, *counts)
    ]
