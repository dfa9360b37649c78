"""Try this guide with the newest versions; report what broke.

    python .ci/newest.py LOCK [--pages PAGE ...] [--tests ARGUMENT ...]

`make newest` writes the lock and runs this. All is tried in a copy of
the working tree under .cache, with an environment and a cache of its
own: the checkout's stay as they are. Pages or arguments for pytest
narrow it to these. Ends with 1 if something broke; the report is
.cache/newest.md.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / ".cache/newest.md"
TREE = ROOT / ".cache/newest/tree"
PIN = re.compile(r"(?m)^([\w.-]+)==([^\s;]+)")
# As docs/_site/execute.py tells of a page that raised.
PAGE = re.compile(
    r"(?ms)^(\S+\.(?:py|md)), code cell (\d+):\n"
    r"(.*?)(?=^\S+\.(?:py|md)[,:] |^Not executed: |\Z)"
)
NAMED = re.compile(r"(?m)^(?:\w+\.)*\w*(?:Error|Exception)\b.*")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def pins(lock):
    """Return the versions of each package that a lock has."""
    found = {}
    for name, version in PIN.findall(lock):
        found.setdefault(name, []).append(version)
    return {name: ", ".join(each) for name, each in found.items()}


def changes(old, new):
    """Yield which package changed from what to what."""
    old, new = pins(old), pins(new)
    for name in sorted(old | new):
        before, after = old.get(name, "-"), new.get(name, "-")
        if before != after:
            yield name, before, after


def broken_pages(said):
    """Yield page, cell and error of what execute.py said."""
    for page, cell, text in PAGE.findall(said):
        errors = NAMED.findall(text) or text.strip().splitlines()[-1:]
        yield page, int(cell), "".join(errors[-1:])


def broken_tests(results):
    """Return by file and message the sentences that don't hold."""
    found = {}
    for case in ElementTree.fromstring(results).iter("testcase"):
        for kind in "failure", "error":
            if (failed := case.find(kind)) is not None:
                class_, name = case.get("classname"), case.get("name")
                file = f"{(class_ or name).replace('.', '/')}.py"
                said = failed.get("message", "").strip().splitlines()
                sentence, bracket, id_ = name.partition("[")
                sentence = sentence.removeprefix("test_")
                sentence = sentence.replace("_", " ") + bracket + id_
                sentence = sentence if class_ else "was not collected"
                key = file, COLOUR.sub("", "".join(said[:1]))
                found.setdefault(key, []).append(sentence)
    return found


def tail(said):
    """Return the end of what a command said, as Markdown."""
    text = "\n".join(COLOUR.sub("", said).strip().splitlines()[-15:])
    return f"```text\n{text}\n```"


def report(changed, pages=(), tests=None, others=(), narrowed=""):
    """Return what is to be read: what is newer, and what broke."""
    tests = tests or {}
    count = sum(map(len, tests.values()))
    broke = [
        f"{number} {what}{'s' * (number != 1)}"
        for number, what in (
            (len(pages), "page"),
            (count, "test"),
            (len(others), "step"),
        )
        if number
    ]
    lines = [
        f"# Newest versions: {', '.join(broke) or 'nothing'} broke"
    ]
    lines.append(f"Tried on {date.today()}{narrowed}.")
    lines.append("## What is newer")
    table = ["| package | locked | newest |", "|---|---|---|"]
    table += [f"| {' | '.join(each)} |" for each in changed]
    lines.append("\n".join(table) if changed else "Nothing.")
    if pages:
        lines.append("## Pages that broke")
        table = ["| page | code cell | error |", "|---|---:|---|"]
        for page, cell, error in pages:
            error = error.replace("|", "\\|").replace("`", "'")[:300]
            table.append(f"| {page} | {cell} | `{error}` |")
        lines.append("\n".join(table))
    if tests:
        lines.append("## Sentences that no longer hold")
    for (file, message), sentences in tests.items():
        said = message.replace("`", "'")[:300]
        lines.append(f"{file}: `{said}`")
        lines.append("\n".join(f"- {each}" for each in sentences))
    for what, said in others:
        lines += [f"## `{what}` broke", tail(said)]
    return "\n\n".join(lines) + "\n"


def run(*command):
    """Run a command in the copy; return its exit code and its words."""
    print("+", *command, flush=True)
    # Of an outer make it inherits no targets, and no variables.
    kept = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "VIRTUAL_ENV"}
    own = {k: v for k, v in os.environ.items() if k not in kept}
    process = subprocess.Popen(
        command,
        cwd=TREE,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    said = []
    for line in process.stdout:
        print(line, end="", flush=True)
        said.append(line)
    return process.wait(), "".join(said)


def copy(lock):
    """Make the copy what the working tree is, but for the lock."""
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    names = {
        name for name in listed if name and (ROOT / name).is_file()
    }
    TREE.mkdir(parents=True, exist_ok=True)
    for path in TREE.iterdir():  # but not its environment and cache
        if path.name not in (".venv", ".cache", ".git"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in names:
        (TREE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, TREE / name)
    ready = TREE / ".venv/ready"
    installed = TREE / ".venv/lock"
    if installed.is_file() and installed.read_text("utf-8") != lock:
        ready.unlink(missing_ok=True)
    (TREE / "requirements.txt").write_text(lock, "utf-8")
    if ready.is_file():
        ready.touch()
    # Tests ask git what belongs to the project.
    subprocess.run(["git", "init", "--quiet"], cwd=TREE, check=True)
    subprocess.run(["git", "add", "--all"], cwd=TREE, check=True)


def tried(pages, arguments):
    """Run what was asked for; return what broke."""
    python = str(TREE / ".venv/bin/python")
    broke = {"pages": [], "tests": {}, "others": []}
    failed, said = run(
        "make", f"PYTHON={sys.executable}", ".venv/ready"
    )
    if failed:
        broke["others"].append(("make .venv/ready", said))
        return broke
    shutil.copy2(TREE / "requirements.txt", TREE / ".venv/lock")
    whole = not pages and not arguments
    if whole or pages:
        failed, said = run(python, "docs/_site/execute.py", *pages)
        broke["pages"] = list(broken_pages(said))
        if failed and not broke["pages"]:
            broke["others"].append(("docs/_site/execute.py", said))
    steps = [("make", "lint")]
    if not broke["pages"]:
        build = "-m", "mkdocs", "build", "--site-dir", ".cache/site"
        steps.append((python, *build))
    for step in steps if whole else ():
        failed, said = run(*step)
        if failed:
            name = " ".join(step).replace(python, "python")
            broke["others"].append((name, said))
    if whole or arguments:
        results = TREE / ".cache/results.xml"
        results.unlink(missing_ok=True)
        pytest = python, "-m", "pytest", f"--junitxml={results}"
        failed, said = run(*pytest, *arguments)
        if results.is_file():
            text = results.read_text("utf-8")
            broke["tests"] = broken_tests(text)
        if failed and not broke["tests"]:
            broke["others"].append(("pytest", said))
    return broke


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("lock", type=Path)
    parser.add_argument("--pages", nargs="*", default=[])
    parser.add_argument("--tests", nargs=argparse.REMAINDER, default=[])
    asked = parser.parse_args()
    lock = asked.lock.read_text("utf-8")
    old = (ROOT / "requirements.txt").read_text("utf-8")
    changed, broke = list(changes(old, lock)), {}
    if lock != old:
        copy(lock)
        broke = tried(asked.pages, asked.tests)
    narrow = " ".join([*asked.pages, *asked.tests])
    narrowed = f", narrowed to {narrow}" if narrow else ""
    text = report(changed, **broke, narrowed=narrowed)
    REPORT.write_text(text, "utf-8")
    print(f"\n{text}\nIn {REPORT}. To take these versions:")
    print(f"cp {asked.lock} requirements.txt")
    sys.exit(any(broke.values()))


if __name__ == "__main__":
    main()
