/** Practice of a format, on the embedded checkpoint: what supervised stages unlearn without it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import * as Answer from "../../src/dsl/Answer.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { OnnxPolicy, Policy } from "../../src/policy/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { sharing } from "../policy/workers.ts"

const runtime = sharing()

const { task } = Emotion6

const live = Layer.mergeAll(
  OnnxPolicy.layer({ model: "assets/scene-vl-places", seed: 0 }).pipe(Layer.provide(runtime(2))),
  Run.layerMemory({ seed: 0 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(NodeServices.layer))

/** Share of unmasked greedy answers to scenes that training has not seen that can be read. */
const valid = (form: Rise.Form) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const samples = yield* Stream.runCollect(Scenes.dataset({ split: "test", limit: 48 }))
    const requests = yield* Effect.forEach(samples, (sample) =>
      Effect.map(Answer.ask(task, form, sample), (prompt) => ({ prompt, key: sample.image.id })))
    const groups = yield* session.sample(requests, { count: 1, maxTokens: 56, temperature: 0 })
    const good = groups.filter((group, i) =>
      Answer.read(task, form, samples[i]!.truth, group[0]!.text).verdict === "ok"
    )
    return good.length / groups.length
  }))

const practice: Rise.PracticeOptions = { texts: 8, weight: 20, maxTokens: 24 }
const train = Scenes.dataset({ split: "train", limit: 96 })

describe("practice", () => {
  it.live("keeps the format that lessons alone unlearn", () =>
    Effect.gen(function*() {
      const tuned = (options: Rise.SftOptions) =>
        Rise.make(task, train).pipe(
          Rise.answers(),
          Rise.sft({ steps: 60, batchSize: 8, learningRate: 8e-4, ...options }),
          Rise.train,
          Effect.andThen(valid("answer")),
          Effect.provide(Layer.fresh(live))
        )
      const without = yield* tuned({})
      const practised = yield* tuned({ practice })
      assert.isAbove(practised, 0.75)
      assert.isAbove(practised, without + 0.2)
    }), 300_000)
})
