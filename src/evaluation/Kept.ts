/**
 * Answers as a spool keeps them: by their place in the order of asking, and by what was asked there.
 */
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { RunFileError } from "../dsl/RunError.ts"
import type { Spool } from "../dsl/Spool.ts"
import type { Completion, SampleOptions, SampleRequest } from "../policy/Policy.ts"

export interface Row {
  /** Its number in the order of asking. */
  readonly at: number
  /** `fingerprint` of what was asked. */
  readonly asked: string
  readonly completion: Completion
}

/** 32-bit numbers as they lie in memory: every one, to the last bit. */
const Words = Schema.Uint8ArrayFromBase64.pipe(
  Schema.check(Schema.makeFilter(({ length }) => length % 4 === 0 || `${length} bytes are no 32-bit numbers`))
)

const Line = Schema.Struct({
  at: Schema.Int,
  asked: Schema.String,
  text: Schema.String,
  finish: Schema.Literals(["stop", "length"]),
  fault: Schema.optionalKey(Schema.String),
  reasoning: Schema.optionalKey(Schema.String),
  tokens: Words,
  logprobs: Words,
  ends: Schema.optionalKey(Words)
})

const bytesOf = ({ buffer, byteLength, byteOffset }: Int32Array | Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

const alone = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer

/** What was asked, and how: an answer to anything else is another answer. */
export const fingerprint = (
  { prompt: { images, text } }: SampleRequest,
  { grammar, maxTokens, temperature = 1, topP = 1 }: Omit<SampleOptions, "count">
): string =>
  createHash("sha256")
    .update(JSON.stringify([images.map(({ id }) => id), text, maxTokens, temperature, topP, grammar?.id ?? null]))
    .digest("hex").slice(0, 16)

export const encode = ({ asked, at, completion }: Row): Schema.Json => {
  const { ends, fault, finish, logprobs, reasoning, text, tokens } = completion
  return Schema.encodeSync(Line)({
    at,
    asked,
    text,
    finish,
    ...(fault === undefined ? {} : { fault }),
    ...(reasoning === undefined ? {} : { reasoning }),
    tokens: bytesOf(tokens),
    logprobs: bytesOf(logprobs),
    ...(ends === undefined ? {} : { ends: bytesOf(ends) })
  })
}

const completionOf = ({ asked: _, at: __, ends, logprobs, tokens, ...said }: typeof Line.Type): Completion => ({
  ...said,
  tokens: new Int32Array(alone(tokens)),
  logprobs: new Float32Array(alone(logprobs)),
  ...(ends === undefined ? {} : { ends: new Int32Array(alone(ends)) })
})

/** Answers by their place; the last of several counts. */
export const read = (spool: Spool | undefined): Effect.Effect<ReadonlyMap<number, Row>, RunFileError> =>
  Effect.forEach(spool?.rows ?? [], (row) => Schema.decodeUnknownEffect(Line)(row)).pipe(
    Effect.map((lines) =>
      new Map(lines.map((line) => {
        const { asked, at } = line
        return [at, { at, asked, completion: completionOf(line) }]
      }))
    ),
    Effect.mapError((cause) => {
      const reason = "holds a line that is no answer: remove the file, and all is asked again"
      return new RunFileError({ path: spool?.path ?? "", reason, cause })
    })
  )
