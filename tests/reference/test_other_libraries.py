"""What the phrase books name exists."""

import inspect
import operator
import re

import keras
import keras_tuner as kt
import sklearn.model_selection
from helpers import ROOT, SNIPPETS
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

PAGE = ROOT / "docs/reference/other_libraries.md"


def phrases(heading):
    """Return the first two columns of a phrase book's rows."""
    text = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2]
    text = text.partition("\n## ")[0]
    rows = re.findall(r"(?m)^\|(.*?)\|(.*?)\|", text)[2:]
    assert len(rows) > 15
    return rows


def test_what_the_phrase_books_name_exists_in_keras_tuner(tmp_path):
    class Anything(kt.RandomSearch):
        def run_trial(self, trial):
            return 0.0

    tuner = Anything(max_trials=1, directory=tmp_path)
    known = {
        "kt": kt,
        "tuner": tuner,
        "trial": kt.engine.trial.Trial(kt.HyperParameters()),
        "hp": kt.HyperParameters(),
    }
    snippets = "\n".join(path.read_text("utf-8") for path in SNIPPETS)
    makers = [
        kt.Tuner.__init__,
        kt.Tuner.__mro__[1].__init__,
        kt.Hyperband.__init__,
        kt.RandomSearch.__init__,
        known["hp"].Float,
        known["hp"].Choice,
    ]
    arguments = {"verbose"} | {
        name
        for maker in makers
        for name in inspect.signature(maker).parameters
    }
    rows = phrases("Optuna")
    rows += phrases("scikit-learn's searches")
    for _, cell in rows:
        code = " ".join(re.findall(r"`(.+?)`", cell))
        for owner, rest in re.findall(
            r"\b(kt|tuner|trial|hp)\.([\w.]*\w)", code
        ):
            operator.attrgetter(rest)(known[owner])  # or it raises
        for name in re.findall(r"\b(\w+)=", code):
            if name != "hp":
                assert name in arguments, name
        for name in re.findall(r"(?<![.\w])([a-z_]+)\(", code):
            if name != "build":
                assert f"\ndef {name}(" in snippets, name
        for name in re.findall(r"(?<![.\w=])([A-Z]\w+)", code):
            assert f"\nclass {name}(" in snippets or hasattr(
                keras.callbacks, name
            ), name


def test_what_the_phrase_book_names_exists_in_scikit_learn():
    classes = [
        getattr(sklearn.model_selection, name)
        for name in (
            "GridSearchCV",
            "HalvingRandomSearchCV",
            "RandomizedSearchCV",
        )
    ]
    known = {cls.__name__ for cls in classes}
    for cls in classes:
        known |= set(inspect.signature(cls).parameters)
        known |= set(re.findall(r"(?m)^    (\w+_) :", cls.__doc__))
    named = {
        name
        for cell, _ in phrases("scikit-learn's searches")
        for name in re.findall(r"`(\w+)", cell)
    }
    assert named and not named - known
