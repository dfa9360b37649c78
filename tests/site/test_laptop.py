"""Every page on a laptop: in both schemes, with mouse and keyboard."""

import functools
import gzip
import json
import re

import helpers
from browsing import blocks, unreached, violations

TUTORIALS = {f"{helpers.place(path)}/" for path in helpers.TUTORIALS}


def lightness(page):
    ground = page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )
    return sum(map(int, re.findall(r"\d+", ground)[:3]))


@functools.cache
def zipped(file):
    return len(gzip.compress(file.read_bytes()))


def test_a_first_visit_with_its_figures_takes_at_most_110_KiB(
    laptop, address, site
):
    """Asks for nothing by itself: the keyboard comes to the search."""
    loaded = laptop.evaluate(
        "performance.getEntriesByType('resource').map(each => each.name)"
    )
    assert any(url.endswith(".js") for url in loaded)
    assert not any("search_index" in url for url in loaded), "too early"
    files = [site / url.removeprefix(address) for url in loaded]
    page = site / laptop.url.removeprefix(address)
    files.append(page / "index.html" if page.is_dir() else page)
    sizes = {file: zipped(file) for file in files if file.is_file()}
    assert sum(sizes.values()) < 110 * 1024, sizes


def test_headings_are_in_order_and_there_is_one_title(laptop):
    levels = laptop.evaluate(
        "[...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')]"
        ".map(heading => +heading.tagName[1])"
    )
    assert levels.count(1) == 1 and levels[0] == 1
    steps = zip(levels, levels[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)


def test_axe_finds_nothing_in_the_light(laptop):
    assert not violations(laptop)
    assert lightness(laptop) > 600


def test_the_dark_changes_colours_alone_and_axe_finds_nothing(
    laptop, laptop_in_the_dark
):
    """Asks axe of colours: for all else the pages are the same."""
    dark = laptop_in_the_dark
    light, shown = laptop, "probe.shownTexts()"
    assert dark.evaluate(shown) == light.evaluate(shown)
    assert not violations(dark, rules=[])
    assert lightness(dark) < 600


def test_each_copy_button_copies_exactly_the_code(path, laptop, site):
    shown = blocks(laptop)
    assert laptop.evaluate("probe.copies()") == shown
    if shown:  # once by hand
        laptop.evaluate("navigator.clipboard.writeText('nothing')")
        laptop.locator("article .md-code__button").last.click()
        copied = laptop.evaluate("navigator.clipboard.readText()")
        assert copied == shown[-1]
    if path in TUTORIALS:
        name = path.split("/")[-2]
        text = (site / path / f"{name}.ipynb").read_text("utf-8")
        code = []
        for cell in json.loads(text)["cells"]:
            source = "".join(cell["source"])
            if "jupyter" in cell["metadata"]:
                continue  # folded there, left out here
            if cell["cell_type"] == "code":
                code.append(source)
            else:  # an example between cells
                code += re.findall(r"(?s)```python\n(.*?)\n```", source)
        assert blocks(laptop, ".language-python") == [
            source for source in code if source
        ]


def test_the_keyboard_reaches_all_that_acts_or_scrolls(laptop):
    assert not unreached(laptop)
