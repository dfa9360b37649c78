"""What a reader came for is on the first screen of a laptop."""

import pytest
from helpers import TUTORIALS, place

CALLS = "tutorials", "how_to", "your_data"
TUNER = (
    r"kt\.(?!Objective)\w+\(|Tuner\(|Search\(|\b\w+\(kt\.\w+|\.search\("
)


def ids(path):
    return place(path).removeprefix("tutorials/")


@pytest.mark.parametrize(
    "path",
    [p for p in TUTORIALS if p.parent.name in CALLS],
    ids=ids,
)
def test_the_first_call_of_a_tuner_is_on_the_first_screen(path, tab):
    top = tab(f"{place(path)}/").evaluate(
        """wanted => {
          for (const code of document.querySelectorAll('article pre code')) {
            if (!code.checkVisibility()) continue
            let at = code.textContent.search(new RegExp(wanted))
            if (at < 0) continue
            const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT)
            while (texts.nextNode() && at >= texts.currentNode.length)
              at -= texts.currentNode.length
            const range = document.createRange()
            range.setStart(texts.currentNode, at)
            range.setEnd(texts.currentNode, at + 1)
            return range.getBoundingClientRect().bottom
          }
        }""",
        TUNER,
    )
    assert top is not None, "no tuner"
    assert top < 800


@pytest.mark.parametrize(
    "path",
    [p for p in TUTORIALS if p.parent.name == "evidence"],
    ids=ids,
)
def test_the_first_result_is_on_the_first_screen(path, tab):
    top = tab(f"{place(path)}/").evaluate(
        """() => [...document.querySelectorAll('article :is(.output, figure)')]
          .find(each => each.checkVisibility()).getBoundingClientRect().top"""
    )
    assert top < 760  # its first line can be read
