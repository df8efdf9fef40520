/** Start-up reads data once, however often they are gone through. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Path, Stream } from "effect"
import sharp from "sharp"
import { DataError } from "../../src/dsl/Dataset.ts"
import * as Fingerprint from "../../src/dsl/Fingerprint.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { sift } from "../../src/dsl/Sift.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { factsOf } from "../../src/pipelines/index.ts"
import * as Sources from "../../src/sources/index.ts"
import { remembered } from "../../src/sources/remembered.ts"

const sample = (i: number) => ({ image: Image.file(`/pictures/${i}.png`, `${i}`), truth: i })

/** A source of four rows, the second of them bad, and how often it has been opened. */
const source = (of: (i: number) => ReturnType<typeof sample> = sample) => {
  let opened = 0
  const stream = Stream.suspend(() => {
    opened++
    return Stream.fromIterable([1, 2, 3, 4]).pipe(
      Stream.map((row) => ({
        row,
        read: row === 2
          ? ({ _tag: "Failure", failure: { reason: "odd", detail: "two" } } as never)
          : ({ _tag: "Success", success: [of(row)] } as never)
      })),
      sift<ReturnType<typeof sample>>({ source: "four" })
    )
  })
  return { stream, opened: () => opened }
}

const pass = <A, E>(stream: Stream.Stream<{ readonly truth: A }, E>) =>
  Effect.gen(function*() {
    const aside = yield* Quarantine.collect
    const found = yield* Stream.runCollect(stream).pipe(Effect.provideService(Quarantine.Quarantine, aside))
    return { truths: found.map(({ truth }) => truth), counts: yield* aside.counts }
  })

describe("remembered", () => {
  it.effect("reads once, and repeats samples and what was set aside to whoever listens then", () =>
    Effect.gen(function*() {
      const { opened, stream } = source()
      const held = remembered(stream)
      const first = yield* pass(held)
      assert.deepStrictEqual(first, { truths: [1, 3, 4], counts: { odd: 1 } })
      assert.deepStrictEqual(yield* pass(held), first)
      assert.deepStrictEqual((yield* pass(Stream.take(held, 1))).truths, [1])
      assert.strictEqual(opened(), 1)
    }))

  it.effect("does not take a part for the whole", () =>
    Effect.gen(function*() {
      const { opened, stream } = source()
      const held = remembered(stream)
      assert.deepStrictEqual((yield* pass(Stream.take(held, 2))).truths, [1, 3])
      assert.deepStrictEqual((yield* pass(held)).truths, [1, 3, 4])
      assert.strictEqual(opened(), 2)
    }))

  it.effect("holds no pictures that come with their bytes, and nothing of a source that fails", () =>
    Effect.gen(function*() {
      const bytes = source((i) => ({ image: Image.encoded(`${i}`, new Uint8Array(1)), truth: i }))
      const held = remembered(bytes.stream)
      yield* pass(held)
      yield* pass(held)
      assert.strictEqual(bytes.opened(), 2)
      const broken = remembered(
        Stream.concat(source().stream, Stream.fail(new DataError({ source: "four", reason: "gone" })))
      )
      for (let i = 0; i < 2; i++) assert.strictEqual((yield* Effect.flip(pass(broken))).reason, "gone")
    }))
})

/** A file system that counts how often it is asked where a picture is. */
const counting = (counts: Map<string, number>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      realPath: (name: string) => {
        if (name.endsWith(".png")) counts.set(name, (counts.get(name) ?? 0) + 1)
        return fs.realPath(name)
      }
    }))
  )

it.effect("every picture is looked up once before the first step, however often its data are gone through", () =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = yield* fs.makeTempDirectoryScoped()
    const png = yield* Effect.promise(() =>
      sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } }).png().toBuffer()
    )
    for (const label of ["a", "b"]) {
      yield* fs.makeDirectory(path.join(root, label))
      for (let i = 0; i < 10; i++) yield* fs.writeFile(path.join(root, label, `${i}.png`), png)
    }
    const counts = new Map<string, number>()
    yield* Effect.gen(function*() {
      const none = Option.none()
      const found = yield* Sources.pictures({
        ...{ data: root, embedded: true, labels: none, seed: 0, shots: none, subject: none, task: none }
      })
      assert.isTrue(found.kind === "classes")
      if (found.kind !== "classes") return
      yield* Sources.understood(found)
      yield* factsOf({ task: found.task, data: found.train, model: "embedded" })
      for (const half of [found.train, found.test]) yield* Fingerprint.data(found.task, half)
    }).pipe(Effect.provide(counting(counts)))
    assert.strictEqual(counts.size, 20)
    assert.deepStrictEqual([...new Set(counts.values())], [1])
  })).pipe(Effect.provide(NodeServices.layer)))
