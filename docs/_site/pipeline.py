"""MkDocs hook: execute stale tutorials and render them as pages.

How and why: docs/how_this_site_is_built.md.
"""

import asyncio
import hashlib
import html
import logging
import os
import platform
import re
import subprocess
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from mkdocs.exceptions import Abort, BuildError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache"
IMPORT = re.compile(r"from snippets\.(\w+) import \w+")
found = []  # what tutorials() yields, from on_pre_build to on_files
log = logging.getLogger("mkdocs.hooks.pipeline")
# Our kernel is found here, and our template before mkdocs-jupyter's. In the
# kernel, TensorFlow's C++ log stays out of cells, and figures have no dates.
os.environ["JUPYTER_PATH"] = str(HERE)


def tutorials():
    """Yield each script's path, its notebook, and where that is kept."""
    data, stamp = os.environ.get("TUTORIAL_DATASET", "digits"), 0
    if Path(data).is_file():
        stamp = Path(data).stat().st_mtime
        os.environ["TUTORIAL_DATASET"] = str(Path(data).resolve())
    files = [ROOT / "requirements.txt", HERE / "matplotlibrc"]
    shared = [platform.python_version(), platform.machine(), data, str(stamp)]
    shared += [file.read_text("utf-8") for file in files]
    evidence = sorted((ROOT / "docs/evidence").glob("*.csv*"))
    for script in sorted((ROOT / "tutorials").glob("*.py")):
        notebook = jupytext.read(script, fmt="py:percent")
        # The same on every build, not names in the order of a set.
        notebook.metadata.jupytext.cell_metadata_filter = "all"
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"  # the same on every build
            if match := IMPORT.fullmatch(cell.source):
                snippet = ROOT / "snippets" / f"{match[1]}.py"
                if snippet.is_file():  # else the cell raises, and is named
                    cell.source = snippet.read_text("utf-8").strip()
        code = [cell.source for cell in code_cells(notebook)]
        named = [file.read_bytes() for file in evidence if file.name in "".join(code)]
        parts = shared + code + [hashlib.sha256(each).hexdigest() for each in named]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        yield script, notebook, CACHE / "executed" / f"{script.stem}-{key}.ipynb"


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source]


async def execute(script, notebook, kept, turn):
    """Execute a notebook and keep it, whole or not at all."""
    name, cells, number = f"tutorials/{script.name}", code_cells(notebook), 0

    def started(cell, **_):
        nonlocal number
        if cell in cells:
            number = cells.index(cell) + 1
            seconds = time.monotonic() - begun
            log.info(f"{name}: cell {number} of {len(cells)}, {seconds:.0f} s")

    async with turn:
        begun = time.monotonic()
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            client = NotebookClient(
                notebook,
                coalesce_streams=True,  # one print can come in two pieces
                resources={"metadata": {"path": folder}},
                on_cell_start=started,
            )
            try:
                await client.async_execute(stderr=subprocess.DEVNULL)
            except (CellExecutionError, DeadKernelError) as error:
                text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
                raise BuildError(f"{name}, code cell {number}:\n{text}") from None
        partial = kept.with_suffix(".partial")
        nbformat.write(notebook, partial)
        partial.replace(kept)
        log.info(f"{name}: executed in {time.monotonic() - begun:.0f} s")


async def execute_all(stale):
    """Execute side by side; return what each raised, or None."""

    def refuse(*_):
        raise RuntimeError

    # nbclient would take Ctrl-C for itself; refused, it leaves it to
    # asyncio, which cancels every notebook and stops its kernel.
    asyncio.get_running_loop().add_signal_handler = refuse
    cores = os.cpu_count() or 1
    threads = str(max(1, cores // len(stale)))
    limits = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
    os.environ |= dict.fromkeys(limits, threads)
    turn = asyncio.Semaphore(cores)
    runs = [execute(*tutorial, turn) for tutorial in stale]
    return await asyncio.gather(*runs, return_exceptions=True)


def on_pre_build(config):  # before MkDocs empties site/
    # mkdocs-jupyter keeps what it converted; our template decides that too.
    template = HERE / "nbconvert/templates/mkdocs_html/notebook.html.j2"
    version = hashlib.sha256(template.read_bytes()).hexdigest()[:16]
    converter = config.plugins["mkdocs-jupyter"].config
    converter["cache_dir"] = str(CACHE / "converted" / version)
    found[:] = tutorials()
    stale = [each for each in found if not each[2].is_file()]
    try:
        results = asyncio.run(execute_all(stale)) if stale else []
    except KeyboardInterrupt:
        raise Abort("Interrupted. What was executed is kept.") from None
    if errors := [error for error in results if error]:
        on_build_error(errors[0])
        raise BuildError("\n\n".join(map(str, errors)))


def on_build_error(error):
    if isinstance(error, OSError):
        raise BuildError(f"cannot write the cache: {error}") from None


@event_priority(100)  # before the other hook and mkdocs-jupyter
def on_files(files, config):
    """Add a page for each tutorial: kept outputs under today's prose."""
    for script, notebook, kept in found:
        executed = nbformat.read(kept, as_version=4)
        cells = zip(code_cells(notebook), code_cells(executed), strict=True)
        for cell, done in cells:
            cell.outputs = done.outputs
            cell.execution_count = done.execution_count
            cell.metadata.execution = done.metadata.execution
        where = str(CACHE), config.site_dir, config.use_directory_urls
        page = File(f"tutorials/{script.stem}.ipynb", *where)
        Path(page.abs_src_path).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, page.abs_src_path)
        files.append(page)
    return files


@event_priority(100)  # before all that reads what we render
def on_page_content(content, page, config, files):
    """Let Material render a tutorial's Markdown like any page's."""
    if page.file.src_uri.startswith("tutorials/"):
        # What follows our Markdown is a style sheet we don't use.
        page.markdown = html.unescape(content.partition("<style>")[0])
        Page.render(page, config, files)
        return page.content
    return content
