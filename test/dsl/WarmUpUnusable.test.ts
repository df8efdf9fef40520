/** A base that writes nothing to warm up on: what it wrote, counted and quoted. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Presets from "../../src/pipelines/Presets.ts"
import { type Completion, Policy } from "../../src/policy/Policy.ts"
import * as Stub from "./StubPolicy.ts"

const completion = (text: string): Completion => ({
  text,
  tokens: Int32Array.of(1),
  logprobs: Float32Array.of(-1),
  finish: "stop"
})

/** A policy that writes the same of every picture of a class. */
const writing = (texts: Readonly<Record<string, string>>) =>
  Layer.mock(Policy)({
    beginStage: Effect.void,
    endStage: Effect.void,
    snapshot: Effect.succeed({ version: 0 }),
    identity: { engine: "words" },
    tokenizer: Option.none(),
    session: Effect.succeed({
      version: 0,
      logprobs: () => Effect.succeed([]),
      sample: (requests) =>
        Effect.succeed(
          requests.map(({ prompt }) => [completion(texts[prompt.images[0]?.id.split("-")[0] ?? ""] ?? "")])
        )
    })
  })

const leaking = "It is rated 100 percent joy by all of them."
const live = (texts: Readonly<Record<string, string>>) =>
  Layer.mergeAll(writing(texts), Layer.succeed(Progress, silent), NodeServices.layer)

describe("a warm-up without a usable chain", () => {
  it.effect("says how many were asked, what was wrong with them, the first, and what to do; keeps them", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      const error = yield* Rise.make(Stub.Mood, Stub.data(9)).pipe(
        Rise.warmUp({ share: 1, steps: 1 }),
        Rise.run({ out }),
        Effect.flip
      )
      assert.instanceOf(error, Rise.NoUsableChains)
      assert.strictEqual(
        error.message,
        "warm-up: none of the 9 chains that the base wrote can be learned from: 3 are empty, 3 quote the annotation, " +
          `3 are no narrative. The first, of joy-0: ${JSON.stringify(leaking)}; more in warm-up-unusable.jsonl. ` +
          "Write the prompts in words that the model knows, raise maxTokens where texts are cut off, or leave warmUp " +
          "out"
      )
      const rows = (yield* fs.readFileString(`${out}/warm-up-unusable.jsonl`)).trim().split("\n").map((line) =>
        JSON.parse(line)
      )
      assert.deepStrictEqual(rows.length, 9)
      assert.deepStrictEqual(rows[0], { image: "joy-0", reason: "leak", detail: "percentage", text: leaking })
      assert.deepStrictEqual(rows.slice(1, 3).map(({ reason }) => reason), ["empty", "format-reasoning"])
    })).pipe(Effect.provide(live({ joy: leaking, fear: "No idea." }))))

  it.effect("is no error where nothing is learned from it", () =>
    Rise.make(Stub.Mood, Stub.data(3)).pipe(
      Rise.warmUp({ share: 1, steps: 0 }),
      Rise.train,
      Effect.provide(Layer.merge(live({}), Run.layerMemory({ seed: 0 })))
    ))

  it.effect("a smoke run's own warm-up writes chains and takes no step", () =>
    Effect.gen(function*() {
      const { smoke } = Presets
      yield* Rise.make(Stub.Mood, Stub.data(3)).pipe(Rise.warmUp(smoke.warmUp), Rise.train)
      assert.deepStrictEqual((yield* Stub.Trace).updates, [])
      for (const name of ["full", "quick", "photos", "smoke"] as const) assert.isDefined(Presets.presets[name].warmUp)
    }).pipe(Effect.provide(
      Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
        Layer.provideMerge(Stub.Trace.layer),
        Layer.provideMerge(NodeServices.layer)
      )
    )))

  it.effect("says when the share draws no sample", () =>
    Effect.gen(function*() {
      const error = yield* Rise.make(Stub.Mood, Stub.data(3)).pipe(
        Rise.warmUp({ share: 1e-9, steps: 1 }),
        Rise.train,
        Effect.flip
      )
      assert.match(error.message, /warm-up: there are no samples that share 1e-9 draws to work on/)
    }).pipe(Effect.provide(Layer.merge(live({}), Run.layerMemory({ seed: 0 })))))
})
