/**
 * A part held out to test on, of data that come without one: a share of each label by keyed draw, so that small sets
 * are tested on every label.
 */
import { Effect, Stream } from "effect"
import * as Aside from "../../dsl/Aside.ts"
import { DataError, type Dataset, type Split } from "../../dsl/Dataset.ts"
import * as Quarantine from "../../dsl/Quarantine.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import * as Reader from "../Options.ts"

export interface Options<A> {
  /** Names the data in errors. */
  readonly source: string
  /** What is drawn within: the label of a picture. */
  readonly classOf: (truth: A) => string
  /** Keys the draw, together with the image ids. */
  readonly seed: number
  /** Share of each label that is held out. */
  readonly share?: number
}

/** What the options may be. */
const rules: Rules.Table = {
  source: Rules.any,
  classOf: Rules.required(Rules.any),
  seed: Rules.required(Rules.whole()),
  share: Rules.share("[0, 1]")
}

/** Share of each label that is held out. */
export const defaultShare = 0.2

/** Collects what a pass sets aside, beside whoever does so already. */
const alsoTo = (aside: Quarantine.Shape, around: Quarantine.Shape): Quarantine.Shape => {
  const { add, passing = add } = around
  return {
    ...around,
    add: (row) => Effect.andThen(aside.add(row), add(row)),
    passing: (row) => Effect.andThen(aside.add(row), passing(row))
  }
}

/** What was set aside for what, with the first; nothing where all is there. */
const without = (aside: Quarantine.Collector) =>
  Effect.gen(function*() {
    const total = yield* aside.total
    const [first] = yield* aside.rows
    if (first === undefined) return ""
    const counts = new Map(Object.entries(yield* aside.counts))
    return `. Set aside: ${Aside.reasons({ counts })}. ${total === 1 ? "It is" : "First,"} ${Aside.line(first)}`
  })

/**
 * Holds out a share of each label, rounded, and at least one picture where a label has two. A label with one picture
 * keeps it to train on. Remembers ids. Fails where no label has two pictures, and on an option that cannot mean
 * anything.
 */
export const hold = <A>(options: Options<A>) => {
  const { classOf, seed, share = defaultShare, source } = options
  return <E, R>(self: Dataset<A, E, R>): Effect.Effect<Split<A, E | DataError, R>> =>
    Effect.gen(function*() {
      const drawn = yield* Effect.cached(Effect.gen(function*() {
        yield* Reader.check("Layouts.hold", rules, options)
        const aside = yield* Quarantine.collect
        const around = yield* Quarantine.Quarantine
        const classes = yield* Stream.runFold(
          self,
          () => new Map<string, Map<string, number>>(),
          (all, { image: { id }, truth }) => {
            const label = classOf(truth)
            const lots = all.get(label) ?? new Map<string, number>()
            all.set(label, lots.set(id, Keyed.stream(seed, `held/${id}`).next()))
            return all
          }
        ).pipe(Effect.provideService(Quarantine.Quarantine, alsoTo(aside, around)))
        const held = new Set<string>()
        for (const lots of classes.values()) {
          const count = Math.min(lots.size - 1, Math.max(1, Math.round(share * lots.size)))
          const sorted = [...lots].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
          for (const [id] of sorted.slice(0, count)) held.add(id)
        }
        if (held.size > 0) return held
        return yield* new DataError({
          source,
          reason:
            "no label has two pictures that can be read, so none can be held out to test on: add pictures, or a " +
            `test part${yield* without(aside)}`
        })
      }))
      const side = (isHeld: boolean) =>
        Stream.unwrap(Effect.map(drawn, (held) => Stream.filter(self, ({ image }) => held.has(image.id) === isHeld)))
      return { train: side(false), validation: side(true) }
    })
}
