"""What comes from files is what was meant, or one clear error."""

import numpy as np
import pandas as pd
import pytest
from helpers import needs_posix
from PIL import Image

from snippets.data.files_by_class import files_by_class
from snippets.data.read_pictures import read_pictures
from snippets.data.read_table import read_table
from snippets.data.read_text import read_text
from snippets.data.regular_series import regular_series
from snippets.data.split_rows import split_rows
from snippets.data.table_inputs import table_inputs
from snippets.data.usable_columns import usable_columns
from snippets.data.windows_of import windows_of

NUMBERS = "".join(f"{number}\n" for number in range(30))
HUNDRED = range(100)


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_a_table_is_read_whatever_stands_between_its_cells(
    between, tmp_path
):
    decimal = "." if between == "," else ","
    rows = (
        ["ä b", "n", "t"],
        ['"x, y"', f"1{decimal}5", ""],
        ["", "", "z"],
    )
    text = "\n".join(between.join(row) for row in rows)
    (tmp_path / "t.csv").write_text(f"\ufeff{text}\n", "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert list(table) == ["ä b", "n", "t"]
    assert list(table["ä b"]) == ["x, y", ""]
    np.testing.assert_array_equal(table["n"], [1.5, np.nan])
    assert list(table["t"]) == ["", "z"]


def test_a_comma_between_cells_is_no_decimal_comma(tmp_path):
    (tmp_path / "t.csv").write_text('a\n"1,5"\n"2,5"\n', "utf-8")
    assert list(read_table(tmp_path / "t.csv")["a"]) == ["1,5", "2,5"]


@pytest.mark.parametrize(
    "cells, expected",
    [
        ("1.234;950,5;-2", [1234, 950.5, -2]),
        ("1.234;0.5;+3e-2", [1.234, 0.5, 0.03]),
        ("1.234.567;1.234;2", [1234567, 1234, 2]),
        ("1,234.5;1,234;2", [1234.5, 1234, 2]),
        ("1,5;2.5;3", [1.5, 2.5, 3]),
    ],
)
def test_a_mark_between_digits_is_what_the_column_shows(
    cells, expected, tmp_path
):
    text = cells.replace(";", "\tx\n")
    (tmp_path / "t.csv").write_text(f"a\tb\n{text}\tx\n", "utf-8")
    assert list(read_table(tmp_path / "t.csv")["a"]) == expected


@pytest.mark.parametrize("between", [",", ";"])
@pytest.mark.parametrize(
    "written",
    ["1,234.5", "1 234.5", "1\u202f234.5", "1'234.5", "1234.5"],
)
def test_thousands_are_read_however_they_are_grouped(
    between, written, tmp_path
):
    rows = [f'"{written}"', '"\u2212999"', "030 123 456"]
    text = "\n".join(f"{row}{between}x" for row in rows[:2])
    (tmp_path / "t.csv").write_text(f"a{between}b\n{text}\n", "utf-8")
    assert list(read_table(tmp_path / "t.csv")["a"]) == [1234.5, -999]
    text = "\n".join(f"{row}{between}x" for row in rows)
    (tmp_path / "t.csv").write_text(f"a{between}b\n{text}\n", "utf-8")
    assert list(read_table(tmp_path / "t.csv")["a"])[2] == rows[2]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_first_line_of_excel_says_what_stands_between_cells(
    end, tmp_path
):
    lines = ["\ufeffsep=;", "a, b;c", "1,5;x", ""]
    (tmp_path / "t.csv").write_text(end.join(lines), "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.to_dict("list") == {"a, b": [1.5], "c": ["x"]}


@pytest.mark.parametrize("sign", ["?", ".", "#N/A", "#NV", "<NA>"])
def test_signs_of_a_missing_number_are_missing(sign, tmp_path):
    text = "".join(f"{n if n % 3 else sign}\n" for n in range(60))
    (tmp_path / "t.csv").write_text(f"a\n{text}", "utf-8")
    read = read_table(tmp_path / "t.csv")["a"]
    assert read.isna().sum() == 20 and read.sum() == sum(
        n for n in range(60) if n % 3
    )


def test_a_file_is_read_whatever_it_is_called(tmp_path):
    (tmp_path / "t.csv.zip").write_text("a,b\n1,x\n", "utf-8")
    assert list(read_table(tmp_path / "t.csv.zip")["a"]) == [1]


def test_columns_without_names_or_called_as_pandas_would_are_none_twice(
    tmp_path,
):
    (tmp_path / "t.csv").write_text(",a,a.1,\n1,2,3,4\n", "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert list(table) == ["Unnamed: 0", "a", "a.1", "Unnamed: 3"]


def test_only_columns_that_may_be_numbers_are_looked_at(tmp_path):
    text = f"id,y\n{NUMBERS.replace(chr(10), ',1' + chr(10))}12b,2\n"
    (tmp_path / "t.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="'12b' in row 31"):
        read_table(tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv", numbers=["y"])
    assert table["y"].sum() == 32 and table["id"].iloc[-1] == "12b"


@pytest.mark.parametrize("sure", ["0,5", "0.5"])
def test_else_the_file_shows_it_or_the_one_before(sure, tmp_path):
    expected = 1234 if "," in sure else 1.234
    (tmp_path / "t.csv").write_text(f"a;b\n1.234;{sure}\n", "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert list(table["a"]) == [expected]
    (tmp_path / "new.csv").write_text("a;b\n1.234;\n", "utf-8")
    mark = table.attrs["decimal"]
    new = read_table(tmp_path / "new.csv", decimal=mark)
    assert list(new["a"]) == [expected]
    with pytest.raises(ValueError, match="'a': is 1.234 more than a"):
        read_table(tmp_path / "new.csv")


@pytest.mark.parametrize(
    "text, expected",
    [
        ('"a, b, c";"d, e"\n1,5;2\n', {"a, b, c": 1.5, "d, e": 2}),
        ("a, b, c;d\n1,5;2\n", {"a, b, c": 1.5, "d": 2}),
        ("a;b, c\nx;1,5\n", {"a": "x", "b, c": 1.5}),
        ('a,b\n"x; y\nz",2\n', {"a": "x; y\nz", "b": 2}),
    ],
)
def test_commas_in_the_names_of_columns_separate_none(
    text, expected, tmp_path
):
    (tmp_path / "t.csv").write_text(text, "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.iloc[0].to_dict() == expected


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is no table"),
        ("a,b\n", "no rows below"),
        ("a,b\n1,2,3\n4,5,6\n", "more cells than"),
        (f"a\n{NUMBERS}inf\n", "'inf' in row 31"),
        (f"a\n{NUMBERS}9e39\n", "'9e39' in row 31"),
        (f"a\n{NUMBERS}-1e20\n", "'-1e20' in row 31"),  # its square
        (f"a\n{NUMBERS}n. a.\n", "'n. a.' in row 31"),
        ("a, a \n1,2\n", "two columns called 'a'"),
        ("a,b,a\n1,2,3\n", "two columns called 'a'"),
        ("a b\n1,2,3\n4,5,6\n", "more cells than"),
        (
            "a\n"
            + "".join(f"{n if n % 3 else 'none'}\n" for n in HUNDRED),
            "34 cells such as 'none' in row 1",
        ),
        ('a\tb\n1\t"x\n2\ty\n3\t"z\n', '" at the start of .* row 1 '),
    ],
)
def test_a_table_that_is_none_is_refused(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "t.csv")


def test_columns_that_name_rows_or_say_nothing_are_left_out():
    rows = pd.DataFrame(
        {
            "number": np.arange(40) * 1.5,
            "id": np.arange(40.0),
            "one": 7.0,
            "none": "",
            "second": 1.7e9 + np.arange(40) / 9,
            "farad": np.arange(40) * 1.5e-9,
            "kind": ["a", ""] * 20,
            "name": [f"x{n}" for n in range(40)],
            "Unnamed: 0": np.arange(40.0) * 9,  # of rows taken out
        }
    )
    usable, left_out = usable_columns(rows)
    assert usable == {"number": None, "kind": ["", "a"]}
    assert left_out.pop("name") == "40 different texts, as 'x9'"
    for alike in "second", "farad":
        assert left_out.pop(alike).startswith("too alike")
    assert set(left_out) == {"id", "one", "none", "Unnamed: 0"}
    with pytest.raises(ValueError, match="no column to learn from"):
        usable_columns(rows[["one", "name"]])


def test_codes_that_look_like_numbers_stay_the_codes_they_are(tmp_path):
    columns = {"n": None, "code": ["", "07", "A"]}
    (tmp_path / "new.csv").write_text("code,n,x\n07,,?\n,2,\n", "utf-8")
    new = read_table(tmp_path / "new.csv", ["code"], only=columns)
    assert list(new) == ["code", "n"]
    inputs = table_inputs(new, columns)
    cells = inputs["categories"].numpy()[:, 0]
    assert [c.decode() for c in cells] == ["code=07", "code="]
    np.testing.assert_array_equal(inputs["numbers"], [[np.nan], [2]])
    new["n"] = ""
    assert np.isnan(table_inputs(new, columns)["numbers"]).all()
    with pytest.raises(ValueError, match=r"lacks the columns \['m'\]"):
        read_table(tmp_path / "new.csv", only=["n", "m"])
    with pytest.raises(ValueError, match=r"lacks the columns \['o'\]"):
        read_table(tmp_path / "new.csv", without=["x", "o"])
    with pytest.raises(ValueError, match=r"lacks the columns \['n'\]"):
        table_inputs(new[["code"]], columns)
    new["n"] = ["x", "1"]
    with pytest.raises(ValueError, match="column 'n': .*'x'"):
        table_inputs(new, columns)
    for large in "inf", "1e39":  # the only cell: read as a text
        new["n"] = ["", large]
        with pytest.raises(ValueError, match="'n': .*too large"):
            table_inputs(new, columns)


def test_a_class_called_none_a_blank_line_and_few_kinds_are_kept(
    tmp_path,
):
    kinds = ["4", "6", "rotary", *["4"] * 30]
    text = "kind,bags\n" + "".join(f"{kind},None\n" for kind in kinds)
    (tmp_path / "t.csv").write_text(f"{text}\n4,1\n\n\n", "utf-8")
    table = read_table(tmp_path / "t.csv")
    assert list(table["kind"]) == [*kinds, "", "4"]
    assert list(table["bags"]) == [*["None"] * 33, "", "1"]


@pytest.mark.parametrize("classes", [True, False])
def test_what_belongs_together_stays_on_one_side(classes):
    random = np.random.default_rng(3)
    together = random.integers(0, 90, 300)
    y = np.where(random.random(300) < 0.2, "rare", "often")
    parts = split_rows(y, together, classes=classes)
    assert sorted(np.concatenate(parts)) == list(range(300))
    train, validation, test = (set(together[part]) for part in parts)
    assert not (train & validation or train & test or validation & test)
    shares = [len(part) / 300 for part in parts]
    assert np.allclose(shares, [0.6, 0.2, 0.2], atol=0.05)
    if classes:
        rare = [(y[part] == "rare").mean() for part in parts]
        assert np.ptp(rare) < 0.06


@pytest.mark.parametrize(
    "y, together, message",
    [
        (["a"] * 24, range(24), "24 rows are too few"),
        (
            ["a", "b"] * 20,
            [1, 2] * 20,
            "fewer than 5 of the rows differ",
        ),
        (["a"] * 40 + ["b"] * 4, range(44), r"\['b'\]"),
        (
            ["a"] * 40 + ["b"] * 9,
            [*range(40), *[99] * 9],
            "belong together",
        ),
    ],
)
def test_a_split_that_leaves_a_side_without_a_class_is_refused(
    y, together, message
):
    with pytest.raises(ValueError, match=message):
        split_rows(y, list(together))


def test_pictures_of_all_kinds_become_squares_and_broken_ones_are_named(
    tmp_path,
):
    wide = Image.new("RGBA", (40, 10), (255, 0, 0, 255))
    wide.putpixel((0, 0), (0, 0, 0, 0))
    wide.save(tmp_path / "wide.png")
    Image.new("1", (3, 3), 1).save(tmp_path / "tiny.gif")
    turned = Image.new("L", (20, 10), 128)
    exif = turned.getexif()
    exif[0x0112] = 6  # held upright
    turned.save(tmp_path / "turned.jpg", exif=exif)
    names = ["wide.png", "tiny.gif", "turned.jpg"]
    read = read_pictures([tmp_path / name for name in names], size=20)
    assert read.shape == (3, 20, 20, 3) and read.dtype == "uint8"
    assert (read[0, 10, 10] == (255, 0, 0)).all()
    assert (read[0, 0] == 0).all()  # above a wide picture
    assert (read[1] == 255).all()
    assert (read[2, :, 0] == 0).all() and (read[2, 0, 10] > 100).all()
    deep = np.full((4, 4), 257 * 100, "uint16")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert (read_pictures([tmp_path / "deep.png"], 4) == 100).all()
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    with pytest.raises(ValueError, match="torn.png.*absent.png"):
        read_pictures([tmp_path / "torn.png", tmp_path / "absent.png"])


def test_files_of_classes_are_found(tmp_path):
    for name in (
        "a/1.TXT",
        "a/deep/2.txt",
        "b/3.txt",
        "b/.x.txt",
        "c/4.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/folder.txt").mkdir()
    (tmp_path / "b/PHOTO.HEIC").touch()
    found = files_by_class(tmp_path, suffixes=[".txt"])
    assert found.attrs["others"] == {".heic": 1, ".md": 1}
    assert list(found["name"]) == ["a", "a", "b"]
    assert [path.name for path in found["path"]] == [
        "1.TXT",
        "2.txt",
        "3.txt",
    ]
    with pytest.raises(ValueError, match="a folder for each class"):
        files_by_class(tmp_path / "a", suffixes=[".txt"])
    with pytest.raises(
        ValueError, match="'.txt': 3, '.heic': 1, '.md'"
    ):
        files_by_class(tmp_path, suffixes=[".csv"])
    (tmp_path / "a").rename(tmp_path / "Train")
    (tmp_path / "b").rename(tmp_path / "test")
    with pytest.raises(ValueError, match="is split already"):
        files_by_class(tmp_path, suffixes=[".txt"])


def test_a_class_whose_folder_is_a_link_is_found(tmp_path):
    needs_posix()
    for name in ("top/a", "elsewhere/b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    (tmp_path / "top/b").symlink_to(tmp_path / "elsewhere/b")
    assert list(files_by_class(tmp_path / "top")["name"]) == ["a", "b"]


def test_a_text_in_another_encoding_is_named(tmp_path):
    (tmp_path / "good.txt").write_text("\ufeffé", "utf-8")
    (tmp_path / "bad.txt").write_bytes("é".encode("latin-1"))
    assert read_text(tmp_path / "good.txt") == "é"
    with pytest.raises(ValueError, match="bad.txt is not in UTF-8"):
        read_text(tmp_path / "bad.txt")
    with pytest.raises(ValueError, match="can't read .*absent.txt"):
        read_text(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-02-27", periods=40, freq="D").astype(str),
        pd.date_range("2024-01-31", periods=40, freq="ME").astype(str),
        pd.date_range("2001-01-01", periods=40, freq="YS").astype(str),
        pd.date_range("2024-01-01", periods=40, freq="28D").astype(str),
        pd.date_range("2024-01-01", periods=40, freq="90min").astype(
            str
        ),
        np.arange(40) * 2.0 + 1900,
    ],
    ids=["days", "months", "years", "28 days", "90 minutes", "numbers"],
)
def test_a_missing_time_is_a_gap_whatever_the_step(times):
    table = pd.DataFrame({"when": times, "y": np.arange(40.0)})
    kept = table.drop(index=[20, 21]).sample(frac=1, random_state=1)
    series = regular_series(kept, "y", "when")
    assert len(series) == 40 and list(
        np.flatnonzero(series.isna())
    ) == [20, 21]
    np.testing.assert_array_equal(
        series.dropna(), np.delete(np.arange(40.0), [20, 21])
    )


@pytest.mark.parametrize(
    "first, times",
    [
        ("2024-01-30", ["20240130", "20240131", "20240201"]),
        ("2024-11", ["202411", "202412", "202501"]),
        ("2024-01-30", ["30.01.2024", "31.01.2024", "01.02.2024"]),
        ("2024-01-30", ["1/30/2024", "1/31/2024", "2/1/2024"]),
        ("2024-01-12", ["12.01.2024", "13.01.2024", "14.01.2024"]),
        ("1949.0", ["1949.0", "1949.083", "1949.167"]),
        (
            "2024-01-30 00:01",
            [
                "2024-01-30 00:01",
                "2024-01-31 00:00",
                "2024-02-01 00:03",
            ],
        ),
    ],
)
def test_times_are_read_as_they_are_written(first, times, tmp_path):
    rows = "".join(f"{time},{n}\n" for n, time in enumerate(times))
    (tmp_path / "t.csv").write_text(f"when,y\n{rows}", "utf-8")
    series = regular_series(read_table(tmp_path / "t.csv"), "y", "when")
    assert list(series) == [0, 1, 2]
    assert str(series.index[0]).startswith(first)


@pytest.mark.parametrize("step", ["h", "D", "MS"])
def test_summer_time_makes_no_gap_where_offsets_are_written(step):
    first, last = "2024-01-01", "2025-02-01"
    times = pd.date_range(first, last, freq=step, tz="Europe/Berlin")
    table = pd.DataFrame(
        {"when": [time.isoformat() for time in times], "y": 1.0}
    )
    series = regular_series(table, "y", "when")
    assert len(series) == len(times) and series.notna().all()
    if step == "h":
        assert list(series.index) == list(times)
    else:
        assert str(series.index[0]).startswith("2024-01")
        assert str(series.index[-1]).startswith("2025-02")


def test_weekends_and_holidays_are_no_gap_in_working_days():
    days = pd.bdate_range("2024-01-01", periods=90)
    kept = days.delete([10, 20, 21, *range(40, 50)])
    table = pd.DataFrame(
        {"when": kept.strftime("%d.%m.%Y"), "y": np.arange(77.0)}
    )
    series = regular_series(table, "y", "when")
    assert list(series.dropna().index) == list(kept)
    assert list(series.index[series.isna()]) == [days[40]]
    friday = pd.Timestamp("2024-05-03")
    assert series.index[-1] == friday
    assert friday + series.attrs["step"] == pd.Timestamp("2024-05-06")


@pytest.mark.parametrize(
    "times, message",
    [
        (
            ["01.02.2024", "02.02.2024", "03.02.2024"],
            "the day or the month",
        ),
        (["2024-01-01", "", "2024-01-03"], "of row 2"),
        (["2024-01-01", "2024-01-01", "2024-01-03"], "of row 2"),
        ([*"123456", "1000000"], "a gap of"),
        (["1", "2", "7", "30"], "no regular step"),
        (["first", "second", "third"], "'?first"),
        (["Jan-03", "Feb-03", "Mar-03"], "Jan-03 has no year of four"),
        (["13/01/23", "14/01/23", "15/01/23"], "13/01/23 has no year"),
        (["2024", "2025", "2024"], "keep the rows of one"),
    ],
)
def test_times_that_cannot_be_trusted_are_refused(
    times, message, tmp_path
):
    rows = "".join(f"{time},{n}\n" for n, time in enumerate(times))
    (tmp_path / "t.csv").write_text(f"when,y\n{rows}", "utf-8")
    with pytest.raises(ValueError, match=message):
        regular_series(read_table(tmp_path / "t.csv"), "y", "when")


def test_the_time_is_no_target():
    table = pd.DataFrame({"when": np.arange(40.0)})
    with pytest.raises(ValueError, match="target and time"):
        regular_series(table, "when", "when")


def test_no_window_reaches_across_a_gap():
    values = np.arange(80.0)
    values[50] = np.nan
    windows, after, places = windows_of(values, 10)
    assert windows.shape == (59, 10) and not np.isnan(windows).any()
    np.testing.assert_array_equal(after, places)
    np.testing.assert_array_equal(windows[:, -1], after - 1)
    with pytest.raises(ValueError, match="24 windows of 10"):
        windows_of(values[:34], 10)
    with pytest.raises(ValueError, match="too few for a window"):
        windows_of(values[:10], 10)
    with pytest.raises(ValueError, match="nearly the same"):
        windows_of(1e9 + np.sin(values), 10)
    with pytest.raises(ValueError, match="or change the unit"):
        windows_of(1e-9 * values, 10)
