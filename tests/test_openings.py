"""Each page opens with its answer and code that works when pasted."""

import ast
import subprocess
import sys

import notebooks
import pytest
from helpers import ROOT, TUTORIALS, executed

by_name = pytest.mark.parametrize(
    "path", TUTORIALS, ids=lambda p: p.stem
)
LINES = 15  # of code in a cell
LONG_CELLS = 11  # have more; lower it, never raise it


def lines(code):
    return [line for line in code.splitlines() if line.strip()]


def opening(path):
    """Return a page's first block of code, and what is run before it.

    That is snippets alone, but on pages of evidence, which open with
    their first result and fold below it how it is made.
    """
    before = []
    for cell in notebooks.code_cells(executed(path.stem)):
        evidence = path.parent.name == "evidence" and not cell.outputs
        if not evidence and not cell.source.startswith('"""'):
            return cell, "\n\n".join(before)
        before.append(cell.source)


@by_name
def test_a_page_opens_with_its_answer(path):
    notebook = notebooks.read(path).notebook
    title, promise, *answer = notebook.cells[0].source.split("\n\n")
    words = len(" ".join([promise, *answer]).split())
    assert words <= 110, f"{words} words before the first code"


@pytest.mark.process
@by_name
def test_the_first_code_works_when_pasted_and_shows_what_it_prints(
    path,
):
    cell, before = opening(path)
    assert len(lines(cell.source)) <= LINES
    tree = ast.parse(cell.source)
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value is ...
    ]
    undefined = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "-q"]
        + ["--select=F821", "-"],
        input=f"{before}\n\n{cell.source}\n",
        capture_output=True,
        text=True,
    )
    assert not undefined.returncode, undefined.stdout
    assert cell.outputs


def test_cells_are_short_but_for_those_that_were_long():
    long = [
        f"{path.relative_to(ROOT)}, cell {number}"
        for path in TUTORIALS
        for number, cell in enumerate(
            notebooks.read(path).notebook.cells, 1
        )
        if cell.cell_type == "code"
        and not cell.source.startswith('"""')
        and len(lines(cell.source)) > LINES
    ]
    assert len(long) <= LONG_CELLS, long
    assert len(long) == LONG_CELLS, "lower it"
