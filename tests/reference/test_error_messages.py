"""The page of error messages shows the real ones, and answers each."""

import functools
import re

import jupytext
import pytest
from browsing import missed
from helpers import ROOT, executed
from markdown.extensions.toc import slugify

PAGE = ROOT / "tutorials/reference/error_messages.py"


def pieces(cells, outputs):
    """Yield what the page is made of: headings, prose, code, outputs."""
    for cell, output in zip(cells, outputs, strict=True):
        if cell.cell_type == "code":
            yield "code", cell.source
            yield "output", output
            continue
        for text in re.split(r"(?m)^(#+ .+)$", cell.source):
            if text.strip():
                yield ("heading" if text[0] == "#" else "prose", text)


def sections(cells, outputs):
    """Return each `###` section: its heading, group, and pieces."""
    found, group, inside = [], None, False
    for kind, text in pieces(cells, outputs):
        if kind == "heading":
            level, _, title = text.partition(" ")
            inside = level == "###"
            if level == "##":
                group = title
            if inside:
                found.append(
                    {"heading": title, "group": group, "pieces": []}
                )
        elif inside:
            found[-1]["pieces"].append((kind, text))
    return found


def message(heading):
    """Return the fixed parts of the message that a heading quotes."""
    quoted = re.fullmatch(r"(`+) ?(.+?) ?\1", heading)
    assert quoted, f"not a quoted message: {heading}"
    return [part.strip() for part in quoted[2].split("…")]


def stands_in(heading, text):
    """Say whether the parts of a heading stand in a text, in order."""
    parts = map(re.escape, message(heading))
    return re.search(".*".join(parts), text) is not None


def printed(section):
    """Return what the code of a section printed."""
    return "".join(
        t for kind, t in section["pieces"] if kind == "output"
    )


def anchor(heading):
    """Return the id that the site gives a heading."""
    return slugify(heading.strip("` "), "-")


@functools.cache
def answered():
    """Return a section for each message, with outputs as the site shows them."""
    notebook = executed("error_messages")
    outputs = [
        "".join(o.get("text", "") for o in cell.get("outputs", []))
        for cell in notebook.cells
    ]
    return sections(notebook.cells, outputs)


def pasted():
    """Map each message, whole as it was printed, to its anchor."""
    return {
        printed(section).strip(): anchor(section["heading"])
        for section in answered()
    }


def right_pages():
    """Map each message to the pages that answer it: this one first.

    The others are those that its section leads to.
    """
    pages = {}
    for section in answered():
        prose = "".join(t for kind, t in section["pieces"])
        links = re.findall(r"\]\([\w./]*?(\w+)\.(?:py|md)", prose)
        pages[printed(section).strip()] = [PAGE.stem, *links]
    return pages


@pytest.mark.process
def test_at_least_fifty_messages_are_answered():
    assert len(answered()) >= 50
    assert len(pasted()) == len(answered()), "two print the same"


@pytest.mark.process
def test_a_heading_quotes_what_its_own_code_printed():
    for section in answered():
        text = printed(section)
        assert stands_in(section["heading"], text), (
            f"{section['heading']} printed: {text}"
        )


@pytest.mark.process
def test_a_heading_quotes_enough_to_tell_messages_apart():
    for section in answered():
        others = [
            other["heading"]
            for other in answered()
            if other is not section
            and stands_in(section["heading"], printed(other))
        ]
        assert not others, section["heading"]


@pytest.mark.process
def test_each_heading_has_an_address_of_its_own():
    anchors = [anchor(each["heading"]) for each in answered()]
    assert len(set(anchors)) == len(anchors)
    assert all(anchors)


@pytest.mark.process
def test_a_message_is_one_line_that_a_reader_would_paste():
    for section in answered():
        (line,) = printed(section).splitlines()
        assert line == line.strip() != ""


@pytest.mark.process
def test_each_message_is_explained_provoked_and_cured():
    """The cure comes first: who pasted a message looks for it."""
    for section in answered():
        heading = section["heading"]
        kinds = [kind for kind, _ in section["pieces"]]
        assert kinds[:3] == ["prose", "code", "output"], heading
        assert kinds.count("code") == 1, heading
        prose, code = (text for _, text in section["pieces"][:2])
        assert len(prose.split()) > 12, heading
        assert "wrong" in code, heading
        shows = re.search(r"(?m)^ *assert ", code.partition("shown")[2])
        assert "](" in prose or shows, heading


@pytest.mark.process
def test_the_groups_are_linked_from_the_first_screen():
    groups = dict.fromkeys(each["group"] for each in answered())
    first = jupytext.read(PAGE).cells[0].source
    for group in groups:
        assert f"](#{anchor(group)})" in first, group


@pytest.mark.parametrize(
    ("heading", "text", "stands"),
    [
        ("`KeyError: 'x'`", "KeyError: 'x'", True),
        ("`KeyError: 'x'`", "KeyError: 'y'", False),
        ("`` `a` named: … not ``", "`a` named: b not there", True),
        ("`` `a` named: … not ``", "not `a` named: b", False),
    ],
)
def test_a_heading_may_leave_out_what_varies(heading, text, stands):
    assert stands_in(heading, text) == stands


def test_search_finds_messages_that_are_pasted_whole(tab):
    messages = right_pages()
    assert len(messages) >= 25
    assert not missed(tab(""), messages)
