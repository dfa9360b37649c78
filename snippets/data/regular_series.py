"""A column of a table as a series of equal steps."""

import warnings

import numpy as np
import pandas as pd


def regular_series(table, target, time=None):
    """Return a column as a Series in equal steps, gaps as NaN.

    `table` is a data frame, `target` its column of numbers, `time` the
    column that says when, as dates, times or numbers, of which 20240531
    and 202405 are dates; without it, rows are a step apart. Years have
    four digits: Jan-03 may be a day or a month. The step is
    the median one; times a little off are moved to the nearest. Days
    that are all from Monday to Friday are working days: a weekend or a
    holiday is no gap, more than five days are one, and `attrs["step"]`
    is the step. The index of the Series is the time, of months and
    years as periods; hours with offsets that change are those of UTC.

    Raises ValueError for a column that is not there or holds no
    numbers, for times that can't be read, or be read in two ways, are
    missing or come twice, for steps of which most are unlike, and for a
    gap as long as a hundred times the series.

    Source: https://pandas.pydata.org/docs/user_guide/timeseries.html
    """

    def read(cells):
        """Read times that can be read in one way only."""
        offset = r"(\d\d:\d\d[\d:.]*) ?(Z|[+-]\d\d:?\d\d)$"
        parts = cells.str.extract(offset)  # time of day, and offset
        moved = parts.notna().all(axis=None) and parts[1].nunique() > 1
        if moved and parts[0].nunique() == 1:  # once a day, or less
            cells = cells.str.replace(offset, r"\1", regex=True)
            moved = False
        dates = cells.dropna()
        bare = dates[~dates.str.contains(r"\d{4}|^\d\d?:\d\d")]
        if len(bare) and bare.str.contains(r"\d").all():
            raise ValueError(
                f"column {time!r}: {bare.iloc[0]} has no year of four "
                "digits. Write times as 2024-05-31 18:00"
            )
        found, ways = [], (False, True)  # is the day first?
        if dates.str.match(r"\d{4}").all():
            ways = (False,)
        for way in ways:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found.append(
                        pd.to_datetime(cells, dayfirst=way, utc=moved)
                    )
                except (ValueError, TypeError) as error:
                    wrong = str(error).splitlines()[0]
        if not found:
            raise ValueError(
                f"column {time!r}: {wrong}. Write times as "
                "2024-05-31 18:00"
            )
        if not found[0].equals(found[-1]):
            raise ValueError(
                f"column {time!r}: is {cells.iloc[0]} the day or the "
                "month first? Write times as 2024-05-31 18:00"
            )
        return found[0]

    for column in [target] if time is None else [target, time]:
        if column not in table:
            raise ValueError(
                f"no column {column!r} among {list(table.columns)}"
            )
    if target == time:
        raise ValueError(f"{target!r} can't be target and time")
    if table[target].dtype.kind != "f":
        raise ValueError(
            f"column {target!r} does not hold numbers, but "
            f"{table[target].iloc[0]!r}"
        )
    series = table[target]
    if time is None:
        return series.reset_index(drop=True)
    when = table[time]
    if when.dtype.kind != "f":
        when = read(when.replace("", None))
    else:
        for form, low, high in (
            ("%Y%m%d", 19000101, 21001231),
            ("%Y%m", 190001, 210012),
        ):
            if when.between(low, high).all() and (when % 1 == 0).all():
                text = when.astype(int).astype(str)
                when = pd.to_datetime(text, format=form)
                break
    odd = np.flatnonzero(when.isna() | when.duplicated())
    if len(odd):
        raise ValueError(
            f"column {time!r} has missing or equal times, such as that "
            f"of row {odd[0] + 1}: if several series stand below each "
            "other, keep the rows of one; if clocks were put back, "
            "write times in UTC"
        )
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
    step, day = steps.median(), pd.Timedelta(days=1)
    daily = named and step == day and steps.sum() > 7 * day
    if daily and (series.index.day_of_week < 5).all():
        before = series.index[:-1][steps > 5 * day]
        gaps = pd.Series(np.nan, before + pd.offsets.BDay())
        series = pd.concat([series, gaps]).sort_index()
        series.attrs["step"] = pd.offsets.BDay()
        return series
    whole = np.round(steps / step)
    if (abs(steps / step - 1) < 0.1).mean() < 0.5 or whole.min() < 1:
        raise ValueError(
            f"column {time!r} has no regular step: resample it first"
        )
    if whole.sum() > 100 * len(series):
        raise ValueError(
            f"column {time!r} has a gap of {whole.max():.0f} steps "
            f"before {whole.idxmax()}"
        )
    places = np.append(0, whole.cumsum()).astype(int)
    every = series.index[0] + step * np.arange(places[-1] + 1)
    return series.set_axis(every[places]).reindex(every)
