import { assert, describe, it } from "@effect/vitest"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as Json from "../../../src/kernels/weights/Json.ts"
import { jsonFault } from "../../../src/kernels/weights/JsonFault.ts"

const cases: ReadonlyArray<readonly [text: string, fault: string]> = [
  ["", "line 1, column 1: expected a value, found the end of the text"],
  ["{\"a\": 1,}", "line 1, column 9: expected a name in quotation marks, found \"}\""],
  ["{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, column 3: expected a comma or }, found a quotation mark"],
  ["[1, 2", "line 1, column 6: expected a comma or ], found the end of the text"],
  ["[1,]", "line 1, column 4: expected a value, found \"]\""],
  ["{'a': 1}", "line 1, column 2: expected a name in quotation marks or }, found \"'\""],
  ["{\"a\" 1}", "line 1, column 6: expected a colon, found \"1\""],
  ["{\"a\": Infinity}", "line 1, column 7: expected a value, found \"Infinity\""],
  ["{\"a\": tru}", "line 1, column 7: expected a value, found \"tru\""],
  ["// steps\n{}", "line 1, column 1: expected a value, found \"/\""],
  ["{}\n}", "line 2, column 1: expected the end of the text, found \"}\""],
  [
    "{\"a\": \"b",
    "line 1, column 9: expected a quotation mark that ends the text begun at line 1, column 7, found the end of " +
    "the text"
  ],
  [
    "[\"C:\\data\"]",
    "line 1, column 5: expected an escape that there is: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000, found \"\\\\\""
  ]
]

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe("jsonFault", () => {
  it("says at which line and column a text is no JSON, what was expected there and what was found", () => {
    for (const [text, fault] of cases) {
      assert.strictEqual(jsonFault(text), fault, text)
      assert.throws(() => Json.parse(text), fault)
    }
  })

  it("finds a fault where JSON.parse does, and nowhere else", () => {
    const good = "{\"a\": [1, -2.5e+3, \"x\\u00e9\\n\", null], \"b\": {\"c\": true, \"\": []}, \"d\": 0.1}"
    const letters = "{}[]:,\"\\0123.eE+-utrfalsn \n\u0001é"
    let broken = 0
    for (let seed = 0; seed < 4000; seed++) {
      const random = Keyed.stream(seed, "json")
      let text = good
      for (let edits = 0; edits < 1 + seed % 3; edits++) {
        const at = Math.floor(random.next() * (text.length + 1))
        const put = random.next() < 0.3 ? "" : letters[Math.floor(random.next() * letters.length)] ?? ""
        text = text.slice(0, at) + put + text.slice(at + Math.floor(random.next() * 2))
      }
      assert.strictEqual(jsonFault(text) === undefined, parses(text), JSON.stringify(text))
      broken += Number(!parses(text))
    }
    assert.isAbove(broken, 1000)
  })

  it("reads a text of megabytes and deep nesting without a stack of its own", () => {
    assert.include(jsonFault(`"${"a\\n".repeat(2 ** 20)}`), "a quotation mark that ends the text")
    assert.include(jsonFault("[".repeat(2 ** 20)), "a value or ], found the end of the text")
  })
})
