/** `rise train`: the comparison of methods on pictures of one's own, or on the embedded scenes. */
import { Console, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { verdict } from "../../evaluation/index.ts"
import { Config } from "../../pipelines/index.ts"
import { barsOf, compare, type Example } from "../../studies/index.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { policy, together } from "../policy.ts"
import { study } from "../study.ts"
import * as Training from "../Training.ts"

/** What `--strict` ends with where nothing was learned. */
const notLearnedExitCode = 3

class NotLearned extends Schema.TaggedError<NotLearned>()("NotLearned", { sentence: Schema.String }) {
  override readonly [Runtime.errorExitCode] = notLearnedExitCode
  override get message() {
    return this.sentence
  }
}

const strict = Flag.Boolean("strict").pipe(
  Flag.withDescription("End with exit code 3 where the model is no better than guessing the mean"),
  Flag.withDefault(false)
)

type Bars<A> = (annotation: A) => Example["bars"]

/** Trains and compares the methods that the flags ask for, and says what came of it. */
const comparison = <A>(
  flags: Training.Training & { readonly strict: boolean },
  source: Training.Opened<A>,
  more: { readonly bars?: Bars<A> } = {}
) =>
  Effect.gen(function*() {
    const { task } = source
    const { methods, notes, preset, recorded, start } = yield* Training.choose(flags, source, { measure: false })
    if (flags.printConfig) return yield* Console.log(JSON.stringify(Config.whole(preset), undefined, 2))
    const { rows, saved } = yield* compare({
      ...source, // the test half, the prior, shots, what a text names
      ...more,
      start,
      methods,
      preset,
      policy: policy(flags, preset)
    }).pipe(study({ name: task.name, preset, flags, task, source, config: recorded, notes }))
    const metric = task.metrics?.[0]
    if (saved === undefined || metric === undefined) return
    const found = verdict(rows, saved, metric)
    if (Option.isNone(found)) return
    if (flags.strict && !found.value.learned) return yield* new NotLearned({ sentence: found.value.sentence })
    yield* Console.log(`\n${found.value.sentence}`)
  })

export const train = Command.make(
  "train",
  { ...Training.flags, strict },
  (flags) =>
    computing(flags)(Effect.gen(function*() {
      yield* Futile.ofMethod(flags)
      yield* together(flags)
      const source = yield* Training.open(flags)
      yield* source.kind === "boxes"
        ? comparison(flags, source)
        : comparison(flags, source, { bars: barsOf(source.task) })
    }))
)
