"""The best trials of a search that failed are failed trials.

Where fewer trials ended well than are asked for, `get_best_trials` fills
up with FAILED ones, and so does `get_best_hyperparameters`: after a search
of which every trial failed, its first is a configuration like any other.
To leave out what is not COMPLETED would do.

No thread is known.

With Keras Tuner 1.4.8: the best trial is FAILED.
"""

import keras_tuner as kt


class Fails(kt.RandomSearch):
    def run_trial(self, trial, **_):
        trial.hyperparameters.Float("x", 0.0, 1.0)
        raise kt.errors.FailedTrialError("as it should")


tuner = Fails(
    max_trials=2,
    max_consecutive_failed_trials=9,
    seed=1,
    directory="searches",
    project_name="best_of_failures",
)
tuner.search(verbose=0)
found = [trial.status for trial in tuner.oracle.get_best_trials(1)]
assert found == [], f"the best trial is {found[0]}"
