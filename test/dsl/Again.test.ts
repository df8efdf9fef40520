/** Data that can be read once: said as that, whoever reads it the second time. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import * as Dataset from "../../src/dsl/Dataset.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { factsOf } from "../../src/pipelines/facts.ts"
import { embedded } from "../../src/policy/Embedded.ts"
import * as Stub from "./StubPolicy.ts"

type Data = Dataset.Dataset<Stub.Label>

const live = Layer.mergeAll(
  Stub.layer({ seed: 1 }),
  Run.layerMemory({ seed: 1 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provide(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

const samples = Effect.runSync(Stream.runCollect(Stub.data(12)))
function* generator() {
  yield* samples
}
async function* later() {
  yield* samples
}

const run = (data: Data, validation: number) =>
  Effect.scoped(Effect.gen(function*() {
    const out = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/run`
    yield* Rise.make(Stub.Mood, data, { validation }).pipe(
      Rise.answers(),
      Rise.sft({ steps: 1, batchSize: 2 }),
      Rise.run({ out })
    )
  }))

describe("data that can be read once", () => {
  const once: Readonly<Record<string, () => Data>> = {
    "Stream.fromIterable(generator())": () => Stream.fromIterable(generator()),
    "Dataset.fromIterable(generator())": () => Dataset.fromIterable(generator()),
    "Stream.fromAsyncIterable(generator())": () => Stream.orDie(Stream.fromAsyncIterable(later(), String))
  }
  const readers: Readonly<Record<string, (data: Data) => Effect.Effect<unknown, unknown, Layer.Success<typeof live>>>> =
    {
      "Rise.run": (data) => run(data, 0),
      "Rise.run with a validation split": (data) => run(data, 0.25),
      evaluate: (data) => evaluate({ method: "model", task: Stub.Mood, data }),
      "a pipeline behind fitted settings": (data) =>
        Effect.andThen(factsOf({ task: Stub.Mood, data, model: embedded }), run(data, 0))
    }
  for (const [source, make] of Object.entries(once)) {
    for (const [reader, read] of Object.entries(readers)) {
      it.effect(`${source} before ${reader}: how many it gave, and how to give them again`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(read(make()))
          assert.instanceOf(error, Dataset.DataError)
          assert.match(
            String((error as Dataset.DataError).message),
            /^the data of task "mood": gave 12 samples when they were read before and none now, and must be readable ag/
          )
          assert.include((error as Dataset.DataError).message, "Stream.suspend(() => Stream.fromIterable(generator()))")
        }).pipe(Effect.provide(live)))
    }
  }

  const readable: Readonly<Record<string, Data>> = {
    "Stream.suspend(() => Stream.fromIterable(generator()))": Stream.suspend(() => Stream.fromIterable(generator())),
    "Stream.fromIterable([...samples])": Stream.fromIterable([...generator()])
  }
  for (const [source, data] of Object.entries(readable)) {
    it.effect(`${source}, which it names, can be read again`, () => run(data, 0.25).pipe(Effect.provide(live)))
  }

  it.effect("data without any is told as before", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(Stream.empty, 0))
      assert.match((error as Error).message, /there are no lessons to work on/)
    }).pipe(Effect.provide(live)))
})
