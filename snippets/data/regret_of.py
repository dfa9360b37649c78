"""Say how far a chosen configuration stays behind what can be found."""

import numpy as np


def regret_of(problem, scores=None):
    """Return the regret of each configuration chosen on each split.

    `problem` is what load_problem returns. Whoever chose a
    configuration on a split, by its validation scores, is judged by its
    test scores on the other splits, so that luck with a split is not
    taken for skill. The yardstick is chosen so too: 0 is the test
    score of whoever knows all other splits, and 1 that of a
    configuration which a quarter of all beat.

    With `scores`, a float array of test scores of any shape, these are
    put in that unit instead.

    Returns a float array (configurations, splits), or of that shape.

    Raises ValueError where there is nothing to find: where who knows
    all is not ahead of that quarter.
    """
    tested, splits = problem.tested, np.arange(problem.tested.shape[1])
    others = tested.sum(axis=1, keepdims=True) - tested
    others /= len(splits) - 1
    known = tested + problem.validation.max(axis=2)
    known = known.sum(axis=1, keepdims=True) - known
    top = tested[known.argmax(axis=0), splits].mean()
    low = np.quantile(tested.mean(axis=1), 0.75)
    if top <= low:
        raise ValueError(
            f"nothing to find: who knows all scores {top:.4f}, and a "
            f"quarter of all score more than {low:.4f}"
        )
    return (top - (others if scores is None else scores)) / (top - low)
