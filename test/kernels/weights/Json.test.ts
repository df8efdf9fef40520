import { assert, describe, it } from "@effect/vitest"
import { Exit, Schema } from "effect"
import { Json } from "../../../src/kernels/weights/index.ts"

/** What the engine's own parser mistakes for one another once it has seen the first. */
const poison = ["\\", "\n", "\u0000", "\"", "\\n", "\\u", "a\\", "a\n"]

describe("Json", () => {
  it("reads an escaped key as itself, whatever was read before", () => {
    for (const first of poison) {
      for (const second of poison) {
        Json.parse(JSON.stringify({ format: 0, [first]: 0 }))
        assert.deepStrictEqual(Object.entries(Json.parse(JSON.stringify({ format: 1, [second]: 2 })) as object), [[
          "format",
          1
        ], [second, 2]])
      }
    }
  })

  it("refuses what is nested without end, or made of brackets alone, before it is built", () => {
    const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`
    assert.doesNotThrow(() => Json.parse(nested(256)))
    assert.throws(() => Json.parse(nested(257)), RangeError, /nested more than 256 deep/)
    assert.throws(() => Json.parse("{\"a\":".repeat(1_000_000)), RangeError, /nested more than 256 deep/)
    assert.throws(() => Json.parse(`[${"{},".repeat(2 ** 24)}{}]`), RangeError, /more than 16777216 lists and objects/)
    // Brackets in texts are none.
    const text = JSON.stringify(["\\", "[".repeat(1000), "\"[".repeat(1000), "\\\"{".repeat(1000)])
    assert.strictEqual(JSON.stringify(Json.parse(text)), text)
    const read = Schema.decodeUnknownExit(Json.text(Schema.Struct({ a: Schema.Unknown })))
    assert.match(String(read(nested(20_000))), /nested more than 256 deep/)
    assert.isTrue(Exit.isSuccess(read("{\"a\": [1]}")))
    assert.strictEqual(Schema.encodeSync(Json.text(Schema.Struct({ a: Schema.Number })))({ a: 1 }), "{\"a\":1}")
  })

  it("keeps what looks like its own names, the last of equal keys, and a prototype's name as a plain key", () => {
    const own = { key0: 1, "key-1": { "\n": "key0", list: [{ "\t": "\"\n\":" }] }, "\\": "key--0" }
    assert.deepStrictEqual(Json.parse(JSON.stringify(own, null, 2)), own)
    assert.deepStrictEqual(Json.parse(`{"a":1,"\\u0061":2}`), { a: 2 })
    const odd = Json.parse(`{"__proto__":{"x":1},"\\n":0}`) as object
    assert.deepStrictEqual(Object.keys(odd), ["__proto__", "\n"])
    assert.strictEqual(Object.getPrototypeOf(odd), Object.prototype)
    assert.throws(() => Json.parse(`{"a\\n": 1`), SyntaxError)
  })

  it.prop("is the inverse of stringify", [Schema.Json], ([value]) => {
    const text = JSON.stringify(value)
    // Compared as text: numbers such as -0 are written as 0.
    assert.strictEqual(JSON.stringify(Json.parse(text)), text)
  }, { arbitrary: { runs: 500 } })
})
