"""Killed at any moment, whatever the tools, a search ends the same.

    KILLS=1000 pytest tests/searches/test_killed_tools.py

kills as often as that, each search with tools of its own.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import keras_tuner as kt
import pytest
from helpers import needs_posix

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
from snippets.searches.try_first import try_first

needs_posix()
KILLS = int(os.environ.get("KILLS", 40))
TUNERS = {
    kt.RandomSearch: {"max_trials": 12},
    kt.GridSearch: {"max_trials": 12},
    kt.Hyperband: {"max_epochs": 4, "factor": 2},
    kt.BayesianOptimization: {"max_trials": 9, "num_initial_points": 6},
}
WEIGHTS = "checkpoint.weights.h5"


def score(values):
    """Some fail; equal values have equal scores."""
    if 0.4 < values["x"] < 0.5:
        raise ValueError("out of luck")
    return round(values["x"] + values["y"], 2)


def numbers(tuner_class, log):
    """Trials of no time, that say what they do and leave weights."""

    def say(*what):
        with open(log, "a", encoding="utf-8") as file:
            print(json.dumps(what), file=file)

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            say("ran", trial.trial_id)
            values = trial.hyperparameters.values
            if "tuner/trial_id" in values:
                self.load(values["tuner/trial_id"])
            found = score(values)
            folder = Path(self.get_trial_dir(trial.trial_id))
            text = 999 * json.dumps([values["x"], values["y"]])
            (folder / WEIGHTS).write_text(text, "utf-8")
            return {"score": found}

        def load(self, name):
            path = Path(self.get_trial_dir(name), WEIGHTS)
            text = path.read_text("utf-8")
            return json.loads(text[: len(text) // 999])

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            say("ended", trial.trial_id)

    return Numbers


def drawn(number):
    """Return a tuner class and tools in a random order."""
    chance = random.Random(number)
    tuner_class = chance.choice([*TUNERS])
    tools = [
        few_checkpoints,
        flat_memory,
        lambda c: scored_failures(c, worst=1e3),
        lambda c: renewed(c, trials=3),
        lambda c: stop_after(c, hours=9),
    ]
    if tuner_class is not kt.GridSearch:
        tools += [lambda c: try_first(c, [{"x": 0.75}, {"y": 0.125}])]
    if tuner_class is not kt.Hyperband:
        tools += [lambda c: stop_without_progress(c, patience=7)]
    if tuner_class is kt.BayesianOptimization:
        tools += [quick_proposals]
    chosen = [safe, resumable]
    chosen += chance.sample(tools, chance.randint(0, len(tools)))
    chance.shuffle(chosen)
    return tuner_class, chosen


def made(number, folder):
    tuner_class, tools = drawn(number)
    wrapped = numbers(tuner_class, folder / "log.jsonl")
    for tool in tools:
        wrapped = tool(wrapped)
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    space.Float("y", 0.0, 1.0)
    return wrapped(
        hyperparameters=space,
        objective=kt.Objective("score", "min"),
        max_consecutive_failed_trials=99,
        seed=number + 1,
        directory=folder,
        project_name="killed",
        **TUNERS[tuner_class],
    )


def search(number, folder):
    """Search in this process, which then ends."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1), os.dup2(devnull, 2)
    made(number, folder).search(verbose=0)
    os._exit(0)


def until_killed(number, folder, after=None):
    """Return True if the search has ended, in processes of its own."""
    context = multiprocessing.get_context("fork")
    while True:
        child = context.Process(target=search, args=(number, folder))
        child.start()
        child.join(after)
        if child.exitcode is None:
            child.kill()
            child.join()
        if child.exitcode != 75:  # the tool `renewed`
            assert child.exitcode in (0, -signal.SIGKILL)
            return child.exitcode == 0


def outcome(tuner):
    return {
        name: (t.status, t.hyperparameters.values, t.score)
        for name, t in sorted(tuner.oracle.trials.items())
    }


def check(number, folder, expected):
    tuner = made(number, folder)
    assert outcome(tuner) == expected
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    over = set()
    for what, name in map(json.loads, lines):
        assert what == "ended" or name not in over, "run once more"
        if what == "ended":
            over.add(name)
    best = tuner.oracle.get_best_trials()[0]
    values = best.hyperparameters.values
    assert tuner.load(best.trial_id) == [values["x"], values["y"]]


@pytest.mark.process
@pytest.mark.filterwarnings("ignore")
def test_it_ends_as_if_it_had_not_been_killed(
    tmp_path, cheap_proposals
):
    kills, number = 0, 0
    while kills < KILLS:
        number += 1
        whole = tmp_path / f"{number}" / "whole"
        folder = tmp_path / f"{number}" / "killed"
        whole.mkdir(parents=True)
        folder.mkdir()
        began = time.monotonic()
        assert until_killed(number, whole)
        takes = time.monotonic() - began
        expected = outcome(made(number, whole))
        assert len(expected) > 3
        chance = random.Random(number)
        for _ in range(4):
            if until_killed(number, folder, chance.uniform(0, takes)):
                break
            kills += 1
        assert until_killed(number, folder)
        check(number, folder, expected)
        assert until_killed(number, folder)  # the finished script
        check(number, folder, expected)
    print(f"{kills} kills of {number} searches")
