"""Mend the folder of a search that was killed while it wrote.

python mend.py searches/digits
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path


def mend(folder):
    """Make a search's folder whole, so that the search can go on.

    `folder` is the project's, `directory/project_name`, of a search
    without the tool `safe`, which needs no mending, and that no process
    runs. Half of a file, and what lies between two files, is made good:
    a trial that had its result keeps it, one that had none is to be run
    again. Trials that an older oracle.json doesn't know are taken up.
    If oracle.json is lost and no trial has ended, the rest is removed:
    the search begins anew. Returns the names of changed files.

    Raises ValueError if the folder holds no search, if a trial that had
    ended is damaged, and if trials have ended but oracle.json is lost:
    it takes a copy, however old, or that of a new search, which
    `tuner.save()` writes under another project_name.

    Source: https://github.com/keras-team/keras-tuner, `Oracle.save`
    """
    folder, changed = Path(folder), []
    state = _read(folder / "oracle.json")
    files = folder.glob("trial_*/trial.json")
    files = sorted(files, key=lambda path: (len(_name(path)), path))

    def write(path, content):
        aside = path.with_name(f"{path.name}.new")
        aside.write_text(json.dumps(content), "utf-8")
        os.replace(aside, path)
        changed.append(path.relative_to(folder).as_posix())

    def remove(trial_folder):
        shutil.rmtree(trial_folder, ignore_errors=True)
        changed.append(trial_folder.name)

    if state is None:
        if any(map(_has_ended, files)):
            raise ValueError(
                f"{folder}/oracle.json is missing or damaged, but "
                "trials have ended: bring back a copy, or take that of "
                "a new search with the same settings"
            )
        for path in (folder / "oracle.json", folder / "tuner0.json"):
            if path.exists():
                path.unlink()
                changed.append(path.name)
        for path in files:
            remove(path.parent)
        if not changed:
            raise ValueError(f"{folder} holds no search")
        return changed

    before = json.dumps(state)
    started, ended = state["start_order"], state["end_order"]
    unknown = [path for path in files if _name(path) not in started]
    while unknown and not _has_ended(unknown[-1]):
        remove(unknown.pop().parent)  # drawn, not yet begun
    for path in unknown:  # oracle.json is older
        _take_up(state, _name(path), _read(path))
    for holder, name in list(state["ongoing_trials"].items()):
        path = folder / f"trial_{name}" / "trial.json"
        trial = _read(path)
        if trial is None and name == started[-1]:
            _forget(state, name)
            remove(path.parent)
        elif name in state["retry_queue"]:
            del state["ongoing_trials"][holder]  # else it runs twice
        elif _has_ended(path):
            del state["ongoing_trials"][holder]
            if name not in ended:
                ended.append(name)
        elif trial and trial["metrics"]["metrics"]:
            # Recorded, not ended: the repetition would not count.
            trial["metrics"]["metrics"] = {}
            write(path, trial)
    for name in started:
        path = folder / f"trial_{name}" / "trial.json"
        if _read(path) is None:
            raise ValueError(f"{path} is damaged: bring back a copy")
    if json.dumps(state) != before:
        write(folder / "oracle.json", state)
    if _read(folder / "tuner0.json") is None:
        write(folder / "tuner0.json", {})
    settings = folder / "settings.json"  # `resumable` does without
    if settings.exists() and _read(settings) is None:
        settings.unlink()
        changed.append(settings.name)
    return changed


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _name(path):
    return path.parent.name.removeprefix("trial_")


def _has_ended(path):
    if (trial := _read(path)) is None:  # with weights it may have
        return any(path.parent.glob("checkpoint*"))
    return trial["status"] in ("COMPLETED", "FAILED")


def _take_up(state, name, trial):
    """Let the state know a trial; whether it ended, its file says."""
    state["start_order"].append(name)
    state["ongoing_trials"][f"of {name}"] = name
    if trial:  # else it is named as damaged
        values = trial["hyperparameters"]["values"]
        text = "".join(f"{key}={values[key]}" for key in sorted(values))
        known = hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
        state["id_to_hash"][name] = known
        state["tried_so_far"].append(known)
        state["seed_state"] += len(values)  # else it draws them again


def _forget(state, name):
    """Take the last trial out of the state, to draw another."""
    state["start_order"].remove(name)
    state["ongoing_trials"] = {}
    state["tried_so_far"].remove(state["id_to_hash"].pop(name))
    for bracket in state.get("brackets", []):
        for trials in bracket["rounds"]:
            trials[:] = [t for t in trials if t["id"] != name]


if __name__ == "__main__" and "__file__" in globals():  # no notebook
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="directory/project_name")
    try:
        for name in mend(parser.parse_args().folder):
            print(f"mended {name}")
    except ValueError as error:
        sys.exit(str(error))
