import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { readFileSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { Run } from "../../src/dsl/Run.ts"
import * as Drawing from "../../src/studies/Drawing.ts"
import { barsOf, report } from "../../src/studies/index.ts"
import { labels } from "../../src/studies/labels.ts"
import * as Answers from "../../src/studies/report/Answers.ts"
import * as Bars from "../../src/studies/report/Bars.ts"
import { shot } from "../../src/studies/report/Examples.ts"
import * as Side from "../../src/studies/report/Side.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { Box, BoxCodec, Detection } from "../../src/tasks/detection/index.ts"
import { manySamples } from "./programs/manySamples.ts"
import { openPage } from "./programs/pageDom.ts"

const jsonl = (rows: ReadonlyArray<unknown>) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

const folder = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(content)) yield* fs.writeFileString(`${directory}/${name}`, text)
  return directory
})

const hostile = "</script><script>alert(1)</script>\u2028\u202e<img src=x onerror=alert(1)>"

const cups = Detection.make({
  name: "cups",
  subject: "every cup",
  codec: BoxCodec.make({ space: "absolute", order: "xyxy", style: "json", labels: ["cup", "hat"] })
})

const png = `data:image/png;base64,${
  Buffer.concat([Buffer.alloc(16), Buffer.from([0, 0, 0, 64, 0, 0, 0, 32])]).toString("base64")
}`

const said = (
  method: string,
  image: string,
  boxes: ReadonlyArray<readonly [ReadonlyArray<number>, string, number]>
) => ({
  method,
  image,
  part: null,
  truth: `[{"bbox_2d": [64, 24, 128, 72], "label": "cup"}]`,
  text: "text",
  annotation: JSON.stringify(
    boxes.map(([[x = 0, y = 0, w = 0, h = 0], label]) => ({ bbox_2d: [x, y, x + w, y + h], label }))
  ),
  ranked: boxes.map(([box, label, score]) => ({ box, label, score })),
  reasoning: hostile,
  verdict: "ok",
  metrics: {
    IoU: method === "SFT" ? 0.2 : 0.6,
    "recall@0.5": method === "SFT" ? 0 : 1,
    "precision@0.5": 1,
    reward: 0.6
  }
})

const boxed = {
  "results.json": JSON.stringify([
    { method: "SFT", part: "all", shots: "full", metric: "IoU", value: 0.2, n: 2, seed: 0 },
    { method: "RISE", part: "all", shots: "full", metric: "IoU", value: 0.6, n: 2, seed: 0 }
  ]),
  "run.json": JSON.stringify({ identity: { task: "cups", seed: 1 }, about: { task: cups.described, metric: "IoU" } }),
  "predictions.jsonl": jsonl(["a.png", hostile].flatMap((image) => [
    said("SFT", image, [[[0, 0, 32, 32], "hat", 0.5]]),
    said("RISE", image, [[[64, 24, 64, 48], "cup", 0.9]])
  ])),
  "pictures.jsonl": jsonl(["a.png", hostile].map((image) => ({ half: "test", image, width: 256, height: 128, png }))),
  "chains.jsonl": jsonl([{
    image: "train.png",
    truth: "[]",
    chains: [
      { reasoning: "It is a hat.", reconstruction: "nothing", reward: 0, verdict: "leak" },
      {
        reasoning: hostile,
        reconstruction: `[{"bbox_2d": [0, 0, 128, 128], "label": "hat"}]`,
        reward: 0.7,
        verdict: "ok"
      }
    ]
  }])
}

/** Reports in a thread that may hold so many MB of objects: what has ended it, nothing where it is done. */
const reported = (directory: string, heap: number) =>
  Effect.callback<string>((resume) => {
    const thread = new Worker(new URL("./programs/reported.ts", import.meta.url), {
      workerData: directory,
      resourceLimits: { maxOldGenerationSizeMb: heap }
    })
    thread.on("error", (error) => resume(Effect.succeed(String(error))))
    thread.on("exit", (code) => resume(Effect.succeed(code === 0 ? "" : `exit ${code}`)))
    return Effect.promise(() => thread.terminate())
  })

const numbers = (svg: string, kind: string) =>
  [...svg.matchAll(
    new RegExp(`<rect class="box ${kind}" x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"`, "g")
  )]
    .map(([, ...four]) => four.map(Number))

describe("boxes and bars", () => {
  it("stand over a picture where the data say", () => {
    const svg = shot(png, "a cup", [{ x: 0.25, y: 0.5, width: 0.5, height: 0.25 }], [{
      x: 0,
      y: 0,
      width: 1,
      height: 1
    }])
    assert.include(svg, "viewBox=\"0 0 64 32\"")
    assert.deepStrictEqual(numbers(svg, "truth"), [[16, 16, 32, 8]])
    assert.deepStrictEqual(numbers(svg, "ours"), [[0, 0, 64, 32]])
  })

  it("show truth and prediction each with its own number", () => {
    const svg = Bars.paired([{ label: "joy", value: 0.8 }, { label: "fear", value: 0.2 }], [{
      label: "joy",
      value: 0.3
    }, {
      label: "fear",
      value: 0.7
    }])
    const widths = (kind: string) =>
      [...svg.matchAll(new RegExp(`class="${kind}"[^>]*width="([^"]*)"`, "g"))].map(([, w]) => Number(w))
    assert.deepStrictEqual(widths("truth"), [120, 30])
    assert.deepStrictEqual(widths("ours"), [45, 105])
    assert.deepStrictEqual([...svg.matchAll(/<text class="tick" x="[^"]*" y="[^"]*">(\d+)</g)].map(([, n]) => n), [
      "80",
      "30",
      "20",
      "70"
    ])
  })

  it("of methods are as long as the results say", () => {
    const svg = Bars.methods("JSD", [{ method: "SFT", value: 0.2 }, { method: "RISE", value: 0.05 }], "RISE")
    const widths = [...svg.matchAll(/<rect [^>]*width="([^"]*)"/g)].map(([, width]) => Number(width))
    assert.closeTo(widths[1]! / widths[0]!, 0.25, 1e-3)
    assert.include(svg, ">0.200<")
    assert.include(svg, ">0.050<")
  })

  it("of the histogram split the bin that holds τ", () => {
    const svg = Bars.histogram([{ count: 4, kept: 0 }, { count: 4, kept: 1 }], 0.9)
    const heights = (colour: string) =>
      [...svg.matchAll(new RegExp(`height="([^"]*)" fill="var\\(${colour}\\)"`, "g"))].map(([, h]) => Number(h))
    const [all = NaN, rest = NaN] = heights("--faint")
    const [kept = NaN] = heights("--accent")
    assert.closeTo(kept / all, 0.25, 0.01)
    assert.closeTo(rest + kept, all, 0.2)
  })
})

describe("browsing", () => {
  it.effect("draws the boxes of truth and answer where the data say, in pixels of the picture", () =>
    Effect.gen(function*() {
      const directory = yield* folder(boxed)
      yield* report(directory)
      const page = yield* Effect.promise(() => openPage(directory))
      const browser = page.place("browser")!
      const [first] = browser.all("button", "cell right")
      const rects = (kind: string) =>
        first!.all("rect", `box ${kind}`).map((rect) => ["x", "y", "width", "height"].map((name) => rect.number(name)))
      assert.deepStrictEqual(first!.all("svg")[0]!.attributes.get("viewBox"), "0 0 256 128")
      // Truth: corners 64, 24 to 128, 72; the answer of RISE: the same.
      assert.deepStrictEqual(rects("truth"), [[64, 24, 64, 48]])
      assert.deepStrictEqual(rects("ours"), [[64, 24, 64, 48]])
      assert.include(first!.textContent, "90% sure")
      const keys = (place: typeof browser) => place.all("span", "key truth").length
      assert.strictEqual(keys(browser), 1)
      // Opened, it says what each method wrote; text stays text.
      first!.fire("click")
      const [details] = page.body.all("dialog")
      assert.isTrue(details!.open)
      assert.strictEqual(keys(details!), 1)
      assert.deepStrictEqual(details!.all("b").map((one) => one.textContent), ["SFT ", "RISE "])
      assert.include(details!.textContent, "alert(1)")
      assert.strictEqual(page.body.all("script").length + page.body.all("img").length, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says of single labels how sure their tokens were, in digits that rank them; of old answers nothing", () =>
    Effect.gen(function*() {
      const weather = Classification.make({ name: "w", labels: ["sun", "rain"], subject: "weather", answer: "single" })
      const sure = [0.99998, 0.9996, 0.42, undefined, 0.002]
      const directory = yield* folder({
        "results.json": JSON.stringify([
          { method: "model", part: "all", shots: "full", metric: "accuracy", value: 1, n: 5, seed: 0 }
        ]),
        "run.json": JSON.stringify({
          identity: { task: "w", seed: 1 },
          about: { task: weather.described, metric: "accuracy" }
        }),
        "predictions.jsonl": jsonl(sure.map((confidence, i) => ({
          method: "model",
          image: `${i}.png`,
          part: null,
          truth: "sun",
          text: "sun",
          annotation: "sun",
          confidence,
          reasoning: null,
          verdict: "ok",
          metrics: { accuracy: 1, valid: 1, reward: 1 }
        })))
      })
      const at = (name: string) => `${directory}/${name}`
      const { methods: [model] } = yield* Answers.read(at, Drawing.make(weather.described), "accuracy")
      assert.strictEqual(model!.bins.reduce((n, bin) => n + bin.n, 0), 4)
      assert.closeTo(model!.bins.at(-1)!.said, 0.99998 + 0.9996, 1e-12)
      yield* report(directory)
      const browser = (yield* Effect.promise(() => openPage(directory))).place("browser")!
      const [sort] = browser.all("select").filter((one) => one.attributes.get("id") === "by-sort")
      sort!.fire("change", "unsure")
      const said = browser.all("button", "cell right").map((cell) => /[<\d.]+% sure/.exec(cell.textContent)?.[0])
      assert.deepStrictEqual(said, ["<1% sure", "42% sure", "99.96% sure", "99.998% sure", undefined])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("counts an answer as right by the votes, also where their tie is none in written percents", () =>
    Effect.gen(function*() {
      const mood = Classification.make({ name: "m", labels: ["calm", "wild", "sad"], subject: "mood" })
      const rows = [["wild", 1], ["sad", 0]].map(([said, accuracy], i) => ({
        method: "model",
        image: `${i}.png`,
        part: null,
        // The first has a third of the votes for each; the second was 40, 30 and 30.
        truth: i === 0 ? "calm 34 wild 33 sad 33" : "calm 40 wild 30 sad 30",
        text: `${said} 100`,
        annotation: `${said} 100`,
        reasoning: null,
        verdict: "ok",
        metrics: { accuracy: accuracy as number, valid: 1, reward: 1 }
      }))
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/run`
      yield* Effect.gen(function*() {
        const run = yield* Run
        for (const row of rows) yield* run.append("predictions.jsonl", row)
        yield* labels({ task: mood, method: "model", bars: barsOf(mood) })
      }).pipe(Effect.provide(Run.layer({ path, seed: 0, identity: {} })))
      const at = (name: string) => `${path}/${name}`
      const { methods: [model] } = yield* Answers.read(at, Drawing.make(mood.described), "accuracy")
      assert.deepStrictEqual(model!.matrix, [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
      assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(at("labels.json"))).rows, [
        { label: "calm", n: 2, right: 1, unread: 0, confused: { label: "sad", n: 1 } }
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("shows a sample's chains with rewards, verdicts and what was rebuilt", () =>
    Effect.gen(function*() {
      const directory = yield* folder({
        ...boxed,
        "warm-up.jsonl": jsonl([{ image: "train.png", reasoning: "A base's words.", answer: "" }])
      })
      yield* report(directory)
      const page = yield* Effect.promise(() => openPage(directory))
      const loops = page.place("loops")!
      assert.include(loops.textContent, "A base's words.")
      assert.deepStrictEqual(
        loops.all("summary").map((one) => one.textContent),
        ["chain 1 reward 0.000 leak", "chain 2 reward 0.700, the best: below τ, left out"]
      )
      assert.include(loops.textContent, "no picture here")
      assert.include(page.html, "Their pictures are not in this folder")
      assert.include(page.html, "Of all 2 chains: leak 1 (50%), ok 1 (50%).")
      // While the run is under way they are not there yet.
      yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(`${directory}/pictures.jsonl`))
      yield* report(directory, {
        now: Option.some({ stage: "RISE / sft", step: 1, total: 2, unit: "steps", secondsLeft: 90 })
      })
      const early = yield* Effect.promise(() => openPage(directory))
      assert.include(early.place("loops")!.textContent, "comes at the end")
      assert.match(early.place("now")!.textContent, / left\. This stage, 50%: /)
      assert.include(early.html, "Pictures are kept at the end of the run, and shown then.")
      assert.notInclude(early.html, "are not in this folder")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect(
    "filters and sorts ten thousand samples, loads what is looked at, and holds little meanwhile",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = `${yield* fs.makeTempDirectoryScoped()}/many`
        const count = 10_000
        yield* manySamples(directory, count)
        // Texts and pictures are 100 MB; what is held are some numbers of each answer: such a heap is enough.
        assert.strictEqual(yield* reported(directory, 250), "")
        const page = yield* Effect.promise(() => openPage(directory))
        const browser = page.place("browser")!
        // Nothing is drawn over these pictures, so no colour means anything.
        assert.strictEqual(browser.all("span", "key truth").length, 0)
        const choose = (id: string, value: string) => {
          const [select] = browser.all("select").filter((one) => one.attributes.get("id") === id)
          select!.fire("change", value)
          return { found: browser.all("p").find((one) => one.attributes.get("role") === "status")!.textContent }
        }
        assert.strictEqual(choose("by-sort", "").found, "10000 of 10000 samples")
        const rows = readFileSync(`${directory}/predictions.jsonl`, "utf8").trimEnd().split("\n").map((row) =>
          JSON.parse(row)
        )
        const rise = rows.filter(({ method }) => method === "RISE")
        const sft = new Map(rows.filter(({ method }) => method === "SFT").map((row) => [row.image, row]))
        const wrong = rise.filter((row) => row.annotation === null || row.metrics.accuracy !== 1)
        assert.strictEqual(choose("by-right", "0").found, `${wrong.length} of 10000 samples`)
        const invalid = rise.filter(({ verdict }) => verdict !== "ok")
        assert.isAbove(invalid.length, 10)
        assert.strictEqual(choose("by-valid", "0").found, `${invalid.length} of 10000 samples`)
        choose("by-valid", "")
        choose("by-right", "")
        choose("by-sort", "gain")
        yield* Effect.promise(page.settled)
        const gains = rise.map((row) => ({ image: row.image, gain: sft.get(row.image).metrics.JSD - row.metrics.JSD }))
        const most = Math.max(...gains.map(({ gain }) => gain))
        const [top] = browser.all("svg", "shot")
        assert.include(
          gains.filter(({ gain }) => gain > most - 1e-4).map(({ image }) => image),
          top!.attributes.get("aria-label")
        )
        // A page of 24 needs no more than so many files.
        assert.isBelow(page.loads.length, 120)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )
})

describe("what lies beside the page", () => {
  it("hands over JSON, whatever it says, and ends no script", () => {
    const text = Side.script("index", { text: hostile })
    assert.notInclude(text, "<")
    assert.notMatch(text, /[\u2028\u202e]/)
    const got: Array<unknown> = []
    new Function("rise", text)((name: string, data: unknown) => got.push(name, data))
    assert.deepStrictEqual(got, ["index", { text: hostile.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e") }])
  })

  it.effect("is taken away where a report has less than the one before", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder(boxed)
      yield* report(directory)
      yield* fs.writeFileString(`${directory}/report/samples-7.js`, "rise('samples-7',[])")
      yield* fs.writeFileString(`${directory}/report/mine.txt`, "kept")
      yield* report(directory)
      assert.deepStrictEqual(
        (yield* fs.readDirectory(`${directory}/report`)).toSorted(),
        ["index.js", "loops-0.js", "mine.txt", "run.js", "samples-0.js"]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("answers", () => {
  it.effect("are counted into matrix, calibration and a curve whose mean is the average precision", () =>
    Effect.gen(function*() {
      const directory = yield* folder(boxed)
      const at = (name: string) => `${directory}/${name}`
      const { labels, methods, samples } = yield* Answers.read(at, Drawing.make(cups.described), "IoU")
      assert.strictEqual(samples.length, 2)
      assert.deepStrictEqual(labels, ["cup", "hat"])
      const [sft, rise] = methods
      assert.deepStrictEqual(sft!.said.map((one) => [one!.label, one!.right, one!.confidence]), [[1, false, 0.5], [
        1,
        false,
        0.5
      ]])
      assert.deepStrictEqual(rise!.said.map((one) => [one!.label, one!.right, one!.confidence]), [[0, true, 0.9], [
        0,
        true,
        0.9
      ]])
      const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length
      assert.closeTo(mean(rise!.precisions), 1, 1e-9)
      assert.closeTo(mean(sft!.precisions), 0, 1e-9)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("of a task that only its script knows are text, and boxes in a model's pixels are not placed", () => {
    assert.strictEqual(Drawing.make({ version: 1, kind: "code", name: "mine" }).kind, "text")
    const resized = Detection.make({
      name: "r",
      subject: "s",
      codec: BoxCodec.make({ space: "resized", order: "xyxy", style: "list" })
    })
    const drawing = Drawing.make(resized.described)
    assert.isTrue(Option.isNone(drawing.of("[1, 2, 3, 4]", { width: 10, height: 10 })))
    const absolute = Detection.make({
      name: "a",
      subject: "s",
      codec: BoxCodec.make({ space: "absolute", order: "xyxy", style: "list" })
    })
    const [box] =
      Option.getOrThrow(Drawing.make(absolute.described).of("[1, 2, 3, 6]", { width: 10, height: 20 })).boxes
    assert.deepStrictEqual(box, { x: 0.1, y: 0.1, width: 0.2, height: 0.2 })
    assert.strictEqual(Box.thousandths.width, 1000)
  })
})
