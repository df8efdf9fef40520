/** Rows that were set aside, in words. */
import { assert, describe, it } from "@effect/vitest"
import * as Aside from "../../src/dsl/Aside.ts"

const rows = (...said: ReadonlyArray<readonly [reason: string, detail: string]>) =>
  said.map(([reason, detail], i) => new Aside.Row({ source: "s", row: i + 1, reason, detail }))

const advice = "so that there is no box to ask for: box the things in it one by one, or take the picture out"

describe("Aside.brief", () => {
  it("says once what rows of a reason have in common at their end", () => {
    const said = Aside.brief(rows(
      ["only-crowds", `a.png: its only annotation is a crowd, ${advice}`],
      ["only-crowds", `b.png: its only annotation is a crowd, ${advice}`],
      ["other", `c.png: another one, ${advice}`],
      ["only-crowds", `d.png: all of its 3 annotations are crowds, ${advice}`],
      ["other", `c.png: another one, ${advice}`]
    ))
    assert.deepStrictEqual(said.map(({ detail }) => detail), [
      `a.png: its only annotation is a crowd, ${advice}`,
      "b.png: …",
      // Another reason: its first row says it whole.
      `c.png: another one, ${advice}`,
      "d.png: all of its 3 annotations are crowds, …",
      // What is different lies before the end: there is none of it here, and the row has a name at least.
      "c.png: …"
    ])
    assert.deepStrictEqual(said.map(({ row, source }) => [source, row]), [1, 2, 3, 4, 5].map((row) => ["s", row]))
  })

  it("leaves alone what is short, or has something of its own to the end", () => {
    const all = rows(
      ["sum", "shares sum to 0.6, expected 1 ± 0.02"],
      ["sum", "shares sum to 0.7, expected 1 ± 0.02"],
      ["x", `${"long ".repeat(40)}a`],
      ["x", `${"long ".repeat(40)}b`],
      ["y", "one word without a border ".repeat(9)],
      ["y", `and ${"one word without a border ".repeat(9)}`],
      ["x", ""]
    )
    assert.deepStrictEqual(Aside.brief(all), all)
    assert.deepStrictEqual(Aside.brief([]), [])
  })
})
