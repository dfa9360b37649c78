"""ASHA promotes the right trial at the right time."""

import keras_tuner as kt
import numpy as np
import pytest

from snippets.searches.asha_oracle import AshaOracle
from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)
from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.rounds_tuner import RoundsTuner
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)


def made(direction="max", **changed):
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    settings = {"max_trials": 60, "max_epochs": 4, "factor": 2}
    settings |= {"hyperparameters": space, "seed": 1} | changed
    return AshaOracle(kt.Objective("score", direction), **settings)


@pytest.fixture
def began(tmp_path):
    """Begin trials and end them by hand."""

    class Hand:
        def __init__(self, oracle):
            self.oracle = oracle
            oracle.verbose = 0
            oracle._set_project_dir(tmp_path, "asha")

        def begin(self, worker="tuner0"):
            trial = self.oracle.create_trial(worker)
            assert trial.status == "RUNNING"
            return trial

        def end(self, trial, score):
            trial.status = "FAILED" if score is None else "COMPLETED"
            if score is not None:
                metrics = {"score": float(score)}
                self.oracle.update_trial(trial.trial_id, metrics)
            self.oracle.end_trial(trial)

        def run(self, *scores):
            """Return each trial's round, and whose weights it takes."""
            ran = []
            for score in scores:
                trial = self.begin()
                values = trial.hyperparameters.values
                parent = values.get("tuner/trial_id")
                ran.append((values["tuner/round"], parent))
                self.end(trial, score)
            return ran

    return Hand


NEW = (0, None)


def test_the_best_of_two_goes_on_as_soon_as_two_have_ended(began):
    ran = began(made()).run(0.3, 0.5, 0.6, 0.4, 0.2, 0.7, 0.8)
    assert ran[:2] == [NEW, NEW]
    assert ran[2] == (1, "01")  # of rounds with 2 scores, one
    assert ran[3:5] == [NEW, NEW]  # of 3, still one
    assert ran[5] == (1, "03")  # of 4, two: 0.4 is second
    assert ran[6] == (2, "05")  # and of round 1 the better


def test_least_is_best_where_the_objective_says_so(began):
    ran = began(made("min")).run(0.3, 0.5, 0.6)
    assert ran[2] == (1, "00")


def test_of_equals_the_earlier_goes_on(began):
    for direction in ("max", "min"):
        ran = began(made(direction)).run(0.5, 0.5, 0.1)
        assert ran[2] == (1, "00")


def test_a_late_winner_goes_on_though_another_has_before_it(began):
    ran = began(made()).run(0.3, 0.5, 0.1, 0.9, 0.2, 0.8)
    assert ran[:3] == [NEW, NEW, (1, "01")]
    assert ran[3:5] == [NEW, (1, "03")]  # of 3 it is the best
    assert ran[5] == (2, "04")


def test_a_trial_that_failed_counts_in_no_round(began):
    ran = began(made()).run(0.3, None, 0.5, None, 0.4, 0.2, 0.6)
    assert ran[:3] == [NEW, NEW, NEW]  # one of these three failed
    assert ran[3] == (1, "02")  # and fails there: it isn't tried again
    assert ran[4:6] == [NEW, NEW] and ran[6] == (1, "04")


def test_a_trial_that_runs_is_not_waited_for(began):
    hand = began(made())
    slow = hand.begin("slow")
    assert hand.run(0.3, 0.5, 0.4) == [NEW, NEW, (1, "02")]
    hand.end(slow, 0.9)
    assert hand.run(0.1) == [(1, "00")]


def test_the_last_round_comes_first(began):
    hand = began(made())
    assert hand.run(0.3, 0.5) == [NEW, NEW]
    slow = hand.begin("slow")  # goes on with 01
    assert hand.run(0.6, 0.7) == [NEW, (1, "03")]
    hand.end(hand.begin(), 0.8)
    hand.end(slow, 0.2)
    assert hand.run(0.1, 0.1) == [(2, "04"), (1, "05")]


def test_epochs_grow_by_the_factor_up_to_the_last(began):
    hand = began(made(max_epochs=27, factor=3, max_trials=200))
    hand.run(*np.random.default_rng(1).random(200))
    seen = {
        (v["tuner/round"], v["tuner/initial_epoch"], v["tuner/epochs"])
        for v in (
            t.hyperparameters.values
            for t in hand.oracle.trials.values()
        )
    }
    assert seen == {(0, 0, 1), (1, 1, 3), (2, 3, 9), (3, 9, 27)}


@pytest.mark.parametrize(
    "settings, epochs",
    [
        ({"max_epochs": 27, "min_epochs": 3}, [3, 9, 27]),
        ({"max_epochs": 10}, [2, 4, 10]),
        ({"max_epochs": 2}, [2]),
        ({"max_epochs": 8, "factor": 2}, [1, 2, 4, 8]),
        ({"max_epochs": 243}, [1, 3, 9, 27, 81, 243]),
    ],
)
def test_rounds_fill_the_epochs_there_are(began, settings, epochs):
    settings = {"factor": 3, "max_trials": 999} | settings
    hand = began(made(**settings))
    hand.run(*range(400))
    trials = hand.oracle.trials.values()
    found = {t.hyperparameters.values["tuner/epochs"] for t in trials}
    assert sorted(found) == epochs


def test_a_promoted_trial_has_its_parents_configuration(began):
    hand = began(made())
    hand.run(*np.random.default_rng(1).random(60))
    trials, parents = hand.oracle.trials, []
    for trial in trials.values():
        values = trial.hyperparameters.values
        if "tuner/trial_id" in values:
            parents.append(values["tuner/trial_id"])
            parent = trials[parents[-1]].hyperparameters.values
            assert values["x"] == parent["x"]
            assert values["tuner/round"] == parent["tuner/round"] + 1
            first = values["tuner/initial_epoch"]
            assert first == parent["tuner/epochs"]
    assert len(parents) == len(set(parents)) > 20


def test_in_the_end_a_share_of_each_round_has_gone_on(began):
    """And some that were among the best when they went on."""
    hand = began(made(max_trials=200))
    scores = np.random.default_rng(1).random(200)
    ran = hand.run(*scores)
    sizes = [sum(r == number for r, _ in ran) for number in range(3)]
    for number in (0, 1):
        share = sizes[number] // 2
        assert share - 1 <= sizes[number + 1] <= share + 15


def test_where_hyperband_lets_a_worker_wait_this_does_not(began):
    space = made().hyperparameters
    hyperband = kt.oracles.HyperbandOracle(
        kt.Objective("score", "max"),
        4,
        2,
        hyperparameters=space,
        seed=1,
    )
    waits = []
    for oracle in (hyperband, made()):
        hand, running, idle = began(oracle), {}, 0
        for turn in range(120):
            worker = f"tuner{turn % 8}"
            if worker in running:
                hand.end(running.pop(worker), turn)
            trial = oracle.create_trial(worker)
            idle += trial.status == "IDLE"
            if trial.status == "RUNNING":
                running[worker] = trial
        waits.append(idle)
    assert waits[0] > 0 == waits[1]


def test_nothing_new_and_a_trial_that_runs_means_wait(began):
    space = kt.HyperParameters()
    space.Choice("x", [1, 2])
    hand = began(made(hyperparameters=space))
    first, second = hand.begin("a"), hand.begin("b")
    assert hand.oracle.create_trial("c").status == "IDLE"
    hand.end(first, 0.1)
    hand.end(second, 0.2)
    assert hand.run(0.3) == [(1, "01")]
    assert hand.oracle.create_trial("c").status == "STOPPED"


def test_few_checkpoints_keep_what_may_still_go_on(tmp_path):
    class Numbers(RoundsTuner):
        def run_trial(self, trial, **kwargs):
            folder = self.get_trial_dir(trial.trial_id)
            with open(f"{folder}/checkpoint.weights.h5", "wb"):
                return {"score": float(trial.trial_id)}

    tuner = few_checkpoints(Numbers)(made(), directory=tmp_path)
    tuner.search(verbose=0)
    kept, last = set(), 0
    for path in tmp_path.glob("*/trial_*/checkpoint.weights.h5"):
        name = path.parent.name.removeprefix("trial_")
        kept.add(name)
    for name, trial in tuner.oracle.trials.items():
        last += trial.hyperparameters.values["tuner/round"] == 2
        if trial.hyperparameters.values["tuner/round"] < 2:
            assert name in kept
    assert len(kept) == 60 - last + 1 < 60


def test_what_can_not_be_used_with_hyperband_is_refused_here_too(
    tmp_path,
):
    with pytest.raises(ValueError, match="short trials"):
        stop_without_progress(RoundsTuner, 3)(
            made(), lambda hp: None, directory=tmp_path
        )
    with pytest.raises(ValueError, match="other folds"):
        CrossValidationTuner(made(), lambda hp: None, None)


@pytest.mark.parametrize(
    "settings",
    [{"factor": 1}, {"min_epochs": 0}, {"min_epochs": 5}],
)
def test_settings_that_make_no_rounds_are_refused(settings):
    with pytest.raises(ValueError, match="factor|min_epochs must be"):
        made(**settings)
