"""Labels that the multi-label classifier can't learn are refused."""

import examples
import keras
import keras_tuner as kt
import numpy as np
import pytest

from snippets.models.multi_label_classifier import MultiLabelClassifier


@pytest.fixture
def built():
    (x, y), _, _ = examples.multi_label_classifier()
    hypermodel, hp = MultiLabelClassifier(), kt.HyperParameters()
    return hypermodel, hp, hypermodel.build(hp), x[:64], y[:64]


def test_a_class_number_in_place_of_columns_is_refused(built):
    *those, x, y = built
    with pytest.raises(ValueError, match=r"\(batch, 3\).*not \(64,\)"):
        those[0].fit(*those[1:], x, y[:, 0])


def test_too_few_columns_are_refused(built):
    *those, x, y = built
    with pytest.raises(ValueError, match=r"not \(64, 2\)"):
        those[0].fit(*those[1:], x, y[:, :2])


@pytest.mark.parametrize("wrong", [0.5, -1, 2])
def test_a_label_other_than_0_and_1_is_refused(built, wrong):
    *those, x, y = built
    y[3, 1] = wrong
    with pytest.raises(ValueError, match="must be 0 or 1"):
        those[0].fit(*those[1:], x, y)


def test_labels_may_be_whole_numbers_or_booleans(built, eager):
    *those, x, y = built
    losses = set()
    for kind in ("float32", "int64", "bool"):
        keras.utils.set_random_seed(1)
        model = those[0].build(those[1])
        history = those[0].fit(
            those[1], model, x, y.astype(kind), epochs=1, verbose=0
        )
        losses.add(round(history.history["loss"][0], 5))
    assert len(losses) == 1


def test_f1_and_auc_are_means_over_labels(built):
    """The metrics agree with scikit-learn's, to AUC's thresholds."""
    from sklearn.metrics import f1_score, roc_auc_score

    hypermodel, hp, model, x, y = built
    hypermodel.fit(hp, model, x, y, epochs=20, verbose=0)
    (_, f1, auc), p = (
        model.evaluate(x, y, verbose=0),
        model.predict(x, verbose=0),
    )
    assert f1 == pytest.approx(f1_score(y, p > 0.5, average="macro"))
    assert auc == pytest.approx(roc_auc_score(y, p), abs=0.01)
    assert np.ptp(p.sum(axis=1)) > 0.1  # they don't sum to 1
