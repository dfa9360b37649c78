"""A search that keeps the weights of its best trials alone."""

import warnings
from pathlib import Path

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def few_checkpoints(tuner_class, keep=1):
    """Return the tuner class, made to delete beaten trials' weights.

    Use what is returned like `tuner_class`, any tuner class:
    `few_checkpoints(kt.RandomSearch)(build_model, ...)`.

    After each trial the best `keep` trials have weights on disk, so
    `get_best_models(keep)` works, and more are refused. Of equal scores
    the earlier trial is kept. Under Hyperband the weights that a trial
    was continued from are kept with it, and those of a bracket until it
    is over. Scores and hyperparameters of all trials stay. Of parallel
    processes, the chief deletes.

    Raises ValueError if `tuner_class` is no tuner class, if `keep` is
    no integer of at least 1, and for more models than `keep`.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """
    if type(keep) is not int or keep < 1:
        raise ValueError(
            f"keep must be an integer from 1, not {keep!r}"
        )

    class FewCheckpoints(tuner_class):
        tools = _check(tuner_class, "few_checkpoints")

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if not isinstance(self.oracle, kt.Oracle):
                return  # a parallel worker: the chief deletes
            end = self.oracle.end_trial
            draw = self.oracle.populate_space

            def end_trial(trial):
                end(trial)
                self.__delete_beaten()

            def populate_space(trial_id):
                drawn = draw(trial_id)  # now Hyperband drops a bracket
                self.__delete_beaten()
                return drawn

            self.oracle.end_trial = end_trial
            self.oracle.populate_space = populate_space
            self.__put_in_order()

        def reload(self):
            super().reload()
            self.__put_in_order()

        def __put_in_order(self):
            """Let the earlier of equals be the best, always."""
            trials = self.oracle.trials
            order = {
                n: i for i, n in enumerate(self.oracle.start_order)
            }
            for name in sorted(trials, key=lambda n: order.get(n, -1)):
                trials[name] = trials.pop(name)

        def __delete_beaten(self):
            trials = self.oracle.trials
            best = self.oracle.get_best_trials(keep)
            if not all(self.__weights(trial) for trial in best):
                return  # what should replace the others is missing
            over = ("COMPLETED", "FAILED")
            running = [
                t for t in trials.values() if t.status not in over
            ]
            kept = set(_to_be_continued(self.oracle))
            for trial in best + running:
                while trial:
                    kept.add(trial.trial_id)
                    parent = trial.hyperparameters.values
                    trial = trials.get(parent.get("tuner/trial_id"))
            for name, trial in trials.items():
                if name not in kept:
                    for path in self.__weights(trial):
                        path.unlink()

        def get_best_models(self, num_models=1):
            if num_models > keep:
                raise ValueError(
                    f"only the best {keep} have weights: make it "
                    f"with keep={num_models}, before the search"
                )
            return super().get_best_models(num_models)

        def __weights(self, trial):
            """Return the files of a trial's model."""
            folder = Path(self.get_trial_dir(trial.trial_id))
            files = [
                *folder.glob("checkpoint*"),
                *folder.glob("*.pickle"),
            ]
            return [path for path in files if path.is_file()]

    return FewCheckpoints


def _to_be_continued(oracle):
    """Yield the trials of Hyperband that may still be promoted."""
    for bracket in oracle.get_state().get("brackets", []):
        for trials in bracket["rounds"][:-1]:
            yield from (trial["id"] for trial in trials)


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
