"""What Keras Tuner should mend is what it still does."""

import re
import runpy
import sys

import pytest
from helpers import ROOT

FAULTS = sorted((ROOT / "docs/upstream").glob("*.py"))


def said(path):
    """Return the message that a program's first text ends with."""
    text = path.read_text("utf-8").split('"""')[1]
    return re.search(r"With Keras Tuner [\d.]+: (.+)\.\n\Z", text)[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_fault_is_still_there(path, tmp_path, monkeypatch, eager):
    monkeypatch.chdir(tmp_path)
    for name in [n for n in sys.modules if n.startswith("tensorboard")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    try:
        runpy.run_path(str(path))
    except AssertionError as fault:
        assert str(fault) == said(path)
    else:
        pytest.fail("mended upstream: take it off")


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_fault_says_what_would_do_and_names_a_thread_or_none(path):
    text = " ".join(path.read_text("utf-8").split('"""')[1].split())
    assert " would do" in text or "would mend" in text
    none = "No thread is known" in text
    assert none or re.search(r"keras-team/keras-tuner#\d+", text)
