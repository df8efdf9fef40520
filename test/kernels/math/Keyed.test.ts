import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: -(2 ** 31), maximum: 2 ** 40 }))
const runs = { arbitrary: { runs: 300 } }
const take = (stream: Keyed.Stream, n: number) => Array.from({ length: n }, stream.next)

describe("Keyed", () => {
  it.prop("depends on seed and key, not on call order", [Seed, Schema.String, Schema.String], ([seed, a, b]) => {
    const alone = take(Keyed.stream(seed, a), 4)
    const first = Keyed.stream(seed, a)
    const other = Keyed.stream(seed, b)
    const mixed = Array.from({ length: 4 }, () => {
      other.next()
      return first.next()
    })
    assert.deepStrictEqual(mixed, alone)
    if (a !== b) assert.notDeepEqual(take(Keyed.stream(seed, b), 4), alone)
    assert.notDeepEqual(take(Keyed.stream(seed + 1, a), 4), alone)
    assert.isTrue(alone.every((x) => x >= 0 && x < 1))
  }, runs)

  it.prop("shuffles to a permutation of a copy", [Seed, Schema.Array(Schema.Int)], ([seed, items]) => {
    const before = items.slice()
    const shuffled = Keyed.stream(seed, "shuffle").shuffle(items)
    assert.deepStrictEqual(items, before)
    assert.deepStrictEqual(shuffled.toSorted((a, b) => a - b), items.toSorted((a, b) => a - b))
  }, runs)

  it("is even over neighbouring keys, the way it is used", () => {
    // The first draw of 20,000 keys that differ in a few characters: χ² over 64 cells, 63 degrees of freedom.
    const cells = new Float64Array(64)
    for (let i = 0; i < 20_000; i++) {
      cells[Math.floor(64 * Keyed.stream(1, `rft/step=${i % 200}/sample=${i / 200 | 0}`).next())]! += 1
    }
    const chi = cells.reduce((sum, n) => sum + (n - 312.5) ** 2 / 312.5, 0)
    assert.isTrue(chi > 30 && chi < 108, `χ² = ${chi}`)
  })

  it("draws integers and normals with the right moments", () => {
    const draw = Keyed.stream(3, "moments")
    const counts = new Float64Array(7)
    for (let i = 0; i < 7000; i++) counts[draw.int(7)]! += 1
    assert.isTrue(counts.every((n) => Math.abs(n - 1000) < 150), counts.join())
    const normals = Array.from({ length: 20_000 }, draw.normal)
    const mean = normals.reduce((a, b) => a + b, 0) / normals.length
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length
    assert.isTrue(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `${mean} ${variance}`)
    assert.isTrue(normals.every(Number.isFinite))
  })

  it("fills float32 uniforms that never reach 1", () => {
    const a = Keyed.uniforms(5, "u", new Float32Array(50_000))
    assert.deepStrictEqual(Keyed.uniforms(5, "u", new Float32Array(50_000)), a)
    assert.isTrue(a.every((x) => x >= 0 && x < 1))
    assert.isTrue(Math.abs(a.reduce((s, x) => s + x, 0) / a.length - 0.5) < 0.01)
    assert.isTrue(new Set(a).size > 49_000)
  })

  it("gives the numbers it has always given: recorded runs depend on them", () => {
    assert.deepStrictEqual(take(Keyed.stream(0, ""), 2), [0.07466137735173106, 0.8754277846310288])
    const later = take(Keyed.stream(42, "rft/step=3/sample=cat.png/candidate=2"), 2)
    assert.deepStrictEqual(later, [0.8222235788125545, 0.10017532273195684])
  })
})
