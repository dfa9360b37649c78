"""Run some of this guide under other versions than the locked ones.

    python docs/evidence/try_versions.py
    python docs/evidence/try_versions.py "tensorflow==2.19.*" "keras==3.10.*"
    KERAS_BACKEND=jax python docs/evidence/try_versions.py jax
    python docs/evidence/try_versions.py --add

Without arguments, every combination of COMBINATIONS is tried, and
versions.csv written beside this file. With requirements, as pip takes
them, that one combination is tried and the result printed; what the
guide needs besides is added, each package as new as fits.

A combination gets a virtual environment of its own under .cache, which
is removed when all was run in it. Run are, each in an empty folder and
on one thread:

- TUTORIALS, as `python tutorials/how_to/NAME.py`;
- first_search: four trials of a small model, the search loaded again
  and its best model compared with its score;
- tf_keras_search: the same, with `from tensorflow import keras`, as
  older guides have it;
- with_safe and its like: each tool for searches, used by try_tools.py,
  in one combination for each backend, and in those that are named;
- reopen, reload: this Python, with its own versions, goes on with the
  project that first_search left: it reads the trials and runs one more;
  it loads the best model.

A combination that is `bare` gets the named packages and no others: what
`pip install` of these gives. In it only the two searches are run.

--here makes no environment and tries the packages of this Python.
--scripts names what is to be run, --jobs how many at once.

Each run is kept under .cache as it ends: interrupted, the command goes
on where it was; `--new` begins anew, and `--add` runs only what the
record lacks. A row of the record is a run:

- combination, requirements, environment (its variables), bare;
- python and the installed versions, empty where there is none;
- script; exit_code, empty where it could not be run; cpu_seconds;
- error: the last line of the error, if any;
- says: what a tool said about itself, if anything.
"""

import argparse
import ast
import csv
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import records

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "versions"
# Quick ones, and of different kinds: hooks of tuner and oracle,
# conditional scopes, failures.
TUTORIALS = (
    "known_values_and_limits",
    "conditional_spaces",
    "failed_trials",
)
SEARCHES = "first_search", "tf_keras_search"
PROJECTS = "reopen", "reload"
# The tools for searches, each used by try_tools.py.
TOOLS = tuple(
    f"with_{tool}"
    for tool in (
        "resumable",
        "safe",
        "few_checkpoints",
        "flat_memory",
        "scored_failures",
        "stop_after",
        "stop_without_progress",
        "try_first",
        "renewed",
        "quick_proposals",
        "cross_validation_tuner",
        "traced_once",
    )
)
SCRIPTS = *TUTORIALS, *SEARCHES, *PROJECTS, *TOOLS
# By distribution, in the record by the first of several names.
PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "keras": ("keras",),
    "keras_tuner": ("keras-tuner",),
    "tf_keras": ("tf-keras",),
    "jax": ("jax",),
    "torch": ("torch",),
    "numpy": ("numpy",),
    "tensorboard": ("tensorboard",),
    "protobuf": ("protobuf",),
}
COLUMNS = (
    "combination",
    "requirements",
    "environment",
    "bare",
    "python",
    *PACKAGES,
    "script",
    "exit_code",
    "cpu_seconds",
    "error",
    "says",
)
BACKENDS = "tensorflow", "tensorflow-cpu", "tf-nightly", "jax", "torch"
LIMIT = 900  # seconds, then a run is stopped


class Combination(NamedTuple):
    name: str
    requirements: tuple
    environment: dict = {}
    bare: bool = False
    tools: bool = False  # in one of each backend the tools are used


# tensorflow-cpu is TensorFlow without its code for GPUs, and a third of
# its size. Of torch any build will do; on Linux the one that is found
# first may bring gigabytes of CUDA.
COMBINATIONS = (
    Combination("locked", ("locked",), tools=True),
    *(
        Combination(
            f"TensorFlow {tensorflow} and Keras {keras}",
            (
                f"tensorflow-cpu=={tensorflow}.*",
                f"keras=={keras}.*",
                "keras-tuner==1.4.8",
            ),
        )
        for tensorflow, keras in (
            ("2.21", "3.12"),  # the oldest that it takes
            ("2.20", "3.11"),
            ("2.19", "3.9"),
            ("2.18", "3.6"),
            ("2.18", "3.15"),
            ("2.16", "3.3"),
            ("2.15", "2.15"),  # the last with Keras 2
        )
    ),
    Combination(
        "Keras Tuner 1.4.7",
        (
            "tensorflow-cpu==2.21.*",
            "keras==3.15.*",
            "keras-tuner==1.4.7",
        ),
    ),
    Combination(
        "Keras Tuner 1.3.5",
        (
            "tensorflow-cpu==2.15.*",
            "keras==2.15.*",
            "keras-tuner==1.3.5",
        ),
    ),
    Combination(
        "Keras Tuner 1.1.0",
        (
            "tensorflow-cpu==2.12.*",
            "keras==2.12.*",
            "keras-tuner==1.1.0",
            "protobuf==3.20.*",
            "ipython==8.12.*",  # later ones want newer packages
        ),
    ),
    Combination(
        "JAX",
        ("jax==0.10.*", "keras==3.15.*", "keras-tuner==1.4.8", "six"),
        {"KERAS_BACKEND": "jax"},
        tools=True,
    ),
    Combination(
        "PyTorch",
        (
            "torch==2.13.*",
            "keras==3.15.*",
            "keras-tuner==1.4.8",
            "six",
        ),
        {"KERAS_BACKEND": "torch"},
        tools=True,
    ),
    Combination(
        "legacy Keras",
        (
            "tensorflow==2.21.*",
            "tf-keras==2.21.*",
            "keras==3.15.*",
            "keras-tuner==1.4.8",
        ),
        {"TF_USE_LEGACY_KERAS": "1"},
    ),
    Combination("bare", ("keras-tuner==1.4.8",), bare=True),
    Combination(
        "bare TensorFlow",
        ("keras-tuner==1.4.8", "tensorflow-cpu==2.21.*"),
        bare=True,
    ),
    Combination(
        "bare TensorFlow 2.20",
        ("keras-tuner==1.4.8", "tensorflow-cpu==2.20.*"),
        bare=True,
    ),
    Combination(
        "bare JAX",
        ("keras-tuner==1.4.8", "jax==0.10.*"),
        {"KERAS_BACKEND": "jax"},
        bare=True,
    ),
)


def project(keras, folder, max_trials=4):
    """Return a tuner of a small model, and the data it is given."""
    import keras_tuner as kt
    import numpy as np

    def build(hp):
        model = keras.Sequential()
        model.add(keras.layers.Dense(hp.Int("units", 4, 8), "relu"))
        model.add(keras.layers.Dense(1))
        rate = hp.Choice("learning_rate", [1e-3, 1e-2])
        optimizer = keras.optimizers.Adam(learning_rate=rate)
        model.compile(optimizer=optimizer, loss="mse")
        return model

    tuner = kt.RandomSearch(
        build,
        objective=kt.Objective("val_loss", "min"),
        max_trials=max_trials,
        seed=1,
        directory=folder,
        project_name="project",
    )
    x = np.random.default_rng(1).normal(size=(64, 3)).astype("float32")
    return tuner, x, x.sum(axis=1)


def run_search(tuner, x, y):
    tuner.search(x, y, validation_data=(x, y), epochs=2, verbose=0)
    trials = tuner.oracle.trials.values()
    assert {str(trial.status) for trial in trials} == {"COMPLETED"}
    return len(trials)


def check_best(tuner, x, y):
    """Load the best model; it must score as its trial did."""
    (trial,) = tuner.oracle.get_best_trials(1)
    (model,) = tuner.get_best_models(1)
    loss = model.evaluate(x, y, verbose=0)
    assert abs(loss - trial.score) < 1e-4 * trial.score


def search_and_load(keras, folder):
    assert run_search(*project(keras, folder)) == 4
    check_best(*project(keras, folder))


def first_search(folder):
    import keras

    search_and_load(keras, folder)


def tf_keras_search(folder):
    from tensorflow import keras

    search_and_load(keras, folder)


def reopen(folder):
    import keras

    tuner, *data = project(keras, folder, max_trials=5)
    assert len(tuner.oracle.trials) == 4
    assert run_search(tuner, *data) == 5


def reload(folder):
    import keras

    check_best(*project(keras, folder))


def versions():
    """Print the versions of the Python that runs this."""
    found = {"python": platform.python_version()}
    for package, names in PACKAGES.items():
        found[package] = ""
        for name in names:
            try:
                found[package] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
    print(json.dumps(found))


def locked():
    """Return what pyproject.toml names, pinned by requirements.txt."""
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text("utf-8")
    named = tomllib.loads(text)["project"]["dependencies"]
    names = {Requirement(need).name for need in named}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = [
        Requirement(line.rstrip("\\ "))
        for line in lines
        if re.match(r"[\w.-]+==", line)
    ]
    return tuple(
        f"{pin.name}{pin.specifier}"
        for pin in pins
        if pin.name in names
        and (not pin.marker or pin.marker.evaluate())
    )


def needed(combination):
    """Return all that is to be installed."""
    if combination.requirements == ("locked",):
        return locked()
    if combination.bare:
        return combination.requirements
    needs = "ipython matplotlib mlxtend numpy pandas scikit-learn scipy"
    needs += " tensorboard threadpoolctl keras keras-tuner"
    return *combination.requirements, *needs.split()


def install(combination, folder):
    """Make an environment in a folder; return its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    beside = str(Path(sys.executable).parent)
    places = os.pathsep.join((beside, os.environ.get("PATH", "")))
    uv = shutil.which("uv", path=places)
    python = folder / "bin" / "python"
    if uv:
        make = [
            uv,
            "venv",
            "--quiet",
            "--python",
            sys.executable,
            folder,
        ]
        get = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        make = [sys.executable, "-m", "venv", folder]
        get = [python, "-m", "pip", "install", "--quiet"]
    for command in (make, [*get, *needed(combination)]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            sys.exit(
                f"{combination.name} could not be installed:\n"
                f"{done.stderr.strip()}"
            )
    return python


def last_line(text):
    """Return the line that names the error; its statement, if bare."""
    lines = [
        line.rstrip() for line in text.splitlines() if line.strip()
    ]
    named = re.compile(r"(\w+\.)*\w*(Error|Exception|Interrupt)\b")
    found = [n for n, line in enumerate(lines) if named.match(line)]
    if not found:
        return lines[-1][:300] if lines else ""
    error = lines[found[-1]]
    if ":" not in error:
        # Above it stand the statement, and marks under it in part.
        for line in reversed(lines[: found[-1]]):
            if line.strip(" ^~"):
                error += f": {line.strip()}"
                break
    return error[:300]


def file_of(script):
    return ROOT / "tutorials/how_to" / f"{script}.py"


def command_of(script, python, projects, empty):
    """Return what runs a script, or None where it can't be run.

    A project is left by first_search in a folder, and copied from there.
    """
    if script in TUTORIALS:
        return [python, file_of(script)]
    if script in TOOLS:
        tool = script.removeprefix("with_")
        return [python, HERE / "try_tools.py", tool, empty]
    run, folder = [python, __file__, "--run", script], empty
    if script == "first_search":
        folder = projects
        shutil.rmtree(projects, ignore_errors=True)
    elif script in PROJECTS:
        if not (projects / "project" / "oracle.json").exists():
            return None
        shutil.copytree(projects, empty / "copy")
        run[0], folder = sys.executable, empty / "copy"
    return [*run, folder]


def measured(script, python, environment, projects):
    """Run a script in an empty folder; return what came of it."""
    threads = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    )
    settings = dict.fromkeys(threads, "1") | {
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(ROOT),  # where the snippets are
    }
    if script not in PROJECTS:
        settings |= environment
    with tempfile.TemporaryDirectory() as empty:
        command = command_of(script, python, projects, Path(empty))
        if not command:
            error = "there is no project to go on with"
            return {
                "exit_code": "",
                "cpu_seconds": "",
                "error": error,
                "says": "",
            }
        errors = Path(empty, "errors")
        (Path(empty) / "work").mkdir()
        says = Path(empty, "says")
        with (
            errors.open("w", encoding="utf-8") as file,
            says.open("w", encoding="utf-8") as spoken,
        ):
            process = subprocess.Popen(
                command,
                cwd=Path(empty) / "work",
                env=os.environ | settings,
                stdout=spoken,
                stderr=file,
            )
            stop = threading.Timer(LIMIT, process.kill)
            stop.start()
            _, status, usage = os.wait4(process.pid, 0)
            stop.cancel()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        text = errors.read_text("utf-8", "replace")
        said = says.read_text("utf-8", "replace").strip().splitlines()
        for folder in (empty, ROOT):  # no paths of this machine
            text = text.replace(f"{folder}{os.sep}", "")
    tool = script.removeprefix("with_")
    return {
        "exit_code": code,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "error": last_line(text) if code else "",
        "says": "".join(
            line for line in said[-1:] if line.startswith(tool)
        ),
    }


def scripts_of(combination, wanted):
    chosen = SEARCHES if combination.bare else SCRIPTS
    left_out = () if combination.tools else TOOLS
    return [
        script
        for script in chosen
        if script in wanted and script not in left_out
    ]


def code_of(script):
    """Return what makes a run stale: code, not a tutorial's prose."""
    if script in TUTORIALS:
        path = file_of(script)
    elif script in TOOLS:
        tool = script.removeprefix("with_")
        path = ROOT / "snippets" / "searches" / f"{tool}.py"
    else:
        return ""
    return ast.dump(ast.parse(path.read_text("utf-8")))


def tried(combination, options, recorded=()):
    """Yield the rows of a combination; run what is not kept.

    `recorded` has rows by combination, requirements and script,
    which stay.
    """
    name = re.sub(r"[^\w.]+", "-", combination.name)[:80]
    projects = CACHE / "projects" / name
    said = combination.name, " ".join(combination.requirements)
    files = {}
    for script in scripts_of(combination, options.scripts):
        parts = [
            *needed(combination),
            *map(str, combination.environment.items()),
            platform.python_version(),
            code_of(script),
        ]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        files[script] = CACHE / name / f"{script}-{key}.json"
    missing = [
        script
        for script, file in files.items()
        if (*said, script) not in recorded
        and (options.new or not file.exists())
    ]

    def keep(script):
        row = measured(
            script, python, combination.environment, projects
        )
        files[script].write_text(json.dumps(row | installed), "utf-8")

    if missing:
        (CACHE / name).mkdir(parents=True, exist_ok=True)
        environment = CACHE / name / "environment"
        python = sys.executable
        if not options.here:
            python = install(combination, environment)
        asked = subprocess.run(
            [python, __file__, "--run", "versions"],
            capture_output=True,
            text=True,
            check=True,
        )
        installed = json.loads(asked.stdout)
        first = [script for script in missing if script not in PROJECTS]
        for batch in (first, [s for s in missing if s in PROJECTS]):
            with ThreadPoolExecutor(options.jobs) as pool:
                list(pool.map(keep, batch))
        shutil.rmtree(environment, ignore_errors=True)
    for script, file in files.items():
        if row := dict(recorded).get((*said, script)):
            yield row
            continue
        variables = combination.environment.items()
        yield {
            "combination": combination.name,
            "requirements": " ".join(combination.requirements),
            "environment": " ".join(
                "=".join(pair) for pair in variables
            ),
            "bare": combination.bare,
            "script": script,
            **json.loads(file.read_text("utf-8")),
        }


def record(path):
    """Return a record's rows, and comments that tell of new ones."""
    lines = path.read_text("utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.DictReader(lines[len(comments) :]))
    recorded = {
        tuple(
            row[column]
            for column in ("combination", "requirements", "script")
        ): dict.fromkeys(COLUMNS, "") | row
        for row in rows
    }
    comments.append(f"# others added on {datetime.date.today()}")
    return recorded, comments


def given(requirements):
    """Return the combination of requirements from the command line.

    Raises ValueError if one can't be read.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    names = set()
    for requirement in requirements:
        try:
            names.add(Requirement(requirement).name)
        except InvalidRequirement:
            raise ValueError(
                f"{requirement!r} is no requirement; write it as pip "
                'takes it, such as "keras==3.10.*"'
            ) from None
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    added = () if names & set(BACKENDS) else (backend,)
    known = "KERAS_BACKEND", "TF_USE_LEGACY_KERAS"
    variables = {
        name: os.environ[name] for name in known if name in os.environ
    }
    return Combination(
        " ".join(requirements),
        (*requirements, *added),
        variables,
        tools=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("requirements", nargs="*")
    parser.add_argument("--here", action="store_true")
    parser.add_argument(
        "--scripts", nargs="+", default=SCRIPTS, choices=SCRIPTS
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path)
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        return globals()[options.run[0]](*options.run[1:])
    combinations = COMBINATIONS
    if options.here:
        combinations, options.new = (
            [Combination("here", (), tools=True)],
            True,
        )
    elif options.requirements:
        try:
            combinations = [given(options.requirements)]
        except ValueError as error:
            parser.error(str(error))
    elif not options.output:
        options.output = HERE / "versions.csv"
    comments = records.provenance(
        "This guide's scripts under other versions",
        "try_versions.py",
        ("tensorflow", "keras", "keras-tuner"),
        "one thread a process",
    )
    rows, recorded = [], {}
    if options.add:
        recorded, comments = record(HERE / "versions.csv")
    for combination in combinations:
        found = list(tried(combination, options, recorded))
        rows += found
        ran = sum(str(row["exit_code"]) == "0" for row in found)
        print(
            f"{combination.name}: {ran} of {len(found)} ran", flush=True
        )
        for row in found:
            if str(row["exit_code"]) != "0":
                print(f"  {row['script']}: {row['error']}", flush=True)
    if not options.output:
        return None
    records.write(options.output, COLUMNS, rows, comments)
    return None


if __name__ == "__main__":
    sys.exit(main())
