/**
 * `JSON.parse` with the keys that the text holds, and with bounds.
 *
 * V8 from 12.8 on reads an escaped key as another one once it has read an object whose key stood at the same place and
 * was a prefix of the escaped spelling: after `{"a": 0, "\\": 0}`, the text `{"a": 0, "\n": 0}` yields the key `\`
 * (github.com/nodejs/node/issues/63785). Keys of headers, vocabularies and data sets are trusted by name, so escaped
 * ones reach the parser under names that need no escape, and get their own back afterwards.
 */

import { Effect, Schema, SchemaGetter, SchemaIssue } from "effect"
import * as JsonBounds from "./JsonBounds.ts"
import { jsonFault } from "./JsonFault.ts"
import * as JsonRepeats from "./JsonRepeats.ts"
import { RepeatedKey } from "./JsonRepeats.ts"
import { type Key, nameOf, visit } from "./JsonVisit.ts"

export { RepeatedKey }

const renamed = (value: unknown, names: ReadonlyMap<string, string>): unknown => {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [names.get(key) ?? key, renamed(item, names)]))
}

/** Why a text was not parsed, from what `parse` threw. */
export const why = (thrown: unknown): string => thrown instanceof Error ? thrown.message : String(thrown)

/** What is wrong with a text that was not taken, from what `parse` or `parseUnrepeated` threw. */
export const fault = (thrown: unknown): string =>
  thrown instanceof RepeatedKey ? thrown.message : `not JSON: ${why(thrown)}`

/** As `JSON.parse`; where the text is none, the error says at which line and column, what was expected and found. */
const built = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const fault = jsonFault(text)
    throw fault === undefined ? cause : new SyntaxError(fault, { cause })
  }
}

/** The value of a text whose bounds are known. */
const valueOf = (text: string): unknown => {
  const parsed = built(text)
  if (!text.includes("\\")) return parsed
  const keys: Array<Key> = []
  visit(text, { key: (key) => key.escaped && keys.push(key) })
  if (keys.length === 0) return parsed
  let prefix = "key"
  while (text.includes(prefix)) prefix += "-"
  const names = new Map(keys.map((key, i) => [`${prefix}${i}`, nameOf(text, key)]))
  const pieces = keys.flatMap(({ start }, i) => [text.slice(keys[i - 1]?.end ?? 0, start), `"${prefix}${i}"`])
  return renamed(JSON.parse([...pieces, text.slice(keys.at(-1)?.end)].join("")), names)
}

/**
 * As `JSON.parse` is specified: the last of equal keys counts. Throws a `SyntaxError` with the place in the text, and a
 * `RangeError` for one that is nested more than 256 deep or holds more than 2²⁴ lists and objects.
 */
export const parse = (text: string): unknown => {
  JsonBounds.check(text)
  return valueOf(text)
}

/** As `parse`; throws a `RepeatedKey` with the place where an object has a key twice: data say one thing of each. */
export const parseUnrepeated = (text: string): unknown => {
  const found = JsonRepeats.find(text)
  const parsed = valueOf(text)
  const repeated = JsonRepeats.fault(text, found)
  if (repeated !== undefined) throw new RepeatedKey(repeated)
  return parsed
}

const read = SchemaGetter.transformEffect((text: string, options) =>
  Effect.try({
    try: () => parse(text),
    catch: (cause) => new SchemaIssue.InvalidValue({ expected: `JSON (${String(cause)})` }, text, options)
  })
)

/** JSON text as a schema reads it: `Schema.fromJsonString` with the keys and bounds of `parse`. */
export const text = <S extends Schema.Top>(schema: S) =>
  Schema.String.pipe(
    Schema.decodeTo(Schema.Unknown, { decode: read, encode: SchemaGetter.stringifyJson() }),
    Schema.decodeTo(schema)
  )
