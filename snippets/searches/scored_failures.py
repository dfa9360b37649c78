"""Give a failed trial the worst score, so that no bracket starves."""

import math

import keras_tuner as kt


def scored_failures(tuner_class, worst):
    """Return the tuner class, made to score trials that fail.

    `tuner_class` is any tuner class, above all kt.Hyperband, where one
    failure costs a bracket its longest training; use what is returned
    like that class. `worst` is the score a failed trial gets, in the
    objective's unit: no better than the worst honest trial.

    A trial fails that raises, or whose objective is NaN or infinite.
    With `max_retries_per_trial` it is tried again first, for NaN too.
    Failing for good, it is COMPLETED with `worst`; only then its
    `message` says why, and it has a metric `failed`. As many failures
    in a row as `max_consecutive_failed_trials` end the search, and the
    last of them is tried again when it resumes. For one process.

    Raises ValueError if `tuner_class` is no tuner class, `worst` is
    not finite, or there are several objectives, and RuntimeError as
    Keras Tuner does for failures in a row.

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
    if not math.isfinite(worst):
        raise ValueError(f"worst must be a finite score, not {worst}")

    class ScoredFailures(tuner_class):
        def on_search_begin(self):
            super().on_search_begin()
            if hasattr(self.oracle.objective, "objectives"):
                raise ValueError("give one objective, not several")
            self.tries_of_trial = self.failed_in_a_row = 0

        def run_trial(self, trial, *args, **kwargs):
            # Else Keras Tuner drops what a retry after NaN gives.
            trial.metrics.metrics.clear()
            return super().run_trial(trial, *args, **kwargs)

        def on_trial_end(self, trial):
            name = self.oracle.objective.name
            self.tries_of_trial += 1
            if trial.status == "COMPLETED":
                score = trial.metrics.get_best_value(name)
                trial.message = None  # that of an attempt before
                if not math.isfinite(score):
                    trial.status = "INVALID"
                    trial.message = f"{name} is {score}"
            failed = trial.status != "COMPLETED"
            allowed = self.oracle.max_retries_per_trial
            if (
                trial.status != "INVALID"
                or self.tries_of_trial > allowed
            ):
                self.tries_of_trial = 0
                self.failed_in_a_row = (
                    self.failed_in_a_row + 1 if failed else 0
                )
                if failed:
                    self.score_failure(trial, name)
            super().on_trial_end(trial)

        def score_failure(self, trial, name):
            limit = self.oracle.max_consecutive_failed_trials
            if self.failed_in_a_row == limit:
                raise RuntimeError(
                    f"{limit} trials in a row failed, the last with\n"
                    f"{trial.message}"
                )
            trial.status = "COMPLETED"
            trial.metrics.metrics.clear()
            result = {name: worst, "failed": 1.0}
            self.oracle.update_trial(trial.trial_id, result)

    ScoredFailures.__name__ = tuner_class.__name__
    return ScoredFailures
