/**
 * Lessons weighted by what they earned, where `filter` drops what earned less than τ. Ours, not the paper's.
 */
import { Effect, Stream } from "effect"
import { Run } from "../Run.ts"
import type { Described } from "./described.ts"

/** Options of `filter` for weights in the place of a threshold: without those that drop lessons. */
export const instead = <O extends { readonly least?: number; readonly tau?: number }>(
  { least: _, tau: __, ...options }: O
): Omit<O, "least" | "tau"> => options

/** Whether lessons come with weights of their own. */
export const weighed = (described: ReadonlyArray<Described>): boolean =>
  described.some(([step, options]) => step === "filter" && "soft" in options && options.soft !== undefined)

/** r^α: what a chain weighs that earned r. */
export const weight = (reward: number, soft: number): number => reward ** soft

/** The least reward that weighs anything: what earned nothing has weight 0, and is in no batch. */
export const least = Number.MIN_VALUE

/** Counts what weighs anything, and notes it: `kept` of `of`, and their mean weight. */
export const count = <E, R>(rewards: Stream.Stream<number, E, R>, soft: number) =>
  Effect.gen(function*() {
    const run = yield* Run
    const { kept, of, sum } = yield* Stream.runFold(
      rewards,
      () => ({ kept: 0, of: 0, sum: 0 }),
      ({ kept, of, sum }, reward) => ({
        kept: kept + (reward >= least ? 1 : 0),
        of: of + 1,
        sum: sum + weight(reward, soft)
      })
    )
    if (kept > 0) {
      yield* run.metric({ stage: "filter", step: of, of, soft, kept, share: kept / of, weight: sum / kept })
    }
    return { tau: least, kept, of }
  })
