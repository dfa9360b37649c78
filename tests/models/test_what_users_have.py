"""Hypermodels take arrays and data frames, and refuse the rest at once."""

import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from snippets.models.convolutional_network import ConvolutionalNetwork
from snippets.models.image_classifier import ImageClassifier
from snippets.models.multi_label_classifier import MultiLabelClassifier
from snippets.models.picture_model import PictureModel
from snippets.models.regressor import Regressor
from snippets.models.series_model import SeriesModel
from snippets.models.table_model import TableModel
from snippets.models.tabular_classifier import TabularClassifier

X = np.random.default_rng(1).random((60, 3)).astype("float32")
LABELS = np.arange(60) % 2
HOLES = np.where(X > 0.9, np.nan, X)


def search(folder, hypermodel, x, y, validation=None):
    tuner = kt.RandomSearch(
        hypermodel,
        objective=kt.Objective("val_loss", "min"),
        max_trials=1,
        seed=1,
        directory=folder,
    )
    validation = (x, y) if validation is None else validation
    tuner.search(x, y, validation_data=validation, epochs=1, verbose=0)
    return tuner.oracle.trials["0"]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "hypermodel, target",
    [
        (TabularClassifier(features=3), LABELS),
        (Regressor(features=3), X.sum(axis=1)),
        (ImageClassifier(features=3, classes=2), LABELS),
        (MultiLabelClassifier(features=3, labels=1), LABELS[:, None]),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_data_frame_trains_as_its_array_does(
    hypermodel, target, tmp_path
):
    names = ["a", "b b", "ü"]
    index = [f"row {number}" for number in range(60)]
    frame = pd.DataFrame(X, columns=names, index=index)
    column = pd.DataFrame(target).set_index(frame.index)
    column = column[0] if target.ndim == 1 else column
    first = search(tmp_path / "1", hypermodel, X, target)
    second = search(tmp_path / "2", hypermodel, frame, column)
    assert first.status == second.status == "COMPLETED"
    assert np.isfinite([first.score, second.score]).all()


BATCHES = tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(8)
PIXELS = np.full((60, 8, 8), 200)
SMALL = {"height": 8, "width": 8, "classes": 2}
REFUSED = {
    "holes in a table": (
        TabularClassifier(3),
        HOLES,
        LABELS,
        "missing",
    ),
    "holes in features": (Regressor(3), HOLES, LABELS, "missing"),
    "holes in a target": (Regressor(3), X, HOLES[:, 0], "missing"),
    "holes under labels": (
        MultiLabelClassifier(3, 1),
        HOLES,
        LABELS[:, None],
        "missing",
    ),
    "holes in images": (ImageClassifier(3, 2), HOLES, LABELS, "finite"),
    "batches": (
        ImageClassifier(3, 2),
        BATCHES,
        None,
        "batch size of a",
    ),
    "batches of images": (
        ConvolutionalNetwork(**SMALL),
        BATCHES,
        None,
        "batch size can't be tuned",
    ),
    "pixels to 255": (
        ConvolutionalNetwork(**SMALL),
        PIXELS,
        LABELS,
        "255",
    ),
    "pixels to 1": (
        PictureModel(16),
        np.ones((60, 16, 16, 3)),
        LABELS,
        "up to 255",
    ),
    "a target that is missing": (
        TableModel(3),
        {"numbers": X},
        HOLES[:, 0],
        "finite",
    ),
    "a gap in a window": (
        SeriesModel(4),
        HOLES,
        LABELS,
        "without a gap",
    ),
}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_ends_the_search_at_once(case, tmp_path):
    hypermodel, x, y, message = REFUSED[case]
    data = (x, y) if y is not None else (x,)
    tuner = kt.RandomSearch(
        hypermodel,
        objective=kt.Objective("val_loss", "min"),
        max_trials=9,
        seed=1,
        directory=tmp_path,
    )
    with pytest.raises(ValueError, match=message):
        tuner.search(*data, validation_data=data, epochs=1, verbose=0)
    assert len(tuner.oracle.trials) == 1
