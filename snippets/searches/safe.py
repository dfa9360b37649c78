"""A search that survives kills, full disks and second processes."""

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path

import keras_tuner as kt

try:
    import fcntl
except ImportError:  # Windows: there nothing is locked
    fcntl = None


def safe(tuner_class):
    """Return the tuner class, made to keep its files whole.

    `tuner_class` is any tuner class, your own included; use what is
    returned like it: `safe(kt.RandomSearch)(build_model, ...)`. With
    `resumable` beside it, `resumable(safe(kt.GridSearch), ...)`,
    changed settings are refused and GridSearch resumes too.

    Each JSON file is written aside and put in its place in one step.
    Made again after a kill or an error, also of the class as it was,
    the tuner mends what lies between two files: a trial that had its
    result keeps it, one that had none is run again. A full disk ends
    the search instead of failing trials. Workers of a parallel search
    leave all this to the chief.

    Raises ValueError for a damaged oracle.json and for what is no
    tuner class, BlockingIOError while another process of this machine
    searches in the folder, naming it, and FatalError on a full disk.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """
    base = kt.engine.base_tuner.BaseTuner
    if not isinstance(tuner_class, type) or not issubclass(
        tuner_class, base
    ):
        raise ValueError(
            "tuner_class must be a class such as kt.RandomSearch, "
            f"not {tuner_class!r}"
        )
    tuner_id = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
    if "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in tuner_id:
        return tuner_class

    class Safe(tuner_class):
        def __init__(self, *args, overwrite=False, **kwargs):
            self.safe_folder = Path(
                kwargs.get("directory") or ".",
                kwargs.get("project_name") or "untitled_project",
            )
            with _locked(self.safe_folder):
                if not overwrite:
                    _mend(self.safe_folder)
                super().__init__(*args, overwrite=overwrite, **kwargs)
                self.oracle.save = self.save_oracle
                self.oracle._save_trial = self.save_trial
                self.save()  # whole from now on

        @staticmethod
        def mend(folder):
            with _locked(folder):
                _mend(folder)

        def search(self, *args, **kwargs):
            with _locked(self.safe_folder):
                path = self.safe_folder / "oracle.json"
                if path.read_text("utf-8") != self.safe_text:
                    self.reload()  # another process has gone on
                super().search(*args, **kwargs)

        def run_trial(self, trial, *args, **kwargs):
            try:
                return super().run_trial(trial, *args, **kwargs)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                # Not the trial's fault: it is to run again.
                raise kt.errors.FatalError("disk full") from error

        def save(self):
            self.save_oracle()
            path = Path(self.project_dir, f"{self.tuner_id}.json")
            _write_json(path, self.get_state())

        def save_oracle(self):
            path = Path(self.project_dir, "oracle.json")
            self.safe_text = _write_json(path, self.oracle.get_state())

        def save_trial(self, trial):
            folder = Path(self.get_trial_dir(trial.trial_id))
            _write_json(folder / "trial.json", trial.get_state())

    Safe.__name__ = tuner_class.__name__
    return Safe


@contextlib.contextmanager
def _locked(folder):
    """Keep other processes out; the lock ends with this one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f"{folder.name}.lock")
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if fcntl:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                other = path.read_text("utf-8")
                raise BlockingIOError(
                    f"process {other} searches in {folder}: "
                    "wait for it, end it, or take another project_name"
                ) from None
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        os.close(file)


def _write_json(path, state):
    text = json.dumps(state)
    aside = path.with_name(f"{path.name}.new")
    try:
        with open(aside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    return text


def _read_json(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _mend(folder):
    """Make one state of what a kill left between two files."""
    path = folder / "oracle.json"
    state = _read_json(path)
    if not path.exists():
        return
    if state is None:
        raise ValueError(f"{path} is damaged: bring back a copy of it")
    started, ended = state["start_order"], state["end_order"]
    for trial_folder in folder.glob("trial_*"):
        if trial_folder.name.removeprefix("trial_") not in started:
            shutil.rmtree(trial_folder)  # drawn, not yet begun
    for holder, name in list(state["ongoing_trials"].items()):
        trial_path = folder / f"trial_{name}" / "trial.json"
        trial = _read_json(trial_path)
        if trial is None and name == started[-1]:
            _forget(state, name)
            shutil.rmtree(trial_path.parent, ignore_errors=True)
        elif name in state["retry_queue"]:
            del state["ongoing_trials"][holder]  # else it runs twice
        elif trial and trial["status"] in ("COMPLETED", "FAILED"):
            del state["ongoing_trials"][holder]
            if name not in ended:
                ended.append(name)
        elif trial and trial["metrics"]["metrics"]:
            # Recorded, not ended: the repetition would not count.
            trial["metrics"]["metrics"] = {}
            _write_json(trial_path, trial)
    _write_json(path, state)
    own = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
    if _read_json(folder / f"{own}.json") is None:
        _write_json(folder / f"{own}.json", {})


def _forget(state, name):
    """Take the last trial out of the state, to draw another."""
    state["start_order"].remove(name)
    state["ongoing_trials"] = {}
    state["tried_so_far"].remove(state["id_to_hash"].pop(name))
    for bracket in state.get("brackets", []):
        for trials in bracket["rounds"]:
            trials[:] = [t for t in trials if t["id"] != name]
