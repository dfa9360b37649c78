"""The site holds together; a build that can't be made says why."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from helpers import ROOT, TUTORIALS, mkdocs, place


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
    words = [
        page.description
        for path, page in pages.items()
        if path.name != "404.html"
    ]
    assert len(set(words)) == len(words)
    assert all(40 < len(text) < 200 for text in words), words


def test_pages_show_no_log_of_tensorflow_and_no_warning(site):
    for path in site.rglob("index.html"):
        text = path.read_text("utf-8")
        assert "absl::Init" not in text and "Warning:" not in text, path


TINY = {
    "requirements.txt": "one==1\n",
    "docs/index.md": "# Home\n\nA home page for the tests of the site.\n",
    "snippets/models/tiny.py": "def tiny():\n    return 41 + 1\n",
    "tutorials/uses.py": (
        "# %% [markdown]\n# # Uses\n#\n# It uses a snippet.\n\n"
        "# %%\nfrom snippets.models.tiny import tiny\n\n# %%\nprint(tiny())\n"
    ),
    "tutorials/alone.py": (
        "# %% [markdown]\n# # Alone\n#\n# It uses none.\n\n"
        "# %%\nprint(7 * 6)\n"
    ),
}
NAV = """nav:
  - Home: index.md
  - Uses: tutorials/uses.py
  - Alone: tutorials/alone.py
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small project with the real machinery, built once."""
    folder = tmp_path_factory.mktemp("tiny")
    for name in ("docs/_site", "docs/assets"):
        shutil.copytree(ROOT / name, folder / name)
    for name, text in TINY.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    config = re.sub(r"nav:\n(  .*\n)+", lambda _: NAV, config)
    (folder / "mkdocs.yml").write_text(config)
    done = mkdocs(folder)
    assert done.returncode == 0, done.stderr
    assert executed(done) == ["tutorials/alone.py", "tutorials/uses.py"]
    return folder


@pytest.fixture
def project(built, tmp_path):
    """A copy of the small project, executed already."""
    return Path(shutil.copytree(built, tmp_path / "project"))


def executed(done):
    return sorted(re.findall(r"(\S+): executed in", done.stderr))


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new))


def refused(project, *messages, **environment):
    """Build; expect one clear message and no traceback of ours."""
    done = mkdocs(project, **environment)
    assert done.returncode != 0
    for message in messages:
        assert message in done.stderr
    assert "docs/_site" not in done.stderr
    return done


def test_nothing_changed_executes_nothing(project):
    assert executed(mkdocs(project)) == []


def test_prose_executes_nothing_and_shows_on_the_page(project):
    edit(
        project / "tutorials/uses.py",
        "It uses a snippet",
        "It has prose",
    )
    assert executed(mkdocs(project)) == []
    page = project / "site/tutorials/uses/index.html"
    assert (
        "It has prose" in page.read_text() and "42" in page.read_text()
    )


def test_a_snippet_executes_just_the_tutorials_that_use_it(project):
    edit(project / "snippets/models/tiny.py", "41", "42")
    assert executed(mkdocs(project)) == ["tutorials/uses.py"]
    assert (
        "43" in (project / "site/tutorials/uses/index.html").read_text()
    )


def test_code_the_lock_and_the_data_are_part_of_the_key(project):
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 7")
    assert executed(mkdocs(project)) == ["tutorials/alone.py"]
    edit(project / "requirements.txt", "1", "2")
    assert len(executed(mkdocs(project))) == 2
    assert len(executed(mkdocs(project, TUTORIAL_DATASET="mnist"))) == 2


def test_recorded_data_executes_just_the_tutorials_that_name_it(
    project,
):
    edit(project / "tutorials/alone.py", "7 * 6", '"seven.csv"')
    assert executed(mkdocs(project)) == ["tutorials/alone.py"]
    evidence = project / "docs" / "evidence"
    evidence.mkdir()
    for text, stale in (("7", ["tutorials/alone.py"]), ("7", [])):
        (evidence / "seven.csv").write_text(text)
        assert executed(mkdocs(project)) == stale
    (evidence / "seven.csv").write_text("8")
    assert executed(mkdocs(project)) == ["tutorials/alone.py"]


def test_a_print_that_arrives_in_pieces_is_one_output(project):
    slow = 'print("a", end="", flush=True); time.sleep(1); print("b")'
    edit(
        project / "tutorials/alone.py",
        "print(7 * 6)",
        f"import time\n{slow}",
    )
    assert executed(mkdocs(project)) == ["tutorials/alone.py"]
    kept = project / "site/tutorials/alone/alone.ipynb"
    (output,) = json.loads(kept.read_text())["cells"][-1]["outputs"]
    assert "".join(output["text"]) == "ab\n"


def test_one_file_and_one_nav_line_add_a_tutorial(project):
    new = (project / "tutorials/alone.py").read_text()
    (project / "tutorials/new.py").write_text(
        new.replace("7 * 6", "9 * 9")
    )
    refused(project, "tutorials/new.py")  # executed, not in nav
    edit(
        project / "mkdocs.yml",
        "  - Uses:",
        "  - New: tutorials/new.py\n  - Uses:",
    )
    assert executed(mkdocs(project)) == []
    page = project / "site/tutorials/new"
    assert "81" in (page / "index.html").read_text()
    assert (page / "new.ipynb").is_file() and (
        page / "new.py"
    ).is_file()


def test_one_file_and_one_place_that_shows_it_add_a_snippet(project):
    (project / "snippets/models/more.py").write_text("more = 'shown here'\n")
    page = project / "docs/index.md"
    page.write_text(
        page.read_text()
        + '\n```python\n--8<-- "snippets/models/more.py"\n```\n'
    )
    assert mkdocs(project).returncode == 0
    assert "shown here" in (project / "site/index.html").read_text()


def test_a_tutorial_that_raises_is_named_and_the_other_is_kept(project):
    edit(project / "tutorials/uses.py", "print(tiny())", "print(1 / 0)")
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 8")
    before = (project / "site/index.html").stat().st_mtime_ns
    done = refused(
        project, "tutorials/uses.py, code cell 2", "ZeroDivisionError"
    )
    assert executed(done) == ["tutorials/alone.py"]
    assert (project / "site/index.html").stat().st_mtime_ns == before
    edit(project / "tutorials/uses.py", "print(1 / 0)", "print(tiny())")
    assert executed(mkdocs(project)) == []


def test_a_snippet_that_does_not_import_is_named(project):
    edit(project / "snippets/models/tiny.py", "return 41", "return 41)")
    refused(project, "tutorials/uses.py, code cell 1", "SyntaxError")
    (project / "snippets/models/tiny.py").unlink()
    refused(
        project,
        "tutorials/uses.py, code cell 1",
        "No module named 'snippets.tiny'",
    )


def test_a_dead_link_or_a_missing_snippet_fails(project):
    page = project / "docs/index.md"
    text = page.read_text()
    page.write_text(text + "\n[there](nowhere.md)\n")
    refused(project, "nowhere.md")
    page.write_text(
        text + '\n```python\n--8<-- "snippets/no.py"\n```\n'
    )
    refused(project, "snippets/no.py")


def test_a_dead_link_in_a_tutorial_fails(project):
    edit(project / "tutorials/uses.py", "It uses", "[It](no.md) uses")
    refused(project, "no.md")


def test_a_figure_without_a_description_fails(project):
    edit(
        project / "tutorials/alone.py",
        "print(7 * 6)",
        "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()",
    )
    refused(
        project, "tutorials/alone.py: a figure lacks figure= or alt="
    )
    edit(
        project / "tutorials/alone.py",
        "# %%\nimport",
        '# %% figure="line" alt="A line that rises."\nimport',
    )
    done = mkdocs(project)
    assert done.returncode == 0 and executed(done) == []
    figure = project / "site/tutorials/alone/line.svg"
    first = figure.read_bytes()
    shutil.rmtree(project / ".cache")
    assert len(executed(mkdocs(project))) == 2
    assert figure.read_bytes() == first, "the same run, the same bytes"


@pytest.mark.parametrize(
    "place",
    [".cache", ".cache/executed", ".cache/tutorials/uses.py"],
)
def test_a_cache_that_cannot_be_written_is_named(project, place):
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 8")
    (project / place).chmod(0o555)
    # Root writes everywhere, unless that right is taken from it.
    root = ["setpriv", "--bounding-set=-dac_override"]
    done = mkdocs(project, prefix=root * (os.geteuid() == 0))
    (project / place).chmod(0o755)
    assert done.returncode != 0 and "docs/_site" not in done.stderr
    assert (
        "cannot write the cache: [Errno 13] Permission" in done.stderr
    )
    assert place in done.stderr


def head(text):
    """Return what the head of a page says of it, by name."""
    said = re.findall(
        r'<(?:meta|link) (?:property|name|rel)="([^"]+)" '
        r'(?:content|href)="([^"]*)"',
        text,
    )
    return dict(said)


def test_a_published_site_knows_its_address_and_its_repository(project):
    done = mkdocs(
        project,
        SITE_URL="https://someone.github.io/guide/",
        REPO_URL="https://github.com/someone/guide",
    )
    assert done.returncode == 0 and executed(done) == []
    site = project / "site"
    text = (site / "tutorials/uses/index.html").read_text("utf-8")
    address = "https://someone.github.io/guide/"
    said = head(text)
    assert said["canonical"] == f"{address}tutorials/uses/"
    assert said["og:url"] == said["canonical"]
    assert said["description"] == "It uses a snippet."
    assert said["og:description"] == said["description"]
    picture = said["og:image"].removeprefix(address)
    assert (site / picture).read_bytes()[1:4] == b"PNG"
    sitemap = (site / "sitemap.xml").read_text("utf-8")
    assert sitemap.count("<loc>") == 3 and said["canonical"] in sitemap
    # Colab reads the branch that holds the site; edits go to main.
    (colab,) = re.findall(r'colab[^"]*/blob/gh-pages/([^"]+)', text)
    assert (site / colab).is_file()
    (source,) = re.findall(r'guide/edit/main/([^"]+)', text)
    assert (project / source).is_file()
    lost = (site / "404.html").read_text("utf-8")
    assert 'href="/guide/tutorials/uses/"' in lost


def test_an_unpublished_site_offers_no_repository(project):
    text = (project / "site/tutorials/uses/index.html").read_text()
    assert "colab" not in text and "Edit this page" not in text


def test_every_page_is_also_markdown_and_llms_txt_lists_it(site, pages):
    listed = (site / "llms.txt").read_text("utf-8")
    for path in pages:
        if path.name == "404.html":
            continue
        page = path.with_suffix(".md")
        assert f"/{page.relative_to(site)})" in listed
        text = page.read_text("utf-8")
        assert text.startswith("# ") and "<div" not in text
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
        assert "TUTORIAL_DATASET=digits" in said


def test_an_interrupt_ends_the_build_and_keeps_what_was_executed(
    project,
):
    edit(
        project / "tutorials/uses.py",
        "print(tiny())",
        "import time\n\ntime.sleep(600)",
    )
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 9")
    kept = set((project / ".cache/executed").iterdir())
    process = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "build"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A background job may have been started deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while set((project / ".cache/executed").iterdir()) <= kept:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "Interrupted. What was executed is kept." in printed
    assert "Traceback" not in printed
    edit(
        project / "tutorials/uses.py",
        "time.sleep(600)",
        "print(tiny())",
    )
    assert executed(mkdocs(project)) == ["tutorials/uses.py"]
