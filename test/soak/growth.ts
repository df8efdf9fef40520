/** How much memory grew once the work was under way. */
import type { Sample } from "./samples.ts"

/** Share of the work that is warm-up: caches fill, code is compiled, the heap finds its size. */
const WARM_UP = 0.2
/** Share of the samples behind it that its beginning and its end are taken from. */
const END = 0.25

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const [low = NaN, high = NaN] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.ceil((sorted.length - 1) / 2)]
  ]
  return (low + high) / 2
}

/**
 * Growth after warm-up as a share: the median of the last quarter of the samples behind the first fifth of the work,
 * over the median of their first quarter. Negative where memory has shrunk.
 */
export const growth = (samples: ReadonlyArray<Sample>): number => {
  const last = samples.at(-1)?.done ?? 0
  const warm = samples.filter(({ done }) => done > WARM_UP * last)
  const quarter = Math.max(1, Math.floor(END * warm.length))
  const [first, end] = [warm.slice(0, quarter), warm.slice(-quarter)].map((part) =>
    median(part.map(({ mebibytes }) => mebibytes))
  )
  return (end ?? NaN) / (first ?? NaN) - 1
}
