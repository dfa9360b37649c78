"""The trials of a search as a table, best first."""

import pandas as pd


def trials_table(tuner):
    """Return a DataFrame with a row per trial of a Keras Tuner search.

    The index is the trial's number, in the order drawn. The columns
    are `status`, each hyperparameter under its own name, the objective
    under its name and `best_step`: the epoch, counted from 0, whose
    score that is. The best trial comes first, a trial without a score
    last. A hyperparameter that a trial did not have is missing (NaN).

    `tuner` is any tuner with one objective, also one that was reloaded
    from its folder and never searched in this process.

    Raises ValueError if the tuner has no trials yet.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    objective = tuner.oracle.objective
    rows = {
        int(trial.trial_id): {
            "status": trial.status,
            **trial.hyperparameters.values,
            objective.name: trial.score,
            "best_step": trial.best_step,
        }
        for trial in tuner.oracle.trials.values()
    }
    if not rows:
        raise ValueError(
            f"no trials in {tuner.project_dir}: search first, or give "
            "the directory and project_name of a finished search"
        )
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.rename_axis("trial").sort_index()
    return table.sort_values(
        objective.name,
        ascending=objective.direction == "min",
        kind="stable",
    )
