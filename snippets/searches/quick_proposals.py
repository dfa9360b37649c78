"""A BayesianOptimization tuner whose proposals cost less."""

import keras_tuner as kt
import numpy as np
from scipy.optimize import minimize


def quick_proposals(tuner):
    """Make the proposals of a Bayesian tuner cheaper; return the tuner.

    `tuner` is a kt.BayesianOptimization, just made, or made again to
    resume. It proposes as before, up to rounding.

    Each proposal is the least of a bound, searched for from 50 places
    by L-BFGS-B. Keras Tuner gives it no gradient, so that it asks for
    the bound once more for each hyperparameter to find one out, and
    scikit-learn spends more on checking each question than on its
    answer. Here bound and gradient are computed together.

    Raises ValueError if the tuner is no kt.BayesianOptimization, or if
    how it draws was changed before, a change that would be lost.

    Source: Rasmussen and Williams, Gaussian Processes for Machine
    Learning, 2006, algorithm 2.1 and equation 4.17,
    https://gaussianprocess.org/gpml/
    """
    oracle = getattr(tuner, "oracle", None)
    # A parallel worker's is wrapped: proposing is left to the chief.
    oracle = getattr(oracle, "_oracle", oracle)
    if not isinstance(oracle, kt.oracles.BayesianOptimizationOracle):
        raise ValueError(
            f"needs a kt.BayesianOptimization, not {tuner!r}"
        )
    if "populate_space" in vars(oracle):
        raise ValueError(
            "quick_proposals comes first, before a limit of time or "
            "whatever else changes how the tuner draws"
        )
    draw = oracle.populate_space

    def lower_bound():
        """Return a function: a point's bound, and its gradient there.

        The bound is in standard deviations of the scores. The kernel is
        Matérn's with nu = 5/2, and k(x, x) = 1.
        """
        gpr = oracle.gpr
        scale = 5**0.5 / gpr.kernel_.length_scale
        known, whiten = gpr.X_train_ * scale, np.linalg.inv(gpr.L_)

        def bound(point):
            away = point * scale - known
            squares = np.einsum("ij,ij->i", away, away)
            distances = np.sqrt(squares)
            decay = np.exp(-distances)
            similarity = (1 + distances + squares / 3) * decay
            slope = -scale / 3 * (1 + distances) * decay
            explained = whiten @ similarity
            doubt = max(1 - explained @ explained, 1e-12) ** 0.5
            value = gpr.alpha_ @ similarity - oracle.beta * doubt
            pull = oracle.beta / doubt * (explained @ whiten)
            return value, ((gpr.alpha_ + pull) * slope) @ away

        return bound

    def populate_space(trial_id):
        trials = oracle.trials.values()
        completed = sum(trial.status == "COMPLETED" for trial in trials)
        dimensions = len(oracle.hyperparameters.space)
        first = oracle.num_initial_points or max(3 * dimensions, 3)
        if completed < first:
            return draw(trial_id)
        points, scores = oracle._vectorize_trials()
        scores = np.nan_to_num(scores, posinf=0, neginf=0)
        oracle.gpr.fit(points, scores)
        bound, bounds = lower_bound(), oracle._get_hp_bounds()
        starts = oracle._random_state.uniform(
            *bounds.T, size=(50, len(bounds))
        )
        ends = [
            minimize(bound, start, jac=True, bounds=bounds)
            for start in starts
        ]
        best = min(ends, key=lambda end: end.fun)
        values = oracle._vector_to_values(best.x)
        return {"status": "RUNNING", "values": values}

    oracle.populate_space = populate_space
    return tuner
