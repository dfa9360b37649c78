"""Memory of a search stays flat, and pruning harms no model."""

import warnings

import keras
import keras_tuner as kt
import numpy as np
import pytest
from tensorflow.python.framework import ops

from snippets.searches.flat_memory import flat_memory


def registered():
    registry = ops.gradient_registry._registry
    return {
        name
        for name in registry
        if str(name).startswith("CustomGradient-")
    }


class Plain(kt.RandomSearch):
    """Keeps the model of its last trial."""

    def _build_hypermodel(self, hp):
        self.model = super()._build_hypermodel(hp)
        return self.model


Flat = flat_memory(Plain)


X = np.random.default_rng(1).normal(size=(64, 3))
Y = X[:, :1]


def build_model(hp):
    model = keras.Sequential([keras.Input((3,))])
    model.add(keras.layers.Dense(hp.Int("units", 1, 99)))
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse", jit_compile=False)
    return model


def searched(tuner_class, folder):
    tuner = tuner_class(
        build_model,
        objective=kt.Objective("val_loss", "min"),
        max_trials=2,
        seed=1,
        directory=folder,
        project_name="flat",
        overwrite=True,
    )
    tuner.search(X, Y, validation_data=(X, Y), verbose=0)
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    return tuner


def test_trials_leave_gradients_registered_without_it(tmp_path):
    before = registered()
    searched(Plain, tmp_path)
    assert registered() - before


def test_none_stays_with_it_but_older_ones_and_models_still_train(
    tmp_path,
):
    """Models of pruned trials, and new ones."""
    ops.gradient_registry._registry["CustomGradient-mine"] = "mine"
    try:
        before = registered()
        tuner = searched(Flat, tmp_path)
        assert registered() == before
    finally:
        del ops.gradient_registry._registry["CustomGradient-mine"]
    new = build_model(kt.HyperParameters())
    for model in (tuner.model, tuner.get_best_models()[0], new):
        before = model.get_weights()[0].copy()
        for batch_size in (32, 50):  # traced once, and traced anew
            model.fit(X, Y, batch_size=batch_size, verbose=0)
        assert (model.get_weights()[0] != before).any()


def test_without_tensorflows_registry_it_says_so_and_does_nothing(
    eager, tmp_path, monkeypatch
):
    monkeypatch.delattr(ops, "gradient_registry")
    assert Flat.registry() is None
    monkeypatch.undo()
    nothing = staticmethod(lambda: None)
    monkeypatch.setattr(Flat, "registry", nothing)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        searched(Flat, tmp_path)
    told = [str(warning.message) for warning in told]
    assert any("flat_memory does nothing" in each for each in told)


@pytest.mark.parametrize("wrong", [kt.HyperModel, "RandomSearch", None])
def test_what_is_no_tuner_class_is_refused(wrong):
    with pytest.raises(ValueError, match="such as kt.RandomSearch"):
        flat_memory(wrong)
