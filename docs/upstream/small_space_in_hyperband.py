"""In a small space Hyperband ends before it promotes anything.

Where the first round needs more configurations than there are, the oracle
stops the search instead of going on with those it has: of nine
configurations each is trained for one epoch, and none longer. To promote
from a round that is as large as can be would do.

keras-team/keras-tuner#676, open since 2022.

With Keras Tuner 1.4.8: the longest trial has 1 epoch of 27.
"""

import keras_tuner as kt


class Numbers(kt.Hyperband):
    def run_trial(self, trial, **_):
        return {"score": trial.hyperparameters.get("x")}


hp = kt.HyperParameters()
hp.Int("x", 1, 9)
tuner = Numbers(
    hyperparameters=hp,
    objective=kt.Objective("score", "max"),
    max_epochs=27,
    factor=3,
    seed=1,
    directory="searches",
    project_name="small_space_in_hyperband",
)
tuner.search(verbose=0)
values = [
    t.hyperparameters.values for t in tuner.oracle.trials.values()
]
longest = max(each["tuner/epochs"] for each in values)
assert longest == 27, f"the longest trial has {longest} epoch of 27"
