/**
 * The decode loop against decoding step by step without a cache, against transformers, and against the scoring pass.
 */
import { assert, describe, it } from "@effect/vitest"
import { rollout, sequenceInputs } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import { head, Rope, sequence } from "../../../src/kernels/models/index.ts"
import { LossGraphs } from "../../../src/kernels/train/index.ts"
import * as Onnx from "../graph/onnx.ts"
import * as Reference from "../graph/reference.ts"
import { given, sequenceFeeds } from "../models/fixture.ts"
import {
  byRow,
  type Drawn,
  END,
  grammar,
  grid,
  length,
  loopDecode,
  masked,
  type Options,
  padded,
  prompts,
  settingsUnderTest,
  setup,
  visualOf,
  visualTokens,
  worst
} from "./cases.ts"

const { value } = Reference

/** The sampler in plain code, in float64, from the logits of one row. */
const chooseToken = (
  logits: ArrayLike<number>,
  u: number,
  temperature: number,
  topP: number,
  allowed: (token: number) => boolean
) => {
  const scaled = Array.from(logits, (x, i) => allowed(i) ? x / (temperature || 1) : -Infinity)
  const top = Math.max(...scaled)
  const weights = scaled.map((x) => Math.exp(x - top))
  const sum = (xs: ReadonlyArray<number>) => xs.reduce((a, b) => a + b, 0)
  const total = sum(weights)
  let probabilities = weights.map((w) => w / total)
  if (temperature === 0) {
    const token = scaled.indexOf(top)
    return { token, logprob: Math.log(probabilities[token]!) }
  }
  if (topP < 1) {
    const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b]! - probabilities[a]!)
    let mass = 0
    const kept = new Set(order.filter((i) => mass < topP && (mass += probabilities[i]!) > 0))
    probabilities = probabilities.map((p, i) => kept.has(i) ? p / mass : 0)
  }
  let reached = 0
  const token = probabilities.findIndex((p) => u < (reached += p))
  return { token, logprob: Math.log(probabilities[token]!) }
}

/** One token a step, every step a whole forward pass without a cache. */
const stepByStep = async (options: Options): Promise<Drawn> => {
  const { feeds, group, newTokens, rows, settings, temperature, topP } = setup(options)
  const kind = options.kind ?? "untied"
  const total = length + newTokens
  const p = LossGraphs.parameterInputs(settings)
  const { hidden } = sequence(
    settings,
    p,
    sequenceInputs(settings, rows, total, G.input("visual", [rows * visualTokens, settings.width]))
  )
  const logits = G.matmul(G.gather(hidden, G.input("lastRow", [rows], "i32")), head(settings, p), { transB: true })
  const session = await Onnx.open({ logits })
  const visual = visualOf(kind, rows)
  const tokens = Array.from({ length: rows }, (): Array<number> => [])
  const logprobs = Array.from({ length: rows }, (): Array<number> => [])
  const states = Array.from({ length: rows }, () => 0)
  const mask = masked(options)
  for (let t = 0; t < newTokens; t++) {
    const sequences = tokens.map((own, r) => [...prompts[Math.floor(r / group)]!, ...own])
    const { logits: out } = await session.run({
      ...feeds,
      ...sequenceFeeds(settings, sequences.map((s) => padded(s, total))),
      visual,
      lastRow: value(sequences.map((s, r) => r * total + s.length - 1))
    })
    for (let r = 0; r < rows; r++) {
      const row = out!.data.subarray(r * settings.vocabulary, (r + 1) * settings.vocabulary)
      const { logprob, token } = chooseToken(
        row,
        feeds["uniforms"]!.data[t * rows + r]!,
        temperature,
        topP,
        (token) => mask === undefined || mask.allows(states[r]!, t, token)
      )
      tokens[r]!.push(token)
      logprobs[r]!.push(logprob)
      if (options.grammar) states[r] = options.grammar.next[states[r]! * settings.vocabulary + token]!
    }
  }
  await session.close()
  return { tokens, logprobs, turns: newTokens }
}

describe("loop decode equals step-by-step decode, token for token", () => {
  for (const [name, options] of Object.entries(settingsUnderTest)) {
    it(name, async () => {
      const [loop, steps] = [await loopDecode(options), await stepByStep(options)]
      // The loop stops where every row has ended; what a row draws after its end is nobody's.
      const ends = steps.tokens.map((row) => row.indexOf(options.endOfTurn ?? NaN) + 1 || row.length)
      const cut = <A>(rows: ReadonlyArray<ReadonlyArray<A>>) => rows.map((row, r) => row.slice(0, ends[r]))
      assert.deepStrictEqual(cut(loop.tokens), cut(steps.tokens))
      assert.isAtMost(worst(cut(loop.logprobs), cut(steps.logprobs)), 1e-4)
      if (options.maxTokens !== undefined) assert.isAtMost(Math.max(...ends), options.maxTokens)
      if (options.temperature !== 0 && options.group !== 1) {
        assert.isAbove(new Set(loop.tokens.map(String)).size, 3, "candidates differ")
      }
    })
  }
})

it("the reference in float64 draws the same tokens", async () => {
  const { feeds, settings, shape } = setup({ newTokens: 6 })
  const out = rollout(settings, LossGraphs.parameterInputs(settings), shape)
  const [tokens, logprobs] = Reference.evaluate([out.sampled, out.sampledLogprobs], feeds)
  const exact = byRow(tokens!, logprobs!)
  const found = await loopDecode({ newTokens: 6 })
  assert.deepStrictEqual(found.tokens, exact.tokens)
  assert.isAtMost(worst(found.logprobs, exact.logprobs), 1e-4)
})

describe("greedy decoding equals transformers' generate()", () => {
  for (const [kind, expected] of [["tied", given.greedy.tokens], ["untied", given.untied_greedy.tokens]] as const) {
    it(kind, async () => {
      const { tokens } = await loopDecode({
        kind,
        temperature: 0,
        newTokens: expected.length,
        group: 2,
        endOfTurn: END
      })
      assert.deepStrictEqual(tokens.slice(0, 2), [expected, expected])
    })
  }
})

describe("returned log-probabilities equal the scoring pass", () => {
  for (const [name, options] of Object.entries(settingsUnderTest)) {
    // A nucleus is not scored: such samples are not trained on. Greedy reports temperature 1.
    if (options.topP !== undefined) continue
    it(name, async () => {
      const { feeds, group, settings, temperature } = setup(options)
      const drawn = await loopDecode(options)
      const newTokens = drawn.turns
      const mask = masked(options)
      const { tokens } = drawn
      const ends = tokens.map((row) => row.indexOf(options.endOfTurn ?? NaN) + 1 || row.length)
      const cut = (rows: ReadonlyArray<ReadonlyArray<number>>) => rows.map((row, r) => row.slice(0, ends[r]))
      // One packed sequence a prompt: the prompt, then its candidates, each in its own segment from the same position.
      const total = length + group * (newTokens - 1)
      const half = settings.headWidth / 2
      const count = prompts.length
      const angles = { cosines: new Float32Array(count * total * half), sines: new Float32Array(count * total * half) }
      const table = Rope.positionAngles(settings, 64)
      const [ids, segments, visualIndex] = [0, -1, count * visualTokens].map((fill) =>
        new Array<number>(count * total).fill(fill)
      ) as [Array<number>, Array<number>, Array<number>]
      const [lossRows, targets, states]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
      const left: Array<number> = []
      let visual = 0
      prompts.forEach((prompt, b) => {
        const base = b * total
        const positions = Rope.mropePositions(prompt, settings.imageToken, settings.vision.merge, [grid])
        prompt.forEach((token, i) => {
          ids[base + i] = token
          segments[base + i] = 0
          if (token === settings.imageToken) visualIndex[base + i] = visual++
        })
        Rope.writeMropeAngles(settings, table, positions, angles, base)
        for (let g = 0; g < group; g++) {
          const own = tokens[b * group + g]!
          const start = base + prompt.length + g * (newTokens - 1)
          let state = 0
          own.forEach((token, t) => {
            lossRows.push(t === 0 ? base + prompt.length - 1 : start + t - 1)
            targets.push(token)
            states.push(state)
            left.push(mask?.left(state, t) ?? 0)
            if (options.grammar) state = options.grammar.next[state * settings.vocabulary + token]!
            if (t === own.length - 1) return
            ids[start + t] = token
            segments[start + t] = g + 1
            const at = Int32Array.of(positions.next + t)
            Rope.writeMropeAngles(settings, table, { temporal: at, height: at, width: at, next: 0 }, angles, start + t)
          })
        }
      })
      const scored = LossGraphs.logprobs(settings, LossGraphs.parameterInputs(settings), {
        batch: count,
        length: total,
        rows: lossRows.length,
        visual: { kind: "features", rows: count * visualTokens },
        temperature: temperature || 1,
        grammarStates: options.grammar?.states
      })
      const [found] = await Onnx.evaluate([scored], {
        ...feeds,
        tokens: value(ids),
        segments: value(segments),
        visualIndex: value(visualIndex),
        cosines: value(angles.cosines, [count * total, half]),
        sines: value(angles.sines, [count * total, half]),
        lossRows: value(lossRows),
        targets: value(targets),
        states: value(states),
        left: value(left)
      })
      const expected = Array.from(
        { length: tokens.length },
        (_, r) => [...found!.data.subarray(r * newTokens, (r + 1) * newTokens)]
      )
      assert.isAtMost(worst(cut(drawn.logprobs), cut(expected)), 1e-4)
    })
  }
})

describe("stopping", () => {
  it("ends when every row has ended, and what came before is unchanged", async () => {
    const free = await loopDecode({ newTokens: 16, temperature: 0.7 })
    // A token that every row draws early: it stands in for the end of turn.
    const common = Array.from(
      { length: 96 },
      (_, token) => Math.max(...free.tokens.map((row) => row.includes(token) ? row.indexOf(token) : Infinity))
    )
    const last = Math.min(...common)
    assert.isBelow(last, 15, "the seed gives a token that all rows draw before the end")
    const endOfTurn = common.indexOf(last)
    const stopped = await loopDecode({ newTokens: 16, temperature: 0.7, endOfTurn })
    assert.strictEqual(stopped.turns, last + 1)
    free.tokens.forEach((row, r) => {
      const end = row.indexOf(endOfTurn) + 1
      assert.deepStrictEqual(stopped.tokens[r]!.slice(0, end), row.slice(0, end))
      assert.deepStrictEqual(stopped.logprobs[r]!.slice(0, end), free.logprobs[r]!.slice(0, end))
    })
  })
  for (
    const [name, options] of [["free", { temperature: 0.7 }], ["under a grammar", {
      grammar: grammar(96)
    }]] as const
  ) {
    it(`any of several tokens ends a row, in whatever order they are listed: ${name}`, async () => {
      const free = await loopDecode({ newTokens: 16, ...options })
      const ends = [...new Set(free.tokens.map((row) => row[3]!))]
      assert.isAbove(ends.length, 2)
      const lengths = free.tokens.map((row) => row.findIndex((token) => ends.includes(token)) + 1)
      for (const [endOfTurn = 0, ...otherEnds] of [ends, ends.toReversed()]) {
        const stopped = await loopDecode({ newTokens: 16, ...options, endOfTurn, otherEnds })
        assert.strictEqual(stopped.turns, Math.max(...lengths))
        free.tokens.forEach((row, r) =>
          assert.deepStrictEqual(stopped.tokens[r]!.slice(0, lengths[r]), row.slice(0, lengths[r]))
        )
      }
    })
  }
  it("is the same graph where there is one such token", () => {
    const bytes = (otherEnds?: ReadonlyArray<number>) => {
      const { settings, shape } = setup({ endOfTurn: END, ...(otherEnds && { otherEnds }) })
      return G.OnnxWriter.write(rollout(settings, LossGraphs.parameterInputs(settings), shape)).bytes
    }
    assert.deepStrictEqual(bytes([]), bytes())
    assert.notDeepEqual(bytes([7]), bytes())
  })
  it("runs no turn when every row is finished before it starts", async () => {
    assert.strictEqual((await loopDecode({ finished: [1, 1, 1, 1, 1, 1] })).turns, 0)
  })
  it("does not wait for rows that were finished before it starts", async () => {
    const endOfTurn = (await loopDecode({ newTokens: 4 })).tokens[0]![1]!
    const { turns } = await loopDecode({ newTokens: 12, endOfTurn, finished: [0, 1, 1, 1, 1, 1] })
    assert.isAtMost(turns, 2)
  })
})

it("a row's draws depend on its own uniforms alone", async () => {
  const { feeds, rows, settings, shape } = setup({})
  const out = rollout(settings, LossGraphs.parameterInputs(settings), shape)
  const changed = feeds["uniforms"]!.data.map((u, i) => i % rows === 2 ? u : 1 - u - 1e-3)
  const [before, after] = [
    await Onnx.evaluate([out.sampled, out.sampledLogprobs], feeds),
    await Onnx.evaluate([out.sampled, out.sampledLogprobs], {
      ...feeds,
      uniforms: value(changed, feeds["uniforms"]!.shape)
    })
  ].map(([tokens, logprobs]) => byRow(tokens!, logprobs!)) as [Drawn, Drawn]
  assert.deepStrictEqual(after.tokens[2], before.tokens[2])
  assert.deepStrictEqual(after.logprobs[2], before.logprobs[2])
  assert.notDeepEqual(after.tokens[1], before.tokens[1])
})
