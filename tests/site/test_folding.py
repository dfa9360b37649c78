"""The subject shows; what draws, prepares and proves folds below it."""

import html
import json
import re

import execute
import folding
import nbformat
import notebooks
import pages
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from helpers import TUTORIALS, place

LONG = "\n".join(f"row_{number} = {number}" for number in range(8))
TABLE = nbformat.v4.new_output(
    "display_data", {"text/html": "<table></table>"}
)
TEXT = nbformat.v4.new_output("stream", text="7")


def cell(source, outputs=(), **metadata):
    return nbformat.v4.new_code_cell(
        source, outputs=list(outputs), metadata=metadata
    )


@pytest.mark.parametrize(
    "source",
    [
        f"tuner = kt.RandomSearch(build)\n{LONG}",
        f"def build_network(hp):\n    return hp\n\n\n{LONG}",
        f"trials = found.oracle.trials\n{LONG}",
        f"wrapped = safe(any_class)\n{LONG}",  # a tool of ours
        f"class Small(DigitImages, ImageClassifier):\n    pass\n{LONG}",
        f'program = "kt.Hyperband()"\n{LONG}',  # runs elsewhere
        f"tuner.search(x, y)\nassert tuner.done\n{LONG}",
        "images = load_images()",  # short
        LONG.replace("row_0", "hp"),
    ],
)
@pytest.mark.parametrize("outputs", [[], [TABLE], [TEXT]])
def test_what_a_reader_would_copy_stays_open(source, outputs):
    assert folding.summary(cell(source, outputs)) is None


@pytest.mark.parametrize(
    ("source", "outputs", "line"),
    [
        ("assert worse > better", [], "Proof: 1 assertion"),
        ("assert tuner.done\nassert hp", [], "Proof: 2 assertions"),
        (
            "for one in rows:\n    low = min(one)\n    assert low > 0",
            [],
            "Proof: 1 assertion",
        ),
        (LONG, [TABLE], "How the table is made"),
        (LONG, [TEXT], "How the output is made"),
        (
            f"def ranked(rows):\n    return rows\n\n\n{LONG}",
            [TEXT, TABLE],
            "How the table is made: ranked",
        ),
        (
            f"{LONG}\nassert row_1",
            [TABLE],
            "How the table is made",
        ),
        (
            LONG,
            [],
            "Preparation: row_0, row_1, row_2, row_3, …",
        ),
        (
            'def of(row):\n    """Return `row`,\n    halved.\n\n'
            '    Or not.\n    """\n    return row / 2',
            [],
            "Helper: of. Return row, halved.",
        ),
    ],
)
def test_a_folded_line_says_what_its_code_does(source, outputs, line):
    assert folding.summary(cell(source, outputs)) == line


def test_drawing_folds_whatever_it_draws():
    """But the call of a tool that draws, which is all there is."""
    figure = {"figure": "f", "alt": "a"}
    drawn = f"plt.plot(tuner)\n{LONG}"
    line = folding.summary(cell(drawn, **figure))
    assert line == "How the figure is drawn"
    assert not folding.summary(
        cell("trials_plot(tuner)\nplt.show()", **figure)
    )


def test_a_mark_decides_where_the_rule_would_be_wrong():
    said = "A model that all share"
    assert folding.summary(cell("model = 1", fold=said)) == said
    assert folding.summary(cell(LONG, [TABLE], open=True)) is None


@pytest.mark.parametrize("path", TUTORIALS, ids=place)
def test_no_mark_says_what_the_rule_says(path):
    for each in notebooks.read(path).notebook.cells:
        if each.metadata.keys() & {"fold", "open"}:
            # Those that are kept show more; without, little is folded.
            plain = cell(each.source, [TEXT])
            if not each.source.startswith('"""'):
                folded = folding.summary(plain) is not None
                assert folded == ("open" in each.metadata), each.source


def test_many_folded_cells_lie_under_one_line_that_counts_them():
    lines = ["Snippet: Load.", "Snippet: Draw.", "Imports: keras"]
    lines += ["Helper: f. Do.", "How the table is made"]
    assert folding.of_all(lines) == (
        "Code: 2 snippets, imports, helper, how the table is made"
    )


def test_an_opening_with_its_imports_is_no_list_of_imports():
    opening = "import keras\nimport keras_tuner as kt\nprint(kt)"
    assert folding.summary(cell(opening, [TEXT])) is None
    line = "Imports: keras, keras_tuner"
    assert folding.summary(cell(opening)) == line


def test_code_is_folded_below_what_it_made():
    """Also what only prepares: it comes before, and is shown after."""
    cells = [
        cell("import keras"),
        cell(LONG),
        cell(LONG, [TABLE]),
        cell("kt.Hyperband()", [TEXT]),
        cell(LONG),
        nbformat.v4.new_markdown_cell("Words."),
    ]
    sizes = [len(block) for block in folding.blocks(cells)]
    assert sizes == [3, 1, 1, 1]


def test_a_label_stays_with_the_table_that_it_is_above():
    """A print may come in pieces, and write over what it wrote."""
    said = [
        nbformat.v4.new_output("stream", name="stdout", text=text)
        for text in ("first, ", "1 of 2\r", "2 of 2\n", "second\n")
    ]
    outputs = execute.joined([*said[:3], TABLE, said[3], TABLE])
    texts = [output.get("text", "table") for output in outputs]
    assert texts == ["2 of 2\n", "table", "second\n", "table"]


def words(text):
    """Return the words of a text, without what marks them."""
    return " ".join(re.findall(r"\w+", html.unescape(text)))


def made(output, alt):
    """Return the words of what a cell has made."""
    data = output.get("data") or {"text/plain": output.get("text", "")}
    if "image/svg+xml" in data:
        return words(alt)
    if "text/html" in data:
        table = BeautifulSoup(data["text/html"], "html.parser")
        return words(table.get_text())
    return words(data["text/plain"])


@pytest.mark.parametrize("path", TUTORIALS, ids=place)
def test_a_page_and_its_markdown_say_the_same_cell_by_cell(path, site):
    """The Markdown in the notebook's order."""
    folder, at = site / place(path), 0
    markdown = words((folder / "index.md").read_text("utf-8"))
    page = (folder / "index.html").read_text("utf-8")
    page = BeautifulSoup(page, "html.parser").article
    for picture in page.find_all("img"):
        picture.replace_with(f" {picture['alt']} ")
    page = words(page.get_text())
    assert "Figure " not in page
    notebook = nbformat.read(folder / f"{path.stem}.ipynb", 4)
    for each in notebooks.code_cells(notebook):
        alt = each.metadata.get("alt")
        outputs = [made(output, alt) for output in each.outputs]
        for said in [words(each.source), *outputs]:
            at = markdown.find(said, at)
            assert at >= 0, f"not in index.md, or too early: {said}"
            at += len(said)
            assert said in page, f"not on the page: {said}"


@pytest.mark.parametrize("path", TUTORIALS, ids=place)
def test_the_page_shows_what_is_made_before_how(path, site):
    page = (site / place(path) / "index.html").read_text("utf-8")
    page = BeautifulSoup(page, "html.parser").article
    for line in page.select("details.snippet > summary"):
        if line.get_text().startswith("How "):
            folded = line.parent
            if folded.parent.name == "details":  # with many others
                folded = folded.parent
            before = folded.find_previous_sibling(
                lambda tag: tag.name != "details"
            )
            kinds = before.name, *before.get("class", ())
            assert {"figure", "output"} & {*kinds}, line


def test_search_knows_folded_code(site):
    index = (site / "search/search_index.json").read_text("utf-8")
    texts = [each["text"] for each in json.loads(index)["docs"]]
    known = words(" ".join(re.sub("<[^>]*>", "", t) for t in texts))
    for path in TUTORIALS:
        for each in notebooks.read(path).notebook.cells:
            if each.source.startswith("def ") and folding.summary(each):
                first = words(each.source.splitlines()[0])
                assert first in known, (path, first)


@pytest.mark.parametrize("name", ["trial", None])
def test_columns_of_words_begin_at_the_left(name):
    """Numbers end at the right, whatever stands among them."""
    columns = {
        "score": ["0.5", "nan", ""],
        "change": ["−0.25", "± 0.1", "<NA>"],
        "status": ["COMPLETED", "", "FAILED"],
        "found": ["[1, 2]", "(none)", ""],
        "of": ["5 of 5", "4 of 5", "3 of 5"],
    }
    frame = pd.DataFrame(columns).rename_axis(name)
    table = pages.words_marked(notebooks.table(frame))
    head, *rows = BeautifulSoup(table, "html.parser").find_all("tr")
    for row in rows:
        cells = row.find_all("td")[-len(columns) :]
        marked = [cell.get("class") == ["word"] for cell in cells]
        assert marked == [False, False, True, True, False]
    marked = [each.text for each in head.find_all(class_="word")]
    assert marked == ["status", "found"]
    assert pages.words_marked("<p>no table</p>") == "<p>no table</p>"


def test_heads_over_several_columns_stay_as_they_are():
    both = pd.concat({"a": pd.DataFrame({"b": ["x"]})}, axis=1)
    both["a", "c"] = 1
    table = pages.words_marked(notebooks.table(both))
    assert table.count("word") == table.count('<td class="word">x') == 1
