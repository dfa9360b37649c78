"""A regressor that learns the scale of its target in fit."""

import keras
import keras_tuner as kt
import numpy as np


class Regressor(kt.HyperModel):
    """A regressor of rows of numbers, to be tuned.

    Takes numbers of shape (batch, features), raw, in any units, an
    array or data frame, and a target of shape (batch,) in its own unit;
    gives predictions of shape (batch, 1) in that unit, so losses and
    errors of all trials compare. Columns are scaled inside the model.
    The target is not
    changed: the network predicts in standard deviations, and a last
    layer turns these into the unit. Both layers learn from the rows
    that `fit` is given to train on. Without `scale_target` there is no
    last layer.

    Tunes the model (`hidden_layers`, their `units`, `l2`, the weight
    decay of these) and the training (`learning_rate` of Adam, on a log
    scale, and `batch_size`). Epochs are left to the tuner. The loss is
    the mean absolute error; the metric `mae` is the same without the
    weight decay.

    Raises ValueError if `features` is below 1, and in `fit` if a number
    is missing.

    Source: https://keras.io/api/layers/preprocessing_layers/
    """

    def __init__(self, features=10, scale_target=True):
        super().__init__(name="regressor")
        if features < 1:
            raise ValueError(
                f"features must be at least 1, not {features}"
            )
        self.features = features
        self.scale_target = scale_target

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        hidden_layers = hp.Int("hidden_layers", 1, 3)
        units = hp.Int("units", 16, 128, step=16, default=32)
        l2 = hp.Float("l2", 1e-5, 1e-1, sampling="log")
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
        )

        inputs = keras.Input((self.features,))
        hidden = keras.layers.Normalization(name="scale")(inputs)
        for _ in range(hidden_layers):
            hidden = keras.layers.Dense(
                units,
                activation="relu",
                kernel_regularizer=keras.regularizers.L2(l2),
            )(hidden)
        outputs = keras.layers.Dense(1)(hidden)
        if self.scale_target:
            outputs = keras.layers.Normalization(
                invert=True, name="unit"
            )(outputs)
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="mean_absolute_error",
            metrics=["mae"],
            jit_compile=False,  # XLA compiles longer than this runs
        )
        # Variables made now are restored when Hyperband promotes a
        # trial; an optimizer that makes them in fit starts afresh.
        model.optimizer.build(model.trainable_variables)
        # Known from now on, it varies from the first trial on.
        self._batch_size(hp)
        return model

    def fit(self, hp, model, x, y, **kwargs):
        """Learn the scales from `x` and `y`, then train `model`."""
        x, y = np.asarray(x, "float32"), np.asarray(y, "float32")
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise kt.errors.FatalValueError(
                "some numbers are missing: fill them, or leave out "
                "their rows or columns"
            )
        model.get_layer("scale").adapt(x)
        if self.scale_target:
            model.get_layer("unit").adapt(y.reshape(-1, 1))
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)
