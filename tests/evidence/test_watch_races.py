"""The page of races, each number held against what was recorded."""

import functools
import gzip
import itertools
import re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from browsing import SIZES, narrow, violations
from helpers import EVIDENCE, ROOT

from snippets.data.load_problem import load_problem
from snippets.data.load_races import load_races
from snippets.data.regret_of import regret_of

PATH = "evidence/watch_races/"
PAGE = (ROOT / "docs/evidence/watch_races.md").read_text("utf-8")
SLOW = "digits_that_start_slowly"
EPOCHS = 27
DASH = "–"


@functools.cache
def races():
    """Every trial of every race, with its score and its regret."""
    table = load_races(EVIDENCE / "races_problems.npz")
    found = []
    for name, trials in table.groupby("problem", observed=True):
        problem, regret = recorded(name)
        row, split = trials["row"], trials["split"]
        scores = problem.validation[row, split]
        epoch = np.arange(EPOCHS)
        outside = (epoch < trials[["first"]].to_numpy()) | (
            epoch >= trials[["last"]].to_numpy()
        )
        scores = np.where(outside, -np.inf, scores).max(axis=1)
        found.append(
            trials.assign(score=scores, regret=regret[row, split])
        )
    return pd.concat(found)


@functools.cache
def recorded(name):
    """A problem, and the regret of each configuration and split."""
    problem = load_problem(EVIDENCE / f"problem_{name}.npz")
    try:
        return problem, regret_of(problem)
    except ValueError:  # nothing to find
        shape = problem.tested.shape
        return problem, np.full(shape, np.nan)


@functools.cache
def problems():
    """The problems that the page can show, in their order."""
    there = races()["regret"].notna().groupby(races()["problem"]).all()
    return sorted(there[there].index)


def some_problems():
    """The first, the last, and the one made on purpose."""
    names = problems()
    return sorted({names[0], names[-1], *({SLOW} & {*names})})


def contestants():
    return races()["contestant"].astype(str).drop_duplicates().tolist()


@functools.cache
def raced(problem, contestant):
    """All trials of a contestant's races on a problem."""
    table = races()
    asked = table["problem"] == problem
    return table[asked & (table["contestant"] == contestant)]


def given(contestant, budget):
    """The epochs that a contestant may spend of a budget."""
    twice = contestant.endswith("twice the epochs")
    return 2 * budget if twice else budget


def expected(problem, contestant, budget):
    """Mean regret, its interval, trials and epochs, recomputed."""
    every = raced(problem, contestant)
    many = every.groupby(["split", "seed"]).ngroups
    trials = every[every["epochs"] <= given(contestant, budget)]
    race = trials.groupby(["split", "seed"])
    counts = race.size().sum() / many
    epochs = race["epochs"].max().sum() / many
    if race.ngroups < many:
        return None, None, None, counts, epochs
    chosen = trials.loc[
        trials.sort_values("score", kind="stable", ascending=False)
        .groupby(["split", "seed"])
        .head(1)
        .index
    ]
    splits = chosen.groupby("split")["regret"].mean()
    low, high = scipy.stats.t.interval(
        0.95, len(splits) - 1, splits.mean(), splits.sem()
    )
    return splits.mean(), low, high, counts, epochs


def opened(tab, problem, budget=378, show=(), width=1280, **chosen):
    """Open the page on a choice; return it when the races are there."""
    pairs = [("problem", problem), ("budget", budget), *chosen.items()]
    pairs += [("show", name) for name in show]
    query = "&".join(f"{key}={value}" for key, value in pairs)
    page = tab(f"{PATH}?{query}", width=width)
    return ready(page)


def ready(page):
    page.wait_for_function(
        "!/^$|^Loading/.test(document.querySelector('#race-said').textContent)"
    )
    return page


SEEN = """([budgets, charts]) => budgets.map(budget => {
  const form = document.querySelector("#races"), text = id => form.querySelector(id).textContent
  form.budget.value = RACES.budgets.indexOf(budget)
  form.budget.dispatchEvent(new Event("input", {bubbles: true}))
  const words = {says: text("#race-budget-says"), caption: text("caption"), said: text("#race-said")}
  return charts ? {...words,
    rows: [...form.querySelectorAll("#race-numbers tbody tr")].map(row =>
      [...row.cells].map(cell => cell.textContent.trim())),
    dots: [...form.querySelectorAll("#race-lines circle")].map(dot =>
      [dot.parentElement.className.baseVal, +dot.getAttribute("cx"), +dot.getAttribute("cy")]),
    bands: [...form.querySelectorAll("#race-lines .band")].map(band =>
      [band.parentElement.className.baseVal, band.getAttribute("d").slice(1, -1).split("L")
        .map(point => +point.split(",")[1])]),
    paths: [...form.querySelectorAll("#race-curves g path")].map(path =>
      [path.className.baseVal, path.getAttribute("d").replace(/^M|h0$/g, "").split("L")
        .map(point => point.split(",").map(Number))]),
    drawn: ["lines", "curves"].map(id => [...form.querySelectorAll(`#race-${id} svg > text`)].map(each =>
      [each.className.baseVal, each.textContent.trim(), +each.getAttribute("x"), +each.getAttribute("y")])),
    labels: [...form.querySelectorAll("#race-curves .label")].map(each => each.textContent)} : words
})"""


def seen(page, asked, charts=True):
    """Yield each budget that is asked for, and what the page shows."""
    shown = page.evaluate(SEEN, [asked, charts])
    return zip(asked, shown, strict=True)


def budgets(page, step=1):
    every = page.evaluate("RACES.budgets")
    return sorted({*every[::step], every[-1]})


def value(text):
    return float(text.replace("−", "-").replace(",", ""))


def test_the_table_says_what_recomputing_says(tab):
    assert len(problems()) > 1
    compared = 0
    for problem in some_problems():
        page = opened(tab, problem, show=contestants())
        asked = budgets(page, 8)
        for budget, shown in seen(page, asked):
            assert shown["says"] == f"{budget:,} epochs"
            assert shown["caption"] == (
                f"After a budget of {budget:,} epochs"
            )
            names = [row[0] for row in shown["rows"]]
            assert names == contestants()
            for name, mean, interval, *counts in shown["rows"]:
                where = problem, name, budget
                wanted = expected(*where)
                numbers = map(value, counts)
                for said, counted in zip(
                    numbers, wanted[3:], strict=True
                ):
                    assert abs(said - counted) <= 0.5, where
                if wanted[0] is None:
                    assert mean == interval == DASH, where
                    continue
                told = [mean, *interval.split(" to ")]
                told = [value(text) for text in told]
                assert told == pytest.approx(
                    wanted[:3], abs=0.005001
                ), where
                compared += 1
    assert compared > 200


def followed(problem, contestant, split, budget):
    """What the race of the first seed has come to, recomputed."""
    budget = given(contestant, budget)
    race = raced(problem, contestant)
    race = race[race["split"] == split]
    race = race[race["seed"] == race["seed"].min()]
    ended = race[race["epochs"] <= budget]
    curves = recorded(problem)[0].validation[:, split]
    until = ended.groupby("row", sort=False)["last"].max()
    goal = race.groupby("row")["last"].max()[until.index]
    dropped = {*until.index[(until == goal) & (until < EPOCHS)]}
    tops = pd.Series(curves[until.index].max(axis=1), until.index)
    return budget, ended, until, dropped, tops, curves


SAID = re.compile(
    r"After ([\d,]+) epochs?: ([\d,]+) trials? of ([\d,]+) "
    r"configurations?, ([\d,]+) of them dropped; best score (\S+)\. (.+)"
)
WINS = re.compile(
    r"The configuration that would win, had all been trained to the "
    r"end, reaches (\S+): it (was dropped|will go on, and has paused) "
    r"after (\d+) epochs?, at (\S+)\."
)
NONE = "Trained to the end, none of the others would be better."


def test_the_words_about_a_race_say_what_its_trials_did(tab):
    kinds = {
        "none": 0,
        "was dropped": 0,
        "will go on, and has paused": 0,
    }
    for problem, split in itertools.product(some_problems(), (0, 3)):
        page = opened(tab, problem, split=split + 1)
        for contestant in contestants():
            page.locator("#race-contestant").select_option(contestant)
            asked = budgets(page, 11)
            for budget, shown in seen(page, asked, charts=False):
                where = problem, contestant, split, budget
                spent, ended, until, dropped, tops, curves = followed(
                    *where
                )
                if ended.empty:
                    assert shown["said"] == (
                        f"After {spent:,} epochs no trial has ended yet."
                    ), where
                    continue
                found = SAID.fullmatch(shown["said"])
                assert found, (where, shown["said"])
                *numbers, best, rest = found.groups()
                counts = spent, len(ended), len(until), len(dropped)
                assert [*map(value, numbers)] == [*counts], where
                score = ended["score"].max()
                assert value(best) == pytest.approx(score, abs=0.0006)
                if score >= tops.max():
                    assert rest == NONE, where
                    kinds["none"] += 1
                    continue
                top, how, last, at = WINS.fullmatch(rest).groups()
                kinds[how] += 1
                assert value(top) == pytest.approx(
                    tops.max(), abs=0.0006
                )
                winners = tops.index[tops == tops.max()]
                assert (int(last), how == "was dropped") in {
                    (until[row], row in dropped)
                    for row in winners
                    if abs(curves[row, int(last) - 1] - value(at))
                    < 6e-4
                }, where
    assert min(kinds.values()) > 0, kinds


def scale(texts, kind, place):
    """Return what turns a chart's ticks into values: place, value."""
    ticks = [
        (each[2 + place], value(each[1]))
        for each in texts
        if each[0] == kind and re.fullmatch(r"[-−\d.,]+", each[1])
    ]
    assert len(ticks) >= 2
    return np.array(ticks).T


def test_a_dot_lies_at_its_regret_and_its_band_ends_there(tab):
    for problem in some_problems():
        page = opened(tab, problem, show=contestants())
        asked = budgets(page, 15)
        for budget, shown in seen(page, asked):
            texts, _ = shown["drawn"]
            y, regret = scale(texts, "end", 1)
            regret_at = np.poly1d(np.polyfit(y - 4, regret, 1))
            x, epochs = scale(texts, "middle", 0)
            log_at = np.poly1d(np.polyfit(x, np.log(epochs), 1))
            dots = {kind: place for kind, *place in shown["dots"]}
            bands = dict(shown["bands"])
            for number, name in enumerate(contestants()):
                mean, low, high, *_ = expected(problem, name, budget)
                dot = dots.pop(f"race-{number}", None)
                assert (dot is None) == (mean is None)
                if dot:
                    reached = np.exp(log_at(dot[0]))
                    assert reached == pytest.approx(budget, rel=0.02)
                    assert regret_at(dot[1]) == pytest.approx(
                        mean, abs=0.02
                    )
                    # Along its top to the budget, and back below.
                    band = bands.pop(f"race-{number}")
                    ends = band[len(band) // 2 - 1 : len(band) // 2 + 1]
                    assert regret_at(ends) == pytest.approx(
                        [high, low], abs=0.02
                    )
            assert not dots and not bands


def test_each_curve_is_the_one_recorded_as_far_as_it_was_trained(tab):
    for problem, contestant in itertools.product(
        some_problems(), ("Hyperband", "RandomSearch, patience 5")
    ):
        page = opened(tab, problem, contestant=contestant)
        asked = [budget for budget in budgets(page, 15) if budget >= 27]
        for budget, shown in seen(page, asked):
            _, ended, until, dropped, tops, scores = followed(
                problem, contestant, 0, budget
            )
            trial = ended.loc[ended["score"].idxmax()]
            best, winner = trial["row"], tops.idxmax()
            if tops[best] == tops.max():
                winner = best
            wanted = [
                (
                    "dropped" if row in dropped else "kept",
                    scores[row, :last],
                )
                for row, last in until.items()
                if row not in (best, winner)
            ]
            wanted.append(("best", scores[best, : until[best]]))
            labels = [f"best {trial['score']:.3f}"]
            if tops[winner] > trial["score"]:
                last = until[winner]
                wanted += [
                    ("winner ahead", scores[winner, last - 1 :]),
                    ("winner", scores[winner, :last]),
                ]
                labels.append(f"would win {tops[winner]:.3f}")
            y, score = scale(shown["drawn"][1], "end", 1)
            score_at = np.poly1d(np.polyfit(y - 4, score, 1))
            for (kind, points), (like, curve) in zip(
                shown["paths"], wanted, strict=True
            ):
                drawn = score_at(np.array(points)[:, 1])
                assert kind == like
                assert drawn == pytest.approx(curve, abs=0.006)
            assert shown["labels"] == labels


def test_a_bracket_drops_a_late_winner_where_winners_start_slowly(tab):
    if SLOW not in problems():
        pytest.skip(f"{SLOW} is not recorded yet")
    page = ready(tab(PATH))
    assert page.locator("#race-problem").input_value() == SLOW
    assert page.locator("#race-contestant").input_value() == "Hyperband"
    said = page.inner_text("#race-said")
    assert "was dropped after" in said
    ((_, shown),) = seen(page, [378])
    kinds = [kind for kind, _ in shown["paths"]]
    assert {"dropped", "kept", "best", "winner", "winner ahead"} == {
        *kinds
    }


def test_the_choices_are_what_was_raced(tab):
    page = ready(tab(PATH))
    boxes = page.locator("[name=show]")
    assert (
        boxes.evaluate_all("all => all.map(box => box.value)")
        == contestants()
        == page.locator("#race-contestant option").all_inner_texts()
    )
    labels = page.locator("#races fieldset label").all_inner_texts()
    assert [text.strip() for text in labels] == contestants()
    offered = page.locator("#race-problem option").all_inner_texts()
    assert offered == [name.replace("_", " ") for name in problems()]
    splits = page.locator("#race-split option").all_inner_texts()
    every = sorted(races()["split"].unique() + 1)
    assert splits == [*map(str, every)]
    # A hue or a dash differs between any two.
    looks = page.locator("#races fieldset svg path").evaluate_all(
        "all => all.map(getComputedStyle).map(style => style.stroke + style.strokeDasharray)"
    )
    assert len(set(looks)) == len(looks) == len(contestants())


def test_the_address_keeps_the_choice(tab):
    page = ready(tab(PATH))
    last = problems()[-1]
    page.locator("#race-problem").select_option(last)
    page.locator("#race-contestant").select_option("ASHA")
    page.locator("#race-split").select_option("3")
    page.get_by_label("Evolution").check()
    page.get_by_label("RandomSearch", exact=True).uncheck()
    page.locator("#race-budget").fill("40")
    page.locator("#race-budget").dispatch_event("change")
    state = """[...document.querySelectorAll("#races :is(select, input)")]
      .map(each => [each.name, each.value, each.checked])"""
    ready(page)
    before = page.evaluate(state), page.inner_text("#race-said")
    page.goto(page.url)
    ready(page)
    after = page.evaluate(state), page.inner_text("#race-said")
    assert before == after
    assert f"problem={last}" in page.url and "split=3" in page.url
    ready(tab(f"{PATH}?problem=no&contestant=no&split=9&budget=x"))


# The test is the clock of the races, and of nothing else.
BY_HAND = """() => {
  const {setInterval, clearInterval} = window
  window.setInterval = (step, every) => every === 150 ? (window.step = step, -1) : setInterval(step, every)
  window.clearInterval = id => id === -1 ? window.step = undefined : clearInterval(id)
}"""


def test_it_plays_pauses_and_ends(tab):
    page = opened(tab, problems()[0], budget=3)
    page.evaluate(BY_HAND)
    button, slider = page.locator("#race-play"), "#race-budget"
    every = budgets(page)

    def place():
        return int(page.input_value(slider))

    button.click()
    assert button.inner_text() == "Pause"
    page.evaluate("step(), step(), step()")
    assert place() == 3
    button.click()
    assert button.inner_text() == "Play"
    assert page.evaluate("window.step === undefined")
    assert f"budget={every[3]}" in page.url
    page.wait_for_function(  # it is spoken once it rests
        "document.querySelector('#race-spoken').textContent"
    )
    spoken = page.locator("#race-spoken").text_content()
    assert spoken == page.inner_text("#race-said")
    page.locator(slider).fill(str(len(every) - 3))
    button.click()
    page.evaluate("step(), step()")
    assert place() == len(every) - 1
    assert button.inner_text() == "Play"
    assert f"budget={every[-1]}" in page.url
    button.click()  # from the start again
    page.evaluate("step(), step()")
    assert place() == 1
    page.locator(slider).focus()
    page.keyboard.press("ArrowRight")
    assert button.inner_text() == "Play"
    assert page.evaluate("window.step === undefined")


def test_nothing_moves_by_itself_for_who_wants_less_motion(tab):
    page = ready(tab(PATH))
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    ready(page).evaluate(BY_HAND)
    button = page.locator("#race-play")
    assert button.inner_text() == "Step"
    before = int(page.input_value("#race-budget"))
    button.click()
    assert page.evaluate("window.step === undefined")
    assert int(page.input_value("#race-budget")) == before + 1
    assert button.inner_text() == "Step"


def test_it_is_used_by_keyboard(tab):
    page = ready(tab(PATH))
    page.locator("#race-problem").focus()
    reached = []
    for _ in range(len(contestants()) + 6):
        outline = (
            "getComputedStyle(document.activeElement).outlineStyle"
        )
        reached.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.value"
                " || document.activeElement.classList[0]"
            )
        )
        assert page.evaluate(outline) != "none", reached[-1]
        page.keyboard.press("Tab")
    assert reached[:3] == ["race-problem", *contestants()[:2]]
    assert reached[-5:] == [
        "race-play",
        "race-budget",
        "output",
        "race-contestant",
        "race-split",
    ]
    page.locator("#race-budget").focus()
    text = page.inner_text("#race-said")
    page.keyboard.press("End")
    assert page.inner_text("#race-said") != text
    says = page.locator("#race-budget")
    assert says.get_attribute("aria-valuetext") == "1,512 epochs"
    page.keyboard.press("Home")
    assert says.get_attribute("aria-valuetext") == "3 epochs"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_axe_finds_nothing_while_races_are_watched(tab, scheme, width):
    page = ready(tab(PATH, scheme, width))
    for boxes in page.locator("[name=show]").all():
        boxes.set_checked(True)
    assert not violations(page, "#races")


@pytest.mark.parametrize("width", [1280, 390, 360, 320])
def test_all_contestants_at_once_fit(tab, width):
    kind = width if width in SIZES else 360
    page = opened(tab, problems()[0], 1512, contestants(), kind)
    narrow(page, width)
    size = "document.documentElement.scrollWidth"
    assert page.evaluate(size) <= width
    for chart in ("#race-lines", "#race-curves"):
        box = page.locator(f"{chart} svg").bounding_box()
        assert box["width"] <= width and box["height"] > 200
        cut = page.evaluate(
            """chart => [...document.querySelectorAll(`${chart} text`)].filter(text => {
              const [own, all] = [text, text.closest("svg")].map(each => each.getBoundingClientRect())
              return own.left < all.left - 1 || own.right > all.right + 1
            }).map(text => text.textContent)""",
            chart,
        )
        assert not cut


def test_opened_from_disk_the_races_run(tab, site):
    page = ready(tab(f"{PATH}index.html", base=f"{site.as_uri()}/"))
    assert page.locator("#race-curves .best").count() == 1
    page.locator("#race-problem").select_option(problems()[-1])
    ready(page)
    assert page.locator("#race-curves .best").count() == 1


def test_only_what_is_chosen_is_loaded_and_it_is_small(tab, site):
    page = opened(tab, problems()[0], split=1)
    loads = """performance.getEntriesByType("resource")
      .map(each => each.name.split("/").at(-1)).filter(name => RACES[name.replace(".js", "")])"""
    first = problems()[0]
    wanted = [f"{first}-1.js", f"{first}.js"]
    assert sorted(page.evaluate(loads)) == wanted
    page.locator("#race-split").select_option("2")
    ready(page)
    wanted.append(f"{first}-2.js")
    assert sorted(page.evaluate(loads)) == sorted(wanted)
    files = sorted((site / PATH).glob("*.js"))
    splits = races()["split"].nunique()
    assert len(files) == 1 + len(problems()) * (1 + splits)
    for file in files:
        assert len(gzip.compress(file.read_bytes())) < 30 * 1024, file


def test_a_file_that_does_not_come_is_said(browser, address):
    page = browser.new_page()
    page.route("**/*-2.js", lambda route: route.abort())
    page.goto(f"{address}{PATH}?split=2")
    ready(page)
    said = page.inner_text("#race-said")
    assert said == "The races of this problem could not be loaded."
    page.unroute("**/*-2.js")
    for split in "12":  # it is asked for again
        page.locator("#race-split").select_option(split)
        page.wait_for_selector("#race-curves .best", state="attached")
    page.close()


BELOW = """() => {
  const {top} = document.getElementById("how-to-read-it").getBoundingClientRect()
  return Math.round(top + scrollY)
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_jumps_when_the_races_come_or_run(
    browser, address, width
):
    page = browser.new_page(viewport={"width": width, "height": 800})
    held = []
    page.route(f"**/{PATH}*.js", lambda route: held.append(route))
    page.goto(f"{address}{PATH}", wait_until="commit")
    page.wait_for_selector("#how-to-read-it")
    places = [page.evaluate(BELOW)]
    held.pop().continue_()  # list.js
    page.wait_for_selector("#race-lines svg", state="attached")
    places.append(page.evaluate(BELOW))
    while len(held) < 2:  # those of the problem
        page.wait_for_timeout(10)
    for each in held:
        each.continue_()
    ready(page)
    places.append(page.evaluate(BELOW))
    for budget in budgets(page, 20):
        list(seen(page, [budget], charts=False))
        places.append(page.evaluate(BELOW))
    assert len(set(places)) == 1, places
    page.close()


def test_without_javascript_the_page_says_so(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + PATH)
    says = page.locator("noscript p")
    assert says.is_visible()
    assert "The races need JavaScript" in says.text_content()
    assert not page.locator("#races select").first.is_visible()
    context.close()


def test_only_the_page_of_races_loads_their_script(site):
    loads = [
        path.parent.name
        for path in site.rglob("*.html")
        if "assets/races.js" in path.read_text("utf-8")
    ]
    assert loads == ["watch_races"]
    lines = (ROOT / "docs/assets/races.js").read_text("utf-8")
    assert lines.count("\n") < 250


def test_the_page_says_how_many_races_a_line_is_the_mean_of():
    race = races().groupby(["problem", "contestant"], observed=True)
    splits, seeds = (
        race[name].nunique().unique() for name in ("split", "seed")
    )
    assert [*splits, *seeds] == [5, 4]
    prose = " ".join(PAGE.split())
    assert "mean of 20 races: five splits, four seeds" in prose
