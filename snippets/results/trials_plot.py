"""The score of every trial against each hyperparameter, as a figure."""

import math

import matplotlib.pyplot as plt
from keras_tuner.engine import hyperparameters


def trials_plot(tuner):
    """Return a matplotlib figure with a panel per hyperparameter.

    Each dot is a completed trial: up its score, across the value it
    drew. The axis across is logarithmic where the hyperparameter is
    sampled so, and has a labelled place for each value of a Choice or
    a Boolean. A cross on the lower edge is a trial without a score. A
    trial for which the hyperparameter was inactive has no dot in that
    panel. Panels stand in rows of three.

    `tuner` is any tuner with one objective, also one that was reloaded
    from its folder and never searched in this process.

    Raises ValueError if no trial has completed, or if the search space
    has no hyperparameter with more than one value.

    Source: https://matplotlib.org/stable/gallery/index.html
    """
    objective = tuner.oracle.objective
    trials = tuner.oracle.trials.values()
    scored = [trial for trial in trials if trial.status == "COMPLETED"]
    if not scored:
        raise ValueError(
            f"no completed trial in {tuner.project_dir}: search first, "
            "or give the directory and project_name of a finished one"
        )
    space = {}
    for hyperparameter in tuner.oracle.get_space().space:
        if not isinstance(hyperparameter, hyperparameters.Fixed):
            space.setdefault(hyperparameter.name, hyperparameter)
    if not space:
        raise ValueError(
            "the search space is empty: nothing to plot a score against"
        )

    columns = min(3, len(space))
    rows = math.ceil(len(space) / columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        sharey=True,
        squeeze=False,
        figsize=(2.8 * columns, 2.8 * rows),
        layout="constrained",
    )
    for axis in axes.flat[len(space) :]:
        axis.remove()
    for axis, (name, hyperparameter) in zip(
        axes.flat, space.items(), strict=False
    ):
        place = _scale(axis, hyperparameter)
        drawn = [
            (place(trial.hyperparameters.values[name]), trial)
            for trial in trials
            if name in trial.hyperparameters.values
        ]
        dots = [(x, t.score) for x, t in drawn if t in scored]
        axis.scatter(*zip(*dots, strict=True), alpha=0.6)
        for x in (x for x, trial in drawn if trial not in scored):
            axis.plot(x, 0, "xC1", transform=axis.get_xaxis_transform())
        axis.set_xlabel(name)
        axis.margins(x=0.15)
    for axis in axes[:, 0]:
        axis.set_ylabel(objective.name)
    return figure


def _scale(axis, hyperparameter):
    """Set the axis up; return what turns a value into its place."""
    if isinstance(
        hyperparameter, hyperparameters.Choice | hyperparameters.Boolean
    ):
        values = list(hyperparameter.values)
        axis.set_xticks(range(len(values)), [str(v) for v in values])
        axis.set_xlim(-0.5, len(values) - 0.5)
        return values.index
    if hyperparameter.sampling == "log":
        whole = isinstance(hyperparameter, hyperparameters.Int)
        axis.set_xscale("log", base=2 if whole else 10)
    return lambda value: value
