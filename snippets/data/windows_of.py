"""A series as windows, each with the value that followed it."""

import numpy as np


def windows_of(values, length):
    """Return the windows of a series, what followed, and where.

    `values`, (n,), are in the order of time, missing ones NaN. Returns
    the windows, (windows, length), the value after each, (windows,),
    and its place in the series, (windows,). A window that has a missing
    value, or none after it, is left out. To score several lengths on
    the same targets, take the longest here and let models look at the
    end of it.

    Raises ValueError if fewer than 25 windows are whole, or if values
    differ by less than numbers of 32 bits show.

    Source: https://keras.io/api/data_loading/timeseries/
    """
    span = np.nanmax(values) - np.nanmin(values)
    if not span > max(1e-6, 1e-5 * np.nanmax(np.abs(values))):
        raise ValueError(
            "all values are missing or nearly the same: take off what "
            "they have in common, or change the unit"
        )
    values = np.asarray(values, "float32")
    if len(values) <= length:
        raise ValueError(
            f"{len(values)} values are too few for a window of {length}"
        )
    spans = np.lib.stride_tricks.sliding_window_view(values, length + 1)
    whole = ~np.isnan(spans).any(axis=1)
    if whole.sum() < 25:
        raise ValueError(
            f"{whole.sum()} windows of {length} values without a gap "
            "are too few: take a shorter one, or fill small gaps; if "
            "nights make them, leave the times out (--time): rows are "
            "then a step apart"
        )
    places = np.flatnonzero(whole) + length
    return spans[whole, :-1], spans[whole, -1], places
