import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import hungarian from "hungarian-on3"
import { Assignment, Iou, Keyed } from "../../../src/kernels/math/index.ts"

type Table = ReadonlyArray<ReadonlyArray<number>>

/** Every injective map of the shorter side into the longer one, tried in turn. */
const bruteForce = (table: Table, better: (a: number, b: number) => boolean): number => {
  const rows = table.length
  const columns = table[0]?.length ?? 0
  const pairs = Math.min(rows, columns)
  let best: number | undefined
  const visit = (row: number, used: number, chosen: number, sum: number) => {
    if (chosen === pairs) {
      if (best === undefined || better(sum, best)) best = sum
      return
    }
    if (rows - row < pairs - chosen) return
    for (let j = 0; j < columns; j++) {
      if (!(used & 1 << j)) visit(row + 1, used | 1 << j, chosen + 1, sum + table[row]![j]!)
    }
    visit(row + 1, used, chosen, sum)
  }
  visit(0, 0, 0, 0)
  return best ?? 0
}

/**
 * Shortest augmenting paths with potentials (Jonker–Volgenant), written apart from the library: the check at larger
 * sizes.
 */
const reference = (cost: Table): number => {
  const n = cost.length
  const m = cost[0]!.length
  const u = new Float64Array(n + 1)
  const v = new Float64Array(m + 1)
  const match = new Int32Array(m + 1)
  const way = new Int32Array(m + 1)
  for (let i = 1; i <= n; i++) {
    match[0] = i
    let j0 = 0
    const least = new Float64Array(m + 1).fill(Infinity)
    const used = new Uint8Array(m + 1)
    do {
      used[j0] = 1
      const i0 = match[j0]!
      let delta = Infinity
      let j1 = 0
      for (let j = 1; j <= m; j++) {
        if (used[j]) continue
        const reduced = cost[i0 - 1]![j - 1]! - u[i0]! - v[j]!
        if (reduced < least[j]!) {
          least[j] = reduced
          way[j] = j0
        }
        if (least[j]! < delta) {
          delta = least[j]!
          j1 = j
        }
      }
      for (let j = 0; j <= m; j++) {
        if (used[j]) {
          u[match[j]!]! += delta
          v[j]! -= delta
        } else least[j]! -= delta
      }
      j0 = j1
    } while (match[j0] !== 0)
    do {
      const j1 = way[j0]!
      match[j0] = match[j1]!
      j0 = j1
    } while (j0 !== 0)
  }
  return -v[0]!
}

const totalOf = (table: Table, assigned: Int32Array) =>
  assigned.reduce((sum, column, row) => column < 0 ? sum : sum + table[row]![column]!, 0)

/** One to one, in range, and the shorter side complete. */
const assertMatching = (assigned: Int32Array, rows: number, columns: number) => {
  assert.strictEqual(assigned.length, rows)
  const taken = [...assigned].filter((column) => column >= 0)
  assert.strictEqual(new Set(taken).size, taken.length)
  assert.isTrue(taken.every((column) => column < columns))
  assert.strictEqual(taken.length, Math.min(rows, columns))
}

const Side = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

/** Up to 6 × 6. `levels` few enough makes ties and rows of zeros the rule. */
const tables = (levels: number) =>
  Arbitrary.all([Side, Side, Seed].map((schema) => Arbitrary.schema(schema))).pipe(
    Arbitrary.map(([rows, columns, seed]) => {
      const draw = Keyed.stream(seed!, "table")
      return Array.from({ length: rows! }, () =>
        Array.from({ length: columns! }, () => draw.int(levels) / Math.max(1, levels - 1)))
    })
  )

const runs = { arbitrary: { runs: 500 } }

describe("Assignment", () => {
  for (
    const [what, levels] of [["arbitrary entries", 1_000_000], ["ties", 3], ["zeros and ones", 2], [
      "all zero",
      1
    ]] as const
  ) {
    it.prop(`is optimal against brute force up to 6×6: ${what}`, [tables(levels)], ([table]) => {
      const [rows, columns] = [table.length, table[0]!.length]
      const most = Assignment.maximise(table)
      assertMatching(most, rows, columns)
      assert.closeTo(totalOf(table, most), bruteForce(table, (a, b) => a > b), 1e-9)
      const least = Assignment.minimise(table)
      assertMatching(least, rows, columns)
      assert.closeTo(totalOf(table, least), bruteForce(table, (a, b) => a < b), 1e-9)
    }, runs)
  }

  it.prop("handles negative entries", [tables(1000)], ([table]) => {
    const shifted = table.map((row) => row.map((entry) => 40 * (entry - 0.7)))
    assert.closeTo(totalOf(shifted, Assignment.minimise(shifted)), bruteForce(shifted, (a, b) => a < b), 1e-9)
  }, runs)

  it("agrees with another algorithm across the library's 31-bit words", () => {
    for (const [rows, columns] of [[30, 31], [31, 31], [32, 32], [33, 62], [63, 63], [70, 64]] as const) {
      for (const levels of [4, 1_000_000]) {
        const draw = Keyed.stream(7, `${rows}x${columns}/${levels}`)
        const table = Array.from(
          { length: rows },
          () => Array.from({ length: columns }, () => draw.int(levels) / levels)
        )
        const wide = rows <= columns ? table : table[0]!.map((_, j) => table.map((row) => row[j]!))
        assert.closeTo(totalOf(table, Assignment.minimise(table)), reference(wide), 1e-9, `${rows}×${columns}`)
      }
    }
  })

  it("finds the best pairs of overlapping boxes", () => {
    const truth: Array<Iou.Xywh> = [[0, 0, 10, 10], [20, 0, 10, 10]]
    const predicted: Array<Iou.Xywh> = [[21, 0, 10, 10], [100, 100, 5, 5], [1, 0, 10, 10]]
    assert.deepStrictEqual([...Assignment.maximise(Iou.matrix(truth, predicted))], [2, 0])
    assert.deepStrictEqual([...Assignment.maximise(Iou.matrix(predicted, truth))], [1, -1, 0])
  })

  it("leaves every row alone in an empty table", () => {
    assert.deepStrictEqual([...Assignment.maximise([])], [])
    assert.deepStrictEqual([...Assignment.maximise([[], []])], [-1, -1])
  })

  it("refuses what would not end or would be priced as infeasible", () => {
    assert.throws(() => Assignment.minimise([[0, NaN]]), /entry \[0, 1\] is NaN/)
    assert.throws(() => Assignment.minimise([[0, 1], [2]]), /row 1 has 1 entries/)
    assert.throws(() => Assignment.minimise([[-1, 2 ** 30]]), "entries span 1073741825, expected less than 2^29")
    assert.throws(() => Assignment.maximise([[-(2 ** 28)], [2 ** 28]]), /rescale/)
    assert.deepStrictEqual([...Assignment.minimise([[2 ** 29 - 1, 0]])], [1])
    assert.deepStrictEqual([...Assignment.maximise([[2 ** 29 - 1, 0]])], [0])
  })

  it("still needs the wrapper: the library is wrong on tall tables", () => {
    // Should this fail one day, the library was fixed and the transposition can go.
    const tall = [[1], [0], [0]]
    const answer = hungarian(tall).reduce((sum, [row, column]) => column < 0 ? sum : sum + tall[row]![column]!, 0)
    assert.strictEqual(totalOf(tall, Assignment.minimise(tall)), 0)
    assert.strictEqual(answer, 1)
  })
})
