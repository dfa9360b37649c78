"""The composer's programs compile, lint, and run on awkward data."""

import argparse
import csv
import itertools
import os
import re
import runpy
import signal
import subprocess
import sys
import time
import zipfile
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pytest
from helpers import ROOT, needs_posix, warm
from PIL import Image

import composer  # isort: skip  # helpers makes it importable

PAGE = ROOT / "docs/your_data/index.md"
KINDS = [
    ("table", "class"),
    ("table", "number"),
    ("pictures", "class"),
    ("texts", "class"),
    ("texts", "number"),
    ("series", "number"),
]
TUNERS = [
    "RandomSearch",
    "Hyperband",
    "BayesianOptimization",
    "GridSearch",
]
OPTIONS = [
    "resume",
    "cores",
    "time_limit",
    "early_stopping",
    "class_weights",
    "flat_memory",
]
EVERY = """() => {
  const form = document.getElementById("choose"), found = []
  const boxes = [...form.querySelectorAll("input")]
  const text = id => document.getElementById(id).textContent
  const change = () => form.dispatchEvent(new Event("change"))
  for (const kind of form.kind.options) {
    form.kind.value = kind.value
    change()
    for (const predict of form.predict.options) {
      if (predict.disabled) continue
      form.predict.value = predict.value
      for (const tuner of form.tuner.options) {
        form.tuner.value = tuner.value
        for (let n = 0; n < 1 << boxes.length; n++) {
          boxes.forEach((box, bit) => { box.checked = n >> bit & 1 })
          change()
          found.push([location.search, text("search-py"), text("predict-py")])
        }
      }
    }
  }
  return found
}"""

needs_posix()
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """The composer alone, as a page on disk."""
    folder = tmp_path_factory.mktemp("composer")
    text = PAGE.read_text("utf-8")
    form = text[text.index('<div id="composer"') : text.index("\n## ")]
    script = (ROOT / "docs/assets/your_data.js").read_text("utf-8")
    (folder / "index.html").write_text(
        f"<!doctype html><meta charset=utf-8>{form}"
        f"<script>{composer.script()}</script><script>{script}</script>",
        "utf-8",
    )
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    yield page
    page.close()


@pytest.fixture(scope="module")
def programs(page):
    """Each combination's programs, by what is chosen, sorted."""
    return {
        key(dict(parse_qsl(address[1:]))): (search, predict)
        for address, search, predict in page.evaluate(EVERY)
    }


def key(chosen):
    return urlencode(sorted(chosen.items()))


def test_every_combination_is_offered_once(programs):
    assert len(programs) == 4 * (3 * 2**6 + 3 * 2**5)
    assert len({search for search, _ in programs.values()}) == len(
        programs
    )
    assert len({predict for _, predict in programs.values()}) == len(
        KINDS
    )


def test_every_combination_compiles_and_lints(programs, tmp_path):
    each = {text for pair in programs.values() for text in pair}
    for number, text in enumerate(each):
        compile(text, "program", "exec")
        (tmp_path / f"{number}.py").write_text(text, "utf-8")
    config = ["--no-cache", "--config", ROOT / "pyproject.toml"]
    linted = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *config, tmp_path],
        capture_output=True,
        text=True,
    )
    assert linted.returncode == 0, linted.stdout[-2000:]


def test_no_program_has_a_line_too_long_or_a_mark(programs):
    for pair in programs.values():
        for line in "\n".join(pair).splitlines():
            assert len(line) <= 80, line
            assert not re.search("#:|#imports|snippets", line), line


@pytest.mark.parametrize("asked", ["series", "pictures"])
def test_what_cannot_go_together_is_put_right(page, asked):
    wrong = "number" if asked == "pictures" else "class"
    page.goto(f"{page.url.split('?')[0]}?kind={asked}&predict={wrong}")
    assert f"predict={wrong}" not in page.url
    assert page.locator(f"#predict [value={wrong}]").is_disabled()


def test_the_address_keeps_the_choice(page):
    page.goto(
        page.url.split("?")[0]
        + "?kind=texts&predict=number&tuner=Hyperband&resume=1&hours=3"
    )
    assert page.locator("#tuner").input_value() == "Hyperband"
    assert page.locator("[name=resume]").is_checked()
    page.locator("#kind").select_option("series")
    page.locator("[name=resume]").uncheck()
    page.locator("[name=time_limit]").check()
    chosen = dict(parse_qsl(page.url.partition("?")[2]))
    assert chosen == {
        "kind": "series",
        "predict": "number",
        "tuner": "Hyperband",
        "time_limit": "1",
    }


def test_the_zip_holds_both_programs(page, tmp_path):
    with page.expect_download() as waiting:
        page.locator("#get-both").click()
    waiting.value.save_as(tmp_path / "both.zip")
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["search.py", "predict.py"]
        for name, place in (
            ("search.py", "#search-py"),
            (
                "predict.py",
                "#predict-py",
            ),
        ):
            shown = page.locator(place).text_content()
            assert archive.read(name).decode() == shown


def test_the_page_of_the_site_composes_the_same(programs, tab):
    page = tab("your_data/?kind=pictures&tuner=Hyperband&cores=1")
    search, predict = programs[
        "cores=1&kind=pictures&predict=class&tuner=Hyperband"
    ]
    page.wait_for_selector("#composer:not([hidden])")
    assert page.locator("#search-py").text_content() == search
    assert page.locator("#predict-py").text_content() == predict
    assert "pillow" in page.locator("#pip").text_content()
    assert "FOLDER" in page.locator("#python").text_content()


JUMPS = """window.jumps = 0
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) window.jumps += entry.value
}).observe({type: "layout-shift", buffered: true})"""


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_jumps_when_the_parts_come_late(
    browser, address, width
):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.add_init_script(JUMPS)
    page.route(
        "**/parts.js",
        lambda route: (time.sleep(1), route.continue_()),
    )
    page.goto(f"{address}your_data/")
    page.wait_for_selector("#composer:not([hidden])")
    page.wait_for_timeout(300)
    assert page.evaluate("jumps") < 0.01
    page.close()


def test_the_page_can_be_used_by_keyboard(tab):
    page = tab("your_data/")
    page.locator("#kind").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert "kind=pictures" in page.url and "resume=1" in page.url
    page.keyboard.press("Space")
    assert "resume" not in page.url


def test_no_work_is_lost_unless_one_asks_for_it(page):
    """An address that says what is chosen is all of the choice."""
    start = page.url.split("?")[0]
    for asked, resumes in (
        ("", True),
        ("?h=table", True),
        ("?kind=texts", False),
        ("?resume=0", False),
        ("?kind=texts&resume=1", True),
    ):
        page.goto(start + asked)
        assert page.locator("[name=resume]").is_checked() == resumes
        program = page.locator("#search-py").text_content()
        assert ("overwrite=True" in program) != resumes


def test_without_javascript_the_page_leads_to_the_four_starters(site):
    text = (site / "your_data/index.html").read_text("utf-8")
    assert "<noscript>" in text and 'id="composer"' in text
    for name in ("table", "pictures", "texts", "series"):
        assert f'href="../tutorials/your_data/{name}/"' in text


def write(path, header, rows, between=",", mark="utf-8-sig"):
    with open(path, "w", encoding=mark, newline="") as file:
        writer = csv.writer(file, delimiter=between)
        writer.writerows([header, *rows])
    return path


def table(folder, predict):
    """A table with all that tables have: commas, gaps, names."""
    random = np.random.default_rng(7)
    header = [
        "Nr.",
        "Name, voll",
        "größe (cm)",
        "Art/型",
        "leer",
        "eins",
    ]
    rows = []
    for number in range(60):
        size = random.normal(100, 20)
        name = f'{"x" * number} "Æ", {number}'
        size_written = "" if number % 7 == 0 else f"{size:.2f}"
        kind = ["rot, hell", "blå", "", "7"][number % 4]
        target = "Ja, groß" if size > 100 else "nein"
        if predict == "number":
            # As Excel writes it: the new file alone can't tell what
            # 1.000 is, and the other could.
            target = f"{size + number % 4:.1f}".replace(".", ",")
            size_written = size_written.replace(".", ",")
        rows.append([number, name, size_written, kind, "", 1, target])
    between = "," if predict == "class" else ";"
    path = write(
        folder / "däta.csv", [*header, "Ziel: x"], rows, between
    )
    new = [
        ["neu", "blå", "", 1, "12"],
        ["", "nie gesehen", "1.000", 2, ""],
    ]
    new_header = ["Name, voll", "Art/型", "größe (cm)", "Nr.", "leer"]
    new = write(folder / "new.csv", new_header, new, between)
    return [path, "--target", "Ziel: x"], new, 2


def pictures(folder, predict):
    """A folder with pictures of all sizes and kinds, and other files."""
    random = np.random.default_rng(7)
    top = folder / "Bilder ü"
    modes = ["RGB", "RGBA", "L", "P", "CMYK", "1", "LA"]
    for name, count, colour in ("rot & groß", 14, 0), ("blå", 22, 2):
        (top / name / "tief").mkdir(parents=True)
        for number in range(count):
            high, wide = random.integers(1, 60, size=2)
            pixels = random.integers(0, 120, (high, wide, 3), "uint8")
            pixels[..., colour] += 120
            mode = modes[number % len(modes)]
            end = "jpg" if mode == "CMYK" else "PNG"
            place = top / name / ("tief" if number % 3 else "")
            picture = Image.fromarray(pixels).convert(mode)
            picture.save(place / f"{number} é.{end}")
    (top / "Thumbs.db").write_bytes(b"no picture")
    (top / "blå/notes.txt").write_text("no picture", "utf-8")
    return [top], top, 36


def texts(folder, predict):
    """Texts with line ends, quotes, none at all; a table or files."""
    rows = []
    for number in range(60):
        word = ["gut, sehr", "schlecht"][number % 2]
        text = f'Das war {word}\n"ganz" {number} 日本'
        text = "" if number % 11 == 0 else text
        target = ["Lob", "Tadel & Ärger"][number % 2]
        if predict == "number":
            target = number % 5
        rows.append([number, text, target])
    new = write(
        folder / "new.csv",
        ["was", "Text, lang"],
        [["x", ""], ["y", "gut"]],
    )
    if predict == "number":
        path = write(
            folder / "t.csv", ["n", "Text, lang", "Ziel"], rows
        )
        return [path, "--target", "Ziel"], new, 2
    for number, text, target in rows:
        place = folder / "Texte" / target
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(text, "utf-8")
    return [folder / "Texte"], folder / "Texte", 60


def series(folder, predict):
    """A series with a gap and a missing value, not in order."""
    days = np.arange("2023-01-01", "2023-07-20", dtype="datetime64[D]")
    values = 20 + 5 * np.sin(np.arange(len(days)) / 9)
    rows = [
        [str(day), f"{value:.3f}", "note, x"]
        for number, (day, value) in enumerate(
            zip(days, values, strict=True)
        )
        if number not in (60, 61)
    ]
    rows[100][1] = ""
    header = ["Datum", "Wert (°C)", "Notiz"]
    new = write(folder / "new.csv", header, rows)
    path = write(folder / "s.csv", header, rows[::-1])
    return [path, "--target", "Wert (°C)", "--time", "Datum"], new, 1


DATA = {f.__name__: f for f in (table, pictures, texts, series)}


def play(folder, program, arguments):
    """Run a program in this process, which is a fork of a warm one."""
    os.chdir(folder)
    out = os.open("out.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = [program, *map(str, arguments)]
    sys.path[0] = str(folder)
    runpy.run_path(program, run_name="__main__")


def run(folder, program, *arguments):
    """Return how a program ended, and what it said."""
    process = warm().Process(
        target=play, args=(folder, program, arguments)
    )
    process.start()
    process.join()
    said = (folder / "out.txt").read_text("utf-8")
    return process.exitcode, said


def covering():
    """Return choices so that each pair of two is in one of them."""
    factors = [KINDS, TUNERS, *[(False, True)] * len(OPTIONS)]
    places = range(len(factors))
    wanted = {
        ((a, x), (b, y))
        for a, b in itertools.combinations(places, 2)
        for x in range(len(factors[a]))
        for y in range(len(factors[b]))
    }
    random, rows = np.random.default_rng(1), []
    while wanted:
        (a, x), (b, y) = min(wanted)
        best = max(
            (
                [
                    x
                    if p == a
                    else y
                    if p == b
                    else random.integers(len(factors[p]))
                    for p in places
                ]
                for _ in range(200)
            ),
            key=lambda row: len(
                wanted & set(itertools.combinations(enumerate(row), 2))
            ),
        )
        wanted -= set(
            itertools.combinations(enumerate(map(int, best)), 2)
        )
        rows.append(best)
    return [
        {
            "kind": KINDS[kind][0],
            "predict": KINDS[kind][1],
            "tuner": TUNERS[tuner],
        }
        | {n: "1" for n, on in zip(OPTIONS, flags, strict=True) if on}
        for kind, tuner, *flags in rows
    ]


@pytest.mark.parametrize("chosen", covering(), ids=key)
def test_programs_run_on_awkward_data(programs, chosen, tmp_path):
    if chosen["predict"] == "number":
        chosen.pop("class_weights", None)
    search, predict = programs[key(chosen)]
    (tmp_path / "search.py").write_text(search, "utf-8")
    (tmp_path / "predict.py").write_text(predict, "utf-8")
    given, new, lines = DATA[chosen["kind"]](
        tmp_path, chosen["predict"]
    )
    short = ["--trials", 2, "--max-epochs", 2]
    code, said = run(tmp_path, "search.py", *given, *short)
    assert code == 0, said
    assert "Trials, best first" in said and "test set" in said
    best, untuned = (
        float(re.search(rf"(?m)^{who}.*? (\S+), \d+ epochs$", said)[1])
        for who in ("The best", "Untuned")
    )
    better = best >= untuned if "accuracy" in said else best <= untuned
    assert (
        best == untuned
        or f"Saved the {'' if better else 'un'}tuned" in said
    )
    assert (tmp_path / "trials.png").is_file()
    code, said = run(tmp_path, "predict.py", new)
    assert code == 0, said
    assert len(said.splitlines()) == lines, said
    if chosen["predict"] == "class":
        assert re.search(
            r"Ja, groß|nein|rot & groß|blå|Lob|Tadel", said
        )


def test_predicting_before_a_search_says_what_to_do(programs, tmp_path):
    _, predict = programs[key(covering()[0])]
    (tmp_path / "predict.py").write_text(predict, "utf-8")
    code, said = run(tmp_path, "predict.py", "new.csv")
    assert code and said.count("\n") == 1, said
    assert "run search.py first" in said


def loaded(
    programs, folder, path, predict="class", kind="table", **options
):
    """Return what a composed program makes of data."""
    chosen = {"kind": kind, "predict": predict, "tuner": "GridSearch"}
    (folder / "search.py").write_text(programs[key(chosen)][0], "utf-8")
    names = runpy.run_path(str(folder / "search.py"))
    options = {
        "path": path,
        "target": "y",
        "ignore": [],
        "together": None,
        "text": None,
    } | options
    return names["load"](argparse.Namespace(**options))


def test_rows_of_one_patient_stay_together_and_teach_no_number(
    programs, tmp_path
):
    random = np.random.default_rng(1)
    rows = [[n // 4, random.random(), n % 2] for n in range(240)]
    rows += [["", random.random(), n % 2] for n in range(40)]
    path = write(tmp_path / "t.csv", ["patient", "x", "y"], rows)
    _, _, parts, about = loaded(
        programs, tmp_path, path, together="patient"
    )
    assert list(about["columns"]) == ["x"]
    assert np.allclose(
        [len(part) for part in parts], [168, 56, 56], atol=4
    )
    for part in parts:
        _, counts = np.unique(part[part < 240] // 4, return_counts=True)
        assert set(counts) == {4}
        assert (part >= 240).sum() > 2  # of no patient, each for itself
    with pytest.raises(ValueError, match="--together must be one of"):
        loaded(programs, tmp_path, path, together="ward")


@pytest.mark.parametrize("predict", ["class", "number"])
def test_the_texts_are_not_their_addresses_or_numbers(
    programs, predict, tmp_path, capsys
):
    rows = [
        [
            "12b" if n == 50 else n,
            f"https://example.org/{'x' * 60}/{n}",
            f"{'good' if n % 2 else 'bad'} one, {n}",
            n % 2,
        ]
        for n in range(100)
    ]
    path = write(tmp_path / "t.csv", ["id", "url", "said", "y"], rows)
    about = loaded(programs, tmp_path, path, predict, "texts")[3]
    assert about["text"] == "said"


@pytest.mark.parametrize("predict", ["class", "number"])
def test_of_a_long_text_only_the_beginning_is_read(
    programs, predict, tmp_path, capsys
):
    rows = [
        [f"{n} " * (9000 if n % 3 else 9), n % 2] for n in range(60)
    ]
    path = write(tmp_path / "t.csv", ["said", "y"], rows)
    _, take, parts, about = loaded(
        programs, tmp_path, path, predict, "texts"
    )
    texts = take(parts[0])[0].numpy()
    assert max(map(len, texts)) == about["characters"] == 10_000
    said = capsys.readouterr().out
    assert "of 40 texts only 10000 characters are used" in said


def test_pictures_that_cannot_be_read_are_counted(
    programs, tmp_path, capsys
):
    (top, *_), *_ = pictures(tmp_path, "class")
    (top / "blå/PHOTO.HEIC").write_bytes(b"no picture")
    loaded(programs, tmp_path, top, kind="pictures")
    said = capsys.readouterr().out
    assert "passed over, by suffix: {'.heic': 1, '.txt': 1}" in said


def test_rows_that_differ_in_their_number_only_stay_together(
    programs, tmp_path
):
    random = np.random.default_rng(1)
    values = random.permutation(np.repeat(random.random(120), 2))
    rows = [[n, v, n % 2] for n, v in enumerate(values)]
    path = write(tmp_path / "t.csv", ["id", "x", "y"], rows)
    _, _, parts, about = loaded(programs, tmp_path, path)
    assert list(about["columns"]) == ["x"]
    seen = [set(values[part]) for part in parts]
    assert not (
        seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2]
    )


def test_rows_alike_by_chance_are_split_freely(programs, tmp_path):
    rows = [["ab"[n % 2], "cde"[n % 3], n % 5 > 0] for n in range(400)]
    path = write(tmp_path / "t.csv", ["p", "q", "y"], rows)
    _, _, parts, _ = loaded(programs, tmp_path, path)
    assert [len(part) for part in parts] == [240, 80, 80]


def test_classes_are_called_what_they_were_called(programs, tmp_path):
    names = ["007", "1", "None", "1.0", "Ja, ß"]
    rows = [[n * 1.5, names[n % 5]] for n in range(200)] + [[1, ""]]
    path = write(tmp_path / "t.csv", ["x", "y"], rows)
    _, take, parts, about = loaded(programs, tmp_path, path)
    assert about["names"] == sorted(names)
    assert sum(map(len, parts)) == 200
    inputs, y = take(parts[0])
    firsts = np.array(about["names"])[y]
    kept = (inputs["numbers"][:, 0] / 1.5).round().astype(int)
    assert list(firsts) == [names[n % 5] for n in kept]


@pytest.mark.parametrize("weights", [False, True])
def test_a_model_that_only_says_the_frequent_class_is_told_of(
    programs, weights, tmp_path
):
    random = np.random.default_rng(1)
    rows = [
        [x, "rare" if n < 6 else "often"]
        for n, x in enumerate(random.random(120))
    ]
    path = write(tmp_path / "t.csv", ["x", "y"], rows)
    chosen = {
        "kind": "table",
        "predict": "class",
        "tuner": "RandomSearch",
    }
    chosen |= {"class_weights": "1"} if weights else {}
    (tmp_path / "search.py").write_text(
        programs[key(chosen)][0], "utf-8"
    )
    given = [path, "--target", "y", "--trials", 1, "--max-epochs", 2]
    code, said = run(tmp_path, "search.py", *given)
    assert code == 0, said
    best, simple = (
        float(re.search(rf"(?m)^{name} +(\S+)", said)[1])
        for name in ("tuned", "most frequent class")
    )
    told = "The tuned model is no better than: most frequent class."
    assert (told in said) == (best <= simple), said
    assert weights or told in said
    hint = "Where classes are of unequal size, choose class weights."
    assert (hint in said) == (told in said and not weights)


@pytest.mark.parametrize(
    "hours, message",
    [
        ("1e-9", "no trial has begun: give more --hours"),
        ("inf", "invalid hours value: 'inf'"),
    ],
)
def test_a_time_that_cannot_be_is_one_error(
    programs, hours, message, tmp_path
):
    chosen = {
        "kind": "series",
        "predict": "number",
        "tuner": "RandomSearch",
        "time_limit": "1",
    }
    search, _ = programs[key(chosen)]
    (tmp_path / "search.py").write_text(search, "utf-8")
    given, *_ = series(tmp_path, "number")
    code, said = run(tmp_path, "search.py", *given, "--hours", hours)
    assert code and message in said and "Traceback" not in said, said


def test_a_series_of_another_step_is_not_forecast(programs, tmp_path):
    chosen = {"kind": "series", "predict": "number"}
    chosen["tuner"] = "RandomSearch"
    names = "search.py", "predict.py"
    for name, text in zip(names, programs[key(chosen)], strict=True):
        (tmp_path / name).write_text(text, "utf-8")
    given, *_ = series(tmp_path, "number")
    given += ["--trials", "1", "--max-epochs", "1"]
    code, said = run(tmp_path, "search.py", *given)
    assert not code, said
    days = np.arange("2024-01-01T00:00", "2024-03-01", 1440, "M8[m]")
    for times, expected in (
        (days + np.arange(60) % 3 * 5, "2024-03-01"),  # minutes late
        (np.arange(days[0], days[3], 60), "steps of 0 days 01:00:00"),
        (np.arange("2019-01", "2024-01", dtype="M8[M]"), "<MonthEnd>"),
    ):
        rows = [[str(time), "20"] for time in times]
        path = tmp_path / "other.csv"
        write(path, ["Datum", "Wert (°C)"], rows)
        code, said = run(tmp_path, "predict.py", path)
        assert expected in said and bool(code) == (
            "2024" not in expected
        )
        assert "Traceback" not in said, said


def killed(folder, arguments):
    """Run search.py, and die when the third trial begins."""
    from keras_tuner.src.engine.base_tuner import BaseTuner

    begin = BaseTuner.on_trial_begin

    def on_trial_begin(self, trial):
        if int(trial.trial_id) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        begin(self, trial)

    BaseTuner.on_trial_begin = on_trial_begin
    play(folder, "search.py", arguments)


def test_a_killed_search_that_goes_on_ends_as_one_that_was_not(
    programs, tmp_path
):
    chosen = {
        "kind": "table",
        "predict": "number",
        "tuner": "BayesianOptimization",
        "resume": "1",
    }
    ends = []
    for kills in (0, 1):
        folder = tmp_path / str(kills)
        folder.mkdir()
        search, _ = programs[key(chosen)]
        (folder / "search.py").write_text(search, "utf-8")
        given, *_ = table(folder, "number")
        given += ["--trials", "4", "--max-epochs", "2"]
        if kills:
            process = warm().Process(
                target=killed, args=(folder, given)
            )
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
        code, said = run(folder, "search.py", *given)
        assert code == 0, said
        assert kills == ("trial 0:" not in said), said
        said = said[said.index("Trials, best first") :].splitlines()
        ends.append([line for line in said if "WARNING" not in line])
    assert ends[0][:-1] == ends[1][:-1]


def rare(folder):
    rows = [[n, n * n, "viel"] for n in range(40)] + [[1, 2, "rar"]] * 3
    path = write(folder / "t.csv", ["a", "b", "c"], rows)
    return [path, "--target", "c"]


def nearly_numbers(folder):
    rows = [[n, n * n, n % 2] for n in range(40)]
    rows[30][0] = "12 kg"
    path = write(folder / "t.csv", ["a", "b", "c"], rows)
    return [path, "--target", "c"]


def latin(folder):
    rows = [["ä", n % 2] for n in range(40)]
    path = write(folder / "t.csv", ["a", "c"], rows, mark="latin-1")
    return [path, "--target", "c"]


def unequal(folder):
    (folder / "t.csv").write_text("a,b\n1,2\n1,2,3\n", "utf-8")
    return [folder / "t.csv", "--target", "b"]


def thousands(folder):
    rows = [[f"1.{n + 234}", n] for n in range(40)]
    path = write(folder / "t.csv", ["a", "c"], rows, between=";")
    return [path, "--target", "c"]


def useless(folder):
    rows = [[1, f"name {n}", n % 2] for n in range(40)]
    path = write(folder / "t.csv", ["a", "b", "c"], rows)
    return [path, "--target", "c"]


def unit(folder):
    rows = [[n % 7, f"{n} kg"] for n in range(300)]
    return [write(folder / "t.csv", ["a", "c"], rows), "--target", "c"]


def alike(folder):
    rows = [[n % 7, 1.7e9 + n / 9] for n in range(300)]
    return [write(folder / "t.csv", ["a", "c"], rows), "--target", "c"]


def many(folder):
    rows = [[n % 7, n + 0.5] for n in range(300)]
    return [write(folder / "t.csv", ["a", "c"], rows), "--target", "c"]


def corrupt(folder):
    given, *_ = pictures(folder, "class")
    (given[0] / "blå/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    return given


def rare_pictures(folder):
    given = corrupt(folder)  # which it needs not find out first
    (given[0] / "selten").mkdir()
    for number in range(2):
        Image.new("L", (9, 9)).save(given[0] / f"selten/{number}.png")
    return given


def flat(folder):
    given, *_ = pictures(folder, "class")
    return [given[0] / "blå"]


def short(folder):
    rows = [[f"2024-01-{day:02}", day] for day in range(1, 30)]
    path = write(folder / "s.csv", ["when", "value"], rows)
    return [path, "--target", "value", "--time", "when"]


def twice(folder):
    rows = [["2024-01-01", n] for n in range(200)]
    path = write(folder / "s.csv", ["when", "value"], rows)
    return [path, "--target", "value", "--time", "when"]


def no_times(folder):
    rows = [[f"day {n}", n] for n in range(200)]
    path = write(folder / "s.csv", ["when", "value"], rows)
    return [path, "--target", "value", "--time", "when"]


WRONG = {
    "a class with three rows": ("table", "class", rare, "'rar'"),
    "a cell with a unit": (
        "table",
        "class",
        nearly_numbers,
        "'12 kg' in row 31",
    ),
    "not in UTF-8": ("table", "class", latin, "save it as CSV UTF-8"),
    "rows of unequal length": (
        "table",
        "class",
        unequal,
        "is no table",
    ),
    "nothing to learn from": (
        "table",
        "class",
        useless,
        "no column to learn",
    ),
    "numbers, not classes": (
        "table",
        "class",
        many,
        "300 different values",
    ),
    "classes, not numbers": (
        "table",
        "number",
        rare,
        "'c' does not hold",
    ),
    "times that 32 bits do not tell": (
        "table",
        "number",
        alike,
        "'c' is missing or nearly the same in all rows",
    ),
    "a unit in the target": (
        "table",
        "number",
        unit,
        "but '0 kg': write 1234.5, without a unit",
    ),
    "a series with a unit": (
        "series",
        "number",
        unit,
        "does not hold numbers, but '0 kg'",
    ),
    "no such column": (
        "table",
        "class",
        lambda f: rare(f)[:1],
        "--target must",
    ),
    "no column to forecast": (
        "series",
        "number",
        lambda f: short(f)[:1],
        "--target must",
    ),
    "no such file": (
        "texts",
        "class",
        lambda f: [f / "no.csv"],
        "no file",
    ),
    "a class with two pictures": (
        "pictures",
        "class",
        rare_pictures,
        "fewer than 5 rows are of ['selten']",
    ),
    "1.234 or 1234": (
        "table",
        "number",
        thousands,
        "is 1.234 more than a thousand",
    ),
    "a corrupt picture": ("pictures", "class", corrupt, "torn.jpg"),
    "no folder per class": (
        "pictures",
        "class",
        flat,
        "a folder for each",
    ),
    "no such folder": (
        "pictures",
        "class",
        lambda f: [f / "no"],
        "no folder",
    ),
    "a short series": ("series", "number", short, "too few"),
    "a time twice": (
        "series",
        "number",
        twice,
        "missing or equal times",
    ),
    "times that are none": (
        "series",
        "number",
        no_times,
        "Write times as",
    ),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("cores", [False, True])
def test_what_cannot_work_is_one_error_before_the_search(
    programs, case, cores, tmp_path
):
    kind, predict, make, message = WRONG[case]
    chosen = {"kind": kind, "predict": predict, "tuner": "Hyperband"}
    search, _ = programs[
        key(chosen | ({"cores": "1"} if cores else {}))
    ]
    (tmp_path / "search.py").write_text(search, "utf-8")
    code, said = run(tmp_path, "search.py", *make(tmp_path))
    *before, last = said.strip().splitlines()
    assert code == 1 and last.startswith("search.py: "), said
    assert message in last and "Traceback" not in said
    assert len(before) <= 1 and not (tmp_path / "searches").exists()
