/**
 * Settings that do nothing beside another one. Who gave such a setting meant something by it: it is refused, never left
 * out in silence.
 */
import { show } from "../text/show.ts"
import * as Rules from "./Rules.ts"

export interface Futile {
  /** What does nothing, a part named with its record: "practice.temperature". */
  readonly setting: string
  /** The other setting, beside which it does nothing, */
  readonly beside: string
  /** where that is such a value; undefined: it is left out, and has no default. */
  readonly where: (value: unknown) => boolean
  /** As after "nothing beside kl 0, ": why, and what to do. */
  readonly why: string
}

/** For `where`. */
export const is = (...values: ReadonlyArray<unknown>) => (value: unknown): boolean => values.includes(value)
export const isNot = (...values: ReadonlyArray<unknown>) => (value: unknown): boolean => !values.includes(value)

const at = (settings: object, setting: string) => Rules.at(settings, setting.split("."))

/** What is off, or taken away by null, asks for nothing. */
const asks = (value: unknown): boolean => value !== undefined && value !== null && value !== false

/** Whether a setting that was given asks for something and does nothing beside the others, defaults filled in. */
const isFutile = ({ beside, setting, where }: Futile, given: object, filled: object): boolean =>
  asks(at(given, setting)) && where(at(filled, beside))

/**
 * The settings that ask for something and do nothing.
 *
 * @param filled the same with defaults filled in
 */
export const all = (
  rows: ReadonlyArray<Futile>,
  given: object,
  filled: object = given
): ReadonlyArray<string> => rows.flatMap((row) => isFutile(row, given, filled) ? [row.setting] : [])

/**
 * The first setting that was given and does nothing.
 *
 * @param filled the same with defaults filled in
 */
export const first = (
  rows: ReadonlyArray<Futile>,
  given: object,
  filled: object = given
): Rules.Broken | undefined => {
  const row = rows.find((row) => isFutile(row, given, filled))
  if (row === undefined) return undefined
  const { beside, setting, why } = row
  const other = at(filled, beside)
  const named = other === undefined ? beside : `${beside} ${show(other)}`
  return { setting, value: show(at(given, setting)), expected: `nothing beside ${named}, ${why}` }
}
