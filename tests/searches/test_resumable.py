"""A search resumes as it began, or says what is in the way."""

import json

import keras_tuner as kt
import pytest
import threadpoolctl

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
    return resumable(
        numbers(tuner_class), hypermodel, **(arguments | changed)
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
    with pytest.raises(ValueError, match="hyperparameter new: .*None"):
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
        (kt.RandomSearch, {}, {"hypermodel": other_range}, "x: .*5.0"),
        (kt.RandomSearch, {}, {"hypermodel": other_values}, "product"),
        (kt.RandomSearch, {}, {"hypermodel": other_condition}, "y if "),
        (kt.RandomSearch, {}, {"hypermodel": one_less}, "kind: .*None"),
        (kt.RandomSearch, {}, {"seed": 2}, "seed: 1, now 2"),
        (
            kt.RandomSearch,
            {},
            {"objective": kt.Objective("score", "max")},
            'objective: .*"min".*"max"',
        ),
        (
            kt.Hyperband,
            {"max_epochs": 3},
            {"max_epochs": 9},
            "max_epochs: 3, now 9",
        ),
        (
            kt.Hyperband,
            {},
            {"hyperband_iterations": 2},
            "hyperband_iterations: 1, now 2",
        ),
        (kt.Hyperband, {}, {"factor": 4}, "factor: 3, now 4"),
        (kt.BayesianOptimization, {}, {"beta": 1.0}, "beta: 2.6, now"),
        (kt.BayesianOptimization, {}, {"alpha": 1.0}, "alpha: "),
        (
            kt.BayesianOptimization,
            {},
            {"num_initial_points": 2},
            "num_initial_points: None, now 2",
        ),
        (kt.GridSearch, {}, {"hypermodel": one_more}, "z: None, now"),
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
    assert "project_name or with overwrite=True" in str(raised.value)
    assert before == {path: path.read_bytes() for path in before}


def test_another_tuner_is_refused(tmp_path):
    made(tmp_path)
    with pytest.raises(ValueError, match="tuner: .*BayesianOpt"):
        resumable(
            kt.BayesianOptimization,
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
    elif name == "oracle.json":
        return  # without it there is no search
    with pytest.raises(ValueError, match=f"{name} is missing or dam"):
        made(tmp_path)


def test_a_torn_trial_that_the_oracle_does_not_know_is_named(tmp_path):
    interrupted(tmp_path)
    path = tmp_path / "resumed" / "trial_4" / "trial.json"
    path.parent.mkdir()
    path.write_text("", "utf-8")
    with pytest.raises(ValueError, match="trial_4.trial.json is miss"):
        made(tmp_path)


def test_a_search_of_plain_keras_tuner_is_not_taken_over(tmp_path):
    made(tmp_path).search(verbose=0)
    (tmp_path / "resumed" / "settings.json").unlink()
    with pytest.raises(ValueError, match="settings.json is missing"):
        made(tmp_path)


def test_a_tuner_id_is_refused(tmp_path):
    with pytest.raises(ValueError, match="leave out tuner_id"):
        made(tmp_path, tuner_id="x")


def test_the_settings_can_be_read(tmp_path):
    made(tmp_path)
    path = tmp_path / "resumed" / "settings.json"
    settings = json.loads(path.read_text("utf-8"))
    assert settings["seed"] == 1
    assert settings["hyperparameter x"]["max_value"] == 9


def test_a_scikit_learn_tuner_resumes_too(tmp_path):
    from sklearn.datasets import load_iris
    from sklearn.neighbors import KNeighborsClassifier

    def build(hp):
        return KNeighborsClassifier(hp.Int("neighbors", 1, 9))

    def tuner(max_trials, seed=1):
        return resumable(
            kt.SklearnTuner,
            kt.oracles.RandomSearchOracle(
                objective=kt.Objective("score", "max"),
                max_trials=max_trials,
                seed=seed,
            ),
            build,
            directory=tmp_path,
            project_name="neighbors",
        )

    for max_trials in (2, 4):
        tuner(max_trials).search(*load_iris(return_X_y=True))
    assert len(tuner(4).oracle.trials) == 4
    with pytest.raises(ValueError, match="seed: 1, now 2"):
        tuner(4, seed=2)


@pytest.mark.parametrize("trials", [False, True])
def test_killed_before_its_settings_were_kept_it_begins_anew(
    trials, tmp_path
):
    tuner = made(tmp_path)
    if trials:
        tuner.search(verbose=0)
    (tmp_path / "resumed" / "settings.json").unlink()
    if trials:
        with pytest.raises(
            ValueError, match="settings.json is missing"
        ):
            made(tmp_path, seed=2)
    else:
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
    tmp_path,
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
