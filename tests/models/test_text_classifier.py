"""Texts are read alike from arrays and datasets, and never leak."""

import examples
import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

from snippets.models.text_classifier import TextClassifier


@pytest.fixture(scope="module")
def texts():
    train, validation, _ = examples.text_classifier()
    return train, validation


def fitted(data, validation_data=None):
    """Train for an epoch with default values; return what came."""
    keras.utils.set_random_seed(1)
    hp = kt.HyperParameters()
    hypermodel = TextClassifier()
    model = hypermodel.build(hp)
    history = hypermodel.fit(
        hp, model, *data, validation_data=validation_data, verbose=0
    )
    return model, {
        name: value for name, (value,) in history.history.items()
    }


def dataset(pair):
    return tf.data.Dataset.from_tensor_slices(pair)


def test_lists_arrays_and_datasets_train_alike(texts, eager):
    train, validation = texts
    _, expected = fitted(train, validation)
    for read in (
        lambda pair: tuple(part.tolist() for part in pair),
        lambda pair: (pair[0].astype(object), pair[1]),
    ):
        _, history = fitted(read(train), read(validation))
        assert history == pytest.approx(expected)
    _, history = fitted((dataset(train),), dataset(validation))
    assert history == pytest.approx(expected)


def test_the_vocabulary_has_no_word_of_the_validation_texts(
    texts, eager
):
    train, validation = texts
    marked = np.array([f"zzunseen {x}" for x in validation[0]])
    model, _ = fitted(train, (marked, validation[1]))
    words = model.get_layer("vocabulary").get_vocabulary()
    assert "zzunseen" not in words and len(words) == 1000


def test_every_epoch_has_an_order_of_its_own(texts):
    seen = []
    train, _ = texts
    hypermodel, hp = TextClassifier(), kt.HyperParameters()
    model = hypermodel.build(hp)
    model.fit = lambda batches, **_: seen.extend(
        list(batches.as_numpy_iterator())[0][0].tolist()
        for _ in range(2)
    )
    hypermodel.fit(hp, model, *train)
    first, second = seen
    assert first != second and len(first) == len(second) == 32


def test_a_dataset_in_batches_is_refused_on_either_side(texts):
    train, validation = texts
    batched = dataset(train).batch(8)
    with pytest.raises(ValueError, match=r"one by one.*\(None,\)"):
        fitted((batched,))
    with pytest.raises(ValueError, match="unbatch"):
        fitted(train, dataset(validation).batch(8))
