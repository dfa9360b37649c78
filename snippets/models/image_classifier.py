"""A hypermodel class that tunes the model and how it is trained."""

import keras
import keras_tuner as kt
import numpy as np


class ImageClassifier(kt.HyperModel):
    """A classifier of flat images, with its training, to be tuned.

    Takes float images of shape (batch, features) scaled to [0, 1] and
    integer labels of shape (batch,); gives class probabilities of shape
    (batch, classes).

    Tunes the model (`hidden_layers`, their `units` and `activation`)
    and its training (`learning_rate` of Adam, on a log scale, and
    `batch_size`). Epochs are left to the tuner.

    Raises ValueError if `features` is below 1 or `classes` below 2,
    and in `fit` without labels or if a number is missing.

    Source: https://keras.io/api/keras_tuner/hypermodels/
    """

    def __init__(self, features=64, classes=10):
        super().__init__(name="image_classifier")
        if features < 1 or classes < 2:
            raise ValueError(
                "features must be at least 1 and classes at least 2, "
                f"not {features} and {classes}"
            )
        self.features = features
        self.classes = classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        hidden_layers = hp.Int("hidden_layers", 1, 3)
        units = hp.Int("units", 32, 256, step=32, default=64)
        activation = hp.Choice("activation", ["relu", "tanh"])
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
        )

        inputs = keras.Input((self.features,))
        hidden = inputs
        for _ in range(hidden_layers):
            hidden = keras.layers.Dense(units, activation=activation)(
                hidden
            )
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

    def fit(self, hp, model, x, y=None, **kwargs):
        """Train `model`; all that the tuner passes goes on to Keras."""
        if y is None or not np.isfinite(np.asarray(x)).all():
            raise kt.errors.FatalValueError(
                "give images and labels as arrays of finite numbers: "
                "the batch size of a dataset can't be tuned"
            )
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [64, 128], default=64)
