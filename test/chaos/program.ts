/**
 * A run of every stage that dies at its n-th change of a file, or goes on to its end: `node program.ts OUT N`. Prints
 * a line for every step, and where stages go on.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import { Progress, type View } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { everyStage } from "../dsl/everyStage.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import * as Mortal from "./mortal.ts"

const [out = "", last = "0"] = process.argv.slice(2)

/** Written at once: nothing else of a process that is killed reaches anybody. */
const say = (...words: ReadonlyArray<string | number>) =>
  Effect.sync(() => void writeSync(1, `${JSON.stringify(words)}\n`))

const view: View = {
  report: (event) =>
    event._tag === "Started"
      ? say("started", event.stage, event.done ?? 0)
      : event._tag === "Step"
      ? say("step", event.stage, event.step)
      : Effect.void
}

everyStage({ ...Stub.Mood, described: { kind: "mood" } }).pipe(
  Rise.run({ out, seed: 3, resume: true, checkpoint: { every: { steps: 3 }, share: 1 } }),
  Effect.andThen(Effect.suspend(() => say("changes", "", Mortal.changes.count))),
  Effect.provide(Stub.layer({ seed: 1 }).pipe(Layer.provideMerge(Stub.Trace.layer))),
  Effect.provideService(Rise.Batching, { prompts: 8, calls: 1 }),
  Effect.provideService(Progress, view),
  Effect.provide(Mortal.layer(Number(last)).pipe(Layer.provideMerge(NodeServices.layer))),
  NodeRuntime.runMain
)
