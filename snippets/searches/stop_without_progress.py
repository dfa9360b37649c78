"""End a search when it makes no progress."""

import keras_tuner as kt


def stop_without_progress(tuner, patience, min_delta=0.0):
    """Make a tuner stop after `patience` trials without progress.

    `tuner` is any tuner but Hyperband, not yet searching. Progress is a
    score better than the best before it by more than `min_delta`, in
    the objective's unit. A failed trial is none. `search` then returns
    as if the search had ended. Trials of an earlier process count, so
    a search that was stopped so stays stopped; made again with more
    patience it goes on.

    Raises ValueError if `patience` is below 1, `min_delta` negative,
    or for Hyperband, whose trials differ in their epochs: those of a
    new bracket begin below the best, and are not to be stopped for it.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    oracle = tuner.oracle
    if patience < 1 or min_delta < 0:
        raise ValueError(
            "patience must be at least 1 and min_delta at least 0, "
            f"not {patience} and {min_delta}"
        )
    if isinstance(oracle, kt.oracles.HyperbandOracle):
        raise ValueError(
            "Hyperband begins each bracket with short trials, which "
            "make no progress: choose its max_epochs instead"
        )
    # A parallel worker has none: the chief hands out its trials.
    draw = getattr(oracle, "populate_space", None)

    def populate_space(trial_id):
        best, waited = float("inf"), 0
        sign = -1 if oracle.objective.direction == "max" else 1
        for name in oracle.end_order:
            trial = oracle.trials[name]
            waited += 1
            if trial.status == "COMPLETED":
                score = sign * trial.score
                if score < best - min_delta:
                    best, waited = score, 0
        if waited >= patience:
            return {"status": "STOPPED", "values": None}
        return draw(trial_id)

    oracle.populate_space = populate_space
