"""Trials trained together end as each trained alone."""

import json
import runpy
import sys
import warnings
from collections import Counter
from pathlib import Path

import h5py
import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

from snippets.searches import trained_together as module
from snippets.searches.renewed import renewed
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe
from snippets.searches.trained_together import (
    _fit_together,
    trained_together,
)

pytestmark = pytest.mark.process  # a stack takes seconds to compile
DRAW = np.random.default_rng(1)
X = DRAW.normal(size=(70, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int64")
IMAGES = DRAW.uniform(size=(70, 8, 8, 1)).astype("float32")
CHECK = X[:20], Y[:20]
FLOATS = {
    "rate": (0.1, 0.6),
    "decay": (0.01, 0.1),
    "step": (0.01, 3e-3),
}
layers, optimizers = keras.layers, keras.optimizers
SCHEDULE = optimizers.schedules.PolynomialDecay(0.1, 20)


def dense(rate, decay, step):
    """Whatever may differ between the models of a stack, in one."""
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(
                8,
                "relu",
                kernel_regularizer=keras.regularizers.L2(decay),
            ),
            layers.BatchNormalization(),
            layers.Dropout(rate),
            keras.Sequential([layers.Dense(4), layers.Dropout(rate)]),
            layers.Dense(
                2,
                "softmax",
                activity_regularizer=keras.regularizers.L2(decay),
            ),
        ]
    )
    model.compile(
        optimizers.AdamW(step, decay),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model, X, Y


def compiled(rate, decay, step):
    """What XLA compiles where that is won back."""
    penalty = keras.regularizers.L1(decay / 10)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.BatchNormalization(),
            layers.Dense(8, "relu", kernel_regularizer=penalty),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile(
        optimizers.AdamW(step, decay),
        "sparse_categorical_crossentropy",
        weighted_metrics=["accuracy"],
    )
    return model, IMAGES, Y


def convolutional(rate, decay, step):
    schedule = optimizers.schedules.CosineDecay(
        step, 9, decay, warmup_target=step * 2, warmup_steps=2
    )
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.RandomFlip(),
            layers.Conv2D(4, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    model.compile(
        optimizers.SGD(schedule, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True
            )
        ],
    )
    return model, IMAGES, Y


def several_inputs(rate, decay, step):
    one, two = (
        keras.Input((6,), name="a"),
        keras.Input((8, 8), name="b"),
    )
    # Its one weight, the first of the model, is a scalar.
    scaled = layers.Attention(use_scale=True)([two, two])
    read = layers.GRU(3, unroll=True)(scaled)
    both = layers.Concatenate()([one, layers.GRU(3)(two), read])
    out = layers.Dense(1, name="c")(layers.Dropout(rate)(both))
    out = {"c": out, "d": layers.Dense(2, "softmax", name="d")(both)}
    model = keras.Model({"a": one, "b": two}, out)
    model.compile(
        optimizers.RMSprop(step),
        {"c": "mse", "d": "sparse_categorical_crossentropy"},
        loss_weights={"c": 0.5, "d": 1.0},
        metrics={"c": ["mae"]},
    )
    x = {"a": X, "b": IMAGES[..., 0]}
    return model, x, {"c": X[:, :1], "d": Y}


def normalized(rate, decay, step, data=X):
    normal = layers.Normalization()
    normal.adapt(data)
    network = [keras.Input((6,)), normal, layers.Dense(2, "softmax")]
    model = keras.Sequential(network)
    model.compile(
        optimizers.AdamW(step, decay),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    return model, X, Y


BUILDS = dense, compiled, convolutional, several_inputs, normalized


@pytest.mark.parametrize("build", BUILDS)
def test_the_same_weights_and_history_to_rounding(build, monkeypatch):
    fits, alone, sizes = [], [], set()
    monkeypatch.setattr(module, "COMPILES", 0)
    real = module._Trace.run

    def run(self, kind, *given):
        sizes.add(kind[1])
        return real(self, kind, *given)

    monkeypatch.setattr(module._Trace, "run", run)
    for n in range(3):
        keras.utils.set_random_seed(n)
        values = {
            name: low + n / 2 * (high - low)
            for name, (low, high) in FLOATS.items()
        }
        for kind in fits, alone:
            keras.utils.set_random_seed(n)
            model, x, y = build(**values)
            weights = np.linspace(0.5, 1.5, len(X)).astype("float32")
            shared = {"shuffle": False, "epochs": 3, "verbose": 0}
            if build in (compiled, convolutional, normalized):
                shared["sample_weight"] = weights
            if build is dense:
                shared["validation_split"] = 0.3
            kind.append({"self": model, "x": x, "y": y} | shared)
    ends = _fit_together(fits)
    # Of 70 rows the last 6 are a batch of their own, or filled up.
    at_once = {compiled: {32, 0}, normalized: {32}}.get(build, {0})
    assert sizes == (at_once if sys.platform == "linux" else {0})
    for fit, (model, history, best, values) in zip(
        alone, ends, strict=True
    ):
        one = fit.pop("self")
        expected = one.fit(**fit)
        assert history.history.keys() == expected.history.keys()
        for name, logged in expected.history.items():
            assert history.history[name] == pytest.approx(logged, 1e-3)
        for a, b in zip(model.variables, one.variables, strict=True):
            assert np.allclose(a, b, atol=1e-4), a.path
        assert best == 2
        assert len(values) >= len(model.variables) - len(model.metrics)
        assert all(np.array_equal(*pair) for pair in values)


def space(hp, optimizer=optimizers.Adam):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(hp.Choice("units", [4, 8]), "relu"),
            layers.Dropout(hp.Float("rate", 0.1, 0.5)),
            layers.Dense(2, "softmax"),
        ]
    )
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(
        optimizer(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def searched(tuner_class, folder, build=space, **arguments):
    keras.utils.set_random_seed(1)
    tuner = tuner_class(
        build,
        objective="val_loss",
        seed=1,
        directory=folder,
        project_name="p",
        **arguments,
    )
    tuner.search(
        X, Y, epochs=3, validation_data=CHECK, shuffle=False, verbose=0
    )
    return tuner


TUNERS = {
    kt.RandomSearch: {"max_trials": 5},
    kt.GridSearch: {"max_trials": 5},
    kt.BayesianOptimization: {"max_trials": 5},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
}


@pytest.mark.parametrize("tuner_class", TUNERS)
def test_each_trial_has_its_score_and_checkpoint(tmp_path, tuner_class):
    limits = TUNERS[tuner_class]
    together = trained_together(tuner_class, at_most=4)
    tuner = searched(together, tmp_path, **limits)
    trials = tuner.oracle.trials.values()
    assert {trial.status for trial in trials} == {"COMPLETED"}
    assert list(tuner.oracle.start_order) == tuner.oracle.end_order
    if tuner_class is not kt.Hyperband:
        assert len(trials) == 5
    best = tuner.oracle.get_best_trials(len(trials))
    models = tuner.get_best_models(len(trials))
    for trial, model in zip(best, models, strict=True):
        loss, accuracy = model.evaluate(*CHECK, verbose=0)
        assert loss == pytest.approx(trial.score, 1e-4)
        metric = trial.metrics.get_history("val_accuracy")
        assert accuracy == pytest.approx(metric[0].value[0], 1e-4)
    assert not tuner.oracle.ongoing_trials
    names = {path.name for path in (tmp_path / "p").glob("*.json")}
    assert names == {"oracle.json", "tuner0.json"}


def checkpoint(path):
    """Return all that is in it, by its name."""
    found = {}

    def note(name, part):
        value = None
        if isinstance(part, h5py.Dataset):
            value = part.dtype, part[()].tobytes()
        found[name] = value, dict(part.attrs)

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def in_precision(name, optimizer=optimizers.Adam):
    def build(hp):
        inner = keras.Sequential([layers.Dense(4), layers.Dropout(0.2)])
        normal = layers.BatchNormalization(dtype=name)
        ends = inner, layers.Dense(2, "softmax")
        model = keras.Sequential([keras.Input((6,)), normal, *ends])
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer(rate), loss)
        return model

    return build


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("build", ["float32", "bfloat16"])
def test_a_checkpoint_is_what_keras_would_write(
    build, copied, tmp_path, monkeypatch
):
    """Copied from that of the first, and where that can't be."""
    wrote = []
    real = keras.Model.save_weights

    def save_weights(self, *args, **kwargs):
        wrote.append(args)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "save_weights", save_weights)
    if not copied:
        unknown = {"layers": None}, b""
        monkeypatch.setattr(module, "_numbered", lambda *_: unknown)
    together = trained_together(kt.RandomSearch)
    tuner = searched(
        together, tmp_path, in_precision(build), max_trials=4
    )
    assert len(wrote) == (1 if copied else 4)
    for trial in tuner.oracle.get_best_trials(4):
        model = tuner.load_model(trial)
        loss = model.evaluate(*CHECK, verbose=0)
        assert loss == pytest.approx(trial.score, 1e-2)
        rate = trial.hyperparameters.get("learning_rate")
        assert float(model.optimizer.learning_rate) == pytest.approx(
            rate
        )
        real(model, tmp_path / "keras.weights.h5")
        path = tuner._get_checkpoint_fname(trial.trial_id)
        expected = checkpoint(tmp_path / "keras.weights.h5")
        assert checkpoint(path) == expected


def test_a_shape_is_traced_twice_in_a_search(tmp_path, monkeypatch):
    """For its first size of stack, then for all sizes and batches."""
    traced, stacked = [], []
    real, fitted = module._Trace.steps, module._fit_together

    def steps(self, training, *args):
        traced.append(training)
        return real(self, training, *args)

    def together(fits, *args):
        stacked.append((len(fits), fits[0]["batch_size"]))
        return fitted(fits, *args)

    monkeypatch.setattr(module._Trace, "steps", steps)
    monkeypatch.setattr(module, "_fit_together", together)

    class OneShape(Tuned):
        def build(self, hp):
            hp.Fixed("units", 8)
            hp.Fixed("fails", False)
            return super().build(hp)

    searched(
        trained_together(kt.RandomSearch, at_most=4),
        tmp_path,
        OneShape(),
        max_trials=19,
    )
    assert len({size for size, _ in stacked}) > 2
    assert {batch for _, batch in stacked} == {16, 32}
    assert sum(size for size, _ in stacked) >= 8
    assert traced == [True, False] * 2


def test_accuracy_is_computed_for_all_models_at_once():
    """Else TensorFlow loops over them, in each step."""
    found = tf.vectorized_map(
        keras.ops.argmax, X, fallback_to_while_loop=False
    )
    assert np.array_equal(found, X.argmax(axis=1))
    runpy.run_path(module.__file__)  # a copy of it finds that done


def test_what_a_build_sets_in_keras_ends_with_it(tmp_path):
    """As alone; and each model's layers have the same names."""
    seen = {}
    for name in "alone", "together":
        keras.utils.clear_session()
        built = seen[name] = set()

        def build(hp, built=built):
            before = keras.config.dtype_policy().name
            if hp.Boolean("wide"):
                keras.config.set_dtype_policy("float64")
            model = space(hp)
            names = [each.name for each in model.layers]
            built.add((before, *names))
            return model

        tuner_class = kt.RandomSearch
        if name == "together":
            tuner_class = trained_together(tuner_class)
        folder = tmp_path / name
        tuner = searched(tuner_class, folder, build, max_trials=6)
        trials = tuner.oracle.trials.values()
        wide = {trial.hyperparameters.get("wide") for trial in trials}
        assert wide == {False, True}
    keras.utils.clear_session()
    assert seen["together"] == seen["alone"]


def test_variables_that_no_layer_has_are_refused():
    """A later stack would be trained with those of this one."""
    hidden = [tf.Variable(2.0)]

    class Hidden(layers.Layer):
        def call(self, inputs):
            return inputs * hidden[0]

    fits = []
    for _ in range(2):
        model = keras.Sequential([keras.Input((6,)), Hidden()])
        model.add(layers.Dense(1))
        model.compile(optimizers.SGD(0.1), "mse")
        fits.append({"self": model, "x": X, "y": X[:, :1]})
    with pytest.raises(ValueError, match="no layer has"):
        _fit_together(fits)


def test_random_search_tries_the_same(tmp_path):
    plain = searched(kt.RandomSearch, tmp_path / "1", max_trials=4)
    beside = searched(
        trained_together(kt.RandomSearch), tmp_path / "2", max_trials=4
    )
    for name, trial in plain.oracle.trials.items():
        other = beside.oracle.trials[name].hyperparameters
        assert trial.hyperparameters.values == other.values


class Tuned(kt.HyperModel):
    """Tunes how it is fitted, and fails for some."""

    def __init__(self):
        super().__init__()
        self.ran = 0

    def build(self, hp):
        return space(hp)

    def fit(self, hp, model, *args, **kwargs):
        if hp.Boolean("fails"):
            raise RuntimeError("as some do")
        size = hp.Choice("batch_size", [16, 32])
        history = model.fit(*args, batch_size=size, **kwargs)
        self.ran += 1
        return {"val_loss": min(history.history["val_loss"]) + 1}


def test_a_hypermodel_s_fit_and_failures_are_each_trial_s(tmp_path):
    hypermodel = Tuned()
    tuner = searched(
        trained_together(kt.RandomSearch),
        tmp_path,
        hypermodel,
        max_trials=8,
        max_consecutive_failed_trials=9,
    )
    trials = tuner.oracle.trials.values()
    failed = [t for t in trials if t.hyperparameters.get("fails")]
    assert 0 < len(failed) < 8
    assert {t.status for t in failed} == {"FAILED"}
    assert hypermodel.ran == 8 - len(failed)
    sizes = {
        t.hyperparameters.values.get("batch_size")
        for t in trials
        if t not in failed
    }
    assert sizes == {16, 32}
    scores = [t.score for t in trials if t.score]
    assert min(scores) > 1


@pytest.mark.parametrize(
    "name, settings",
    [
        ("Adam", {"amsgrad": True}),
        ("RMSprop", {"momentum": 0.5, "centered": True}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"weight_decay": 0.1}),
        ("Adagrad", {}),
        ("Lion", {}),
        ("Adam", {"learning_rate": SCHEDULE}),
    ],
)
def test_training_goes_on_with_the_optimizer_s_state(name, settings):
    """As in trials that Hyperband promotes, from unlike best epochs."""

    def optimizer(rate):
        given = {"learning_rate": rate} | settings
        return getattr(optimizers, name)(**given)

    ends = []
    for together in False, True:
        fits = []
        for n in range(2):
            keras.utils.set_random_seed(n)
            model = space(kt.HyperParameters(), optimizer)
            fits.append(
                {"self": model, "x": X, "y": Y, "shuffle": False}
            )
        fits[0]["self"].fit(X, Y, shuffle=False, verbose=0)
        for _ in range(2):
            if together:
                _fit_together(fits)
            else:
                for fit in fits:
                    given = {n: fit[n] for n in fit if n != "self"}
                    fit["self"].fit(**given, verbose=0)
        ends.append([fit["self"] for fit in fits])
    for alone, other, done in zip(*ends, (9, 6), strict=True):
        assert int(alone.optimizer.iterations) == done
        assert int(other.optimizer.iterations) == done
        kept = (
            m.variables + m.optimizer.variables for m in (alone, other)
        )
        for one, two in zip(*kept, strict=True):
            assert np.allclose(one, two, atol=1e-5), one.path


def test_models_of_unlike_steps_and_epochs_share_a_stack():
    shapes = set()
    for steps in 0, 3:
        keras.utils.clear_session()
        model = space(kt.HyperParameters())
        model.optimizer.iterations.assign(steps)
        fit = {"self": model, "x": X, "y": Y, "epochs": 2 + steps}
        shapes.add(module._shape(fit | {"initial_epoch": steps}))
    assert len(shapes) == 1 and None not in shapes


def test_what_normalizes_otherwise_is_of_another_shape():
    shapes = []
    for data in X, X, 2 * X:
        keras.backend.clear_session()  # names count
        model, x, y = normalized(0, 0.1, 0.01, data)
        shapes.append(module._shape({"self": model, "x": x, "y": y}))
    assert shapes[0] == shapes[1] != shapes[2]


def scheduled(n):
    rate = optimizers.schedules.PolynomialDecay(0.1 / n, 20)
    model, *data = compiled(0.1, 0.05 * n, rate)
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(2 * n)
    return model, *data


def at_a_rate(n):
    return compiled(0.1, 0.05 * n, 0.02 / n)


def test_xla_compiles_once_as_much_would_have_been_saved(monkeypatch):
    """Stack after stack: for the third of these, and then no more."""
    monkeypatch.setattr(module, "WIDTHS", (1, 4))
    stack, lost = ([1000] * 4, [40, 4]), Counter({0: np.inf})
    assert module._width(*stack, lost) == 0
    each = 2.5 * lost[4] / len(stack[1])
    monkeypatch.setattr(module, "COMPILES", each)
    lost = Counter({0: np.inf})
    used = [module._width(*stack, lost) for _ in range(4)]
    assert used == [0, 0, 4, 4]
    # Four at once for one that trains long is dear, and new too.
    assert module._width([1000], stack[1], lost) == 4
    monkeypatch.setattr(module, "COMPILES", 0)
    assert module._width([1000], stack[1], lost) == 1


@pytest.mark.parametrize("seconds", [0, 1e9])  # by XLA, and not
@pytest.mark.parametrize("build", [scheduled, at_a_rate])
def test_each_is_trained_for_its_own_epochs(
    build, seconds, monkeypatch
):
    """With a schedule, and two by two, where XLA would compile."""
    monkeypatch.setattr(module, "COMPILES", seconds)
    monkeypatch.setattr(module, "WIDTHS", (2,))
    sizes, real = set(), module._Trace.run

    def run(self, kind, state, *given):
        if kind[1]:
            sizes.add(len(state[0][0]))
        return real(self, kind, state, *given)

    monkeypatch.setattr(module._Trace, "run", run)
    ends, histories = {}, []
    for kind in "alone", "together":
        fits = []
        for n, span in enumerate([(0, 1), (2, 7), (1, 3)]):
            keras.utils.set_random_seed(n)
            model, *data = build(n + 1)
            fit = dict(zip(("x", "y"), data, strict=True))
            fit |= {"shuffle": False, "validation_split": 0.3}
            fit |= dict(zip(module.SPAN, span, strict=True))
            fits.append(fit | {"self": model})
        ends[kind] = [fit["self"] for fit in fits]
        if kind == "alone":
            for fit in fits:
                history = fit.pop("self").fit(**fit, verbose=0)
                histories.append(history)
        else:
            found = _fit_together(fits)
    by_xla = sys.platform == "linux" and not seconds
    assert sizes == ({2} if by_xla else set())
    for one, (_, two, best, _) in zip(histories, found, strict=True):
        assert one.epoch == two.epoch and best == one.epoch[-1]
        for name, values in one.history.items():
            assert two.history[name] == pytest.approx(values, 1e-3)
    for models in zip(*ends.values(), strict=True):
        both = [model.get_weights() for model in models]
        if build is scheduled:
            both = [
                weights + model.optimizer.variables
                for weights, model in zip(both, models, strict=True)
            ]
        for one, two in zip(*both, strict=True):
            assert np.allclose(one, two, atol=1e-4)


SUM = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
MEAN = "sparse_categorical_crossentropy"
PENALTY = keras.regularizers.L2(0.1)


@pytest.mark.parametrize(
    ("loss", "metric", "penalty", "rows"),
    [
        (MEAN, "accuracy", None, {20}),
        (SUM, "accuracy", None, {8}),
        ("dice", "accuracy", None, {8}),
        (MEAN, "auc", None, {8}),
        (MEAN, "accuracy", PENALTY, {8}),
    ],
)
def test_validation_is_as_in_batches(
    loss, metric, penalty, rows, monkeypatch
):
    """In one where that must be the same, to rounding."""
    histories, used, real = {}, set(), module._Trace.run

    def run(self, kind, *given):
        if not kind[0]:
            used.add(int(given[-1]))
        return real(self, kind, *given)

    monkeypatch.setattr(module._Trace, "run", run)
    targets = np.stack([Y, 1 - Y, 0 * Y], 1) if loss == "dice" else Y
    for kind in "alone", "together":
        fits = []
        for n in range(2):
            keras.utils.set_random_seed(n)
            last = layers.Dense(
                3, "softmax", activity_regularizer=penalty
            )
            model = keras.Sequential([keras.Input((6,)), last])
            if metric == "auc":
                model.add(layers.Dense(1, "sigmoid"))
            plain = "binary_crossentropy" if metric == "auc" else loss
            model.compile(
                optimizers.Adam(1e-3), plain, metrics=[metric]
            )
            fits.append(
                {"self": model, "x": X, "y": targets, "batch_size": 8}
            )
            check = X[:20], targets[:20]
            fits[n] |= {"validation_data": check, "shuffle": False}
        if kind == "together":
            found = [end[1] for end in _fit_together(fits)]
        else:
            found = [f.pop("self").fit(**f, verbose=0) for f in fits]
        histories[kind] = [list(h.history.values()) for h in found]
    expected = np.ravel(histories["alone"])
    assert np.ravel(histories["together"]) == pytest.approx(
        expected, 1e-3
    )
    assert used == {1024 if rows == {20} else 8}


def test_losses_of_several_outputs_are_as_in_batches():
    """With weights of rows Keras has them depend on the batches."""
    weights, y = np.linspace(0.1, 3, 20), {"a": X[:, :1], "b": Y}
    check = {"a": X[:20, :1], "b": Y[:20]}
    check = X[:20], check, {"a": weights, "b": weights}
    histories = {}
    for kind in "alone", "together":
        fits = []
        for n in range(2):
            keras.utils.set_random_seed(n)
            given = keras.Input((6,))
            ends = {"a": layers.Dense(1, name="a")(given)}
            ends["b"] = layers.Dense(2, "softmax", name="b")(given)
            model = keras.Model(given, ends)
            model.compile("sgd", {"a": "mse", "b": MEAN})
            fits.append({"self": model, "x": X, "y": y})
            fits[n] |= {"validation_data": check, "batch_size": 8}
            fits[n]["shuffle"] = False
        if kind == "together":
            found = [end[1] for end in _fit_together(fits)]
        else:
            found = [f.pop("self").fit(**f, verbose=0) for f in fits]
        histories[kind] = [h.history["val_a_loss"][0] for h in found]
    assert histories["together"] == pytest.approx(
        histories["alone"], 1e-3
    )


def test_an_argument_of_fit_it_does_not_know_is_not_lost(tmp_path):
    tuner = trained_together(kt.RandomSearch)(
        space,
        objective=kt.Objective("val_loss", "min"),
        max_trials=2,
        directory=tmp_path,
    )
    with pytest.warns() as warned:
        tuner.search(
            X,
            Y,
            validation_data=CHECK,
            class_weight={0: 1.0, 1: 9.0},
            verbose=0,
        )
    said = [str(each.message) for each in warned]
    assert any("class_weight" in each for each in said)


def test_dropout_of_zero_is_trained_together():
    """Which has no generator of random numbers in Keras."""
    losses = []
    for rates in (0.0, 0.0), (0.0, None):
        fits = []
        for n, rate in enumerate(rates):
            keras.utils.set_random_seed(n)
            inner = [] if rate is None else [layers.Dropout(rate)]
            ends = [*inner, layers.Dense(3, "softmax")]
            model = keras.Sequential([keras.Input((6,)), *ends])
            model.compile(optimizers.SGD(0.1), MEAN)
            fits.append({"self": model, "x": X, "y": Y})
            fits[n] |= {"shuffle": False, "verbose": 0}
        if None in rates:
            ends = [fit.pop("self").fit(**fit) for fit in fits]
        else:
            ends = [end[1] for end in _fit_together(fits)]
        losses.append([history.history["loss"] for history in ends])
    assert np.allclose(*losses, rtol=1e-4)


def test_early_stopping_ends_each_as_alone(monkeypatch):
    ends, computed = {}, []
    real = module._Trace.run

    def run(self, kind, state, *given):
        if kind[0]:
            computed.append(len(state[0][0]))
        return real(self, kind, state, *given)

    monkeypatch.setattr(module._Trace, "run", run)
    for kind in "alone", "together":
        fits = []
        for n, rate in enumerate((1e-3, 0.9)):
            keras.utils.set_random_seed(n)
            hp = kt.HyperParameters()
            hp.Fixed("learning_rate", rate)
            stop = keras.callbacks.EarlyStopping(
                patience=1, restore_best_weights=True
            )
            fits.append({"self": space(hp), "callbacks": [stop]})
            fits[n] |= {"x": X, "y": Y, "validation_data": CHECK}
            fits[n] |= {"epochs": 9, "shuffle": False, "verbose": 0}
        models = [fit["self"] for fit in fits]
        if kind == "together":
            histories = [end[1] for end in _fit_together(fits)]
        else:
            histories = [fit.pop("self").fit(**fit) for fit in fits]
        ends[kind] = histories, models
    epochs = []
    for a, b in zip(*(ends[kind][0] for kind in ends), strict=True):
        assert a.epoch == b.epoch
        assert a.history["val_loss"] == pytest.approx(
            b.history["val_loss"], 1e-2
        )
        epochs.append(len(a.epoch))
    assert min(epochs) < max(epochs)
    # What has ended is trained no longer.
    both, one = min(epochs), max(epochs) - min(epochs)
    assert computed == [2] * both + [1] * one
    for a, b in zip(*(ends[kind][1] for kind in ends), strict=True):
        for one, two in zip(
            a.get_weights(), b.get_weights(), strict=True
        ):
            assert np.allclose(one, two, atol=1e-2)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = layers.Dense(2, "softmax")

    def call(self, inputs):
        return self.out(inputs)


def subclassed(hp):
    model = Subclassed()
    model(keras.Input((6,)))
    rate = hp.Float("learning_rate", 1e-3, 1e-1)
    model.compile(
        optimizers.Adam(rate), "sparse_categorical_crossentropy"
    )
    return model


def clipped(hp):
    return space(hp, lambda rate: optimizers.Adam(rate, clipnorm=1.0))


def excluded(hp):
    model = space(hp, lambda rate: optimizers.AdamW(rate, 0.01))
    model.optimizer.built = False
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.optimizer.built = True
    return model


def of_its_own(hp):
    """A loss that closes over what is tuned, under one name."""
    model, share = space(hp), hp.Float("share", 0.1, 0.9)

    def weighted(y, chosen):
        loss = keras.losses.sparse_categorical_crossentropy(y, chosen)
        return share * loss

    model.compile(model.optimizer, weighted)
    return model


class Scale(layers.Layer):
    """Tells nobody by what it scales."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {}


class Within(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.optimizer.learning_rate.assign(1e-6)


class OfSteps(kt.HyperModel):
    """Takes a callback that is called within an epoch."""

    def __init__(self, *added, **settings):
        super().__init__()
        self.added, self.settings = added, settings

    def build(self, hp):
        return space(hp)

    def fit(self, hp, model, *args, callbacks, **kwargs):
        kwargs |= self.settings
        callbacks = [*callbacks, *self.added]
        return model.fit(*args, callbacks=callbacks, **kwargs)


def with_layers(*added):
    def build(hp):
        model = keras.Sequential([keras.Input((6,))])
        for make in added:
            model.add(make(hp.Float("number", 0.5, 2.0)))
        model.add(layers.Dense(2, "softmax"))
        rate = hp.Float("learning_rate", 1e-3, 1e-1)
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizers.Adam(rate), loss)
        return model

    return build


def without_input(hp):
    model = keras.Sequential([layers.Dense(2, "softmax")])
    rate = hp.Float("learning_rate", 1e-3, 1e-1)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizers.Adam(rate), loss)
    return model


def of_words(hp, optimizer=optimizers.Adam):
    model = keras.Sequential([keras.Input((6,))])
    model.add(layers.Embedding(4, 3, mask_zero=False))
    model.add(layers.Flatten())
    model.add(layers.Dense(2, "softmax"))
    rate = hp.Float("learning_rate", 1e-3, 1e-1)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer(rate), loss)
    return model


ALONE = {
    "Embedding": of_words,
    "Subclassed": subclassed,
    "clipnorm": clipped,
    "Nadam": lambda hp: space(hp, optimizers.Nadam),
    "exclude_from_weight_decay": excluded,
    "weighted": of_its_own,
    "Scale": with_layers(Scale),
    "__lambda__": with_layers(
        lambda number: layers.Lambda(lambda x: x * number)
    ),
    "Within": OfSteps(Within()),
    "ModelCheckpoint": OfSteps(
        keras.callbacks.ModelCheckpoint("no.keras", save_freq=1000)
    ),
    "shuffle": OfSteps(shuffle="batch"),
    "groups": with_layers(
        lambda number: layers.Reshape((3, 2)),
        lambda number: layers.Conv1D(4, 2, groups=2),
        lambda number: layers.Flatten(),
    ),
    "no defined outputs": without_input,
    "unroll=True": with_layers(
        lambda number: layers.Reshape((3, 2)),
        lambda number: layers.Dense(2),
        lambda number: layers.GRU(2),
    ),
    "a constraint": with_layers(
        lambda number: layers.Dense(
            4, kernel_constraint=keras.constraints.MaxNorm(number)
        )
    ),
}


@pytest.mark.parametrize("reason", ALONE)
def test_what_cannot_be_shared_is_trained_alone(tmp_path, reason):
    together = trained_together(kt.RandomSearch)
    build = ALONE[reason]
    with pytest.warns() as warned:
        tuner = searched(together, tmp_path, build, max_trials=2)
    said = [str(each.message) for each in warned]
    assert any("trained alone" in s and reason in s for s in said)
    plain = searched(
        kt.RandomSearch, tmp_path / "plain", build, max_trials=2
    )
    for name, trial in plain.oracle.trials.items():
        other = tuner.oracle.trials[name]
        assert trial.status == other.status == "COMPLETED"


@pytest.mark.parametrize("name", ["SGD", "Lion"])
def test_words_are_trained_together_where_that_is_as_alone(name):
    """Keras squares the gradient of each occurrence, others the sum."""
    words, ends = np.int64(abs(X)) % 4, []
    for together in False, True:
        fits = []
        for n in range(2):
            keras.utils.set_random_seed(n)
            hp, kind = kt.HyperParameters(), getattr(optimizers, name)
            fit = {"self": of_words(hp, kind), "x": words, "y": Y}
            fits.append(fit | {"shuffle": False})
        ends.append([fit["self"].get_weights for fit in fits])
        assert all(module._shape(fit) for fit in fits)
        if together:
            _fit_together(fits)
        else:
            [fit.pop("self").fit(**fit, verbose=0) for fit in fits]
    for one, two in zip(*ends, strict=True):
        for pair in zip(one(), two(), strict=True):
            assert np.allclose(*pair, atol=1e-5)


def test_what_tensorflow_cannot_do_is_told_in_a_line(
    tmp_path, monkeypatch
):
    def fails(*_):
        text = "Graph error:\n\nDetected at\n  File\n\nNo such shape: 3"
        text += "\n\t [[{{node pfor}}]]"
        raise tf.errors.InvalidArgumentError(None, None, text)

    monkeypatch.setattr(module, "_fit_together", fails)
    together = trained_together(kt.RandomSearch)
    with pytest.warns() as warned:
        tuner = searched(together, tmp_path, max_trials=4)
    said = {str(each.message) for each in warned}
    assert "trained alone: No such shape: 3" in said
    assert len(tuner.oracle.get_best_trials(4)) == 4


def test_a_log_of_each_batch_is_not_shared(tmp_path):
    log = keras.callbacks.TensorBoard
    for often, shared in ("epoch", True), ("batch", False):
        calls = [log(tmp_path, update_freq=often)]
        fit = {"self": space(kt.HyperParameters()), "x": X, "y": Y}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            shape = module._shape(fit | {"callbacks": calls})
        assert bool(shape) == shared != bool(said)


class Twice(kt.HyperModel):
    """Fits, then fits again, as fine-tuning does."""

    def build(self, hp):
        return space(hp)

    def fit(self, hp, model, *args, **kwargs):
        model.fit(*args, **kwargs)
        before = [weight.copy() for weight in model.get_weights()]
        history = model.fit(*args, **kwargs | {"epochs": 5})
        after = model.get_weights()
        self.moved = not np.array_equal(before[0], after[0])
        assert len(history.epoch) == 5
        return history


def test_a_second_fit_trains(tmp_path):
    hypermodel = Twice()
    tuner = searched(
        trained_together(kt.RandomSearch),
        tmp_path,
        hypermodel,
        max_trials=3,
    )
    assert hypermodel.moved
    statuses = {t.status for t in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}


class Looks(kt.HyperModel):
    """Sets weights before it fits, and looks at all after."""

    def build(self, hp):
        return space(hp)

    def fit(self, hp, model, *args, callbacks, **kwargs):
        model.layers[0].set_weights(
            [np.ones(v.shape) for v in model.layers[0].get_weights()]
        )
        seen = keras.callbacks.EarlyStopping(patience=9)
        callbacks = [*callbacks, seen]
        history = model.fit(*args, callbacks=callbacks, **kwargs)
        logged = history.history["val_loss"]
        loss, _ = model.evaluate(*CHECK, verbose=0)
        assert loss == pytest.approx(logged[-1], 1e-4)
        assert seen.best == min(logged)
        return history


def test_what_fit_sees_after_training_is_as_alone(tmp_path):
    together = trained_together(kt.RandomSearch)
    tuner = searched(together, tmp_path, Looks(), max_trials=3)
    for trial in tuner.oracle.trials.values():
        assert trial.status == "COMPLETED", trial.message


class Scores(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["val_own"] = [1.0, 3.0, 2.0][epoch]


def test_the_checkpoint_is_the_best_by_what_a_callback_adds(tmp_path):
    tuner = trained_together(kt.RandomSearch)(
        space,
        objective=kt.Objective("val_own", "max"),
        max_trials=2,
        seed=1,
        directory=tmp_path,
    )
    given = {"epochs": 3, "validation_data": CHECK, "verbose": 0}
    tuner.search(X, Y, callbacks=[Scores()], **given)
    for trial in tuner.oracle.trials.values():
        assert (trial.score, trial.best_step) == (3, 1)
        loss = trial.metrics.get_history("val_loss")[0].value[0]
        model = tuner.load_model(trial)
        found, _ = model.evaluate(*CHECK, verbose=0)
        assert found == pytest.approx(loss, 1e-4)


def test_what_trains_without_fit_runs_once(tmp_path):
    ran = []

    class BlackBox(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            ran.append(trial.trial_id)
            return trial.hyperparameters.Float("x", 0, 1)

    tuner = trained_together(BlackBox)(
        objective=kt.Objective("score", "min"),
        max_trials=4,
        directory=tmp_path,
    )
    with pytest.warns() as warned:
        tuner.search(verbose=0)
    assert any("not called" in str(each.message) for each in warned)
    assert ran == ["0", "1", "2", "3"]


def test_a_model_that_serves_all_trials_is_not_stacked(tmp_path):
    model = space(kt.HyperParameters())

    def one(hp):
        model.optimizer.learning_rate = hp.Float("rate", 1e-3, 1e-1)
        return model

    tuner = searched(
        trained_together(kt.RandomSearch), tmp_path, one, max_trials=3
    )
    scores = {t.score for t in tuner.oracle.trials.values()}
    assert len(scores) == 3


def test_a_score_that_is_no_number_fails_its_trial_alone(tmp_path):
    def build(hp):
        model = space(hp)
        if hp.Boolean("breaks"):
            first = model.layers[0]
            first.kernel.assign(first.kernel * np.nan)
        return model

    tuner = searched(
        trained_together(kt.RandomSearch),
        tmp_path,
        build,
        max_trials=6,
        max_consecutive_failed_trials=9,
    )
    statuses = set()
    for trial in tuner.oracle.trials.values():
        broken = trial.hyperparameters.get("breaks")
        statuses.add(broken)
        assert trial.status == ("FAILED" if broken else "COMPLETED")
        assert "is not in list" not in (trial.message or "")
    assert statuses == {True, False}


@pytest.mark.parametrize("seconds", [0, 1e9])  # by XLA, and not
def test_a_label_that_cannot_be_is_not_trained_in_silence(
    tmp_path, monkeypatch, seconds
):
    monkeypatch.setattr(module, "COMPILES", seconds)
    tuner = trained_together(kt.RandomSearch)(
        lambda hp: compiled(0.1, 0.01, hp.Float("step", 1e-3, 1e-2))[0],
        objective="val_loss",
        max_trials=2,
        max_consecutive_failed_trials=3,
        seed=1,
        directory=tmp_path,
    )
    labels = np.where(np.arange(len(Y)) == 66, 2, Y)  # of 0 and 1
    check = IMAGES[:20], Y[:20]
    with warnings.catch_warnings(action="ignore"):  # trained alone
        tuner.search(
            IMAGES, labels, epochs=3, validation_data=check, verbose=0
        )
    for trial in tuner.oracle.trials.values():
        assert trial.status == "FAILED"
        assert "label value of 2" in trial.message


def test_a_killed_search_goes_on_with_the_same_trials(tmp_path):
    class Killed(BaseException):
        """What no code may catch."""

    tools = safe(
        resumable(trained_together(kt.RandomSearch, at_most=3))
    )
    whole = searched(tools, tmp_path / "whole", max_trials=6)

    class Dies(tools):
        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            if trial.trial_id == "4":
                raise Killed

    with pytest.raises(Killed):
        searched(Dies, tmp_path / "killed", max_trials=6)
    tuner = searched(tools, tmp_path / "killed", max_trials=6)
    found, expected = tuner.oracle.trials, whole.oracle.trials
    assert sorted(found) == sorted(expected)
    for name, trial in expected.items():
        values = found[name].hyperparameters.values
        assert values == trial.hyperparameters.values
        assert found[name].status == "COMPLETED"
    state = json.loads(
        Path(tmp_path, "killed/p/oracle.json").read_text("utf-8")
    )
    assert sorted(state["end_order"]) == sorted(expected)


def test_it_refuses_at_once(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="at_most"):
        trained_together(kt.RandomSearch, at_most=0)
    with pytest.raises(ValueError, match="tuner class"):
        trained_together(space)
    together = trained_together(kt.RandomSearch)
    for wrong in {"executions_per_trial": 2}, {"max_model_size": 99}:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            searched(together, tmp_path, max_trials=1, **wrong)
    with pytest.raises(ValueError, match="not with renewed"):
        searched(renewed(together, trials=2), tmp_path, max_trials=1)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ValueError, match="parallel"):
        trained_together(kt.RandomSearch)
