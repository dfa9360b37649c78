"""A search that trains many small models as one."""

import functools
import inspect
import json
import os
import sys
import warnings

import keras
import keras_tuner as kt
import numpy as np
import tensorflow as tf

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner
FIT = inspect.signature(keras.Model.fit)
DATA = "x", "y", "validation_data", "sample_weight"
PLAIN = "batch_size", "validation_batch_size", "validation_split"
PLAIN += "shuffle", "epochs", "initial_epoch"
OPTIMIZERS = "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Lion"
OPTIMIZERS = {getattr(keras.optimizers, name) for name in OPTIMIZERS}
OWN = "learning_rate", "weight_decay", "name"  # of an optimizer
REFUSED = "clipnorm", "global_clipnorm", "clipvalue", "use_ema"
REFUSED += "loss_scale_factor", "gradient_accumulation_steps"


def trained_together(tuner_class, at_most=32):
    """Return the tuner class, made to train its trials side by side.

    Use what is returned like `tuner_class`, any class that trains Keras
    models: `trained_together(kt.RandomSearch)(build_model, ...)`.

    Up to `at_most` trials are asked for at once. Those whose models
    differ only in first weights, learning rate (a schedule's numbers
    too), weight decay, dropout rates and strengths of L1 and L2 are
    trained as one, on the same batches; the others alone, as ever. Each
    has its own score, checkpoint and place in the oracle. Callbacks are
    called at epochs; a trial that one stops keeps what it had. After a
    kill the trials that ran are trained again, together. What can't be
    trained so at all is trained alone, with a warning that says why:
    layers, losses and functions that aren't Keras's own, constraints,
    clipped gradients, data that are no arrays or dataset.

    `HyperModel.fit` runs twice, up to its first `model.fit` the first
    time. What callbacks do to weights is lost.

    Raises ValueError if `tuner_class` is no tuner class, if `at_most`
    is no integer from 1, for several executions per trial, a limit of
    the model's size or a distribution strategy, with `renewed`, without
    TensorFlow and in parallel workers.

    Source: https://www.tensorflow.org/api_docs/python/tf/vectorized_map
    """
    if type(at_most) is not int or at_most < 1:
        raise ValueError(f"at_most: an integer from 1, not {at_most!r}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError("trained_together needs Keras on TensorFlow")
    if "KERASTUNER_ORACLE_IP" in os.environ:
        raise ValueError("trained_together can't run parallel workers")

    class TrainedTogether(tuner_class):
        tools = _check(tuner_class, "trained_together")

        def __init__(self, *args, **kwargs):
            self.__caught, self.__ended = None, {}
            super().__init__(*args, **kwargs)
            usual = {"executions_per_trial": 1, "max_model_size": None}
            usual["distribution_strategy"] = None
            for name, value in usual.items():
                if getattr(self, name, value) != value:
                    raise ValueError(f"trained_together: no {name}")
            if (
                "renewed" in self.tools
            ):  # what was trained ahead is lost
                raise ValueError("trained_together: not with renewed")
            self.__id = self.tuner_id

        def pre_create_trial(self):
            super().pre_create_trial()
            order, running = self.oracle.start_order, {}
            for name, trial in self.oracle.ongoing_trials.items():
                running[order.index(trial.trial_id)] = name
            # Asked under that name, the oracle gives that trial again.
            first = running[min(running)] if running else self.__id
            self.tuner_id = first

        def on_trial_begin(self, trial):
            self.tuner_id = self.__id
            super().on_trial_begin(trial)

        def run_trial(self, trial, *args, **kwargs):
            if trial.trial_id not in self.__ended:
                self.__train_beside(trial, args, kwargs)
            known = self.__ended.get(trial.trial_id, ())
            if "error" in known:
                raise self.__ended.pop(trial.trial_id)["error"]
            if "result" in known:
                return self.__ended.pop(trial.trial_id)["result"]
            return super().run_trial(trial, *args, **kwargs)

        def __train_beside(self, trial, args, kwargs):
            stacks = {}
            for n in range(at_most):
                if n:
                    name = f"{self.__id}-{n}"
                    trial = self.oracle.create_trial(name)
                    if trial.status != "RUNNING":
                        break
                fit = self.__catch(trial, args, kwargs)
                self.oracle.update_space(trial.hyperparameters)
                if "result" in fit:  # it never called model.fit
                    self.__ended[trial.trial_id] = fit
                    warnings.warn(
                        "trained alone: model.fit was not called",
                        stacklevel=3,
                    )
                    break
                if "error" in fit:
                    self.__ended[trial.trial_id] = fit
                    if not n:  # nothing waits for it
                        break
                elif shape := _shape(fit):
                    stack = stacks.setdefault(shape, {})
                    stack[trial.trial_id] = fit
            for stack in stacks.values():
                models = {id(fit["self"]) for fit in stack.values()}
                if len(models) < max(2, len(stack)):  # one serves all
                    continue
                fits, ends = list(stack.values()), []
                try:
                    ends = _fit_together(fits, self.oracle.objective)
                except Exception as error:
                    warnings.warn(
                        f"trained alone: {error}", stacklevel=3
                    )
                self.__ended |= zip(stack, ends, strict=False)

        def __catch(self, trial, args, kwargs):
            """Return what a trial would fit, its result or error."""
            self.__caught = {}
            try:
                result = super().run_trial(trial, *args, **kwargs)
                return {"result": result}
            except _Caught:
                return self.__caught
            except kt.errors.FatalError:
                raise
            except Exception as error:
                return {"error": error}  # raised in its turn
            finally:
                self.__caught = None

        def _build_and_fit_model(self, trial, *args, **kwargs):
            caught = self.__caught
            if caught is not None:
                keras.backend.clear_session(free_memory=False)
                model = self._build_hypermodel(trial.hyperparameters)

                def fit(*args, **kwargs):
                    vars(model).pop("fit")
                    bound = FIT.bind(model, *args, **kwargs)
                    caught.update(bound.arguments)
                    raise _Caught

                model.fit = fit
                return self.__fitted(trial, model, args, kwargs)
            if trial.trial_id not in self.__ended:
                return super()._build_and_fit_model(
                    trial, *args, **kwargs
                )
            model, history, epoch, best = self.__ended.pop(
                trial.trial_id
            )
            if epoch is not None:  # as it is where all is NaN
                last = [v.numpy() for v in _everything(model)]
                _assign(model, best)
                checkpoint = kwargs["callbacks"][-1]  # Keras Tuner's
                checkpoint.set_model(model)
                now = history.epoch.index(epoch)
                logs = history.history.items()
                logs = {name: values[now] for name, values in logs}
                checkpoint.on_epoch_end(epoch, logs)
                _assign(model, last)

            def answered(*args, **kwargs):
                vars(model).pop("fit")  # a second call trains
                return history

            model.fit = answered
            return self.__fitted(trial, model, args, kwargs)

        def __fitted(self, trial, model, args, kwargs):
            hp = trial.hyperparameters
            result = self.hypermodel.fit(hp, model, *args, **kwargs)
            path = self._get_build_config_fname(trial.trial_id)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(model.get_build_config(), file)
            return result

    return TrainedTogether


def _fit_together(fits, objective=None):
    """Train Keras models of one shape as one, on the same batches.

    `fits` has a dictionary for each: what `Model.fit` would be given,
    the model under "self". All but models and callbacks is taken from
    the first. `objective` is a kt.Objective.

    Returns a tuple for each: the model, with the weights it ends with;
    its History; the epoch with the best value of `objective` (without
    one, the last); and the values that its variables had then.

    Raises ValueError if the models' variables differ in shape.

    Source: https://www.tensorflow.org/api_docs/python/tf/vectorized_map
    """
    given = fits[0]
    train, validation, steps = _batches(given)
    epochs = range(
        given.get("initial_epoch", 0), given.get("epochs", 1)
    )
    stack = _Stack(
        [fit["self"] for fit in fits], train, steps * len(epochs)
    )
    runs = [_Run(fit, epochs, steps) for fit in fits]
    for epoch in epochs:
        live = [n for n, run in enumerate(runs) if run.lives]
        for n in live:
            runs[n].calls.on_epoch_begin(epoch)
            stack.follow(n, runs[n].model.optimizer)
        logs = stack.epoch(train, stack.train)
        if validation:
            checked = stack.epoch(validation, stack.test)
            logs |= {f"val_{name}": v for name, v in checked.items()}
        for n in live:
            run = runs[n]
            now = {
                name: float(value[n]) for name, value in logs.items()
            }
            run.lives = epoch < epochs[-1]
            if run.looks or not run.lives:
                stack.give(n, run.model)
            run.calls.on_epoch_end(epoch, now)
            if run.model.stop_training and run.lives:
                stack.give(n, run.model)
                run.lives = False
            if run.improves(now, objective):
                run.best = epoch
            if not run.lives:
                run.calls.on_train_end(now)
        stack.keep([run.best == epoch for run in runs])
        if not any(run.lives for run in runs):
            break
    kept = [
        [value[n] for value in stack.kept] for n in range(len(runs))
    ]
    return [
        (run.model, run.history, run.best, values)
        for run, values in zip(runs, kept, strict=True)
    ]


class _Caught(BaseException):
    """Raised in place of training, for no one to swallow."""


class _Run:
    """What one model's callbacks and history see."""

    def __init__(self, fit, epochs, steps):
        given = fit.get("callbacks") or []
        given = [
            c for c in given if type(c).__name__ != "SaveBestEpoch"
        ]
        self.looks = any(
            type(c).__name__ != "TunerCallback" for c in given
        )
        self.model, self.history = (
            fit["self"],
            keras.callbacks.History(),
        )
        self.calls = keras.callbacks.CallbackList(
            [*given, self.history],
            model=self.model,
            epochs=epochs.stop,
            steps=steps,
            verbose=0,
        )
        self.lives, self.best, self.value = True, None, None
        self.model.stop_training = False
        self.calls.on_train_begin()

    def improves(self, logs, objective):
        if objective is None or not objective.has_value(logs):
            return True
        value = objective.get_value(logs)
        worst = np.inf if objective.direction == "min" else -np.inf
        before = worst if self.value is None else self.value
        if better := objective.better_than(value, before):
            self.value = value
        return better


class _Stack:
    """Models of one shape, with a leading axis for the model."""

    def __init__(self, models, batches, steps):
        self.model, self.size = models[0], len(models)
        batch = next(batches())
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        # This makes the metrics, and changes nothing.
        out = self.model(x, training=False)
        self.model.compute_loss(x, y, out, weight, training=False)
        self.model.compute_metrics(x, y, out, weight)
        counts = self.model.metrics_variables
        self.own = _variables(self.model) + counts
        self.state = _stacked([_variables(model) for model in models])
        self.weights = [v for v in self.state if v.trainable]
        self.counts = _stacked([counts] * self.size)
        numbers = [[getattr(*at) for at in _numbers(m)] for m in models]
        self.numbers = [
            np.float32(n) for n in zip(*numbers, strict=True)
        ]
        configs = [model.optimizer.get_config() for model in models]
        self.decay = np.float32(
            [c["weight_decay"] or 0 for c in configs]
        )
        self.optimizer = type(self.model.optimizer).from_config(
            configs[0] | {"learning_rate": 1.0, "weight_decay": 0.0}
        )
        self.optimizer.build(self.weights)
        self.slots, self.done = _slots(self.optimizer), 0
        if self.model.optimizer.built:  # it may have been trained
            self.done = int(self.model.optimizer.iterations)
            before = _stacked([_slots(m.optimizer) for m in models])
            for slot, values in zip(self.slots, before, strict=True):
                slot.assign(values)
            self.optimizer.iterations.assign(self.done)
        self.kept = [v.numpy() for v in self.state + self.slots]
        self.kept.append(np.zeros(self.size, int))
        planned = [
            _planned(c["learning_rate"], self.done, steps)
            for c in configs
        ]
        self.rates, self.step = np.float32(planned), 0
        # XLA takes a second to fuse them: where that is won back.
        size = sum(
            int(tf.size(weight.value)) for weight in self.weights
        )
        fused = sys.platform == "linux" and steps * size > 1e8
        self.update = tf.function(self.update, jit_compile=fused)
        spec = keras.tree.map_structure(_any_rows, batch)
        rate = tf.TensorSpec([self.size])
        self._train = tf.function(self._train, [spec, rate])
        self.tested = None
        self.results = tf.function(self.results)

    def train(self, batch):
        rate = self.rates[:, min(self.step, self.rates.shape[1] - 1)]
        self._train(batch, rate)
        self.step += 1

    def test(self, batch):
        if self.tested is None:
            spec = keras.tree.map_structure(_any_rows, batch)
            self.tested = tf.function(self.run, [spec])
        self.tested(batch)

    def follow(self, n, optimizer):
        """Take over a learning rate that a callback may have set."""
        if self.rates.shape[1] == 1:
            self.rates[n] = optimizer.learning_rate.numpy()

    def epoch(self, batches, step):
        """Return what an epoch logs: for each name an array."""
        for count in self.counts:
            count.assign(tf.zeros_like(count.value))
        for batch in batches():
            step(batch)
        return {n: v.numpy() for n, v in self.results().items()}

    def give(self, n, model):
        """Write its weights into the n-th model."""
        values = [v.value[n] for v in self.state + self.slots]
        _assign(model, [*values, self.done + self.step])

    def keep(self, better):
        """Note the present weights of those that are better."""
        now = [v.numpy() for v in self.state + self.slots]
        now.append(np.full(self.size, self.done + self.step))
        for old, new in zip(self.kept, now, strict=True):
            old[better] = new[better]

    def _train(self, batch, rate):
        weights = [weight.value for weight in self.weights]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.run(batch, True))
        self.update(tape.gradient(loss, weights), rate)

    def update(self, gradients, rate):
        def wide(values, like):
            return tf.reshape(
                values, [-1] + [1] * (len(like.shape) - 1)
            )

        for weight, gradient in zip(
            self.weights, gradients, strict=True
        ):
            step = wide(rate, weight)
            if self.decay.any():
                lost = step * wide(self.decay, weight)
                weight.assign_sub(weight.value * lost)
            self.optimizer.update_step(gradient, weight, step)
        self.optimizer.iterations.assign_add(1)

    def run(self, batch, training=False):
        """Return each model's loss; update all but the weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        model, owners = self.model, list(_numbers(self.model))
        usual = [getattr(*at) for at in owners]

        def one(values, numbers, x):
            for at, number in zip(owners, numbers, strict=True):
                setattr(*at, number)
                if at[1] == "rate":
                    at[0].call = _dropped(at[0], number)
            scope = keras.StatelessScope(
                [*zip(self.own, values, strict=True)],
                collect_losses=True,  # of activities
            )
            try:
                with scope:
                    out = model(x, training=training)
                    loss = model.compute_loss(
                        x, y, out, weight, training=training
                    )
                    rows = tf.shape(keras.tree.flatten(x)[0])[0]
                    model.metrics[0].update_state(loss, rows)
                    model.compute_metrics(x, y, out, weight)
            finally:  # a regularizer may be shared with other models
                for at, number in zip(owners, usual, strict=True):
                    setattr(*at, number)
                    vars(at[0]).pop("call", None)
            now = map(scope.get_current_value, self.own)
            return loss, [tf.convert_to_tensor(value) for value in now]

        # Many matrices by many are faster than one by many.
        x = keras.tree.map_structure(
            lambda t: tf.repeat(t[None], self.size, 0), x
        )
        kept = self.state + self.counts
        values = [tf.convert_to_tensor(v.value) for v in kept]
        losses, now = tf.vectorized_map(
            lambda each: one(*each),
            (values, self.numbers, x),
            warn=False,
        )
        for variable, value in zip(kept, now, strict=True):
            if not variable.trainable:
                variable.assign(value)
        return losses

    def results(self):
        def one(values):
            own = self.model.metrics_variables
            with keras.StatelessScope([*zip(own, values, strict=True)]):
                return self.model.get_metrics_result()

        values = [tf.convert_to_tensor(v.value) for v in self.counts]
        return tf.vectorized_map(one, values)


def _dropped(layer, rate):
    """Return what Dropout does, for a rate that is a tensor."""

    def call(inputs, training=False):
        if not training:
            return inputs
        seed, shape = layer.seed_generator, tf.shape(inputs)
        kept = keras.random.uniform(shape, seed=seed) >= rate
        return tf.where(kept, inputs / (1 - rate), 0)

    return call


def _variables(model):
    return model.trainable_variables + model.non_trainable_variables


def _slots(optimizer):
    """Return what an optimizer keeps for each weight."""
    return [v for v in optimizer.variables if len(v.shape)]


def _everything(model):
    """Return what checkpoints hold, a built optimizer included."""
    slots = [*_slots(model.optimizer), model.optimizer.iterations]
    return _variables(model) + slots * model.optimizer.built


def _assign(model, values):
    for variable, value in zip(
        _everything(model), values, strict=False
    ):
        variable.assign(value)


def _stacked(each):
    """Return variables with a leading axis, given each model's."""
    return [
        keras.Variable(
            np.stack([v.numpy() for v in same]),
            trainable=same[0].trainable,
            dtype=same[0].dtype,
        )
        for same in zip(*each, strict=True)
    ]


def _any_rows(tensor):
    return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)


def _planned(rate, done, steps):
    """Return the learning rate of each step, or one for all."""
    if not isinstance(rate, dict):
        return [rate]
    schedule = keras.optimizers.schedules.deserialize(rate)
    return [float(schedule(done + step)) for step in range(steps)]


def _numbers(model):
    """Yield the attributes that may differ in models of one shape."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _numbers(layer)
        plain = type(layer) is keras.layers.Dropout
        if plain and layer.noise_shape is None:
            yield layer, "rate"
        for name in (
            "kernel_regularizer",
            "bias_regularizer",
            "activity_regularizer",
        ):
            owner = getattr(layer, name, None)
            if type(owner) is keras.regularizers.L2:
                yield owner, "l2"
            if type(owner) is keras.regularizers.L1:
                yield owner, "l1"


def _batches(given):
    """Return functions that give batches of an epoch, and how many."""
    data = [given.get(n) for n in ("x", "y", "sample_weight")]
    checked = given.get("validation_data")
    size = given.get("batch_size") or 32
    if share := given.get("validation_split"):
        rows = int(len(keras.tree.flatten(data)[0]) * (1 - share))
        checked = [
            d if d is None else _cut(d, rows, None) for d in data
        ]
        data = [d if d is None else _cut(d, 0, rows) for d in data]
    train, steps = _in_batches(data, size, given.get("shuffle", True))
    if checked is not None:
        if isinstance(checked, tf.data.Dataset):
            checked = [checked]
        size = given.get("validation_batch_size") or size
        checked, _ = _in_batches(checked, size, False)
    return train, checked, steps


def _cut(data, first, last):
    return keras.tree.map_structure(lambda d: d[first:last], data)


def _in_batches(data, size, shuffle):
    if isinstance(data[0], tf.data.Dataset):
        steps = int(data[0].cardinality())
        steps = steps if steps >= 0 else sum(1 for _ in data[0])
        return lambda: iter(data[0]), steps

    def tensor(values):
        values = tf.convert_to_tensor(np.asarray(values))
        floats = values.dtype.is_floating
        return tf.cast(values, "float32") if floats else values

    data = keras.utils.pack_x_y_sample_weight(*data)
    data = keras.tree.map_structure(tensor, data)
    rows = len(keras.tree.flatten(data)[0])

    def batches():
        order = np.arange(rows)
        if shuffle:
            np.random.shuffle(order)
        for first in range(0, rows, size):
            take = functools.partial(
                tf.gather, indices=order[first : first + size]
            )
            yield keras.tree.map_structure(take, data)

    return batches, -(-rows // size)


def _foreign(config):
    """Yield what a configuration names that isn't Keras's own.

    Two functions of one name may differ in what they close over.
    """
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        other = config.get("registered_name") or name == "__lambda__"
        if other and str(module).split(".")[0] != "keras":
            inner = config.get("config")
            yield inner if isinstance(inner, str) else name
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _foreign(each)


_flat = keras.tree.flatten


def _shape(fit):
    """Return what models trained as one share; None, with a warning."""
    model, optimizer = fit["self"], fit["self"].optimizer
    config, owners = optimizer.get_config(), list(_numbers(model))
    data = [fit.get(name) for name in DATA]
    known = [d is None or hasattr(d, "__array__") for d in _flat(data)]
    if isinstance(data[0], tf.data.Dataset):
        known = [True]
    no = [
        name
        for name, value in fit.items()
        if name in FIT.parameters
        and name not in ("self", "callbacks", "verbose", *DATA, *PLAIN)
        and value != FIT.parameters[name].default
    ]
    no += [name for name in REFUSED if config.get(name)]
    no += ["its data"] * (not all(known))
    kinds = type(model).__name__, type(optimizer).__name__
    no += [kinds[0]] * (kinds[0] not in ("Sequential", "Functional"))
    no += [kinds[1]] * (type(optimizer) not in OPTIMIZERS)
    if hasattr(optimizer, "_exclude_from_weight_decay"):
        no.append("exclude_from_weight_decay")
    if any(v.constraint for v in model.trainable_variables):
        no.append("a constraint")
    numbers = [getattr(*at) for at in owners]
    for at in owners:
        setattr(*at, 0.5)
    try:
        parts = [model.get_config(), model.get_compile_config(), kinds]
        no += sorted(set(_foreign(parts)))
    except Exception as error:  # of a layer without get_config
        no.append(str(error).partition("\n")[0])
    for at, number in zip(owners, numbers, strict=True):
        setattr(*at, number)
    if no:
        text = f"trained alone: {', '.join(no)} can't be shared"
        return warnings.warn(text, stacklevel=2)
    scheduled = isinstance(config["learning_rate"], dict)
    own = {name: None for name in OWN}
    parts[1]["optimizer"] = config | own | {"scheduled": scheduled}
    parts += [[list(v.shape) for v in model.variables]]
    parts += [int(optimizer.iterations), optimizer.built]
    parts += [{n: fit[n] for n in PLAIN if n in fit}]
    parts += [[id(d) for d in _flat(data)]]
    parts += [
        [v.numpy().tolist() for v in layer.variables]
        for layer in model.layers
        if hasattr(layer, "adapt")  # to data of its own
    ]
    return json.dumps(parts, default=repr, sort_keys=True)


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
