import { assert, describe, it } from "@effect/vitest"
import * as Normaliser from "../../../src/policy/tinker/Normaliser.ts"
import { type Datum, lengthOfAll } from "../../../src/policy/tinker/Wire.ts"

const datum = (length: number): Datum => ({ chunks: [{ type: "text", tokens: new Int32Array(length) }], inputs: {} })

/** The gradient norm that an engine would tell: sequences of the same direction, each with advantage `a`. */
const norm = (
  { data, tokens }: Normaliser.Normaliser,
  requests: ReadonlyArray<ReadonlyArray<readonly [length: number, advantage: number]>>
): number => {
  const count = requests.flat().length
  const all = requests.flat().reduce((n, [length]) => n + length, 0)
  return requests.reduce((sum, request) => {
    const own = request.reduce((n, [length]) => n + length, 0)
    const many = data === "none" ? 1 : data === "request" ? request.length : count
    return sum +
      request.reduce(
        (n, [length, advantage]) =>
          n +
          advantage /
            (tokens === "batch" ? (data === "request" ? own : all) : many * (tokens === "sequence" ? length : 1)),
        0
      )
  }, 0)
}

const all: ReadonlyArray<Normaliser.Normaliser> = [
  { tokens: "none", data: "none" },
  { tokens: "none", data: "request" },
  { tokens: "none", data: "update" },
  { tokens: "sequence", data: "none" },
  { tokens: "sequence", data: "request" },
  { tokens: "sequence", data: "update" },
  { tokens: "batch", data: "request" },
  { tokens: "batch", data: "update" }
]

describe("Normaliser", () => {
  it("is told apart from all others by five gradient norms", () => {
    for (const normaliser of all) {
      const first = norm(normaliser, [[[10, 1]]])
      const ratio = (requests: Parameters<typeof norm>[1]) => norm(normaliser, requests) / first
      assert.deepStrictEqual(
        Normaliser.of({
          doubled: ratio([[[10, 2]]]),
          twice: ratio([[[10, 1], [10, 1]]]),
          apart: ratio([[[10, 1]], [[10, 1]]]),
          longer: ratio([[[20, 1]]]),
          mixed: ratio([[[10, 1], [20, 1]]])
        }),
        normaliser,
        Normaliser.say(normaliser)
      )
    }
  })

  it("is undone by its factors, however an update is cut", () => {
    const lengths = [[3, 7, 5], [11], [2, 2]]
    for (const normaliser of all) {
      const factors = Normaliser.factors(normaliser, lengths.map((request) => request.map(datum)))
      const sent = lengths.map((request, r) => request.map((length, i) => [length, factors[r]![i]!] as const))
      assert.approximately(norm(normaliser, sent), 6, 1e-9, Normaliser.say(normaliser))
      assert.isTrue(lengths.flat().every((length) => lengthOfAll(datum(length).chunks) === length))
    }
  })

  it("refuses what fits none, in words", () => {
    const sane = { doubled: 2, twice: 2, apart: 2, longer: 1, mixed: 2 }
    assert.match(String(Normaliser.of({ ...sane, doubled: 1 })), /doubled multiply the gradient by 1\.000, expected 2/)
    assert.match(String(Normaliser.of({ ...sane, longer: 0.7 })), /twice the tokens multiply the gradient by 0\.700/)
    assert.match(String(Normaliser.of({ ...sane, twice: 1.4 })), /sent twice multiplies the gradient by 1\.400/)
    assert.match(String(Normaliser.of({ ...sane, doubled: NaN })), /NaN, expected 2/)
  })
})
