/**
 * The script of the page: what it does, as the browser is sent it.
 */

/** `leadOf`: what a model answers with, in a sentence, by its entry among the models. */
export const lead = `const leadOf = ({ id, task: { labels, kind, form, description = {} } }) => {
  const named = labels.slice(0, 12).join(", ") + (labels.length > 12 ? ", and " + (labels.length - 12) + " more" : "")
  const answer = kind === "shares"
    ? (description.answer === "single" ? "one of " : "a share for each of ") + named
    : labels.join() === "answer" ? "boxes" : "boxes of " + named
  return id + " answers with " + answer + (form === "answer" ? "." : ", and says why.")
}`

/**
 * What the page does, as the browser is sent it. Everything that a model or a file says is put in as text, never as
 * markup.
 */
export const script = `"use strict"
${lead}
const $ = (id) => document.getElementById(id)
const status = (text, bad) => { $("status").textContent = text; $("status").className = bad ? "bad" : "" }
// A link that the server printed has its token behind "#", which no server is sent.
let token = location.hash.slice(1) || sessionStorage.getItem("token") || ""
if (location.hash) { sessionStorage.setItem("token", token); history.replaceState(null, "", "/") }
const headers = () => token === "" ? {} : { authorization: "Bearer " + token }
const noToken = "Enter the token first: it was printed where this server was started."
const wrongToken = "This is not the token of this server: enter the one that was printed where it was started."
let model, url, last, round = 0

const make = (name, className, text) => {
  const made = document.createElement(name)
  made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

const start = async () => {
  const response = await fetch("/v1/models", { headers: headers() })
  $("locked").hidden = response.status !== 401
  if (response.status === 401) return status(token === "" ? "" : wrongToken, true)
  model = (await response.json()).data[0]
  $("asks").hidden = !model.task.question.includes("{question}")
  $("lead").textContent = leadOf(model)
  document.title = model.id + " – RISE annotator"
  status("")
}

/** What rounds to 0 or to 100 and is neither says so. */
const percent = (share) => {
  const whole = Math.round(share * 100)
  return share > 0 && whole === 0 ? "<1" : share < 1 && whole === 100 ? ">99" : String(whole)
}

const bar = (label, share) => {
  const row = make("div", "bar")
  const fill = make("div", "fill")
  fill.style.width = Math.max(0, Math.min(100, share * 100)) + "%"
  const track = make("div", "track")
  track.setAttribute("aria-hidden", "true")
  track.append(fill)
  row.append(make("span", "label", label), track, make("span", "share", percent(share) + "%"))
  return row
}

const drawBoxes = (boxes, width, height) => {
  const svg = $("boxes")
  svg.setAttribute("viewBox", "0 0 " + width + " " + height)
  svg.setAttribute("preserveAspectRatio", "none")
  svg.replaceChildren(...boxes.flatMap(({ box: [x, y, w, h] }) => ["", "line"].map((kind) => {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect")
    const attributes = { x, y, width: w, height: h, class: kind }
    for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, value)
    return rect
  })))
}

/** In percent, with as many digits as tell it from 100. */
const surely = (share) =>
  share > 0.99 && share < 1
    ? (share * 100).toFixed(Math.min(6, Math.max(0, Math.ceil(-Math.log10(1 - share) - 1e-6) - 2)))
    : percent(share)

const show = (answer, name) => {
  const { value } = answer
  $("result").hidden = false
  $("name").textContent = name + (answer.width ? ", " + answer.width + " × " + answer.height + " pixels" : "")
  $("reasoning").textContent = answer.reasoning ??
    (model.task.form === "answer" ? "This model answers without one." : "None.")
  drawBoxes(Array.isArray(value) ? value : [], answer.width ?? 1, answer.height ?? 1)
  const rows = value === null ? [make("p", "", "No annotation: " + answer.fault)]
    : Array.isArray(value)
    ? value.length === 0 ? [make("p", "", "No boxes.")] : value.map(({ label, box, score }) => {
      const sure = score === undefined ? "" : ", score " + score
      return make("p", "", (label ?? "box") + ": " + box.map(Math.round).join(", ") + sure)
    })
    : Object.entries(value).sort((a, b) => b[1] - a[1]).map(([label, share]) => bar(label, share))
  $("values").replaceChildren(...rows)
  $("confidence").textContent = (answer.confidence === undefined ? ""
    : "How sure it is of this answer, having reasoned so: " + surely(answer.confidence) + "%.")
    + (answer.closed ? " It was cut short: trust it less." : "")
  $("raw").textContent = JSON.stringify(answer, null, 2)
}

const send = async () => {
  const file = last
  if (file === undefined) return
  const question = $("question").value.trim()
  if (!$("asks").hidden && question === "") { status("Now ask something about it."); $("question").focus(); return }
  const own = ++round
  status("At work …")
  if (url !== undefined) URL.revokeObjectURL(url)
  url = URL.createObjectURL(file)
  $("picture").src = url
  $("picture").alt = "The picture that was sent: " + file.name
  const form = new FormData()
  form.append("image", file, file.name)
  if (!$("asks").hidden) form.append("question", question)
  const began = performance.now()
  try {
    const response = await fetch("/annotate", { method: "POST", body: form, headers: headers() })
    const answer = await response.json()
    // Another picture has come since.
    if (own !== round) return
    if (response.status === 401) {
      $("locked").hidden = false
      $("result").hidden = true
      $("token").focus()
      return status(token === "" ? noToken : wrongToken, true)
    }
    if (!response.ok) { $("result").hidden = true; return status(answer.error.message, true) }
    show(answer, file.name)
    status("Answered in " + ((performance.now() - began) / 1000).toFixed(2) + " s.")
  } catch (error) {
    if (own === round) status("The server did not answer: " + error.message, true)
  }
}

const take = (file) => { if (file) { last = file; send() } }
$("file").addEventListener("change", ({ target }) => take(target.files[0]))
$("form").addEventListener("submit", (event) => { event.preventDefault(); send() })
$("token").addEventListener("change", async ({ target }) => {
  token = target.value.trim()
  sessionStorage.setItem("token", token)
  await start()
  send()
})
addEventListener("paste", ({ clipboardData }) => take([...clipboardData.files][0]))
addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over") })
addEventListener("dragleave", () => $("drop").classList.remove("over"))
addEventListener("drop", (event) => {
  event.preventDefault()
  $("drop").classList.remove("over")
  take(event.dataTransfer.files[0])
})
start().catch((error) => status("The server did not answer: " + error.message, true))
`
