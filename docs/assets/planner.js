/* The planner of hyperband_planner.md. */

/* The rounds of one iteration in the order they run, as HyperbandOracle sizes
   them. In whole numbers, since not all browsers round logarithms alike. */
function hyperbandRounds(maxEpochs, factor) {
  const powers = [1]
  while (powers.at(-1) * factor <= maxEpochs) powers.push(powers.at(-1) * factor)
  const last = powers.length + (powers.at(-1) < maxEpochs) // ceil(1 + log)
  const rounds = []
  for (let bracket = powers.length - 1; bracket >= 0; bracket--) {
    let from = 0
    for (let round = 0; round <= bracket; round++) {
      const shrink = powers[bracket - round]
      const trials = Math.ceil(last / (bracket + 1) * shrink)
      const to = Math.ceil(maxEpochs / shrink)
      rounds.push({bracket, round, trials, from, to, epochs: trials * (to - from)})
      from = to
    }
  }
  return rounds
}

{
  const LIMIT = 10000 // far above, the oracle's logarithm errs
  const at = id => document.getElementById(`plan-${id}`)
  const show = number => number.toLocaleString("en")
  const sum = (rounds, value) => rounds.reduce((total, round) => total + value(round), 0)
  const cell = (number, note) => `<td>${show(number)}<br><small>${note}</small></td>`

  const clock = seconds => {
    const s = Math.round(seconds)
    const parts = [[Math.floor(s / 3600), "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]]
    return parts.map(([n, unit]) => n ? `${show(n)} ${unit} ` : "").join("").trim() || "under 1 s"
  }

  /* A field's number, or NaN, and beside it what is allowed. */
  const read = id => {
    const {value, inputMode, dataset: {min}} = at(id)
    const whole = inputMode === "numeric"
    const number = (whole ? /^\d+$/ : /^\d*\.?\d+$/).test(value.trim()) ? Number(value) : NaN
    const good = number >= min && number <= LIMIT
    at(id).ariaInvalid = !good
    at(`${id}-says`).textContent = good ? ""
      : `Enter a ${whole ? "whole number" : "number, such as 0.5,"} from ${min} to ${show(LIMIT)}.`
    return good ? number : NaN
  }

  const draw = (brackets, seconds) => {
    const longest = Math.max(...brackets.map(rounds => sum(rounds, seconds))) || 1
    at("bars").innerHTML = brackets.map(rounds => `<div><span>bracket ${rounds[0].bracket}</span>${
      rounds.map(round => `<b style="--width:${seconds(round) / longest};--height:${
        Math.log(round.trials) / Math.log(1 + brackets[0][0].trials)}"><i>${show(round.trials)}</i></b>`).join("")}</div>`).join("")
    at("bars").ariaLabel = "Time of each bracket: " + brackets.map(rounds =>
      `bracket ${rounds[0].bracket}, ${clock(sum(rounds, seconds))}`).join("; ")
  }

  const list = (brackets, seconds) => {
    const head = brackets[0].map(({round}) => `<th scope="col">round ${round}</th>`).join("")
    const rows = brackets.map(rounds => `<tr><th scope="row">${rounds[0].bracket}</th>${
      rounds.map(({trials, from, to}) => cell(trials, to - from > 1
        ? `epochs ${show(from + 1)}–${show(to)}` : `epoch ${show(to)}`)).join("")
    }${"<td></td>".repeat(brackets.length - rounds.length)}<td>${clock(sum(rounds, seconds))}</td></tr>`)
    at("rounds").innerHTML = `<caption>Trials of each round of an iteration, and the epochs each trains</caption>
      <thead><tr><th scope="col">bracket</th>${head}<th scope="col">time</th></tr></thead><tbody>${rows.join("")}</tbody>`
  }

  /* Keras Tuner's call. Each plan has a name: under another's it would resume that. */
  const call = (maxEpochs, factor, iterations) => `import keras_tuner as kt

tuner = kt.Hyperband(
    build_model,
    objective=kt.Objective("val_loss", "min"),
    max_epochs=${maxEpochs},
    factor=${factor},
    hyperband_iterations=${iterations},
    seed=1,
    directory="searches",
    project_name="hyperband_${maxEpochs}_${factor}_${iterations}",
)`

  /* The largest max_epochs that fits, or 0. */
  const largest = fits => {
    let most = 0
    for (let step = 8192; step >= 1; step /= 2)
      if (most + step <= LIMIT && fits(most + step)) most += step
    return most
  }

  const update = () => {
    const [maxEpochs, factor, iterations, perEpoch, perTrial, hours] =
      ["max_epochs", "factor", "iterations", "epoch", "trial", "hours"].map(read)
    const bad = isNaN(maxEpochs + factor + iterations + perEpoch + perTrial)
    at("result").hidden = bad
    at("answer").hidden = at("random").hidden = bad || isNaN(hours)
    at("none").textContent = at("answer").hidden ? "No answer: a number here or above is not allowed." : ""
    at("total").textContent = "No plan: a number above is not allowed."
    if (bad) return

    const seconds = ({epochs, trials}) => epochs * perEpoch + trials * perTrial
    const time = (...setting) => sum(hyperbandRounds(...setting), seconds)
    const rounds = hyperbandRounds(maxEpochs, factor)
    const brackets = rounds.filter(({round}) => !round)
      .map(({bracket}) => rounds.filter(round => round.bracket === bracket))
    const total = value => show(iterations * sum(rounds, value))
    at("total").textContent = `Trials: ${total(r => r.trials)}. Configurations: ${total(r => r.round ? 0 : r.trials)}. `
      + `Epochs: ${total(r => r.epochs)}. Time: ${clock(iterations * time(maxEpochs, factor))}.`
    draw(brackets, seconds)
    list(brackets, seconds)
    at("call").textContent = call(maxEpochs, factor, iterations)

    const fit = (number, seconds) => number ? cell(number, clock(seconds)) : "<td>none fits</td>"
    const rows = [...new Set([2, 3, 4, factor])].sort((a, b) => a - b).map(each => {
      const most = largest(epochs => iterations * time(epochs, each) <= hours * 3600)
      const once = time(maxEpochs, each), often = Math.floor(hours * 3600 / once)
      return `<tr><th scope="row">${each}</th>${fit(most, iterations * time(most, each))}${fit(often, often * once)}</tr>`
    })
    const random = epochs => `${show(Math.floor(hours * 3600 / (epochs * perEpoch + perTrial)))} trials of ${show(epochs)}`
    const third = Math.ceil(maxEpochs / 3)
    at("random").textContent = `RandomSearch, in the same hours: ${random(maxEpochs)} epochs${
      third < maxEpochs ? `, or ${random(third)}` : ""}.`
    at("fits").innerHTML = `<thead><tr><th scope="col">factor</th><th scope="col">largest max_epochs</th>
      <th scope="col">most iterations</th></tr></thead><tbody>${rows.join("")}</tbody>`
  }

  let pause
  for (const part of document.querySelectorAll(".planner")) {
    part.hidden = false
    part.addEventListener("input", ({target}) => {
      update()
      clearTimeout(pause) // spoken when typing pauses
      const said = target.nextSibling.textContent || (target === at("hours") ? at("answer").innerText : at("total").textContent)
      pause = setTimeout(() => at("spoken").textContent = said, 1000)
    })
  }
  update()
}
