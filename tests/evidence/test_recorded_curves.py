"""Recorded curves are read as recorded, and real tuners run on them."""

import itertools
import lzma
import math

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE, ROOT, program

from snippets.data.evidence_file import evidence_file
from snippets.data.load_curves import load_curves
from snippets.data.load_images import load_images
from snippets.searches.replayed import replayed

SPACE = {
    "units": (8, 16, 32, 64, 128),
    "rate": (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.4),
}
EPOCHS = 9


@pytest.fixture
def path(tmp_path):
    """A small file of the format, its numbers telling their place."""
    rows = [
        (
            units,
            rate,
            seed,
            epoch,
            units * rate * epoch / 2000 + seed / 100,
        )
        + (0.5, epoch / 100, 0.25, 2.0)
        for units, rate, seed, epoch in itertools.product(
            *SPACE.values(), (1, 2), range(1, EPOCHS + 1)
        )
    ]
    names = "seed epoch validation_accuracy validation_loss"
    names += " test_accuracy epoch_seconds start_seconds"
    table = pd.DataFrame(rows, columns=[*SPACE, *names.split()])
    text = "# Made up\n# here\n" + table.to_csv(index=False)
    file = tmp_path / "curves_made_up.csv.xz"
    file.write_bytes(lzma.compress(text.encode()))
    return file


def test_a_curve_is_found_by_the_values_of_its_configuration(path):
    curves = load_curves(path)
    assert curves.validation.shape == (40, 2, EPOCHS)
    row = curves.find({"rate": 0.01, "units": 16, "tuner/epochs": 3})
    assert dict(curves.configurations.loc[row]) == {
        "units": 16,
        "rate": 0.01,
    }
    expected = [
        16 * 0.01 * epoch / 2000 + 0.02
        for epoch in range(1, EPOCHS + 1)
    ]
    np.testing.assert_allclose(curves.validation[row, 1], expected)
    assert curves.test[row, 0, 4] == 0.05
    assert (curves.start == 2).all() and curves.seeds == 2
    assert curves.provenance == "Made up\nhere"


def test_what_was_not_recorded_is_refused(path):
    curves = load_curves(path)
    with pytest.raises(ValueError, match=r"rate=0.5 was not recorded"):
        curves.find({"units": 8, "rate": 0.5})
    text = lzma.decompress(path.read_bytes()).decode()
    short = path.with_name("short.csv")
    short.write_text(text.rstrip().rpartition("\n")[0], "utf-8")
    with pytest.raises(ValueError, match="719 rows"):
        load_curves(short)


def search(tuner_class, curves, folder, runs=0, patience=None, **given):
    space = kt.HyperParameters()
    for name, values in curves.space.items():
        space.Choice(name, list(values))
    epochs = given.pop("epochs", None)
    tuner = replayed(tuner_class, curves, runs, patience)(
        objective=kt.Objective("val_accuracy", "max"),
        hyperparameters=space,
        seed=1,
        directory=folder,
        project_name="replayed",
        **given,
    )
    tuner.search(verbose=0, **({"epochs": epochs} if epochs else {}))
    return curves, list(tuner.oracle.trials.values())


def test_a_trial_scores_what_was_recorded_for_it(path, tmp_path):
    runs = np.arange(40) % 2
    curves, trials = search(
        kt.GridSearch,
        load_curves(path),
        tmp_path,
        runs,
        epochs=4,
        max_trials=40,
    )
    assert len(trials) == 40
    for trial in trials:
        row = curves.find(trial.hyperparameters.values)
        assert (
            trial.score == curves.validation[row, runs[row], :4].max()
        )
        assert trial.metrics.get_best_value("epochs") == 4


def test_hyperband_trains_its_own_schedule_on_recorded_curves(
    path, tmp_path
):
    curves, trials = search(
        kt.Hyperband,
        load_curves(path),
        tmp_path,
        max_epochs=EPOCHS,
        factor=3,
    )
    promoted = 0
    for trial in trials:
        values = trial.hyperparameters.values
        first, last = (
            values["tuner/initial_epoch"],
            values["tuner/epochs"],
        )
        promoted += first > 0
        row = curves.find(values)
        assert (
            trial.score == curves.validation[row, 0, first:last].max()
        )
        assert trial.metrics.get_best_value("epochs") == last - first
    assert promoted


@pytest.mark.parametrize(
    "tuner_class, limits",
    [
        (kt.RandomSearch, {"max_trials": 5}),
        (kt.BayesianOptimization, {"max_trials": 5}),
        (kt.GridSearch, {"max_trials": 5}),
        (kt.Hyperband, {"max_epochs": EPOCHS, "factor": 3}),
    ],
)
def test_data_given_to_a_search_are_ignored(
    tuner_class, limits, path, tmp_path
):
    x, y = np.zeros((4, 2)), np.zeros(4)
    given = [
        {},
        {"data": (x, y), "validation_data": (x, y)},
        {"data": (x,), "callbacks": []},
    ]
    found = []
    for number, arguments in enumerate(given):
        space = kt.HyperParameters()
        for name, values in SPACE.items():
            space.Choice(name, list(values))
        tuner = replayed(tuner_class, load_curves(path))(
            objective=kt.Objective("val_accuracy", "max"),
            hyperparameters=space,
            seed=1,
            directory=tmp_path,
            project_name=f"replayed_{number}",
            **limits,
        )
        data = arguments.pop("data", ())
        tuner.search(*data, verbose=0, **arguments)
        trials = tuner.oracle.trials.values()
        assert {trial.status for trial in trials} == {"COMPLETED"}
        found.append(
            [
                (trial.hyperparameters.values, trial.score)
                for trial in trials
            ]
        )
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "scores",
    [
        [0.2, 0.3, 0.3, 0.1, 0.4, 0.3, 0.4, 0.2, 0.9],
        [-1.0] * 9,  # the least that a record holds of R2
    ],
)
def test_patience_ends_a_trial_where_early_stopping_would(
    scores, path, tmp_path
):
    curves = load_curves(path)
    curves.validation = np.tile(scores, (40, 1, 1))
    _, trials = search(
        kt.RandomSearch, curves, tmp_path, patience=3, max_trials=3
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=3
    )
    model.stop_training = False  # as fit does
    stop.set_model(model)
    stop.on_train_begin()
    trained = 0
    for epoch, score in enumerate(scores):
        trained += 1
        stop.on_epoch_end(epoch, {"val_accuracy": score})
        if model.stop_training:
            break
    assert {t.metrics.get_best_value("epochs") for t in trials} == {
        trained
    }
    assert {trial.score for trial in trials} == {max(scores[:trained])}


def test_what_cannot_be_replayed_is_refused(path, tmp_path):
    curves = load_curves(path)
    with pytest.raises(ValueError, match="such as kt.RandomSearch"):
        replayed("RandomSearch", curves)
    with pytest.raises(RuntimeError, match="only 0 to 9"):
        search(
            kt.RandomSearch, curves, tmp_path, epochs=10, max_trials=3
        )


def test_a_file_of_evidence_is_found_here_first_then_in_the_clone(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    name = "curves_digits.csv.xz"
    assert evidence_file(name) == EVIDENCE / name
    (tmp_path / name).touch()
    assert evidence_file(name) == tmp_path / name
    with pytest.raises(FileNotFoundError, match="download it"):
        evidence_file("curves_missing.csv.xz")
    with pytest.raises(ValueError, match="that of a file"):
        evidence_file("../races.csv")


@pytest.mark.parametrize("problem", ["digits", "mnist"])
def test_the_recorded_space_is_whole_and_says_where_it_is_from(problem):
    curves = load_curves(EVIDENCE / f"curves_{problem}.csv.xz")
    recorder = program("record_curves")
    assert curves.space == {
        name: tuple(sorted(values))
        for name, values in recorder.SPACE.items()
    }
    assert curves.validation.shape[1:] == (3, recorder.EPOCHS)
    assert len(curves.configurations) >= 400
    for word in (problem, "Python", "tensorflow", "one thread"):
        assert word in curves.provenance
    size = (EVIDENCE / f"curves_{problem}.csv.xz").stat().st_size
    assert size < 2.5 * 2**20


def test_the_page_names_the_values_that_were_recorded():
    page = (ROOT / "docs/evidence/recorded_curves.md").read_text(
        "utf-8"
    )
    recorder = program("record_curves")
    space = [
        f"{name.replace('_', ' ')} "
        + ", ".join(
            value if isinstance(value, str) else f"{value:g}"
            for value in values
        )
        for name, values in recorder.SPACE.items()
    ]
    assert f"| space | {'; '.join(space)} |" in page
    count = math.prod(map(len, recorder.SPACE.values()))
    assert f"of {count} configurations" in page
    assert f"for {recorder.EPOCHS} epochs" in page


def test_a_model_set_back_trains_like_a_new_one(monkeypatch):
    """Recording reuses one traced model; nothing must carry over."""
    recorder = program("record_curves")
    monkeypatch.setattr(recorder, "EPOCHS", 2)
    monkeypatch.setattr(recorder, "SEEDS", (2, 3))
    learning_rates = {"learning_rate": (1e-3, 1e-2)}
    monkeypatch.setattr(
        recorder, "SPACE", recorder.SPACE | learning_rates
    )
    data, architecture = load_images("digits"), (2, 8, "relu", 0.3, 256)
    *_, last = recorder.train(data, architecture)
    assert last[5:8] == (1e-2, 3, 2)
    model = recorder.build(data, architecture, seed=3)
    model.optimizer.learning_rate = 1e-2
    model.fit(*data.train, batch_size=256, epochs=2, verbose=0)
    scores = recorder.score(model, *data.validation)
    assert last[8:10] == scores
    # A number of the published file is what training gives again.
    again = recorder.build(data, architecture, seed=3)
    assert recorder.score(again, *data.validation) != scores
