// Compiled, never run: every line under @ts-expect-error must be rejected.
import type { FileSystem, Path } from "effect"
import { Effect, Schema, Stream } from "effect"
import * as Rise from "../src/dsl/Rise.ts"
import type { Run } from "../src/dsl/Run.ts"
import type { RunError } from "../src/dsl/RunError.ts"
import * as Task from "../src/dsl/Task.ts"
import type { Policy } from "../src/policy/Policy.ts"
import { type Label, Mood } from "../test/dsl/StubPolicy.ts"

class DataError extends Schema.TaggedError<DataError>()("DataError", {}) {}
const data: Stream.Stream<Task.Sample<Label>, DataError> = Stream.empty

const start = Rise.make(Mood, data)
const reasoned = start.pipe(Rise.generate())
const reconstructed = reasoned.pipe(Rise.reconstruct())
const validated = reconstructed.pipe(Rise.validate())
const reinforced = validated.pipe(Rise.reinforce())
const explained = reinforced.pipe(Rise.best())
const curated = explained.pipe(Rise.filter())
const tuned = curated.pipe(Rise.sft())

// The paper's order, and the same words in the orders of its baselines and ablations.
type Faults = DataError | Rise.Fault | Rise.StageError
type Needs = Policy | Run
export const rise: Rise.Pipeline<"Strengthened", Label, Faults, Needs> = tuned.pipe(Rise.rft())
export const visualRft: Rise.Pipeline<"Strengthened", Label, Faults, Needs> = start.pipe(Rise.rft())
export const taughtByOthers: Rise.Pipeline<"Tuned", Label, Faults, Policy | Run> = start.pipe(
  Rise.recall("base"),
  Rise.filter({ by: "RISE" }),
  Rise.sft()
)
export const sftBaseline: Rise.Pipeline<"Tuned", Label, Faults, Policy | Run> = start.pipe(Rise.answers(), Rise.sft())
export const baseChains: Rise.Pipeline<"Explained", Label, Faults, Policy | Run> = validated.pipe(Rise.best())
export const sftFull: Rise.Pipeline<"Tuned", Label, Faults, Needs> = explained.pipe(Rise.sft())
export const warmed: Rise.Pipeline<"Strengthened", Label, Faults, Needs> = start.pipe(Rise.warmUp(), Rise.rft())

// `run` brings the run itself; what is left is the policy and a file system.
export const program: Effect.Effect<void, Faults | RunError, Policy | FileSystem.FileSystem | Path.Path> = tuned.pipe(
  Rise.rft(),
  Rise.run({ out: "runs/x" })
)

// @ts-expect-error chains are recalled for weights to learn from, not into a described loop
reasoned.pipe(Rise.recall("RISE"))
// @ts-expect-error unfiltered groups are not lessons: Type '"Validated"' is not assignable
validated.pipe(Rise.sft())
// @ts-expect-error the curated set has to be learned first: Type '"Curated"' is not assignable
curated.pipe(Rise.rft())
// @ts-expect-error nothing to reconstruct from: a plain pipeline is no closed loop
start.pipe(Rise.reconstruct())
// @ts-expect-error nothing to validate yet
reasoned.pipe(Rise.validate())
// @ts-expect-error a step twice
validated.pipe(Rise.validate())
// @ts-expect-error reinforcing what is reinforced
reinforced.pipe(Rise.reinforce())
// @ts-expect-error the loop has to be validated before it can be reinforced
reconstructed.pipe(Rise.reinforce())
// @ts-expect-error the warm-up comes before everything else
tuned.pipe(Rise.warmUp())
// @ts-expect-error a warm-up twice
start.pipe(Rise.warmUp(), Rise.warmUp())
// @ts-expect-error chains without rewards have no best
reconstructed.pipe(Rise.best())
// @ts-expect-error D_RISE is filtered, not its groups
reinforced.pipe(Rise.filter())
// @ts-expect-error nothing trained or written yet
validated.pipe(Rise.run({ out: "runs/x" }))
// @ts-expect-error answers are a start, not an end
start.pipe(Rise.answers(), Rise.run({ out: "runs/x" }))
export const yielding = Effect.gen(function*() {
  // @ts-expect-error a pipeline is no effect: Rise.run makes one of it
  yield* tuned
})
// @ts-expect-error the expert is the end
tuned.pipe(Rise.rft(), Rise.rft())
// @ts-expect-error the data set must carry the task's annotation
Rise.make(Mood, Stream.make({ image: { id: "a" }, truth: "sad" }))
// @ts-expect-error similarity must take the schema's type
Task.make({ ...Mood, annotation: Schema.String, similarity: (a: number, b: number) => a - b })
// @ts-expect-error credit is one of three words
Rise.reinforce({ credit: "both" })
// A program that has no policy yet says so in its type.
export const needsPolicy: Policy extends Effect.Services<typeof program> ? true : false = true
// @ts-expect-error and cannot be taken for one that needs nothing
export const needsNothing: [Effect.Services<typeof program>] extends [never] ? true : false = true
