/** `augment`: pictures that are changed a little while they are learned from. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import * as Task from "../../src/dsl/Task.ts"
import type { Image } from "../../src/kernels/image/Image.ts"
import { type Objective, Policy, type Prompt } from "../../src/policy/Policy.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Detection from "../../src/tasks/detection/index.ts"
import * as Stub from "./StubPolicy.ts"

const Anywhere = Task.make({ ...Stub.Mood, placeless: true })

const start = () => Rise.make(Anywhere, Stub.data(12))
type Start = ReturnType<typeof start>

const promptsOf = (objective: Objective): ReadonlyArray<Prompt> =>
  objective._tag === "Supervised"
    ? objective.examples.map(({ prompt }) => prompt)
    : objective._tag === "GroupRelative"
    ? objective.rollouts.map(({ prompt }) => prompt)
    : []

/** The pictures that a stage learns from, in order. */
const learned = (
  stage: (from: Start) => Effect.Effect<void, unknown, Policy | Run>,
  seed = 1
) =>
  Effect.gen(function*() {
    const seen: Array<Image> = []
    const watched = Layer.effect(
      Policy,
      Effect.map(Policy, (policy) => ({
        ...policy,
        update: (objective: Objective, options: Parameters<typeof policy.update>[1]) => {
          seen.push(...promptsOf(objective).flatMap(({ images }) => images))
          return policy.update(objective, options)
        }
      }))
    )
    yield* stage(start()).pipe(
      Effect.provide(
        Layer.provideMerge(
          watched,
          Layer.mergeAll(Stub.layer({ seed }), Run.layerMemory({ seed }), Layer.succeed(Progress, silent))
        ).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))
      )
    )
    return seen
  })

const all = { flip: true, shift: 0.2, brightness: 0.3 }
const steps = { steps: 12, learningRate: 0.5 }

const stages = {
  "warm-up": (augment: Rise.Augmenting | null) => (from: Start) =>
    Rise.train(
      from.pipe(Rise.warmUp({ ...steps, share: 1, keep: 0.5, augment }), Rise.answers(), Rise.sft({ steps: 0 }))
    ),
  reinforce: (augment: Rise.Augmenting | null) => (from: Start) =>
    from.pipe(
      Rise.generate({ candidates: 4 }),
      Rise.reconstruct(),
      Rise.validate(),
      Rise.reinforce({ ...steps, deadSteps: 50, augment })
    ).ready,
  sft: (augment: Rise.Augmenting | null) => (from: Start) =>
    Rise.train(from.pipe(Rise.answers(), Rise.sft({ ...steps, augment }))),
  rft: (augment: Rise.Augmenting | null) => (from: Start) =>
    Rise.train(from.pipe(Rise.rft({ ...steps, deadSteps: 50, augment })))
}

const changeOf = ({ id, source }: Image) => ({ id, by: source._tag === "Varied" ? source.by : undefined })

describe("augment", () => {
  for (const [name, stage] of Object.entries(stages)) {
    it.effect(`${name}: changes every picture by keyed draws, within what is asked for`, () =>
      Effect.gen(function*() {
        const seen = yield* learned(stage(all))
        const changes = seen.flatMap(({ source }) => source._tag === "Varied" ? [source] : [])
        assert.isAbove(changes.length, 12)
        assert.strictEqual(changes.length, seen.length)
        for (const { by, of } of changes) {
          assert.strictEqual(of._tag, "Rendered")
          assert.isAtMost(Math.max(Math.abs(by.right), Math.abs(by.down)), 0.2)
          assert.isAtMost(Math.abs(by.light - 1), 0.3)
        }
        const mirrored = changes.filter(({ by }) => by.mirrored).length
        assert.isTrue(mirrored > 0 && mirrored < changes.length)
        // One id, one picture: what is kept of a picture is not taken for another.
        const values = new Map(seen.map((one) => [one.id, changeOf(one)]))
        for (const one of seen) assert.deepStrictEqual(values.get(one.id), changeOf(one))
        const ofSeed = (seed: number) => Effect.map(learned(stage(all), seed), (again) => again.map(changeOf))
        assert.deepStrictEqual(yield* ofSeed(1), seen.map(changeOf))
        assert.notDeepEqual(yield* ofSeed(2), seen.map(changeOf))
      }))

    it.effect(`${name}: leaves pictures as they are without it`, () =>
      Effect.gen(function*() {
        for (const none of [null, { flip: false }, { flip: false, shift: 0, brightness: 0 }]) {
          const seen = yield* learned(stage(none))
          assert.isAbove(seen.length, 0)
          assert.isTrue(seen.every(({ source }) => source._tag === "Rendered"))
        }
      }))
  }

  it.effect("of brightness alone moves and mirrors nothing", () =>
    Effect.gen(function*() {
      const seen = yield* learned(stages.sft({ brightness: 0.5 }))
      for (const { source } of seen) {
        assert.isTrue(
          source._tag === "Varied" && !source.by.mirrored && source.by.right === 0 && source.by.down === 0
        )
      }
    }))

  it.effect("refuses to mirror and to move what may say where things are, and to change nothing", () =>
    Effect.gen(function*() {
      const refused = (task: typeof Stub.Mood, augment: Rise.Augmenting) =>
        Effect.flip(Rise.train(Rise.make(task, Stub.data(12)).pipe(Rise.answers(), Rise.sft({ ...steps, augment }))))
          .pipe(
            Effect.provide(
              Layer.mergeAll(Stub.layer({ seed: 1 }), Run.layerMemory({ seed: 1 }), Layer.succeed(Progress, silent))
                .pipe(
                  Layer.provideMerge(Stub.Trace.layer),
                  Layer.provideMerge(NodeServices.layer)
                )
            ),
            Effect.map(({ message }) => message)
          )
      assert.include(yield* refused(Stub.Mood, { flip: true }), "augment.flip")
      assert.include(yield* refused(Stub.Mood, { shift: 0.1 }), "placeless")
      assert.match(yield* refused(Anywhere, {}), /augment is \{\}, expected flip, shift or brightness/)
    }))

  it("labels stay where a picture is moved, boxes do not", () => {
    assert.isTrue(Emotion6.task.placeless)
    assert.isUndefined(Detection.Lisa.task.placeless)
  })

  it("is a yes or no of the plug-in", () => {
    assert.throws(() => Task.make({ ...Stub.Mood, placeless: "yes" as never }), /placeless is string/)
    assert.throws(() => Task.make({ ...Stub.Mood, oneSided: 1 as never }), /oneSided is number/)
  })
})
