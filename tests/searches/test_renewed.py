"""A search in many processes is the same search, and ends."""

import contextlib
import json
import os
import socket
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pytest
from helpers import warm

from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.flat_memory import flat_memory
from snippets.searches.renewed import renewed
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe
from snippets.searches.scored_failures import scored_failures
from snippets.searches.stop_after import stop_after

BUDGETS = {
    kt.RandomSearch: {"max_trials": 7},
    kt.GridSearch: {"max_trials": 7},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
    kt.BayesianOptimization: {"max_trials": 7, "num_initial_points": 4},
}


def scored(tuner_class):
    return scored_failures(tuner_class, worst=0.0)


def plain(tuner_class):
    return tuner_class


def search(tuner_class, folder, trials=None, way=plain, **settings):
    """Search with numbers; note in a file what each process ran."""

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            row = os.getpid(), trial.hyperparameters.values
            with open(
                Path(folder, "log.jsonl"), "a", encoding="utf-8"
            ) as log:
                print(json.dumps(row, default=float), file=log)
            if settings.get("max_consecutive_failed_trials"):
                raise ArithmeticError
            return trial.hyperparameters.get("x")

    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    warnings.simplefilter("ignore")
    way(renewed(Numbers, trials) if trials else Numbers)(
        hyperparameters=hp,
        seed=1,
        directory=folder,
        project_name="renewed",
        **(BUDGETS[tuner_class] | settings),
    ).search(verbose=0)


def process(*args, environment=None, **kwargs):
    """Start a search in a process of its own."""
    child = warm().Process(
        target=in_environment, args=(environment or {}, args, kwargs)
    )
    child.start()
    return child


def in_environment(environment, args, kwargs):
    os.environ |= environment
    search(*args, **kwargs)


def run(*args, **kwargs):
    """Search until a process ends with another code; return all."""
    codes = [75]
    while codes[-1] == 75 and len(codes) < 20:
        child = process(*args, **kwargs)
        child.join(120)
        codes.append(child.exitcode)
    return codes[1:]


def log(folder):
    """Return the processes in order, and the values each ran."""
    lines = Path(folder, "log.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    ran = {}
    for pid, values in rows:
        ran.setdefault(pid, []).append(values)
    return [len(each) for each in ran.values()], [v for _, v in rows]


@pytest.fixture
def folders(tmp_path):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    return str(tmp_path / "whole"), str(tmp_path / "parts")


@pytest.mark.process
@pytest.mark.parametrize(
    "tuner_class, way",
    [
        (kt.RandomSearch, plain),
        (kt.RandomSearch, resumable),
        (kt.Hyperband, plain),
        (kt.Hyperband, resumable),
        (kt.GridSearch, resumable),
    ],
    ids=lambda value: value.__name__,
)
def test_many_processes_run_each_trial_of_one_process_once(
    tuner_class, way, folders
):
    whole, parts = folders
    search(tuner_class, whole)
    _, expected = log(whole)
    codes = run(tuner_class, parts, trials=3, way=way)
    counts, found = log(parts)
    assert found == expected and len(found) >= 7
    threes, rest = divmod(len(expected), 3)
    assert counts == [3] * threes + [rest] * (rest > 0)
    # Where nothing is left, the last process only finds that out.
    assert codes == [75] * threes + [0]


@pytest.mark.process
def test_of_bayesian_optimisation_the_first_trials_are_the_same(
    folders,
):
    whole, parts = folders
    search(kt.BayesianOptimization, whole)
    assert run(kt.BayesianOptimization, parts, trials=3) == [75, 75, 0]
    counts, found = log(parts)
    assert counts == [3, 3, 1]
    assert found[:4] == log(whole)[1][:4]


@pytest.mark.process
def test_trials_that_fail_count_too(folders):
    codes = run(
        kt.RandomSearch,
        folders[1],
        trials=3,
        max_consecutive_failed_trials=99,
    )
    assert codes == [75, 75, 0] and log(folders[1])[0] == [3, 3, 1]


@pytest.mark.process
def test_a_worker_goes_on_under_its_name_and_the_chief_ends(folders):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": port,
    }
    chief = where | {"KERASTUNER_TUNER_ID": "chief"}
    worker = where | {"KERASTUNER_TUNER_ID": "tuner0"}
    arguments = kt.RandomSearch, folders[1], 3
    child = process(*arguments, environment=chief)
    try:
        assert run(*arguments, environment=worker) == [75, 75, 0]
        child.join(60)
        assert child.exitcode == 0
    finally:
        child.kill()
    counts, found = log(folders[1])
    assert counts == [3, 3, 1]
    search(kt.RandomSearch, folders[0])
    assert found == log(folders[0])[1]


def build_model(hp):
    model = keras.Sequential([keras.Input((3,))])
    model.add(keras.layers.Dense(1))
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


STACKS = [
    [renewed, resumable, few_checkpoints, flat_memory, safe, scored],
    [scored, safe, flat_memory, few_checkpoints, resumable, renewed],
]


@pytest.mark.parametrize("stack", STACKS, ids=["out", "in"])
@pytest.mark.parametrize(
    "tuner_class, settings",
    [
        (kt.RandomSearch, {"max_trials": 4}),
        (kt.Hyperband, {"max_epochs": 3}),
    ],
)
def test_with_all_tools_the_best_models_load_and_score_as_they_did(
    tuner_class, settings, stack, eager, tmp_path
):
    wrapped = tuner_class
    for tool in stack:
        more = [2] if tool is renewed else []
        wrapped = tool(wrapped, *more)
    x = np.random.default_rng(1).normal(size=(32, 3))
    y = x.sum(axis=1)
    for _ in range(9):
        tuner = wrapped(
            build_model,
            objective=kt.Objective("val_loss", "min"),
            seed=1,
            directory=tmp_path,
            project_name="models",
            **settings,
        )
        with contextlib.suppress(SystemExit):
            tuner.search(x, y, validation_data=(x, y), verbose=0)
            break
    trials = tuner.oracle.trials
    assert {t.status for t in trials.values()} == {"COMPLETED"}
    assert len(trials) == settings.get("max_trials", 6)
    (best,) = tuner.oracle.get_best_trials()
    (model,) = tuner.get_best_models()
    loss = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(best.score)
    assert len({trial.score for trial in trials.values()}) > 3
    assert len([*tmp_path.rglob("checkpoint*")]) in (1, 2)


class Mine(kt.RandomSearch):
    """A class of a reader's, with names that tools might like too."""

    def __init__(self, *args, **kwargs):
        self.weights, self.kept, self.saved = {"cat": 2.0}, [], 0
        self.began = self.compare = self.trials_ended = "mine"
        super().__init__(*args, **kwargs)
        self.unsaved = self.registered_before = self.entered = "mine"

    def run_trial(self, trial, *args, **kwargs):
        self.saved += 1
        assert self.weights == {"cat": 2.0} and self.kept == []
        assert self.began == self.compare == self.trials_ended == "mine"
        assert self.unsaved == self.registered_before == "mine"
        return trial.hyperparameters.get("x")


def test_names_of_a_class_of_ones_own_meet_none_of_the_tools(tmp_path):
    wrapped = Mine
    for tool in STACKS[0]:
        wrapped = tool(wrapped, *([9] if tool is renewed else []))
    wrapped = stop_after(wrapped, hours=1)
    hp = kt.HyperParameters()
    hp.Int("x", 0, 99)
    tuner = wrapped(
        hyperparameters=hp, max_trials=4, seed=1, directory=tmp_path
    )
    tuner.search(verbose=0)
    assert len(tuner.oracle.end_order) == tuner.saved == 4


@pytest.mark.parametrize("name", ["overwrite", "tuner_id"])
def test_what_would_begin_anew_in_each_process_is_refused(
    name, tmp_path
):
    with pytest.raises(ValueError, match=f"leave out {name}"):
        search(kt.RandomSearch, tmp_path, trials=3, **{name: True})
    assert [*tmp_path.iterdir()] == []


def test_grid_search_needs_to_find_its_place(tmp_path):
    with pytest.raises(ValueError, match="renewed.resumable.kt.Grid"):
        search(kt.GridSearch, tmp_path, trials=3)
    search(kt.GridSearch, tmp_path, trials=9, way=resumable)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, "50", True, None])
def test_a_number_of_trials_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="trials must be an integer"):
        renewed(kt.RandomSearch, wrong)


@pytest.mark.parametrize("wrong", [0, 256, -1, "75", True])
def test_a_code_that_says_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="exit_code must be"):
        renewed(kt.RandomSearch, 50, exit_code=wrong)
