"""A search that resumes with the settings it began with, or refuses."""

import functools
import hashlib
import json
import os
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner
KEPT = {"seed", "max_epochs", "factor", "hyperband_iterations"}
KEPT |= {"num_initial_points", "alpha", "beta"}


def resumable(tuner_class):
    """Return the tuner class, made to go on where it was stopped.

    `resumable(kt.RandomSearch)(build_model, ...)`, of any tuner class,
    when it is made again ends as if it had not been stopped. More
    `max_trials` are welcome, and new hyperparameters but for a grid's.

    Raises ValueError for another oracle, objective or seed, a changed
    or missing hyperparameter, other data or epochs, damaged files and a
    `tuner_id`. Not seen are other models and other rows of a dataset.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """

    class Resumable(tuner_class):
        tools = _check(tuner_class, "resumable")

        def __init__(self, *args, **kwargs):
            self.__is_new, self.__has_seed = True, kwargs.get("seed")
            super().__init__(*args, **kwargs)
            name = os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
            if self.tuner_id not in (name, "tuner0"):
                raise ValueError("leave out tuner_id: it can't resume")
            if self.__is_new and not self._is_worker():
                folder = Path(self.project_dir)
                if any(folder.glob("trial_*/trial.json")):
                    _read(folder / f"{self.tuner_id}.json")  # missing
                self.__compare("tuner", _settings(self))
                "safe" in self.tools or self.save()  # it has, locked
            if random := getattr(self.oracle, "_random_state", None):
                draw, oracle = self.oracle.populate_space, self.oracle
                oracle.populate_space = lambda n: draw(
                    random.seed(oracle.seed + len(oracle.trials)) or n
                )

        def reload(self):
            if not self._is_worker():
                folder = Path(self.project_dir)
                list(map(_read, folder.glob("trial_*/trial.json")))
                _read(folder / f"{self.tuner_id}.json")
                for n in _read(folder / "oracle.json")["start_order"]:
                    _read(folder / f"trial_{n}" / "trial.json")
                self.__is_new = False
                self._populate_initial_space()
                self.__compare("tuner", _settings(self))
            super().reload()
            _find_place(self.oracle)

        def search(self, *args, **kwargs):
            if not self._is_worker():
                digest, tree = hashlib.sha256(), (args, kwargs)
                for place, data in keras.tree.flatten_with_path(tree):
                    if hasattr(data, "tocoo"):  # a sparse matrix
                        it = data.tocoo()
                        data = np.r_[it.row, it.col, it.data, it.shape]
                    elif len(place) > 2 and np.isscalar(data):
                        data = np.array([data], object)  # of a list
                    if hasattr(data, "__array__"):  # or a data frame
                        data = np.asarray(data)
                        if data.dtype == object:
                            data = np.array(repr(data.tolist()))
                        digest.update(data.ravel().view("u1"))
                now = {"data": digest.hexdigest()[:16]}
                for name in ("epochs", "validation_split"):
                    now[name] = str(kwargs.get(name))
                now["runs"] = getattr(self, "executions_per_trial", 1)
                self.__compare("search", now)
            super().search(*args, **kwargs)

        def __compare(self, what, now):
            path = Path(self.project_dir, "settings.json")
            begins = self.__is_new and what == "tuner"
            kept = {} if begins or not path.exists() else _read(path)
            began = kept.get(what, now)
            if not self.__has_seed:  # it goes on with the one it has
                now["seed"] = began.get("seed")
            for n in [n for n in began if began[n] != now.get(n)]:
                text = f"began with {n} {began[n]}, not {now.get(n)}"
                text += ": go back, or take another project_name"
                raise ValueError(text)
            aside = path.with_suffix(f".{os.getpid()}")
            aside.write_text(json.dumps(kept | {what: now}), "utf-8")
            os.replace(aside, path)

    return Resumable


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise ValueError(f"`mend` or restore the damaged {path}") from e


def _settings(tuner):
    oracle, state = tuner.oracle, tuner.oracle.get_state()
    now = {name: state[name] for name in KEPT & set(state)}
    now["oracle"] = type(oracle).__name__
    now["objective"] = str(oracle.objective)
    for hp in state["hyperparameters"]["space"]:
        now[f"hyperparameter {hp['config']['name']}"] = str(hp)
    if isinstance(oracle, kt.oracles.GridSearchOracle):
        now["hyperparameters"] = len(now)  # none may be new
    return now


def _find_place(oracle):
    trials = {n: oracle.trials[n] for n in oracle.start_order}
    oracle.trials = trials
    if failed := [n for n in trials if trials[n].status == "FAILED"]:
        warnings.warn(f"failed before: {failed}", stacklevel=4)
    if isinstance(oracle, kt.oracles.GridSearchOracle):
        place = functools.cmp_to_key(oracle._compare)
        values = {n: trials[n].hyperparameters.values for n in trials}
        for name in sorted(trials, key=lambda n: place(values[n])):
            oracle._ordered_ids.insert(name)
            oracle._populate_next.append(name)


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
