"""A network for texts, with words or characters as its units."""

import keras
import keras_tuner as kt
import numpy as np
import tensorflow as tf


class TextModel(kt.HyperModel):
    """A classifier or regressor of texts, to be tuned.

    `texts` are those to train on; only from them the vocabularies are
    learned, once, so that each model has its own from the start and
    keeps it in every file. `classes` is their number, or None where a
    number is predicted.

    `fit` and the model take a tensor of texts, `tf.constant(list)`,
    (texts,), `fit` with integer labels, or numbers in their own unit;
    the model gives probabilities (texts, classes) or numbers (texts, 1)
    in the unit.

    Tunes how texts are read (`units`, words or characters, and these by
    threes; `vocabulary_size`; `length`, how many units from the start
    of a text), the model (`width` of the embedding, `pooling`, its mean
    or maximum over the text, `dropout`) and the training
    (`learning_rate` of Adam, on a log scale, `batch_size`). Epochs are
    left to the tuner. Weights of texts, if given, count in the metric.

    Raises ValueError with fewer than 2 classes or without a text that
    has a letter in it, and in `fit` if targets are not finite.

    Source: https://keras.io/api/layers/preprocessing_layers/text/
    """

    def __init__(self, texts=("a text",), classes=None):
        super().__init__(name="text_model")
        self.classes, self.vocabularies = classes, {}
        if classes is not None and classes < 2:
            raise ValueError(
                f"classes must be at least 2, not {classes}"
            )
        if not "".join(texts).strip():
            raise ValueError("there are only empty texts")
        for units in ("words", "characters"):
            layer = self._layer(units, max_tokens=20_000)
            layer.adapt(tf.constant(list(texts)))
            found = layer.get_vocabulary()[2:]
            self.vocabularies[units] = [
                each
                for each in found
                if "\0" not in each and each not in ("", "[UNK]")
            ]

    def _layer(self, units, **kwargs):
        by = {
            "words": ("whitespace", None),
            "characters": ("character", 3),
        }
        split, ngrams = by[units]
        return keras.layers.TextVectorization(
            split=split, ngrams=ngrams, **kwargs
        )

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        units = hp.Choice("units", ["words", "characters"])
        vocabulary_size = hp.Choice(
            "vocabulary_size", [500, 2000, 10_000], default=2000
        )
        length = hp.Choice("length", [25, 100, 400], default=100)
        width = hp.Choice("width", [16, 32, 64])
        pooling = hp.Choice("pooling", ["mean", "maximum"])
        dropout = hp.Choice("dropout", [0.0, 0.2, 0.4])
        learning_rate = hp.Float(
            "learning_rate", 3e-4, 3e-2, sampling="log", default=3e-3
        )

        inputs = keras.Input((), dtype="string", name="text")
        known = self.vocabularies[units][:vocabulary_size]
        hidden = self._layer(
            units, vocabulary=known, output_sequence_length=length
        )(inputs)
        hidden = keras.layers.Embedding(len(known) + 2, width)(hidden)
        if pooling == "mean":
            hidden = keras.layers.GlobalAveragePooling1D()(hidden)
        else:
            hidden = keras.layers.GlobalMaxPooling1D()(hidden)
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
        """Learn the unit from `y` where it is a number, then train."""
        if not np.isfinite(y).all():
            raise kt.errors.FatalValueError(
                "targets must be finite numbers"
            )
        if self.classes is None:
            model.get_layer("unit").adapt(np.reshape(y, (-1, 1)))
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)
