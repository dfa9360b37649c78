"""An oracle that changes what did well, one value at a time."""

import keras_tuner as kt
import numpy as np
from keras_tuner.engine import hyperparameters


class EvolutionOracle(kt.Oracle):
    """Propose a good recent configuration with one value changed.

    Hand it to a tuner: `kt.Tuner(EvolutionOracle(...), build_model)`.
    It takes what `kt.oracles.RandomSearchOracle` takes, `max_trials`
    and `seed` among it.

    The first trials are random, until `population` of them have a
    score. Then each trial is a child: of the `population` trials that
    ended last, failed ones left out, it draws `sample` and takes the
    best of these as the parent. So a trial has to be beaten by its
    children before it grows old: a lucky score doesn't last.

    A choice is drawn anew; a number takes a step of `spread`, the
    standard deviation as a part of its range, on its own scale. What
    becomes active by the change, or was found later, is drawn. No
    configuration is tried twice; when 1,000 draws in a row bring
    nothing new, the search ends.

    Raises ValueError if `sample` isn't 1 to `population`, if `spread`
    isn't above 0, and for a negative `seed`.

    Source: Real et al., Regularized Evolution, 2019,
    https://arxiv.org/abs/1802.01548
    """

    def __init__(
        self,
        objective=None,
        max_trials=100,
        population=20,
        sample=5,
        spread=0.2,
        **kwargs,
    ):
        super().__init__(objective, max_trials, **kwargs)
        if not (1 <= sample <= population and spread > 0 <= self.seed):
            raise ValueError(
                "sample must be 1 to population, spread above 0 and "
                f"seed from 1, not {sample}, {spread} and {self.seed}"
            )
        self.population, self.sample = population, sample
        self.spread = spread

    def populate_space(self, trial_id):
        # The same trial draws the same in any process.
        random = np.random.default_rng([self.seed, len(self.trials)])
        ended = [self.trials[name] for name in self.end_order]
        scored = [t for t in ended if t.status == "COMPLETED"]
        alive = scored[-self.population :]
        for attempt in range(1000):
            # Near the end all children are known: then look anywhere.
            old = len(alive) == self.population and attempt < 500
            parent = self._best(alive, random) if old else None
            values = self._draw(random, parent)
            if not self._has_tried(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED"}

    def _best(self, alive, random):
        drawn = random.choice(len(alive), self.sample, replace=False)
        best = max if self.objective.direction == "max" else min
        return best((alive[i] for i in drawn), key=lambda t: t.score)

    def _draw(self, random, parent=None):
        """Return random values or a parent's, one of them changed."""
        hp, fixed = self.get_space(), hyperparameters.Fixed
        own = parent.hyperparameters.values if parent else {}
        free = [
            each.name
            for each in hp.space
            if each.name in own and not isinstance(each, fixed)
        ]
        changed = random.choice(free) if free else None
        hp.values = {}
        for each in hp.space:
            if not hp.is_active(each):
                continue
            number = random.random()
            if each.name == changed and hasattr(each, "sampling"):
                number = each.value_to_prob(own[changed])
                number += random.normal(0, self.spread)
                number = abs((number + 1) % 2 - 1)  # back at the ends
            value = each.prob_to_value(min(number, 1 - 1e-9))
            kept = each.name in own and each.name != changed
            hp.values[each.name] = own[each.name] if kept else value
        return hp.values

    def _has_tried(self, values):
        tried = (t.hyperparameters.values for t in self.trials.values())
        return any(values.items() <= other.items() for other in tried)
