import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Codec, Emotion6 } from "../../../src/tasks/classification/index.ts"
import { distribution, runs, Seed, Seven } from "./distributions.ts"

const { decode, encode, labels } = Emotion6.task
const faultOf = (text: string) => {
  const read = decode(text)
  assert.isTrue(Result.isFailure(read), text)
  return Result.isFailure(read) ? [read.failure.reason, read.failure.value] : []
}

/** Texts close to valid ones: words of the format in any order, with noise. */
const Noisy = Arbitrary.map(Arbitrary.schema(Seed), (seed) => {
  const draw = Keyed.stream(seed, "noisy")
  const words = [
    ...labels,
    "67",
    "20",
    "13",
    "0",
    "-3",
    "+5",
    "101",
    "1e2",
    "12.5",
    "NaN",
    "",
    "\n",
    "label",
    "<answer>",
    "６７",
    "joy:",
    "067"
  ]
  return Array.from({ length: draw.int(9) }, () => draw.pick(words)).join(draw.pick([" ", "  ", "\t", ""]))
})

describe("Codec", () => {
  it("writes the largest first and leaves zeros out", () => {
    assert.strictEqual(encode([0, 0, 0, 0.67, 0, 0.2, 0.13]), "joy 67 surprise 20 neutral 13")
    assert.strictEqual(encode([0, 0, 0, 1, 0, 0, 0]), "joy 100")
    // Equal shares: label order, and the percent that is over goes to the first.
    assert.strictEqual(encode([1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0]), "anger 34 disgust 33 fear 33")
    assert.strictEqual(encode([0.29, 0.71, 0, 0, 0, 0, 0]), "disgust 71 anger 29")
  })

  it("reads label order out of any order", () => {
    assert.deepStrictEqual(decode("neutral 13 joy 67 surprise 20"), Result.succeed([0, 0, 0, 0.67, 0, 0.2, 0.13]))
    assert.deepStrictEqual(decode("  joy 5\n anger\t5 "), Result.succeed([0.05, 0, 0, 0.05, 0, 0, 0]))
  })

  it("names what is wrong", () => {
    assert.deepStrictEqual(faultOf(""), ["empty", ""])
    assert.deepStrictEqual(faultOf("  \n"), ["empty", "  \n"])
    assert.deepStrictEqual(faultOf("joy 50 bliss 50"), ["unknown-label", "bliss"])
    assert.deepStrictEqual(faultOf("Joy 100"), ["unknown-label", "Joy"])
    assert.deepStrictEqual(faultOf("joy 50 joy 50"), ["repeated-label", "joy"])
    assert.deepStrictEqual(faultOf("joy"), ["missing-number", "joy"])
    assert.deepStrictEqual(faultOf("joy anger 50"), ["missing-number", "joy"])
    assert.deepStrictEqual(faultOf("67 joy"), ["missing-label", "67"])
    assert.deepStrictEqual(faultOf("joy 67 20"), ["missing-label", "20"])
    assert.deepStrictEqual(faultOf("joy NaN"), ["not-an-integer", "NaN"])
    assert.deepStrictEqual(faultOf("joy 0.67"), ["not-an-integer", "0.67"])
    assert.deepStrictEqual(faultOf("joy 67%"), ["not-an-integer", "67%"])
    assert.deepStrictEqual(faultOf("joy 1e2"), ["not-an-integer", "1e2"])
    assert.deepStrictEqual(faultOf("joy -5"), ["number-out-of-range", "-5"])
    assert.deepStrictEqual(faultOf("joy 0"), ["number-out-of-range", "0"])
    assert.deepStrictEqual(faultOf("joy 067"), ["number-out-of-range", "067"])
    assert.deepStrictEqual(faultOf("joy 101"), ["number-out-of-range", "101"])
    assert.deepStrictEqual(faultOf("joy 100 and so on"), ["unknown-label", "and"])
    assert.deepStrictEqual(faultOf("joy 67 surprise 33."), ["not-an-integer", "33."])
    assert.strictEqual(faultOf("joy 5 " + "x".repeat(10_000))[1]!.length, 80)
  })

  it("reads labels of several words, the longest that fits", () => {
    const names = ["band", "band aid", "beer glass", "beer"]
    const read = Codec.decode(names)
    assert.deepStrictEqual(read("band aid 40 beer 30 band 20 beer glass 10"), Result.succeed([0.2, 0.4, 0.1, 0.3]))
    assert.isTrue(Result.isFailure(read("beer glass aid 40")))
    const written = Codec.encode(names)([0.25, 0.25, 0.25, 0.25])
    assert.deepStrictEqual(read(written), Result.succeed([0.25, 0.25, 0.25, 0.25]))
  })

  it.prop("comes back within one percent, and the second round trip is exact", [
    Seed,
    Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 40 }))
  ], ([seed, classes]) => {
    const names = Array.from(
      { length: classes },
      (_, i) => `label-${String.fromCharCode(97 + i % 26)}${i > 25 ? "x" : ""}`
    )
    const truth = distribution(seed, "round-trip", classes)
    const text = Codec.encode(names)(truth)
    const back = Result.getOrThrow(Codec.decode(names)(text))
    back.forEach((p, i) => assert.isTrue(Math.abs(p - truth[i]!) < 0.01, text))
    assert.closeTo(back.reduce((a, b) => a + b, 0), 1, 1e-12)
    assert.strictEqual(Codec.encode(names)(back), text)
  }, runs)

  it.prop("percents are whole, sum to 100 and keep the order of the shares", [Seven], ([truth]) => {
    const percents = Codec.percents(truth)
    assert.strictEqual(percents.reduce((a, b) => a + b, 0), 100)
    assert.isTrue(percents.every((percent) => Number.isInteger(percent) && percent >= 0))
    truth.forEach((p, i) => truth.forEach((q, j) => assert.isTrue(p <= q + 1e-12 || percents[i]! >= percents[j]!)))
  }, runs)

  it.prop("reading is total on arbitrary strings", [Schema.String, Noisy], ([text, noisy]) => {
    for (const attempt of [text, noisy, `joy 5 ${text}`]) {
      const read = decode(attempt)
      if (Result.isFailure(read)) {
        assert.isTrue(read.failure.reason.length > 0)
        continue
      }
      // Whatever is accepted is a set of percents of known labels, and its own words say so.
      assert.strictEqual(read.success.length, 7)
      const words = attempt.trim().split(/\s+/)
      assert.strictEqual(words.length, 2 * read.success.filter((p) => p > 0).length)
      read.success.forEach((p, i) => {
        assert.isTrue(p >= 0 && p <= 1)
        if (p > 0) assert.strictEqual(words[words.indexOf(labels[i]!) + 1], String(Math.round(100 * p)))
      })
    }
  }, { arbitrary: { runs: 1000 } })
})
