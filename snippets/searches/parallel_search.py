"""Run the search of a script in several processes on one machine."""

import argparse
import collections
import contextlib
import inspect
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path


def parallel_search(script, *arguments, workers=2, deaths=3, gpus=None):
    """Run the search of a script as a chief and several workers.

    `script` is a program written for one process, `arguments` are what
    follows its name on a command line. `workers` processes train, and
    end with the search. The chief hands out trials, prints a line for
    each that ended, and alone runs the rest of the script, with any
    further search in it.

    Each worker has its share of the cores and, if `gpus` lists some,
    as [0, 1] does, one of those; the chief has no GPU. A worker that
    dies is started again and repeats its trial; if the chief dies, all
    are started again and resume. The folder is as one process would
    leave it: either way of running goes on where the other stopped.
    `overwrite=True` deletes it once, before the first trial.

    For Linux and macOS. Anyone on the machine can reach the port.

    Raises ValueError if there is no such script, or if `workers`,
    `deaths` or `gpus` are too few. Raises RuntimeError if the script
    fails in the chief, and when `deaths` processes have died; it says
    how. No process is left, whatever is raised.

    Source: https://keras.io/guides/keras_tuner/distributed_tuning/
    """
    if not Path(script).is_file():
        raise ValueError(f"there is no script {script}")
    if min(workers, deaths) < 1:
        raise ValueError(
            "workers and deaths must be 1 or more, "
            f"not {workers} and {deaths}"
        )
    if gpus is not None and len(gpus) < workers:
        raise ValueError(
            f"{workers} workers need a GPU each, gpus has {len(gpus)}"
        )
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):  # fewer, in a container
        cores = len(os.sched_getaffinity(0))
    share = str(max(1, cores // workers))
    names = [f"worker{number}" for number in range(workers)]
    crew, died, fresh = {}, [], True

    def start(name, port):
        # Proposals are faster with one thread for linear algebra.
        threads = "1" if name == "chief" else share
        own = {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(port),
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        if name == "chief":
            own["CUDA_VISIBLE_DEVICES"] = "-1"
        else:
            own["TF_NUM_INTRAOP_THREADS"] = threads
            own["TF_NUM_INTEROP_THREADS"] = threads
            if gpus is not None:
                gpu = gpus[names.index(name)]
                own["CUDA_VISIBLE_DEVICES"] = str(gpu)
        code = f"{inspect.getsource(_play)}\n_play({fresh})"
        crew[name] = process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, script, *arguments],
            env=os.environ | own,
            stdin=subprocess.PIPE,  # closed when this process ends
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for this process alone
        )
        process.last = collections.deque(maxlen=30)
        process.shown = threading.Thread(
            target=_show, args=(name, process), daemon=True
        )
        process.shown.start()

    def bury(name):
        code = crew[name].returncode
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        died.append(f"{name} ended with {how}")
        crew[name].shown.join(2)
        crew[name].stdin.close()
        # What the script raises in the chief, it would raise again.
        if len(died) == deaths or (name == "chief" and code > 0):
            raise RuntimeError(
                f"{script}: {', '.join(died)}. Last lines of {name}:\n"
                + "".join(crew[name].last)
            )
        print(f"{died[-1]}, and is started again", flush=True)

    try:
        while not crew or crew["chief"].poll() != 0:
            if not crew:
                with socket.create_server(("127.0.0.1", 0)) as free:
                    port = free.getsockname()[1]
                start("chief", port)
            elif crew["chief"].returncode is not None:
                bury("chief")
                _stop(crew)
            elif len(crew) > 1:
                for name in names:
                    ended = crew[name].poll()
                    if ended and crew["chief"].poll() is None:
                        bury(name)
                        start(name, port)
            else:  # a worker must not come before the chief listens
                with contextlib.suppress(OSError):
                    socket.create_connection(
                        ("127.0.0.1", port)
                    ).close()
                    fresh = False
                    for name in names:
                        start(name, port)
            time.sleep(0.1)
        _stop(crew, patience=10)
    finally:
        _stop(crew)


def _show(name, process):
    with process.stdout:
        for line in process.stdout:
            process.last.append(line)
            who = "" if name == "chief" else f"{name} | "
            print(f"{who}{line}", end="", flush=True)


def _stop(crew, patience=0):
    """Wait so many seconds, then terminate, then kill; forget all."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            patience = 5
            for process in crew.values():
                with contextlib.suppress(OSError):  # all have ended
                    os.killpg(process.pid, number)
        until = time.monotonic() + patience
        for process in crew.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0, until - time.monotonic()))
    for process in crew.values():
        process.shown.join(2)
        process.stdin.close()
    crew.clear()


def _play(fresh):
    """Be the chief or a worker; its source is sent to each process."""
    import contextlib
    import importlib.util
    import os
    import runpy
    import socket
    import sys
    import threading
    import time
    import traceback
    from unittest import mock

    is_chief = os.environ["KERASTUNER_TUNER_ID"] == "chief"
    variables = ["KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"]
    address = tuple(os.environ[name] for name in variables)
    searched = []

    def listens():
        with contextlib.suppress(OSError):
            socket.create_connection(address).close()
            return True

    def lead(tuner, search):
        oracle, sleep = tuner.oracle, time.sleep
        end = oracle.end_trial

        def end_trial(trial):
            number, running = trial.trial_id, oracle.ongoing_trials
            who = [n for n in running if running[n].trial_id == number]
            try:
                end(trial)
            except Exception:  # only the worker would be told
                traceback.print_exc()
                os._exit(1)
            trial = oracle.trials[number]
            score = trial.score and round(trial.score, 4)
            ended, total = len(set(oracle.end_order)), oracle.max_trials
            print(
                f"{who[0]}: trial {number} {trial.status}, score "
                f"{score}, {ended} of {total or '?'} ended"
            )

        oracle.end_trial = end_trial
        # It looks every second, and later every twenty, for the end.
        with mock.patch("time.sleep", lambda s: sleep(min(s, 0.2))):
            search()
        oracle.end_trial = end
        tuner.save()  # once more, now that no trial is running
        for name in variables:
            del os.environ[name]

    def follow(tuner, search):
        ask = tuner.oracle.create_trial

        def create_trial(name):
            trial = ask(name)
            if trial.status == "IDLE":  # else it asks again at once
                time.sleep(0.2)
            return trial

        tuner.oracle.create_trial = create_trial
        try:
            if listens():  # else all ended while this one began
                search()
        except Exception:
            time.sleep(1)  # a chief that ends takes a moment
            if listens():
                raise
        sys.exit()

    def adapt(kt):
        base = kt.engine.base_tuner.BaseTuner
        make, run = base.__init__, base.search

        def __init__(self, *args, overwrite=False, **kwargs):
            # Nobody must delete what others have done since.
            overwrite = overwrite and fresh
            make(self, *args, overwrite=overwrite, **kwargs)
            if is_chief:  # a folder like that of a single process
                self.tuner_id = "tuner0"
                file = os.path.join(self.project_dir, "tuner0.json")
                if os.path.exists(file):
                    self.reload()

        def search(self, *args, **kwargs):
            if searched:
                return run(self, *args, **kwargs)
            searched.append(self)
            role = lead if is_chief else follow
            role(self, lambda: run(self, *args, **kwargs))

        base.__init__, base.search = __init__, search

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "keras_tuner":
                sys.meta_path.remove(Finder)
                spec = importlib.util.find_spec(name)
                load = spec.loader.exec_module
                spec.loader.exec_module = lambda module: (
                    load(module),
                    adapt(module),
                )
                return spec

    def end_with_the_launcher():
        os.read(0, 1)  # blocks until the other end is closed
        os._exit(1)

    threading.Thread(target=end_with_the_launcher, daemon=True).start()
    # Keras Tuner is adapted when the script imports it, not earlier:
    # the script may choose Keras's backend first.
    sys.meta_path.insert(0, Finder)
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        if searched or ended.code:
            raise
    if not searched:
        sys.exit("it ended without a search")


if __name__ == "__main__" and "__file__" in globals():  # no notebook
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", help="followed by its arguments")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--deaths", type=int, default=3)
    parser.add_argument("--gpus", type=lambda text: text.split(","))
    settings, rest = parser.parse_known_args()
    settings = vars(settings)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        parallel_search(settings.pop("script"), *rest, **settings)
    except (KeyboardInterrupt, RuntimeError, ValueError) as error:
        sys.exit(str(error) or 130)
