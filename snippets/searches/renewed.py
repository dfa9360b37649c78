"""A long search as many short processes, each of which goes on."""

import sys

import keras_tuner as kt


def renewed(tuner_class, trials, exit_code=75):
    """Return the tuner class, its process ended every few trials.

    `tuner_class` is any tuner class, your own subclasses included; use
    what is returned like that class, with a seed, in a script:
    `tuner = renewed(kt.Hyperband, trials=50)(build_model, ...)`.

    Once this process has ended `trials` trials and would begin another,
    `search` raises SystemExit(exit_code) instead, and gives all its
    memory back. The search is whole on disk: run the script again for
    as long as it ends with that code. Then it ends as it would have.

    Of GridSearch, make it through the snippet `resumable`. Of parallel
    processes, it ends workers, to be started again under their names.

    Raises ValueError if `tuner_class` is no tuner class, if `trials` is
    no integer of at least 1, or `exit_code` none from 1 to 255. The
    class returned raises ValueError for `overwrite=True` or a
    `tuner_id`, for with them each process would begin anew.

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
        def __init__(self, *args, **kwargs):
            for name in ("overwrite", "tuner_id"):
                if kwargs.get(name):
                    raise ValueError(
                        f"leave out {name}: with it each process would "
                        "begin the search anew. For a new search, take "
                        "a new project_name or delete the old folder."
                    )
            self.trials_ended = 0
            super().__init__(*args, **kwargs)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            self.trials_ended += 1

        def pre_create_trial(self):
            super().pre_create_trial()
            if self.trials_ended >= trials:
                sys.exit(exit_code)

    return Renewed
