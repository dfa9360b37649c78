"""Folders mirror the navigation, and a name says what a file holds."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from helpers import ROOT, SNIPPETS, TUTORIALS
from pages import LIST

# Its tags, such as !ENV, are MkDocs's own: all are read as texts.
CONFIG = yaml.load(
    (ROOT / "mkdocs.yml").read_text("utf-8"), yaml.BaseLoader
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def pages(entry):
    """Return the files of an entry of the navigation, in order."""
    if isinstance(entry, str):
        return [Path(entry)]
    below = entry.values() if isinstance(entry, dict) else entry
    return [page for each in below for page in pages(each)]


SECTIONS = {
    title: (entry, re.sub(r"\W", "_", title.lower()))
    for section in CONFIG["nav"]
    for title, entry in section.items()
}


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_of_the_navigation_is_a_folder(title):
    entry, name = SECTIONS[title]
    folders = {Path(name), Path("tutorials", name)}
    if isinstance(entry, str) or title == "Tutorials":
        folders = {Path("." if isinstance(entry, str) else name)}
    assert pages(entry)
    for page in pages(entry):
        assert page.parent in folders, page


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_opens_on_a_page_that_lists_the_others(title):
    entry, name = SECTIONS[title]
    if isinstance(entry, list):
        assert entry[0] == f"{name}/index.md"
        text = (ROOT / "docs" / entry[0]).read_text("utf-8")
        assert text.count(LIST) == 1
        if name != "evidence":  # of measurements alone
            assert "faq.md" in text


def test_each_page_is_in_the_navigation_once():
    listed = sorted(map(str, pages(CONFIG["nav"])))
    documents = (ROOT / "docs").rglob("*.md")
    found = [path.relative_to(ROOT / "docs") for path in documents]
    found += [path.relative_to(ROOT) for path in TUTORIALS]
    assert listed == sorted(path.as_posix() for path in found)


def test_the_address_of_a_page_is_the_place_of_its_file(site):
    built = {
        path.parent.relative_to(site)
        for path in site.rglob("index.html")
    }
    assert built == {
        page.parent if page.stem == "index" else page.with_suffix("")
        for page in pages(CONFIG["nav"])
    }


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_a_snippet_is_named_after_the_one_thing_it_holds(path):
    (name,) = [
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        and node.name[0] != "_"
    ]
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    assert path.stem == snake


def test_tests_lie_in_the_folders_of_what_they_test():
    subjects = [*SNIPPETS, *TUTORIALS, *(ROOT / "docs").rglob("*.md")]
    subjects += (ROOT / "docs").rglob("*.csv")
    homes = {}
    for path in subjects:
        homes.setdefault(path.stem, set()).add(path.parent.name)
    folders = set().union(*homes.values(), {"site"})
    for path in TESTS:
        if path.parent == ROOT / "tests":
            continue
        assert path.parent.name in folders, path
        subject = path.stem.removeprefix("test_")
        home = homes.get(subject, {path.parent.name})
        assert path.parent.name in home, path


def test_no_test_imports_another():
    for path in TESTS:
        assert not re.search(
            r"(?m)^ *(import|from) +test_", path.read_text("utf-8")
        ), path
