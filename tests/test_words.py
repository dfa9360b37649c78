"""Pages use one word for one thing: CONTRIBUTING.md says which."""

import re

import pytest
from helpers import ROOT, TUTORIALS

WORDS = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
WORDS = re.search(r"(?s)\n\| write \| not \|\n\|.*?\n(.*?)\n\n", WORDS)[
    1
]
REFUSED = {
    phrase: instead
    for instead, refused in re.findall(
        r"(?m)^\| (.+) \| (.+) \|$", WORDS
    )
    for phrase in refused.split(", ")
}
CODE = r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)"  # and where links lead


def prose(path):
    """Return what a page says, without its code, on one line."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        cells = re.findall(
            r"(?m)^# %% \[markdown\].*\n((?:#.*\n)+)", text
        )
        text = re.sub(r"(?m)^# ?", "", "\n".join(cells))
    return " ".join(re.sub(CODE, "", text).split())


PAGES = [*(ROOT / "docs").rglob("*.md"), *TUTORIALS, ROOT / "README.md"]
PROSE = {
    path.relative_to(ROOT).as_posix(): prose(path) for path in PAGES
}


@pytest.mark.parametrize("phrase", REFUSED)
def test_pages_use_the_words_of_the_list(phrase):
    word = re.compile(rf"(?i).{{0,30}}\b{phrase}\b.{{0,30}}")
    found = {
        page: found[0]
        for page, text in PROSE.items()
        if (found := word.search(text))
    }
    assert not found, f"write: {REFUSED[phrase]}"


def test_all_prose_is_read():
    assert len(REFUSED) >= 11 and len(PROSE) > 60
    assert all(len(text) > 200 for text in PROSE.values())
