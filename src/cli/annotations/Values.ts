/**
 * Annotations of a task in numbers, as rows hold them.
 */
import { Result } from "effect"
import { rounded } from "../../evaluation/confidence.ts"
import type { Classification } from "../../tasks/classification/index.ts"
import { type Annotation, Box } from "../../tasks/detection/index.ts"
import { type Boxed, type Size, type Value } from "./Row.ts"

/** A distribution by label. */
export const shares = (task: Classification.Classification) => (distribution: ReadonlyArray<number>): Value => {
  // As the annotation beside it says it: whole percents of a hundred, whatever the model's summed to.
  const said = Result.getOrElse(task.decode(task.encode(distribution)), () => distribution)
  return Object.fromEntries(task.labels.map((label, i) => [label, said[i] ?? 0]))
}

const hundredth = (pixels: number) => Math.round(pixels * 100) / 100

/** Boxes in pixels of their picture. @param frameOf the space that the task writes boxes in */
export const boxes = <S extends Box.Space>(frameOf: (picture: Size) => Box.Frame<S>) =>
(
  annotation: Annotation<S>,
  size: Size
): Value =>
  annotation.map(({ box, label, score }): Boxed => {
    const [x, y, width, height] = Box.convert(box, frameOf(size), Box.pixels(size))
    return {
      ...(label === undefined ? {} : { label }),
      box: [hundredth(x), hundredth(y), hundredth(width), hundredth(height)],
      ...(score === undefined ? {} : { score: rounded(score) })
    }
  })

/** The space of most tasks. */
export const inThousandths = (): Box.Frame<"thousandths"> => Box.thousandths

/** What stands for the labels of boxes without names. */
export const unnamed: ReadonlyArray<string> = ["answer"]
