/**
 * Ground truth from a data set's pixels into the space that a task's model writes.
 *
 * @module
 */
import { Stream } from "effect"
import type { Instances } from "../../data/index.ts"
import type { Sample } from "../../dsl/Task.ts"
import type { Annotation } from "./Annotation.ts"
import * as Box from "./Box.ts"

/**
 * The frame that a picture of this size is annotated in: a normalised one, or `resized` by what the processor makes of
 * it.
 */
export type FrameOf<S extends Box.Space> = (picture: Box.Frame<"absolute">) => Box.Frame<S>

/** The boxes of a picture in another space. */
export const annotation =
  <S extends Box.Space>(frameOf: FrameOf<S>) => ({ height, instances, width }: Instances): Annotation<S> => {
    const from = Box.pixels({ width, height })
    const to = frameOf(from)
    return instances.map(({ box, ...rest }) => ({ ...rest, box: Box.convert(Box.make("absolute", box), from, to) }))
  }

/**
 * A data set of boxes as a task wants it; what else a sample carries, a question for example, stays.
 *
 * ```ts
 * CocoInstances.read(file).pipe(BoxTruth.inFrame(() => Box.thousandths))
 * ```
 */
export const inFrame = <S extends Box.Space>(frameOf: FrameOf<S>) => {
  const convert = annotation(frameOf)
  return <T extends Sample<Instances>, E, R>(
    data: Stream.Stream<T, E, R>
  ): Stream.Stream<Omit<T, "truth"> & Sample<Annotation<S>>, E, R> =>
    Stream.map(data, (sample) => ({ ...sample, truth: convert(sample.truth) }))
}
