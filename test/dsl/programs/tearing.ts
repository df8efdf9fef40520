/** A script on what passes for a terminal: a stage is under way when a warning, a note and a failure come. */
import { Console, Data, Effect } from "effect"
import { runMain } from "../../../src/dsl/Main.ts"
import { Event, report } from "../../../src/dsl/Progress.ts"
import { warn } from "../../../src/kernels/runtime/Warning.ts"

const [, , mode, place] = process.argv

if (place !== "pipe") Object.assign(process.stderr, { isTTY: true, columns: 80 })

class Failed extends Data.TaggedError("Failed")<{ readonly message: string }> {}

const step = (step: number) => report(Event.Step({ stage: "sft", step, tokens: 10, figures: { loss: 1 / step } }))

/** What is said, in a sentence that no line of the terminal holds. */
const said = (kind: string) =>
  mode === "long"
    ? `a sentence ${kind}, which is so long that a terminal of eighty columns would break it in the middle of a word` +
      ". Go on with: npx rise evaluate --model runs/a/model --data pictures --out runs/measured/again/and/again"
    : kind

Effect.gen(function*() {
  yield* report(Event.Started({ stage: "sft", total: 9, unit: "steps" }))
  for (const [i, say] of [warn(said("of the log")), Console.error(said("of the console"))].entries()) {
    yield* Effect.sleep("250 millis")
    yield* step(i + 1)
    yield* say
  }
  if (mode === "long") yield* report(Event.Warned({ stage: "sft", text: said("of the stage") }))
  yield* Effect.sleep("250 millis")
  yield* step(3)
  if (mode === "interrupt") return yield* Effect.interrupt
  return yield* new Failed({ message: said("of the end") })
}).pipe(runMain)
