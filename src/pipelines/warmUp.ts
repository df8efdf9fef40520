/**
 * Where every method starts: the data, its validation split, and the shared warm-up if the preset has one.
 *
 * Departs from the paper: it starts from the base model as it is (its published code has an optional warm-up by SFT).
 * The warm-up here needs no reasoning labels, trains reconstruction alone, and is the same weights for every method.
 */
import { Effect, Stream } from "effect"
import type { DataError } from "../dsl/DataError.ts"
import * as Rise from "../dsl/Rise.ts"
import type { Run } from "../dsl/Run.ts"
import * as Settings from "../dsl/stages/Settings.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import type { Policy } from "../policy/Policy.ts"
import { limiting } from "./Config.ts"
import type { Preset } from "./Presets.ts"

/** D, warmed or not: what `riseCot`, `sft` and `visualRft` take. Its data can be read without a policy. */
export type Start<A, E, R> =
  & Rise.Pipeline<"Sampled" | "Warmed", A, E | Rise.Fault | Rise.StageError, R | Policy | Run>
  & { readonly data: Stream.Stream<Sample<A>, E | DataError | Rise.TruthError, R> }

/** Starts a pipeline as the preset says: limits the data, holds out the validation split, warms the policy up. */
export const warmUp = <A, E, R>(
  task: Task<A>,
  data: Stream.Stream<Sample<A>, E, R>,
  preset: Pick<Preset, "limit" | "validation" | "warmUp">
): Start<A, E, R> => {
  const limit = preset.limit?.train
  const made = Rise.make(task, limit === undefined ? data : Stream.take(data, limit), {
    validation: preset.validation
  })
  const { data: training } = made
  const start = Object.assign(made, { sound: Effect.andThen(made.sound, Settings.holds("make", limiting, preset)) })
  return preset.warmUp === undefined ? start : Object.assign(start.pipe(Rise.warmUp(preset.warmUp)), { data: training })
}
