/** Annotations that are none of the task: named where they enter, before a policy is asked anything. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import * as Fingerprint from "../../src/dsl/Fingerprint.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { factsOf } from "../../src/pipelines/facts.ts"
import { embedded } from "../../src/policy/Embedded.ts"
import { Audit } from "../../src/studies/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Stub from "./StubPolicy.ts"

const { task } = Emotion6
const right = [1, 0, 0, 0, 0, 0, 0]
const sample = (id: string, truth: unknown): Sample<ReadonlyArray<number>> => ({
  image: Image.rendered(id, () => ({ width: 8, height: 8, data: new Uint8Array(192) })),
  truth: truth as ReadonlyArray<number>
})
/** A bad annotation behind a good one. */
const data = (truth: unknown) => Stream.make(sample("a/0.png", right), sample("a/1.png", truth))

const policy = Stub.layer({ seed: 1 }).pipe(Layer.provide([Stub.Trace.layer, NodeServices.layer]))
const live = Layer.mergeAll(policy, Run.layerMemory({ seed: 1 }), Layer.succeed(Progress, silent), NodeServices.layer)

const smoke = { generate: {}, reconstruct: {}, reinforce: {} }

describe("ground truth that is none of the task", () => {
  const bad: ReadonlyArray<readonly [truth: unknown, value: string, expected: string]> = [
    [[0.5, 0.5], "[ 0.5, 0.5 ]", "7 probabilities, got 2"],
    [[NaN, 0, 0, 0, 0, 0, 1], "[ NaN, 0, 0, 0, 0, 0, 1 ]", "a finite number at [0]"],
    [[0.5, 0, 0, 0, 0, 0, 0], "[ 0.5, 0, 0, 0, 0, 0, 0 ]", "probabilities that sum to 1, got a sum of 0.5"],
    [undefined, "undefined", "array"]
  ]
  const entrances: Readonly<
    Record<
      string,
      (truth: unknown) => Effect.Effect<unknown, { readonly message: string }, Layer.Success<typeof live>>
    >
  > = {
    "Rise.train": (truth) => Rise.make(task, data(truth)).pipe(Rise.answers(), Rise.sft({ steps: 4 }), Rise.train),
    "the validation split": (truth) =>
      Stream.runDrain(Rise.make(task, data(truth), { validation: 0.5 }).data).pipe(
        Effect.andThen(Stream.runDrain(Rise.make(task, data(truth), { validation: 0.5 }).validation))
      ),
    "Rise.run": (truth) =>
      Effect.scoped(Effect.gen(function*() {
        const out = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/run`
        yield* Rise.make(task, data(truth)).pipe(Rise.rft({ steps: 1 }), Rise.run({ out }))
      })),
    evaluate: (truth) => evaluate({ method: "model", task, data: data(truth) }),
    audit: (truth) =>
      Audit.audit({ task, data: data(truth), preset: smoke, policy, training: "none", out: "", seed: 0 }),
    "a fingerprint": (truth) => Fingerprint.data(task, data(truth)),
    "fitted settings": (truth) => factsOf({ task, data: data(truth), model: embedded })
  }
  for (const [name, enter] of Object.entries(entrances)) {
    it.effect(`${name} names the sample, what it has and what is expected`, () =>
      Effect.gen(function*() {
        for (const [truth, value, expected] of bad) {
          const error = yield* Effect.flip(enter(truth))
          assert.instanceOf(error, Rise.TruthError)
          assert.strictEqual(
            error.message,
            `sample a/1.png: its annotation is ${value}, task "emotion6" expects ${expected}`
          )
        }
      }).pipe(Effect.provide(live)))
  }

  it.effect("leaves sound samples as they are, in their order", () =>
    Effect.gen(function*() {
      const samples = yield* Stream.runCollect(Stub.data(9))
      assert.deepStrictEqual(
        (yield* Stream.runCollect(Rise.make(Stub.Mood, Stream.fromIterable(samples)).data)).map(({ image }) => image),
        samples.map(({ image }) => image)
      )
    }))
})
