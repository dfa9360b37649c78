"""MkDocs hook: what a page offers beside its text.

Downloads and figures of tutorials, tables that say what they are of,
descriptions, the social picture, and search from disk.
"""

import functools
import html
import importlib.metadata
import itertools
import logging
import os
import platform
import re
import textwrap
from datetime import datetime
from io import BytesIO
from pathlib import Path

import jupytext
import nbformat
from matplotlib.figure import Figure
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

NEEDS = """\
Executed with Python {}. Needs these packages, here at the versions it was
executed with:

    %pip install {}"""
# Material's own copy button, whose script finds it by its attributes. Put
# in by that script, as content.code.copy does, each lays the page out anew.
COPY = """\
{} id="code-{}"><pre><span></span><span class="md-code__nav">\
<button class="md-code__button" type="button" aria-label="Copy to clipboard" \
title="Copy to clipboard" data-md-type="copy" \
data-clipboard-target="#code-{} code"></button></span><code tabindex="0">"""
made = {}  # what the page of each tutorial is to say of it
log = logging.getLogger("mkdocs.hooks.extras")


owners = functools.cache(importlib.metadata.packages_distributions)


def packages(notebook):
    """Return the first cell of a notebook: what it needs to run alone."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code = "\n".join(cell.source for cell in cells)
    modules = re.findall(r"(?m)^(?:import|from) (\w+)", code)
    imported = {name for module in modules for name in owners().get(module, ())}
    needs = importlib.metadata.requires("keras-tuner-guide")
    named = [(re.match(r"[\w-]+", need)[0], "extra ==" in need) for need in needs]
    names = [name for name, extra in named if name in imported or not extra]
    pinned = " ".join(f"{name}=={importlib.metadata.version(name)}" for name in names)
    text = NEEDS.format(platform.python_version(), pinned)
    return nbformat.v4.new_markdown_cell(text, id="needs")


@event_priority(50)  # after the pipeline's, before mkdocs-jupyter's
def on_files(files, config):
    """Add what goes with each tutorial, and the site's social picture."""
    new = {"assets/social.png": social_picture(config)}
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        notebook = nbformat.v4.reads(file.content_string)
        page, first = file.src_uri.removesuffix(".ipynb"), notebook.cells[0].metadata
        made[file.src_uri] = {
            "executed": executed(notebook),
            "tags": first.get("index", "").split("; "),
            "search": {"boost": first.get("boost", 1)},
        }
        new[f"{page}/{file.name}.py"] = jupytext.writes(notebook, "py:percent")
        for cell in notebook.cells:
            shown = [output.get("data", {}) for output in cell.get("outputs", ())]
            for svg in (d["image/svg+xml"] for d in shown if "image/svg+xml" in d):
                if {"figure", "alt"} <= cell.metadata.keys():
                    new[f"{page}/{cell.metadata['figure']}.svg"] = svg
                else:
                    log.warning(f"{page}.py: a figure lacks figure= or alt=")
        notebook.cells.insert(0, packages(notebook))
        nbformat.write(notebook, file.abs_src_path)
    for name, content in new.items():
        files.append(File.generated(config, name, content=content))


def executed(notebook):
    """Return with what, on what data, when and how long it was executed."""
    noted = [cell.metadata.pop("execution", {}) for cell in notebook.cells]
    times = [time for each in noted for time in each.values()]
    begun, ended = map(datetime.fromisoformat, (min(times), max(times)))
    versions = {"Python": platform.python_version()}
    for package in ("tensorflow", "keras", "keras-tuner"):
        versions[package] = importlib.metadata.version(package)
    return {
        "date": begun.date(),
        "seconds": round((ended - begun).total_seconds()),
        "data": Path(os.environ.get("TUTORIAL_DATASET", "digits")).name,
        "versions": versions,
    }


def social_picture(config):
    """Draw the picture that stands for the site where a link is shared."""
    figure, picture = Figure((12, 6.3), facecolor="#0b5f59"), BytesIO()
    figure.text(0.08, 0.62, config.site_name, color="white", size=62, weight="bold")
    promise = textwrap.fill(config.site_description, 44)
    figure.text(0.08, 0.53, promise, color="white", size=28, va="top")
    figure.savefig(picture, dpi=100, format="png")
    return picture.getvalue()


def tidy(table):
    """Pandas' own styling gives way to Material's; headers say of what."""
    text = re.sub(r"(?s)<style scoped>.*?</style>", "", table[0])
    text = re.sub(r' (border="1" class|style|halign|valign)="[^"]*"', "", text)
    head, body, rows = text.partition("<tbody>")
    # The names of the index stand in a row of their own: bring them up.
    blank, names = r"(?:<th></th>\s*)+", r"((?:<th>[^<]+</th>\s*)+)"
    own = rf"<tr>\s*{blank}((?:<th>[^<]+</th>\s*)+)</tr>\s*<tr>\s*{names}{blank}</tr>"
    head = re.sub(own, r"<tr>\2\1</tr>", head).replace("<th></th>", "<td></td>")
    head = re.sub(r"<th\b", '<th scope="col"', head)
    return head + body + re.sub(r"<th\b", '<th scope="row"', rows)


@event_priority(50)  # after the pipeline rendered it, before all else
def on_page_content(content, page, config, files):
    """Tidy tables, offer code for copying, describe the page."""
    content = re.sub(r'(?s)<div class="output".*?</table>', tidy, content)
    number = itertools.count()
    content = re.sub(
        r'(<div class="[^"]*\bhighlight")><pre><span></span><code>',
        lambda match: COPY.format(match[1], at := next(number), at),
        content,
    )
    page.meta |= made.get(page.file.src_uri, {})
    prose = re.search(r"(?s)<p>(.*?)</p>", content)
    words = re.sub(r"<.*?>", "", prose[1]).split() if prose else []
    page.meta.setdefault("description", html.unescape(" ".join(words)))
    return content.replace(' open="open">', " open>")


@event_priority(-100)  # after the search plugin
def on_post_build(config):
    """Write the search index as a script too: from disk no page may fetch."""
    index = Path(config.site_dir, "search/search_index.json").read_text("utf-8")
    index_script = Path(config.site_dir, "search/search_index.js")
    index_script.write_text(f"var __index = {index}", "utf-8")
