"""The columns of a table that a model can learn from."""


def usable_columns(rows, most_categories=50):
    """Return the columns to learn from, and why each other is left out.

    `rows` is a data frame whose columns are
    floats, missing cells NaN, or texts, missing cells empty. Returns
    two dicts: a usable column with None for numbers or else the list of
    its categories; and one left out with the reason. Left out are
    columns of a single value, numbers that differ by less than 1e-6 or
    a hundred-thousandth, which scaling in 32 bits loses, whole numbers
    that number the rows, a column without a name, as R and pandas write
    row numbers, and texts of more than `most_categories` kinds, or of
    hardly any kind twice: dates, identifiers, free text.

    Raises ValueError if no column is left.

    Source: https://pandas.pydata.org/docs/user_guide/categorical.html
    """
    usable, left_out = {}, {}
    for name in rows:
        cells = rows[name]
        if name.startswith("Unnamed: "):  # pandas says so
            left_out[name] = "it has no name"
            continue
        if cells.dtype.kind == "f":
            span = cells.max() - cells.min()
            whole = cells.notna().all() and (cells % 1 == 0).all()
            if cells.nunique() < 2:
                left_out[name] = "a single value"
            elif span < max(1e-6, 1e-5 * cells.abs().max()):
                left_out[name] = "too alike: change their unit"
            elif whole and cells.is_unique and span < 1.5 * len(cells):
                left_out[name] = "it numbers the rows"
            else:
                usable[name] = None
            continue
        kinds = sorted(set(cells))
        if len(kinds) < 2:
            left_out[name] = "a single value"
        elif len(kinds) > min(most_categories, max(9, len(rows) / 2)):
            seen = repr(max(kinds)[:20])
            left_out[name] = f"{len(kinds)} different texts, as {seen}"
        else:
            usable[name] = kinds
    if not usable:
        raise ValueError(f"no column to learn from: {left_out}")
    return usable, left_out
