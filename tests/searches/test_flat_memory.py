"""Memory of a search stays flat, and pruning harms no model."""

import warnings

import keras_tuner as kt
import pytest
from tensorflow.python.framework import ops

from snippets.models.image_classifier import ImageClassifier
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


def searched(tuner_class, images, folder):
    tuner = tuner_class(
        ImageClassifier(),
        objective=kt.Objective("val_accuracy", "max"),
        max_trials=2,
        seed=1,
        directory=folder,
        project_name="flat",
        overwrite=True,
    )
    x, y = images.train
    tuner.search(
        x[:64], y[:64], validation_data=(x[:64], y[:64]), verbose=0
    )
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    return tuner


def test_trials_leave_gradients_registered_without_it(images, tmp_path):
    before = registered()
    searched(Plain, images, tmp_path)
    assert registered() - before


def test_no_gradient_of_a_trial_stays_registered(images, tmp_path):
    before = registered()
    searched(Flat, images, tmp_path)
    assert registered() == before


def test_what_was_registered_before_the_search_stays(images, tmp_path):
    ops.gradient_registry._registry["CustomGradient-mine"] = "mine"
    try:
        searched(Flat, images, tmp_path)
        assert "CustomGradient-mine" in registered()
    finally:
        del ops.gradient_registry._registry["CustomGradient-mine"]


def test_models_of_pruned_trials_and_new_ones_still_train(
    images, tmp_path
):
    tuner = searched(Flat, images, tmp_path)
    new = ImageClassifier().build(kt.HyperParameters())
    for model in (tuner.model, tuner.get_best_models()[0], new):
        before = model.get_weights()[0].copy()
        for batch_size in (32, 50):  # traced once, and traced anew
            model.fit(*images.train, batch_size=batch_size, verbose=0)
        assert (model.get_weights()[0] != before).any()


def test_without_tensorflows_registry_it_says_so_and_does_nothing(
    images, tmp_path, monkeypatch
):
    monkeypatch.delattr(ops, "gradient_registry")
    assert Flat.registry() is None
    monkeypatch.undo()
    nothing = staticmethod(lambda: None)
    monkeypatch.setattr(Flat, "registry", nothing)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        searched(Flat, images, tmp_path)
    told = [str(warning.message) for warning in told]
    assert any("flat_memory does nothing" in each for each in told)


@pytest.mark.parametrize("wrong", [kt.HyperModel, "RandomSearch", None])
def test_what_is_no_tuner_class_is_refused(wrong):
    with pytest.raises(ValueError, match="such as kt.RandomSearch"):
        flat_memory(wrong)
