"""Compare the results of repeated runs: how much, and how sure."""

import numpy as np
import pandas as pd
from scipy import stats


def compare_runs(runs, reference=None, paired=False, confidence=0.95):
    """Return means, their intervals and the differences to a reference.

    `runs` is a dict or DataFrame: under each name the results of
    independent repeats, (n,) finite numbers, at least two: scores over
    seeds, or for one model whether it was right on each image.
    `reference` names what the others are compared with. With `paired`,
    results at one place belong together (same seed, same image), and
    the differences are taken there; every name has as many.

    Returns a DataFrame, one row a name:

    - `runs`, `mean`, and the interval of the mean, `low` to `high`;
    - `difference` to the reference's mean, its interval
      `difference_low` to `difference_high`, and the `p` of no
      difference. Both are corrected for the number of names compared
      (Bonferroni): all intervals hold at once with `confidence`, and
      `p` is below 1 - confidence just where an interval leaves out 0.

    Intervals are Student's t, of paired differences or Welch's. Where
    all results are booleans, or integers 0 and 1, they are Wilson's of
    the mean, and of the difference those that Bonett and Price (paired)
    or Agresti and Caffo adjust, with Student's t: for a few dozen
    results wider than need be. Where all numbers are the same,
    there is no spread to go by: no interval, NaN.

    Raises ValueError for fewer than two results, ones that are not
    finite, unequal lengths if paired, a reference that is no name, or a
    confidence outside (0, 1).

    Source: https://doi.org/10.1002/sim.781 (Newcombe),
    https://doi.org/10.3102/1076998611411915 (Bonett and Price)
    """
    given = {name: np.asarray(runs[name]) for name in runs}
    binary = all(
        each.dtype.kind in "biu" and np.isin(each, (0, 1)).all()
        for each in given.values()
    )
    runs = {name: each.astype(float) for name, each in given.items()}
    for name, results in runs.items():
        if results.ndim != 1 or len(results) < 2:
            raise ValueError(
                f"{name} needs two or more results in one row, "
                f"not an array of shape {results.shape}"
            )
        if not np.isfinite(results).all():
            raise ValueError(f"{name} has results that are not finite")
    lengths = {name: len(results) for name, results in runs.items()}
    if paired and len(set(lengths.values())) > 1:
        raise ValueError(f"paired, but of unequal lengths: {lengths}")
    if reference is not None and reference not in runs:
        raise ValueError(
            f"reference is one of {list(runs)}, not {reference!r}"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is in (0, 1), not {confidence}")
    compared = len(runs) - 1
    rows, known = {}, ["runs", "mean", "low", "high"]
    if reference is not None:
        known += [
            "difference",
            "difference_low",
            "difference_high",
            "p",
        ]
    for name, results in runs.items():
        row = {"runs": len(results), "mean": results.mean()}
        if binary:
            counted = stats.binomtest(int(results.sum()), len(results))
            interval = counted.proportion_ci(confidence, "wilson")
        elif _vary(results):
            test = stats.ttest_1samp(results, 0)
            interval = test.confidence_interval(confidence)
        else:
            interval = np.nan, np.nan
        row["low"], row["high"] = interval
        if reference not in (None, name):
            other = runs[reference]
            row["difference"] = results.mean() - other.mean()
            test = _difference(results, other, paired, binary)
            level = 1 - (1 - confidence) / compared
            low, high = test.confidence_interval(level)
            if binary:
                low, high = max(low, -1.0), min(high, 1.0)
            row |= {"difference_low": low, "difference_high": high}
            row["p"] = np.minimum(1, test.pvalue * compared)
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.reindex(columns=known)


def _vary(results, scale=None):
    """Return whether numbers differ by more than rounding."""
    scale = np.abs(results).max() if scale is None else scale
    return np.ptp(results) > 1e-9 * scale


def _difference(results, other, paired, binary):
    """Return SciPy's test of a difference."""
    if paired:
        scale = max(np.abs(results).max(), np.abs(other).max())
        results = results - other
        if binary:  # one more for it and one against
            results = np.append(results, (1, -1))
        if not _vary(results, scale):
            results = np.full_like(results, np.nan)
        return stats.ttest_1samp(results, 0)
    if binary:  # one more right and one more wrong in each
        results, other = (
            np.append(a, (0, 1)) for a in (results, other)
        )
    if not _vary(results) and not _vary(other):
        results = np.full_like(results, np.nan)
    return stats.ttest_ind(results, other, equal_var=False)
