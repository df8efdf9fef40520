import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Logger, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { evaluate, masked, Results } from "../../src/evaluation/index.ts"
import { riseCot, warmUp } from "../../src/pipelines/index.ts"
import type { Preset } from "../../src/pipelines/Presets.ts"
import * as Embedded from "../../src/policy/Embedded.ts"
import { OnnxPolicy } from "../../src/policy/index.ts"
import * as Sources from "../../src/sources/index.ts"
import { Ablations, Audit, barsOf } from "../../src/studies/index.ts"
import { Classification, Emotion6 } from "../../src/tasks/classification/index.ts"
import { sharing } from "../policy/workers.ts"

const runtime = sharing()

const { Grid } = Ablations
const { task } = Emotion6

/** The embedded world, a step long. */
const preset: Preset = {
  name: "tiny",
  validation: 0,
  limit: { train: 4, test: 2 },
  generate: { candidates: 4, maxTokens: 16 },
  reconstruct: { maxTokens: 16, grammar: "mask" },
  reinforce: { steps: 1, promptsPerStep: 2, learningRate: 1e-4 },
  filter: { tau: 0 },
  sft: { steps: 1, batchSize: 4, learningRate: 5e-4, practice: { texts: 2, weight: 1, maxTokens: 40 } },
  rft: { steps: 1, groupSize: 4, promptsPerStep: 2, learningRate: 1e-4, maxTokens: 40, format: 1 },
  evaluate: { maxTokens: 40 }
}
const policy = (seed: number) => OnnxPolicy.layer({ model: Embedded.embedded, seed })
const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const live = Layer.mergeAll(runtime(1), Layer.succeed(Progress, silent)).pipe(
  Layer.provideMerge(NodeServices.layer)
)

describe("pipelines on the embedded checkpoint", () => {
  it.live("a cell of the grid begins from another's weights as if they were its own", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      const grid = {
        subjects: Ablations.subjects({ data: Option.none() }),
        bench: { out: `${out}/grid`, preset, model: { name: "embedded", policy } }
      }
      const cells = Grid.plan(grid, { seeds: [3], tables: ["4"], only: ["emotion6/full/seed-3/SFT-high"] })
      assert.deepStrictEqual(cells.map(Ablations.Cell.label), ["RISE-CoT", "SFT high"])
      assert.deepStrictEqual(
        yield* Grid.run(grid, cells, { started: () => Effect.void, failed: () => Effect.void }),
        []
      )

      const { train } = yield* Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 3 })
      const whole = warmUp(task, train, preset).pipe(riseCot(preset), Rise.filter(preset.filter), Rise.sft(preset.sft))
      yield* Rise.train(whole).pipe(
        Effect.provide([policy(3), Run.layer({ path: `${out}/whole`, seed: 3, identity: {} })])
      )
      const tensors = (file: string) =>
        Effect.map(fs.readFile(`${out}/${file}`), (bytes) => Buffer.from(bytes.slice(-1_000_000)).toString("base64"))
      assert.strictEqual(
        yield* tensors("grid/emotion6/full/seed-3/SFT-high/checkpoints/sft/state.safetensors"),
        yield* tensors("whole/checkpoints/sft/state.safetensors")
      )
    }).pipe(Effect.scoped, Effect.provide(live)))

  it.live("is measured by what it writes by itself, and once more under the grammar", () =>
    Effect.gen(function*() {
      const { test } = yield* Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 0 })
      const options = { task, data: Stream.take(test, 8), maxTokens: 40 } as const
      const of = (grammar: "both" | "mask" | "off") =>
        Effect.gen(function*() {
          const rows = yield* evaluate({ ...options, method: grammar, grammar })
          const texts = yield* Stream.runCollect(Stream.map(Results.predictions(grammar), ({ text }) => text))
          return {
            texts,
            rows: rows.filter(({ part }) => part === "all").map(({ metric, value }) => [metric, value] as const)
          }
        })
      const [both, mask, off] = yield* Effect.all([of("both"), of("mask"), of("off")])
      const own = mask.rows.filter(([metric]) => !["valid", "reward", "cue precision", "cue recall"].includes(metric))
      assert.isAbove(own.length, 1)
      assert.deepStrictEqual(both.rows, [
        ...off.rows,
        ...own.map(([metric, value]) => [masked(metric), value] as const)
      ])
      assert.deepStrictEqual(both.texts, off.texts)
    }).pipe(Effect.provide([policy(0), Run.layerMemory({ seed: 0 })]), Effect.provide(live)))

  it.live("closes answers at their limit under the grammar and says so; a limit that none fits leaves it out", () => {
    const said: Array<string> = []
    const listening = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
    return Effect.gen(function*() {
      const { test } = yield* Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 0 })
      const options = { task, data: Stream.take(test, 8) }
      const closed = yield* evaluate({ ...options, method: "closed", maxTokens: 12, grammar: "mask" })
      assert.strictEqual(closed.find(({ metric, part }) => metric === "valid" && part === "all")?.value, 1)
      assert.match(
        said.join("\n"),
        /^closed under the grammar: [1-8] of 8 answers were closed so as to end within 12 tokens$/m
      )
      const short = yield* evaluate({ ...options, method: "short", maxTokens: 7 })
      assert.isFalse(short.some(({ metric }) => metric.includes("masked")))
      assert.include(
        said,
        "short: figures under the grammar are left out: its shortest text takes 8 tokens, maxTokens is 7"
      )
      const error = yield* Effect.flip(evaluate({ ...options, method: "mask", maxTokens: 7, grammar: "mask" }))
      assert.match(error.message, /maxTokens is 7, expected at least 8/)
    }).pipe(Effect.provide([policy(0), Run.layerMemory({ seed: 0 })]), Effect.provide(Layer.merge(live, listening)))
  })

  it.live("leaves nothing of its two passes behind, and done again reads both back", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* temporary
      const { test } = yield* Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 0 })
      const of = (resume: boolean) =>
        evaluate({ method: "RISE", task, data: Stream.take(test, 4), maxTokens: 40 }).pipe(
          Effect.provide([policy(0), Run.layer({ path: `${out}/run`, seed: 0, identity: {}, resume })])
        )
      const rows = yield* of(false)
      assert.isTrue(rows.some(({ metric }) => metric === masked("JSD")))
      const files = yield* fs.readDirectory(`${out}/run`, { recursive: true })
      assert.deepStrictEqual(files.filter((file) => file.includes("spool")), [])
      assert.deepStrictEqual(yield* of(true), rows)
    }).pipe(Effect.scoped, Effect.provide(live)))

  it.live(
    "a task whose grammar cannot be made has no figures under it, and says so; asked for those alone it " +
      "fails first",
    () => {
      const said: Array<string> = []
      const listening = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
      const labels = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
      const many = Classification.make({ name: "many", subject: "letters", labels })
      const samples = Effect.map(
        Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 0 }),
        ({ test }) =>
          Stream.map(Stream.take(test, 2), (sample) => ({ ...sample, truth: labels.map((_, i) => i === 0 ? 1 : 0) }))
      )
      return Effect.gen(function*() {
        const data = yield* samples
        const rows = yield* evaluate({ method: "base", task: many, data, maxTokens: 8 })
        assert.deepStrictEqual(rows.filter(({ metric }) => metric.includes("masked")), [])
        assert.isTrue(rows.some(({ metric }) => metric === "valid"))
        assert.isTrue(
          said.some((text) => /^base: figures under the grammar are left out: .*9 labels/.test(text)),
          said.join()
        )
        const error = yield* Effect.flip(evaluate({ method: "mask", task: many, data, maxTokens: 8, grammar: "mask" }))
        assert.strictEqual(error._tag, "GrammarError")
        assert.strictEqual(yield* Stream.runCount(Results.predictions("mask")), 0)
      }).pipe(Effect.provide([policy(0), Run.layerMemory({ seed: 0 })]), Effect.provide(Layer.merge(live, listening)))
    }
  )

  it.live("an audit reads what the model rebuilds of a label", () =>
    Effect.gen(function*() {
      const out = yield* temporary
      const { train } = yield* Sources.softLabels({ task, data: Option.none(), shots: Option.none(), seed: 0 })
      const { suspects } = yield* Audit.study({
        task,
        data: Stream.take(train, 3),
        preset,
        policy: policy(0),
        training: "none",
        out,
        seed: 0,
        facts: [],
        bars: barsOf(task)
      }).pipe(Effect.provide(Run.layerMemory({ seed: 0 })))
      assert.strictEqual(suspects.length, 3)
      for (const { chains, reconstruction, similarity, unread } of suspects) {
        assert.strictEqual(chains, 4)
        assert.strictEqual(unread, 0, "the grammar lets nothing else through")
        assert.isTrue(similarity > 0 && similarity < 1)
        assert.match(reconstruction ?? "", /^\w+ \d+/)
      }
    }).pipe(Effect.scoped, Effect.provide(live)))
})
