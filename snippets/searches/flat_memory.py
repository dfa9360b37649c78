"""A search whose memory stays flat."""

import keras_tuner as kt


def flat_memory(tuner_class):
    """Return the tuner class, its memory kept from growing per trial.

    `tuner_class` is any tuner class of Keras models, your own
    subclasses included; use what is returned like that class:
    `tuner = flat_memory(kt.Hyperband)(build_model, ...)`.

    TensorFlow registers a gradient function for parts of each model it
    traces, never removes it, and through it keeps the model's graphs.
    After each trial this removes what was registered during it. Models
    made before the search, or after it, keep theirs.

    It reaches into TensorFlow's private registry. Where that is
    missing, in another version or under another backend, it does
    nothing and says nothing, and memory grows as it would without.

    Raises ValueError if `tuner_class` is no tuner class.

    Source: https://github.com/tensorflow/tensorflow/issues/97697
    """
    base = kt.engine.base_tuner.BaseTuner
    if not isinstance(tuner_class, type) or not issubclass(
        tuner_class, base
    ):
        raise ValueError(
            "tuner_class must be a class such as kt.RandomSearch, "
            f"not {tuner_class!r}"
        )

    class FlatMemory(tuner_class):
        def on_trial_begin(self, trial):
            self.registered_before = set(self.registry())
            super().on_trial_begin(trial)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            registry = self.registry()
            for name in set(registry) - self.registered_before:
                if str(name).startswith("CustomGradient-"):
                    registry.pop(name, None)

        @staticmethod
        def registry():
            try:
                from tensorflow.python.framework import ops

                return ops.gradient_registry._registry
            except (ImportError, AttributeError):
                return {}

    return FlatMemory
