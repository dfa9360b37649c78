"""What tests ask of pages in a real browser."""

from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT

PROBE = Path(__file__).with_suffix(".js")
SIZES = {
    1280: {"viewport": {"width": 1280, "height": 800}},
    360: {
        "viewport": {"width": 360, "height": 800},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}


def context(browser, scheme, width):
    """Return what a reader's pages share: their size, cache, storage."""
    made = browser.new_context(
        color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
        **SIZES[width],
    )
    made.add_init_script(path=PROBE)
    return made


def listen(page, base, complaints):
    """Note errors, warnings and requests to another host."""
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and complaints.append(message.text)
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((base, "data:", "blob:"))
            or complaints.append(f"asks for {request.url}")
        ),
    )


def narrow(page, width):
    """Make a page's window narrower; return when it is."""
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_function(
        "width => document.documentElement.clientWidth === width",
        arg=width,
    )
    page.evaluate("probe.settled()")


def violations(page, part="html", rules=None, colours=True):
    """Return what axe-core finds wrong, by some rules or by all."""
    page.evaluate("'axe' in window") or page.evaluate(AXE_SCRIPT)
    return page.evaluate(
        "([part, how]) => probe.violations(part, how)",
        [part, {"rules": rules, "colours": colours}],
    )


def blocks(page, kind=".highlight"):
    """Return what is shown in each block of code."""
    code = page.locator(f"article {kind} code").all_text_contents()
    return [text.rstrip("\n") for text in code]


def unreached(page):
    """Hold Tab through a page; return what had no focus, but should."""
    stops = "a, button, summary, input, [tabindex]"
    most = page.locator(stops).count() + 20
    assert page.evaluate("probe.watchFocus()") > 2
    for number in range(1, most + 1):
        page.keyboard.down("Tab")
        if number % 20 == 0 and not page.evaluate("probe.unreached()"):
            break
    page.keyboard.up("Tab")
    return page.evaluate("probe.unreached()")


def hits(page, query, typed=False, most=1):
    """Paste or type; return the addresses of the first pages found."""
    box = page.locator(".md-search__input")
    if typed:
        box.press_sequentially(query)
    else:
        box.fill(query)
        box.press("End")  # search looks when a key is released
    page.wait_for_function("query => probe.answered(query)", arg=query)
    return page.locator(".md-search-result__item").evaluate_all(
        """(items, most) => items.slice(0, most)
          .map(item => item.querySelector('a').getAttribute('href'))""",
        most,
    )


def first_hit(page, query, typed=False):
    """Paste or type; return the address of the first page found."""
    return "".join(hits(page, query, typed))


def missed(page, wanted, among=1):
    """Return the queries whose page is not among the first hits."""
    page.evaluate("probe.watchSearch()")
    page.locator(".md-search__input").click()
    found = {query: hits(page, query, most=among) for query in wanted}
    return {
        query: pages
        for query, pages in found.items()
        if not any(
            f"/{name}/" in hit
            for hit in pages
            for name in wanted[query]
        )
    }
