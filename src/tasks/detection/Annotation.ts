/**
 * What a detection annotates: the boxes of a picture. None at all is an annotation like any other.
 */
import { Schema } from "effect"
import { type Box, make as makeBox, type Space } from "./Box.ts"

/** One box of a picture. */
export interface Target<S extends Space> {
  readonly box: Box<S>
  /** What is in it, in tasks with labels. */
  readonly label?: string
  /** A prediction's confidence in [0, 1], by which mAP ranks; without one it is 1. */
  readonly score?: number
  /**
   * A ground-truth region of more objects than anybody boxed. It is neither written nor wanted: similarity and prompts
   * leave it out, and mAP forgives predictions inside.
   */
  readonly crowd?: boolean
}

/** The boxes of a picture, in any order. */
export type Annotation<S extends Space> = ReadonlyArray<Target<S>>

/** The targets that are wanted: all but crowds. */
export const wanted = <S extends Space>(annotation: Annotation<S>): Annotation<S> =>
  annotation.some(({ crowd }) => crowd === true) ? annotation.filter(({ crowd }) => crowd !== true) : annotation

const Side = Schema.Finite.check(Schema.isGreaterThan(0))

const BoxOf = <S extends Space>(space: S) =>
  Schema.Tuple([Schema.Finite, Schema.Finite, Side, Side]).pipe(
    // Whatever has four such numbers is a box of the space that the schema was made for.
    Schema.refine((xywh: readonly [number, number, number, number]): xywh is Box<S> =>
      makeBox(space, xywh).length === 4
    )
  )

export interface SchemaOptions {
  /** Labels that a target must bear one of; without them labels are free and may be missing. */
  readonly labels?: ReadonlyArray<string> | undefined
  /** Exactly one wanted target. Default false. */
  readonly single?: boolean
}

/** Annotations in one space: finite coordinates, positive sides. */
export const schema = <S extends Space>(
  space: S,
  options: SchemaOptions = {}
): Schema.Codec<Annotation<S>, unknown> => {
  const { labels, single = false } = options
  return Schema.Array(Schema.Struct({
    box: BoxOf(space),
    label: labels === undefined ? Schema.optionalKey(Schema.String) : Schema.Literals(labels),
    score: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
    crowd: Schema.optionalKey(Schema.Boolean)
  })).check(Schema.makeFilter((annotation) => {
    const count = annotation.filter(({ crowd }) => crowd !== true).length
    return !single || count === 1 || `exactly 1 box, got ${count}`
  }))
}
