/**
 * Steps of a stage when it begins, where a run has to end in time: a machine that has become slower since the steps
 * were chosen takes fewer. Without the service nothing is asked, and nothing depends on a clock.
 */
import { Context, Effect, Option, Schema } from "effect"
import * as Progress from "../Progress.ts"
import { Run } from "../Run.ts"
import * as Settings from "./Settings.ts"

/** Says what is left of a stage. */
export class Pacing extends Context.Service<Pacing, {
  /** The share of its steps that there is time for, in [0, 1], by its name as progress has it: "RISE/sft". */
  readonly share: (stage: string) => Effect.Effect<number>
}>()("rise/Pacing") {}

const Share = Schema.Struct({ share: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) })

/** The settings of a stage that begins, with as many steps as there is time for: a resumed run finds the same. */
export const paced = Effect.fnUntraced(function*<S extends Settings.TrainOptions>(stage: string, settings: S) {
  const pacing = yield* Effect.serviceOption(Pacing)
  if (Option.isNone(pacing)) return settings
  const run = yield* Run
  const name = run.named(stage)
  const { share } = yield* run.once(
    `${stage}-pace`,
    Share,
    Effect.map(pacing.value.share(name), (share) => ({ share }))
  )
  const left = share < 1 ? Settings.shorter(settings, share) : settings
  const [planned, steps] = [Settings.filled(settings).steps, Settings.filled(left).steps]
  if (steps === planned) return settings
  const text = `this machine is slower than it was when it was measured: ${steps} of ${planned} steps, to end in time`
  yield* run.metric({ stage, step: 0, of: steps, planned, warning: text })
  yield* Progress.report(Progress.Event.Warned({ stage: name, text }))
  return left
})
