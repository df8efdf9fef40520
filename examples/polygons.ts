/**
 * A task that the package has never heard of: the outline of a shape as text, scored by the overlap of outlines.
 *
 *   node examples/polygons.ts [OUT]
 */
import { Effect, Result, Schema } from "effect"
import { Dataset, Image, Policy, Rise, Task } from "rise-vlm"

type Point = readonly [x: number, y: number]
/** The corners of a simple polygon in order, in thousandths of the picture's sides. */
export type Polygon = ReadonlyArray<Point>
const edges = (polygon: Polygon) => polygon.map((a, i) => [a, polygon[(i + 1) % polygon.length] ?? a] as const)
/** Twice the signed area of abc: its sign is the side of ab on which c lies. */
const turn = ([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)
const area = (polygon: Polygon) => sum(edges(polygon).map(([a, b]) => turn(polygon[0] ?? a, a, b))) / 2

/** The part of a convex polygon to the left of ab (Sutherland and Hodgman). */
const cut = (polygon: Polygon, a: Point, b: Point): Polygon =>
  edges(polygon).flatMap(([p, q]): Polygon => {
    const [from, to] = [turn(a, b, p), turn(a, b, q)]
    const t = from / (from - to)
    return [
      ...from >= 0 ? [p] : [],
      ...from * to < 0 ? [[p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])] as const] : []
    ]
  })
/** A polygon is the sum of the triangles from its first corner to its edges, each with its sign. */
const fan = (polygon: Polygon) =>
  edges(polygon).map(([b, c], _, [[a] = [b]]): { readonly sign: number; readonly corners: Polygon } =>
    turn(a, b, c) > 0 ? { sign: 1, corners: [a, b, c] } : { sign: -1, corners: [a, c, b] }
  )
/**
 * Exact for any two simple polygons, convex or not: only triangles are cut, and their signs add up to the common area.
 */
const common = (one: Polygon, other: Polygon) =>
  Math.abs(
    sum(
      fan(one).flatMap((a) =>
        fan(other).map((b) =>
          a.sign * b.sign * area(edges(a.corners).reduce((left, [p, q]) => cut(left, p, q), b.corners))
        )
      )
    )
  )
export const iou = (a: Polygon, b: Polygon, both = common(a, b)): number =>
  Math.min(1, both / (Math.abs(area(a)) + Math.abs(area(b)) - both))

const on = (a: Point, b: Point, c: Point) =>
  turn(a, b, c) === 0 && (c[0] - a[0]) * (c[0] - b[0]) <= 0 && (c[1] - a[1]) * (c[1] - b[1]) <= 0
const meet = (a: Point, b: Point, c: Point, d: Point) =>
  (turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0) || on(a, b, c) || on(a, b, d) ||
  on(c, d, a) || on(c, d, b)
/** No edge touches another but where they join, and none folds back on the one before. */
const isSimple = (polygon: Polygon) =>
  edges(polygon).every(([a, b], i, all) =>
    all.every(([c, d], j) => i === j || (b === c ? !on(a, b, d) && !on(c, d, a) : d === a || !meet(a, b, c, d)))
  )

const Corner = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
const isOutline = Schema.makeFilter((corners: Polygon) =>
  corners.length > 2 && corners.length < 33 && isSimple(corners)
)
const annotation = Schema.Array(Schema.Tuple([Corner, Corner])).check(isOutline)
const form = "the corners of the shape in order as [x, y], [x, y], [x, y] in thousandths"
export const task = Task.make<Polygon>({
  name: "polygons",
  annotation,
  encode: (polygon) => polygon.map(([x, y]) => `[${x}, ${y}]`).join(", "),
  decode: (text) =>
    Result.mapError(
      Schema.decodeResult(Schema.fromJsonString(annotation))(`[${text}]`),
      () => Task.formatReason("not-a-simple-polygon", text)
    ),
  prompts: {
    reason: (outline) =>
      `The shape in this picture has the corners ${outline}. Say what it looks like, without numbers.`,
    reconstruct: (reasoning) => `Someone describes a shape: ${reasoning} Write ${form}.`,
    annotate: `Write <think>what the shape looks like</think><answer>its outline</answer>, the outline as ${form}.`,
    answerOnly: `Write ${form}.`
  },
  similarity: (truth, outline) => iou(truth, outline)
})

/** Stars of three to six points, light on dark. */
export const shapes = Array.from({ length: 40 }, (_, n) => {
  const angle = (i: number) => 2 * Math.PI * (i + n / 7) / (3 + n % 4)
  const at = (i: number, wave: (angle: number) => number) =>
    Math.round(50 + (25 + 15 * Math.sin(n * i + n)) * wave(angle(i))) * 10
  const truth: Polygon = Array.from({ length: 3 + n % 4 }, (_, i) => [at(i, Math.cos), at(i, Math.sin)])
  const inside = (x: number, y: number) =>
    edges(truth).filter(([a, b]) => (a[1] > y) !== (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
      .length % 2
  const data = () =>
    Uint8Array.from(
      { length: 3 * 112 ** 2 },
      (_, i) => 40 + 180 * inside(Math.floor(i / 3) % 112 / 0.112, Math.floor(i / 336) / 0.112)
    )
  return { image: Image.rendered(`shape-${n}`, () => ({ width: 112, height: 112, data: data() })), truth }
})
/** The whole method, briefly: the embedded checkpoint has seen no such shapes, and 40 of them teach it little. */
export const program = (out: string, steps: number) =>
  Rise.make(task, Dataset.fromIterable(shapes)).pipe(
    Rise.generate({ candidates: 4, maxTokens: 40 }),
    Rise.reconstruct({ maxTokens: 64 }),
    Rise.validate(),
    Rise.best(),
    Rise.filter({ tau: 0 }),
    Rise.sft({ steps, batchSize: 8, learningRate: 1e-3 }),
    Rise.rft({ steps: Math.ceil(steps / 10), learningRate: 1e-4, maxTokens: 112 }),
    Rise.run({ out })
  )

if (import.meta.main) {
  const [out = "runs/polygons", ...rest] = process.argv.slice(2)
  const odd = [out, ...rest].find((word) => word.startsWith("-")) ?? rest[0]
  if (odd !== undefined) {
    console.error(`error: nothing is done with ${odd}: node examples/polygons.ts [OUT]`)
    process.exit(2)
  }
  program(out, 100).pipe(
    Effect.provide(Policy.onnx({ model: "embedded" })),
    Rise.runMain
  )
}
