"""BayesianOptimization tries a configuration that it knows again.

RandomSearch and GridSearch never do. Of three configurations six trials
try one four times. To take the best proposal that is new, or to stop
when none is, would do.

keras-team/keras-tuner#608, open since 2021; #227 asked for it earlier.

With Keras Tuner 1.4.8: tried are [1, 2, 3, 3, 3, 3].
"""

import keras_tuner as kt


class Numbers(kt.BayesianOptimization):
    def run_trial(self, trial, **_):
        return {"score": trial.hyperparameters.get("x")}


hp = kt.HyperParameters()
hp.Int("x", 1, 3)
tuner = Numbers(
    hyperparameters=hp,
    objective=kt.Objective("score", "max"),
    max_trials=6,
    seed=1,
    directory="searches",
    project_name="repeated_proposals",
)
tuner.search(verbose=0)
trials = tuner.oracle.trials.values()
tried = sorted(int(each.hyperparameters.get("x")) for each in trials)
assert len(tried) == len(set(tried)), f"tried are {tried}"
