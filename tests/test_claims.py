"""Sentences of the pages, each proved against Keras Tuner itself."""

import ast
import html
import os
import re
import signal
import sys

import keras
import keras_tuner as kt
import pytest
from helpers import (
    ROOT,
    TUTORIALS,
    executed_page,
    function,
    needs_posix,
    notebooks,
    warm,
)

from snippets.models.build_model import build_model
from snippets.models.image_classifier import ImageClassifier

# The other pages of the reference are run by their own tests.
PAGES = [
    path
    for path in sorted((ROOT / "docs").rglob("*.md"))
    if "\n::: " not in path.read_text("utf-8")
]


@pytest.mark.filterwarnings("ignore:The `logger` argument")  # as said
@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if p not in notebooks.documents()],
    ids=lambda p: p.stem,
)
def test_the_code_of_a_page_that_prints_nothing_runs(
    page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(
        ROOT / "snippets/searches"
    )  # downloaded
    names = {"__name__": "page"}
    for cell in notebooks.program_of(page).cells:
        exec(compile(cell.source, page.name, "exec"), names)


def printed(page):
    """Return what the code of a Markdown page printed on the page."""
    outputs = [
        output
        for cell in executed_page(page).cells
        for output in cell.outputs
    ]
    return "".join(
        output["text"]
        for output in outputs
        if output.get("name") == "stdout"
    )


def test_traps_are_what_the_page_says():
    text = printed(ROOT / "docs/explanation/hyperparameters.md")
    assert "[10, 30, 50]" in text  # 60 is never tried
    assert "[0.0, 0.1, 0.2, 0.3, 0.4]" in text  # nor is 0.5
    assert "\n10\n" in text  # the first definition won
    assert "\nmin" in text  # for a score that should grow
    assert not re.search(r"^0$", text, re.M)  # seed 0 was replaced


@pytest.mark.process
@pytest.mark.parametrize(
    "page", notebooks.documents(), ids=lambda p: p.stem
)
def test_a_page_shows_what_its_code_prints(page, site):
    name = page.relative_to(ROOT / "docs").with_suffix("")
    folder = site / (name.parent if name.name == "index" else name)
    text = (folder / "index.html").read_text("utf-8")
    text = html.unescape(re.sub("<[^>]+>", "", text))
    lines = printed(page).split("\n")
    assert any(lines)
    for line in lines:
        assert line.strip() in text, line
    assert " at 0x" not in text  # what it returned is not printed
    assert str(ROOT) not in text and "ipykernel" not in text


def test_python_on_a_page_is_where_it_is_executed():
    """Indented, or called py, it would be shown and never run."""
    for page in (ROOT / "docs").rglob("*.md"):
        missed = r"(?m)^ +```py.*|^```py(?!thon).*"
        assert not re.findall(missed, page.read_text("utf-8")), page


class Counted(kt.Hyperband):
    """The real oracle and loop; a trial is a number, not a model."""

    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("x")


@pytest.mark.parametrize(
    "max_epochs, factor",
    [
        (1, 3),
        (2, 3),
        (9, 3),
        (10, 3),
        (27, 3),
        (16, 4),
        (50, 2),
        (100, 5),
    ],
)
def test_the_rule_of_hyperband_is_what_its_oracle_does(
    max_epochs, factor, tmp_path
):
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    tuner = Counted(
        hyperparameters=hp,
        max_epochs=max_epochs,
        factor=factor,
        seed=1,
        directory=tmp_path,
    )
    tuner.search(verbose=0)
    counts, epochs = {}, 0
    for trial in tuner.oracle.trials.values():
        values = trial.hyperparameters.values
        where = values["tuner/bracket"], values["tuner/round"]
        counts[where] = counts.get(where, 0) + 1
        epochs += values["tuner/epochs"] - values["tuner/initial_epoch"]
    plan = function(ROOT / "tutorials/hyperband.py", "schedule")(
        max_epochs, factor
    )
    rounds = plan.set_index(["bracket", "round"])["trials"]
    assert rounds.to_dict() == counts
    assert plan["epochs in all"].sum() == epochs
    cost = function(
        ROOT / "docs/explanation/random_search_or_hyperband.md",
        "hyperband_cost",
    )
    assert cost(max_epochs, factor) == (sum(counts.values()), epochs)


def test_a_promoted_trial_keeps_its_optimizers_state(images, tmp_path):
    hypermodel, hp = ImageClassifier(), kt.HyperParameters()
    model = hypermodel.build(hp)
    hypermodel.fit(hp, model, *images.train, epochs=1, verbose=0)
    steps = int(model.optimizer.iterations)
    assert steps > 0
    model.save_weights(tmp_path / "promoted.weights.h5")
    keras.backend.clear_session()
    promoted = hypermodel.build(kt.HyperParameters())
    promoted.load_weights(tmp_path / "promoted.weights.h5")
    assert int(promoted.optimizer.iterations) == steps


def test_the_batch_size_varies_from_the_first_trial_on(tmp_path):
    drawn = set()
    for seed in range(1, 9):
        oracle = kt.RandomSearch(
            ImageClassifier(),
            objective=kt.Objective("val_accuracy", "max"),
            seed=seed,
            directory=tmp_path,
            project_name=str(seed),
        ).oracle
        trial = oracle.create_trial("tuner")
        drawn.add(trial.hyperparameters.values["batch_size"])
    assert len(drawn) > 1


def search(folder, killed_in=None):
    """Search with numbers, in a child; note what was run."""

    class Noted(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            x = trial.hyperparameters.get("x")
            with open(folder / "ran.txt", "a", encoding="utf-8") as ran:
                print(trial.trial_id, x, file=ran)
            if trial.trial_id == killed_in:
                os.kill(os.getpid(), signal.SIGKILL)
            return x

    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    Noted(
        hyperparameters=hp, max_trials=6, seed=1, directory=folder
    ).search(verbose=0)


@pytest.mark.process
def test_a_killed_search_goes_on_and_repeats_only_the_running_trial(
    tmp_path,
):
    needs_posix()
    ran = {}
    for name, kills in ("whole", [None]), ("torn", ["3", None]):
        folder = tmp_path / name
        folder.mkdir()
        for killed_in in kills:
            child = warm().Process(
                target=search, args=(folder, killed_in)
            )
            child.start()
            child.join()
            expected = -signal.SIGKILL if killed_in else 0
            assert child.exitcode == expected
        ran[name] = (folder / "ran.txt").read_text("utf-8").splitlines()
    assert len(ran["whole"]) == 6 and len(ran["torn"]) == 7
    assert ran["torn"][3] == ran["torn"][4]
    assert sorted(set(ran["torn"])) == sorted(ran["whole"])


def test_without_super_init_a_hypermodel_lacks_name_and_tunable():
    class Bare(kt.HyperModel):
        def __init__(self):
            pass

    assert not hasattr(Bare(), "tunable") and not hasattr(
        Bare(), "name"
    )
    assert ImageClassifier().tunable and ImageClassifier().name


def test_without_tensorboard_every_trial_fails(tmp_path, monkeypatch):
    for name in list(sys.modules):
        if name.startswith("tensorboard."):
            monkeypatch.delitem(sys.modules, name)
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    tuner = kt.RandomSearch(
        build_model,
        objective=kt.Objective("val_loss", "min"),
        max_trials=1,
        seed=1,
        directory=tmp_path,
    )
    data = keras.ops.zeros((8, 64)), keras.ops.zeros((8,))
    tuner.search(*data, validation_data=data, verbose=0)
    (trial,) = tuner.oracle.trials.values()
    assert trial.status == "FAILED"
    assert "No module named 'tensorboard" in trial.message


ADVICE = """Try many configurations briefly: on fifteen problems
Hyperband, its winner then trained in full, was ahead of RandomSearch on
14 for the price of seven full trials, and on 13, by little, for that of
56."""


@pytest.mark.parametrize(
    "page",
    [
        "docs/index.md",
        "docs/reference/faq.md",
        "docs/explanation/random_search_or_hyperband.md",
        "tutorials/hyperband.py",
        "tutorials/evidence/many_problems.py",
    ],
)
def test_pages_that_advise_which_tuner_say_the_same(page):
    """What it says, many_problems asserts on the recorded races."""
    text = (ROOT / page).read_text("utf-8").replace("`", "")
    text = re.sub(r"\n(# )? *", " ", text)
    assert " ".join(ADVICE.split()) in text


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda p: p.stem)
def test_how_sure_is_said_by_one_snippet(path):
    """No page has a test, an error or a verdict of its own making."""
    text = path.read_text("utf-8")
    own = (
        r" ± |\.sem\(|\"sem\"|ttest_|wilcoxon|1\.96|two standard errors"
    )
    assert not re.search(own, text)


def seeds(node):
    """Return whether a part of a page gives a search its seed."""
    parts = ast.walk(node)
    return any(
        isinstance(p, ast.keyword) and p.arg == "seed" for p in parts
    )


# One page shows what close seeds do.
@pytest.mark.parametrize(
    "path",
    [
        path
        for path in TUTORIALS
        if path.stem != "reproducible_searches"
    ],
    ids=lambda p: p.stem,
)
def test_repeats_of_a_search_have_seeds_that_lie_apart(path):
    """A loop of searches takes its seeds from independent_seeds."""
    page = ast.parse(path.read_text("utf-8"))
    parts = list(ast.walk(page))
    values = {
        ast.unparse(part.targets[0]): ast.unparse(part.value)
        for part in parts
        if isinstance(part, ast.Assign)
    }
    searching = {
        part.name
        for part in parts
        if isinstance(part, ast.FunctionDef) and seeds(part)
    }
    for loop in parts:
        if not isinstance(loop, ast.For):
            continue
        if not re.search(r"\bseed\b", ast.unparse(loop.target)):
            continue
        called = {
            part.func.id
            for part in ast.walk(loop)
            if isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name)
        }
        if seeds(loop) or called & searching:
            given = ast.unparse(loop.iter)
            assert "independent_seeds" in values.get(given, given)
