"""A convolutional network that tunes its augmentation too."""

import keras
import keras_tuner as kt
import numpy as np


class ConvolutionalNetwork(kt.HyperModel):
    """A convolutional classifier of gray images, to be tuned.

    Takes float images of shape (batch, height, width), without an axis
    for channels, scaled to [0, 1] with 0 as the background, and integer
    labels of shape (batch,); gives class probabilities of shape
    (batch, classes).

    Tunes the model (`blocks` of convolution and pooling, the `filters`
    of the first, doubled by each next one, and `dropout`), how far
    training images are moved at random (`shift`, in parts of the image
    size, and `rotation`, in parts of a full turn; both either way), and
    the training (`learning_rate` of Adam, on a log scale, and
    `batch_size`). Epochs are left to the tuner.

    Raises ValueError if `height` or `width` is below 8, too small for
    the largest number of blocks, or `classes` below 2, and in `fit`
    without labels or if images are not between 0 and 1.

    Source: https://keras.io/api/layers/preprocessing_layers/
    """

    def __init__(self, height=8, width=8, classes=10):
        super().__init__(name="convolutional_network")
        if height < 8 or width < 8 or classes < 2:
            raise ValueError(
                "height and width must be at least 8 and classes at "
                f"least 2, not {height}, {width} and {classes}"
            )
        self.shape = (height, width)
        self.classes = classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        blocks = hp.Int("blocks", 1, 2, default=2)
        filters = hp.Choice("filters", [8, 16], default=8)
        dropout = hp.Float("dropout", 0.0, 0.55, step=0.1)  # to 0.5
        shift = hp.Float("shift", 0.0, 0.2, step=0.05)
        rotation = hp.Float("rotation", 0.0, 0.1, step=0.025)
        learning_rate = hp.Float(
            "learning_rate", 3e-3, 3e-2, sampling="log", default=1e-2
        )

        inputs = keras.Input(self.shape)
        hidden = keras.layers.Reshape((*self.shape, 1))(inputs)
        # These two move images in training and nowhere else.
        hidden = keras.layers.RandomTranslation(
            shift, shift, fill_mode="constant", name="shift"
        )(hidden)
        hidden = keras.layers.RandomRotation(
            rotation, fill_mode="constant", name="rotation"
        )(hidden)
        for block in range(blocks):
            hidden = keras.layers.Conv2D(
                filters * 2**block, 3, padding="same", activation="relu"
            )(hidden)
            hidden = keras.layers.MaxPooling2D()(hidden)
        hidden = keras.layers.Flatten()(hidden)
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

    def fit(self, hp, model, x, y=None, **kwargs):
        """Train `model`; all that the tuner passes goes on to Keras."""
        if y is None or np.min(x) < 0 or not np.max(x) <= 1:
            raise kt.errors.FatalValueError(
                "give images from 0 to 1 and labels as arrays: divide "
                "pixels by 255; a dataset's batch size can't be tuned"
            )
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [64, 128], default=64)
