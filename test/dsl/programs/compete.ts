/**
 * Resumes runs that another process resumes at the same time: `node compete.ts FOLDER COUNT NAME`. Round i begins when
 * FOLDER/go-i is there; who gets the run trains until FOLDER/end-i is there. FOLDER/NAME-i then holds what came of it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { Progress, silent } from "../../../src/dsl/Progress.ts"
import * as Rise from "../../../src/dsl/Rise.ts"
import * as Stub from "../StubPolicy.ts"

const [folder = "", count = "0", name = ""] = process.argv.slice(2)

const there = (file: string) =>
  Effect.repeat(Effect.andThen(Effect.sleep("2 millis"), Effect.sync(() => existsSync(`${folder}/${file}`))), {
    until: (found) => found
  }).pipe(Effect.asVoid)

const round = (i: number) =>
  Rise.make(Stub.Mood, Stub.data(12)).pipe(
    Rise.answers(),
    Rise.sft({ steps: 6, batchSize: 2, learningRate: 2 }),
    Rise.run({ out: `${folder}/run-${i}`, resume: true, checkpoint: { every: { steps: 2 }, share: 1 } }),
    Effect.provide(
      Layer.fresh(Stub.layer({ beforeUpdate: () => there(`end-${i}`) }).pipe(Layer.provideMerge(Stub.Trace.layer)))
    ),
    Effect.match({ onFailure: (error) => `${error._tag}: ${error.message}`, onSuccess: () => "done" }),
    Effect.map((text) => writeFileSync(`${folder}/${name}-${i}`, text))
  )

Effect.forEach(Array.from({ length: Number(count) }, (_, i) => i), (i) => Effect.andThen(there(`go-${i}`), round(i)), {
  discard: true
}).pipe(Effect.provideService(Progress, silent), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
