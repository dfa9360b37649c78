"""What the tools lean on that Keras Tuner may change without a word."""

import ast
import re

import keras
import keras_tuner as kt
import numpy as np
import pytest
from helpers import SNIPPETS
from tensorflow.python.framework import ops

from snippets.searches.safe import safe

ORACLES = kt.oracles
GRID = ORACLES.GridSearchOracle()
BAYESIAN = ORACLES.BayesianOptimizationOracle()
HYPERBAND = ORACLES.HyperbandOracle()
MASKED = keras.layers.Masking()(np.ones((1, 2, 3)))
EXCLUDING = keras.optimizers.Adam()
EXCLUDING.exclude_from_weight_decay(var_names=["bias"])
# Whose each private name is. The fewer the better.
PRIVATE = {
    "_is_worker": kt.Tuner,
    "_populate_initial_space": kt.Tuner,
    "_build_hypermodel": kt.Tuner,
    "_get_build_config_fname": kt.Tuner,
    "_save_trial": GRID,
    "_compare": GRID,
    "_ordered_ids": GRID,
    "_populate_next": GRID,
    "_random_state": BAYESIAN,
    "_vectorize_trials": BAYESIAN,
    "_vector_to_values": BAYESIAN,
    "_get_hp_bounds": BAYESIAN,
    "_get_size": HYPERBAND,
    "_get_num_brackets": HYPERBAND,
    "_registry": ops.gradient_registry,
    "_exclude_from_weight_decay": EXCLUDING,
    "_initial_epoch": keras.Sequential(),
    "_keras_mask": MASKED,
}
SEARCHES = [p for p in SNIPPETS if p.parent.name == "searches"]
TOOLS = {
    path.stem: path.read_text("utf-8")
    for path in SEARCHES
    if "def _check" in path.read_text("utf-8")
}


def private_names(path):
    tree = ast.parse(path.read_text("utf-8"))
    own = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(
            node, "value", None
        )
        private = isinstance(name, str) and re.match(
            r"_[a-z]\w+$", name
        )
        if private and name not in own | {"_exit"}:  # of os
            yield name


def test_the_tools_use_these_private_names_and_no_others():
    used = {name for path in SEARCHES for name in private_names(path)}
    assert used == set(PRIVATE)


@pytest.mark.parametrize("name", PRIVATE)
def test_each_is_still_there(name):
    assert hasattr(PRIVATE[name], name)


def test_all_tools_check_what_they_are_given_alike():
    assert len(TOOLS) == 12
    for name, text in TOOLS.items():
        check = text[text.index("def _check") :]
        assert check == next(iter(TOOLS.values()))[-len(check) :], name
        assert f'tools = _check(tuner_class, "{name}")' in text
        (tested,) = re.findall(r"(?m)^TESTED = (\(.*\))", text)
        assert kt.__version__ in ast.literal_eval(tested)


def test_a_version_that_was_not_tested_is_told(monkeypatch):
    monkeypatch.setattr(kt, "__version__", "9.0")
    with pytest.warns(
        UserWarning, match="safe is untested with .* 9.0"
    ):
        safe(kt.RandomSearch)


@pytest.mark.parametrize("path", SEARCHES, ids=lambda p: p.stem)
def test_no_tool_is_long(path):
    lines = path.read_text("utf-8").count("\n")
    longer = {"parallel_search": 249, "trained_together": 962}
    assert lines <= longer.get(path.stem, 150)
