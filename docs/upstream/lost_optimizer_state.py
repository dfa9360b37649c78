"""A promoted trial goes on without the state of its optimizer.

Hyperband loads the weights of the trial that is promoted into a model
whose optimizer has no variables yet, so its moments and the number of
its steps begin anew: Adam is warmed up in each round, and a learning rate
that falls by steps rises again. Keras warns that it skips the loading.
`model.optimizer.build(model.trainable_variables)` before `load_weights`
would do.

No thread is known; keras-team/keras#19389 mended the same in
`BackupAndRestore`.

With Keras Tuner 1.4.8: after an epoch the optimizer is at step 0.
"""

import keras
import keras_tuner as kt
import numpy as np

begun = {}


class Noted(kt.HyperModel):
    def build(self, hp):
        inputs = keras.Input((2,))
        outputs = keras.layers.Dense(1)(inputs)
        model = keras.Model(inputs, outputs)
        rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        model.compile(
            keras.optimizers.Adam(rate), loss="mse", run_eagerly=True
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        epoch = kwargs["initial_epoch"]
        begun.setdefault(epoch, int(model.optimizer.iterations))
        return model.fit(*args, **kwargs)


x = np.zeros((8, 2), "float32")
y = np.zeros(8, "float32")
tuner = kt.Hyperband(
    Noted(),
    objective=kt.Objective("val_loss", "min"),
    max_epochs=2,
    factor=2,
    seed=1,
    directory="searches",
    project_name="lost_optimizer_state",
)
tuner.search(x, y, validation_data=(x, y), verbose=0)
steps = begun[1]  # of one epoch of one batch
assert steps == 1, f"after an epoch the optimizer is at step {steps}"
