"""Each lesson ends in three problems, their answers folded and executed."""

import re

import pytest
from helpers import ROOT, executed

pytestmark = pytest.mark.process  # executes a lesson that is stale
LESSONS = sorted((ROOT / "tutorials").glob("*.py"))
LINES = 15  # of code in an answer
by_name = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)


def practice(path):
    """Return a page's cells from "Practice" to the next heading."""
    cells = executed(path.stem).cells
    heads = {
        number: cell.source.splitlines()[0]
        for number, cell in enumerate(cells)
        if re.search(r"(?m)^## ", cell.source)
        and cell.cell_type == "markdown"
    }
    *_, begin, end = heads
    assert heads[begin] == "## Practice"
    assert heads[end] == "## What this page did not show"
    return cells[begin:end]


def test_all_lessons_are_found():
    assert len(LESSONS) == 7


@by_name
def test_three_questions_stand_before_their_answers(path):
    cells = practice(path)
    kinds = [cell.cell_type for cell in cells]
    assert kinds == ["markdown", "code"] * 3
    for number in (1, 2, 3):
        question, answer = cells[2 * number - 2 : 2 * number]
        asked = question.source.removeprefix("## Practice\n\n")
        assert asked.startswith(f"**{number}.** ")
        assert answer.metadata["answer"] == f"Answer {number}"


@by_name
def test_an_answer_is_short_and_says_what_it_is(path):
    for cell in practice(path)[1::2]:
        code = [line for line in cell.source.splitlines() if line]
        assert 0 < len(code) <= LINES
        printed = "".join(out.get("text", "") for out in cell.outputs)
        assert re.search(r"[a-z]{3,}", printed), "no label"
        assert all(out.get("name") != "stderr" for out in cell.outputs)


@by_name
def test_answers_are_nowhere_but_in_practice(path):
    cells = executed(path.stem).cells
    marked = [cell for cell in cells if "answer" in cell.metadata]
    assert marked == practice(path)[1::2]
