"""A search in several processes ends, whoever dies, and leaves none."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT, needs_posix

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
        idle = SimpleNamespace(status="IDLE")
        self.oracle = SimpleNamespace(
            create_trial=lambda name: idle, end_trial=None
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
        stub.with_name("worker1.paused").read_text("utf-8") == "[0.2]"
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
        ({"workers": 0}, "1 or more, not 0 and 3"),
        ({"deaths": 0}, "1 or more, not 2 and 0"),
        ({"gpus": [0]}, "2 workers need a GPU each, gpus has 1"),
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
    assert done.returncode == 1 and message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_each_process_is_told_its_role_its_cores_and_its_gpu(
    workers, stub
):
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
