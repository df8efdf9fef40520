/** Pictures that take more than a local model's positions: each is one answer with its fault, and costs no other. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { figure, predictions } from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { Runtime } from "../../src/kernels/runtime/index.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import { OnnxPolicy } from "../../src/policy/index.ts"
import { Classification } from "../../src/tasks/classification/index.ts"

const positions = 400

/** The Qwen2-VL fixture with few positions. */
const live = Layer.unwrap(Effect.gen(function*() {
  const model = path.join(
    yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "rise-"))),
      (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
    ),
    "model"
  )
  fs.cpSync(fileURLToPath(new URL("../fixtures/parity/qwen2-vl", import.meta.url)), model, { recursive: true })
  const file = path.join(model, "config.json")
  const config = JSON.parse(fs.readFileSync(file, "utf8"))
  fs.writeFileSync(file, JSON.stringify({ ...config, max_position_embeddings: positions }))
  return OnnxPolicy.layer({ model, seed: 1, trainable: "none" }).pipe(
    Layer.provide(Runtime.layer({ workers: 1 }))
  )
})).pipe(
  Layer.provideMerge(Run.layerMemory({ seed: 0 })),
  Layer.provideMerge(Layer.succeed(Progress, silent)),
  Layer.provideMerge(NodeServices.layer)
)

/** 28 × 28 pixels are one visual token. */
const picture = (id: string, width: number, height: number): Image.Image =>
  Image.rendered(id, () => ({ width, height, data: new Uint8Array(width * height * 3).fill(width % 251) }))
const fits = (id: string) => picture(id, 84, 84)
const large = picture("large", 616, 616)
const elongated = picture("elongated", 28 * 190, 56)

const task = Classification.forEmbedded({ name: "light", labels: ["dark", "bright"], subject: "light" })
const options = { grammar: "off", maxTokens: 8 } as const

describe("pictures that are too long for the model", () => {
  it.effect("are rows with their fault among others' rows, also where a batch has nothing else", () =>
    Effect.gen(function*() {
      const images = [fits("a"), large, fits("b"), elongated, fits("c")]
      const alone = yield* Stream.make(fits("a"), fits("b"), fits("c")).pipe(annotate(task, options), Stream.runCollect)
      const found = yield* Stream.fromIterable(images).pipe(annotate(task, options), Stream.runCollect)
      assert.deepStrictEqual(found.map(({ image }) => image.id), ["a", "large", "b", "elongated", "c"])
      const good = found.filter((_, i) => i % 2 === 0)
      assert.deepStrictEqual(good.map(({ text }) => text), alone.map(({ text }) => text))
      for (const { fault, size, text } of [found[1]!, found[3]!]) {
        const why = /^a prompt of \d+ tokens of 1 image .* exceeds .*budget of 400.*max_pixels/
        assert.match(Option.getOrThrow(fault), why)
        assert.deepStrictEqual([text, Option.isSome(size)], ["", true])
      }
      const many = Array.from({ length: 25 }, (_, i) => picture(`${i}`, 616, 616))
      const all = yield* Stream.fromIterable([...many, fits("a")]).pipe(
        annotate(task, { ...options, batch: 12 }),
        Stream.runCollect
      )
      assert.strictEqual(all.filter(({ fault }) => /budget of 400/.test(Option.getOrElse(fault, () => ""))).length, 25)
      assert.strictEqual(all[25]!.text, alone[0]!.text)
    }).pipe(Effect.provide(live)))

  it.effect("are wrong answers of an evaluation, which ends only where there is nothing else", () =>
    Effect.gen(function*() {
      const truth = [1, 0]
      const data = (images: ReadonlyArray<Image.Image>) =>
        Stream.fromIterable(images.map((image) => ({ image, truth })))
      const rows = yield* evaluate({ method: "m", task, data: data([fits("a"), large, fits("b")]), ...options })
      assert.isTrue(rows.every(({ n }) => n === 3))
      assert.isTrue(Option.isSome(figure(rows, "m", "all", "valid")))
      const said = yield* Stream.runCollect(predictions("m"))
      assert.deepStrictEqual(said.map(({ fault }) => /budget of 400/.test(fault ?? "")), [false, true, false])
      const error = yield* Effect.flip(evaluate({ method: "none", task, data: data([large, elongated]), ...options }))
      assert.match(error.message, /all of 2 requests were refused.*budget of 400/)
    }).pipe(Effect.provide(live)))
})
