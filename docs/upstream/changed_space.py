"""A search that is resumed does not see that its space has changed.

The space in oracle.json wins over the one in the code, without a word:
a range that was widened after the first trials is drawn from as before.
The same holds for the seed, the objective and the budget of Hyperband. To
raise an error that names `overwrite=True` or another `project_name`, as a
search by another tuner does, would do.

keras-team/keras-tuner#803 asks for it for `beta`.

With Keras Tuner 1.4.8: none of four further trials is in the new range.
"""

import keras_tuner as kt


class Numbers(kt.RandomSearch):
    def run_trial(self, trial, **_):
        return {"score": trial.hyperparameters.get("x")}


def search(low, high, trials):
    hp = kt.HyperParameters()
    hp.Float("x", low, high)
    tuner = Numbers(
        hyperparameters=hp,
        objective=kt.Objective("score", "max"),
        max_trials=trials,
        seed=1,
        directory="searches",
        project_name="changed_space",
    )
    tuner.search(verbose=0)
    return [t.score for t in tuner.oracle.trials.values()]


search(0.0, 1.0, trials=2)
try:
    later = [
        score for score in search(5.0, 6.0, trials=6) if score >= 5
    ]
except Exception:  # it says so
    later = None
assert later != [], "none of four further trials is in the new range"
