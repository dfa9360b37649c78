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
    if seconds is not None:
        Numbers = stop_after(
            Numbers, seconds=seconds, clock=lambda: now[0]
        )
    tuner = Numbers(
        hyperparameters=hp,
        seed=1,
        directory=folder,
        project_name=project_name,
        **settings,
    )
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
    "seconds, trials", [(1, 1), (10, 1), (30, 3), (31, 4)]
)
def test_the_trial_that_runs_is_finished_and_no_other_begins(
    tuner_class, seconds, trials, tmp_path
):
    assert (
        len(values(limited(tuner_class, tmp_path, seconds))) == trials
    )


@pytest.mark.parametrize("tuner_class", TUNERS[:3])
def test_the_time_of_all_processes_counts(tuner_class, tmp_path):
    whole = values(limited(tuner_class, tmp_path, None, "whole"))
    assert len(values(limited(tuner_class, tmp_path, 30))) == 3
    assert len(values(limited(tuner_class, tmp_path, 30))) == 3
    assert len(values(limited(tuner_class, tmp_path, 60))) == 6
    assert values(limited(tuner_class, tmp_path, 1e9)) == whole


def test_the_time_between_two_searches_of_a_process_counts_not(
    tmp_path,
):
    now = [0.0]

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            now[0] += 10
            if kwargs["stop"]:
                raise KeyboardInterrupt
            return trial.hyperparameters.Int("x", 0, 99)

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    tuner = stop_after(Numbers, seconds=35, clock=lambda: now[0])(
        hyperparameters=hp, max_trials=9, directory=tmp_path
    )
    with pytest.raises(KeyboardInterrupt):
        tuner.search(stop=True, verbose=0)
    now[0] += 1000
    tuner.search(stop=False, verbose=0)
    assert len(tuner.oracle.trials) == 3
    assert tuner.seconds_spent() == 40


def test_a_limit_that_is_not_reached_changes_nothing(tmp_path):
    whole = values(limited(kt.RandomSearch, tmp_path, None, "whole"))
    assert values(limited(kt.RandomSearch, tmp_path, 1e9)) == whole


@pytest.mark.parametrize(
    "time", [{}, {"seconds": -1}, {"hours": 1, "minutes": -60}]
)
def test_no_time_is_refused(time):
    with pytest.raises(ValueError, match="a time above 0, not"):
        stop_after(kt.RandomSearch, **time)


def test_a_parallel_worker_reads_no_file_of_the_chief(
    tmp_path, monkeypatch
):
    """The chief may be writing it."""
    tuner = limited(kt.RandomSearch, tmp_path, 30)
    (tmp_path / "limited/oracle.json").write_text("half of it", "utf-8")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "tuner0")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    tuner.reload()


def test_hours_minutes_and_seconds_add_up(tmp_path):
    now = [0.0]

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            now[0] += 1000
            return trial.hyperparameters.get("x")

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    tuner = stop_after(
        Numbers, hours=1, minutes=2, seconds=281, clock=lambda: now[0]
    )(hyperparameters=hp, max_trials=9, directory=tmp_path)
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 5  # 4,001 seconds
