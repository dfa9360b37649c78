"""Weights of beaten trials go, and no search is harmed by it."""

from pathlib import Path

import keras_tuner as kt
import numpy as np
import pytest

from snippets.models.image_classifier import ImageClassifier
from snippets.searches.few_checkpoints import few_checkpoints


def saved(tuner):
    found = Path(tuner.project_dir).glob("trial_*/checkpoint*")
    return sorted(path.parent.name for path in found)


def watched(tuner_class, keep=1):
    """The class under test, noting the weights after each trial."""

    class Watched(few_checkpoints(tuner_class, keep)):
        seen = ()

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.seen += (len(saved(self)),)

    return Watched


def searched(tuner_class, images, folder, **settings):
    tuner = tuner_class(
        ImageClassifier(),
        objective=kt.Objective("val_accuracy", "max"),
        seed=1,
        directory=folder,
        project_name="few",
        **settings,
    )
    x, y = images.train
    tuner.search(
        x[:256], y[:256], validation_data=images.validation, verbose=0
    )
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    return tuner


def test_only_the_best_keep_their_weights_after_each_trial(
    images, eager, tmp_path
):
    tuner = searched(
        watched(kt.RandomSearch, 2), images, tmp_path, max_trials=4
    )
    assert tuner.seen == (1, 2, 2, 2)
    best = tuner.oracle.get_best_trials(2)
    names = sorted(f"trial_{trial.trial_id}" for trial in best)
    assert saved(tuner) == names
    for trial, model in zip(
        best, tuner.get_best_models(2), strict=True
    ):
        _, accuracy = model.evaluate(*images.validation, verbose=0)
        assert np.isclose(accuracy, trial.score)


def test_hyperband_promotes_as_ever_and_ends_with_the_best_weights(
    images, eager, tmp_path
):
    tuner = searched(
        watched(kt.Hyperband), images, tmp_path, max_epochs=3
    )
    trials = tuner.oracle.trials.values()
    values = [trial.hyperparameters.values for trial in trials]
    assert sum("tuner/trial_id" in value for value in values) == 1
    assert tuner.seen == (1, 2, 3, 4, 5, 6)
    (best,) = tuner.oracle.get_best_trials()
    assert saved(tuner) == [f"trial_{best.trial_id}"]


@pytest.mark.parametrize("keep", [0, -1, 1.5, "2", True])
def test_keep_is_an_integer_from_1(keep):
    with pytest.raises(ValueError, match="keep must be an integer"):
        few_checkpoints(kt.Hyperband, keep)


@pytest.mark.parametrize("wrong", [kt.HyperModel, "RandomSearch", None])
def test_what_is_no_tuner_class_is_refused(wrong):
    with pytest.raises(ValueError, match="such as kt.RandomSearch"):
        few_checkpoints(wrong)
