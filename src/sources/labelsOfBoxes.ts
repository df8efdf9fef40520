/**
 * Boxes read as labels.
 */
import { Result, Stream } from "effect"
import type { Instances } from "../data/index.ts"
import type * as Dataset from "../dsl/Dataset.ts"
import { sift } from "../dsl/Sift.ts"
import type { Distribution } from "../tasks/classification/index.ts"

/** Pictures with boxes as pictures with the shares of what is in them; those with nothing in them are set aside. */
export const labelsOfBoxes = (source: string, labels: ReadonlyArray<string>) =>
<R>(
  samples: Dataset.Dataset<Instances, Dataset.DataError, R>
): Dataset.Dataset<Distribution, Dataset.DataError, R> =>
  samples.pipe(
    Stream.zipWithIndex,
    Stream.map(([{ image, truth: { instances } }, i]) => {
      const things = instances.filter(({ crowd, label }) => crowd !== true && label !== undefined)
      const shares = labels.map((label) => things.filter((thing) => thing.label === label).length / things.length)
      return {
        row: i + 1,
        read: things.length > 0
          ? Result.succeed([{ image, truth: shares }])
          : Result.fail({ reason: "no-label", detail: `${image.id}: nothing is boxed in it` })
      }
    }),
    sift({ source: `${source} (labels of boxes)`, unit: "picture" })
  )
