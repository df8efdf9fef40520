/** Regular expressions of texts, against JavaScript's own. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Regex } from "../../../src/kernels/generate/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"

const whole = (regex: string) => new RegExp(`^(?:${regex})$`, "u")

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

const alphabet = ["a", "b", "-", "]", "[", "\\", "^", ".", "*", "(", "|", "é", "字", "😀", " ", "1", "2", "3"]

const texts = (seed: number, what: string) => {
  const draw = Keyed.stream(seed, what)
  return Array.from(
    { length: 1 + draw.int(8) },
    () => Array.from({ length: draw.int(4) }, () => draw.pick(alphabet)).join("")
  )
}

describe("a regular expression", () => {
  it.prop("of texts matches those and no others", [Seed], ([seed]) => {
    const given = texts(seed, "given")
    const regex = whole(Regex.oneOfTexts(given))
    for (const text of [...given, ...texts(seed, "others")]) {
      assert.strictEqual(regex.test(text), given.includes(text), `${regex} on ${JSON.stringify(text)}`)
    }
  }, { arbitrary: { runs: 400 } })

  it("of a thousand numbers is a line", () => {
    const thousand = Regex.oneOfTexts(Array.from({ length: 1000 }, (_, i) => String(i)))
    assert.isBelow(thousand.length, 60)
    assert.strictEqual(Regex.oneOfTexts(["7"]), "7")
  })

  it.prop("of free text is bounded, holds no tag, and is not blank", [Seed], ([seed]) => {
    const draw = Keyed.stream(seed, "free")
    const most = 1 + draw.int(12)
    const regex = whole(Regex.freeText(most).join(""))
    const text = Array.from({ length: draw.int(14) }, () => draw.pick([" ", "\n", "a", "é", "<", "."])).join("")
    const length = [...text].length
    const lead = text.length - text.trimStart().length
    const good = length >= 1 && length <= most && !text.includes("<") && text.trim() !== "" && lead <= 4
    // One character of room is kept for each blank that may stand first.
    const within = length - lead <= most - Math.min(4, most - 1)
    assert.strictEqual(regex.test(text), good && within, `${most}: ${JSON.stringify(text)}`)
  }, { arbitrary: { runs: 400 } })
})
