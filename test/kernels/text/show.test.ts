import { assert, describe, it } from "@effect/vitest"
import { show } from "../../../src/kernels/text/show.ts"
import { stopwatch } from "../../stopwatch.ts"

describe("show", () => {
  it("writes small values as JSON does", () => {
    for (const value of [1, "a \"b\"\n", null, true, [], {}, { a: [1, "x", { b: null }] }, [[1.5, -0.25]]]) {
      assert.strictEqual(show(value), JSON.stringify(value))
    }
    assert.strictEqual(show(undefined), "undefined")
    assert.strictEqual(show(NaN), "NaN")
    assert.strictEqual(show(12n), "12")
    assert.strictEqual(show(() => 1), "a function")
    assert.strictEqual(show(new Uint8Array(7)), "7 bytes")
  })

  it("is bounded by its length, whatever the value is", () => {
    const nested = (open: string, close: string) => JSON.parse(open.repeat(100_000) + "1" + close.repeat(100_000))
    const ring: Record<string, unknown> = { name: "ring" }
    ring["self"] = ring
    const hostile: ReadonlyArray<unknown> = [
      nested("[", "]"),
      nested("{\"a\":", "}"),
      ring,
      "x".repeat(10_000_000),
      "😀".repeat(1000),
      new Array(1_000_000).fill("long"),
      Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${i}`, i])),
      { ["k".repeat(1_000_000)]: 1 },
      10n ** 2000n,
      Object.defineProperty({}, "bad", { enumerable: true, get: () => assert.fail("read") }),
      new Proxy({}, {
        ownKeys: () => {
          throw new Error("no")
        }
      })
    ]
    for (const value of hostile) {
      const spent = stopwatch()
      const text = show(value)
      assert.isAtMost(text.length, 101)
      assert.isTrue(text.isWellFormed())
      assert.isBelow(spent(), 1000)
      assert.isAtMost(show(value, 10).length, 30)
    }
    assert.strictEqual(show(nested("[", "]")), "[[[[[[…]]]]]]")
  })

  it("shows what moves a cursor or turns a line around", () => {
    const text = show("\u001b[2J \u009b0m \u202e \u2028 \ufeff \ud800 \u007f")
    assert.strictEqual(text, "\"\\u001b[2J \\u009b0m \\u202e \\u2028 \\ufeff \\ud800 \\u007f\"")
  })
})
