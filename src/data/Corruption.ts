/**
 * Labels made wrong on purpose, by keyed draw: what an audit of labels is measured on.
 *
 * @module
 */
import { Effect, Stream } from "effect"
import type { DataError, Dataset } from "../dsl/Dataset.ts"
import { sampleKey } from "../dsl/sampleKeys.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as Reader from "./Options.ts"

/** Options of `corrupt`. */
export interface Options<A> {
  /** Share of the samples whose label is replaced, in [0, 1]; their number is rounded. */
  readonly share: number
  /** Seed of the draws. */
  readonly seed: number
  /** Whether a label may replace another: a replacement that says the same would be no error. */
  readonly differ: (own: A, other: A) => boolean
}

/** A data set with wrong labels, and which they are. */
export interface Corrupted<out A, out E, out R> {
  /** The data set with the replaced labels. */
  readonly data: Dataset<A, E, R>
  /** Of the samples whose label is another's: their image ids, with the question of one that is asked its own. */
  readonly ids: ReadonlySet<string>
}

interface Entry<A> {
  readonly id: string
  readonly truth: A
  readonly lot: number
  readonly place: number
}

/** What the options may be. */
const rules: Rules.Table = {
  share: Rules.required(Rules.share("[0, 1]")),
  seed: Rules.required(Rules.whole()),
  differ: Rules.any
}

/**
 * Replaces the labels of a share of the samples by the label of another sample, one that differs. Who is hit and whose
 * label it gets depend on the seed and on image ids and questions, never on their order. A sample from which no label
 * differs is spared. Reads the data once and holds its labels.
 */
export const corrupt = <A>(options: Options<A>) => {
  const { differ, seed, share } = options
  const lot = (id: string, purpose: string) => Keyed.stream(seed, `corrupt/${purpose}/${id}`).next()
  return <E, R>(self: Dataset<A, E, R>): Effect.Effect<Corrupted<A, E, R>, E | DataError, R> =>
    Reader.check("Corruption.corrupt", rules, options).pipe(
      Effect.andThen(Stream.runFold(self, (): Array<Entry<A>> => [], (entries, { image, question, truth }) => {
        const id = sampleKey({ image: image.id, question })
        entries.push({ id, truth, lot: lot(id, "victim"), place: lot(id, "donor") })
        return entries
      })),
      Effect.map((entries) => {
        const ring = entries.toSorted((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1))
        const victims = entries.toSorted((a, b) => a.lot - b.lot || (a.id < b.id ? -1 : 1)).slice(
          0,
          Math.round(share * entries.length)
        )
        const replaced = new Map<string, A>()
        for (const { id, truth } of victims) {
          // From a place of the victim's own round the ring of donors, to the first label that differs.
          const from = Math.floor(lot(id, "place") * ring.length)
          for (let step = 0; step < ring.length; step++) {
            const donor = ring[(from + step) % ring.length]
            if (donor === undefined || donor.id === id || !differ(truth, donor.truth)) continue
            replaced.set(id, donor.truth)
            break
          }
        }
        return {
          data: Stream.map(self, (sample) => {
            const truth = replaced.get(sampleKey({ image: sample.image.id, question: sample.question }))
            return truth === undefined ? sample : { ...sample, truth }
          }),
          ids: new Set(replaced.keys())
        }
      })
    )
}
