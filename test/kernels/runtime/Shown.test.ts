/** Text on its way to a terminal. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Event, jsonLines, terminal } from "../../../src/dsl/Progress.ts"
import { shown, shownInLine } from "../../../src/kernels/runtime/Shown.ts"

const hostile = "\u001b]8;;http://x\u0007a\u001b[2K\u009b1m\u0000\r\u007f\u202e\u2066\u2028"

describe("a shown text", () => {
  it("escapes every control, direction and line separator, and nothing else", () => {
    for (let code = 0; code < 0xfffe; code++) {
      const char = String.fromCharCode(code)
      const isUnsafe = (code < 32 && char !== "\n" && char !== "\t") || (code >= 127 && code < 160) ||
        [0x61c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) || (code >= 0x202a && code <= 0x202e) ||
        (code >= 0x2066 && code <= 0x2069) || (code >= 0xfff9 && code <= 0xfffb)
      assert.strictEqual(shown(char), isUnsafe ? `\\u${code.toString(16).padStart(4, "0")}` : char)
    }
    assert.strictEqual(shown("naïve 敏感 👩‍👩‍👧 \u200cفا\n\t"), "naïve 敏感 👩‍👩‍👧 \u200cفا\n\t")
    assert.strictEqual(shownInLine("a\n\tb"), "a\\u000a\\u0009b")
  })

  it("leaves a line of JSON the same value, and itself as it is", () => {
    assert.deepStrictEqual(JSON.parse(shown(JSON.stringify({ [hostile]: hostile }))), { [hostile]: hostile })
    assert.strictEqual(shown(shown(hostile)), shown(hostile))
  })

  it.effect("is what progress writes: on one line, and as JSON", () =>
    Effect.gen(function*() {
      for (const isTTY of [true, false]) {
        for (const view of [terminal, jsonLines]) {
          const written: Array<string> = []
          const { report } = view({ isTTY, write: (text) => written.push(text) })
          yield* report(Event.Started({ stage: hostile, total: 2, unit: hostile }))
          yield* report(Event.Warned({ stage: hostile, text: hostile }))
          yield* report(Event.Finished({ stage: hostile, note: hostile }))
          const text = written.join("").replaceAll("\r\u001b[2K", "")
          assert.notMatch(text, /(?!\n)\p{Cc}|\p{Bidi_Control}|\u2028/u)
          assert.include(text, "\\u001b]8;;")
        }
      }
    }))
})
