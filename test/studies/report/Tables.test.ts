import { assert, describe, it } from "@effect/vitest"
import { results } from "../../../src/studies/report/Tables.ts"

const row = (
  method: string,
  metric: string,
  value: number,
  more: { readonly n?: number; readonly items?: number } = {}
) => ({
  method,
  part: "all",
  shots: "full",
  metric,
  value,
  n: 40,
  seed: 0,
  ...more
})

const shaded = (rows: ReadonlyArray<ReturnType<typeof row>>, lower: ReadonlyArray<string> = []) =>
  [...results(rows, new Set(lower)).matchAll(/class="best">([^<]*)/g)].map(([, value]) => value)

describe("results", () => {
  it("shades the best of a column, whichever way is better, and the prior never", () => {
    const rows = [
      ...[row("prior", "JSD", 0.1), row("base", "JSD", 0.4), row("RISE", "JSD", 0.2)],
      ...[row("base", "accuracy", 0.4), row("RISE", "accuracy", 0.3)]
    ]
    assert.deepStrictEqual(shaded(rows, ["JSD"]), ["0.400", "0.200"])
  })

  it("shades none of two that look alike, though a third is behind", () => {
    const tied = [row("base", "valid", 0.5), row("SFT", "valid", 0.99961), row("RISE", "valid", 0.99959)]
    assert.deepStrictEqual(shaded(tied), [])
  })

  it("shades no figure of fewer than five things, and counts the others without it", () => {
    const precision = "precision@0.5 masked"
    const one = row("base", precision, 1, { items: 1 })
    assert.deepStrictEqual(shaded([one, row("RISE", precision, 0.4)]), [])
    assert.deepStrictEqual(shaded([one, row("SFT", precision, 0.6), row("RISE", precision, 0.4)]), ["0.600"])
    assert.deepStrictEqual(shaded(["base", "RISE"].map((method, i) => row(method, "IoU", i, { n: 4 }))), [])
  })

  it("keeps the arrow of a heading on the line of its last word", () => {
    assert.match(
      results([row("RISE", "JSD masked", 0.2)], new Set(["JSD masked"])),
      /JSD masked\u00a0↓<\/button><\/th>/
    )
    assert.match(results([row("RISE", "own", 0.2)], new Set()), /<th scope="col">own\u00a0↑<\/th>/)
  })
})
