"""A search of the plain class is mended after any kill."""

import json
import subprocess
import sys
from pathlib import Path

import keras_tuner as kt
import pytest

from snippets.searches import mend as program
from snippets.searches.mend import mend

TUNERS = {
    kt.RandomSearch: {"max_trials": 4},
    kt.Hyperband: {"max_epochs": 2, "factor": 2},
}


class Killed(BaseException):
    """What no code may catch, as none can catch SIGKILL."""


def plain(folder, tuner_class=kt.RandomSearch):
    class Numbers(tuner_class):
        ran, ended = (), ()

        def run_trial(self, trial, *args, **kwargs):
            self.ran += (trial.trial_id,)
            return trial.hyperparameters.Int("x", 0, 99)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.ended += (trial.trial_id,)

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    return Numbers(
        hyperparameters=hp,
        objective=kt.Objective("score", "min"),
        seed=1,
        directory=folder,
        project_name="plain",
        **TUNERS[tuner_class],
    )


@pytest.mark.parametrize(
    "tuner_class", TUNERS, ids=lambda c: c.__name__
)
def test_it_goes_on_and_runs_no_trial_twice(
    tuner_class, tmp_path, monkeypatch
):
    """But for half an oracle.json, which is named."""
    import keras_tuner.src.utils as utils

    whole = plain(tmp_path / "whole", tuner_class)
    whole.search(verbose=0)
    save_json = utils.save_json
    calls, named, mended = 0, 0, 0

    def killing(path, state):
        nonlocal calls
        calls += 1
        if calls == point:
            Path(path).write_text(json.dumps(state)[:9], "utf-8")
            raise Killed
        return save_json(path, state)

    for point in range(1, 1000):
        calls, folder = 0, tmp_path / str(point)
        tuner = plain(folder, tuner_class)
        monkeypatch.setattr(utils, "save_json", killing)
        try:
            tuner.search(verbose=0)
            break
        except Killed:
            monkeypatch.setattr(utils, "save_json", save_json)
        oracle = folder / "plain" / "oracle.json"
        if not oracle.exists() or oracle.stat().st_size == 9:
            with pytest.raises(ValueError, match="oracle.json is miss"):
                mend(folder / "plain")
            named += 1
            continue
        mended += bool(mend(folder / "plain"))
        assert mend(folder / "plain") == []
        again = plain(folder, tuner_class)
        again.search(verbose=0)
        assert not set(again.ran) & set(tuner.ended), point
        trials = again.oracle.trials.values()
        assert len(trials) == len(whole.oracle.trials)
        assert {t.status for t in trials} == {"COMPLETED"}
    assert 0 < named < point / 2 and mended > 4


def test_a_finished_trial_that_is_damaged_is_named(tmp_path):
    plain(tmp_path).search(verbose=0)
    path = tmp_path / "plain/trial_1/trial.json"
    path.write_text("", "utf-8")
    with pytest.raises(ValueError, match="trial_1.trial.json is dam"):
        mend(tmp_path / "plain")


def test_a_whole_search_is_left_as_it_is(tmp_path):
    plain(tmp_path).search(verbose=0)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.json")}
    assert mend(tmp_path / "plain") == []
    assert before == {p: p.read_bytes() for p in before}


@pytest.mark.process
def test_it_is_a_command(tmp_path):
    plain(tmp_path).search(verbose=0)
    (tmp_path / "plain/tuner0.json").unlink()
    command = [sys.executable, program.__file__]
    done = subprocess.run(
        [*command, tmp_path / "plain"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "mended tuner0.json\n")
    done = subprocess.run(
        [*command, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 1 and "oracle.json is" in done.stderr
