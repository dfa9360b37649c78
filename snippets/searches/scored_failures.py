"""Give a failed trial the worst score, so that no bracket starves."""

import math
import warnings

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def scored_failures(tuner_class, worst):
    """Return the tuner class, made to score trials that fail.

    Use what is returned like `tuner_class`, any tuner class, above all
    kt.Hyperband, where one failure costs a bracket its longest
    training: `scored_failures(kt.Hyperband, worst=0.0)(...)`. `worst`
    is the score a failed trial gets, in the objective's unit: no better
    than the worst honest trial.

    A trial fails that raises, or whose objective is NaN or infinite.
    With `max_retries_per_trial` it is tried again first, for NaN too.
    Failing for good, it is COMPLETED with `worst`; only then its
    `message` says why, and it has a metric `failed`. As many failures
    in a row as `max_consecutive_failed_trials` end the search, and the
    last of them is tried again when it resumes. Of parallel processes,
    the chief scores, and Keras Tuner keeps no message.

    Raises ValueError if `tuner_class` is no tuner class, `worst` is not
    finite, or there are several objectives, and RuntimeError as Keras
    Tuner does for failures in a row.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """
    if not math.isfinite(worst):
        raise ValueError(f"worst must be a finite score, not {worst}")

    class ScoredFailures(tuner_class):
        tools = _check(tuner_class, "scored_failures")

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            oracle = self.oracle
            if not isinstance(oracle, kt.Oracle):
                return  # a parallel worker: the chief scores
            if hasattr(oracle.objective, "objectives"):
                raise ValueError("give one objective, not several")
            end = oracle.end_trial

            def end_trial(trial):
                if _failed_for_good(oracle, trial):
                    _score(oracle, trial, worst)
                end(trial)

            oracle.end_trial = end_trial

    return ScoredFailures


def _failed_for_good(oracle, trial):
    """Tell if a trial has failed and is not to be tried again."""
    name = oracle.objective.name
    metrics = oracle.trials[trial.trial_id].metrics
    if trial.status == "COMPLETED":
        score = metrics.get_best_value(name)
        trial.message = None  # that of an attempt before
        if math.isfinite(score):
            return False
        trial.status = "INVALID"
        trial.message = f"{name} is {score}"
    metrics.metrics.clear()  # else Keras Tuner drops a retry's result
    tries = oracle.get_state()["run_times"].get(trial.trial_id, 0) + 1
    may_retry = tries <= oracle.max_retries_per_trial
    return trial.status == "FAILED" or not may_retry


def _score(oracle, trial, worst):
    """Give a trial that failed its score, or end the search."""
    failed_in_a_row = 1
    for name in reversed(oracle.end_order):
        if not oracle.trials[name].metrics.exists("failed"):
            break
        failed_in_a_row += 1
    limit = oracle.max_consecutive_failed_trials
    if failed_in_a_row == limit:
        raise RuntimeError(
            f"{limit} trials in a row failed, the last with\n"
            f"{trial.message or 'what its worker has printed'}"
        )
    trial.status = "COMPLETED"
    result = {oracle.objective.name: worst, "failed": 1.0}
    oracle.update_trial(trial.trial_id, result)


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
