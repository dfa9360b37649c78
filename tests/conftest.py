"""What the tests share: one build of the site, one browser."""

import functools
import gc
import http.server
import os
import platform
import shutil
import sys
import threading
import types
from multiprocessing.process import BaseProcess
from pathlib import Path

import jupytext  # noqa: F401 - starts pandoc once, to look for it
import numpy as np
import pytest
from browsing import context, listen
from filelock import FileLock
from helpers import ROOT, mkdocs
from playwright.sync_api import sync_playwright

os.environ |= {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
os.environ["MPLBACKEND"] = "agg"
# The processes that test are as many as the cores.
os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}

# Searches write many small files: in memory, where that is 4 GB or more.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4e9:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}
STARTS |= {"multiprocessing.Process.start"}
running = None  # the test


def pytest_collection_modifyitems(items):
    """The site is built by a process, and the browser is one."""
    for item in items:
        if {"site", "browser"} & set(item.fixturenames):
            item.add_marker("process")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global running
    running = item
    gc.collect()
    gc.freeze()  # each trial collects garbage: not among all there is
    try:
        return (yield)
    finally:
        running = None


def watch(event, _):
    """A test that starts a process says so: make check leaves it out."""
    marked = not running or running.get_closest_marker("process")
    if event in STARTS and not marked:
        pytest.fail(f"{event}: mark it @pytest.mark.process")


def start(process, start=BaseProcess.start):
    sys.audit("multiprocessing.Process.start")
    start(process)


platform.processor()  # starts a process once; h5py asks for it
sys.addaudithook(watch)
BaseProcess.start = start


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


@pytest.fixture
def eager():
    """Run models step by step: small ones take longer to be traced."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def cheap_proposals(monkeypatch):
    """Bayesian proposals look at few of their starts, and no further.

    Nor do the kernels of their Gaussian processes, and no disk is
    waited for: no power is cut.
    """
    import scipy.optimize

    from snippets.searches import quick_proposals

    minimized = scipy.optimize.minimize

    def minimize(bound, x0, *args, **settings):
        ours = "_upper_confidence_bound", "bound", "obj_func"
        if bound.__name__ not in ours:
            return minimized(bound, x0, *args, **settings)
        if bound.__name__ != "obj_func" and x0[0] > 0.2:
            return types.SimpleNamespace(x=x0, fun=1e9)
        found = bound(x0)
        found = found[0] if settings.get("jac") else found
        found = np.asarray(found).item()
        return types.SimpleNamespace(x=x0, fun=found, status=0, nit=0)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    monkeypatch.setattr(quick_proposals, "minimize", minimize)
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture(scope="session")
def images():
    from snippets.data.load_images import load_images

    return load_images("digits")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address(site):
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    names = "chromium", "chromium-browser", "google-chrome"
    chromium = next(filter(None, map(shutil.which, names)), None)
    if not chromium:
        pytest.skip("needs Chromium: install the package chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield launched
        launched.close()


@pytest.fixture
def tab(browser, address):
    """Return a function that opens a page, and fail on its complaints."""
    complaints, contexts = [], []

    def open_(
        path, scheme="light", width=1280, base=address, before=None
    ):
        contexts.append(context(browser, scheme, width))
        page = contexts[-1].new_page()
        listen(page, base, complaints)
        if before:
            before(page)
        page.goto(base + path)
        return page

    yield open_
    for each in contexts:
        each.close()
    assert not complaints
