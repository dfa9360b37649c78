"""`seed=0` is no seed: two searches draw different configurations.

`Oracle.__init__` takes `seed or random.randint(1, 10000)`, and 0 is
false. Tests for `None` would do. The reporter of
keras-team/keras-tuner#421 uses `seed=0` and asks why results differ.

With Keras Tuner 1.4.8: seed=0 is replaced by a random number.
"""

import keras_tuner as kt


def seed_of(number):
    return kt.oracles.RandomSearchOracle(seed=number).seed


found = [seed_of(0) for _ in range(5)]
assert found == [0] * 5, "seed=0 is replaced by a random number"
