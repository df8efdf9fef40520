/** Several answers a picture. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import * as Policies from "../../src/policy/layers.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const live = (bias: Stub.Options["bias"] & {}, seed = 0) =>
  Layer.mergeAll(Stub.layer({ bias, seed }), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
    Layer.provideMerge(Stub.Trace.layer),
    Layer.provideMerge(NodeServices.layer)
  )

const says = (mood: string) => `<think>we can see a bright festive smile here</think><answer>${mood}</answer>`
const images = Stream.map(Stub.data(12), ({ image }) => image)

describe("annotate({ samples })", () => {
  it.effect("draws by keys, takes the medoid, leaves out what cannot be read and counts it", () =>
    Effect.gen(function*() {
      const found = yield* images.pipe(annotate(Stub.Mood, { samples: 9 }), Stream.runCollect)
      assert.strictEqual(found.length, 12)
      for (const { annotation, draws, reasoning, text } of found) {
        assert.strictEqual(draws?.of, 9)
        // The text is of a draw that says so.
        assert.isTrue(text.endsWith(`<answer>${Option.getOrThrow(annotation)}</answer>`))
        assert.isTrue(Option.isSome(reasoning))
      }
      const unread = found.reduce((sum, { draws }) => sum + (draws?.unread ?? 0), 0)
      assert.isTrue(unread > 5 && unread < 80, String(unread))
      const joyful = found.filter(({ annotation }) => Option.getOrNull(annotation) === "joy").length
      assert.isAbove(joyful, 8, "joy is three times as likely as fear")
      const keys = (yield* Stub.Trace).keys
      assert.strictEqual(new Set(keys).size, 12 * 9)
      assert.include(keys, "annotate/sample=joy-0/draw=8")
      const again = yield* images.pipe(annotate(Stub.Mood, { samples: 9, batch: 5 }), Stream.runCollect)
      assert.deepStrictEqual(again.map(({ text }) => text), found.map(({ text }) => text))
    }).pipe(Effect.provide(live({ [says("joy")]: 6, [says("fear")]: 4.9, hm: 5 }))))

  it.effect("is the greedy answer for one, and says the first fault where no draw can be read", () =>
    Effect.gen(function*() {
      const one = yield* images.pipe(annotate(Stub.Mood, { samples: 1 }), Stream.runCollect)
      const greedy = yield* images.pipe(annotate(Stub.Mood), Stream.runCollect)
      const told = (rows: typeof one) => rows.map(({ image, ...row }) => ({ ...row, image: image.id }))
      assert.deepStrictEqual(told(one), told(greedy))
      assert.isTrue(one.every((row) => !("draws" in row)))
      assert.include((yield* Stub.Trace).keys, "annotate/sample=joy-0")
      const none = yield* images.pipe(annotate(Stub.Mood, { samples: 3 }), Stream.runCollect)
      for (const { annotation, draws, fault } of none) {
        assert.isTrue(Option.isNone(annotation))
        assert.strictEqual(Option.getOrThrow(fault), "no-think: hm")
        assert.deepStrictEqual(draws, { of: 3, unread: 3 })
      }
      for (const samples of [0, 1.5, NaN]) {
        const error = yield* Effect.flip(images.pipe(annotate(Stub.Mood, { samples }), Stream.runDrain))
        assert.match(error.message, /annotate: samples is .*, expected a whole number from 1 to/)
      }
    }).pipe(Effect.provide(live({ hm: 50 }))))

  it.effect("is as sure of single answers as draws agree", () =>
    Effect.gen(function*() {
      const found = yield* images.pipe(annotate({ ...Stub.Mood, single: true }, { samples: 9 }), Stream.runCollect)
      const shares = found.map(({ confidence }) => Option.getOrThrow(confidence) * 9)
      for (const share of shares) assert.closeTo(share, Math.round(share), 1e-9)
      assert.isAbove(new Set(shares.map(Math.round)).size, 2)
    }).pipe(Effect.provide(live({ [says("joy")]: 6, [says("fear")]: 4.9, hm: 5 }))))

  it.live(
    "is the mean of what the embedded checkpoint draws, pictures that cannot be read aside",
    () =>
      Effect.gen(function*() {
        const scenes = yield* Stream.runCollect(
          Stream.map(Scenes.dataset({ split: "test", limit: 3 }), ({ image }) => image)
        )
        const mixed = Stream.make(Image.encoded("cut", new Uint8Array(9)), ...scenes)
        const options = { maxTokens: 40, samples: 5 } as const
        const drawn = mixed.pipe(annotate(Emotion6.task, options), Stream.runCollect)
        const found = yield* drawn
        assert.isTrue(Option.isSome(found[0]!.fault))
        for (const { annotation, draws, text } of found.slice(1)) {
          assert.strictEqual(draws?.of, 5)
          assert.isTrue(Schema.is(Emotion6.task.annotation)(Option.getOrThrow(annotation)))
          assert.match(text, /^<think>.*<\/answer>$/)
        }
        assert.deepStrictEqual(
          (yield* drawn).map(({ annotation }) => annotation),
          found.map(({ annotation }) => annotation)
        )
      }).pipe(
        Effect.provide([Policies.onnx({ model: "embedded", trainable: "none" }), NodeServices.layer]),
        Effect.scoped
      ),
    60_000
  )
})
