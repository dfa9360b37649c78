"""A long search as many short processes, each of which goes on."""

import sys
import warnings

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def renewed(tuner_class, trials, exit_code=75):
    """Return the tuner class, its process ended every few trials.

    Use what is returned like `tuner_class`, any tuner class, in a
    script: `renewed(resumable(kt.Hyperband), trials=50)(...)`.

    Once this process has ended `trials` trials and would begin another,
    `search` raises SystemExit(exit_code) instead, and gives all its
    memory back. The search is whole on disk: run the script again for
    as long as it ends with that code. Then, with `resumable`, it ends
    as it would have. Of parallel processes, it ends workers, to be
    started again under their names, as `parallel_search` does after 75.

    Raises ValueError if `tuner_class` is no tuner class, if `trials` is
    no integer of at least 1, or `exit_code` none from 1 to 255, and
    when it is used, for GridSearch without `resumable`, for
    `overwrite=True` or a `tuner_id`: each process would begin anew.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """
    if type(trials) is not int or trials < 1:
        raise ValueError(
            f"trials must be an integer from 1, not {trials!r}"
        )
    if type(exit_code) is not int or not 1 <= exit_code <= 255:
        raise ValueError(
            "exit_code must be an integer from 1 to 255, "
            f"not {exit_code!r}"
        )

    class Renewed(tuner_class):
        tools = _check(tuner_class, "renewed")

        def __init__(self, *args, **kwargs):
            for name in ("overwrite", "tuner_id"):
                if kwargs.get(name):
                    raise ValueError(
                        f"leave out {name}: with it each process would "
                        "begin the search anew. For a new search, take "
                        "a new project_name or delete the old folder."
                    )
            self.__trials_ended = 0
            super().__init__(*args, **kwargs)
            is_grid = isinstance(
                self.oracle, kt.oracles.GridSearchOracle
            )
            if is_grid and "resumable" not in self.tools:
                raise ValueError(
                    "GridSearch forgets where it was: take "
                    "renewed(resumable(kt.GridSearch), ...)"
                )

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.__trials_ended += 1

        def pre_create_trial(self):
            super().pre_create_trial()
            if self.__trials_ended >= trials:
                sys.exit(exit_code)

    return Renewed


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
