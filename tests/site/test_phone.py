"""Every page on a phone: narrow, touched, with nothing that hovers."""

from browsing import blocks, narrow, unreached, violations

WIDTH = "document.documentElement.scrollWidth"


def test_a_page_fits_and_axe_finds_nothing(phone):
    assert phone.evaluate("!matchMedia('(hover)').matches")
    assert phone.evaluate(WIDTH) <= 360
    assert not violations(phone)


def test_a_tap_copies_and_no_button_covers_code(phone):
    shown = blocks(phone)
    assert phone.evaluate("probe.copies()") == shown
    assert not phone.evaluate("probe.coveredLines()")
    if shown:  # once by hand
        phone.evaluate("navigator.clipboard.writeText('nothing')")
        phone.locator("article .md-code__button").last.tap()
        copied = phone.evaluate("navigator.clipboard.readText()")
        assert copied == shown[-1]


def test_a_page_fits_a_narrower_phone(phone):
    """Has the same elements, of which more scroll."""
    narrow(phone, 320)
    assert phone.evaluate(WIDTH) <= 320
    rules = ["scrollable-region-focusable"]
    assert not violations(phone, rules=rules, colours=False)


def test_the_keyboard_reaches_all_that_acts_or_scrolls(phone):
    """Comes last: Tab may end in the search, which covers the page."""
    assert not unreached(phone)
