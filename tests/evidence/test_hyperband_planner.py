"""The page that plans Hyperband, held against Keras Tuner's own oracle."""

import functools
import itertools
import math
import re

import keras_tuner as kt
import pytest
from browsing import SIZES, narrow, violations
from helpers import ROOT

from snippets.models.build_model import build_model

PATH = "evidence/hyperband_planner/"
PAGE = (ROOT / "docs/evidence/hyperband_planner.md").read_text("utf-8")
SCRIPT = ROOT / "docs/assets/planner.js"
LIMIT = 10_000


def oracle(max_epochs, factor, iterations=1):
    """Keras Tuner's own, over a space that is never exhausted."""
    space = kt.HyperParameters()
    space.Float("x", 0.0, 1.0)
    asked = kt.oracles.HyperbandOracle(
        objective=kt.Objective("score", "max"),
        max_epochs=max_epochs,
        factor=factor,
        hyperband_iterations=iterations,
        hyperparameters=space,
        seed=1,
    )
    # Writing is nine tenths of the time of its trials, which cost nothing.
    asked.save = asked._save_trial = lambda *_: None
    return asked


def run(searched, folder, failures=(), stop=math.inf):
    """Let an oracle run its search; return the values of its trials.

    In the first round of each bracket the trials whose numbers are in
    failures fail.
    """
    searched._set_project_dir(folder, "search")
    searched.verbose = 0
    trials, begun = [], {}
    while len(trials) < stop:
        trial = searched.create_trial("tuner")
        if trial.status != "RUNNING":
            assert trial.status == "STOPPED"
            break
        values = trial.hyperparameters.values
        trials.append(values)
        trial.status = "COMPLETED"
        if values["tuner/round"] == 0:
            number = begun.setdefault(values["tuner/bracket"], 0)
            begun[values["tuner/bracket"]] += 1
            if number in failures:
                trial.status = "INVALID"
        if trial.status == "COMPLETED":
            searched.update_trial(
                trial.trial_id, {"score": values["x"]}
            )
        searched.end_trial(trial)
    return trials


@pytest.fixture(scope="session")
def driven(tmp_path_factory):
    """A function that runs a search, each only once."""

    @functools.cache
    def drive(*setting):
        folder = tmp_path_factory.mktemp("oracle")
        return run(oracle(*setting), folder)

    return drive


def counted(trials):
    """What the trials of a search were: rounds, and totals."""
    rounds = {}
    for values in trials:
        where = values["tuner/bracket"], values["tuner/round"]
        epochs = values["tuner/initial_epoch"], values["tuner/epochs"]
        rounds.setdefault(where, []).append(epochs)
    assert all(len(set(epochs)) == 1 for epochs in rounds.values())
    totals = (
        len(trials),
        len({values["x"] for values in trials}),
        sum(until - done for r in rounds.values() for done, until in r),
    )
    return {w: (len(e), *e[0]) for w, e in rounds.items()}, totals


def sized(max_epochs, factor):
    """The rounds as the oracle's methods size them, in their order."""
    asked, rounds = oracle(max_epochs, factor), []
    for bracket in reversed(range(asked._get_num_brackets())):
        done = 0
        for turn in range(asked._get_num_rounds(bracket)):
            trials = asked._get_size(bracket, turn)
            until = asked._get_epochs(bracket, turn)
            rounds.append([bracket, turn, trials, done, until])
            done = until
    return rounds


@functools.cache
def cost(max_epochs, factor):
    """Trials, configurations and epochs by the oracle's methods."""
    rounds = sized(max_epochs, factor)
    return (
        sum(trials for *_, trials, _, _ in rounds),
        sum(trials for _, turn, trials, _, _ in rounds if turn == 0),
        sum(trials * (to - done) for *_, trials, done, to in rounds),
    )


def formula(max_epochs, factor):
    """Keras Tuner's docstring."""
    return max_epochs * math.log(max_epochs, factor) ** 2


def rows(heading):
    """Return the cells of the table below a heading of the page."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"(?m)^\|(.+)\|$", section)
    cells = [[c.strip() for c in line.split("|")] for line in lines]
    assert len(cells) > 3
    return cells[2:]


def fill(page, **fields):
    for name, value in fields.items():
        page.fill(f"#plan-{name}", str(value))


NUMBER = r"([\d,]+)"


def whole(text):
    return int(text.replace(",", ""))


def clock(text):
    """Seconds of a time such as 1 h 2 min 3 s."""
    units = {"h": 3600, "min": 60, "s": 1}
    found = re.findall(rf"{NUMBER} (h|min|s)\b", text)
    assert found, text
    return sum(whole(number) * units[unit] for number, unit in found)


def totals(page):
    text = page.inner_text("#plan-total")
    found = re.fullmatch(
        rf"Trials: {NUMBER}\. Configurations: {NUMBER}\. "
        rf"Epochs: {NUMBER}\. Time: (.+)\.",
        text,
    )
    assert found, text
    return tuple(map(whole, found.groups()[:3])), found[4]


def planned(page, max_epochs, factor, iterations=1):
    """Fill in a setting; return what the page says of it."""
    fill(
        page,
        max_epochs=max_epochs,
        factor=factor,
        iterations=iterations,
    )
    heads, *lines = page.evaluate(
        """[...document.querySelectorAll("#plan-rounds tr")].map(row =>
          [...row.cells].map(cell => [cell.scope, cell.innerText]))"""
    )
    turns = [f"round {turn}" for turn in range(len(lines))]
    columns = ["bracket", *turns, "time"]
    assert heads == [["col", text] for text in columns]
    rounds = {}
    for (scope, bracket), *cells, _ in lines:
        assert scope == "row"
        for turn, (_, text) in enumerate(cells):
            if text:
                trials, epochs = text.split("\n")
                ends = re.findall(r"[\d,]+", epochs)
                done, until = whole(ends[0]) - 1, whole(ends[-1])
                where = int(bracket), turn
                rounds[where] = whole(trials), done, until
    return rounds, totals(page)[0]


SETTINGS = [
    *itertools.product((1, 2, 3, 9, 10), (2, 3, 10), (1,)),
    *((4, 2, 1), (5, 2, 1), (7, 2, 1), (8, 2, 1), (32, 2, 1)),
    *((26, 3, 1), (27, 3, 1), (28, 3, 1), (80, 3, 1), (81, 3, 1)),
    *((100, 3, 1), (15, 4, 1), (16, 4, 1), (17, 4, 1), (64, 4, 1)),
    *((25, 5, 1), (26, 5, 1), (125, 5, 1), (64, 8, 1), (11, 10, 1)),
    *((100, 10, 1), (99, 100, 1), (100, 100, 1), (1, LIMIT, 1)),
    *((1, 3, 5), (3, 10, 4), (9, 3, 2), (10, 3, 3), (4, 2, 4)),
]


def test_the_planner_says_what_the_oracle_then_does(tab, driven):
    page = tab(PATH)
    assert len(set(SETTINGS)) == len(SETTINGS) > 40
    for setting in SETTINGS:
        rounds, (trials, configurations, epochs) = counted(
            driven(*setting)
        )
        iterations = setting[2]
        once = {
            where: (number // iterations, *epochs)
            for where, (number, *epochs) in rounds.items()
        }
        said = planned(page, *setting)
        assert said == (once, (trials, configurations, epochs)), setting


def test_the_planner_sizes_rounds_as_the_oracle_at_every_setting(tab):
    settings = list(itertools.product(range(1, 301), range(2, 9)))
    for factor in range(2, 101):
        powers = itertools.takewhile(
            lambda power: power <= LIMIT,
            (factor**exponent for exponent in itertools.count(1)),
        )
        for power in powers:
            settings += [(power + by, factor) for by in (-1, 0, 1)]
    settings += [(1000, 10), (LIMIT, 2), (LIMIT, LIMIT), (2, LIMIT)]
    said = tab(PATH).evaluate(
        """settings => settings.map(setting => hyperbandRounds(...setting)
          .map(r => [r.bracket, r.round, r.trials, r.from, r.to]))""",
        settings,
    )
    for setting, rounds in zip(settings, said, strict=True):
        assert rounds == sized(*setting), setting


def test_the_call_to_paste_makes_the_tuner_that_was_planned(
    tab, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    page, found = tab(PATH), set()
    asked = {(100, 3, 1), (27, 3, 2), (1, LIMIT, 1)}
    for setting in sorted(asked):
        planned(page, *setting)
        page.locator("pre:has(#plan-call) .md-code__button").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("#plan-call").text_content()
        names = {"build_model": build_model}
        exec(copied, names)
        made = names["tuner"].oracle
        found.add(
            (made.max_epochs, made.factor, made.hyperband_iterations)
        )
        assert "=1," in copied and "kt.Objective(" in copied
    assert found == asked
    assert len(list(tmp_path.glob("searches/*"))) == len(asked)


def test_time_is_that_of_epochs_and_of_starting_trials(tab):
    page = tab(PATH)
    for per_epoch, per_trial, iterations in (
        ("2", "1", 1),
        ("0.5", "0", 3),
        (".01", "7.25", 2),
        ("3600", "100", 1),
    ):
        fill(page, epoch=per_epoch, trial=per_trial)
        _, (trials, _, epochs) = planned(page, 30, 3, iterations)
        seconds = epochs * float(per_epoch) + trials * float(per_trial)
        assert clock(totals(page)[1]) == pytest.approx(seconds, abs=0.6)
        times = page.locator("#plan-rounds tr td:last-child")
        each = [clock(text) for text in times.all_inner_texts()]
        assert len(each) == 4
        assert sum(each) * iterations == pytest.approx(seconds, abs=5)
    fill(page, max_epochs=1, iterations=1, epoch="0.1", trial=0)
    assert totals(page)[1] == "under 1 s"


def test_the_drawing_is_to_scale_and_has_its_times_in_words(tab):
    page = tab(PATH)
    fill(page, epoch=2, trial=3)
    rounds, _ = planned(page, 81, 3)
    boxes = page.locator("#plan-bars b").evaluate_all(
        "all => all.map(b => [b.innerText, b.offsetWidth, b.offsetHeight])"
    )
    assert [whole(text) for text, *_ in boxes] == [
        trials for trials, *_ in rounds.values()
    ]
    seconds = [
        trials * (2 * (until - done) + 3)
        for trials, done, until in rounds.values()
    ]
    scale = sum(width for _, width, _ in boxes) / sum(seconds)
    for (_, width, _), lasts in zip(boxes, seconds, strict=True):
        assert width == pytest.approx(lasts * scale, abs=1.5)
    heights = {whole(text): height for text, _, height in boxes}
    assert sorted(heights) == sorted(heights, key=heights.get)
    drawing = page.get_by_role("img", name="Time of each bracket")
    words = drawing.get_attribute("aria-label")
    times = page.locator("#plan-rounds tr td:last-child")
    for bracket, time in zip(
        range(4, -1, -1), times.all_inner_texts(), strict=True
    ):
        assert f"bracket {bracket}, {time}" in words


BAD = [
    *(
        (name, value)
        for name in ("max_epochs", "factor", "iterations")
        for value in ("", " ", "0", "-3", "2.5", "1e9", "1000000000")
    ),
    *(("max_epochs", value) for value in ("ten", "10001", "9,5")),
    *(("factor", value) for value in ("1", "1.9", "NaN", "Infinity")),
    *(("epoch", value) for value in ("", "0", "-1", "two", "1,5")),
    *(("trial", value) for value in ("", "-0.5", "1e9", "0x10", ".")),
    *(("hours", value) for value in ("", "0", "-1", "1e9", "8h")),
]
LEAST = {
    "max_epochs": "1",
    "factor": "2",
    "iterations": "1",
    "epoch": "0.001",
    "trial": "0",
    "hours": "0.01",
}


def test_bad_input_is_explained_and_no_old_plan_stays(tab):
    page = tab(PATH)
    for name, value in BAD:
        field = page.locator(f"#plan-{name}")
        good = field.input_value()
        field.fill(value)
        place = f"#{field.get_attribute('aria-describedby')}"
        kind = "number, such as 0.5,"
        if name in ("max_epochs", "factor", "iterations"):
            kind = "whole number"
        assert page.locator(place).is_visible()
        assert page.inner_text(place) == (
            f"Enter a {kind} from {LEAST[name]} to 10,000."
        ), (name, value)
        assert field.get_attribute("aria-invalid") == "true"
        assert page.locator("[aria-invalid=true]").count() == 1
        assert page.inner_text("#plan-none").startswith("No answer:")
        assert not page.locator("#plan-answer").is_visible()
        lost = name != "hours"
        assert page.locator("#plan-result").is_visible() != lost
        said = page.inner_text("#plan-total")
        assert said.startswith("No plan:") == lost
        assert ("Trials" in said) != lost
        field.fill(good)
        assert page.locator("[aria-invalid=true]").count() == 0
        assert page.inner_text(place) == ""
        assert page.inner_text("#plan-none") == ""
        assert page.locator("#plan-answer").is_visible()
        assert page.locator("#plan-result").is_visible()
        assert totals(page)[0] == cost(100, 3)


def test_limits_themselves_are_allowed(tab):
    page = tab(PATH)
    fill(page, **LEAST)
    assert totals(page)[0] == (1, 1, 1)
    fill(page, **dict.fromkeys(LEAST, LIMIT))
    each = cost(LIMIT, LIMIT)
    assert totals(page)[0] == tuple(LIMIT * number for number in each)
    assert page.locator("[aria-invalid=true]").count() == 0


def search_time(max_epochs, factor, iterations, epoch, start):
    """Seconds of a search by the sizes of the oracle's methods."""
    trials, _, epochs = cost(max_epochs, factor)
    return iterations * (epochs * epoch + trials * start)


def test_what_fits_fits_and_the_next_larger_does_not(tab):
    page = tab(PATH)
    asked = [
        (100, 3, 1, 2, 1, 8),
        (27, 5, 2, 0.5, 10, 1.5),
        (81, 3, 1, 30, 0, 0.5),
        (9, 2, 3, 60, 20, 100),
        (1, 7, 1, 4, 0, 0.01),
    ]
    found, refused = 0, 0
    for max_epochs, factor, iterations, epoch, start, hours in asked:
        fill(page, max_epochs=max_epochs, factor=factor)
        fill(page, iterations=iterations, epoch=epoch, trial=start)
        fill(page, hours=hours)

        lines = page.locator("#plan-fits tbody tr").all()
        factors = [int(row.locator("th").inner_text()) for row in lines]
        assert factors == sorted({2, 3, 4, factor})
        for each, row in zip(factors, lines, strict=True):
            cells = row.locator("td").all_inner_texts()
            for column, cell in enumerate(cells):
                most, *words = cell.split("\n")
                most = whole(most) if words else 0
                assert words or cell == "none fits"
                takes = [
                    search_time(
                        number if column == 0 else max_epochs,
                        each,
                        iterations if column == 0 else number,
                        epoch,
                        start,
                    )
                    for number in (most, most + 1)
                    if number
                ]
                *fits, exceeds = takes
                assert exceeds > hours * 3600
                for time in fits:
                    assert time <= hours * 3600
                    assert clock(words[0]) == round(time)
                found += len(fits)
                refused += not fits
    assert found > 20 and refused > 2


def test_random_trials_of_the_same_hours_are_counted(tab):
    page = tab(PATH)
    for most, epoch, start, hours in (
        (100, "2", "1", "8"),
        (27, "1.25", "6.25", "1"),
        (1, "0.5", "0", "0.01"),
        (10_000, "3600", "100", "2"),
    ):
        fill(
            page, max_epochs=most, epoch=epoch, trial=start, hours=hours
        )
        lengths = dict.fromkeys((most, math.ceil(most / 3)))
        found = re.findall(
            rf"{NUMBER} trials of {NUMBER}",
            page.inner_text("#plan-random"),
        )
        assert [(whole(n), whole(e)) for n, e in found] == [
            (
                int(
                    float(hours)
                    * 3600
                    // (epochs * float(epoch) + float(start))
                ),
                epochs,
            )
            for epochs in lengths
        ]
    fill(page, hours="long")
    assert not page.locator("#plan-random").is_visible()


def test_the_hour_of_the_page_on_choosing_is_the_planners(tab):
    """An hour, 40 s a training: what it says of it is computed."""
    text = (
        ROOT / "docs/explanation/random_search_or_hyperband.md"
    ).read_text("utf-8")
    text = " ".join(text.split())
    full = 3600 // 40
    left = full - 9
    epochs = cost(27, 3)[2]
    assert f"pays for {full} trainings. Leave 9 of them" in text
    assert f"The other {left} pay for five iterations of" in text
    assert left * 27 // epochs == 5
    assert f"{epochs / 27:.1f} each, and leave" in text
    spare = int(left - 5 * epochs / 27)
    starts = 5 * cost(27, 3)[0]
    assert f"leave {spare} for starting their {starts} trials" in text
    first = [each for each in sized(100, 3) if each[0] == 4]
    first = sum(n * (to - done) for *_, n, done, to in first)
    assert f"({first / 100:.1f} for `max_epochs=100`)" in text
    page = tab(PATH)
    fill(page, max_epochs=27, factor=3, trial=0)
    fill(page, epoch=40 / 27, hours=left * 40 / 3600)
    assert f"{left * 3} trials of 9" in page.inner_text("#plan-random")
    line = page.locator("#plan-fits tr", has_text="3").filter(
        has=page.locator("th", has_text=re.compile("^3$"))
    )
    assert line.locator("td").last.inner_text().startswith("5\n")


def test_a_budget_without_end_is_answered_with_the_limit(tab):
    page = tab(PATH)
    fill(page, epoch="0.001", trial=0, hours=LIMIT)
    cells = page.locator("#plan-fits td:nth-child(2)")
    for text in cells.all_inner_texts():
        assert text.startswith("10,000\n")


def test_the_planner_is_used_by_keyboard_and_speaks_when_one_pauses(
    tab,
):
    # Before Material sets timers, which this clock could not cancel.
    page = tab(PATH, before=lambda page: page.clock.install(time=0))
    page.evaluate(
        """() => {
          window.spoken = []
          new MutationObserver(() => spoken.push(document.querySelector("#plan-spoken").textContent))
            .observe(document.querySelector("#plan-spoken"), {childList: true})
        }"""
    )
    page.clock.pause_at(60_000)  # else a slow machine is a pause
    page.locator("h1").click()
    for name, value in (
        ("max_epochs", "27"),
        ("factor", "3"),
        ("iterations", "2"),
        ("epoch", "0.5"),
        ("trial", "1.5"),
    ):
        for _ in range(5):
            page.keyboard.press("Tab")
            at = page.evaluate("document.activeElement.id")
            if at == f"plan-{name}":
                break
        assert at == f"plan-{name}"
        page.keyboard.press("Control+A")
        page.keyboard.type(value)
        outline = (
            "getComputedStyle(document.activeElement).outlineStyle"
        )
        assert page.evaluate(outline) == "solid"
    assert totals(page)[0] == tuple(2 * n for n in cost(27, 3))
    assert page.evaluate("spoken") == []
    page.clock.run_for(1000)
    assert len(page.evaluate("spoken")) == 1
    page.keyboard.press("Control+A")
    page.keyboard.type("much")
    page.clock.run_for(1000)
    page.keyboard.press("Enter")
    first, second = page.evaluate("spoken")
    assert first.startswith("Trials: 140.")
    assert second == "Enter a number, such as 0.5, from 0 to 10,000."
    place = page.get_by_role("status")
    assert place.get_attribute("id") == "plan-spoken"


def enter(page, **fields):
    """Fill fields without scrolling to them, which fades the tabs."""
    page.evaluate(
        """fields => {
          for (const [name, value] of Object.entries(fields)) {
            const field = document.getElementById(`plan-${name}`)
            field.value = value
            field.dispatchEvent(new Event("input", {bubbles: true}))
          }
        }""",
        fields,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_axe_finds_nothing_while_the_planner_is_used(
    tab, scheme, width
):
    page = tab(PATH, scheme, width)
    for fields in (
        {"max_epochs": 81, "factor": 4, "iterations": 2},
        {"max_epochs": LIMIT, "factor": 2},
        {"max_epochs": 1},
        {"hours": "long"},
        {"factor": 1, "epoch": ""},
    ):
        enter(page, **fields)
        assert not violations(page, ".planner"), fields


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_the_largest_plan_and_every_message_fit_a_phone(tab, width):
    page = tab(PATH, width=max(width, 360))
    narrow(page, width)
    size = "document.documentElement.scrollWidth"
    planned(page, LIMIT, 2, LIMIT)
    assert page.evaluate(size) <= width
    fill(page, **dict.fromkeys(LEAST, "bad"))
    assert page.evaluate(size) <= width


def test_the_planner_is_on_the_first_screen(tab):
    page = tab(PATH)
    for place in ("#plan-trial", "#plan-total", "#plan-bars"):
        box = page.locator(place).bounding_box()
        assert box["y"] + box["height"] <= 800


def test_opened_from_disk_the_planner_works(tab, site):
    page = tab(f"{PATH}index.html", base=f"{site.as_uri()}/")
    assert planned(page, 27, 3)[1] == cost(27, 3)


def test_without_javascript_the_page_says_so_and_shows_its_table(
    browser, address
):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + PATH)
    says = page.locator("noscript p")
    assert says.is_visible()
    assert "The planner needs JavaScript" in says.text_content()
    assert not page.locator(".planner input").first.is_visible()
    first = " ".join(rows("Usual settings")[0])
    tables = page.locator("article table:visible").all_inner_texts()
    assert any(first in " ".join(text.split()) for text in tables)
    context.close()


def test_only_the_planners_page_loads_its_script(site):
    loads = [
        path.parent.name
        for path in site.rglob("*.html")
        if "planner.js" in path.read_text("utf-8")
    ]
    assert loads == ["hyperband_planner"]
    assert SCRIPT.stat().st_size < 7000


def test_usual_settings_are_what_the_oracle_runs(driven):
    settings = set()
    for cells in rows("Usual settings"):
        max_epochs, factor, *said, full = map(float, cells)
        settings.add((max_epochs, factor))
        trials = driven(int(max_epochs), int(factor), 1)
        assert counted(trials)[1] == tuple(said), cells
        assert full == round(said[2] / max_epochs, 1), cells
    assert {(100, 3), (80, 3), (81, 3)} <= settings
    default = kt.oracles.HyperbandOracle()
    assert (default.max_epochs, default.factor) == (100, 3)


def test_at_a_power_of_factor_the_bracket_of_most_trials_is_added():
    for factor in (2, 3, 4, 5):
        for power in (factor**3, factor**4):
            below, at = sized(power - 1, factor), sized(power, factor)
            added = [r for r in at if r[0] == at[0][0]]
            assert at[0][0] == below[0][0] + 1
            trials = {}
            for bracket, _, number, _, _ in at:
                trials[bracket] = trials.get(bracket, 0) + number
            assert max(trials, key=trials.get) == added[0][0]


def test_the_docstrings_formula_is_off_by_what_the_page_says():
    (said,) = re.findall(r"gives `(.+)`\n", PAGE)
    documented = " ".join(kt.Hyperband.__doc__.split())
    first, second = said.split(" * ", 1)
    assert f"`{first} * (math.{second})`" in documented
    for cells in rows("How far the docstring is off"):
        max_epochs, factor = map(int, cells[:2])
        by_formula = eval(
            said,
            {"log": math.log, "max_epochs": max_epochs}
            | {"factor": factor},
        )
        assert by_formula == formula(max_epochs, factor)
        epochs = cost(max_epochs, factor)[2]
        assert [int(cells[2]), int(cells[3])] == [
            round(by_formula),
            epochs,
        ]
        if by_formula:
            assert cells[4] == f"{epochs / by_formula:.2f}"
        else:
            assert cells[4] == "-"


def test_the_formula_is_too_low_and_too_high_where_the_page_says():
    for factor in (2, 3):
        off, whole_rounds = {}, {}
        for max_epochs in range(2, 1001):
            epochs = cost(max_epochs, factor)[2]
            off[max_epochs] = epochs - formula(max_epochs, factor)
            # As if each round trained from the first epoch on.
            again = sum(
                trials * until
                for *_, trials, _, until in sized(max_epochs, factor)
            )
            whole_rounds[max_epochs] = again - formula(
                max_epochs, factor
            )
        assert all(more > 0 for more in whole_rounds.values())
        if factor == 3:
            assert all(more > 0 for more in off.values())
        else:
            assert all(off[r] > 0 for r in range(2, 28))
            assert off[28] < 0
            assert all(off[r] < 0 for r in range(260, 1001))
    assert "too low up to 27, and too high from 260 to 1000" in (
        " ".join(PAGE.split())
    )
    assert "at every `max_epochs` from 2 to 1000" in PAGE


def test_odd_settings_do_what_the_page_says(tmp_path):
    said = dict(rows("Odd settings"))
    folders = (str(tmp_path / str(i)) for i in itertools.count())

    def search(*setting, stop=math.inf):
        return run(oracle(*setting), next(folders), stop=stop)

    one = counted(search(1, 3))
    assert one == ({(0, 0): (1, 0, 1)}, (1, 1, 1))
    assert said.pop("`max_epochs=1`") == "one trial of one epoch"
    for max_epochs, factor in ((2, 3), (3, 10), (9, 100)):
        rounds, _ = counted(search(max_epochs, factor))
        assert rounds == {(0, 0): (2, 0, max_epochs)}
    assert "two trials" in said.pop("`factor` above `max_epochs`")
    for factor in (1, 1.9, 0, -3):
        with pytest.raises(ValueError) as refused:
            oracle(9, factor)
    assert f"`ValueError: {refused.value}`" == said.pop(
        "`factor` below 2"
    )
    with pytest.raises(IndexError) as raised:
        search(0, 3)
    assert f"`IndexError: {raised.value}`, at the first trial" == (
        said.pop("`max_epochs=0`")
    )
    rounds, _ = counted(search(9.5, 3))
    assert {rounds[b, b][2] for b in range(3)} == {10}
    assert "train 10 epochs" in said.pop("`max_epochs=9.5`")
    rounds, _ = counted(search(9, 2.5))
    assert rounds == {
        (b, t): (trials, done, until)
        for b, t, trials, done, until in sized(9, 2.5)
    }
    assert "accepted" in said.pop("`factor=2.5`")
    for iterations in (0, 1.5):
        assert len(search(1, 3, iterations, stop=40)) == 40
        ends = said.pop(f"`hyperband_iterations={iterations}`")
        assert ends == "the search does not end"
    assert not said


def test_above_the_limit_the_oracles_logarithm_errs():
    assert "`max_epochs=15625, factor=5`" in PAGE
    assert 5**6 == 15625 > LIMIT
    assert oracle(15625, 5)._get_size(0, 0) == 1 + 6 + 1
    assert oracle(5**5, 5)._get_size(0, 0) == 1 + 5


def test_a_failed_trial_costs_each_later_round_one(tmp_path):
    by_failures = [
        run(oracle(27, 3), str(tmp_path / str(len(failed))), failed)
        for failed in ((), (3,), (3, 5))
    ]
    for cells in rows("What one failed trial costs"):
        bracket = int(cells[0])
        for said, trials in zip(cells[1:], by_failures, strict=True):
            rounds, _ = counted(trials)
            kept = [
                rounds.get((bracket, turn), (0,))[0]
                for turn in range(bracket + 1)
            ]
            assert said == ", ".join(map(str, kept)), (bracket, said)
