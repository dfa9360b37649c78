"""Each page is visited once by a kind of reader, for all tests."""

import contextlib
import functools

import pytest
from browsing import SIZES, context, listen
from helpers import NAV

# Fading is drawn again and again, which is half the time of a Tab.
AT_ONCE = "*, ::before, ::after { transition: none !important }"
PAGES = [page and f"{page}/" for page in NAV] + ["404.html"]


@pytest.fixture(
    scope="module", params=PAGES, ids=lambda path: path or "/"
)
def path(request):
    return request.param


@pytest.fixture(scope="session")
def reader(browser, address):
    """Return a function that returns a kind of reader's tab.

    It is kept: to open one takes as long as a visit.
    """

    @functools.cache
    def reader(scheme, width):
        page, complaints = (
            context(browser, scheme, width).new_page(),
            [],
        )
        listen(page, address, complaints)
        return page, complaints

    return reader


@pytest.fixture(scope="module")
def visit(reader, address, path):
    """Visit a page as a kind of reader, with all that it folds away."""

    @contextlib.contextmanager
    def visit(scheme, width):
        page, complaints = reader(scheme, width)
        page.set_viewport_size(SIZES[width]["viewport"])
        page.goto(address + path)
        page.add_style_tag(content=AT_ONCE)
        page.evaluate("probe.openAll()")
        yield page
        heard, complaints[:] = complaints[:], []
        assert not heard

    return visit


@pytest.fixture(scope="module")
def laptop(visit):
    with visit("light", 1280) as page:
        yield page


@pytest.fixture(scope="module")
def laptop_in_the_dark(visit):
    with visit("dark", 1280) as page:
        yield page


@pytest.fixture(scope="module")
def phone(visit):
    with visit("light", 360) as page:
        yield page
