"""A classifier whose rows may carry several labels at once."""

import keras
import keras_tuner as kt
import numpy as np


class MultiLabelClassifier(kt.HyperModel):
    """A classifier of rows with several yes-or-no labels, to be tuned.

    Takes float arrays of shape (batch, features), scaled to about
    [0, 1], and labels of shape (batch, labels), 1 where a label holds
    and 0 where not; any number of labels may hold. Gives probabilities
    of shape (batch, labels), each for itself: they don't sum to 1.

    Tunes the model (`hidden_layers`, their `units`, and `dropout`) and
    the training (`learning_rate` of Adam, on a log scale, and
    `batch_size`). Epochs are left to the tuner. The metrics are
    `f1_score`, the mean over labels of F1 at a threshold of 0.5, and
    `auc`, the mean over labels of the area under the ROC curve. Search
    with `kt.Objective("val_f1_score", "max")` or
    `kt.Objective("val_auc", "max")`; from the bare string Keras Tuner
    would minimise F1.

    Raises ValueError if `features` or `labels` is below 1, and in `fit`
    if the labels have another shape or are not all 0 or 1, or if a
    number is missing.

    Source: https://keras.io/api/metrics/
    """

    def __init__(self, features=64, labels=3):
        super().__init__(name="multi_label_classifier")
        if features < 1 or labels < 1:
            raise ValueError(
                "features and labels must be at least 1, "
                f"not {features} and {labels}"
            )
        self.features = features
        self.labels = labels

    def build(self, hp):
        """Return a compiled model with the values of `hp`."""
        hidden_layers = hp.Int("hidden_layers", 1, 2)
        units = hp.Int("units", 32, 128, step=32, default=64)
        dropout = hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.5])
        learning_rate = hp.Float(
            "learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3
        )

        inputs = keras.Input((self.features,))
        hidden = inputs
        for _ in range(hidden_layers):
            hidden = keras.layers.Dense(units, activation="relu")(
                hidden
            )
            hidden = keras.layers.Dropout(dropout)(hidden)
        outputs = keras.layers.Dense(self.labels, activation="sigmoid")(
            hidden
        )
        model = keras.Model(inputs, outputs)
        model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss="binary_crossentropy",
            metrics=[
                keras.metrics.F1Score(
                    average="macro", threshold=0.5, name="f1_score"
                ),
                keras.metrics.AUC(
                    multi_label=True, num_labels=self.labels, name="auc"
                ),
            ],
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
        x, y = np.asarray(x, "float32"), np.asarray(y)
        if not np.isfinite(x).all():
            raise kt.errors.FatalValueError("some numbers are missing")
        if y.shape[1:] != (self.labels,):
            raise kt.errors.FatalValueError(
                f"labels must have the shape (batch, {self.labels}), "
                f"a column for each label, not {y.shape}"
            )
        if not np.isin(y, (0, 1)).all():
            raise kt.errors.FatalValueError("labels must be 0 or 1")
        return model.fit(
            x, y, batch_size=self._batch_size(hp), **kwargs
        )

    def _batch_size(self, hp):
        return hp.Choice("batch_size", [16, 32, 64], default=32)
