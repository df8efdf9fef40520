import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const live = (bias: Stub.Options["bias"] & {}) =>
  Layer.mergeAll(Stub.layer({ bias }), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
    Layer.provideMerge(Stub.Trace.layer),
    Layer.provideMerge(NodeServices.layer)
  )

const joyful = "<think>we can see a bright festive smile here</think><answer>joy</answer>"
const images = Stream.map(Stub.data(5), ({ image }) => image)

describe("annotate", () => {
  it.effect("reads think-answers in the order of the images", () =>
    Effect.gen(function*() {
      const found = yield* images.pipe(annotate(Stub.Mood), Stream.runCollect)
      assert.deepStrictEqual(found.map(({ image }) => image.id), ["joy-0", "anger-1", "fear-2", "joy-3", "anger-4"])
      assert.isTrue(found.every(({ annotation, fault, reasoning }) =>
        Option.getOrNull(annotation) === "joy" && Option.isNone(fault) &&
        Option.getOrNull(reasoning) === "we can see a bright festive smile here"
      ))
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  it.effect("gives the reason where a text holds no annotation, and goes on", () =>
    Effect.gen(function*() {
      const found = yield* images.pipe(annotate(Stub.Mood), Stream.runCollect)
      assert.isTrue(
        found.every(({ annotation, fault }) => Option.isNone(annotation) && Option.getOrNull(fault) === "no-think: hm")
      )
    }).pipe(Effect.provide(live({ hm: 9 }))))

  it.effect("sets an unreadable picture aside and annotates the others", () =>
    Effect.gen(function*() {
      const mixed = Stream.make(
        Image.file("/nowhere/a.png", "joy-gone"),
        ...(yield* Stream.runCollect(images)),
        Image.encoded("joy-cut", new Uint8Array(9))
      )
      const found = yield* mixed.pipe(annotate(Stub.Mood), Stream.runCollect)
      assert.deepStrictEqual(found.map(({ annotation }) => Option.isSome(annotation)), [
        false,
        true,
        true,
        true,
        true,
        true,
        false
      ])
      assert.include(Option.getOrThrow(found[0]!.fault), "no such file")
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  it.effect("takes bare answers too", () =>
    Effect.gen(function*() {
      const found = yield* images.pipe(annotate(Stub.Mood, { form: "answer" }), Stream.runCollect)
      assert.isTrue(
        found.every(({ annotation, reasoning }) => Option.getOrNull(annotation) === "anger" && Option.isNone(reasoning))
      )
    }).pipe(Effect.provide(live({ anger: 9 }))))
})
