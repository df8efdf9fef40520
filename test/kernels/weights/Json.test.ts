import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
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
