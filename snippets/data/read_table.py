"""A CSV file as a data frame whose columns are numbers or texts."""

from pathlib import Path

import pandas as pd


def read_table(path, texts=(), only=None, without=(), decimal=""):
    """Return the rows of a CSV file, columns either numbers or texts.

    `path` names a file in UTF-8, with or without a byte order mark,
    whose first line names the columns; between cells stands a comma, a
    semicolon, a tab or a bar. Where it is not a comma, 3,5 is a number,
    and so is 1.234,5. Whether 1.234 is more than a thousand, the other
    numbers of its column show, else those of the file, else `decimal`,
    the decimal mark; what the file shows is in `attrs["decimal"]` of
    the data frame.

    A column is numbers if every cell is one or is missing: it comes as
    float, missing cells as NaN. All others come as texts, missing cells
    as empty texts, and so do the columns named in `texts`. Columns
    `without` use are not read; with `only`, no others than these are.

    Raises ValueError if there is no such file, if it is no UTF-8, has
    no rows or rows of unequal length, or lacks one of `only`; if a
    column is numbers but for a few cells, which it names; and if
    nothing shows whether 1.234 is more than a thousand.

    Source: https://pandas.pydata.org/docs/user_guide/io.html
    """

    def is_number(cells, mark):
        """Return which cells are numbers if `mark` is decimal."""
        other = "," if mark == "." else "."
        grouped = rf"[1-9]\d?\d?(?:\{other}\d{{3}})+"
        return cells.str.fullmatch(
            rf"[+-]?(?:{grouped}|\d*)(?:\{mark}\d+)?(?:[eE][+-]?\d+)?"
        )

    def decimal_marks(cells):
        """Return the marks that are decimal in some cell for sure."""
        point, comma = is_number(cells, "."), is_number(cells, ",")
        sure = {".": point & ~comma, ",": comma & ~point}
        return {mark for mark in sure if sure[mark].any()}

    def as_python_writes(cells, marks):
        """Return numbers with a decimal point and no other mark."""
        point, comma = is_number(cells, "."), is_number(cells, ",")
        unclear = cells[point & comma & cells.str.contains("[.,]")]
        if len(marks) != 1 and len(unclear) and (point | comma).all():
            seen = unclear.iloc[0]
            raise ValueError(
                f"is {seen} more than a thousand? Write "
                f"{seen.replace('.', '').replace(',', '')} or {seen}0"
            )
        if marks == {"."}:
            comma &= ~point
        elif marks == {","}:
            point &= ~comma
        with_point = cells.str.replace(",", "")
        with_comma = cells.str.replace(".", "").str.replace(",", ".")
        return cells.mask(point, with_point).mask(comma, with_comma)

    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    missing = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"]
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [
                "".join(line.split('"')[::2])  # without what is quoted
                for _, line in zip(range(20), file, strict=False)
                if line.strip()
            ]
        header = lines[0] if lines else ""
        # As often in each line, but for cells of several lines.
        between = max(
            [mark for mark in ";\t|," if mark in header] or [","],
            key=lambda mark: (
                len({line.count(mark) for line in lines}) == 1,
                header.count(mark),
            ),
        )
        frame = pd.read_csv(
            path,
            sep=between,
            dtype=str,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=missing,
            skip_blank_lines=False,  # each is a row, or a gap in time
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
    if twice := list(frame.columns[frame.columns.duplicated()]):
        raise ValueError(f"{path} has two columns called {twice[0]!r}")
    frame = frame.loc[: frame.dropna(how="all").index.max()]
    if frame.empty or not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(
            f"{path} has no rows below the names of its columns, or "
            "rows with more cells than there are names"
        )
    if lost := [name for name in only or () if name not in frame]:
        raise ValueError(
            f"{path} lacks the columns {lost}: it has {list(frame)}"
        )
    used = [
        name
        for name in frame
        if name not in without and (only is None or name in only)
    ]
    frame = frame[used].apply(lambda cells: cells.str.strip())
    frame = frame.fillna("")
    read = [name for name in used if name not in texts]
    marks = {name: set() for name in read}
    if between != ",":
        marks = {name: decimal_marks(frame[name]) for name in read}
    of_file = set().union(*marks.values())
    frame.attrs["decimal"] = min(of_file) if len(of_file) == 1 else ""
    for name in read:
        cells = text = frame[name]
        if between != ",":
            known = marks[name] or of_file or set(decimal)
            try:
                text = as_python_writes(cells, known)
            except ValueError as error:
                raise ValueError(
                    f"{path}: column {name!r}: {error}"
                ) from None
        numbers = pd.to_numeric(text, errors="coerce").astype(float)
        numbers = numbers.where(numbers.abs() < 3e38)  # of 32 bits
        wrong = cells[numbers.isna() & (cells != "")]
        nearly = numbers.count() > 9 * len(wrong) > 0
        if nearly and cells.nunique() > 20:
            raise ValueError(
                f"{path}: column {name!r} is numbers, but for "
                f"{len(wrong)} cells such as {wrong.iloc[0]!r} in row "
                f"{wrong.index[0] + 1}: mend or empty them, or leave "
                "the column out"
            )
        if numbers.count() and wrong.empty:
            frame[name] = numbers
    return frame
