/**
 * A run that begins where finished ones ended: stages that an earlier folder has finished count as finished here.
 *
 * Runs that share their first stages (the same warm-up, the same D_RISE) need not do them again, and a pipeline need
 * not be cut in two for it: it is written as a whole, and finds its first stages done, exactly as when it is resumed.
 * Nothing is written into the earlier folders. What makes it correct is that they were made of the same: every field of
 * an earlier run's identity must be one of the later's, with the same value.
 */
import { Option } from "effect"
import type { Storage } from "./Storage.ts"

/** What can be read of a run that is not written to. */
export type Past = Pick<Storage, "finished" | "holds" | "rows" | "bringBack">

/** `own`, with what it lacks looked up in `past`, the nearest first. */
export const over = (own: Storage, past: ReadonlyArray<Past>): Storage => {
  const ownerOf = (owns: (one: Past) => boolean): Past => [own, ...past].find(owns) ?? own
  return {
    ...own,
    finished: (stage) => Option.firstSomeOf([own, ...past].map(({ finished }) => finished(stage))),
    holds: (file) => own.holds(file) || past.some(({ holds }) => holds(file)),
    rows: (file) => ownerOf(({ holds }) => holds(file)).rows(file),
    bringBack: (stage, policy) => ownerOf(({ finished }) => Option.isSome(finished(stage))).bringBack(stage, policy)
  }
}
