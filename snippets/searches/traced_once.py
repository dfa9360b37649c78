"""A hypermodel whose trials share what TensorFlow has traced."""

import contextlib
import json
import re
import warnings

import keras
import keras_tuner as kt
import numpy as np


def traced_once(
    hypermodel_class, shared=("learning_rate", "batch_size")
):
    """Return the hypermodel class, made to trace each model once.

    `hypermodel_class` is a subclass of kt.HyperModel; use what is
    returned like that class: `traced_once(Mine)()`.

    Keras traces a training step for each new model, which costs more
    than training a small one for an epoch. Here the first model of a
    kind is kept, and trained again for each later trial of that kind.
    `fit` gives it the weights, random seeds, learning rates and states
    of optimizers of the model that `build` made, and gives that model
    the trained values: no trial learns from another. Trials are of a
    kind if they differ only in hyperparameters named in `shared`, and
    in `get_config` of layers and optimizers only in learning rates.
    What else `build` makes of `shared`, the kept model doesn't get.

    `build` ends with `model.optimizer.build(model.trainable_variables)`
    and builds other optimizers, attributes of the model, alike. Random
    numbers without a generator of the model's own go on with the kept
    model's. Each kind takes memory. Under PyTorch no time is saved.

    Raises ValueError for another class, and in a trial if an optimizer
    is not built, if its learning rate is no number, or if `fit`
    compiles, changes more than variables or adapts to other data.

    Source: https://www.tensorflow.org/guide/function#retracing
    """
    if kt.HyperModel not in getattr(hypermodel_class, "__mro__", ()):
        raise ValueError(
            f"{hypermodel_class!r} is no subclass of kt.HyperModel"
        )

    class TracedOnce(hypermodel_class):
        def fit(self, hp, model, *args, **kwargs):
            given, config = _variables(model), _config(model)
            kind = (
                config,
                frozenset(
                    (name, value)
                    for name, value in hp.values.items()
                    if name not in shared
                    and not name.startswith("tuner/")
                ),
            )
            traced = self.__dict__.setdefault("traced", {})
            # Out while it trains: what failed is never used again.
            kept, own, learned = traced.pop(kind, (model, given, None))
            _copy(given, own)
            kept.reset_metrics()
            # What EarlyStopping and BackupAndRestore leave behind.
            kept.stop_training, kept._initial_epoch = False, None
            results = super().fit(hp, kept, *args, **kwargs)
            now = _variables(kept).keys(), _config(kept)
            if now != (own.keys(), config):
                raise ValueError(
                    "build must make all variables, and fit must not "
                    "compile or change more than their values"
                )
            if learned not in (None, _adapted(kept)):
                raise ValueError(
                    "fit adapted a layer to other data than before"
                )
            _copy(own, given)
            traced[kind] = kept, own, _adapted(kept)
            return results

    return TracedOnce


def _parts(thing, seen):
    """Yield layers and optimizers, each once, however deep they are."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, (keras.Layer, keras.optimizers.Optimizer)):
        yield thing
        thing = vars(thing)
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        for each in thing:
            yield from _parts(each, seen)


def _variables(model):
    """Return the variables of the model and its optimizers by id."""
    found = {id(variable): variable for variable in model.variables}
    built, rates = False, set()
    for part in _parts(model, set()):
        if isinstance(part, keras.optimizers.Optimizer):
            built |= part.built
            found |= {id(each): each for each in part.variables}
            # One that holds others has no learning rate of its own.
            rate = getattr(part, "learning_rate", part.iterations)
            rates |= {id(rate)}
    if not built or rates - found.keys():
        raise ValueError(
            "build must end with model.optimizer.build("
            "model.trainable_variables), learning rates must be numbers"
        )
    return found


def _copy(old, new):
    for variable, value in zip(new.values(), old.values(), strict=True):
        variable.assign(value)


def _config(model):
    """Return as text what is traced, the numbers in names set right."""
    configs = []
    with warnings.catch_warnings(action="ignore"):  # a lambda warns
        for part in _parts(model, set()):
            for method in ("get_config", "get_compile_config"):
                with contextlib.suppress(Exception):
                    configs.append(getattr(part, method)())
    text = json.dumps(configs, skipkeys=True, default=repr)
    text = re.sub(r' at 0x\w+|"bin_boundaries": (null|.*?])', "", text)
    text = re.sub(r'"(learning_rate|vocabulary_size)": \S+', "", text)
    names = dict.fromkeys(re.findall(r'"name": "([^"]*)"', text))
    for number, name in enumerate(names):
        names[name] = f'"{re.sub("_[0-9]+$", "", name)} {number}"'
    return re.sub(r'"([^"]*)"', lambda m: names.get(m[1], m[0]), text)


def _adapted(model):
    """Return as text what layers have learned by `adapt`."""
    learned = [
        [part.get_weights(), getattr(part, "get_vocabulary", list)()]
        + [getattr(part, "bin_boundaries", None)]
        + [getattr(part, "idf_weights", None)]
        for part in _parts(model, set())
        if hasattr(part, "adapt") and not part.trainable_weights
    ]
    return json.dumps(learned, default=lambda v: np.array(v).tolist())
