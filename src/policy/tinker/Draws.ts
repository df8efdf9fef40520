/** Texts that an engine draws, looked at before anything is made of them. */
import { Effect } from "effect"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { failing } from "../failing.ts"
import type { Completion, PolicyError, SampleOptions, SampleRequest, Session } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import type { Engine } from "./Engine.ts"
import { firstOdd } from "./logprobs.ts"
import type { Prompts } from "./Prompts.ts"
import { noGrammar, refuse } from "./refuse.ts"
import type { Sequence } from "./Wire.ts"

export interface Options {
  readonly engine: Engine
  /** Names it in errors. */
  readonly engineName: string
  readonly prompts: Prompts
  readonly seed: number
  readonly concurrency: number
}

/** How a session draws. */
export const make = ({ concurrency, engine, engineName, prompts, seed }: Options): Session["sample"] => {
  /** Seeds of engines are 31 bits. */
  const seedOf = (key: string) => Keyed.stream(seed, key).int(2 ** 31)

  const completionOf = (
    { key }: SampleRequest,
    { count, maxTokens, temperature = 1, topP = 1 }: SampleOptions,
    sequences: ReadonlyArray<Sequence>
  ): Effect.Effect<ReadonlyArray<Completion>, PolicyError> => {
    if (sequences.length !== count) {
      return refuse("sample", `${engineName} drew ${sequences.length} texts for "${key}", expected ${count}`)
    }
    // Engines score at temperature 1: of a text that was drawn otherwise they do not know the probability.
    const drawnAsScored = temperature === 0 || temperature === 1 && topP === 1
    return Effect.forEach(sequences, ({ logprobs: told, stop, tokens }): Effect.Effect<Completion, PolicyError> => {
      const logprobs = drawnAsScored && told !== undefined ? told : new Float32Array(0)
      const ended = prompts.ends.includes(tokens.at(-1) ?? -1)
      if (tokens.length > maxTokens) {
        return refuse(
          "sample",
          `${engineName} drew ${tokens.length} tokens for "${key}", expected at most ${maxTokens}`
        )
      }
      if (logprobs.length !== 0 && logprobs.length !== tokens.length) {
        return refuse(
          "sample",
          `${engineName} told ${logprobs.length} log-probabilities of the ${tokens.length} tokens drawn for "${key}"`
        )
      }
      const odd = firstOdd(logprobs)
      if (odd >= 0) {
        return refuse(
          "sample",
          `${engineName}: log-probability ${odd} of a text for "${key}" is ${logprobs[odd]}, expected at most 0`
        )
      }
      const strange = tokens.findIndex((token) => token < 0 || token >= prompts.vocabulary)
      if (strange >= 0) {
        return refuse(
          "sample",
          `${engineName}: token ${strange} of a text for "${key}" is ${tokens[strange]}, expected an id below ` +
            `${prompts.vocabulary}: the tokenizer directory is of another model`
        )
      }
      return Effect.succeed({
        text: prompts.decode(ended ? tokens.subarray(0, -1) : tokens),
        tokens,
        logprobs,
        finish: stop
      })
    })
  }

  return Effect.fn("Policy.sample")(function*(requests, sampling) {
    if (sampling.grammar !== undefined) return yield* noGrammar("sample")
    yield* Requests.check("sample", Requests.remoteSampling, sampling)
    const { count, maxTokens, temperature = 1, topP = 1 } = sampling
    return yield* Effect.forEach(requests, (request) =>
      Effect.gen(function*() {
        const chunks = yield* prompts.chunks(request.prompt)
        const { sequences } = yield* engine.sample(chunks, {
          count,
          maxTokens,
          temperature,
          topP,
          seed: seedOf(request.key),
          stop: prompts.ends
        }, request.key)
        return yield* completionOf(request, sampling, sequences)
      }), { concurrency })
  }, (effect) => failing("sample")(effect))
}
