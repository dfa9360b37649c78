"""What the tests share: the files, and one build of the site."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
SNIPPETS = sorted(
    path
    for path in (ROOT / "snippets").glob("*.py")
    if path.name != "__init__.py"
)
TUTORIALS = sorted((ROOT / "tutorials").glob("*.py"))
# The pages in reading order; an index of a section has no title there.
NAV = re.findall(
    r"(?m)^ +- (?:[^\n]*?: )?(\S+)\.(?:md|ipynb)$",
    (ROOT / "mkdocs.yml").read_text("utf-8"),
)
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
os.environ |= QUIET | {"MPLBACKEND": "agg"}


def mkdocs(folder=ROOT, *arguments, prefix=(), **environment):
    """Build the site of a folder; return the finished process."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "mkdocs", "build", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built strictly into a folder outside the repository.

    Tests run side by side in several processes: the first that needs
    it builds it, the others wait.
    """
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder = run / "site"
    with FileLock(run / "site.lock"):
        if not folder.exists():
            done = mkdocs(ROOT, "--site-dir", str(folder))
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def images():
    from snippets.images import load_images

    return load_images("digits")
