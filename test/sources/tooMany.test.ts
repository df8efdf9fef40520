/** A picture with more boxes than an answer may have is set aside; the others are learned from. */
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { unlessTooMany } from "../../src/sources/tooMany.ts"
import { Box, BoxCodec, Detection } from "../../src/tasks/detection/index.ts"

const boxes = (count: number, crowds = 0) => ({
  image: Image.file(`${count}.png`),
  truth: Array.from({ length: count + crowds }, (_, i) => ({
    box: Box.make("thousandths", [i % 900, 10, 20, 20]),
    label: "cup",
    ...(i < crowds ? { crowd: true } : {})
  }))
})
const task = Detection.make({
  name: "cups",
  subject: "every cup",
  codec: BoxCodec.scenes({ labels: ["cup"] }),
  denominator: "max"
})

it.effect("counts the boxes that are asked for, up to what the task reads", () =>
  Effect.gen(function*() {
    const aside = yield* Quarantine.collect
    const left = yield* Stream.fromIterable([boxes(1), boxes(301), boxes(300, 9)]).pipe(
      unlessTooMany("cups#boxes"),
      Stream.runCollect,
      Effect.provideService(Quarantine.Quarantine, aside)
    )
    assert.deepStrictEqual(left.map(({ image }) => image.id), ["1.png", "300.png"])
    assert.deepStrictEqual((yield* aside.rows).map(({ detail, reason }) => [reason, detail]), [
      ["too-many-boxes", "301.png: 301 boxes, expected at most 300, as an answer may have"]
    ])
    for (const { truth } of left) assert.strictEqual(task.decode(task.encode(truth))._tag, "Success")
    assert.strictEqual(task.decode(task.encode(boxes(301).truth))._tag, "Failure")
  }))
