"""A CSV file as a data frame whose columns are numbers or texts."""

import pandas as pd


def read_table(path):
    """Return the rows of a CSV file, columns either numbers or texts.

    `path` names a file in UTF-8, with or without a byte order mark,
    whose first line names the columns; between cells stands a comma, a
    semicolon, a tab or a bar. Where it is not a comma, 3,5 is a number.
    A column is numbers if every cell is one or is missing: it comes as
    float, missing cells as NaN. All others come as texts, missing cells
    as empty texts. What counts as missing, pandas says.

    Raises ValueError if there is no such file, if it is no UTF-8, has
    no rows or rows of unequal length, or if a column is numbers but for
    a few cells, which it names.

    Source: https://pandas.pydata.org/docs/user_guide/io.html
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            header = file.readline()
        between = max(",;\t|", key=header.count)
        frame = pd.read_csv(
            path, sep=between, dtype=str, encoding="utf-8-sig"
        )
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not in UTF-8: save it as CSV UTF-8"
        ) from None
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError):
        raise ValueError(
            f"{path} is no table: give a CSV file with the names of "
            "columns in its first line and as many cells in every other"
        ) from None
    frame.columns = frame.columns.str.strip()
    if frame.empty or not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(
            f"{path} has no rows below the names of its columns, or "
            "rows with more cells than there are names"
        )
    for name in frame:
        cells = frame[name].str.strip().fillna("")
        text = cells
        if between != ",":
            text = cells.str.replace(
                r"^(-?\d+),(\d+)$", r"\1.\2", regex=True
            )
        numbers = pd.to_numeric(text, errors="coerce").astype(float)
        numbers = numbers.where(numbers.abs() < float("inf"))
        wrong = cells[numbers.isna() & (cells != "")]
        if len(wrong) and numbers.count() > 9 * len(wrong):
            raise ValueError(
                f"{path}: column {name!r} is numbers, but for "
                f"{len(wrong)} cells such as {wrong.iloc[0]!r} in line "
                f"{wrong.index[0] + 2}: mend or empty them"
            )
        is_text = len(wrong) or not numbers.count()
        frame[name] = cells if is_text else numbers
    return frame
