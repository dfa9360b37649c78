"""Mend the folder of a search that was killed while it wrote.

python mend.py searches/digits
"""

import argparse
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
    again. Returns the names of the files that were changed or removed.

    Raises ValueError if the folder has no oracle.json, or a damaged
    one, or if a trial that had ended is damaged: only a copy helps.

    Source: `Oracle.save` of Keras Tuner,
    https://github.com/keras-team/keras-tuner
    """
    folder, changed = Path(folder), []
    state = _read(folder / "oracle.json")
    if state is None:
        raise ValueError(
            f"{folder}/oracle.json is missing or damaged: bring back a "
            "copy of it"
        )

    def write(path, content):
        aside = path.with_name(f"{path.name}.new")
        aside.write_text(json.dumps(content), "utf-8")
        os.replace(aside, path)
        changed.append(path.relative_to(folder).as_posix())

    def remove(trial_folder):
        shutil.rmtree(trial_folder, ignore_errors=True)
        changed.append(trial_folder.name)

    before = json.dumps(state)
    started, ended = state["start_order"], state["end_order"]
    for trial_folder in folder.glob("trial_*"):
        if trial_folder.name.removeprefix("trial_") not in started:
            remove(trial_folder)  # drawn, not yet begun
    for holder, name in list(state["ongoing_trials"].items()):
        path = folder / f"trial_{name}" / "trial.json"
        trial = _read(path)
        if trial is None and name == started[-1]:
            _forget(state, name)
            remove(path.parent)
        elif name in state["retry_queue"]:
            del state["ongoing_trials"][holder]  # else it runs twice
        elif trial and trial["status"] in ("COMPLETED", "FAILED"):
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
    return changed


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


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
