"""Let a script read well in a terminal, and a notebook show no log."""

import ast
import builtins
import contextlib
import os
import re
import shutil
import sys
from pathlib import Path


def show_in_terminal():
    """Keep TensorFlow's log away; in a script, run the rest of it.

    There headings are printed, tables are as wide as the terminal, and
    figures are saved, unless MPLBACKEND names a way to show them.
    """
    script = sys._getframe(1)
    names, line = script.f_globals, script.f_lineno
    alone = names["__name__"] == "__main__" and "__file__" in names
    if not alone or hasattr(builtins, "__IPYTHON__"):
        return _import_tensorflow()
    # Of several processes that share a search, the chief speaks.
    speaks = os.environ.get("KERASTUNER_TUNER_ID", "chief") == "chief"
    text = Path(names["__file__"]).read_text("utf-8")
    folder = Path("searches/figures", Path(names["__file__"]).stem)
    passed, figure = 0, ""

    def pass_to(line):
        nonlocal passed, figure
        heading = "# ## " if passed else "# ##? "  # one is the title
        for mark in text.splitlines()[passed:line]:
            if speaks and re.match(heading, mark):
                print(f"\n{mark[2:]}\n", flush=True)
            if name := re.match('# %%.* figure="(.+?)"', mark):
                figure = name[1]
        passed = line

    def save(*_, **__):
        for number in plt.get_fignums() if speaks else ():
            file = folder / f"{figure}{number if number > 1 else ''}"
            folder.mkdir(parents=True, exist_ok=True)
            plt.figure(number).savefig(file, bbox_inches="tight")
            print(f"Figure: {file}.png")
        plt.close("all")

    pass_to(line)
    _import_tensorflow()
    saves = os.environ.setdefault("MPLBACKEND", "agg") == "agg"
    import matplotlib.pyplot as plt
    import pandas as pd

    plt.show = save if saves else plt.show
    pd.set_option("display.max_columns", None)
    pd.set_option("display.width", shutil.get_terminal_size().columns)
    for node in ast.parse(text).body:
        if node.lineno > line:
            pass_to(node.lineno)
            code = ast.Module([node], [])
            exec(compile(code, names["__file__"], "exec"), names)
    sys.exit()


def _import_tensorflow():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # it writes before it reads the level
    try:
        with contextlib.suppress(ImportError):  # keras will raise it
            import tensorflow  # noqa: F401
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)
