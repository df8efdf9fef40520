/** What is varied in the curves, one thing at a time. */
import { availableParallelism } from "node:os"

/** A step of training: groups drawn and learned from. */
export interface Work {
  /** Candidates of each prompt. */
  readonly candidates: number
  /** Tokens of a prompt, those of its picture included; absent where the picture says how many. */
  readonly prompt: number | undefined
  /** Side of the prompt's picture in pixels; absent: no picture. */
  readonly side: number | undefined
  readonly workers: number
}

/** What is kept where another thing is varied. */
const standard: Work = { candidates: 8, prompt: 128, side: undefined, workers: availableParallelism() }

/** One curve: its points from left to right. */
export interface Axis {
  readonly name: string
  /** Of the horizontal axis. */
  readonly unit: string
  /** What is counted in a second. */
  readonly counted: string
  readonly points: ReadonlyArray<{ readonly at: number; readonly args: ReadonlyArray<string> }>
}

const training = (values: ReadonlyArray<number>, work: (value: number) => Partial<Work>) =>
  values.map((at) => ({ at, args: ["training.ts", JSON.stringify({ ...standard, ...work(at) })] }))

/** All of them; `quick`: their first points alone. */
export const axes = (quick: boolean): ReadonlyArray<Axis> => {
  const all: ReadonlyArray<Axis> = [
    {
      name: "candidates",
      unit: "candidates of a prompt",
      counted: "tokens",
      points: training([1, 2, 4, 8, 16, 32], (candidates) => ({ candidates }))
    },
    {
      name: "prompt",
      unit: "tokens of a prompt",
      counted: "tokens",
      points: training([64, 128, 256, 512, 1024], (prompt) => ({ prompt }))
    },
    {
      name: "picture",
      unit: "pixels of a side",
      counted: "tokens",
      points: training([112, 224, 448, 672, 896], (side) => ({ side, prompt: undefined }))
    },
    {
      name: "workers",
      unit: "workers of one thread",
      counted: "tokens",
      points: training([...new Set([1, 2, availableParallelism()])], (workers) => ({ workers }))
    },
    {
      name: "data",
      unit: "10^x samples streamed",
      counted: "samples",
      points: [2, 3, 4, 5].map((at) => ({ at, args: ["pipeline.ts", String(10 ** at)] }))
    }
  ]
  return quick ? all.map((axis) => ({ ...axis, points: axis.points.slice(0, 2) })) : all
}
