"""A grid search that is resumed ends in a KeyError.

Its order of trials is not saved. In a new process the trials are there
and the order is empty, so the first trial that ends is not found in it.
To save `_ordered_ids` and `_populate_next` with the
state, or to make them anew from the trials, would do.

keras-team/keras-tuner#1055, open since 2026.

With Keras Tuner 1.4.8: the resumed search ended with KeyError: '0002'.
"""

import keras_tuner as kt


class Numbers(kt.GridSearch):
    def run_trial(self, trial, **_):
        if trial.trial_id == stop_at:
            raise KeyboardInterrupt
        return {"score": trial.hyperparameters.get("x")}


def search():
    hp = kt.HyperParameters()
    hp.Int("x", 1, 6)
    tuner = Numbers(
        hyperparameters=hp,
        objective=kt.Objective("score", "max"),
        directory="searches",
        project_name="resumed_grid_search",
    )
    tuner.search(verbose=0)
    return len(tuner.oracle.trials)


stop_at = "0002"
try:
    search()
except KeyboardInterrupt:
    stop_at = None
try:
    ended = f"{search()} trials"
except KeyError as error:
    ended = f"KeyError: {error}"
assert ended == "6 trials", f"the resumed search ended with {ended}"
