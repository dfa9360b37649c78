"""A search that trains many small models as one."""

import inspect
import json
import os
import sys
import warnings
from collections import Counter
from functools import partial
from pathlib import Path

import h5py
import keras
import keras_tuner as kt
import numpy as np
import tensorflow as tf

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner
FIT = inspect.signature(keras.Model.fit)
DATA = "x", "y", "validation_data", "sample_weight"
PLAIN = "batch_size", "validation_batch_size", "validation_split"
PLAIN += ("shuffle",)
SPAN = "initial_epoch", "epochs"  # may differ in a stack
USUAL = {name: each.default for name, each in FIT.parameters.items()}
for known in ("self", "callbacks", "verbose", *DATA, *PLAIN, *SPAN):
    USUAL.pop(known)
OPTIMIZERS = "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Lion"
OPTIMIZERS = {getattr(keras.optimizers, name) for name in OPTIMIZERS}
WITHIN = dir(keras.callbacks.Callback)  # an epoch
WITHIN = [name for name in WITHIN if "batch" in name or "test" in name]
OFTEN = "save_freq", "update_freq"
OWN = "learning_rate", "weight_decay", "name"  # of an optimizer
REFUSED = "clipnorm", "global_clipnorm", "clipvalue", "use_ema"
REFUSED += "loss_scale_factor", "gradient_accumulation_steps"
# XLA draws other dropout, and is slower with convolutions.
DENSE = "InputLayer", "Flatten", "Dense", "Activation", "Rescaling"
DENSE = {*DENSE, "BatchNormalization", "Normalization"}
BY_ROW = {"mse", "mean_squared_error", "mae", "mean_absolute_error"}
BY_ROW |= {"sparse_categorical_crossentropy", "binary_crossentropy"}
BY_ROW |= {"categorical_crossentropy", "accuracy", "None"}
COMPILES = 0.4  # seconds that XLA takes for a variable
WIDTHS = 4, 16  # it trains at once: few, for each is compiled
# Since 3.12 metrics heed a mask that comes without weights.
MASKS = [*map(int, keras.__version__.split(".")[:2])] >= [3, 12]
_flat, _mapped = keras.tree.flatten, keras.tree.map_structure

try:  # Else TensorFlow loops over the models for an accuracy.
    from tensorflow.python.ops.parallel_for import pfor

    @pfor.RegisterPFor("Bitcast")
    def _bitcast(given):
        kind = given.get_attr("type")
        return pfor.wrap(tf.bitcast(given.stacked_input(0), kind))

except (ImportError, AttributeError, AssertionError):  # known
    pass


def trained_together(tuner_class, at_most=32):
    """Return the tuner class, made to train its trials side by side.

    Use what is returned like `tuner_class`, any class that trains Keras
    models: `trained_together(kt.RandomSearch)(build_model, ...)`.

    Up to `at_most` trials are asked for at once. Those whose models
    differ only in first weights, learning rate (a schedule's numbers
    too), weight decay, dropout rates, strengths of L1 and L2 and epochs
    are trained as one, on the same batches; the others alone, as ever,
    but for a shape that was trained so before. Each has its own score,
    checkpoint and place in the oracle. Callbacks are called at epochs;
    a trial that one stops keeps what it had. After a kill the trials
    that ran are trained again, together. What can't be trained so at
    all is trained alone, with a warning that says why: layers, losses
    and functions that aren't Keras's own, constraints, clipped
    gradients, convolutions in groups, Embedding under an optimizer that
    squares gradients, a recurrent layer behind one that learns, without
    unroll=True, callbacks within epochs, data that are no arrays or
    dataset.

    `HyperModel.fit` runs twice, up to its first `model.fit` the first
    time. What callbacks do to weights is lost. Of an optimizer that the
    model's `build` has not built no state is saved.

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
            self.__caught, self.__ended, self.__traces = None, {}, {}
            super().__init__(*args, **kwargs)
            usual = {"executions_per_trial": 1, "max_model_size": None}
            usual["distribution_strategy"] = None
            for name, value in usual.items():
                if getattr(self, name, value) != value:
                    raise ValueError(f"trained_together: no {name}")
            if "renewed" in self.tools:  # loses what is trained ahead
                raise ValueError("trained_together: not with renewed")
            self.__id = self.tuner_id

        def pre_create_trial(self):
            super().pre_create_trial()
            order, run = self.oracle.start_order, {}
            for name, trial in self.oracle.ongoing_trials.items():
                run[order.index(trial.trial_id)] = name
            # Asked under that name, the oracle gives that trial again.
            self.tuner_id = run[min(run)] if run else self.__id

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
            stacks, objective = {}, self.oracle.objective
            keras.backend.clear_session(free_memory=False)
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
                    text = "trained alone: model.fit was not called"
                    warnings.warn(text, stacklevel=3)
                    break
                if "error" in fit:
                    self.__ended[trial.trial_id] = fit
                    if not n:  # nothing waits for it
                        break
                elif shape := _shape(fit):
                    stacks.setdefault(shape, {})[trial.trial_id] = fit
            for (shape, _), stack in stacks.items():
                fits, ends = list(stack.values()), []
                models = [fit["self"] for fit in fits]
                trace = self.__traces.get(shape)
                alone = len(fits) < 2 and trace is None
                if alone or len(set(map(id, models))) < len(models):
                    continue  # one may serve all
                try:
                    trace = trace or _Trace(models[0])
                    ends = _fit_together(fits, objective, trace)
                    ends = [(*end, trace) for end in ends]
                    self.__traces[shape] = trace
                    if len(self.__traces) > at_most:  # memory
                        self.__traces.pop(next(iter(self.__traces)))
                except Exception as error:
                    said = str(error)
                    if isinstance(error, tf.errors.OpError):
                        said = said.partition("\n\t")[0]
                        said = said.split("\n")[-1]  # its cause
                    if "'variant'" in said:  # gradients for a loop
                        said = "a recurrent layer behind one that "
                        said += "learns needs unroll=True"
                    text = f"trained alone: {said}"
                    warnings.warn(text, stacklevel=3)
                ends = zip(ends, fits, strict=False)
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
                _clear_session()
                model = self._build_hypermodel(trial.hyperparameters)

                def fit(*args, **kwargs):
                    vars(model).pop("fit")
                    bound = FIT.bind(model, *args, **kwargs)
                    caught.update(bound.arguments)
                    raise _Caught

                model.fit = fit
                return self.__fitted(trial, model, args, kwargs)
            if trial.trial_id not in self.__ended:
                fitted = super()._build_and_fit_model
                return fitted(trial, *args, **kwargs)
            ended, fit = self.__ended.pop(trial.trial_id)
            model, history, epoch, best, trace = ended
            last = [(v, v.numpy()) for v, _ in best]
            if epoch is not None:  # as it is where all is NaN
                model.save_weights = partial(trace.save, model, best)
                checkpoint = kwargs["callbacks"][-1]  # Keras Tuner's
                checkpoint.set_model(model)
                now = history.epoch.index(epoch)
                logs = {n: v[now] for n, v in history.history.items()}
                checkpoint.on_epoch_end(epoch, logs)
                vars(model).pop("save_weights")

            def answered(*args, **kwargs):
                vars(model).pop("fit")  # a second call trains
                _assign(last)  # over what was set before fit
                given = FIT.bind(model, *args, **kwargs).arguments
                calls = [g.get("callbacks") or () for g in (given, fit)]
                for new, old in zip(*calls, strict=False):
                    if type(old).__module__[:11] != "keras_tuner":
                        vars(new).update(vars(old))  # what it saw
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


def _fit_together(fits, objective=None, trace=None):
    """Train Keras models of one shape as one, on the same batches.

    `fits` has a dictionary for each: what `Model.fit` would be given,
    the model under "self". Data, batch sizes and what else is given but
    callbacks and epochs is the first's.
    `objective` is a kt.Objective, `trace` a _Trace of this shape.

    Returns a tuple for each: the model, with the weights it ends with;
    its History; the epoch with the best value of `objective` (without
    one, the last); and its variables, each with its value then.
    """
    given = fits[0]
    train, validation, steps = _batches(given)
    models = [fit["self"] for fit in fits]
    trace = trace or _Trace(models[0])
    runs = [_Run(fit, steps) for fit in fits]
    planned = [steps * len(run.epochs) for run in runs]
    stack = _Stack(models, trace, train, planned)
    while live := [n for n, run in enumerate(runs) if run.lives]:
        for n in live:
            runs[n].calls.on_epoch_begin(runs[n].epoch)
            stack.follow(n, runs[n].model.optimizer)
        stack.drop_all_but(live)
        logs = stack.epoch(train, True)
        if validation:
            checked = stack.epoch(validation, False)
            logs |= {f"val_{name}": v for name, v in checked.items()}
        better = []
        for n in live:
            run = runs[n]
            now = {name: float(v[n]) for name, v in logs.items()}
            run.lives = run.epoch < run.epochs[-1]
            if run.looks or not run.lives:
                stack.give(n, run.model)
            run.calls.on_epoch_end(run.epoch, now)
            # A callback may have added the objective.
            now = {n: v[-1] for n, v in run.history.history.items()}
            if run.model.stop_training and run.lives:
                stack.give(n, run.model)
                run.lives = False
            if run.improves(now, objective):
                run.best = run.epoch
                better.append(n)
            if not run.lives:
                run.calls.on_train_end(now)
            run.epoch += 1
        stack.keep(better)
    return [
        (run.model, run.history, run.best, stack.best(n, run.model))
        for n, run in enumerate(runs)
    ]


def _clear_session():
    """Clear Keras's state; new kernels are half of a build."""
    try:
        from keras.src.backend.common import global_state

        vars(global_state.GLOBAL_STATE_TRACKER).clear()
    except (ImportError, AttributeError):  # of another Keras
        keras.backend.clear_session(free_memory=False)


class _Caught(BaseException):
    """Raised in place of training, for no one to swallow."""


class _Run:
    """What one model's callbacks and history see."""

    def __init__(self, fit, steps):
        first, end = fit.get("initial_epoch", 0), fit.get("epochs", 1)
        self.epochs = range(first, end)
        self.epoch, self.lives = self.epochs.start, bool(self.epochs)
        own = fit.get("callbacks") or []
        own = [c for c in own if type(c).__name__ != "SaveBestEpoch"]
        kinds = {type(c).__name__ for c in own}
        self.looks = bool(kinds - {"TunerCallback"})
        self.model = fit["self"]
        self.history = keras.callbacks.History()
        given = {"epochs": self.epochs.stop, "steps": steps}
        given["verbose"] = 0
        own, given["model"] = [*own, self.history], self.model
        self.calls = keras.callbacks.CallbackList(own, **given)
        self.best, self.value = None, None
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


class _Trace:
    """What trains models of one shape, however many: traced once.

    Tensors have a leading axis for the model; its weights are a row.
    """

    def __init__(self, model):
        self.known, self.lost, self.saved = {}, {}, {}
        weights = model.trainable_variables
        self.sizes = [int(np.prod(v.shape)) for v in weights]
        config = {"learning_rate": 1.0, "weight_decay": 0.0}
        config = model.optimizer.get_config() | config
        self.optimizer = type(model.optimizer).from_config(config)
        self.row = keras.Variable([0.0], name="row")  # stays so
        self.optimizer.build([self.row])
        self.slots = [v for v in self.optimizer.variables if v.ndim]

    def use(self, model, data, size):
        """Trace what is still to be traced with this model."""
        batch = _cut(data, 0, size)
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        # This makes the metrics, and changes nothing.
        out = model(x, training=False)
        model.compute_loss(x, y, out, weight, training=False)
        model.compute_metrics(x, y, out, weight)
        self.model, self.weights = model, model.trainable_variables
        self.others = model.non_trainable_variables
        self.counts = model.metrics_variables
        # Whether a mask can hide what fills up the last batch.
        batched = keras.layers.BatchNormalization
        kinds = {type(layer) for layer in model.layers}
        plain = MASKS and len(getattr(out, "shape", ())) == 2
        self.fills = plain and batched not in kinds and _by_row(model)

    def check(self, data):
        """Refuse labels as TensorFlow does, and XLA does not."""
        model, rows = self.model, len(_flat(data)[0])
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        out = model(_cut(x, 0, 1), training=False)
        out = _mapped(lambda o: tf.repeat(o, rows, 0), out)
        model.compute_loss(x, y, out, weight, training=False)

    def variables(self, model):
        """Return lists: weights, others, each slot's, the step."""
        every = model.optimizer.variables
        found = [model.trainable_variables]
        found += [model.non_trainable_variables]
        if model.optimizer.built:
            for kind in (slot.name[3:] for slot in self.slots):
                found += [[v for v in every if v.name.endswith(kind)]]
            found += [[model.optimizer.iterations]]
        return found

    def state(self, models):
        """Return the weights, other variables and slots of models."""
        weights, others, *slots = _mapped(
            lambda *same: np.stack([v.numpy() for v in same]),
            *map(self.variables, models),
        )
        size, kind = len(models), np.result_type(*weights)
        weights, *slots = _mapped(
            lambda v: v.reshape(size, -1).astype(kind),
            [weights, *slots[:-1]],
        )
        for slot in [] if slots else self.slots:
            slots += [[slot.numpy() + 0 * v for v in weights]]
        return weights, others, slots

    def pairs(self, model, state, n, done):
        """Return variables of a model, each with the n-th's value."""
        weights, others, slots = _mapped(lambda v: v[n], state)
        values = weights, others, *slots, [done]
        return [
            (v, np.asarray(value, v.dtype).reshape(v.shape))
            for each in zip(self.variables(model), values, strict=False)
            for v, value in zip(*each, strict=True)
        ]

    def save(self, model, pairs, path):
        """Write a checkpoint as Keras does, but walk one model only."""
        every = model.variables + model.optimizer.variables
        whole = len(every)
        if whole not in self.saved:
            self.saved[whole] = _numbered(model, every, path)
        parts, copied = self.saved[whole]
        if None in parts.values():
            _assign(pairs)
            return keras.Model.save_weights(model, path)
        values = {id(v): value for v, value in pairs}
        copied = bytearray(copied)
        for first, n in parts.items():
            value = values.get(id(every[n]), every[n])
            value = np.asarray(value, every[n].dtype).tobytes()
            copied[first : first + len(value)] = value
        Path(path).write_bytes(copied)

    def run(self, kind, *given):
        """Call `steps`, traced once for each kind and type of data."""
        given = _mapped(tf.convert_to_tensor, given)
        if kind not in self.known:
            self.known[kind] = tf.function(
                partial(self.steps, *kind),
                autograph=False,
                jit_compile=bool(kind[1]),
                reduce_retracing=True,  # once more for all other sizes
            )
        typed = kind, *((v.shape, v.dtype) for v in _flat(given))
        if typed not in self.known:  # a look is a tenth of a call
            steps = self.known[kind].get_concrete_function(*given)
            held = len(steps.captured_inputs) - 1  # the row
            if held > len(_fixed(self.model)):
                raise ValueError("variables that no layer has")
            self.known[typed] = steps
        return self.known[typed](*given)

    def steps(self, training, whole, fused, state, *given):
        """Return the state after all batches, and what is logged.

        XLA compiles it if `whole` is the size of all batches, not 0:
        `size` is then how many rows are no filling. If `fused` it
        compiles the update alone.
        """
        numbers, rates, decay, begun, done, data, size = given
        rows = tf.shape(_flat(data)[0])[0]
        many = decay.shape[0] or tf.shape(decay)[0]
        rates = tf.reshape(rates, [-1, many])
        units = [1, *self.weights[0].shape][-1]  # one of a scalar
        inputs = self.sizes[0] // units

        def step(first, done, parts, own):
            now = first if whole else slice(first, first + size)
            batch = _mapped(lambda d: d[now], data)
            batch = keras.utils.unpack_x_y_sample_weight(batch)
            weights = [*parts[0]]
            if whole:
                weights[0] = _swapped(weights[0], inputs, many, units)
            mask = None
            if whole and self.fills:
                mask = first * whole + tf.range(whole) < size
            one = partial(self.one, training, batch, mask)
            each = weights, own, numbers
            gradient, own = tf.vectorized_map(one, each, warn=False)
            if training:
                now = tf.minimum(done, tf.shape(rates)[0] - 1)
                rate, update = rates[now][:, None], self.update
                options = {"jit_compile": True, "autograph": False}
                if fused:
                    update = tf.function(update, **options)
                how = begun[:, None] + done, rate, rate * decay[:, None]
                how = [how] * len(gradient)
                if whole:
                    gradient[0] = _swapped(
                        gradient[0], many, inputs, units
                    )
                    how[0] = [tf.repeat(h, units) for h in how[0]]
                parts = map(update, how, gradient, *parts)
                parts = [*map(list, zip(*parts, strict=True))]
            more = 1 if whole else size
            return first + more, done + training, parts, own

        weights, own, slots = state
        parts = [[*part] for part in (weights, *slots)]
        for part in parts:
            if whole:  # one input is fastest times one wide matrix
                part[0] = _swapped(part[0], many, inputs, units)
            else:  # and few numbers in a row
                part[:] = [tf.concat(part, 1)]
        begin, more = (0, done, parts, own), lambda n, *_: n < rows
        *_, parts, own = tf.while_loop(more, step, begin)
        for part in parts:
            if whole:
                part[0] = _swapped(part[0], inputs, many, units)
            else:
                part[:] = tf.split(*part, self.sizes, 1)
        weights, *slots = parts
        logs = tf.vectorized_map(self.results, own)
        return (weights, own, slots), logs

    def one(self, training, batch, mask, given):
        """Return a gradient, and what changes beside weights."""
        weights, own, numbers = given
        x, y, weight = batch
        model, owners = self.model, list(_numbers(self.model))
        usual = [getattr(*at) for at in owners]
        beside = self.others + self.counts
        for at, number in zip(owners, numbers, strict=True):
            setattr(*at, number)
            if at[1] == "rate":
                at[0].call = _dropped(at[0], number)
        try:
            with tf.GradientTape() as tape:
                tape.watch(weights)
                parts = weights
                if len(parts) < len(self.sizes):
                    parts = tf.split(*parts, self.sizes)
                shapes = [v.shape for v in self.weights]
                own = [*map(tf.reshape, parts, shapes), *own]
                own = zip(self.weights + beside, own, strict=True)
                # It collects losses of activities.
                scope = keras.StatelessScope([*own], True)
                with scope:
                    out = model(x, training=training)
                    rows = tf.shape(_flat(x)[0])[0]
                    if mask is not None:  # Keras's means heed it
                        out._keras_mask = mask
                        rows = tf.math.count_nonzero(mask)
                    given = x, y, out, weight
                    loss = model.compute_loss(*given, training=training)
                    model.metrics[0].update_state(loss, rows)
                    model.compute_metrics(*given)
        finally:  # a regularizer may be shared with other models
            for at, number in zip(owners, usual, strict=True):
                setattr(*at, number)
                vars(at[0]).pop("call", None)
        own = [scope.get_current_value(v) for v in beside]
        own = [tf.convert_to_tensor(value) for value in own]
        return tape.gradient(loss, weights) if training else loss, own

    def update(self, how, gradient, row, *slots):
        """Return weights, a row a model, and slots after a step."""
        done, rate, decay = how
        row -= row * decay
        optimizer, scope = self.optimizer, keras.StatelessScope()

        # TensorFlow's own need variables, and here are tensors.
        optimizer.assign = assign = lambda *new: scope.add_update(new)
        optimizer.assign_add = lambda v, more: assign(v, v.value + more)
        optimizer.assign_sub = lambda v, less: assign(v, v.value - less)
        with scope:
            step = optimizer.iterations
            assign(step, tf.cast(done, step.dtype))
            for slot, value in zip(self.slots, slots, strict=True):
                assign(slot, value)
            optimizer.update_step(gradient, self.row, rate)
        row += scope.get_current_value(self.row)
        return row, *map(scope.get_current_value, self.slots)

    def results(self, own):
        own = zip(self.counts, own[len(self.others) :], strict=True)
        with keras.StatelessScope([*own]):
            return self.model.get_metrics_result()


def _swapped(values, *shape):
    """Return values of that shape, two axes swapped, as a matrix."""
    values = tf.transpose(tf.reshape(values, shape), [1, 0, 2])
    return tf.reshape(values, [shape[1], -1])


class _Stack:
    """Models of one shape, trained side by side."""

    def __init__(self, models, trace, batches, planned):
        self.trace, self.size = trace, len(models)
        data, size = next(batches())
        trace.use(models[0], data, size)
        numbers = [[getattr(*at) for at in _numbers(m)] for m in models]
        self.numbers = np.float32(numbers).T
        each = [model.optimizer.get_config() for model in models]
        self.decay = np.float32([e["weight_decay"] or 0 for e in each])
        begun = [int(model.optimizer.iterations) for model in models]
        self.begun, self.done, steps = np.int32(begun), 0, max(planned)
        rates = [config["learning_rate"] for config in each]
        rates = zip(rates, begun, strict=True)
        rates = [_planned(rate, done, steps) for rate, done in rates]
        self.rates = np.float32(rates).T
        self.state = trace.state(models)
        self.kept = _mapped(np.array, self.state)
        self.kept_at, self.rows = self.begun.copy(), range(self.size)
        self.width = 0  # of what XLA trains at once
        if len(_flat(data)[0]) > size and _dense(models[0]):
            lost = trace.lost.setdefault(size, Counter({0: np.inf}))
            self.width = _width(planned, trace.sizes, lost)
        if self.width:
            trace.check(data)
        # The update alone is compiled faster, for each size of stack.
        alike = min(planned) == steps and sys.platform == "linux"
        saved = 3e-9 * sum(planned) * sum(trace.sizes)  # seconds
        self.fused = alike and not self.width and saved > COMPILES

    def follow(self, n, optimizer):
        """Take over a learning rate that a callback may have set."""
        if len(self.rates) == 1:
            self.rates[0, n] = optimizer.learning_rate.numpy()

    def drop_all_but(self, live):
        """Train the others no longer, if that is worth its trace."""
        if self.width or 2 * len(live) <= len(self.rows):
            self.rows = live

    def epoch(self, batches, training):
        """Return what an epoch logs: for each name an array."""
        self.logs = {}
        self.counts = [
            np.zeros((self.size, *v.shape), v.dtype)
            for v in self.trace.counts
        ]
        batches, rows = batches(), self.rows
        if width := training and self.width:
            ((data, size),) = batches
            count = len(_flat(data)[0])
            if self.trace.fills:  # the last batch, with repeats
                order = np.arange(-(-count // size) * size) % count
                data = _mapped(lambda d: tf.gather(d, order), data)
            end = len(_flat(data)[0]) // size * size
            batches = _mapped(
                lambda d: tf.reshape(d[:end], [-1, size, *d.shape[1:]]),
                data,
            )
            batches = [(batches, count)]
            for n in range(0, len(rows), width):
                some = np.resize(rows[n : n + width], width)  # repeats
                done = self.part(some, batches, training, size)
            # The rest is too few rows to be compiled for.
            self.done, batches = done, [(_cut(data, end, None), size)]
        self.done = self.part(rows, batches, training, 0)
        return self.logs

    def part(self, rows, batches, training, whole):
        """Train or evaluate some models; return the steps done."""
        weights, others, slots = self.state
        old = weights, others + self.counts, slots * training
        if (np.diff(rows) == 1).all():  # a view is no copy
            rows = slice(rows[0], rows[-1] + 1)
        state = _mapped(lambda v: v[rows], old)
        rates = self.rates[:, rows].ravel(), self.decay[rows]
        given = [*self.numbers[:, rows]], *rates, self.begun[rows]
        kind = training, whole, training and self.fused
        done, logs = self.done, {}
        for data, size in batches:
            if count := len(_flat(data)[0]):
                now = state, *given, done, data, size
                state, logs = self.trace.run(kind, *now)
                steps = count if whole else -(-count // size)
                done += steps * training
        for each, new in zip(_flat(old), _flat(state), strict=True):
            each[rows] = new
        for name, values in logs.items():
            nothing = np.full(self.size, np.nan)
            self.logs.setdefault(name, nothing)[rows] = values
        return done

    def give(self, n, model):
        done = self.begun[n] + self.done
        _assign(self.trace.pairs(model, self.state, n, done))

    def best(self, n, model):
        """Return variables and the values that were kept of them."""
        return self.trace.pairs(model, self.kept, n, self.kept_at[n])

    def keep(self, better):
        """Note the present weights of those that are better."""
        kept = _flat(self.kept), _flat(self.state)
        for old, new in zip(*kept, strict=True):
            old[better] = new[better]
        self.kept_at[better] = (self.begun + self.done)[better]


def _width(planned, sizes, lost):
    """Return how many models XLA best trains at once; 0: none.

    `planned` has the steps of each, `sizes` its variables'; `lost` sums
    for each width the seconds that it would have saved. Once these are
    what XLA takes it is compiled, and its sum infinite. The constants
    are of dense networks, on one core.
    """
    left, step = sorted(planned, reverse=True), 1e-5 * len(sizes)
    each, many = 2.5e-9 * sum(sizes), (2e-4 + 5 * step) * left[0]
    costs = {0: many + sum(left) * (3e-5 + 2 * each)}
    for width in WIDTHS:  # the first of a group ends last
        once = 2 * step + width * (1e-5 + each)
        costs[width] = sum(left[::width]) * once
    usual = min(costs[n] for n in costs if lost[n] == np.inf)
    for width, cost in costs.items():
        lost[width] += max(0, usual - cost)
    once = COMPILES * len(sizes)
    paid = [width for width in costs if lost[width] > once]
    best = min(paid, key=costs.get)
    lost[best] = np.inf
    return best


def _dropped(layer, rate):
    """Return what Dropout does, for a rate that is a tensor."""

    def call(inputs, training=False):
        if not training:
            return inputs
        seed, shape = layer.seed_generator, tf.shape(inputs)
        kept = keras.random.uniform(shape, seed=seed) >= rate
        return tf.where(kept, inputs / (1 - rate), 0)

    return call


def _assign(pairs):
    for variable, value in pairs:
        handle = variable.value.handle  # in a sixth of Keras's time
        value = np.array(value)  # else they share memory
        tf.raw_ops.AssignVariableOp(resource=handle, value=value)


def _numbered(model, every, path):
    """Return where which variable is in a checkpoint, and its bytes."""
    parts, before = {}, [(v, v.numpy()) for v in every]
    several = enumerate(every, 1)
    _assign((v, np.full(v.shape, n, v.dtype)) for n, v in several)
    numbers = [v.numpy().tobytes() for v in every]
    keras.Model.save_weights(model, path)
    _assign(before)

    def note(name, part):
        if isinstance(part, h5py.Dataset):
            found, first = part[()].tobytes(), part.id.get_offset()
            known = first and numbers.count(found) == 1
            parts[first] = numbers.index(found) if known else None

    with h5py.File(path) as file:
        file.visititems(note)
    return parts, Path(path).read_bytes()


def _planned(rate, done, steps):
    """Return the learning rate of each step, or one for all."""
    if not isinstance(rate, dict):
        return [rate]
    schedule = keras.optimizers.schedules.deserialize(rate)
    steps = tf.range(done, done + steps)
    return tf.vectorized_map(schedule, steps).numpy()


def _layers(model):
    for layer in model.layers:
        inner = hasattr(layer, "layers")
        yield from _layers(layer) if inner else [layer]


def _fixed(model):
    """Return what layers hold beside variables, as bytes."""
    kind = keras.layers.Normalization
    found = [e for e in _layers(model) if isinstance(e, kind)]
    found = [v for e in found for v in (e.mean, e.variance)]
    return [np.asarray(value).tobytes() for value in found]


def _numbers(model):
    """Yield the attributes that may differ in models of one shape."""
    for layer in _layers(model):
        plain = type(layer) is keras.layers.Dropout
        plain = plain and hasattr(layer, "seed_generator")  # not of 0
        if plain and layer.noise_shape is None:
            yield layer, "rate"
        for name in "kernel_", "bias_", "activity_":
            owner = getattr(layer, f"{name}regularizer", None)
            kind = type(owner)
            if kind in (keras.regularizers.L1, keras.regularizers.L2):
                yield owner, kind.__name__.lower()


def _batches(given):
    """Return what gives data, with batch sizes, and steps."""
    data = [given.get(n) for n in ("x", "y", "sample_weight")]
    checked = given.get("validation_data")
    size = given.get("batch_size") or 32
    if share := given.get("validation_split"):
        rows = int(len(_flat(data)[0]) * (1 - share))
        checked, data = _cut(data, rows, None), _cut(data, 0, rows)
    train, steps = _in_batches(data, size, given.get("shuffle", True))
    if checked is not None:
        if isinstance(checked, tf.data.Dataset):
            checked = [checked]
        size = given.get("validation_batch_size") or size
        if _by_row(given["self"]):
            size = max(size, 1024)
        checked, _ = _in_batches(checked, size, False)
    return train, checked, steps


def _dense(model):
    kinds = {type(layer).__name__ for layer in model.layers}
    # Keras weighs the losses of several outputs by batches.
    one = len(model.outputs) == 1
    return one and kinds <= DENSE and sys.platform == "linux"


def _by_row(model):
    """Return whether the size of batches changes no loss or metric."""
    config, name = model.get_compile_config(), "activity_regularizer"
    named = [config[n] for n in ("loss", "metrics", "weighted_metrics")]
    plain = {*map(str, _flat(named))} <= BY_ROW and _dense(model)
    return plain and not any(getattr(e, name, 0) for e in model.layers)


def _cut(data, first, last):
    """Return these rows of all that isn't None."""
    return _mapped(lambda d: d if d is None else d[first:last], data)


def _in_batches(data, size, shuffle):
    """Return what gives data, in an order, and a batch size."""
    if isinstance(data[0], tf.data.Dataset):
        steps = int(data[0].cardinality())
        steps = steps if steps >= 0 else sum(1 for _ in data[0])

        def given():
            for batch in data[0]:
                yield batch, len(_flat(batch)[0])

        return given, steps

    def tensor(values):
        values = tf.convert_to_tensor(np.asarray(values))
        floats = values.dtype.is_floating
        return tf.cast(values, "float32") if floats else values

    data = keras.utils.pack_x_y_sample_weight(*data)
    data = _mapped(tensor, data)
    rows = len(_flat(data)[0])

    def batches():
        now, order = data, np.arange(rows)
        if shuffle:
            np.random.shuffle(order)
            # Once an epoch: each batch is then a slice.
            now = _mapped(lambda d: tf.gather(d, order), data)
        yield now, size

    return batches, -(-rows // size)


def _foreign(config):
    """Yield what is named and not Keras's own: it may close over."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        other = config.get("registered_name") or name == "__lambda__"
        inner = config.get("config")
        if other and str(module).split(".")[0] != "keras":
            yield inner if isinstance(inner, str) else name
        elif str(name)[:4] == "Conv" and inner.get("groups", 1) > 1:
            yield "groups"  # TensorFlow gets their gradients wrong
        elif name == "Embedding":  # alone, it squares row by row
            yield name
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for each in config:
            yield from _foreign(each)


def _shape(fit):
    """Return what a _Trace depends on, and a stack; None if refused."""
    model, optimizer = fit["self"], fit["self"].optimizer
    config, owners = optimizer.get_config(), list(_numbers(model))
    data = [fit.get(name) for name in DATA]
    known = [d is None or hasattr(d, "__array__") for d in _flat(data)]
    if isinstance(data[0], tf.data.Dataset):
        known = [True]
    no = [n for n in USUAL if n in fit and fit[n] != USUAL[n]]
    no += [name for name in REFUSED if config.get(name)]
    no += ["its data"] * (not all(known))
    no += ["shuffle"] * (fit.get("shuffle", True) not in (True, False))
    kinds = type(model).__name__, type(optimizer).__name__
    no += [kinds[0]] * (kinds[0] not in ("Sequential", "Functional"))
    no += [kinds[1]] * (type(optimizer) not in OPTIMIZERS)
    if hasattr(optimizer, "_exclude_from_weight_decay"):
        no += ["exclude_from_weight_decay"]
    for call in fit.get("callbacks") or ():
        found = {getattr(call, n).__module__[:5] for n in WITHIN}
        often = [getattr(call, n, "epoch") for n in OFTEN]
        plain = found == {"keras"} and set(often) == {"epoch"}
        no += [type(call).__name__] * (not plain)
    held = [v.constraint for v in model.trainable_variables]
    no += ["a constraint"] * any(held)
    numbers = [getattr(*at) for at in owners]
    for at in owners:
        setattr(*at, 0.5)
    try:
        parts = [model.get_config(), model.get_compile_config(), kinds]
        found = set(_foreign(parts))
        if kinds[1] in ("SGD", "Lion"):  # which square no gradient
            found.discard("Embedding")
        no += sorted(found)
    except Exception as error:  # of a layer without get_config
        no.append(str(error).partition("\n")[0])
    for at, number in zip(owners, numbers, strict=True):
        setattr(*at, number)
    if no:
        text = f"trained alone: {', '.join(no)} can't be shared"
        return warnings.warn(text, stacklevel=2)
    parts[1]["optimizer"] = config | dict.fromkeys(OWN)
    parts += [isinstance(config["learning_rate"], dict)]  # scheduled
    parts += [[list(v.shape) for v in model.variables], _fixed(model)]
    run = [optimizer.built]
    run += [{n: fit[n] for n in PLAIN if n in fit}]
    run += [[id(d) for d in _flat(data)]]
    dumps = partial(json.dumps, default=repr, sort_keys=True)
    return dumps(parts), dumps(run)


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
