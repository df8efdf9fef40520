/** A run knows its pictures by their bytes, not by their names alone. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Stream } from "effect"
import { join } from "node:path"
import * as Fingerprint from "../../src/dsl/Fingerprint.ts"
import { fileName } from "../../src/dsl/PictureMarks.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { RunFolderMismatch } from "../../src/dsl/RunError.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import * as TrainedOn from "../../src/dsl/TrainedOn.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { PolicyError } from "../../src/policy/Policy.ts"
import { temporary } from "./folders.ts"
import { logs } from "./logs.ts"
import * as Stub from "./StubPolicy.ts"

type Mood = typeof Stub.Mood.annotation.Type

/** The stub's samples with files of their own in a folder. */
const pictures = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const samples = yield* Stream.runCollect(Stub.data(12))
  return yield* Effect.forEach(samples, (sample, i): Effect.Effect<Sample<Mood>, unknown> => {
    const path = join(folder, `${i}.png`)
    return Effect.as(fs.writeFileString(path, `picture ${i}`), { ...sample, image: Image.file(path, sample.image.id) })
  })
})

const run = (samples: ReadonlyArray<Sample<Mood>>, out: string, most = Infinity) =>
  Rise.make(Stub.Mood, Stream.fromIterable(samples)).pipe(
    Rise.warmUp({ share: 0.9, steps: 4, batchSize: 2, learningRate: 2 }),
    Rise.run({ out, seed: 3, resume: true }),
    Effect.provide(Layer.fresh(Layer.provideMerge(
      Stub.layer({
        seed: 1,
        beforeUpdate: (updates) =>
          updates >= most ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
      }),
      Stub.Trace.layer
    ))),
    Effect.provideService(Progress, silent)
  )

describe("the bytes of pictures", () => {
  it.effect("a picture that changed between a kill and --resume is refused by name, and touch is not", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const samples = yield* pictures(folder)
      const out = join(folder, "run")
      yield* Effect.flip(run(samples, out, 2))
      assert.strictEqual((yield* fs.readFileString(join(out, fileName))).split("\n").length, 13)

      yield* fs.writeFileString(join(folder, "4.png"), "Picture 4")
      yield* fs.writeFileString(join(folder, "7.png"), "Picture 7")
      const refused = yield* Effect.flip(run(samples, out))
      assert.instanceOf(refused, RunFolderMismatch)
      assert.include(refused.message, JSON.stringify(samples[4]?.image.id))
      assert.match(refused.message, /has changed .*Bring back/)
      // Without the list, still refused.
      yield* fs.rename(join(out, fileName), join(folder, "kept"))
      assert.match((yield* Effect.flip(run(samples, out))).message, /pictures have changed/)
      // A list that cannot be read is no missing list.
      yield* fs.makeDirectory(join(out, fileName))
      assert.match(
        (yield* Effect.flip(run(samples, out))).message,
        /picture-hashes\.txt.*is a directory, expected a file/
      )
      yield* fs.remove(join(out, fileName), { recursive: true })
      yield* fs.rename(join(folder, "kept"), join(out, fileName))

      yield* fs.writeFileString(join(folder, "4.png"), "picture 4")
      yield* fs.remove(join(folder, "7.png"))
      yield* fs.writeFileString(join(folder, "elsewhere"), "picture 7")
      yield* fs.symlink(join(folder, "elsewhere"), join(folder, "7.png"))
      yield* fs.utimes(join(folder, "0.png"), 1, 1)
      yield* run(samples, out)
      assert.isTrue(yield* fs.exists(join(out, "model")))
      // All that a script reads it trains on.
      const known = yield* TrainedOn.of(join(out, "model"))
      assert.deepStrictEqual(Option.map(known, ({ marks, seed }) => [marks.size, seed]), Option.some([12, 3]))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("pictures that are drawn on demand leave fingerprint and folder as they were", () =>
    Effect.gen(function*() {
      const found = yield* Fingerprint.data(Stub.Mood, Stub.data(3))
      const drawn = (yield* Stream.runCollect(Stub.data(3))).map((sample): Sample<Mood> => ({
        ...sample,
        image: Image.rendered(sample.image.id, () => ({ width: 1, height: 1, data: new Uint8Array(3) }))
      }))
      const without = yield* Fingerprint.data(Stub.Mood, Stream.fromIterable(drawn))
      assert.deepStrictEqual(Object.keys(without), ["samples", "sha256"])
      assert.strictEqual(without.sha256, found.sha256)
    }))

  it.effect("pictures in memory count, too", () =>
    Effect.gen(function*() {
      const [first] = yield* Stream.runCollect(Stub.data(1))
      const of = (text: string) =>
        Fingerprint.data(
          Stub.Mood,
          Stream.fromIterable(
            first === undefined ? [] : [{
              ...first,
              image: Image.encoded("a", new TextEncoder().encode(text))
            }]
          )
        )
      assert.notStrictEqual((yield* of("a")).pictures, (yield* of("b")).pictures)
      assert.deepStrictEqual(yield* of("a"), yield* of("a"))
    }))

  it.effect("a run.json of an earlier version, which has no hashes of pictures, is gone on from with a word", () =>
    Effect.gen(function*() {
      const stored = { data: { train: { samples: 1, sha256: "a" } }, seed: 1 }
      const given = { data: { train: { samples: 1, sha256: "a", pictures: "b" } }, seed: 1 }
      assert.deepStrictEqual(Fingerprint.asEarlier(stored, given), Option.some(stored))
      assert.deepStrictEqual(Fingerprint.asEarlier(given, given), Option.none())

      const path = join(yield* temporary, "run")
      const opened = (identity: typeof given | typeof stored) =>
        Effect.void.pipe(Effect.provide(Layer.fresh(Run.layer({ path, seed: 1, resume: true, identity }))))
      yield* opened(stored)
      const { lines, result } = yield* logs(opened(given))
      assert.strictEqual(result._tag, "Success")
      assert.match(lines.join(), /run\.json is of an earlier version, which kept no hashes/)
      const other = { ...given, data: { train: { ...given.data.train, sha256: "c" } } }
      assert.match((yield* Effect.flip(opened(other))).message, /data\.train\.sha256/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
