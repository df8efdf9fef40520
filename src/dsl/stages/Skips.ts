/**
 * Steps that made no numbers: skipped, counted and told of with their samples, until several in a row end the stage.
 *
 * A policy fails before it changes anything where a logit, a loss or a gradient is not finite (`NotFinite.reasonOf`).
 * One such step may be the fault of a sample, several in a row are the weights': then the stage goes back to weights
 * that are known to be good and stops.
 */
import { Effect, FileSystem, Option, Schema } from "effect"
import * as NotFinite from "../../policy/NotFinite.ts"
import { Policy, type PolicyError, type Snapshot } from "../../policy/Policy.ts"
import * as Progress from "../Progress.ts"
import { Run } from "../Run.ts"
import type { RunError } from "../RunError.ts"
import * as Settings from "./Settings.ts"
import { Diverged } from "./StageError.ts"

/** Skipped steps so far: what has to be kept to go on counting. */
export const Skipped = Schema.Struct({
  /** Of the whole stage. */
  total: Schema.Int,
  /** Since the last step that was finite. */
  inARow: Schema.Int
})
export type Skipped = typeof Skipped.Type

/** Before the first step. */
export const none: Skipped = { total: 0, inARow: 0 }

/** So many in a row end a stage. */
export const most = 3

/** Steps between weights that are kept aside. */
const renewal = 16

/** Folder of a run for weights that a stage went back to. */
export const lastGood = "last-good"

/** Weights that made nothing but numbers, and the step that they are of. */
export interface Good {
  readonly step: number
  readonly snapshot: Snapshot
}

/** Ids that a line on the terminal has room for. */
const told = 4
const listed = (ids: ReadonlyArray<string>): string =>
  ids.length <= told ? ids.join(", ") : `${ids.slice(0, told).join(", ")} and ${ids.length - told} more`

/** Writes the policy as a model that other commands can open; where, or why not. */
const written = Effect.fnUntraced(function*(stage: string) {
  const { directory } = yield* Run
  if (Option.isNone(directory)) return {}
  const path = `${directory.value}/${lastGood}/${stage}`
  const fs = yield* Effect.serviceOption(FileSystem.FileSystem)
  // Of an earlier try: a policy overwrites nothing.
  if (Option.isSome(fs)) yield* Effect.ignore(fs.value.remove(path, { recursive: true, force: true }))
  const { save } = yield* Policy
  return yield* Effect.match(save(path), {
    onSuccess: () => ({ path }),
    onFailure: (error) => ({ unsaved: error.message })
  })
})

/** What one step is called by. */
export interface At {
  /** Counted from 1. */
  readonly step: number
  readonly learningRate: number
  /** Image ids of the samples that it learns from. */
  readonly samples: ReadonlyArray<string>
}

/** Watches over the steps of a stage that has just begun, or goes on from `from`. */
export const make = Effect.fnUntraced(function*(plan: string, settings: Settings.TrainOptions, from = none) {
  const run = yield* Run
  const policy = yield* Policy
  const stage = run.named(plan)
  const { clipNorm, learningRate: peak, steps } = Settings.filled(settings)
  let skipped: Skipped = from
  let good: Good | undefined

  /**
   * Ends the stage with the weights that are known to be good.
   *
   * @param selected the best by validation, if any were looked at: they are kept rather than the newest
   */
  const diverged = Effect.fnUntraced(function*(step: number, reason: string, selected = good) {
    if (selected !== undefined) yield* policy.revert(selected.snapshot)
    const kept = { step: selected?.step ?? 0, ...yield* written(stage) }
    return yield* new Diverged({ stage, step, reason, skipped: skipped.inARow, kept, learningRate: peak, clipNorm })
  })

  /** A policy's word that its weights are ruined ends the stage at once. */
  const fatal = (step: number, selected?: Good) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catch(effect, (error): Effect.Effect<never, E | Diverged | PolicyError, Policy | Run> => {
      const reason = NotFinite.reasonOf(error)
      return reason === undefined ? Effect.fail(error) : diverged(step, reason, selected)
    })

  const skip = Effect.fnUntraced(function*({ learningRate, samples, step }: At, reason: string, selected?: Good) {
    skipped = { total: skipped.total + 1, inARow: skipped.inARow + 1 }
    yield* run.metric({ stage: plan, step, of: steps, skipped: reason, samples, learningRate })
    const text = `step ${step} was skipped: ${reason} (samples: ${listed(samples)}). ${skipped.inARow} in a row, ` +
      `${skipped.total} in all; ${most} in a row end the stage. Where it goes on, ${NotFinite.gentler}, or look at ` +
      "these samples"
    yield* Progress.report(Progress.Event.Warned({ stage, text }))
    // A stage that learned nothing at all has not merely met a bad sample.
    if (skipped.inARow >= most || skipped.total === steps) return yield* diverged(step, reason, selected)
    return Option.none()
  })

  /** The outcome of a step; none where it was skipped. */
  const attempt = <A, E, R>(
    at: At,
    step: Effect.Effect<A, E, R>,
    selected?: Good
  ): Effect.Effect<Option.Option<A>, E | Diverged | PolicyError | RunError, R | Policy | Run> =>
    Effect.gen(function*() {
      // Where weights are selected, the best of them are at hand.
      const due = selected === undefined && (good === undefined || at.step - 1 - good.step >= renewal)
      const candidate = due ? { step: at.step - 1, snapshot: yield* policy.snapshot } : undefined
      const outcome = yield* Effect.result(step)
      if (outcome._tag === "Failure") {
        const reason = NotFinite.reasonOf(outcome.failure)
        return reason === undefined ? yield* Effect.fail(outcome.failure) : yield* skip(at, reason, selected)
      }
      // Only what a whole step could be made of is known to be good.
      if (candidate !== undefined) good = candidate
      skipped = { ...skipped, inARow: 0 }
      return Option.some(outcome.success)
    })

  return {
    attempt,
    diverged,
    fatal,
    /** Plain JSON, by the schema `Skipped`. */
    state: (): Skipped => skipped,
    /** For the line that tells of the stage's end. */
    note: () => skipped.total === 0 ? "" : `${skipped.total} of ${steps} steps skipped; `
  }
})
