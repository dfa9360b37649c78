"""A search that resumes with the settings it began with, or refuses."""

import functools
import json
import os
import tempfile
from pathlib import Path

import keras_tuner as kt

_KEPT = {"seed", "max_epochs", "factor", "hyperband_iterations"}
_KEPT |= {"num_initial_points", "alpha", "beta"}


def resumable(tuner_class, *args, directory, project_name, **kwargs):
    """Return a tuner that goes on where its search was stopped.

    `tuner_class` is any tuner class, the rest its arguments, with a
    seed. More `max_trials` and new hyperparameters are welcome, and
    GridSearch and BayesianOptimization too end as if not stopped.
    Refused is what Keras Tuner would ignore or mix up: another tuner,
    objective or seed, other settings of Hyperband or Bayesian
    optimisation, a hyperparameter that changed or went. The settings
    are kept in the project's folder, as settings.json, when a search
    begins.

    Not seen are hyperparameters that only `fit` declares, and changes
    of the model, the data or the epochs. One process at a time.

    Raises ValueError if a setting changed, if a file of the search is
    missing or damaged, and for `tuner_id`, which prevents resuming.

    Source: https://keras.io/api/keras_tuner/tuners/base_tuner/
    """
    if "tuner_id" in kwargs:
        raise ValueError("leave out tuner_id: with it nothing resumes")
    folder = Path(directory, project_name)
    overwrite = kwargs.pop("overwrite", False)
    make = functools.partial(
        tuner_class, *args, project_name=project_name, **kwargs
    )
    if hasattr(tuner_class, "mend") and not overwrite:
        tuner_class.mend(folder)  # of a safe search, before we read
    kept = folder / "settings.json"
    if not kept.exists() and not any(folder.glob("trial_*")):
        for name in ("oracle.json", "tuner0.json"):
            # Killed before its first trial and its settings.
            (folder / name).unlink(missing_ok=True)
    if overwrite or not (folder / "oracle.json").exists():
        tuner = make(directory=directory, overwrite=overwrite)
        settings = json.dumps(_settings(tuner.oracle, tuner_class))
        _write(Path(tuner.project_dir, "settings.json"), settings)
        tuner.save()  # whole from now on, whenever it is killed
        return tuner

    with tempfile.TemporaryDirectory() as elsewhere:
        fresh = make(directory=elsewhere)
        settings = json.dumps(_settings(fresh.oracle, tuner_class))
    began, now = _read(kept), json.loads(settings)
    _read(folder / f"{fresh.tuner_id}.json")
    names = _read(folder / "oracle.json")["start_order"]
    trials = {folder / f"trial_{name}" / "trial.json" for name in names}
    for path in sorted(trials | set(folder.glob("trial_*/trial.json"))):
        _read(path)
    is_grid = isinstance(fresh.oracle, kt.oracles.GridSearchOracle)
    changes = [
        f"\n  {name}: {began.get(name)}, now {now.get(name)}"
        for name in (began | now if is_grid else began)
        if began.get(name) != now.get(name)
    ]
    if changes:
        raise ValueError(
            f"the search in {folder} began with{''.join(changes)}\n"
            "Go back to that, or begin another search with a new "
            "project_name or with overwrite=True, which deletes this "
            f"one and its {len(trials)} trials."
        )
    _write(kept, settings)
    tuner = make(directory=directory)
    if is_grid:
        _find_place(tuner.oracle)
    elif isinstance(
        tuner.oracle, kt.oracles.BayesianOptimizationOracle
    ):
        _find_draw(tuner.oracle)
    return tuner


def _settings(oracle, tuner_class):
    """Return what a search must go on with, by name."""
    settings = {"tuner": tuner_class.__name__}
    settings["objective"] = str(oracle.objective)
    for name, value in oracle.get_state().items():
        if name in _KEPT:
            settings[name] = value
    for item in oracle.get_space().get_config()["space"]:
        kind, config = item["class_name"], item["config"]
        name = config.pop("name")
        for parent in config.pop("conditions"):
            name += " if {name} in {values}".format(**parent["config"])
        settings[f"hyperparameter {name}"] = {"type": kind, **config}
    return settings


def _write(path, text):
    """Write a file in one step, so that no kill leaves half of it."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_text(text, "utf-8")
    os.replace(aside, path)


def _read(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} is missing or damaged ({error}). Bring it back "
            "from a copy, or begin another search with a new "
            "project_name or with overwrite=True, which deletes this."
        ) from None


def _find_place(oracle):
    """Restore what GridSearch does not save, its trials in order."""
    order = functools.cmp_to_key(oracle._compare)
    for trial in sorted(
        oracle.trials.values(),
        key=lambda trial: order(trial.hyperparameters.values),
    ):
        oracle._ordered_ids.insert(trial.trial_id)
        oracle._populate_next.append(trial.trial_id)


def _find_draw(oracle):
    """Restore what BayesianOptimization does not save, its draws."""
    trials = oracle.trials
    oracle.trials = {name: trials[name] for name in oracle.start_order}
    varied, completed = len(oracle._nonfixed_space()), 0
    initial = 3 * max(1, len(oracle.get_space().space))
    for trial in oracle.trials.values():
        if completed >= (oracle.num_initial_points or initial):
            # Where its search for the best proposal started.
            oracle._random_state.uniform(size=(50, varied))
        completed += trial.status == "COMPLETED"
