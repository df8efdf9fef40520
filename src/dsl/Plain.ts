/**
 * Values that are recorded as JSON: what it cannot hold would be turned into something else, or vanish.
 */
import { Predicate, type Schema } from "effect"
import type * as Rules from "../kernels/math/Rules.ts"

const held = "JSON: text, finite numbers, true, false, null, and lists and records of them"

/** Levels of lists and records in one another. */
const deepest = 64

/** A record that was written as one: a Map or a Date would be turned into something else. */
export const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value))

const show = (value: unknown): string =>
  typeof value === "object"
    ? Object.prototype.toString.call(value)
    : typeof value === "function"
    ? "a function"
    : String(value)

/** How JSON has a limit that is switched off; it has no word for it. */
export const none = "Infinity"

/** Settings as JSON, for a file or the screen: a limit that is switched off is `"Infinity"`, where JSON has null. */
export const settings = (value: object): Readonly<Record<string, Schema.Json>> =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => part === Infinity ? none : part))

/** The first number that JSON has none for, and would write as null: NaN, or one without an end. */
export const numberless = (value: unknown, at: string): Rules.Broken | undefined => {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { setting: at, value: String(value), expected: "a number that is finite" }
  }
  if (!Predicate.isObjectOrArray(value)) return undefined
  for (const [key, part] of Object.entries(value)) {
    const found = numberless(part, Array.isArray(value) ? `${at}[${key}]` : `${at}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The first part of a value that JSON cannot hold. `undefined` in a record is left out, as everywhere.
 *
 * @param at names the value: "config"
 */
export const broken = (value: unknown, at: string, around: ReadonlyArray<unknown> = []): Rules.Broken | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
  if (typeof value === "number" && Number.isFinite(value)) return undefined
  if (around.includes(value)) return { setting: at, value: "part of itself", expected: held }
  if (around.length > deepest) return { setting: at, value: `nested more than ${deepest} deep`, expected: held }
  const inside = [...around, value]
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const found = broken(item, `${at}[${i}]`, inside)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (!Predicate.isObject(value) || !isPlain(value)) return { setting: at, value: show(value), expected: held }
  for (const [key, item] of Object.entries(value)) {
    const found = item === undefined ? undefined : broken(item, `${at}.${key}`, inside)
    if (found !== undefined) return found
  }
  return undefined
}
