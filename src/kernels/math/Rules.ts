/**
 * What settings may be, as tables: a rule for each, in the words of the error that breaking it gives.
 *
 * A setting that is left out (or is `undefined`) breaks nothing: its default holds.
 */
import { Predicate } from "effect"
import { didYouMean } from "../text/near.ts"
import { show } from "../text/show.ts"

export interface Rule {
  /** As after "expected": "a number above 0". */
  readonly expected: string
  readonly holds: (value: unknown) => boolean
  /** Whether it must be there, if the record that it is a part of is. Default false. */
  readonly required?: boolean
}

/** Rules by setting; that of a part is named with its record: "clip.low". */
export type Table = Readonly<Record<string, Rule>>

/** A setting that breaks its rule. */
export interface Broken {
  readonly setting: string
  readonly value: string
  readonly expected: string
}

const number = (expected: string, holds: (value: number) => boolean): Rule => ({
  expected,
  holds: (value) => typeof value === "number" && Number.isFinite(value) && holds(value)
})

export const above = (least: number): Rule => number(`a number above ${least}`, (value) => value > least)
export const finite: Rule = number("a number", () => true)
export const atLeast = (least: number): Rule => number(`a number from ${least}`, (value) => value >= least)
/** Both may be taken. */
export const between = (least: number, most: number): Rule =>
  number(`a number from ${least} to ${most}`, (value) => value >= least && value <= most)
/**
 * Rates from which an optimiser does nothing but ruin weights are numbers that slipped: a percentage, an exponent
 * without its sign.
 */
export const learningRate: Rule = number("a number above 0 and below 10", (value) => value > 0 && value < 10)
/** 0 and 1 may be left out. */
export const share = (interval: "[0, 1]" | "(0, 1]" | "[0, 1)"): Rule => {
  const [zero, one] = [interval.startsWith("["), interval.endsWith("]")]
  const holds = (value: number) => value > 0 && value < 1 || zero && value === 0 || one && value === 1
  return number(`a number in ${interval}`, holds)
}
/** A whole number that float64 tells from its neighbours. */
export const whole = (least = -Infinity, most = Infinity): Rule => {
  const range = (least === -Infinity ? "" : ` from ${least}`) + (most === Infinity ? "" : ` to ${most}`)
  return number(`a whole number${range}`, (value) => Number.isSafeInteger(value) && value >= least && value <= most)
}
/** Hotter, every token is as likely as any other. */
const hottest = 100

/**
 * A softmax temperature. Below 1e-5 logits reach magnitudes that masks and float32 do not stand; servers take it for
 * greedy.
 *
 * @param greedy whether 0 is allowed
 */
export const temperature = (greedy: boolean): Rule =>
  greedy
    ? number(
      `0 (greedy) or a number from 0.00001 to ${hottest}`,
      (value) => value >= 1e-5 && value <= hottest || value === 0
    )
    : number(
      `a number from 0.00001 to ${hottest}: a greedy choice has no likelihood to learn from`,
      (value) => value >= 1e-5 && value <= hottest
    )
export const oneOf = (...words: ReadonlyArray<string>): Rule => ({
  expected: words.map((word) => JSON.stringify(word)).join(" or "),
  holds: (value) => typeof value === "string" && words.includes(value)
})

export const yesOrNo: Rule = { expected: "true or false", holds: (value) => typeof value === "boolean" }
/** A text that is not empty. */
export const text = (expected: string): Rule => ({
  expected,
  holds: (value) => typeof value === "string" && value.trim() !== ""
})
/** A record of settings, whose parts have rules of their own. */
export const record = (expected: string): Rule => ({ expected, holds: Predicate.isObject })
/** What is looked at where it is used. */
export const any: Rule = { expected: "anything", holds: () => true }

/** A limit that can be switched off. */
export const orNone = (rule: Rule): Rule => (
  { ...rule, expected: `${rule.expected}, or Infinity`, holds: (value) => value === Infinity || rule.holds(value) }
)
export const required = (rule: Rule): Rule => ({ ...rule, required: true })

/** What stands at a path of a record, if anything does. */
export const at = (settings: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce((value, key) => Predicate.hasProperty(value, key) ? value[key] : undefined, settings)

/** The same without a setting, a part named with its record. */
export const without = <S extends object>(settings: S, setting: string): S => {
  const [name = "", ...rest] = setting.split(".")
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      key !== name
        ? [[key, value]]
        : rest.length > 0 && Predicate.isObject(value)
        ? [[key, without(value, rest.join("."))]]
        : []
    )
  ) as S
}

/** The first setting of a table that breaks its rule. */
export const broken = (table: Table, settings: object): Broken | undefined => {
  for (const [setting, rule] of Object.entries(table)) {
    const path = setting.split(".")
    const value = at(settings, path)
    const wanted = rule.required === true && at(settings, path.slice(0, -1)) !== undefined
    if (value === undefined ? wanted : !rule.holds(value)) {
      // A whole number of another kind looks like one that would do.
      return { setting, value: typeof value === "bigint" ? `${value}n` : show(value), expected: rule.expected }
    }
  }
  return undefined
}

const withoutNulls = (fields: object): object =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      value === null ? [] : [[name, Predicate.isObject(value) && !Array.isArray(value) ? withoutNulls(value) : value]]
    )
  )

/** The same of a file of transformers, which leaves out by null. */
export const brokenIn = (table: Table, file: object): Broken | undefined => broken(table, withoutNulls(file))

/** The settings of a record that no rule speaks of, parts named with their record: "clip.lo". */
export const unknown = (table: Table, settings: object, record = ""): ReadonlyArray<string> =>
  Object.entries(settings).flatMap(([key, value]) => {
    const setting = `${record}${key}`
    const parts = Object.keys(table).some((known) => known.startsWith(`${setting}.`))
    if (parts && Predicate.isObject(value)) return unknown(table, value, `${setting}.`)
    return Object.hasOwn(table, setting) ? [] : [setting]
  })

/** The names that a record of settings may hold: of "plan." its parts. */
export const namesIn = (table: Table, record: string): ReadonlyArray<string> => [
  ...new Set(
    Object.keys(table).flatMap((name) => name.startsWith(record) ? [name.slice(record.length).split(".")[0] ?? ""] : [])
  )
]

/** Of a name that is none of these; what it may stand for. */
const noneOf = (name: string, names: ReadonlyArray<string>): string =>
  `no setting of this name: there are ${names.join(", ")}${didYouMean(name, names)}`

/** The first setting that there is none of: a name that was misspelt would be left out in silence. */
export const misspelt = (table: Table, settings: object): Broken | undefined => {
  const setting = unknown(table, settings).find((name) => at(settings, name.split(".")) !== undefined)
  if (setting === undefined) return undefined
  const record = setting.slice(0, setting.lastIndexOf(".") + 1)
  const parts = namesIn(table, `${setting}.`)
  return {
    setting,
    value: show(at(settings, setting.split("."))),
    expected: parts.length > 0
      ? `a record of ${parts.join(", ")}`
      : noneOf(setting.slice(record.length), namesIn(table, record))
  }
}

/** "topP is 2, expected a number in (0, 1]" */
export const say = ({ expected, setting, value }: Broken): string => `${setting} is ${value}, expected ${expected}`
