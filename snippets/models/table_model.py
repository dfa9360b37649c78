"""A network for tables with numbers, categories and missing cells."""

import keras
import keras_tuner as kt
import numpy as np


class TableModel(kt.HyperModel):
    """A classifier or regressor of a table's rows, to be tuned.

    `numbers` is how many columns hold numbers, `categories` all texts
    that are known in the others, as "column=text", and `texts` how many
    columns these are. `classes` is their number, or None where a number
    is predicted.

    `fit` and the model take a dict with `numbers`, floats (rows,
    numbers), missing ones NaN, and `categories`, a tensor of texts
    (rows, texts); `fit` with integer labels, or numbers in their own
    unit, (rows,). The model gives probabilities (rows, classes) or
    numbers (rows, 1) in the unit. Scales, and places for missing
    numbers and for texts never seen, are parts of the model, learned
    from the rows that it trains on.

    Tunes the model (`hidden_layers`, their `units`, `dropout`) and the
    training (`learning_rate` of Adam, on a log scale, `batch_size`).
    Epochs are left to the tuner. Weights of rows, if given, count in
    the metric too.

    Raises ValueError without columns or with fewer than 2 classes, and
    in `fit` if targets are not finite numbers.

    Source: https://keras.io/guides/preprocessing_layers/
    """

    def __init__(self, numbers=1, categories=(), texts=0, classes=None):
        super().__init__(name="table_model")
        if numbers + texts < 1 or (classes is not None and classes < 2):
            raise ValueError(
                "give one column or more, and 2 classes or more, not "
                f"{numbers + texts} and {classes}"
            )
        self.numbers, self.texts = numbers, texts
        self.categories, self.classes = list(categories), classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        hidden_layers = hp.Int("hidden_layers", 1, 3)
        units = hp.Int("units", 16, 128, step=16, default=64)
        dropout = hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.5])
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 3e-2, sampling="log", default=1e-3
        )

        inputs, parts = {}, []
        if self.numbers:
            given = keras.Input((self.numbers,), name="numbers")
            missing = keras.ops.isnan(given)
            scaled = keras.layers.Normalization(name="scale")(given)
            inputs["numbers"] = given
            parts += [
                keras.ops.where(missing, 0.0, scaled),
                keras.ops.cast(missing, "float32"),
            ]
        if self.texts:
            given = keras.Input(
                (self.texts,), dtype="string", name="categories"
            )
            inputs["categories"] = given
            parts += [
                keras.layers.StringLookup(
                    vocabulary=self.categories, output_mode="multi_hot"
                )(given)
            ]
        hidden = parts[0]
        if len(parts) > 1:
            hidden = keras.layers.Concatenate()(parts)
        for _ in range(hidden_layers):
            hidden = keras.layers.Dense(units, activation="relu")(
                hidden
            )
            hidden = keras.layers.Dropout(dropout)(hidden)
        if self.classes is None:
            hidden = keras.layers.Dense(1)(hidden)
            outputs = keras.layers.Normalization(
                invert=True, name="unit"
            )(hidden)
        else:
            outputs = keras.layers.Dense(
                self.classes, activation="softmax"
            )(hidden)
        model = keras.Model(inputs, outputs)
        number = self.classes is None
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="mae" if number else "sparse_categorical_crossentropy",
            weighted_metrics=["mae" if number else "accuracy"],
            jit_compile=False,  # XLA knows no strings
        )
        # Variables made now are restored when Hyperband promotes a
        # trial; an optimizer that makes them in fit starts afresh.
        model.optimizer.build(model.trainable_variables)
        # Known from now on, it varies from the first trial on.
        self._batch_size(hp)
        return model

    def fit(self, hp, model, x, y, **kwargs):
        """Learn scales and the unit from `x` and `y`, then train."""
        if not np.isfinite(y).all():
            raise kt.errors.FatalValueError(
                "targets must be finite numbers"
            )
        if self.numbers:
            mean = np.nanmean(x["numbers"], axis=0)
            missing = np.isnan(x["numbers"])
            filled = np.where(missing, mean, x["numbers"])
            model.get_layer("scale").adapt(filled)
        if self.classes is None:
            model.get_layer("unit").adapt(np.reshape(y, (-1, 1)))
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64, 128], default=32)
