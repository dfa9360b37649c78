"""Rank methods on many problems, and say which differ."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata, studentized_range


def mean_ranks(results, confidence=0.95):
    """Return mean ranks, and by how much they must differ to differ.

    `results` is a DataFrame, one row a problem, one column a method, of
    finite numbers, the lower the better: one number for a problem, the
    mean of its repeats. Equal results share their ranks.

    Returns the mean ranks, a Series from the best to the worst, and the
    critical difference of Nemenyi's test: of all pairs of methods whose
    mean ranks are further apart, none is so by chance, with this
    confidence.

    Raises ValueError for fewer than two problems or methods, for
    results that are not finite, and for a confidence outside (0, 1).

    Source: Demšar, Statistical Comparisons of Classifiers over Multiple
    Data Sets, 2006, https://jmlr.org/papers/v7/demsar06a.html
    """
    table = pd.DataFrame(results)
    problems, methods = table.shape
    if problems < 2 or methods < 2:
        raise ValueError(
            "two or more problems and methods are needed, "
            f"not {problems} and {methods}"
        )
    if not np.isfinite(table.to_numpy(float)).all():
        raise ValueError("results must be finite numbers")
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence is between 0 and 1, not {confidence!r}"
        )
    ranks = rankdata(table.to_numpy(float), axis=1).mean(axis=0)
    spread = studentized_range.isf(1 - confidence, methods, np.inf)
    error = (methods * (methods + 1) / (12 * problems)) ** 0.5
    return pd.Series(ranks, table.columns).sort_values(), spread * error
