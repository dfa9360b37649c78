"""Each page is visited once by a kind of reader, for all tests."""

import pytest
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
def contexts():
    """Kept, since making one takes as long as a visit."""
    return {}


def visit(tabs, contexts, *where):
    """Open a page with all that it folds away."""
    with tabs(contexts) as open_:
        page = open_(*where)
        page.add_style_tag(content=AT_ONCE)
        page.evaluate("probe.openAll()")
        yield page


@pytest.fixture(scope="module")
def laptop(path, tabs, contexts):
    yield from visit(tabs, contexts, path)


@pytest.fixture(scope="module")
def laptop_in_the_dark(path, tabs, contexts):
    yield from visit(tabs, contexts, path, "dark")


@pytest.fixture(scope="module")
def phone(path, tabs, contexts):
    yield from visit(tabs, contexts, path, "light", 360)
