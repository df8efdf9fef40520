/**
 * Whether prompts fit the model. What does not fit is refused whole: an image without some of its tokens is another
 * image.
 */
import { Effect, Schema } from "effect"
import type { EncodedPrompt } from "../chat/Encoder.ts"
import type { Model } from "./Model.ts"

/** A prompt with what follows it is longer than the model's positions. Nothing was cut off. */
export class TokenBudgetError extends Schema.TaggedError<TokenBudgetError>()("TokenBudgetError", {
  /** max_position_embeddings of the model. */
  budget: Schema.Int,
  /** Tokens of the prompt that stand for its images. */
  imageTokens: Schema.Int,
  /** Visual tokens of each image. */
  images: Schema.Array(Schema.Int),
  /** Other tokens of the prompt, the chat template's included. */
  textTokens: Schema.Int,
  /** Tokens to be sampled or scored behind it. */
  following: Schema.Int,
  /** The key of the request, where texts are drawn: it begins with the stage. */
  key: Schema.optionalKey(Schema.String),
  /** Every request of the call that does not fit, this one first, by its key, and why. */
  unfit: Schema.optionalKey(Schema.Array(Schema.Struct({ key: Schema.String, reason: Schema.String })))
}) {
  override get message() {
    return `${this.key === undefined ? "" : `${this.key}: `}${this.reason}`
  }

  /** The message without the request's key. */
  get reason() {
    const { budget, following, imageTokens, images, textTokens } = this
    const parts = [
      ...(images.length === 0
        ? []
        : [`${imageTokens} tokens of ${images.length} image${images.length === 1 ? "" : "s"} (${images.join(", ")})`]),
      `${textTokens} of text`,
      ...(following === 0 ? [] : [`${following} to follow`])
    ]
    const room = budget - imageTokens - textTokens
    const prompt = images.length === 0
      ? "shorten the prompt"
      : "shorten the prompt, send fewer images, or lower max_pixels in preprocessor_config.json"
    const next = room <= 0
      ? prompt
      : this.key === undefined
      ? `shorten the text behind it to ${room} tokens, or ${prompt}`
      : `lower maxTokens to ${room} or less, or ${prompt}`
    return `a prompt of ${parts.join(", ")} exceeds the model's budget of ${budget} tokens by ${
      imageTokens + textTokens + following - budget
    }; ${next}`
  }
}

/** One error for all that do not fit: whoever asks knows at once what to ask without. */
export const together = (errors: readonly [TokenBudgetError, ...ReadonlyArray<TokenBudgetError>]): TokenBudgetError => {
  const unfit = errors.flatMap(({ key, reason }) => key === undefined ? [] : [{ key, reason }])
  return new TokenBudgetError({ ...errors[0], unfit })
}

/**
 * @param following tokens to be sampled or scored behind the prompt
 * @param key of the request, where texts are drawn
 */
export const check = (
  { config, preprocessor }: Pick<Model, "config" | "preprocessor">,
  { grids, tokens }: EncodedPrompt,
  following: number,
  key?: string
): Effect.Effect<void, TokenBudgetError> => {
  if (tokens.length + following <= config.maxPositions) return Effect.void
  const images = grids.map(preprocessor.mergedTokens)
  const imageTokens = images.reduce((a, b) => a + b, 0)
  return Effect.fail(
    new TokenBudgetError({
      budget: config.maxPositions,
      imageTokens,
      images,
      textTokens: tokens.length - imageTokens,
      following,
      ...(key === undefined ? {} : { key })
    })
  )
}
