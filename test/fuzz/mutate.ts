/**
 * Sound inputs made unsound: bytes flipped, cut, spliced and repeated, numbers driven to their ends, nesting, and text
 * that readers have tripped over. Every input is drawn by seed, target and number alone.
 */
import type * as Keyed from "../../src/kernels/math/Keyed.ts"

type Draw = Keyed.Stream

const utf8 = new TextEncoder()

/** Bytes that lengths, counts and types are made of, driven to their ends. */
const extremes: ReadonlyArray<ReadonlyArray<number>> = [
  [0],
  [1],
  [0x7f],
  [0x80],
  [0xff],
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0x80],
  [0x7f, 0xff, 0xff, 0xff],
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
]

/** Pieces of text that mean something to somebody. */
const words: ReadonlyArray<string> = [
  ..."{}[]()<>\"'`,;:\\/|=+-*%#&?!~^$@_. \t\n\r\0".split(""),
  "__proto__",
  "constructor",
  "toString",
  "\"__proto__\":{\"a\":1},",
  "null",
  "true",
  "NaN",
  "-Infinity",
  "1e309",
  "-1",
  "-0",
  "0.1",
  "1e-320",
  "99999999999999999999",
  "9007199254740993",
  "2147483648",
  "\\u0000",
  "\\ud800",
  "\u0000",
  "\ud83d",
  "\ufeff",
  "\u2028",
  "\u202e",
  "e\u0301",
  "\u00e9",
  "\u001b[2J",
  "\u009b",
  "<|im_end|>",
  "<|image_pad|>",
  "</think>",
  "<answer>",
  "</answer>",
  "../",
  "/etc/passwd",
  "file:///",
  "http://x/",
  "data:image/png;base64,",
  "a.png",
  "./a.png",
  "{%",
  "%}",
  "{{",
  "}}",
  "{% for i in range(10**9) %}",
  "{% endfor %}"
]

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Inputs grow by repeats; beyond this they are cut. */
const MOST = 2 ** 18

type Change = (input: Uint8Array, draw: Draw, others: ReadonlyArray<Uint8Array>) => Uint8Array

const place = (input: Uint8Array, draw: Draw) => draw.int(input.length + 1)

const insert = (piece: (draw: Draw) => Uint8Array): Change => (input, draw) => {
  const at = place(input, draw)
  // Over what is there as often as before it.
  const end = draw.int(2) === 0 ? at : at + draw.int(9)
  return joined(input.subarray(0, at), piece(draw), input.subarray(end))
}

const flip: Change = (input, draw) => {
  const out = input.slice()
  for (let i = 0, n = 1 + draw.int(4); i < n && out.length > 0; i++) {
    const at = draw.int(out.length)
    out[at] = (out[at] ?? 0) ^ 1 << draw.int(8)
  }
  return out
}

const overwrite: Change = (input, draw) => {
  const out = input.slice()
  const bytes = draw.pick(extremes)
  const at = place(input, draw)
  out.set(bytes.slice(0, Math.max(0, out.length - at)), Math.min(at, out.length))
  return out
}

const truncate: Change = (input, draw) => input.slice(0, place(input, draw))

const remove: Change = (input, draw) => {
  const at = place(input, draw)
  return joined(input.subarray(0, at), input.subarray(at + 1 + draw.int(64)))
}

const repeat: Change = (input, draw) => {
  const at = place(input, draw)
  const piece = input.subarray(at, at + 1 + draw.int(32))
  const times = draw.pick([2, 10, 300, 5000])
  return joined(input.subarray(0, at), ...new Array<Uint8Array>(times).fill(piece), input.subarray(at))
}

const splice: Change = (input, draw, others) => {
  const other = draw.pick(others)
  return joined(input.subarray(0, place(input, draw)), other.subarray(place(other, draw)))
}

const nest: Change = (input, draw) => {
  const [open, close] = draw.pick([["[", "]"], ["{\"a\":", "}"], ["(", ")"], ["<a>", "</a>"]])
  const deep = draw.pick([2, 100, 300, 20_000])
  const at = place(input, draw)
  const balanced = draw.int(2) === 0 ? utf8.encode((close ?? "").repeat(deep)) : new Uint8Array(0)
  return joined(input.subarray(0, at), utf8.encode((open ?? "").repeat(deep)), balanced, input.subarray(at))
}

const number: Change = (input, draw) => {
  const text = Buffer.from(input).toString("latin1")
  const all = [...text.matchAll(/-?\d+(?:\.\d+)?/g)]
  if (all.length === 0) return flip(input, draw, [])
  const found = draw.pick(all)
  const value = draw.pick(["0", "-1", "1e309", "99999999999", "2147483647", "-2147483649", "0.5", "1e-9", "\"x\"", ""])
  return joined(
    input.subarray(0, found.index),
    utf8.encode(value),
    input.subarray(found.index + found[0].length)
  )
}

const word = insert((draw) => utf8.encode(draw.pick(words)))
const bytes: ReadonlyArray<Change> = [flip, flip, overwrite, overwrite, truncate, remove, repeat, splice]
const text: ReadonlyArray<Change> = [flip, truncate, remove, repeat, splice, nest, number, number, word, word, word]

/** A value in a JSON text, by a walk that stops anywhere. */
const changed = (value: unknown, draw: Draw, depth = 0): unknown => {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : []
  if (entries.length > 0 && (depth === 0 || draw.int(4) > 0)) {
    const [key, inner] = draw.pick(entries)
    const to = draw.int(10)
    const next = changed(inner, draw, depth + 1)
    if (Array.isArray(value)) {
      if (to === 0) return value.filter((_, i) => String(i) !== key)
      return to === 1 ? [...value, next] : value.map((item, i) => String(i) === key ? next : item)
    }
    const others = Object.fromEntries(entries.filter(([name]) => to > 0 || name !== key))
    return to === 1 ? { ...others, [draw.pick(words)]: next } : to === 0 ? others : { ...others, [key]: next }
  }
  return draw.pick<unknown>([
    null,
    true,
    0,
    -1,
    0.5,
    1e300,
    Number.MAX_SAFE_INTEGER + 2,
    -(2 ** 31),
    "",
    [],
    {},
    [[]],
    draw.pick(words),
    draw.pick(words).repeat(200),
    [value, value],
    { image: value },
    String(value)
  ])
}

/** JSON is changed as a value where it is one: so the readers behind the parser are reached. */
const inValue: Change = (input, draw) => {
  const whole = Buffer.from(input).toString()
  const lines = whole.split("\n")
  // Of JSON lines one; of a document all.
  const [i, source] = lines.filter((line) => line !== "").length > 1 && /^[{[].*[}\]]$/.test(lines[0] ?? "")
    ? (() => {
      const at = draw.int(lines.length)
      return [at, lines[at] ?? ""] as const
    })()
    : [-1, whole] as const
  try {
    const value: unknown = JSON.parse(source)
    const next = JSON.stringify(changed(value, draw)) ?? "null"
    return utf8.encode(i < 0 ? next : lines.with(i, next).join("\n"))
  } catch {
    return word(input, draw, [])
  }
}
const json: ReadonlyArray<Change> = [...text, ...new Array<Change>(14).fill(inValue)]

const changes = { bytes, text, json }

/** An input: a sound one, changed once or a few times. */
export const mutated = (kind: keyof typeof changes, seeds: ReadonlyArray<Uint8Array>, draw: Draw): Uint8Array => {
  let input = draw.pick(seeds)
  for (let i = 0, n = draw.pick([1, 1, 1, 2, 3, 5]); i < n; i++) {
    input = draw.pick(changes[kind])(input, draw, seeds).subarray(0, MOST)
  }
  return input
}
