"""The answers are short, lead to a page, and say what is so."""

import importlib
import re
import textwrap
from os.path import normpath
from pathlib import Path

import keras
import keras_tuner as kt
import pytest
from browsing import missed
from helpers import ROOT, TUTORIALS, function

PAGE = ROOT / "docs/reference/faq.md"
LINK = re.compile(r"\[((?:`[^`]*`|[^]])*)\]\(([^)]*)\)")
PARTS = re.split(r"(?m)^### (.+)\n", PAGE.read_text("utf-8"))[1:]
ANSWERS = {
    question: re.split(r"(?m)^## ", answer)[0].strip()
    for question, answer in zip(PARTS[::2], PARTS[1::2], strict=True)
}
each = pytest.mark.parametrize("question", ANSWERS)

# What readers type, in the order of how often it is asked, and the page
# that search should show them first: this one, or one that proves it.
ASKED = {
    "hyperband too many trials": ("hyperband_planner", "hyperband"),
    "optimize batch size epochs": "batch_size_and_epochs",
    "get_best_models differs from retrained": (
        "retrain_and_ship",
        "what_a_score_means",
    ),
    "custom metric objective name": "objectives",
    "k-fold cross validation": "cross_validation",
    "continue search after crash": "resume",
    "out of memory RAM": ("memory_and_disk", "failed_trials"),
    "use 4 GPUs": ("on_a_gpu", "several_processes", "faq"),
    "results not reproducible": "reproducible_searches",
    "EarlyStopping callback Hyperband": "callbacks",
    "fewer trials than combinations": ("grid_search", "faq"),
    "num_layers units_2 still listed": ("conditional_spaces", "faq"),
    "export results csv": "results",
    "trial failed NaN loss": "failed_trials",
    "meaning of executions_per_trial": (
        "how_sure",
        "what_a_score_means",
        "faq",
    ),
    "ImageDataGenerator tf.data": "data_pipelines",
    "delete checkpoints disk space": "memory_and_disk",
    "tensorboard hparams tab empty": "hparams_in_tensorboard",
    "initial values warm start": "known_values_and_limits",
    "best tuner random bayesian hyperband": (
        "which_tuner",
        "many_problems",
        "random_search_or_hyperband",
        "faq",
    ),
    "pytorch jax backend": ("versions", "faq"),
    "train_step gan": (
        "subclassed_models",
        "custom_training_loops",
        "faq",
    ),
    "DQN agent reward": "faq",
    "MultiHeadAttention blocks": ("faq", "texts"),
    "LeaveOneGroupOut folds": ("faq", "cross_validation"),
    "no validation set": ("faq", "train_validation_test"),
    "powers of ten": ("faq", "grid_search"),
    "search for each group": ("resume", "faq"),
    "Google Drive": "faq",
    "multi-objective": "multiple_objectives",
    "timeout": ("known_values_and_limits", "faq"),
    "silence output verbose": "faq",
    "fix some hyperparameters": ("part_of_a_model", "faq"),
    "hp.Choice None tuple": ("corrections", "faq"),
    "sklearn pipeline": "scikit_learn",
    "image augmentation": ("convolutional_network", "faq"),
    "wandb": ("experiment_trackers", "faq"),
    "bayesian optimization takes long": (
        "bayesian_optimization",
        "faq",
    ),
    "best epoch": (
        "retrain_and_ship",
        "batch_size_and_epochs",
        "what_a_score_means",
        "faq",
    ),
    "Windows path too long": "faq",
    "hyperparameter importance": "results",
    "mixed_float16 float32": "on_a_gpu",
    "untrusted search folder": ("strangers_folder", "faq"),
    "chief port security": ("several_machines", "faq"),
}


def as_read(answer):
    """Return what a reader sees: links are their text."""
    return " ".join(LINK.sub(r"\1", answer).split())


def test_all_44_questions_are_answered_and_can_be_searched_for():
    assert len(ANSWERS) == len(ASKED) == 44
    pages = {path.stem for path in ROOT.glob("docs/**/*.md")}
    pages |= {path.stem for path in TUTORIALS}
    for query, wanted in ASKED.items():
        wanted = {wanted} if isinstance(wanted, str) else set(wanted)
        assert wanted <= pages, query
        copied = [q for q in ANSWERS if query.lower() in q.lower()]
        assert " " not in query or not copied, "in a heading's words"


@each
def test_an_answer_is_read_in_five_lines(question):
    assert question.endswith("?") and len(question) <= 68
    read = textwrap.wrap(as_read(ANSWERS[question]), 72)
    assert 2 <= len(read) <= 5, read
    for line in ANSWERS[question].splitlines():
        assert len(line) <= 72 or re.search(r"\]\(\S+$", line)


@each
def test_an_answer_leads_to_a_page_of_this_guide(question):
    targets = [target for _, target in LINK.findall(ANSWERS[question])]
    assert targets
    for target in targets:
        assert not target.startswith("http"), target
        place = normpath(f"reference/{target.partition('#')[0]}")
        folder = ROOT if place.endswith(".py") else ROOT / "docs"
        assert (folder / place).is_file(), target


def numbers(tuner_class, tmp_path, run=None, **settings):
    """Search without models: a trial is what `run` makes of it."""

    class Numbers(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            values = trial.hyperparameters.values
            return run(values) if run else values["x"]

    if "hyperparameters" not in settings:
        settings["hyperparameters"] = kt.HyperParameters()
        settings["hyperparameters"].Float("x", 0.0, 1.0)
    settings.setdefault("objective", kt.Objective("score", "max"))
    tuner = Numbers(seed=1, directory=tmp_path, **settings)
    tuner.search(verbose=0)
    return tuner


def test_hyperband_takes_no_number_of_trials(tmp_path):
    with pytest.raises(ValueError, match="max_trials"):
        numbers(kt.Hyperband, tmp_path, max_trials=3)


def test_a_lower_max_epochs_never_makes_hyperband_train_more():
    cost = function(
        ROOT / "docs/explanation/random_search_or_hyperband.md",
        "hyperband_cost",
    )
    for factor in (2, 3, 4, 5):
        epochs = [cost(most, factor)[1] for most in range(1, 300)]
        assert epochs == sorted(epochs)


def test_a_choice_takes_one_kind_of_value_and_no_tuples():
    hp = kt.HyperParameters()
    for name, values in {
        "numbers": [1, 2],
        "floats": [0.1, 0.2],
        "words": ["a", "b"],
    }.items():
        assert hp.Choice(name, values) == values[0]
    for values in ([(1, 2), (3, 4)], [None, "a"], [None], [1, 0.5]):
        with pytest.raises(TypeError):
            hp.Choice("refused", values)
    drawn = hp.Choice("booleans", [True, False])
    assert drawn == 1 and not isinstance(drawn, bool)
    assert hp.Boolean("boolean") is False


def test_hyperband_ends_in_a_small_space_before_promoting(tmp_path):
    space = kt.HyperParameters()
    space.Int("x", 1, 9)
    tuner = numbers(
        kt.Hyperband, tmp_path, max_epochs=27, hyperparameters=space
    )
    values = [
        t.hyperparameters.values for t in tuner.oracle.trials.values()
    ]
    assert 0 < len(values) <= 9
    assert {v["tuner/round"] for v in values} == {0}


def test_the_best_step_of_executions_is_their_mean_rounded_down(
    tmp_path,
):
    def run(values):
        runs = []
        for best in (1, 2):
            history = keras.callbacks.History()
            history.history = {"score": [0.1] * best + [0.9]}
            runs.append(history)
        return runs

    tuner = numbers(kt.RandomSearch, tmp_path, run, max_trials=1)
    assert tuner.oracle.get_best_trials()[0].best_step == 1


class Given(kt.HyperModel):
    """Notes what `fit` is given; trains nothing."""

    def __init__(self):
        super().__init__()
        self.given = []

    def build(self, hp):
        hp.Float("x", 0.0, 1.0)
        return keras.Sequential([keras.Input((1,))])

    def fit(self, hp, model, **kwargs):
        self.given.append(kwargs)
        return 0.5


def made(hypermodel, tmp_path):
    return kt.RandomSearch(
        hypermodel,
        objective=kt.Objective("score", "max"),
        max_trials=3,
        seed=1,
        directory=tmp_path,
    )


def test_verbose_silences_the_tuner_and_reaches_fit(
    eager, tmp_path, capsys
):
    tuner = made(Given(), tmp_path)
    tuner.search(verbose=0)
    assert not capsys.readouterr().out
    assert [k["verbose"] for k in tuner.hypermodel.given] == [0, 0, 0]
    tuner = made(Given(), tmp_path / "louder")
    tuner.search(verbose=1)
    assert "Trial 3 Complete" in capsys.readouterr().out
    assert tuner.hypermodel.given[-1]["verbose"] == 1


def test_a_notebooks_output_is_cleared_at_each_trial(
    eager, tmp_path, monkeypatch
):
    utils = importlib.import_module("keras_tuner.src.utils")
    assert "clear_output" in utils.try_clear.__code__.co_names
    cleared = []
    monkeypatch.setattr(utils, "try_clear", lambda: cleared.append(1))
    made(Given(), tmp_path).search(verbose=1)
    assert len(cleared) >= 3


def test_a_model_of_another_library_ends_the_search(tmp_path):
    class NoKeras(Given):
        def build(self, hp):
            super().build(hp)
            return object()

    tuner = made(NoKeras(), tmp_path)
    with pytest.raises(kt.errors.FatalTypeError, match="Keras Model"):
        tuner.search(verbose=0)


def test_trials_have_short_numbered_folders(eager, tmp_path):
    made(Given(), tmp_path).search(verbose=0)
    folders = sorted(path.name for path in tmp_path.glob("*/trial_*"))
    assert folders == ["trial_0", "trial_1", "trial_2"]


@pytest.mark.parametrize("package", ["sklearn", "scipy"])
def test_bayesian_optimisation_asks_for_what_it_needs(
    package, monkeypatch
):
    bayesian = importlib.import_module(
        "keras_tuner.src.tuners.bayesian"
    )
    monkeypatch.setattr(bayesian, package, None)
    with pytest.raises(ImportError, match="install sci"):
        kt.oracles.BayesianOptimizationOracle(
            objective=kt.Objective("score", "max")
        )


def test_three_variables_tell_chief_and_workers_apart():
    code = (ROOT / "docs/evidence/bench_searches.py").read_text("utf-8")
    assert set(re.findall(r"KERASTUNER_\w+", code)) == {
        "KERASTUNER_TUNER_ID",
        "KERASTUNER_ORACLE_IP",
        "KERASTUNER_ORACLE_PORT",
    }


def test_keras_tuner_draws_no_plots():
    package = Path(kt.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search("matplotlib|plotly|seaborn", text), path


def test_search_answers_what_readers_ask(tab):
    wanted = {
        query: [names] if isinstance(names, str) else names
        for query, names in ASKED.items()
    }
    assert len(wanted) == 44
    assert not missed(tab(""), wanted)
