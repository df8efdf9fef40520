// The script of report.html: browses answers and chains that lie beside the page, in report/*.js, and shows what a run
// is doing while it does it. Texts are set as text, never as markup.
"use strict"
;(() => {
  /** Where side files hand over what they hold, and who waits for it. */
  const waiting = new Map()
  /** @param {string} name @param {any} data */
  const rise = (name, data) => {
    const done = waiting.get(name)
    waiting.delete(name)
    if (done) done(data)
  }
  Object.assign(globalThis, { rise })

  /** Side files that are being loaded or were, the oldest first. */
  const loaded = new Map()
  const mostLoaded = 60

  /**
   * Loads a side file by its name, a word and a number of ours.
   * @param {string} file @param {string} name @param {string} [again] makes the browser read it anew
   * @returns {Promise<any>}
   */
  const load = (file, name, again) =>
    new Promise((resolve, reject) => {
      waiting.set(name, resolve)
      const script = document.createElement("script")
      script.src = `report/${file}.js${again === undefined ? "" : `?${again}`}`
      script.onload = () => script.remove()
      script.onerror = () => {
        script.remove()
        waiting.delete(name)
        reject(new Error(`report/${file}.js is not there`))
      }
      document.head.append(script)
    })
  /** @param {string} file */
  const chunk = (file) => {
    const known = loaded.get(file)
    if (known) return known
    const [first] = loaded.keys()
    if (loaded.size >= mostLoaded) loaded.delete(first)
    const found = load(file, file)
    loaded.set(file, found)
    return found
  }

  const svgSpace = "http://www.w3.org/2000/svg"
  /**
   * An element: attributes by name, then children, texts among them.
   * @param {string} tag @param {Record<string, any>} [attributes] @param {...any} children
   * @returns {any}
   */
  const make = (tag, attributes = {}, ...children) => {
    const drawn = ["svg", "image", "rect", "text", "title", "g"].includes(tag)
    const node = drawn ? document.createElementNS(svgSpace, tag) : document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === false) continue
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value)
      else node.setAttribute(name, value === true ? "" : String(value))
    }
    node.append(...children.filter((child) => child !== undefined))
    return node
  }

  /** @param {number | null | undefined} value */
  const figure = (value) => value === null || value === undefined ? "–" : value.toFixed(3)
  /** What rounds to 0 or to 100 and is neither says so. @param {number} share */
  const percent = (share) => {
    const whole = Math.round(share * 100)
    return share > 0 && whole === 0 ? "<1" : share < 1 && whole === 100 ? ">99" : String(whole)
  }
  /** In percent, with as many digits as tell it from 100: most answers are nearly sure. @param {number} share */
  const surely = (share) => {
    if (!(share > 0.99 && share < 1)) return percent(share)
    // Of 0.1 + 0.2 there is some more than 0.3.
    const decimals = Math.ceil(-Math.log10(1 - share) - 1e-6) - 2
    return (share * 100).toFixed(Math.min(6, Math.max(0, decimals)))
  }

  /** Only pictures that the report wrote. @param {unknown} png */
  const safe = (png) => typeof png === "string" && /^data:image\/png;base64,[A-Za-z0-9+/]+=*$/.test(png)

  /** What stands where a picture would: a run keeps its pictures at its end. */
  let blank = "no picture here"

  /**
   * A picture with boxes over it: truth and prediction, where the data say, in shares of its sides.
   * @param {any} sample @param {ReadonlyArray<any>} truth @param {ReadonlyArray<any>} said @param {string} words
   */
  const picture = (sample, truth, said, words) => {
    const [width, height] = [sample.width ?? 100, sample.height ?? 100]
    /** @param {string} kind */
    const drawn = (kind) => (/** @type {any} */ { at: [x, y, w, h], label, score }) =>
      make(
        "rect",
        { class: `box ${kind}`, x: x * width, y: y * height, width: w * width, height: h * height },
        make(
          "title",
          {},
          `${kind === "truth" ? "truth" : "answer"}${label === undefined ? "" : `: ${label}`}` +
            `${score === undefined || score === null ? "" : `, ${surely(score)}% sure`}`
        )
      )
    return make(
      "svg",
      { class: "shot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
      safe(sample.png)
        ? make("image", { href: sample.png, width, height, preserveAspectRatio: "none" })
        : make(
          "g",
          {},
          make("rect", { class: "blank", width, height }),
          make("text", {
            x: width / 2,
            y: height / 2,
            "text-anchor": "middle",
            "font-size": width / 9,
            fill: "currentColor"
          }, blank)
        ),
      ...truth.map(drawn("truth")),
      ...said.map(drawn("ours"))
    )
  }

  /** Labels that are drawn: more are no picture. */
  const mostBars = 12

  /**
   * Truth over prediction for each label, with the number of each beside its bar.
   * @param {ReadonlyArray<string>} labels @param {ReadonlyArray<number>} truth @param {ReadonlyArray<number>} said
   */
  const bars = (labels, truth, said) => {
    const all = labels.map((label, i) => ({ label, t: truth[i] ?? 0, p: said[i] ?? 0 }))
    const shown = all.length <= mostBars ? all : all.toSorted((a, b) => Math.max(b.t, b.p) - Math.max(a.t, a.p))
      .slice(0, mostBars)
    const [width, left, row, most] = [280, 96, 26, 150]
    const words = shown.filter(({ p, t }) => p > 0 || t > 0)
      .map(({ label, p, t }) => `${label}: truth ${percent(t)}, answer ${percent(p)}`).join("; ")
    return make(
      "svg",
      { class: "bars", viewBox: `0 0 ${width} ${shown.length * row + 2}`, role: "img", "aria-label": words },
      ...shown.flatMap(({ label, p, t }, i) => {
        const at = i * row
        const name = label.length > 14 ? `${label.slice(0, 13)}…` : label
        /** @param {string} kind @param {number} share @param {number} y */
        const one = (kind, share, y) => [
          make("rect", { class: kind, x: left, y, width: Math.max(0, Math.min(1, share)) * most, height: 9, rx: 1 }),
          make(
            "text",
            { class: "tick", x: left + Math.max(0, Math.min(1, share)) * most + 4, y: y + 8 },
            percent(share)
          )
        ]
        return [
          make("text", { class: "tick", x: left - 6, y: at + 16, "text-anchor": "end" }, name),
          ...one("truth", t, at + 3),
          ...one("ours", p, at + 13)
        ]
      })
    )
  }

  /**
   * @param {string} id @param {string} label
   * @param {ReadonlyArray<readonly [string, string]>} options @param {() => void} change
   */
  const choice = (id, label, options, change) => {
    const select = make(
      "select",
      { id, onchange: change },
      ...options.map(([value, text]) => make("option", { value }, text))
    )
    return { select, field: make("label", { class: "field", for: id }, label, select) }
  }

  /**
   * Small pages of something long, with what stands between them.
   * @param {number} size @param {(from: number) => void} show
   */
  const paging = (size, show) => {
    let [from, of] = [0, 0]
    const place = make("span", { class: "place" })
    /** @param {number} by */
    const turn = (by) => () => {
      from = Math.max(0, Math.min(from + by * size, Math.floor(Math.max(0, of - 1) / size) * size))
      draw()
    }
    const back = make("button", { type: "button", onclick: turn(-1) }, "‹ Previous")
    const on = make("button", { type: "button", onclick: turn(1) }, "Next ›")
    const draw = () => {
      back.disabled = from === 0
      on.disabled = from + size >= of
      place.textContent = of === 0 ? "" : `${from + 1}–${Math.min(of, from + size)} of ${of}`
      show(from)
    }
    return {
      bar: make("div", { class: "paging" }, back, place, on),
      /** @param {number} count */
      begin: (count) => {
        from = 0
        of = count
        draw()
      }
    }
  }

  /** The one dialog of the page. */
  const details = make("dialog", { class: "details", "aria-label": "details" })
  /** @param {any} content */
  const open = (content) => {
    details.replaceChildren(
      make(
        "form",
        { method: "dialog", class: "close" },
        make("button", { type: "button", onclick: () => details.close() }, "Close")
      ),
      content
    )
    if (!details.open) details.showModal()
    details.scrollTop = 0
  }

  /** What is wrong with an answer, in a word. @param {any} answer */
  const fault = ({ annotation, fault, verdict }) =>
    fault !== undefined
      ? `no answer: ${fault}`
      : annotation === undefined || verdict !== "ok"
      ? `not valid (${verdict})`
      : ""

  /**
   * Of one picture, accuracy lies between wrong and right where the answer's largest shares are equal; of these, what
   * is written names one.
   * @param {any} answer
   */
  const tied = ({ metrics: { accuracy } }) =>
    typeof accuracy === "number" && accuracy > 0 && accuracy < 1
      ? ", a tie: labels with equal shares, of which one is written here, and not all are right"
      : ""

  /** What the colours mean of what is drawn. */
  const colours = () =>
    make(
      "p",
      { class: "note" },
      make("span", { class: "key truth" }),
      "truth  ",
      make("span", { class: "key ours" }),
      "answer"
    )

  /** All that is known of one sample. @param {any} index @param {any} sample */
  const whole = (index, sample) =>
    make(
      "div",
      { class: "whole" },
      make(
        "div",
        {},
        picture(sample, sample.boxes ?? [], [], sample.image),
        make("p", { class: "meta" }, sample.image, sample.part === undefined ? "" : ` · ${sample.part}`),
        sample.question === undefined ? undefined : make("p", { class: "meta" }, sample.question),
        make("p", { class: "meta" }, "truth: ", make("code", {}, sample.truth))
      ),
      make(
        "div",
        {},
        make("p", { class: "note" }, "From the base to the trained methods, what each wrote of this picture:"),
        index.kind === "text" ? undefined : colours(),
        ...sample.said.map((/** @type {any} */ answer) =>
          make(
            "div",
            { class: "said" },
            make(
              "div",
              {},
              make("b", {}, answer.method, " "),
              make("small", {}, `${index.metric} ${figure(answer.metrics[index.metric])}${tied(answer)}`),
              fault(answer) === "" ? undefined : make("small", { class: "bad" }, ` ${fault(answer)}`),
              answer.reasoning === undefined ? undefined : make("p", { class: "reasoning" }, answer.reasoning),
              make("code", {}, answer.annotation ?? answer.text)
            ),
            sample.bars !== undefined && answer.bars !== undefined
              ? bars(index.labels, sample.bars, answer.bars)
              : sample.boxes !== undefined || answer.boxes !== undefined
              ? picture(sample, sample.boxes ?? [], answer.boxes ?? [], `truth and answer of ${answer.method}`)
              : ""
          )
        )
      )
    )

  /** Numbers in order; what is not known comes last. @param {ReadonlyArray<any>} values @param {number} way */
  const by = (values, way) => (/** @type {number} */ a, /** @type {number} */ b) => {
    const [x, y] = [values[a], values[b]]
    return x === y ? a - b : x === null ? 1 : y === null ? -1 : way * (x - y)
  }

  const perPage = 24
  /** How long typing pauses before what was typed is looked for. */
  const typingMillis = 120

  /** The section of all answers. @param {any} place @param {any} index */
  const browse = (place, index) => {
    const count = index.image.length
    const first = Math.max(0, index.methods.findIndex((/** @type {any} */ { name }) => name === index.kept))
    const numbered = (/** @type {ReadonlyArray<string>} */ names) =>
      names.map((name, i) => /** @type {const} */ ([String(i), name]))
    const sft = index.methods.find((/** @type {any} */ { name }) => name === "SFT")
    const names = index.image.map((/** @type {string} */ name) => name.toLowerCase())
    const better = index.lower ? -1 : 1
    const inOrder = Int32Array.from({ length: count }, (_, i) => i)
    /** Samples in an order, each of which is made once. @type {Map<string, Int32Array>} */
    const orders = new Map()
    /** @param {any} method @param {string} sort */
    const ordering = (method, sort) => {
      if (sort === "worst") return by(method.score, better)
      if (sort === "best") return by(method.score, -better)
      if (sort === "unsure") return by(method.confidence, 1)
      const gain = method.score.map((/** @type {number | null} */ own, /** @type {number} */ i) =>
        own === null || sft.score[i] === null ? null : better * (own - sft.score[i])
      )
      return by(gain, sort === "gain" ? -1 : 1)
    }
    /** @param {any} method @param {string} sort */
    const ordered = (method, sort) => {
      if (sort === "") return inOrder
      const key = `${method.name}/${sort}`
      const known = orders.get(key) ?? inOrder.toSorted(ordering(method, sort))
      orders.set(key, known)
      return known
    }
    const draw = () => {
      const began = performance.now()
      const method = index.methods[Number(fields.method.select.value)]
      const [part, label, right, valid] = [fields.part, fields.label, fields.right, fields.valid]
        .map(({ select }) => select.value === "" ? -1 : Number(select.value))
      const words = search.value.trim().toLowerCase()
      const ok = index.verdicts.indexOf("ok")
      /** @type {number[]} */
      const chosen = []
      for (const i of ordered(method, fields.sort.select.value)) {
        if (method.right[i] < 0) continue
        if (part >= 0 && index.part[i] !== part) continue
        if (label >= 0 && !index.truth[i].includes(label)) continue
        if (right >= 0 && method.right[i] !== right) continue
        if (valid >= 0 && (method.verdict[i] === ok ? 1 : 0) !== valid) continue
        if (words !== "" && !names[i].includes(words)) continue
        chosen.push(i)
      }
      state.chosen = chosen
      state.method = method
      found.textContent = `${chosen.length} of ${count} samples`
      pages.begin(chosen.length)
      place.dataset.millis = String(performance.now() - began)
    }
    const state = { chosen: /** @type {number[]} */ ([]), method: index.methods[first] }
    const all = /** @type {const} */ (["", "all"])
    const fields = {
      method: choice("by-method", "method", numbered(index.methods.map((/** @type {any} */ { name }) => name)), draw),
      part: choice("by-part", "part", [all, ...numbered(index.parts)], draw),
      label: choice("by-label", "true label", [all, ...numbered(index.labels)], draw),
      right: choice("by-right", "answer", [["", "right or wrong"], ["0", "wrong"], ["1", "right"]], draw),
      valid: choice("by-valid", "format", [["", "valid or not"], ["1", "valid"], ["0", "not valid"]], draw),
      sort: choice("by-sort", "sort", [
        ["", "as in the test set"],
        ["worst", "worst first"],
        ["best", "best first"],
        ...(sft === undefined
          ? []
          : [
            /** @type {const} */ (["gain", "largest gain over SFT"]),
            /** @type {const} */ (["loss", "largest loss to SFT"])
          ]),
        ["unsure", "lowest confidence"]
      ], draw)
    }
    fields.method.select.value = String(first)
    fields.sort.select.value = "worst"
    /** @type {number | undefined} */
    let typing
    const search = make("input", {
      id: "by-name",
      type: "search",
      oninput: () => {
        clearTimeout(typing)
        typing = setTimeout(draw, typingMillis)
      }
    })
    const found = make("p", { class: "note", role: "status" })
    const grid = make("div", { class: "grid" })
    let turn = 0
    /** @param {number} from */
    const show = (from) => {
      const own = ++turn
      const { chosen, method } = state
      const cards = chosen.slice(from, from + perPage).map((i) => {
        const shot = make("span", { class: "thumb" })
        const label = method.label[i]
        const card = make(
          "button",
          { type: "button", class: `cell ${method.right[i] === 1 ? "right" : "wrong"}` },
          shot,
          make(
            "b",
            {},
            `${method.right[i] === 1 ? "✓" : "✗"} ${
              label >= 0
                ? index.labels[label]
                : index.verdicts[method.verdict[i]] === "ok"
                ? (method.right[i] === 1 ? "right" : "wrong")
                : "not valid"
            }`
          ),
          make(
            "small",
            {},
            `${
              index.truth[i].length === 0
                ? ""
                : `truth ${index.truth[i].map((/** @type {number} */ at) => index.labels[at]).join(", ")}\u00a0· `
            }` +
              `${index.metric} ${figure(method.score[i])}${
                method.confidence[i] === null ? "" : `\u00a0· ${surely(method.confidence[i])}% sure`
              }`
          )
        )
        chunk(`samples-${Math.floor(i / index.perFile)}`).then((/** @type {any} */ rows) => {
          if (own !== turn) return
          const sample = rows[i % index.perFile]
          const answer = sample.said.find((/** @type {any} */ said) => said.method === method.name)
          shot.replaceChildren(picture(sample, sample.boxes ?? [], answer?.boxes ?? [], sample.image))
          if (sample.question !== undefined) card.append(make("small", {}, sample.question))
          card.addEventListener("click", () => open(whole(index, sample)))
        }, missing(place))
        return card
      })
      grid.replaceChildren(...cards)
    }
    const pages = paging(perPage, show)
    const used = Object.entries(fields).filter(([name]) =>
      !(name === "part" && index.parts.length < 2 || name === "label" && index.labels.length < 2)
    )
    place.replaceChildren(
      make(
        "form",
        { class: "filters", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
        ...used.map(([, { field }]) => field),
        make("label", { class: "field", for: "by-name" }, "picture", search)
      ),
      found,
      // Over the small pictures boxes are drawn, and nothing else.
      ...(index.kind === "boxes" ? [colours()] : []),
      grid,
      pages.bar
    )
    draw()
  }

  const loopsPerPage = 4

  /**
   * The section of the closed loop.
   * @param {any} place @param {any} index @param {ReadonlyArray<string>} labels @param {number | null} tau
   */
  const loops = (place, index, labels, tau) => {
    const spread = index.rewards.map((/** @type {number[]} */ rewards) => Math.max(...rewards) - Math.min(...rewards))
    const mean = index.rewards.map((/** @type {number[]} */ rewards) =>
      rewards.reduce((a, b) => a + b, 0) / Math.max(1, rewards.length)
    )
    const verdicts = [...new Set(index.verdicts.flat())].toSorted()
    /** @type {number[]} */
    let chosen = []
    const draw = () => {
      const verdict = fields.verdict.select.value
      chosen = index.image.map((/** @type {string} */ _, /** @type {number} */ i) => i)
        .filter((/** @type {number} */ i) => verdict === "" || index.verdicts[i].includes(verdict))
      const sort = fields.sort.select.value
      if (sort === "spread") chosen.sort(by(spread, -1))
      if (sort === "low") chosen.sort(by(mean, 1))
      if (sort === "high") chosen.sort(by(mean, -1))
      pages.begin(chosen.length)
    }
    const fields = {
      verdict: choice("by-verdict", "with a chain that was judged", [
        ["", "anything"],
        ...verdicts.map((name) => /** @type {const} */ ([name, name]))
      ], draw),
      sort: choice("loops-sort", "sort", [["spread", "rewards that differ most"], ["low", "lowest rewards"], [
        "high",
        "highest rewards"
      ], ["", "as in the training set"]], draw)
    }
    const list = make("div", { class: "stack" })
    let turn = 0
    /** @param {number} from */
    const show = (from) => {
      const own = ++turn
      list.replaceChildren(
        ...chosen.slice(from, from + loopsPerPage).map((i) => {
          const card = make("div", { class: "card example" })
          chunk(`loops-${Math.floor(i / index.perFile)}`).then((/** @type {any} */ rows) => {
            if (own === turn) card.replaceChildren(...loop(rows[i % index.perFile], labels, tau))
          }, missing(place))
          return card
        })
      )
    }
    const pages = paging(loopsPerPage, show)
    place.replaceChildren(
      make(
        "form",
        { class: "filters", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
        fields.verdict.field,
        fields.sort.field
      ),
      list,
      pages.bar
    )
    draw()
  }

  /**
   * One sample's chains.
   * @param {any} sample @param {ReadonlyArray<string>} labels @param {number | null} tau none: all are kept
   */
  const loop = (sample, labels, tau) => {
    const best = sample.chains.reduce(
      (/** @type {number} */ at, /** @type {any} */ chain, /** @type {number} */ i) =>
        chain.reward > sample.chains[at].reward ? i : at,
      0
    )
    return [
      make(
        "div",
        {},
        picture(sample, sample.boxes ?? [], [], sample.image),
        make("p", { class: "meta" }, sample.image),
        sample.question === undefined ? undefined : make("p", { class: "meta" }, sample.question),
        make("p", { class: "meta" }, "label: ", make("code", {}, sample.truth))
      ),
      make(
        "div",
        {},
        sample.base === undefined ? undefined : make(
          "div",
          { class: "chain" },
          make("b", {}, "base, before any training"),
          make("p", { class: "reasoning" }, sample.base)
        ),
        ...sample.chains.map((/** @type {any} */ chain, /** @type {number} */ i) =>
          make(
            "details",
            { class: "chain", open: i === best },
            make(
              "summary",
              {},
              make("b", {}, `chain ${i + 1}`),
              ` reward ${figure(chain.reward)}${
                i !== best
                  ? ""
                  : tau === null || chain.reward >= tau
                  ? ", the best: kept"
                  : ", the best: below τ, left out"
              }`,
              chain.verdict === "ok" ? "" : make("small", { class: "bad" }, ` ${chain.verdict}`)
            ),
            make("p", { class: "reasoning" }, chain.reasoning === "" ? "(nothing)" : chain.reasoning),
            make("p", { class: "meta" }, "rebuilt from picture and chain: ", make("code", {}, chain.reconstruction)),
            sample.bars !== undefined && chain.bars !== undefined
              ? bars(labels, sample.bars, chain.bars)
              : chain.boxes === undefined
              ? ""
              : picture(sample, sample.boxes ?? [], chain.boxes, `label and what was rebuilt from chain ${i + 1}`)
          )
        )
      )
    ]
  }

  /** Says that the folder is missing. @param {any} place */
  const missing = (place) => () => {
    place.replaceChildren(
      make("p", { class: "note" }, "This part lies in the folder report/ beside this page: keep the two together.")
    )
  }

  /** @param {number} seconds */
  const duration = (seconds) => {
    const s = Math.round(seconds)
    return s >= 3600
      ? `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`
      : s >= 60
      ? `${Math.floor(s / 60)} min ${s % 60} s`
      : `${seconds < 10 ? seconds.toFixed(1) : s} s`
  }

  /**
   * A table.
   * @param {string} caption @param {ReadonlyArray<string>} heads @param {ReadonlyArray<ReadonlyArray<string>>} rows
   */
  const table = (caption, heads, rows) =>
    make(
      "div",
      { class: "card scroll", tabindex: 0, role: "region", "aria-label": caption },
      make(
        "table",
        {},
        make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
        make(
          "tbody",
          {},
          ...rows.map(([first, ...rest]) =>
            make(
              "tr",
              {},
              make("th", { scope: "row" }, first),
              ...rest.map((cell) => make("td", {}, cell))
            )
          )
        )
      )
    )

  /** A command whose flags stay in one piece: a line may end behind any dash. @param {string} text */
  const inPieces = (text) =>
    text.split(/( )/).map((word) => word.startsWith("-") ? make("span", { class: "flag" }, word) : word)

  /** What differs between two runs of one seed: machine, versions, time. @param {any} run */
  const machine = (run) => {
    const place = document.getElementById("machine")
    if (place === null) return
    place.replaceChildren(
      make(
        "dl",
        {},
        ...run.facts.map((/** @type {[string, string]} */ [name, value]) =>
          make("div", {}, make("dt", {}, name), make("dd", {}, value))
        )
      ),
      ...(run.command === null
        ? []
        : [make("p", {}, "Repeat it: ", make("code", { class: "command" }, ...inPieces(run.command)))]),
      ...(run.stages.length === 0 ? [] : [table(
        "Time by stage",
        ["stage", "time", "tokens", "tokens a second", "most memory by then"],
        run.stages.map((/** @type {any} */ { mebibytes, seconds, stage, tokens }) => [
          stage,
          duration(seconds),
          tokens === null ? "–" : String(tokens),
          tokens === null || seconds <= 0 ? "–" : (tokens / seconds).toFixed(0),
          mebibytes === null ? "–" : `${(mebibytes / 1024).toFixed(2)} GiB`
        ])
      )])
    )
  }

  /** @param {any} now */
  const status = (now) => {
    const place = document.getElementById("now")
    if (place === null) return
    place.hidden = now === null
    if (now === null) return
    const share = now.total > 0 ? Math.min(1, now.step / now.total) : 0
    const meter = make("progress", { max: 1, value: share, "aria-label": "share of the stage that is done" })
    const of = now.at === undefined ? "" : ` (stage ${now.at} of ${now.of} of the run)`
    const steps = `${now.step}${now.total > 0 ? ` of ${now.total}` : ""} ${now.unit}`
    place.replaceChildren(
      make(
        "b",
        {},
        now.time !== undefined && Date.now() - now.time > silentMillis
          ? `This run was under way, and nothing was heard of it for ${duration((Date.now() - now.time) / 1000)}. `
          : "This run is under way. "
      ),
      `${now.stage === "" ? "It is about to begin." : `${now.stage}${of}: ${steps}.`}` +
        `${now.secondsLeft === undefined ? "" : ` The whole run: about ${duration(now.secondsLeft)} left.`} `,
      ...(now.total > 0 ? [make("label", { class: "meta" }, `This stage, ${percent(share)}%: `, meter)] : [])
    )
  }

  const askEvery = 5000

  const silentMillis = 60_000

  /**
   * Reads again what the run is doing, until it is done; a page that was rewritten is loaded anew.
   * @param {number} [pages]
   */
  const follow = (pages) => {
    setTimeout(() => {
      load("now", "now", String(Date.now())).then((now) => {
        if (now === null || pages !== undefined && now.pages !== pages) return location.reload()
        status(now)
        follow(now.pages)
      }, () =>
        load("run", "run", String(Date.now())).then((run) => {
          if (run.now === null) location.reload()
          else follow(pages)
        }, () => follow(pages)))
    }, askEvery)
  }

  const begin = () => {
    document.body.append(details)
    const [answers, chains, machinery] = ["browser", "loops", "machine"].map((id) => document.getElementById(id))
    load("run", "run").then((run) => {
      machine(run)
      status(run.now)
      if (run.now !== null) follow()
    }, machinery === null ? () => {} : missing(machinery))
    if (answers === null && chains === null) return
    load("index", "index").then((index) => {
      if (index.picturesLater) blank = "comes at the end"
      if (answers !== null && index.answers !== null) browse(answers, index.answers)
      if (chains !== null && index.loops !== null) loops(chains, index.loops, index.labels, index.tau)
    }, () => {
      for (const place of [answers, chains]) if (place !== null) missing(place)()
    })
  }
  begin()
})()
