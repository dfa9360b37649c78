"""MkDocs hook: execute stale tutorials and hand them to the site.

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
import time
from pathlib import Path

import jupytext
import nbformat
from mkdocs.exceptions import Abort, BuildError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache"
IMPORT = re.compile(r"from snippets\.(\w+) import \w+")
# TensorFlow's C++ log, which no setting keeps off the terminal.
CPP_LOG = re.compile(r"(?m)^(WARNING: All log mess|[IWE]0000 ).*\n?")
found = []  # what tutorials() yields, from on_pre_build to on_files
log = logging.getLogger("mkdocs.hooks.pipeline")
# nbconvert looks here before it looks in mkdocs-jupyter's templates.
os.environ["JUPYTER_PATH"] = str(HERE)


def tutorials():
    """Yield each script, its notebook, and where that is kept."""
    data = os.environ.get("TUTORIAL_DATASET", "digits")
    stamp = Path(data).stat().st_mtime if Path(data).is_file() else 0
    files = [ROOT / "requirements.txt", HERE / "matplotlibrc"]
    shared = [platform.python_version(), platform.machine(), data]
    shared += [str(stamp), *(file.read_text("utf-8") for file in files)]
    for script in sorted((ROOT / "tutorials").glob("*.py")):
        notebook = jupytext.read(script)
        notebook.metadata.kernelspec = {
            "name": "python3",
            "language": "python",
        }
        notebook.metadata.kernelspec["display_name"] = "Python 3"
        for number, cell in enumerate(notebook.cells):
            cell.id = f"cell-{number}"  # the same on every build
            match = IMPORT.fullmatch(cell.source)
            if cell.cell_type == "code" and match:
                snippet = ROOT / "snippets" / f"{match[1]}.py"
                if not snippet.is_file():
                    raise BuildError(
                        f"tutorials/{script.name}: there is no "
                        f"snippets/{snippet.name} to import"
                    )
                cell.source = snippet.read_text("utf-8").strip()
        parts = shared + [cell.source for cell in code_cells(notebook)]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        kept = CACHE / "executed" / f"{script.stem}-{key}.ipynb"
        yield script, notebook, kept


def code_cells(notebook):
    return [
        c for c in notebook.cells if c.cell_type == "code" and c.source
    ]


async def execute(script, notebook, kept, turn):
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    name, cells, number = (
        f"tutorials/{script.name}",
        code_cells(notebook),
        0,
    )

    def started(cell, **_):
        nonlocal number
        if cell in cells:
            number = cells.index(cell) + 1
            seconds = time.monotonic() - begun
            log.info(
                f"{name}: cell {number} of {len(cells)}, {seconds:.0f} s"
            )

    async with turn:
        begun = time.monotonic()
        for folder in (CACHE / "work", kept.parent):
            folder.mkdir(parents=True, exist_ok=True)
        client = NotebookClient(
            notebook,
            timeout=None,
            resources={"metadata": {"path": str(CACHE / "work")}},
            extra_arguments=["--InlineBackend.figure_formats={'svg'}"],
            on_cell_start=started,
        )
        try:
            # The kernel's own log would stand between our lines.
            await client.async_execute(stderr=subprocess.DEVNULL)
        except (CellExecutionError, DeadKernelError) as error:
            text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
            raise BuildError(
                f"{name}, code cell {number}:\n{text}"
            ) from None
        for cell in cells:
            for output in cell.outputs:
                if output.get("name") == "stderr":
                    output.text = CPP_LOG.sub("", output.text)
            cell.outputs = [
                o for o in cell.outputs if o.get("text") != ""
            ]
        partial = kept.with_suffix(".partial")
        nbformat.write(notebook, partial)
        partial.replace(kept)  # whole or not at all
        log.info(
            f"{name}: executed in {time.monotonic() - begun:.0f} s"
        )


async def execute_all(stale):
    """Execute side by side; return what each raised, or None."""

    def refuse(*_):
        raise RuntimeError

    # nbclient would take Ctrl-C for itself; refused, it leaves it to
    # asyncio, which cancels every notebook and stops its kernel.
    asyncio.get_running_loop().add_signal_handler = refuse
    cores = os.cpu_count() or 1
    threads = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
    )
    os.environ |= dict.fromkeys(
        threads, str(max(1, cores // len(stale)))
    )
    os.environ |= {
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
    errors = [error for error in results if error]
    if errors:
        cache = "cannot write the cache: "
        raise BuildError(
            "\n\n".join(
                cache * isinstance(e, OSError) + str(e) for e in errors
            )
        )


@event_priority(100)  # before mkdocs-jupyter, which wraps what we add
def on_files(files, config):
    """Put kept outputs under today's prose; add page, script, figures."""
    for script, notebook, kept in found:
        page = f"tutorials/{script.stem}"
        new = {
            f"{page}/{script.name}": jupytext.writes(
                notebook, "py:percent"
            )
        }
        executed = code_cells(nbformat.read(kept, as_version=4))
        for cell, done in zip(
            code_cells(notebook), executed, strict=True
        ):
            cell.outputs, cell.execution_count = (
                done.outputs,
                done.execution_count,
            )
            for output in cell.outputs:
                svg = output.get("data", {}).get("image/svg+xml")
                if (
                    svg
                    and not {"figure", "alt"} <= cell.metadata.keys()
                ):
                    log.warning(
                        f"{page}.py: a figure lacks figure= or alt="
                    )
                elif svg:
                    new[f"{page}/{cell.metadata['figure']}.svg"] = svg
        path = CACHE / f"{page}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        for name, content in new.items():
            files.append(File.generated(config, name, content=content))
        where = config.site_dir, config.use_directory_urls
        files.append(File(f"{page}.ipynb", str(CACHE), *where))
    return files


def on_page_content(content, page, config, files):
    """Let Material render a tutorial's Markdown like any page's."""
    if page.file.src_uri.startswith("tutorials/"):
        # What follows our Markdown is a style sheet we don't use.
        text = html.unescape(content.partition("<style>")[0])
        # Pandas' own styling gives way to Material's.
        text = re.sub(r"(?s)<style scoped>.*?</style>", "", text)
        text = text.replace(' border="1" class="dataframe"', "")
        page.markdown = text.replace("<th></th>", "<td></td>")
        Page.render(page, config, files)
    prose = re.search(r"(?s)<p>(.*?)</p>", page.content)
    words = re.sub(r"<.*?>", "", prose[1]).split() if prose else []
    page.meta.setdefault("description", html.unescape(" ".join(words)))
    return page.content
