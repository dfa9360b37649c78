"""Evolution changes one value of the best recent trial."""

import keras_tuner as kt
import numpy as np
import pytest

from snippets.searches.evolution_oracle import EvolutionOracle


class Numbers(kt.Tuner):
    """The real oracle and loop; a trial is a number, not a model."""

    def run_trial(self, trial, score=None, **kwargs):
        if score:
            return score(trial)
        return self.hypermodel.build(trial.hyperparameters)


def space(hp):
    x, y = (
        hp.Float("x", 0.0, 1.0),
        hp.Float("y", 1, 1e3, sampling="log"),
    )
    z, kind = (
        hp.Int("z", 0, 80, step=2),
        hp.Choice("kind", list("abcde")),
    )
    hp.Fixed("fixed", 7)
    return (x - 0.7) ** 2 + np.log10(y) / 9 + z / 99 + ord(kind) / 7


def searched(folder, hypermodel=space, score=None, **changed):
    settings = {
        "population": 6,
        "sample": 6,
        "max_trials": 60,
        "seed": 1,
    }
    direction = changed.pop("direction", "min")
    oracle = EvolutionOracle(
        kt.Objective("score", direction), **(settings | changed)
    )
    tuner = Numbers(
        oracle, hypermodel, directory=folder, overwrite=True
    )
    tuner.search(score=score, verbose=0)
    trials = tuner.oracle.trials
    return [trials[name] for name in sorted(trials, key=int)]


def differences(trial, other):
    mine, theirs = (t.hyperparameters.values for t in (trial, other))
    names = mine.keys() | theirs.keys()
    return {n for n in names if mine.get(n) != theirs.get(n)}


@pytest.mark.parametrize("direction", ["min", "max"])
def test_a_child_has_one_value_else_than_the_best_of_those_alive(
    tmp_path, direction
):
    trials = searched(tmp_path, direction=direction)
    best, changed = (min if direction == "min" else max), set()
    for number, trial in enumerate(trials[6:], 6):
        alive = trials[number - 6 : number]
        parent = best(alive, key=lambda t: t.score)
        (name,) = differences(trial, parent)
        changed.add(name)
    assert changed == {"x", "y", "z", "kind"}


def test_the_first_are_random_as_many_as_live(tmp_path):
    trials = searched(tmp_path, population=12, sample=3)
    for number in range(1, 12):
        other = differences(trials[number], trials[number - 1])
        assert {"x", "y"} <= other
    values = [t.hyperparameters.get("x") for t in trials[:12]]
    assert max(values) - min(values) > 0.5


def test_a_lucky_score_does_not_last(tmp_path):
    def score(trial):
        return -1.0 if int(trial.trial_id) == 2 else 1.0

    trials = searched(tmp_path, score=score)
    assert len(differences(trials[8], trials[2])) == 1
    lucky = trials[2].hyperparameters.get("x")
    late = [t.hyperparameters.get("x") for t in trials[30:]]
    assert late.count(lucky) < 10


def test_a_small_sample_lets_others_have_children_too(tmp_path):
    def parents(sample):
        trials = searched(tmp_path, sample=sample)
        number = 0
        for place, trial in enumerate(trials[6:], 6):
            alive = trials[place - 6 : place]
            best = min(alive, key=lambda t: t.score)
            number += len(differences(trial, best)) == 1
        return number

    assert parents(6) == 54 > 40 > parents(1)


def test_it_gets_closer_than_where_it_began(tmp_path):
    trials = searched(tmp_path, max_trials=120)
    scores = np.array([trial.score for trial in trials])
    assert np.median(scores[-20:]) < scores[:6].min()


def test_a_step_is_as_wide_as_asked_on_the_scale_of_the_range(tmp_path):
    for spread in (0.01, 0.3):
        trials = searched(tmp_path, spread=spread, max_trials=150)
        steps = {"x": [], "y": []}
        for number, trial in enumerate(trials[6:], 6):
            alive = trials[number - 6 : number]
            parent = min(alive, key=lambda t: t.score)
            for name in differences(trial, parent) & set(steps):
                mine, theirs = (
                    t.hyperparameters.get(name) for t in (trial, parent)
                )
                if name == "y":
                    mine, theirs = np.log([mine, theirs]) / np.log(1000)
                steps[name].append(abs(mine - theirs))
        for name, found in steps.items():
            # Of a normal's absolute values, the median is 0.67.
            middle = np.median(found) / spread
            assert 0.3 < middle < 1.3, (name, spread, middle)


def test_what_the_change_makes_active_is_drawn(tmp_path):
    def conditional(hp):
        kind = hp.Choice("kind", ["sgd", "adam", "plain"])
        with hp.conditional_scope("kind", ["sgd"]):
            hp.Float("momentum", 0.0, 1.0)
        with hp.conditional_scope("kind", ["adam"]):
            hp.Int("steps", 5, 99)
        return len(kind) * 0.1 + hp.Float("x", 0.0, 1.0)

    trials = searched(tmp_path, conditional)
    extra = {"sgd": {"momentum"}, "adam": {"steps"}, "plain": set()}
    found = {kind: set() for kind in extra}
    for trial in trials:
        values = trial.hyperparameters.values
        found[values["kind"]].add(values.get("steps"))
        assert set(values) == {"kind", "x"} | extra[values["kind"]]
    assert all(found.values()) and len(found["adam"]) > 3


def test_a_failed_trial_has_no_children(tmp_path):
    failed = []

    def score(trial):
        if int(trial.trial_id) % 3 == 1:
            failed.append(int(trial.trial_id))
            raise ValueError("out of luck")
        return float(trial.trial_id)

    trials = searched(tmp_path, score=score)
    scored = [t for t in trials if t.status == "COMPLETED"]
    assert len(failed) == 20
    for number, trial in enumerate(trials):
        alive = [t for t in scored if int(t.trial_id) < number][-6:]
        if len(alive) == 6:
            assert len(differences(trial, alive[0])) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"sample": 7},
        {"sample": 0},
        {"population": 0, "sample": 0},
        {"spread": 0},
        {"spread": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="sample must be 1 to popul"):
        searched(tmp_path, **settings)
