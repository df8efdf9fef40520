/**
 * What annotators draw in Label Studio, as boxes in percent of the picture's sides.
 *
 * A rectangle turned by an angle, clockwise around its top left corner, becomes the box around it; so do polygons and
 * ellipses. Brushes have no outline that could be boxed.
 */
import { Option, Result } from "effect"
import type { Xywh } from "../../kernels/math/Iou.ts"
import { around, type Point } from "../Instances.ts"
import { quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Spelling from "../Spelling.ts"
import type { Box, Fields } from "./BoxForms.ts"

const numbersOf = (value: Fields, keys: ReadonlyArray<string>): Option.Option<ReadonlyArray<number>> =>
  Option.all(keys.map((key) => {
    const number = value[key]
    return typeof number === "number" && Number.isFinite(number) ? Option.some(number) : Option.none()
  }))

const bad = (detail: string) => Result.fail<BadRow>({ reason: "bad-annotation", detail })

/** Turns points around one of them, in a picture of these sides: percent of a width and of a height differ. */
const turned = (points: ReadonlyArray<Point>, [x, y]: Point, degrees: number, [width, height]: Point) => {
  const [sin, cos] = [Math.sin(degrees * Math.PI / 180), Math.cos(degrees * Math.PI / 180)]
  return points.map(([px, py]): Point => {
    const [dx, dy] = [(px - x) * width, (py - y) * height]
    return [x + (dx * cos - dy * sin) / width, y + (dx * sin + dy * cos) / height]
  })
}

/** Where a turned shape is whose outline is this. */
const enclosing = (points: ReadonlyArray<Point>, centre: Point, value: Fields): Result.Result<Xywh, BadRow> => {
  const { rotation = 0 } = value
  if (rotation === 0 || rotation === null) return Result.succeed(around(points))
  const sides = numbersOf(value, ["original_width", "original_height"])
  const [width = 0, height = 0] = Option.getOrElse(sides, () => [])
  if (typeof rotation !== "number" || !Number.isFinite(rotation)) return bad(`"rotation" is ${quoted(rotation)}`)
  if (!(width > 0 && height > 0)) {
    return bad(`a shape turned by ${rotation}° without "original_width" and "original_height"`)
  }
  return Result.succeed(around(turned(points, centre, rotation, [width, height])))
}

/** Points of an ellipse's outline: as many as make its box right to a hundredth of a percent. */
const steps = 720

const rectangle = (value: Fields, [x = 0, y = 0, w = 0, h = 0]: ReadonlyArray<number>) =>
  enclosing([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], [x, y], value)

const ellipse = (value: Fields, [x = 0, y = 0, across = 0, down = 0]: ReadonlyArray<number>) =>
  enclosing(
    Array.from({ length: steps }, (_, i): Point => {
      const angle = 2 * Math.PI * i / steps
      return [x + across * Math.cos(angle), y + down * Math.sin(angle)]
    }),
    [x, y],
    value
  )

const polygon = (value: Fields): Option.Option<ReadonlyArray<Point>> => {
  const { points } = value
  if (!Array.isArray(points) || points.length < 3) return Option.none()
  return Option.all(
    points.map((point): Option.Option<Point> =>
      Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)
        ? Option.some([Number(point[0]), Number(point[1])])
        : Option.none()
    )
  )
}

/** Whether a value is of a place in the picture. */
export const isRegion = (value: Fields): boolean =>
  ["x", "y", "points", "rle", "format", "radiusX"].some((key) => value[key] !== undefined)

/** The names that a region is labelled with, under `rectanglelabels`, `polygonlabels`, `labels` or their like. */
export const labelsOf = (value: Fields): ReadonlyArray<string> =>
  Object.entries(value).flatMap(([key, names]) =>
    key.endsWith("labels") && Array.isArray(names)
      ? names.filter((name) => typeof name === "string").map(Spelling.composed)
      : []
  )

/** A region as a box, once per label. `value` holds `original_width` and its like too. */
export const boxes = (value: Fields, labels: ReadonlyArray<string>): Result.Result<ReadonlyArray<Box>, BadRow> =>
  Result.gen(function*() {
    const { image_rotation: tilt = 0 } = value
    if (tilt !== 0 && tilt !== null) return yield* bad(`drawn on a picture turned by ${quoted(tilt)}°`)
    const corners = numbersOf(value, ["x", "y", "width", "height"])
    const round = numbersOf(value, ["x", "y", "radiusX", "radiusY"])
    const points = polygon(value)
    const numbers = Option.isSome(corners)
      ? yield* rectangle(value, corners.value)
      : Option.isSome(round)
      ? yield* ellipse(value, round.value)
      : Option.isSome(points)
      ? around(points.value)
      : yield* bad(`${quoted(value)} is no rectangle, ellipse or polygon`)
    const names = labels.length === 0 ? [Option.none<string>()] : labels.map((name) => Option.some(name.trim()))
    return names.map((label): Box => ({ numbers, form: "hundredths", said: true, label, field: "result" }))
  })
