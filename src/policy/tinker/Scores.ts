/** Log-probabilities that an engine tells of given tokens, looked at before anything is made of them. */
import { Effect } from "effect"
import { failing } from "../failing.ts"
import * as NotFinite from "../NotFinite.ts"
import type { PolicyError, Session } from "../Policy.ts"
import * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import { firstOdd } from "./logprobs.ts"
import type { Prompts } from "./Prompts.ts"
import { noGrammar, refuse } from "./refuse.ts"
import { lengthOfAll } from "./Wire.ts"

export interface Options {
  readonly engine: Engine
  /** Names it in errors. */
  readonly engineName: string
  readonly prompts: Prompts
  /** Whose weights they are, in errors. Default "policy". */
  readonly of?: string
}

export const make = ({ engine, engineName, of = "policy", prompts }: Options) => {
  /** Log-probabilities of what follows each prompt, out of those of all tokens. */
  const checked = (sequences: ReadonlyArray<Batch.Sequence>, logprobs: ReadonlyArray<Float32Array>) =>
    Effect.forEach(sequences, (sequence, i): Effect.Effect<Float32Array, PolicyError | NotFinite.NotFinite> => {
      const all = logprobs[i] ?? new Float32Array(0)
      const expected = lengthOfAll(sequence.chunks) - 1 + sequence.tokens.length
      if (all.length !== expected) {
        return refuse(
          "logprobs",
          `${engineName} told log-probabilities of ${all.length} tokens of sequence ${i}, expected ${expected}: a ` +
            "picture was dropped, or counts otherwise there than in the tokenizer directory"
        )
      }
      const own = Batch.following(sequence, all)
      const odd = firstOdd(own)
      if (odd < 0) return Effect.succeed(own)
      const what = `the ${of}'s log-probability of token ${odd} of sequence ${i} is ${own[odd]}`
      return Number.isFinite(own[odd])
        ? refuse("logprobs", `${what}, expected at most 0: ${engineName} tells no probabilities`)
        : Effect.fail(new NotFinite.NotFinite({ what }))
    })

  /** Log-probabilities of what follows each prompt, at the weights as they are: a forward pass. */
  const scored = (sequences: ReadonlyArray<Batch.Sequence>) =>
    Effect.flatMap(
      engine.forward(
        sequences.map((sequence) => Batch.datum(sequence, { weights: Float32Array.from(sequence.tokens, () => 1) }))
      ),
      (logprobs) => checked(sequences, logprobs)
    )

  const logprobs: Session["logprobs"] = Effect.fn("Policy.logprobs")(function*(items) {
    if (items.length === 0) return []
    for (const [i, { grammar, temperature = 1, tokens }] of items.entries()) {
      if (grammar !== undefined) return yield* noGrammar("logprobs")
      if (temperature !== 1) {
        return yield* refuse("logprobs", `item ${i}: temperature is ${temperature}, expected 1: engines score at that`)
      }
      if (tokens.length === 0) return yield* refuse("logprobs", `item ${i}: there are no tokens`)
    }
    return yield* Effect.flatMap(
      Effect.forEach(
        items,
        ({ prompt, tokens }) => Effect.map(prompts.chunks(prompt), (chunks) => ({ chunks, tokens }))
      ),
      scored
    )
  }, (effect) => failing("logprobs")(effect))

  return { checked, scored, logprobs }
}
