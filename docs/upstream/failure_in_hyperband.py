"""One failed trial takes the last rounds of its bracket.

A round promotes only what exceeds the number it is to drop, and a failed
trial counts as neither. In the first bracket of `max_epochs=27` and
`factor=3` one failure among 27 leaves 27, 8, 2 and 0 trials: nothing is
trained to the end, and nothing says so. To promote the best of those
that ended well, as many as planned, would do.

No thread is known.

With Keras Tuner 1.4.8: the rounds have [27, 8, 2, 0] trials.
"""

import collections

import keras_tuner as kt


class Numbers(kt.Hyperband):
    def run_trial(self, trial, **_):
        if trial.trial_id == "0003":
            raise kt.errors.FailedTrialError("as it should")
        return {"score": trial.hyperparameters.get("x")}


hp = kt.HyperParameters()
hp.Float("x", 0.0, 1.0)
tuner = Numbers(
    hyperparameters=hp,
    objective=kt.Objective("score", "max"),
    max_epochs=27,
    factor=3,
    seed=1,
    directory="searches",
    project_name="failure_in_hyperband",
)
tuner.search(verbose=0)
values = [
    t.hyperparameters.values for t in tuner.oracle.trials.values()
]
rounds = collections.Counter(
    each["tuner/round"] for each in values if each["tuner/bracket"] == 3
)
sizes = [rounds[number] for number in range(4)]
assert sizes == [27, 9, 3, 1], f"the rounds have {sizes} trials"
