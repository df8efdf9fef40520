/**
 * Is a reasoning about what is in the picture? The cues that it names, against those that are there.
 *
 * @module
 */

/** Counts that add up over samples. */
export interface Groundedness {
  /** Samples counted. */
  readonly samples: number
  /** Cues named that are in the picture. */
  readonly hits: number
  /** Cues that the texts name. */
  readonly named: number
  /** Cues that are in the pictures. */
  readonly present: number
}

/** Zero counts: what sums start from. */
export const none: Groundedness = { samples: 0, hits: 0, named: 0, present: 0 }

/** Counts the cues that a text names, each once, against those that are there. */
export const count = (named: Iterable<string>, cues: Iterable<string>): Groundedness => {
  const told = new Set(named)
  const present = new Set(cues)
  return {
    samples: 1,
    hits: [...told].filter((cue) => present.has(cue)).length,
    named: told.size,
    present: present.size
  }
}

/** The counts of two samples, or of two sums, together. */
export const add = (a: Groundedness, b: Groundedness): Groundedness => ({
  samples: a.samples + b.samples,
  hits: a.hits + b.hits,
  named: a.named + b.named,
  present: a.present + b.present
})

/** Share of the named cues that are there, in [0, 1]; 1 where nothing is named, for nothing false was said. */
export const precision = ({ hits, named }: Groundedness): number => named === 0 ? 1 : hits / named

/** Share of the cues there that are named, in [0, 1]; 1 where there are none. */
export const recall = ({ hits, present }: Groundedness): number => present === 0 ? 1 : hits / present

/** The figures by name, with the samples and the cues that they are of. A share of no cue is no figure. */
export const figures = (
  sum: Groundedness
): ReadonlyArray<{ readonly metric: string; readonly value: number; readonly n: number; readonly items: number }> =>
  [
    { metric: "cue precision", value: precision(sum), n: sum.samples, items: sum.named },
    { metric: "cue recall", value: recall(sum), n: sum.samples, items: sum.present }
  ].filter(({ items }) => items > 0)
