/** A script on what passes for a terminal: a stage is under way when a warning, a note and a failure come. */
import { Console, Data, Effect } from "effect"
import { runMain } from "../../../src/dsl/Main.ts"
import { Event, report } from "../../../src/dsl/Progress.ts"
import { warn } from "../../../src/kernels/runtime/Warning.ts"

Object.assign(process.stderr, { isTTY: true, columns: 80 })

class Failed extends Data.TaggedError("Failed")<{ readonly message: string }> {}

const step = (step: number) => report(Event.Step({ stage: "sft", step, tokens: 10, figures: { loss: 1 / step } }))

Effect.gen(function*() {
  yield* report(Event.Started({ stage: "sft", total: 9, unit: "steps" }))
  for (const [i, say] of [warn("of the log"), Console.error("of the console")].entries()) {
    yield* Effect.sleep("250 millis")
    yield* step(i + 1)
    yield* say
  }
  yield* Effect.sleep("250 millis")
  yield* step(3)
  if (process.argv[2] === "interrupt") return yield* Effect.interrupt
  return yield* new Failed({ message: "of the end" })
}).pipe(runMain)
