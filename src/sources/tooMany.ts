/**
 * Pictures with more boxes than an answer may have: nobody could be right about them.
 */
import { Result, Stream } from "effect"
import type * as Dataset from "../dsl/Dataset.ts"
import { sift } from "../dsl/Sift.ts"
import { wanted } from "../tasks/detection/Annotation.ts"
import type { Annotation, Box } from "../tasks/detection/index.ts"
import { maximumBoxes } from "../tasks/detection/Reading.ts"

/** Sets them aside. `source` names the data there. */
export const unlessTooMany =
  (source: string) => <S extends Box.Space, E, R>(samples: Dataset.Dataset<Annotation<S>, E, R>) =>
    samples.pipe(
      Stream.zipWithIndex,
      Stream.map(([sample, i]) => {
        const count = wanted(sample.truth).length
        const detail = `${sample.image.id}: ${count} boxes, expected at most ${maximumBoxes}, as an answer may have`
        return {
          row: i + 1,
          read: count <= maximumBoxes ? Result.succeed([sample]) : Result.fail({ reason: "too-many-boxes", detail })
        }
      }),
      sift({ source, unit: "picture" })
    )
