"""Run the search of a script in several processes on one machine."""

import _thread
import argparse
import contextlib
import importlib.util
import inspect
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time


def parallel_search(script, *arguments, workers=2, deaths=3, gpus=None):
    """Run the search of a script as a chief and several workers.

    `script` is a program for one process, `arguments` follow its name.
    `workers` processes train, and end with the search. The chief hands
    out trials, says which ended, and alone runs the rest of the script.
    For Linux and macOS; anyone on the machine can reach the port.

    Each worker has its share of the cores and one of `gpus`, such as
    [0, 1]; the chief has none. A worker that dies is started again and
    repeats its trial; if the chief dies, all resume. What `renewed`
    ends is no death. The folder is as one process would leave it, and
    one process can resume it. `overwrite=True` deletes it once.

    Raises ValueError for no script, or too few `workers`, `deaths` or
    `gpus`, and RuntimeError, which says how, if script or oracle fail
    in the chief or `deaths` processes have died. No process is left.

    Source: https://keras.io/guides/keras_tuner/distributed_tuning/
    """
    if not os.path.isfile(script):
        raise ValueError(f"there is no script {script}")
    if min(workers, deaths) < 1:
        raise ValueError(f"give 1 or more, not {workers=}, {deaths=}")
    if gpus is not None and len(gpus) < workers:
        raise ValueError(f"{gpus=} has too few for {workers} workers")
    allowed = getattr(os, "sched_getaffinity", None)  # in a container
    cores = len(allowed(0)) if allowed else os.cpu_count()
    names = [f"worker{number}" for number in range(workers)]
    cards = {"chief": -1} | dict(zip(names, gpus or [], strict=False))
    crew, died, fresh = {}, [], True

    def start(name):
        if name in crew:
            bury(name)
        trains = name != "chief"
        share = max(1, cores // workers) if trains else 1
        own = {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": port,
            "OMP_NUM_THREADS": share,  # proposals are faster with one
            "OPENBLAS_NUM_THREADS": share,
            "TF_NUM_INTRAOP_THREADS": share if trains else None,
            "TF_NUM_INTEROP_THREADS": share if trains else None,
            "CUDA_VISIBLE_DEVICES": cards.get(name),
        }
        own = {k: str(v) for k, v in own.items() if v is not None}
        code = "import _thread, importlib.util, os, runpy, socket, sys"
        sources = map(inspect.getsource, [_listens, _play])
        code = "\n".join([f"{code}, time", *sources, f"_play({fresh})"])
        process = crew[name] = subprocess.Popen(
            [sys.executable, "-u", "-c", code, script, *arguments],
            env=os.environ | own,
            stdin=subprocess.PIPE,  # closed when this process ends
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for this process alone
        )

        def show():
            who = f"{name} | " if trains else ""
            with process.stdout:
                for line in process.stdout:
                    process.last = [*process.last[-29:], line]
                    print(f"{who}{line}", end="", flush=True)

        process.last = []
        process.shown = threading.Thread(target=show, daemon=True)
        process.shown.start()

    def bury(name):
        process, code = crew[name], crew[name].returncode
        process.shown.join(2)
        process.stdin.close()
        if code == 75:  # by the tool `renewed`, to be started again
            return
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        died.append(f"{name} ended with {how}")
        if len(died) == deaths or (name == "chief" and code > 0):
            last = f"Last lines of {name}:\n{''.join(process.last)}"
            raise RuntimeError(f"{script}: {', '.join(died)}. {last}")
        print(f"{died[-1]}, and is started again", flush=True)

    def stop():
        for process in crew.values():
            with contextlib.suppress(OSError):  # all have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.shown.join(2)
            process.stdin.close()
        crew.clear()

    try:
        while not crew or crew["chief"].poll() != 0:
            if not crew:
                with socket.create_server(("127.0.0.1", 0)) as free:
                    port = free.getsockname()[1]
                start("chief")
            elif crew["chief"].returncode is not None:
                bury("chief")
                stop()
            gone = [n for n in names if n not in crew or crew[n].poll()]
            for name in gone if gone and _listens(port) else []:
                fresh = False
                start(name)
            time.sleep(0.1)
        for process in crew.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
    finally:
        stop()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


def _play(fresh):
    """Be the chief or a worker: this is sent to each as source."""
    is_chief, code = os.environ["KERASTUNER_TUNER_ID"] == "chief", None
    port, searched = os.environ["KERASTUNER_ORACLE_PORT"], []

    def lead(tuner, oracle, search):
        total, sleep = oracle.max_trials, time.sleep
        calls = "create_trial", "update_trial", "end_trial"
        calls = {name: getattr(oracle, name) for name in calls}
        if not total and hasattr(oracle, "hyperband_iterations"):
            brackets = range(oracle._get_num_brackets())
            rounds = [(b, n) for b in brackets for n in range(b + 1)]
            total = sum(oracle._get_size(*each) for each in rounds)
            total *= oracle.hyperband_iterations
        of = f" of {total}" if total and total < float("inf") else ""

        def call(name, *args, **kwargs):
            running = [*oracle.ongoing_trials.items()]
            try:
                result = calls[name](*args, **kwargs)
            except Exception:  # the oracle would stay locked
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            if name != "end_trial":
                return result
            done = oracle.trials[args[0].trial_id]
            score = done.score and round(done.score, 4)
            what = f"trial {done.trial_id} {done.status}, score {score}"
            by = next(n for n, trial in running if trial is done)
            print(f"{by}: {what}, {len({*oracle.end_order})}{of} ended")

        vars(oracle).update({n: call.__get__(n) for n in calls})
        # It looks every second, and later every twenty, for the end.
        time.sleep = lambda seconds: sleep(min(seconds, 0.2))
        search()
        time.sleep = sleep
        vars(oracle).update(calls)
        tuner.save()  # once more, now that no trial is running
        del os.environ["KERASTUNER_ORACLE_IP"]  # it is alone now

    def follow(tuner, oracle, search):
        ask = oracle.create_trial

        def create_trial(name):
            while (trial := ask(name)).status == "IDLE":
                time.sleep(0.2)
            return trial

        oracle.create_trial = create_trial
        try:
            if _listens(port):  # else all ended while this one began
                search()
        except Exception:
            time.sleep(1)  # a chief that ends takes a moment
            if _listens(port):
                raise
        sys.exit()

    def adapt(kt):
        base = kt.engine.base_tuner.BaseTuner
        make, run = base.__init__, base.search

        def __init__(self, *args, overwrite=False, **kwargs):
            # Nobody must delete what others have done since.
            make(self, *args, overwrite=overwrite and fresh, **kwargs)
            if is_chief:  # a folder like that of a single process
                self.tuner_id = "tuner0"
                if os.path.exists(f"{self.project_dir}/tuner0.json"):
                    self.reload()

        def search(self, *args, **kwargs):
            base.search = run  # further searches have no workers
            searched.append(self)
            role = lead if is_chief else follow
            role(self, self.oracle, lambda: run(self, *args, **kwargs))

        base.__init__, base.search = __init__, search

    def find_spec(name, path=None, target=None):
        if name == "keras_tuner":
            sys.meta_path.remove(finder)
            spec = importlib.util.find_spec(name)
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda kt: (load(kt), adapt(kt))
            return spec

    # At the import, not earlier: the script may first set a backend.
    finder = type("Finder", (), {"find_spec": find_spec})
    sys.meta_path.insert(0, finder)
    # What this reads is closed when the launcher ends.
    _thread.start_new_thread(lambda: os.read(0, 1) or os._exit(1), ())
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    sys.exit(code if searched or code else "it ended without a search")


if __name__ == "__main__" and "__file__" in globals():  # no notebook
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", help="followed by its arguments")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--deaths", type=int, default=3)
    parser.add_argument("--gpus", type=lambda text: text.split(","))
    known, rest = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        parallel_search(vars(known).pop("script"), *rest, **vars(known))
    except (KeyboardInterrupt, RuntimeError, ValueError) as error:
        sys.exit(str(error) or 130)
