"""The recorded problems are whole, and their design fair."""

import importlib.util
import re
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import EVIDENCE

from snippets.data.load_problem import load_problem

FILES = sorted(EVIDENCE.glob("problem_*.npz"))
by_problem = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.stem
)


@pytest.fixture(scope="module")
def program():
    sys.path.insert(0, str(EVIDENCE))
    spec = importlib.util.spec_from_file_location(
        "record_problems", EVIDENCE / "record_problems.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(EVIDENCE))
    return module


@by_problem
def test_a_problem_is_whole(path, program):
    problem = load_problem(path)
    shape = 504, 5, 27
    for each in problem.validation, problem.test, problem.loss:
        assert each.shape == shape and np.isfinite(each).all()
    assert problem.tested.shape == shape[:2]
    assert (
        -1 <= problem.validation.min() <= problem.validation.max() <= 1
    )
    assert (problem.seconds > 0).all() and len(problem.rows) == 3
    kind = (
        "series"
        if 6 in set(problem.configurations["units"])
        else "dense"
    )
    pd.testing.assert_frame_equal(
        problem.configurations, program.design(kind), check_dtype=False
    )
    name = path.stem.removeprefix("problem_")
    assert name in program.PROBLEMS
    assert f"record_problems.py {name}" in problem.provenance


@by_problem
def test_there_is_something_to_find(path):
    """The best of one split is better than most on the others."""
    problem = load_problem(path)
    chosen = problem.validation.max(2).argmax(0)
    for split, row in enumerate(chosen):
        others = np.delete(problem.tested, split, axis=1).mean(1)
        assert others[row] > np.median(others)


def test_no_hyperparameter_goes_with_another(program):
    for kind in program.UNITS:
        table = program.design(kind).assign(
            schedule=lambda t: t["schedule"] == "cosine",
            activation=lambda t: t["activation"] == "relu",
            learning_rate=lambda t: np.log(t["learning_rate"]),
            weight_decay=lambda t: np.log(t["weight_decay"]),
        )
        together = table.astype(float).corr().to_numpy()
        assert np.abs(together - np.eye(len(together))).max() < 0.1
        assert not table.duplicated().any()


def test_records_are_at_most_twelve_mebibytes():
    assert FILES
    assert sum(path.stat().st_size for path in FILES) < 12 * 2**20


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=1)
    with pytest.raises(ValueError, match="no recorded problem.*layers"):
        load_problem(tmp_path / "other.npz")


def test_the_page_lists_what_is_recorded_and_what_it_cost(program):
    page = (EVIDENCE / "recorded_problems.md").read_text("utf-8")
    listed = re.findall(r"(?m)^\| `(\w+)` \|", page)
    names = [path.stem.removeprefix("problem_") for path in FILES]
    assert sorted(listed) == names == sorted(program.PROBLEMS)
    low, high = map(
        int, re.search(r"(\d+) to (\d+) CPU", page).groups()
    )
    runs = program.SPLITS * program.EPOCHS
    minutes = [
        load_problem(path).seconds.sum() * runs / 60 for path in FILES
    ]
    assert low == round(min(minutes)) and high == round(max(minutes))
