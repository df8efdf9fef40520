/** Distances to the end of a text, against plain search, and what a budget leaves of a grammar. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Distance, type Grammar } from "../../../src/kernels/generate/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { closing, masked } from "./cases.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 30 }))
const END = 6
const VOCABULARY = 8

/** A grammar whose states allow a few tokens each, the end now and then, and free text in some. */
const random = (seed: number): Grammar => {
  const draw = Keyed.stream(seed, "grammar")
  const states = 1 + draw.int(7)
  const allowed = new Uint8Array(states * VOCABULARY)
  const next = Int32Array.from({ length: states * VOCABULARY }, () => draw.int(states))
  const free = new Set<number>()
  for (let state = 0; state < states; state++) {
    const [share, ends] = [0.1 + 0.6 * draw.next(), draw.next() < 0.3]
    for (let token = 0; token < VOCABULARY; token++) {
      allowed[state * VOCABULARY + token] = Number(token === END ? ends : draw.next() < share)
    }
    allowed[state * VOCABULARY + draw.int(END)] = 1
    if (draw.next() < 0.4) free.add(state)
  }
  return { id: `random ${seed}`, states, vocabulary: VOCABULARY, allowed, next, free }
}

/** Length of the shortest text, by trying all lengths. */
const search = ({ allowed, next }: Grammar, from: number): number => {
  let here = new Set([from])
  for (let tokens = 1; tokens <= 20; tokens++) {
    if ([...here].some((state) => allowed[state * VOCABULARY + END] === 1)) return tokens
    here = new Set(
      [...here].flatMap((state) =>
        Array.from({ length: VOCABULARY }, (_, token) => state * VOCABULARY + token).flatMap((cell) =>
          allowed[cell] === 1 ? [next[cell]!] : []
        )
      )
    )
  }
  return Distance.Need.endless
}

const runs = { arbitrary: { runs: 300 } }

describe("distances", () => {
  it.prop("are those of plain search", [Seed], ([seed]) => {
    const grammar = random(seed)
    const { least } = Distance.of(grammar, [END])
    assert.deepStrictEqual([...least], Array.from({ length: grammar.states }, (_, state) => search(grammar, state)))
  }, runs)

  it("of free text that never ends are found, too, and leave it no room", () => {
    const allowed = new Uint8Array(2 * VOCABULARY)
    const next = new Int32Array(2 * VOCABULARY)
    // From free text to a loop beside it, from which nothing leads out.
    for (const [state, token, there] of [[0, 0, 0], [0, 1, 1], [1, 0, 1]] as const) {
      allowed[state * VOCABULARY + token] = 1
      next[state * VOCABULARY + token] = there
    }
    const grammar = { id: "endless", states: 2, vocabulary: VOCABULARY, allowed, next, free: new Set([0]) }
    const { least, room } = Distance.of(grammar, [END])
    assert.deepStrictEqual([...least], [Distance.Need.endless, Distance.Need.endless])
    assert.deepStrictEqual([...room], [0, 0])
  }, 5000)

  it("take any of several tokens for an end", () => {
    const grammar = closing(96)
    assert.deepStrictEqual([...Distance.of(grammar, [7]).least], [4, 3, 2, 2, 1])
    assert.deepStrictEqual([...Distance.of(grammar, [7, 5]).least], [2, 1, 2, 2, 1])
  })

  it("keep room for what follows free text, up to a limit", () => {
    assert.deepStrictEqual([...Distance.of(closing(96), [7]).room], [0, 1, 0, 0, 0])
    // Free text, then a list without an end of its own.
    const [allowed, next] = [new Uint8Array(2 * VOCABULARY), new Int32Array(2 * VOCABULARY)]
    for (const [cell, to] of [[0, 0], [1, 1], [VOCABULARY, 1], [VOCABULARY + END, 1]] as const) {
      allowed[cell] = 1
      next[cell] = to
    }
    const list: Grammar = { id: "list", states: 2, vocabulary: VOCABULARY, allowed, next, free: new Set([0]) }
    const distance = Distance.of(list, [END])
    assert.deepStrictEqual([...distance.least], [2, 1])
    assert.deepStrictEqual([...distance.room], [Distance.mostRoom, 0])
    // At most half of what is to spare: of 10 tokens beyond the least, 5.
    assert.deepStrictEqual([...Distance.budgets(distance, 12)], [7, 12])
    assert.deepStrictEqual([...Distance.budgets(distance, 500)], [500 - Distance.mostRoom, 500])
  })
})

describe("a masked draw", () => {
  it.prop("ends within its budget with a text of the grammar, whatever is drawn", [Seed], ([seed]) => {
    const grammar = random(seed)
    const least = search(grammar, 0)
    const draw = Keyed.stream(seed, "draws")
    if (least === Distance.Need.endless) return
    for (let i = 0; i < 20; i++) {
      const maxTokens = least + draw.int(12)
      const mask = masked({ grammar, maxTokens, endOfTurn: END })!
      let state = 0
      let drawn = 0
      for (;;) {
        const choices = Array.from({ length: VOCABULARY }, (_, token) => token).filter((token) =>
          mask.allows(state, drawn, token)
        )
        assert.isTrue(choices.length > 0, `nothing can be drawn after ${drawn} of ${maxTokens} tokens`)
        const token = draw.pick(choices)
        assert.strictEqual(grammar.allowed[state * VOCABULARY + token], 1)
        drawn++
        if (token === END) break
        state = grammar.next[state * VOCABULARY + token]!
      }
      assert.isAtMost(drawn, maxTokens)
    }
  }, runs)

  it.prop("is the grammar's own where there is no budget", [Seed], ([seed]) => {
    const grammar = random(seed)
    const mask = masked({ grammar, endOfTurn: END })!
    grammar.allowed.forEach((allowed, cell) =>
      assert.strictEqual(mask.allows(Math.floor(cell / VOCABULARY), 1000, cell % VOCABULARY), allowed === 1)
    )
  }, runs)

  it.prop("may be any text of the grammar that fits, as long as nothing free is in it", [Seed], ([seed]) => {
    const { free: _, ...grammar } = random(seed)
    const draw = Keyed.stream(seed, "texts")
    for (let i = 0; i < 20; i++) {
      const tokens: Array<number> = []
      for (let state = 0; tokens.length < 12 && tokens.at(-1) !== END;) {
        const row = grammar.allowed.subarray(state * VOCABULARY, (state + 1) * VOCABULARY)
        const token = draw.pick([...row.keys()].filter((token) => row[token] === 1))
        tokens.push(token)
        state = grammar.next[state * VOCABULARY + token]!
      }
      if (tokens.at(-1) !== END) continue
      const mask = masked({ grammar, maxTokens: tokens.length, endOfTurn: END })!
      let state = 0
      tokens.forEach((token, t) => {
        assert.isTrue(mask.allows(state, t, token), `${tokens} at ${t}`)
        state = grammar.next[state * VOCABULARY + token]!
      })
    }
  }, runs)
})
