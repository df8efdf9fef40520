/**
 * What is to be annotated: a picture, or one with a question of its own.
 */
import { Effect } from "effect"
import * as Given from "../kernels/image/Given.ts"
import type { Image } from "../kernels/image/Image.ts"
import { ImageError } from "../kernels/image/index.ts"
import { show } from "../kernels/text/show.ts"

/** A picture with the question that is asked about it. */
export interface Questioned {
  readonly image: Image
  /** Default: the question of the options. */
  readonly question?: string
}

/** A picture, or one with a question of its own. Samples of a data set are such. */
export type Pictured = (Image & { readonly question?: string }) | Questioned

/** The picture and its question; fails where there is no picture, or a question that is no text. */
export const read = (pictured: Pictured, asked: string | undefined): Effect.Effect<Questioned, ImageError> =>
  Effect.suspend(() => {
    // A script may give anything: what is no object is an image that is none.
    const isPair = typeof pictured === "object" && pictured !== null && "image" in pictured
    const image = isPair ? pictured.image : pictured
    const fault = Given.fault(image)
    if (fault !== undefined) return Effect.fail(fault)
    const question: unknown = pictured.question ?? asked
    if (question === undefined) return Effect.succeed({ image })
    return typeof question === "string"
      ? Effect.succeed({ image, question })
      : Effect.fail(
        new ImageError({ image: image.id, reason: `its question is ${show(question)}`, expected: "a text" })
      )
  })
