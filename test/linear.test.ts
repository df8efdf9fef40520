/**
 * Texts of strangers are matched in time that grows with their length, not with its square: a quarter of a million
 * characters take milliseconds here, and took minutes where a pattern could divide them in many ways.
 */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import * as Delimiter from "../src/data/Delimiter.ts"
import * as Answer from "../src/data/layouts/Answer.ts"
import * as Segmentation from "../src/data/Segmentation.ts"
import * as Shares from "../src/data/Shares.ts"
import * as Leakage from "../src/dsl/Leakage.ts"
import { shownAddress, withoutSlash } from "../src/policy/http/Address.ts"
import * as Wire from "../src/policy/openai/Wire.ts"
import * as Codec from "../src/tasks/detection/Codec.ts"
import { leaks } from "../src/tasks/detection/Leakage.ts"

const many = (text: string): string => text.repeat(250_000 / text.length)
const spaces = many(" ")
const digits = many("7")

describe("a long text", () => {
  it("is read as a number, or is none", () => {
    for (const text of [`${digits}x`, `1${spaces}x`, `.${digits}x`, `1e${digits}x`]) {
      assert.isUndefined(Shares.amountOf(text))
      assert.isUndefined(Shares.amountOf(`${text}%x`))
      assert.isTrue(Option.isNone(Segmentation.number(`${text}x`)))
    }
    for (const text of [`1${spaces}x`, `1,5${spaces}x`, `${digits},${digits}x`]) {
      assert.strictEqual(Delimiter.decimal(";", text), text)
    }
  })

  it("is an answer's words, or pairs of labels and numbers", () => {
    for (const text of [`sun${spaces}x`, `sun 1${spaces}x`, many("sun "), many("sun: "), `${many("sun\t")}%`]) {
      const said = Answer.read(text)
      assert.isTrue(Result.isFailure(said) || said.success.kind !== "weights" || said.success.told !== "numbers")
    }
  })

  it("has leaks of numbers and of boxes, or none", () => {
    const options = { coordinates: [7], names: [] }
    const boxes = leaks(Codec.scenes(), "allow")
    for (const text of [`${digits}!`, `3${spaces}!`, many("3 out "), many("3 - ")]) {
      assert.isTrue(Option.isNone(Leakage.numeric(text, options)))
      assert.isTrue(Option.isNone(boxes(text, [])))
    }
  })

  it("is an address that is shown", () => {
    assert.strictEqual(withoutSlash(`https://host${many("/")}`), "https://host")
    assert.strictEqual(withoutSlash(`https://host${many("/")}x`), `https://host${many("/")}x`)
    assert.strictEqual(shownAddress(`https://host/${many("?")}`), `https://host/${many("?")}`)
  })

  it("is a server's answer with a string that never ends", () => {
    assert.isTrue(Result.isFailure(Wire.readChoices(`{"choices": "${many("\\\"")}`)))
  })
})
