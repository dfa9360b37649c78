"""A failed trial gets the worst score, and its bracket stays full."""

import json
import math
from collections import Counter

import keras_tuner as kt
import pytest

from snippets.searches.scored_failures import scored_failures

SPACE = kt.HyperParameters()
SPACE.Float("x", 0.0, 1.0)
RAISE = ValueError("out of luck")


def tuner_of(
    wrong, folder, tuner_class=kt.Hyperband, worst=0.0, **more
):
    """Trials score x, but for those whose number `wrong` has."""

    class Numbers(tuner_class):
        attempts = Counter()

        def run_trial(self, trial, *args, **kwargs):
            number = int(trial.trial_id)
            tries = wrong.get(number, [])
            done = self.attempts[number]
            self.attempts[number] += 1
            if done < len(tries):
                if isinstance(tries[done], Exception):
                    raise tries[done].with_traceback(None)
                return tries[done]
            return trial.hyperparameters.get("x")

    Numbers.attempts = Counter()
    settings = {
        "hyperparameters": SPACE.copy(),
        "objective": kt.Objective("score", "max"),
        "seed": 1,
        "directory": folder,
        "project_name": "scored",
    }
    if tuner_class is kt.Hyperband:
        settings["max_epochs"] = 9
    else:
        settings["max_trials"] = 5
    return scored_failures(Numbers, worst=worst)(**(settings | more))


def first_bracket(tuner):
    return Counter(
        trial.hyperparameters.get("tuner/epochs")
        for trial in tuner.oracle.trials.values()
        if trial.hyperparameters.get("tuner/bracket") == 2
    )


@pytest.mark.parametrize(
    "failure",
    [RAISE, math.nan, math.inf, -math.inf, {"score": math.nan}],
)
def test_a_bracket_stays_full_whatever_fails(failure, tmp_path):
    whole = tuner_of({}, tmp_path / "whole")
    whole.search(verbose=0)
    tuner = tuner_of({1: [failure], 4: [failure]}, tmp_path)
    tuner.search(verbose=0)
    assert first_bracket(tuner) == first_bracket(whole)
    assert first_bracket(tuner)[9] == 1
    for number in (1, 4):
        path = tmp_path / "scored" / f"trial_{number:04}" / "trial.json"
        trial = json.loads(path.read_text("utf-8"))
        assert trial["status"] == "COMPLETED" and trial["score"] == 0.0
        assert "failed" in trial["metrics"]["metrics"]
        assert trial["message"]
    failed = [t for t in tuner.oracle.trials.values() if t.message]
    assert len(failed) == 2


@pytest.mark.parametrize("failure", [RAISE, math.nan])
def test_a_retry_counts_if_it_goes_well(failure, tmp_path, capsys):
    wrong = {1: [failure, failure], 3: 9 * [failure]}
    tuner = tuner_of(
        wrong, tmp_path, kt.RandomSearch, max_retries_per_trial=2
    )
    tuner.search(verbose=0)
    trials = tuner.oracle.trials
    assert [tuner.attempts[n] for n in range(5)] == [1, 3, 1, 3, 1]
    assert trials["1"].score == trials["1"].hyperparameters.get("x")
    assert trials["3"].score == 0.0
    assert [t for t in trials if trials[t].message] == ["3"]


def test_failures_in_a_row_end_the_search_and_it_resumes(tmp_path):
    wrong = {n: [RAISE] for n in range(1, 9)}
    tuner = tuner_of(wrong, tmp_path, kt.RandomSearch)
    with pytest.raises(
        RuntimeError, match="(?s)3 trials in a row.*out of luck"
    ):
        tuner.search(verbose=0)
    again = tuner_of({}, tmp_path, kt.RandomSearch)
    again.search(verbose=0)
    assert sorted(again.attempts) == [3, 4]
    failed = [n for n, t in again.oracle.trials.items() if t.message]
    assert sorted(failed) == ["1", "2"]


@pytest.mark.parametrize("numbers", [(0, 1, 3, 4), (0, 2, 4)])
def test_fewer_in_a_row_do_not_end_it(numbers, tmp_path):
    wrong = {n: [math.nan] for n in numbers}
    tuner = tuner_of(wrong, tmp_path, kt.RandomSearch)
    tuner.search(verbose=0)
    scores = [t.score for t in tuner.oracle.trials.values()]
    assert scores.count(0.0) == len(numbers)


def test_a_trial_that_forbids_a_retry_gets_none(tmp_path):
    wrong = {1: [kt.errors.FailedTrialError("too large")]}
    tuner = tuner_of(
        wrong, tmp_path, kt.RandomSearch, max_retries_per_trial=2
    )
    tuner.search(verbose=0)
    assert tuner.attempts[1] == 1
    trial = tuner.oracle.trials["1"]
    assert trial.status == "COMPLETED" and trial.score == 0.0
    assert "too large" in trial.message


def test_a_fatal_error_is_raised_still(tmp_path):
    wrong = {1: [kt.errors.FatalError("stop")]}
    tuner = tuner_of(wrong, tmp_path, kt.RandomSearch)
    with pytest.raises(kt.errors.FatalError, match="stop"):
        tuner.search(verbose=0)


def test_the_best_trial_is_an_honest_one(tmp_path):
    tuner = tuner_of({1: [math.inf]}, tmp_path)
    tuner.search(verbose=0)
    (best,) = tuner.oracle.get_best_trials()
    assert best.message is None and best.score < 1


@pytest.mark.parametrize("worst", [math.nan, math.inf])
def test_a_worst_score_that_is_no_number_is_refused(worst, tmp_path):
    with pytest.raises(ValueError, match="worst must be a finite"):
        scored_failures(kt.Hyperband, worst=worst)


def test_several_objectives_are_refused(tmp_path):
    objective = [kt.Objective("a", "min"), kt.Objective("b", "min")]
    with pytest.raises(ValueError, match="one objective"):
        tuner_of({}, tmp_path, objective=objective)


def test_tries_are_counted_over_processes(tmp_path, capsys):
    """A kill between two tries costs none, and gives none."""

    class Killed(BaseException):
        pass

    wrong = {1: 9 * [RAISE]}
    settings = {"max_retries_per_trial": 2}
    tuner = tuner_of(wrong, tmp_path, kt.RandomSearch, **settings)
    create = tuner.oracle.create_trial

    def killed(name):
        if tuner.attempts[1] == 2:
            raise Killed
        return create(name)

    tuner.oracle.create_trial = killed
    with pytest.raises(Killed):
        tuner.search(verbose=0)
    again = tuner_of(wrong, tmp_path, kt.RandomSearch, **settings)
    again.search(verbose=0)
    assert again.attempts[1] == 1  # the third of three
    assert again.oracle.trials["1"].status == "COMPLETED"
    assert again.oracle.trials["1"].score == 0.0


def test_failures_in_a_row_are_counted_over_processes(tmp_path):
    wrong = {n: [RAISE] for n in range(1, 9)}
    settings = {"max_trials": 3}
    tuner_of(wrong, tmp_path, kt.RandomSearch, **settings).search(
        verbose=0
    )
    with pytest.raises(RuntimeError, match="3 trials in a row"):
        tuner_of(wrong, tmp_path, kt.RandomSearch).search(verbose=0)


def test_a_forgotten_hypermodel_is_told(tmp_path):
    with pytest.raises(ValueError, match="hypermodel=None"):
        scored_failures(kt.RandomSearch, worst=0.0)(
            objective="val_loss", directory=tmp_path
        )
