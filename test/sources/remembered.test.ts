/** Start-up reads data once, however often they are gone through. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Layer, Option, Path, Result, Scope, Stream } from "effect"
import sharp from "sharp"
import { DataError } from "../../src/dsl/Dataset.ts"
import * as Fingerprint from "../../src/dsl/Fingerprint.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import { sift } from "../../src/dsl/Sift.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { factsOf } from "../../src/pipelines/index.ts"
import * as Sources from "../../src/sources/index.ts"
import { window } from "../../src/sources/mixed.ts"
import { remembered } from "../../src/sources/remembered.ts"
import * as Spill from "../../src/sources/Spill.ts"

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

/** Yields one sample more than are held in memory, the third row bad, and how often it has been opened. */
const many = () => {
  let opened = 0
  const stream = Stream.suspend(() => {
    opened++
    return Stream.range(1, window + 2).pipe(
      Stream.map((row) => ({
        row,
        read: row === 3
          ? Result.fail({ reason: "odd", detail: "three" })
          : Result.succeed([{ image: Image.file(`/pictures/${row}.png`, `${row}`), truth: [row / 3, -0, undefined] }])
      })),
      sift<{ image: Image.Image; truth: ReadonlyArray<number | undefined> }>({ source: "many" })
    )
  })
  return { stream, opened: () => opened }
}

it.effect("more than fits in memory is on the disk while the scope is open: the same samples, read once", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { opened, stream } = many()
    const scope = yield* Scope.make()
    const folder = yield* fs.makeTempDirectoryScoped()
    const spills = yield* Spill.here.pipe(
      Effect.provideService(FileSystem.FileSystem, {
        ...fs,
        makeTempFileScoped: (options) => fs.makeTempFileScoped({ ...options, directory: folder })
      }),
      Scope.provide(scope)
    )
    const held = remembered(stream, spills)
    const all = () =>
      Effect.gen(function*() {
        const aside = yield* Quarantine.collect
        const samples = yield* Stream.runCollect(held).pipe(Effect.provideService(Quarantine.Quarantine, aside))
        return { samples, counts: yield* aside.counts }
      })
    const first = yield* all()
    assert.lengthOf(first.samples, window + 1)
    assert.deepStrictEqual(first.counts, { odd: 1 })
    assert.deepStrictEqual(yield* all(), first)
    assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(held, 2)), first.samples.slice(0, 2))
    assert.strictEqual(opened(), 1)
    assert.lengthOf(yield* fs.readDirectory(folder), 1)
    yield* Scope.close(scope, Exit.void)
    assert.lengthOf(yield* fs.readDirectory(folder), 0)
    assert.strictEqual(yield* Stream.runCount(held), window + 1)
    assert.strictEqual(opened(), 2)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

it.effect("a disk that takes nothing, or no scope to clear it, costs another reading", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    for (const scoped of [true, false]) {
      const { opened, stream } = many()
      const full = {
        ...fs,
        makeTempFileScoped: () => fs.makeTempFileScoped({ directory: "/nowhere" })
      }
      yield* Effect.scoped(Effect.gen(function*() {
        const spills = yield* Effect.provideService(Spill.here, FileSystem.FileSystem, full)
        const held = remembered(stream, scoped ? spills : Option.none())
        for (let i = 0; i < 2; i++) assert.strictEqual(yield* Stream.runCount(held), window + 1)
      }))
      assert.strictEqual(opened(), 2)
    }
  }).pipe(Effect.provide(NodeServices.layer)))

/** What opens files, after a word to `tell`. */
const opening = (fs: FileSystem.FileSystem, tell: (name: string) => void) => ({
  readFile: (name: string) => Effect.andThen(Effect.sync(() => tell(name)), fs.readFile(name)),
  stream: (name: string, options?: Parameters<typeof fs.stream>[1]) =>
    Stream.suspend(() => {
      tell(name)
      return fs.stream(name, options)
    })
})

/** A file system that counts how often it is asked where a picture is, and how often a table or JSON is opened. */
const counting = (counts: Map<string, number>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      ...opening(fs, (name) => {
        if (/\.(?:csv|jsonl?)$/.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
      }),
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

/** Files that describe a hundred pictures, and how often each is opened before the first step. */
const described: ReadonlyArray<readonly [string, (names: ReadonlyArray<string>) => string, number]> = [
  // What it is, and to read it.
  ["instances.json", (names) =>
    JSON.stringify({
      images: names.map((file_name, i) => ({ id: i, file_name, width: 8, height: 8 })),
      annotations: names.map((_, i) => ({ id: i, image_id: i, category_id: i % 2, bbox: [1, 1, 4, 4] })),
      categories: [{ id: 0, name: "a" }, { id: 1, name: "b" }]
    }), 2],
  ["project.json", (names) =>
    JSON.stringify(names.map((image, i) => ({
      data: { image },
      annotations: [{ result: [{ from_name: "of", value: { choices: ["ab"[i % 2]] } }] }]
    }))), 2],
  ["data.json", (names) => JSON.stringify(names.map((image, i) => ({ image, label: "ab"[i % 2] }))), 2],
  ["chats.json", (names) =>
    JSON.stringify(names.map((image, i) => ({
      image,
      conversations: [{ from: "human", value: "?" }, { from: "gpt", value: "ab"[i % 2] }]
    }))), 2],
  // What is streamed: the same, and to find out how it is meant.
  ["data.jsonl", (names) => names.map((image, i) => JSON.stringify({ image, label: "ab"[i % 2] })).join("\n"), 3],
  // Encoding, delimiter, header; columns, labels, rows.
  ["labels.csv", (names) => `image,label\n${names.map((image, i) => `${image},${"ab"[i % 2]}\n`).join("")}`, 6]
]

for (const [name, text, times] of described) {
  it.effect(`${name} is opened ${times} times before the first step`, () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = yield* fs.makeTempDirectoryScoped()
      const png = yield* Effect.promise(() =>
        sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } }).png().toBuffer()
      )
      const names = Array.from({ length: 100 }, (_, i) => `picture-${i}.png`)
      for (const picture of names) yield* fs.writeFile(path.join(root, picture), png)
      yield* fs.writeFileString(path.join(root, name), text(names))
      const counts = new Map<string, number>()
      yield* Effect.gen(function*() {
        const none = Option.none()
        const found = yield* Sources.pictures({
          ...{ data: root, embedded: true, labels: none, seed: 0, shots: none, subject: none, task: none }
        })
        yield* Sources.understood(found)
        if (found.kind === "classes") {
          yield* factsOf({ task: found.task, data: found.train, model: "embedded" })
          for (const half of [found.train, found.test]) yield* Fingerprint.data(found.task, half)
        } else {
          yield* factsOf({ task: found.task, data: found.train, model: "embedded" })
          for (const half of [found.train, found.test]) yield* Fingerprint.data(found.task, half)
        }
      }).pipe(Effect.provide(counting(counts)))
      assert.strictEqual(
        counts.get(path.join(yield* fs.realPath(root), name)) ?? counts.get(path.join(root, name)),
        times
      )
    })).pipe(Effect.provide(NodeServices.layer)))
}
