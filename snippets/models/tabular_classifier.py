"""A classifier of table rows that learns its scaling in fit."""

import keras
import keras_tuner as kt
import numpy as np


class TabularClassifier(kt.HyperModel):
    """A classifier of rows of numbers that scales them, to be tuned.

    Takes numbers of shape (batch, features), raw, in any units, an
    array or data frame, and integer labels of shape (batch,); gives
    class probabilities of shape (batch, classes). Mean and variance of
    each column are learned from the rows that `fit` is given to train
    on, and stay part of the model: validation rows and new rows go in
    raw as well.

    Tunes the preprocessing (`log_first`, to take log(1 + x) of every
    number before it is scaled), the model (`units` of its hidden layer,
    `dropout`) and the training (`learning_rate` of Adam, on a log
    scale, and `batch_size`). Epochs are left to the tuner.

    Raises ValueError if `features` is below 1 or `classes` below 2, and
    in `fit` if `log_first` meets a number of -1 or less, or if one is
    missing.

    Source: https://keras.io/api/layers/preprocessing_layers/
    """

    def __init__(self, features=30, classes=2):
        super().__init__(name="tabular_classifier")
        if features < 1 or classes < 2:
            raise ValueError(
                "features must be at least 1 and classes at least 2, "
                f"not {features} and {classes}"
            )
        self.features = features
        self.classes = classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        self._log_first(hp)
        units = hp.Int("units", 16, 128, step=16, default=32)
        dropout = hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.5])
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
        )

        inputs = keras.Input((self.features,))
        hidden = inputs
        if self._log_first(hp):
            hidden = keras.ops.log1p(hidden)
        hidden = keras.layers.Normalization(name="scale")(hidden)
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
        hidden = keras.layers.Dropout(dropout)(hidden)
        outputs = keras.layers.Dense(
            self.classes, activation="softmax"
        )(hidden)
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,  # XLA compiles longer than this runs
        )
        # Variables made now are restored when Hyperband promotes a
        # trial; an optimizer that makes them in fit starts afresh.
        model.optimizer.build(model.trainable_variables)
        # Known from now on, it varies from the first trial on.
        self._batch_size(hp)
        return model

    def fit(self, hp, model, x, y, **kwargs):
        """Learn the scaling from `x`, then train `model`."""
        x, y = np.asarray(x, "float32"), np.asarray(y)
        if not np.isfinite(x).all():
            raise kt.errors.FatalValueError(
                "some numbers are missing: fill them, or leave out "
                "their rows or columns"
            )
        seen = x
        if self._log_first(hp):
            if x.min() <= -1:
                raise kt.errors.FatalValueError(
                    "log_first needs numbers above -1, not "
                    f"{x.min()}: give hyperparameters where it is Fixed"
                )
            seen = np.log1p(x)
        model.get_layer("scale").adapt(seen)
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _log_first(self, hp):
        return hp.Boolean("log_first")

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)
