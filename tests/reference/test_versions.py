"""The record of versions is whole, and its program does what it says."""

import io
import re
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from helpers import (
    EVIDENCE,
    ROOT,
    SNIPPETS,
    function,
    page_tables,
    program,
    read,
)
from packaging.version import Version

VERSIONS = EVIDENCE / "versions.csv"
PAGE = ROOT / "tutorials/reference/versions.py"


@pytest.fixture(scope="module")
def trying():
    return program("try_versions")


def run(*arguments, folder):
    return subprocess.run(
        [sys.executable, EVIDENCE / "try_versions.py", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
    )


def valid(rows, comments, trying):
    assert any("try_versions.py" in line for line in comments)
    assert any("keras-tuner" in line for line in comments)
    for row in rows:
        assert tuple(row) == trying.COLUMNS
        assert row["python"] and row["keras_tuner"] and row["numpy"]
        # What failed says why, and what ran says nothing.
        assert bool(row["error"]) == (row["exit_code"] != "0")
        assert row["exit_code"] == "" or float(row["cpu_seconds"]) > 0


def test_every_combination_ran_every_script_promised(trying):
    rows, comments = read(VERSIONS)
    valid(rows, comments, trying)
    promised = [
        (combination.name, script)
        for combination in trying.COMBINATIONS
        for script in trying.scripts_of(combination, trying.SCRIPTS)
    ]
    found = [(row["combination"], row["script"]) for row in rows]
    assert found == promised


def test_several_versions_of_each_and_each_backend_were_tried(trying):
    rows, _ = read(VERSIONS)
    whole = [row for row in rows if row["bare"] == "False"]
    for package in ("tensorflow", "keras"):
        tried = {
            Version(row[package]).release[:2]
            for row in whole
            if row[package]
        }
        assert len(tried) >= 5, package
    assert len({row["keras_tuner"] for row in whole}) >= 3
    for backend in ("jax", "torch"):
        without = [
            row
            for row in whole
            if row[backend] and not row["tensorflow"]
        ]
        assert {row["environment"] for row in without} == {
            f"KERAS_BACKEND={backend}"
        }
        failed = [
            row["script"] for row in without if row["exit_code"] != "0"
        ]
        assert failed == ["tf_keras_search"]  # which imports TensorFlow


def test_every_tool_was_used_with_each_backend(trying):
    """And what needs TensorFlow says so where there is none."""
    rows, _ = read(VERSIONS)
    used = {}
    for row in rows:
        if row["script"] in trying.TOOLS:
            assert row["exit_code"] == "0", row
            backend = row["environment"] or "KERAS_BACKEND=tensorflow"
            said = used.setdefault(backend.partition("=")[2], {})
            said[row["script"].removeprefix("with_")] = row["says"]
    assert set(used) == {"tensorflow", "jax", "torch"}
    texts = {path.stem: path.read_text("utf-8") for path in SNIPPETS}
    tools = {
        name
        for name, text in texts.items()
        if "def _check(tuner_class" in text
        and "import tensorflow as tf" not in text
    } - {"replayed"}  # which trains nothing
    for backend, said in used.items():
        assert tools <= set(said)
        spoke = {tool for tool, text in said.items() if text}
        assert spoke == (
            set() if backend == "tensorflow" else {"flat_memory"}
        )


def test_a_record_is_added_to_not_made_anew(trying, monkeypatch):
    """Nothing is installed or run for rows that are there."""
    rows, comments = read(VERSIONS)
    recorded, told = trying.record(VERSIONS)
    assert told[:-1] == comments and "added on" in told[-1]
    monkeypatch.setattr(trying, "install", None)
    options = SimpleNamespace(
        scripts=trying.SCRIPTS, new=False, here=False
    )
    again = [
        row
        for combination in trying.COMBINATIONS
        for row in trying.tried(combination, options, recorded)
    ]
    assert again == rows
    (row,) = [r for r in rows if r["script"] == "with_safe"][:1]
    del recorded[row["combination"], row["requirements"], "with_safe"]
    options.new = True
    with pytest.raises(TypeError):
        list(trying.tried(trying.COMBINATIONS[0], options, recorded))


def test_the_installed_versions_are_the_required_ones():
    """A combination's name and pins are what really ran."""
    from packaging.requirements import Requirement

    rows, _ = read(VERSIONS)
    for row in rows:
        for text in row["requirements"].split():
            need = Requirement(text)
            column = need.name.removesuffix("-cpu").replace("-", "_")
            if column in row:
                assert need.specifier.contains(row[column]), row


def test_the_locked_versions_were_tried_and_ran_all():
    rows, _ = read(VERSIONS)
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    locked = [row for row in rows if row["combination"] == "locked"]
    for package in ("tensorflow", "keras", "keras-tuner"):
        (pin,) = re.findall(rf"(?m)^{package}==(\S+)", lock)
        (tried,) = {row[package.replace("-", "_")] for row in locked}
        assert tried == pin, (
            f"{package} {pin} is locked and {tried} is in the record of "
            "versions: run `make versions`, and read the page again"
        )
    assert {row["exit_code"] for row in locked} == {"0"}


def summed():
    """Recount from the record what the page's tables show."""
    rows, _ = read(VERSIONS)
    names = list(dict.fromkeys(row["combination"] for row in rows))
    for opened in (False, True):
        table = []
        for name in names:
            runs = [
                row
                for row in rows
                if row["combination"] == name
                and row["bare"] == "False"
                and (row["script"] in ("reopen", "reload")) == opened
                and not row["script"].startswith("with_")
            ]
            if runs:
                failed = [
                    r["script"] for r in runs if r["exit_code"] != "0"
                ]
                ran = f"{len(runs) - len(failed)} of {len(runs)}"
                table.append((runs[0], name, ran, ", ".join(failed)))
        yield table


def test_the_pages_summary_follows_from_the_record():
    text = VERSIONS.read_text("utf-8")
    text = "".join(
        line for line in text.splitlines(True) if line[0] != "#"
    )
    record = pd.read_csv(
        io.StringIO(text), dtype=str, keep_default_na=False
    )
    summary = function(PAGE, "summary")
    projects = record["script"].isin(["reopen", "reload"])
    whole = record["bare"] == "False"
    whole &= ~record["script"].str.startswith("with_")
    for mask, table in zip(
        (whole & ~projects, whole & projects), summed(), strict=True
    ):
        shown = summary(record[mask])
        assert list(shown.index) == [name for _, name, _, _ in table]
        for (_, row), (run, _, ran, failed) in zip(
            shown.iterrows(), table, strict=True
        ):
            assert row["ran"] == ran and row["failed"] == failed
            for package in (
                "tensorflow",
                "jax",
                "torch",
                "keras",
                "keras_tuner",
            ):
                assert row[package] == run[package]


@pytest.mark.process
def test_the_table_of_combinations_is_on_the_page():
    (table,) = [
        rows for rows in page_tables("versions") if "ran" in rows[0]
    ]
    expected, _ = summed()
    places = [
        table[0].index(name) for name in ("keras", "ran", "failed")
    ]
    names = {name for _, name, _, _ in expected}
    body = [row for row in table if row[0] in names]
    assert len(body) == len(expected)
    for row, (run, name, ran, failed) in zip(
        body, expected, strict=True
    ):
        assert row[0] == name
        shown = [row[place].strip() for place in places]
        assert shown == [run["keras"], ran, failed]


@pytest.mark.process
def test_the_program_tries_the_packages_at_hand(tmp_path, trying):
    output = tmp_path / "here.csv"
    wanted = ["first_search", "reopen"]
    done = run(
        "--here",
        "--scripts",
        *wanted,
        "--output",
        output,
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows, comments = read(output)
    valid(rows, comments, trying)
    assert [row["script"] for row in rows] == wanted
    assert {row["exit_code"] for row in rows} == {"0"}


def test_each_page_that_is_tried_is_a_script(trying):
    for script in trying.TUTORIALS:
        assert trying.file_of(script).is_file(), script


def test_a_failing_script_is_recorded_with_its_error(trying):
    text = """Traceback (most recent call last):
  File "a.py", line 3, in <module>
    assert one == two
           ^^^^^^^^^^
AssertionError
E0000 a line of some log
"""
    assert trying.last_line(text) == "AssertionError: assert one == two"
    text = "ValueError: first\nkeras.Error: no `x`\n"
    assert trying.last_line(text) == "keras.Error: no `x`"


@pytest.mark.process
def test_a_requirement_that_cannot_be_read_is_refused(tmp_path):
    done = run("keras=3.10", folder=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.count("keras=3.10") == 1
    assert "is no requirement" in done.stderr
