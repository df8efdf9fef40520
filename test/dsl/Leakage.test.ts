import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import * as Leakage from "../../src/dsl/Leakage.ts"
import { stopwatch } from "../stopwatch.ts"

const found = (text: string, coordinates = [67, 20, 13, 3], names = ["joy", "surprise", "neutral", "band aid"]) =>
  Option.getOrUndefined(Leakage.numeric(text, { coordinates, names }))?.reason

describe("Leakage", () => {
  it("finds numeric content in any dress", () => {
    const leaks: ReadonlyArray<readonly [string, string]> = [
      ["joy is 0.67 here", "decimal"],
      ["joy at .67 here", "decimal"],
      ["joy at 0,67 here", "decimal"],
      ["scores 3.5 overall", "decimal"],
      ["67% of them smile", "percentage"],
      ["about 5 % are sad", "percentage"],
      ["sixty-seven percent smile", "percentage"],
      ["nine per cent smile", "percentage"],
      ["the box [12, 40, 9, 8] holds it", "number-list"],
      ["values (joy aside) are (1; 2)", "number-list"],
      ["seven are {1 2}", "number-list"],
      ["joyful to 67 viewers", "annotation-number"],
      ["joy67", "annotation-number"],
      ["joy 067 strong", "annotation-number"],
      ["sixty-seven of them smile", "annotation-number"],
      ["Thirteen are neutral", "annotation-number"],
      ["about 2/3 smile", "share"],
      ["7 out of 10 smile", "share"],
      ["joy 3 surprise", "annotation-number"],
      ["joy 3 people", "annotation-number"],
      ["neutral: 3 people", "annotation-number"],
      ["neutral:3 people", "annotation-number"],
      ["the rest =  3 people", "annotation-number"],
      ["the rest ~3 people", "annotation-number"],
      ["joy3 people", "annotation-number"],
      ["JOY  3 people", "annotation-number"],
      ["in all 3  Neutral faces", "annotation-number"],
      ["in all 3people", "annotation-number"],
      ["aid 3 people", "annotation-number"],
      ["the rest is 3.", "annotation-number"],
      ["6 7 joy and 2 0 surprise", "annotation-number"],
      ["joy ６７", "annotation-number"],
      ["joy ²", "numeral-free"],
      ["joy ½", "share"],
      ["joy ٦٧", "numeral"],
      ["3 band aid", "annotation-number"]
    ]
    for (const [text, reason] of leaks) if (reason !== "numeral-free") assert.strictEqual(found(text), reason, text)
    // NFKC turns a superscript into the plain digit it means.
    assert.strictEqual(found("joy ²", [2]), "annotation-number")
  })

  it("lets counts and other numbers be", () => {
    for (
      const text of [
        "two people smile at a party",
        "3 people smile at a party",
        "joyful 3 people, joy or 3  people, 3 bands",
        "A face with 3 balloons; the mood is light.",
        "a house from 1950 on route 66",
        "twelve candles and a hundred lights",
        "The face smiles. It is night (and dark).",
        "no numbers at all",
        "a man, a dog (old), and a tree",
        "well...that is it",
        ""
      ]
    ) assert.isUndefined(found(text), text)
  })

  it("joins two or three digits that stand apart, and no more", () => {
    for (const text of ["6 7", "so 1 6 7 2", "1 2 6 7"]) {
      assert.strictEqual(found(text, [67]), "annotation-number", text)
    }
    for (const text of ["3 2 1", "9 3 2 1 9"]) assert.strictEqual(found(text, [321]), "annotation-number", text)
    for (const text of ["1 2 3 go", "7 6", "3 2  1", "16 7", "6 78"]) assert.isUndefined(found(text, [67, 321]), text)
    assert.isUndefined(found("4 3 2 1", [4321]))
  })

  it("takes numbers up to 10 for counts, where they count something", () => {
    assert.isUndefined(found("10 people smile", [10]))
    assert.strictEqual(found("11 people smile", [11]), "annotation-number")
    // Any length of the text before and after: only what stands beside the number decides.
    const far = "and so on ".repeat(9)
    assert.isUndefined(found(`joy: ${far}10 people ${far}joy`, [10]))
    assert.strictEqual(found(`${far}joy 10 people ${far}`, [10]), "annotation-number")
    assert.strictEqual(found(`${far}10 surprise ${far}`, [10]), "annotation-number")
  })

  it("an annotation without numbers leaks only by content that is numeric in itself", () => {
    assert.isUndefined(found("67 people", []))
    assert.strictEqual(found("67%", []), "percentage")
    assert.isTrue(Option.isNone(Leakage.numeric("3 people, joy 3 times", { coordinates: [3] })), "names may be none")
    assert.deepStrictEqual(Leakage.numbersIn("joy 67 surprise 20"), [67, 20])
  })

  it.prop("is total, and sees any of the annotation's larger numbers in any sentence", [
    Schema.String,
    Schema.Int.check(Schema.isBetween({ minimum: 11, maximum: 99 }))
  ], ([text, number]) => {
    Leakage.numeric(text, { coordinates: [number] })
    assert.isTrue(Option.isSome(Leakage.numeric(`${text} ${number} ${text}`, { coordinates: [number] })))
  }, { arbitrary: { runs: 1000 } })

  it("stays fast on hostile text", () => {
    const spent = stopwatch()
    for (const piece of ["1 ", "[1", "(1,", "1", " ", "a ", "sixty ", "[[1, "]) found(piece.repeat(20_000))
    assert.isBelow(spent(), 4000)
  })
})
