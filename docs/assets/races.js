/* The races of watch_races.md. RACES says what there is; what is loaded into it
   has a file a problem, and one a problem and split: races.py writes them. */
{
  const {budgets, contestants, scores, splits} = RACES
  const form = document.getElementById("races")
  const at = id => document.getElementById(`race-${id}`)
  const FIRST = "digits_that_start_slowly", EPOCHS = 27
  const HIGHEST = 200 // hundredths of regret; what lies above is not drawn
  const still = matchMedia("(prefers-reduced-motion: reduce)")
  const number = value => value.toLocaleString("en")
  const count = (value, thing) => `${number(value)} ${thing}${value === 1 ? "" : "s"}`
  const score = value => (value / 1e4).toFixed(3).replace("-", "−")
  const regret = value => (value / 100).toFixed(2).replace("-", "−")
  let reached, race // of the chosen problem, and of the chosen split

  /* Load a file of data, once. From disk no page may fetch; a script it may. */
  const asked = new Map()
  const load = name => {
    if (!asked.has(name)) asked.set(name, new Promise((done, failed) => {
      const script = document.createElement("script")
      script.onload = () => done(RACES[name])
      script.onerror = () => failed(asked.delete(name))
      script.src = `${name}.js`
      document.head.append(script)
    }))
    return asked.get(name)
  }

  /* Fill a place with axes, and with what `draw` returns for their scales. */
  const chart = (place, said, xs, ys, right, draw) => {
    const {clientWidth: width, clientHeight: height} = place
    const left = 42, top = 26, bottom = height - 40, across = width - right - left
    const [x, y] = [[xs, left, width - right], [ys, bottom, top]].map(([{ends: [low, high], log}, from, to]) => value =>
      +(from + (to - from) * (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low))).toFixed(1))
    const clip = `${place.id}-clip`
    place.innerHTML = `<svg role="img" aria-label="${said}" viewBox="0 0 ${width} ${height}">
      <clipPath id="${clip}"><path d="M${left - 5} ${top - 5}H${width}V${bottom + 5}H${left - 5}Z"/></clipPath>
      ${ys.ticks.map(tick => `<path class="grid" d="M${left} ${y(tick)}h${across}"/>
        <text class="end" x="${left - 8}" y="${y(tick) + 4}">${ys.text(tick)}</text>`).join("")}
      ${xs.ticks.map(tick => `<path class="grid" d="M${x(tick)} ${bottom}v5"/>
        <text class="middle" x="${x(tick)}" y="${bottom + 18}">${number(tick)}</text>`).join("")}
      <text x="0" y="12">${ys.title}</text>
      <text class="end" x="${left + across}" y="${height - 5}">${xs.title}</text>
      <g clip-path="url(#${clip})">${draw(x, y)}</g></svg>`
  }
  const path = (kind, points, end = "") => points.length ? `<path class="${kind}" d="M${points.join("L")}${end}"/>` : ""

  /* Mean regret against epochs: up to the budget, and pale what comes after it. */
  const drawLines = now => {
    const budget = budgets[now], last = budgets.length - 1
    const shown = [...form.querySelectorAll("[name=show]:checked")].map(box => contestants.indexOf(box.value))
    const said = `Mean regret of each contestant against its budget. The table has the numbers after ${number(budget)} epochs.`
    const lowest = Math.min(-50, ...(reached ?? []).flatMap(([mean]) => mean))
    const ticks = [-150, -100, -50, 0, 50, 100, 150, 200].filter(tick => tick >= lowest)
    const xs = {ends: [budgets[0], budgets[last]], log: true, ticks: [3, 10, 30, 100, 300, 1000], title: "budget in epochs"}
    const ys = {ends: [lowest, HIGHEST], ticks, text: tick => regret(tick).slice(0, -1), title: "mean regret"}
    at("lines").style.setProperty("--many", shown.length)
    chart(at("lines"), said, xs, ys, 12, (x, y) => {
      const steps = (values, to) => budgets.slice(0, to + 1).flatMap((each, place) => values[place] === null ? []
        : [each, budgets[Math.min(place + 1, to)]].map(end => [x(end), y(values[place])]))
      return path("now", [[x(budget), y(HIGHEST)], [x(budget), y(lowest)]]) + (reached ? shown.map(each => {
        const [mean, low, high] = reached[each]
        return `<g class="race-${each}">${path("band", [...steps(high, now), ...steps(low, now).reverse()], "Z")}
          ${path("pale", steps(mean, last))}${path("line", steps(mean, now))}
          ${mean[now] === null ? "" : `<circle cx="${x(budget)}" cy="${y(mean[now])}" r="4"/>`}</g>`
      }).join("") : "")
    })
    at("numbers").tBodies[0].innerHTML = shown.map(each => {
      const [mean, low, high, epochs, trials] = reached ? reached[each].map(values => values[now]) : [null, null, null, 0, 0]
      return `<tr><th scope="row"><svg class="race-${each}" aria-hidden="true"><path class="line" d="M0 6h28"/></svg> ${contestants[each]}</th>
        ${mean === null ? "<td>–</td><td>–</td>" : `<td>${regret(mean)}</td><td>${regret(low)} to ${regret(high)}</td>`}
        <td>${number(trials)}</td><td>${number(epochs)}</td></tr>`
    }).join("")
    at("numbers").caption.textContent = `After a budget of ${number(budget)} epochs`
  }

  /* What a search has done within a budget of epochs. */
  const follow = ([rows, firsts, lasts], {curves, tops}, budget) => {
    const goal = new Map(rows.map((row, trial) => [row, lasts[trial]])) // as far as each is ever trained
    const until = new Map(), best = {score: -Infinity}
    let trials = 0, spent = 0
    while (trials < rows.length && (spent += lasts[trials] - firsts[trials]) <= budget) {
      const row = rows[trials], told = Math.max(...curves[row].slice(firsts[trials], lasts[trials]))
      until.set(row, lasts[trials++])
      if (told > best.score) Object.assign(best, {row, score: told})
    }
    const dropped = new Set([...until.keys()].filter(row => until.get(row) === goal.get(row) && goal.get(row) < EPOCHS))
    const winner = [...until.keys()].reduce((one, row) => tops[row] > tops[one] ? row : one, best.row)
    return {trials, until, dropped, best, winner}
  }

  const tell = ({trials, until, dropped, best, winner}, {curves, tops}, budget) => {
    if (!trials) return `After ${count(budget, "epoch")} no trial has ended yet.`
    const last = until.get(winner)
    const done = `After ${count(budget, "epoch")}: ${count(trials, "trial")} of ${count(until.size, "configuration")}, ${
      number(dropped.size)} of them dropped; best score ${score(best.score)}.`
    if (best.score >= tops[winner]) return `${done} Trained to the end, none of the others would be better.`
    return `${done} The configuration that would win, had all been trained to the end, reaches ${score(tops[winner])}: ${
      dropped.has(winner) ? "it was dropped" : "it will go on, and has paused"} after ${count(last, "epoch")}, at ${score(curves[winner][last - 1])}.`
  }

  /* The curves of one race: the best, and the one that would win. */
  const drawCurves = now => {
    const {value: contestant, selectedIndex: each} = form.contestant
    at("said").textContent = "Loading the race."
    if (!race) return at("curves").replaceChildren()
    const budget = budgets[now] * (contestant.endsWith("twice the epochs") ? 2 : 1)
    const found = follow(race.searches[each], race, budget), {until, dropped, best, winner} = found
    const {curves, tops, ends} = race, wide = at("curves").clientWidth > 600
    at("said").textContent = tell(found, race, budget)
    const step = [100, 200, 500, 1000, 2000, 5000].find(step => ends[1] - ends[0] <= 7 * step)
    const low = Math.ceil(ends[0] / step), many = Math.floor(ends[1] / step) - low + 1
    const ticks = Array.from({length: many}, (_, tick) => (low + tick) * step)
    const xs = {ends: [1, EPOCHS], ticks: [1, 3, 9, 18, 27], title: "epoch of a trial"}
    const ys = {ends, ticks, text: tick => tick / 1e4, title: `validation ${scores[form.problem.value]}`}
    chart(at("curves"), at("said").textContent, xs, ys, wide ? 124 : 80, (x, y) => {
      if (!until.size) return ""
      const point = (row, epoch) => [x(epoch), y(curves[row][epoch - 1])]
      const line = (kind, row, from, to) =>
        path(kind, curves[row].slice(from - 1, to).map((_, place) => point(row, from + place)), "h0")
      const others = [...until.keys()].filter(row => row !== best.row && row !== winner)
      const drawn = others.map(row => line(dropped.has(row) ? "dropped" : "kept", row, 1, until.get(row)))
      const labels = [["best", best.score, ...point(best.row, until.get(best.row))]]
      drawn.push(line("best", best.row, 1, until.get(best.row)))
      if (tops[winner] > best.score) {
        const last = until.get(winner), [cx, cy] = point(winner, last)
        drawn.push(line("winner ahead", winner, last, EPOCHS), line("winner", winner, 1, last))
        drawn.push(`<circle class="winner" cx="${cx}" cy="${cy}" r="5"/>`)
        labels.push(["would win", tops[winner], ...point(winner, EPOCHS)])
        const [low, high] = [...labels].sort((one, other) => other[3] - one[3])
        if (Math.abs(high[2] - low[2]) < 60 && low[3] - high[3] < 15) high[3] = low[3] - 15
      }
      return drawn.join("") + labels.map(([text, value, x, y]) =>
        `<text class="label" x="${x + 8}" y="${y + 4}">${text}${wide ? ` ${score(value)}` : ""}</text>`).join("")
    })
  }

  const draw = () => {
    const now = form.budget.valueAsNumber
    at("budget-says").textContent = form.budget.ariaValueText = count(budgets[now], "epoch")
    drawLines(now)
    drawCurves(now)
  }

  const get = async () => {
    const names = [form.problem.value, `${form.problem.value}-${form.split.value}`]
    reached = race = undefined
    draw()
    const [both, one] = await Promise.all(names.map(load)).catch(() => [])
    if (names[1] !== `${form.problem.value}-${form.split.value}`) return // another was chosen meanwhile
    if (!both) return at("said").textContent = "The races of this problem could not be loaded."
    reached = both
    race = one
    race.curves ??= race.steps.map(steps => steps.map((sum => step => sum += step)(0)))
    race.tops ??= race.curves.map(curve => Math.max(...curve))
    const sorted = race.curves.flat().sort((a, b) => a - b)
    const low = Math.max(0, sorted[Math.floor(sorted.length / 20)]), high = sorted.at(-1)
    race.ends = [low, high + (high - low) * .08] // with room for a label
    draw()
  }

  const keep = () => {
    const address = new URLSearchParams(new FormData(form))
    address.set("budget", budgets[form.budget.valueAsNumber])
    history.replaceState(history.state, "", `?${address}`)
  }

  let timer, pause
  const speak = () => {
    clearTimeout(pause) // spoken when all rests
    pause = setTimeout(() => at("spoken").textContent = at("said").textContent, 1000)
  }
  const step = () => {
    form.budget.value = (form.budget.valueAsNumber + 1) % budgets.length
    draw()
    speak()
    if (form.budget.value !== form.budget.max) return
    stop()
    keep()
  }
  const stop = () => {
    timer = clearInterval(timer)
    at("play").textContent = still.matches ? "Step" : "Play"
  }
  at("play").addEventListener("click", () => {
    if (timer) stop()
    else if (still.matches) step()
    else {
      timer = setInterval(step, 150)
      at("play").textContent = "Pause"
    }
    if (!timer) keep()
  })
  form.addEventListener("input", ({target}) => {
    if (target === form.budget) stop()
    if (target === form.problem || target === form.split) get()
    else draw()
    speak()
  })
  form.addEventListener("change", keep)
  form.addEventListener("submit", event => event.preventDefault())

  form.problem.append(...Object.keys(scores).map(name => new Option(name.replaceAll("_", " "), name, false, name === FIRST)))
  form.contestant.append(...contestants.map(name => new Option(name, name, false, name === "Hyperband")))
  form.split.append(...splits.map(split => new Option(split)))
  form.budget.max = budgets.length - 1
  const chosen = new URLSearchParams(location.search)
  for (const name of ["problem", "contestant", "split"]) {
    if ([...form[name].options].some(({value}) => value === chosen.get(name))) form[name].value = chosen.get(name)
  }
  for (const box of form.querySelectorAll("[name=show]")) {
    if (chosen.has("show")) box.checked = chosen.getAll("show").includes(box.value)
  }
  form.budget.value = Math.max(0, budgets.findIndex(each => each >= (chosen.get("budget") ?? 378)))
  stop()
  get()
  new ResizeObserver(draw).observe(at("lines"))
  form.hidden = false
}
