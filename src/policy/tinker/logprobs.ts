/** Log-probabilities as an engine tells them: looked at before anything is made of them. */

/**
 * What is more than this many nats above 0 is no rounding of a probability of 1: engines subtract two large numbers, in
 * float32 or worse.
 */
const ROUNDING_NATS = 0.05

/** Index of the first that is none: not finite, or of a probability above 1; −1 where all are sound. */
export const firstOdd = (logprobs: Float32Array): number =>
  logprobs.findIndex((value) => !(value <= ROUNDING_NATS && value > -Infinity))
