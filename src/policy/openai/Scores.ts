/**
 * Log-probabilities of given tokens at a vLLM: the prompt's tokens as its own chat template writes them, the given ones
 * behind them, scored as a prompt. The ids that it says it has scored have to be the ones that were sent.
 */
import { Effect, Result, Schema, Semaphore } from "effect"
import * as Finite from "../../kernels/math/Finite.ts"
import { failing } from "../failing.ts"
import { pictureKey } from "../PictureKey.ts"
import { PolicyError, type Prompt, type Session } from "../Policy.ts"
import type { Client } from "./Client.ts"
import type { RemoteError } from "./RemoteError.ts"
import type { Message, Unusable } from "./Wire.ts"

export interface Options<E> {
  readonly client: Client
  /** Names the server in errors. */
  readonly name: string
  readonly messages: (prompt: Prompt) => Effect.Effect<ReadonlyArray<Message>, E>
  /** Requests under way at a time. */
  readonly concurrency: number
}

const Ids = Schema.Array(Schema.Int)

const Tokenized = Schema.fromJsonString(Schema.Struct({ tokens: Ids }))

const Scored = Schema.fromJsonString(Schema.Struct({
  prompt_token_ids: Ids,
  /** Of each token by its id; none of the first. */
  prompt_logprobs: Schema.Array(
    Schema.NullOr(Schema.Record(Schema.String, Schema.Struct({ logprob: Schema.NullOr(Schema.Number) })))
  ),
  mm_placeholders: Schema.optional(Schema.NullOr(Schema.Record(
    Schema.String,
    Schema.Array(Schema.Struct({ offset: Schema.Int, length: Schema.Int }))
  )))
}))

const reader = <A>(schema: Schema.ConstraintDecoder<A>) => (text: string): Result.Result<A, Unusable> =>
  Result.mapError(Schema.decodeUnknownResult(schema)(text), ({ message }) => ({ reason: message }))

/** vLLM's number for one that JSON cannot hold. */
const UNTOLD = -9999

/** Prompts whose tokens are kept: a group of texts follows each. */
const REMEMBERED = 256

const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((token, i) => token === b[i])

/** Runs of one token as a single one: a picture's place before the server fills it. */
const collapsed = (tokens: ReadonlyArray<number>, one: number): ReadonlyArray<number> =>
  tokens.filter((token, i) => token !== one || tokens[i - 1] !== one)

export const make = <E extends { readonly message: string }>({ client, concurrency, messages, name }: Options<E>) => {
  const refuse = (reason: string) => Effect.fail(new PolicyError({ operation: "logprobs", reason }))
  const remembered = new Map<string, ReadonlyArray<number>>()
  /** What stands for a part of a picture, once a picture was seen. */
  let placeholder: number | undefined
  const learning = Semaphore.makeUnsafe(1)

  /** A server that has not these ways says so by status. */
  const lacking =
    (way: string, flag: string) => (error: RemoteError): Effect.Effect<never, PolicyError | RemoteError> =>
      error.status === 403 || error.status === 404 || error.status === 405
        ? refuse(
          `${name} cannot score given tokens (${way}: status ${error.status}): vLLM does, started with ${flag}; ` +
            "Policy.onnx({ model: DIRECTORY }) does"
        )
        : Effect.fail(error)

  const tokensOf = Effect.fnUntraced(function*(model: string, prompt: Prompt) {
    const key = JSON.stringify([model, prompt.images.map(pictureKey), prompt.text])
    const held = remembered.get(key)
    const written = yield* messages(prompt)
    const { tokens } = held !== undefined ? { tokens: held } : yield* client.post({
      path: "//tokenize",
      key: `tokenize/${JSON.stringify([model, prompt.images.map(({ id }) => id), prompt.text])}`,
      body: { model, messages: written },
      read: reader(Tokenized)
    }).pipe(Effect.catch(lacking("/tokenize", "its own API")))
    if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value ?? "")
    remembered.set(key, tokens)
    const pictures = written.flatMap(({ content }) =>
      typeof content === "string"
        ? []
        : content.flatMap((part) => part.type === "image_url" ? [{ type: "image_url", url: part.image_url.url }] : [])
    )
    return { tokens, pictures }
  })

  const scoredOf = (model: string, key: string, tokens: ReadonlyArray<number>, pictures: ReadonlyArray<Schema.Json>) =>
    client.post({
      path: "//inference/v1/generate",
      key,
      body: {
        model,
        token_ids: tokens,
        ...(pictures.length > 0 && { content_parts: pictures }),
        sampling_params: { max_tokens: 1, temperature: 1, prompt_logprobs: 0 },
        return_token_ids: true
      },
      read: reader(Scored)
    }).pipe(Effect.catch(lacking("/inference/v1/generate", "--enable-scale-out")))

  /** Learned from the first picture: where its place is filled twice, the server still says where it is. */
  const placeholderOf = (model: string, tokens: ReadonlyArray<number>, pictures: ReadonlyArray<Schema.Json>) =>
    learning.withPermit(Effect.gen(function*() {
      if (placeholder !== undefined) return placeholder
      const { mm_placeholders: places, prompt_token_ids: ids } = yield* scoredOf(model, "score/place", tokens, pictures)
      const found = ids[places?.["image"]?.[0]?.offset ?? -1]
      return found === undefined
        ? yield* refuse(`${name} does not say where a picture stands in its prompt (mm_placeholders)`)
        : placeholder = found
    }))

  const score = Effect.fnUntraced(function*(model: string, at: number, prompt: Prompt, given: Int32Array) {
    const { pictures, tokens } = yield* tokensOf(model, prompt)
    const expected = [...tokens, ...given]
    const key = `score/${at}`
    const sent = pictures.length === 0
      ? expected
      : [...collapsed(tokens, yield* placeholderOf(model, tokens, pictures)), ...given]
    const { prompt_logprobs: told, prompt_token_ids: ids } = yield* scoredOf(model, key, sent, pictures)
    if (!same(ids, expected)) {
      return yield* refuse(
        `${name} scored other tokens than it was sent for item ${at}: ${ids.length}, expected ${expected.length} ` +
          `(prompt_token_ids)`
      )
    }
    const own = Float32Array.from(given, (token, k) => {
      const logprob = told[tokens.length + k]?.[token]?.logprob ?? NaN
      return logprob > UNTOLD ? logprob : NaN
    })
    const odd = told.length === expected.length ? Finite.firstBeyond(own) : 0
    return odd < 0 ? own : yield* refuse(
      `${name}: the log-probability of token ${odd} of item ${at} is ${own[odd]} (prompt_logprobs)`
    )
  })

  const encode = (model: string): NonNullable<Session["encode"]> => (text) =>
    client.post({
      path: "//tokenize",
      key: `tokenize/${JSON.stringify([model, text])}`,
      body: { model, prompt: text, add_special_tokens: false },
      read: reader(Tokenized)
    }).pipe(
      Effect.catch(lacking("/tokenize", "its own API")),
      Effect.map(({ tokens }) => Int32Array.from(tokens)),
      failing("logprobs")
    )

  const logprobs = (model: string): Session["logprobs"] =>
    Effect.fn("Policy.logprobs")(function*(items) {
      for (const [i, { grammar, temperature = 1, tokens }] of items.entries()) {
        if (grammar !== undefined) {
          return yield* refuse(`item ${i}: a server scores without grammars: use grammar "off"`)
        }
        if (temperature !== 1) {
          return yield* refuse(`item ${i}: temperature is ${temperature}, expected 1: a server scores at that`)
        }
        if (tokens.length === 0) return yield* refuse(`item ${i}: there are no tokens`)
        const odd = tokens.findIndex((token) => token < 0)
        if (odd >= 0) return yield* refuse(`item ${i}: token ${odd} is ${tokens[odd]}, expected an id from 0`)
      }
      return yield* Effect.forEach(items, ({ prompt, tokens }, i) => score(model, i, prompt, tokens), { concurrency })
    }, (effect) => failing("logprobs")(effect))

  return { encode, logprobs }
}
