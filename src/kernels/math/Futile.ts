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

/**
 * The settings that ask for something and do nothing.
 *
 * @param filled the same with defaults filled in
 */
export const all = (
  rows: ReadonlyArray<Futile>,
  settings: object,
  filled: object = settings
): ReadonlyArray<string> =>
  rows.flatMap(({ beside, setting, where }) =>
    asks(at(settings, setting)) && where(at(filled, beside)) ? [setting] : []
  )

/**
 * The first setting that was given and does nothing.
 *
 * @param settings the same with defaults filled in
 */
export const first = (
  rows: ReadonlyArray<Futile>,
  given: object,
  settings: object = given
): Rules.Broken | undefined => {
  const row = rows.find(({ beside, setting, where }) => asks(at(given, setting)) && where(at(settings, beside)))
  if (row === undefined) return undefined
  const { beside, setting, why } = row
  const other = at(settings, beside)
  const named = other === undefined ? beside : `${beside} ${show(other)}`
  return { setting, value: show(at(given, setting)), expected: `nothing beside ${named}, ${why}` }
}
