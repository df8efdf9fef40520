/**
 * The fields of a request beside model and messages, as far as the server takes them.
 *
 * What it refuses by name is left out from then on, or said otherwise, and told once with what that changes. What the
 * caller asked for in `extra` is theirs: it stands over everything here and is never dropped.
 */
import { Effect, type Schema } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import type { SampleOptions } from "../Policy.ts"
import type { OptionalField } from "./OptionalField.ts"

/** The field that limits new tokens. */
export type Limit = "max_tokens" | "max_completion_tokens"

export interface Options {
  /** Names the server in warnings. */
  readonly url: string
  readonly maxTokensField: Limit
  readonly logprobs: boolean
  /** Stands over every field; what is null there is not sent at all. */
  readonly extra: Readonly<Record<string, Schema.Json>>
}

type Body = Readonly<Record<string, Schema.Json>>

export interface Drawn {
  readonly sampling: SampleOptions
  readonly n: number
  readonly seed: number
  /** Of a grammar. */
  readonly more: Body
}

export interface Fields {
  readonly takes: (field: OptionalField) => boolean
  readonly body: (drawn: Drawn) => Body
  /**
   * Notes what a refusal of this body names. False where the body held none of it as a field of its own, or where
   * nothing can stand for it: asking again would be refused again.
   */
  readonly refuse: (fields: ReadonlyArray<OptionalField>, body: Body, words: string) => Effect.Effect<boolean>
}

const other = (field: Limit): Limit => field === "max_tokens" ? "max_completion_tokens" : "max_tokens"

const isLimit = (field: OptionalField): field is Limit => field === "max_tokens" || field === "max_completion_tokens"

const consequence: Readonly<Record<Exclude<OptionalField, Limit>, string>> = {
  n: "candidates are asked for one by one",
  logprobs: "confidences are unknown",
  seed: "the same seed need not give the same text",
  temperature: "texts are drawn at the server's own temperature, those of an evaluation too",
  top_p: "texts are drawn from the server's own nucleus"
}

export const make = ({ extra, logprobs, maxTokensField, url }: Options): Fields => {
  const refused = new Set<OptionalField>(logprobs ? [] : ["logprobs"])
  const limits: ReadonlyArray<Limit> = [maxTokensField, other(maxTokensField)]

  const body: Fields["body"] = ({ more, n, sampling, seed }) => {
    const limit = limits.some((field) => field in extra)
      ? undefined
      : limits.find((field) => !refused.has(field)) ?? maxTokensField
    const own: Readonly<Record<string, Schema.Json | undefined>> = {
      temperature: sampling.temperature ?? 1,
      ...(limit !== undefined && { [limit]: sampling.maxTokens }),
      top_p: sampling.topP,
      n: n > 1 ? n : undefined,
      seed,
      logprobs: true
    }
    const left: ReadonlySet<string> = refused
    const taken = Object.fromEntries(Object.entries(own).filter(([field]) => !left.has(field) || field === limit))
    return Object.fromEntries(
      Object.entries({ ...taken, ...extra, ...more }).flatMap(([field, value]) => value == null ? [] : [[field, value]])
    )
  }

  const tell = (field: OptionalField, words: string) => {
    const change = isLimit(field) ? `${other(field)} is sent instead` : `it is left out: ${consequence[field]}`
    return warn(`${url} refuses the field ${field} (${words}): ${change}`)
  }

  const refuse: Fields["refuse"] = (fields, body, words) =>
    Effect.suspend(() => {
      const named = fields.filter((field) => field in body && !(field in extra))
      // Requests that were under way together learn the same: only the first tells.
      const fresh = named.filter((field) => !refused.has(field))
      for (const field of named) refused.add(field)
      if (named.length === 0 || limits.every((field) => refused.has(field))) return Effect.succeed(false)
      return Effect.as(Effect.forEach(fresh, (field) => tell(field, words), { discard: true }), true)
    })

  return { takes: (field) => !refused.has(field), body, refuse }
}
