"""Each term of the glossary is explained where a page first uses it."""

import functools
import re

import pytest
from helpers import NAV, ROOT
from pages import TERM

TEXT = (ROOT / "docs/reference/glossary.md").read_text("utf-8")
TERMS = re.findall(r"(?m)^\*\*(.+)\*\*\{ #(\S+) \}$", TEXT)
PAGES = [page for page in NAV if page and "glossary" not in page]
NO_PROSE = (
    r"(?s)<(pre|code|h\d|table|figure|summary|label|select|script|nav)\b"
    r'.*?</\1>|<details class="snippet".*?</details>|<p class="executed".*?</p>'
)


def prose(site, page):
    """Return the article of a page, without code, headings, tables."""
    text = (site / page / "index.html").read_text("utf-8")
    article = re.search(r"(?s)<article.*</article>", text)[0]
    return re.sub(NO_PROSE, "", article)


def first_use(text, anchor):
    """Return where a term stands first: in a link to it, and in no link.

    What is part of another link leads somewhere already.
    """
    link = re.search(rf'<a class="term"[^>]*#{anchor}">', text)
    spaces = functools.partial(re.sub, r"\S", " ")
    bare = re.sub(
        r"(?s)<a\b.*?</a>|<[^>]*>", lambda m: spaces(m[0]), text
    )
    words = anchor.replace("-", r"[\s-]+")
    plain = re.search(rf"(?i)(?<!Keras )\b{words}(?:s|es)?\b", bare)
    return [
        found.start() if found else len(text) for found in (link, plain)
    ]


def test_every_term_has_an_anchor_and_a_text():
    assert not re.findall(r"(?m)^\*\*.*", TERM.sub("", TEXT))


def test_the_terms_are_in_alphabetical_order_each_once():
    names = [name for name, _ in TERMS]
    assert names == sorted(set(names), key=str.lower)
    assert len(names) > 30


@pytest.mark.parametrize("anchor", [anchor for _, anchor in TERMS])
def test_a_term_is_explained_where_a_page_first_uses_it(anchor, site):
    used = 0
    for page in PAGES:
        text = prose(site, page)
        linked, plain = first_use(text, anchor)
        if min(linked, plain) < len(text):
            assert linked < plain, f"{page}: explain {anchor} there"
            used += 1
    assert used, f"no page uses {anchor}"
