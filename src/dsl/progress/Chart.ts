/**
 * Charts of one line: how much of a stage is done, and where a figure went.
 */

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

/** A bar of so many cells, a share in [0, 1] of it full. */
export const bar = (share: number, width: number): string => {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width * 8)
  const text = "█".repeat(Math.floor(full / 8)) + (eighths[full % 8] ?? "")
  return text + "░".repeat(width - text.length)
}

const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

/** So many values are kept of a stage's figure; then every two become their mean. */
const most = 512

/** The values of one figure, from the beginning of its stage. */
export interface History {
  readonly add: (value: number) => void
  /** From its lowest to its highest value in at most so many cells, each the mean of its part of the stage. */
  readonly spark: (width: number) => string
}

/** A figure that has no values yet. */
export const history = (): History => {
  let values: Array<number> = []
  /** How many steps a value stands for, and what has come of the next one. */
  let each = 1
  let pending: Array<number> = []
  const mean = (some: ReadonlyArray<number>) => some.reduce((sum, value) => sum + value, 0) / some.length
  return {
    add: (value) => {
      if (!Number.isFinite(value)) return
      pending.push(value)
      if (pending.length < each) return
      values.push(mean(pending))
      pending = []
      if (values.length < most) return
      values = Array.from({ length: most / 2 }, (_, i) => mean(values.slice(2 * i, 2 * i + 2)))
      each *= 2
    },
    spark: (width) => {
      const bars = Math.min(width, values.length)
      const means = Array.from(
        { length: bars },
        (_, i) => mean(values.slice(Math.floor(i * values.length / bars), Math.floor((i + 1) * values.length / bars)))
      )
      const low = Math.min(...means)
      const range = Math.max(...means) - low
      return means.map((value) => heights[range > 0 ? Math.round((value - low) / range * (heights.length - 1)) : 0])
        .join("")
    }
  }
}
