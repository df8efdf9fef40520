/** The foreign plug-in: its geometry against brute force, its laws, and a run on the embedded checkpoint. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Layer, Option, Result, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { iou, type Polygon, program, shapes, task } from "../../examples/polygons.ts"
import { Policy, Progress, Reward } from "../../src/dsl/index.ts"
import { Keyed } from "../../src/kernels/math/index.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
const isPolygon = Schema.is(task.annotation)

/** A simple polygon on a grid of 20: corners around a point, or a comb, which no point sees all of. */
const polygon = (draw: Keyed.Stream): Polygon => {
  for (;;) {
    const corners: Polygon = draw.next() < 0.3
      ? [[100, 100], [100, 100 + 20 * (5 + draw.int(20))], [300, 500], [300, 240], [400, 240], [400, 700], [
        500 + 20 * draw.int(10),
        700
      ], [600, 100]]
      : Array.from({ length: 3 + draw.int(7) }, (_, i, angle = (i + 0.8 * draw.next()) / 10 * 2 * Math.PI) => {
        const radius = 80 + draw.int(400)
        return [
          20 * Math.round(25 + radius * Math.cos(angle) / 20),
          20 * Math.round(25 + radius * Math.sin(angle) / 20)
        ]
      })
    if (isPolygon(corners)) return draw.next() < 0.5 ? corners : corners.toReversed()
  }
}
const Drawn = Arbitrary.map(Arbitrary.schema(Seed), (seed) => polygon(Keyed.stream(seed, "polygon")))

/** Even-odd over the cells of a fine grid. */
const counted = (a: Polygon, b: Polygon) => {
  const inside = (corners: Polygon, x: number, y: number) => {
    let odd = false
    for (let i = 0, last = corners.length - 1; i < corners.length; last = i++) {
      const [a, b] = [corners[last]!, corners[i]!]
      if ((a[1] > y) !== (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])) odd = !odd
    }
    return odd
  }
  let both = 0
  let either = 0
  for (let x = 1; x < 1000; x += 4) {
    for (let y = 1; y < 1000; y += 4) {
      const [left, right] = [inside(a, x, y), inside(b, x, y)]
      if (left && right) both++
      if (left || right) either++
    }
  }
  return both / either
}

describe("polygons", () => {
  it.prop("overlap equals counting cells, convex or not", [Drawn, Drawn], ([a, b]) => {
    assert.closeTo(iou(a, b), counted(a, b), 0.02)
  }, { arbitrary: { runs: 60 } })

  it.prop("overlap is symmetric, in [0, 1], 1 for itself, and knows no first corner, direction or place", [
    Drawn,
    Drawn
  ], ([a, b]) => {
    const value = iou(a, b)
    assert.isTrue(value >= 0 && value <= 1)
    assert.closeTo(iou(b, a), value, 1e-9)
    assert.closeTo(iou(a, a), 1, 1e-9)
    assert.closeTo(iou([...a.slice(1), ...a.slice(0, 1)], b.toReversed()), value, 1e-9)
    const moved = (corners: Polygon) => corners.map(([x, y]) => [3 * x + 70, 3 * y - 20] as const)
    assert.closeTo(iou(moved(a), moved(b)), value, 1e-9)
  }, { arbitrary: { runs: 300 } })

  it("matches areas worked by hand", () => {
    const square: Polygon = [[0, 0], [100, 0], [100, 100], [0, 100]]
    // A U around a gap in the middle: 3 of 4 parts of its hull, and nothing of the square that fills the gap.
    const u: Polygon = [[0, 0], [300, 0], [300, 200], [200, 200], [200, 100], [100, 100], [100, 200], [0, 200]]
    const gap: Polygon = [[100, 100], [200, 100], [200, 200], [100, 200]]
    assert.closeTo(iou(u, gap), 0, 1e-12)
    assert.closeTo(iou(u, [[0, 0], [300, 0], [300, 200], [0, 200]]), 5 / 6, 1e-12)
    assert.closeTo(iou(u, square), 1 / 5, 1e-12)
    assert.closeTo(iou(square, [[50, 50], [150, 50], [150, 150], [50, 150]]), 2500 / 17500, 1e-12)
  })

  it.prop("comes back from its text", [Drawn], ([truth]) => {
    assert.deepStrictEqual(task.decode(task.encode(truth)), Result.succeed(truth))
  }, { arbitrary: { runs: 300 } })

  it.prop("reads any text to a simple polygon or a reason", [Schema.String, Seed], ([text, seed]) => {
    const draw = Keyed.stream(seed, "text")
    const written = task.encode(polygon(draw))
    const cutAt = draw.int(written.length)
    for (const attempt of [text, written.slice(0, cutAt), written.slice(0, cutAt) + text + written.slice(cutAt)]) {
      const read = task.decode(attempt)
      if (Result.isSuccess(read)) assert.isTrue(isPolygon(read.success))
    }
  }, { arbitrary: { runs: 300 } })

  it("refuses what is no outline", () => {
    for (
      const [name, corners] of Object.entries({
        line: [[0, 0], [10, 0]],
        bow: [[0, 0], [100, 100], [100, 0], [0, 100]],
        spike: [[0, 0], [100, 0], [50, 0], [50, 100]],
        twice: [[0, 0], [100, 0], [100, 100], [0, 0], [0, 100]],
        touching: [[0, 0], [100, 0], [100, 100], [50, 0], [0, 100]],
        outside: [[0, 0], [1001, 0], [100, 100]],
        fraction: [[0, 0], [10.5, 0], [100, 100]]
      })
    ) assert.isFalse(isPolygon(corners), name)
    // Straight corners, and edges on one line that do not meet, are fine.
    assert.isTrue(isPolygon([[0, 0], [50, 0], [100, 0], [100, 100]]))
    assert.isTrue(isPolygon([[0, 0], [30, 0], [30, 50], [60, 50], [60, 0], [90, 0], [90, 100], [0, 100]]))
  })

  it("is a task like any other: rewards, leakage, prompts", () => {
    const [{ truth }] = shapes as [typeof shapes[0]]
    const reward = (reasoning: string) =>
      Reward.cot(task)({ truth, reasoning, reconstruction: task.encode(truth) }).reward
    assert.closeTo(reward("a bright shape with three points on dark ground"), 1, 1e-9)
    assert.strictEqual(reward(`a bright shape with corners ${task.encode(truth)}`), 0)
    assert.isTrue(shapes.every((sample) => isPolygon(sample.truth)))
  })

  it.effect("trains on the embedded checkpoint without a change to the package", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      yield* program(out, 30).pipe(Effect.provide([
        Policy.onnx({ model: "assets/scene-vl", workers: 1 }),
        Layer.succeed(Progress.Progress, Progress.silent)
      ]))
      const Row = Schema.fromJsonString(
        Schema.Struct({
          stage: Schema.String,
          loss: Schema.optionalKey(Schema.Finite),
          reward: Schema.optionalKey(Schema.Finite)
        })
      )
      const rows = (yield* fs.readFileString(`${out}/metrics.jsonl`)).trim().split("\n").map((line) =>
        Option.getOrUndefined(Schema.decodeUnknownOption(Row)(line))
      )
      const losses = rows.flatMap((row) => row?.stage === "sft" && row.loss !== undefined ? [row.loss] : [])
      assert.isAtLeast(losses.length, 30)
      assert.isBelow(losses.at(-1)!, losses[0]! / 2)
      assert.isTrue(rows.some((row) => row?.stage === "rft" && row.reward !== undefined), "the last stage has run")
      assert.isTrue(yield* fs.exists(`${out}/model/model.safetensors`))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("takes one folder and no flag for it", () => {
    const file = new URL("../../examples/polygons.ts", import.meta.url).pathname
    for (const [args, odd] of [[["--preset", "smoke"], "--preset"], [["a", "b"], "b"]] as const) {
      const { status, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: "utf8", timeout: 300_000 })
      assert.strictEqual(status, 2)
      assert.strictEqual(stderr, `error: nothing is done with ${odd}: node examples/polygons.ts [OUT]\n`)
    }
  }, 300_000)
})
