"""A convolutional network for colour pictures."""

import keras
import keras_tuner as kt
import numpy as np


class PictureModel(kt.HyperModel):
    """A classifier of square colour pictures, to be tuned.

    `fit` and the model take pictures as files hold them, numbers from 0
    to 255, (pictures, size, size, 3), `fit` with integer labels,
    (pictures,); the model gives probabilities (pictures, classes). It
    scales what comes in itself.

    Tunes the model (`blocks` of convolution and pooling, the `filters`
    of the first, doubled by each next one, and `dropout`), how pictures
    are moved at random in training (`shift`, in parts of the size,
    `rotation`, in parts of a turn, and whether they are also mirrored,
    `flip`) and the training (`learning_rate` of Adam, on a log scale,
    `batch_size`). Epochs are left to the tuner. Weights of pictures, if
    given, count in the metric too.

    Raises ValueError if `size` is below 16 or `classes` below 2, and in
    `fit` if pictures have another shape or are scaled already.

    Source: https://keras.io/examples/vision/
    """

    def __init__(self, size=32, classes=2):
        super().__init__(name="picture_model")
        if size < 16 or classes < 2:
            raise ValueError(
                "size must be at least 16 and classes at least 2, "
                f"not {size} and {classes}"
            )
        self.shape, self.classes = (size, size, 3), classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        blocks = hp.Int("blocks", 2, 4, default=3)
        filters = hp.Choice("filters", [8, 16, 32], default=16)
        dropout = hp.Choice("dropout", [0.0, 0.2, 0.4])
        shift = hp.Choice("shift", [0.0, 0.1])
        rotation = hp.Choice("rotation", [0.0, 0.05])
        flip = hp.Boolean("flip")
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3
        )

        inputs = keras.Input(self.shape)
        hidden = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        # These move pictures in training and nowhere else.
        if flip:
            hidden = keras.layers.RandomFlip("horizontal")(hidden)
        if shift:
            hidden = keras.layers.RandomTranslation(shift, shift)(
                hidden
            )
        if rotation:
            hidden = keras.layers.RandomRotation(rotation)(hidden)
        for block in range(blocks):
            hidden = keras.layers.Conv2D(
                filters * 2**block, 3, padding="same", activation="relu"
            )(hidden)
            hidden = keras.layers.MaxPooling2D()(hidden)
        hidden = keras.layers.GlobalAveragePooling2D()(hidden)
        hidden = keras.layers.Dropout(dropout)(hidden)
        outputs = keras.layers.Dense(
            self.classes, activation="softmax"
        )(hidden)
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="sparse_categorical_crossentropy",
            weighted_metrics=["accuracy"],
            jit_compile=False,  # XLA compiles longer than this runs
        )
        # Variables made now are restored when Hyperband promotes a
        # trial; an optimizer that makes them in fit starts afresh.
        model.optimizer.build(model.trainable_variables)
        # Known from now on, it varies from the first trial on.
        self._batch_size(hp)
        return model

    def fit(self, hp, model, x, y, **kwargs):
        """Train `model`; all that the tuner passes goes on to Keras."""
        shape, largest = np.shape(x), np.max(x)
        if shape[1:] != self.shape or largest <= 1:
            raise kt.errors.FatalValueError(
                f"pictures must be (pictures, {self.shape}), numbers "
                f"up to 255, not {shape} and up to {largest}"
            )
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)
