"""A search made safe loses nothing that was finished."""

import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import keras_tuner as kt
import pytest
from helpers import needs_posix

from snippets.searches import safe as safe_search
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

needs_posix()
import resource  # noqa: E402

SETTINGS = {
    kt.RandomSearch: {"max_trials": 4},
    kt.Hyperband: {"max_epochs": 2, "factor": 2},
    kt.BayesianOptimization: {"max_trials": 4, "num_initial_points": 4},
    kt.GridSearch: {"max_trials": 4},
}


class Killed(BaseException):
    """What no code may catch, as none can catch SIGKILL."""


def space(hp):
    score = hp.Int("x", 0, 9) / 10
    if hp.Choice("kind", ["sum", "difference"]) == "sum":
        with hp.conditional_scope("kind", ["sum"]):
            score += hp.Int("y", 0, 9) / 100
    return score


def numbers(tuner_class):
    """The real oracle and loop; a trial is a number, not a model."""

    class Numbers(tuner_class):
        def on_search_begin(self):
            super().on_search_begin()
            self.ran, self.ended = [], []

        def run_trial(self, trial, *args, **kwargs):
            self.ran.append(trial.trial_id)
            if len(self.ran) == kwargs.get("interrupt"):
                raise KeyboardInterrupt
            return self.hypermodel.build(trial.hyperparameters)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.ended.append(trial.trial_id)

    return Numbers


def made(folder, tuner_class=kt.RandomSearch, **changed):
    settings = {
        "objective": kt.Objective("score", "min"),
        "seed": 1,
        "directory": folder,
        "project_name": "safe",
    }
    return resumable(safe(numbers(tuner_class)))(
        space, **(settings | SETTINGS[tuner_class] | changed)
    )


def plain(folder, tuner_class=kt.RandomSearch):
    return numbers(tuner_class)(
        space,
        objective=kt.Objective("score", "min"),
        seed=1,
        directory=folder,
        project_name="safe",
        **SETTINGS[tuner_class],
    )


def outcome(tuner):
    return {
        int(trial.trial_id): (
            trial.status,
            trial.hyperparameters.values,
            trial.score,
        )
        for trial in tuner.oracle.trials.values()
    }


@pytest.fixture
def quick(monkeypatch):
    """Without waiting for the disk: no power is cut here."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def kill_at_any_write(how, folder, monkeypatch, make):
    """Kill searches, each at another write; hold each resumed one
    against an uninterrupted one."""
    whole = make(folder / "whole")
    whole.search(verbose=0)
    expected = outcome(whole)
    assert len(expected) >= 4
    write = safe_search._write
    calls = 0

    def killing(path, text):
        nonlocal calls
        calls += 1
        if calls == point:
            if how == "within":
                path.with_name(f"{path.name}.new").write_text(
                    text[:9], "utf-8"
                )
            elif how == "after":
                write(path, text)
            raise Killed
        return write(path, text)

    for point in range(1, 1000):
        calls, tuner = 0, None
        monkeypatch.setattr(safe_search, "_write", killing)
        try:
            tuner = make(folder / str(point))
            tuner.search(verbose=0)
            break  # all points were tried
        except Killed:
            ended = tuner.ended if tuner else []
        monkeypatch.setattr(safe_search, "_write", write)
        again = make(folder / str(point))
        kept = outcome(again)
        for name in ended:
            if kept[int(name)][0] == "COMPLETED":
                assert kept[int(name)] == expected[int(name)]
        mark = folder / str(point) / "raised"
        before = mark.exists()
        again.search(verbose=0)
        raised = mark.exists() and not before
        for name in set(again.ran):
            assert kept.get(int(name), ["new"])[0] != "COMPLETED", point
            assert again.ran.count(name) <= 1 + raised, point
        assert outcome(again) == expected, point
    assert point > 5 * len(expected)  # five writes or more a trial


@pytest.mark.parametrize("how", ["within", "after"])
@pytest.mark.parametrize(
    "tuner_class", SETTINGS, ids=lambda c: c.__name__
)
def test_a_kill_at_any_write_loses_no_finished_trial(
    tuner_class, how, tmp_path, monkeypatch, quick
):
    def make(folder):
        return made(folder, tuner_class)

    kill_at_any_write(how, tmp_path, monkeypatch, make)


def test_a_kill_at_any_write_keeps_retries_whole(
    tmp_path, monkeypatch, quick, capsys
):
    """The second trial raises, and goes well when it is repeated."""

    def make(folder):
        tuner = made(folder, max_retries_per_trial=1)

        def once(hp):
            mark = folder / "raised"
            if tuner.ran[-1] == "1" and not mark.exists():
                mark.touch()
                raise ValueError("once")
            return space(hp)

        tuner.hypermodel.build = once
        return tuner

    kill_at_any_write("after", tmp_path, monkeypatch, make)


def test_what_had_a_result_is_not_run_again(
    tmp_path, monkeypatch, quick
):
    """Killed when the result is written, in oracle.json alone."""
    tuner = made(tmp_path)
    write = safe_search._write

    def killed(path, text):
        if path.name == "trial.json" and "COMPLETED" in text:
            raise Killed
        write(path, text)

    monkeypatch.setattr(safe_search, "_write", killed)
    with pytest.raises(Killed):
        tuner.search(verbose=0)
    monkeypatch.setattr(safe_search, "_write", write)
    path = tmp_path / "safe" / "trial_0" / "trial.json"
    assert json.loads(path.read_text("utf-8"))["status"] == "RUNNING"
    again = made(tmp_path)
    again.search(verbose=0)
    assert again.ran == ["1", "2", "3"]
    assert again.oracle.end_order == ["0", "1", "2", "3"]


def test_a_repeated_trial_counts_as_it_ended_then(tmp_path, quick):
    """Its weights on disk are then those of the second time, too."""

    def killed(trial):
        raise Killed

    tuner = made(tmp_path)
    tuner.oracle.end_trial = killed
    with pytest.raises(Killed):
        tuner.search(verbose=0)
    again = made(tmp_path)
    again.hypermodel.build = lambda hp: space(hp) + 7
    again.search(verbose=0)
    assert again.ran == ["0", "1", "2", "3"]
    assert all(score >= 7 for *_, score in outcome(again).values())


def test_a_file_is_the_old_one_until_the_new_one_is_whole(
    tmp_path, monkeypatch
):
    def killed(*paths):
        raise Killed

    path = tmp_path / "oracle.json"
    safe_search._write(path, '{"seed": 1}')
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(Killed):
        safe_search._write(path, '{"seed": 2}')
    assert json.loads(path.read_text("utf-8")) == {"seed": 1}


def in_child(function):
    """Call it in another process; return what it returns, or raised."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def call():
        try:
            there.send(function())
        except OSError as error:
            there.send(error)
        os._exit(0)

    child = context.Process(target=call)
    child.start()
    answered = here.poll(60)
    child.kill()
    assert answered, "the other process waits"
    return here.recv()


@pytest.mark.process
def test_another_process_is_refused_while_one_searches(tmp_path, quick):
    tuner = made(tmp_path)

    def search():
        made(tmp_path).search(verbose=0)

    def build(hp):
        assert isinstance(error := in_child(search), BlockingIOError)
        errors.append(str(error))
        return space(hp)

    errors = []
    tuner.hypermodel.build = build
    tuner.search(verbose=0)
    assert len(errors) == 4
    assert f"process {os.getpid()} searches in {tmp_path}" in errors[0]
    assert in_child(search) is None  # it is over


@pytest.mark.process
def test_a_tuner_that_is_made_meanwhile_overwrites_nothing(
    tmp_path, monkeypatch, quick
):
    """Another process searches before this one's tuner is whole."""
    replace = os.replace

    def meanwhile(old, new):
        replace(old, new)
        if Path(new).name == "settings.json":
            monkeypatch.setattr(os, "replace", replace)
            in_child(lambda: made(tmp_path).search(verbose=0))

    monkeypatch.setattr(os, "replace", meanwhile)
    tuner = made(tmp_path)
    path = tmp_path / "safe" / "oracle.json"
    state = json.loads(path.read_text("utf-8"))
    assert state["end_order"] == ["0", "1", "2", "3"]
    tuner.search(verbose=0)
    assert tuner.ran == []


@pytest.mark.process
def test_a_dead_process_holds_nothing(tmp_path, quick):
    def kill(hp):
        if (tmp_path / "safe" / "trial_2").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return space(hp)

    tuner = made(tmp_path)
    tuner.hypermodel.build = kill
    context = multiprocessing.get_context("fork")
    child = context.Process(target=tuner.search, kwargs={"verbose": 0})
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (tmp_path / "safe.lock").read_text("utf-8") == str(child.pid)
    again = made(tmp_path)
    again.search(verbose=0)
    assert again.ran == ["2", "3"]


@pytest.mark.process
def test_a_tuner_goes_on_from_what_another_process_added(
    tmp_path, quick
):
    tuner = made(tmp_path)
    in_child(lambda: made(tmp_path, max_trials=6).search(verbose=0))
    tuner.search(verbose=0)
    assert tuner.ran == [] and len(tuner.oracle.trials) == 6


def test_what_other_snippets_did_to_the_oracle_stays(tmp_path, quick):
    tuner = made(tmp_path, kt.BayesianOptimization)
    regressor = tuner.oracle.gpr = object()
    tuner.search(verbose=0)
    tuner.search(verbose=0)
    assert tuner.oracle.gpr is regressor


def test_overwrite_begins_anew_over_damaged_files(tmp_path, quick):
    made(tmp_path).search(verbose=0)
    (tmp_path / "safe" / "oracle.json").write_text("", "utf-8")
    tuner = made(tmp_path, overwrite=True)
    assert not tuner.oracle.trials
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 4


@pytest.mark.parametrize("way", [safe, resumable], ids=["out", "in"])
def test_without_its_small_file_a_search_does_not_begin_anew(
    way, tmp_path, quick
):
    """Keras Tuner would, over all that is there."""
    made(tmp_path).search(verbose=0)
    (tmp_path / "safe" / "tuner0.json").unlink()
    other = resumable if way is safe else safe
    tuner = way(other(numbers(kt.RandomSearch)))(
        space,
        objective=kt.Objective("score", "min"),
        max_trials=6,
        seed=1,
        directory=tmp_path,
        project_name="safe",
    )
    assert len(tuner.oracle.trials) == 4
    tuner.search(verbose=0)
    assert tuner.ran == ["4", "5"]


def test_a_finished_trial_that_is_damaged_is_named(tmp_path, quick):
    made(tmp_path).search(verbose=0)
    path = tmp_path / "safe" / "trial_1" / "trial.json"
    path.write_text("", "utf-8")
    with pytest.raises(
        ValueError, match="restore the damaged .*trial_1.trial.json"
    ):
        made(tmp_path)


def test_a_file_that_cannot_grow_leaves_the_old_one_whole(tmp_path):
    """A full disk by a limit of file size, which takes no rights."""
    tuner = made(tmp_path, max_trials=30)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            tuner.search(verbose=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    ended = tuner.ended
    assert 1 < len(ended) < 30
    again = made(tmp_path, max_trials=30)
    again.search(verbose=0)
    assert not set(ended) & set(again.ran)
    assert len(again.oracle.end_order) == 30


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, of 64 KiB."""
    if not shutil.which("mount"):
        pytest.skip("there is no mount here")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none"]
    done = subprocess.run([*mount, tmp_path], capture_output=True)
    if done.returncode:
        pytest.skip("no small disk: mounting takes root")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.process
def test_a_disk_that_is_full_within_a_trial_fails_no_trial(small_disk):
    def fill(hp):
        x = hp.Int("x", 0, 9)
        if filling:
            Path(small_disk, "large").write_bytes(bytes(2**20))
        return x

    filling = False
    settings = {
        "hyperparameters": kt.HyperParameters(),
        "max_trials": 1,
    }
    settings["hyperparameters"].Int("x", 0, 9)
    tuner = made(small_disk, **settings)
    filling = True
    tuner.hypermodel.build = fill
    with pytest.raises(kt.errors.FatalError, match="disk full"):
        tuner.search(verbose=0)
    (small_disk / "large").unlink()
    filling = False
    again = made(small_disk, max_trials=1)
    again.search(verbose=0)
    assert [t.status for t in again.oracle.trials.values()] == [
        "COMPLETED"
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_with_space_again_the_same_tuner_goes_on(
    number, tmp_path, quick
):
    """In a notebook the cell is run again, of a disk or a quota."""
    tuner = made(tmp_path)
    build = tuner.hypermodel.build
    full = True

    def fill(hp):
        if full and tuner.ran == ["0", "1"]:
            raise OSError(number, os.strerror(number))
        return build(hp)

    tuner.hypermodel.build = fill
    with pytest.raises(kt.errors.FatalError, match="disk full"):
        tuner.search(verbose=0)
    full = False
    tuner.search(verbose=0)
    assert tuner.ran == ["1", "2", "3"]
    assert {t.status for t in tuner.oracle.trials.values()} == {
        "COMPLETED"
    }


def test_a_folder_has_one_lock_whatever_links_lead_to_it(
    tmp_path, quick
):
    (tmp_path / "large_disk").mkdir()
    (tmp_path / "home").mkdir()
    link = tmp_path / "home" / "safe"
    link.symlink_to(tmp_path / "large_disk", target_is_directory=True)
    refused = []

    def build(hp):
        with pytest.raises(BlockingIOError, match="searches in"):
            made(tmp_path, project_name="large_disk")
        refused.append(hp)
        return space(hp)

    tuner = made(tmp_path / "home")
    tuner.hypermodel.build = build
    tuner.search(verbose=0)
    assert len(refused) == 4


def test_a_disk_that_cannot_lock_is_told_and_searched_on(
    tmp_path, monkeypatch, quick
):
    def flock(*args):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(safe_search.fcntl, "flock", flock)
    with pytest.warns(UserWarning, match="nothing locks .*implemented"):
        tuner = made(tmp_path)
    with warnings.catch_warnings(action="ignore"):
        tuner.search(verbose=0)
    assert len(tuner.oracle.end_order) == 4


def test_other_errors_of_the_system_fail_their_trial_alone(
    tmp_path, quick
):
    tuner = made(tmp_path, max_consecutive_failed_trials=9)
    build = tuner.hypermodel.build

    def once(hp):
        if tuner.ran == ["0"]:
            raise FileNotFoundError("no data")
        return build(hp)

    tuner.hypermodel.build = once
    tuner.search(verbose=0)
    assert [t.status for t in tuner.oracle.trials.values()] == [
        "FAILED"
    ] + 3 * ["COMPLETED"]


class Own(numbers(kt.RandomSearch)):
    """A subclass that knows its folder itself."""

    def __init__(self, place, **kwargs):
        super().__init__(
            space,
            objective=kt.Objective("score", "min"),
            max_trials=4,
            directory=place,
            project_name="own",
            **kwargs,
        )


def test_the_folder_is_the_tuners_own(tmp_path, monkeypatch, quick):
    """It is not guessed: a stranger's is neither locked nor read."""
    monkeypatch.chdir(tmp_path)
    stranger = tmp_path / "untitled_project"
    stranger.mkdir()
    (stranger / "oracle.json").write_text("a stranger's", "utf-8")
    tuner = safe(Own)(tmp_path / "place")
    tuner.search(verbose=0)
    safe(Own)(tmp_path / "place", overwrite=True).search(verbose=0)
    assert not (tmp_path / "untitled_project.lock").exists()
    assert (tmp_path / "place" / "own.lock").exists()
    oracle = kt.oracles.RandomSearchOracle(max_trials=3, seed=1)
    with pytest.raises(ValueError):
        safe(numbers(kt.RandomSearch))(space, "score", 3)
    tuner = safe(numbers(kt.Tuner))(
        oracle,
        space,
        None,
        None,
        None,
        None,
        None,
        tmp_path,
        "position",
    )
    tuner.search(verbose=0)
    assert len(tuner.oracle.trials) == 3
    assert (tmp_path / "position.lock").exists()


def test_nothing_in_the_process_drops_its_lock(tmp_path, quick):
    """POSIX locks fall when anyone closes the file, and are no use."""
    tuner = made(tmp_path)

    def build(hp):
        open(tmp_path / "safe.lock", "rb").close()
        with pytest.raises(BlockingIOError, match="searches in"):
            made(tmp_path)
        with pytest.raises(BlockingIOError, match="searches in"):
            made(tmp_path, overwrite=True)
        return space(hp)

    tuner.hypermodel.build = build
    tuner.search(verbose=0)
    assert outcome(tuner) and len(tuner.ended) == 4


@pytest.mark.process
def test_a_forked_child_that_outlives_the_search_holds_nothing(
    tmp_path, quick
):
    def search():
        tuner = made(tmp_path)

        def kill(hp):
            if os.fork():
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
            os._exit(0)

        tuner.hypermodel.build = kill
        tuner.search(verbose=0)

    context = multiprocessing.get_context("fork")
    child = context.Process(target=search)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    again = made(tmp_path)
    again.search(verbose=0)
    assert again.ended == ["0", "1", "2", "3"]


@pytest.mark.process
def test_a_forked_child_closes_no_file_of_its_own(tmp_path):
    """Its files have the numbers that the lock's had."""
    read, write = os.pipe()
    with safe_search._locked(tmp_path / "search"):
        if not os.fork():
            mine = [os.dup(write) for _ in range(9)]
            if not os.fork():
                for file in mine:
                    os.write(file, b".")
                os._exit(0)
            os.wait()
            os._exit(0)
        os.wait()
    assert os.read(read, 99) == 9 * b"."


def test_a_forgotten_hypermodel_is_told(tmp_path):
    with pytest.raises(ValueError, match="hypermodel=None"):
        safe(kt.RandomSearch)(
            objective="val_loss", max_trials=1, directory=tmp_path
        )


def test_a_worker_neither_locks_nor_mends(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker1")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / "oracle.json").write_text(
        "half of it is writ", "utf-8"
    )
    safe(kt.RandomSearch)(
        space,
        objective=kt.Objective("score", "min"),
        max_trials=3,
        directory=tmp_path,
        project_name="safe",
    )
    assert not list(tmp_path.glob("*.lock"))


def test_what_is_no_tuner_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a tuner class such as"):
        safe(made(tmp_path))
