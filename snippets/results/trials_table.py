"""The trials of a search as a table, best first."""

import pandas as pd


def trials_table(tuner):
    """Return a DataFrame with a row per trial of a Keras Tuner search.

    The index, `trial`, is the trial's number, in the order drawn, or
    its name where an oracle gives names. The columns are `status`, each
    hyperparameter under its own name, the objective under its name and
    `best_step`: the epoch, counted from 0, whose score that is. A
    hyperparameter called like another column, or like the index, gets
    an underscore at its end: `status_`. The best trial comes first, a
    trial without a score last. A hyperparameter that a trial did not
    have is missing (NaN).

    `tuner` is any tuner, also one that was reloaded from its folder and
    never searched in this process. Of several objectives there is one
    column, `multi_objective`, their sum, in which those to maximize
    count negatively: least is best. In a parallel search, use it in the
    chief, which alone knows the trials.

    Raises ValueError if the tuner has no trials yet.

    Source: https://keras.io/api/keras_tuner/oracles/base_oracle/
    """
    objective, trials = tuner.oracle.objective, tuner.oracle.trials
    if not trials:
        raise ValueError(
            f"no trials in {tuner.project_dir}: search first, or give "
            "the directory and project_name of a finished search"
        )
    names = {
        name: None
        for trial in trials.values()
        for name in trial.hyperparameters.values
    }
    taken = {"trial", "status", "best_step"}
    score = _free(objective.name, taken)
    taken |= {score}
    for name in names:
        names[name] = _free(name, taken, names)
        taken |= {names[name]}
    numbered = all(name.isdecimal() for name in trials)
    rows = {
        int(name) if numbered else name: {
            "status": trial.status,
            **{
                names[own]: value
                for own, value in trial.hyperparameters.values.items()
            },
            score: trial.score,
            "best_step": trial.best_step,
        }
        for name, trial in trials.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.rename_axis("trial").sort_index()
    return table.sort_values(
        score, ascending=objective.direction == "min", kind="stable"
    )


def _free(name, taken, others=()):
    """Return the name if it is free, else with underscores."""
    if name in taken:
        name += "_"
        while name in taken or name in others:
            name += "_"
    return name
