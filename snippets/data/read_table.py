"""A CSV file as a data frame whose columns are numbers or texts."""

from pathlib import Path

import pandas as pd


def read_table(
    path, texts=(), only=None, without=(), decimal="", numbers=None
):
    """Return the rows of a CSV file, columns either numbers or texts.

    `path` names a file in UTF-8, with or without a byte order mark,
    whose first line names the columns; between cells stands a comma, a
    semicolon, a tab or a bar. 1,234.5 is a number, and so are 1 234.5
    and 1'234.5; where it is not a comma, so are 3,5 and 1.234,5.
    Whether 1.234 is more than a thousand, the other numbers of its
    column show, else those of the file, else `decimal`, the decimal
    mark; what the file shows is in `attrs["decimal"]` of the data
    frame.

    A column is numbers if every cell is one or is missing: it comes as
    float, missing cells as NaN. All others come as texts, missing cells
    as empty texts, and so do the columns named in `texts` and, if
    `numbers` names columns, all but these. Columns `without` use are
    not read; with `only`, no others than these are.

    Raises ValueError if there is no such file, if it is no UTF-8, has
    no rows, two columns of one name, rows of unequal length or a cell
    that goes on over several rows, or lacks one of `only` or `without`;
    if a column is numbers but for a few cells, or but for one to three
    words, which it names; and if nothing shows whether 1.234 is more
    than a thousand.

    Source: https://pandas.pydata.org/docs/user_guide/io.html
    """

    def plain(cells):
        """Return numbers without spaces and ' between thousands."""
        cells = cells.str.replace("\u2212", "-")  # a minus sign
        grouped = cells.str.fullmatch(
            r"[+-]?[1-9]\d?\d?(?:[\s'\u2019]\d{3})+(?:[.,]\d+)?"
        )
        together = cells.str.replace(r"[\s'\u2019]", "", regex=True)
        return cells.mask(grouped, together)

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
    missing += ["?", ".", "<NA>", "#N/A", "#N/D", "#NV"]  # and Excel's
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [
                "".join(line.split('"')[::2])  # without what is quoted
                for _, line in zip(range(20), file, strict=False)
                if line.strip()
            ]
        said = [line[4] for line in lines[:1] if line[:4] == "sep="]
        lines = lines[len(said) :]
        header = lines[0] if lines else ""
        # As often in each line, but for cells of several lines.
        between = max(
            said or [m for m in ";\t|," if m in header] or [","],
            key=lambda mark: (
                len({line.count(mark) for line in lines}) == 1,
                header.count(mark),
            ),
        )
        how = {
            "sep": between,
            "dtype": str,
            "encoding": "utf-8-sig",
            "keep_default_na": False,
            "na_values": missing,
            "skiprows": len(said),
            "skip_blank_lines": False,  # a row, or a gap in time
            "compression": None,
        }
        # Of two columns x, it would call the second x.1.
        names = pd.read_csv(path, header=None, nrows=1, **how).iloc[0]
        names, frame = names.dropna(), pd.read_csv(path, **how)
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not in UTF-8: save it as CSV UTF-8"
        ) from None
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError):
        raise ValueError(
            f"{path} is no table: give a CSV file with the names of "
            "columns in its first line and as many cells in every other"
        ) from None
    frame.columns, names = frame.columns.str.strip(), names.str.strip()
    if twice := list(names[names.duplicated()]):
        raise ValueError(f"{path} has two columns called {twice[0]!r}")
    if plainly := isinstance(frame.index, pd.RangeIndex):
        frame = frame.loc[: frame.dropna(how="all").index.max()]
    if frame.empty or not plainly:
        raise ValueError(
            f"{path} has no rows below the names of its columns, or "
            "rows with more cells than there are names"
        )
    named = [*(only or ()), *without]
    if lost := [name for name in named if name not in frame]:
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
    if between == "\t":
        inside = frame.apply(lambda cells: cells.str.contains("\t"))
        if inside.any(axis=None):
            row = inside.any(axis=1).idxmax() + 1
            raise ValueError(
                f'{path}: a " at the start of a cell of row {row} '
                'swallows what follows: write """ there, and " at its '
                "end"
            )
    read = [
        name
        for name in used
        if name not in texts and (numbers is None or name in numbers)
    ]
    marks = {name: set() for name in read}
    if between != ",":
        marks = {n: decimal_marks(plain(frame[n])) for n in read}
    of_file = set().union(*marks.values())
    frame.attrs["decimal"] = min(of_file) if len(of_file) == 1 else ""
    for name in read:
        cells, text = frame[name], plain(frame[name])
        if between == ",":
            grouped = is_number(text, ".")
            text = text.mask(grouped, text.str.replace(",", ""))
        else:
            known = marks[name] or of_file or set(decimal)
            try:
                text = as_python_writes(text, known)
            except ValueError as error:
                raise ValueError(
                    f"{path}: column {name!r}: {error}"
                ) from None
        values = pd.to_numeric(text, errors="coerce").astype(float)
        values = values.where(values.abs() < 1e18)  # 32 bits hold 1e36
        wrong = cells[values.isna() & (cells != "")]
        few = values.count() > 9 * len(wrong) and cells.nunique() > 20
        word = wrong.nunique() < 4 and cells.nunique() > 50
        if len(wrong) and values.count() and (few or word):
            raise ValueError(
                f"{path}: column {name!r} is numbers, but for "
                f"{len(wrong)} cells such as {wrong.iloc[0]!r} in row "
                f"{wrong.index[0] + 1}: mend or empty them, or leave "
                "the column out"
            )
        if values.count() and wrong.empty:
            frame[name] = values
    return frame
