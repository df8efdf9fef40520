/**
 * Boxes that know their coordinate space, and the only ways from one space to another.
 *
 * A box is `[x, y, width, height]` from the top left, as in the paper. Which numbers those are depends on who writes
 * them: pixels of the picture on disk, pixels of the picture after resizing, thousandths of its sides, shares of its
 * sides. The space is part of the type, so comparing boxes of two spaces does not compile, and every conversion asks
 * for the frames.
 *
 * ```ts
 * const picture = Box.pixels({ width: 640, height: 480 })
 * const box = Box.make("absolute", [64, 48, 320, 240])
 * Box.convert(box, picture, Box.thousandths) // [100, 100, 500, 500]
 * ```
 *
 * @module
 */
import { Option } from "effect"
import * as Iou from "../../kernels/math/Iou.ts"

/**
 * - `absolute`: pixels of the picture as it is stored, the space of data sets;
 * - `resized`: pixels of the picture as the model sees it;
 * - `thousandths`: 0 to 1000 along either side;
 * - `unit`: 0 to 1 along either side.
 */
export type Space = "absolute" | "resized" | "thousandths" | "unit"

declare const space: unique symbol

/** Left, top, width and height in the space `S`. The mark exists in the type alone, and no space stands for another. */
export type Box<S extends Space> = Iou.Xywh & {
  /** Marks the space for the compiler; no such property exists at run time. */
  readonly [space]: (space: S) => S
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** A space with its extent for one picture: what a conversion needs to know. */
export interface Frame<S extends Space> extends Size {
  /** The space that `width` and `height` are counted in. */
  readonly space: S
}

/** The frame of a picture as it is stored. */
export const pixels = ({ height, width }: Size): Frame<"absolute"> => ({ space: "absolute", width, height })

/** The frame of a picture after resizing, for example of `smartResize`'s result. */
export const resized = ({ height, width }: Size): Frame<"resized"> => ({ space: "resized", width, height })

/** The frame of thousandths, the same for every picture. */
export const thousandths: Frame<"thousandths"> = { space: "thousandths", width: 1000, height: 1000 }
/** The frame of shares of the sides, the same for every picture. */
export const unit: Frame<"unit"> = { space: "unit", width: 1, height: 1 }

/** Says in which space these numbers are. They are not checked: schemas and codecs do that where values enter. */
export const make = <const S extends Space>(_space: S, xywh: Iou.Xywh): Box<S> => xywh as Box<S>

/** Left, top, right and bottom. */
export type Corners = readonly [left: number, top: number, right: number, bottom: number]

/** The box between two corners. As with `make`, the numbers are not checked. */
export const fromCorners = <const S extends Space>(space: S, [left, top, right, bottom]: Corners): Box<S> =>
  make(space, [left, top, right - left, bottom - top])

/** The edges of a box: left, top, right, bottom. */
export const corners = <S extends Space>([x, y, width, height]: Box<S>): Corners => [x, y, x + width, y + height]

/** The same place in another space of the same picture. */
export const convert = <S extends Space, T extends Space>(box: Box<S>, from: Frame<S>, to: Frame<T>): Box<T> => {
  const across = to.width / from.width
  const down = to.height / from.height
  return make(to.space, [box[0] * across, box[1] * down, box[2] * across, box[3] * down])
}

/** The part of a box inside its frame, the box itself where it is all inside; None where no area is left. */
export const clip = <S extends Space>(box: Box<S>, frame: Frame<S>): Option.Option<Box<S>> => {
  const [left, top, right, bottom] = corners(box)
  const full = box[2] > 0 && box[3] > 0
  if (full && left >= 0 && top >= 0 && right <= frame.width && bottom <= frame.height) return Option.some(box)
  const part = fromCorners(frame.space, [
    Math.max(0, left),
    Math.max(0, top),
    Math.min(frame.width, right),
    Math.min(frame.height, bottom)
  ])
  return part[2] > 0 && part[3] > 0 ? Option.some(part) : Option.none()
}

/**
 * Intersection over union, in [0, 1]; 0 for an empty box, 1 exactly for equal ones, whatever x + width − x rounds to.
 */
export const iou = <S extends Space>(a: Box<S>, b: Box<S>): number =>
  a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3] && a[2] > 0 && a[3] > 0 ? 1 : Iou.iou(a, b)
