"""Race Optuna and scikit-learn on recorded learning curves.

    python docs/evidence/race_others.py

Needs Optuna, from the dependency group "compare". Writes
races_others.csv beside itself, with the columns of races.csv, from the
same problems, budget and answers as race_tuners.py.

- Optuna: hyperparameters by suggest_categorical; "(ordered)" gives those
  that are numbers by suggest_int, as a place in their list. Random and
  TPE train each trial for 27 epochs. Under the Hyperband pruner a trial
  reports the validation accuracy of each epoch, counted from 1, and
  spends what it trained until it was pruned. The incumbent is Optuna's
  best_trial: never one that was pruned.
- scikit-learn: HalvingRandomSearchCV, which trains the survivors of a
  round anew; all these epochs are spent. 88 candidates take 88 + 30 x 3
  + 10 x 9 + 4 x 27 = 376 epochs, and are drawn and searched four times;
  "(once)" has 372 candidates, which take 1,500 epochs in one search.

What is raced is kept, race by race, under .cache.
"""

import argparse
import functools
import itertools
import sys

import numpy as np
import race_tuners
import records

from snippets.data.evidence_file import evidence_file
from snippets.data.load_curves import load_curves


class Answers:
    """What a race is answered; `history` says what it asked."""

    def __init__(self, curves, seed):
        self.curves, self.history, self.spent = curves, [], 0
        count = len(curves.configurations)
        self.runs = race_tuners.draw_runs(seed, count)

    def curve(self, values):
        """Return a configuration's validation accuracy by epoch."""
        row = self.curves.find(values)
        return self.curves.validation[row, self.runs[row]]

    def end(self, values, epochs, score):
        """Note a trial of so many epochs from the start."""
        row = self.curves.find(values)
        self.history.append((row, self.runs[row], 0, epochs, score))
        self.spent += epochs


def optuna_race(answers, seed, sampler, pruned=False, ordered=False):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def suggest(trial, name, known):
        if ordered and not isinstance(known[0], str):
            return known[trial.suggest_int(name, 0, len(known) - 1)]
        return trial.suggest_categorical(name, known)

    def objective(trial):
        values = {
            name: suggest(trial, name, known)
            for name, known in answers.curves.space.items()
        }
        curve = answers.curve(values)
        for epoch, accuracy in enumerate(curve[:-1], 1):
            trial.report(float(accuracy), epoch)
            if trial.should_prune():
                answers.end(values, epoch, score=-np.inf)
                raise optuna.TrialPruned
        answers.end(values, len(curve), float(curve.max()))
        return float(curve.max())

    pruner = optuna.pruners.NopPruner()
    if pruned:
        pruner = optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=27, reduction_factor=3
        )
    study = optuna.create_study(
        direction="maximize",
        sampler=getattr(optuna.samplers, sampler)(seed=seed),
        pruner=pruner,
        study_name=f"race {seed}",  # decides each trial's bracket
    )
    while answers.spent < race_tuners.BUDGET:
        study.optimize(objective, n_trials=1)
    best = max(score for *_, score in answers.history)
    assert study.best_value == best


def halving_race(answers, seed, candidates):
    from sklearn.base import BaseEstimator
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV

    class Recorded(BaseEstimator):
        def __init__(self, **values):
            vars(self).update(values)

        def get_params(self, deep=True):
            return dict(vars(self))

        def fit(self, x, y):
            return self

        def score(self, x, y):
            return answers.curve(vars(self))[: self.epochs].max()

    space = {
        n: list(known) for n, known in answers.curves.space.items()
    }
    for repeat in itertools.count():
        if answers.spent >= race_tuners.BUDGET:
            break
        search = HalvingRandomSearchCV(
            Recorded(epochs=1, **dict.fromkeys(space)),
            space,
            n_candidates=candidates,
            resource="epochs",
            max_resources=27,
            factor=3,
            cv=[([0], [1])],  # one split: the curves have their own
            refit=False,
            random_state=seed + repeat,
        ).fit(np.zeros((2, 1)), np.zeros(2))
        results = search.cv_results_
        for values, score in zip(
            results["params"], results["mean_test_score"], strict=True
        ):
            answers.end(values, values["epochs"], score)


OTHERS = {
    "Optuna random": (optuna_race, {"sampler": "RandomSampler"}),
    "Optuna TPE": (optuna_race, {"sampler": "TPESampler"}),
    "Optuna TPE (ordered)": (
        optuna_race,
        {"sampler": "TPESampler", "ordered": True},
    ),
    "Optuna TPE + Hyperband": (
        optuna_race,
        {"sampler": "TPESampler", "pruned": True},
    ),
    "scikit-learn halving": (halving_race, {"candidates": 88}),
    "scikit-learn halving (once)": (halving_race, {"candidates": 372}),
}


@functools.cache
def curves_of(problem):
    return load_curves(evidence_file(f"curves_{problem}.csv.xz"))


def race(problem, setting, name, seed):
    """Run one search; return its improvements and what it tried."""
    answers = Answers(curves_of(problem), seed)
    run, settings = OTHERS[name]
    run(answers, seed, **settings)
    return race_tuners.told(answers.history, answers.curves)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0]
    )
    parser.add_argument("problems", nargs="*", help="default: both")
    problems = parser.parse_args().problems or race_tuners.PROBLEMS
    race_tuners.run_all(
        list(
            itertools.product(
                problems, ["full"], OTHERS, race_tuners.SEEDS
            )
        ),
        race,
        race_tuners.HERE / "races_others.csv",
        records.provenance(
            "Races on recorded learning curves",
            "race_others.py",
            ("optuna", "scikit-learn", "numpy"),
            "one thread a race",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
