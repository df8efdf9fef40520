/**
 * Prompts as an engine takes them: token ids around encoded pictures. The directory of the model's texts is here (no
 * weights): chat template, tokenizer and image processor say how many visual tokens a picture becomes.
 */
import { Effect, Option, Predicate } from "effect"
import sharp from "sharp"
import { Decode, Image, ImageError, Preprocess } from "../../kernels/image/index.ts"
import { Tokenizer } from "../../kernels/text/index.ts"
import { ModelDirectory } from "../../kernels/weights/index.ts"
import { specialsOf, templateVariables } from "../chat/Controls.ts"
import * as Encoder from "../chat/Encoder.ts"
import * as EndOfTurn from "../chat/EndOfTurn.ts"
import * as Thinking from "../chat/Thinking.ts"
import { PictureCache } from "../PictureCache.ts"
import { PolicyError, type Prepared, type Prompt } from "../Policy.ts"
import type { Chunk } from "./Wire.ts"

/** How pictures are sent. */
export interface Pictures {
  /** "png" is exact; "jpeg" has a tenth of the bytes, and costs some detail. Default "png". */
  readonly format?: "png" | "jpeg"
  /** Of JPEGs, 1 to 100. Default 92. */
  readonly quality?: number
}

export interface Prompts {
  readonly chunks: (prompt: Prompt) => Effect.Effect<ReadonlyArray<Chunk>, PolicyError | ImageError>
  /**
   * A picture read ahead: at the size that the model takes, where an engine leaves that as it is; else the picture
   * itself.
   */
  readonly prepare: (image: Image.Image) => Effect.Effect<Prepared, ImageError>
  readonly text: (text: string) => Int32Array
  readonly decode: (tokens: Int32Array) => string
  /** Token ids that the model has. */
  readonly vocabulary: number
  readonly endOfTurn: number
  /** Every token that ends a turn, `endOfTurn` first. */
  readonly ends: ReadonlyArray<number>
  /** Control tokens, tokens that end a turn, and ids that stand for nothing. */
  readonly specials: ReadonlySet<number>
  /** Whether pictures can be sent at all. */
  readonly readsPictures: boolean
}

/** Encoded pictures kept: a group of candidates asks about one several times in a row. */
const KEPT_BYTES = 64 * 1024 * 1024

type Encoded = Extract<Chunk, { readonly type: "image" }>

/** A field of the configuration, or of the language model's part of it. */
const intOf = (config: Readonly<Record<string, unknown>>, name: string): number | undefined => {
  const inner = config["text_config"]
  const value = config[name] ?? (Predicate.isObject(inner) ? Reflect.get(inner, name) : undefined)
  return typeof value === "number" && Number.isInteger(value) ? value : undefined
}

/** Reads a directory; fails with what is missing in it. */
export const make = Effect.fnUntraced(function*(path: string, pictures: Pictures | "none") {
  const { format = "png", quality = 92 }: Pictures = pictures === "none" ? {} : pictures
  const failed = (cause: { readonly message: string }) =>
    new PolicyError({ operation: "load", reason: cause.message, cause })
  const directory = yield* Effect.mapError(ModelDirectory.openTexts(path), failed)
  const tokenizer = yield* Effect.mapError(
    Tokenizer.fromJson(directory.tokenizerJson, directory.tokenizerConfig, path),
    failed
  )
  const variables = templateVariables(directory)
  const vocabulary = intOf(directory.config, "vocab_size") ?? tokenizer.size
  const specials = specialsOf(directory, tokenizer.size, vocabulary)
  const end = yield* EndOfTurn.of(directory, tokenizer, variables, specials)
  const imageToken = intOf(directory.config, "image_token_id")
  const preprocessor = yield* Option.match(directory.preprocessorConfig, {
    onNone: () => Effect.succeed(undefined),
    onSome: (config) => Effect.mapError(Preprocess.fromConfig(config), failed)
  })
  const reader = pictures === "none" || imageToken === undefined || preprocessor === undefined
    ? undefined
    : { imageToken, preprocessor }
  // One placeholder a picture: the engine puts in as many as it needs.
  const encoder = Encoder.make(
    tokenizer,
    { source: yield* Thinking.withoutOpening(directory.chatTemplate, variables), variables },
    { image: imageToken ?? -1, video: intOf(directory.config, "video_token_id") ?? -1 },
    () => 1
  )
  const kept = new PictureCache<Encoded>(KEPT_BYTES, ({ data }) => data.length)

  const blind = (image: Image.Image) =>
    new ImageError({
      image: image.id,
      reason: `${path} is the directory of a model that reads no pictures`,
      expected: "config.json with image_token_id, and preprocessor_config.json"
    })

  const encode = Effect.fnUntraced(function*(image: Image.Image) {
    if (reader === undefined) return yield* blind(image)
    const { mergedTokens, patchSize } = reader.preprocessor
    const { pixels: { height, width }, pixels } = yield* reader.preprocessor.fit(image)
    // An engine prepares what it is sent: a size that it would resample once more is its own to choose.
    const sent = reader.preprocessor.isSettled(pixels) ? pixels : yield* Decode.load(image)
    const raw = sharp(sent.data, { raw: { width: sent.width, height: sent.height, channels: 3 } })
    const bytes = yield* Effect.tryPromise({
      try: () => (format === "png" ? raw.png() : raw.jpeg({ quality })).toBuffer(),
      catch: (cause) => new ImageError({ image: image.id, reason: "could not be encoded", cause })
    })
    // A size that is not resized need not be a multiple of the patches: such a picture is refused where it is cut.
    const grid = [1, Math.floor(height / patchSize), Math.floor(width / patchSize)] as const
    const encoded: Encoded = { type: "image", data: bytes, format, tokens: mergedTokens(grid) }
    return encoded
  })

  const pictureOf = (image: Image.Image) =>
    Effect.suspend(() => {
      const held = kept.get(image)
      return held !== undefined
        ? Effect.succeed(held)
        : Effect.tap(encode(image), (made) => Effect.sync(() => kept.set(image, made)))
    })

  const prompts: Prompts = {
    chunks: Effect.fnUntraced(function*(asked) {
      const prompt = pictures === "none" ? { ...asked, images: [] } : asked
      const encoded = yield* Effect.forEach(prompt.images, pictureOf)
      const { tokens } = yield* encoder.prompt(prompt, encoded.map(() => [1, 1, 1] as const))
      const chunks: Array<Chunk> = []
      let from = 0
      const text = (to: number) => {
        if (to > from) chunks.push({ type: "text", tokens: tokens.slice(from, to) })
        from = to + 1
      }
      let next = 0
      tokens.forEach((token, i) => {
        const picture = token === imageToken ? encoded[next++] : undefined
        if (picture === undefined) return
        text(i)
        chunks.push(picture)
      })
      text(tokens.length)
      return chunks
    }),
    prepare: Effect.fnUntraced(function*(image) {
      if (reader === undefined) return yield* blind(image)
      const { height, pixels, width } = yield* reader.preprocessor.fit(image)
      return { image: reader.preprocessor.isSettled(pixels) ? Image.fitted(image.id, pixels) : image, width, height }
    }),
    text: encoder.text,
    decode: (tokens) => tokenizer.decode(tokens, { skipSpecial: false }).trim(),
    vocabulary,
    endOfTurn: end.token,
    ends: end.all,
    specials: new Set([...specials, ...end.all]),
    readsPictures: reader !== undefined
  }
  return prompts
})
