/**
 * A script as the process: a pipeline in FOLDER/run, by `Rise.runMain` or with `Telemetry.layer`; `hang` waits in the
 * fourth step until it is ended.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { runMain } from "../../../src/dsl/Main.ts"
import * as Rise from "../../../src/dsl/Rise.ts"
import * as Telemetry from "../../../src/dsl/Telemetry.ts"
import { warn } from "../../../src/kernels/runtime/Warning.ts"
import * as Stub from "../StubPolicy.ts"

const [folder = "", mode = "main"] = process.argv.slice(2)

let updates = 0
const wait = Effect.suspend(() => {
  if (mode !== "hang" || ++updates < 4) return Effect.void
  process.stderr.write("waiting\n")
  return Effect.never
})

const script = Rise.make(Stub.Mood, Stub.data(12)).pipe(
  Rise.answers(),
  Rise.sft({ steps: 6, batchSize: 2, learningRate: 2 }),
  Rise.run({ out: `${folder}/run` }),
  Effect.tap(warn("beside")),
  Effect.provide(Stub.layer({ beforeUpdate: () => wait }).pipe(Layer.provideMerge(Stub.Trace.layer)))
)

if (mode === "layer") {
  script.pipe(Effect.provide(Layer.merge(Telemetry.layer, NodeServices.layer)), NodeRuntime.runMain)
} else runMain(script)
