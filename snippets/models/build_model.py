"""The shortest hypermodel: a function that builds a model."""

import keras


def build_model(hp, features=64, classes=10):
    """Build a compiled classifier of flat images.

    Takes float images of shape (batch, features) scaled to [0, 1] and
    integer labels of shape (batch,); returns class probabilities of
    shape (batch, classes). For other sizes, give Keras Tuner
    `functools.partial(build_model, features=..., classes=...)`.

    Tunes `units`, the width of the hidden layer, `activation`, its
    activation function, and `learning_rate`, the step size of Adam, on
    a log scale.

    Raises ValueError if `features` is below 1 or `classes` below 2.

    Source: https://keras.io/guides/keras_tuner/getting_started/
    """
    if features < 1 or classes < 2:
        raise ValueError(
            "features must be at least 1 and classes at least 2, "
            f"not {features} and {classes}"
        )
    units = hp.Int("units", 32, 256, step=32, default=64)
    activation = hp.Choice("activation", ["relu", "tanh"])
    learning_rate = hp.Float(
        "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
    )

    inputs = keras.Input((features,))
    hidden = keras.layers.Dense(units, activation=activation)(inputs)
    outputs = keras.layers.Dense(classes, activation="softmax")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
