"""Quick proposals are the Bayesian tuner's own, and cost less."""

import keras_tuner as kt
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from threadpoolctl import threadpool_limits

from snippets.quick_proposals import quick_proposals


class Parabola(kt.BayesianOptimization):
    def run_trial(self, trial, **kwargs):
        x, y = (trial.hyperparameters.Float(n, 0, 1) for n in "xy")
        return {"error": (x - 0.3) ** 2 + (y - 0.6) ** 2 + 0.1 * x * y}


def made(folder, overwrite=True, trials=14):
    return Parabola(
        objective=kt.Objective("error", "min"),
        max_trials=trials,
        seed=1,
        directory=folder,
        project_name="parabola",
        overwrite=overwrite,
    )


def tried(tuner):
    trials = sorted(tuner.oracle.trials.items())
    return np.array(
        [
            [trial.hyperparameters.get(n) for n in "xy"]
            for _, trial in trials
        ]
    )


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize("spread", [1, 1e-3, 0])
def test_single_points_are_answered_as_scikit_learn_answers_them(
    tmp_path, spread
):
    numbers = np.random.default_rng(1)
    x, points = numbers.random((40, 5)), numbers.random((50, 5))
    y = 0.9 + spread * np.sin(6 * x.sum(axis=1))
    regressor = quick_proposals(made(tmp_path)).oracle.gpr
    regressor.fit(x, y)
    for point in points:
        quick = regressor.predict(point[None], return_std=True)
        own = GaussianProcessRegressor.predict(
            regressor, point[None], return_std=True
        )
        assert [part.shape for part in quick] == [(1,), (1,)]
        np.testing.assert_allclose(quick, own, atol=1e-7)


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)
def test_a_search_tries_the_same_interrupted_or_not(tmp_path):
    plain = made(tmp_path / "plain")
    resumed = made(tmp_path, trials=10)
    with threadpool_limits(1, user_api="blas"):
        plain.search(verbose=0)
        quick_proposals(resumed).search(verbose=0)
        resumed = quick_proposals(made(tmp_path, overwrite=False))
        resumed.search(verbose=0)
    assert len(tried(resumed)) == 14
    np.testing.assert_allclose(tried(resumed), tried(plain), atol=1e-3)


def test_another_tuner_is_refused_by_name(tmp_path):
    random = kt.RandomSearch(
        lambda hp: None, objective="val_loss", directory=tmp_path
    )
    with pytest.raises(ValueError, match="kt.BayesianOptimization"):
        quick_proposals(random)
