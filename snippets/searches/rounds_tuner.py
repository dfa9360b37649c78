"""A tuner that trains in rounds, as an oracle says."""

import keras_tuner as kt


class RoundsTuner(kt.Hyperband):
    """Train as `kt.Hyperband` does, but for an oracle of yours.

    `RoundsTuner(oracle, build_model)` takes what `kt.Tuner` takes. What
    the oracle puts into the values of a trial says how it is trained:
    up to epoch "tuner/epochs", counted on from "tuner/initial_epoch"
    and, where "tuner/trial_id" names another trial, with the weights of
    that trial's best epoch. A trial without these is trained as by any
    other tuner.

    The hypermodel is one that suits Hyperband: it leaves epochs to the
    tuner, hands on what its `fit` gets and, in `build`, ends with
    `model.optimizer.build(model.trainable_variables)`, else a promoted
    trial's optimizer starts afresh.

    Raises ValueError if `oracle` is no oracle.

    Source: https://keras.io/api/keras_tuner/tuners/hyperband/
    """

    def __init__(self, oracle, hypermodel=None, **kwargs):
        # Past Hyperband's own, which would make an oracle of its own.
        super(kt.Hyperband, self).__init__(
            oracle, hypermodel=hypermodel, **kwargs
        )
