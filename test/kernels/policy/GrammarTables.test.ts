/** Format masks as tables: what a mask forbids, and what a format loss leaves aside. */
import { assert, describe, it } from "@effect/vitest"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import { Choice } from "../../../src/kernels/graph/index.ts"
import * as GrammarTables from "../../../src/kernels/policy/GrammarTables.ts"

const [word, close, tail, end] = [0, 1, 2, 3]

/** A word at least, more at will, a closing tag of two tokens, the end of the turn; or nothing but the end. */
const made = (rows: ReadonlyArray<Readonly<Record<number, number>>>): Grammar => {
  const allowed = new Uint8Array(rows.length * 4)
  const next = new Int32Array(rows.length * 4)
  rows.forEach((row, state) =>
    Object.entries(row).forEach(([token, to]) => {
      allowed[state * 4 + Number(token)] = 1
      next[state * 4 + Number(token)] = to
    }))
  return { id: JSON.stringify(rows), states: rows.length, vocabulary: 4, allowed, next }
}

const choices = (grammar: Grammar) => {
  const bias = Array.from(GrammarTables.held(grammar, end).tensors.grammarBias.data as Float32Array)
  const names = new Map<number, string>([[Choice.allowed, "yes"], [Choice.forbidden, "no"], [Choice.aside, "aside"]])
  return Array.from({ length: grammar.states }, (_, state) => bias.slice(4 * state, 4 * state + 4).map((value) => names.get(value)))
}

describe("a format loss", () => {
  it("leaves the end of a text aside where it may go on, however many tokens the end takes", () => {
    assert.deepStrictEqual(choices(made([{ [word]: 1 }, { [word]: 1, [close]: 2 }, { [tail]: 3 }, { [end]: 3 }])), [
      ["yes", "no", "no", "no"],
      ["yes", "aside", "no", "no"],
      ["no", "no", "yes", "no"],
      ["no", "no", "no", "yes"]
    ])
  })

  it("counts an end that is the only way on, and a tag that something else can follow", () => {
    assert.deepStrictEqual(choices(made([{ [word]: 1, [end]: 0 }, { [close]: 2, [end]: 1 }, { [word]: 1, [tail]: 2 }])), [
      ["yes", "no", "no", "aside"],
      ["no", "yes", "no", "aside"],
      ["yes", "no", "yes", "no"]
    ])
  })

  it("takes several ways to end for content", () => {
    assert.deepStrictEqual(choices(made([{ [word]: 1, [close]: 1, [tail]: 2 }, { [end]: 1 }, { [word]: 1 }]))[0], ["yes", "yes", "yes", "no"])
  })

  it("leaves the mask of sampling and scoring as it is", () => {
    const grammar = made([{ [word]: 0, [end]: 0 }])
    GrammarTables.held(grammar, end)
    assert.deepStrictEqual(Array.from(GrammarTables.tables(grammar).tensors.grammarBias.data as Float32Array), [0, -1e9, -1e9, 0])
  })
})
