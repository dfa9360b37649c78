"""Tutorials keep the rules, run as scripts, and run as downloads."""

import ast
import functools
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import jupytext.cli
import numpy as np
import pytest
from helpers import ROOT, SNIPPETS, TUTORIALS, named, place
from sklearn.datasets import load_digits

# Asked once: it reads the files of every installed package.
owners = functools.cache(importlib.metadata.packages_distributions)
by_name = pytest.mark.parametrize(
    "path", TUTORIALS, ids=lambda p: p.stem
)


def settings(path):
    """Yield the name and value of what a page's searches are given.

    By keyword, in a dictionary, or put into one. What a comment
    `# wrong: ...` stands beside is shown as a mistake, and left out.
    """
    lines = path.read_text("utf-8").splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        pairs = []
        if isinstance(node, ast.keyword):
            pairs = [(ast.Constant(node.arg), node.value)]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
        elif isinstance(node, ast.Assign) and isinstance(
            node.targets[0], ast.Subscript
        ):
            pairs = [(node.targets[0].slice, node.value)]
        for name, value in pairs:
            wrong = "# wrong: " in lines[value.end_lineno - 1]
            if isinstance(name, ast.Constant) and not wrong:
                yield name.value, value


@by_name
def test_a_search_is_seeded_and_has_a_direction(path):
    for name, value in settings(path):
        if name == "seed" and isinstance(value, ast.Constant):
            assert not isinstance(value.value, int) or value.value >= 1
        if name != "objective":
            continue
        for node in ast.walk(value):
            assert not isinstance(node, ast.List | ast.Constant) or (
                "Objective(" in ast.unparse(value)
            ), "an objective without a direction"
            if isinstance(node, ast.Call):
                metric, direction = node.args
                if isinstance(direction, ast.Constant):
                    assert direction.value in ("min", "max"), metric


def test_each_search_has_a_project_name_of_its_own():
    names = [
        value.value
        for path in TUTORIALS
        for name, value in settings(path)
        if name == "project_name" and isinstance(value, ast.Constant)
    ]
    assert len(names) == len(set(names)) > 90


@by_name
def test_a_script_hides_no_module(path):
    """Its folder comes first where Python looks for modules."""
    hidden = importlib.util.find_spec(path.stem)
    assert not hidden or not hidden.loader  # a folder is no module


CODE = [*TUTORIALS, *SNIPPETS]
by_code = pytest.mark.parametrize("path", CODE, ids=lambda p: p.stem)


def classes(path):
    """Yield each class with its methods by name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef):
            functions = (
                item
                for item in node.body
                if isinstance(item, ast.FunctionDef)
            )
            yield node, {item.name: item for item in functions}


@by_code
def test_a_class_that_inherits_is_initialised(path):
    for node, methods in classes(path):
        if node.bases and "__init__" in methods:
            text = ast.unparse(methods["__init__"])
            # Past a class whose own does what is not wanted, too.
            begun = re.search(
                r"super\(([\w.]+, self)?\)\.__init__\(", text
            )
            assert begun, node.name


@by_code
def test_a_method_reads_what_its_constructor_took_from_self(path):
    """And not from a global that happens to have the same name."""
    for node, methods in classes(path):
        if "__init__" not in methods:
            continue
        taken = {
            argument.arg for argument in methods["__init__"].args.args
        }
        for name, method in methods.items():
            names = [
                item
                for item in ast.walk(method)
                if isinstance(item, ast.Name)
            ]
            own = {
                argument.arg
                for argument in ast.walk(method.args)
                if isinstance(argument, ast.arg)
            }
            own |= {
                item.id
                for item in names
                if isinstance(item.ctx, ast.Store)
            }
            read = {item.id for item in names} - own
            assert not read & taken, f"{node.name}.{name}"


def test_a_global_read_in_the_place_of_self_is_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "class Wrong(Base):\n"
        "    def __init__(self, classes):\n"
        "        self.number = classes\n"
        "    def build(self, hp):\n"
        "        return classes\n",
        "utf-8",
    )
    for test in (
        test_a_class_that_inherits_is_initialised,
        test_a_method_reads_what_its_constructor_took_from_self,
    ):
        with pytest.raises(AssertionError, match="Wrong"):
            test(wrong)


@by_name
def test_test_images_stay_closed_until_the_section_named_for_them(path):
    text = path.read_text("utf-8")
    before = re.split(r"(?m)^# ## .*test set", text)[0]
    assert not re.search(r"images\.test|\b[xy]_test\b", before)


@by_name
def test_a_page_ends_with_what_it_did_not_show(path):
    headings = re.findall(r"(?m)^# ## (.+)", path.read_text("utf-8"))
    assert headings[-1] == "What this page did not show"


@by_name
def test_code_reads_in_72_columns(path):
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            for line in cell.source.splitlines():
                assert len(line) <= 72, line


@by_name
def test_a_list_goes_on_below_what_is_in_an_item(path):
    """By four columns it is indented, or Markdown ends the list there."""
    text = path.read_text("utf-8")
    loose = r"(?m)^# (?:\d+\.|-) .+\n(?:#  .+\n|#\n)*?#\n#  {1,3}\S.+"
    assert not re.findall(loose, text)


@by_name
def test_a_round_trip_through_its_notebook_leaves_a_tutorial_unchanged(
    path, tmp_path
):
    """Pair, then save the notebook: what Jupyter does with Jupytext."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    script = tmp_path / path.relative_to(ROOT)
    script.parent.mkdir(parents=True)
    shutil.copy(path, script)
    paired = script.with_suffix(".ipynb")
    jupytext.cli.jupytext(["--quiet", "--sync", str(script)])
    assert len(json.loads(paired.read_text("utf-8"))["cells"]) > 10
    later = script.stat().st_mtime + 60
    os.utime(paired, (later, later))  # saved last, so it is the source
    script.write_text("", "utf-8")
    os.utime(script, (later - 30, later - 30))
    jupytext.cli.jupytext(["--quiet", "--sync", str(paired)])
    assert script.read_bytes() == path.read_bytes()


@pytest.mark.process
def test_git_ignores_the_notebooks_that_jupyter_pairs():
    pairs = [place(path) + ".ipynb" for path in TUTORIALS]
    done = subprocess.run(
        ["git", "check-ignore", *pairs],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == pairs


def run(command, folder, **environment):
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.process
def test_a_script_runs_from_another_folder_and_shows_its_results(
    tmp_path,
):
    """On the digits, where its last words say that it gains nothing."""
    script = str(named("random_search"))
    done = run(
        [sys.executable, script], tmp_path, TUTORIAL_DATASET="digits"
    )
    assert done.returncode == 0, done.stderr
    assert "val_accuracy" in done.stdout
    (row,) = re.findall(r"over runs +(.*)", done.stdout)
    _, _, low, _ = map(float, row.split())
    assert low < 0, row
    assert "Traceback" not in done.stderr


@pytest.fixture
def lessons(site, tmp_path):
    """Two downloaded notebooks, in a folder with nothing of ours."""
    names = "random_search", "hyperband"
    for name in names:
        file = site / place(named(name)) / f"{name}.ipynb"
        shutil.copy(file, tmp_path)
    return [tmp_path / f"{name}.ipynb" for name in names]


@pytest.fixture
def reader(lessons, tmp_path):
    """The environment of a reader: Jupyter, and what notebooks name."""
    (needed,) = {
        line
        for path in lessons
        for line in re.findall(
            "%pip install (.+)",
            "".join(
                json.loads(path.read_text("utf-8"))["cells"][0][
                    "source"
                ]
            ),
        )
    }
    folder = tmp_path / "venv"
    uv = str(Path(sys.executable).with_name("uv"))
    make = [uv, "venv", "--quiet", "--python", sys.executable, folder]
    subprocess.run(make, check=True)
    install = [uv, "pip", "install", "--quiet", "--python", folder]
    jupyter = ["ipykernel", "nbclient"]
    subprocess.run([*install, *needed.split(), *jupyter], check=True)
    return folder / "bin"


@pytest.mark.process
def test_downloaded_notebooks_run_alone_on_a_readers_data(
    lessons, reader, tmp_path
):
    """Of fewer images and classes than any that the site is built on."""
    x, y = load_digits(n_class=4, return_X_y=True)
    np.savez(tmp_path / "mine.npz", x=x[:240], y=y[:240])
    done = run(
        [reader / "jupyter-execute", *lessons],
        tmp_path,
        TUTORIAL_DATASET=str(tmp_path / "mine.npz"),
    )
    assert done.returncode == 0, done.stderr


@by_name
def test_a_notebook_imports_only_what_its_first_cell_installs(
    path, site
):
    notebook = site / place(path) / f"{path.stem}.ipynb"
    needs, *cells = json.loads(notebook.read_text("utf-8"))["cells"]
    installed = re.findall(r"([\w-]+)==", "".join(needs["source"]))
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            else:
                continue
            for module in {name.split(".")[0] for name in modules}:
                assert module in sys.stdlib_module_names or (
                    set(installed) & set(owners()[module])
                ), f"{module} is not among {installed}"


@by_name
def test_page_notebook_and_script_have_the_same_code(path, site):
    page = site / place(path)
    notebook = json.loads(
        (page / f"{path.stem}.ipynb").read_text("utf-8")
    )
    cells = [
        "".join(c["source"])
        for c in notebook["cells"]
        if c["cell_type"] == "code"
    ]
    script = jupytext.read(page / path.name)
    assert cells == [
        c.source for c in script.cells if c.cell_type == "code"
    ]
    assert not any("from snippets" in cell for cell in cells)
