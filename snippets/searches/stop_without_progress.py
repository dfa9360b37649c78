"""End a search when it makes no progress."""

import warnings

import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def stop_without_progress(tuner_class, patience, min_delta=0.0):
    """Return the tuner class, made to stop without progress.

    Use what is returned like `tuner_class`, any tuner class but
    Hyperband: `stop_without_progress(kt.RandomSearch, 20)(...)`.

    It begins no trial after `patience` trials without progress, which
    is a score better than the best before it by more than `min_delta`,
    in the objective's unit. A failed trial is none. `search` then
    returns as if the search had ended. Trials of an earlier process
    count: to go on, make it again with more patience.

    Raises ValueError if `tuner_class` is no tuner class, if `patience`
    is below 1 or `min_delta` negative, and for Hyperband, whose trials
    differ in their epochs: those of a new bracket begin below the best,
    and are not to be stopped for it.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    if patience < 1 or min_delta < 0:
        raise ValueError(
            "patience must be at least 1 and min_delta at least 0, "
            f"not {patience} and {min_delta}"
        )

    class StopWithoutProgress(tuner_class):
        tools = _check(tuner_class, "stop_without_progress")

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            oracle = self.oracle
            if not isinstance(oracle, kt.Oracle):
                return  # a parallel worker: the chief hands out trials
            if isinstance(oracle, kt.oracles.HyperbandOracle):
                raise ValueError(
                    "Hyperband begins each bracket with short trials, "
                    "which make no progress: choose its max_epochs"
                )
            draw = oracle.populate_space

            def populate_space(trial_id):
                if _waited(oracle, min_delta) >= patience:
                    return {"status": "STOPPED", "values": None}
                return draw(trial_id)

            oracle.populate_space = populate_space

    return StopWithoutProgress


def _waited(oracle, min_delta):
    """Return how many trials have ended since the last progress."""
    best, waited = float("inf"), 0
    sign = -1 if oracle.objective.direction == "max" else 1
    for name in oracle.end_order:
        trial = oracle.trials[name]
        waited += 1
        if trial.status == "COMPLETED":
            score = sign * trial.score
            if score < best - min_delta:
                best, waited = score, 0
    return waited


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
