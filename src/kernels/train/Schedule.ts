/**
 * Learning rates as functions of the step.
 *
 * Steps count from 0. Warm-up climbs linearly and reaches the peak on its last step, so that even the first step
 * learns: step 0 of w gets peak / w. (Hugging Face's schedulers start at 0 instead.) Past `total` the floor holds.
 */

/** Learning rate of a step. */
export type Schedule = (step: number) => number

export interface Options {
  /** Learning rate after warm-up. */
  readonly peak: number
  /** Steps of warm-up. Default 0. */
  readonly warmup?: number
}

export interface DecayOptions extends Options {
  /** Steps of the whole run, warm-up included. */
  readonly total: number
  /** Learning rate at step `total`. Default 0. */
  readonly floor?: number
}

const warmed = ({ peak, warmup = 0 }: Options, after: Schedule): Schedule => (step) =>
  step < warmup ? peak * (step + 1) / warmup : after(step)

/** From 0 at the end of warm-up to 1 at step `total` and beyond. */
const progress = ({ total, warmup = 0 }: DecayOptions, step: number): number =>
  total <= warmup ? 1 : Math.min(1, (step - warmup) / (total - warmup))

/** The peak for ever. */
export const constant = (options: Options): Schedule => warmed(options, () => options.peak)

/** A straight line from the peak to the floor. */
export const linear = (options: DecayOptions): Schedule => {
  const { floor = 0, peak } = options
  return warmed(options, (step) => peak + (floor - peak) * progress(options, step))
}

/** Half a cosine from the peak to the floor (Loshchilov & Hutter, "SGDR", eq. 5, without restarts). */
export const cosine = (options: DecayOptions): Schedule => {
  const { floor = 0, peak } = options
  return warmed(options, (step) => floor + (peak - floor) * (1 + Math.cos(Math.PI * progress(options, step))) / 2)
}
