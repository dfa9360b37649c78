"""A search in several processes ends, whoever dies, and leaves none."""

import contextlib
import importlib.util
import inspect
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from helpers import ROOT, needs_posix, warm

from snippets.searches.parallel_search import parallel_search

needs_posix()
pytestmark = pytest.mark.process
LAUNCHER = ROOT / "snippets/searches/parallel_search.py"
LIMIT = 300  # seconds; only what hangs ever takes so long

# Stands in for Keras Tuner where only processes matter: nothing to
# import, so that a start takes a moment.
STUB = """
import json, os, pathlib, socket, time
from types import SimpleNamespace
from unittest import mock

def write(name, what):
    # Aside first, so that nobody reads half of it.
    pathlib.Path(f"{name}.part").write_text(json.dumps(what))
    os.replace(f"{name}.part", name)

class BaseTuner:
    def __init__(self, overwrite=False):
        self.overwrite, self.project_dir = overwrite, "."
        statuses = iter(["IDLE", "IDLE", "STOPPED"])
        self.oracle = SimpleNamespace(
            create_trial=lambda _: SimpleNamespace(status=next(statuses)),
            update_trial=None,
            end_trial=None,
            max_trials=None,
        )

    def save(self):
        pass

    def search(self):
        if "KERASTUNER_ORACLE_IP" not in os.environ:
            return print("searches alone")
        role = os.environ["KERASTUNER_TUNER_ID"]
        write(f"{role}.overwrite", self.overwrite)
        write(f"{role}.pid", os.getpid())
        if role != "chief":
            return train(role, self.oracle)
        address = ("127.0.0.1", int(os.environ["KERASTUNER_ORACLE_PORT"]))
        with socket.create_server(address):
            write("port", address[1])
            while not pathlib.Path("end").exists():
                time.sleep(20)

def train(role, oracle):
    paused = []
    with mock.patch("time.sleep", paused.append):
        oracle.create_trial(role)
    write(f"{role}.paused", paused)
    while not pathlib.Path("end").exists():
        time.sleep(0.01)

engine = SimpleNamespace(base_tuner=SimpleNamespace(BaseTuner=BaseTuner))
"""
SEARCHES = """
import keras_tuner
keras_tuner.engine.base_tuner.BaseTuner(overwrite=True).search()
print("the rest")
"""

# A real search whose trials take no time; WHEN is what happens in them.
REAL = """
import json, os, pathlib, signal, sys, time
role = os.environ.get("KERASTUNER_TUNER_ID", "alone")
pathlib.Path(f"{role}.pid").write_text(str(os.getpid()))
import keras_tuner as kt

def once(name):
    try:
        return not pathlib.Path(name).touch(exist_ok=False)
    except FileExistsError:
        return False

class Numbers(kt.RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        WHEN
        with open("log.jsonl", "a") as log:
            print(json.dumps([role, trial.trial_id]), file=log)
        return trial.hyperparameters.get("x")

hp = kt.HyperParameters()
hp.Float("x", 0.0, 1.0)
def make(**settings):
    return Numbers(
        hyperparameters=hp, seed=1, directory="searches", **settings
    )
if __name__ == "__main__":
    tuner = make(max_trials=int(sys.argv[1]), project_name="real", OTHER)
    tuner.search(verbose=0)
    trials = sorted(tuner.oracle.trials.items())
    print(json.dumps([[n, t.status, t.score] for n, t in trials]))
"""


@pytest.fixture
def stub(tmp_path):
    """A script, and beside it what it imports as Keras Tuner."""
    (tmp_path / "keras_tuner.py").write_text(STUB, "utf-8")
    script = tmp_path / "stub.py"
    script.write_text(SEARCHES, "utf-8")
    return script


def launch(script, *options, **settings):
    return subprocess.Popen(
        [sys.executable, LAUNCHER, script, *options],
        cwd=script.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A background job may have been started deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **settings,
    )


def wait_for(condition):
    until = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < until, "never came"
        time.sleep(0.02)


def left(script):
    """Return the processes that run a script."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = (process / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(script) in words:
                found.append(process.name)
    return found


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True


def assert_nothing_left(script):
    wait_for(lambda: not left(script))
    port = script.with_name("port")
    if port.exists():  # closed a moment after its process is gone
        wait_for(lambda: not listens(port.read_text("utf-8")))


def started(folder):
    files = ("chief.pid", "worker0.pid", "worker1.pid")
    return all((folder / name).exists() for name in files)


def fresh(folder):
    for name in (
        "end",
        "port",
        *(path.name for path in folder.glob("*.pid")),
    ):
        (folder / name).unlink(missing_ok=True)


ENDINGS = ("normal", "SIGINT", "SIGTERM", "SIGKILL", "early")


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_process_and_no_port_is_left(ending, stub):
    for turn in range(10 if ending == "early" else 4):
        fresh(stub.parent)
        launcher = launch(stub)
        if ending == "early":  # while they are being started
            time.sleep(0.05 * turn)
            launcher.send_signal(signal.SIGINT)
        else:
            wait_for(lambda: started(stub.parent))
        if ending == "normal":
            stub.with_name("end").touch()
        elif ending != "early":
            launcher.send_signal(getattr(signal, ending))
        said, _ = launcher.communicate(timeout=LIMIT)
        assert (launcher.returncode == 0) == (ending == "normal"), said
        assert said.count("the rest") == (ending == "normal")
        assert ending == "early" or "Traceback" not in said
        assert_nothing_left(stub)


def run(script, *options, **settings):
    """Launch, and return the exit code and what was said."""
    launcher = launch(script, *options, **settings)
    said, _ = launcher.communicate(timeout=LIMIT)
    assert_nothing_left(script)
    return launcher.returncode, said


def test_a_worker_that_dies_is_started_again_under_its_name(stub):
    launcher = launch(stub, "--deaths", "3")
    wait_for(lambda: started(stub.parent))
    pid = stub.with_name("worker1.pid")
    before = pid.read_text("utf-8")
    os.kill(int(before), signal.SIGKILL)
    wait_for(lambda: pid.read_text("utf-8") not in ("", before))
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert "worker1 ended with SIGKILL, and is started again" in said
    assert_nothing_left(stub)


def test_after_the_chief_died_all_are_started_again_to_resume(stub):
    launcher = launch(stub)
    wait_for(lambda: started(stub.parent))
    pids = sorted(stub.parent.glob("*.pid"))
    before = [int(path.read_text("utf-8")) for path in pids]
    told = [path.with_suffix(".overwrite") for path in pids]
    assert [path.read_text("utf-8") for path in told] == [
        "true"
    ] + 2 * ["false"]
    os.kill(before[0], signal.SIGKILL)
    wait_for(
        lambda: (
            not set(before) & {int(p.read_text("utf-8")) for p in pids}
        )
    )
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert said.count("started again") == 1
    assert [path.read_text("utf-8") for path in told] == 3 * ["false"]
    assert_nothing_left(stub)


def test_a_chief_that_died_before_its_search_may_still_overwrite(stub):
    dies = """
import os, pathlib
if not pathlib.Path("died").exists():
    pathlib.Path("died").touch()
    os.kill(os.getpid(), 9)
"""
    stub.write_text(dies + SEARCHES, "utf-8")
    launcher = launch(stub)
    wait_for(lambda: started(stub.parent))
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert "chief ended with SIGKILL, and is started again" in said
    assert (
        stub.with_name("chief.overwrite").read_text("utf-8") == "true"
    )


def test_a_worker_that_must_wait_pauses_and_the_chief_looks_often(stub):
    stub.write_text(
        """
import json, time
slept, sleep = [], time.sleep
time.sleep = lambda seconds: (slept.append(seconds), sleep(seconds))
recorder = time.sleep
"""
        + SEARCHES
        + "print(json.dumps([slept, time.sleep is recorder]))",
        "utf-8",
    )
    launcher = launch(stub)
    wait_for(lambda: started(stub.parent))
    wait_for(stub.with_name("worker1.paused").exists)
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    slept, restored = json.loads(said.splitlines()[-1])
    assert set(slept) == {0.2} and restored
    assert (
        stub.with_name("worker1.paused").read_text("utf-8")
        == "[0.2, 0.2]"
    )


def test_a_worker_that_is_late_ends_and_a_second_search_is_alone(stub):
    stub.write_text(
        """
import os, pathlib, time
role, over = os.environ["KERASTUNER_TUNER_ID"], pathlib.Path("over")
while role == "worker1" and not over.exists():
    time.sleep(0.01)
"""
        + SEARCHES.replace("print", "over.touch()\nprint")
        + SEARCHES,
        "utf-8",
    )
    launcher = launch(stub)
    wait_for(stub.with_name("worker0.pid").exists)
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert said.count("searches alone") == 1
    assert not stub.with_name("worker1.pid").exists()
    assert_nothing_left(stub)


def test_after_so_many_deaths_all_are_stopped_and_the_error_says_why(
    stub, monkeypatch, capsys
):
    """While the process that called lives on, as a notebook does."""
    text = STUB.replace("    paused = []", "    oops")
    assert text != STUB
    stub.with_name("keras_tuner.py").write_text(text, "utf-8")
    monkeypatch.chdir(stub.parent)
    with pytest.raises(RuntimeError) as raised:
        parallel_search(stub, workers=1, deaths=2)
    assert_nothing_left(stub)
    deaths, *_, last = str(raised.value).splitlines()
    assert deaths.count("worker0 ended with exit 1") == 2
    assert last == "NameError: name 'oops' is not defined"
    assert capsys.readouterr().out.count("is started again") == 1


@pytest.mark.parametrize(
    "text, said",
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("print('nothing')", "it ended without a search"),
        ("raise SystemExit", "it ended without a search"),
        (SEARCHES + "oops", "NameError: name 'oops' is not defined"),
    ],
)
def test_what_the_script_raises_in_the_chief_ends_all(text, said, stub):
    stub.write_text(text, "utf-8")
    stub.with_name("end").touch()
    code, output = run(stub)
    assert code == 1
    assert "chief ended with exit 1" in output
    assert said in output[output.index(f"{stub}: ") :]
    assert "started again" not in output


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"workers": 0}, "1 or more, not workers=0, deaths=3"),
        ({"deaths": 0}, "1 or more, not workers=2, deaths=0"),
        ({"gpus": [0]}, r"gpus=.* has too few for 2 workers"),
        ({"script": "nowhere.py"}, "there is no script nowhere.py"),
    ],
)
def test_what_cannot_be_is_refused(settings, message, stub):
    with pytest.raises(ValueError, match=message):
        parallel_search(**{"script": stub} | settings)
    words = [settings.pop("script", stub)]
    for name, value in settings.items():
        words += [f"--{name}", str(value).strip("[]")]
    done = subprocess.run(
        [sys.executable, LAUNCHER, *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and re.search(message, done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_each_process_is_told_its_role_its_cores_and_its_gpu(
    workers, stub, monkeypatch
):
    for scope in ("INTER", "INTRA"):  # which tests have set
        monkeypatch.delenv(f"TF_NUM_{scope}OP_THREADS")
    variables = "(OMP|OPENBLAS|TF_|CUDA|KERASTUNER).*"
    text = SEARCHES.replace(
        "import keras_tuner",
        "import json, os, re, sys\n"
        # A script may first choose a backend, say.
        "assert 'keras_tuner' not in sys.modules\n"
        "role = os.environ['KERASTUNER_TUNER_ID']\n"
        f"told = {{k: v for k, v in os.environ.items() if "
        f"re.fullmatch({variables!r}, k)}}\n"
        "told['argv'], told['path'] = sys.argv, sys.path[0]\n"
        "open(f'{role}.json', 'w').write(json.dumps(told))\n"
        "import keras_tuner",
    )
    stub.write_text(text, "utf-8")
    gpus = ["5", "7"][:workers]
    names = [f"worker{number}" for number in range(workers)]
    launcher = launch(
        stub,
        *("--workers", str(workers), "--gpus", ",".join(gpus)),
        *("mine", "--mine=1"),
    )
    last = stub.with_name(f"{names[-1]}.pid")
    wait_for(
        lambda: last.exists() and (stub.parent / "worker0.pid").exists()
    )
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    told = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in stub.parent.glob("*.json")
    }
    assert sorted(told) == ["chief", *names]
    seen = [told[role]["CUDA_VISIBLE_DEVICES"] for role in sorted(told)]
    assert seen == ["-1", *gpus]
    share = str(max(1, len(os.sched_getaffinity(0)) // workers))
    for role, its in told.items():
        assert its["KERASTUNER_TUNER_ID"] == role
        assert its["KERASTUNER_ORACLE_IP"] == "127.0.0.1"
        assert its["argv"] == [str(stub), "mine", "--mine=1"]
        assert its["path"] == str(stub.parent)
    ports = {its["KERASTUNER_ORACLE_PORT"] for its in told.values()}
    assert len(ports) == 1
    chief = told["chief"]
    assert chief["OPENBLAS_NUM_THREADS"] == "1"
    assert "TF_NUM_INTRAOP_THREADS" not in chief
    for role in names:
        for name in (
            "OMP",
            "OPENBLAS",
            "TF_NUM_INTRAOP",
            "TF_NUM_INTEROP",
        ):
            name = name if name.startswith("TF") else f"{name}_NUM"
            assert told[role][f"{name}_THREADS"] == share


@pytest.fixture
def real(tmp_path, monkeypatch):
    """Write a real search; run it in several processes, or alone."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "real.py"

    class Real:
        def write(self, when, overwrite):
            text = REAL.replace("WHEN", when)
            script.write_text(
                text.replace("OTHER", f"{overwrite=}"), "utf-8"
            )

        def together(self, *options):
            return run(script, *options)

        def alone(self, max_trials, project_name="real"):
            spec = importlib.util.spec_from_file_location(
                "real", script
            )
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            tuner = module.make(
                max_trials=max_trials, project_name=project_name
            )
            tuner.search(verbose=0)
            trials = sorted(tuner.oracle.trials.items())
            return [[n, t.status, t.score] for n, t in trials]

        def log(self):
            """Return who ran what, and forget it."""
            lines = Path("log.jsonl").read_text("utf-8").splitlines()
            Path("log.jsonl").unlink()
            return [json.loads(line) for line in lines]

    return Real()


def test_the_trial_of_a_killed_worker_is_repeated_and_the_search_is_whole(
    real,
):
    real.write(
        """
        killed = pathlib.Path("killed")
        if role == "worker0" and once(killed):
            killed.write_text(trial.trial_id)
            os.kill(os.getpid(), signal.SIGKILL)
        while role == "worker1" and not killed.exists():
            time.sleep(0.02)
""",
        overwrite=True,
    )
    code, said = real.together("6")
    assert code == 0, said
    assert "worker0 ended with SIGKILL, and is started again" in said
    log = real.log()
    assert sorted(number for _, number in log) == list("012345")
    assert ["worker0", Path("killed").read_text("utf-8")] in log
    assert {role for role, _ in log} == {"worker0", "worker1"}
    trials = json.loads(said.splitlines()[-1])
    for number, (role, ran) in enumerate(log, 1):
        score = {n: s for n, _, s in trials}[ran]
        line = (
            f"{role}: trial {ran} COMPLETED, score {round(score, 4)}, "
        )
        assert f"{line}{number} of 6 ended" in said, said
    # One process alone finds all of it, and runs nothing.
    assert real.alone(6) == trials
    assert not Path("log.jsonl").exists()
    assert real.alone(6, "once more") == trials


def test_a_killed_chief_is_started_again_and_deletes_nothing(real):
    real.write(
        """
        if trial.trial_id == "3" and once("killed"):
            chief = int(pathlib.Path("chief.pid").read_text())
            os.kill(chief, signal.SIGKILL)
            time.sleep(3600)
""",
        overwrite=True,
    )
    code, said = real.together("6", "--workers=1")
    assert code == 0, said
    assert "chief ended with SIGKILL, and is started again" in said
    assert real.log() == [["worker0", number] for number in "012345"]
    trials = json.loads(said.splitlines()[-1])
    assert real.alone(6, "once more") == trials


def test_failing_trials_end_a_search_that_was_begun_alone(real):
    real.write(
        """
        if role != "alone":
            raise ValueError("a mistake in every trial")
""",
        overwrite=False,
    )
    begun = real.alone(2)
    code, said = real.together("9", "--workers=1")
    assert code == 1
    error = said[said.index("chief ended with exit 1") :]
    assert "failures exceeded the limit of 3" in error
    assert "ValueError: a mistake in every trial" in said
    # What failed stays failed; the trial that ended the search is run
    # again, as after a search in one process.
    trials = real.alone(5)
    assert trials[:2] == begun
    statuses = [status for _, status, _ in trials[2:]]
    assert statuses == ["FAILED", "FAILED", "COMPLETED"]


# A search with tools, of trials that take no time and leave weights
# and a gradient function behind. The first trial is the best, the
# fourth fails. The words after the script's name are the tuner, the
# tools from the inside out, settings, and what happens in a trial.
TOOLED = """
import fcntl, json, os, pathlib, signal, sys, time
import keras_tuner as kt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.flat_memory import flat_memory
from snippets.searches.quick_proposals import quick_proposals
from snippets.searches.renewed import renewed
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe
from snippets.searches.scored_failures import scored_failures
from snippets.searches.stop_after import stop_after
from snippets.searches.stop_without_progress import (
    stop_without_progress,
)
from snippets.searches.try_first import try_first

role = os.environ.get("KERASTUNER_TUNER_ID", "alone")
kind, names, settings, when = sys.argv[1:]

def note(*what):
    with open("log.jsonl", "a") as log:
        print(json.dumps([role, *what]), file=log)

def notes(what):
    lines = open("log.jsonl").read().splitlines()
    return [note for note in map(json.loads, lines) if note[1] == what]

def kill(who):
    (*_, started) = [n for n in notes("started") if n[0] == who]
    ended = json.loads(open("searches/tooled/oracle.json").read())
    note("killed", who, ended["end_order"])
    os.kill(started[2], signal.SIGKILL)
    while who in ("chief", role):  # until this one is ended too
        time.sleep(60)

def locked():
    try:
        with open("searches/tooled.lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return True

def gradients():
    registry = flat_memory(kt.RandomSearch).registry()
    return [name for name in registry if "CustomGradient-ours" in name]

note("started", os.getpid())
predict = GaussianProcessRegressor.predict
GaussianProcessRegressor.predict = lambda *args, **kwargs: (
    note("predicted", None), predict(*args, **kwargs)
)[1]
tools = {
    "few_checkpoints": few_checkpoints,
    "flat_memory": flat_memory,
    "quick_proposals": quick_proposals,
    "renewed": lambda c: renewed(c, trials=2),
    "resumable": resumable,
    "safe": safe,
    "scored_failures": lambda c: scored_failures(c, worst=1e3),
    "stop_after": lambda c: stop_after(
        c, seconds=55, clock=lambda: 10 * len(notes("began"))
    ),
    "stop_without_progress": lambda c: stop_without_progress(c, 5),
    "try_first": lambda c: try_first(c, [{"x": 0.125}]),
}

class Numbers(getattr(kt, kind)):
    def run_trial(self, trial, *args, **kwargs):
        number = int(trial.trial_id)
        note("began", number, locked(), len(gradients()))
        registry = flat_memory(kt.RandomSearch).registry()
        registry[f"CustomGradient-ours-{number}"] = None
        folder = pathlib.Path(self.get_trial_dir(trial.trial_id))
        (folder / "checkpoint.weights.h5").touch()
        exec(when)
        if number == 3:
            raise ValueError("out of luck")
        return {"score": float(number) or 0.5}

for name in names.split():
    Numbers = tools[name](Numbers)
space = kt.HyperParameters()
is_grid = kind == "GridSearch"
space.Float("x", 0.0, 1.0, step=0.25 if is_grid else None)
space.Float("y", 0.0, 1.0, step=1.0 if is_grid else None)
settings = {
    "RandomSearch": {"max_trials": 10},
    "GridSearch": {},  # 10 of them
    "Hyperband": {"max_epochs": 4, "factor": 2},
    "BayesianOptimization": {"max_trials": 10, "num_initial_points": 7},
}[kind] | {"seed": 1} | json.loads(settings)
tuner = Numbers(
    hyperparameters=space,
    objective=kt.Objective("score", "min"),
    directory="searches",
    project_name="tooled",
    **settings,
)
tuner.search(verbose=0)
note("the rest", None)
"""


# What happens in a trial, so that each of two workers has one.
BOTH = """
while len({note[0] for note in notes("began")}) < 2:
    time.sleep(0.01)
"""


class Forked(subprocess.Popen):
    """A process that need not import what this one has imported.

    So a search with its chief and workers takes a second.
    """

    def _execute_child(self, *given):
        signature = inspect.signature(super()._execute_child)
        given = signature.bind(*given).arguments
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            os.dup2(given["p2cread"], 0)
            os.dup2(given["c2pwrite"], 1)
            os.dup2(1, 2)
            os.closerange(3, 1024)
            say_all_in(1, closefd=False)
            os.environ.clear()
            os.environ.update(given["env"])
            _, _, _, code, *words = map(str, given["args"])
            finish(lambda: exec(code, {}), ["-c", *words])
        self._child_created = True
        os.close(given["p2cread"])
        os.close(given["c2pwrite"])


def say_all_in(file, **settings):
    output = open(  # noqa: SIM115
        file, "w", 1, encoding="utf-8", **settings
    )
    sys.stdout = sys.stderr = output


def finish(program, words):
    """Run a program as Python does, and end this process."""
    sys.argv = words
    sys.modules.pop("keras_tuner", None)  # but not what it consists of
    code = 1
    try:
        program()
        code = 0
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code)
        else:
            code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def in_a_fork(folder, words, workers):
    """Run the script there, alone if without workers."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    say_all_in("said")
    subprocess.Popen = Forked

    def alone():
        runpy.run_path(words[0], run_name="__main__")

    def together():
        parallel_search(*words, workers=workers)

    finish(together if workers else alone, words)


def forked(folder, *words, workers=2):
    """Run a script there; return the exit code and what was said."""
    words = [str(word) for word in words]
    child = warm().Process(
        target=in_a_fork, args=(folder, words, workers)
    )
    child.start()
    child.join(LIMIT)
    code = child.exitcode
    child.kill()  # what hangs
    return code, (folder / "said").read_text("utf-8")


class Tooled:
    """A search with tools in a folder, run there again and again."""

    def __init__(self, folder, kind, names):
        self.folder, self.kind = folder, kind
        self.names = names.split()
        self.script = folder / "tooled.py"
        self.script.write_text(TOOLED, "utf-8")

    def run(self, workers=2, when="", **settings):
        """Run it; return the exit code, what was said, and the notes."""
        when = BOTH + when if workers == 2 else when
        words = self.kind, " ".join(self.names), json.dumps(settings)
        code, said = forked(
            self.folder, self.script, *words, when, workers=workers
        )
        log = self.folder / "log.jsonl"
        lines = log.read_text("utf-8").splitlines()
        log.unlink()
        notes = [json.loads(line) for line in lines]
        assert code is not None, f"it hangs: {said}"
        for pid in [note[2] for note in notes if note[1] == "started"]:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        return code, said, notes

    def trials(self):
        files = self.folder.glob("searches/tooled/trial_*/trial.json")
        states = [json.loads(file.read_text("utf-8")) for file in files]
        return {int(state["trial_id"]): state for state in states}

    def values(self):
        trials = self.trials()
        return {
            n: trials[n]["hyperparameters"]["values"] for n in trials
        }

    def check(self, said, notes):
        """Hold a search that has ended against each tool's promise."""
        names, is_hyperband = self.names, self.kind == "Hyperband"
        trials = self.trials()
        failed = trials[3]
        if "scored_failures" in names:
            assert failed["status"] == "COMPLETED"
            assert failed["score"] == 1e3
            assert "failed" in failed["metrics"]["metrics"]
        else:
            assert failed["status"] == "FAILED"
        others = {t["status"] for n, t in trials.items() if n != 3}
        assert others == {"COMPLETED"}
        least = most = 10
        if is_hyperband:
            # The failure costs its bracket what it would have promoted.
            least = most = 15 if "scored_failures" in names else 13
        if "stop_without_progress" in names:
            # Five have ended after the best, one may run beside; while
            # the best ran, the other worker may have ended some.
            state = self.folder / "searches/tooled/oracle.json"
            order = json.loads(state.read_text("utf-8"))["end_order"]
            before = [int(name) for name in order].index(0)
            least, most = before + 6, before + 7
        if "stop_after" in names:
            least, most = 6, 7
        assert sorted(trials) == list(range(len(trials)))
        assert least <= len(trials) <= most
        weights = {
            int(file.parent.name.removeprefix("trial_"))
            for file in self.folder.rglob("checkpoint.weights.h5")
        }
        if "few_checkpoints" not in names:
            assert weights == set(trials)
        elif is_hyperband:
            over = "stop_after" not in names  # else a bracket goes on
            assert 0 in weights
            assert (len(weights) < len(trials)) == over
        else:
            assert weights == {0}
        values = self.values()
        assert (values[0]["x"] == 0.125) == ("try_first" in names)
        settings = self.folder / "searches/tooled/settings.json"
        assert settings.exists() == ("resumable" in names)

        began = [note for note in notes if note[1] == "began"]
        roles, _, numbers, locks, gradients = zip(*began, strict=True)
        assert set(roles) == {"worker0", "worker1"}
        assert sorted(numbers) == sorted(trials)
        assert all(locks) if "safe" in names else not any(locks)
        if "flat_memory" in names:
            assert not any(gradients)
        asked = sum(note[1] == "predicted" for note in notes)
        if "quick_proposals" in names:
            assert asked <= 2 * len(trials)  # of trials that run
        else:
            assert (asked > 100) == (self.kind[0] == "B")
        started = [note[0] for note in notes if note[1] == "started"]
        assert started.count("chief") == 1
        if "renewed" in names:
            assert len(started) - 1 >= len(trials) / 2
        else:
            assert len(started) == 3
        assert "started again" not in said
        rest = [note[0] for note in notes if note[1] == "the rest"]
        assert rest == ["chief"]

        total = {"GridSearch": "", "Hyperband": " of 15"}
        total = total.get(self.kind, " of 10")
        lines = re.findall(
            r"(?m)^(worker\d): trial (\d+) ([A-Z]+), score (.+), "
            r"(\d+)(.*) ended$",
            said,
        )
        assert len(lines) == len(trials)
        for count, line in enumerate(lines, 1):
            role, number, status, score, ended, of = line
            trial = trials[int(number)]
            assert [role, "began", int(number)] in [
                n[:3] for n in began
            ]
            assert status == trial["status"]
            assert score == str(trial["score"])
            assert (int(ended), of) == (count, total)

    def check_again(self):
        """See that it runs nothing more, together and alone."""
        before = self.trials()
        for workers in (1, 0):
            code, said, notes = self.run(workers)
            assert code == 0, said
            assert [n[0] for n in notes if n[1] == "the rest"]
            assert "began" not in {note[1] for note in notes}
            assert self.trials() == before
        if "resumable" in self.names:
            code, said, notes = self.run(seed=2)
            assert code == 1
            assert "began with seed 1, not 2" in said
            assert [note[:2] for note in notes] == [
                ["chief", "started"]
            ]


ANY = "few_checkpoints flat_memory renewed resumable safe "
ANY += "scored_failures stop_after"
RANDOM = f"{ANY} stop_without_progress try_first"
STACKS = [
    *(("RandomSearch", name) for name in RANDOM.split()),
    *(("Hyperband", name) for name in f"{ANY} try_first".split()),
    ("GridSearch", "resumable"),
    ("BayesianOptimization", "quick_proposals"),
    ("BayesianOptimization", "resumable"),
    # The first advice, and all that go together, in odd orders.
    ("RandomSearch", "safe resumable"),
    ("GridSearch", "safe resumable"),
    ("Hyperband", "safe resumable"),
    ("BayesianOptimization", "quick_proposals safe resumable"),
    ("RandomSearch", RANDOM),
    ("RandomSearch", " ".join(reversed(RANDOM.split()))),
    ("RandomSearch", "resumable few_checkpoints safe scored_failures"),
    ("GridSearch", "resumable flat_memory renewed safe stop_after"),
    ("GridSearch", "scored_failures renewed resumable few_checkpoints"),
    ("Hyperband", f"try_first {ANY}"),
    ("Hyperband", "safe few_checkpoints renewed scored_failures"),
    ("BayesianOptimization", f"{RANDOM} quick_proposals"),
    ("BayesianOptimization", "renewed quick_proposals try_first safe"),
]


@pytest.mark.parametrize("kind, names", STACKS)
def test_tools_work_with_workers(kind, names, tmp_path):
    search = Tooled(tmp_path, kind, names)
    code, said, notes = search.run()
    assert code == 0, said
    search.check(said, notes)
    search.check_again()


@pytest.mark.parametrize(
    "kind, name, settings, message",
    [
        ("GridSearch", "try_first", {}, "starts with the defaults"),
        ("GridSearch", "renewed", {}, "forgets where it was"),
        ("Hyperband", "stop_without_progress", {}, "its max_epochs"),
        ("Hyperband", "quick_proposals", {}, "for kt.Bayesian"),
        ("RandomSearch", "renewed", {"overwrite": True}, "overwrite"),
        ("RandomSearch", "resumable", {"tuner_id": "a"}, "tuner_id"),
    ],
)
def test_what_a_tool_refuses_is_refused_before_a_worker_starts(
    kind, name, settings, message, tmp_path
):
    search = Tooled(tmp_path, kind, name)
    code, said, notes = search.run(**settings)
    assert code == 1
    assert re.search(f"ValueError: .*{message}", said)
    assert [note[:2] for note in notes] == [["chief", "started"]]


@pytest.mark.parametrize(
    "settings, of",
    [
        ({"hyperband_iterations": 2, "factor": 3, "max_epochs": 9}, 1),
        ({"hyperband_iterations": 1, "factor": 2, "max_epochs": 7}, 1),
        ({"hyperband_iterations": 0}, 0),  # for ever
    ],
)
def test_under_hyperband_the_chief_knows_how_many_trials_there_will_be(
    settings, of, tmp_path
):
    names = "scored_failures" if of else "stop_after"
    search = Tooled(tmp_path, "Hyperband", names)
    code, said, _ = search.run(**settings)
    assert code == 0, said
    ended = len(search.trials())
    total = f" of {ended}" if of else ""
    assert said.rstrip().endswith(f", {ended}{total} ended")


KILLS = """
kills = {2: "chief", 6: "worker0"}
if number in kills and kills[number] not in [
    note[2] for note in notes("killed")
]:
    kill(kills[number])
"""


@pytest.mark.parametrize(
    "kind, names",
    [
        ("RandomSearch", "resumable safe"),
        ("RandomSearch", "few_checkpoints safe renewed resumable"),
        ("GridSearch", "safe resumable"),
        ("Hyperband", "safe resumable"),
        ("BayesianOptimization", "safe quick_proposals resumable"),
    ],
)
def test_kills_lose_no_trial_and_repeat_only_those_that_ran(
    kind, names, tmp_path
):
    search = Tooled(tmp_path, kind, names)
    code, said, notes = search.run(when=KILLS)
    assert code == 0, said
    began, ended = [], set()
    for _, what, which, *more in notes:
        if what == "killed":
            assert f"{which} ended with SIGKILL, and is start" in said
            ended |= {int(number) for number in more[0]}
            assert ended <= set(began)
        elif what == "began":
            assert which not in ended
            began.append(which)
    assert said.count("started again") == 2
    assert 0 < len(began) - len(set(began)) <= 3
    trials = search.trials()
    assert sorted(set(began)) == sorted(trials)
    assert len(trials) == (13 if kind == "Hyperband" else 10)
    for number, trial in trials.items():
        status = "FAILED" if number == 3 else "COMPLETED"
        assert trial["status"] == status
    search.check_again()
    values = search.values()
    if kind == "GridSearch":
        assert len({tuple(v.values()) for v in values.values()}) == 10
    if kind == "RandomSearch":
        (tmp_path / "whole").mkdir()
        whole = Tooled(tmp_path / "whole", kind, "")
        assert whole.run(workers=0)[0] == 0
        assert whole.values() == values


CROSS_VALIDATED = """
import json, sys
import keras_tuner as kt
import numpy as np
from sklearn.model_selection import KFold
from snippets.searches.cross_validation_tuner import (
    CrossValidationTuner,
)
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

class Model(kt.HyperModel):
    def build(self, hp):
        hp.Float("x", 0.0, 1.0)

    def fit(self, hp, model, x, y, validation_data, callbacks):
        return {"score": hp.get("x") * validation_data[1].sum()}

tuner = resumable(safe(CrossValidationTuner))(
    kt.oracles.RandomSearchOracle(
        kt.Objective("score", "min"), max_trials=4, seed=1
    ),
    Model(),
    KFold(2),
    directory=sys.argv[1],
)
tuner.search(np.arange(8.0), np.arange(8.0))
trials = sorted(tuner.oracle.trials.items())
rows = [[n, t.score, tuner.fold_scores(t)] for n, t in trials]
print(json.dumps(rows))
"""
REPLAYED = """
import json, sys, types
import keras_tuner as kt
import numpy as np
from snippets.searches.replayed import replayed
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

curves = types.SimpleNamespace(
    validation=np.random.default_rng(1).random((100, 1, 4)),
    find=lambda values: values["row"],
)
space = kt.HyperParameters()
space.Int("row", 0, 99)
tuner = safe(resumable(replayed(kt.Hyperband, curves)))(
    hyperparameters=space,
    objective=kt.Objective("val_accuracy", "max"),
    max_epochs=4,
    factor=2,
    seed=1,
    directory=sys.argv[1],
)
tuner.search(verbose=0)
trials = sorted(tuner.oracle.trials.items())
print(json.dumps([[n, t.status, t.score] for n, t in trials]))
"""


@pytest.mark.parametrize(
    "text, trials, workers",
    [(CROSS_VALIDATED, 4, 2), (REPLAYED, 15, 1)],
)
def test_own_tuners_find_what_one_process_finds(
    text, trials, workers, tmp_path
):
    script = tmp_path / "own.py"
    script.write_text(text, "utf-8")
    found = []
    for folder, number in ("a", workers), ("a", 1), ("a", 0), ("b", 0):
        code, said = forked(tmp_path, script, folder, workers=number)
        assert code == 0, said
        assert said.count(" ended\n") == (trials if not found else 0)
        found.append(json.loads(said.splitlines()[-1]))
    assert len(found[0]) == trials
    assert found == 4 * found[:1]


FILLS = """
import pathlib
import keras_tuner as kt

class Full(kt.oracles.RandomSearchOracle):
    def METHOD(self, *args):
        if WHEN and not pathlib.Path("raised").exists():
            pathlib.Path("raised").touch()
            raise OSError(28, "No space left on device")
        return super().METHOD(*args)

class Numbers(kt.Tuner):
    def run_trial(self, trial, *args, **kwargs):
        return trial.hyperparameters.get("x")

space = kt.HyperParameters()
space.Float("x", 0.0, 1.0)
oracle = Full(max_trials=4, hyperparameters=space, seed=1)
Numbers(oracle, directory="searches").search(verbose=0)
print("statuses:", *(t.status for t in oracle.trials.values()))
"""


@pytest.mark.parametrize(
    "method, when",
    [
        ("populate_space", "self.trials"),
        ("_save_trial", "len(self.trials) > 1"),  # as it is made
        ("_save_trial", "args[0].metrics.metrics"),  # and updated
        ("save", "self.end_order"),
    ],
)
def test_what_an_oracle_raises_once_ends_all_and_says_so(
    method, when, tmp_path
):
    """For its lock stays taken: the chief would wait for ever."""
    script = tmp_path / "fills.py"
    text = FILLS.replace("METHOD", method).replace("WHEN", when)
    script.write_text(text, "utf-8")
    code, said = forked(tmp_path, script)
    assert code == 1, said
    assert "chief ended with exit 1" in said
    assert "OSError: [Errno 28] No space left on device" in said
    code, said = forked(tmp_path, script)
    assert code == 0, said
    assert "statuses:" + 4 * " COMPLETED" in said


def test_failures_in_a_row_end_the_search_and_say_so(tmp_path):
    search = Tooled(tmp_path, "RandomSearch", "scored_failures safe")
    code, said, _ = search.run(when="raise ValueError('a mistake')")
    assert code == 1
    assert "ValueError: a mistake" in said
    assert "chief ended with exit 1" in said
    assert "RuntimeError: 3 trials in a row failed" in said
    assert "RpcError" not in said  # of workers, as the chief has gone


MODELS = """
import json, pathlib
import keras
import keras_tuner as kt
import numpy as np
from snippets.searches.few_checkpoints import few_checkpoints
from snippets.searches.flat_memory import flat_memory
from snippets.searches.resumable import resumable
from snippets.searches.safe import safe

def build(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("units", 1, 9))])
    model.build((None, 2))
    model.compile("sgd", "mse")
    return model

x = np.ones((8, 2))
tuner = few_checkpoints(resumable(flat_memory(safe(kt.Hyperband))))(
    build,
    objective=kt.Objective("val_loss", "min"),
    max_epochs=2,
    factor=2,
    seed=1,
    directory="searches",
)
tuner.search(x, x[:, :1], validation_data=(x, x[:, :1]), verbose=0)
(trial,) = tuner.oracle.get_best_trials()
(best,) = tuner.get_best_models()
statuses = {trial.status for trial in tuner.oracle.trials.values()}
weights = len([*pathlib.Path("searches").rglob("checkpoint*")])
loss = best.evaluate(x, x[:, :1], verbose=0)
print(json.dumps([[*statuses], weights, trial.score, loss]))
"""


def test_the_best_model_is_loaded_where_beaten_weights_are_deleted(
    tmp_path,
):
    script = tmp_path / "models.py"
    script.write_text(MODELS, "utf-8")
    code, said = forked(tmp_path, script)
    assert code == 0, said
    assert ", 5 of 5 ended" in said
    statuses, weights, score, loss = json.loads(said.splitlines()[-1])
    assert statuses == ["COMPLETED"]
    assert 1 <= weights <= 2  # with those it was continued from
    assert score == pytest.approx(loss)


def test_tools_in_odd_order_work_in_processes_that_import_all(tmp_path):
    """As above, without forks: the command, and exit codes."""
    names = RANDOM.replace("renewed ", "")  # starts more processes
    search = Tooled(tmp_path, "RandomSearch", names)
    words = [search.kind, names]
    code, said = run(search.script, *words, "{}", BOTH)
    assert code == 0, said
    log = tmp_path / "log.jsonl"
    notes = [json.loads(x) for x in log.read_text("utf-8").splitlines()]
    search.check(said, notes)
    log.unlink()
    code, said = run(search.script, *words, '{"seed": 2}', BOTH)
    assert code == 1
    assert "began with seed 1, not 2" in said
    assert len(log.read_text("utf-8").splitlines()) == 1


def test_a_process_that_renewed_ends_is_no_death(stub):
    """Of a worker, and of the chief in a search after the first."""
    stub.write_text(
        SEARCHES
        + """
import os, pathlib, sys
for turn in range(2):
    if not pathlib.Path(f"renewed{turn}").exists():
        pathlib.Path(f"renewed{turn}").touch()
        sys.exit(75)
""",
        "utf-8",
    )
    text = STUB.replace(
        "    paused = []\n",
        """
    paused = []
    if not pathlib.Path(f"{role}.renewed").exists():
        pathlib.Path(f"{role}.renewed").touch()
        raise SystemExit(75)
""",
    )
    assert text != STUB
    stub.with_name("keras_tuner.py").write_text(text, "utf-8")
    launcher = launch(stub, "--deaths", "1")
    wait_for(lambda: started(stub.parent))
    paused = [stub.with_name(f"worker{n}.paused") for n in range(2)]
    wait_for(lambda: all(path.exists() for path in paused))
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert said == 3 * "the rest\n"
    assert_nothing_left(stub)


def test_what_the_end_of_the_chief_breaks_off_is_no_error(stub):
    text = STUB.replace(
        "def train(role, oracle):",
        """
def train(role, oracle):
    def listens():
        port = int(os.environ["KERASTUNER_ORACLE_PORT"])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    while listens():
        time.sleep(0.1)
    pathlib.Path(f"{role}.broken").touch()
    raise ConnectionError("the chief has gone")
""",
    )
    assert text != STUB
    stub.with_name("keras_tuner.py").write_text(text, "utf-8")
    stub.write_text(
        SEARCHES
        + """
import pathlib, time
while len([*pathlib.Path().glob("*.broken")]) < 2:
    time.sleep(0.01)
""",
        "utf-8",
    )
    launcher = launch(stub)
    wait_for(lambda: started(stub.parent))
    stub.with_name("end").touch()
    said, _ = launcher.communicate(timeout=LIMIT)
    assert launcher.returncode == 0, said
    assert said == "the rest\n"


def test_it_works_pasted_into_a_notebook(stub):
    stub.with_name("end").touch()
    program = """
import pathlib, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell(pathlib.Path(sys.argv[1]).read_text("utf-8"))
shell.run_cell("parallel_search('stub.py')").raise_error()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, LAUNCHER],
        cwd=stub.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the rest" in done.stdout
    assert_nothing_left(stub)
