"""A BayesianOptimization tuner whose proposals cost less."""

import warnings

import keras_tuner as kt
import numpy as np
from scipy.optimize import minimize

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def quick_proposals(tuner_class):
    """Return a Bayesian tuner's class, its proposals made cheaper.

    Use what is returned like `tuner_class`:
    `quick_proposals(kt.BayesianOptimization)(build_model, ...)`, or any
    tuner class with a BayesianOptimizationOracle. It proposes as
    before, up to rounding.

    Each proposal is the least of a bound, searched for from 50 places
    by L-BFGS-B. Keras Tuner gives it no gradient, so that it asks for
    the bound once more for each hyperparameter to find one out, and
    scikit-learn spends more on checking each question than on its
    answer. Here bound and gradient are computed together.

    Raises ValueError if `tuner_class` is no tuner class and, when it is
    used, for another oracle, or one with proposals of its own.

    Source: Rasmussen and Williams, Gaussian Processes for Machine
    Learning, 2006, algorithm 2.1 and equation 4.17,
    https://gaussianprocess.org/gpml/
    """

    class QuickProposals(tuner_class):
        tools = _check(tuner_class, "quick_proposals")

        def __setattr__(self, name, value):
            # At once: whatever else changes how it draws comes after.
            if name == "oracle" and isinstance(value, kt.Oracle):
                _quicken(value)
            super().__setattr__(name, value)

    return QuickProposals


def _quicken(oracle):
    bayesian = kt.oracles.BayesianOptimizationOracle
    own = getattr(type(oracle), "populate_space", None)
    if own is not bayesian.populate_space:
        raise ValueError(
            "quick_proposals is for kt.BayesianOptimization and its "
            f"oracle, not for {type(oracle).__name__}"
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


def _check(tuner_class, name):
    """Refuse what can't be wrapped; return the names of all tools."""
    base = kt.engine.base_tuner.BaseTuner
    if base not in getattr(tuner_class, "__mro__", ()):
        wanted = "a tuner class such as kt.RandomSearch"
        raise ValueError(f"{name} takes {wanted}, not {tuner_class!r}")
    tools = getattr(tuner_class, "tools", ())
    if name in tools:
        raise ValueError(f"{name} has been applied already")
    if kt.__version__ not in TESTED:
        message = f"{name} is untested with Keras Tuner"
        warnings.warn(f"{message} {kt.__version__}", stacklevel=3)
    return (*tools, name)
