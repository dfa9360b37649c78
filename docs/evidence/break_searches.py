"""Break searches in every way we know, and note what was lost.

    python docs/evidence/break_searches.py
    python docs/evidence/break_searches.py --faults kill --kills 90

The search is a real one of Keras Tuner; a trial is a number instead of
a model, so that nearly all the time goes into Keras Tuner's own files
and a kill at a random moment often hits them. Only the full disk is
also tried with models, for the sake of their checkpoints.

A search is broken, made again in a new process and searched to its end,
in three ways:

- plain: the class as it is;
- mended: the class as it is is broken, `mend` mends what is left, and
  resumable(safe(class)) goes on;
- safe: resumable(safe(class)), with scored_failures where memory runs
  out.

Each row of faults.csv is one broken search:

- fault, tuner, way, run;
- found: what the fault left on disk;
- seen: how the broken process, or the one after it, ended for whoever
  looks on: "goes on", an exception's name or "waits";
- finished: trials that had ended before the fault;
- lost: those of them without their score in the end;
- repeated: those of them that were run again;
- missing: trials that the search should have run and did not;
- same: whether all hyperparameters and scores are in the end those of
  an uninterrupted search, of the class that began it.

The kills are at random moments, so no two records are alike. Mounting a
small disk takes root. Each row is kept under .cache as it ends:
interrupted, the command goes on where it was; `--new` begins anew.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import records

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

COLUMNS = (
    "fault",
    "tuner",
    "way",
    "run",
    "found",
    "seen",
    "finished",
    "lost",
    "repeated",
    "missing",
    "same",
)
KEY = "fault", "tuner", "way", "run"
SETTINGS = {
    "RandomSearch": {"max_trials": 12},
    "Hyperband": {"max_epochs": 9, "factor": 3},
    "BayesianOptimization": {"max_trials": 8, "num_initial_points": 4},
    "GridSearch": {"max_trials": 12},
}
WAYS = ("plain", "mended", "safe")
LIMIT = 60  # seconds until we say that a process waits for ever

# Warm children: Keras Tuner is imported once, not in each of them.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["keras_tuner", "snippets.searches.safe"]
)


def space(hp):
    """Return the score of a trial: nothing is built."""
    score = hp.Int("x", 0, 9) / 10
    if hp.Choice("kind", ["sum", "difference"]) == "sum":
        with hp.conditional_scope("kind", ["sum"]):
            score += hp.Int("y", 0, 9) / 100
    return score


def logged(tuner_class, path):
    """Return the class, which notes each trial's begin and end."""

    def note(**what):
        # One line, written at once.
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    class Logged(tuner_class):
        def run_trial(self, trial, *args, **kwargs):
            note(begun=trial.trial_id)
            time.sleep(kwargs.get("seconds", 0))
            if until := kwargs.get("until"):  # another has begun
                while not list(path.parent.glob(until)):
                    time.sleep(0.02)
            if args:  # data: models are trained
                return super().run_trial(trial, *args, **kwargs)
            return self.hypermodel.build(trial.hyperparameters)

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            trial = self.oracle.get_trial(trial.trial_id)
            if trial.status == "COMPLETED":
                note(ended=trial.trial_id, score=trial.score)

    return Logged


def made(
    name,
    way,
    folder,
    log="log.jsonl",
    hypermodel=space,
    scored=False,
    **changed,
):
    """Make a tuner in a folder, in one of the ways."""
    import keras_tuner as kt

    from snippets.searches.mend import mend
    from snippets.searches.resumable import resumable
    from snippets.searches.safe import safe
    from snippets.searches.scored_failures import scored_failures

    tuner_class = logged(getattr(kt, name), Path(folder, log))
    if scored:
        tuner_class = scored_failures(tuner_class, worst=9.0)
    goes_on = log == "second.jsonl"
    if way == "safe" or (way == "mended" and goes_on):
        tuner_class = resumable(safe(tuner_class))
    project = Path(folder, "broken")
    if way == "mended" and goes_on and list(project.glob("trial_*")):
        mend(project)
    settings = {
        "objective": kt.Objective(
            "score" if hypermodel is space else "val_loss", "min"
        ),
        "seed": 1,
        "directory": str(folder),
        "project_name": "broken",
    }
    settings |= SETTINGS[name] | changed
    with contextlib.redirect_stdout(io.StringIO()):  # that it reloads
        return tuner_class(hypermodel, **settings)


def search(name, way, folder, log="log.jsonl", ready=None, **given):
    """Search to the end, in a child; leave what was raised in a file."""
    sys.stdout = sys.stderr = io.StringIO()
    if ready:
        ready.send("ready")
    try:
        made(name, way, folder, log).search(verbose=0, **given)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        Path(folder, f"error of {log}").write_text(text, "utf-8")
        os._exit(1)
    os._exit(0)


def started(function, *args, **kwargs):
    """Start a warm child; return once it begins its work."""
    here, there = CONTEXT.Pipe()
    child = CONTEXT.Process(
        target=function, args=args, kwargs=kwargs | {"ready": there}
    )
    child.start()
    there.close()
    here.recv()
    return child


def ended(child, limit=LIMIT):
    """Return how a child ended: an exit code, or None if it waits."""
    child.join(limit)
    if child.is_alive():
        child.kill()
        child.join()
        return None
    return child.exitcode


def read_log(folder, log="log.jsonl"):
    path = Path(folder, log)
    if not path.exists():
        return []
    return [
        json.loads(line)
        for line in path.read_text("utf-8").splitlines()
    ]


def trials_on_disk(folder):
    """Return what each trial file says that can be read, by trial."""
    trials = {}
    for path in Path(folder, "broken").glob("trial_*/trial.json"):
        with contextlib.suppress(ValueError):
            trials[int(path.parent.name[6:])] = json.loads(
                path.read_text("utf-8")
            )
    return trials


def outcome(folder):
    """Return the values and scores of all completed trials, by trial."""
    return {
        number: (trial["hyperparameters"]["values"], trial["score"])
        for number, trial in sorted(trials_on_disk(folder).items())
        if trial["status"] == "COMPLETED"
    }


def state_of(folder):
    """Say in what state a fault left the files of a search."""
    project = Path(folder, "broken")
    if not (project / "oracle.json").exists():
        return "nothing yet"
    texts = {}
    for path in project.rglob("*.json"):
        try:
            texts[path.name, path.parent.name] = json.loads(
                path.read_text("utf-8")
            )
        except ValueError:
            return f"half of {path.name}"
    oracle = texts["oracle.json", "broken"]
    for name, parent in texts:
        if (
            name == "trial.json"
            and parent[6:] not in oracle["start_order"]
        ):
            return "a trial the oracle does not know"
    for parent, trial in oracle.get("trials", {}).items():
        if texts.get(("trial.json", parent)) != trial:
            return "oracle.json ahead of a trial.json"
    for name in oracle["ongoing_trials"].values():
        trial = texts["trial.json", f"trial_{name}"]
        if trial["metrics"]["metrics"]:
            return "a result, but not in oracle.json"
    if not (project / "tuner0.json").exists():
        return "no tuner0.json"
    return "whole files"


def row(folder, whole, first, second, **columns):
    """Compare the end with an uninterrupted search."""
    scores = {
        int(n["ended"]): n["score"] for n in first if "ended" in n
    }
    final = outcome(folder)
    # Between processes scores travel with fewer digits.
    lost = [
        n
        for n, score in scores.items()
        if abs(final.get(n, (0, float("inf")))[1] - score) > 1e-6
    ]
    again = {int(n["begun"]) for n in second if "begun" in n}
    return columns | {
        "finished": len(scores),
        "lost": len(lost),
        "repeated": len(again & set(scores)),
        "missing": max(0, len(whole) - len(final)),
        "same": final == whole,
    }


def error_of(folder, log="log.jsonl"):
    path = Path(folder, f"error of {log}")
    return path.read_text("utf-8") if path.exists() else ""


def uninterrupted(name, way, folder):
    """Search twice without a fault: the outcome, and the seconds.

    The second search tells how long one takes in a warm child.
    """
    for log in ("cold", "warm"):
        Path(folder, log).mkdir()
        child = started(search, name, way, Path(folder, log))
        begun = time.perf_counter()
        assert ended(child) == 0, error_of(Path(folder, log))
        seconds = time.perf_counter() - begun
    return outcome(Path(folder, "warm")), seconds


def kill(name, way, folder, whole, after, run=0):
    """Kill a search after some seconds; search on; return the row."""
    child = started(search, name, way, folder, "first.jsonl")
    time.sleep(after)
    child.kill()
    child.join()
    found = state_of(folder)
    again = started(search, name, way, folder, "second.jsonl")
    code = ended(again)
    seen = error_of(folder, "second.jsonl").partition(":")[0]
    return row(
        folder,
        whole,
        read_log(folder, "first.jsonl"),
        read_log(folder, "second.jsonl"),
        fault="kill",
        tuner=name,
        way=way,
        run=run,
        found=found,
        seen="waits" if code is None else seen or "goes on",
    )


def two_processes(name, way, folder, whole, run=0):
    """Let two processes search in one folder at the same time."""
    until = "*second.jsonl"  # it has a trial, or was refused
    first = started(
        search, name, way, folder, "first.jsonl", until=until
    )
    while not read_log(folder, "first.jsonl"):
        time.sleep(0.02)
    second = started(search, name, way, folder, "second.jsonl")
    codes = [ended(child) for child in (second, first)]
    seen = error_of(folder, "second.jsonl").partition(":")[0]
    return row(
        folder,
        whole,
        read_log(folder, "first.jsonl"),
        read_log(folder, "second.jsonl"),
        fault="two processes",
        tuner=name,
        way=way,
        run=run,
        found="whole files",
        seen="waits" if None in codes else seen or "goes on",
    )


def damage(name, way, folder, whole, file, how, run=0):
    """Interrupt a search, damage a file, and search on."""
    with contextlib.suppress(KeyboardInterrupt):
        tuner = made(name, way, folder, "first.jsonl")
        number = min(5, len(whole) - 1)
        original = tuner.run_trial

        def run_trial(trial, *args, **kwargs):
            if int(trial.trial_id) == number:
                raise KeyboardInterrupt
            return original(trial, *args, **kwargs)

        tuner.run_trial = run_trial
        tuner.search(verbose=0)
    (path,) = Path(folder, "broken").glob(
        f"trial_*{number}/{file}" if file == "trial.json" else file
    )
    if how == "half":
        text = path.read_text("utf-8")
        path.write_text(text[: len(text) // 2], "utf-8")
    elif how == "empty":
        path.write_text("", "utf-8")
    elif how == "missing":
        path.unlink()
    seen = "goes on"
    try:
        made(name, way, folder, "second.jsonl").search(verbose=0)
    except Exception as error:
        seen = type(error).__name__
    what = "nothing" if how == "sound" else f"{how} {file}"
    return row(
        folder,
        whole,
        read_log(folder, "first.jsonl"),
        read_log(folder, "second.jsonl"),
        fault="damaged file" if how != "sound" else "interrupt",
        tuner=name,
        way=way,
        run=run,
        found=what,
        seen=seen,
    )


@contextlib.contextmanager
def small_disk(folder, size):
    """Mount a disk of some KiB; yield how to change its size."""

    def mount(*options):
        return subprocess.run(
            ["mount", *options, folder], capture_output=True, text=True
        )

    done = mount("-t", "tmpfs", "-o", f"size={size}k", "none")
    if done.returncode:
        raise PermissionError(done.stderr.strip())
    try:
        yield lambda size: mount("-o", f"remount,size={size}k")
    finally:
        subprocess.run(["umount", folder], check=True)


def worker(name, way, folder, role, port, ready, **given):
    """Be the chief or a worker of a parallel search, in a child."""
    os.environ["KERASTUNER_TUNER_ID"] = role
    os.environ["KERASTUNER_ORACLE_IP"] = "127.0.0.1"
    os.environ["KERASTUNER_ORACLE_PORT"] = str(port)
    search(name, way, folder, f"{role}.jsonl", ready, **given)


def parallel(fault, name, way, folder, whole, wait=25):
    """Break a search of a chief and two workers; return the row.

    `wait` is how many seconds the others are given before we say that
    they wait for ever. Then what was killed is started again.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def start(role):
        return started(
            worker, name, way, folder, role, port, seconds=0.3
        )

    def log(role):
        return read_log(folder, f"{role}.jsonl")

    children = {role: start(role) for role in ("chief", "worker1")}
    if fault != "late worker":
        children["worker2"] = start("worker2")
    end = time.monotonic() + LIMIT
    while sum("begun" in line for line in log("worker1")) < 3:
        assert time.monotonic() < end, "the workers do not begin"
        time.sleep(0.05)
    if fault == "late worker":
        children["worker2"] = start("worker2")
    killed = {
        "kill of a worker": "worker1",
        "kill of the chief": "chief",
    }
    killed, seen = killed.get(fault), []
    before = {role: [] for role in children}
    if killed:
        children[killed].kill()
        children[killed].join()
        before = {role: log(role) for role in children}
        end = time.monotonic() + wait
        for role, child in children.items():
            child.join(max(0, end - time.monotonic()))
            if role != killed and child.is_alive():
                seen = [f"waits over {wait} s", "started again"]
        children[killed] = start(killed)
    # The chief looks every 20 s, and workers ask ever less often.
    codes = [ended(children["chief"], 4 * LIMIT)]
    for role in ("worker1", "worker2"):
        codes.append(ended(children[role], 20))
        error = error_of(folder, f"{role}.jsonl").partition(":")[0]
        if codes[-1] is None:
            seen += ["a worker is left waiting"]
        elif error:
            seen += [f"a worker ended with {error}"]
    seen = "; ".join(seen + ["goes on"])
    if codes[0] != 0:
        seen = "the chief does not end"
    after = {role: log(role) for role in before}
    return row(
        folder,
        whole,
        sum((before if killed else after).values(), []),
        sum((after[r][len(before[r]) :] for r in after), [])
        if killed
        else [],
        fault=fault,
        tuner=name,
        way=way,
        run=0,
        found="whole files",
        seen=seen,
    )


def read_only(name, way, folder, whole, run=0):
    """Let a search begin in a folder that it may not write to."""
    project = Path(folder, "locked")
    project.mkdir()
    project.chmod(0o555)
    child = started(unprivileged, name, way, folder)
    code = ended(child)
    seen = error_of(folder, "log.jsonl").partition(":")[0]
    return row(
        folder,
        {},
        [],
        [],
        fault="read-only folder",
        tuner=name,
        way=way,
        run=run,
        found="nothing yet",
        seen="waits" if code is None else seen or "goes on",
    )


def unprivileged(name, way, folder, ready):
    """Search as a user whom permissions bind."""
    os.chmod(folder, 0o777)
    if os.getuid() == 0:
        os.setuid(65534)
    ready.send("ready")
    try:
        made(name, way, folder, directory=str(Path(folder, "locked")))
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        Path(folder, "error of log.jsonl").write_text(text, "utf-8")
        os._exit(1)
    os._exit(0)


def small_model(hp):
    """Return a model whose training and score have one result."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(hp.Int("units", 512, 2048)),
        ]
    )
    model.compile("adam", "mean_squared_error")
    model.optimizer.build(model.trainable_variables)
    return model


def train(name, way, folder, log="log.jsonl", ready=None):
    """Search models to the end, in a child."""
    import numpy as np

    sys.stdout = sys.stderr = io.StringIO()
    if ready:
        ready.send("ready")
    x = np.linspace(0, 1, 64).reshape(16, 4)
    try:
        tuner = made(name, way, folder, log, hypermodel=small_model)
        data = x, x[:, :1]
        tuner.search(*data, validation_data=data, epochs=2, verbose=0)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        Path(folder, f"error of {log}").write_text(text, "utf-8")
        raise SystemExit(1) from None  # as a script ends, tidily


def full_disk(name, way, folder, whole, run=0, work=search, size=32):
    """Let the disk be full, then larger, and search on."""
    project = Path(folder, "broken")
    project.mkdir()
    with small_disk(project, size) as resize:
        code = ended(started(work, name, way, folder, "first.jsonl"))
        found = state_of(folder)
        full = error_of(folder, "first.jsonl").partition(":")[0]
        if code is None or code < 0:
            full += (
                ", then waits" if code is None else f", signal {-code}"
            )
        resize(8192)
        code = ended(started(work, name, way, folder, "second.jsonl"))
        seen = error_of(folder, "second.jsonl").partition(":")[0]
        return row(
            folder,
            whole,
            read_log(folder, "first.jsonl"),
            read_log(folder, "second.jsonl"),
            fault="full disk" + (", models" if work is train else ""),
            tuner=name,
            way=way,
            run=run,
            found=found,
            seen=f"{full or 'goes on'}, then {seen or 'goes on'}",
        )


def full_disk_of_models(name, way, folder, whole, run=0):
    """The same with models, whose checkpoints fill the disk."""
    Path(folder, "whole").mkdir()
    child = started(train, name, way, Path(folder, "whole"))
    assert ended(child) == 0, error_of(Path(folder, "whole"))
    whole = outcome(Path(folder, "whole"))
    return full_disk(name, way, folder, whole, run, train, 256)


def starve(name, way, folder, log="log.jsonl", ready=None):
    """Search with little memory, where one trial wants a lot."""
    import resource

    import numpy as np

    ready.send("ready")
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + 2**28
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    tuner = made(name, way, folder, log, scored=way == "safe")
    original = tuner.run_trial

    def run_trial(trial, *args, **kwargs):
        if int(trial.trial_id) == 3:
            np.ones(2**27)  # a GiB
        return original(trial, *args, **kwargs)

    tuner.run_trial = run_trial
    sys.stdout = sys.stderr = io.StringIO()
    tuner.search(verbose=0)
    os._exit(0)


def out_of_memory(name, way, folder, whole, run=0):
    """Let one trial ask for more memory than there is."""
    code = ended(started(starve, name, way, folder))
    return row(
        folder,
        whole,
        read_log(folder),
        [],
        fault="out of memory",
        tuner=name,
        way=way,
        run=run,
        found="nothing",
        seen="goes on" if code == 0 else f"exit {code}",
    )


# What is tried, and with which tuners. Nothing is mended where no
# process ends, or where several search.
FILES = ("oracle.json", "trial.json", "tuner0.json")
FAULTS = {
    "kill": (kill, tuple(SETTINGS)),
    "interrupt": (damage, tuple(SETTINGS)),
    "two processes": (two_processes, ("RandomSearch",)),
    "full disk": (full_disk, tuple(SETTINGS)),
    "full disk, models": (full_disk_of_models, ("RandomSearch",)),
    "read-only folder": (read_only, ("RandomSearch",)),
    "out of memory": (out_of_memory, ("RandomSearch", "Hyperband")),
    "damaged file": (damage, ("RandomSearch", "Hyperband")),
    "late worker": (parallel, ("RandomSearch",)),
    "kill of a worker": (parallel, ("RandomSearch",)),
    "kill of the chief": (parallel, ("RandomSearch",)),
}
MENDED = {
    "kill",
    "interrupt",
    "full disk",
    "full disk, models",
    "damaged file",
}


def ways_of(fault):
    return [w for w in WAYS if w != "mended" or fault in MENDED]


def attempts(fault, name, way, kills):
    """Yield a function of a folder and the outcome, for each attempt."""
    function, _ = FAULTS[fault]
    if fault == "kill":
        with tempfile.TemporaryDirectory() as folder:
            _, seconds = uninterrupted(name, way, folder)
        for run in range(kills):
            after = random.uniform(0, seconds)
            yield lambda *a, after=after, run=run: kill(
                name, way, *a, after, run
            )
    elif fault == "damaged file":
        for file in FILES:
            for how in ("half", "empty", "missing"):
                yield lambda *a, file=file, how=how: damage(
                    name, way, *a, file, how
                )
    elif fault == "interrupt":
        yield lambda *a: damage(name, way, *a, "tuner0.json", "sound")
    elif function is parallel:
        yield lambda *a: parallel(fault, name, way, *a)
    else:
        yield lambda *a: function(name, way, *a)


def broken(kills=50, faults=tuple(FAULTS), ways=WAYS, known=()):
    """Break searches; yield a row for each that is not known yet."""
    wholes = {}
    for fault in faults:
        for name in FAULTS[fault][1]:
            for way in ways_of(fault):
                if way not in ways:
                    continue
                last = {"kill": kills, "damaged file": 9}.get(
                    fault, 1
                ) - 1
                if (fault, name, way, last) in known:
                    continue
                begun = name, "safe" if way == "safe" else "plain"
                if begun not in wholes:
                    with tempfile.TemporaryDirectory() as folder:
                        whole, _ = uninterrupted(*begun, folder)
                        wholes[begun] = whole
                tries = attempts(fault, name, way, kills)
                for run, attempt in enumerate(tries):
                    if (fault, name, way, run) in known:
                        continue
                    with tempfile.TemporaryDirectory() as folder:
                        try:
                            done = attempt(Path(folder), wholes[begun])
                        except PermissionError as error:
                            print(
                                fault,
                                "left out:",
                                error,
                                file=sys.stderr,
                            )
                            continue
                    yield done | {"run": run}


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Break searches.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument(
        "--output", type=Path, default=HERE / "faults.csv"
    )
    parser.add_argument("--new", action="store_true")
    chosen = parser.parse_args(arguments)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the children
    kept = ROOT / ".cache" / "faults.jsonl"
    kept.parent.mkdir(exist_ok=True)
    if chosen.new:
        kept.unlink(missing_ok=True)
    rows = []
    if kept.exists():
        rows = [
            json.loads(line)
            for line in kept.read_text("utf-8").splitlines()
        ]
    known = {tuple(r[c] for c in KEY) for r in rows}
    with open(kept, "a", encoding="utf-8") as file:
        for done in broken(chosen.kills, chosen.faults, known=known):
            rows.append(done)
            print(json.dumps(done), file=file, flush=True)
            shown = map(str, done.values())
            print(
                len(rows),
                *shown,
                sep=" | ",
                file=sys.stderr,
                flush=True,
            )
    rows.sort(
        key=lambda r: (
            list(FAULTS).index(r["fault"]),
            list(SETTINGS).index(r["tuner"]),
            WAYS.index(r["way"]),
            r["run"],
        )
    )
    comments = records.provenance(
        "Searches that were broken, and what was lost",
        "break_searches.py",
        ("tensorflow", "keras", "keras-tuner", "grpcio"),
        platform.system(),
    )
    rows = [{c: r[c] for c in COLUMNS} for r in rows]
    records.write(chosen.output, COLUMNS, rows, comments)


if __name__ == "__main__":
    main()
