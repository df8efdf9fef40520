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

/** A key as it stands in a text, quotes included. */
export interface Key {
  readonly start: number
  readonly end: number
  readonly escaped: boolean
}

/** Called for every object's begin and end and for every key, in the text's order. */
export interface Visitor {
  readonly open?: (kind: "{" | "[") => void
  readonly close?: () => void
  readonly key: (key: Key) => void
}

/** Walks the structure of a text that `JSON.parse` has accepted. */
export const visit = (text: string, { close, key, open }: Visitor): void => {
  let position = 0
  while (position < text.length) {
    const char = text[position]
    if (char === "{" || char === "[") open?.(char)
    else if (char === "}" || char === "]") close?.()
    else if (char === "\"") {
      const start = position
      let escaped = false
      for (position++; text[position] !== "\""; position++) {
        if (text[position] !== "\\") continue
        escaped = true
        position++
      }
      const end = position + 1
      let after = end
      while (text[after] === " " || text[after] === "\n" || text[after] === "\t" || text[after] === "\r") after++
      if (text[after] === ":") key({ start, end, escaped })
    }
    position++
  }
}

/** The string that a key stands for. */
export const nameOf = (text: string, { end, start }: Key): string => String(JSON.parse(text.slice(start, end)))

const renamed = (value: unknown, names: ReadonlyMap<string, string>): unknown => {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [names.get(key) ?? key, renamed(item, names)]))
}

/** Why a text was not parsed, from what `parse` threw. */
export const why = (thrown: unknown): string => thrown instanceof Error ? thrown.message : String(thrown)

/** As `JSON.parse`; where the text is none, the error says at which line and column, what was expected and found. */
const built = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const fault = jsonFault(text)
    throw fault === undefined ? cause : new SyntaxError(fault, { cause })
  }
}

/**
 * As `JSON.parse` is specified: the last of equal keys counts. Throws a `SyntaxError` with the place in the text, and a
 * `RangeError` for one that is nested more than 256 deep or holds more than 2²⁴ lists and objects.
 */
export const parse = (text: string): unknown => {
  JsonBounds.check(text)
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
