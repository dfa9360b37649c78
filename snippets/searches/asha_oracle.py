"""An oracle that trains the best trials longer, and never waits."""

import keras_tuner as kt
import numpy as np


class AshaOracle(kt.oracles.HyperbandOracle):
    """Halve the trials successively, without waiting (ASHA).

    Hand it to a tuner that trains in rounds, as Hyperband does:
    `RoundsTuner(AshaOracle(...), build_model)`. It takes what
    `kt.oracles.RandomSearchOracle` takes, `max_trials` and `seed` among
    it, and three arguments for the rounds.

    A new configuration is trained for `min_epochs`, in round 0. Of a
    round with n scores the best n // `factor` may go on to the next, in
    which they are trained `factor` times as long, up to `max_epochs`.
    Whoever asks for a trial gets the best that may go on, from the last
    round down, else a new configuration. So no worker waits for a round
    to fill, and the search goes on for as many trials as it is given. A
    promotion is a trial too. Failed trials count in no round.

    All follows from the trials: their values hold "tuner/round",
    "tuner/epochs", "tuner/initial_epoch" and, of a promoted trial,
    "tuner/trial_id", whose weights it goes on with.

    Raises ValueError if `factor` is below 2, `min_epochs` below 1 or
    above `max_epochs`, and for a negative `seed`.

    Source: Li et al., A System for Massively Parallel Hyperparameter
    Tuning, 2020, https://arxiv.org/abs/1810.05934
    """

    def __init__(
        self,
        objective=None,
        max_trials=50,
        max_epochs=27,
        factor=3,
        min_epochs=1,
        **kwargs,
    ):
        super().__init__(objective, max_epochs, factor, **kwargs)
        if self.seed < 0 or not 1 <= min_epochs <= max_epochs:
            raise ValueError(
                "min_epochs must be 1 to max_epochs and seed from 1, "
                f"not {min_epochs} and {self.seed}"
            )
        self.max_trials, self.min_epochs = max_trials, min_epochs

    def populate_space(self, trial_id):
        rounds = self._rounds()
        for number in reversed(range(len(rounds) - 1)):
            best = self._promotable(*rounds[number : number + 2])
            if best:
                return self._begin(best.hyperparameters.values, best)
        values = self._new()
        if values is not None:
            return self._begin(values)
        # A trial that still runs may be promoted later.
        return {"status": "IDLE" if self.ongoing_trials else "STOPPED"}

    def _rounds(self):
        """Return the trials of each round, in the order they began."""
        rounds = [[]]
        while self.max_epochs >= self.min_epochs * self.factor ** len(
            rounds
        ):
            rounds.append([])
        for name in self.start_order:
            trial = self.trials[name]
            number = trial.hyperparameters.values["tuner/round"]
            rounds[number].append(trial)
        return rounds

    def _promotable(self, trials, promoted):
        """Return the best that may go on and has not, or None."""
        scored = [t for t in trials if t.status == "COMPLETED"]
        largest = self.objective.direction == "max"
        scored.sort(key=lambda trial: trial.score, reverse=largest)
        parents = {
            trial.hyperparameters.values["tuner/trial_id"]
            for trial in promoted
        }
        for trial in scored[: len(scored) // self.factor]:
            if trial.trial_id not in parents:
                return trial
        return None

    def _begin(self, values, parent=None):
        number = values["tuner/round"] + 1 if parent else 0
        left = len(self._rounds()) - 1 - number
        own = {
            "tuner/bracket": 0,
            "tuner/round": number,
            "tuner/epochs": -(-self.max_epochs // self.factor**left),
            "tuner/initial_epoch": values.get("tuner/epochs", 0),
        }
        if parent:
            own["tuner/trial_id"] = parent.trial_id
        return {"status": "RUNNING", "values": values | own}

    def _new(self):
        """Return random values that no trial has, or None."""
        # The same trial draws the same in any process.
        random = np.random.default_rng([self.seed, len(self.trials)])
        for _ in range(1000):
            hp = self.get_space()
            hp.values = {}
            for each in hp.space:
                if hp.is_active(each):
                    number = random.random()
                    hp.values[each.name] = each.prob_to_value(number)
            tried = (
                trial.hyperparameters.values.items()
                for trial in self.trials.values()
            )
            if not any(hp.values.items() <= other for other in tried):
                return hp.values
        return None

    def get_state(self):
        # As Hyperband's: who keeps few checkpoints looks here.
        rounds = [
            [{"id": trial.trial_id} for trial in trials]
            for trials in self._rounds()
        ]
        return super().get_state() | {"brackets": [{"rounds": rounds}]}
