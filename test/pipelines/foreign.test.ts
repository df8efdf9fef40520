/** Pictures of a world that the embedded checkpoint has never seen: whatever it writes of them comes to an end. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Image from "../../src/kernels/image/Image.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import * as Policies from "../../src/policy/layers.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const faces = fileURLToPath(new URL("../../../shared/data/ferplus/val", import.meta.url))

describe("200 foreign pictures", () => {
  it.effect("have an answer with an end under the grammar; without it what has none is a fault", ({ skip }) => {
    skip(!existsSync(faces), "FER+ is not beside this checkout (../shared/data/ferplus)")
    return Effect.gen(function*() {
      const names = readdirSync(faces).toSorted().slice(0, 200)
      const pictures = Stream.fromIterable(names.map((name) => Image.file(`${faces}/${name}`)))
      const answers = (grammar: "mask" | "off") =>
        pictures.pipe(annotate(Emotion6.task, { grammar }), Stream.runCollect)
      const masked = yield* answers("mask")
      assert.deepStrictEqual(masked.filter(({ text }) => !/<\/think>\s*<answer>[^<]+<\/answer>$/.test(text)), [])
      assert.isTrue(masked.every(({ annotation, fault }) => Option.isSome(annotation) && Option.isNone(fault)))
      // Those that would have gone on for ever are closed, and say so.
      assert.isBelow(masked.filter(({ closed }) => closed).length, 20)
      for (const { annotation, fault, text } of yield* answers("off")) {
        assert.strictEqual(Option.isSome(annotation), text.endsWith("</answer>") && Option.isNone(fault))
      }
    }).pipe(Effect.provide(Layer.merge(Policies.onnx({ model: "embedded", trainable: "none" }), NodeServices.layer)))
  }, 300_000)
})
