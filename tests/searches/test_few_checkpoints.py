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


def validation(images):
    x, y = images.validation
    return x[:64], y[:64]


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
        x[:64], y[:64], validation_data=validation(images), verbose=0
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
    with pytest.raises(ValueError, match="with keep=3, before"):
        tuner.get_best_models(3)
    for trial, model in zip(
        best, tuner.get_best_models(2), strict=True
    ):
        _, accuracy = model.evaluate(*validation(images), verbose=0)
        assert np.isclose(accuracy, trial.score)


def test_hyperband_promotes_as_ever_and_ends_with_the_best_weights(
    images, eager, tmp_path
):
    tuner = searched(
        watched(kt.Hyperband), images, tmp_path, max_epochs=3
    )
    _, trials = zip(*sorted(tuner.oracle.trials.items()), strict=True)
    went_on = [
        "tuner/trial_id" in trial.hyperparameters.values
        for trial in trials
    ]
    assert went_on == [False, False, False, True, False, False]
    scores = [trial.score for trial in trials]
    is_best = scores[3] > max(scores[:3])
    assert tuner.seen[:4] == (1, 2, 3, 3 + is_best)  # of 6 trials
    (best,) = tuner.oracle.get_best_trials()
    kept = [f"trial_{best.trial_id}"]
    parent = best.hyperparameters.values.get("tuner/trial_id")
    kept += [f"trial_{parent}"] * (parent is not None)
    assert saved(tuner) == sorted(kept)
    (model,) = tuner.get_best_models()
    _, accuracy = model.evaluate(*validation(images), verbose=0)
    assert np.isclose(accuracy, best.score)


@pytest.mark.parametrize("keep", [0, -1, 1.5, "2", True])
def test_keep_is_an_integer_from_1(keep):
    with pytest.raises(ValueError, match="keep must be an integer"):
        few_checkpoints(kt.Hyperband, keep)


def numbers(tuner_class, scores, **settings):
    """A trial is a number and a file that stands for its weights."""

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            values = trial.hyperparameters.values
            parent = values.get("tuner/trial_id")
            if parent is not None:
                folder = Path(self.get_trial_dir(parent))
                assert (folder / "checkpoint.weights.h5").exists()
            folder = Path(self.get_trial_dir(trial.trial_id))
            (folder / "checkpoint.weights.h5").touch()
            return float(scores(int(trial.trial_id)))

    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    settings.setdefault("keep", 1)
    keep = settings.pop("keep")
    return few_checkpoints(Numbers, keep)(
        hyperparameters=hp,
        objective=kt.Objective("score", "min"),
        seed=1,
        project_name="few",
        **settings,
    )


@pytest.mark.parametrize("keep", [1, 2])
def test_of_equal_scores_the_earlier_stays_run_again_or_not(
    keep, tmp_path
):
    """Ten trials and more: their folders do not sort as numbers do."""
    settings = {"max_trials": 12, "directory": tmp_path, "keep": keep}
    tuner = numbers(kt.RandomSearch, lambda n: n // 4, **settings)
    tuner.search(verbose=0)
    expected = [f"trial_{n:02}" for n in range(keep)]
    assert saved(tuner) == expected
    for more in (12, 12, 16):
        settings["max_trials"] = more
        tuner = numbers(kt.RandomSearch, lambda n: n // 4, **settings)
        tuner.search(verbose=0)
        assert saved(tuner) == expected
        best = tuner.oracle.get_best_trials(keep)
        assert [f"trial_{t.trial_id}" for t in best] == expected


def test_what_went_on_from_a_promoted_trial_finds_its_parents(tmp_path):
    """The best trial of a last round, and all that it came from."""
    tuner = numbers(
        kt.Hyperband,
        lambda n: -n,
        directory=tmp_path,
        max_epochs=9,
    )
    tuner.search(verbose=0)
    (best,) = tuner.oracle.get_best_trials()
    chain = []
    while best:
        chain.append(f"trial_{best.trial_id}")
        parent = best.hyperparameters.values.get("tuner/trial_id")
        best = tuner.oracle.trials.get(parent)
    assert saved(tuner) == sorted(chain)


@pytest.mark.parametrize("ended", range(1, 22, 3))
def test_a_hyperband_that_was_stopped_goes_on(ended, tmp_path):
    settings = {"directory": tmp_path, "max_epochs": 9}
    now = [0]
    tuner = numbers(kt.Hyperband, lambda n: n % 7, **settings)
    draw = tuner.oracle.populate_space

    def stopped(trial_id):
        now[0] += 1
        if now[0] > ended:
            return {"status": "STOPPED", "values": None}
        return draw(trial_id)

    tuner.oracle.populate_space = stopped
    tuner.search(verbose=0)
    tuner = numbers(kt.Hyperband, lambda n: n % 7, **settings)
    tuner.search(verbose=0)
    trials = tuner.oracle.trials.values()
    assert {t.status for t in trials} == {"COMPLETED"}
    assert len(trials) == 23


def test_nothing_is_deleted_while_the_best_has_no_weights(tmp_path):
    tuner = numbers(
        kt.RandomSearch, lambda n: n, directory=tmp_path, max_trials=4
    )
    tuner.search(verbose=0)
    (tmp_path / "few/trial_0/checkpoint.weights.h5").unlink()
    numbers(
        kt.RandomSearch, lambda n: n, directory=tmp_path, max_trials=6
    ).search(verbose=0)
    assert saved(tuner) == ["trial_4", "trial_5"]


@pytest.mark.process  # scikit-learn asks for the machine's cores
def test_the_models_of_scikit_learn_are_weights_too(tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.neighbors import KNeighborsClassifier

    tuner = few_checkpoints(kt.SklearnTuner)(
        kt.oracles.RandomSearchOracle(
            objective=kt.Objective("score", "max"), max_trials=4, seed=1
        ),
        lambda hp: KNeighborsClassifier(hp.Int("neighbors", 1, 99)),
        directory=tmp_path,
    )
    tuner.oracle.verbose = 0
    tuner.search(*load_iris(return_X_y=True))
    assert len([*tmp_path.rglob("*.pickle")]) == 1
    (model,) = tuner.get_best_models()
    best = tuner.get_best_hyperparameters()[0].get("neighbors")
    assert model.n_neighbors == best


def test_folders_are_no_weights_and_stay(tmp_path):
    """Such as those of a backup, or of another library."""

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            folder = Path(self.get_trial_dir(trial.trial_id))
            (folder / "checkpoints").mkdir()
            (folder / "checkpoint.weights.h5").touch()
            return trial.hyperparameters.Float("x", 0, 1)

    tuner = few_checkpoints(Numbers)(
        hyperparameters=kt.HyperParameters(),
        objective=kt.Objective("score", "min"),
        max_trials=4,
        seed=1,
        directory=tmp_path,
        project_name="few",
    )
    tuner.search(verbose=0)
    files = [*tmp_path.glob("few/trial_*/checkpoint.weights.h5")]
    folders = [*tmp_path.glob("few/trial_*/checkpoints")]
    assert len(files) == 1 and len(folders) == 4
