/**
 * Which pictures reasonings are held against: groups of eight, drawn by keys.
 */
import { Effect, Stream } from "effect"
import type { Sample } from "../../dsl/Task.ts"
import { Keyed } from "../../kernels/math/index.ts"

/** Pictures that one reasoning is held against, its own among them. */
export const size = 8

/** Deals pictures into groups of eight, or as near to eight as their number allows. */
export const groups = <A>(pictures: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const count = Math.max(1, Math.round(pictures.length / size))
  return Array.from(
    { length: count },
    (_, i) => pictures.slice(Math.floor(i * pictures.length / count), Math.floor((i + 1) * pictures.length / count))
  )
}

/** A sample that was drawn, with its place in the data. */
export interface Drawn<out A> {
  readonly at: number
  readonly sample: Sample<A>
}

/**
 * Samples of so many pictures, in the order of their keys: which one is drawn does not depend on what else there is to
 * ask. Of a picture that is asked about more than once, its first sample.
 */
export const drawn = <A, E, R>(
  data: Stream.Stream<Sample<A>, E, R>,
  { count, seed }: { readonly count: number; readonly seed: number }
): Effect.Effect<ReadonlyArray<Drawn<A>>, E, R> =>
  Effect.gen(function*() {
    const indexed = Stream.zipWithIndex(data)
    const keys = yield* Stream.runFold(
      indexed,
      () => new Map<string, { readonly at: number; readonly key: number }>(),
      (keys, [{ image: { id } }, at]) =>
        keys.has(id)
          ? keys
          : keys.set(id, { at, key: Keyed.stream(seed, `image-swap/sample=${id}`).next() })
    )
    const order = [...keys.values()].sort((a, b) => a.key - b.key || a.at - b.at).slice(0, count)
    const wanted = new Set(order.map(({ at }) => at))
    const found = new Map<number, Sample<A>>()
    yield* Stream.runForEach(
      Stream.filter(indexed, ([_, at]) => wanted.has(at)),
      ([sample, at]) => Effect.sync(() => void found.set(at, sample))
    )
    return order.flatMap(({ at }) => {
      const sample = found.get(at)
      return sample === undefined ? [] : [{ at, sample }]
    })
  })
