import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { createHash } from "node:crypto"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { PolicyError } from "../../src/policy/Policy.ts"
import * as Bars from "../../src/studies/report/Bars.ts"
import * as Chart from "../../src/studies/report/Chart.ts"
import { report } from "../../src/studies/report/report.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import { stopwatch } from "../stopwatch.ts"
import { reads } from "./reads.ts"

const jsonl = (rows: ReadonlyArray<unknown>) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

const result = (method: string, part: string, metric: string, value: number) => ({
  method,
  part,
  shots: "full",
  metric,
  value,
  n: 40,
  seed: 0
})

const hostile = "<script>alert(1)</script>\"><img src=x>"

const files = {
  "results.json": JSON.stringify([
    result("prior", "all", "JSD", 0.3),
    result("base", "all", "JSD", 0.4),
    result("SFT", "all", "JSD", 0.2),
    result("RISE", "all", "JSD", 0.1),
    result("SFT", "all", "win rate", 0.25)
  ]),
  "run.json": JSON.stringify({
    identity: {
      task: "emotion6",
      seed: 7,
      config: { preset: "quick", settings: { filter: { tau: 0.5 } }, source: hostile }
    },
    about: { lowerIsBetter: ["JSD"], caution: `Reasons may be a code. ${hostile}` }
  }),
  "metrics.jsonl": jsonl(
    Array.from(
      { length: 30 },
      (_, i) => ({ method: "RISE", stage: "reinforce", step: i + 1, of: 30, reward: i / 30, loss: 0.1, kl: 0.001 * i })
    ).concat([
      { method: "RISE", stage: "reinforce", step: 30, of: 30, "selected step": 20 } as never
    ])
  ),
  "cot.jsonl": jsonl(
    [0.1, 0.49, 0.5, 1].map((reward, i) => ({ image: `i${i}`, reasoning: "r", annotation: [1, 0], reward }))
  ),
  "quarantine.jsonl": jsonl([{ source: "a", row: 1, reason: "sum", detail: "d" }, {
    source: "a",
    row: 2,
    reason: "sum",
    detail: "d"
  }]),
  "examples.json": JSON.stringify([{
    image: hostile,
    part: "seen",
    png: "data:image/png;base64,AA==",
    truth: hostile,
    bars: [{ label: hostile, value: 1 }],
    said: [{ method: "RISE", text: hostile, reasoning: hostile, annotation: null, bars: [] }]
  }])
}

/** The page without its own script. */
const markup = (html: string) => html.replace(/<script>[^]*?<\/script>/, "")

const folder = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  for (const [name, text] of Object.entries(content)) yield* fs.writeFileString(`${directory}/${name}`, text)
  return directory
})

const page = Effect.fnUntraced(function*(content: Readonly<Record<string, string>>) {
  const file = yield* report(yield* folder(content))
  return reads(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file)))
})

describe("report", () => {
  it.effect("is one page that names nothing outside and shows figures, curves, histogram and quarantine", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      assert.notMatch(markup(html), /(src|href)="(?!data:|#)/)
      assert.notMatch(markup(html), /https?:/)
      assert.include(html, "RISE on emotion6")
      assert.include(html, "<td class=\"best\">0.100</td>")
      assert.include(html, "kept the weights of step 20")
      assert.include(html, "τ keeps 2 of 4 chains (50%)")
      assert.include(html, "2 (sum 2)")
      // Nobody knows how this task's answers are drawn, so no colours are explained.
      assert.notInclude(markup(html), "<span class=\"key")
      // Three curves, and the histogram for wide pages and for narrow ones.
      assert.strictEqual(html.match(/<svg class="chart[" ]/g)?.length, 5)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("counts by the τ that the filter used where it has sunk", () =>
    Effect.gen(function*() {
      const row = JSON.stringify({ method: "RISE", stage: "filter", step: 4, of: 4, tau: 0.2, kept: 3, share: 0.75 })
      const html = yield* page({ ...files, "metrics.jsonl": `${files["metrics.jsonl"]}\n${row}\n` })
      assert.include(html, "τ keeps 3 of 4 chains (75%)")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says how many samples were used where a preset takes only the first", () =>
    Effect.gen(function*() {
      const data = { train: { samples: 1386 }, test: { samples: 300 } }
      const made = (config: unknown) =>
        page({ ...files, "run.json": JSON.stringify({ identity: { data, config }, about: {} }) })
      for (const config of [{ settings: { limit: { train: 700, test: 300 } } }, { limit: { train: 700 } }]) {
        const html = yield* made(config)
        assert.match(html, /training samples<\/dt><dd>700 of 1386</)
        assert.match(html, /test samples<\/dt><dd>300</)
      }
      assert.match(yield* made({}), /training samples<\/dt><dd>1386</)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says of an evaluation that nothing was trained, and advises by whose answers were measured", () =>
    Effect.gen(function*() {
      const identity = {
        task: "emotion6",
        data: { train: { samples: 0 }, test: { samples: 12 } },
        config: { model: "m", source: "faces" }
      }
      const results = JSON.stringify([result("prior", "all", "JSD", 0.1), result("model", "all", "JSD", 0.4)])
      const data = {
        kind: "labels",
        train: { pictures: 0 },
        test: { pictures: 12 },
        labels: [{ label: "calm", train: { pictures: 0, amount: 0 }, test: { pictures: 12, amount: 12 } }],
        both: { count: 0, first: [] },
        contradicting: 0
      }
      const made = (measured: string | undefined, more: Readonly<Record<string, string>> = {}) =>
        page({
          ...files,
          "results.json": results,
          "data.json": JSON.stringify(data),
          "run.json": JSON.stringify({ identity, about: { metric: "JSD", lowerIsBetter: ["JSD"], measured } }),
          ...more
        })
      const html = yield* made("untaught")
      assert.include(html, "<h1>Evaluation on emotion6</h1>")
      assert.include(html, "was asked about 12 labelled pictures (data: faces), for the task “emotion6”")
      assert.include(html, "Nothing is trained in this run.")
      assert.include(html, "It was not taught this task: train it on labelled pictures")
      // The other half is not read there: its rows may be set aside.
      assert.include(html, "2 rows of the test half were set aside")
      const all = yield* made("untaught", { "quarantine.jsonl": "" })
      assert.include(all, "No row of the test half was set aside.")
      assert.include(all, "<dt>rows of the test half set aside</dt><dd>none</dd>")
      assert.notInclude(all, "answers drawn for a picture")
      const drawn = { ...identity, config: { ...identity.config, samples: 8 } }
      const several = yield* made("taught", { "run.json": JSON.stringify({ identity: drawn, about: {} }) })
      assert.include(several, "what a method writes by itself, 8 answers drawn for a picture and combined into one")
      assert.include(
        html,
        "This run trained on nothing. Where it is known that the model was trained on some of these"
      )
      for (
        const never of ["0 labelled", "0 pictures", "to train on", "training samples", "No picture to test on has"]
      ) {
        assert.notInclude(markup(html), never)
      }
      assert.include(yield* made("taught"), "train it longer, or on pictures such as these")
      for (const measured of ["served", undefined]) {
        const served = yield* made(measured)
        assert.include(served, "ask another model")
        assert.notInclude(served, "more steps")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("asks for no more steps where the losses of SFT end with its lessons known by heart", () =>
    Effect.gen(function*() {
      const results = JSON.stringify([result("prior", "all", "JSD", 0.1), result("SFT", "all", "JSD", 0.4)])
      const made = (end: number) =>
        page({
          ...files,
          "results.json": results,
          "metrics.jsonl": jsonl(
            Array.from(
              { length: 30 },
              (_, i) => ({ method: "SFT", stage: "sft", step: i + 1, of: 30, loss: i < 20 ? 2 : end })
            )
          ),
          "run.json": JSON.stringify({ identity: {}, about: { metric: "JSD", lowerIsBetter: ["JSD"] } })
        })
      assert.include(
        yield* made(0.01),
        "its lessons are known by heart (a loss next to 0), so that more steps will not"
      )
      assert.include(yield* made(0.2), "more steps, another learning rate or more pictures may help")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says of an audit that labels were judged", () =>
    Effect.gen(function*() {
      const identity = {
        task: "emotion6",
        data: { train: { samples: 9 }, test: { samples: 0 } },
        config: { training: "none" }
      }
      const html = yield* page({ ...files, "run.json": JSON.stringify({ identity, about: {} }) })
      assert.include(html, "<h1>Judge of the labels of emotion6</h1>")
      assert.include(html, "judged the labels of 9 pictures, for the task")
      assert.notInclude(html, "0 others")
      assert.notInclude(html, "test samples")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("puts headings of texts over texts, and no more than 8 columns of figures beside one another", () =>
    Effect.gen(function*() {
      const metrics = Array.from({ length: 13 }, (_, i) => `m${i}`)
      const html = yield* page({
        ...files,
        "results.json": JSON.stringify(metrics.map((metric, i) => result("RISE", "all", metric, i)))
      })
      const tables = [...html.matchAll(/<table>.*?<\/table>/g)].map(([table]) => table)
        .filter((table) => table.includes(">method</th>"))
      assert.deepStrictEqual(tables.map((table) => table.match(/<th scope="col"/g)?.length), [8, 7])
      for (const metric of metrics) assert.strictEqual(tables.join("").split(`${metric}\u00a0`).length, 2, metric)
      assert.include(
        html,
        "<th scope=\"col\" class=\"text\">reason</th><th scope=\"col\" class=\"text\">what was wrong</th>"
      )
      assert.include(html, "<td class=\"text\">row 1</td><td class=\"text\">sum</td><td class=\"text words\">d</td>")
      // Pictures have their names in what was wrong, and no place beside.
      const picture = { source: "faces", row: 1, unit: "picture", reason: "damaged", detail: "a.png" }
      const named = yield* page({ ...files, "quarantine.jsonl": jsonl([picture]) })
      assert.include(named, "<th scope=\"col\">file</th><th scope=\"col\" class=\"text\">reason</th>")
      assert.include(named, "faces</th><td class=\"text\">damaged</td><td class=\"text words\">a.png</td>")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("escapes whatever a model, a file name or a label says", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      assert.notInclude(markup(html), "<script>")
      assert.notInclude(html, "<img src=x>")
      assert.include(html, "&lt;script&gt;alert(1)&lt;/script&gt;")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says of a script's run that only drew chains what it was", () =>
    Effect.gen(function*() {
      const stages = { make: {}, generate: {}, reconstruct: {}, validate: {}, best: {} }
      const content = {
        "run.json": JSON.stringify({ identity: { task: "mood", stages, data: { samples: 4 } }, about: {} }),
        "cot.jsonl": files["cot.jsonl"]
      }
      const directory = yield* folder(content)
      const fs = yield* FileSystem.FileSystem
      const read = Effect.flatMap(report(directory), (file) => fs.readFileString(file))
      assert.include(yield* read, "The run has not finished")
      yield* fs.makeDirectory(`${directory}/checkpoints`)
      yield* fs.writeFileString(`${directory}/checkpoints/ledger.json`, JSON.stringify({ finished: true }))
      const html = yield* read
      assert.include(html, `Nothing was trained, so there is no model: the chains are in ${directory}/cot.jsonl.`)
      assert.include(html, "Nothing is trained in this run.")
      assert.include(html, "Nothing is filtered: all 4 chains are kept, whatever their reward.")
      assert.notMatch(markup(html), /was taught|learned from|has not finished|τ (keeps|=)/)
      // One that trains and filters was taught, by as much as its τ keeps.
      const taught = yield* page({
        ...content,
        "run.json": JSON.stringify({
          identity: {
            task: "mood",
            stages: { ...stages, filter: { tau: 0.5 }, sft: {} },
            config: { source: "pictures", shots: "full", preset: "fitted" },
            data: { samples: 24 }
          },
          about: {}
        })
      })
      assert.include(taught, "It learned from 24 labelled pictures (data: pictures).")
      assert.include(taught, "τ keeps 2 of 4 chains (50%)")
      assert.include(taught, "<dt>shots</dt><dd>all labelled pictures</dd>")
      assert.include(taught, "<dt>settings</dt><dd>fitted to model and data, under those that were given</dd>")
      assert.include(taught, "<dt>rows set aside</dt><dd>none</dd>")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("shades nothing where all are equal, and draws nothing of what cannot be read", () =>
    Effect.gen(function*() {
      const html = yield* page({
        ...files,
        "results.json": JSON.stringify([
          ...["base", "RISE"].map((method) => result(method, "all", "valid", 0)),
          result("base", "all", "JSD", 0.4),
          result("RISE", "all", "JSD", 0.1)
        ])
      })
      assert.deepStrictEqual(html.match(/<td class="best">[^<]*/g), ["<td class=\"best\">0.100"])
      assert.include(html, "It cannot be read, so there is nothing to draw.")
      assert.notInclude(html, "<svg class=\"bars\"")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("needs no more than the results", () =>
    Effect.gen(function*() {
      const html = yield* page({ "results.json": files["results.json"] })
      assert.notInclude(markup(html), "NaN")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("begins with what the run came to and what a budget left of it", () =>
    Effect.gen(function*() {
      const budget = "budget 8m: about 7.5 min for RISE, with 82% of the steps"
      const about = { lowerIsBetter: ["JSD"], metric: "JSD", notes: [budget, `<b>${hostile}`] }
      const html = yield* page({ ...files, "run.json": JSON.stringify({ identity: { task: "emotion6" }, about }) })
      const verdict = "RISE reaches JSD 0.100 on 40 test pictures: better than guessing the mean (0.300) by 0.200, " +
        "better than SFT (0.200) by 0.100."
      const meaning =
        "JSD: Jensen–Shannon divergence between the answer&#39;s shares and the label&#39;s, in nats: 0 where " +
        "they are equal, 0.693 at the most. Less is better."
      assert.include(html, `<p class="verdict">${verdict}</p><p class="note">${meaning}</p><p>B${budget.slice(1)}.</p>`)
      assert.isBelow(html.indexOf(verdict), html.indexOf("<h2>"))
      assert.notInclude(markup(html), "<script")
      // A run of one method is the method's.
      const rows = JSON.parse(files["results.json"]).filter(({ method }: { method: string }) => method !== "RISE")
      const one = yield* page({
        "results.json": JSON.stringify(rows),
        "run.json": JSON.stringify({ identity: {}, about: { lowerIsBetter: ["JSD"], metric: "JSD" } })
      })
      assert.include(one, "SFT reaches JSD 0.200")
      assert.notInclude(yield* page(files), "class=\"verdict\"", "runs of earlier releases do not say what counts")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("explains the words that stand in it, where they stand, and no others", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      const folds = html.match(/<details class="words"><summary>What the words mean.*?<\/details>/g)!
      const words = folds.map((fold) => [...fold.matchAll(/<dt>(.*?)<\/dt>/g)].map(([, word]) => word))
      assert.deepStrictEqual(words, [
        ["prior", "base", "SFT", "RISE", "JSD", "win rate"],
        ["chain", "verdict", "reward", "τ (tau)"],
        ["reinforce", "reward", "loss", "KL", "gradient norm"]
      ])
      const rows = [...JSON.parse(files["results.json"]), result("RISE", "all", "JSD masked", 0.1)]
      assert.match(yield* page({ ...files, "results.json": JSON.stringify(rows) }), /<dt>masked<\/dt>/)
      const note = (text: string) => /<p class="note">([^<]*Figures are of[^<]*)<\/p>/.exec(text)?.[1]
      assert.match(note(html)!, /^Shaded: .* Win rate: .* in the right format\./)
      const one = JSON.stringify([result("prior", "all", "JSD", 0.1), result("model", "all", "JSD", 0.4)])
      assert.match(note(yield* page({ ...files, "results.json": one }))!, /^Figures are of .* in the right format\./)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("has a table label by label, and says which examples are the farthest off", () =>
    Effect.gen(function*() {
      const labels = {
        method: "RISE",
        rows: [
          { label: hostile, n: 30, right: 29, unread: 0, confused: { label: hostile, n: 1 } },
          { label: "left", n: 4, right: 4, unread: 0, confused: null }
        ]
      }
      const [example] = JSON.parse(files["examples.json"])
      const html = yield* page({
        ...files,
        "labels.json": JSON.stringify(labels),
        "examples.json": JSON.stringify([{ ...example, worst: true }, example])
      })
      const escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img src=x&gt;"
      assert.include(
        html,
        `<th scope="row">${escaped}</th><td>30</td><td>29</td><td>97%</td>` +
          `<td class="text">${escaped} (1)</td><td>0</td>`
      )
      assert.include(
        html,
        "<th scope=\"row\">left</th><td>4</td><td>4</td><td>100%</td><td class=\"text\">–</td><td>0</td>"
      )
      assert.strictEqual(html.match(/among the farthest off/g)?.length, 1)
      assert.include(html, "What is farthest off first.")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is made of a script's run, and of one that was cut off, with what is there", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      let updates = 0
      const run = (resume: boolean, limit: number) =>
        Rise.make(Stub.Mood, Stub.data(8)).pipe(
          Rise.generate({ candidates: 2 }),
          Rise.reconstruct(),
          Rise.validate(),
          Rise.best(),
          Rise.filter({ tau: 0 }),
          Rise.sft({ steps: 2, batchSize: 4 }),
          Rise.rft({ steps: 2, promptsPerStep: 4 }),
          Rise.run({ out, resume }),
          Effect.provide(
            Stub.layer({
              seed: 1,
              beforeUpdate: () =>
                updates++ < limit ? Effect.void : Effect.fail(new PolicyError({ operation: "update", reason: "cut" }))
            }).pipe(Layer.provide(Stub.Trace.layer))
          ),
          Effect.provideService(Progress, silent)
        )
      yield* Effect.flip(run(false, 3))
      const cut = yield* fs.readFileString(yield* report(out))
      assert.include(cut, "<p class=\"verdict\">The run ended with an error: policy update: cut")
      assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(`${out}/error.json`)).error, "PolicyError")
      assert.include(cut, "The run has not finished: there is no model yet. Rise.run({ out: &quot;")
      assert.include(cut, "τ keeps 8 of 8 chains (100%)")
      assert.include(cut, "<div class=\"stage\">sft</div>")
      yield* run(true, Infinity)
      const whole = reads(yield* fs.readFileString(yield* report(out)))
      assert.notInclude(whole, "ended with an error")
      assert.isFalse(yield* fs.exists(`${out}/error.json`))
      assert.include(whole, `npx rise evaluate --model ${out}/model --data PICTURES measures the model`)
      assert.include(whole, "<dt>samples</dt><dd>8</dd>")
      assert.include(whole, "<div class=\"stage\">rft</div>")
      assert.notInclude(whole, "<h2>Results</h2>")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says how the data were read, and keeps the lines of an error apart", () =>
    Effect.gen(function*() {
      const about = { read: ["train.json: 6 crowds (\"iscrowd\") are not asked for", hostile] }
      const html = yield* page({
        "run.json": JSON.stringify({ identity: { task: "emotion6" }, about }),
        "error.json": JSON.stringify({
          error: "NothingKept",
          message: `no chain reaches tau\n  0.0–0.1 51\n${hostile}`
        })
      })
      assert.include(html, "<li>train.json: 6 crowds (&quot;iscrowd&quot;) are not asked for</li>")
      assert.include(html, "<p class=\"verdict\">The run ended with an error: no chain reaches tau</p><div class=")
      assert.include(html, "<pre>  0.0–0.1 51\n")
      assert.include(html, "The run has not finished")
      assert.notInclude(markup(html), "<script")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says which file is missing or damaged", () =>
    Effect.gen(function*() {
      assert.include((yield* Effect.flip(page({}))).message, "holds no run.json and no results.json, so it is no run")
      assert.strictEqual(
        (yield* Effect.flip(report("nowhere/at-all"))).message,
        "nowhere/at-all: no such folder: name a " +
          "run folder, such as runs/mine"
      )
      const begun = { "run.json": files["run.json"] }
      assert.include(yield* page(begun), "The run has not finished: there are no results yet.")
      assert.include(
        yield* page({ ...begun, "metrics.jsonl": files["metrics.jsonl"] }),
        "The run has not finished: there are no results yet. Its command goes on with it by --out "
      )
      assert.include((yield* Effect.flip(page({ ...files, "metrics.jsonl": "{\"stage\"" }))).message, "metrics.jsonl")
      assert.include((yield* Effect.flip(page({ ...files, "results.json": "[1]" }))).message, "results.json")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

/** The one example, changed. */
const example = (change: object) => JSON.stringify([{ ...JSON.parse(files["examples.json"])[0], ...change }])

describe("a report of a folder from elsewhere", () => {
  it.effect("forbids loading, foreign scripts and styles: its own are known by their hashes", () =>
    Effect.gen(function*() {
      const html = yield* page(files)
      const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(html)?.[1] ?? ""
      const style = /<style>([^]*?)<\/style>/.exec(html)?.[1] ?? ""
      const rules = new Map(policy.split("; ").map((rule) => [rule.split(" ")[0], rule.split(" ").slice(1).join(" ")]))
      assert.strictEqual(rules.get("default-src"), "'none'")
      assert.strictEqual(rules.get("img-src"), "data:")
      assert.strictEqual(rules.get("style-src"), `'sha256-${createHash("sha256").update(style).digest("base64")}'`)
      // Only what the page's one script loads is run, and it loads nothing but what lies beside the page.
      const [script = "", ...others] = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, code]) => code ?? "")
      assert.deepStrictEqual(others, [])
      assert.strictEqual(
        rules.get("script-src"),
        `'sha256-${createHash("sha256").update(script).digest("base64")}' 'strict-dynamic'`
      )
      assert.deepStrictEqual([...rules.keys()].sort(), [
        "base-uri",
        "default-src",
        "form-action",
        "img-src",
        "script-src",
        "style-src"
      ])
      assert.notMatch(
        script,
        /innerHTML|insertAdjacentHTML|document\.write|eval\(|\bfetch\(|https?:(?!\/\/www\.w3\.org)/
      )
      // No style stands outside of it: browsers would leave it out.
      assert.notMatch(markup(html), /\sstyle=/)
      assert.isBelow(html.indexOf("Content-Security-Policy"), html.indexOf("<style>"))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("shows no picture but a PNG that is in the file", () =>
    Effect.gen(function*() {
      for (
        const png of [
          "https://elsewhere.example/spy.png",
          "javascript:alert(1)",
          "data:text/html;base64,PHNjcmlwdD4=",
          "data:image/svg+xml;base64,PHN2Zz4=",
          "data:image/png;base64,AA==\" onerror=\"alert(1)",
          "data:image/png;base64,AA==\nAA==",
          "data:image/png,AA",
          " data:image/png;base64,AA==",
          `data:image/png;base64,${"A".repeat(3 * 2 ** 20)}`,
          ""
        ]
      ) {
        const { _tag, message } = yield* Effect.flip(page({ ...files, "examples.json": example({ png }) }))
        assert.strictEqual(_tag, "RunFileError", png.slice(0, 40))
        assert.include(message, "examples.json")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("escapes quotes of both kinds, and what would turn the text around it", () =>
    Effect.gen(function*() {
      const html = yield* page({ ...files, "examples.json": example({ truth: "' onload='x \u202egpj.exe\u001b[2J" }) })
      assert.include(html, "truth: &#39; onload=&#39;x \\u202egpj.exe\\u001b[2J")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is refused with the file and the reason where a file is none, too large or too deep", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const says = (directory: string) => Effect.map(Effect.flip(report(directory)), ({ message }) => message)
      const deep = "[".repeat(200_000) + "]".repeat(200_000)
      for (const name of ["results.json", "run.json", "examples.json"]) {
        assert.match(
          yield* Effect.flip(page({ ...files, [name]: deep })).pipe(Effect.map(String)),
          /nested more than 100/
        )
      }
      for (const name of ["metrics.jsonl", "cot.jsonl", "quarantine.jsonl"]) {
        const bad = { ...files, [name]: `{"reason":${deep}}\n` }
        assert.match(yield* Effect.flip(page(bad)).pipe(Effect.map(String)), /nested more than 100/)
        const long = { ...files, [name]: `{"reason":"${"x".repeat(9 * 2 ** 20)}` }
        assert.match(yield* Effect.flip(page(long)).pipe(Effect.map(String)), /line 1 has more than 8388608 bytes/)
      }
      const huge = yield* folder(files)
      yield* fs.truncate(`${huge}/results.json`, 65 * 2 ** 20)
      assert.match(yield* says(huge), /results\.json: has 65 MiB, at most 64 MiB are read/)
      const rows = Array.from({ length: 10_001 }, () => result("a", "b", "c", 0))
      const many = page({ ...files, "results.json": JSON.stringify(rows) })
      assert.include((yield* Effect.flip(many)).message, "results.json")

      const nested = yield* folder({})
      yield* fs.makeDirectory(`${nested}/results.json`)
      assert.match(yield* says(nested), /results\.json: is a directory, expected a file/)
      const endless = yield* folder({ "results.json": files["results.json"] })
      yield* fs.symlink("/dev/zero", `${endless}/run.json`)
      assert.match(yield* says(endless), /run\.json: is a characterdevice/)
      assert.match(yield* says(`${huge}/results.json`), /is a file, expected the folder of a run/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("takes a run of any length: curves keep as many points as can be seen, and their last value", () =>
    Effect.gen(function*() {
      const spent = stopwatch()
      const count = 60_000
      const html = yield* page({
        ...files,
        "metrics.jsonl": jsonl([
          ...Array.from({ length: count }, (_, i) => ({
            method: "RISE",
            stage: "reinforce",
            step: i + 1,
            reward: 0.5,
            "validation JSD": i / count,
            skipped: ["a", "b"]
          })),
          { method: "RISE", stage: "filter", step: 1, of: 1, tau: 0.2 }
        ])
      })
      assert.include(html, "τ keeps 3 of 4 chains")
      assert.isBelow(html.match(/<circle/g)?.length ?? 0, 4096)
      assert.notMatch(html, /NaN|Infinity/)
      assert.isBelow(spent(), 15_000)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("Chart", () => {
  it("writes numbers short, and never as another number", () => {
    const written = [0, 0.25, 441.3, 9999, 12_500, 25_000, 68_313, 2.5e6, 4e9, 0.00025, -40_000].map(Chart.short)
    assert.deepStrictEqual(
      written,
      ["0", "0.25", "441", "10000", "12.5k", "25k", "68.3k", "2.5M", "4e+9", "2.5e-4", "-40k"]
    )
  })

  it("puts few, round ticks inside any range", () => {
    for (const [min, max] of [[0, 1], [0.113, 0.162], [1, 200], [-3, 5e6], [1e-7, 2e-6]] as const) {
      const found = Chart.ticks(min, max)
      assert.isTrue(found.length >= 2 && found.length <= 6, `${min}–${max}: ${found}`)
      assert.isTrue(found.every((tick) => tick >= min - 1e-12 && tick <= max + 1e-12))
    }
    assert.deepStrictEqual(Chart.ticks(0, 1), [0, 0.25, 0.5, 0.75, 1])
    assert.deepStrictEqual(Chart.ticks(2, 2), [2])
    assert.deepStrictEqual(Chart.wholeTicks(1, 2), [1, 2])
    assert.deepStrictEqual(Chart.wholeTicks(7, 7), [7])
    for (const [min, max] of [[1, 3], [1, 10], [0, 25], [1, 200], [1.5, 5e6]] as const) {
      const found = Chart.wholeTicks(min, max)
      assert.isTrue(found.length >= 2 && found.length <= 6, `${min}–${max}: ${found}`)
      assert.isTrue(found.every((tick) => Number.isInteger(tick) && tick >= min && tick <= max))
    }
  })

  it("keeps every coordinate a number, also for one point and for a flat line", () => {
    for (const points of [[[1, 0.5]], [[1, 2], [2, 2]], [[0, -1e9], [1, 1e9]]] as const) {
      const svg = Chart.line({ title: "t", series: [{ name: "a", colour: "red", points }] })
      assert.notMatch(svg, /NaN|Infinity|undefined/)
    }
    assert.strictEqual(Chart.line({ title: "t", series: [] }), "")
    assert.notMatch(Bars.histogram([{ count: 0, kept: 0 }, { count: 0, kept: 0 }], 0.75), /NaN/)
  })

  it("thins a long curve without moving its mean or its ends far", () => {
    const points = Array.from({ length: 5000 }, (_, i) => [i, Math.sin(i / 300)] as const)
    const thinned = Chart.thin(points, 100)
    assert.strictEqual(thinned.length, 100)
    const mean = (of: ReadonlyArray<readonly [number, number]>) => of.reduce((sum, [, y]) => sum + y, 0) / of.length
    assert.closeTo(mean(thinned), mean(points), 1e-9)
    assert.isBelow(thinned[0]![0], 50)
  })
})
