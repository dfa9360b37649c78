"""A script reads well in a terminal; a notebook shows no log."""

import builtins
import os
import re
import runpy
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from helpers import TUTORIALS, notebooks, place
from matplotlib import pyplot
from nbclient import NotebookClient

SCRIPT = """\
# %% [markdown] index="words"
# # The title

# %%
from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
import sys

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

# %% [markdown]
# ```python
# # in code, no heading
# ```
#
# ## A table

# %%
# More than pandas shows where there is no terminal.
columns = [f"a_long_column_{number}" for number in range(24)]
display(pd.DataFrame([range(24)], columns=columns))

# %% [markdown]
# ## A figure

# %% alt="A line." figure="line"
plt.plot([1, 2])
plt.show()

# %% alt="Two lines." figure="two"
plt.figure()
plt.figure()
plt.show()
print(plt.get_fignums(), "are left")
print("its own words", file=sys.stderr)

# %% [markdown]
# ## Not reached


# %%
def fails():
    raise ValueError("on line 50")


fails()
# %% [markdown]
# ## After the end
"""
pytestmark = pytest.mark.process
# Where no TensorFlow is asked for, none is imported: that takes seconds.
QUICK = {"KERAS_BACKEND": "jax"}
OURS = "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "MPLBACKEND"


def run(folder, text=SCRIPT, **environment):
    """Run a script as in a new terminal; return the finished process."""
    script = folder / "script.py"
    script.write_text(text, "utf-8")
    inherited = {k: v for k, v in os.environ.items() if k not in OURS}
    return subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture(scope="module")
def done(folder):
    return run(folder, **QUICK)


def test_headings_come_before_what_stands_under_them(done):
    lines = done.stdout.splitlines()
    places = [
        lines.index(line)
        for line in (
            "# The title",
            "## A table",
            "## A figure",
            "[] are left",
            "## Not reached",
        )
    ]
    assert places == sorted(places)
    headings = [line for line in lines if line.startswith("#")]
    assert len(headings) == 4
    table = next(
        i for i, line in enumerate(lines) if "column_0" in line
    )
    assert places[1] < table < places[2]


def test_all_columns_of_a_table_are_shown_at_the_width(done, folder):
    for number in range(24):
        assert f"a_long_column_{number} " in f"{done.stdout} "
    assert "..." not in done.stdout
    wide = run(folder, **QUICK, COLUMNS="120").stdout
    for stdout, width in (done.stdout, 80), (wide, 120):
        longest = max(map(len, stdout.splitlines()))
        assert width - 20 < longest <= width


def test_a_figure_is_saved_under_its_name_and_said(done, folder):
    said = [
        line.removeprefix("Figure: ")
        for line in done.stdout.splitlines()
        if line.startswith("Figure: ")
    ]
    place = os.path.join("searches", "figures", "script")
    names = "line.png", "two.png", "two2.png"
    assert said == [os.path.join(place, name) for name in names]
    for name in said:
        assert (folder / name).read_bytes()[1:4] == b"PNG"


def test_a_backend_of_ones_own_shows_figures(folder):
    done = run(folder, **QUICK, MPLBACKEND="svg")
    assert "Figure: " not in done.stdout


def test_an_error_names_the_scripts_own_line(done):
    assert done.returncode == 1
    line = SCRIPT.splitlines().index("fails()") + 1
    assert f'script.py", line {line}, in <module>' in done.stderr
    assert done.stderr.endswith("\nValueError: on line 50\n")


def test_nothing_but_its_own_words_and_error_is_on_stderr(done):
    ours, _, rest = done.stderr.partition("Traceback")
    assert ours == "its own words\n" and rest


def test_a_script_that_ends_well_runs_each_line_once(folder):
    text = SCRIPT.split("# %% [markdown]\n# ## Not")[0]
    done = run(folder, text, **QUICK)
    assert done.returncode == 0
    assert done.stdout.count("are left") == 1


def test_a_worker_of_a_search_says_nothing(tmp_path):
    done = run(tmp_path, **QUICK, KERASTUNER_TUNER_ID="worker0")
    assert "#" not in done.stdout and "Figure" not in done.stdout
    assert "are left" in done.stdout and not list(
        tmp_path.rglob("*png")
    )
    done = run(tmp_path, **QUICK, KERASTUNER_TUNER_ID="chief")
    assert "# The title" in done.stdout and "Figure" in done.stdout


def test_a_process_spawned_by_a_script_runs_it_as_ever(tmp_path):
    text = """\
# %% [markdown]
# # Title

# %%
import multiprocessing

from snippets.terminal import show_in_terminal

show_in_terminal()
print("run by", __name__)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    print("exit code", process.exitcode)
"""
    done = run(tmp_path, text, **QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == [
        "",
        "# Title",
        "",
        "run by __main__",
        "run by __mp_main__",
        "",  # what the process printed
        "exit code 0",
        "",
    ]


IMPORTS = """\
# %%
import sys

from snippets.terminal import show_in_terminal

show_in_terminal()

# %%
print("tensorflow" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("module", "backend", "said"),
    [
        ('import os\nos.write(2, b"a log")', "tensorflow", "True\n"),
        ('import os\nos.write(2, b"a log")', "jax", "False\n"),
        ("import nothing_such", "tensorflow", "False\n"),
        (
            "1 / 0",
            "tensorflow",
            "ZeroDivisionError: division by zero\n",
        ),
    ],
    ids=["quiet", "another backend", "not installed", "broken"],
)
def test_tensorflow_is_imported_without_its_log(
    module, backend, said, tmp_path
):
    """With a module in its place, which says what a test wants."""
    (tmp_path / "tensorflow.py").write_text(module, "utf-8")
    done = run(tmp_path, IMPORTS, KERAS_BACKEND=backend)
    assert done.stderr.endswith(said)
    assert ("Traceback" in done.stderr) == ("Error" in said)
    assert "a log" not in done.stderr


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_begins_with_the_cell_that_a_terminal_needs(path):
    first = re.search(
        r"(?ms)^# %%\n(.+?)\n\n+# %%", path.read_text("utf-8")
    )
    assert first[1] == (
        "from snippets.terminal import show_in_terminal\n\n"
        "show_in_terminal()"
    )


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_page_leaves_the_cell_out_and_its_downloads_have_it(
    path, site
):
    folder = site / place(path)
    for name in "index.html", "index.md":
        assert "in_terminal" not in (folder / name).read_text("utf-8")
    downloaded = nbformat.read(
        folder / f"{path.stem}.ipynb", as_version=4
    )
    code = [c for c in downloaded.cells if c.cell_type == "code"]
    script = (folder / path.name).read_text("utf-8")
    assert code[0].source in script
    assert "def show_in_terminal():" in code[0].source
    assert code[0].source.endswith("\n\nshow_in_terminal()")
    assert code[0].metadata.jupyter.source_hidden


def notebook(folder, text):
    script = folder / "script.py"
    script.write_text(text, "utf-8")
    return notebooks.notebook_of(script, script.name)


def test_a_notebook_of_a_reader_shows_no_log(tmp_path, monkeypatch):
    text = SCRIPT.split("# %%\nimport sys")[0]
    text += "# %%\nimport keras\n\nprint(keras.ops.ones(3).shape)\n"
    made = notebook(tmp_path, text)
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    NotebookClient(
        made, resources={"metadata": {"path": tmp_path}}
    ).execute()
    title, ours, theirs = made.cells
    assert ours.outputs == []
    assert [output.text for output in theirs.outputs] == ["(3,)\n"]
    assert "from snippets" not in nbformat.writes(made)


def test_a_notebook_keeps_its_tables_and_figures(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.split("# %%\nimport sys")[0], "utf-8")
    monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    show, columns = pyplot.show, pd.get_option("display.max_columns")
    runpy.run_path(str(script), run_name="__main__")
    assert pyplot.show is show
    assert pd.get_option("display.max_columns") == columns is not None
