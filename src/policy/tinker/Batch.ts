/**
 * What an update learns from, as sequences: each a prompt and what follows it, with a weight for every token that
 * follows.
 */
import { Effect } from "effect"
import type { Form } from "../../kernels/train/index.ts"
import type { GroupRelative, Objective, Prompt, RatioStats } from "../Policy.ts"
import * as Ratios from "../Ratios.ts"
import * as Surrogate from "../Surrogate.ts"
import * as TokenWeights from "../TokenWeights.ts"
import type { Prompts } from "./Prompts.ts"
import { type Chunk, type Datum, type EngineLoss, lengthOfAll } from "./Wire.ts"

/** A prompt and what follows it. */
export interface Sequence {
  readonly chunks: ReadonlyArray<Chunk>
  readonly tokens: Int32Array
}

/**
 * A sequence as a datum. Its input lacks the last token, its targets are shifted by one: behind the last token of the
 * prompt stands the first that follows. `values` are of the tokens that follow, 0 before.
 */
export const datum = (
  { chunks, tokens }: Sequence,
  values: Readonly<Record<string, ArrayLike<number>>>
): Datum => {
  const before = lengthOfAll(chunks) - 1
  const length = before + tokens.length
  // What is behind visual tokens is a target that no loss looks at: any id will do.
  const targets = new Int32Array(length)
  let at = 0
  chunks.forEach((chunk, i) => {
    if (chunk.type === "text") {
      const shift = i === 0 ? 1 : 0
      targets.set(chunk.tokens.subarray(shift), at)
      at += chunk.tokens.length - shift
    } else at += chunk.tokens - (i === 0 ? 1 : 0)
  })
  targets.set(tokens, before)
  const row = (own: ArrayLike<number>) => {
    const data = new Float32Array(length)
    data.set(Float32Array.from(own), before)
    return { dtype: "float32", data } as const
  }
  const inputs = Object.fromEntries(Object.entries(values).map(([name, own]) => [name, row(own)]))
  return {
    chunks: tokens.length === 1
      ? chunks
      : [...chunks, { type: "text", tokens: tokens.subarray(0, tokens.length - 1) }],
    inputs: { target_tokens: { dtype: "int64", data: targets }, ...inputs }
  }
}

/** The log-probabilities of what follows the prompt. */
export const following = ({ chunks, tokens }: Sequence, logprobs: Float32Array): Float32Array => {
  const before = lengthOfAll(chunks) - 1
  return logprobs.subarray(before, before + tokens.length)
}

/** A loss that the protocol has itself: its value and slopes are those of ours, token for token. */
export interface Own extends EngineLoss {
  /** The values of each sequence's tokens that its size is made of: what an engine divides by is put on them. */
  readonly factor: "weights" | "advantages"
  /** By sequence: what is sent with its tokens. */
  readonly values: ReadonlyArray<Readonly<Record<string, ArrayLike<number>>>>
}

/** What an objective makes of log-probabilities. */
export interface Loss {
  readonly sequences: ReadonlyArray<Sequence>
  /** The same in the protocol's own words, where it has any for it: an engine needs no forward pass before it then. */
  readonly own: Own | undefined
  /** Of the tokens that follow each prompt: the part of the loss of each, and its slope. */
  readonly terms: (
    logprobs: ReadonlyArray<Float32Array>,
    reference: ReadonlyArray<Float32Array> | undefined
  ) => {
    readonly loss: number
    readonly slopes: ReadonlyArray<Float64Array>
    readonly kl: number
    readonly clipFraction: number
    readonly ratios?: RatioStats | undefined
  }
  /** Tokens that carry the loss. */
  readonly tokens: number
}

const count = (sequences: ReadonlyArray<Sequence>) => sequences.reduce((n, { tokens }) => n + tokens.length, 0)

/** Eq. 8: weights scaled to sum to 1 over the batch. */
const supervised = Effect.fnUntraced(function*(
  { examples }: Extract<Objective, { readonly _tag: "Supervised" }>,
  prompts: Prompts
) {
  const made = yield* Effect.forEach(examples, ({ prompt, target }) =>
    Effect.map(prompts.chunks(prompt), (chunks) => {
      const parts = target.map(({ text, weight }) => ({ tokens: prompts.text(text), weight }))
      const last = parts.at(-1)?.weight ?? 1
      return {
        chunks,
        tokens: Int32Array.from([...parts.flatMap(({ tokens }) => [...tokens]), prompts.endOfTurn]),
        weights: [...parts.flatMap(({ tokens, weight }) => Array.from(tokens, () => weight)), last]
      }
    }))
  const sum = made.reduce((n, { weights }) => n + weights.reduce((m, weight) => m + weight, 0), 0)
  const shares = made.map(({ weights }) => Float64Array.from(weights, (weight) => sum > 0 ? weight / sum : 0))
  const loss: Loss = {
    sequences: made,
    own: { lossFn: "cross_entropy", factor: "weights", values: shares.map((weights) => ({ weights })) },
    tokens: count(made),
    terms: (logprobs) => {
      let loss = 0
      const slopes = shares.map((weights, i) =>
        weights.map((weight, k) => {
          const term = Surrogate.supervised(logprobs[i]?.[k] ?? NaN, weight)
          loss += term.loss
          return term.slope
        })
      )
      return { loss, slopes, kl: 0, clipFraction: 0 }
    }
  }
  return loss
})

/**
 * The protocol's ppo is −Σ min(ρ·a, clamp(ρ)·a): ours without a penalty, for weights are not negative and go into a.
 * Bounds of 1 itself are left to us: at a ratio of 1, where every update begins, libraries differ about their slope.
 */
const ownOf = (
  { clip: { high, low }, kl }: GroupRelative,
  { ratio, surrogate }: Form,
  values: Own["values"]
): Own | undefined =>
  surrogate !== "clipped" || ratio !== "token" || kl > 0 || !(low > 0 && high > 0) ? undefined : {
    lossFn: "ppo",
    config: { clip_low_threshold: 1 - low, clip_high_threshold: 1 + high },
    factor: "advantages",
    values
  }

/** Eq. 7 and 10. */
const groupRelative = Effect.fnUntraced(function*(objective: GroupRelative, prompts: Prompts) {
  const learned = TokenWeights.learned(objective)
  const known = new Map<Prompt, ReadonlyArray<Chunk>>()
  const sequences = yield* Effect.forEach(learned, ({ rollout: { completion: { tokens }, prompt } }) => {
    const held = known.get(prompt)
    return Effect.map(
      held === undefined
        ? Effect.tap(prompts.chunks(prompt), (chunks) => Effect.sync(() => known.set(prompt, chunks)))
        : Effect.succeed(held),
      (chunks) => ({ chunks, tokens })
    )
  })
  const tokens = count(sequences)
  const form = Surrogate.formOf(objective)
  /** A rollout's advantage for each of its tokens, as importance weights have it. */
  const advantages = learned.map(({ rollout: { advantage, completion, importance } }) =>
    Float64Array.from(completion.tokens, (_, k) => advantage * (importance?.[k] ?? 1))
  )
  const loss: Loss = {
    sequences,
    tokens,
    own: ownOf(
      objective,
      form,
      learned.map(({ rollout: { completion: { logprobs } }, weight }, i) => ({
        logprobs,
        advantages: advantages[i]?.map((advantage) => advantage * weight) ?? []
      }))
    ),
    terms: (logprobs, reference) => {
      const knobs = { ...objective, kl: reference === undefined ? 0 : objective.kl }
      const tally = Ratios.tally(form, objective.clip)
      let [loss, kl] = [0, 0]
      const slopes = learned.map(({ rollout: { completion }, weight }, i) => {
        const now = logprobs[i] ?? new Float32Array(completion.tokens.length).fill(NaN)
        const own = advantages[i] ?? []
        const terms = Surrogate.groupRelative(form, {
          logprobs: now,
          old: completion.logprobs,
          reference: reference?.[i] ?? completion.logprobs,
          advantages: own,
          weight
        }, knobs)
        tally.add(Ratios.of(form, now, completion.logprobs), own)
        loss += terms.loss
        kl += reference === undefined ? 0 : terms.divergence
        return terms.slopes
      })
      const ratios = tally.stats()
      return {
        loss,
        slopes,
        kl: kl / Math.max(1, tokens),
        clipFraction: ratios === undefined ? 0 : ratios.low + ratios.high,
        ratios
      }
    }
  }
  return loss
})

/** An objective as sequences and the loss over them. */
export const lossOf = (objective: Objective, prompts: Prompts) =>
  objective._tag === "Supervised" ? supervised(objective, prompts) : groupRelative(objective, prompts)
