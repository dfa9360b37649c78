"""A classifier of raw strings that learns its vocabulary in fit."""

import keras
import keras_tuner as kt
import tensorflow as tf


class TextClassifier(kt.HyperModel):
    """A classifier of texts, with its vocabulary, to be tuned.

    Takes raw strings of shape (batch,) and integer labels of shape
    (batch,); gives class probabilities of shape (batch, classes). `fit`
    takes arrays or lists of both, or a tf.data.Dataset of single pairs
    (text, label), not in batches yet, and `validation_data` of the same
    kind; it shuffles, batches and prefetches. The vocabulary is learned
    from the texts that `fit` is given to train on, and the layer that
    holds it stays in the model.

    Tunes how texts are read (`vocabulary_size`, and `length`, the
    number of words read from the start of each text), the model
    (`width` of the embedding, and `pooling`, its mean or its maximum
    over the words) and the training (`learning_rate` of Adam, on a log
    scale, and `batch_size`). Epochs are left to the tuner.

    Weights files hold no vocabulary, so a model of get_best_models has
    none. `model.get_layer("vocabulary").adapt(texts)` with the training
    texts, before anything else, gives it back. A .keras file has it.

    Raises ValueError if `classes` is below 2, and in `fit` if a dataset
    comes in batches.

    Source: https://keras.io/api/layers/preprocessing_layers/text/
    """

    def __init__(self, classes=3):
        super().__init__(name="text_classifier")
        if classes < 2:
            raise ValueError(
                f"classes must be at least 2, not {classes}"
            )
        self.classes = classes

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        vocabulary_size = hp.Choice(
            "vocabulary_size", [500, 1000, 2000], default=1000
        )
        length = hp.Choice("length", [10, 30, 100], default=30)
        width = hp.Choice("width", [8, 16, 32], default=16)
        pooling = hp.Choice("pooling", ["mean", "max"])
        learning_rate = hp.Float(
            "learning_rate", 1e-3, 1e-1, sampling="log", default=1e-2
        )

        inputs = keras.Input((), dtype="string")
        hidden = keras.layers.TextVectorization(
            max_tokens=vocabulary_size,
            output_sequence_length=length,
            name="vocabulary",
        )(inputs)
        hidden = keras.layers.Embedding(vocabulary_size, width)(hidden)
        if pooling == "mean":
            hidden = keras.layers.GlobalAveragePooling1D()(hidden)
        else:
            hidden = keras.layers.GlobalMaxPooling1D()(hidden)
        outputs = keras.layers.Dense(
            self.classes, activation="softmax"
        )(hidden)
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,  # XLA knows no strings
        )
        # Variables made now are restored when Hyperband promotes a
        # trial; an optimizer that makes them in fit starts afresh.
        model.optimizer.build(model.trainable_variables)
        # Known from now on, it varies from the first trial on.
        self._batch_size(hp)
        return model

    def fit(self, hp, model, x, y=None, validation_data=None, **kwargs):
        """Learn the vocabulary from `x`, then train `model`."""
        batch_size = self._batch_size(hp)
        train = _pairs(x, y).cache()
        texts = train.map(lambda text, label: text)
        model.get_layer("vocabulary").adapt(texts.batch(1024))
        if validation_data is not None:
            if not isinstance(validation_data, tf.data.Dataset):
                validation_data = _pairs(*validation_data)
            validation_data = _pairs(validation_data).batch(1024)
            validation_data = validation_data.cache()
        # Cached before they are shuffled, so each epoch has an order of
        # its own.
        batches = train.shuffle(10_000).batch(batch_size)
        return model.fit(
            batches.prefetch(tf.data.AUTOTUNE),
            validation_data=validation_data,
            shuffle=False,  # done above; Keras would warn
            **kwargs,
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)


def _pairs(x, y=None):
    if not isinstance(x, tf.data.Dataset):
        x = tf.data.Dataset.from_tensor_slices((list(x), list(y)))
    if x.element_spec[0].shape.rank != 0:
        raise ValueError(
            "texts must come one by one; unbatch() the dataset, "
            f"whose texts have the shape {x.element_spec[0].shape}"
        )
    return x
