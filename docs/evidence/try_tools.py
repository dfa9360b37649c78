"""Use a tool for searches with real models, under any backend of Keras.

    KERAS_BACKEND=jax python docs/evidence/try_tools.py safe FOLDER

Runs the function below that is named after the tool: searches in an
empty folder, whose effect is asserted. What the tool said is printed,
on one line.
"""

import sys
import warnings
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np

from snippets.searches import (
    cross_validation_tuner,
    few_checkpoints,
    flat_memory,
    quick_proposals,
    renewed,
    resumable,
    safe,
    scored_failures,
    stop_after,
    stop_without_progress,
    traced_once,
    try_first,
)

x = np.random.default_rng(1).normal(size=(64, 3)).astype("float32")
y = x.sum(axis=1)
FIT = {"validation_data": (x, y), "epochs": 1, "verbose": 0}


class Model(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((3,))])
        model.add(keras.layers.Dense(hp.Int("units", 4, 8), "relu"))
        model.add(keras.layers.Dense(1))
        rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
        optimizer = keras.optimizers.Adam(learning_rate=rate)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer=optimizer, loss="mse")
        return model


def made(tuner_class, folder, hypermodel=None, **settings):
    return tuner_class(
        hypermodel or Model(),
        objective=kt.Objective("val_loss", "min"),
        **({"max_trials": 3} | settings),
        seed=1,
        directory=folder,
        project_name="project",
    )


def searched(tuner, trials=3):
    """Search; all that is promised of any search must hold."""
    tuner.search(x, y, **FIT)
    found = tuner.oracle.trials
    assert len(found) == trials
    assert {t.status for t in found.values()} == {"COMPLETED"}
    (best,), (model,) = (
        tuner.oracle.get_best_trials(1),
        tuner.get_best_models(1),
    )
    loss = model.evaluate(x, y, verbose=0)
    assert abs(loss - best.score) < 1e-4 * best.score
    return found


def values(trials):
    return {n: t.hyperparameters.values for n, t in trials.items()}


class Stopped(kt.RandomSearch):
    """Stopped while its third trial trains, once in each folder."""

    def run_trial(self, trial, *args, **kwargs):
        mark = Path(self.project_dir, "stopped")
        results = super().run_trial(trial, *args, **kwargs)
        if trial.trial_id.endswith("2") and not mark.exists():
            mark.touch()
            raise KeyboardInterrupt
        return results


def goes_on(tool, folder):
    whole = searched(made(tool(kt.RandomSearch), folder / "whole"))
    try:
        searched(made(tool(Stopped), folder))
        raise AssertionError("it was not stopped")
    except KeyboardInterrupt:
        again = searched(made(tool(Stopped), folder))
    assert values(again) == values(whole)


def try_resumable(folder):
    goes_on(resumable.resumable, folder)


def try_safe(folder):
    goes_on(lambda c: safe.safe(resumable.resumable(c)), folder)


def try_few_checkpoints(folder):
    tool = few_checkpoints.few_checkpoints
    searched(made(tool(kt.RandomSearch), folder))
    assert len([*folder.glob("*/*/*.weights.h5")]) == 1


def try_flat_memory(folder):
    tuner = made(flat_memory.flat_memory(kt.RandomSearch), folder)
    before = set(tuner.registry() or ())
    searched(tuner)
    assert set(tuner.registry() or ()) == before


def try_scored_failures(folder):
    class Fails(kt.RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            if trial.trial_id.endswith("1"):
                raise ValueError("out of luck")
            return super().run_trial(trial, *args, **kwargs)

    tool = scored_failures.scored_failures(Fails, worst=1e3)
    found = searched(made(tool, folder))
    assert found["1"].score == 1e3


def try_stop_after(folder):
    clock = iter(range(99)).__next__  # a second passes at each look
    tool = stop_after.stop_after(
        kt.RandomSearch, seconds=1, clock=clock
    )
    tuner = made(tool, folder)
    tuner.search(x, y, **FIT)
    assert len(tuner.oracle.trials) < 3


def try_stop_without_progress(folder):
    tool = stop_without_progress.stop_without_progress
    tool = tool(kt.RandomSearch, patience=1, min_delta=1e9)
    searched(made(tool, folder), trials=2)


def try_try_first(folder):
    known = {"units": 7, "learning_rate": 0.005}
    tool = try_first.try_first(kt.RandomSearch, [known])
    found = searched(made(tool, folder))
    assert found["0"].hyperparameters.values == known


def try_renewed(folder):
    tool = renewed.renewed(kt.RandomSearch, trials=2)
    try:
        searched(made(tool, folder))
        raise AssertionError("its process was not ended")
    except SystemExit as ended:
        assert ended.code == 75
    searched(made(tool, folder))


def try_quick_proposals(folder):
    settings = {"num_initial_points": 2, "max_trials": 3}
    own = made(kt.BayesianOptimization, folder / "own", **settings)
    tool = quick_proposals.quick_proposals(kt.BayesianOptimization)
    quick = made(tool, folder, **settings)
    for tuner in (own, quick):
        keras.utils.set_random_seed(1)
        searched(tuner)
    for name, trial in own.oracle.trials.items():
        expected = trial.hyperparameters.values
        found = quick.oracle.trials[name].hyperparameters.values
        assert found["units"] == expected["units"]


def try_cross_validation_tuner(folder):
    from sklearn.model_selection import KFold

    tuner = cross_validation_tuner.CrossValidationTuner(
        kt.oracles.RandomSearchOracle(
            kt.Objective("val_loss", "min"), max_trials=2, seed=1
        ),
        Model(),
        KFold(2, shuffle=True, random_state=1),
        directory=folder,
        project_name="project",
    )
    tuner.search(x, y, epochs=1, verbose=0)
    for trial in tuner.oracle.trials.values():
        scores = tuner.fold_scores(trial)
        assert len(scores) == 2
        assert np.isclose(trial.score, np.mean(scores))


def try_traced_once(folder):
    model = traced_once.traced_once(Model)()
    searched(made(kt.RandomSearch, folder, model))
    units = {hp["units"] for hp in values_of(folder)}
    assert len(model.traced) == len(units)


def values_of(folder):
    tuner = made(kt.RandomSearch, folder)
    return values(tuner.oracle.trials).values()


def main(tool, folder):
    folder = Path(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        globals()[f"try_{tool}"](folder)
    said = {str(each.message) for each in caught}
    print(*(text for text in sorted(said) if text.startswith(tool)))


if __name__ == "__main__":
    main(*sys.argv[1:])
