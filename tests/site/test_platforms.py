"""What differs between systems: encodings, line ends, what can't run."""

import ast
import os
import re
import subprocess
from types import SimpleNamespace

import helpers
import notebooks
import pages
import pytest
from helpers import ROOT, TUTORIALS

POSITIONS = {"read_text": 0, "write_text": 1, "open": 3}
# These open no text: a number of a file, an archive, a class of ours.
OTHER = {"os.open", "tarfile.open", "lzma.open", "Image.open"}
CODE = [
    path
    for folder in ("docs", "snippets", "tests", "tutorials")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def unnamed(code):
    """Yield each call that opens a text and doesn't say how."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        method = name.rpartition(".")[2]
        words = {word.arg for word in node.keywords}
        said = [ast.unparse(each) for each in ast.walk(node)]
        binary = any(
            re.fullmatch(r"'[rwax]b\+?'", each) for each in said
        )
        if method in POSITIONS and name not in OTHER and not binary:
            given = len(node.args) > POSITIONS[method]
            if not given and "encoding" not in words:
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "path", CODE, ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_text_is_opened_with_its_encoding(path):
    assert list(unnamed(path.read_text("utf-8"))) == []


def test_a_text_opened_without_encoding_is_found():
    named = """
open("a", "w", encoding="utf-8"); open("a", "rb"); os.open("a", 1)
path.read_text("utf-8"); path.write_text("text", "utf-8")
"""
    wrong = """
open("a"); open("tab", "w")
path.open(); path.read_text(); path.write_text("text")
"""
    assert not list(unnamed(named)) and len(list(unnamed(wrong))) == 5


@pytest.mark.process
def test_every_checkout_has_the_same_line_ends():
    done = subprocess.run(
        ["git", "ls-files", "--eol"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        what, name = line.split("\t")
        text = "i/-text" not in what
        assert text != name.endswith((".xz", ".npz")), name
        assert not text or "text=auto eol=lf" in what, name
        assert "crlf" not in what and "mixed" not in what, name


NEEDS_POSIX = [
    path
    for path in TUTORIALS
    if 'needs="posix"' in path.read_text("utf-8").split("\n")[0]
]


def test_a_script_that_only_posix_can_run_says_so():
    only = r'\.symlink_to\(|"sh", "-c"|import parallel_search|BlockingIOError'
    found = [
        path
        for path in TUTORIALS
        if re.search(only, path.read_text("utf-8"))
    ]
    assert found == NEEDS_POSIX != []


def test_the_readme_names_the_pages_that_windows_lacks():
    readme = (ROOT / "README.md").read_text("utf-8")
    (row,) = re.findall(r"(?m)^\| Windows on x86-64 .+", readme)
    named = re.findall(r"`(\w+)`", row)
    assert named == [path.stem for path in NEEDS_POSIX]


def test_a_test_that_only_posix_can_run_says_so():
    only = (
        r'get_context\("fork|signal\.SIG(KILL|INT)|geteuid\(|resource$'
    )
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text("utf-8")
        if re.search(only, text, re.M):
            assert re.search(r"(?m)^ *needs_posix\(\)$", text), path


@pytest.fixture
def windows(monkeypatch):
    """Only what is asked for its name: much else would break."""
    monkeypatch.setattr(notebooks, "os", SimpleNamespace(**vars(os)))
    monkeypatch.setattr(notebooks.os, "name", "nt")


@pytest.mark.parametrize(
    "path", NEEDS_POSIX, ids=lambda path: path.stem
)
def test_elsewhere_a_page_that_needs_posix_says_so(
    path, windows, monkeypatch
):
    tutorial = notebooks.read(path)
    nowhere = tutorial._replace(kept=path / "nowhere")
    assert notebooks.stale([nowhere]) == []
    monkeypatch.setattr(pages, "of", lambda page: nowhere)
    page = SimpleNamespace(file=None, meta={})
    shown = pages.on_page_read_source(page, None)
    note = '\n\n!!! warning "Not executed"\n    This page needs Linux'
    first, rest = shown.split(note)
    assert first.strip() == tutorial.notebook.cells[0].source
    assert "```python\nimport " in rest and "<pre" not in rest
    assert pages.executed(nowhere.notebook) == {}
    monkeypatch.setattr(helpers.notebooks, "read", lambda _: nowhere)
    with pytest.raises(pytest.skip.Exception, match=path.stem):
        helpers.executed(path.stem)


def test_a_page_that_needs_nothing_runs_everywhere(windows):
    path = next(p for p in TUTORIALS if p not in NEEDS_POSIX)
    tutorial = notebooks.read(path)
    nowhere = tutorial._replace(kept=path / "nowhere")
    assert notebooks.stale([nowhere]) == [nowhere]


def test_where_posix_is_a_page_that_needs_it_is_executed_and_tested():
    for path in NEEDS_POSIX:
        tutorial = notebooks.read(path)
        nowhere = tutorial._replace(kept=path / "nowhere")
        assert notebooks.stale([nowhere]) == [nowhere]
    helpers.needs_posix()


def test_elsewhere_a_test_that_needs_posix_says_why(monkeypatch):
    elsewhere = SimpleNamespace(name="nt")
    monkeypatch.setattr(helpers, "os", elsewhere)
    with pytest.raises(pytest.skip.Exception, match="Linux or macOS"):
        helpers.needs_posix()
