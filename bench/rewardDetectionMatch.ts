/** `reward/detection-match`: the mean IoU of optimally matched boxes, eq. 6. */
import { Effect } from "effect"
import { Assignment, Iou, Keyed } from "../src/kernels/math/index.ts"
import { type Bench, timedSync } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { withWorkload } from "./harness/Workload.ts"

/** Boxes of an image and predictions near some of them, in whole pixels of a 1000 × 1000 image. */
const image = (key: string, boxes: number, predictions: number) => {
  const draw = Keyed.stream(0, key)
  const box = (): Iou.Xywh => [draw.int(800), draw.int(800), 20 + draw.int(180), 20 + draw.int(180)]
  const truth = Array.from({ length: boxes }, box)
  const shaken = (of: Iou.Xywh): Iou.Xywh => {
    const [x, y, w, h] = of
    return [x + draw.int(21) - 10, y + draw.int(21) - 10, w + draw.int(11), h + draw.int(11)]
  }
  return {
    truth,
    predicted: Array.from({ length: predictions }, () => draw.next() < 0.7 ? shaken(draw.pick(truth)) : box())
  }
}

const matched = (images: ReadonlyArray<ReturnType<typeof image>>) =>
  images.reduce((sum, { predicted, truth }) => {
    const table = Iou.matrix(truth, predicted)
    const columns = Assignment.maximise(table)
    return sum + table.reduce((all, row, i) => all + (row[columns[i] ?? -1] ?? 0), 0) / truth.length
  }, 0)

const bench = (shape: string, images: ReadonlyArray<ReturnType<typeof image>>): Bench => ({
  name: "reward/detection-match",
  shape,
  unit: "items/s",
  amount: images.length,
  ours: Effect.succeed(timedSync("one thread", () => matched(images))),
  peer: Effect.suspend(() =>
    withWorkload({ images, total: matched(images) }, (path) => python("reward_detection_match.py", [path]))
  )
})

const sizesOf = (i: number) => {
  const draw = Keyed.stream(0, `sizes/${i}`)
  return [1 + draw.int(8), 1 + draw.int(12)] as const
}

export const benches: ReadonlyArray<Bench> = [
  bench("256 images, 1–8 boxes against 1–12", Array.from({ length: 256 }, (_, i) => image(`few/${i}`, ...sizesOf(i)))),
  bench("16 images, 40 boxes against 60", Array.from({ length: 16 }, (_, i) => image(`many/${i}`, 40, 60)))
]
