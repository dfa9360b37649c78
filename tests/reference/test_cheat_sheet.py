"""The cheat sheet says what Keras Tuner does, on one page of paper."""

import ast
import inspect
import re

import keras_tuner as kt
import pytest
from helpers import ROOT, function, notebooks

PAGE = ROOT / "docs/reference/cheat_sheet.md"
TEXT = PAGE.read_text("utf-8")
MESSAGES = ROOT / "tutorials/reference/error_messages.py"
PLAN = ROOT / "docs/explanation/random_search_or_hyperband.md"


def rows(head):
    """Return the cells of the table whose first column has this head."""
    table = TEXT.split(f"\n| {head} |")[1].split("\n\n")[0]
    lines = re.findall(r"(?m)^\| (.+) \|$", table)
    assert len(lines) >= 5
    return [line.split(" | ") for line in lines]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """What the page's code has made, and in which folder."""
    names, folder = {"__name__": "page"}, tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for cell in notebooks.program_of(PAGE).cells:
            exec(cell.source, names)
    return names, folder


def test_each_value_is_one_that_keras_tuner_tries():
    calls = TEXT.split("\n| call | values |")[1].split("\n\n")[0]
    lines = re.findall(r"(?m)^\| `(.+)` \| (.+) \|$", calls)
    assert len(lines) > 6
    for call, said in lines:
        hp = kt.HyperParameters()
        eval(call, {"hp": hp})
        (drawn,) = hp.space
        count = len(list(drawn.values))
        values = [
            drawn.prob_to_value((n + 0.5) / count) for n in range(count)
        ]
        shown = [
            round(v, 9) if isinstance(v, float) else v for v in values
        ]
        assert ", ".join(map(str, shown)) == said, call


def defaults(name):
    """Return what the constructors of a class take by themselves."""
    found = {}
    for each in reversed(getattr(kt, name).__mro__[:-1]):
        taken = inspect.signature(each.__init__).parameters.values()
        found |= {one.name: one.default for one in taken}
    return found


def test_each_default_is_keras_tuners():
    for tuner, said in rows("tuner"):
        known = defaults(re.search(r"`kt\.(\w+)`", tuner)[1])
        pairs = re.findall(r"`(\w+)=([^`]+)`", said)
        assert pairs
        for name, value in pairs:
            assert known[name] == ast.literal_eval(value), name


def test_bayesian_optimization_begins_with_three_a_hyperparameter(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    drawn = []

    class Counted(kt.oracles.BayesianOptimizationOracle):
        def _random_populate_space(self):
            drawn.append(len(self.trials))
            return super()._random_populate_space()

    class Numbers(kt.Tuner):
        def run_trial(self, trial, **_):
            return trial.hyperparameters.get("x")

    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Float("y", 0.0, 1.0)
    oracle = Counted(max_trials=8, seed=1, hyperparameters=hp)
    Numbers(oracle=oracle).search(verbose=0)
    assert len(drawn) == 3 * 2


def test_hyperband_costs_what_the_rule_says():
    cost = function(PLAN, "hyperband_cost")
    for setting, trials, epochs in rows("Hyperband of"):
        if found := re.search(r"max_epochs=(\d+)", setting):
            said = int(trials), int(epochs)
            assert cost(int(found[1]), 3) == said, setting


def test_the_results_are_got_by_these_calls(
    searched, capsys, monkeypatch
):
    names, folder = searched
    monkeypatch.chdir(folder)
    (trial, *_) = names["tuner"].oracle.get_best_trials(3)
    names |= {"trial": trial}
    gives = dict(rows("call"))
    results = {
        call: eval(call.strip("`"), names)
        for call in gives
        if not call.startswith("`hp.") and "`" in call
    }
    assert "Showing 3 best trials" in capsys.readouterr().out
    assert results["`trial.status`"] == "COMPLETED"
    values = results["`trial.hyperparameters.values`"]
    (_, best, model, trials, *_) = results.values()
    assert best.values == values and len(trials) == 3
    x, y = names["x"][-360:] / 16, names["y"][-360:]
    _, score = model.evaluate(x, y, verbose=0)
    assert score == pytest.approx(results["`trial.score`"], abs=0.01)
    assert results["`trial.best_step`"] in (0, 1)  # of two epochs


def test_the_files_are_where_the_page_says(searched):
    _, folder = searched
    said = re.search(r"(?s)\nFiles are in (.+?)\.\n", TEXT)[1]
    place, *files = re.findall(r"`([^`]+)`", said)
    assert len(files) == 4
    for name in files:
        assert (folder / place / name).is_file(), name


def test_each_message_has_its_entry():
    known = MESSAGES.read_text("utf-8")
    for message, _ in rows("message"):
        if message.startswith("`"):
            assert re.search(
                rf"(?m)^# ### .*{re.escape(message.strip('`'))}", known
            ), message


@pytest.mark.parametrize("margin", ["0", "10mm", "20mm"])
def test_it_prints_on_one_page_of_a4(margin, tab):
    page = tab("reference/cheat_sheet/")
    sides = dict.fromkeys(("top", "right", "bottom", "left"), margin)
    printed = page.pdf(format="A4", margin=sides)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
