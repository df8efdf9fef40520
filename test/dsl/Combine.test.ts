/** Several annotations of one picture as one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { combine, draws } from "../../src/dsl/Combine.ts"
import { make, type Task } from "../../src/dsl/Task.ts"
import { Image } from "../../src/kernels/image/index.ts"
import { Keyed } from "../../src/kernels/math/index.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { Box, CocoSub, Lisa } from "../../src/tasks/detection/index.ts"
import * as Stub from "./StubPolicy.ts"

const asked = { image: Image.rendered("a.png", () => assert.fail("no picture is looked at")) }

const of = <A>(task: Task<A>, first: A, ...others: ReadonlyArray<A>) =>
  Effect.map(combine(task, asked, [first, ...others]), ({ annotation, nearest }) => [annotation, nearest] as const)

describe("combine", () => {
  it.effect("is the medoid where the task does not say: most like all others, the first of several", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* of(Stub.Mood, "joy"), ["joy", 0])
      assert.deepStrictEqual(yield* of(Stub.Mood, "joy", "fear", "fear"), ["fear", 1])
      assert.deepStrictEqual(yield* of(Stub.Mood, "joy", "fear"), ["joy", 0])
      const { combine: _, ...task } = Classification.make({ name: "x", labels: ["a", "b"], subject: "x" })
      const shares = [[1, 0], [0.6, 0.4], [0, 1]] as const
      assert.deepStrictEqual((yield* of(task, ...shares))[1], 1)
    }))

  it.effect("is the mean of distributions, and names the draw that is nearest", () =>
    Effect.gen(function*() {
      const task = Classification.make({ name: "x", labels: ["a", "b", "c"], subject: "x" })
      const [mean, nearest] = yield* of(task, [1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5])
      mean.forEach((share, i) => assert.closeTo(share, [0.5, 1 / 3, 1 / 6][i] ?? NaN, 1e-12))
      assert.strictEqual(nearest, 1)
      // Percents that sum to 700 count no more than others.
      const [shouted] = yield* of(task, [7, 0, 0], [0, 1, 0])
      shouted.forEach((share, i) => assert.closeTo(share, [0.5, 0.5, 0][i] ?? NaN, 1e-12))
      for (let i = 0; i < 50; i++) {
        const random = Keyed.stream(3, `combine/${i}`)
        const draw = () => Array.from({ length: 3 }, () => random.next())
        const [first, ...others] = Array.from({ length: 1 + random.int(6) }, draw)
        const [found] = yield* of(task, first ?? [], ...others)
        assert.strictEqual(task.annotation.ast !== undefined && Schema.is(task.annotation)(found), true)
      }
    }))

  it.effect("is the vote of single labels, the first of those that tie", () =>
    Effect.gen(function*() {
      const task = Classification.make({ name: "x", labels: ["a", "b", "c"], subject: "x", answer: "single" })
      const [a, b, c] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
      assert.deepStrictEqual(yield* of(task, a!, b!, b!), [b, 1])
      assert.deepStrictEqual(yield* of(task, c!, a!, b!), [c, 0])
      assert.deepStrictEqual(yield* of(task, c!, a!, b!, a!), [a, 1])
    }))

  it.effect("is the set of boxes that is most like the others", () =>
    Effect.gen(function*() {
      const target = (x: number, label?: string) => ({
        box: Box.make("thousandths", [x, 0, 200, 200]),
        ...(label === undefined ? {} : { label })
      })
      const [near, nearer, far] = [[target(100)], [target(120)], [target(700)]]
      assert.deepStrictEqual(yield* of(Lisa.embedded, far, near, nearer), [near, 1])
      // A spray holds what others hold: they are like it one way round, not the other.
      const spray = [100, 300, 500, 700].map((x) => target(x, "cup"))
      const cup = [target(100, "cup")]
      const task = CocoSub.forLabels(["cup", "hat"])
      assert.deepStrictEqual(yield* of(task, spray, cup, cup), [cup, 1])
    }))

  it.effect("tells the share of all draws that agree, of single answers alone", () =>
    Effect.gen(function*() {
      const labels = ["a", "b", "c"]
      const said = [[0, 1, 0], [1, 0, 0], undefined, [0, 1, 0]].map((annotation) => ({
        annotation: Option.fromUndefinedOr(annotation)
      }))
      const agreed = (answer: "single" | "distribution") =>
        Effect.map(draws(Classification.make({ name: "x", labels, subject: "x", answer }), asked, said), ({ found }) =>
          Option.getOrThrow(found).agreed)
      assert.strictEqual(yield* agreed("single"), 0.5)
      assert.isUndefined(yield* agreed("distribution"))
    }))

  it.effect("blames a task that combines to nothing, or throws, by name and picture", () =>
    Effect.gen(function*() {
      const bad = (combine: (all: ReadonlyArray<string>) => string) =>
        Effect.map(Effect.flip(of(make({ ...Stub.Mood, combine } as Task<string>), "joy", "joy")), ({ message }) =>
          message)
      assert.match(
        yield* bad(() =>
          JSON.parse("null")
        ),
        /task "mood", sample a\.png: combine gave null, expected an annotation/
      )
      assert.match(yield* bad(() => assert.fail("oh")), /task "mood", sample a\.png: its code threw .*oh/)
      assert.throws(() => make({ ...Stub.Mood, combine: JSON.parse("5") }), /combine is number, expected a function/)
      assert.throws(() => make({ ...Stub.Mood, single: JSON.parse("1") }), /single is number, expected true or false/)
    }))
})
