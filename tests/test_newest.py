"""What is reported of the newest versions: packages, pages, sentences."""

import importlib.util

import pytest
from helpers import ROOT

SPEC = importlib.util.spec_from_file_location(
    "newest", ROOT / ".ci/newest.py"
)
newest = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(newest)

OLD = (
    "keras==3.15.1 \\\n    --hash=sha256:aa\none==1\nsame==1 ; x > 1\n"
)
NEW = (
    "keras==3.16.0 \\\n    --hash=sha256:bb\nsame==1 ; x > 1\ntwo==2\n"
)
SAID = """To be executed: 3, 2 at once.
tutorials/hyperband.py, code cell 4:
An error occurred while executing the following cell:
------------------
tuner.search(x)
------------------

ValueError                       Traceback (most recent call last)
Cell In[4], line 1
----> 1 tuner.search(x)

ValueError: shapes | differ: (3,)
tutorials/random_search.py: executed in 12 s
docs/index.md, code cell 2:
keras.src.Failed: no
Not executed: tutorials/hyperband.py, docs/index.md
"""
RESULTS = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_all_is_well"/>
<testcase classname="tests.test_a" name="test_a_seed_is_a_seed[one_two]">
<failure message="AssertionError: assert 0&#10;more">trace</failure>
</testcase>
<testcase classname="tests.test_a" name="test_it_holds">
<failure message="AssertionError: assert 0">trace</failure></testcase>
<testcase classname="" name="tests.test_b">
<error message="collection failure">trace</error></testcase>
</testsuite></testsuites>"""


def test_a_change_is_told_from_what_to_what():
    assert list(newest.changes(OLD, NEW)) == [
        ("keras", "3.15.1", "3.16.0"),
        ("one", "1", "-"),
        ("two", "-", "2"),
    ]


def test_a_page_that_broke_is_told_with_its_cell_and_error():
    assert list(newest.broken_pages(SAID)) == [
        (
            "tutorials/hyperband.py",
            4,
            "ValueError: shapes | differ: (3,)",
        ),
        ("docs/index.md", 2, "keras.src.Failed: no"),
    ]


def test_a_test_that_broke_is_told_with_its_sentence():
    assert newest.broken_tests(RESULTS) == {
        ("tests/test_a.py", "AssertionError: assert 0"): [
            "a seed is a seed[one_two]",
            "it holds",
        ],
        ("tests/test_b.py", "collection failure"): [
            "was not collected"
        ],
    }


def test_the_report_says_all_of_it_and_its_title_how_much():
    text = newest.report(
        list(newest.changes(OLD, NEW)),
        list(newest.broken_pages(SAID)),
        newest.broken_tests(RESULTS),
        [("make lint", "E501\n\x1b[31mFound 1 error.\x1b[0m\n")],
    )
    title, *_ = text.split("\n")
    assert title == (
        "# Newest versions: 2 pages, 3 tests, 1 step broke"
    )
    for line in (
        "| keras | 3.15.1 | 3.16.0 |",
        "| tutorials/hyperband.py | 4 | "
        "`ValueError: shapes \\| differ: (3,)` |",
        "tests/test_a.py: `AssertionError: assert 0`",
        "- it holds",
        "## `make lint` broke",
        "Found 1 error.",
    ):
        assert f"\n{line}\n" in text


def test_where_all_holds_the_report_says_so():
    text = newest.report([])
    assert text.startswith("# Newest versions: nothing broke\n")


@pytest.mark.process
def test_the_copy_is_the_working_tree_with_the_new_lock(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(newest, "TREE", tmp_path / "tree")
    for lock in (OLD, NEW):
        newest.copy(lock)
        text = (newest.TREE / "requirements.txt").read_text("utf-8")
        assert text == lock
    for name in "Makefile", ".ci/newest.py", "tests/helpers.py":
        there = (newest.TREE / name).read_bytes()
        assert there == (ROOT / name).read_bytes()
    assert not (newest.TREE / ".venv").exists()
