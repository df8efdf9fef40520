import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import * as Literal from "../../../src/tasks/detection/Literal.ts"
import { drawn, runs } from "./boxes.ts"

/** Any JSON value; what is outermost is a list or an object, as `scan` looks for. */
const json = (draw: Keyed.Stream, depth: number): unknown => {
  const text = () =>
    Array.from({ length: draw.int(6) }, () => draw.pick(Array.from("ab \"'\\/\n\t\r\b\f\u0001é\u{1f600}[]{}(),:u0")))
      .join("")
  const kind = depth === 0 ? 5 + draw.int(2) : draw.int(depth < 4 ? 7 : 5)
  if (kind === 0) return text()
  if (kind === 1) return draw.int(2000) - 1000
  if (kind === 2) return (draw.next() - 0.5) * 10 ** (draw.int(40) - 20)
  if (kind === 3) return draw.next() < 0.5
  if (kind === 4) return null
  const inner = Array.from({ length: draw.int(4) }, () => json(draw, depth + 1))
  return kind === 5 ? inner : Object.fromEntries(inner.map((item, i) => [`${text()}${i}`, item]))
}

/** Maps as the objects that they were written as. */
const plain = (value: Literal.Literal): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]))
    : Array.isArray(value)
    ? value.map(plain)
    : value

const all = (text: string) =>
  Result.getOrThrow(Literal.scan(text)).map(({ before, value }) => [before, plain(value)] as const)
const fault = (text: string) => {
  const read = Literal.scan(text)
  return Result.isFailure(read) ? read.failure.reason : "none"
}

describe("Literal", () => {
  it.prop("reads what JSON.stringify writes, indented or not", [drawn("json", (draw) => json(draw, 0))], ([value]) => {
    for (const text of [JSON.stringify(value), JSON.stringify(value, undefined, 2)]) {
      assert.deepStrictEqual(all(text), [["", value]], text)
    }
  }, runs)

  it("knows every escape, and takes what is none as it stands", () => {
    const escapes = String.raw`["\n\t\r\b\f", "\"\\\/", "\u00e9\u00E9!", '\'"', "\u12", "\u00g0", "\x", "\u0041BC"]`
    assert.deepStrictEqual(all(escapes), [["", [
      "\n\t\r\b\f",
      "\"\\/",
      "éé!",
      "'\"",
      "u12",
      "u00g0",
      "x",
      "ABC"
    ]]])
  })

  it("takes Python's words, and signs, points and exponents of numbers", () => {
    const words = "[True, true, False, false, None, null, Infinity, inf, +inf, -inf, -Infinity, NaN, nan]"
    assert.deepStrictEqual(all(words), [["", [
      true,
      true,
      false,
      false,
      null,
      null,
      Infinity,
      Infinity,
      Infinity,
      -Infinity,
      -Infinity,
      NaN,
      NaN
    ]]])
    assert.deepStrictEqual(all("[+1, -2.5, .5, 3., 1e3, 1.5E-2, 2e+1]"), [["", [1, -2.5, 0.5, 3, 1000, 0.015, 20]]])
    assert.deepStrictEqual(all("{a: 1, _b2: (2, [3]), 'c d': {},}"), [["", { a: 1, _b2: [2, [3]], "c d": {} }]])
  })

  it("leaves prose alone, in brackets or not, and tells it from what stands beside it", () => {
    for (
      const prose of ["[sic]", "f()", "(see below)", "[1 2]", "[12px]", "[50%]", "[1.2.3]", "{a}", "{1: 2}", "{a 1}"]
    ) {
      assert.deepStrictEqual(all(prose), [], prose)
      assert.deepStrictEqual(all(`${prose} [1] and {b: 2}.`), [[`${prose} `, [1]], [" and ", { b: 2 }]], prose)
    }
    // The call's brackets are none, but lists may be empty.
    assert.deepStrictEqual(all("f() [] {} ([])"), [["f() ", []], [" ", {}], [" ", [[]]]])
  })

  it("tells an unfinished list from prose in brackets", () => {
    for (
      const text of [
        "[",
        "[1",
        "[1,",
        "[1, ",
        "[\"a",
        "['a\\",

        "[Tru",
        "{",
        "{a",
        "{a:",
        "{a: ",
        "{a: 1",
        "{'a",
        "[(1, 2"
      ]
    ) {
      assert.strictEqual(fault(text), "unterminated", text)
      assert.strictEqual(fault(`[1] ${text}`), "unterminated", text)
    }
    for (const text of ["(1, 2", "(see", "[see"]) {
      assert.strictEqual(fault(text), text.startsWith("(") ? "none" : "unterminated", text)
    }
  })

  it("reads 12 brackets in each other, and no more; 100,000 characters, and no more", () => {
    assert.strictEqual(fault("[".repeat(12) + "]".repeat(12)), "none")
    assert.strictEqual(fault("[".repeat(13) + "]".repeat(13)), "too-deep")
    assert.strictEqual(fault("[".repeat(13)), "too-deep")
    assert.strictEqual(fault("[1]".padEnd(100_000)), "none")
    assert.strictEqual(fault("[1]".padEnd(100_001)), "too-long")
  })
})
