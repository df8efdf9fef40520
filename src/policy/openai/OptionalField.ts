/** What a request may say and a server may not know. */

/** Fields that can be left out or said otherwise. */
export const optional = [
  "n",
  "logprobs",
  "seed",
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens"
] as const
export type OptionalField = typeof optional[number]
