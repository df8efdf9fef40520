/**
 * Where an assistant's turn ends: the token that the chat template writes there, and every token that generation stops
 * at.
 *
 * They need not be the same. A directory lists what stops it in `eos_token_id`, in no order that means anything; what a
 * model has seen at the end of its turns is what its template writes.
 */
import { Effect, Option, Result } from "effect"
import { ChatTemplate, type Tokenizer } from "../../kernels/text/index.ts"
import { show } from "../../kernels/text/show.ts"
import type { ModelDirectory } from "../../kernels/weights/index.ts"
import { PolicyError } from "../Policy.ts"

/** What a directory says of how a turn ends. */
type Spoken = Omit<ModelDirectory.Texts, "preprocessorConfig">

export interface EndOfTurn {
  /** What targets and grammars end with. */
  readonly token: number
  /** Every token that ends a turn, `token` first. */
  readonly all: ReadonlyArray<number>
}

const failed = (reason: string) => new PolicyError({ operation: "load", reason })

/** What a field lists: one value, several or none. */
const listOf = (value: unknown): ReadonlyArray<unknown> =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]

const isId = (id: unknown): id is number => typeof id === "number" && Number.isInteger(id) && id >= 0

const idsOf = (file: string, value: unknown): Effect.Effect<ReadonlyArray<number>, PolicyError> => {
  const listed = listOf(value)
  return listed.every(isId)
    ? Effect.succeed(listed)
    : Effect.fail(failed(`${file}: eos_token_id is ${show(value)}, expected a token id or a list of them`))
}

const textConfigOf = ({ config }: Spoken): Readonly<Record<string, unknown>> => {
  const inner = config["text_config"]
  return typeof inner === "object" && inner !== null && !Array.isArray(inner) ? { ...inner } : {}
}

/** What stands for an answer while the template is asked what it writes after one. */
const PROBE = "annotation"

/** The first control token that the template writes after an assistant's message, if it writes one. */
const writtenBy = Effect.fnUntraced(function*(
  { chatTemplate }: Spoken,
  variables: Readonly<Record<string, string>>,
  tokenizer: Tokenizer.Tokenizer,
  isControl: (token: number) => boolean
) {
  const spoken = (role: string, text: string, asText: boolean): ChatTemplate.Message => ({
    role,
    content: asText ? text : [{ type: "text", text }]
  })
  // Some templates know messages in parts alone, some none.
  for (const asText of [false, true]) {
    const messages = [spoken("user", "question", asText), spoken("assistant", PROBE, asText)]
    const rendered = yield* Effect.result(
      ChatTemplate.render(chatTemplate, messages, { addGenerationPrompt: false, variables })
    )
    if (Result.isFailure(rendered)) continue
    const at = rendered.success.lastIndexOf(PROBE)
    const found = at < 0 ? undefined : tokenizer.encode(rendered.success.slice(at + PROBE.length)).find(isControl)
    if (found !== undefined) return found
  }
  return undefined
})

/**
 * Reads a directory's. Fails where it names none.
 *
 * @param specials control tokens of the tokenizer
 */
export const of = Effect.fnUntraced(function*(
  directory: Spoken,
  tokenizer: Tokenizer.Tokenizer,
  variables: Readonly<Record<string, string>>,
  specials: ReadonlySet<number>
) {
  const { config, generationConfig, path } = directory
  const listed = (yield* Effect.all([
    idsOf(`${path}/generation_config.json`, Option.getOrUndefined(generationConfig)?.["eos_token_id"]),
    idsOf(`${path}/config.json`, config["eos_token_id"]),
    idsOf(`${path}/config.json, text_config`, textConfigOf(directory)["eos_token_id"])
  ])).flat()
  const isControl = (token: number) => specials.has(token) || listed.includes(token)
  const written = yield* writtenBy(directory, variables, tokenizer, isControl)
  const token = written ?? listed[0] ?? Option.getOrUndefined(tokenizer.tokenId("<|im_end|>"))
  if (token === undefined) return yield* failed(`${path}: no eos_token_id in generation_config.json or config.json`)
  const found: EndOfTurn = { token, all: [...new Set([token, ...listed])] }
  return found
})

/**
 * generation_config.json for a directory that is saved, where the one that it is taken over from does not list every
 * token that ends a turn.
 */
export const generationConfig = (
  directory: Spoken,
  { all }: EndOfTurn
): Readonly<Record<string, string>> => {
  const given = Option.getOrUndefined(directory.generationConfig)
  const listed = listOf(given?.["eos_token_id"])
  const ids = [...listed, ...all.filter((id) => !listed.includes(id))]
  if (given !== undefined && ids.length === listed.length) return {}
  // Where there is none, transformers takes these from config.json: beside a file it no longer does.
  const config = Object.entries({ ...textConfigOf(directory), ...directory.config })
  const kept = Object.fromEntries(config.filter(([key]) => key === "bos_token_id" || key === "pad_token_id"))
  const whole = { ...given ?? kept, eos_token_id: ids.length === 1 ? ids[0] : ids }
  return { "generation_config.json": `${JSON.stringify(whole, null, 2)}\n` }
}
