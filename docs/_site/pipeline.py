"""MkDocs hook: execute stale tutorials and hand them to the site.

How and why: docs/how_this_site_is_built.md.
"""

import asyncio
import datetime
import hashlib
import html
import importlib.metadata
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
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache"
IMPORT = re.compile(r"from snippets\.(\w+) import \w+")
NEEDS = """\
Executed with Python {}. Needs these packages, here at the versions it was
executed with:

    %pip install {}"""
UNWRITABLE = "cannot write the cache: "
found = []  # what tutorials() yields, from on_pre_build to on_files
made = {}  # what the head of each page is to say
log = logging.getLogger("mkdocs.hooks.pipeline")
# nbconvert looks here before it looks in mkdocs-jupyter's templates.
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
        notebook = jupytext.read(script)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.metadata.kernelspec = kernel
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"  # the same on every build
            if match := IMPORT.fullmatch(cell.source):
                snippet = ROOT / "snippets" / f"{match[1]}.py"
                if not snippet.is_file():
                    missing = f"there is no snippets/{snippet.name} to import"
                    raise BuildError(f"tutorials/{script.name}: {missing}")
                cell.source = snippet.read_text("utf-8").strip()
        parts = shared + [cell.source for cell in code_cells(notebook)]
        for file in evidence:
            if file.name in "".join(parts[len(shared) :]):
                parts.append(hashlib.sha256(file.read_bytes()).hexdigest())
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        yield script, notebook, CACHE / "executed" / f"{script.stem}-{key}.ipynb"


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source]


async def execute(script, notebook, kept, turn):
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
        # TensorFlow's C++ log stays out of cells; no setting stops it.
        kernel = ["--IPKernelApp.capture_fd_output=False"]
        kernel += ["--InlineBackend.figure_formats={'svg'}"]
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            client = NotebookClient(
                notebook,
                timeout=None,
                resources={"metadata": {"path": folder}},
                extra_arguments=kernel,
                on_cell_start=started,
            )
            try:
                await client.async_execute(stderr=subprocess.DEVNULL)
            except (CellExecutionError, DeadKernelError) as error:
                text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
                raise BuildError(f"{name}, code cell {number}:\n{text}") from None
        versions = {"Python": platform.python_version()}
        for package in ("tensorflow", "keras", "keras-tuner"):
            versions[package] = importlib.metadata.version(package)
        notebook.metadata.executed = {
            "seconds": round(time.monotonic() - begun),
            "date": datetime.date.today().isoformat(),
            "data": Path(os.environ.get("TUTORIAL_DATASET", "digits")).name,
            "versions": versions,
        }
        partial = kept.with_suffix(".partial")
        nbformat.write(notebook, partial)
        partial.replace(kept)  # whole or not at all
        log.info(f"{name}: executed in {notebook.metadata.executed['seconds']} s")


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
    os.environ |= dict.fromkeys(limits, threads) | {
        "MATPLOTLIBRC": str(HERE / "matplotlibrc"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "SOURCE_DATE_EPOCH": "0",  # else figures carry their dates
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }
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
    errors = [UNWRITABLE * isinstance(e, OSError) + str(e) for e in results if e]
    if errors:
        raise BuildError("\n\n".join(errors))


def packages(notebook):
    """Return the first cell of a notebook: what it needs to run alone."""
    code = "\n".join(cell.source for cell in code_cells(notebook))
    owners = importlib.metadata.packages_distributions()
    modules = re.findall(r"(?m)^(?:import|from) (\w+)", code)
    imported = {name for module in modules for name in owners.get(module, ())}
    needs = importlib.metadata.requires("keras-tuner-guide")
    named = [(re.match(r"[\w-]+", need)[0], "extra ==" in need) for need in needs]
    names = [name for name, extra in named if name in imported or not extra]
    pinned = " ".join(f"{name}=={importlib.metadata.version(name)}" for name in names)
    text = NEEDS.format(platform.python_version(), pinned)
    return nbformat.v4.new_markdown_cell(text, id="needs")


@event_priority(100)  # before mkdocs-jupyter, which wraps what we add
def on_files(files, config):
    """Put kept outputs under today's prose; add page, script, figures."""
    for script, notebook, kept in found:
        page = f"tutorials/{script.stem}"
        new = {f"{page}/{script.name}": jupytext.writes(notebook, "py:percent")}
        executed = nbformat.read(kept, as_version=4)
        notebook.metadata.executed = executed.metadata.executed
        first = notebook.cells[0].metadata
        made[page] = {
            "executed": executed.metadata.executed,
            "tags": first.get("index", "").split("; "),
            "search": {"boost": first.get("boost", 1)},
        }
        cells = zip(code_cells(notebook), code_cells(executed), strict=True)
        for cell, done in cells:
            cell.outputs = done.outputs
            cell.execution_count = done.execution_count
            for svg in (o.get("data", {}).get("image/svg+xml") for o in done.outputs):
                if svg and not {"figure", "alt"} <= cell.metadata.keys():
                    log.warning(f"{page}.py: a figure lacks figure= or alt=")
                elif svg:
                    new[f"{page}/{cell.metadata['figure']}.svg"] = svg
        # On a busy machine one print can arrive in two pieces.
        CoalesceStreamsPreprocessor().preprocess(notebook, {})
        notebook.cells.insert(0, packages(notebook))
        path = CACHE / f"{page}.ipynb"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
        except OSError as error:
            raise BuildError(UNWRITABLE + str(error)) from None
        for name, content in new.items():
            files.append(File.generated(config, name, content=content))
        where = config.site_dir, config.use_directory_urls
        files.append(File(f"{page}.ipynb", str(CACHE), *where))
    return files


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


@event_priority(100)  # before all that reads what we render
def on_page_content(content, page, config, files):
    """Let Material render a tutorial's Markdown like any page's."""
    if page.file.src_uri.startswith("tutorials/"):
        # What follows our Markdown is a style sheet we don't use.
        text = html.unescape(content.partition("<style>")[0])
        page.markdown = re.sub(r'(?s)<div class="output".*?</table>', tidy, text)
        Page.render(page, config, files)
        content = page.content.replace(' open="open">', " open>")
        page.meta |= made[page.file.src_uri.removesuffix(".ipynb")]
    return content
