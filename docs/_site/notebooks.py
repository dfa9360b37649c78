"""Tutorials as notebooks: read, found wrong, looked up by what they run."""

import ast
import hashlib
import inspect
import json
import os
import platform
import re
from pathlib import Path
from typing import NamedTuple

import nbformat
from mkdocs.exceptions import BuildError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache"
IMPORT = re.compile(r"from snippets\.([\w.]+) import (?:\w+|\(\s*\w+,\s*\))")
SHOW = "\n\nshow_in_terminal()"  # ends the cell that a page leaves out
FENCE = re.compile(r"(?ms)^```python.*?\n(.*?)^```\n")  # code in Markdown
INCLUDE = re.compile(r'(?m)^ *--8<-- "(.+)"$')
MARKS = dict.fromkeys(("index", "alt", "caption", "fold", "answer"), "'.+'|\".+\"")
MARKS |= {"boost": r"[\d.]+", "needs": "'posix'", "open": "True"}
MARKS |= {"figure": r"'[\w-]+'", "lines_to_next_cell": r"\d+"}  # Jupytext's
PRINTS = re.compile(r"\b(print|results_summary|search_space_summary)\(")


class Mistake(BuildError):
    """What is wrong with a tutorial, in a sentence for who wrote it."""


class Tutorial(NamedTuple):
    name: str  # tutorials/random_search.py
    notebook: nbformat.NotebookNode  # snippets in place, no outputs
    kept: Path  # where it is, or will be, with outputs


def scripts():
    found = (ROOT / "tutorials").rglob("[!.]*.py")  # without what editors keep
    return sorted(path for path in found if path.parent.name[0] != ".")


def text_of(path):
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Mistake(f"{path.relative_to(ROOT)}: {error}") from None


def check(text, where, titles=1):
    """Refuse what Markdown would show as text, or leave out, in silence."""
    for name in re.findall(r"(?m)^ *--8<-- *(.*)$", text):
        if name[:1] != '"' or not (ROOT / name.strip('"')).is_file():
            raise Mistake(f"{where}: no such file, or not quoted: --8<-- {name}")
    prose = re.sub(r"(?ms)^( *)(`{3,}).*?^\1\2 *$", "", text)
    if "```" in prose or prose.count("<details") != prose.count("</details>"):
        raise Mistake(f"{where}: a fence or <details> is not closed")
    if len(re.findall("(?m)^# ", prose)) != titles:
        raise Mistake(f"{where}: a page begins with its title, and has no other")


def documents():
    """Check all Markdown pages; return those whose code prints something."""
    pages = {p: text_of(p) for p in sorted((ROOT / "docs").rglob("*.md"))}
    for page, text in pages.items():
        check(text, page.relative_to(ROOT).as_posix())
    return [p for p, t in pages.items() if PRINTS.search("".join(FENCE.findall(t)))]


def snippet(module):
    return ROOT / "snippets" / f"{module.replace('.', '/')}.py"


def code_cells(notebook):
    """Return the cells that a page shows; it depends on no other."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in code if cell.source and "jupyter" not in cell.metadata]


def once(make, text):
    """Return the bytes that `make(text)` returned when first asked for.

    What makes them takes longer to import than a warm build lasts.
    """
    packages = ROOT / "requirements.txt"
    parts = inspect.getsource(make), text, packages.read_text("utf-8")
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    file = CACHE / "once" / f"{make.__name__}-{digest}"
    if not file.is_file() or not file.stat().st_size:  # after a power cut
        made, partial = make(text), file.with_name(f"{file.name}-{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(made)
            partial.replace(file)
        except OSError as error:
            raise Mistake(f"cannot write the cache: {error}") from None
    return file.read_bytes()


def as_notebook(script):
    """Return a percent script's notebook, as JSON."""
    import jupytext

    return json.dumps(jupytext.reads(script, "py:percent")).encode()


def as_script(notebook):
    """Return the percent script of a notebook's JSON."""
    import jupytext

    notebook = nbformat.reads(notebook, as_version=4)
    return jupytext.writes(notebook, "py:percent").encode()


def notebook_of(script, name):
    """Return a script's notebook, in place of imports the snippets."""
    cells, figures = [], set()
    parsed = json.loads(once(as_notebook, text_of(script)))
    for cell in map(nbformat.from_dict, parsed["cells"]):
        where = f"{name}, cell {len(cells) + 1}"
        source = cell.source
        shows = source.endswith(SHOW)
        if match := IMPORT.fullmatch(source.removesuffix(SHOW)):
            file = snippet(match[1])
            if not file.is_file():
                raise Mistake(f"{where}: there is no {file.relative_to(ROOT)}")
            source = text_of(file).strip() + f"\n{SHOW}" * shows
        for mark, value in cell.metadata.items():
            if not re.fullmatch(MARKS.get(mark, ""), repr(value)):
                raise Mistake(f"{where}: not understood behind %%: {mark}={value!r}")
        if cell.cell_type == "markdown":
            check(source, where, titles=not cells)
        else:
            try:
                body = ast.parse(source).body
            except SyntaxError as error:
                line = (error.text or "").strip()
                raise Mistake(f"{where}: {error.msg}: {line}") from None
            modules = [each.module for each in body if isinstance(each, ast.ImportFrom)]
            if any(f"{module}.".startswith("snippets.") for module in modules):
                raise Mistake(f"{where}: a snippet's import stands in a cell alone")
        if figure := cell.metadata.get("figure"):
            if figure in figures:
                raise Mistake(f"{where}: a second figure named {figure}")
            figures.add(figure)
        cells.append(nbformat.from_dict(cell | {"source": source}))
        cells[-1].id = f"cell-{len(cells)}"  # the same on every build
        if shows:
            cells[-1].metadata.jupyter = {"source_hidden": True}
    if not cells or cells[0].cell_type == "code" or cells[0].source[:2] != "# ":
        raise Mistake(f"{name}, cell 1: a page begins with its title")
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return notebook


def program_of(page):
    """Return a notebook of a Markdown page's code, snippets in place."""
    codes = FENCE.findall(page.read_text("utf-8"))
    codes = [INCLUDE.sub(lambda m: (ROOT / m[1]).read_text("utf-8"), c) for c in codes]
    cells = [nbformat.v4.new_code_cell(code.strip()) for code in codes]
    return nbformat.v4.new_notebook(cells=cells)


def read(script):
    """Return a tutorial, and under which key its outputs are kept.

    Or the code of a Markdown page, as if it were one.
    """
    name = script.relative_to(ROOT).as_posix()
    if script.suffix == ".md":
        notebook = program_of(script)
    else:
        notebook = notebook_of(script, name)
    code = [cell.source for cell in code_cells(notebook)]
    data = os.environ.get("TUTORIAL_DATASET", "digits")
    if Path(data).is_file():
        data += str(Path(data).stat().st_mtime)
    files = [ROOT / "requirements.txt", HERE / "matplotlibrc"]
    folder = ROOT / "docs/evidence"
    evidence = sorted([*folder.glob("*.csv*"), *folder.glob("*.npz")])
    told = "".join(code)
    # Of the recorded problems a page may read all, one by one.
    named = [re.sub("(problem_).*", r"\1", file.name) for file in evidence]
    files += [f for f, name in zip(evidence, named, strict=True) if name in told]
    parts = [*code, data, platform.python_version(), platform.machine()]
    parts.append(inspect.getsource(table))
    digest = hashlib.sha256("\0".join(parts).encode())
    for file in files:
        digest.update(file.read_bytes())
    place = Path(name.removeprefix("tutorials/")).with_suffix("")
    kept = CACHE / "executed" / f"{place}-{digest.hexdigest()[:16]}.ipynb"
    return Tutorial(name, notebook, kept)


def runs_here(tutorial):
    """Return whether this system is the one that a tutorial needs, if any."""
    return tutorial.notebook.cells[0].metadata.get("needs", os.name) == os.name


def stale(tutorials):
    return [each for each in tutorials if runs_here(each) and not each.kept.is_file()]


def with_outputs(tutorial):
    """Return a notebook of today's prose and the outputs that are kept."""
    if not runs_here(tutorial):
        return tutorial.notebook
    try:
        executed = nbformat.v4.reads(tutorial.kept.read_text("utf-8"))
    except ValueError:
        raise Mistake(f"broken, remove it: {tutorial.kept.relative_to(ROOT)}") from None
    cells = zip(code_cells(tutorial.notebook), code_cells(executed), strict=True)
    for cell, done in cells:
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
        cell.metadata.execution = done.metadata.execution
    return tutorial.notebook


def table(frame):
    """Write a data frame as a table with one row of headers, none empty.

    Names of the index head its columns; the name of what the others are,
    if they have one, stands behind the last.
    """
    named = [name for name in frame.index.names if name is not None]
    if named:
        others = [name for name in frame.columns.names if name is not None]
        *rest, last = frame.index.names
        corner = " \\ ".join(map(str, filter(None, [last, *others])))
        none = [None] * frame.columns.nlevels
        frame = frame.rename_axis(index=[*rest, corner], columns=none).reset_index()
    text = frame.to_html(index=not named, border=0)
    return text.replace(' class="dataframe"', "").replace("<th></th>", "<td></td>")
