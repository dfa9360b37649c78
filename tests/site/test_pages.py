"""The built site holds together."""

import json
import os
import platform
import re
import zipfile
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from helpers import NAV, ROOT, SNIPPETS, TUTORIALS, place


class Page(HTMLParser):
    """What a page loads, where it links, its ids and its pictures."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.ids, self.pictures = (
            [],
            [],
            set(),
            [],
        )
        self.description = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "link" and attributes.get("rel") != "canonical":
            self.loads.append(attributes["href"])
        if tag == "meta" and attributes.get("name") == "description":
            self.description = attributes["content"]
        if attributes.get("src"):
            self.loads.append(attributes["src"])
        if tag == "img":
            self.pictures.append(attributes)


@pytest.fixture(scope="module")
def pages(site):
    return {
        path: Page(path.read_text("utf-8"))
        for path in site.rglob("*.html")
    }


def test_every_link_leads_somewhere_and_nothing_comes_from_elsewhere(
    site, pages
):
    for path, page in pages.items():
        for target in page.loads + page.links:
            url = urlsplit(target)
            if url.scheme in ("http", "https"):
                assert target in page.links, f"{path} loads {target}"
                continue
            if url.scheme or path.name == "404.html":
                continue
            local = (
                path.parent / unquote(url.path) if url.path else path
            )
            if local.is_dir():
                local /= "index.html"
            assert local.is_file(), f"{path}: {target}"
            if url.fragment and local in pages:
                assert unquote(url.fragment) in pages[local].ids, target


def test_every_snippet_can_be_downloaded_where_it_is_shown(site, pages):
    linked = {
        (path.parent / link).resolve()
        for path, page in pages.items()
        for link in page.links
        if link.endswith(".py")
    }
    for path in SNIPPETS:
        file = (site / path.relative_to(ROOT)).resolve()
        assert file in linked, file
        assert file.read_bytes() == path.read_bytes()


def test_all_snippets_can_be_downloaded_at_once(site, pages):
    links = pages[site / "snippets/index.html"].links
    assert "snippets.zip" in links
    with zipfile.ZipFile(site / "snippets/snippets.zip") as zipped:
        held = {name: zipped.read(name) for name in zipped.namelist()}
    there = {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in (site / "snippets").glob("*/*.*")
    }
    assert held == there
    assert {place(path) + ".py" for path in SNIPPETS} <= held.keys()


def test_all_of_the_site_is_in_one_zip_to_be_read_offline(site, pages):
    page = site / "explanation/how_this_site_is_built/index.html"
    (link,) = [link for link in pages[page].links if ".zip" in link]
    archive = (page.parent / link).resolve()
    with zipfile.ZipFile(archive) as zipped:
        held = {name: zipped.read(name) for name in zipped.namelist()}
    there = {
        f"{archive.stem}/{path.relative_to(site).as_posix()}": path
        for path in site.rglob("*")
        if path.is_file() and path.name != archive.name
    }
    assert held.keys() == there.keys()
    for name, path in there.items():
        assert held[name] == path.read_bytes(), name
    said = re.search(r"some\s+(\d+) MB", page.read_text("utf-8"))[1]
    assert abs(archive.stat().st_size / 1e6 / int(said) - 1) < 0.2


def test_each_page_is_found_by_what_readers_type(site):
    """asked.yml knows every page, and none that is no more."""
    text = (ROOT / "docs/_site/asked.yml").read_text("utf-8")
    asked = yaml.safe_load(text)
    names = [
        re.sub(r"(^|/)index$", "", k[: k.rindex(".")]) for k in asked
    ]
    assert sorted(names) == sorted(NAV)
    text = (site / "search/search_index.json").read_text("utf-8")
    entries = {e["location"]: e for e in json.loads(text)["docs"]}
    hyperband = entries["tutorials/hyperband/"]["tags"]
    own = "brackets"  # of the page's own, which weigh more
    word = asked["tutorials/hyperband.py"].split("; ")[0]
    assert hyperband.count(own) == 3 and hyperband.count(word) == 1
    assert not any(
        "tags" in entries[place] for place in entries if "#" in place
    )


def test_style_sheets_load_nothing_from_another_host(site):
    for sheet in site.rglob("*.css"):
        assert not re.search(
            r"url\([\"']?(https?:)?//|@import", sheet.read_text("utf-8")
        )


def test_every_picture_says_what_it_shows_and_keeps_its_place(pages):
    pictures = [
        picture
        for page in pages.values()
        for picture in page.pictures
        if "assets/logo" not in picture["src"]
    ]
    figures = [path.read_text("utf-8") for path in TUTORIALS]
    drawn = sum(text.count(' figure="') for text in figures)
    assert len(pictures) > drawn > 20, (
        "those and the one of the home page"
    )
    for picture in pictures:
        assert len(picture["alt"]) > 40, picture
        assert {"width", "height"} <= picture.keys(), picture


def test_every_page_has_a_description_of_its_own(pages):
    words = {
        path: page.description or ""
        for path, page in pages.items()
        if path.name != "404.html"
    }
    assert len(set(words.values())) == len(words)
    wrong = {k: v for k, v in words.items() if not 40 < len(v) < 200}
    assert not wrong


def test_pages_show_no_log_of_tensorflow_and_no_warning(site):
    for path in site.rglob("index.html"):
        text = path.read_text("utf-8")
        assert "absl::Init" not in text and "Warning:" not in text, path


def test_every_page_is_also_markdown_and_llms_txt_lists_it(site, pages):
    listed = (site / "llms.txt").read_text("utf-8")
    whole = (site / "llms-full.txt").read_text("utf-8")
    for path in pages:
        if path.name == "404.html":
            continue
        page = path.with_suffix(".md")
        assert f"/{page.relative_to(site)})" in listed
        text = page.read_text("utf-8")
        assert text.startswith("# ") and "<div" not in text
        assert text in whole
    page = site / "tutorials/random_search/index.md"
    assert "```python\ntuner = kt.RandomSearch(" in page.read_text(
        "utf-8"
    )


def test_a_tutorial_says_what_it_was_executed_with(site):
    import importlib.metadata

    for path in TUTORIALS:
        page = site / place(path) / "index.html"
        (said,) = re.findall(
            r'(?s)<p class="executed">(.*?)</p>',
            page.read_text("utf-8"),
        )
        said = " ".join(re.sub("<.*?>", "", said).split())
        for name in ("tensorflow", "keras", "keras-tuner"):
            version = importlib.metadata.version(name)
            assert f" {name} {version}" in said
        assert f"Python {platform.python_version()}" in said
        assert re.match(
            r"Executed on 20\d\d-\d\d-\d\d in \d+ sec", said
        )
        given = os.environ.get("TUTORIAL_DATASET")
        assert ("TUTORIAL_DATASET" in said) == bool(given)
