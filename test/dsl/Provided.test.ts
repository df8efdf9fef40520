/** A script that forgot to provide something, which the types forbid and Node runs all the same. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { annotator } from "../../src/pipelines/annotator.ts"
import * as Rise from "../../src/Rise.ts"
import * as Stub from "./StubPolicy.ts"

const policy = Stub.layer({ seed: 1 }).pipe(Layer.provide([Stub.Trace.layer, NodeServices.layer]))
const quiet = Layer.succeed(Progress, silent)

/** What the types would not let run. */
const bare = (effect: unknown) => effect as Effect.Effect<unknown, Error>

const refused = Effect.fnUntraced(function*(effect: unknown, says: RegExp) {
  const error = yield* Effect.flip(Effect.provide(bare(effect), quiet))
  if (!(error instanceof Rise.NotProvided)) return assert.fail(String(error))
  assert.match(error.message, says)
})

const pipeline = Rise.make(Stub.Mood, Stub.data(6)).pipe(Rise.answers(), Rise.sft({ steps: 1 }))
const loop = Rise.make(Stub.Mood, Stub.data(6)).pipe(Rise.generate())
const noPolicy = (who: string) =>
  new RegExp(`^${who} needs a policy, and none is provided: .*Effect\\.provide\\(Policy\\.onnx\\(\\{ model: "embedded"`)
const noRun = (who: string) =>
  new RegExp(
    `^${who} needs a run, and none is provided: .*Rise\\.run\\(\\{ out: .*Effect\\.provide\\(Run\\.layerMemory`
  )

describe("what is not provided", () => {
  it.effect("is named with how to provide it: the policy", () =>
    Effect.gen(function*() {
      yield* refused(Rise.train(pipeline), noPolicy("Rise\\.train"))
      const run = pipeline.pipe(Rise.run({ out: "runs/never" }))
      yield* refused(Effect.provide(run, NodeServices.layer), noPolicy("Rise\\.run"))
      yield* refused(Rise.saveModel(Stub.Mood), noPolicy("Rise\\.saveModel"))
      yield* refused(Rise.evaluate({ task: Stub.Mood, data: Stub.data(3) }), noPolicy("evaluate"))
      const images = Stream.make(Image.file("a.png"))
      yield* refused(images.pipe(Rise.annotate(Stub.Mood), Stream.runDrain), noPolicy("annotate"))
      yield* refused(annotator(Stub.Mood), noPolicy("annotator"))
      yield* refused(Stream.runDrain(loop.items), noPolicy("the pipeline"))
    }))

  it.effect("the run, and the file system", () =>
    Effect.gen(function*() {
      yield* refused(Effect.provide(Rise.train(pipeline), policy), noRun("Rise\\.train"))
      yield* refused(Effect.provide(Rise.saveModel(Stub.Mood), policy), noRun("Rise\\.saveModel"))
      yield* refused(Effect.provide(Stream.runDrain(loop.items), policy), noRun("the pipeline"))
      yield* refused(
        Effect.provide(pipeline.pipe(Rise.run({ out: "runs/never" })), policy),
        /^Rise\.run needs a file system, and none is provided: end the script with Rise\.runMain, or .*NodeServices/
      )
    }))

  it.effect("is not missed where it is provided, and comes behind what is wrong with the pipeline itself", () =>
    Effect.gen(function*() {
      yield* Rise.train(pipeline).pipe(
        Effect.provide(
          Layer.mergeAll(policy, quiet, Run.layerMemory({ seed: 1 })).pipe(Layer.provideMerge(NodeServices.layer))
        )
      )
      const wrong = Rise.train(Rise.make(Stub.Mood, Stub.data(6)).pipe(Rise.rft({ kl: NaN })))
      assert.match((yield* Effect.flip(bare(wrong))).message, /^rft: kl is NaN/)
    }))
})
