"""What there is to find in a recorded space, not by luck."""

import numpy as np


def attainable(curves, rows=slice(None)):
    """Return the test accuracy that a perfect search could count on.

    `curves` is what load_curves returns; `rows` leaves some of its
    configurations. The highest of many noisy accuracies is partly luck,
    so one run judges, and the others choose: whoever knows their
    validation and test accuracies takes the configuration with the
    highest sum. The mean over all runs as judges: with three of them
    it is itself uncertain, by some tenths of a point on small data.

    Raises ValueError if there is but one run to choose and to judge, or
    if an accuracy is missing (NaN).

    Source: cross-validation of the maximum, as in Varma and Simon,
    2006, https://doi.org/10.1186/1471-2105-7-91
    """
    if curves.seeds < 2:
        raise ValueError("needs two runs of each configuration or more")
    if np.isnan([curves.tested.sum(), curves.validation.sum()]).any():
        raise ValueError("an accuracy is missing (NaN)")
    tests = curves.tested[rows]
    known = tests + curves.validation[rows].max(axis=2)
    others = known.sum(axis=1, keepdims=True) - known
    chosen = others.argmax(axis=0)
    return tests[chosen, np.arange(curves.seeds)].mean()
