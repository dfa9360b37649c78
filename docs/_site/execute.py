"""Execute the pages that are stale; keep their notebooks with outputs.

    python docs/_site/execute.py                          all of them
    python docs/_site/execute.py tutorials/hyperband.py   just these

Why and how: docs/explanation/how_this_site_is_built.md.
"""

import gc
import importlib
import multiprocessing
import os
import re
import sys
import tempfile
import threading
import time
from multiprocessing.connection import wait
from pathlib import Path

import nbformat

from notebooks import (
    CACHE,
    HERE,
    ROOT,
    Mistake,
    code_cells,
    documents,
    read,
    scripts,
    stale,
    table,
)

SETTINGS = {  # of the processes in which notebooks run
    "MATPLOTLIBRC": str(HERE / "matplotlibrc"),
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "SOURCE_DATE_EPOCH": "0",  # figures without dates
    "TF_CPP_MIN_LOG_LEVEL": "3",  # both keep TensorFlow's log out of cells
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
PACKAGES = "keras_tuner", "pandas", "sklearn.model_selection", "matplotlib.figure"
# Forked from a process that has imported the packages, a kernel starts at
# once. Elsewhere than on Linux forking is not safe.
FORK = sys.platform == "linux"
PROCESSES = multiprocessing.get_context("fork" if FORK else "spawn")


class Kernel(PROCESSES.Process):
    """The kernel of one notebook, forked before there is an event loop.

    It also has what jupyter_client asks of a subprocess.Popen.
    """

    stdin = stdout = stderr = None

    def __init__(self):
        super().__init__(daemon=True)
        self.told, self.tell = PROCESSES.Pipe(duplex=False)

    def run(self):
        import pandas
        from ipykernel.kernelapp import IPKernelApp

        if FORK:
            os.setsid()  # an interrupt in the terminal is not the kernel's
            sys.path.remove(str(HERE))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # not Python's stderr
        app = IPKernelApp.instance(
            connection_file=self.told.recv(),
            parent_handle=os.getppid(),
            capture_fd_output=False,
        )
        app.initialize(["--InlineBackend.figure_formats={'svg'}"])
        html = app.shell.display_formatter.formatters["text/html"]
        html.for_type(pandas.DataFrame, table)
        # Each trial collects garbage: not among what was there before it.
        app.shell.events.register("pre_run_cell", lambda _: gc.freeze())
        app.start()

    def poll(self):
        return self.exitcode

    def wait(self):
        self.join()
        return self.exitcode

    def send_signal(self, number):
        os.kill(self.pid, number)


def execute(tutorial):
    """Execute a notebook in a kernel of its own; keep it whole or not at all."""
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_client.provisioning import LocalProvisioner
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    class Provisioner(LocalProvisioner):
        async def launch_kernel(self, cmd, **kwargs):
            kernel.tell.send(manager.connection_file)
            self.process, self.pid, self.cwd = kernel, kernel.pid, folder.name
            return self.connection_info

    cells, number, begun = code_cells(tutorial.notebook), 0, time.monotonic()

    def started(cell, **_):
        nonlocal number
        number = cells.index(cell) + 1 if cell in cells else number

    def tell():
        while True:
            time.sleep(30)
            say(f"{tutorial.name}: in cell {number}, {time.monotonic() - begun:.0f} s")

    folder = tempfile.TemporaryDirectory(dir=CACHE)
    os.chdir(folder.name)
    kernel = Kernel()
    kernel.start()
    threading.Thread(target=tell, daemon=True).start()  # after the fork
    manager = AsyncKernelManager()
    # What is there before the kernel starts is taken; else it would be made.
    manager.provisioner = Provisioner(
        kernel_id="", kernel_spec=manager.kernel_spec, parent=manager
    )
    client = NotebookClient(
        tutorial.notebook,
        km=manager,
        on_cell_start=started,
    )
    try:
        client.execute()
    except (CellExecutionError, RuntimeError) as error:  # it raised, died, or hangs
        text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
        sys.exit(f"{tutorial.name}, code cell {number}:\n{text}")
    finally:
        os.chdir(ROOT)
        folder.cleanup()
    for cell in cells:
        cell.outputs = joined(cell.outputs)
    tutorial.kept.parent.mkdir(parents=True, exist_ok=True)
    partial = tutorial.kept.with_suffix(f".{os.getpid()}")  # two builds may run
    nbformat.write(tutorial.notebook, partial)
    partial.replace(tutorial.kept)
    kernel.terminate()
    kernel.join()  # now its CPU seconds count
    seconds, cpu = time.monotonic() - begun, sum(os.times()[:4])
    say(f"{tutorial.name}: executed in {seconds:.0f} s, {cpu:.0f} CPU s")


def joined(outputs):
    """Join a print's pieces, but no label with one below the table between them."""
    kept, last = [], {}
    for output in outputs:
        if "text" not in output:
            last = {}
        elif output.name in last:
            last[output.name].text += output.text
            continue
        else:
            last[output.name] = output
        kept.append(output)
    for output in (each for each in kept if "text" in each):
        output.text = re.sub(r"(?m)^.*\r(?=[^\n])", "", output.text)  # written over
    return kept


def work(tutorial):
    try:
        execute(tutorial)
    except OSError as error:
        sys.exit(f"cannot write the cache: {error}")


def say(text):
    # At one stroke: others that are executed say something too.
    os.write(sys.stderr.fileno(), f"{text}\n".encode())


def import_packages(tutorials):
    """Import what takes long once, for all kernels."""
    import ipykernel.kernelapp  # noqa: F401

    cells = [cell.source for each in tutorials for cell in code_cells(each.notebook)]
    shown = os.dup(2)  # TensorFlow says that there is no GPU
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for name in PACKAGES:
        if name.partition(".")[0] in "".join(cells):
            importlib.import_module(name)
    os.dup2(shown, 2)
    gc.collect()
    gc.freeze()  # nor here, where notebooks are read and written


def execute_all(tutorials):
    """Execute side by side, a process a core; return those that failed."""
    cores = os.cpu_count() or 1
    threads = str(max(1, cores // len(tutorials)))
    limits = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
    os.environ |= SETTINGS | dict.fromkeys(limits, threads)
    CACHE.mkdir(exist_ok=True)
    say(f"To be executed: {len(tutorials)}, {cores} at once.")
    waiting, running, failed = list(tutorials), {}, []
    try:
        if FORK:
            import_packages(tutorials)
        while waiting or running:
            while waiting and len(running) < cores:
                tutorial = waiting.pop(0)
                if tutorial.kept.is_file():  # another build was faster
                    continue
                process = PROCESSES.Process(target=work, args=[tutorial])
                process.start()
                running[process.sentinel] = process, tutorial
            for sentinel in wait(running) if running else ():
                process, tutorial = running.pop(sentinel)
                process.join()
                failed += [tutorial.name] if process.exitcode else []
    except KeyboardInterrupt:
        for process, _ in running.values():
            process.terminate()  # nbclient ends its kernel
            process.join()
        sys.exit("Interrupted. What was executed is kept.")
    return failed


def main(names):
    try:
        known = [*scripts(), *documents()]
        paths = [Path(name).resolve() for name in names] or known
        if unknown := set(paths) - set(known):
            sys.exit(f"nothing to execute: {', '.join(map(str, unknown))}")
        chosen = [read(path) for path in paths]
    except Mistake as mistake:
        sys.exit(str(mistake))
    waiting = stale(chosen)
    failed = execute_all(waiting) if waiting else []
    if failed:
        sys.exit(f"Not executed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
