"""What several files of tests use: places, pages, records."""

import ast
import csv
import importlib.util
import math
import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from snippets.results.compare_runs import compare_runs

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "docs/evidence"
EXECUTE = ROOT / "docs/_site/execute.py"
SNIPPETS = sorted((ROOT / "snippets").glob("*/*.py"))
# The pages in reading order, by address without the last slash.
NAV = [
    re.sub(r"(^|/)index$", "", page)
    for page in re.findall(
        r"(?m)^ +- (?:[^\n]*?: )?(\S+)\.(?:md|py)$",
        (ROOT / "mkdocs.yml").read_text("utf-8"),
    )
]

sys.path.insert(0, str(ROOT / "docs/_site"))
import notebooks  # noqa: E402

TUTORIALS = notebooks.scripts()


def needs_posix():
    """Skip a test, or all of a module: it forks, kills or locks."""
    if os.name != "posix":
        pytest.skip("needs Linux or macOS", allow_module_level=True)


def warm():
    """Return what starts processes that have imported all they need.

    They are forked from one process, which imports it once.
    """
    needs_posix()
    context = multiprocessing.get_context("forkserver")
    packages = "keras_tuner", "pandas", "pytest", "jupytext"
    context.set_forkserver_preload(list(packages))
    return context


def mkdocs(folder=ROOT, *arguments, prefix=(), **environment):
    """Build the site of a folder; return the finished process."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "mkdocs", "build", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def place(path):
    """Return the address of a tutorial's page, without the last slash."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def named(name):
    """Return the tutorial of this name."""
    (path,) = (path for path in TUTORIALS if path.stem == name)
    return path


def executed(name):
    """Return a tutorial's notebook with its outputs, executed if stale."""
    return executed_page(named(name))


def executed_page(path):
    """Return the notebook of a tutorial, or of a Markdown page's code."""
    tutorial = notebooks.read(path)
    if not notebooks.runs_here(tutorial):
        pytest.skip(f"{tutorial.name} needs Linux or macOS")
    if not tutorial.kept.is_file():
        program = [sys.executable, EXECUTE, tutorial.name]
        subprocess.run(program, cwd=ROOT, check=True)
    return notebooks.with_outputs(tutorial)


def page_tables(name):
    """Yield the tables of an executed page, each its rows of texts."""
    for cell in executed(name).cells:
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            if "<table" in html:
                rows = re.findall(r"(?s)<tr.*?</tr>", html)
                cells = r"<t[hd][^>]*>(.*?)</t[hd]>"
                yield [re.findall(cells, row) for row in rows]


def function(path, name):
    """Return a function defined on a page or in a tutorial."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        text = "\n".join(re.findall(r"```python\n(.*?)```", text, re.S))
    (node,) = (
        n
        for n in ast.parse(text).body
        if isinstance(n, ast.FunctionDef) and n.name == name
    )
    names = {"math": math, "pd": pd, "compare_runs": compare_runs}
    exec(ast.unparse(node), names)
    return names[name]


def program(name):
    """Import a program of docs/evidence."""
    if str(EVIDENCE) not in sys.path:  # as when it is run
        sys.path.insert(0, str(EVIDENCE))
    return importlib.import_module(name)


def read(path):
    """Return the rows of a record, and its comments."""
    lines = path.read_text("utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert lines[: len(comments)] == comments
    return list(csv.DictReader(lines[len(comments) :])), comments
