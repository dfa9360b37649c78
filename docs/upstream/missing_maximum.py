"""A Float whose steps end at its maximum may never reach it.

The docstring of `hp.Float` says of this one that its values are 0, 0.2,
0.4, 0.6, 0.8 and 1. They are counted as `(max_value - min_value) // step`,
and `1.0 // 0.2` is 4, for 0.2 is a little more than a fifth. The
tolerance that is added where values are logarithmic would do.

keras-team/keras-tuner#1001, open since 2024.

With Keras Tuner 1.4.8: the values are [0.0, 0.2, 0.4, 0.6, 0.8].
"""

import keras_tuner as kt

hp = kt.HyperParameters()
hp.Float("x", 0.0, 1.0, step=0.2)
values = [round(value, 3) for value in hp.space[0].values]
assert max(values) == 1.0, f"the values are {values}"
