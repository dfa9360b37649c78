"""What is there to be used can be seen, and paper shows all of it."""

import pytest
from browsing import violations
from helpers import named, place

CODE = f"{place(named('table'))}/"  # with wide tables, much folded

# The contrast of what a mask draws in a colour, on the nearest ground.
CONTRAST = """button => {
  const colour = style => style.backgroundColor.match(/[\\d.]+/g).map(Number)
  const icon = getComputedStyle(button, "::after")
  const ground = colour(getComputedStyle(button.closest("pre").querySelector("code")))
  const [, , , alpha = 1] = colour(icon)
  const seen = alpha * icon.opacity * getComputedStyle(button).opacity
  const drawn = ground.map((value, each) => seen * colour(icon)[each] + (1 - seen) * value)
  const [less, more] = [drawn, ground].map(rgb => {
    const [r, g, b] = rgb.map(each => each / 255)
      .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    return .2126 * r + .7152 * g + .0722 * b
  }).sort((a, b) => a - b)
  return (more + .05) / (less + .05)
}"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_copy_button_is_seen_before_anything_hovers(
    scheme, width, tab
):
    button = tab(CODE, scheme, width).locator(
        "article .md-code__button"
    )
    assert button.first.evaluate(CONTRAST) >= 3


FADED = """async selector => {
  const box = document.querySelector(selector)
  const target = box.closest(".highlight") ?? box
  const faded = () => [target.classList.contains("more"),
    getComputedStyle(target).maskImage !== "none"
      || getComputedStyle(target, "::after").content !== "none"]
  box.scrollIntoView({block: "center"})
  await probe.still()
  const before = faded()
  box.scrollLeft = box.scrollWidth
  await probe.still()
  return [...before, ...faded()]
}"""


@pytest.mark.parametrize(
    "selector",
    ["article > .highlight > pre", "article > .output:has(table)"],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_scrolls_fades_until_its_end_is_seen(
    scheme, selector, tab
):
    page = tab(CODE, scheme, 360)
    assert page.evaluate(FADED, selector) == [True, True, False, False]


def test_folded_code_says_what_is_in_it_and_wears_no_pencil(tab):
    page = tab(CODE)
    said = page.locator("article details.snippet > summary")
    texts = said.all_text_contents()
    imports = [text for text in texts if text.startswith("Imports: ")]
    assert imports and all(len(text.split()) > 1 for text in imports)
    snippets = [text for text in texts if text.startswith("Snippet: ")]
    assert all(len(text) > len("Snippet: ") + 15 for text in snippets)
    other = page.evaluate(
        """() => {
          const note = document.createElement("details")
          note.append(document.createElement("summary"))
          document.querySelector("article").append(note)
          return ["article > details:last-child", "details.snippet"]
            .map(each => document.querySelector(`${each} > summary`))
            .map(each => getComputedStyle(each, "::before").maskImage)
        }"""
    )
    assert len(set(other)) == 2 and "none" not in other


# Folded, cut by the paper's edge or its own box, or not drawn yet.
HIDDEN = """() => [...document.querySelectorAll("article *")].filter(each => {
  const style = getComputedStyle(each)
  return each.localName === "details" && !each.open
    || style.contentVisibility === "auto"
    || each.checkVisibility() && each.getBoundingClientRect().right > 720
    || /auto|scroll/.test(style.overflow) && (each.scrollWidth > each.clientWidth
      || each.scrollHeight > each.clientHeight)
}).map(each => each.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("path", [CODE, "your_data/", "snippets/"])
def test_paper_shows_all(path, tab):
    page = tab(path)
    page.set_viewport_size({"width": 720, "height": 1000})  # A4
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("probe.settled()")
    hidden = page.evaluate(HIDDEN)
    assert not hidden


def test_a_list_of_contents_shows_no_backticks(tab):
    page = tab("tutorials/reference/error_messages/")
    heading = page.locator("h2, h3").all_text_contents()
    contents = page.locator(".md-nav--secondary").last.text_content()
    assert any("`" in text for text in heading)
    assert "`" not in contents


BUBBLE = ".md-tooltip2--active[role=tooltip]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("how", ["hover", "focus"])
def test_a_term_explains_itself_to_mouse_and_keyboard(how, scheme, tab):
    page = tab(CODE, scheme)
    term = page.locator("article a.term").first
    said = term.get_attribute("title")
    assert len(said) > 20
    getattr(term, how)()
    bubble = page.wait_for_selector(BUBBLE)
    page.evaluate("probe.settled()")
    assert bubble.text_content().strip() == said
    described = term.get_attribute("aria-describedby")
    assert described == bubble.get_attribute("id")
    assert not violations(page, BUBBLE, rules=["aria-tooltip-name"])
    page.keyboard.press("Escape")
    assert not page.locator(BUBBLE).count()
