"""Every page in a real browser: Chromium, driven by Playwright."""

import functools
import gzip
import http.server
import json
import re
import shutil
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers import (
    NAV,
    TUTORIALS,
    first_hit,
    missed,
    place,
    violations,
)
from playwright.sync_api import sync_playwright

PAGES = [page and f"{page}/" for page in NAV] + ["404.html"]
by_page = pytest.mark.parametrize("path", PAGES, ids=lambda p: p or "/")
by_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])


@by_scheme
@by_page
def test_a_page_asks_no_other_host_and_axe_finds_nothing(
    path, scheme, tab
):
    page = tab(path, scheme)
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    assert not violations(page)
    ground = page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )
    lightness = sum(map(int, re.findall(r"\d+", ground)[:3]))
    assert (lightness > 600) == (scheme == "light"), "the wrong scheme"


@pytest.mark.parametrize("width", [360, 320])
@by_page
def test_a_page_fits_a_phone(path, width, tab):
    page = tab(path, width=width)
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    size = page.evaluate("document.documentElement.scrollWidth")
    assert size <= width
    if width == 360:
        assert not violations(page)
    else:  # the same elements, of which more scroll
        rules = ["scrollable-region-focusable"]
        assert not violations(page, runOnly=rules)


@by_page
def test_headings_are_in_order_and_there_is_one_title(path, tab):
    levels = tab(path).evaluate(
        "[...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')]"
        ".map(heading => +heading.tagName[1])"
    )
    assert levels.count(1) == 1 and levels[0] == 1
    steps = zip(levels, levels[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)


def copied(page):
    """Click every copy button; return what each put on the clipboard."""
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )
    texts = []
    for block in page.locator("article .highlight").all():
        page.evaluate("navigator.clipboard.writeText('nothing copied')")
        block.locator("button.md-code__button").click()
        texts.append(page.evaluate("navigator.clipboard.readText()"))
    return texts


@by_page
def test_each_copy_button_copies_exactly_the_code(path, tab, site):
    page = tab(path)
    texts = copied(page)
    shown = page.locator("article .highlight code").all_text_contents()
    assert texts == [text.rstrip("\n") for text in shown]
    name = path.rstrip("/").split("/")[-1]
    if path.startswith("tutorials/"):
        notebook = json.loads(
            (site / path / f"{name}.ipynb").read_text("utf-8")
        )
        cells = ["".join(cell["source"]) for cell in notebook["cells"]]
        kinds = [cell["cell_type"] for cell in notebook["cells"]]
        # Code of cells, and examples that stand between them.
        code = [
            block
            for kind, cell in zip(kinds, cells, strict=True)
            for block in (
                [cell]
                if kind == "code"
                else re.findall(r"(?s)```python\n(.*?)\n```", cell)
            )
            if block
        ]
        blocks = page.locator("article .language-python code")
        assert [t.rstrip() for t in blocks.all_text_contents()] == code


REACHABLE = """() => {
  const all = [...document.querySelectorAll('*')].filter(element => {
    const style = getComputedStyle(element)
    const acts = element.matches('a[href], button, summary, input:not([type=radio], [type=checkbox])')
    const scrolls = /auto|scroll/.test(style.overflowX)
      && element.scrollWidth > element.clientWidth + 1
    return (acts || scrolls) && element.tabIndex != -2
      && element.checkVisibility({visibilityProperty: true, opacityProperty: true})
      && !element.closest('[hidden], nav.md-nav--primary:not(.md-nav--lifted *)')
      && element.getBoundingClientRect().width > 1
  })
  window.wanted = new Set(all)
  return all.length
}"""


@pytest.mark.parametrize("width", [1280, 360])
@by_page
def test_the_keyboard_reaches_all_that_acts_or_scrolls(
    path, width, tab
):
    page = tab(path, width=width)
    number = page.evaluate(REACHABLE)
    assert number > 2
    stops = (
        "document.querySelectorAll('a, button, summary, [tabindex]')"
    )
    for _ in range(page.evaluate(f"{stops}.length") + 20):
        page.keyboard.press("Tab")
        page.evaluate(
            """() => {
              const at = document.activeElement
              for (const one of [...window.wanted])
                if (one === at || (one.contains(at) && !one.matches('a, button, summary, body, html')))
                  window.wanted.delete(one)
            }"""
        )
        if not page.evaluate("window.wanted.size"):
            break
    left = page.evaluate(
        "[...window.wanted].map(one => one.outerHTML.slice(0, 200))"
    )
    assert not left


def test_72_columns_of_code_need_no_scrolling_on_a_laptop(tab):
    page = tab(f"{place(TUTORIALS[-1])}/")
    room = page.evaluate(
        """() => {
          const code = document.querySelector('article .language-python code')
          const style = getComputedStyle(code)
          const probe = document.createElement('span')
          probe.textContent = 'x'.repeat(72)
          code.append(probe)
          return code.clientWidth - parseFloat(style.paddingLeft)
            - parseFloat(style.paddingRight) - probe.getBoundingClientRect().width
        }"""
    )
    assert room >= 0


@pytest.mark.parametrize(
    "path", [p for p in PAGES if "tutorials/" in p]
)
def test_a_first_visit_with_its_figures_takes_at_most_110_KiB(
    path, browser, address
):
    context = browser.new_context()
    page, sizes = context.new_page(), {}
    page.on(
        "requestfinished",
        lambda request: sizes.update(
            {request.url: len(gzip.compress(request.response().body()))}
        ),
    )
    page.goto(address + path, wait_until="networkidle")
    context.close()
    assert any(url.endswith(".js") for url in sizes)
    assert not any("search_index" in url for url in sizes), "too early"
    assert sum(sizes.values()) < 110 * 1024, sizes


# The page each should find, the pages' own index entries among them and
# words that no entry has.
QUERIES = {
    "which tuner should I use": "which_tuner",
    "how long will Hyperband take": "hyperband_planner",
    "choose max_epochs and factor": "hyperband_planner",
    "Keras Tuner or Optuna": "optuna_and_scikit_learn",
    "enqueue_trial": "optuna_and_scikit_learn",
    "is the difference between two trials significant": "how_sure",
    "how many repeats executions_per_trial": "how_sure",
    "search is slow": "fast_searches",
    "steps_per_execution": "fast_searches",
    "raw data of learning curves": "recorded_curves",
    "hp.Boolean": "hyperparameters",
    "search uses too much memory": "memory_and_disk",
    "stop after two hours": "known_values_and_limits",
    "f1 score as objective": "objectives",
    "continue an interrupted search": "resume",
    "best model or retrain": "retrain_and_ship",
    "frozen layers of a pretrained model": "part_of_a_model",
    "disk fills with checkpoints": "memory_and_disk",
    "tune number of layers": "conditional_spaces",
    "fit() got multiple values for keyword argument 'epochs'": "hyperband",
    "No module named 'tensorboard'": "hparams_in_tensorboard",
    "KeyError: 'val_accuracy'": "objectives",
    "random search": "random_search",
    "baseline": "random_search",
    "brackets rounds": "hyperband",
    "tuner/initial_epoch": "hyperband",
    "num_initial_points": "bayesian_optimization",
    "GridSearch": "grid_search",
    "SklearnTuner": "scikit_learn",
    "augmentation": "convolutional_network",
    "batch_size": "batch_size_and_epochs",
    "val_f1_score": "objectives",
    "ValueError: Could not infer optimization direction": "objectives",
    "conditional_scope": "conditional_spaces",
    "tune_new_entries": "part_of_a_model",
    "pareto front": "multiple_objectives",
    "time limit": "known_values_and_limits",
    "run_trial returns a number": "tune_anything",
    "ValueError: Received an empty generator": "data_pipelines",
    "data leak": "preprocessing",
    "nested cross-validation": "cross_validation",
    "EarlyStopping": "callbacks",
    "GradientTape": "custom_training_loops",
    "overwrite=False": "resume",
    "JSONDecodeError": "resume",
    "set_random_seed": "reproducible_searches",
    "max_consecutive_failed_trials": "failed_trials",
    "Number of consecutive failures exceeded the limit of 3.": (
        "failed_trials"
    ),
    "memory grows": "memory_and_disk",
    "parallel coordinates": "results",
    "results to csv": "results",
    "get_best_models": "retrain_and_ship",
    "HParams": "hparams_in_tensorboard",
    "MLflow": "experiment_trackers",
}


def test_search_finds_what_readers_type_or_paste(tab):
    wanted = {query: [name] for query, name in QUERIES.items()}
    assert not missed(tab(""), wanted)


def test_opened_from_disk_pages_link_and_search_works(tab, site):
    page = tab("index.html", base=f"{site.as_uri()}/")
    page.get_by_role("link", name="Start with random search").click()
    page.wait_for_url("**/tutorials/random_search/index.html")
    assert "What there is to tune" in page.inner_text("article")
    page.locator(".md-search__input").click()
    assert "hyperband" in first_hit(page, "brackets rounds")
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url("**/tutorials/hyperband/index.html*")


def test_the_scheme_can_be_switched(tab):
    page = tab("")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    page.get_by_title("Switch to dark mode").click()
    assert page.evaluate(ground) != before


@pytest.mark.parametrize("width", [1280, 360])
def test_a_link_into_a_long_page_arrives_where_it_leads(width, tab):
    path = "tutorials/reference/error_messages/"
    anchors = tab(path, width=width).evaluate(
        "[...document.querySelectorAll('h2[id], h3[id]')].map(h => h.id)"
    )
    middle = anchors[len(anchors) // 2]
    page = tab(f"{path}#{middle}", width=width)
    page.wait_for_timeout(500)  # code above is laid out as it is passed
    top = f"document.getElementById('{middle}').getBoundingClientRect().top"
    assert page.evaluate("scrollY") > 10_000
    assert 0 < page.evaluate(top) < 120
