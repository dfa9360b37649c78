"""An oracle that covers the search space evenly."""

import keras_tuner as kt
from scipy.stats import qmc


class QuasiRandomOracle(kt.Oracle):
    """Propose the points of a scrambled Halton sequence, in order.

    Hand it to a tuner: `kt.Tuner(QuasiRandomOracle(...), build_model)`.
    It takes what `kt.oracles.RandomSearchOracle` takes, `max_trials`
    and `seed` among it.

    A point has a number in [0, 1) for each hyperparameter, whose
    `prob_to_value` makes it a value: steps, log scales and choices
    count. Where a hyperparameter isn't active its number is not used;
    one that is found later takes a further column of the sequence, and
    the columns of the others go on.

    No configuration is tried twice: the point is passed over. When
    1,000 points in a row bring nothing new, the search ends. A search
    that is made again, with more `max_trials` or not, goes on at the
    place where it was.

    Raises ValueError if `seed` is negative.

    Source: Owen, A randomized Halton algorithm in R, 2017,
    https://arxiv.org/abs/1706.02808
    """

    def __init__(self, objective=None, max_trials=10, **kwargs):
        super().__init__(objective, max_trials, **kwargs)
        if self.seed < 0:
            raise ValueError(f"seed must be from 1, not {self.seed}")
        self.place = 0  # in the sequence

    def populate_space(self, trial_id):
        hp = self.get_space()
        points = qmc.Halton(max(len(hp.space), 1), seed=self.seed)
        points.fast_forward(self.place)
        for _ in range(1000):
            self.place += 1
            (point,) = points.random(1).tolist()
            hp.values = {}
            for each, number in zip(hp.space, point, strict=False):
                if hp.is_active(each):
                    hp.values[each.name] = each.prob_to_value(number)
            if not self._has_tried(hp.values):
                return {"status": "RUNNING", "values": hp.values}
        return {"status": "STOPPED"}

    def _has_tried(self, values):
        tried = (t.hyperparameters.values for t in self.trials.values())
        return any(values.items() <= other.items() for other in tried)

    def get_state(self):
        return super().get_state() | {"place": self.place}

    def set_state(self, state):
        super().set_state(state)
        self.place = state["place"]
