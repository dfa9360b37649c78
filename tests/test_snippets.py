"""Each snippet works alone, does what it says, and is shown somewhere."""

import ast
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import examples
import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import ROOT, SNIPPETS

by_name = pytest.mark.parametrize(
    "path", SNIPPETS, ids=lambda p: p.stem
)


def load(path):
    """Import the file alone, as a reader who pasted it would."""
    spec = importlib.util.spec_from_file_location(
        f"pasted_{path.stem}", path
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public(module):
    return [
        thing
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and getattr(thing, "__module__", None) == module.__name__
    ]


def hypermodel(module):
    """Return the module's hypermodel, or None."""
    (thing,) = public(module)
    if inspect.isclass(thing) and issubclass(thing, kt.HyperModel):
        name = module.__name__.removeprefix("pasted_")
        return thing(**examples.arguments(name))
    if thing.__name__ == "build_model":
        wrapper = kt.HyperModel("function")
        wrapper.build = thing
        return wrapper
    return None


HYPERMODELS = [
    path
    for path in SNIPPETS
    if re.search(
        r"\(kt\.HyperModel\)|def build_model", path.read_text("utf-8")
    )
]
by_hypermodel = pytest.mark.parametrize(
    "path", HYPERMODELS, ids=lambda p: p.stem
)


@by_name
def test_a_snippet_has_one_public_name_with_a_docstring(path):
    (thing,) = public(load(path))
    assert len(inspect.getdoc(thing).split()) > 30
    assert "Raises ValueError" in inspect.getdoc(thing)


@by_name
def test_a_snippet_imports_nothing_of_ours(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module]
        else:
            continue
        for name in names:
            assert name.split(".")[0] not in ("snippets", "tutorials")


@by_name
def test_a_snippet_is_shown_or_linked_on_a_page(path):
    name = path.relative_to(ROOT).as_posix()
    shown = f'--8<-- "{name}"', f"[read it]({name})"
    pages = [
        p.read_text("utf-8") for p in (ROOT / "docs").rglob("*.md")
    ]
    assert any(each in page for page in pages for each in shown)


def test_a_search_as_a_table_is_ranked_and_keeps_failed_trials(
    tmp_path,
):
    from snippets.results.trials_table import trials_table

    class Numbers(kt.RandomSearch):
        def run_trial(self, trial, **_):
            if trial.trial_id == "1":
                raise kt.errors.FailedTrialError("as asked")
            return trial.hyperparameters.get("x")

    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    settings = {
        "hyperparameters": hp,
        "max_trials": 4,
        "seed": 1,
        "directory": tmp_path,
    }
    tuner = Numbers(**settings, objective=kt.Objective("score", "min"))
    with pytest.raises(ValueError, match="no trials in .*untitled"):
        trials_table(tuner)
    tuner.search(verbose=0)
    table = trials_table(tuner)
    assert sorted(table.index) == [0, 1, 2, 3]
    assert table.index[-1] == 1 and table.loc[1, "status"] == "FAILED"
    scores = table["score"].dropna()
    assert scores.is_monotonic_increasing and len(scores) == 3
    np.testing.assert_allclose(scores, table["x"][:3])
    pd.testing.assert_frame_equal(
        trials_table(
            Numbers(**settings, objective=kt.Objective("score", "min"))
        ),
        table,
    )


@by_name
def test_a_snippet_reads_in_72_columns(path):
    for line in path.read_text("utf-8").splitlines():
        assert len(line) <= 72, line


def example(path):
    return getattr(examples, path.stem, examples.digits)()


@by_hypermodel
def test_a_hypermodel_builds_and_fits_on_real_data(path, eager):
    """Traced with all rows once, then step by step with fewer."""
    hypermodel_ = hypermodel(load(path))
    train, validation, _ = example(path)
    hp = kt.HyperParameters()
    hypermodel_.build(hp)
    for seed in (None, 1, 2):
        tf.config.run_functions_eagerly(seed is not None)
        if seed:
            train, validation = first(48, (train, validation))
            for space in hp.space:
                hp.values[space.name] = space.random_sample(seed)
        keras.utils.set_random_seed(1)
        model = hypermodel_.build(hp)
        history = hypermodel_.fit(
            hp,
            model,
            *train,
            validation_data=validation,
            epochs=1,
            verbose=0,
        )
        assert np.isfinite(history.history["val_loss"]).all()
        assert len(history.epoch) == 1


def first(number, data):
    return keras.tree.map_structure(lambda rows: rows[:number], data)


def fingerprint(hypermodel_, hp, x, y):
    """Say what a hypermodel makes of its values: weights after fit."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model = hypermodel_.build(hp)
    hypermodel_.fit(hp, model, x, y, epochs=1, verbose=0)
    return [layer.tolist() for layer in model.get_weights()]


@pytest.mark.usefixtures("eager")
@by_hypermodel
def test_each_tuned_value_changes_the_model_or_its_training(path):
    hypermodel_ = hypermodel(load(path))
    train, _, _ = example(path)
    hp = kt.HyperParameters()
    hypermodel_.build(hp)
    # A batch and one more: any other size takes other steps.
    train = first(hp.values.get("batch_size", 32) + 1, train)
    plain = fingerprint(hypermodel_, hp, *train)
    assert fingerprint(hypermodel_, hp, *train) == plain
    for space in hp.space:
        changed = hp.copy()
        changed.values[space.name] = next(
            value
            for value in (
                space.prob_to_value(p / 10) for p in range(10)
            )
            if value != hp.values[space.name]
        )
        assert fingerprint(hypermodel_, changed, *train) != plain, (
            f"{space.name} changes nothing"
        )


@by_hypermodel
def test_a_range_with_a_step_reaches_its_end(path):
    hp = kt.HyperParameters()
    hypermodel(load(path)).build(hp)
    for space in hp.space:
        step = getattr(space, "step", None)
        if step and space.sampling == "linear":
            assert space.prob_to_value(0.999) + step > space.max_value


@by_hypermodel
def test_a_hypermodel_refuses_what_cannot_be(path):
    (thing,) = public(load(path))
    _, _, refused = example(path)
    assert refused
    for arguments, message in refused:
        with pytest.raises(ValueError, match=message):
            if inspect.isclass(thing):
                thing(**arguments)
            else:
                thing(kt.HyperParameters(), **arguments)


@by_hypermodel
def test_a_hypermodel_class_is_initialised_and_passes_on_what_it_gets(
    path,
):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ClassDef):
            continue
        methods = {
            item.name: ast.unparse(item)
            for item in node.body
            if isinstance(item, ast.FunctionDef)
        }
        assert "super().__init__(" in methods["__init__"]
        assert "**kwargs)" in methods["fit"].split("return", 1)[1]
        assert "epochs" not in methods["fit"]


def test_digits_are_split_alike_each_time_and_no_image_is_in_two_parts():
    from snippets.data.load_images import load_images

    first, second = load_images("digits"), load_images("digits")
    parts = ("train", "validation", "test")
    total = sum(len(getattr(first, part)[1]) for part in parts)
    assert total == 1797
    for part in parts:
        x, y = getattr(first, part)
        np.testing.assert_array_equal(x, getattr(second, part)[0])
        shares = np.bincount(y) / len(y)
        assert x.dtype == "float32" and x.shape == (len(y), 64)
        assert abs(shares - 0.1).max() < 0.02, "not stratified"
    rows = {
        part: {row.tobytes() for row in getattr(first, part)[0]}
        for part in parts
    }
    assert not rows["train"] & rows["test"]
    assert not rows["train"] & rows["validation"]
    assert not rows["validation"] & rows["test"]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_downloaded_set_keeps_its_own_test_images(
    name, tmp_path, monkeypatch
):
    """The real loader of keras.datasets reads a small file of its format."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    from snippets.data.load_images import load_images

    values = np.random.default_rng(1).integers(0, 256, (120, 28, 28))
    x, y = values.astype("uint8"), np.arange(120, dtype="uint8") % 10
    loader = getattr(keras.datasets, name)
    if name == "mnist":
        arrays = tmp_path / "mnist.npz"
        np.savez(
            arrays,
            x_train=x[:100],
            y_train=y[:100],
            x_test=x[100:],
            y_test=y[100:],
        )
        files = {"mnist.npz": arrays}
    else:
        import gzip

        files = {}
        for kind, part in (
            ("train", slice(100)),
            ("t10k", slice(100, 120)),
        ):
            for suffix, head, data in (
                ("labels-idx1-ubyte.gz", b"\0" * 8, y[part]),
                ("images-idx3-ubyte.gz", b"\0" * 16, x[part]),
            ):
                file = tmp_path / f"{kind}-{suffix}"
                file.write_bytes(gzip.compress(head + data.tobytes()))
                files[file.name] = file
    monkeypatch.setattr(
        sys.modules[loader.load_data.__module__],
        "get_file",
        lambda fname, **_: str(files[Path(fname).name]),
    )
    images = load_images(name)
    assert images.shape == (28, 28) and images.classes == 10
    assert (
        len(images.train[1]) == 80 and len(images.validation[1]) == 20
    )
    np.testing.assert_array_equal(images.test[1], y[100:])
    np.testing.assert_allclose(
        images.test[0], x[100:].reshape(20, 784) / 255, rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(40, 6, 5), (40, 30)])
def test_an_npz_of_images_or_of_features_is_read(shape, tmp_path):
    from snippets.data.load_images import load_images

    x = np.arange(40 * 30, dtype="float64").reshape(shape)
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(40) % 4)
    images = load_images(tmp_path / "mine.npz")
    assert images.classes == 4
    assert images.shape == (shape[1:] if len(shape) == 3 else (1, 30))
    assert images.train[0].min() == 0 and images.train[0].max() == 1


GOOD_X, GOOD_Y = (
    np.zeros((40, 6, 5)) + np.arange(40)[:, None, None],
    np.arange(40) % 4,
)
BAD = {
    "no x": ({"y": GOOD_Y}, "must hold two arrays, x and y"),
    "x of 4 axes": ({"x": GOOD_X[..., None], "y": GOOD_Y}, "x must be"),
    "too few labels": ({"x": GOOD_X, "y": GOOD_Y[:-1]}, "and y"),
    "empty": ({"x": GOOD_X[:0], "y": GOOD_Y[:0]}, "x must be"),
    "not finite": ({"x": GOOD_X + np.nan, "y": GOOD_Y}, "finite"),
    "text": ({"x": GOOD_X.astype(str), "y": GOOD_Y}, "finite numbers"),
    "from 1": ({"x": GOOD_X, "y": GOOD_Y + 1}, "labels must be"),
    "a gap": ({"x": GOOD_X, "y": GOOD_Y * 2}, "labels must be"),
    "fractions": ({"x": GOOD_X, "y": GOOD_Y / 2}, "labels must be"),
    "one class": ({"x": GOOD_X, "y": GOOD_Y * 0}, "at least 2 classes"),
    "objects": (
        {"x": GOOD_X, "y": GOOD_Y.astype(object)},
        "not a readable",
    ),
}


@pytest.mark.parametrize("arrays, message", BAD.values(), ids=BAD)
def test_a_bad_npz_is_refused_with_what_is_allowed(
    arrays, message, tmp_path
):
    from snippets.data.load_images import load_images

    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_images(tmp_path / "bad.npz")


def test_a_broken_file_a_missing_one_and_an_unknown_name_are_refused(
    tmp_path, monkeypatch
):
    from snippets.data.load_images import load_images

    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(ValueError, match="not a readable .npz"):
        load_images(tmp_path / "broken.npz")
    with pytest.raises(ValueError, match="there is no file"):
        load_images(tmp_path / "absent.npz")
    monkeypatch.setenv("TUTORIAL_DATASET", "cifar")
    with pytest.raises(
        ValueError,
        match="'digits', 'mnist_5000', 'mnist', 'fashion_mnist'",
    ):
        load_images()
