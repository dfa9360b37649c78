"""MkDocs hook: tutorials are pages, with what a page offers beside its text.

A tutorial's script is a page like a Markdown file: MkDocs asks for its
source, and is given the Markdown of its executed notebook.
"""

import functools
import gc
import html
import importlib.metadata
import inspect
import json
import logging
import os
import platform
import re
import signal
import subprocess
import sys
import textwrap
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path

import jinja2
import nbformat
from mkdocs.exceptions import Abort, BuildError
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url, yaml_load
from mkdocs.utils.meta import get_data
from mkdocs_llmstxt._internal import plugin as llmstxt

# A build makes trees of many tags, and hardly any garbage.
gc.set_threshold(100_000, 20, 20)
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import composer  # noqa: E402
import folding  # noqa: E402
import notebooks  # noqa: E402
import races  # noqa: E402
from notebooks import scripts  # noqa: E402

NEEDS = """\
Executed with Python {}. Needs these packages, here at the versions it was
executed with:

    %pip install {}"""
FOLDED = re.compile(r"(?m)^(?=<details .*<summary>(snippets/\w+/(.+))</summary>)")
LIST = "<!-- a line for each page of this section -->"
FIRST = re.compile(r"(?m)^# .+\n\s*((?:.+\n)+)")
TERM = re.compile(r"(?m)^\*\*.+\*\*\{ #(\S+) \}\n:((?: .+\n?)+)")
GLOSSARY = "reference/glossary/"
TAKEN = "keras_tuner_measured"  # all of the site, as a zip in it
# What is no prose, whole, or a tag; and a link to a term.
NO_PROSE = re.compile(
    r"(?s)<(a|pre|code|h\d|table|figure|summary|label|select|script)\b.*?</\1>"
    r'|<details class="snippet".*?</details>|<[^>]+>'
)
CODE = re.compile(r"(?s)<pre\b.*?</pre>")
SPAN = re.compile(r"</?span\b[^>]*>")
TO_TERM = re.compile(rf'^<a (?=href="[^"]*{GLOSSARY}#([\w-]+)">)')
CELL = re.compile(r"(?s)<td>(.*?)</td>")
WORD = re.compile(r"(?!nan|NaN|inf)[^\W\d]|[\[({\"']")
LINK = re.compile(r"Doc file '(tutorials/\S+\.py)' contains a link '(\S+)'")
BELOW = re.compile(r"(?s)<!--code-->(.*?)<!--made-->(.*?)<!--end-->")
TWIN = re.compile(r'<p class="twin">.*?</p>')
version = functools.cache(importlib.metadata.version)


def words_marked(table):
    """Mark the cells of columns of words, which begin at the left."""
    head, begins, body = table.partition("<tbody>")
    rows = [CELL.findall(row) for row in body.split("<tr>")[1:]]
    columns = [any(map(WORD.match, c)) for c in zip(*rows, strict=False)]
    marks = [' class="word"' * has_words for has_words in columns]

    def marked(row, tag):
        mark = iter(marks)
        return re.sub(f"<{tag}>", lambda m: f"<{tag}{next(mark, '')}>", row)

    if head.count("<th>") == len(marks) and "colspan" not in head:
        head = marked(head, "th")
    return head + begins + "<tr>".join(marked(r, "td") for r in body.split("<tr>"))


templates = jinja2.Environment(autoescape=False)  # of Markdown
templates.filters["words_marked"] = words_marked
template = templates.from_string((HERE / "page.md.j2").read_text("utf-8"))


class CellOfLink(logging.Filter):
    """Where MkDocs warns of a link in a tutorial, name its cell too."""

    def filter(self, record):
        if match := LINK.search(record.getMessage()):
            cells = notebooks.read(notebooks.ROOT / match[1]).notebook.cells
            numbers = [n for n, c in enumerate(cells, 1) if match[2] in c.source]
            record.msg = f"Cell {numbers[0] if numbers else '?'}: {record.msg}"
        return True


# Serving, MkDocs loads this file for each build: not one more filter each time.
logging.getLogger("mkdocs.structure.pages").filters = [CellOfLink()]


def as_markdown(asked):
    """Return the Markdown that llmstxt makes of a page's HTML."""
    page, given = json.loads(asked)
    return inspect.unwrap(llmstxt._generate_page_markdown)(page, **given).encode()


@functools.wraps(inspect.unwrap(llmstxt._generate_page_markdown))
def _kept(html, path, **given):
    """Make it once: that is a quarter of a build. The path is not used."""
    asked = json.dumps([html, given | {"path": ""}])
    return notebooks.once(as_markdown, asked).decode()


llmstxt._generate_page_markdown = _kept


def on_pre_build(config):
    """Execute what is stale, before MkDocs empties site/."""
    listed = re.findall(r"'(tutorials/[^']+\.py)'", str(config.nav))
    found = [path.relative_to(notebooks.ROOT).as_posix() for path in scripts()]
    for name in sorted({*listed, *found}):
        if name not in found:
            raise BuildError(f"mkdocs.yml has a line for {name}: no such file")
        if (lines := listed.count(name)) != 1:
            raise BuildError(f"{name} needs one line in mkdocs.yml, and has {lines}")
    read = [notebooks.read(path) for path in scripts()]
    programs = {str(path): notebooks.read(path) for path in notebooks.documents()}
    config.extra |= {"tutorials": read, "programs": programs, "terms": glossary(config)}
    with (HERE / "asked.yml").open(encoding="utf-8") as file:
        config.extra["asked"] = yaml_load(file)  # of a mistake it says where
    if not notebooks.stale([*read, *programs.values()]):
        return
    program = [sys.executable, HERE / "execute.py"]
    # Of Ctrl-C it learns from us alone, once.
    process = subprocess.Popen(program, cwd=notebooks.ROOT, start_new_session=True)
    try:
        failed = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        failed = process.wait()
    if failed:
        raise Abort("The site was not built.")


@event_priority(100)  # before mkdocs-jupyter, which makes them pages
def on_files(files, config):
    """Add each tutorial's script and each snippet where they lie, all in a zip."""
    where = str(notebooks.ROOT), config.site_dir, config.use_directory_urls
    for tutorial in config.extra["tutorials"]:
        script = File(tutorial.name, *where)
        script.tutorial = tutorial
        files.append(script)
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in sorted((notebooks.ROOT / "snippets").glob("[!_]*/*.*")):
            name = path.relative_to(notebooks.ROOT).as_posix()
            files.append(File(name, *where))
            # Without a time: the same files, the same bytes.
            entry, content = zipfile.ZipInfo(name), path.read_bytes()
            zipped.writestr(entry, content, zipfile.ZIP_DEFLATED)
    name, content = "snippets/snippets.zip", archive.getvalue()
    files.append(File.generated(config, name, content=content))
    return files


def of(page):
    """Return the tutorial that a page shows, or None."""
    return getattr(page.file, "tutorial", None)


def below(section):
    """Return the pages of a section of the navigation, in order."""
    pages = [below(item) if item.children else [item] for item in section.children]
    return [page for each in pages for page in each]


def description(file):
    """Return what a page says of itself, in Markdown without links."""
    if tutorial := getattr(file, "tutorial", None):
        text, said = tutorial.notebook.cells[0].source, {}
    else:
        text, said = get_data(file.content_string)
    prose = FIRST.search(f"{text}\n")
    words = said.get("description") or (prose[1] if prose else "")
    return " ".join(re.sub(r"\[(.+?)\]\(.*?\)", r"\1", words, flags=re.S).split())


def listed(section, page, level=2):
    """Return a line for each page of a section, with its groups' headings."""
    top, lines = "../" * page.file.src_uri.count("/"), []
    for item in section.children:
        if item.children:
            lines.append(f"\n{'#' * level} {item.title}\n")
            lines.append(listed(item, page, level + 1))
        elif item is not page:
            link = f"[{item.title}]({top}{item.file.src_uri})"
            lines.append(f"- {link}<br>{description(item.file)}")
    return "\n".join(lines)


def on_nav(nav, config, files):
    """Where only what has changed is built, so has a page that shows it."""
    for page in nav.pages:
        built = Path(page.file.abs_dest_path)
        if not built.is_file():
            continue
        text = Path(page.file.abs_src_path).read_text("utf-8")
        shown = [notebooks.ROOT / name for name in re.findall(notebooks.INCLUDE, text)]
        shown += map(notebooks.snippet, re.findall(notebooks.IMPORT, text))
        if LIST in text:
            shown += [Path(each.file.abs_src_path) for each in below(page.parent)]
        if tutorial := of(page):
            shown.append(tutorial.kept)
        times = [path.stat().st_mtime for path in shown if path.is_file()]
        if max(times, default=0) > built.stat().st_mtime:
            built.unlink()


@event_priority(-100)  # after mkdocs-jupyter
def on_pre_page(page, config, files):
    """Let MkDocs render a tutorial, and not mkdocs-jupyter.

    It puts a render method of its own on each page that it knows.
    """
    vars(page).pop("render", None)
    return page


def on_page_read_source(page, config):
    """Return the Markdown of a tutorial: kept outputs under today's prose."""
    if tutorial := of(page):
        runs, notebook = notebooks.runs_here(tutorial), notebooks.with_outputs(tutorial)
        for number, cell in enumerate(notebook.cells, 1):
            shown = [output.get("data", {}) for output in cell.get("outputs", ())]
            drawn = sum("image/svg+xml" in data for data in shown)
            described = cell.metadata.keys() & {"figure", "alt", "caption"}
            marks = "figure=, alt= or caption="
            where = f"{tutorial.name}, cell {number}"
            if drawn > (len(described) == 3):
                raise BuildError(f"{where}: a figure lacks {marks} of its own")
            if described and runs and not drawn:
                raise BuildError(f"{where}: {marks}, and no figure")
        shown = [cell for cell in notebook.cells if "jupyter" not in cell.metadata]
        blocks = folding.blocks(cell for cell in shown if cell.source)
        said = {"runs": runs, "of_all": folding.of_all}
        return template.render(blocks=blocks, **said)
    return None


def with_outputs(markdown, program):
    """Put below a page's code what it printed, and nothing else it returned."""
    cells = notebooks.with_outputs(program).cells
    for cell in cells:
        cell.outputs = [out for out in cell.outputs if out.get("name") == "stdout"]
    cells = iter(cells)

    def shown(match):
        return f"{match[0]}\n{template.module.outputs(next(cells))}\n"

    return notebooks.FENCE.sub(shown, markdown)


def without_backticks(items):
    """Leave what is quoted in a table of contents without its backticks."""
    for item in items:
        item.title = item.title.replace("`", "")
        without_backticks(item.children)


def glossary(config):
    """Return what each term of the glossary means, by its anchor."""
    file, terms = Path(config.docs_dir) / f"{GLOSSARY[:-1]}.md", {}
    for anchor, text in TERM.findall(file.read_text("utf-8") if file.is_file() else ""):
        text = re.sub(r"(\s*\[[^]]+\]\([^)]+\))+\s*$", "", text)  # where to read more
        text = re.sub(r"\[(.+?)\]\(.+?\)|`", r"\1", text, flags=re.S)
        terms[anchor] = " ".join(text.split())
    return terms


def explained(content, terms, place):
    """Link, where each first stands, the terms; say in a title what they mean."""
    names = "|".join(sorted(terms, key=len, reverse=True)).replace("-", r"[\s-]+")
    name = re.compile(rf"(?i)(?<![\w.-])(?<!Keras )({names})(?:s|es)?(?![\w-])")
    met, parts, end = set(), [], 0

    def opened(anchor):
        return f'<a class="term" title="{html.escape(terms[anchor])}" '

    def link(match):
        anchor = re.sub(r"\s+", "-", match[1].lower())
        if anchor in met:
            return match[0]
        met.add(anchor)
        return f'{opened(anchor)}href="{place}#{anchor}">{match[0]}</a>'

    for found in NO_PROSE.finditer(content):
        parts.append(name.sub(link, content[end : found.start()]))
        if (to := TO_TERM.match(found[0])) and to[1] in terms:
            met.add(to[1])
        parts.append(TO_TERM.sub(opened(to[1]) if to else "", found[0]))
        end = found.end()
    return "".join([*parts, name.sub(link, content[end:])])


@event_priority(100)  # before llmstxt, whose pages have no colours
def _without_colours(content, page, config, files):
    """Spare it the tags of the colours of code, nine of ten of all tags."""
    page.coloured = content
    return CODE.sub(lambda code: SPAN.sub("", code[0]), content)


@event_priority(-100)  # after llmstxt, whose pages are in the notebook's order
def _as_read(content, page, config, files):
    """Fold code below what it made; explain words; contents read as prose."""
    content = vars(page).pop("coloured")
    content = BELOW.sub(r"\2\1", TWIN.sub("", content))
    without_backticks(page.toc)
    terms = config.extra["terms"]
    if not terms or page.is_homepage or page.url == GLOSSARY:
        return content
    return explained(content, terms, get_relative_url(GLOSSARY, page.url))


on_page_content = CombinedEvent(_without_colours, _as_read)


def on_page_markdown(markdown, page, config, files):
    """Note what is said of a page; list, and link folded snippets' files."""
    if program := config.extra["programs"].get(page.file.abs_src_path):
        markdown = with_outputs(markdown, program)
    if tutorial := of(page):
        first = tutorial.notebook.cells[0].metadata
        page.meta["executed"] = executed(tutorial.notebook)
        page.meta["tags"] = first.get("index", "").split("; ")
        page.meta["search"] = {"boost": first.get("boost", 1)}
    plain = description(page.file).replace("`", "").replace("*", "")
    page.meta.setdefault("description", plain)
    if LIST in markdown:
        lines = listed(page.parent, page)
        lines = f'<div data-search-exclude markdown="1">\n\n{lines}\n\n</div>'
        markdown = markdown.replace(LIST, lines)
    top = "../" * page.file.src_uri.count("/")
    return FOLDED.sub(rf'[Download \2]({top}\1){{ download="" }}\n\n', markdown)


def executed(notebook):
    """Return with what, on what data, when and how long it was executed."""
    noted = [cell.metadata.pop("execution", {}) for cell in notebook.cells]
    times = [time for each in noted for time in each.values()]
    if not times:
        return {}
    begun, ended = map(datetime.fromisoformat, (min(times), max(times)))
    versions = {"Python": platform.python_version()}
    for package in ("tensorflow", "keras", "keras-tuner"):
        versions[package] = version(package)
    return {
        "date": begun.date(),
        "seconds": round((ended - begun).total_seconds()),
        "data": Path(os.environ.get("TUTORIAL_DATASET", "")).name,
        "versions": versions,
    }


def to_search(page, config):
    """Give a page's first entry its own index, thrice, and what readers ask.

    Material copies tags and boost to each section: the tags would be found as
    often as there are sections, so these keep the boost alone.
    """
    for entry in config.plugins["material/search"].search_index.entries:
        url, _, section = entry["location"].partition("#")
        if url != page.url:
            continue
        tags = entry.pop("tags", [])
        if not section:
            entry.pop("boost", None)
            asked = (config.extra["asked"].get(page.file.src_uri) or "").split("; ")
            entry["tags"] = [*tags * 3, *asked]


def on_post_page(output, page, config):
    """Tell search; put a tutorial's notebook, script and figures beside its page."""
    to_search(page, config)
    if tutorial := of(page):
        notebook, place = tutorial.notebook, Path(page.file.abs_dest_path).parent
        place.mkdir(parents=True, exist_ok=True)
        for cell in notebook.cells:
            for out in cell.get("outputs", ()):
                if svg := out.get("data", {}).get("image/svg+xml"):
                    figure = place / f"{cell.metadata['figure']}.svg"
                    figure.write_text(svg, "utf-8")
        notebook.cells.insert(0, needs(notebook))
        text = nbformat.v4.writes(notebook)
        (place / f"{place.name}.ipynb").write_text(text, "utf-8")
        script = notebooks.once(notebooks.as_script, text)
        (place / f"{place.name}.py").write_bytes(script)


def needs(notebook):
    """Return the first cell of a notebook: what it needs to run alone."""
    code = "\n".join(cell.source for cell in notebooks.code_cells(notebook))
    modules = folding.MODULE.findall(code)
    owners = json.loads(notebooks.once(packages, ""))
    imported = {name for module in modules for name in owners.get(module, ())}
    listed = importlib.metadata.requires("keras-tuner-guide")
    named = [(re.match(r"[\w-]+", need)[0], "extra ==" in need) for need in listed]
    names = [name for name, extra in named if name in imported or not extra]
    pinned = " ".join(f"{name}=={version(name)}" for name in names)
    text = NEEDS.format(platform.python_version(), pinned)
    return nbformat.v4.new_markdown_cell(text, id="needs")


def packages(_):
    """Return which packages each module is of, as JSON."""
    return json.dumps(importlib.metadata.packages_distributions()).encode()


@event_priority(-100)  # after the search plugin
def on_post_build(config):
    """Write what is composed or watched, the picture of links, and an index.

    The search index as a script too: from disk no page may fetch.
    """
    site = Path(config.site_dir)
    if (page := site / "your_data").is_dir():
        (page / "parts.js").write_text(composer.script(), "utf-8")
    if (page := site / "evidence/watch_races").is_dir():
        races.write(page)
    if config.strict:
        text = f"{config.site_name}\n{config.site_description}"
        picture = notebooks.once(social_picture, text)
        (site / "assets/social.png").write_bytes(picture)
        index = (site / "search/search_index.json").read_text("utf-8")
        script = f"var __index = {index}"
        (site / "search/search_index.js").write_text(script, "utf-8")
        take_along(site)


def take_along(site):
    """Put the site into a zip of itself, to be read from disk."""
    archive = site / f"{TAKEN}.zip"
    archive.unlink(missing_ok=True)
    paths = sorted(path for path in site.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in paths:
            name = f"{TAKEN}/{path.relative_to(site).as_posix()}"
            entry, content = zipfile.ZipInfo(name), path.read_bytes()
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, content, zipfile.ZIP_DEFLATED)


def social_picture(text):
    """Draw the site's name and promise, its two lines."""
    from matplotlib.figure import Figure

    name, promise = text.splitlines()
    figure, picture = Figure((12, 6.3), facecolor="#0b5f59"), BytesIO()
    figure.text(0.08, 0.62, name, color="white", size=62, weight="bold")
    promise = textwrap.fill(promise, 44)
    figure.text(0.08, 0.53, promise, color="white", size=28, va="top")
    figure.savefig(picture, dpi=100, format="png")
    return picture.getvalue()
