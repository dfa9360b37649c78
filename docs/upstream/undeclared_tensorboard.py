"""Without tensorboard every trial fails.

`Tuner._configure_tensorboard_dir` imports it in each trial, whether or
not there is a TensorBoard callback, and nothing declares it: TensorFlow
brought it until 2.20, and 2.21 does not. To import it where a TensorBoard
callback was found would do; to declare it, as keras-team/keras#22376
does, would mend installations alone.

keras-team/keras-tuner#454 would have declared it, and was closed.

With Keras Tuner 1.4.8: the only trial is FAILED.
"""

import sys

import keras
import keras_tuner as kt
import numpy as np

for name in list(sys.modules):  # as if it were not installed
    if name.startswith("tensorboard"):
        del sys.modules[name]
sys.modules["tensorboard"] = None


def build(hp):
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(hp.Int("units", 1, 9))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile(loss="mse")
    return model


x = np.zeros((8, 2), "float32")
y = np.zeros(8, "float32")
tuner = kt.RandomSearch(
    build,
    objective=kt.Objective("val_loss", "min"),
    max_trials=1,
    seed=1,
    directory="searches",
    project_name="undeclared_tensorboard",
)
tuner.search(x, y, validation_data=(x, y), verbose=0)
(trial,) = tuner.oracle.trials.values()
assert trial.status == "COMPLETED", f"the only trial is {trial.status}"
