"""Known values are tried first, once, and then the tuner goes on."""

import keras_tuner as kt
import pytest

from snippets.searches.try_first import try_first


def space(hp):
    kind = hp.Choice("kind", ["sgd", "adam"])
    rate = hp.Float("rate", 0.1, 1.0)
    hp.Int("units", 8, 64, step=8, default=32)
    hp.Boolean("bias")
    with hp.conditional_scope("kind", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    return rate + (kind == "sgd")


def numbers(
    tuner_class, folder, hypermodel=space, known=None, **changed
):
    """The real oracle and loop; a trial is a number, not a model."""

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            if hp.get("rate") == kwargs.get("stop_at"):
                raise KeyboardInterrupt
            return self.hypermodel.build(hp)

    settings = {"seed": 1, "directory": folder, "project_name": "known"}
    if tuner_class is kt.Hyperband:
        settings["max_epochs"] = 9
    else:
        settings["max_trials"] = 6
    if known is not None:
        Numbers = try_first(Numbers, known)
    return Numbers(hypermodel, **(settings | changed))


def trials(tuner):
    return sorted(
        tuner.oracle.trials.values(), key=lambda t: t.trial_id
    )


def values(tuner):
    return [trial.hyperparameters.values for trial in trials(tuner)]


KNOWN = [
    {"kind": "adam", "rate": 0.25, "units": 16, "bias": True},
    {"rate": 0.5, "momentum": 0.3},
]
FIRST = [
    KNOWN[0],
    KNOWN[1] | {"kind": "sgd", "units": 32, "bias": False},
]


@pytest.mark.parametrize(
    "tuner_class", [kt.RandomSearch, kt.BayesianOptimization]
)
def test_known_values_come_first_and_the_tuner_goes_on(
    tuner_class, tmp_path
):
    tuner = numbers(tuner_class, tmp_path, known=KNOWN)
    tuner.search(verbose=0)
    assert values(tuner)[:2] == FIRST
    drawn = [tuple(sorted(v.items())) for v in values(tuner)]
    assert len(set(drawn)) == len(drawn) == 6
    assert all(trial.score is not None for trial in trials(tuner))


def test_hyperband_takes_known_values_into_its_first_round(tmp_path):
    plain = numbers(kt.Hyperband, tmp_path, project_name="plain")
    plain.search(verbose=0)
    best = [FIRST[0] | {"rate": 0.1}]  # none is better
    tuner = numbers(kt.Hyperband, tmp_path, known=best)
    tuner.search(verbose=0)
    first = values(tuner)[0]
    assert FIRST[0] | {"rate": 0.1} == {
        name: first[name] for name in FIRST[0]
    }
    assert first["tuner/round"] == 0 and first["tuner/epochs"] == 1

    def schedule(tuner):
        names = ("tuner/bracket", "tuner/round", "tuner/epochs")
        return [[v[name] for name in names] for v in values(tuner)]

    assert schedule(tuner) == schedule(plain)
    rates = [v["rate"] for v in values(tuner)]
    assert rates.count(0.1) == 3, "not promoted to the last round"


def test_a_resumed_search_does_not_repeat_them(tmp_path):
    whole = numbers(
        kt.RandomSearch, tmp_path, known=KNOWN, project_name="whole"
    )
    whole.search(verbose=0)
    torn = numbers(kt.RandomSearch, tmp_path, known=KNOWN)
    with pytest.raises(KeyboardInterrupt):
        torn.search(stop_at=0.5, verbose=0)
    again = numbers(kt.RandomSearch, tmp_path, known=KNOWN)
    assert len(again.oracle.trials) == 2
    again.search(verbose=0)
    assert values(again) == values(whole)


def test_values_added_to_a_finished_search_are_tried_next(tmp_path):
    numbers(kt.RandomSearch, tmp_path).search(verbose=0)
    tuner = numbers(
        kt.RandomSearch, tmp_path, known=KNOWN, max_trials=8
    )
    tuner.search(verbose=0)
    assert values(tuner)[6:] == FIRST


def test_a_hyperparameter_found_later_does_not_repeat_them(tmp_path):
    class Later(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            return trial.hyperparameters.Float("later", 0.0, 1.0)

    tuner = try_first(Later, KNOWN)(
        space,
        max_trials=5,
        seed=1,
        directory=tmp_path,
        project_name="l",
    )
    tuner.search(verbose=0)
    assert [v["rate"] for v in values(tuner)].count(0.25) == 1


@pytest.mark.parametrize(
    "known, message",
    [
        ({"learning_rate": 0.5}, r"\['learning_rate'\] not among"),
        ({"kind": "adam", "momentum": 0.1}, r"\['momentum'\] not amo"),
        ({"rate": 1.5}, "rate must be 0.1 to 1.0, not 1.5"),
        ({"rate": 0.05}, "rate must be 0.1 to 1.0, not 0.05"),
        ({"rate": "0.5"}, "rate must be .* not '0.5'"),
        ({"units": 65}, "units must be 8 to 64, not 65"),
        ({"units": 16.5}, "units must be 8 to 64, not 16.5"),
        ({"kind": "rmsprop"}, r"kind must be one of \['sgd', 'adam'\]"),
        ({"bias": "yes"}, r"bias must be one of \[True, False\]"),
    ],
)
def test_values_outside_the_space_are_refused(known, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        numbers(kt.RandomSearch, tmp_path, known=[known])


def test_grid_search_is_refused_as_it_starts_with_the_defaults(
    tmp_path,
):
    with pytest.raises(ValueError, match="GridSearch starts with the"):
        numbers(kt.GridSearch, tmp_path, known=KNOWN)
    tuner = numbers(kt.GridSearch, tmp_path)
    tuner.search(verbose=0)
    assert values(tuner)[0] == FIRST[1] | {"rate": 0.1, "momentum": 0.0}


def with_plain_if(hp):
    rate = hp.Float("rate", 0.1, 1.0)
    if hp.Choice("kind", ["adam", "sgd"]) == "sgd":
        rate += hp.Float("momentum", 0.0, 0.9)
    return rate


def test_what_a_plain_if_declares_is_known_too(tmp_path):
    known = [{"kind": "sgd", "momentum": 0.5, "rate": 0.25}]
    tuner = numbers(kt.RandomSearch, tmp_path, with_plain_if, known)
    tuner.search(verbose=0)
    assert values(tuner)[0] == known[0]
    with pytest.raises(ValueError, match="momentm"):
        numbers(
            kt.RandomSearch,
            tmp_path / "other",
            with_plain_if,
            [{"kind": "sgd", "momentm": 0.5}],
        )
