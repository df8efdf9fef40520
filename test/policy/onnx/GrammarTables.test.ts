/** Grammars as tables: what they forbid, and what a format loss leaves aside. */
import { assert, describe, it } from "@effect/vitest"
import { Distance, type Grammar, Walk } from "../../../src/kernels/generate/index.ts"
import { Choice } from "../../../src/kernels/graph/index.ts"
import * as GrammarTables from "../../../src/policy/onnx/GrammarTables.ts"

const [word, close, tail, end] = [0, 1, 2, 3]

/** A word at least, more at will, a closing tag of two tokens, the end of the turn; or nothing but the end. */
const made = (rows: ReadonlyArray<Readonly<Record<number, number>>>): Grammar => {
  const allowed = new Uint8Array(rows.length * 4)
  const next = new Int32Array(rows.length * 4)
  rows.forEach((row, state) =>
    Object.entries(row).forEach(([token, to]) => {
      allowed[state * 4 + Number(token)] = 1
      next[state * 4 + Number(token)] = to
    })
  )
  return { id: JSON.stringify(rows), states: rows.length, vocabulary: 4, allowed, next }
}

const choices = (grammar: Grammar) => {
  const bias = Array.from(GrammarTables.formatTables(grammar, end)["grammarBias"]!.data as Float32Array)
  const names = new Map<number, string>([[Choice.allowed, "yes"], [Choice.forbidden, "no"], [Choice.aside, "aside"]])
  return Array.from(
    { length: grammar.states },
    (_, state) => bias.slice(4 * state, 4 * state + 4).map((value) => names.get(value))
  )
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
    assert.deepStrictEqual(
      choices(made([{ [word]: 1, [end]: 0 }, { [close]: 2, [end]: 1 }, { [word]: 1, [tail]: 2 }])),
      [
        ["yes", "no", "no", "aside"],
        ["no", "yes", "no", "aside"],
        ["yes", "no", "yes", "no"]
      ]
    )
  })

  it("takes a name that ends a text for content: alone beside a longer name, and among several", () => {
    // "word", or "close tail": nothing is complete before either.
    assert.deepStrictEqual(choices(made([{ [word]: 2, [close]: 1 }, { [tail]: 2 }, { [end]: 2 }]))[0], [
      "yes",
      "yes",
      "no",
      "no"
    ])
    assert.deepStrictEqual(choices(made([{ [word]: 1, [close]: 1, [tail]: 2 }, { [end]: 1 }, { [word]: 1 }]))[0], [
      "yes",
      "yes",
      "yes",
      "no"
    ])
  })

  it("leaves a bracket aside that closes a list before its tag, and not the last element", () => {
    // One or two of word and tail, then close, which stands for the bracket, and the end of the turn.
    assert.deepStrictEqual(
      choices(made([{ [word]: 1, [tail]: 1 }, { [word]: 2, [tail]: 2, [close]: 3 }, { [close]: 3 }, { [end]: 3 }])),
      [
        ["yes", "no", "yes", "no"],
        ["yes", "aside", "yes", "no"],
        ["no", "yes", "no", "no"],
        ["no", "no", "no", "yes"]
      ]
    )
  })

  it("leaves aside what says nothing where something can be said, and counts it where it is the only way on", () => {
    // A word; or close and tail, which say nothing.
    const grammar = made([{ [word]: 3, [close]: 1, [tail]: 1 }, { [tail]: 2 }, { [end]: 2 }, { [end]: 3, [word]: 3 }])
    assert.deepStrictEqual(choices({ ...grammar, nothing: new Set([close, tail, 4 + tail]) }), [
      ["yes", "aside", "aside", "no"],
      ["no", "no", "yes", "no"],
      ["no", "no", "no", "yes"],
      ["yes", "no", "no", "aside"]
    ])
  })

  it("leaves the table of sampling and scoring as it is", () => {
    const grammar = made([{ [word]: 0, [end]: 0 }])
    GrammarTables.formatTables(grammar, end)
    const { endless, forbidden } = Distance.Need
    assert.deepStrictEqual(Array.from(GrammarTables.tables(grammar, [end])["grammarNeed"]!.data as Float32Array), [
      2,
      forbidden,
      forbidden,
      1
    ])
    assert.isBelow(endless, Distance.Need.unlimited)
    assert.isBelow(Distance.Need.unlimited, forbidden)
  })

  it(
    "cuts a text behind the first token that its grammar does not allow, and keeps one that stays inside " +
      "whole",
    () => {
      const grammar = made([{ [word]: 1 }, { [word]: 1, [end]: 1 }])
      const of = (...tokens: ReadonlyArray<number>) => {
        const { left, tokens: kept } = Walk.within(grammar, Int32Array.from(tokens))
        return { kept: [...kept], left }
      }
      assert.deepStrictEqual(of(word, word, end), { kept: [word, word, end], left: false })
      assert.deepStrictEqual(of(word, tail, word, close), { kept: [word, tail], left: true })
      assert.deepStrictEqual(of(close), { kept: [close], left: true })
      assert.deepStrictEqual(of(), { kept: [], left: false })
    }
  )
})
