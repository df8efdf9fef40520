/**
 * Grammars for a server that holds texts to them: sent as a regular expression or as rules, after the server was found
 * to obey one.
 */
import { Effect, Result, type Schema, Semaphore } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { type Completion, PolicyError, type SampleOptions } from "../Policy.ts"
import type { Client } from "./Client.ts"
import { completionOf } from "./Reading.ts"
import type { RemoteError } from "./RemoteError.ts"
import { readChoices } from "./Wire.ts"

type Fields = Readonly<Record<string, Schema.Json>>

export interface Options {
  readonly client: Client
  /** Names the server in errors. */
  readonly name: string
  /** Whether the server is said to take grammars. */
  readonly taken: boolean
  readonly charactersPerToken: number
  readonly extra: Fields
}

export interface Masks {
  /** Fields of a request under a grammar, and what its completions are made of then. */
  readonly of: (
    model: string,
    sampling: SampleOptions
  ) => Effect.Effect<
    { readonly fields: Fields; readonly mend: (completion: Completion) => Completion },
    PolicyError | RemoteError
  >
}

/** What a server has to write that obeys a mask, and with what certainty. */
const probe = { regex: "a", text: "a", nats: 1e-3 } as const

const refuse = (reason: string) => new PolicyError({ operation: "sample", reason })

/** What is drawn under a mask, and scored without it, has no log-probabilities. */
const unscored = ({ ends: _, ...completion }: Completion): Completion => (
  { ...completion, logprobs: new Float32Array(0) }
)

export const make = Effect.fnUntraced(function*({ charactersPerToken, client, extra, name, taken }: Options) {
  const asking = yield* Semaphore.make(1)
  /** Whether log-probabilities are those under the mask; undefined: not asked yet. */
  let scored: boolean | undefined

  /** Only one text is allowed: what is written shows whether there is a mask, how surely whether it counts. */
  const find = Effect.fnUntraced(function*(model: string) {
    const answers = yield* client.broadcast({
      path: "/chat/completions",
      key: "mask",
      body: Object.fromEntries(
        Object.entries({
          model,
          messages: [{ role: "user", content: "?" }],
          max_tokens: 2,
          temperature: 1,
          logprobs: true,
          ...extra,
          structured_outputs: { regex: probe.regex }
        }).filter(([, value]) => value !== null)
      ),
      read: (text) => Result.map(readChoices(text), (choices) => choices.slice(0, 1).map(completionOf))
    })
    for (const { logprobs, text } of answers.flat()) {
      if (text !== probe.text) {
        return yield* refuse(
          `${name} does not hold texts to a grammar: asked for /${probe.regex}/ it wrote ` +
            `${
              JSON.stringify(text.slice(0, 40))
            }. vLLM does (structured_outputs); leave grammars out, and grammar "off"`
        )
      }
      if (logprobs.some((logprob) => logprob < -probe.nats)) {
        yield* warn(
          `${name} tells log-probabilities without the mask: those of texts under a grammar are left out. Start vLLM ` +
            "with --logprobs-mode processed_logprobs"
        )
        return false
      }
    }
    return true
  })

  const known = (model: string) =>
    asking.withPermit(Effect.suspend(() =>
      scored !== undefined
        ? Effect.succeed(scored)
        : Effect.tap(find(model), (found) => Effect.sync(() => scored = found))
    ))

  const textsOf = (grammar: Grammar, maxTokens: number): Fields | undefined => {
    const texts = grammar.texts?.(Math.max(1, Math.floor(charactersPerToken * maxTokens)))
    return texts && ("regex" in texts ? { regex: texts.regex } : { grammar: texts.ebnf })
  }

  const masks: Masks = {
    of: Effect.fnUntraced(function*(model, { grammar, maxTokens }) {
      if (grammar === undefined) return { fields: {}, mend: (completion) => completion }
      if (!taken) {
        return yield* refuse(
          "a grammar cannot be sent to this server: use grammar \"off\" or, with vLLM, " +
            "Policy.openai({ grammars: true })"
        )
      }
      const texts = textsOf(grammar, maxTokens)
      if (texts === undefined) {
        return yield* refuse(
          `the grammar ${grammar.id} is known in tokens alone, a server needs its texts (Grammar.texts): ` +
            "use grammar \"off\""
        )
      }
      const counted = yield* known(model)
      return { fields: { structured_outputs: texts }, mend: counted ? (completion) => completion : unscored }
    })
  }
  return masks
})
