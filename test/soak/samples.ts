/** Memory over work, as a soaking process tells it. */

/** What a process had at a time. */
export interface Sample {
  /** Steps or pipelines so far. */
  readonly done: number
  readonly mebibytes: number
}

/** As it was, or right after a garbage collection. */
export type Kind = "plain" | "collected"
export type Samples = Readonly<Record<Kind, ReadonlyArray<Sample>>>

/** Reads what a process printed. */
export const samplesOf = (text: string): Samples => {
  const found: Record<Kind, Array<Sample>> = { plain: [], collected: [] }
  for (const row of text.split("\n").filter((row) => /^\[\d+,/.test(row))) {
    const [done, kind, mebibytes]: readonly [number, Kind, number] = JSON.parse(row)
    found[kind].push({ done, mebibytes })
  }
  return found
}
