"""End a search when its time is up."""

import json
import time
import warnings
from datetime import timedelta
from pathlib import Path

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def stop_after(
    tuner_class, hours=0, minutes=0, seconds=0, clock=time.monotonic
):
    """Return the tuner class, made to stop when its time is up.

    Use what is returned like `tuner_class`, any tuner class:
    `stop_after(kt.Hyperband, hours=2)(build_model, ...)`.

    No trial begins once the search has taken that long in all, by
    `clock`, in seconds. The trial that runs then is finished and
    counts, so leave room for the longest one; `search` returns as if
    the search had ended. Time that earlier processes spent counts, up
    to where their last trial began or ended: to go on, give more.

    Raises ValueError if `tuner_class` is no tuner class, and for a time
    that is not above 0.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    limit = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if limit <= timedelta():
        raise ValueError(f"give a time above 0, not {limit}")

    class StopAfter(tuner_class):
        tools = _check(tuner_class, "stop_after")

        def __init__(self, *args, **kwargs):
            self.__seconds_before, self.__began = 0, None
            super().__init__(*args, **kwargs)
            if not isinstance(self.oracle, kt.Oracle):
                return  # a parallel worker: the chief hands out trials
            draw = self.oracle.populate_space

            def populate_space(trial_id):
                if self.seconds_spent() >= limit.total_seconds():
                    return {"status": "STOPPED", "values": None}
                return draw(trial_id)

            self.oracle.populate_space = populate_space

        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "oracle" and isinstance(value, kt.Oracle):
                get_state = value.get_state  # from the first save on
                value.get_state = lambda: (
                    get_state() | {"seconds": self.seconds_spent()}
                )

        def seconds_spent(self):
            running = (
                0 if self.__began is None else clock() - self.__began
            )
            return self.__seconds_before + running

        def reload(self):
            super().reload()
            path = Path(self.project_dir, "oracle.json")
            if not self._is_worker() and path.exists():
                state = json.loads(path.read_text("utf-8"))
                self.__seconds_before = state.get("seconds", 0)

        def search(self, *args, **kwargs):
            self.__began = clock()
            try:
                super().search(*args, **kwargs)
            finally:
                self.__seconds_before = self.seconds_spent()
                self.__began = None

    return StopAfter


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
