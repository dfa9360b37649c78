"""Trials trained together, and every other tool around or inside."""

import itertools

import keras
import keras_tuner as kt
import numpy as np
import pytest

from snippets.searches import trained_together as module
from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.flat_memory import flat_memory
from snippets.searches.quick_proposals import quick_proposals
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe
from snippets.searches.scored_failures import scored_failures
from snippets.searches.stop_after import stop_after
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)
from snippets.searches.trained_together import trained_together
from snippets.searches.try_first import try_first

pytestmark = pytest.mark.process
X = np.random.default_rng(1).normal(size=(40, 3)).astype("float32")
Y = X.sum(axis=1)
KNOWN = {"rate": 0.05, "dropout": 0.5}
TOOLS = {
    "resumable": resumable,
    "safe": safe,
    "few_checkpoints": few_checkpoints,
    "flat_memory": flat_memory,
    "scored_failures": lambda c: scored_failures(c, 1e3),
    "stop_after": lambda c: stop_after(
        c, seconds=7, clock=itertools.count().__next__
    ),
    "stop_without_progress": lambda c: stop_without_progress(
        c, patience=2, min_delta=1e9
    ),
    "try_first": lambda c: try_first(c, [KNOWN]),
    "quick_proposals": quick_proposals,
}


class Model(kt.HyperModel):
    """One layer; with `fails`, what drops much can't be built."""

    def __init__(self, fails):
        super().__init__()
        self.fails = fails

    def build(self, hp):
        rate = hp.Float("rate", 1e-3, 0.1, sampling="log")
        dropout = hp.Float("dropout", 0.0, 0.9)
        if self.fails and dropout > 0.6:
            raise ValueError("too much")
        model = keras.Sequential([keras.Input((3,))])
        model.add(keras.layers.Dropout(dropout))
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.SGD(rate), "mse")
        model.optimizer.build(model.trainable_variables)
        return model


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(
    "name, tuner",
    [
        *((name, "RandomSearch") for name in TOOLS),
        ("few_checkpoints", "Hyperband"),
        ("scored_failures", "Hyperband"),
        ("resumable", "Hyperband"),
    ],
)
def test_both_do_what_they_promise(
    name, tuner, outside, tmp_path, monkeypatch
):
    stacked, real = [], module._fit_together

    def counted(fits, *args):
        stacked.append(len(fits))
        return real(fits, *args)

    monkeypatch.setattr(module, "_fit_together", counted)
    limits = {"max_trials": 8, "max_consecutive_failed_trials": 9}
    if tuner == "Hyperband":
        limits = {"max_epochs": 4, "factor": 2}
    if name == "quick_proposals":
        tuner, limits["num_initial_points"] = "BayesianOptimization", 3
    tools = [TOOLS[name], lambda c: trained_together(c, at_most=4)]
    tuner_class = getattr(kt, tuner)
    for tool in tools[:: -1 if outside else 1]:
        tuner_class = tool(tuner_class)

    def made():
        return tuner_class(
            Model(fails=name == "scored_failures"),
            objective="val_loss",
            seed=1,
            directory=tmp_path,
            project_name="p",
            **limits,
        )

    search = made()
    search.search(X, Y, epochs=2, validation_data=(X, Y), verbose=0)

    assert max(stacked) > 1
    oracle = search.oracle
    trials = oracle.trials
    assert not oracle.ongoing_trials
    assert sorted(oracle.end_order) == sorted(trials)
    assert {t.status for t in trials.values()} == {"COMPLETED"}
    (best,), (model,) = (
        oracle.get_best_trials(1),
        search.get_best_models(1),
    )
    loss = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(best.score, rel=1e-4)
    first, *_ = trials.values()
    weights = len([*tmp_path.glob("p/trial_*/*.weights.h5")])
    failed = [t for t in trials.values() if t.score == 1e3]
    assert bool(failed) == (name == "scored_failures")
    few = weights < len(trials) - len(failed)
    assert few == (name == "few_checkpoints")
    if name == "try_first":
        assert KNOWN.items() <= first.hyperparameters.values.items()
    if tuner == "RandomSearch":
        stops = name in ("stop_after", "stop_without_progress")
        assert (len(trials) < 8) == stops
    if name in ("safe", "resumable"):
        again = made()
        again.search(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
        assert again.oracle.end_order == oracle.end_order
