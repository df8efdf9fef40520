/** Where a box is in its picture, by what its four numbers are. */
import type { Xywh } from "../../kernels/math/Iou.ts"
import type { Box, Form } from "./BoxForms.ts"

interface Size {
  readonly width: number
  readonly height: number
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

/** In pixels. @param shares whether the numbers are shares of the sides */
export const place = ({ form, numbers: [a, b, c, d] }: Pick<Box, "form" | "numbers">, shares: boolean, size: Size) => {
  const corners = (l: number, t: number, r: number, bottom: number): Xywh => [l, t, r - l, bottom - t]
  const forms: Readonly<Record<Form, Xywh>> = {
    xywh: [a, b, c, d],
    xyxy: corners(a, b, c, d),
    cxcywh: [a - c / 2, b - d / 2, c, d],
    hundredths: [a / 100, b / 100, c / 100, d / 100],
    thousandths: corners(a / 1000, b / 1000, c / 1000, d / 1000),
    yxyx: corners(b / 1000, a / 1000, d / 1000, c / 1000)
  }
  const [x, y, w, h] = forms[form]
  const [across, down] = inUnits(form) || shares ? [size.width, size.height] : [1, 1]
  const placed: Xywh = [x * across, y * down, w * across, h * down]
  return placed
}

/** Whether a form has a unit of its own. */
export const inUnits = (form: Form): boolean => ["hundredths", "thousandths", "yxyx"].includes(form)

/** Whether a box has an area and lies in its picture, but for what rounding does: a hundredth of a side. */
const fits = ([x, y, w, h]: Xywh, { height, width }: Size): boolean => {
  const [dx, dy] = [1 + width / 100, 1 + height / 100]
  return w > 0 && h > 0 && x >= -dx && y >= -dy && x + w <= width + dx && y + h <= height + dy
}

/** A box that its field leaves in doubt, and its picture. */
export interface Seen {
  readonly box: Box
  readonly size: Size
}

/** Other forms that every box fits, where the form of their field does not fit all; none where that is in order. */
export const others = (seen: ReadonlyArray<Seen>, shares: boolean): ReadonlyArray<Form> => {
  const fitted = (form?: Form) =>
    seen.every(({ box, size }) => fits(place(form ? { ...box, form } : box, shares, size), size))
  if (seen.length === 0 || fitted()) return []
  const forms: ReadonlyArray<Form> = shares ? ["xyxy", "cxcywh"] : ["xywh", "xyxy", "cxcywh", "thousandths"]
  return forms.filter(fitted)
}
