/** `rise train`: the comparison of methods on pictures of one's own, or on the embedded scenes. */
import { Console, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { verdict } from "../../evaluation/index.ts"
import { Config } from "../../pipelines/index.ts"
import * as Sources from "../../sources/index.ts"
import { barsOf, compare } from "../../studies/index.ts"
import * as Futile from "../futile.ts"
import { computing } from "../main.ts"
import { policy, together } from "../policy.ts"
import { study } from "../study.ts"
import * as Training from "../Training.ts"

/** What `--strict` ends with where nothing was learned. */
export const notLearnedExitCode = 3

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

export const train = Command.make(
  "train",
  { ...Training.flags, strict },
  (flags) =>
    computing(flags)(Effect.gen(function*() {
      yield* Futile.ofMethod(flags)
      yield* Futile.subject(flags)
      yield* together(flags)
      const { methods, preset, recorded, source, start, task } = yield* Training.open(flags, { measure: false })
      if (flags.printConfig) return yield* Console.log(JSON.stringify(Config.whole(preset), undefined, 2))
      const { rows, saved } = yield* compare({
        start,
        methods,
        test: source.test,
        preset,
        policy: policy(flags, preset),
        shots: source.shots,
        mean: Sources.meanDistribution,
        cuesNamed: source.cuesNamed,
        bars: barsOf(task)
      }).pipe(study({ name: task.name, preset, flags, task, source, config: recorded }))
      const metric = task.metrics?.[0]
      if (saved === undefined || metric === undefined) return
      const found = verdict(rows, saved, metric)
      if (Option.isNone(found)) return
      if (flags.strict && !found.value.learned) return yield* new NotLearned({ sentence: found.value.sentence })
      yield* Console.log(`\n${found.value.sentence}`)
    }))
).pipe(
  Command.withDescription(
    "Train and compare base, SFT, Visual-RFT and RISE, on pictures of your own (--data) or scenes"
  )
)
