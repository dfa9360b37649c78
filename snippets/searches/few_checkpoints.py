"""A search that keeps the weights of its best trials alone."""

from pathlib import Path

import keras_tuner as kt


def few_checkpoints(tuner_class, keep=1):
    """Return the tuner class, made to delete beaten trials' weights.

    `tuner_class` is any tuner class of Keras models, your own
    subclasses included; use what is returned like that class:
    `tuner = few_checkpoints(kt.RandomSearch)(build_model, ...)`.

    After each trial only the best `keep` trials have weights on disk,
    so `get_best_models(keep)` works, and asking for more does not.
    Under Hyperband, where a beaten trial may still be continued from
    its weights, they are deleted when the search has ended. Scores and
    hyperparameters of all trials stay. For searches in one process.

    Raises ValueError if `tuner_class` is no tuner class, or if `keep`
    is no integer of at least 1.

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
    if type(keep) is not int or keep < 1:
        raise ValueError(
            f"keep must be an integer from 1, not {keep!r}"
        )

    class FewCheckpoints(tuner_class):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            if not isinstance(self.oracle, kt.oracles.HyperbandOracle):
                self.delete_beaten()

        def on_search_end(self):
            super().on_search_end()
            self.delete_beaten()

        def delete_beaten(self):
            best = self.oracle.get_best_trials(keep)
            kept = {trial.trial_id for trial in best}
            for trial in self.oracle.trials.values():
                ended = trial.status in ("COMPLETED", "FAILED")
                if ended and trial.trial_id not in kept:
                    folder = Path(self.get_trial_dir(trial.trial_id))
                    for path in folder.glob("checkpoint*"):
                        path.unlink()

    return FewCheckpoints
