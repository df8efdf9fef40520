/**
 * Options of readers, held to their tables before anything is read: a name that is misspelt or a number that is none
 * would be left out, or leave no sample, in silence.
 */
import { Effect, Option } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as Futile from "../kernels/math/Futile.ts"
import * as Rules from "../kernels/math/Rules.ts"

const fault = (table: Rules.Table, options: object): Rules.Broken | undefined =>
  Rules.misspelt(table, options) ?? Rules.broken(table, options)

/** Fails on the first option of a reader that breaks its rule, or does nothing beside another. */
export const check = (
  source: string,
  table: Rules.Table,
  options: object,
  rows: ReadonlyArray<Futile.Futile> = []
): Effect.Effect<void, DataError> =>
  Effect.suspend(() => {
    const broken = fault(table, options) ?? Futile.first(rows, options)
    return broken === undefined ? Effect.void : Effect.fail(new DataError({ source, reason: Rules.say(broken) }))
  })

/**
 * The same for what is no stream yet.
 *
 * @throws RangeError
 */
export const held = <O extends object>(what: string, table: Rules.Table, options: O): O => {
  const broken = fault(table, options)
  if (broken !== undefined) throw new RangeError(`${what}: ${Rules.say(broken)}`)
  return options
}

/** A file or folder. */
export const path: Rules.Rule = Rules.text("the path of a file or folder")

/** Of the files of a folder. */
export const limits: Rules.Table = {
  maxBytes: Rules.orNone(Rules.above(0)),
  maxPixels: Rules.orNone(Rules.above(0))
}

/** How far shares may be from a sum of 1. */
export const tolerance: Rules.Rule = Rules.atLeast(0)

/** What may be left to be found: an Option. */
export const found: Rules.Rule = { expected: "an Option, Option.none() to have it found", holds: Option.isOption }

/** What the numbers of a table are. */
export const values: Rules.Rule = Rules.oneOf("shares", "percentages", "votes")

/** Which rows of a table with a column `split` are read. */
export const split: Rules.Rule = Rules.oneOf("train", "validation", "test", "all")

/** Of readers of numbers: what does nothing for some of them. */
export const futile: ReadonlyArray<Futile.Futile> = [{
  setting: "tolerance",
  beside: "values",
  where: Futile.is("votes"),
  why: "which are divided by their sum, whatever it is: leave tolerance out"
}]

/** Of embedded scenes. */
export const scenes: Rules.Table = {
  split: Rules.required(Rules.oneOf("train", "test")),
  seed: Rules.whole()
}

/** So many samples. */
export const count: Rules.Rule = Rules.orNone(Rules.whole(0))
