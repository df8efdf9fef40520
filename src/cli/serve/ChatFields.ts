/**
 * The fields of a chat completion's request: which are taken, which change nothing here, and which are refused because
 * an answer without them would be another one.
 */
import { Effect, Result, Schema } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { show } from "../../kernels/text/show.ts"
import * as Fault from "./Fault.ts"

const { oneOf, record, required, share, temperature, text, whole, yesOrNo } = Rules

const stops: Rules.Rule = {
  expected: "a text, or a list of at most 4 texts, none of them empty",
  holds: (value) =>
    [value].flat().every((stop) => typeof stop === "string" && stop !== "") && [value].flat().length <= 4
}

const list = (most: number): Rules.Rule => ({
  expected: `a list of 1 to ${most}`,
  holds: (value) => Array.isArray(value) && value.length > 0 && value.length <= most
})

/** What is taken. */
const table = (mostChoices: number): Rules.Table => ({
  model: required(text("the name of a model, as GET /v1/models lists it")),
  messages: required(list(64)),
  max_tokens: whole(1),
  max_completion_tokens: whole(1),
  temperature: temperature(true),
  top_p: share("(0, 1]"),
  n: whole(1, mostChoices),
  seed: whole(),
  stop: stops,
  stream: yesOrNo,
  stream_options: record("a record such as { include_usage: true }"),
  "stream_options.include_usage": yesOrNo,
  "stream_options.include_obfuscation": yesOrNo,
  logprobs: yesOrNo,
  mask: yesOrNo,
  return_token_ids: yesOrNo,
  structured_outputs: record("a record with regex or grammar"),
  "structured_outputs.regex": text("a regular expression"),
  "structured_outputs.grammar": text("rules in EBNF")
})

/** What changes no text. */
const ignored = new Set([
  "user",
  "metadata",
  "store",
  "service_tier",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "parallel_tool_calls"
])

const nothing: Rules.Rule = {
  expected: "it to be left out: this server cannot do it",
  holds: (value) => value === false || typeof value === "object" && value !== null && Object.keys(value).length === 0
}
const absent: Rules.Rule = { expected: nothing.expected, holds: () => false }
const zero: Rules.Rule = { expected: "0: this server knows no other", holds: (value) => value === 0 }

/** What is taken only where it asks for nothing. */
const inert: Rules.Table = {
  tools: nothing,
  functions: nothing,
  tool_choice: oneOf("none", "auto"),
  function_call: oneOf("none", "auto"),
  response_format: record("{ \"type\": \"text\" }"),
  "response_format.type": oneOf("text"),
  frequency_penalty: zero,
  presence_penalty: zero,
  logit_bias: nothing,
  top_logprobs: zero,
  modalities: {
    expected: "[\"text\"]",
    holds: (value) => Array.isArray(value) && value.every((way) => way === "text")
  },
  audio: nothing,
  prediction: nothing,
  web_search_options: nothing,
  reasoning_effort: absent,
  verbosity: absent
}

const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** A request's fields, once their rules hold. */
const Fields = Schema.Struct({
  model: Schema.String,
  messages: Schema.Array(Schema.Unknown),
  max_tokens: maybe(Schema.Finite),
  max_completion_tokens: maybe(Schema.Finite),
  temperature: maybe(Schema.Finite),
  top_p: maybe(Schema.Finite),
  n: maybe(Schema.Finite),
  seed: maybe(Schema.Finite),
  stop: maybe(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  stream: maybe(Schema.Boolean),
  stream_options: maybe(Schema.Struct({ include_usage: maybe(Schema.Boolean) })),
  logprobs: maybe(Schema.Boolean),
  mask: maybe(Schema.Boolean),
  return_token_ids: maybe(Schema.Boolean),
  structured_outputs: maybe(Schema.Struct({ regex: maybe(Schema.String), grammar: maybe(Schema.String) }))
})
export type Fields = typeof Fields.Type

const decode = Schema.decodeUnknownResult(Fields)

const withoutNulls = (body: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))

/** Reads a body's fields, or refuses the first that is wrong, unknown or cannot be done. */
export const read = (body: unknown, mostChoices: number): Effect.Effect<Fields, Fault.Fault> =>
  Effect.suspend((): Effect.Effect<Fields, Fault.Fault> => {
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return Effect.fail(Fault.invalid(`the body is ${show(body, 60)}, expected a JSON object with model and messages`))
    }
    const own = table(mostChoices)
    const fields = withoutNulls(body)
    const odd = Object.keys(fields).find((name) =>
      !ignored.has(name) && !Object.hasOwn(own, name) && !Object.hasOwn(inert, name)
    )
    if (odd !== undefined) {
      const reason = `unrecognized request argument ${show(odd, 60)}: it is not known here; leave it out`
      return Effect.fail(Fault.invalid(reason, odd.slice(0, 60), "unknown_parameter"))
    }
    const wrong = Rules.brokenIn(own, fields)
    if (wrong !== undefined) return Effect.fail(Fault.invalid(Rules.say(wrong), wrong.setting, "invalid_value"))
    const unable = Rules.brokenIn(inert, fields)
    if (unable !== undefined) {
      return Effect.fail(
        Fault.invalid(`unsupported parameter: ${Rules.say(unable)}`, unable.setting, "unsupported_parameter")
      )
    }
    return Effect.fromResult(
      Result.mapError(decode(fields), (error) => Fault.invalid(error.message.replaceAll(/\s+/g, " ").slice(0, 300)))
    )
  })
