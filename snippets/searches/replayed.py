"""Run a real tuner on recorded training instead of training."""

import warnings

import keras_tuner as kt
import numpy as np

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def replayed(tuner_class, curves, runs=0, patience=None):
    """Return the tuner class, its trials looked up in `curves`.

    `tuner_class` is any tuner of Keras Tuner; use what is returned like
    that class, without a hypermodel and with `hyperparameters=` whose
    names and values `curves` has recorded. Everything but the training
    is Keras Tuner's own: proposals, brackets, scores, files. Of what
    `search` is given only `epochs` counts: data may be left out.

    `curves` has an array `validation` (configurations, runs, epochs)
    and a function `find`, which gives the row of a trial's values.
    `runs` says which recorded run answers: one number for all
    configurations, or an integer array (configurations,). With
    `patience`, a trial ends after that many epochs without a better
    validation accuracy, as under EarlyStopping.

    A trial's score is `val_accuracy`, that of its best epoch. Under
    Hyperband it is that of its own round, as in a search that really
    trains, and a promoted trial goes on where its parent stopped. The
    metric `epochs` is the number of epochs that a trial would train.
    Give `objective=kt.Objective("val_accuracy", "max")`.

    Raises ValueError if `tuner_class` is no tuner class, and in a trial
    that asks for values or epochs that were not recorded.

    Source: https://keras.io/guides/keras_tuner/custom_tuner/
    """

    class Replayed(tuner_class):
        tools = _check(tuner_class, "replayed")

        def run_trial(self, trial, *args, **kwargs):
            values = trial.hyperparameters.values
            row = curves.find(values)
            total = curves.validation.shape[2]
            first = values.get("tuner/initial_epoch", 0)
            given = kwargs.get("epochs", total)
            last = values.get("tuner/epochs", given)
            if not first < last <= total:
                raise ValueError(
                    f"epochs {first} to {last} were not recorded, "
                    f"only 0 to {total}"
                )
            run = np.broadcast_to(runs, len(curves.validation))[row]
            scores = curves.validation[row, run, first:last]
            if patience:
                best = np.maximum.accumulate(scores)
                better = np.flatnonzero(np.diff(best, prepend=-np.inf))
                waits = np.diff(better, append=len(scores) + patience)
                stop = better[np.argmax(waits > patience)] + patience
                scores = scores[: stop + 1]
            return {
                "val_accuracy": float(scores.max()),
                "epochs": len(scores),
            }

    return Replayed


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
