"""The direction of an objective is guessed, and guessed wrong.

Given as a string, an objective whose metric is not known to be maximised
is minimised without a word: the search returns its worst trial as its
best. An error, as for metrics whose names are not known at all, would
do: `kt.Objective(name, direction)` cures it.

No thread is known; keras-team/keras-tuner#117 raised the error for
unknown names.

With Keras Tuner 1.4.8: minimised: val_f1_score, val_r2_score, val_cosine_similarity.
"""

import keras_tuner as kt

GROW = "val_f1_score", "val_r2_score", "val_cosine_similarity"


def direction(name):
    oracle = kt.oracles.RandomSearchOracle(objective=name)
    return oracle.objective.direction


wrong = [name for name in GROW if direction(name) == "min"]
assert not wrong, f"minimised: {', '.join(wrong)}"
