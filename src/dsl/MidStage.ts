/**
 * Keeps an unfinished stage on its way, now and then: a run that is killed loses the minutes since, not the stage.
 *
 * The clock decides when a checkpoint is written, and nothing else: what a stage computes does not depend on it.
 */
import { Clock, Effect, type Option, type Schema } from "effect"
import { Policy, type PolicyError, type Snapshot } from "../policy/Policy.ts"
import type { RunError } from "./RunError.ts"
import type { OnItsWay, Storage } from "./Storage.ts"

/** A stage on its way, as the stage sees it. */
export interface Shape {
  /** Where an earlier attempt was kept last. */
  readonly kept: Option.Option<{ readonly step: number; readonly state: Schema.Json; readonly selected: number | null }>
  /** Makes the policy what it was there, and brings back the best weights so far. */
  readonly bringBack: Effect.Effect<Option.Option<Snapshot>, RunError | PolicyError, Policy>
  /** Says that a step has ended, which others follow. Where it is time, the stage is kept. */
  readonly passed: (
    at: Omit<OnItsWay, "stage" | "state"> & {
      /** Asked where it is time. */
      readonly state: () => Schema.Json
    }
  ) => Effect.Effect<void, RunError | PolicyError>
}

/** For a stage that begins now. */
export const make = (storage: Storage, stage: string): Effect.Effect<Shape> =>
  Effect.map(Clock.currentTimeMillis, (begun) => {
    const { every: { minutes, steps }, share } = storage.checkpointing
    let since = 0
    let last = begun
    let cost = 0
    return {
      kept: storage.midStage(stage),
      bringBack: Effect.flatMap(Policy, (policy) => storage.bringBackMidStage(stage, policy)),
      passed: ({ state, ...at }) =>
        Effect.gen(function*() {
          since++
          const now = yield* Clock.currentTimeMillis
          const due = steps > 0 && since >= steps || minutes > 0 && now - last >= minutes * 60_000
          if (!due || now - last < cost * (1 / share - 1)) return
          yield* storage.keepMidStage({ ...at, stage, state: state() })
          last = yield* Clock.currentTimeMillis
          cost = last - now
          since = 0
        })
    }
  })
