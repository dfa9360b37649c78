"""A network that forecasts the next value of a series."""

import keras
import keras_tuner as kt
import numpy as np


class SeriesModel(kt.HyperModel):
    """A forecaster of the next value from a window, to be tuned.

    `fit` and the model take windows of the longest length, (windows,
    length), in the unit of the series; `fit` with the value that
    followed each, (windows,). The model gives (windows, 1) in the unit:
    the last value and, added to it, the change that it expects. A
    network that has learned nothing says "the last value again".

    Tunes the model (`window`, how much of the end of each window it
    looks at, so that all lengths are scored on the same targets;
    `kind`, LSTM, GRU or convolution; its `units`; `layers`) and the
    training (`learning_rate` of Adam, on a log scale, `batch_size`).
    Epochs are left to the tuner.

    Raises ValueError if `length` is below 4, and in `fit` if windows
    have another shape or a gap.

    Source: https://keras.io/examples/timeseries/
    """

    def __init__(self, length=16):
        super().__init__(name="series_model")
        if length < 4:
            raise ValueError(f"length must be at least 4, not {length}")
        self.length = length

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        lengths = [self.length // 4, self.length // 2, self.length]
        window = hp.Choice("window", lengths, default=self.length)
        kind = hp.Choice("kind", ["GRU", "LSTM", "convolution"])
        units = hp.Choice("units", [8, 16, 32], default=16)
        layers = hp.Int("layers", 1, 2)
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 3e-2, sampling="log", default=3e-3
        )

        inputs = keras.Input((self.length,))
        scaled = keras.layers.Normalization(axis=None, name="scale")(
            inputs
        )
        hidden = keras.ops.expand_dims(scaled[:, -window:], -1)
        for layer in range(layers):
            last = layer == layers - 1
            if kind == "convolution":
                hidden = keras.layers.Conv1D(
                    units, 3, padding="causal", activation="relu"
                )(hidden)
            else:
                recurrent = getattr(keras.layers, kind)
                # All but the last hand on what they say at each step.
                hidden = recurrent(units, return_sequences=not last)(
                    hidden
                )
        if kind == "convolution":
            hidden = keras.layers.Flatten()(hidden)
        change = keras.layers.Dense(1, kernel_initializer="zeros")(
            hidden
        )
        change = keras.layers.Normalization(
            axis=None, invert=True, name="unit"
        )(change)
        outputs = inputs[:, -1:] + change
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="mae",
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
        if x.shape[1:] != (self.length,) or np.isnan(x).any():
            raise kt.errors.FatalValueError(
                f"windows must be ({len(x)}, {self.length}) without a "
                f"gap, not {x.shape}"
            )
        model.get_layer("scale").adapt(x)
        model.get_layer("unit").adapt(y[:, None] - x[:, -1:])
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [32, 64, 128], default=64)
