/** Keys that an object has twice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Json } from "../../../src/kernels/weights/index.ts"

const why = (text: string) => {
  try {
    Json.parseUnrepeated(text)
    return ""
  } catch (error) {
    assert.instanceOf(error, Json.RepeatedKey, Json.why(error))
    return Json.why(error)
  }
}

const many = Array.from({ length: 40 }, (_, i) => `"k${i}": ${i}`)

const sound = [
  "{}",
  "[]",
  "7",
  "\"a: {a, a}\"",
  "{\"a\": {\"a\": {\"a\": 1}}, \"b\": {\"a\": 1}}",
  "[{\"a\": 1}, {\"a\": 1}]",
  "{\"a\": \"a\", \"b\": \"a: \\\"a\\\": 1\", \"c\": \"\\\\\"}",
  "{\"a\": 1, \"ab\": 2, \"b\": 3, \"\": 4, \"\\n\": 5, \"n\": 6}",
  "{\"__proto__\": 1, \"constructor\": 2}",
  `{${many.join(", ")}, "inner": {${many.join(", ")}}}`,
  `{"a": [{${many.join(", ")}}, {${many.join(", ")}}]}`
]

const repeated: ReadonlyArray<readonly [string, string]> = [
  ["{\"a\": 1, \"a\": 1}", "line 1, column 10: \"a\""],
  ["{\"image\": \"a.png\",\n \"label\": \"x\",\n \"label\": \"y\"}", "line 3, column 2: \"label\""],
  ["[[{\"b\": {}, \"c\": {\"d\": 1}, \"b\": 2}]]", "line 1, column 28: \"b\""],
  ["{\"a\": {\"x\": 1, \"x\": 2}}", "line 1, column 16: \"x\""],
  // However it is spelt.
  ["{\"a\": 1, \"\\u0061\": 2}", "line 1, column 10: \"a\""],
  ["{\"\\u0061\": 1, \"b\": \"\\n\", \"a\": 2}", "line 1, column 26: \"a\""],
  ["{\"\": 1, \"\": 2}", "line 1, column 9: \"\""],
  ["{\"__proto__\": 1, \"__proto__\": 2}", "line 1, column 18: \"__proto__\""],
  [`{${many.join(", ")}, "k0": 1}`, "\"k0\""],
  [`{${many.join(", ")}, "k39": 1}`, "\"k39\""],
  [`{"a": {${many.join(", ")}}, ${many.join(", ")}, "a": 1}`, "\"a\""]
]

/** A value as a text that may repeat keys: objects are lists of pairs. */
type Tree = string | ReadonlyArray<Tree> | { readonly pairs: ReadonlyArray<readonly [string, Tree]> }

const Name = Schema.Literals(["a", "b", "ab", "", "\\", "\"", "a:", "{", "\n", "ü"])
const tree = (depth: number): Schema.Codec<Tree> =>
  depth === 0 ? Name : Schema.Union([
    Name,
    Schema.Array(tree(depth - 1)),
    Schema.Struct({ pairs: Schema.Array(Schema.Tuple([Name, tree(depth - 1)])) })
  ])

const written = (value: Tree): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if ("pairs" in value) {
    return `{${value.pairs.map(([key, of]) => `${JSON.stringify(key)} : ${written(of)}`).join(",")}}`
  }
  return `[${value.map(written).join(" ,")}]`
}

const repeats = (value: Tree): boolean => {
  if (typeof value === "string") return false
  if (!("pairs" in value)) return value.some(repeats)
  return new Set(value.pairs.map(([key]) => key)).size < value.pairs.length || value.pairs.some(([, of]) => repeats(of))
}

describe("a key that stands twice in one object", () => {
  it("is named with its place; the same in another object is not it", () => {
    for (const text of sound) {
      assert.strictEqual(why(text), "", text)
      assert.deepStrictEqual(Json.parseUnrepeated(text), Json.parse(text))
    }
    for (const [text, says] of repeated) assert.include(why(text), `${says} stands twice in one object`, text)
  })

  it.prop("is found wherever there is one, and nowhere else", [tree(3)], ([value]) => {
    assert.strictEqual(why(written(value)) !== "", repeats(value), written(value))
  }, { arbitrary: { runs: 300 } })

  it("is looked for within the bounds of every text, in time that grows with its length", () => {
    assert.throws(() => Json.parseUnrepeated("[".repeat(300)), RangeError)
    assert.throws(() => Json.parseUnrepeated("{\"a\":".repeat(300)), RangeError)
    for (const text of ["{\"a\": 1,", "{\"a\" 1}", "}}}}", "\"", "{\"a\\", ":::", ""]) {
      assert.throws(() => Json.parseUnrepeated(text), SyntaxError)
    }
    const wide = `{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":0`).join(",")}}`
    assert.strictEqual(why(wide), "")
    assert.include(why(wide.replace("\"k199999\"", "\"k7\"")), "\"k7\" stands twice")
  })

  it.effect("counts as the last one says elsewhere", () =>
    Effect.sync(() => assert.deepStrictEqual(Json.parse("{\"a\": 1, \"a\": 2}"), { a: 2 })))
})
