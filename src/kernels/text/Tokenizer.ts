/**
 * Text to token ids and back, over `@huggingface/tokenizers`.
 *
 * Nothing is added and nothing is tidied up: no begin or end token, no removal of spaces before punctuation (the
 * library's default), so a byte-level tokenizer gives `decode(encode(text)) === text` for every well-formed string
 * without special tokens, and for one with them when they are not skipped.
 */
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers"
import { Effect, Option, Predicate } from "effect"
import type { ModelDirectory } from "../weights/ModelDirectory.ts"
import { show } from "./show.ts"
import { TextError } from "./TextError.ts"

export interface Tokenizer {
  /** Special tokens that stand in the text are recognised as such. */
  readonly encode: (text: string) => Int32Array
  /**
   * Ids that are no token (embedding tables are often padded) contribute nothing. Bytes that are not UTF-8 become
   * U+FFFD.
   *
   * @param options.skipSpecial leave out tokens that tokenizer.json marks special. Default false.
   */
  readonly decode: (ids: ArrayLike<number>, options?: { readonly skipSpecial?: boolean }) => string
  readonly tokenId: (token: string) => Option.Option<number>
  /** One more than the largest id. A model's embedding table may have more rows. */
  readonly size: number
}

/** More than any vocabulary has: the library makes a place for every id below the largest. */
const mostIds = 2 ** 22

/** Ids of the words, wherever a tokenizer.json keeps them. */
function* idsIn(json: object): Generator<readonly [word: unknown, id: unknown]> {
  const at = (value: unknown, key: string): unknown => Predicate.hasProperty(value, key) ? value[key] : undefined
  const added = at(json, "added_tokens")
  for (const token of Array.isArray(added) ? added : []) yield [at(token, "content"), at(token, "id")]
  const vocabulary = at(at(json, "model"), "vocab")
  // Unigram lists its words in the order of their ids.
  if (Predicate.isObject(vocabulary) && !Array.isArray(vocabulary)) yield* Object.entries(vocabulary)
}

const checkIds = (json: object): void => {
  for (const [word, id] of idsIn(json)) {
    if (!(Number.isInteger(id) && Number(id) >= 0 && Number(id) < mostIds)) {
      throw new RangeError(`the id of ${show(word)} is ${show(id)}, expected a whole number from 0 to ${mostIds - 1}`)
    }
  }
}

/** Builds a tokenizer from the contents of tokenizer.json and tokenizer_config.json. */
export const fromJson = (
  tokenizerJson: object,
  tokenizerConfig: object,
  path?: string
): Effect.Effect<Tokenizer, TextError> =>
  Effect.try({
    try: (): Tokenizer => {
      checkIds(tokenizerJson)
      const inner = new HuggingFace(tokenizerJson, tokenizerConfig)
      const ids = [...inner.get_vocab(true).values()]
      const size = ids.reduce((largest, id) => Math.max(largest, id), -1) + 1
      if (size === 0) throw new Error("the vocabulary is empty")
      return {
        encode: (text) => Int32Array.from(inner.encode(text, { add_special_tokens: false }).ids),
        decode: (ids, options) => {
          const known = Array.from(ids).filter((id) => inner.id_to_token(id) !== undefined)
          // The library refuses an empty list.
          return known.length === 0 ? "" : inner.decode(known, {
            skip_special_tokens: options?.skipSpecial ?? false,
            clean_up_tokenization_spaces: false
          })
        },
        tokenId: (token) => Option.fromUndefinedOr(inner.token_to_id(token)),
        size
      }
    },
    catch: (cause) =>
      new TextError({
        operation: "load tokenizer",
        reason: cause instanceof Error ? cause.message : String(cause),
        cause,
        ...(path === undefined ? {} : { path })
      })
  })

/** The tokenizer of a model directory. */
export const fromDirectory = (
  directory: Pick<ModelDirectory, "path" | "tokenizerJson" | "tokenizerConfig">
): Effect.Effect<Tokenizer, TextError> =>
  fromJson(directory.tokenizerJson, directory.tokenizerConfig, `${directory.path}/tokenizer.json`)
