import { assert, describe, it } from "@effect/vitest"
import { sample } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import * as Onnx from "../graph/onnx.ts"
import { type Value, value } from "../graph/reference.ts"

const vocabulary = 9
const logits = Float64Array.from([1.5, -0.3, 0.2, 2.1, -4, 0.9, 0.6, -1e9, -1.2])

/** exp(x/T + bias) normalised. */
const softmax = (xs: ArrayLike<number>, temperature: number, bias?: ArrayLike<number>): ReadonlyArray<number> => {
  const scaled = Array.from(xs, (x, i) => x / temperature + (bias?.[i] ?? 0))
  const top = Math.max(...scaled)
  const weights = scaled.map((x) => Math.exp(x - top))
  const total = weights.reduce((a, b) => a + b)
  return weights.map((w) => w / total)
}

/** The smallest set of likeliest tokens whose mass reaches topP. */
const nucleus = (probabilities: ReadonlyArray<number>, topP: number): ReadonlyArray<number> => {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b]! - probabilities[a]!)
  const kept = new Set<number>()
  let mass = 0
  for (const i of order) {
    if (mass >= topP) break
    kept.add(i)
    mass += probabilities[i]!
  }
  return probabilities.map((p, i) => kept.has(i) ? p / mass : 0)
}

/** One token for each uniform, all from the same logits. */
const draw = async (
  uniforms: ArrayLike<number>,
  { bias, greedy = false, temperature = 1, topP = 1, of = logits }: {
    readonly bias?: ArrayLike<number>
    readonly greedy?: boolean
    readonly temperature?: number
    readonly topP?: number
    readonly of?: Float64Array
  }
): Promise<{ readonly tokens: Value; readonly logprobs: Value }> => {
  const rows = uniforms.length
  const wide = (row: ArrayLike<number>) =>
    value(Array.from({ length: rows }, () => Array.from(row)).flat(), [rows, row.length])
  const width = of.length
  const made = sample({ greedy, nucleus: topP < 1 }, {
    logits: G.input("logits", [rows, width]),
    uniforms: G.input("uniforms", [rows]),
    temperature: G.input("temperature", []),
    topP: G.input("topP", []),
    ...(bias && { bias: G.input("bias", [rows, width]) })
  })
  const [tokens, logprobs] = await Onnx.evaluate([made.tokens, made.logprobs], {
    logits: wide(of),
    uniforms: value(uniforms),
    temperature: value([temperature], []),
    topP: value([topP], []),
    ...(bias && { bias: wide(bias) })
  })
  return { tokens: tokens!, logprobs: logprobs! }
}

/** Evenly spaced uniforms turn an inverse CDF into its distribution, with an error of one part. */
const even = (n: number) => Float32Array.from({ length: n }, (_, i) => (i + 0.5) / n)
const shares = (tokens: Value): ReadonlyArray<number> => {
  const counts = Array.from({ length: vocabulary }, () => 0)
  tokens.data.forEach((t) => counts[t]!++)
  return counts.map((c) => c / tokens.data.length)
}

const forbidden = [0, 0, 0, -1e9, 0, 0, -1e9, 0, 0]

const settings = [
  ["temperature 1", {}, softmax(logits, 1)],
  ["temperature 0.6", { temperature: 0.6 }, softmax(logits, 0.6)],
  ["temperature 1.8", { temperature: 1.8 }, softmax(logits, 1.8)],
  ["a grammar", { bias: forbidden, temperature: 0.8 }, softmax(logits, 0.8, forbidden)],
  ["a nucleus", { topP: 0.7 }, nucleus(softmax(logits, 1), 0.7)],
  ["a nucleus that holds one token", { topP: 0.05 }, nucleus(softmax(logits, 1), 0.05)],
  [
    "a nucleus under a mask",
    { bias: forbidden, topP: 0.6, temperature: 1.4 },
    nucleus(softmax(logits, 1.4, forbidden), 0.6)
  ]
] as const

describe("tokens follow the distribution and report its log-probabilities", () => {
  for (const [name, options, expected] of settings) {
    it(name, async () => {
      const n = 4000
      const { logprobs, tokens } = await draw(even(n), options)
      shares(tokens).forEach((share, token) => assert.closeTo(share, expected[token]!, 1.5 / n, `token ${token}`))
      tokens.data.forEach((token, i) => assert.closeTo(logprobs.data[i]!, Math.log(expected[token]!), 1e-5))
    })
  }
})

describe("logits that are no numbers", () => {
  const wide = 200
  const of = (odd: Readonly<Record<number, number>>, others?: number) =>
    Float64Array.from({ length: wide }, (_, i) => odd[i] ?? others ?? Math.sin(i))
  const samplers = {
    greedy: { greedy: true },
    sampled: {},
    cool: { temperature: 0.3 },
    "a nucleus": { topP: 0.8 }
  } as const
  const masks = { free: undefined, masked: Array.from({ length: wide }, (_, i) => i % 2 === 0 ? 0 : -1e9) }
  const rows: ReadonlyArray<readonly [string, Float64Array]> = [
    ["all NaN", of({}, NaN)],
    ["one NaN", of({ 70: NaN })],
    ["a forbidden NaN", of({ 71: NaN })],
    ["the first NaN", of({ 0: NaN })],
    ["the last NaN", of({ [wide - 1]: NaN })],
    ["one +∞", of({ 70: Infinity })],
    ["a forbidden +∞", of({ 71: Infinity })],
    ["two +∞", of({ 3: Infinity, 70: Infinity })],
    ["all +∞", of({}, Infinity)],
    ["all −∞", of({}, -Infinity)],
    ["+∞ and −∞", of({ 70: Infinity }, -Infinity)]
  ]
  for (const [sampler, options] of Object.entries(samplers)) {
    it(`show in the log-probability, and draw a token of the vocabulary: ${sampler}`, async () => {
      for (const [name, logits] of rows) {
        for (const [mask, bias] of Object.entries(masks)) {
          const { logprobs, tokens } = await draw([0.1, 0.5, 0.999], { of: logits, ...options, ...(bias && { bias }) })
          assert.isTrue(logprobs.data.every(Number.isNaN), `${name}, ${mask}`)
          assert.isTrue(tokens.data.every((token) => token >= 0 && token < wide), `${name}, ${mask}: ${tokens.data}`)
        }
      }
    })
    it(`do not show where a single −∞ is a probability of 0: ${sampler}`, async () => {
      for (const bias of Object.values(masks)) {
        const impossible = of({ 2: -Infinity, 3: -Infinity })
        const made = await draw([0.1, 0.5, 0.999], { of: impossible, ...options, ...(bias && { bias }) })
        const { logprobs, tokens } = made
        logprobs.data.forEach((logprob) => assert.isTrue(Number.isFinite(logprob) && logprob <= 0))
        tokens.data.forEach((token) =>
          assert.isTrue(token !== 2 && token !== 3 && (bias === undefined || token % 2 === 0))
        )
      }
    })
    it(`show in a forbidden token where the mask leaves nothing but −∞: ${sampler}`, async () => {
      const bias = Array.from({ length: wide }, (_, i) => i === 9 ? 0 : -1e9)
      const { tokens } = await draw([0.1, 0.5, 0.999], { of: of({ 9: -Infinity }), ...options, bias })
      tokens.data.forEach((token) => assert.notStrictEqual(token, 9))
    })
  }
})

describe("edges", () => {
  const extremes = Float32Array.of(0, 1 / 16777216, 16777215 / 16777216)
  it("the least and the largest uniform stay inside the vocabulary and off forbidden tokens", async () => {
    for (const bias of [[-1e9, -1e9, 0, 0, 0, 0, 0, 0, -1e9], [0, 0, 0, 0, 0, 0, 0, 0, -1e9]]) {
      for (const topP of [1, 0.9]) {
        const { logprobs, tokens } = await draw(extremes, { bias, topP })
        const possible = bias.flatMap((b, token) => b === 0 && logits[token]! > -1e8 ? [token] : [])
        tokens.data.forEach((token) => assert.include(possible, token))
        if (topP === 1) assert.strictEqual(tokens.data[0], possible[0])
        logprobs.data.forEach((lp) => assert.isTrue(Number.isFinite(lp) && lp <= 0))
      }
    }
  })
  it("sums that are not exactly 1 never step over the end", async () => {
    const random = Keyed.stream(1, "cumulative sums")
    for (let i = 0; i < 20; i++) {
      const of = Float64Array.from({ length: 2000 }, () => 3 * random.normal())
      const { tokens } = await draw(extremes, { of })
      tokens.data.forEach((token) => assert.isTrue(token >= 0 && token < of.length))
    }
  })
  it("a nucleus keeps every token as likely as its last one", async () => {
    const { tokens } = await draw(even(1000), { of: Float64Array.from([1, 0, 0, -3, 1, -3, -3, -3, -3]), topP: 0.8 })
    assert.deepStrictEqual([...new Set(tokens.data)].sort(), [0, 1, 2, 4])
  })
  it("greedy takes the largest allowed logit, the first on ties", async () => {
    const tied = Float64Array.from([0, 2, 2, 1, 2])
    const one = await draw([0.9], { greedy: true, of: tied })
    assert.strictEqual(one.tokens.data[0], 1)
    assert.closeTo(one.logprobs.data[0]!, Math.log(softmax(tied, 1)[1]!), 1e-6)
    const masked = await draw([0.9], { greedy: true, of: tied, bias: [0, -1e9, -1e9, 0, -1e9] })
    assert.strictEqual(masked.tokens.data[0], 3)
    assert.closeTo(masked.logprobs.data[0]!, Math.log(softmax(tied, 1, [0, -1e9, -1e9, 0, -1e9])[3]!), 1e-6)
  })
})
