/** Where a box is in its picture, by what its four numbers are. */
import type { Xywh } from "../kernels/math/Iou.ts"

/** What the four numbers of a box are. */
export type Form = "xywh" | "xyxy" | "cxcywh" | "hundredths" | "thousandths" | "yxyx"

/** Four numbers, and what they are. */
export interface Written {
  readonly numbers: Xywh
  readonly form: Form
}

/** Of a picture, in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** Of a picture as it is shown; `turned` where its EXIF orientation swaps the sides of the file. */
export interface Shown extends Size {
  readonly turned?: boolean
}

/**
 * Why boxes in pixels are not of this picture: they were drawn in one of another size, and would point elsewhere. None
 * where the size fits. A size with the sides of the file as it is stored, before EXIF turns it, fits neither: its boxes
 * may have been drawn before the turn or behind it.
 *
 * @param stated the size that is said of the picture
 * @param how it is said, as in "stated as"
 */
export const misfit = (stated: Size, { height, turned = false, width }: Shown, how: string): string | undefined => {
  if (stated.width === width && stated.height === height) return undefined
  const isStored = turned && stated.width === height && stated.height === width
  return `${width} × ${height}, ${how} ${stated.width} × ${stated.height}` + (isStored
    ? ", the sides of the file before its EXIF orientation turns it: whether its boxes were drawn before or behind " +
      "the turn cannot be told. Turn the pixels themselves, and state the size that the boxes are in"
    : "")
}

/** Forms in words, for what is told. */
export const words: Readonly<Record<Form, string>> = {
  xywh: "[x, y, width, height]",
  xyxy: "[left, top, right, bottom]",
  cxcywh: "[centre x, centre y, width, height]",
  hundredths: "[x, y, width, height] in percent of the sides",
  thousandths: "[left, top, right, bottom] in thousandths of the sides",
  yxyx: "[top, left, bottom, right] in thousandths of the sides"
}

/** What a side is in a form that has a unit of its own. */
const sides: Partial<Readonly<Record<Form, number>>> = { hundredths: 100, thousandths: 1000, yxyx: 1000 }

/** Whether a form has a unit of its own. */
export const inUnits = (form: Form): boolean => sides[form] !== undefined

/** In pixels. @param shares whether the numbers are shares of the sides */
export const place = ({ form, numbers }: Written, shares: boolean, size: Size): Xywh => {
  const side = sides[form] ?? (shares ? 1 : undefined)
  const [across, down] = form === "yxyx" ? [size.height, size.width] : [size.width, size.height]
  // Multiplied first: whole numbers stay whole.
  const scaled = (value: number, length: number) => side === undefined ? value : value * length / side
  const [a, b, c, d] = [
    scaled(numbers[0], across),
    scaled(numbers[1], down),
    scaled(numbers[2], across),
    scaled(numbers[3], down)
  ]
  const forms: Readonly<Record<Form, Xywh>> = {
    xywh: [a, b, c, d],
    hundredths: [a, b, c, d],
    xyxy: [a, b, c - a, d - b],
    thousandths: [a, b, c - a, d - b],
    yxyx: [b, a, d - b, c - a],
    cxcywh: [a - c / 2, b - d / 2, c, d]
  }
  return forms[form]
}

/** Whether a box has an area and lies in its picture, but for what rounding does: a hundredth of a side. */
const fits = ([x, y, w, h]: Xywh, { height, width }: Size): boolean => {
  const [dx, dy] = [1 + width / 100, 1 + height / 100]
  return w > 0 && h > 0 && x >= -dx && y >= -dy && x + w <= width + dx && y + h <= height + dy
}

/** A box that its field leaves in doubt, and its picture. */
export interface Seen {
  readonly box: Written
  readonly size: Size
}

/** Pictures that are looked at for what the numbers of their boxes mean. */
export const looked = 200

/** Other forms that every box fits, where the form of their field does not fit all; none where that is in order. */
export const others = (seen: ReadonlyArray<Seen>, shares: boolean): ReadonlyArray<Form> => {
  const fitted = (form?: Form) =>
    seen.every(({ box, size }) => fits(place(form ? { ...box, form } : box, shares, size), size))
  if (seen.length === 0 || fitted()) return []
  const forms: ReadonlyArray<Form> = shares ? ["xyxy", "cxcywh"] : ["xywh", "xyxy", "cxcywh", "thousandths"]
  return forms.filter(fitted)
}

/** Whether numbers are shares of the sides rather than pixels: none is beyond 1, and not all are whole. */
export const areShares = (numbers: Xywh): boolean =>
  numbers.every((value) => Math.abs(value) <= 1) && !numbers.every(Number.isInteger)
