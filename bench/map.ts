/** `map`: COCO's mean average precision of a test set. */
import { Effect, Option } from "effect"
import { Keyed } from "../src/kernels/math/index.ts"
import type { Target } from "../src/tasks/detection/Annotation.ts"
import * as AveragePrecision from "../src/tasks/detection/AveragePrecision.ts"
import * as Box from "../src/tasks/detection/Box.ts"
import { type Bench, BenchError, timedSync } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { withWorkload } from "./harness/Workload.ts"

const PICTURES = 500
const CLASSES = 20

type Own = Target<"absolute">

/** Boxes of a picture of 640 × 480, a few of crowds; predictions near some of them, and others anywhere. */
const picture = (i: number): AveragePrecision.Picture<"absolute"> => {
  const draw = Keyed.stream(0, `map/${i}`)
  const label = () => `class ${draw.int(CLASSES)}`
  const box = () => Box.make("absolute", [draw.int(500), draw.int(350), 10 + draw.int(130), 10 + draw.int(120)])
  const truth = Array.from({ length: 1 + draw.int(9) }, (): Own => ({
    label: label(),
    box: box(),
    crowd: draw.next() < 0.02
  }))
  const predicted = Array.from({ length: draw.int(16) }, (): Own => {
    const score = Number(draw.next().toFixed(3))
    const near = draw.pick(truth)
    if (draw.next() < 0.3) return { label: label(), box: box(), score }
    const [x, y, w, h] = near.box
    const shaken = Box.make("absolute", [x + draw.int(9), y + draw.int(9), w + draw.int(7), h + draw.int(7)])
    return { ...near, crowd: false, box: shaken, score }
  })
  return { truth, predicted }
}

const pictures = Array.from({ length: PICTURES }, (_, i) => picture(i))
const count = (kind: "truth" | "predicted") => pictures.reduce((n, picture) => n + picture[kind].length, 0)

const figures = () => AveragePrecision.evaluate(pictures)

/** As COCO writes them down. */
const coco = () => {
  const category = (label: string | undefined) => Number(label?.split(" ")[1] ?? 0) + 1
  const { ap } = Option.getOrThrowWith(figures(), () => new BenchError("no true box"))
  return {
    ap,
    images: pictures.map((_, i) => ({ id: i + 1, width: 640, height: 480 })),
    categories: Array.from({ length: CLASSES }, (_, i) => ({ id: i + 1, name: `class ${i}` })),
    annotations: pictures.flatMap(({ truth }, i) =>
      truth.map(({ box, crowd, label }) => ({
        image_id: i + 1,
        category_id: category(label),
        bbox: box,
        area: box[2] * box[3],
        iscrowd: crowd === true ? 1 : 0
      }))
    ).map((annotation, i) => ({ id: i + 1, ...annotation })),
    results: pictures.flatMap(({ predicted }, i) =>
      predicted.map(({ box, label, score }) => ({ image_id: i + 1, category_id: category(label), bbox: box, score }))
    )
  }
}

export const benches: ReadonlyArray<Bench> = [{
  name: "map",
  shape: `mAP@[.5:.95] of ${PICTURES} pictures, ${count("truth")} boxes and ${count("predicted")} predictions, ` +
    `${CLASSES} classes`,
  unit: "items/s",
  amount: PICTURES,
  ours: Effect.succeed(timedSync("one thread", figures)),
  peer: Effect.suspend(() => withWorkload(coco(), (path) => python("map.py", [path])))
}]
