"""A search that survives kills, full disks and second processes."""

import contextlib
import json
import os
import warnings
from pathlib import Path

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner
_locks = set()  # a forked child, which may outlive us, keeps none
try:
    import fcntl

    os.register_at_fork(
        after_in_child=lambda: [*map(os.close, _locks), _locks.clear()]
    )
except ImportError:  # Windows: there nothing is locked
    fcntl = None


def safe(tuner_class):
    """Return the tuner class, made to keep its files whole.

    `safe(kt.RandomSearch)(build_model, ...)`, of any tuner class. With
    `resumable` it also ends as if it had not been stopped.

    A trial and the state of its search reach the disk in one step: a
    kill or a full disk loses only the trial that ran, and it runs anew.

    Raises ValueError for no tuner class, BlockingIOError while another
    tuner of this machine searches there, and FatalError on a full disk.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """

    class Safe(tuner_class):
        tools = _check(tuner_class, "safe")

        def __init__(self, *args, **kwargs):
            self.__unsaved, self.__is_entered = {}, self._is_worker()
            with contextlib.ExitStack() as self.__entered:
                super().__init__(*args, **kwargs)
                if not self._is_worker():
                    self.oracle.save = self.__save_oracle
                    self.oracle._save_trial = self.__save_trial
                    self.save()

        @property
        def project_dir(self):  # the first that knows the folder
            folder = super().project_dir
            if not self.__is_entered:
                self.__is_entered = True
                self.__entered.enter_context(_locked(Path(folder)))
                _write_trials(Path(folder))
            return folder

        def search(self, *args, **kwargs):
            if self._is_worker():
                return super().search(*args, **kwargs)
            path = Path(self.project_dir, "oracle.json")
            with _locked(path.parent):
                if path.read_text("utf-8") != self.__saved:
                    self.reload()  # another process has gone on
                return super().search(*args, **kwargs)

        def on_trial_end(self, trial):  # a message outlives its try
            said = str(trial.status != "COMPLETED" and trial.message)
            if "No space left" in said or "Disk quota" in said:
                raise kt.errors.FatalError("disk full: run it again")
            super().on_trial_end(trial)

        def save(self):
            if not self._is_worker():
                self.oracle.save()
            path = Path(self.project_dir, f"{self.tuner_id}.json")
            _write(path, json.dumps(self.get_state()))

        def __save_trial(self, trial):  # with the oracle, soon after
            folder = Path(self.get_trial_dir(trial.trial_id)).name
            self.__unsaved[folder] = trial.get_state()

        def __save_oracle(self):
            state = self.oracle.get_state() | {"trials": self.__unsaved}
            for tuner, name in list(state["ongoing_trials"].items()):
                if name in state["end_order"] + state["retry_queue"]:
                    del state["ongoing_trials"][tuner]  # it has ended
            self.__saved = json.dumps(state)
            folder = Path(self.project_dir)
            _write(folder / "oracle.json", self.__saved)
            _write_trials(folder)
            self.__unsaved = {}

    return Safe


@contextlib.contextmanager
def _locked(folder):
    path = Path(f"{folder.resolve()}.lock")  # one for all links to it
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    _locks.add(file)
    try:
        try:
            fcntl and fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"process {path.read_text('utf-8')} searches in "
            text += f"{folder}: wait, or change project_name"
            raise BlockingIOError(text) from None
        except OSError as e:  # on some network file systems
            warnings.warn(f"nothing locks {folder}: {e}", stacklevel=5)
        os.truncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield
    finally:
        if file in _locks:  # else this is a forked child
            _locks.remove(file)
            os.close(file)


def _write(path, text):
    aside = path.with_name(f"{path.name}.new")
    with open(aside, "w", encoding="utf-8") as file:
        print(text, end="", file=file, flush=True)
        os.fsync(file.fileno())
    os.replace(aside, path)


def _write_trials(folder):
    with contextlib.suppress(FileNotFoundError, ValueError):
        state = json.loads((folder / "oracle.json").read_text("utf-8"))
        for name, trial in state.get("trials", {}).items():
            _write(folder / name / "trial.json", json.dumps(trial))
        if not (folder / "tuner0.json").exists():  # else it begins anew
            _write(folder / "tuner0.json", "{}")


def _check(tuner_class, name):
    """Refuse what can't be wrapped; return the names of all tools."""
    base = kt.engine.base_tuner.BaseTuner
    if base not in getattr(tuner_class, "__mro__", ()):
        wanted = "a tuner class such as kt.RandomSearch"
        raise ValueError(f"{name} takes {wanted}, not {tuner_class!r}")
    tools = getattr(tuner_class, "tools", ())
    if name in tools:
        raise ValueError(f"{name} has been applied already")
    if kt.__version__ not in TESTED:
        message = f"{name} is untested with Keras Tuner"
        warnings.warn(f"{message} {kt.__version__}", stacklevel=3)
    return (*tools, name)
