"""Any two tools, in either order, both work, under every tuner."""

import itertools
import json
from pathlib import Path

import keras_tuner as kt
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor

from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.flat_memory import flat_memory
from snippets.searches.quick_proposals import quick_proposals
from snippets.searches.renewed import renewed
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe
from snippets.searches.scored_failures import scored_failures
from snippets.searches.stop_after import stop_after
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)
from snippets.searches.trained_together import trained_together
from snippets.searches.try_first import try_first

TUNERS = {
    kt.RandomSearch: {"max_trials": 8},
    kt.GridSearch: {"max_trials": 8},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
    kt.BayesianOptimization: {"max_trials": 8, "num_initial_points": 5},
}
WORST, FAILS = 1e3, "3"


class Killed(BaseException):
    """What no code may catch, as none can catch SIGKILL."""


class World:
    """A folder, and what its searches did, over all processes."""

    def __init__(self, folder):
        self.folder = folder
        self.ran, self.now, self.kill_in, self.killed = [], 0.0, None, 0
        self.processes = 0
        self.meanwhile = lambda: None

    @property
    def mark(self):
        """Begin the names that its trials register."""
        return f"CustomGradient-{id(self)}-"

    def tools(self):
        return {
            "resumable": resumable,
            "safe": safe,
            "few_checkpoints": few_checkpoints,
            "flat_memory": flat_memory,
            "scored_failures": lambda c: scored_failures(c, WORST),
            "renewed": lambda c: renewed(c, trials=3),
            "stop_after": lambda c: stop_after(
                c, seconds=55, clock=lambda: self.now
            ),
            "stop_without_progress": lambda c: stop_without_progress(
                c, patience=5
            ),
            "try_first": lambda c: try_first(c, [{"x": 0.125}]),
            "quick_proposals": quick_proposals,
            # Numbers it trains alone; models stacked with each tool are
            # in test_trained_together.
            "trained_together": trained_together,
        }

    def made(self, tuner_class, names=(), **changed):
        """Make a tuner of numbers, the tools applied in that order."""
        world = self

        class Numbers(tuner_class):
            def run_trial(self, trial, *args, **kwargs):
                number = trial.trial_id
                world.ran.append(number)
                world.now += 10
                world.meanwhile()
                registry = flat_memory(kt.RandomSearch).registry()
                registry[f"{world.mark}{len(world.ran)}"] = None
                folder = Path(self.get_trial_dir(number))
                (folder / "checkpoint.weights.h5").touch()
                if number.lstrip("0") == world.kill_in:
                    world.killed += 1
                    raise Killed
                if number.lstrip("0") == FAILS:
                    raise ValueError("out of luck")
                # Worse and worse, but for the first.
                return {"score": float(number) or 0.5}

        for name in names:
            Numbers = world.tools()[name](Numbers)
        space = kt.HyperParameters()
        space.Float("x", 0.0, 1.0)
        space.Float("y", 0.0, 1.0)
        settings = {
            "hyperparameters": space,
            "objective": kt.Objective("score", "min"),
            "seed": 1,
            "directory": self.folder,
            "project_name": "search",
        }
        return Numbers(**(settings | TUNERS[tuner_class] | changed))

    def search(self, tuner_class, names=()):
        """Search, process after process, until the search has ended."""
        self.processes = 0
        for _ in range(99):
            tuner = self.made(tuner_class, names)
            self.processes += 1
            try:
                tuner.search(verbose=0)
                return tuner
            except SystemExit as ended:
                assert ended.code == 75 and "renewed" in names
        raise AssertionError("it does not end")


def values(tuner):
    trials = tuner.oracle.trials
    return {
        int(name): trials[name].hyperparameters.values
        for name in trials
    }


def refused(tuner_class, names):
    """Return what a combination is refused with, or nothing."""
    kind, reasons = tuner_class.__name__, []
    if "stop_without_progress" in names and kind == "Hyperband":
        reasons.append("choose its max_epochs")
    if "try_first" in names and kind == "GridSearch":
        reasons.append("GridSearch starts with the defaults")
    if "quick_proposals" in names and kind != "BayesianOptimization":
        reasons.append("quick_proposals is for kt.BayesianOptimization")
    if {"renewed", "trained_together"} <= {*names}:
        reasons.append("not with renewed")
    if "renewed" in names and "resumable" not in names:
        reasons += ["GridSearch forgets"] * (kind == "GridSearch")
    return "|".join(reasons)


@pytest.fixture(autouse=True)
def tidy(cheap_proposals):
    yield
    registry = flat_memory(kt.RandomSearch).registry()
    for name in [*registry]:
        if str(name).startswith("CustomGradient-"):
            del registry[name]


def limit(tuner, names):
    """Return how many trials these tools let begin."""
    number = 8
    if isinstance(tuner, kt.Hyperband):
        # A failed trial costs its bracket what it would have promoted.
        number = 15 if "scored_failures" in names else 13
    for name in ("stop_after", "stop_without_progress"):
        number = 6 if name in names else number
    return number


def check(tuner, world, names):
    """Hold a search that has ended against each tool's promise."""
    oracle = tuner.oracle
    trials = {int(n): t for n, t in oracle.trials.items()}
    assert len(trials) == limit(tuner, names)
    failed = trials[int(FAILS)]
    if "scored_failures" in names:
        assert failed.status == "COMPLETED" and failed.score == WORST
        assert failed.metrics.exists("failed")
        assert "out of luck" in failed.message
    else:
        assert failed.status == "FAILED"
    completed = {n for n, t in trials.items() if t.status != "FAILED"}
    assert completed | {int(FAILS)} == set(trials)
    weights = {
        int(path.parent.name.removeprefix("trial_"))
        for path in world.folder.glob("search/trial_*/checkpoint*")
    }
    if "few_checkpoints" not in names:
        assert weights == set(trials)
    elif isinstance(oracle, kt.oracles.HyperbandOracle):
        over = "stop_after" not in names  # else its bracket goes on
        assert 0 in weights and (len(weights) < len(trials)) == over
    else:
        assert weights == {0}
    if "try_first" in names:
        assert trials[0].hyperparameters.get("x") == 0.125
    registry = flat_memory(kt.RandomSearch).registry()
    mine = [n for n in registry if str(n).startswith(world.mark)]
    flat = "flat_memory" in names
    assert len(mine) == (world.killed if flat else len(world.ran))
    state = json.loads(
        (world.folder / "search/oracle.json").read_text("utf-8")
    )
    assert ("trials" in state) == ("safe" in names)
    assert ("seconds" in state) == ("stop_after" in names)
    assert sorted(oracle.end_order) == sorted(oracle.trials)
    assert len(set(oracle.end_order)) == len(oracle.end_order)


plain = {}  # what each tuner tries without tools
PAIRS = [*itertools.permutations(World(None).tools(), 2)]


@pytest.mark.filterwarnings("ignore:failed before")
@pytest.mark.filterwarnings("ignore:trained alone")
@pytest.mark.parametrize(
    "tuner_class", TUNERS, ids=lambda c: c.__name__
)
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_both_work(names, tuner_class, tmp_path, monkeypatch, capsys):
    message = refused(tuner_class, names)
    if message:
        with pytest.raises(ValueError, match=message):
            World(tmp_path).made(tuner_class, names)
        return
    asked = []
    predict = GaussianProcessRegressor.predict
    monkeypatch.setattr(
        GaussianProcessRegressor,
        "predict",
        lambda *args, **kw: asked.append(1) or predict(*args, **kw),
    )
    if tuner_class not in plain:
        tuner = World(tmp_path / "plain").search(tuner_class)
        plain[tuner_class] = values(tuner)
        bayesian = tuner_class is kt.BayesianOptimization
        assert bool(asked) == bayesian
        asked.clear()

    world = World(tmp_path / "whole")
    if "safe" in names:

        def meanwhile():
            with pytest.raises(BlockingIOError, match="searches in"):
                World(world.folder).made(tuner_class, ["safe"])

        world.meanwhile = meanwhile
    whole = world.search(tuner_class, names)
    check(whole, world, names)
    expected = values(whole)
    assert world.ran == sorted(world.ran)
    assert (world.processes > 1) == ("renewed" in names)
    if tuner_class is kt.RandomSearch and "try_first" not in names:
        ids = range(len(expected))
        assert expected == {n: plain[tuner_class][n] for n in ids}
    if "quick_proposals" in names:
        assert not asked

    if tuner_class is kt.GridSearch and "resumable" not in names:
        return  # Keras Tuner's own does not find its place again
    exact = "resumable" in names or tuner_class in (
        kt.RandomSearch,
        kt.Hyperband,
    )
    world = World(tmp_path / "killed")
    world.kill_in = "4"
    with pytest.raises(Killed):
        world.search(tuner_class, names)
    world.kill_in = None
    again = world.search(tuner_class, names)
    check(again, world, names)
    twice = {int(n) for n in world.ran if world.ran.count(n) > 1}
    assert twice == {4}
    if exact:
        assert values(again) == expected

    ran = len(world.ran)
    again = world.search(tuner_class, names)
    assert len(world.ran) == ran
    check(again, world, names)
    if "resumable" in names:
        with pytest.raises(ValueError, match="with seed 1, not 2"):
            world.made(tuner_class, names, seed=2)


@pytest.mark.parametrize("name", World(None).tools())
def test_none_is_applied_twice_or_to_what_is_no_class(name, tmp_path):
    tool = World(tmp_path).tools()[name]
    with pytest.raises(ValueError, match=f"{name} has been applied"):
        tool(flat_or(name)(tool(kt.BayesianOptimization)))
    for wrong in (kt.HyperModel, "RandomSearch", None, object()):
        with pytest.raises(ValueError, match="such as kt.RandomSearch"):
            tool(wrong)


def flat_or(name):
    """Return another tool than this, to stand between two of it."""
    return safe if name == "flat_memory" else flat_memory
