"""A search resumes as it began, or says what is in the way."""

import copy
import json
import multiprocessing
import os
import tracemalloc

import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from helpers import needs_posix
from scipy import sparse

from snippets.searches.resumable import resumable


def numbers(tuner_class):
    """The real oracle and loop; a trial is a number, not a model."""

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            if int(trial.trial_id) == kwargs.get("stop_in"):
                raise KeyboardInterrupt
            return self.hypermodel.build(trial.hyperparameters)

    return Numbers


def space(hp):
    kind = hp.Choice("kind", ["sum", "difference"])
    x = hp.Int("x", 0, 9)
    with hp.conditional_scope("kind", ["sum"]):
        if kind == "sum":
            return x + hp.Int("y", 1, 3)
    return x


def made(
    folder, tuner_class=kt.RandomSearch, hypermodel=space, **changed
):
    arguments = {
        "objective": kt.Objective("score", "min"),
        "seed": 1,
        "directory": folder,
        "project_name": "resumed",
    }
    if tuner_class is not kt.Hyperband:
        arguments["max_trials"] = 6
    return resumable(numbers(tuner_class))(
        hypermodel, **(arguments | changed)
    )


def interrupted(folder, *args, stop_in=3, **changed):
    tuner = made(folder, *args, **changed)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(stop_in=stop_in, verbose=0)


def values(tuner):
    trials = sorted(
        tuner.oracle.trials.values(), key=lambda t: int(t.trial_id)
    )
    assert {trial.status for trial in trials} == {"COMPLETED"}
    return [trial.hyperparameters.values for trial in trials]


ALL = [
    kt.RandomSearch,
    kt.Hyperband,
    kt.BayesianOptimization,
    kt.GridSearch,
]


@pytest.mark.parametrize("tuner_class", ALL, ids=lambda c: c.__name__)
@pytest.mark.parametrize("trial", [0, 3])
def test_an_interrupted_search_ends_as_an_uninterrupted_one(
    tuner_class, trial, tmp_path
):
    settings = {
        kt.Hyperband: {"max_epochs": 4, "factor": 2},
        kt.GridSearch: {"max_trials": None},
    }.get(tuner_class, {})
    whole = made(tmp_path, tuner_class, **settings)
    whole.search(verbose=0)
    settings["project_name"] = "torn"
    interrupted(tmp_path, tuner_class, stop_in=trial, **settings)
    tuner = made(tmp_path, tuner_class, **settings)
    assert len(tuner.oracle.trials) == trial + 1
    tuner.search(verbose=0)
    assert values(tuner) == values(whole)
    if tuner_class is kt.GridSearch:
        assert len(values(whole)) == 40  # 10 of x, 3 of y, and 10


def test_a_finished_grid_goes_on_where_max_trials_cut_it(tmp_path):
    made(tmp_path, kt.GridSearch).search(verbose=0)
    tuner = made(tmp_path, kt.GridSearch, max_trials=50)
    tuner.search(verbose=0)
    drawn = [tuple(trial.items()) for trial in values(tuner)]
    assert len(drawn) == len(set(drawn)) == 40


def test_more_trials_and_a_new_hyperparameter_are_welcome(tmp_path):
    def more(hp):
        return space(hp) + hp.Float("new", 0.0, 1.0)

    made(tmp_path).search(verbose=0)
    tuner = made(tmp_path, hypermodel=more, max_trials=12)
    tuner.search(verbose=0)
    assert len({v["new"] for v in values(tuner)[6:]}) > 1
    with pytest.raises(ValueError, match="hyperparameter new .*None"):
        made(tmp_path, max_trials=12)  # known since, and gone again


def other_range(hp):
    return hp.Float("x", 5.0, 6.0) + space(hp)


def other_values(hp):
    hp.Choice("kind", ["sum", "product"])
    return space(hp)


def other_condition(hp):
    kind = hp.Choice("kind", ["sum", "difference"])
    with hp.conditional_scope("kind", ["sum", "difference"]):
        hp.Int("y", 1, 3)
    return hp.Int("x", 0, 9) + len(kind)


def one_less(hp):
    return hp.Int("x", 0, 9)


def one_more(hp):
    return space(hp) + hp.Int("z", 1, 3)


@pytest.mark.parametrize(
    "tuner_class, began, now, message",
    [
        (kt.RandomSearch, {}, {"hypermodel": other_range}, "x .*5.0"),
        (kt.RandomSearch, {}, {"hypermodel": other_values}, "product"),
        (
            kt.RandomSearch,
            {},
            {"hypermodel": other_condition},
            "y .*difference",
        ),
        (kt.RandomSearch, {}, {"hypermodel": one_less}, "kind .*None"),
        (kt.RandomSearch, {}, {"seed": 2}, "seed 1, not 2"),
        (
            kt.RandomSearch,
            {},
            {"objective": kt.Objective("score", "max")},
            'objective .*"min".*"max"',
        ),
        (
            kt.Hyperband,
            {"max_epochs": 3},
            {"max_epochs": 9},
            "max_epochs 3, not 9",
        ),
        (
            kt.Hyperband,
            {},
            {"hyperband_iterations": 2},
            "hyperband_iterations 1, not 2",
        ),
        (kt.Hyperband, {}, {"factor": 4}, "factor 3, not 4"),
        (kt.BayesianOptimization, {}, {"beta": 1.0}, "beta 2.6, not"),
        (kt.BayesianOptimization, {}, {"alpha": 1.0}, "alpha "),
        (
            kt.BayesianOptimization,
            {},
            {"num_initial_points": 2},
            "num_initial_points None, not 2",
        ),
        (
            kt.GridSearch,
            {},
            {"hypermodel": one_more},
            "hyperparameters 6, not 7",
        ),
    ],
)
def test_a_changed_setting_is_named_and_nothing_is_lost(
    tuner_class, began, now, message, tmp_path
):
    made(tmp_path, tuner_class, **began)
    before = {
        path: path.read_bytes() for path in tmp_path.rglob("*.json")
    }
    with pytest.raises(ValueError, match=message) as raised:
        made(tmp_path, tuner_class, **(began | now))
    assert "take another project_name" in str(raised.value)
    assert before == {path: path.read_bytes() for path in before}


def test_another_tuner_is_refused(tmp_path):
    made(tmp_path)
    with pytest.raises(ValueError, match="oracle Random.*BayesianOpt"):
        resumable(kt.BayesianOptimization)(
            space,
            objective=kt.Objective("score", "min"),
            seed=1,
            directory=tmp_path,
            project_name="resumed",
        )


def test_overwrite_begins_again(tmp_path):
    made(tmp_path).search(verbose=0)
    tuner = made(tmp_path, seed=2, overwrite=True)
    assert not tuner.oracle.trials
    assert made(tmp_path, seed=2).oracle.seed == 2


@pytest.mark.parametrize(
    "name",
    [
        "settings.json",
        "tuner0.json",
        "oracle.json",
        "trial_3/trial.json",
    ],
)
@pytest.mark.parametrize("text", [None, "", '{"torn": '])
def test_a_torn_or_missing_file_is_named(name, text, tmp_path):
    interrupted(tmp_path)
    path = tmp_path / "resumed" / name
    path.unlink()
    if text is not None:
        path.write_text(text, "utf-8")
    elif name == "settings.json":
        return  # as of a search that began without the tool
    with pytest.raises(
        ValueError, match=f"`mend` or restore the damaged .*{name}"
    ):
        made(tmp_path)


def test_a_torn_trial_that_the_oracle_does_not_know_is_named(tmp_path):
    interrupted(tmp_path)
    path = tmp_path / "resumed" / "trial_4" / "trial.json"
    path.parent.mkdir()
    path.write_text("", "utf-8")
    with pytest.raises(ValueError, match="damaged .*trial_4.trial.js"):
        made(tmp_path)


def test_a_search_that_began_without_the_tool_is_taken_up(tmp_path):
    whole = made(tmp_path, kt.GridSearch, project_name="whole")
    whole.search(verbose=0)
    settings = {
        "objective": kt.Objective("score", "min"),
        "seed": 1,
        "directory": tmp_path,
        "project_name": "resumed",
        "max_trials": 6,
    }
    tuner = numbers(kt.GridSearch)(space, **settings)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(stop_in=4, verbose=0)
    tuner = made(tmp_path, kt.GridSearch)
    tuner.search(verbose=0)
    assert values(tuner) == values(whole)
    with pytest.raises(ValueError, match="seed 1, not 2"):
        made(tmp_path, kt.GridSearch, seed=2)


def test_a_tuner_id_is_refused(tmp_path):
    with pytest.raises(ValueError, match="leave out tuner_id"):
        made(tmp_path, tuner_id="x")


def test_the_settings_can_be_read(tmp_path):
    made(tmp_path)
    path = tmp_path / "resumed" / "settings.json"
    settings = json.loads(path.read_text("utf-8"))
    assert settings["tuner"]["seed"] == 1
    assert "'max_value': 9" in settings["tuner"]["hyperparameter x"]


def test_a_scikit_learn_tuner_resumes_too(tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.neighbors import KNeighborsClassifier

    def build(hp):
        return KNeighborsClassifier(hp.Int("neighbors", 1, 9))

    def tuner(max_trials):
        return resumable(kt.SklearnTuner)(
            kt.oracles.RandomSearchOracle(
                objective=kt.Objective("score", "max"),
                max_trials=max_trials,
                seed=1,
            ),
            build,
            directory=tmp_path,
            project_name="neighbors",
        )

    for max_trials in (2, 4):
        tuner(max_trials).search(*load_iris(return_X_y=True))
    assert len(tuner(4).oracle.trials) == 4
    x, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="began with data "):
        tuner(4).search(x[1:], y[1:])


@pytest.mark.parametrize("write", [1, 2, 3])
def test_killed_while_it_is_made_it_begins_anew(
    write, tmp_path, monkeypatch
):
    """Settings, oracle, tuner: in this order they are written."""
    dumps, calls = json.dumps, 0

    def killing(state, **kwargs):
        nonlocal calls
        calls += 1
        if calls == write:
            raise KeyboardInterrupt
        return dumps(state, **kwargs)

    monkeypatch.setattr(json, "dumps", killing)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path)
    monkeypatch.undo()
    assert made(tmp_path, seed=2).oracle.seed == 2
    assert made(tmp_path, seed=2).oracle.seed == 2


def test_a_kill_leaves_no_half_settings(tmp_path, monkeypatch):
    made(tmp_path)
    path = tmp_path / "resumed" / "settings.json"
    before = path.read_text("utf-8")
    monkeypatch.setattr("os.replace", lambda *paths: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made(tmp_path, hypermodel=one_more)
    assert path.read_text("utf-8") == before


def test_bayesian_optimisation_goes_on_with_the_same_proposals(
    cheap_proposals, tmp_path
):
    def smooth(hp):
        x, y = hp.Float("x", -1.0, 1.0), hp.Float("y", -1.0, 1.0)
        return (x - 0.2) ** 2 + (y + 0.4) ** 2

    settings = {"hypermodel": smooth, "num_initial_points": 3}
    settings["max_trials"] = 5
    tuner_class = kt.BayesianOptimization
    with threadpoolctl.threadpool_limits(1):  # many threads are slower
        whole = made(
            tmp_path, tuner_class, project_name="whole", **settings
        )
        whole.search(verbose=0)
        interrupted(tmp_path, tuner_class, stop_in=3, **settings)
        tuner = made(tmp_path, tuner_class, **settings)
        tuner.search(verbose=0)
    assert len(values(whole)) == 5
    assert values(tuner) == values(whole)


def searched(folder, *data, **settings):
    """Search with data, which the trials ignore."""
    hypermodel = settings.pop("hypermodel", space)
    made(folder, hypermodel=hypermodel).search(
        *data, **({"verbose": 0} | settings)
    )


ROWS = np.arange(12.0).reshape(6, 2)
TABLE = pd.DataFrame({"number": [1, 2, None], "text": ["a", "b", None]})


@pytest.mark.parametrize(
    "began, now",
    [
        (ROWS, ROWS + 1e-9),
        (ROWS, ROWS[:5]),
        (ROWS, ROWS[::-1]),
        ((ROWS, ROWS), (ROWS, ROWS[:3])),
        ({"a": ROWS, "b": ROWS}, {"a": ROWS, "b": ROWS + 1}),
        (TABLE, TABLE.assign(text=["a", "b", "c"])),
        (TABLE["number"], TABLE["number"] + 1),
        (np.array(["x", "y"]), np.array(["x", "z"])),
        (
            pd.to_datetime(["2024-01-01"]),
            pd.to_datetime(["2024-01-02"]),
        ),
        ([1, 23], [12, 3]),
        (ROWS.tolist(), (ROWS + 1e-9).tolist()),
        (["no", "yes"], ["no", "yes!"]),
        ({"a": [[1.0], [2.0]]}, {"a": [[1.0], [3.0]]}),
        (sparse.csr_array(ROWS), sparse.csr_array(ROWS + 1)),
        (sparse.csc_matrix(ROWS), sparse.csc_matrix(ROWS[::-1])),
        (sparse.coo_array((3, 4)), sparse.coo_array((4, 4))),
    ],
)
def test_other_data_are_refused_before_a_trial_begins(
    began, now, tmp_path
):
    searched(tmp_path, began)
    searched(tmp_path, copy.deepcopy(began))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="began with data .*, not "):
        searched(tmp_path, now)
    assert sorted(tmp_path.rglob("*")) == before


def test_other_validation_data_or_epochs_are_refused(tmp_path):
    searched(tmp_path, ROWS, validation_data=(ROWS, ROWS), epochs=3)
    searched(
        tmp_path,
        ROWS,
        validation_data=(ROWS, ROWS),
        epochs=3,
        verbose=1,
    )
    with pytest.raises(ValueError, match="epochs 3, not 4"):
        searched(tmp_path, ROWS, validation_data=(ROWS, ROWS), epochs=4)
    with pytest.raises(ValueError, match="began with data"):
        searched(
            tmp_path, ROWS, validation_data=(ROWS, ROWS + 1), epochs=3
        )


def test_what_another_process_began_since_is_seen(tmp_path):
    """A tuner that was made before the other one searched."""
    early = made(tmp_path)
    searched(tmp_path, ROWS)
    with pytest.raises(ValueError, match="began with data .*, not "):
        early.search(ROWS + 1, verbose=0)
    searched(tmp_path, ROWS)


@pytest.mark.process
def test_two_processes_that_begin_at_once_write_apart(
    tmp_path, monkeypatch
):
    needs_posix()
    fork = multiprocessing.get_context("fork")
    replace = os.replace

    def meanwhile(*paths):
        monkeypatch.setattr(os, "replace", replace)
        child = fork.Process(target=made, args=(tmp_path,))
        child.start()
        child.join()
        assert child.exitcode == 0
        replace(*paths)

    monkeypatch.setattr(os, "replace", meanwhile)
    made(tmp_path).search(verbose=0)


def test_it_takes_no_second_copy_of_the_data(tmp_path):
    data = np.zeros(5_000_000)
    tuner = made(tmp_path)
    tracemalloc.start()
    try:
        tuner.search(data, verbose=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < data.nbytes / 4


def test_another_share_for_validation_is_refused(tmp_path):
    searched(tmp_path, ROWS, validation_split=0.5)
    searched(tmp_path, ROWS, validation_split=0.5)
    for other in ({"validation_split": 0.25}, {}):
        with pytest.raises(ValueError, match="validation_split 0.5, "):
            searched(tmp_path, ROWS, **other)


def test_numbers_that_are_no_data_may_change(tmp_path):
    searched(tmp_path, ROWS.tolist(), batch_size=2, shuffle=True)
    searched(tmp_path, ROWS.tolist(), batch_size=3, shuffle=False)


def test_a_chief_names_its_own_file(tmp_path, monkeypatch):
    """As the launcher makes it, whose folder is that of one process."""
    interrupted(tmp_path)
    (tmp_path / "resumed" / "tuner0.json").unlink()

    class Chief(kt.RandomSearch):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tuner_id = "tuner0"

    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    for tuner_class, name in (
        (kt.RandomSearch, "chief"),
        (Chief, "tuner0"),
    ):
        with pytest.raises(ValueError, match=f"damaged .*{name}.json"):
            made(tmp_path, tuner_class)


def test_groups_in_a_loop_under_one_name_are_told_apart(tmp_path):
    """Else groups two and three get the first one's model."""
    searched(tmp_path, ROWS[:2])
    for group in (ROWS[2:4], ROWS[4:]):
        with pytest.raises(ValueError, match="began with data"):
            searched(tmp_path, group)


def test_without_a_seed_it_goes_on_with_the_one_it_has(tmp_path):
    made(tmp_path, seed=None)
    seed = made(tmp_path, seed=None).oracle.seed
    tuner = made(tmp_path, seed=None)
    tuner.search(verbose=0)
    assert tuner.oracle.seed == seed and len(values(tuner)) == 6


def test_it_knows_a_tuner_by_its_oracle_not_by_its_name(tmp_path):
    class Mine(numbers(kt.RandomSearch)):
        pass

    settings = {
        "objective": kt.Objective("score", "min"),
        "max_trials": 6,
        "directory": tmp_path,
        "project_name": "resumed",
    }
    made(tmp_path)
    resumable(Mine)(space, seed=1, **settings)
    oracle = kt.oracles.RandomSearchOracle(
        objective=settings["objective"], max_trials=6, seed=1
    )
    places = {n: settings[n] for n in ("directory", "project_name")}
    resumable(numbers(kt.Tuner))(oracle, space, **places)
    Mine = numbers(kt.GridSearch)
    Mine.__name__ = "RandomSearch"
    with pytest.raises(ValueError, match="oracle Random.*GridSearch"):
        resumable(Mine)(space, seed=1, **settings)


def test_more_executions_per_trial_are_refused(tmp_path):
    made(tmp_path).search(verbose=0)
    tuner = made(tmp_path, executions_per_trial=3)
    with pytest.raises(ValueError, match="runs 1, not 3"):
        tuner.search(verbose=0)


def test_trials_that_failed_before_are_named(tmp_path, capsys):
    def wrong(hp):
        assert hp.Int("x", 0, 9) < 99
        raise ValueError("a mistake, mended later")

    def right(hp):
        return hp.Int("x", 0, 9)

    tuner = made(tmp_path, hypermodel=right, max_trials=2)
    tuner.hypermodel.build = wrong
    tuner.search(verbose=0)
    with pytest.warns(UserWarning, match="failed before: .'0', '1'"):
        made(tmp_path, hypermodel=right)


def test_a_chief_goes_on_with_the_same_proposals(tmp_path):
    """It has no loop: workers ask its oracle for trials."""
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    settings = {"max_trials": 6, "num_initial_points": 3}
    settings |= {"hypermodel": None, "hyperparameters": hp}

    def ask(project_name, *parts):
        for count in parts:
            tuner = made(
                tmp_path,
                kt.BayesianOptimization,
                project_name=project_name,
                **settings,
            )
            for _ in range(count):
                trial = tuner.oracle.create_trial("worker")
                score = {"score": trial.hyperparameters.get("x") ** 2}
                tuner.oracle.update_trial(trial.trial_id, score)
                trial.status = "COMPLETED"
                tuner.oracle.end_trial(trial)
            tuner.save()
        return values(tuner)

    with threadpoolctl.threadpool_limits(1):
        assert ask("whole", 6) == ask("parts", 4, 1, 1)
