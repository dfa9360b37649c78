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

  /* Mark one text of each kind: of a size and colour, on a ground, at a path
     of tags and classes. Contrast is the same in all of them. */
  const markKinds = () => {
    const grounds = new Map(), kinds = new Set()
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
      delete element.dataset?.kind
      const speaks = [...element.childNodes].some(({nodeType, data}) => nodeType === 3 && data.trim())
      if (!speaks || !element.checkVisibility({visibilityProperty: true})) continue
      const {color, fontSize, fontWeight, textShadow} = getComputedStyle(element)
      const kind = [color, fontSize, fontWeight, textShadow, ground(element)].join()
      if (!kinds.has(kind)) element.dataset.kind = ""
      kinds.add(kind)
    }
  }

  /* What axe finds wrong. It takes nine tenths of its time for contrast. */
  const violations = async (part, options) => {
    await settled()
    markKinds()
    axe.configure({rules: [{id: "color-contrast", selector: "[data-kind]"}]})
    const found = await axe.run(part, {resultTypes: ["violations"], ...options})
    return found.violations.flatMap(({id, nodes}) =>
      nodes.map(({html, failureSummary}) => [id, html, failureSummary]))
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
    addEventListener("focusin", ({target}) => {
      for (const one of left)
        if (one === target || one.contains(target) && !one.matches("a, button, summary, body, html"))
          left.delete(one)
    })
    return left.size
  }
  const unreached = () => [...left].map(({outerHTML}) => outerHTML.slice(0, 200))

  /* What each block of code's button puts on the clipboard. */
  const copies = async () => {
    const texts = []
    for (const block of all("article .highlight")) {
      const button = block.querySelector("button")
      if (!button) return ["no button", block.textContent]
      button.scrollIntoView({block: "center"})
      const {x, y, width, height} = button.getBoundingClientRect()
      const above = document.elementFromPoint(x + width / 2, y + height / 2)
      if (!button.contains(above)) return ["covered", block.textContent]
      await navigator.clipboard.writeText("nothing copied")
      button.click()
      texts.push(await navigator.clipboard.readText())
    }
    return texts
  }

  /* The first lines of code that a button lies on. */
  const coveredLines = () => all("article .highlight code").filter(code => {
    const words = document.createRange()
    words.selectNodeContents(code)
    const line = words.getClientRects()[0]
    const button = code.parentElement.querySelector("button").getBoundingClientRect()
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

  return {copies, coveredLines, openAll, settled, still, unreached, violations, watchFocus, watchSearch}
})()
