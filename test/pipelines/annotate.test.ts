import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import * as Answer from "../../src/dsl/Answer.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { Run } from "../../src/dsl/Run.ts"
import { lengths } from "../../src/dsl/stages/Settings.ts"
import * as Decode from "../../src/kernels/image/Decode.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import type { ImageError } from "../../src/kernels/image/ImageError.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import { Policy } from "../../src/policy/index.ts"
import * as Policies from "../../src/policy/layers.ts"
import * as Rise from "../../src/Rise.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import * as Drawing from "../policy/drawing.ts"

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

const bad: ReadonlyArray<readonly [name: string, value: unknown, expected: string]> = [
  ["form", "thinking", "\"think\" or \"answer\""],
  ["maxTokens", Number.NaN, "a whole number from 1"],
  ["maxTokens", 1.5, "a whole number from 1"],
  ["batch", 0, "a whole number from 1"],
  ["batch", "8", "a whole number from 1"],
  ["skip", -1, "a whole number from 0"],
  ["grammar", "both", "\"mask\" or \"off\""],
  ["question", " ", "a question"],
  [
    "maxtokens",
    8,
    "no setting of this name: there are form, maxTokens, grammar, question, batch, samples, skip: did you mean " +
    "maxTokens?"
  ]
]

describe("options", () => {
  for (const [name, value, expected] of bad) {
    it.effect(`${name} ${String(value)} is refused before a picture is looked at`, () =>
      Effect.gen(function*() {
        const looked = Stream.fromEffect(Effect.die("looked at"))
        const error = yield* Effect.flip(Stream.runDrain(annotate(Stub.Mood, { [name]: value })(looked)))
        const shown = typeof value === "number" ? String(value) : JSON.stringify(value)
        assert.deepStrictEqual([error._tag, error.message], [
          "BadSetting",
          `annotate: ${name} is ${shown}, expected ${expected}`
        ])
      }).pipe(Effect.provide(live({ [joyful]: 9 }))))
  }
})

describe("questions", () => {
  const task = {
    ...Stub.Mood,
    prompts: { ...Stub.Mood.prompts, annotate: "Look. {question}" }
  }
  /** The last line of each prompt that the policy is given, with its picture. */
  const asking = (texts: Array<string>) =>
    Drawing.layer((sample) => (requests, options) => {
      for (const { prompt } of requests) texts.push(`${prompt.images[0]?.id}: ${prompt.text}`)
      return sample(requests, options)
    })

  it.effect("are each picture's own, or the one of the options", () =>
    Effect.gen(function*() {
      const texts: Array<string> = []
      const pictures = Stream.map(Stub.data(4), ({ image }) => image).pipe(
        Stream.zipWithIndex,
        Stream.map(([image, i]): Rise.Pictured =>
          [image, { image }, { image, question: `Is it ${i}?` }, { ...image, question: `Is it ${i}?` }][i] ?? image
        )
      )
      const found = yield* pictures.pipe(
        annotate(task, { question: "What is it?" }),
        Stream.runCollect,
        Effect.provide(asking(texts))
      )
      assert.deepStrictEqual(found.map(({ image }) => image.id), ["joy-0", "anger-1", "fear-2", "joy-3"])
      assert.deepStrictEqual(found.map(({ question }) => question), [
        ...["What is it?", "What is it?"],
        ...["Is it 2?", "Is it 3?"]
      ])
      assert.deepStrictEqual(texts, [
        "joy-0: Look. What is it?",
        "anger-1: Look. What is it?",
        "fear-2: Look. Is it 2?",
        "joy-3: Look. Is it 3?"
      ])
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  const none: ReadonlyArray<readonly [unknown, string]> = [
    ["photos/a.png", "photos/a.png: a path, and no image yet (expected Image.file(\"photos/a.png\"))"],
    [{ path: "a.png" }, "a.png: a path, and no image yet (expected Image.file(\"a.png\"))"],
    [{ image: "a.png", question: "Why?" }, "a.png: a path, and no image yet (expected Image.file(\"a.png\"))"],
    [
      undefined,
      "image: no image (found undefined, expected Image.file(path), Image.encoded(id, bytes) or Image.rendered(id, " +
      "render))"
    ],
    [{ ...Image.file("a.png"), question: 3 }, "a.png: its question is 3 (expected a text)"]
  ]
  it.effect("and pictures that are none are refused by what they are", () =>
    Effect.gen(function*() {
      for (const [value, expected] of none) {
        const error = yield* Effect.flip(
          Stream.make(value as Image.Image).pipe(annotate(task, { question: "Why?" }), Stream.runDrain)
        )
        assert.deepStrictEqual([error._tag, error.message], ["ImageError", expected])
      }
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  it.effect("images of data that are none are refused by their sample", () =>
    Effect.gen(function*() {
      const data = Stream.make({ image: "a.png" as unknown as Image.Image, truth: "joy" as const })
      const error = yield* Effect.flip(Stream.runDrain(Rise.make(Stub.Mood, data).data))
      assert.deepStrictEqual([error._tag, error.message], [
        "TruthError",
        "sample a.png: its image is a path, and no image yet (expected Image.file(\"a.png\"))"
      ])
    }))
})

/** How many pictures each call of the policy was asked about. */
const counting = (calls: Array<number>) =>
  Drawing.layer((sample) => (requests, options) => {
    calls.push(requests.length)
    return sample(requests, options)
  })

describe("batches", () => {
  it.effect("begin small, and are those of the whole stream where its first pictures are skipped", () =>
    Effect.gen(function*() {
      const many = Stream.map(Stub.data(45), ({ image }) => image)
      const askedFor = Effect.fnUntraced(function*(skip: number) {
        const calls: Array<number> = []
        const found = yield* many.pipe(
          annotate(Stub.Mood, { batch: 12, skip }),
          Stream.runCollect,
          Effect.provide(counting(calls))
        )
        return { calls, ids: found.map(({ image }) => image.id) }
      })
      const whole = yield* askedFor(0)
      assert.deepStrictEqual(whole.calls, [8, 12, 12, 12, 1])
      for (const [skip, dropped] of [[7, 0], [8, 1], [19, 1], [20, 2], [44, 4]] as const) {
        assert.deepStrictEqual(yield* askedFor(skip), { calls: whole.calls.slice(dropped), ids: whole.ids.slice(skip) })
      }
    }).pipe(Effect.provide(live({ [joyful]: 9 }))))

  it.effect("do not change what the embedded checkpoint answers", () =>
    Effect.gen(function*() {
      const scenes = Stream.map(Scenes.dataset({ split: "test", limit: 9 }), ({ image }) => image)
      const answers = (batch: number) => scenes.pipe(annotate(Emotion6.task, { batch }), Stream.runCollect)
      const [one, five, all] = [yield* answers(1), yield* answers(5), yield* answers(32)]
      const textOf = ({ text }: { readonly text: string }) => text
      assert.deepStrictEqual(one.map(textOf), all.map(textOf))
      assert.deepStrictEqual(five.map(textOf), all.map(textOf))
      for (const [i, { confidence }] of one.entries()) {
        assert.closeTo(Option.getOrThrow(confidence), Option.getOrThrow(all[i]!.confidence), 1e-4)
      }
    }).pipe(
      Effect.provide(Layer.merge(Policies.onnx({ model: "embedded", trainable: "none" }), NodeServices.layer))
    ))
})

/** A scene that a strip of a colour makes wider or higher: no square, as photographs are none. */
const widened = (scene: Image.Image, width: number, height: number): Effect.Effect<Image.Image, ImageError> =>
  Effect.map(Decode.load(scene), (pixels) =>
    Image.rendered(`${scene.id}, ${width} × ${height}`, () => {
      const data = new Uint8Array(width * height * 3).fill(90)
      for (let y = 0; y < pixels.height; y++) {
        data.set(pixels.data.subarray(y * pixels.width * 3, (y + 1) * pixels.width * 3), y * width * 3)
      }
      return { width, height, data }
    }))

describe("a picture that is read ahead", () => {
  it.effect("is answered as the picture itself, whatever its shape", () =>
    Effect.gen(function*() {
      const scenes = yield* Stream.runCollect(Scenes.dataset({ split: "test", limit: 4 }))
      const shapes = [[168, 112], [112, 168], [150, 150], [224, 120]] as const
      const images = yield* Effect.forEach(
        scenes,
        ({ image }, i) => widened(image, shapes[i]?.[0] ?? 0, shapes[i]?.[1] ?? 0)
      )
      const ahead = yield* Stream.fromIterable(images).pipe(
        annotate(Emotion6.task, { grammar: "off" }),
        Stream.runCollect
      )
      const { session } = yield* Policy
      const { sample } = yield* session
      const requests = yield* Effect.forEach(images, (image) =>
        Effect.map(Answer.ask(Emotion6.task, "think", { image }), (prompt) => ({ prompt, key: image.id })))
      const own = yield* sample(requests, { count: 1, maxTokens: lengths.thinkAnswer, temperature: 0 })
      assert.deepStrictEqual(
        ahead.map(({ text }) =>
          text
        ),
        own.map(([completion]) => completion?.text)
      )
    }).pipe(
      Effect.scoped,
      Effect.provide([Policies.onnx({ model: "embedded", trainable: "none" }), NodeServices.layer])
    ))
})
