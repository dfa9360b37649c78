"""Oracles of our own keep what Keras Tuner expects of an oracle."""

import keras_tuner as kt
import pytest

from snippets.searches.asha_oracle import AshaOracle
from snippets.searches.evolution_oracle import EvolutionOracle
from snippets.searches.quasi_random_oracle import QuasiRandomOracle
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

ORACLES = {
    QuasiRandomOracle: {},
    AshaOracle: {"max_epochs": 4, "factor": 2},
    EvolutionOracle: {"population": 4, "sample": 2},
}
by_oracle = pytest.mark.parametrize(
    "oracle_class", ORACLES, ids=lambda c: c.__name__
)


class Killed(BaseException):
    """What no code may catch, as none can catch SIGKILL."""


def space(hp):
    """Declare a hyperparameter of each kind, some of them for one."""
    kind = hp.Choice("kind", ["sgd", "adam"])
    rate = hp.Float("rate", 1e-4, 1.0, sampling="log")
    units = hp.Int("units", 8, 64, step=8)
    hp.Fixed("fixed", "always")
    hp.Boolean("bias")
    with hp.conditional_scope("kind", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    with hp.conditional_scope("kind", ["adam"]):
        hp.Int("steps", 1, 9, sampling="log")
    return abs(rate - 0.01) + units / 64 + (kind == "adam")


class Numbers(kt.Tuner):
    """The real oracle and loop; a trial is a number, not a model."""

    def run_trial(self, trial, kill_in=None, fails=(), **kwargs):
        if int(trial.trial_id) == kill_in:
            raise Killed
        if int(trial.trial_id) in fails:
            raise ValueError("out of luck")
        return self.hypermodel.build(trial.hyperparameters)


def made(folder, oracle_class, hypermodel=space, **changed):
    settings = {"max_trials": 25, "seed": 1, "hyperparameters": None}
    way = changed.pop("way", lambda tuner_class: tuner_class)
    settings |= ORACLES[oracle_class] | changed
    oracle = oracle_class(kt.Objective("score", "min"), **settings)
    return way(Numbers)(
        oracle, hypermodel, directory=folder, project_name="own"
    )


def values(tuner):
    trials = tuner.oracle.trials
    ordered = sorted(trials, key=int)
    return [trials[name].hyperparameters.values for name in ordered]


def plain(tried):
    """Leave out what says how a trial is trained."""
    return [
        tuple(v for v in each.items() if not v[0].startswith("tuner/"))
        for each in tried
        if "tuner/trial_id" not in each
    ]


@pytest.mark.parametrize(
    "way", [lambda c: c, lambda c: resumable(safe(c))]
)
@by_oracle
def test_a_killed_search_ends_as_one_that_was_not(
    oracle_class, way, tmp_path
):
    whole = made(tmp_path / "whole", oracle_class, way=way)
    whole.search(verbose=0)
    assert len(values(whole)) == 25
    for place in (0, 3, 11, 24):
        folder = tmp_path / str(place)
        torn = made(folder, oracle_class, way=way)
        with pytest.raises(Killed):
            torn.search(kill_in=place, verbose=0)
        del torn
        again = made(folder, oracle_class, way=way)
        again.search(verbose=0)
        assert values(again) == values(whole)
        assert again.oracle.end_order == whole.oracle.end_order


@by_oracle
def test_more_trials_go_on_where_the_search_had_ended(
    oracle_class, tmp_path
):
    whole = made(tmp_path / "whole", oracle_class)
    whole.search(verbose=0)
    made(tmp_path, oracle_class, max_trials=10).search(verbose=0)
    tuner = made(tmp_path, oracle_class)
    assert len(values(tuner)) == 10
    tuner.search(verbose=0)
    assert values(tuner) == values(whole)


@by_oracle
def test_seeds_differ_and_one_seed_repeats(oracle_class, tmp_path):
    tried = []
    for seed in (1, 1, 2):
        folder = tmp_path / str(len(tried))
        tuner = made(folder, oracle_class, seed=seed)
        tuner.search(verbose=0)
        tried.append(values(tuner))
    assert tried[0] == tried[1] != tried[2]
    assert not set(plain(tried[0])) & set(plain(tried[2]))


@by_oracle
def test_a_trial_has_all_active_values_and_no_others(
    oracle_class, tmp_path
):
    tuner = made(tmp_path, oracle_class)
    tuner.search(verbose=0)
    always = {"kind", "rate", "units", "fixed", "bias"}
    for each in values(tuner):
        own = {n for n in each if not n.startswith("tuner/")}
        extra = "momentum" if each["kind"] == "sgd" else "steps"
        assert own == always | {extra}
        assert 1e-4 <= each["rate"] <= 1
        assert each["units"] in range(8, 65, 8)
        assert each["fixed"] == "always" and each["bias"] in (
            True,
            False,
        )
        assert 0 <= each.get("momentum", 0) <= 0.9
        assert each.get("steps", 1) in range(1, 10)
    for name in ("kind", "units", "bias", "rate"):
        assert len({each[name] for each in values(tuner)}) > 1, name


@by_oracle
def test_no_configuration_repeats(oracle_class, tmp_path):
    def few(hp):
        return hp.Int("x", 1, 30) + hp.Boolean("y")

    tuner = made(tmp_path, oracle_class, few)
    tuner.search(verbose=0)
    tried = plain(values(tuner))
    assert len(tried) == len(set(tried)) > 12


@by_oracle
def test_a_space_is_searched_to_its_end_and_then_the_search_ends(
    oracle_class, tmp_path
):
    def small(hp):
        hp.Fixed("same", 1)
        kind = hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            hp.Int("x", 1, 5)
        return hp.Int("y", 1, 3) + len(kind)

    tuner = made(tmp_path, oracle_class, small, max_trials=999)
    tuner.search(verbose=0)
    tried = plain(values(tuner))
    assert len(tried) == len(set(tried)) == 3 + 5 * 3


@by_oracle
def test_a_hyperparameter_that_is_found_later_is_tuned(
    oracle_class, tmp_path
):
    class Later(Numbers):
        def run_trial(self, trial, **kwargs):
            return trial.hyperparameters.Float("later", 0.0, 1.0)

    oracle = oracle_class(
        kt.Objective("score", "min"),
        max_trials=25,
        seed=1,
        **ORACLES[oracle_class],
    )
    tuner = Later(oracle, space, directory=tmp_path)
    tuner.search(verbose=0)
    assert len({each["later"] for each in values(tuner)}) > 5
    assert len(values(tuner)) == 25


@by_oracle
def test_one_that_nothing_is_declared_for_learns_it_in_the_first_trial(
    oracle_class, tmp_path
):
    class Inside(Numbers):
        def run_trial(self, trial, **kwargs):
            return trial.hyperparameters.Float("x", 0.0, 1.0)

    oracle = oracle_class(max_trials=9, seed=1, **ORACLES[oracle_class])
    tuner = Inside(oracle, directory=tmp_path)
    tuner.search(verbose=0)
    assert len({each["x"] for each in values(tuner)}) > 4


@by_oracle
def test_failed_trials_are_kept_and_the_search_goes_on(
    oracle_class, tmp_path
):
    tuner = made(tmp_path, oracle_class)
    tuner.search(fails=(0, 1, 5, 9, 17), verbose=0)
    trials = tuner.oracle.trials.values()
    failed = {int(t.trial_id) for t in trials if t.status == "FAILED"}
    assert failed == {0, 1, 5, 9, 17} and len(trials) == 25
    tried = plain(values(tuner))
    assert len(tried) == len(set(tried))
    parents = {v.get("tuner/trial_id") for v in values(tuner)} - {None}
    assert not failed & {int(name) for name in parents}


@by_oracle
def test_too_many_failures_in_a_row_end_the_search(
    oracle_class, tmp_path
):
    with pytest.raises(RuntimeError, match="failures exceeded"):
        made(tmp_path, oracle_class).search(fails=(6, 7, 8), verbose=0)


@by_oracle
def test_a_retried_trial_keeps_its_values(oracle_class, tmp_path):
    tuner = made(tmp_path, oracle_class, max_retries_per_trial=1)
    seen = []

    def fail_once(trial, **kwargs):
        seen.append(
            (trial.trial_id, dict(trial.hyperparameters.values))
        )
        if len(seen) == 8:
            raise ValueError("once")
        return len(seen)

    tuner.run_trial = fail_once
    tuner.search(verbose=0)
    assert seen[7] == seen[8] and len(seen) == 26
    assert len({name for name, _ in seen}) == 25


@by_oracle
def test_parallel_workers_get_trials_until_the_last_without_waiting(
    oracle_class, tmp_path
):
    oracle = made(tmp_path, oracle_class, max_trials=40).oracle
    running = {}
    for number in range(200):
        # Worker 0 is the slowest: it ends each tenth of its turns.
        worker = f"tuner{number % 4}"
        if worker in running and (number % 4 or number % 40 == 0):
            trial = running.pop(worker)
            score = space(trial.hyperparameters)
            oracle.update_trial(trial.trial_id, {"score": score})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        if worker not in running:
            trial = oracle.create_trial(worker)
            if trial.status == "STOPPED":
                continue
            assert trial.status == "RUNNING"
            running[worker] = trial
    assert len(oracle.trials) == 40 and not oracle.tuner_ids
    assert len(oracle.end_order) == len(set(oracle.end_order)) == 40
    tried = plain(
        t.hyperparameters.values for t in oracle.trials.values()
    )
    assert len(tried) == len(set(tried))


@by_oracle
def test_a_negative_seed_is_refused(oracle_class):
    with pytest.raises(ValueError, match="seed .*-1"):
        oracle_class(seed=-1, **ORACLES[oracle_class])
