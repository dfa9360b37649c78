"""The tuner trains each trial once per fold, and keeps folds apart."""

import re
import socket
import threading

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)

pytestmark = pytest.mark.usefixtures("eager")
X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12) % 2
FOLDS = KFold(3, shuffle=True, random_state=1)


class Recorded(kt.HyperModel):
    """A real, tiny model; what each fit was given is written down."""

    def __init__(self, results=None):
        super().__init__()
        self.fits = []
        self.results = results

    def build(self, hp):
        hp.Int("units", 1, 100)
        model = keras.Sequential([keras.Input((2,))])
        model.add(keras.layers.Dense(1, kernel_initializer="zeros"))
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    def fit(self, hp, model, x, y, **kwargs):
        start = np.abs(model.get_weights()[0]).sum()
        self.fits.append({"x": x, "y": y, "start": start, **kwargs})
        model.set_weights([np.ones((2, 1)), np.zeros(1)])
        if self.results:
            return self.results[len(self.fits) - 1]
        return model.fit(x, y, **kwargs)


def oracle(trials=1, name="val_mae", direction="min"):
    return kt.oracles.RandomSearchOracle(
        objective=kt.Objective(name, direction),
        max_trials=trials,
        seed=1,
    )


def searched(folder, hypermodel, cv=FOLDS, trials=1, **kwargs):
    tuner = CrossValidationTuner(
        oracle(trials), hypermodel, cv, directory=folder
    )
    tuner.search(X, Y, verbose=0, **kwargs)
    return tuner


def history(*values):
    result = keras.callbacks.History()
    result.history = {"val_mae": list(values)}
    return result


def test_each_row_validates_once_and_trains_in_the_other_folds(
    tmp_path,
):
    hypermodel = Recorded()
    searched(tmp_path, hypermodel, epochs=1)
    validated = []
    for fit in hypermodel.fits:
        x_validation, y_validation = fit["validation_data"]
        both = np.concatenate([fit["x"], x_validation])
        np.testing.assert_array_equal(np.sort(both, axis=0), X)
        labels = np.concatenate([fit["y"], y_validation])
        np.testing.assert_array_equal(labels, both[:, 0] // 2 % 2)
        validated += x_validation[:, 0].tolist()
    assert sorted(validated) == X[:, 0].tolist()


def test_each_fold_starts_from_a_new_model_and_new_callbacks(tmp_path):
    hypermodel = Recorded()
    mine = keras.callbacks.EarlyStopping("val_mae")
    searched(tmp_path, hypermodel, epochs=1, callbacks=[mine], trials=2)
    assert len(hypermodel.fits) == 6
    assert [fit["start"] for fit in hypermodel.fits] == [0.0] * 6
    used = [fit["callbacks"][0] for fit in hypermodel.fits]
    assert len({id(callback) for callback in [mine, *used]}) == 7


def test_epochs_reach_each_fit(tmp_path):
    hypermodel = Recorded()
    searched(tmp_path, hypermodel, epochs=2)
    assert [fit["epochs"] for fit in hypermodel.fits] == [2, 2, 2]


def test_all_trials_have_the_same_folds(tmp_path):
    hypermodel = Recorded([1.0] * 6)
    searched(tmp_path, hypermodel, trials=2)
    first, second = hypermodel.fits[:3], hypermodel.fits[3:]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])


@pytest.mark.parametrize(
    "results, folds, step",
    [
        ([history(5, 1, 3), history(4, 6, 2), history(9, 8, 7)], 3, 1),
        ([1.0, 2.0, 7.0], 3, 0),
        ([{"val_mae": 1.0}, {"val_mae": 2.0}, {"val_mae": 7.0}], 3, 0),
    ],
    ids=["histories", "numbers", "dictionaries"],
)
def test_a_score_is_the_mean_of_the_best_epochs_of_the_folds(
    results, folds, step, tmp_path
):
    tuner = searched(tmp_path, Recorded(results))
    (trial,) = tuner.oracle.get_best_trials()
    assert tuner.fold_scores(trial) == [1, 2, 7]
    assert trial.score == pytest.approx(10 / 3)
    assert trial.best_step == step


def test_a_maximum_is_taken_where_more_is_better(tmp_path):
    tuner = CrossValidationTuner(
        oracle(direction="max"),
        Recorded([history(5, 1), history(2, 6), history(1, 1)]),
        FOLDS,
        directory=tmp_path,
    )
    tuner.search(X, Y, verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    assert tuner.fold_scores(trial) == [5, 6, 1] and trial.score == 4


def test_a_reloaded_search_still_has_its_folds_and_trains_nothing(
    tmp_path,
):
    searched(tmp_path, Recorded([1.0, 2.0, 7.0]))
    hypermodel = Recorded()
    again = searched(tmp_path, hypermodel)
    (trial,) = again.oracle.get_best_trials()
    assert again.fold_scores(trial) == [1, 2, 7]
    assert not hypermodel.fits


def test_groups_stay_together(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    groups = np.repeat([0, 1, 2], 4)
    searched(tmp_path, hypermodel, GroupKFold(3), groups=groups)
    for fit in hypermodel.fits:
        rows = fit["validation_data"][0][:, 0] // 2
        assert len(set(groups[rows.astype(int)])) == 1


def test_tables_of_pandas_become_arrays(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    tuner = CrossValidationTuner(
        oracle(), hypermodel, StratifiedKFold(3), directory=tmp_path
    )
    tuner.search(pd.DataFrame(X), pd.Series(Y), verbose=0)
    (trial,) = tuner.oracle.get_best_trials()
    assert trial.status == "COMPLETED"
    assert type(hypermodel.fits[0]["x"]) is np.ndarray


def test_no_model_of_a_fold_is_handed_out_as_the_best(tmp_path):
    tuner = searched(tmp_path, Recorded(), epochs=1)
    with pytest.raises(RuntimeError, match="fit it to all of them"):
        tuner.get_best_models()


@pytest.mark.parametrize(
    "cv, message",
    [
        (5, "cv must be a splitter of scikit-learn.*not 5"),
        (
            KFold(3, shuffle=True),
            "cv must have an integer random_state",
        ),
        (ShuffleSplit(3), "cv must have an integer random_state"),
    ],
)
def test_folds_that_would_change_are_refused(cv, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        CrossValidationTuner(
            oracle(), Recorded(), cv, directory=tmp_path
        )


def test_hyperband_is_refused(tmp_path):
    hyperband = kt.oracles.HyperbandOracle(
        objective=kt.Objective("val_mae", "min"), seed=1
    )
    with pytest.raises(ValueError, match="Hyperband continues"):
        CrossValidationTuner(
            hyperband, Recorded(), FOLDS, directory=tmp_path
        )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"validation_data": (X, Y)},
            "leave out .*validation_data.*: only x and y",
        ),
        (
            {"validation_split": 0.2},
            "leave out .*validation_split.*: only x and y",
        ),
        (
            {"sample_weight": Y},
            "leave out .*sample_weight.*: only x and y",
        ),
    ],
)
def test_data_that_cannot_be_split_is_refused_before_any_trial(
    arguments, message, tmp_path
):
    tuner = CrossValidationTuner(
        oracle(), Recorded(), FOLDS, directory=tmp_path
    )
    with pytest.raises(ValueError, match=message):
        tuner.search(**{"x": X, "y": Y} | arguments)
    assert not tuner.oracle.trials


class Several(Recorded):
    """A model of two inputs and two outputs, and what it was given."""

    def build(self, hp):
        hp.Int("units", 1, 100)
        inputs = {
            "a": keras.Input((2,), name="a"),
            "b": keras.Input((1,), name="b"),
        }
        both = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
        outputs = {
            name: keras.layers.Dense(1, name=name)(both)
            for name in "cd"
        }
        model = keras.Model(inputs, outputs)
        if isinstance(self.form, (list, tuple)):
            ends = list(inputs.values()), list(outputs.values())
            model = keras.Model(*ends)
        model.compile("sgd", "mse", metrics=None)
        return model

    def fit(self, hp, model, x, y, **kwargs):
        self.fits.append({"x": x, "y": y, **kwargs})
        return model.fit(x, y, **kwargs)


def several(folder, x, y, cv=FOLDS, **kwargs):
    hypermodel = Several()
    hypermodel.form = x
    tuner = CrossValidationTuner(
        oracle(name="val_loss"), hypermodel, cv, directory=folder
    )
    tuner.search(x, y, epochs=1, verbose=0, **kwargs)
    return tuner


B = np.arange(12.0) + 100
FORMS = {
    "list": ([X, B], [B, 2 * B]),
    "tuple": ((X, B), (B, 2 * B)),
    "dictionary": ({"a": X, "b": B}, {"c": B, "d": 2 * B}),
    "tables": (
        {"a": pd.DataFrame(X), "b": pd.Series(B, index=range(12, 24))},
        {"c": pd.Series(B), "d": pd.Series(2 * B)},
    ),
    "a list of lists and an array": ([X.tolist(), B], [B, 2 * B]),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_several_inputs_and_outputs_stay_together(
    form, tmp_path
):
    x, y = FORMS[form]
    tuner = several(tmp_path, x, y)
    (trial,) = tuner.oracle.get_best_trials()
    assert trial.status == "COMPLETED"
    assert len(tuner.fold_scores(trial)) == 3
    seen = []
    for fit in tuner.hypermodel.fits:
        assert type(fit["x"]) is type(x) and type(fit["y"]) is type(y)
        parts = [(fit["x"], fit["y"]), fit["validation_data"]]
        for inputs, outputs in parts:
            arrays = keras.tree.flatten([inputs, outputs])
            assert {type(array) for array in arrays} == {np.ndarray}
            a, b, c, d = arrays
            np.testing.assert_array_equal(a, X[(b - 100).astype(int)])
            np.testing.assert_array_equal(b, c)
            np.testing.assert_array_equal(d, 2 * c)
        rows = [len(keras.tree.flatten(part)[0]) for part in parts]
        assert sum(rows) == 12
        seen += [*keras.tree.flatten(parts[1][0])[1]]
    assert sorted(seen) == B.tolist()


def test_lists_of_numbers_are_one_array_each(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    tuner = CrossValidationTuner(
        oracle(), hypermodel, StratifiedKFold(3), directory=tmp_path
    )
    tuner.search(X.tolist(), Y.tolist(), verbose=0)
    for fit in hypermodel.fits:
        assert fit["x"].shape == (8, 2) and fit["y"].shape == (8,)
        assert fit["validation_data"][1].tolist() == [0, 1, 0, 1]


def test_one_output_in_a_dictionary_can_be_stratified(tmp_path):
    hypermodel = Recorded([1.0] * 3)
    tuner = CrossValidationTuner(
        oracle(), hypermodel, StratifiedKFold(3), directory=tmp_path
    )
    tuner.search({"a": X, "b": B}, {"c": Y}, verbose=0)
    for fit in hypermodel.fits:
        assert fit["validation_data"][1]["c"].tolist() == [0, 1, 0, 1]


class Peeking:
    """A splitter that tells what it was given."""

    def __init__(self):
        self.given = []

    def split(self, x, y=None, groups=None):
        self.given.append((x, y, groups))
        yield np.arange(6), np.arange(6, 12)


@pytest.mark.parametrize(
    "x, y",
    [(X, Y), ([X, B], [Y]), ({"a": X, "b": B}, {"c": Y, "d": B})],
)
def test_a_splitter_gets_rows_and_labels_as_far_as_there_are(
    x, y, tmp_path
):
    cv, groups = Peeking(), pd.Series(np.repeat([0, 1, 2], 4))
    tuner = CrossValidationTuner(
        oracle(), Recorded([1.0]), cv, directory=tmp_path
    )
    tuner.search(x, y, groups=groups, verbose=0)
    for rows, labels, group in cv.given:
        assert len(rows) == 12 and type(group) is np.ndarray
        if x is X:
            assert rows is X
        if len(keras.tree.flatten(y)) == 2:
            assert labels is None
        else:
            assert labels is Y


@pytest.mark.parametrize(
    "cv",
    [
        GroupKFold(3),
        TimeSeriesSplit(3),
        RepeatedKFold(n_splits=3, n_repeats=2, random_state=1),
        PredefinedSplit(np.repeat([0, 1, 2], 4)),
    ],
)
def test_several_outputs_are_split_by_whatever_does_not_look_at_them(
    cv, tmp_path
):
    groups = np.repeat([0, 1, 2], 4)
    if not isinstance(cv, GroupKFold):
        groups = None
    x, y = FORMS["dictionary"]
    tuner = several(tmp_path, x, y, cv, groups=groups)
    (trial,) = tuner.oracle.get_best_trials()
    folds = cv.get_n_splits(X, None, groups)
    assert len(tuner.fold_scores(trial)) == folds


@pytest.mark.parametrize(
    "cv, arguments, message",
    [
        (
            StratifiedKFold(3),
            {"y": [Y, Y]},
            "can't split these rows.*PredefinedSplit",
        ),
        (
            StratifiedGroupKFold(3),
            {"y": {"c": Y, "d": Y}, "groups": Y},
            "can't split these rows.*PredefinedSplit",
        ),
        (GroupKFold(2), {}, "'groups' parameter should not be None"),
        (GroupKFold(2), {"y": [Y, Y]}, "'groups'.* should not be None"),
        (StratifiedKFold(3), {"y": np.eye(2)[Y]}, "multilabel"),
        (StratifiedKFold(3), {"y": B / 3}, "continuous"),
        (KFold(13), {}, "greater than the number of samples"),
    ],
)
def test_what_cannot_be_split_is_refused_before_any_trial(
    cv, arguments, message, tmp_path
):
    tuner = CrossValidationTuner(
        oracle(), Recorded(), cv, directory=tmp_path
    )
    with pytest.raises(ValueError, match=message):
        tuner.search(**{"x": X, "y": Y} | arguments)
    assert not tuner.oracle.trials


@pytest.mark.parametrize(
    "arguments, rows",
    [
        ({"y": Y[:-1]}, {"x": 12, "y": 11}),
        ({"x": [X, B[:3]]}, {"x[0]": 12, "x[1]": 3, "y": 12}),
        (
            {"x": {"a": X, "b": B}, "y": {"c": Y, "d": Y[1:]}},
            {"x['a']": 12, "x['b']": 12, "y['c']": 12, "y['d']": 11},
        ),
        (
            {"x": (X, [B, B[1:]])},
            {"x[0]": 12, "x[1][0]": 12, "x[1][1]": 11, "y": 12},
        ),
        ({"groups": Y[1:]}, {"groups": 11, "x": 12, "y": 12}),
        ({"x": iter(X)}, {"x": 0, "y": 12}),
        ({"x": {"a": X, "b": 3}}, {"x['a']": 12, "x['b']": 0, "y": 12}),
        ({"y": None}, {"x": 12, "y": 0}),
        ({"x": []}, {"x": 0, "y": 12}),
        ({"x": X[:0], "y": Y[:0]}, {"x": 0, "y": 0}),
        # A list of arrays: so many inputs, not so many rows.
        (
            {"x": [*X[:3]]},
            {"x[0]": 2, "x[1]": 2, "x[2]": 2, "y": 12},
        ),
    ],
)
def test_unequal_numbers_of_rows_are_refused_by_name(
    arguments, rows, tmp_path
):
    tuner = CrossValidationTuner(
        oracle(), Recorded(), FOLDS, directory=tmp_path
    )
    message = f"unequal numbers of rows or none: {rows}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tuner.search(**{"x": X, "y": Y} | arguments)
    assert not tuner.oracle.trials


def test_a_tool_finds_the_splitter_while_a_search_is_reloaded(tmp_path):
    found = []

    class Tool(CrossValidationTuner):
        def reload(self):
            found.append(self.cv)
            super().reload()

    for _ in range(2):
        tuner = Tool(
            oracle(), Recorded([1.0] * 3), FOLDS, directory=tmp_path
        )
        tuner.search(X, Y, verbose=0)
    assert found == [FOLDS] and tuner.cv is FOLDS


def test_a_worker_leaves_the_chief_the_scores_and_the_folder_the_folds(
    tmp_path, monkeypatch
):
    """The real chief in a thread, the real worker before it."""
    from keras_tuner.src.distribute import oracle_chief

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
    tuners = {}
    for role in ("chief", "worker"):
        monkeypatch.setenv("KERASTUNER_TUNER_ID", role)
        tuners[role] = CrossValidationTuner(
            oracle(trials=2),
            Recorded(
                [1.0, 2.0, 7.0, history(5), history(6), history(4)]
            ),
            FOLDS,
            directory=tmp_path,
        )
        if role == "chief":
            chief = tuners[role].oracle
            server = threading.Thread(
                target=oracle_chief.start_server,
                args=(chief,),
                daemon=True,
            )
            server.start()
    tuners["worker"].search(X, Y, verbose=0)
    server.join(timeout=60)
    assert not server.is_alive()
    assert not hasattr(tuners["worker"].oracle, "trials")
    scores = {t.trial_id: t.score for t in chief.trials.values()}
    assert scores == pytest.approx({"0": 10 / 3, "1": 5})
    for tuner in tuners.values():
        for trial, folds in zip(
            chief.trials.values(), ([1, 2, 7], [5, 6, 4]), strict=True
        ):
            assert tuner.fold_scores(trial) == folds
