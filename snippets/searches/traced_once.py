"""A hypermodel whose trials share what TensorFlow has traced."""

import keras_tuner as kt


def traced_once(
    hypermodel_class, shared=("learning_rate", "batch_size")
):
    """Return the hypermodel class, made to trace each model once.

    `hypermodel_class` is a subclass of kt.HyperModel; use what is
    returned like that class: `traced_once(Mine)()`.

    Keras traces a training step for each new model, which costs more
    than training a small one for an epoch. Here the first model of its
    kind is kept, and trained again for each later trial of that kind:
    `fit` gives it the weights, the learning rate and the optimizer's
    state of the model that `build` made, so no trial learns from
    another. Two trials are of a kind if they differ in hyperparameters
    named in `shared` alone. Name there only what `fit` draws and the
    learning rate of the optimizer: whatever else `build` makes of
    them, the kept model doesn't get.

    `build` must end with
    `model.optimizer.build(model.trainable_variables)`. Layers with a
    random state, such as Dropout, go on with the kept model's. The
    number of kept models, and with it memory, grows with the kinds.

    Raises ValueError if `hypermodel_class` is no subclass of
    kt.HyperModel, and when a trial starts if its optimizer is not
    built or its learning rate is a schedule.

    Source: https://www.tensorflow.org/guide/function#retracing
    """
    if not isinstance(hypermodel_class, type) or not issubclass(
        hypermodel_class, kt.HyperModel
    ):
        raise ValueError(
            "hypermodel_class must be a subclass of kt.HyperModel, "
            f"not {hypermodel_class!r}"
        )

    class TracedOnce(hypermodel_class):
        def fit(self, hp, model, *args, **kwargs):
            kept = self.same_kind(hp, model)
            if kept is not model:
                old, new = self.state(kept), self.state(model)
                for variable, value in zip(old, new, strict=True):
                    variable.assign(value)
            return super().fit(hp, kept, *args, **kwargs)

        def same_kind(self, hp, model):
            kind = frozenset(
                (name, value)
                for name, value in hp.values.items()
                if name not in shared and not name.startswith("tuner/")
            )
            models = self.__dict__.setdefault("traced", {})
            return models.setdefault(kind, model)

        def state(self, model):
            optimizer = model.optimizer
            rate = optimizer.learning_rate
            if not optimizer.built or not any(
                variable is rate for variable in optimizer.variables
            ):
                raise ValueError(
                    "build must end with model.optimizer.build("
                    "model.trainable_variables), and the learning "
                    "rate must be a number, not a schedule"
                )
            return model.weights + optimizer.variables

    return TracedOnce
