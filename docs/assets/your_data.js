/* The composer of your_data/index.md: PARTS comes from composer.py. */
{
  const form = document.getElementById("choose")
  const OPTIONS = ["resume", "cores", "time_limit", "early_stopping", "class_weights", "flat_memory"]
  const PREDICTS = {table: ["class", "number"], pictures: ["class"], texts: ["class", "number"], series: ["number"]}

  /* Whether a part's words all hold: kind=table,texts or !resume. */
  const holds = (when, chosen) => when.split(" ").filter(Boolean).every(word => {
    const [name, values] = word.replace("!", "").split("=")
    const holds = values ? values.split(",").includes(chosen[name]) : Boolean(chosen[name])
    return holds !== word.startsWith("!")
  })

  /* The import lines that a program needs, in two groups. */
  const importsOf = (own, numbers) => {
    const groups = [new Map(), new Map()]
    PARTS.imports.forEach(([foreign, from, module, name, short], number) => {
      if (!numbers.has(number) && !RegExp(`\\b${short}[.(]`).test(own)) return
      const head = from ? `from ${module} import ` : "import "
      const lines = groups[Number(foreign)], key = from ? head : head + name
      lines.set(key, lines.has(key) ? `${lines.get(key)}, ${name}` : head + name)
    })
    return groups.map(lines => [...lines.values()].join("\n")).join("\n\n") + "\n"
  }

  const compose = (program, chosen) => {
    const numbers = new Set(), done = new Set()
    let text = "", own = "", apart = true
    for (const [when, part, isStatement, needed] of PARTS[program]) {
      if (!part || !holds(when, chosen)) continue
      if (!isStatement) {
        text += part + "\n"
        own += part + "\n"
        apart = true
        continue
      }
      needed.forEach(number => numbers.add(number))
      if (done.has(part)) continue // several snippets have it
      done.add(part)
      const isLarge = /^(@|class |def )/.test(part)
      text = text.trimEnd() + (isLarge || apart ? "\n\n\n" : "\n") + part + "\n"
      apart = isLarge
    }
    const code = own.split('"""').filter((_, place) => place % 2 === 0).join("")
    return text.replace(/#imports\n+(def )?/, (_, def) => importsOf(code, numbers) + (def ? "\n\n" + def : "\n"))
      .replace(/\n{4,}/g, "\n\n\n").trim() + "\n"
  }

  /* What is chosen, with what cannot go together put right. */
  const read = () => {
    const chosen = {kind: form.kind.value, tuner: form.tuner.value}
    const predicts = PREDICTS[chosen.kind]
    for (const option of form.predict.options) option.disabled = !predicts.includes(option.value)
    if (!predicts.includes(form.predict.value)) form.predict.value = predicts[0]
    chosen.predict = form.predict.value
    form.class_weights.disabled = chosen.predict !== "class"
    for (const name of OPTIONS) chosen[name] = form[name].checked && !form[name].disabled
    return chosen
  }

  /* A zip archive of texts, stored as they are. */
  const zip = files => {
    const table = Array.from({length: 256}, (_, n) => {
      for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xEDB88320 ^ n >>> 1 : n >>> 1
      return n
    })
    const crc = bytes => ~bytes.reduce((n, byte) => table[(n ^ byte) & 255] ^ n >>> 8, -1) >>> 0
    const whole = (...fields) => Uint8Array.from(fields.flatMap(([n, size]) =>
      Array.from({length: size}, (_, place) => n >>> 8 * place & 255)))
    const parts = [], list = []
    let offset = 0
    for (const [name, text] of Object.entries(files)) {
      const [title, data] = [name, text].map(each => new TextEncoder().encode(each))
      // Version, UTF-8, stored, midnight of 1980-01-01.
      const about = [[20, 2], [0x800, 2], [0, 2], [0, 2], [33, 2], [crc(data), 4],
        [data.length, 4], [data.length, 4], [title.length, 2], [0, 2]]
      parts.push(whole([0x04034b50, 4], ...about), title, data)
      list.push(whole([0x02014b50, 4], [20, 2], ...about, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), title)
      offset += 30 + title.length + data.length
    }
    const size = list.reduce((sum, part) => sum + part.length, 0), count = list.length / 2
    const end = whole([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2])
    return new Blob([...parts, ...list, end], {type: "application/zip"})
  }

  const offer = (id, content) => {
    const link = document.getElementById(id)
    URL.revokeObjectURL(link.href)
    link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], {type: "text/x-python"}))
  }

  const show = () => {
    const chosen = read()
    const address = new URLSearchParams()
    for (const [name, value] of Object.entries(chosen)) if (value) address.set(name, value === true ? "1" : value)
    history.replaceState(history.state, "", `?${address}`)
    const files = {"search.py": compose("search", chosen), "predict.py": compose("predict", chosen)}
    document.getElementById("search-py").textContent = files["search.py"]
    document.getElementById("predict-py").textContent = files["predict.py"]
    for (const word of ["pip", "python"]) {
      const lines = files["search.py"].split('"""')[1].match(RegExp(`(?<=^ +)${word} .*`, "gm"))
      document.getElementById(word).textContent = lines.join("\n")
    }
    offer("get-search", files["search.py"])
    offer("get-predict", files["predict.py"])
    offer("get-both", zip(files))
  }

  const chosen = new URLSearchParams(location.search)
  for (const name of ["kind", "predict", "tuner"]) {
    const asked = chosen.get(name)
    if ([...form[name].options].some(option => option.value === asked)) form[name].value = asked
  }
  for (const name of OPTIONS)
    if (chosen.has("kind") || chosen.has(name)) form[name].checked = (chosen.get(name) ?? "0") !== "0"
  form.addEventListener("change", show)
  form.addEventListener("submit", event => event.preventDefault())
  show()
  document.getElementById("composer").hidden = false
}
