"""What changed is built, the rest is kept; a mistake is named in a line."""

import functools
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import execute
import mkdocs_jupyter.plugin
import pages
import pytest
import yaml
from helpers import ROOT, mkdocs, needs_posix
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page
from nbformat.v4 import new_output

pytestmark = pytest.mark.process

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
        (folder / name).write_text(text, "utf-8")
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    config = re.sub(r"nav:\n(  .*\n)+", lambda _: NAV, config)
    (folder / "mkdocs.yml").write_text(config, "utf-8")
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
    path.write_text(text.replace(old, new), "utf-8")


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
    assert "It has prose" in page.read_text(
        "utf-8"
    ) and "42" in page.read_text("utf-8")


def test_markdown_of_a_page_is_made_once(project):
    made = list((project / ".cache/once").glob("as_markdown-*"))
    assert len(made) == len(TINY) - 2  # pages, not lock and snippet
    for file in made:
        file.write_text("kept\n", "utf-8")
    edit(project / "tutorials/uses.py", "It uses", "It has")
    assert mkdocs(project, "--site-dir", "elsewhere").returncode == 0
    texts = {
        path.parent.name: path.read_text("utf-8")
        for path in (project / "elsewhere/tutorials").rglob("index.md")
    }
    assert texts["alone"] == "kept\n"
    assert "It has a snippet." in texts["uses"]


def test_a_snippet_executes_just_the_tutorials_that_use_it(project):
    edit(project / "snippets/models/tiny.py", "41", "42")
    assert executed(mkdocs(project)) == ["tutorials/uses.py"]
    assert "43" in (
        project / "site/tutorials/uses/index.html"
    ).read_text("utf-8")


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
        (evidence / "seven.csv").write_text(text, "utf-8")
        assert executed(mkdocs(project)) == stale
    (evidence / "seven.csv").write_text("8", "utf-8")
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
    (output,) = json.loads(kept.read_text("utf-8"))["cells"][-1][
        "outputs"
    ]
    assert "".join(output["text"]) == "ab\n"


def test_one_file_and_one_nav_line_add_a_tutorial(project):
    new = (project / "tutorials/alone.py").read_text("utf-8")
    (project / "tutorials/new.py").write_text(
        new.replace("7 * 6", "9 * 9"), "utf-8"
    )
    done = refused(
        project, "tutorials/new.py needs one line in mkdocs.yml"
    )
    assert executed(done) == []
    edit(
        project / "mkdocs.yml",
        "  - Uses:",
        "  - New: tutorials/new.py\n  - Uses:",
    )
    assert executed(mkdocs(project)) == ["tutorials/new.py"]
    page = project / "site/tutorials/new"
    assert "81" in (page / "index.html").read_text("utf-8")
    assert (page / "new.ipynb").is_file() and (
        page / "new.py"
    ).is_file()


def test_one_file_and_one_place_that_shows_it_add_a_snippet(project):
    snippet = project / "snippets/models/more.py"
    snippet.write_text("more = 'shown here'\n", "utf-8")
    page = project / "docs/index.md"
    page.write_text(
        page.read_text("utf-8")
        + '\n<details class="snippet" markdown="1">'
        "<summary>snippets/models/more.py</summary>\n"
        '\n```python\n--8<-- "snippets/models/more.py"\n```\n\n</details>\n',
        "utf-8",
    )
    assert mkdocs(project).returncode == 0
    text = (project / "site/index.html").read_text("utf-8")
    assert "shown here" in text
    href = re.search(r'href="(\S+)">Download more.py</a>', text)[1]
    file = project / "site" / href
    assert file.read_bytes() == snippet.read_bytes()


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


def test_a_kernel_that_says_nothing_is_named(project):
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 8")
    program = project / "docs/_site/execute.py"
    edit(program, "app.start()", "time.sleep(600)")
    mark = "on_cell_start=started,"
    edit(program, mark, f"{mark} startup_timeout=1,")
    message = "tutorials/alone.py, code cell 0:\nKernel didn't respond"
    refused(project, message)


def test_a_page_leads_to_the_one_before_and_the_one_after(built):
    text = (built / "site/tutorials/uses/index.html").read_text("utf-8")
    around = re.findall(
        r'<a href="(\S+)" class="md-footer__link md-footer__link--(\w+)"'
        r' aria-label="(?:Previous|Next): (\w+)"',
        text,
    )
    assert around == [
        ("../..", "prev", "Home"),
        ("../alone/", "next", "Alone"),
    ]


def test_a_section_lists_its_pages_in_their_own_words(project):
    mark = f"# Group\n\nWhat there is.\n\n{pages.LIST}\n"
    (project / "docs/group").mkdir()
    (project / "docs/group/index.md").write_text(mark, "utf-8")
    edit(
        project / "mkdocs.yml",
        NAV[NAV.index("  - Uses") :],
        "  - Group:\n      - group/index.md\n      - Below:\n"
        "          - Uses: tutorials/uses.py\n"
        "          - Alone: tutorials/alone.py\n",
    )
    edit(
        project / "tutorials/uses.py",
        "a snippet.",
        "[a\n# snippet](alone.py) of `code`.",
    )
    done = mkdocs(project)
    assert done.returncode == 0 and executed(done) == []
    text = (project / "site/group/index.html").read_text("utf-8")
    said = re.findall(r"<li><a .*?>(\w+)</a><br>(.+?)</li>", text)
    assert said == [
        ("Uses", "It uses a snippet of <code>code</code>."),
        ("Alone", "It uses none."),
    ]
    assert re.findall(r'<h2 id="(.+?)"', text) == ["below"]
    # A tab opens its section's page, and so does the menu.
    home = (project / "site/index.html").read_text("utf-8")
    assert home.count('href="group/"') >= 2
    uses = project / "site/tutorials/uses/index.html"
    said = head(uses.read_text("utf-8"))["description"]
    assert said == "It uses a snippet of code."
    edit(project / "tutorials/alone.py", "It uses none", "It has prose")
    assert dirty(project) == {"alone", "group"}


WORDS = """# Glossary

The words of this project for the tests of the site.

**Test set**{ #test-set }
:   Data that decided `nothing` "at all", in
    [one](../index.md) look. [Uses](../tutorials/uses.py)

**Trial**{ #trial }
:   One configuration.
"""
PROSE = """A trial, Trials, test
# sets, `trial` and a [test set](../reference/glossary.md#test-set).
#
# ## Trial
#
# A
"""


def test_words_of_the_glossary_are_explained_where_they_first_stand(
    project,
):
    (project / "docs/reference").mkdir()
    file = project / "docs/reference/glossary.md"
    file.write_text(WORDS, "utf-8")
    edit(
        project / "mkdocs.yml",
        "  - Uses",
        "  - Words: reference/glossary.md\n  - Uses",
    )
    edit(project / "tutorials/uses.py", "It uses a", PROSE.strip())
    done = mkdocs(project)
    assert done.returncode == 0 and executed(done) == []
    page = project / "site/tutorials/uses/index.html"
    text = page.read_text("utf-8")
    said = re.findall(
        r'<a class="term" title="(.*?)" href="(.*?)">([^<]+)</a>', text
    )
    data = "Data that decided nothing &quot;at all&quot;, in one look."
    place = "../../reference/glossary/"
    assert said == [
        ("One configuration.", f"{place}#trial", "trial"),
        (data, f"{place}#test-set", "test\nsets"),
        (data, f"{place}#test-set", "test set"),
    ]
    markdown = page.with_suffix(".md").read_text("utf-8")
    assert "A trial, Trials" in markdown and "One conf" not in markdown
    for other in "index.html", "reference/glossary/index.html":
        text = (project / "site" / other).read_text("utf-8")
        assert 'class="term"' not in text


ALONE = "# %%\nprint(7 * 6)"
PLOT = "import matplotlib.pyplot as plt\n\nplt.plot([1, 2])\nplt.show()"
LINE = (
    '# %% alt="A line that rises." caption="It rises." figure="line"\n'
)
NOT_EXECUTED = {  # found before a kernel starts: file, old, new, message
    "a page not in the navigation": (
        "mkdocs.yml",
        "  - Alone: tutorials/alone.py\n",
        "",
        "tutorials/alone.py needs one line in mkdocs.yml, and has 0",
    ),
    "a line for no page": (
        "mkdocs.yml",
        "tutorials/alone.py\n",
        "tutorials/alone.py\n  - No: tutorials/no.py\n",
        "mkdocs.yml has a line for tutorials/no.py: no such file",
    ),
    "two lines for a page": (
        "mkdocs.yml",
        "tutorials/alone.py\n",
        "tutorials/alone.py\n  - Again: tutorials/alone.py\n",
        "tutorials/alone.py needs one line in mkdocs.yml, and has 2",
    ),
    "a syntax error": (
        "tutorials/alone.py",
        "print(7 * 6)",
        "print(7 *",
        "tutorials/alone.py, cell 2: '(' was never closed: print(7 *",
    ),
    "a syntax error in a snippet": (
        "snippets/models/tiny.py",
        "return 41",
        "return 41)",
        "tutorials/uses.py, cell 2: unmatched ')': return 41) + 1",
    ),
    "a snippet that is not there": (
        "tutorials/uses.py",
        "snippets.models.tiny",
        "snippets.models.small",
        "tutorials/uses.py, cell 2: there is no snippets/models/small.py",
    ),
    "a snippet beside another import": (
        "tutorials/uses.py",
        "from snippets",
        "import math\nfrom snippets",
        "tutorials/uses.py, cell 2: a snippet's import stands in a cell "
        "alone",
    ),
    "two figures of one name": (
        "tutorials/alone.py",
        ALONE,
        f"{LINE}{PLOT}\n\n{LINE}{PLOT}",
        "tutorials/alone.py, cell 3: a second figure named line",
    ),
    "a page without a title": (
        "tutorials/alone.py",
        "# # Alone\n#\n",
        "",
        "tutorials/alone.py, cell 1: a page begins with its title",
    ),
    "a title in code": (
        "tutorials/alone.py",
        "# %% [markdown]\n# # Alone\n#\n# It uses none.",
        "# %%\n# Alone",
        "tutorials/alone.py, cell 1: a page begins with its title",
    ),
    "a second title": (
        "tutorials/alone.py",
        "none.\n",
        "none.\n#\n# # Again\n",
        "tutorials/alone.py, cell 1: a page begins with its title, and",
    ),
    "a document without a title": (
        "docs/index.md",
        "# Home",
        "Home",
        "docs/index.md: a page begins with its title",
    ),
    "a fence that is open": (
        "docs/index.md",
        "A home",
        "```python\nprint(1)\n\nA home",
        "docs/index.md: a fence or <details> is not closed",
    ),
    "a fold that is open": (
        "tutorials/alone.py",
        "none.\n",
        "none.\n#\n# <details><summary>More</summary>\n",
        "tutorials/alone.py, cell 1: a fence or <details> is not closed",
    ),
    "a kind of cell that is misspelt": (
        "tutorials/alone.py",
        "[markdown]",
        "[markdwon]",
        "tutorials/alone.py, cell 1: not understood behind %%: "
        "title='[markdwon]'",
    ),
    "a mark that is misspelt": (
        "tutorials/alone.py",
        "# %%\n",
        '# %% figre="line"\n',
        "tutorials/alone.py, cell 2: not understood behind %%: "
        "figre='line'",
    ),
    "a mark with a wrong value": (
        "tutorials/alone.py",
        "[markdown]",
        '[markdown] needs="linux"',
        "tutorials/alone.py, cell 1: not understood behind %%: "
        "needs='linux'",
    ),
    "an included file that is not there": (
        "docs/index.md",
        "A home page",
        '```python\n--8<-- "snippets/models/no.py"\nprint(1)\n```\n',
        "docs/index.md: no such file, or not quoted: "
        '--8<-- "snippets/models/no.py"',
    ),
    "an included part of a file": (
        "docs/index.md",
        "A home page",
        '--8<-- "snippets/models/tiny.py:9:12"',
        "docs/index.md: no such file, or not quoted: "
        '--8<-- "snippets/models/tiny.py:9:12"',
    ),
}


@pytest.mark.parametrize("mistake", NOT_EXECUTED)
def test_a_mistake_is_named_before_anything_is_executed(
    mistake, project
):
    path, old, new, message = NOT_EXECUTED[mistake]
    edit(
        project / "tutorials/uses.py", "tiny())", "tiny(), 1)"
    )  # stale
    edit(project / path, old, new)
    done = refused(project, message)
    assert executed(done) == []


NO_UTF_8 = (
    "docs/index.md",
    "tutorials/uses.py",
    "snippets/models/tiny.py",
)


@pytest.mark.parametrize("path", NO_UTF_8)
def test_a_text_that_is_not_utf_8_is_named(path, project):
    with (project / path).open("ab") as file:
        file.write("# \xe9\n".encode("latin-1"))
    refused(project, f"{path}: 'utf-8' codec can't decode byte 0xe9")


def test_a_mistake_in_what_readers_ask_is_named(project):
    asked = project / "docs/_site/asked.yml"
    asked.write_text("index.md: what: why\n", "utf-8")
    done = mkdocs(project)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert f'in "{asked}", line 1' in done.stderr


def test_what_editors_keep_beside_a_script_is_no_page(project):
    folder = project / "tutorials"
    (folder / ".#alone.py").write_text("", "utf-8")
    (folder / ".ipynb_checkpoints").mkdir()
    kept = folder / ".ipynb_checkpoints/alone-checkpoint.py"
    kept.write_text("# %%\n", "utf-8")
    done = mkdocs(project)
    assert done.returncode == 0, done.stderr
    assert not list((project / "site").rglob("*checkpoint*"))


def test_a_page_may_have_any_name(project):
    (project / "tutorials/alone.py").rename(
        project / "tutorials/all-by it.py"
    )
    edit(project / "mkdocs.yml", "alone.py", "all-by it.py")
    done = mkdocs(project)
    assert done.returncode == 0, done.stderr
    assert (project / "site/tutorials/all-by it/index.html").is_file()


SHOWN = {  # found when the page is made
    "a dead link": (
        "docs/index.md",
        "A home page",
        "[A](nowhere.md) home page",
        "Doc file 'index.md' contains a link 'nowhere.md'",
    ),
    "a dead link in a tutorial": (
        "tutorials/uses.py",
        "It uses",
        "[It](no.md) uses",
        "Cell 1: Doc file 'tutorials/uses.py' contains a link 'no.md'",
    ),
    "a dead anchor in a tutorial": (
        "tutorials/uses.py",
        "It uses",
        "[It](alone.py#nowhere) uses",
        "Cell 1: Doc file 'tutorials/uses.py' contains a link "
        "'alone.py#nowhere'",
    ),
}


@pytest.mark.parametrize("mistake", SHOWN)
def test_a_page_that_leads_nowhere_is_named(mistake, project):
    path, old, new, message = SHOWN[mistake]
    edit(project / path, old, new)
    refused(project, message)


def test_a_figure_needs_a_name_and_a_description(project):
    script = project / "tutorials/alone.py"
    edit(script, "# %%\n", LINE)
    place = "tutorials/alone.py, cell 2"
    marks = "figure=, alt= or caption="
    refused(project, f"{place}: {marks}, and no figure")
    edit(script, "print(7 * 6)", PLOT)
    for mark in (' figure="line"', ' caption="It rises."'):
        edit(script, mark, "")
        refused(project, f"{place}: a figure lacks {marks}")
        edit(script, ' alt="', f'{mark} alt="')
    edit(
        script, "plt.show()", "plt.show()\nplt.plot([2, 1])\nplt.show()"
    )
    refused(project, f"{place}: a figure lacks {marks} of its own")
    edit(script, "\nplt.plot([2, 1])\nplt.show()", "")
    done = mkdocs(project)
    assert done.returncode == 0 and executed(done) == []
    page = project / "site/tutorials/alone/index.html"
    caption = "<figcaption>It rises.</figcaption>"
    assert caption in page.read_text("utf-8")
    figure = project / "site/tutorials/alone/line.svg"
    first = figure.read_bytes()
    shutil.rmtree(project / ".cache")
    assert len(executed(mkdocs(project))) == 2
    assert figure.read_bytes() == first, "the same run, the same bytes"


def dirty(project):
    """Build what changed, as under make serve; return what was built."""
    pages = set((project / "site").rglob("index.html"))
    before = {page: page.stat().st_mtime_ns for page in pages}
    done = mkdocs(project, "--dirty", STRICT="false")
    assert done.returncode == 0, done.stderr
    return {
        page.parent.name
        for page in pages
        if page.stat().st_mtime_ns != before[page]
    }


def test_served_an_edit_builds_the_pages_that_show_it(project):
    assert dirty(project) == set()
    edit(project / "tutorials/alone.py", "It uses none", "It has prose")
    assert dirty(project) == {"alone"}
    page = project / "site/tutorials/alone/index.html"
    assert "It has prose" in page.read_text("utf-8")
    include = '\n```python\n--8<-- "snippets/models/tiny.py"\n```\n'
    home = project / "docs/index.md"
    home.write_text(home.read_text("utf-8") + include, "utf-8")
    assert dirty(project) == {"site"}
    edit(project / "snippets/models/tiny.py", "41", "42")
    assert dirty(project) == {"site", "uses"}


def test_one_tutorial_can_be_executed_alone(project):
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 7")
    edit(project / "tutorials/uses.py", "tiny())", "tiny(), 1)")
    program = [sys.executable, project / "docs/_site/execute.py"]
    run = functools.partial(
        subprocess.run, cwd=project, capture_output=True, text=True
    )
    done = run([*program, "tutorials/alone.py"])
    assert executed(done) == ["tutorials/alone.py"], done.stderr
    assert executed(run(program)) == ["tutorials/uses.py"]
    done = run([*program, "mkdocs.yml"])
    assert done.returncode == 1 and "nothing to execute" in done.stderr


def test_mkdocs_jupyter_renders_on_the_page_and_we_take_that_away():
    """The one thing that pages.py knows of its inside."""
    plugin = mkdocs_jupyter.plugin.Plugin()
    plugin.load_config({"include": ["*.py"], "cache": False})
    file = File("tutorials/hyperband.py", str(ROOT), "site", True)
    page = Page(None, file, MkDocsConfig())
    before = dict(vars(page))
    plugin.on_pre_page(page, config=None, files=None)
    assert vars(page).keys() - before.keys() >= {"render"}
    pages.on_pre_page(page, None, None)
    assert "render" not in vars(page)


@pytest.mark.parametrize(
    "place",
    [".cache", ".cache/executed", ".cache/once"],
)
def test_a_cache_that_cannot_be_written_is_named(project, place):
    needs_posix()
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


def test_what_a_power_cut_left_empty_is_made_anew_or_named(project):
    for file in (project / ".cache/once").iterdir():
        file.write_bytes(b"")
    assert mkdocs(project).returncode == 0
    for file in (project / ".cache/executed").glob("alone-*"):
        file.write_bytes(b"")
    refused(project, "broken, remove it: .cache/executed/alone-")


def test_a_long_line_is_joined_in_one_pass():
    """It takes minutes where each character starts another search."""
    text = "a\rb" + "b" * 1_000_000
    (output,) = execute.joined([new_output("stream", text=text)])
    assert output.text == text[2:]


def test_an_interrupt_while_packages_are_imported_is_no_fault(
    tmp_path, monkeypatch
):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(execute.os, "environ", {})
    monkeypatch.setattr(execute, "CACHE", tmp_path)
    monkeypatch.setattr(execute, "FORK", True)
    monkeypatch.setattr(execute, "import_packages", interrupted)
    with pytest.raises(SystemExit, match="Interrupted"):
        execute.execute_all([None])


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
    (report,) = re.findall(r'href="([^"]+/issues/new\?[^"]+)"', text)
    asked = parse_qs(urlsplit(html.unescape(report)).query)
    assert asked.pop("page") == [said["canonical"]]
    assert asked.pop("title") == ["On a page: Uses"]
    (versions,) = asked.pop("versions")
    assert versions.startswith("The page's: Python 3.")
    assert re.search(r" keras-tuner \d[\d.]+, mine:$", versions)
    (form,) = asked.pop("template")
    form = (ROOT / ".github/ISSUE_TEMPLATE" / form).read_text("utf-8")
    fields = yaml.safe_load(form)["body"]
    filled = {field["id"] for field in fields} & {"page", "versions"}
    assert not asked and len(filled) == 2
    (source,) = re.findall(r'guide/edit/main/([^"]+)', text)
    assert (project / source).is_file()
    lost = (site / "404.html").read_text("utf-8")
    assert 'href="/guide/tutorials/uses/"' in lost


def test_an_unpublished_site_offers_no_repository(project):
    text = (project / "site/tutorials/uses/index.html").read_text(
        "utf-8"
    )
    assert "colab" not in text and "Edit this page" not in text
    assert "issues/new" not in text


def test_an_interrupt_ends_the_build_and_keeps_what_was_executed(
    project,
):
    needs_posix()
    edit(
        project / "tutorials/uses.py",
        "print(tiny())",
        "import time\n\ntime.sleep(600)",
    )
    edit(project / "tutorials/alone.py", "7 * 6", "7 * 9")
    often = "time.sleep(0.1)"
    edit(project / "docs/_site/execute.py", "time.sleep(30)", often)
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
    assert "tutorials/uses.py: in cell " in printed
    edit(
        project / "tutorials/uses.py",
        "time.sleep(600)",
        "print(tiny())",
    )
    assert executed(mkdocs(project)) == ["tutorials/uses.py"]
