"""The reference has every public name, and runs it."""

import json
import os
import re
import subprocess
import sys
from os.path import normpath

import public_names
import pytest
from helpers import ROOT, notebooks
from public_names import EXPORTED, FENCE, names

FOLDER = ROOT / "docs/reference"
INDEX = FOLDER / "index.md"
OTHERS = {
    "index.md",
    "cheat_sheet.md",
    "faq.md",
    "glossary.md",
    "other_libraries.md",
}
REFERENCE = sorted(
    path for path in FOLDER.glob("*.md") if path.name not in OTHERS
)
ENTRY = re.compile(r"(?ms)^### `(.+?)` \{ #(\S+) \}\n(.*?)(?=^##|\Z)")
ENTRIES = {
    heading: (page, anchor, text)
    for page in REFERENCE
    for heading, anchor, text in ENTRY.findall(page.read_text("utf-8"))
}
LINK = r"(Explained in|Related:) \[[^\]]+\]\(([^)#]+)(?:#[^)]+)?\)\.$"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is left to run when all code of the reference has run."""
    path = tmp_path_factory.mktemp("reference") / "found.json"
    done = subprocess.run(
        [sys.executable, public_names.__file__, *map(str, REFERENCE)],
        env=os.environ | {"FOUND": str(path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text("utf-8"))


def test_every_public_name_has_one_entry_and_every_entry_a_name():
    text = "".join(page.read_text("utf-8") for page in REFERENCE)
    headings = re.findall(r"(?m)^### (.*)$", text)
    assert len(headings) == len(ENTRIES) > 150
    assert ENTRIES.keys() - names().keys() == set(), (
        "not in the package"
    )
    assert names().keys() - ENTRIES.keys() == set(), (
        "not in the reference"
    )


@pytest.mark.process
def test_every_name_is_run_or_says_why_not(found):
    excused = {
        heading
        for heading, (_, _, text) in ENTRIES.items()
        if "\n\nNot run: " in text
    }
    left = {name: why for name, why in found["missing"].items() if why}
    assert left.keys() == excused, left
    assert len(excused) < len(ENTRIES) / 20


@pytest.mark.process
def test_every_argument_that_may_be_left_out_is_given_once(found):
    assert found["optional"] > 50
    assert found["never given"] == []


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_a_sentence_its_line_of_code_and_a_link(heading):
    page, anchor, text = ENTRIES[heading]
    assert anchor == heading
    sentence, *_, link = text.strip().split("\n\n")
    assert sentence.count("\n") <= 1 and sentence.endswith(".")
    assert not re.search(r"[.!?]\s+[A-Z]", sentence), "one sentence"
    name = heading.rpartition(".")[2]
    (code,) = FENCE.findall(text)
    assert re.search(rf"\b{name}\b", code), "another line of code"
    lines = [*sentence.split("\n"), *code.split("\n")]
    assert all(len(line) <= 72 for line in lines)
    kind, target = re.fullmatch(LINK, link).groups()
    path = normpath(f"reference/{target.partition('#')[0]}")
    path = (ROOT if path.endswith(".py") else FOLDER.parent) / path
    assert path.is_file()
    if kind == "Explained in" and path.suffix == ".py":
        assert is_used(heading, path)


def is_used(heading, path):
    """Whether the code of a tutorial, its snippets included, uses it."""
    text = path.read_text("utf-8")
    for snippet in re.findall(r"from snippets\.([\w.]+) import", text):
        text += f"\n{notebooks.snippet(snippet).read_text('utf-8')}"
    code = re.sub(r"(?m)^#.*$", "", text)
    owner, _, name = heading.rpartition(".")
    if not owner:
        return re.search(rf"\b{name}=", code)
    if owner.startswith("kt"):
        return re.search(rf"\b{name}\b", code)
    return re.search(rf"(\.|def ){name}\b", code)


def test_a_signature_is_that_of_the_name_above_it():
    objects = {paths[0]: value for value, paths in EXPORTED.items()}
    for heading, wanted in names().items():
        shown = re.findall(r"(?m)^::: (\S+)$", ENTRIES[heading][2])
        needs = {need for need, _, _ in wanted}
        if needs <= {"given", "set", "read"} and heading not in objects:
            assert shown == []
            continue
        first, *rest = shown[0].split(".")
        value = public_names.kt
        for name in rest[:-1]:
            value = getattr(value, name)
        assert first == "keras_tuner" and len(shown) == 1
        if heading in objects:
            assert getattr(value, rest[-1]) is objects[heading]
        else:
            assert rest[-1] == heading.rpartition(".")[2]
            assert hasattr(value, rest[-1])
            kinds = {kind for _, kind, _ in wanted if kind}
            assert not kinds or any(
                issubclass(kind, value) or issubclass(value, kind)
                for kind in kinds
            )


@pytest.mark.process
def test_the_index_lists_all_names_counts_them_and_their_aliases(found):
    text = INDEX.read_text("utf-8")
    listed = re.findall(r"\[`(.+?)`\]\((\w+\.md)#(.+?)\)", text)
    assert listed == [
        (heading, page.name, anchor)
        for page in sorted(
            REFERENCE, key=lambda p: text.find(f"({p.name})")
        )
        for heading, (where, anchor, _) in ENTRIES.items()
        if where == page
    ]
    left = sum(map(bool, found["missing"].values()))
    assert f"There are {len(ENTRIES)} names," in text
    assert f"For {left} of them it cannot run" in " ".join(text.split())
    rows = re.findall(r"(?m)^\| `(\S+)` \| (.*) \|$", text)
    assert [
        (here, re.findall("`(.*?)`", there)) for here, there in rows
    ] == [
        (first, others)
        for first, *others in EXPORTED.values()
        if others
    ]
