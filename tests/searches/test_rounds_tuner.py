"""A trial of a later round goes on with its parent's model."""

import keras
import keras_tuner as kt
import numpy as np
import pytest

from snippets.searches.asha_oracle import AshaOracle
from snippets.searches.rounds_tuner import RoundsTuner

X = np.linspace(-1, 1, 32, dtype="float32")[:, None]
Y = 3 * X


class Line(kt.HyperModel):
    """A model of one weight, and what its trainings began with."""

    def __init__(self):
        super().__init__()
        self.fits = []

    def build(self, hp):
        rate = hp.Float("rate", 0.001, 0.01)
        inputs = keras.Input((1,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        adam = keras.optimizers.Adam(rate)
        model.compile(adam, "mse", run_eagerly=True)
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, hp, model, *args, **kwargs):
        fit = {"start": float(model.get_weights()[0].item())}
        fit["steps"] = int(model.optimizer.iterations)
        history = model.fit(*args, **kwargs)
        fit["end"] = float(model.get_weights()[0].item())
        fit["epochs"] = history.epoch
        self.fits.append(fit)
        return history


@pytest.fixture
def search(tmp_path):
    def run(oracle, **kwargs):
        hypermodel = Line()
        tuner = RoundsTuner(
            oracle, hypermodel, directory=tmp_path, project_name="line"
        )
        tuner.search(X, Y, validation_data=(X, Y), verbose=0, **kwargs)
        return tuner, hypermodel.fits

    return run


def test_weights_steps_and_epochs_go_on(search):
    oracle = AshaOracle(
        kt.Objective("val_loss", "min"),
        max_trials=7,
        max_epochs=4,
        factor=2,
        seed=1,
    )
    tuner, fits = search(oracle)
    trials = sorted(
        tuner.oracle.trials.values(), key=lambda t: t.trial_id
    )
    later = 0
    for trial, fit in zip(trials, fits, strict=True):
        values = trial.hyperparameters.values
        epochs = range(
            values["tuner/initial_epoch"], values["tuner/epochs"]
        )
        assert fit["epochs"] == list(epochs)
        assert fit["steps"] == epochs[0]  # one batch an epoch
        if "tuner/trial_id" in values:
            later += 1
            parent = fits[int(values["tuner/trial_id"])]
            assert fit["start"] == parent["end"]
    assert later == 3 and tuner.get_best_models()


def test_an_oracle_without_rounds_is_trained_as_by_any_tuner(search):
    oracle = kt.oracles.RandomSearchOracle(
        kt.Objective("val_loss", "min"), max_trials=2, seed=1
    )
    _, fits = search(oracle, epochs=3)
    assert [fit["epochs"] for fit in fits] == [[0, 1, 2]] * 2


def test_what_is_no_oracle_is_refused():
    with pytest.raises(ValueError, match="instance of `Oracle`"):
        RoundsTuner("asha", Line())
