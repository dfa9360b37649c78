"""A search whose memory stays flat."""

import warnings

import keras
import keras_tuner as kt

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def flat_memory(tuner_class):
    """Return the tuner class, its memory kept from growing per trial.

    Use what is returned like `tuner_class`, any tuner class of Keras
    models: `flat_memory(kt.Hyperband)(build_model, ...)`.

    TensorFlow registers a gradient function for parts of each model it
    traces, never removes it, and through it keeps the model's graphs.
    After each trial this removes what was registered during it. Models
    made before the search, or after it, keep theirs.

    It reaches into TensorFlow's private registry. Where that is
    missing, in another version or under another backend, it warns and
    does nothing.

    Raises ValueError if `tuner_class` is no tuner class.

    Source: https://github.com/tensorflow/tensorflow/issues/97697
    """

    class FlatMemory(tuner_class):
        tools = _check(tuner_class, "flat_memory")

        def on_search_begin(self):
            super().on_search_begin()
            if self.registry() is None:
                warnings.warn(
                    "flat_memory does nothing: here is no registry of "
                    "TensorFlow's",
                    stacklevel=2,
                )

        def on_trial_begin(self, trial):
            self.__registered_before = set(self.registry() or ())
            super().on_trial_begin(trial)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            registry = self.registry() or {}
            for name in set(registry) - self.__registered_before:
                if str(name).startswith("CustomGradient-"):
                    registry.pop(name, None)

        @staticmethod
        def registry():
            """Return TensorFlow's, or None where there is none."""
            if keras.backend.backend() != "tensorflow":
                return None
            try:
                from tensorflow.python.framework import ops

                return ops.gradient_registry._registry
            except (ImportError, AttributeError):
                return None

    return FlatMemory


def _check(tuner_class, name):
    """Refuse what can't be wrapped; return the names of all tools."""
    base = kt.engine.base_tuner.BaseTuner
    if base not in getattr(tuner_class, "__mro__", ()):
        wanted = "a tuner class such as kt.RandomSearch"
        raise ValueError(f"{name} takes {wanted}, not {tuner_class!r}")
    tools = getattr(tuner_class, "tools", ())
    if name in tools:
        raise ValueError(f"{name} has been applied already")
    if kt.__version__ not in TESTED:
        message = f"{name} is untested with Keras Tuner"
        warnings.warn(f"{message} {kt.__version__}", stacklevel=3)
    return (*tools, name)
