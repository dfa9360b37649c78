"""Try known values first, then let the tuner go on."""

import numbers
import warnings

import keras_tuner as kt
from keras_tuner.engine import hyperparameters

TESTED = ("1.4.7", "1.4.8")  # versions of Keras Tuner


def try_first(tuner_class, known_values):
    """Return the tuner class, made to try known values first.

    Use what is returned like `tuner_class`, any tuner class but
    GridSearch: `try_first(kt.RandomSearch, [{"units": 96}])(...)`.

    `known_values` is a list of dicts, {name: value}, one for each
    trial. A hyperparameter left out takes its default. Then the tuner
    goes on as it would, and learns from these trials as from any other.
    What a resumed search has tried already is not tried again.
    Hyperband takes them into its first round, with that round's epochs.

    Values may lie between the steps of a range, but not outside it.
    Hyperparameters that only `fit` declares are not known yet: declare
    them in `build` too.

    Raises ValueError if `tuner_class` is no tuner class and, when it is
    used, for a name that is not in the search space or not active with
    the other values, a value that is not allowed, and GridSearch, which
    starts with the defaults.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """

    class TryFirst(tuner_class):
        tools = _check(tuner_class, "try_first")

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            oracle = self.oracle
            if not isinstance(oracle, kt.Oracle):
                return  # a parallel worker: the chief hands out trials
            if isinstance(oracle, kt.oracles.GridSearchOracle):
                raise ValueError(
                    "GridSearch starts with the defaults: give known "
                    "values as default= in the search space"
                )
            wanted = [_complete(self, known) for known in known_values]
            draw = oracle.populate_space

            def populate_space(trial_id):
                drawn = draw(trial_id)
                # Hyperband also hands out promoted trials, and adds its
                # own values, which all begin with "tuner/".
                values = drawn.get("values") or {}
                if drawn["status"] == "RUNNING" and not values.get(
                    "tuner/round"
                ):
                    known = _untried(oracle, wanted) or values
                    drawn["values"] = known | {
                        name: value
                        for name, value in values.items()
                        if name.startswith("tuner/")
                    }
                return drawn

            oracle.populate_space = populate_space

    return TryFirst


def _untried(oracle, wanted):
    """Return the first known values that no trial has, or None."""
    tried = [t.hyperparameters.values for t in oracle.trials.values()]
    for known in wanted:
        if not any(known.items() <= values.items() for values in tried):
            return known
    return None


def _complete(tuner, known):
    """Check known values, and add the defaults of those left out."""
    space = tuner.oracle.get_space()
    if not set(known) <= {hp.name for hp in space.space}:
        # What a plain `if` declares is seen when its branch is taken.
        defaults = {hp.name: hp.default for hp in space.space}
        space.values = defaults | known
        if tuner.hypermodel is not None:
            tuner.hypermodel.build(space)
            tuner.oracle.update_space(space)
    space.values = {}
    for hp in space.space:
        if not space.is_active(hp):
            continue
        value = known.get(hp.name, hp.default)
        if isinstance(hp, hyperparameters.Int | hyperparameters.Float):
            whole = isinstance(hp, hyperparameters.Int)
            kind = numbers.Integral if whole else numbers.Real
            allowed = f"{hp.min_value} to {hp.max_value}"
            fits = isinstance(value, kind)
            fits = fits and hp.min_value <= value <= hp.max_value
        else:
            allowed = f"one of {list(hp.values)}"
            fits = value in hp.values
        if not fits:
            raise ValueError(
                f"{hp.name} must be {allowed}, not {value!r}"
            )
        space.values[hp.name] = value
    unknown = set(known) - set(space.values)
    if unknown:
        raise ValueError(
            f"{sorted(unknown)} not among the hyperparameters that are "
            f"active here: {sorted(space.values)}"
        )
    return space.values


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
