/* What the tests ask of a page, in the page. */
window.probe = (() => {
  const frame = () => new Promise(requestAnimationFrame)
  const all = selector => [...document.querySelectorAll(selector)]

  /* Wait until what has changed is laid out, and nothing fades or moves. */
  const settled = async () => {
    await frame()
    await frame()
    await Promise.allSettled(document.getAnimations().map(each => each.finished))
  }

  const openAll = () => {
    all("details").forEach(each => each.open = true)
    return settled()
  }

  /* Wait until neither the scroll position nor the length of the page has
     changed for ten frames; return the position. */
  const still = async () => {
    let same = 0, before
    while (same < 10) {
      await frame()
      const now = `${scrollY} of ${document.body.scrollHeight}`
      same = now === before ? same + 1 : 0
      before = now
    }
    return scrollY
  }

  const speaks = element => [...element.childNodes].some(({nodeType, data}) => nodeType === 3 && data.trim())
  const shows = element => element.checkVisibility({visibilityProperty: true})
  const shownTexts = () => all("article *").filter(each => speaks(each) && shows(each)).map(each => each.textContent)

  const COLOURS = ["color-contrast", "link-in-text-block"]
  const LINKS = "a[href], [role=link]"

  /* Texts by kind: of a size and colour, on a ground, at a path of tags and
     classes. Contrast is the same in all of a kind, on all pages. */
  const textsByKind = () => {
    const grounds = new Map(), kinds = new Map()
    const ground = element => {
      if (!element) return ""
      if (!grounds.has(element)) {
        const style = getComputedStyle(element)
        const own = [element.localName, element.className, style.backgroundColor, style.backgroundImage,
          style.opacity, style.filter, style.mixBlendMode, style.position]
        grounds.set(element, `${ground(element.parentElement)}>${own}`)
      }
      return grounds.get(element)
    }
    for (const element of all("body, body *")) {
      if (!shows(element) || !speaks(element) && !element.matches(LINKS)) continue
      const {color, fontSize, fontWeight, textDecoration, textShadow} = getComputedStyle(element)
      const kind = [color, fontSize, fontWeight, textDecoration, textShadow, ground(element)].join()
      if (!kinds.has(kind)) kinds.set(kind, [])
      kinds.get(kind).push(element)
    }
    return kinds
  }

  /* Ask axe for contrast, which takes it nine tenths of its time: once for
     each kind in all pages of a context. Of a kind that it can't judge, since
     a text is too short or something lies on it, it is asked for more. */
  const contrast = async part => {
    axe.configure({rules: [
      {id: COLOURS[0], selector: "[data-asked]"},
      {id: COLOURS[1], selector: `:is(${LINKS})[data-asked]`},
    ]})
    const judged = new Set(JSON.parse(localStorage.judged ?? "[]")), found = []
    const open = textsByKind()
    for (let size = 1; ; size *= 8) {
      judged.forEach(kind => open.delete(kind))
      const asked = new Map([...open].map(([kind, texts]) => [kind, texts.splice(0, size)]))
      const texts = [...asked.values()].flat()
      if (!texts.length) break
      texts.forEach(text => text.dataset.asked = "")
      const {violations, incomplete} = await axe.run(part,
        {elementRef: true, resultTypes: ["violations", "incomplete"], runOnly: COLOURS})
      texts.forEach(text => delete text.dataset.asked)
      const unsure = new Set(incomplete.flatMap(({nodes}) => nodes.map(({element}) => element)))
      for (const [kind, texts] of asked) if (texts.some(text => !unsure.has(text))) judged.add(kind)
      found.push(...violations)
    }
    localStorage.judged = JSON.stringify([...judged])
    return found
  }

  /* What axe finds wrong: by rules, or all but those of colours; and by those. */
  const violations = async (part, {rules, colours}) => {
    // What is laid out when in view moves all below it while axe scrolls:
    // then the footer was seen on a code block's ground.
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(".highlight { content-visibility: visible !important }")
    document.adoptedStyleSheets.push(sheet)
    await settled()
    const only = rules ? {runOnly: rules} : {rules: Object.fromEntries(COLOURS.map(id => [id, {enabled: false}]))}
    const found = rules?.length === 0 ? [] : (await axe.run(part, {resultTypes: ["violations"], ...only})).violations
    if (colours) found.push(...await contrast(part))
    return found.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => [id, html, failureSummary]))
  }

  /* Note what must be reached by keyboard, and strike out what is. */
  let left
  const watchFocus = () => {
    left = new Set(all("*").filter(element => {
      const acts = element.matches("a[href], button, summary, input:not([type=radio], [type=checkbox])")
      const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX)
        && element.scrollWidth > element.clientWidth + 1
      return (acts || scrolls)
        && element.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && !element.closest("[hidden], nav.md-nav--primary:not(.md-nav--lifted *)")
        && element.getBoundingClientRect().width > 1
    }))
    addEventListener("focusin", event => {
      const {target} = event
      for (const one of left)
        if (one === target || one.contains(target) && !one.matches("a, button, summary, body, html"))
          left.delete(one)
      // Search would load its index, which takes a third of the time.
      if (target.matches(".md-search__input")) event.stopPropagation()
    }, true)
    return left.size
  }
  const unreached = () => [...left].map(({outerHTML}) => outerHTML.slice(0, 200))

  /* What each block of code's button copies. */
  const copies = () => {
    let copied
    const listen = ({target}) => copied = target.value
    addEventListener("copy", listen)
    const texts = all("article .highlight").map(block => {
      copied = "nothing"
      const button = block.querySelector("button")
      if (!button) return "no button"
      button.scrollIntoView({block: "center"})
      const {x, y, width, height} = button.getBoundingClientRect()
      const above = document.elementFromPoint(x + width / 2, y + height / 2)
      if (!button.contains(above)) return "covered"
      button.click()
      return copied
    })
    removeEventListener("copy", listen)
    return texts
  }

  /* The first lines of code that a button lies on. */
  const coveredLines = () => all("article .highlight code").filter(code => {
    const words = document.createRange()
    words.selectNodeContents(code)
    const line = words.getClientRects()[0]
    const button = code.parentElement.querySelector("nav").getBoundingClientRect()
    return button.bottom > line.top && button.top < line.bottom
  }).map(code => code.textContent)

  /* Count what search is asked and answers, and hear the last question. */
  const watchSearch = () => {
    const {postMessage, dispatchEvent} = Worker.prototype
    let open = 0, last
    Worker.prototype.postMessage = function (message) {
      if (message.type === 2) open++, last = message.data
      postMessage.call(this, message)
    }
    Worker.prototype.dispatchEvent = function (event) {
      dispatchEvent.call(this, event)
      if (event.data.type === 3) open--
    }
    probe.answered = query => !open && last === query
  }

  return {copies, coveredLines, openAll, settled, shownTexts, still, unreached, violations, watchFocus, watchSearch}
})()
