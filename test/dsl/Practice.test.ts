/** Practice of a format: which texts a stage writes for it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Task from "../../src/dsl/Task.ts"
import { type FormatLoss, type Objective, Policy, type UpdateOptions } from "../../src/policy/index.ts"
import * as Stub from "./StubPolicy.ts"

const practice: Rise.PracticeOptions = { texts: 16, weight: 10, maxTokens: 24 }

/** Any text is in its format. */
const Formatted = Task.make<Stub.Label>({
  ...Stub.Mood,
  grammar: (_vocabulary, form) =>
    Effect.succeed({
      id: form,
      states: 1,
      vocabulary: 64,
      allowed: new Uint8Array(64).fill(1),
      next: new Int32Array(64)
    })
})

/** A policy whose format losses are noted. */
const noting = (held: Array<FormatLoss>) =>
  Layer.effect(
    Policy,
    Effect.map(Policy, (policy) => ({
      ...policy,
      update: (objective: Objective, options: UpdateOptions) => {
        if (objective.format !== undefined) held.push(objective.format)
        return policy.update(objective, options)
      }
    }))
  ).pipe(
    Layer.provideMerge(
      Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
        Layer.provideMerge(Stub.Trace.layer),
        Layer.provideMerge(NodeServices.layer)
      )
    )
  )

describe("practice", () => {
  it.live("a task without a grammar has nothing to practise, and learns all the same", () =>
    Effect.gen(function*() {
      const trace = yield* Stub.Trace
      yield* Rise.make(Stub.Mood, Stub.data(9)).pipe(
        Rise.answers(),
        Rise.sft({ steps: 2, batchSize: 16, practice }),
        Rise.train
      )
      assert.deepStrictEqual(trace.updates.map(({ tag }) => tag), ["Supervised", "Supervised"])
      assert.deepStrictEqual([trace.sessions, trace.keys], [0, []], "nothing was drawn")
    }).pipe(
      Effect.provide(
        Layer.mergeAll(Stub.layer(), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
          Layer.provideMerge(Stub.Trace.layer),
          Layer.provideMerge(NodeServices.layer)
        )
      )
    ))

  it.effect(
    "writes reconstructions in a warm-up, think-answers at every fourth step; answers or think-answers " +
      "in sft",
    () => {
      const held: Array<FormatLoss> = []
      const taught = (pipeline: Rise.Pipeline<"Warmed" | "Tuned", Stub.Label, never, never>) =>
        Effect.gen(function*() {
          held.length = 0
          const trace = yield* Stub.Trace
          const before = trace.keys.length
          yield* Rise.train(pipeline)
          return {
            forms: held.map(({ texts }) => [...new Set(texts.map(({ grammar }) => grammar.id))].join()),
            counts: held.map(({ texts }) => texts.length),
            keys: trace.keys.slice(before).filter((key) => key.includes("/practice/"))
          }
        })
      return Effect.gen(function*() {
        const some = { ...practice, texts: 3 }
        const make = () => Rise.make(Formatted, Stub.data(9))
        const warmed = yield* taught(
          make().pipe(Rise.warmUp({ share: 1, steps: 8, batchSize: 4, practice: some })) as never
        )
        assert.deepStrictEqual(warmed.forms, [
          "answer",
          "answer",
          "answer",
          "think",
          "answer",
          "answer",
          "answer",
          "think"
        ])
        assert.deepStrictEqual(warmed.counts, [3, 3, 3, 3, 3, 3, 3, 3])
        assert.strictEqual(warmed.keys.length, 24)
        assert.strictEqual(new Set(warmed.keys).size, 24)
        assert.strictEqual(warmed.keys[0], "warm-up/step=1/practice/0")
        const answers = yield* taught(
          make().pipe(Rise.answers(), Rise.sft({ steps: 2, batchSize: 4, practice: some })) as never
        )
        assert.deepStrictEqual([answers.forms, answers.counts], [["answer", "answer"], [3, 3]])
        assert.deepStrictEqual(held.map(({ weight }) => weight), [10, 10])
      }).pipe(Effect.provide(noting(held)))
    }
  )

  it.effect("of lessons holds what the next lesson of the batch teaches for each picture, and draws nothing", () => {
    const held: Array<FormatLoss> = []
    return Effect.gen(function*() {
      const { tokenizer } = yield* Policy
      const { encode, endOfTurn } = Option.getOrThrow(tokenizer)
      const written = (label: string) => [...encode(label), endOfTurn].join()
      const data = Stub.data(4)
      yield* Rise.make(Formatted, data).pipe(
        Rise.answers(),
        Rise.sft({ steps: 1, batchSize: 4, practice: { ...practice, texts: 3, of: "lessons" } }),
        Rise.train
      )
      const trace = yield* Stub.Trace
      assert.deepStrictEqual(trace.keys.filter((key) => key.includes("/practice/")), [])
      const [{ texts, weight }] = held as [FormatLoss]
      assert.deepStrictEqual([weight, texts.length, texts[0]!.grammar.id], [10, 3, "answer"])
      const truthOf = new Map((yield* Stream.runCollect(data)).map(({ image, truth }) => [image.id, truth]))
      const order = texts.map(({ prompt }) => prompt.images[0]!.id)
      const last = [...truthOf.keys()].find((id) => !order.includes(id))!
      assert.deepStrictEqual(
        texts.map(({ tokens }) => tokens.join()),
        [...order.slice(1), last].map((id) => written(truthOf.get(id)!))
      )
    }).pipe(Effect.provide(noting(held)))
  })

  it.effect("is refused where it means nothing", () =>
    Effect.gen(function*() {
      for (
        const [wrong, setting] of [[{ texts: 0 }, "practice.texts"], [{ weight: NaN }, "practice.weight"], [{
          temperature: -1
        }, "practice.temperature"]] as const
      ) {
        const options = { practice: { ...practice, ...wrong } }
        for (
          const { sound } of [
            Rise.make(Stub.Mood, Stub.data(3)).pipe(Rise.answers(), Rise.sft(options)),
            Rise.make(Stub.Mood, Stub.data(3)).pipe(Rise.warmUp(options))
          ]
        ) assert.include((yield* Effect.flip(sound)).message, setting)
      }
    }))
})
