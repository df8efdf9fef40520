/**
 * The rollout of `Rollout.ts` as two graphs, for devices on which `Loop` does not stay on the device: a prefill, and
 * one token of every row a run. What a run leaves for the next is resident: it never comes back to the host.
 *
 * A row's keys and values have their final length from the start, so every run has the same shapes; positions that are
 * not written yet are masked. Everything else is the arithmetic of the loop, and the tokens are the same.
 */
import {
  add,
  constant,
  equals,
  gather,
  input,
  lessOrEqual,
  mul,
  reshape,
  rotary,
  scalar,
  type Tensor,
  where,
  zeros
} from "../graph/index.ts"
import { Config, decoder, logits, type Lookup, sequence, type SequenceInputs } from "../models/index.ts"
import { decodeAttention, ends, maskAt, ownShape, ownToken, type RolloutShape, sequenceInputs } from "./Rollout.ts"
import { sample } from "./Sampler.ts"

/** Outputs of a graph, and the input that each resident one is for. */
export interface Resident {
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly resident: Readonly<Record<string, string>>
}

/** Names values that the next run finds as inputs. */
const resident = (values: Readonly<Record<string, Tensor>>): Resident => ({
  outputs: Object.fromEntries(Object.entries(values).map(([name, value]) => [`next:${name}`, value])),
  resident: Object.fromEntries(Object.keys(values).map((name) => [`next:${name}`, name]))
})

const promptKeys = (layer: number) => `promptKeys.${layer}`
const promptValues = (layer: number) => `promptValues.${layer}`
const ownKeys = (layer: number) => `ownKeys.${layer}`
const ownValues = (layer: number) => `ownValues.${layer}`

/**
 * Reads the prompts and leaves what decoding starts from. Inputs as `rollout`'s prefill has them, and `grammarState`
 * int32 `[rows]` under a grammar.
 *
 * @param carried parameters to leave beside it, so that the steps find them on the device
 */
export const prefill = (
  config: Config.Config,
  p: Lookup,
  shape: RolloutShape,
  carried: ReadonlyArray<string> = []
): Resident => {
  const { length, prompts, visualRows } = shape
  const visual = visualRows > 0 ? input("visual", [visualRows, Config.visualWidth(config)]) : undefined
  const inputs = sequenceInputs(config, prompts, length, visual)
  return prefillOf(config, p, shape, inputs, input("lastRow", [prompts], "i32"), carried)
}

/** The same for inputs that are made in the graph. @param lastRow int32 `[prompts]`: rows that end the prompts */
export const prefillOf = (
  config: Config.Config,
  p: Lookup,
  shape: RolloutShape,
  inputs: SequenceInputs,
  lastRow: Tensor,
  carried: ReadonlyArray<string> = []
): Resident => {
  const { group, length, prompts } = shape
  const { cache, hidden } = sequence(config, p, inputs, lastRow)
  const unseen = equals(inputs.segments, constant(Int32Array.of(-1), []))
  const empty = zeros(ownShape(config, shape, shape.newTokens))
  return resident({
    hidden: gather(hidden, constant(Int32Array.from({ length: prompts * group }, (_, i) => Math.floor(i / group)))),
    promptBias: reshape(where(unseen, scalar(-1e9), scalar(0)), [prompts, 1, 1, length]),
    ...(shape.grammarStates === undefined ? {} : { state: input("grammarState", [prompts * group], "i32") }),
    ...Object.fromEntries(
      cache.flatMap((
        { keys, values },
        i
      ) => [[promptKeys(i), keys], [promptValues(i), values], [ownKeys(i), empty], [ownValues(i), empty]])
    ),
    ...Object.fromEntries(carried.map((name) => [name, p(name)]))
  })
}

/**
 * Draws one token of every row: outputs `sampled` int32 and `sampledLogprobs`, `[rows]`, and what the next step starts
 * from.
 *
 * Fed on every run: `turn` (int32 scalar, from 0), `positions` int64 `[rows, 1]` of the drawn tokens, `uniforms`
 * `[rows]`, `temperature`, `topP`. A row that has ended goes on drawing; whoever reads the tokens stops at the end of
 * its turn.
 */
export const step = (config: Config.Config, p: Lookup, shape: RolloutShape): Resident => {
  const { group, length, newTokens, prompts } = shape
  const { headWidth: d, heads, kvHeads } = config
  const rows = prompts * group
  const turn = input("turn", [], "i32")
  const positions = input("positions", [rows, 1], "i64")
  const hidden = input("hidden", [rows, config.width])
  const promptBias = input("promptBias", [prompts, 1, 1, length])
  const tableCosines = input("tableCosines", [shape.positions, d / 2])
  const tableSines = input("tableSines", [shape.positions, d / 2])
  const grammar = shape.grammarStates === undefined ? undefined : {
    need: input("grammarNeed", [shape.grammarStates, config.vocabulary]),
    budget: input("grammarBudget", [shape.grammarStates]),
    least: input("grammarLeast", [shape.grammarStates]),
    next: input("grammarNext", [shape.grammarStates * config.vocabulary], "i32"),
    state: input("state", [rows], "i32")
  }
  const order = Int32Array.from({ length: newTokens }, (_, i) => i)
  const written = lessOrEqual(constant(order, [1, 1, 1, newTokens]), turn)
  const here = equals(constant(order, [newTokens, 1]), turn)
  const ownBias = where(written, scalar(0), scalar(-1e9))

  const drawn = sample(shape.sampling, {
    logits: logits(config, p, hidden),
    uniforms: input("uniforms", [rows]),
    temperature: input("temperature", []),
    topP: input("topP", []),
    ...(grammar && { bias: maskAt(grammar, grammar.state, turn) })
  })
  const grown: Record<string, Tensor> = {}
  const next = decoder(config, p, gather(p("model.embed_tokens.weight"), drawn.tokens), (layer, q, k, v) => {
    const turned = (x: Tensor, count: number) =>
      rotary(reshape(x, [rows, count, 1, d]), positions, tableCosines, tableSines)
    const into = (name: string, x: Tensor) =>
      grown[name] = where(
        here,
        ownToken(config, shape, x),
        input(name, ownShape(config, shape, newTokens))
      )
    const keys = into(ownKeys(layer), turned(k, kvHeads))
    const values = into(ownValues(layer), v)
    const prompt = {
      keys: input(promptKeys(layer), [prompts, kvHeads, length, d]),
      values: input(promptValues(layer), [prompts, kvHeads, length, d])
    }
    return decodeAttention(config, shape, prompt, promptBias, turned(q, heads), keys, values, ownBias)
  })
  const kept = resident({
    hidden: next,
    ...grown,
    ...(grammar && {
      // Where a turn has ended its mask stays, as in the loop.
      state: where(
        ends(shape, drawn.tokens),
        grammar.state,
        gather(grammar.next, add(mul(grammar.state, constant(Int32Array.of(config.vocabulary), [])), drawn.tokens))
      )
    })
  })
  return {
    outputs: { sampled: drawn.tokens, sampledLogprobs: drawn.logprobs, ...kept.outputs },
    resident: kept.resident
  }
}
