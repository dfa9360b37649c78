"""Try known values first, then let the tuner go on."""

import numbers

import keras_tuner as kt
from keras_tuner.engine import hyperparameters


def try_first(tuner, known_values):
    """Make a tuner's first trials take values that you give.

    `tuner` is any tuner but GridSearch, not yet searching;
    `known_values` a list of dicts, {name: value}, one for each trial.
    A hyperparameter left out takes its default. Then the tuner goes on
    as it would, and learns from these trials as from any other. What a
    resumed search has tried already is not tried again. Hyperband
    takes them into its first round, with the epochs of that round.

    Values may lie between the steps of a range, but not outside it.
    Hyperparameters that only `fit` declares are not known yet: declare
    them in `build` too.

    Raises ValueError for a name that is not in the search space or not
    active with the other values, a value that is not allowed, and
    GridSearch, which starts with the defaults.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    oracle = tuner.oracle
    if isinstance(oracle, kt.oracles.GridSearchOracle):
        raise ValueError(
            "GridSearch starts with the defaults: give known values as "
            "default= in the search space"
        )
    wanted = [
        _complete(oracle.get_space(), known) for known in known_values
    ]
    # A parallel worker has none: the chief hands out its trials.
    draw = getattr(oracle, "populate_space", None)

    def populate_space(trial_id):
        drawn = draw(trial_id)
        # Hyperband also hands out promoted trials, and adds its own
        # values, which all begin with "tuner/".
        values = drawn.get("values") or {}
        promoted = values.get("tuner/round", 0) > 0
        if drawn["status"] == "RUNNING" and not promoted:
            for known in wanted:
                if not any(
                    known.items()
                    <= trial.hyperparameters.values.items()
                    for trial in oracle.trials.values()
                ):
                    drawn["values"] = known | {
                        name: value
                        for name, value in values.items()
                        if name.startswith("tuner/")
                    }
                    break
        return drawn

    oracle.populate_space = populate_space


def _complete(space, known):
    """Check known values, and add the defaults of those left out."""
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
