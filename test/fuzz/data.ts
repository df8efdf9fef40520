/** Readers of data sets as targets: one file of the set is fuzzed, its pictures are sound. */
import { Effect, FileSystem, Schema, Stream } from "effect"
import type { Dataset } from "../../src/dsl/Dataset.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { png } from "../data/folders.ts"
import { type Disk, holds } from "./Target.ts"

/** A folder's pictures, made once. */
export const pictures = Effect.fnUntraced(function*(folder: string, names: ReadonlyArray<string> = ["a.png", "b.png"]) {
  const fs = yield* FileSystem.FileSystem
  const there = yield* Effect.orDie(fs.exists(`${folder}/${names[0]}`))
  if (there) return
  const bytes = yield* png(40, 30)
  yield* Effect.forEach(names, (name) => fs.writeFile(`${folder}/${name}`, bytes)).pipe(Effect.orDie)
})

/** Reads a set through. Every sample has to fit the schema, under an id of its own, and every error to be short. */
export const samples = <A, E extends { readonly message: string }>(
  set: Dataset<A, E, Disk>,
  truth: Schema.Codec<A, unknown>
): Effect.Effect<boolean, never, Disk> =>
  Effect.gen(function*() {
    const quarantine = yield* Quarantine.collect
    const ids = new Set<string>()
    const isTruth = Schema.is(Schema.toType(truth))
    const error = yield* Stream.runForEach(set, ({ image, truth }) =>
      Effect.sync(() => {
        holds(isTruth(truth), () => `the truth of ${image.id}`)
        holds(!ids.has(image.id), () => `two samples with the id ${image.id}`)
        ids.add(image.id)
      })).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine),
        Effect.as(""),
        Effect.catch((failure) => Effect.succeed(failure.message))
      )
    holds(error.length < 20_000, () => `an error of ${error.length} characters`)
    return ids.size > 0
  })

/** Shares of so many labels. */
export const shares = (count: number): Schema.Codec<ReadonlyArray<number>, unknown> =>
  Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))).check(
    Schema.makeFilter((values: ReadonlyArray<number>) =>
      values.length === count && Math.abs(values.reduce((sum, value) => sum + value, 0) - 1) < 1e-6
    )
  )

const Box = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite, Schema.Finite]).check(
  Schema.makeFilter(([x, y, w, h]) => x >= 0 && y >= 0 && w > 0 && h > 0)
)

/** Boxes inside of their picture. */
export const Instances = Schema.Struct({
  width: Schema.Int,
  height: Schema.Int,
  instances: Schema.Array(
    Schema.Struct({
      box: Box,
      label: Schema.optionalKey(Schema.String),
      crowd: Schema.optionalKey(Schema.Boolean)
    })
  )
}).check(
  Schema.makeFilter(({ height, instances, width }) =>
    instances.every(({ box: [x, y, w, h] }) => x + w <= width + 1e-6 && y + h <= height + 1e-6)
  )
)

/** Writes the input as a file of the folder. */
export const put = Effect.fnUntraced(function*(folder: string, name: string, input: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.orDie(fs.writeFile(`${folder}/${name}`, input))
  return `${folder}/${name}`
})

/** Seeds out of texts. */
export const texts = (...all: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Uint8Array>> =>
  Effect.succeed(all.map((text) => new TextEncoder().encode(text)))

/** Seeds out of values. */
export const values = (...all: ReadonlyArray<unknown>) => texts(...all.map((value) => JSON.stringify(value)))

/** Seeds out of rows, a line each. */
export const lines = (...rows: ReadonlyArray<unknown>) => rows.map((row) => `${JSON.stringify(row)}\n`).join("")

/** Files of the test fixtures. */
export const fixtures = (...names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* Effect.forEach(names, (name) => fs.readFile(new URL(`../fixtures/${name}`, import.meta.url).pathname))
  })
