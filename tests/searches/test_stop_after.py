"""No trial begins after the time is up, and none is lost."""

import keras_tuner as kt
import pytest

from snippets.searches.stop_after import stop_after

TUNERS = [
    kt.RandomSearch,
    kt.BayesianOptimization,
    kt.Hyperband,
    kt.GridSearch,
]


def limited(tuner_class, folder, seconds, project_name="limited"):
    """The real oracle and loop; a trial takes ten made up seconds."""
    now = [0.0]

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            now[0] += 10
            return trial.hyperparameters.get("x")

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    settings = {"max_trials": 8}
    if tuner_class is kt.Hyperband:
        settings = {"max_epochs": 9}
    tuner = Numbers(
        hyperparameters=hp,
        seed=1,
        directory=folder,
        project_name=project_name,
        **settings,
    )
    if seconds is not None:
        stop_after(tuner, seconds, clock=lambda: now[0])
    now[0] += 1000  # what passes before the first trial does not count
    tuner.search(verbose=0)
    return tuner


def values(tuner):
    trials = sorted(
        tuner.oracle.trials.values(), key=lambda t: int(t.trial_id)
    )
    assert {trial.status for trial in trials} <= {"COMPLETED"}
    return [trial.hyperparameters.values for trial in trials]


by_tuner = pytest.mark.parametrize(
    "tuner_class", TUNERS, ids=lambda c: c.__name__
)


@by_tuner
@pytest.mark.parametrize(
    "seconds, trials", [(0, 0), (1, 1), (10, 1), (30, 3), (31, 4)]
)
def test_the_trial_that_runs_is_finished_and_no_other_begins(
    tuner_class, seconds, trials, tmp_path
):
    assert (
        len(values(limited(tuner_class, tmp_path, seconds))) == trials
    )


@pytest.mark.parametrize("tuner_class", TUNERS[:3])
def test_a_resumed_search_goes_on_with_the_whole_time(
    tuner_class, tmp_path
):
    whole = values(limited(tuner_class, tmp_path, None, "whole"))
    assert len(values(limited(tuner_class, tmp_path, 30))) == 3
    assert len(values(limited(tuner_class, tmp_path, 30))) == 6
    assert values(limited(tuner_class, tmp_path, 1e9)) == whole


def test_a_limit_that_is_not_reached_changes_nothing(tmp_path):
    whole = values(limited(kt.RandomSearch, tmp_path, None, "whole"))
    assert values(limited(kt.RandomSearch, tmp_path, 1e9)) == whole


def test_a_negative_limit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="0 or more, not -1"):
        limited(kt.RandomSearch, tmp_path, -1)
