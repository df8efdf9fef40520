/** Sentences in the width of a terminal. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { wrapped } from "../../../src/dsl/progress/Prose.ts"
import { cells } from "../../../src/dsl/progress/Width.ts"

const linesOf = (text: string, columns: number) => wrapped(text, columns).split("\n")

describe("sentences in the width of a terminal", () => {
  it.prop("lose no word, and no line of theirs is longer than the longest word or the width", [
    Schema.Array(Schema.String.check(Schema.isPattern(/^[a-zäß漢]{1,30}$/u)))
  ], ([words]) => {
    const text = words.join(" ")
    const lines = linesOf(text, 40)
    assert.strictEqual(lines.join(" "), text)
    for (const line of lines) {
      // A word that no line holds begins where it would.
      const most = Math.max(40, ...words.filter((word) => cells(word) > 40).map((word) => 41 + cells(word)))
      assert.isAtMost(cells(line), most, line)
    }
    assert.isTrue(lines.slice(1).every((line) => line !== ""))
  })

  it("keep the indent of their line", () => {
    const lines = linesOf("note:\n  one two three four five six seven eight nine ten", 24)
    assert.deepStrictEqual(lines, ["note:", "  one two three four", "  five six seven eight", "  nine ten"])
  })

  it("are as they were where they fit, and where nobody knows the width", () => {
    const text = "a sentence of some words that goes on and on"
    assert.strictEqual(wrapped(text, undefined), text)
    assert.strictEqual(wrapped(text, cells(text)), text)
    assert.strictEqual(wrapped(text, 3), text)
  })

  it("leave commands, tables, JSON and stacks whole", () => {
    const command = "npx rise train --data pictures --out runs/pictures --resume"
    assert.deepStrictEqual(linesOf(`It was cut off. Go on with: ${command}`, 40), [
      "It was cut off. Go on with:",
      command
    ])
    assert.deepStrictEqual(linesOf(`go on with (${command}), or begin anew in another folder`, 40), [
      "go on with",
      `(${command}),`,
      "or begin anew in another folder"
    ])
    // A word that is no command of one is broken behind.
    assert.deepStrictEqual(linesOf("what rise train reads is told before it begins", 24), [
      "what rise train reads is",
      "told before it begins"
    ])
    for (
      const line of [
        "method  JSD    accuracy  valid  cue precision",
        "{\"event\":\"warned\",\"text\":\"one two three four\"}",
        "  \"prompt\": \"one two three four five six\",",
        "    \"one \\\"two\\\" three four five six\",",
        "    at run (file:///home/me/a script of mine.ts:1:2)"
      ]
    ) assert.strictEqual(wrapped(line, 24), line)
  })

  it("may begin with a name in quotes, or with a word that lines of a stack begin with", () => {
    assert.deepStrictEqual(linesOf("  \"frame\", \"age\" hold whole numbers, too", 24), [
      "  \"frame\", \"age\" hold",
      "  whole numbers, too"
    ])
    assert.deepStrictEqual(linesOf("at step 5 of 10 it has learned nothing", 24), [
      "at step 5 of 10 it has",
      "learned nothing"
    ])
  })

  it("takes time that grows with the length", () => {
    const text = `${"rise ".repeat(200_000)}${"x".repeat(100_000)}`
    assert.strictEqual(linesOf(text, 80).join(" "), text)
    assert.strictEqual(linesOf(`"${text}`, 80).join(" "), `"${text}`)
  }, 5000)
})
