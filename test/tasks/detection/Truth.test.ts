import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Box, BoxTruth } from "../../../src/tasks/detection/index.ts"

const truth = {
  width: 200,
  height: 100,
  instances: [
    { box: [20, 10, 100, 50] as const, label: "cup" },
    { box: [0, 0, 200, 100] as const, crowd: true }
  ]
}

describe("BoxTruth", () => {
  it("puts every box of a picture into the frame that is asked for, and keeps the rest", () => {
    assert.deepStrictEqual(BoxTruth.annotation(() => Box.thousandths)(truth), [
      { box: Box.make("thousandths", [100, 100, 500, 500]), label: "cup" },
      { box: Box.make("thousandths", [0, 0, 1000, 1000]), crowd: true }
    ])
    // The frame may depend on the picture: half of it on each side.
    const half = BoxTruth.annotation(({ height, width }) => Box.resized({ width: width / 2, height: height / 4 }))
    assert.deepStrictEqual(half(truth)[0]!.box, Box.make("resized", [10, 2.5, 50, 12.5]))
    assert.deepStrictEqual(half({ ...truth, instances: [] }), [])
  })

  it.effect("of a data set keeps what else a sample carries", () =>
    Effect.gen(function*() {
      const sample = { image: Image.file("a.png"), question: "Where?", truth }
      const [read] = yield* Stream.runCollect(BoxTruth.inFrame(() => Box.unit)(Stream.make(sample)))
      assert.deepStrictEqual(read, {
        ...sample,
        truth: [{ box: Box.make("unit", [0.1, 0.1, 0.5, 0.5]), label: "cup" }, {
          box: Box.make("unit", [0, 0, 1, 1]),
          crowd: true
        }]
      })
    }))
})
