"""A column of a table as a series of equal steps."""

import warnings

import numpy as np
import pandas as pd


def regular_series(table, target, time=None):
    """Return a column as a Series in equal steps, gaps as NaN.

    `table` is a data frame, `target` its column of numbers, `time` the
    column that says when, as dates, times or numbers; without it, rows
    are a step apart. The step is the most frequent one; the index of
    the Series is the time. Times that a whole step would not reach are
    moved to the nearest.

    Raises ValueError for a column that is not there or holds no
    numbers, for times that can't be read or come twice, and where
    fewer than half of the steps are alike.

    Source: https://pandas.pydata.org/docs/user_guide/timeseries.html
    """
    for column in [target] if time is None else [target, time]:
        if column not in table:
            raise ValueError(
                f"no column {column!r} among {list(table.columns)}"
            )
    if table[target].dtype.kind != "f":
        raise ValueError(f"column {target!r} does not hold numbers")
    series = table[target]
    if time is None:
        return series.reset_index(drop=True)
    when = table[time]
    if when.dtype.kind != "f":
        try:
            with warnings.catch_warnings():  # of dates it may misread
                warnings.simplefilter("error")
                when = pd.to_datetime(when.replace("", None))
        except (ValueError, TypeError, Warning):
            raise ValueError(
                f"column {time!r} has cells that are no time, such as "
                "2024-05-31 18:00"
            ) from None
    if when.isna().any() or when.duplicated().any():
        raise ValueError(f"column {time!r} has missing or equal times")
    series = series.set_axis(when).sort_index()
    steps = series.index.to_series().diff().dropna()
    # Months and years are not of one length, so they get a name.
    named = getattr(series.index, "to_period", None)
    if named and steps.min() >= pd.Timedelta(days=28):
        for name in ("Y", "Q", "M"):
            periods = named(name)
            if not periods.duplicated().any():
                every = pd.period_range(*periods[[0, -1]], freq=name)
                return series.set_axis(periods).reindex(every)
    step = steps.mode()[0]
    if (steps == step).mean() < 0.5:
        raise ValueError(
            f"column {time!r} has no regular step: resample it first"
        )
    start = series.index[0]
    places = np.round((series.index - start) / step).astype(int)
    if len(set(places)) < len(places):
        raise ValueError(f"column {time!r} has times within one step")
    every = start + step * np.arange(places[-1] + 1)
    return series.set_axis(every[places]).reindex(every)
