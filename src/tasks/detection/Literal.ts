/**
 * Lists and objects in untrusted text: JSON, what Python prints, and what models make of either.
 *
 * Takes single quotes, trailing commas, tuples, bare keys, `None`, `NaN`, exponents, and whatever prose or code fence
 * stands around. A bracket that does not open such a value is prose. Total, and linear in the length of the text:
 * nesting is bounded, so a text is read at most that many times.
 */
import { Result } from "effect"
import { type FormatReason, formatReason } from "../../dsl/Task.ts"

/** A value as it was written. Objects are maps: their keys are untrusted. */
export type Literal = number | string | boolean | null | ReadonlyArray<Literal> | ReadonlyMap<string, Literal>

/** A list or object, and the text between the value before and this one. */
export interface Found {
  readonly before: string
  readonly value: ReadonlyArray<Literal> | ReadonlyMap<string, Literal>
}

/** Why a text cannot be read at all. */
export type Fault = "too-long" | "too-deep" | "unterminated"

const maximumLength = 100_000
const maximumDepth = 12

const number = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w%.])/y
const word = /[+-]?[A-Za-z_]\w*/y
const blank = /\s*/y

const words = new Map<string, Literal>([
  ...["true", "True"].map((name) => [name, true] as const),
  ...["false", "False"].map((name) => [name, false] as const),
  ...["null", "None"].map((name) => [name, null] as const),
  ...["NaN", "nan"].map((name) => [name, NaN] as const),
  ...["Infinity", "inf"].flatMap((name) => [[name, Infinity], [`+${name}`, Infinity], [`-${name}`, -Infinity]] as const)
])

const escapes = new Map([["n", "\n"], ["t", "\t"], ["r", "\r"], ["b", "\b"], ["f", "\f"]])
const closing = new Map([["[", "]"], ["(", ")"], ["{", "}"]])

/** What ends an attempt: no literal here, the end of the text inside one, or nesting beyond the bound. */
type Stop = "prose" | "unterminated" | "too-deep"

/** Reads one literal from `start`. Returns where it ends. */
const parse = (text: string, start: number): Result.Result<{ readonly value: Literal; readonly end: number }, Stop> => {
  let at = start
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  const stop = (reason: Stop): Result.Result<never, Stop> => Result.fail(at >= text.length ? "unterminated" : reason)

  const quoted = (): Result.Result<string, Stop> => {
    const quote = text[at++]
    let value = ""
    for (; at < text.length; at++) {
      const character = text[at] ?? ""
      if (character === quote) {
        at++
        return Result.succeed(value)
      }
      if (character !== "\\") value += character
      else {
        // Of five characters, so it can only be all of them.
        const code = /u[0-9a-fA-F]{4}/.exec(text.slice(at + 1, at + 6))?.[0]
        const next = text[at + 1] ?? ""
        value += code === undefined ? escapes.get(next) ?? next : String.fromCharCode(parseInt(code.slice(1), 16))
        at += code === undefined ? 1 : code.length
      }
    }
    return stop("unterminated")
  }

  const key = (): Result.Result<string, Stop> => {
    if (text[at] === "\"" || text[at] === "'") return quoted()
    const name = take(word)
    return name === undefined ? stop("prose") : Result.succeed(name)
  }

  const value = (depth: number): Result.Result<Literal, Stop> => {
    const first = text[at] ?? ""
    const close = closing.get(first)
    if (close !== undefined) return depth >= maximumDepth ? stop("too-deep") : within(depth + 1, close)
    if (first === "\"" || first === "'") return quoted()
    const digits = take(number)
    if (digits !== undefined) return Result.succeed(Number(digits))
    const before = at
    const named = words.get(take(word) ?? "")
    if (named !== undefined) return Result.succeed(named)
    const ended = at >= text.length
    at = before
    return ended ? Result.fail("unterminated") : stop("prose")
  }

  /** The inside of brackets, up to and with `close`. */
  const within = (depth: number, close: string): Result.Result<Literal, Stop> => {
    at++
    const items: Array<Literal> = []
    const entries = new Map<string, Literal>()
    for (;;) {
      take(blank)
      if (text[at] === close) break
      if (close === "}") {
        const name = key()
        if (Result.isFailure(name)) return name
        take(blank)
        if (text[at] !== ":") return stop("prose")
        at++
        take(blank)
        const item = value(depth)
        if (Result.isFailure(item)) return item
        entries.set(name.success, item.success)
      } else {
        const item = value(depth)
        if (Result.isFailure(item)) return item
        items.push(item.success)
      }
      take(blank)
      if (text[at] === ",") at++
      else if (text[at] !== close) return stop("prose")
    }
    at++
    return Result.succeed(close === "}" ? entries : items)
  }

  return Result.map(value(0), (found) => ({ value: found, end: at }))
}

const isCollection = (value: Literal): value is Found["value"] => typeof value === "object" && value !== null

/** Every list and object in a text, in order, with the prose before each. */
export const scan = (text: string): Result.Result<ReadonlyArray<Found>, FormatReason> => {
  const fail = (reason: Fault, value: string) => Result.fail(formatReason(reason, value))
  if (text.length > maximumLength) return fail("too-long", text)
  const found: Array<Found> = []
  const opening = /[[({]/g
  let from = 0
  for (let open = opening.exec(text); open !== null; open = opening.exec(text)) {
    const read = parse(text, open.index)
    if (Result.isFailure(read)) {
      // A bracket in prose may stay open; an unfinished list is an unfinished answer.
      if (read.failure === "too-deep" || (read.failure === "unterminated" && open[0] !== "(")) {
        return fail(read.failure, text.slice(open.index))
      }
      continue
    }
    const { end, value } = read.success
    // `()` is how prose writes a call.
    if (!isCollection(value) || (open[0] === "(" && Array.isArray(value) && value.length === 0)) continue
    found.push({ before: text.slice(from, open.index), value })
    from = end
    opening.lastIndex = end
  }
  return Result.succeed(found)
}
