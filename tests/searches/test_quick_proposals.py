"""Quick proposals are the Bayesian tuner's own, and cost less."""

import keras_tuner as kt
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from threadpoolctl import threadpool_limits

from snippets.searches.quick_proposals import quick_proposals


class Parabola(kt.BayesianOptimization):
    def run_trial(self, trial, **kwargs):
        x, y = (trial.hyperparameters.Float(n, 0, 1) for n in "xy")
        return {"error": (x - 0.3) ** 2 + (y - 0.6) ** 2 + 0.1 * x * y}


def made(folder, overwrite=True, trials=14, way=lambda c: c):
    return way(Parabola)(
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


def proposed(folder, spread, way=lambda tuner_class: tuner_class):
    """Return the numbers of a proposal after 40 trials, and its bound."""
    numbers = np.random.default_rng(1)
    hp = kt.HyperParameters()
    for name in "abc":
        hp.Float(name, 0.1, 10, sampling="log")
    hp.Int("d", 1, 9)
    hp.Choice("e", ["relu", "tanh"])
    tuner = way(kt.BayesianOptimization)(
        lambda hp: None,
        hyperparameters=hp,
        objective=kt.Objective("score", "max"),
        seed=1,
        directory=folder,
        overwrite=True,
    )
    oracle = tuner.oracle
    for number in range(40):
        drawn = hp.copy()
        drawn.values = oracle._random_values()
        trial = kt.engine.trial.Trial(drawn, f"{number}", "COMPLETED")
        trial.score = 0.9 + spread * (
            np.sin(drawn.get("a")) + drawn.get("d") * numbers.random()
        )
        oracle.trials[trial.trial_id] = trial
    values = oracle.populate_space("next")["values"]
    trial = oracle.trials["0"]
    trial.hyperparameters.values = values
    point = oracle._vectorize_trials()[0][:1]
    mean, deviation = oracle.gpr.predict(point, return_std=True)
    return point[0], (mean - oracle.beta * deviation)[0]


@pytest.mark.parametrize("spread", [1, 1e-3, 0])
def test_the_proposal_is_keras_tuners_own(tmp_path, spread):
    point, bound = proposed(tmp_path, spread)
    quick, found = proposed(tmp_path, spread, quick_proposals)
    assert found <= bound + 1e-6
    if spread:
        np.testing.assert_allclose(quick, point, atol=0.005)


def test_a_proposal_asks_scikit_learn_for_no_single_point(
    tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        GaussianProcessRegressor,
        "predict",
        lambda self, X, **_: (
            asked.append(X) or (np.zeros(1), np.ones(1))
        ),
    )
    proposed(tmp_path, 1, quick_proposals)
    assert len(asked) == 1  # by the test itself
    proposed(tmp_path, 1)
    assert len(asked) > 100


def test_a_search_tries_the_same_interrupted_or_not(tmp_path):
    plain = made(tmp_path / "plain")
    resumed = made(tmp_path, trials=10, way=quick_proposals)
    with threadpool_limits(1, user_api="blas"):
        plain.search(verbose=0)
        resumed.search(verbose=0)
        resumed = made(tmp_path, overwrite=False, way=quick_proposals)
        resumed.search(verbose=0)
    assert len(tried(resumed)) == 14
    np.testing.assert_allclose(tried(resumed), tried(plain), atol=1e-3)


def test_another_oracle_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="not for RandomSearchOracle"):
        quick_proposals(kt.RandomSearch)(
            lambda hp: None, objective="val_loss", directory=tmp_path
        )


def test_an_oracle_with_proposals_of_its_own_is_refused(tmp_path):
    class Mine(kt.oracles.BayesianOptimizationOracle):
        def populate_space(self, trial_id):
            return {"status": "STOPPED", "values": None}

    with pytest.raises(ValueError, match="not for Mine"):
        quick_proposals(kt.Tuner)(
            Mine("val_loss"), lambda hp: None, directory=tmp_path
        )


def test_a_parallel_worker_runs_the_same_script(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    tuner = made(tmp_path, way=quick_proposals)
    assert not isinstance(tuner.oracle, kt.Oracle)
