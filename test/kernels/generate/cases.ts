/**
 * A small group rollout on the transformers fixture, under every setting of the sampler: what two ways of decoding must
 * agree on.
 */
import { Distance, type Grammar, ownShape, rollout, type RolloutShape } from "../../../src/kernels/generate/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Rope, vision, visionInputs } from "../../../src/kernels/models/index.ts"
import { LossGraphs } from "../../../src/kernels/train/index.ts"
import * as Onnx from "../graph/onnx.ts"
import * as Reference from "../graph/reference.ts"
import { config, given, reference, type Sequence, sequenceFeeds, tower, weights } from "../models/fixture.ts"

const { value } = Reference
export const END = 95
export const grid = given.grid_thw[0]!
export const visualTokens = grid[0] * grid[1] * grid[2] / 4

/** Prompts of different length, each with the fixture's first image: the shorter is padded. */
export const prompts: ReadonlyArray<ReadonlyArray<number>> = [given.prompt, given.prompt.slice(1, 11)]
export const length = 13

export const padded = (tokens: ReadonlyArray<number>, to: number): Sequence => ({
  tokens: [...tokens, ...Array.from({ length: to - tokens.length }, () => END)],
  mask: Array.from({ length: to }, (_, i) => i < tokens.length ? 1 : 0),
  grids: [grid]
})

/** Visual tokens of the first image, once for each prompt. */
export const visualOf = (kind: "tied" | "untied", copies: number): Reference.Value => {
  const settings = config(kind)
  const patches = value(reference["pixel_values"]!.data.subarray(0, 24 * 384), [24, 384])
  const { feeds, shape } = tower(settings, [{ grid, patches: patches.data }])
  const features = vision(settings, LossGraphs.parameterInputs(settings), visionInputs(settings, shape))
  const one = Reference.evaluate([features], { ...weights(kind), ...feeds })[0]!
  return value(Array.from({ length: copies }, () => [...one.data]).flat(), [copies * visualTokens, settings.width])
}

/** Allows few tokens, by state: an alternation of low and even tokens that must end in state 2. */
export const grammar = (vocabulary: number): Grammar => {
  const allowed = new Uint8Array(3 * vocabulary)
  const next = new Int32Array(3 * vocabulary)
  for (let token = 0; token < vocabulary; token++) {
    allowed[token] = Number(token < 40)
    next[token] = 1
    allowed[vocabulary + token] = Number(token % 2 === 0 && token < 90)
    next[vocabulary + token] = token % 3 === 0 ? 2 : 0
    allowed[2 * vocabulary + token] = Number(token % 5 === 0)
    next[2 * vocabulary + token] = 0
  }
  return { id: "alternating", states: 3, vocabulary, allowed, next }
}

/** Free text of one token or more, then a tag, a name of one token or two, the end: 4 tokens at least, or 5. */
export const closing = (vocabulary: number): Grammar => {
  const [tag, name, long, end] = [5, 50, 60, 7]
  const allowed = new Uint8Array(5 * vocabulary)
  const next = new Int32Array(5 * vocabulary)
  const allow = (state: number, token: number, to: number) => {
    allowed[state * vocabulary + token] = 1
    next[state * vocabulary + token] = to
  }
  for (let token = 0; token < vocabulary; token++) {
    if (token === end || token === tag) continue
    for (const state of [0, 1]) allow(state, token, 1)
    if (token >= long) allow(2, token, 3)
    else if (token >= name) allow(2, token, 4)
    allow(3, token, 4)
  }
  allow(1, tag, 2)
  allow(4, end, 4)
  return { id: "closing", states: 5, vocabulary, allowed, next, free: new Set([0, 1]) }
}

export interface Options {
  readonly kind?: "tied" | "untied"
  readonly group?: number
  readonly newTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly grammar?: Grammar
  /** What a masked row is to end within. Default: no limit. */
  readonly maxTokens?: number
  readonly endOfTurn?: number
  readonly otherEnds?: ReadonlyArray<number>
  readonly finished?: ReadonlyArray<number>
}

export interface Drawn {
  /** `[row][turn]` */
  readonly tokens: ReadonlyArray<ReadonlyArray<number>>
  readonly logprobs: ReadonlyArray<ReadonlyArray<number>>
  readonly turns: number
}

const NONE = -5

/** What a mask is made of: distances under the tokens that end a turn, and what may be spent. */
export const masked = ({ endOfTurn = NONE, grammar, maxTokens, otherEnds = [] }: Options) => {
  if (grammar === undefined) return undefined
  const ends = [endOfTurn, ...otherEnds]
  const distance = Distance.of(grammar, ends)
  const need = new Float32Array(grammar.states * grammar.vocabulary)
  Distance.needs(grammar, distance, ends, need)
  const budgets = Distance.budgets(distance, maxTokens)
  const left = (state: number, drawn: number) => Distance.left(distance, budgets, state, drawn)
  return {
    budgets,
    distance,
    left,
    need,
    allows: (state: number, drawn: number, token: number) =>
      need[state * grammar.vocabulary + token]! <= left(state, drawn)
  }
}

const uniformsOf = (rows: number, turns: number) => Keyed.uniforms(11, "rollout", new Float32Array(rows * turns))

export const setup = (options: Options) => {
  const { endOfTurn = NONE, finished, group = 3, kind = "untied", newTokens = 12, temperature = 1, topP = 1 } = options
  const settings = config(kind)
  const mask = masked(options)
  const rows = prompts.length * group
  const positions = 64
  const shape: RolloutShape = {
    prompts: prompts.length,
    group,
    length,
    newTokens,
    visualRows: prompts.length * visualTokens,
    positions,
    endOfTurn,
    sampling: { greedy: temperature === 0, nucleus: topP < 1 },
    grammarStates: options.grammar?.states,
    ...(options.otherEnds && { otherEnds: options.otherEnds })
  }
  const table = Rope.positionAngles(settings, positions)
  const half = settings.headWidth / 2
  const starts = prompts.map((tokens) =>
    Rope.mropePositions(tokens, settings.imageToken, settings.vision.merge, [grid]).next
  )
  const feeds: Reference.Feeds = {
    ...weights(kind),
    ...sequenceFeeds(settings, prompts.map((tokens) => padded(tokens, length))),
    visual: visualOf(kind, prompts.length),
    lastRow: value(prompts.map((tokens, b) => b * length + tokens.length - 1)),
    uniforms: value(uniformsOf(rows, newTokens), [newTokens, rows]),
    temperature: value([temperature], []),
    topP: value([topP], []),
    startPosition: value(starts.flatMap((at) => Array.from({ length: group }, () => at)), [rows, 1]),
    tableCosines: value(table.cosines, [positions, half]),
    tableSines: value(table.sines, [positions, half]),
    finished: value(finished ?? Array.from({ length: rows }, () => 0)),
    emptyCache: value([], ownShape(settings, { prompts: prompts.length, group }, 0)),
    ...(options.grammar && mask && {
      grammarNeed: value(mask.need, [options.grammar.states, settings.vocabulary]),
      grammarBudget: value(mask.budgets),
      grammarLeast: value(Array.from(mask.distance.least)),
      grammarNext: value(options.grammar.next),
      grammarState: value(new Int32Array(rows))
    })
  }
  return { feeds, group, newTokens, rows, settings, shape, temperature, topP }
}

export const byRow = (tokens: Reference.Value, logprobs: Reference.Value): Drawn => {
  const [turns, rows] = tokens.shape as [number, number]
  const split = (v: Reference.Value) =>
    Array.from({ length: rows }, (_, r) => Array.from({ length: turns }, (_, t) => v.data[t * rows + r]!))
  return { tokens: split(tokens), logprobs: split(logprobs), turns }
}

export const loopDecode = async (options: Options): Promise<Drawn> => {
  const { feeds, settings, shape } = setup(options)
  const out = rollout(settings, LossGraphs.parameterInputs(settings), shape)
  const [tokens, logprobs] = await Onnx.evaluate([out.sampled, out.sampledLogprobs], feeds)
  return byRow(tokens!, logprobs!)
}

export const worst = (a: ReadonlyArray<ReadonlyArray<number>>, b: ReadonlyArray<ReadonlyArray<number>>): number =>
  Math.max(...a.flatMap((row, r) => row.map((x, t) => Math.abs(x - b[r]![t]!))))

export const settingsUnderTest: Readonly<Record<string, Options>> = {
  "temperature 1": {},
  "temperature 1, tied embeddings": { kind: "tied" },
  "temperature 0.7": { temperature: 0.7 },
  greedy: { temperature: 0 },
  nucleus: { topP: 0.8, temperature: 1.2 },
  "grammar": { grammar: grammar(96) },
  "grammar, nucleus": { grammar: grammar(96), topP: 0.9, temperature: 0.9 },
  "grammar, a budget that presses": { grammar: closing(96), endOfTurn: 7, maxTokens: 6 },
  "grammar, a budget that presses from the start": { grammar: closing(96), endOfTurn: 7, maxTokens: 4 },
  "grammar, greedy, a budget": { grammar: closing(96), endOfTurn: 7, maxTokens: 7, temperature: 0 },
  "one candidate": { group: 1 }
}
