"""A search stops after so many trials without a better score."""

import keras_tuner as kt
import pytest

from snippets.searches.stop_without_progress import (
    stop_without_progress,
)

TUNERS = [kt.RandomSearch, kt.BayesianOptimization, kt.GridSearch]


def patient(folder, scores, *arguments, direction="min", **changed):
    """The real oracle and loop; the scores are given."""
    tuner_class = changed.pop("tuner_class", kt.RandomSearch)

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            score = scores[int(trial.trial_id)]
            if score is None:
                raise kt.errors.FailedTrialError("as asked")
            return float(score)

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    tuner = stop_without_progress(Numbers, *arguments, **changed)(
        hyperparameters=hp,
        objective=kt.Objective("score", direction),
        max_trials=len(scores),
        max_consecutive_failed_trials=99,
        seed=1,
        directory=folder,
        project_name="patient",
    )
    tuner.search(verbose=0)
    return len(tuner.oracle.trials)


@pytest.mark.parametrize("tuner_class", TUNERS)
@pytest.mark.parametrize("direction, sign", [("min", 1), ("max", -1)])
def test_it_stops_after_that_many_trials_without_a_better_one(
    tuner_class, direction, sign, tmp_path
):
    scores = [sign * score for score in [5, 4, 6, 3, 7, 3, 8, 1]]
    count = patient(
        tmp_path,
        scores,
        3,
        direction=direction,
        tuner_class=tuner_class,
    )
    assert count == 7  # a score as good as the best is no progress


def test_progress_sets_the_count_back(tmp_path):
    scores = [5, 6, 4, 6, 3, 6, 2, 6, 1]
    assert patient(tmp_path, scores, 2) == len(scores)


def test_progress_of_min_delta_or_less_is_none(tmp_path):
    scores = [5.0, 4.75, 4.5, 4.25, 4.0]
    assert patient(tmp_path, scores, 2, min_delta=0.5) == 3


def test_small_steps_add_up_to_progress(tmp_path):
    scores = [5.0, 4.75, 4.25, 4.0, 3.5]
    assert patient(tmp_path, scores, 2, min_delta=0.5) == 5


def test_a_failed_trial_is_no_progress(tmp_path):
    scores = [5, float("nan"), None, 1]
    assert patient(tmp_path, scores, 2) == 3


def test_a_stopped_search_stays_so_until_it_is_given_more_patience(
    tmp_path,
):
    scores = [1, 2, 2, 2, 2, 2, 2]
    assert [
        patient(tmp_path, scores, patience) for patience in (2, 2, 4)
    ] == [3, 3, 5]


@pytest.mark.parametrize("patience, delta", [(0, 0.0), (1, -0.1)])
def test_bad_arguments_are_refused(patience, delta, tmp_path):
    with pytest.raises(ValueError, match=f"not {patience} and {delta}"):
        patient(tmp_path, [1], patience, delta)


def test_hyperband_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Hyperband begins each"):
        stop_without_progress(kt.Hyperband, 3)(
            lambda hp: hp.Int("x", 0, 9),
            objective=kt.Objective("score", "min"),
            seed=1,
            directory=tmp_path,
        )
