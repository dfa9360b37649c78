"""The figure of a search shows its trials where they belong."""

import keras_tuner as kt
import matplotlib.pyplot as plt
import pytest

from snippets.results.trials_plot import trials_plot


class Counted(kt.RandomSearch):
    """The real oracle and loop; a trial is a number, not a model."""

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        if hp.get("optimizer") == "failing":
            return float("nan")
        return hp.get("learning_rate") * hp.get("units")


def space(optimizers=("adam", "sgd", "failing")):
    hp = kt.HyperParameters()
    hp.Choice("optimizer", list(optimizers))
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0, 1)
    hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    hp.Int("units", 16, 128, step=2, sampling="log")
    hp.Boolean("dropout")
    hp.Fixed("layers", 2)
    return hp


def searched(folder, hp, trials=30):
    tuner = Counted(
        hyperparameters=hp,
        objective=kt.Objective("score", "max"),
        max_trials=trials,
        max_consecutive_failed_trials=trials + 1,
        seed=1,
        directory=folder,
        project_name="plotted",
    )
    if trials:
        tuner.search(verbose=0)
    return tuner


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("searches"), space())


@pytest.fixture
def panels(tuner):
    figure = trials_plot(tuner)
    yield {axis.get_xlabel(): axis for axis in figure.axes}
    plt.close(figure)


def test_each_hyperparameter_that_can_vary_has_a_panel(panels):
    assert list(panels) == [
        "optimizer",
        "momentum",
        "learning_rate",
        "units",
        "dropout",
    ]


def test_an_axis_is_logarithmic_where_sampling_is(panels):
    scales = {name: axis.get_xscale() for name, axis in panels.items()}
    assert scales.pop("learning_rate") == scales.pop("units") == "log"
    assert set(scales.values()) == {"linear"}


def test_categories_are_labelled_with_their_values(panels):
    labels = {
        name: [
            label.get_text() for label in panels[name].get_xticklabels()
        ]
        for name in ("optimizer", "dropout")
    }
    assert labels["optimizer"] == ["adam", "sgd", "failing"]
    assert labels["dropout"] == ["True", "False"]


def dots(axis):
    return sorted(
        map(tuple, axis.collections[0].get_offsets().tolist())
    )


def test_each_completed_trial_is_a_dot_at_its_value_and_score(
    tuner, panels
):
    scored = [
        (trial.hyperparameters.get("learning_rate"), trial.score)
        for trial in tuner.oracle.trials.values()
        if trial.status == "COMPLETED"
    ]
    assert dots(panels["learning_rate"]) == sorted(scored)


def test_a_trial_without_a_score_is_a_cross_on_the_lower_edge(
    tuner, panels
):
    failed = [
        trial.hyperparameters.get("units")
        for trial in tuner.oracle.trials.values()
        if trial.status == "FAILED"
    ]
    crosses = panels["units"].lines
    assert sorted(line.get_xdata()[0] for line in crosses) == sorted(
        failed
    )
    assert {line.get_ydata()[0] for line in crosses} == {0}


def test_a_trial_has_no_dot_for_an_inactive_hyperparameter(
    tuner, panels
):
    active = [
        trial
        for trial in tuner.oracle.trials.values()
        if "momentum" in trial.hyperparameters.values
    ]
    assert 0 < len(dots(panels["momentum"])) == len(active)
    assert len(active) < len(dots(panels["units"]))


def test_a_search_without_a_completed_trial_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="no completed trial in .*plot"
    ):
        trials_plot(searched(tmp_path / "none", space(), trials=0))
    failed = searched(tmp_path / "failed", space(["failing"]), trials=2)
    with pytest.raises(
        ValueError, match="no completed trial in .*plot"
    ):
        trials_plot(failed)


def test_an_empty_search_space_is_refused(tmp_path):
    hp = kt.HyperParameters()
    for name, value in ("optimizer", "sgd"), ("learning_rate", 1.0):
        hp.Fixed(name, value)
    hp.Fixed("units", 3)
    tuner = searched(tmp_path, hp)
    with pytest.raises(ValueError, match="the search space is empty"):
        trials_plot(tuner)
