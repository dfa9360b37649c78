"""Trials that share a traced model learn nothing from each other."""

import contextlib

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

from snippets.models.image_classifier import ImageClassifier
from snippets.models.regressor import Regressor
from snippets.searches.traced_once import traced_once

FIXED = {"hidden_layers": 1, "units": 32, "activation": "relu"}
X = np.random.default_rng(1).normal(size=(32, 3)).astype("float32")
Y = X.sum(axis=1)
RATES = [{"learning_rate": rate} for rate in (0.05, 0.002)]


def searched(hypermodel, images, folder, tuner_class, fixed, **limits):
    """Search in a fixed order; return the tuner."""
    keras.utils.set_random_seed(1)
    space = kt.HyperParameters()
    for name, value in fixed.items():
        space.Fixed(name, value)
    tuner = tuner_class(
        hypermodel,
        hyperparameters=space,
        objective=kt.Objective("val_loss", "min"),
        seed=1,
        directory=folder,
        project_name=type(hypermodel).__name__,
        **limits,
    )
    x, y = images.train
    tuner.search(
        x[:64],
        y[:64],
        validation_data=(x[-32:], y[-32:]),
        shuffle=False,
        verbose=0,
    )
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    return tuner


@pytest.mark.parametrize(
    "tuner_class, limits",
    [
        (kt.RandomSearch, {"max_trials": 4}),
        (kt.Hyperband, {"max_epochs": 3}),
    ],
)
def test_each_trial_scores_as_with_a_model_of_its_own(
    images, tmp_path, tuner_class, limits, eager
):
    """Whose models run step by step: to trace each takes long."""
    scores = []
    for hypermodel_class in (
        ImageClassifier,
        traced_once(ImageClassifier),
    ):
        tf.config.run_functions_eagerly(not scores)
        tuner = searched(
            hypermodel_class(),
            images,
            tmp_path,
            tuner_class,
            FIXED,
            **limits,
        )
        trials = sorted(tuner.oracle.trials.items())
        scores.append([trial.score for _, trial in trials])
    assert len(tuner.hypermodel.traced) == 1
    assert len(set(scores[0])) == len(scores[0]) > 3
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_trials_of_another_kind_get_a_model_of_their_own(
    images, eager, tmp_path
):
    tuner = searched(
        traced_once(ImageClassifier)(),
        images,
        tmp_path,
        kt.RandomSearch,
        {"hidden_layers": 1, "activation": "relu"},
        max_trials=4,
    )
    units = {
        trial.hyperparameters.get("units")
        for trial in tuner.oracle.trials.values()
    }
    assert len(tuner.hypermodel.traced) == len(units) > 1
    first, second = tuner.get_best_models(2)
    assert first is not second


class Small(kt.HyperModel):
    """Small, and with what a model may carry from trial to trial."""

    loss = "loss"

    def build(self, hp):
        model = keras.Sequential([keras.Input((3,)), *self.layers(hp)])
        self.compile(hp, model)
        return model

    def layers(self, hp):
        return [keras.layers.Dense(4), keras.layers.Dense(1)]

    def compile(self, hp, model):
        model.compile(self.optimizer(hp), "mse")
        model.optimizer.build(model.trainable_variables)

    def optimizer(self, hp):
        return keras.optimizers.Adam(hp.values["learning_rate"])

    def fit(self, hp, model, x, y):
        """Train without what `model.fit` costs; return the losses."""
        batches = [(x[start::4], y[start::4]) for start in range(4)]
        logs = [
            model.train_on_batch(*batch, return_dict=True)
            for batch in batches
        ]
        return [float(each[self.loss]) for each in logs]

    def train(self, hp, model, x=X, y=Y):
        return self.fit(hp, model, x, y)


def losses(hypermodel, trials=RATES, **kwargs):
    """Build and train a model per trial; return all that it returns."""
    found = []
    for number, values in enumerate(trials):
        keras.utils.set_random_seed(1 + number)
        hp = kt.HyperParameters()
        hp.values = dict(values)
        model = hypermodel.build(hp)
        found.append(hypermodel.train(hp, model, **kwargs))
    return found


def assert_alike(hypermodel_class, trials=RATES, kinds=1, **kwargs):
    """A trial ends as with a model of its own; return the hypermodel."""
    shared = {name for values in trials for name in values}
    traced = traced_once(hypermodel_class, shared)()
    own = losses(hypermodel_class(), trials, **kwargs)
    np.testing.assert_allclose(
        losses(traced, trials, **kwargs), own, rtol=1e-4
    )
    assert len(np.unique(own, axis=0)) == len(own) > 1
    assert len(traced.traced) == kinds
    return traced


class Pair(keras.Model):
    """Two models, each with an optimizer, as in a GAN."""

    def __init__(self, rate, where):
        super().__init__()
        self.one, self.two = (
            keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
            for _ in range(2)
        )
        second = keras.optimizers.Adam(rate)
        first = keras.optimizers.SGD(rate, momentum=0.9)
        first.build(self.one.trainable_variables)
        self.first_optimizer, self.where = first, where
        # A GAN overrides compile: Keras makes one that nobody uses.
        self.compile("rmsprop" if where == "an attribute" else first)
        if where == "a wrapper":
            second = keras.optimizers.LossScaleOptimizer(second)
        if where != "nowhere, not built":
            second.build(self.two.trainable_variables)
        if where == "a list":
            self.others = [[second]]
        elif where == "a dictionary":
            self.others = {"two": second}
        elif where == "a nested model":
            self.two.compile(second, "mse")
        else:
            self.second_optimizer = second

    def second(self):
        if self.where == "a list":
            return self.others[0][0]
        if self.where == "a dictionary":
            return self.others["two"]
        if self.where == "a nested model":
            return self.two.optimizer
        return self.second_optimizer

    def train_step(self, data):
        x, y, *_ = data
        total = 0.0
        for model, optimizer in (
            (self.one, self.first_optimizer),
            (self.two, self.second()),
        ):
            with tf.GradientTape() as tape:
                loss = keras.ops.mean((model(x)[:, 0] - y) ** 2)
                scaled = optimizer.scale_loss(loss)
            weights = model.trainable_variables
            gradients = tape.gradient(scaled, weights)
            optimizer.apply(gradients, weights)
            total += loss
        return {"total": total}


def pair(where):
    class Paired(Small):
        loss = "total"

        def build(self, hp):
            return Pair(hp.values["learning_rate"], where)

    return Paired


@pytest.mark.parametrize(
    "where",
    ["an attribute", "a list", "a dictionary", "a nested model"]
    + ["a wrapper"],
)
def test_a_second_optimizer_learns_nothing_from_other_trials(
    where, request
):
    if where != "an attribute":  # one of them is traced
        request.getfixturevalue("eager")
    assert_alike(pair(where))


OPTIMIZERS = {
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "nadam": keras.optimizers.Nadam,
    "adafactor": keras.optimizers.Adafactor,
    "average": lambda rate: keras.optimizers.Adam(
        rate, use_ema=True, ema_overwrite_frequency=2
    ),
    "accumulated": lambda rate: keras.optimizers.Adam(
        rate, gradient_accumulation_steps=3
    ),
    "scaled": lambda rate: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(rate), dynamic_growth_steps=1
    ),
}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_starts_afresh(name):
    class Optimized(Small):
        def optimizer(self, hp):
            return OPTIMIZERS[name](hp.values["learning_rate"])

    assert_alike(Optimized)


@pytest.mark.usefixtures("eager")
def test_layers_with_a_random_state_draw_as_in_a_model_of_their_own():
    class Random(Small):
        def layers(self, hp):
            return [keras.layers.Dropout(0.5), keras.layers.Dense(1)]

    assert_alike(Random)


class Momentum(Small):
    def optimizer(self, hp):
        return keras.optimizers.SGD(0.01, hp.values["momentum"])


class DropoutRate(Momentum):
    def layers(self, hp):
        rate = hp.values["momentum"]
        return [keras.layers.Dropout(rate), keras.layers.Dense(1)]

    def optimizer(self, hp):
        return keras.optimizers.SGD(0.01)


class Loss(DropoutRate):
    def layers(self, hp):
        return [keras.layers.Dense(1)]

    def compile(self, hp, model):
        model.compile(self.optimizer(hp), hp.values["loss"])
        model.optimizer.build(model.trainable_variables)


class Skip(Small):
    def build(self, hp):
        inputs = keras.Input((3,))
        hidden = keras.layers.Dense(3, name="hidden")(inputs)
        skipped = inputs if hp.values["skip"] else hidden
        added = keras.layers.Add()([hidden, skipped])
        model = keras.Model(inputs, keras.layers.Dense(1)(added))
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
        return model


class SecondMomentum(Small):
    loss = "total"

    def build(self, hp):
        model = Pair(0.01, "an attribute")
        optimizer = keras.optimizers.SGD(0.01, hp.values["momentum"])
        optimizer.build(model.two.trainable_variables)
        model.second_optimizer = optimizer
        return model


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "hypermodel_class, name, values",
    [
        (Momentum, "momentum", (0.1, 0.9)),
        (SecondMomentum, "momentum", (0.1, 0.9)),
        (DropoutRate, "momentum", (0.1, 0.6)),
        (Loss, "loss", ("mse", "mae")),
        (Skip, "skip", (True, False)),
    ],
)
def test_what_cannot_be_copied_gets_a_model_of_its_own_though_shared(
    hypermodel_class, name, values
):
    trials = [{name: value} for value in (*values, values[0])]
    assert_alike(hypermodel_class, trials, kinds=2)


@pytest.mark.usefixtures("eager")
def test_a_metric_of_a_loop_of_ones_own_starts_afresh():
    class Loop(Small):
        def build(self, hp):
            model = super().build(hp)
            model.mean = keras.metrics.Mean()
            return model

        def fit(self, hp, model, x, y):
            for _ in range(3):
                model.mean.update_state(model.train_on_batch(x, y))
            return [float(model.mean.result())]

    assert_alike(Loop)


@pytest.mark.usefixtures("eager")
def test_a_stopped_trial_does_not_stop_the_next():
    class Loop(Small):
        def fit(self, hp, model, x, y):
            assert not model.stop_training
            model.stop_training = True
            return [model.train_on_batch(x, y)]

    assert_alike(Loop)


@pytest.mark.usefixtures("eager")
def test_a_trial_does_not_go_on_where_a_backup_of_another_ended(
    tmp_path,
):
    class Interrupted(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise InterruptedError

    class Resumed(Small):
        number = 0
        fit = kt.HyperModel.fit

        def train(self, hp, model):
            self.number += 1
            folder = tmp_path / type(self).__name__ / str(self.number)
            backup = keras.callbacks.BackupAndRestore(folder)
            with contextlib.suppress(InterruptedError):
                self.fit(
                    hp,
                    model,
                    X,
                    Y,
                    epochs=3,
                    verbose=0,
                    callbacks=[backup, Interrupted()],
                )
            history = self.fit(
                hp, model, X, Y, epochs=3, verbose=0, callbacks=[backup]
            )
            return [len(history.epoch), *history.history["loss"]]

    assert_alike(Resumed)


@pytest.mark.usefixtures("eager")
def test_the_model_that_fit_was_given_is_trained():
    class Evaluated(Small):
        def train(self, hp, model):
            super().train(hp, model)
            return [model.evaluate(X, Y, verbose=0)]

    assert_alike(Evaluated)


@pytest.mark.usefixtures("eager")
def test_a_trial_that_failed_leaves_nothing_behind():
    class Failing(Small):
        def fit(self, hp, model, x, y):
            losses = super().fit(hp, model, x, y)
            if hp.values["fails"]:
                model.optimizer = None
                raise InterruptedError
            return losses

        def train(self, hp, model):
            try:
                return super().train(hp, model)
            except InterruptedError:
                return [0.0] * 4

    trials = [
        {"fails": fails, **values}
        for values, fails in zip(
            [*RATES, {"learning_rate": 0.1}],
            (False, True, False),
            strict=True,
        )
    ]
    own = losses(Failing(), trials)
    traced = traced_once(Failing, {"learning_rate", "fails"})()
    np.testing.assert_allclose(losses(traced, trials), own, rtol=1e-4)


class Schedule(Small):
    def optimizer(self, hp):
        return keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
        )


class Callable(Small):
    def optimizer(self, hp):
        return keras.optimizers.SGD(lambda: 0.1)


class SecondSchedule(Small):
    def build(self, hp):
        model = Pair(0.01, "an attribute")
        model.second_optimizer = Schedule().optimizer(hp)
        model.second_optimizer.build(model.two.trainable_variables)
        return model


class NotBuilt(Small):
    def compile(self, hp, model):
        model.compile("sgd", "mse")


class NotCompiled(Small):
    def compile(self, hp, model):
        pass


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "wrong",
    [Schedule, Callable, SecondSchedule, NotBuilt, NotCompiled],
)
def test_an_optimizer_that_cannot_be_copied_is_refused_at_once(wrong):
    with pytest.raises(ValueError, match="build must end with"):
        losses(traced_once(wrong)(), RATES[:1])


class CompilesInFit(Small):
    def fit(self, hp, model, x, y):
        model.compile(self.optimizer(hp), "mse")
        return super().fit(hp, model, x, y)


class FineTunes(Small):
    """Layers that it makes trainable would still be, a trial later."""

    def compile(self, hp, model):
        self.optimizer_ = self.optimizer(hp)
        self.optimizer_.build(model.trainable_variables)
        model.layers[0].trainable = False
        model.compile(self.optimizer_, "mse")

    def fit(self, hp, model, x, y):
        super().fit(hp, model, x, y)
        model.layers[0].trainable = True
        model.compile(model.optimizer, "mse")
        return super().fit(hp, model, x, y)


class ChangesWeightDecay(Small):
    def optimizer(self, hp):
        return keras.optimizers.AdamW(0.1, weight_decay=0.1)

    def fit(self, hp, model, x, y):
        model.optimizer.weight_decay = 0.2
        return super().fit(hp, model, x, y)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "wrong",
    [CompilesInFit, FineTunes, ChangesWeightDecay]
    + [pair("nowhere, not built")],
)
def test_a_fit_that_changes_more_than_variables_is_refused_at_once(
    wrong,
):
    traced = traced_once(wrong)()
    with pytest.raises(ValueError, match="fit must not"):
        losses(traced, RATES[:1])
    assert not traced.traced


class Adapted(Small):
    def layers(self, hp):
        return [keras.layers.Normalization(name="scale"), Dense(1)]

    def fit(self, hp, model, x, y):
        model.get_layer("scale").adapt(x)
        return super().fit(hp, model, x, y)


def Dense(units):
    return keras.layers.Dense(units)


class Binned(Adapted):
    def layers(self, hp):
        bins = keras.layers.Discretization(num_bins=4, name="scale")
        return [bins, keras.layers.Embedding(5, 1), *end()]


def end():
    return [keras.layers.Flatten(), keras.layers.Dense(1)]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("hypermodel_class", [Adapted, Binned])
def test_layers_that_fit_adapts_must_be_given_the_same_data(
    hypermodel_class,
):
    traced = assert_alike(hypermodel_class)
    hp = kt.HyperParameters()
    hp.values = {"learning_rate": 0.01}
    with pytest.raises(ValueError, match="adapted a layer to other"):
        traced.train(hp, traced.build(hp), 5 * X + 3, Y)
    np.testing.assert_allclose(  # nor does the next trial suffer
        losses(traced), losses(hypermodel_class()), rtol=1e-4
    )


@pytest.mark.usefixtures("eager")
def test_a_vocabulary_that_fit_adapts_must_be_the_same():
    class Words(Small):
        def build(self, hp):
            inputs = keras.Input((1,), dtype="string")
            words = keras.layers.StringLookup(name="words")(inputs)
            vectors = keras.layers.Embedding(5, 3)(words)
            model = keras.Model(inputs, keras.layers.Flatten()(vectors))
            self.compile(hp, model)
            return model

        def fit(self, hp, model, x, y):
            model.get_layer("words").adapt(x)
            return super().fit(hp, model, x, y)

    texts = np.array([["a"], ["b"], ["b"], ["c"]] * 8, dtype=object)
    given = {"x": tf.constant(texts), "y": X}
    traced = assert_alike(Words, **given)
    given["x"] = tf.constant(np.where(texts == "b", "z", texts))
    with pytest.raises(ValueError, match="adapted a layer to other"):
        losses(traced, RATES[:1], **given)


@pytest.mark.usefixtures("eager")
def test_folds_are_not_scaled_like_the_first():
    """A regressor adapts in fit; folds have other rows each."""
    traced, hp = traced_once(Regressor)(3), kt.HyperParameters()
    traced.fit(hp, traced.build(hp), X[:16], Y[:16], verbose=0)
    with pytest.raises(ValueError, match="adapted a layer to other"):
        traced.fit(hp, traced.build(hp), X[16:], Y[16:], verbose=0)


@pytest.mark.parametrize(
    "wrong", [kt.RandomSearch, ImageClassifier(), 1]
)
def test_what_is_no_hypermodel_class_is_refused(wrong):
    with pytest.raises(ValueError, match="subclass of kt.HyperModel"):
        traced_once(wrong)
