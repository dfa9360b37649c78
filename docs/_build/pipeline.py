"""MkDocs hook: execute the tutorials that are stale, hand them to the site.

A tutorial is a percent script. Its imports from snippets/ are replaced by
the snippets' own lines; the notebook made so is executed once per key and
kept in .cache/; mkdocs-jupyter and our template turn it into Markdown, and
Material renders that like any page. See docs/how_this_site_is_built.md.
"""

import asyncio
import hashlib
import html
import logging
import os
import platform
import re
import time
from pathlib import Path

import jupytext
import nbformat
from mkdocs.exceptions import Abort, BuildError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
HERE = Path(__file__).parent
# TensorFlow's C++ log, which no setting keeps off the terminal.
CPP_LOG = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]0000 ).*\n?", re.M
)
IMPORT = re.compile(r"from snippets\.(\w+) import \w+")
log = logging.getLogger("mkdocs.hooks.pipeline")

# nbconvert looks here before it looks in mkdocs-jupyter's own templates.
os.environ["JUPYTER_PATH"] = str(HERE)


def read(script):
    """Return the script's notebook, with each imported snippet in place."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # the same on every build
        match = IMPORT.fullmatch(cell.source.strip())
        if cell.cell_type == "code" and match:
            snippet = ROOT / "snippets" / f"{match[1]}.py"
            if not snippet.is_file():
                raise BuildError(
                    f"tutorials/{script.name} imports snippets.{match[1]}, "
                    f"but there is no snippets/{match[1]}.py"
                )
            cell.source = snippet.read_text("utf-8").strip()
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    return notebook


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source]


def key(notebook):
    """Name all that the outputs depend on; prose is not part of it."""
    data = os.environ.get("TUTORIAL_DATASET", "digits")
    parts = [cell.source for cell in code_cells(notebook)]
    parts += [data, platform.python_version(), platform.machine()]
    parts += [str(Path(data).stat().st_mtime)] if Path(data).is_file() else []
    for file in (ROOT / "requirements.txt", HERE / "matplotlibrc"):
        parts.append(file.read_text("utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


async def execute(name, notebook, kept, turn):
    """Execute a notebook and keep it in `kept`, once it is whole."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    cells, state = code_cells(notebook), {"number": 0}

    def started(cell, cell_index):
        if cell in cells:
            state["number"] = cells.index(cell) + 1
            seconds = time.monotonic() - begun
            log.info(
                f"{name}: cell {state['number']} of {len(cells)}, "
                f"{seconds:.0f} s"
            )

    async with turn:
        begun = time.monotonic()
        folder = CACHE / "work"
        folder.mkdir(parents=True, exist_ok=True)
        client = NotebookClient(
            notebook,
            timeout=None,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--InlineBackend.figure_formats={'svg'}"],
            on_cell_start=started,
        )
        try:
            await client.async_execute()
        except (CellExecutionError, DeadKernelError) as error:
            text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
            raise BuildError(f"{name}, code cell {state['number']}:\n{text}")
        log.info(f"{name}: executed in {time.monotonic() - begun:.0f} s")
        for cell in cells:
            for output in cell.outputs:
                if output.get("name") == "stderr":
                    output.text = CPP_LOG.sub("", output.text)
            cell.outputs = [o for o in cell.outputs if o.get("text") != ""]
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        nbformat.write(notebook, partial)
        partial.replace(kept)  # whole or not at all


async def execute_all(stale):
    cores = os.cpu_count() or 1
    share = str(max(1, cores // len(stale)))
    os.environ |= {
        "MATPLOTLIBRC": str(HERE / "matplotlibrc"),
        "SOURCE_DATE_EPOCH": "0",  # else each figure carries its own date
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": share,
        "TF_NUM_INTEROP_THREADS": share,
        "OMP_NUM_THREADS": share,
    }
    turn = asyncio.Semaphore(cores)
    runs = [execute(*arguments, turn) for arguments in stale]
    return await asyncio.gather(*runs, return_exceptions=True)


@event_priority(100)  # before mkdocs-jupyter, which wraps what we add
def on_files(files, config):
    notebooks, stale = {}, []
    for script in sorted((ROOT / "tutorials").glob("*.py")):
        notebook = read(script)
        kept = CACHE / "executed" / f"{script.stem}-{key(notebook)}.ipynb"
        notebooks[script] = notebook, kept
        if not kept.is_file():
            stale.append((f"tutorials/{script.name}", read(script), kept))
    try:
        if stale:
            results = asyncio.run(execute_all(stale))
            errors = [str(r) for r in results if isinstance(r, Exception)]
            if errors:
                raise BuildError("\n\n".join(errors))
        for script, (notebook, kept) in notebooks.items():
            add(files, config, script, notebook, kept)
    except KeyboardInterrupt:
        raise Abort("Interrupted. What was executed is kept.") from None
    except OSError as error:
        raise BuildError(f"cannot write the cache: {error}") from None
    return files


def add(files, config, script, notebook, kept):
    """Put the outputs under today's prose; add page, script and figures."""
    page = f"tutorials/{script.stem}"
    script_text = jupytext.writes(notebook, "py:percent")
    files.append(File.generated(config, f"{page}/{script.name}", content=script_text))
    executed = code_cells(nbformat.read(kept, as_version=4))
    for cell, done in zip(code_cells(notebook), executed, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
        for output in cell.outputs:
            svg = output.get("data", {}).get("image/svg+xml")
            if svg and not {"figure", "alt"} <= cell.metadata.keys():
                log.warning(f"{page}.py: a figure lacks figure= or alt=:\n{cell.source}")
            elif svg:
                figure = f"{page}/{cell.metadata['figure']}.svg"
                files.append(File.generated(config, figure, content=svg))
    path = CACHE / f"{page}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    files.append(
        File(
            f"{page}.ipynb",
            str(CACHE),
            config.site_dir,
            config.use_directory_urls,
        )
    )


def on_page_content(content, page, config, files):
    """Let Material render a tutorial's Markdown like any page's."""
    if page.file.src_uri.startswith("tutorials/"):
        # What follows our Markdown is a style sheet we don't use.
        text = html.unescape(content.partition("<style>")[0])
        # Pandas' own styling gives way to Material's.
        text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.S)
        text = text.replace(' border="1" class="dataframe"', "")
        page.markdown = text.replace("<th></th>", "<td></td>")
        Page.render(page, config, files)
    if "description" not in page.meta:
        prose = re.search(r"<p>(.*?)</p>", page.content, re.S)
        words = re.sub(r"<.*?>", "", prose[1]).split() if prose else []
        page.meta["description"] = html.unescape(" ".join(words))
    return page.content
