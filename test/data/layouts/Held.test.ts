import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { hold } from "../../../src/data/layouts/Held.ts"
import * as Dataset from "../../../src/dsl/Dataset.ts"
import * as Quarantine from "../../../src/dsl/Quarantine.ts"
import * as Image from "../../../src/kernels/image/Image.ts"

const whole = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const data = (sizes: ReadonlyArray<number>) =>
  Dataset.fromIterable(
    sizes.flatMap((size, label) =>
      Array.from({ length: size }, (_, i) => ({ image: Image.file(`/${label}/${i}`, `${label}/${i}`), truth: label }))
    )
  )
const options = { source: "data", classOf: String }
const idsOf = <E, R>(samples: Dataset.Dataset<number, E, R>) =>
  Effect.map(Stream.runCollect(samples), (all) => all.map(({ image }) => image.id))

describe("hold", () => {
  it.effect.prop("parts every label, keyed by the seed and by nothing else", [
    Arbitrary.array(whole(1, 12), { minLength: 2, maxLength: 5 }),
    whole(0, 1000)
  ], ([sizes, seed]) =>
    Effect.gen(function*() {
      const { train, validation } = yield* hold({ ...options, seed })(data(sizes))
      if (sizes.every((size) => size === 1)) {
        assert.match((yield* Effect.flip(idsOf(train))).reason, /no label has two pictures/)
        return
      }
      const [left, held] = [yield* idsOf(train), yield* idsOf(validation)]
      assert.sameMembers([...left, ...held], yield* idsOf(data(sizes)))
      for (const [label, size] of sizes.entries()) {
        const count = held.filter((id) => id.startsWith(`${label}/`)).length
        assert.strictEqual(count, size === 1 ? 0 : Math.max(1, Math.round(size / 5)), `of ${size}`)
      }
      const backwards = Dataset.fromIterable((yield* Stream.runCollect(data(sizes))).toReversed())
      assert.sameMembers(yield* idsOf((yield* hold({ ...options, seed })(backwards)).validation), held)
    }))

  it.effect("says what was set aside, where no label has two pictures for want of it", () =>
    Effect.gen(function*() {
      const rows = [1, 2].map((row) =>
        new Quarantine.Row({ source: "a", row, reason: "missing-file", detail: `no ${row}` })
      )
      const reported = Stream.concat(
        Stream.drain(Stream.fromIterable(rows).pipe(Stream.mapEffect(Quarantine.add))),
        data([1, 1])
      )
      const around = yield* Quarantine.collect
      const { reason } = yield* Effect.flatMap(hold({ ...options, seed: 0 })(reported), ({ train }) => idsOf(train))
        .pipe(
          Effect.provideService(Quarantine.Quarantine, around),
          Effect.flip
        )
      assert.match(reason, /, or a test part\. Set aside: missing-file 2\. First, row 1: missing-file: no 1$/)
      assert.deepStrictEqual(yield* around.rows, rows)
    }))

  it.effect("draws others under another seed", () =>
    Effect.gen(function*() {
      const held = (seed: number) => Effect.flatMap(hold({ ...options, seed })(data([50])), (s) => idsOf(s.validation))
      assert.notDeepEqual(yield* held(0), yield* held(1))
      assert.strictEqual((yield* held(1)).length, 10)
    }))
})
