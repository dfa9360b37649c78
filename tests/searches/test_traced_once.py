"""Trials that share a traced model learn nothing from each other."""

import keras
import keras_tuner as kt
import pytest

from snippets.models.image_classifier import ImageClassifier
from snippets.searches.traced_once import traced_once

FIXED = {"hidden_layers": 1, "units": 32, "activation": "relu"}


def searched(hypermodel, images, folder, tuner_class, fixed, **limits):
    """Search in a fixed order; return the tuner."""
    keras.utils.set_random_seed(1)
    space = kt.HyperParameters()
    for name, value in fixed.items():
        space.Fixed(name, value)
    tuner = tuner_class(
        hypermodel,
        hyperparameters=space,
        objective=kt.Objective("val_loss", "min"),
        seed=1,
        directory=folder,
        project_name=type(hypermodel).__name__,
        **limits,
    )
    x, y = images.train
    tuner.search(
        x[:256],
        y[:256],
        validation_data=images.validation,
        shuffle=False,
        verbose=0,
    )
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    return tuner


@pytest.mark.parametrize(
    "tuner_class, limits",
    [
        (kt.RandomSearch, {"max_trials": 4}),
        (kt.Hyperband, {"max_epochs": 3}),
    ],
)
def test_each_trial_scores_as_with_a_model_of_its_own(
    images, tmp_path, tuner_class, limits
):
    scores = []
    for hypermodel_class in (
        ImageClassifier,
        traced_once(ImageClassifier),
    ):
        tuner = searched(
            hypermodel_class(),
            images,
            tmp_path,
            tuner_class,
            FIXED,
            **limits,
        )
        trials = sorted(tuner.oracle.trials.items())
        scores.append([trial.score for _, trial in trials])
    assert len(tuner.hypermodel.traced) == 1
    assert len(set(scores[0])) == len(scores[0]) > 3
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_trials_of_another_kind_get_a_model_of_their_own(
    images, tmp_path
):
    tuner = searched(
        traced_once(ImageClassifier)(),
        images,
        tmp_path,
        kt.RandomSearch,
        {"hidden_layers": 1, "activation": "relu"},
        max_trials=4,
    )
    units = {
        trial.hyperparameters.get("units")
        for trial in tuner.oracle.trials.values()
    }
    assert len(tuner.hypermodel.traced) == len(units) > 1
    first, second = tuner.get_best_models(2)
    assert first is not second


class Schedule(ImageClassifier):
    def build(self, hp):
        model = super().build(hp)
        schedule = keras.optimizers.schedules.ExponentialDecay(
            0.1, 10, 0.9
        )
        optimizer = keras.optimizers.SGD(schedule)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        optimizer.build(model.trainable_variables)
        return model


class NotBuilt(ImageClassifier):
    def build(self, hp):
        model = super().build(hp)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model


@pytest.mark.parametrize("wrong", [Schedule, NotBuilt])
def test_an_optimizer_that_cannot_be_copied_is_refused(images, wrong):
    hypermodel, hp = traced_once(wrong)(), kt.HyperParameters()
    models = [hypermodel.build(hp), hypermodel.build(hp)]
    with pytest.raises(ValueError, match="build must end with"):
        for model in models:
            hypermodel.fit(hp, model, *images.train, verbose=0)


@pytest.mark.parametrize(
    "wrong", [kt.RandomSearch, ImageClassifier(), 1]
)
def test_what_is_no_hypermodel_class_is_refused(wrong):
    with pytest.raises(ValueError, match="subclass of kt.HyperModel"):
        traced_once(wrong)
