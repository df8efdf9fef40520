/** A run goes on by its folder alone. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { join, relative } from "node:path"
import { again, commandOf, partsOf } from "../../src/cli/commandLine.ts"
import { kept, resumed } from "../../src/cli/resumed.ts"
import { here } from "./here.ts"
import { pictures } from "./serve/process.ts"

const begun = (out: string) => [
  "--json",
  "train",
  "-d",
  "my pictures",
  "--budget=5m",
  "-s",
  "-1",
  "--strict",
  "-o",
  out,
  "-q"
]

describe("a command line", () => {
  it("has a command, and flags with the values behind them", () => {
    const words = begun("runs/x")
    assert.deepStrictEqual(commandOf(words), ["train"])
    assert.deepStrictEqual(partsOf(words).map(({ flag }) => flag), [
      "--json",
      "",
      "--data",
      "--budget",
      "--seed",
      "--strict",
      "--out",
      "--quiet"
    ])
  })

  it("is kept without what is said anew each time, and without secrets", () => {
    assert.deepStrictEqual(kept(begun("runs/x")).command, [
      "train",
      "-d",
      "my pictures",
      "--budget=5m",
      "-s",
      "-1",
      "--strict"
    ])
    const asked = ["evaluate", "--remote", "https://me:secret@host/v1", "--remote-model", "vl"]
    assert.deepStrictEqual(kept(asked).command, ["evaluate", "--remote-model", "vl"])
  })

  it("that goes on is whole, and quoted for a shell", () => {
    assert.match(again(begun("x"), "runs/my own"), / train --out 'runs\/my own' --resume$/)
  })

  it.effect("takes the options of the run that it resumes, and its own over them", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${out}/run.json`, JSON.stringify({ identity: {}, about: kept(begun(out)) }))
      const words = ["train", "--out", out, "--resume", "--seed", "4"]
      assert.deepStrictEqual(yield* resumed(words), [...words, "-d", "my pictures", "--budget=5m", "--strict"])
      for (
        const others of [["audit", "-o", out, "--resume"], ["train", "-o", out], ["train", "-o", "/no", "--resume"]]
      ) {
        assert.deepStrictEqual(yield* resumed(others), others)
      }
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("names the pictures from where it stands now", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* fs.makeTempDirectoryScoped()
      const out = join(at, "runs/x")
      yield* fs.makeDirectory(out, { recursive: true })
      yield* fs.makeDirectory(join(at, "my pictures"))
      const words = ["train", "--out", out, "--resume"]
      const write = (begunIn: string) =>
        fs.writeFileString(`${out}/run.json`, JSON.stringify({ identity: {}, about: { ...kept(begun(out)), begunIn } }))
      const data = Effect.map(resumed(words), (line) => line.slice(words.length, words.length + 2))
      yield* write("../..")
      assert.deepStrictEqual(yield* data, ["--data", relative(process.cwd(), join(at, "my pictures"))])
      // The folder that it is started in is the one that was named.
      const inside = yield* Effect.acquireUseRelease(
        Effect.sync(() => {
          const before = process.cwd()
          process.chdir(join(at, "my pictures"))
          return before
        }),
        () => data,
        (before) => Effect.sync(() => process.chdir(before))
      )
      assert.deepStrictEqual(inside, ["--data", "."])
      // They are not there any more: what was written stays, and is told.
      yield* fs.rename(join(at, "my pictures"), join(at, "pictures"))
      const { stderr } = yield* here(["train", "--out", out, "--resume"])
      assert.match(stderr, /--data my pictures is what .*run\.json says, from the folder that the run was begun in \(/)
      assert.deepStrictEqual(yield* data, ["-d", "my pictures"])
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("names a file of settings from where it stands, and says where a model was named from", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* fs.makeTempDirectoryScoped()
      const out = join(at, "runs/x")
      yield* fs.makeDirectory(out, { recursive: true })
      yield* fs.makeDirectory(join(at, "base"))
      yield* fs.writeFileString(join(at, "mine.json"), "{}")
      const begun = ["train", "--config", "mine.json", "--model", "base", "--out", out]
      yield* fs.writeFileString(
        `${out}/run.json`,
        JSON.stringify({ identity: {}, about: { ...kept(begun), begunIn: "../.." } })
      )
      const words = ["train", "--out", out, "--resume"]
      assert.deepStrictEqual(yield* resumed(words), [
        ...words,
        ...["--config", relative(process.cwd(), join(at, "mine.json")), "--model", "base"]
      ])
      const { stderr } = yield* here(words)
      assert.match(stderr, /--model base is what .*run\.json says, from the folder .* \(.*\): go on from there/)
    })).pipe(Effect.provide(NodeServices.layer)))

  it.live(
    "goes on with pictures whose folder has another name, from wherever it stands",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const at = yield* fs.makeTempDirectoryScoped()
        const pngs = yield* Effect.promise(() => pictures(8))
        for (const [i, png] of pngs.entries()) {
          const folder = join(at, "pictures", i % 2 === 0 ? "rain" : "sun")
          yield* fs.makeDirectory(folder, { recursive: true })
          yield* fs.writeFile(join(folder, `${i}.png`), png)
        }
        const begins = ["train", "--method", "SFT", "--preset", "smoke", "-d", "pictures", "-o", "runs/x"]
        const first = yield* here(begins, { cwd: at })
        assert.strictEqual(first.code, 0, first.stderr)
        yield* fs.makeDirectory(join(at, "elsewhere"))
        const apart = yield* here(["train", "-o", "../runs/x", "--resume"], { cwd: join(at, "elsewhere") })
        assert.strictEqual(apart.code, 0, apart.stderr)
        yield* fs.rename(join(at, "pictures"), join(at, "pictures2"))
        const renamed = yield* here(["train", "-o", "runs/x", "--resume", "-d", "pictures2"], { cwd: at })
        assert.strictEqual(renamed.code, 0, renamed.stderr)
        const other = join(at, "pictures2", "rain", "0.png")
        yield* fs.writeFile(other, pngs[1] ?? new Uint8Array(0))
        const changed = yield* here(["train", "-o", "runs/x", "--resume", "-d", "pictures2"], { cwd: at })
        assert.match(changed.stderr, /was started with other pictures: "rain\/0\.png" has changed/)
      })).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )
})
