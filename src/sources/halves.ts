/**
 * The halves of a user's own pictures: those that the data have, or a share that is held out.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import { Layouts } from "../data/index.ts"
import type * as Dataset from "../dsl/Dataset.ts"
import { mixed } from "./mixed.ts"
import { remembered } from "./remembered.ts"
import { type Fault, verified } from "./Source.ts"
import * as Spill from "./Spill.ts"
import { tiny } from "./tiny.ts"

type Samples<A> = Dataset.Dataset<A, Fault, FileSystem.FileSystem | Path.Path>

interface Options {
  /** Names the data where rows are set aside. */
  readonly data: string
  /** Whether a share is held out where there is no test half. */
  readonly hold?: boolean
  /** Keys the draw. */
  readonly seed: number
}

/** Both halves in a mixed order, with broken pictures set aside, and a share held out where there is no test half. */
export const halvesOf = Effect.fnUntraced(function*<A>(
  { data, hold = true, seed }: Options,
  found: {
    readonly train: Samples<A>
    readonly test: Option.Option<Samples<A>>
    readonly notes: ReadonlyArray<string>
  },
  classOf: (truth: A) => string
) {
  const spills = yield* Spill.here
  const small = tiny()
  const train = remembered(verified(data, found.train, small.see), spills)
  if (Option.isSome(found.test)) {
    const test = remembered(verified(`${data} (test)`, found.test.value, small.see), spills)
    return { train: mixed(train), test: mixed(test), notes: found.notes, tiny: small.notes, drawn: false }
  }
  if (!hold) {
    return { train: mixed(train), test: Stream.empty, notes: found.notes, tiny: small.notes, drawn: false }
  }
  const held = yield* Layouts.hold({ source: data, classOf, seed })(train)
  const share = `${100 * Layouts.defaultShare}% of each label`
  return {
    train: mixed(held.train),
    test: mixed(held.validation),
    tiny: small.notes,
    drawn: true,
    notes: [...found.notes, `no part to test on: ${share} held out, drawn by seed ${seed}`]
  }
})
