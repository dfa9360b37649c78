"""A search of the plain class is mended after any kill."""

import contextlib
import json
import shutil
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


def plain(folder, tuner_class=kt.RandomSearch, **changed):
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
        **(TUNERS[tuner_class] | changed),
    )


def trials_of(folder):
    """Return what the files of trials hold that can be read."""
    for path in folder.glob("plain/trial_*/trial.json"):
        with contextlib.suppress(ValueError):
            yield json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "tuner_class", TUNERS, ids=lambda c: c.__name__
)
def test_it_goes_on_and_runs_no_trial_twice(
    tuner_class, tmp_path, monkeypatch
):
    """But for half an oracle.json of trials, which is named."""
    import keras_tuner.src.utils as utils

    whole = plain(tmp_path / "whole", tuner_class)
    whole.search(verbose=0)
    save_json = utils.save_json
    calls, named, mended, anew = 0, 0, 0, 0

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
            statuses = {t["status"] for t in trials_of(folder)}
            if "COMPLETED" in statuses:
                with pytest.raises(ValueError, match="but trials have"):
                    mend(folder / "plain")
                named += 1
                continue
            assert mend(folder / "plain")
            anew += 1
        else:
            mended += bool(mend(folder / "plain"))
            assert mend(folder / "plain") == []
        again = plain(folder, tuner_class)
        again.search(verbose=0)
        assert not set(again.ran) & set(tuner.ended), point
        trials = again.oracle.trials.values()
        assert len(trials) == len(whole.oracle.trials)
        assert {t.status for t in trials} == {"COMPLETED"}
    assert 0 < named < point / 2 and mended > 4 and anew > 1


@pytest.mark.parametrize("known", range(5))
def test_trials_that_a_copy_of_oracle_json_does_not_know_are_kept(
    known, tmp_path
):
    """An older copy, or, knowing none, that of a new search."""
    whole = plain(tmp_path / "whole")
    whole.search(verbose=0)
    tuner, copies = plain(tmp_path), []
    end, oracle = tuner.oracle.end_trial, tmp_path / "plain/oracle.json"

    def end_trial(trial):
        end(trial)
        copies.append(oracle.read_text("utf-8"))

    tuner.oracle.end_trial = end_trial
    new = plain(tmp_path / "new")
    new.save()
    copies.append(
        (tmp_path / "new/plain/oracle.json").read_text("utf-8")
    )
    tuner.search(verbose=0)
    results = [t.score for t in tuner.oracle.trials.values()]
    oracle.write_text(copies[known], "utf-8")
    assert mend(tmp_path / "plain") == ["oracle.json"]
    assert mend(tmp_path / "plain") == []
    again = plain(tmp_path, max_trials=6)
    again.search(verbose=0)
    assert again.ran == ("4", "5")
    trials = again.oracle.trials
    assert [trials[n].score for n in "0123"] == results
    values = {t.hyperparameters.get("x") for t in trials.values()}
    assert len(values) == 6
    whole = plain(tmp_path / "whole", max_trials=6)
    whole.search(verbose=0)
    assert values == {
        t.hyperparameters.get("x") for t in whole.oracle.trials.values()
    }


def test_a_trial_between_those_that_ended_is_run_again(tmp_path):
    """Of parallel workers: the copy knows neither."""
    plain(tmp_path).search(verbose=0)
    folder = tmp_path / "plain"
    plain(tmp_path / "new").save()
    shutil.copy(tmp_path / "new/plain/oracle.json", folder)
    path = folder / "trial_2/trial.json"
    state = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(state | {"status": "RUNNING"}), "utf-8")
    assert mend(folder) == ["trial_2/trial.json", "oracle.json"]
    again = plain(tmp_path)
    again.search(verbose=0)
    assert again.ran == ("2",)
    path.write_text("", "utf-8")
    with pytest.raises(ValueError, match="trial_2.trial.json is dam"):
        shutil.copy(tmp_path / "new/plain/oracle.json", folder)
        mend(folder)


def test_a_damaged_trial_with_weights_may_have_ended(tmp_path):
    plain(tmp_path).search(verbose=0)
    folder = tmp_path / "plain"
    for path in folder.rglob("*.json"):
        path.write_text("", "utf-8")
    (folder / "trial_2/checkpoint.weights.h5").touch()
    with pytest.raises(ValueError, match="but trials have ended"):
        mend(folder)
    assert len([*folder.glob("trial_*")]) == 4


def test_where_no_trial_has_ended_the_search_begins_anew(tmp_path):
    tuner = plain(tmp_path)
    tuner.oracle.create_trial("tuner0")
    for name in ("oracle.json", "settings.json", "tuner0.json"):
        (tmp_path / "plain" / name).write_text("{", "utf-8")
    folder = tmp_path / "plain/trial_none"  # of the reader's
    folder.mkdir()
    changed = ["oracle.json", "tuner0.json", "trial_0"]
    assert mend(tmp_path / "plain") == changed
    again = plain(tmp_path)
    again.search(verbose=0)
    assert again.ran == tuple("0123") and folder.exists()
    assert mend(tmp_path / "plain") == ["settings.json"]
    with pytest.raises(ValueError, match="holds no search"):
        mend(tmp_path)


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
    assert done.returncode == 1 and "no search" in done.stderr
