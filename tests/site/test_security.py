"""What is installed is what was meant, and what is opened runs nothing."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner as kt
import pages
import pytest
import yaml
from helpers import ROOT, SNIPPETS, TUTORIALS, notebooks
from keras.src.utils import python_utils

LOCK = (ROOT / "requirements.txt").read_text("utf-8")
ENTRY = (
    r"(?m)^([a-z0-9][\w.-]*)==(\S+)((?: ;.*?)?(?: \\\n +--hash=\S+)+)$"
)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
by_workflow = pytest.mark.parametrize(
    "path", WORKFLOWS, ids=lambda path: path.name
)


def workflow(path):
    return yaml.safe_load(path.read_text("utf-8"))


def steps(path):
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


def test_each_package_is_locked_to_a_version_and_its_hashes():
    code = re.sub(r"(?m)^ *#.*\n", "", LOCK)
    packages = re.findall(ENTRY, code)
    assert len(packages) > 100
    assert not re.sub(ENTRY, "", code).strip(), "neither of these"
    for name, _, hashes in packages:
        found = re.findall(r"--hash=(\S+)", hashes)
        assert found, name
        for each in found:
            assert re.fullmatch("sha256:[0-9a-f]{64}", each), name


def test_the_lock_names_no_host():
    assert not re.search(r"://|--[a-gi-z]|\s@\s", LOCK)


def test_what_is_installed_by_make_is_checked_against_the_hashes():
    make = (ROOT / "Makefile").read_text("utf-8")
    lines = [
        line for line in make.splitlines() if "requirements.txt" in line
    ]
    installs = [
        line for line in lines if re.search(r"sync|install", line)
    ]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)


@by_workflow
def test_each_action_is_pinned_to_a_commit(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
    text = path.read_text("utf-8")
    named = re.findall(r"uses: \S+@\w+ # v\d+\.\d+\.\d+$", text, re.M)
    assert len(named) == len(used), "each says which version that is"


@by_workflow
def test_a_workflow_has_no_right_that_it_does_not_need(path):
    whole = workflow(path)
    assert whole["permissions"] == {}
    events = set(whole[True])  # YAML reads the key "on" as true
    ours = {"push", "schedule", "workflow_dispatch"}
    assert events <= ours | {"pull_request"}
    for name, job in whole["jobs"].items():
        rights = job.get("permissions", {})
        assert set(rights) <= {"contents", "pull-requests"}, name
        if "write" in rights.values():
            # It runs for what main holds, and nothing of what it got.
            if "pull_request" in events:
                assert job["if"] == "github.event_name == 'push'"
            for step in job["steps"]:
                assert "checkout" not in step.get("uses", "")
                run = step.get("run", "")
                assert not re.search(
                    r"(?m)^ *(make|python|pip|bash|\.)", run
                )


@by_workflow
def test_a_workflow_knows_no_secret_and_runs_no_text_of_an_event(path):
    assert "secrets." not in path.read_text("utf-8")
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        if "checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.process
def test_zizmor_finds_nothing_in_the_workflows():
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", ROOT / ".github"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


TOKENS = {
    "GitHub": r"\b(gh[opsur]_[A-Za-z0-9]{36}|github_pat_\w{50})",
    "PyPI": r"\bpypi-AgE[\w-]{30}",
    "Amazon": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "Google": r"\bAIza[\w-]{35}",
    "Hugging Face": r"\bhf_[A-Za-z]{30}",
    "Slack": r"\bxox[abprs]-[\w-]{10}",
    "a key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password": r"(?i)\b(password|passwd|api_?key|secret)\b"
    r"[\"']?\s*[:=]\s*[\"'][^\"'\s]{8}",
    "an address with a password": r"://[^/\s:@{$]+:[^/\s:@{$]+@",
}


def tokens(text):
    return [
        name for name, form in TOKENS.items() if re.search(form, text)
    ]


@pytest.mark.process
def test_no_tracked_file_holds_a_secret():
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    paths = [ROOT / name for name in listed if name]
    assert len(paths) > 100
    found = {
        str(path): tokens(path.read_text("utf-8", "ignore"))
        for path in paths
        if path.is_file() and path.suffix != ".xz"
    }
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("GitHub", ("ghp_", "a1" * 18)),
        ("GitHub", ("github_pat_", "a1" * 30)),
        ("PyPI", ("pypi-", "AgE", "x1" * 20)),
        ("Amazon", ("AKIA", "A1" * 8)),
        ("Google", ("AIza", "x" * 35)),
        ("Hugging Face", ("hf_", "x" * 34)),
        ("Slack", ("xoxb-", "1234567890")),
        ("a key", ("-----BEGIN RSA PRIV", "ATE KEY-----")),
        ("a password", ("password = ", '"correct-horse"')),
        ("an address with a password", ("https://me:", "word@host/")),
    ],
)
def test_a_secret_would_be_found(kind, parts):
    assert tokens("x " + "".join(parts)) == [kind]


@pytest.fixture(scope="module")
def unexecuted():
    """Each page's notebook, with its snippets, not executed."""
    return [
        (each.name, each.notebook, pages.needs(each.notebook).source)
        for each in map(notebooks.read, TUTORIALS)
    ]


def test_a_notebook_installs_the_locked_versions_and_nothing_else(
    unexecuted,
):
    # A package may be locked to one version for each Python.
    locked = {pair[:2] for pair in re.findall(ENTRY, LOCK)}
    assert len(unexecuted) == len(TUTORIALS)
    for page, notebook, needs in unexecuted:
        (line,) = re.findall(r"(?m)^ +%pip install (.+)$", needs)
        for each in line.split():
            assert tuple(each.split("==")) in locked, page
        for cell in notebooks.code_cells(notebook):
            for text in cell.source.splitlines():
                assert not text.startswith(("!", "%")), (page, text)


RUNS_CODE = {"eval", "exec", "compile", "__import__"}
RUNS_CODE |= {"pickle.load", "pickle.loads", "marshal.loads"}
RUNS_CODE |= {"joblib.load", "yaml.load", "os.system"}


OWN_TEXT = {"exec(old, names)", "exec(new, names)"}  # shown on the page


def runs_code(text):
    """Return the calls in a program that run what they are given."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            unsafe = any(
                word.arg in ("allow_pickle", "shell", "safe_mode")
                and ast.unparse(word.value)
                == str(word.arg != "safe_mode")
                for word in node.keywords
            )
            if name in RUNS_CODE or unsafe:
                found.append(ast.unparse(node))
    return found


def test_no_code_that_readers_take_runs_what_it_reads():
    evidence = sorted((ROOT / "docs/evidence").glob("*.py"))
    for path in [*SNIPPETS, *TUTORIALS, *evidence]:
        found = set(runs_code(path.read_text("utf-8")))
        assert found <= OWN_TEXT, path


@pytest.mark.parametrize(
    "line",
    [
        "pickle.load(file)",
        "numpy.load(path, allow_pickle=True)",
        "subprocess.run(text, shell=True)",
        "keras.models.load_model(path, safe_mode=False)",
        "eval(text)",
    ],
)
def test_code_that_runs_what_it_reads_is_found(line):
    assert runs_code(line) == [line.replace('"', "'")]


# What the page about a stranger's search folder says and doesn't show.


class Numbers(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        return self.hypermodel.build(trial.hyperparameters)


def one(hp):
    return hp.Float("x", 0.0, 1.0)


def opened(folder, tuner_class=Numbers, build=one, trials=2):
    return tuner_class(
        build,
        objective=kt.Objective("score", "max"),
        max_trials=trials,
        seed=1,
        directory=folder,
        project_name="theirs",
    )


def contents(folder):
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def theirs(tmp_path):
    """A finished search whose first trial is named to lead outside."""
    opened(tmp_path).search(verbose=0)
    trial = tmp_path / "theirs" / "trial_0" / "trial.json"
    state = json.loads(trial.read_text("utf-8"))
    state |= {"trial_id": "/../../outside", "score": 1e9}
    trial.write_text(json.dumps(state), "utf-8")
    return tmp_path


def test_opening_a_folder_and_reading_its_values_changes_no_file(
    theirs,
):
    before = contents(theirs)
    tuner = opened(theirs)
    (best,) = tuner.oracle.get_best_trials()
    tuner.get_best_hyperparameters()
    tuner.results_summary()
    assert best.trial_id == "/../../outside"
    assert contents(theirs) == before


def test_the_path_of_a_trial_is_made_where_its_name_says(theirs):
    tuner = opened(theirs)
    (best,) = tuner.oracle.get_best_trials()
    assert not (theirs / "outside").exists()
    tuner.get_trial_dir(best.trial_id)
    assert (theirs / "outside").is_dir()


def test_a_model_without_input_takes_its_shape_from_the_folder(
    tmp_path,
):
    def build(hp):
        hp.Int("x", 0, 1)
        return keras.Sequential([keras.layers.Dense(1)])

    class Saved(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            model = self.hypermodel.build(trial.hyperparameters)
            model.build((None, 3))
            self.get_trial_dir(trial.trial_id)
            model.save_weights(
                self._get_checkpoint_fname(trial.trial_id)
            )
            config = self._get_build_config_fname(trial.trial_id)
            Path(config).write_text(
                '{"input_shape": [null, 54321]}', "utf-8"
            )
            return 1.0

    opened(tmp_path, Saved, build, trials=1).search(verbose=0)
    with pytest.raises(ValueError, match=r"\(54321, 1\)"):
        opened(tmp_path, Saved, build).get_best_models()


def test_code_in_a_value_runs_only_without_safe_mode(tmp_path):
    made = tmp_path / "made"
    dumped = python_utils.func_dump(lambda x: __import__("os").mkdir(x))
    value = {"class_name": "__lambda__", "config": {"value": dumped}}
    with pytest.raises(ValueError, match="disallowed by default"):
        keras.activations.get(value)
    keras.config.enable_unsafe_deserialization()
    try:
        keras.activations.get(value)(os.fspath(made))
    finally:
        keras.backend.clear_session()
    assert made.is_dir()
    with pytest.raises(ValueError, match="disallowed by default"):
        keras.activations.get(value)
