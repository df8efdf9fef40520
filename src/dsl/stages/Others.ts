/** Pictures of the data that no lesson is about: those that the filter dropped. All of them, where every one is. */
import { Effect, Stream } from "effect"
import type { Sample } from "../Task.ts"

/** A replayable stream of them. Ids of lessons are held, pictures are not. */
export const of = Effect.fnUntraced(function*<A, E, R, E2, R2>(
  data: Stream.Stream<Sample<A>, E, R>,
  lessons: Stream.Stream<{ readonly sample: Sample<A> }, E2, R2>
) {
  const taught = yield* Stream.runFold(lessons, () => new Set<string>(), (ids, { sample }) => ids.add(sample.image.id))
  const others = Stream.filter(data, ({ image }) => !taught.has(image.id))
  return (yield* Stream.runCount(others)) === 0 ? data : others
})
