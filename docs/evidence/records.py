"""What the programs beside this one share: runs kept, records written."""

import csv
import datetime
import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache"


def kept(kind, task, run, new=False):
    """Return what `run(task)` returned when it first ran.

    It is kept in a folder of .cache, `kind`, as JSON. What is kept is
    made anew if `new`.
    """
    key = hashlib.sha256(json.dumps(task).encode()).hexdigest()[:16]
    file = CACHE / kind / f"{key}.json"
    if new or not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(run(task)), "utf-8")
    return json.loads(file.read_text("utf-8"))


def write(path, columns, rows, comments):
    """Write a CSV: comments, the names of the columns, dictionaries."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in comments)
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {path}")


def update(path, columns, rows, comments):
    """Write a CSV; keep of an older one what was not measured now.

    The measurement stands in the column of that name.
    """
    measured = {row["measurement"] for row in rows}
    lines = []
    if Path(path).exists():
        lines = Path(path).read_text("utf-8").splitlines()
    before = [line for line in lines if line.startswith("#")]
    older = csv.DictReader(lines[len(before) :])
    older = [row for row in older if row["measurement"] not in measured]
    if older:
        names = ", ".join(sorted(measured))
        before = [line for line in before if f"# {names}:" not in line]
        today = datetime.date.today()
        comments = [*before, f"# {names}: measured anew on {today}"]
    write(path, columns, [*older, *rows], comments)


def provenance(what, program, packages, how):
    """Return the comment lines of a CSV: what was made how and where."""
    versions = []
    for name in packages:
        try:
            version = importlib.metadata.version(name)
            versions.append(f"{name} {version}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return [
        f"# {what}; made by",
        f"# python docs/evidence/{program}",
        f"# on {datetime.date.today()}, Python {platform.python_version()}",
        f"# {', '.join(versions)}",
        f"# {processor()}, {how}",
    ]


def processor():
    """Return the name of this machine's processor."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text("utf-8").splitlines() if cpu.exists() else []
    named = [line for line in lines if line.startswith("model name")]
    name = named[0].partition(": ")[2] if named else ""
    return name or platform.processor()
