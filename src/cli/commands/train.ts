/** `rise train`: the comparison of methods on pictures of one's own, or on the embedded scenes. */
import { Console, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Plain from "../../dsl/Plain.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import * as Rise from "../../dsl/Rise.ts"
import { Run } from "../../dsl/Run.ts"
import { Pacing } from "../../dsl/stages/Pacing.ts"
import { verdict } from "../../evaluation/index.ts"
import { Config, Presets } from "../../pipelines/index.ts"
import { barsOf, compare, type Example, paced, sound } from "../../studies/index.ts"
import * as Engine from "../engine/index.ts"
import * as Fitting from "../Fitting.ts"
import { CutShort } from "../fitting/budget.ts"
import * as Futile from "../futile.ts"
import { header } from "../header.ts"
import { computing } from "../main.ts"
import { policy, together } from "../policy.ts"
import { study } from "../study.ts"
import { tellTrainedOn } from "../trainedOn.ts"
import * as Training from "../Training.ts"
import { outPossible } from "../working.ts"

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

/** What a stage ends with where the ones before it have taught too little. */
const isUnlearned = (error: unknown) =>
  error instanceof Rise.EveryGroupDead || error instanceof Rise.NothingKept || error instanceof Rise.NothingToTrainOn ||
  error instanceof Rise.NoUsableChains

type Bars<A> = (annotation: A) => Example["bars"]

/** Trains and compares the methods that the flags ask for, and says what came of it. */
const comparison = <A>(
  flags: Training.Training & { readonly strict: boolean },
  source: Training.Opened<A>,
  more: { readonly bars?: Bars<A> } = {}
) =>
  Effect.gen(function*() {
    const { task } = source
    const { cut, methods, notes, pacing, preset, recorded, start } = yield* Quarantine.silently(
      // The run reads the same rows, and says where all of them are.
      Training.choose(flags, source, { measure: false })
    )
    // Before there is a folder, too; stages name themselves by the run they are in.
    yield* sound({ start, methods }).pipe(Effect.provide(Run.layerMemory({ seed: flags.seed })))
    if (flags.printConfig) return yield* Console.log(JSON.stringify(Plain.settings(Config.whole(preset)), undefined, 2))
    const begun = yield* tellTrainedOn(flags, source)
    yield* Engine.referenced(flags, preset)
    const trained = policy(flags, preset)
    // Before there is a folder: what the engine would be refused for.
    if (Engine.trains(flags)) yield* Engine.able(trained, Object.values(methods), Presets.isTried(preset))
    const { errors, measured, out, rows, saved } = yield* compare({
      ...source, // the test half, the prior, shots, what a text names
      ...more,
      start,
      methods,
      preset,
      policy: trained
    }).pipe(
      Effect.mapError((error) =>
        Option.isSome(cut) && isUnlearned(error)
          ? new CutShort({ reason: error.message, ...cut.value })
          : error
      ),
      study({ name: task.name, preset, flags, task, source, config: recorded, notes: [...notes, ...begun] }),
      (study) => Option.isSome(pacing) ? Effect.provideService(study, Pacing, pacing.value) : study
    )
    const shortened = yield* paced(out)
    const planned = Option.match(cut, {
      onNone: () => [],
      onSome: ({ budget, left }) => [
        `The budget of ${budget} ${shortened === "" ? "left" : "was planned to leave"} ${left}.`
      ]
    })
    const spent = [...planned, ...(shortened === "" ? [] : [shortened])]
    if (spent.length > 0) yield* Console.log(`\n${spent.join(" ")}`)
    const metric = task.metrics?.[0]
    if (saved === undefined || metric === undefined) return
    const found = verdict(rows, saved, metric, measured, errors)
    if (Option.isNone(found)) return
    if (flags.strict && !found.value.learned) return yield* new NotLearned({ sentence: found.value.sentence })
    yield* Console.log(`\n${found.value.sentence}`)
  })

export const train = Command.make(
  "train",
  { ...Training.flags, strict },
  (given) =>
    computing(Engine.threads(given), "flags")(Effect.gen(function*() {
      yield* Futile.ofMethod(given)
      yield* together(given)
      const flags = yield* Fitting.read(given)
      yield* outPossible(flags)
      if (!flags.printConfig) yield* header("train", flags)
      yield* flags.printConfig ? Engine.check(flags) : Engine.reach(flags)
      const source = yield* Training.open(flags)
      yield* source.kind === "boxes"
        ? comparison(flags, source)
        : comparison(flags, source, { bars: barsOf(source.task) })
    }))
)
