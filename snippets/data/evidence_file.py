"""Find a file of the guide's recorded results."""

import importlib.util
from pathlib import Path


def evidence_file(name):
    """Return the path of a file of recorded results.

    `name` is that of a file the guide publishes under evidence/, such
    as "curves_digits.csv.xz". It is looked for in the current folder,
    then, from any folder, in docs/evidence of an installed clone of the
    guide.

    Raises FileNotFoundError, saying where it belongs, if it is in
    neither. Raises ValueError if `name` is a path.
    """
    if Path(name).name != name:
        raise ValueError(
            'name must be that of a file, such as "races.csv", '
            f"not {name!r}"
        )
    folders = [Path.cwd()]
    clone = importlib.util.find_spec("snippets")
    if clone and clone.submodule_search_locations:
        root = Path(clone.submodule_search_locations[0]).parent
        folders.append(root / "docs" / "evidence")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"{name} is not in {' nor '.join(map(str, folders))}: download "
        "it from the page that uses it, into the first of these"
    )
