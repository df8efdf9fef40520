/** Resuming the run that is meant, or none. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, FileSystem, Option, Stream } from "effect"
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import { CommandLine } from "../../src/cli/commandLine.ts"
import { working } from "../../src/cli/working.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { RunFileError } from "../../src/dsl/RunError.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import { node } from "./processes.ts"

/** Work in a folder, with what is said on standard error. */
const begin = (
  folder: string,
  flags: { readonly out?: string; readonly resume: boolean },
  work: () => Effect.Effect<void, RunFileError> = () => Effect.void
) =>
  Effect.gen(function*() {
    const told: Array<string> = []
    const said: Array<string> = []
    const result = yield* working({
      flags: { seed: 0, resume: flags.resume, out: Option.fromUndefinedOr(flags.out) },
      name: relative("runs", `${folder}/mood`),
      task: Stub.Mood,
      train: Stub.data(3),
      test: Stream.empty,
      config: {}
    })(work).pipe(
      Effect.map(({ out }) => out),
      Effect.provideService(
        Console.Console,
        Object.assign(Object.create(console), { error: (text: string) => said.push(text) })
      ),
      Effect.provideService(Progress, {
        ...silent,
        report: (event) => Effect.sync(() => void (event._tag === "Began" && told.push(event.text)))
      }),
      Effect.result
    )
    return { said, told, message: result._tag === "Failure" ? result.failure.message : "" }
  })

const full = () =>
  Effect.fail(
    new RunFileError({
      path: "x",
      reason: "writing failed",
      cause: Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
    })
  )

describe("where the system refuses", () => {
  const kept = "What was done is kept. When that is mended, go on with: "
  it.effect("work that was begun is said to be kept, and nothing of work that was not", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      const said = (texts: ReadonlyArray<string>) => texts.filter((text) => text.includes("mended"))
      const first = yield* begin(out, { out, resume: false }, full)
      assert.lengthOf(said(first.said), 1)
      assert.include(said(first.said)[0], kept)
      assert.lengthOf(said((yield* begin(out, { out, resume: true }, full)).said), 1)

      // Nobody can take the folder: no command has done anything there.
      yield* fs.makeDirectory(`${out}/run.lock`)
      for (const resume of [true, false]) {
        const locked = yield* begin(out, { out, resume }, full)
        assert.include(locked.message, `${out}/run.lock: taking the run folder failed`)
        assert.deepStrictEqual(said(locked.said), [])
      }
    })).pipe(Effect.provide(NodeServices.layer)))
})

describe("the command line that goes on", () => {
  it.effect("has the options that the run was not begun with, and no others", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const out = `${yield* fs.makeTempDirectoryScoped()}/run`
      const run = ["train", "--method", "SFT", "-s", "1", "--device=cpu"]
      const lineOf = Effect.fnUntraced(function*(words: ReadonlyArray<string>, resume: boolean) {
        const { said } = yield* begin(out, { out, resume }, full).pipe(
          Effect.provideService(CommandLine, words)
        )
        return said.find((text) => text.includes("go on with"))?.replace(/^.*--out \S+ /s, "")
      })
      assert.strictEqual(yield* lineOf(run, false), "--resume")
      // As they are when those of the run have been added.
      const words = [
        ...["train", "--out", out, "--resume", "--quiet", "--method", "RISE", "-w", "2"],
        ...["--source", "my model", "--engine", "https://me:secret@host", "--seed=1", "--device", "cpu"]
      ]
      for (const _ of [1, 2]) {
        assert.strictEqual(yield* lineOf(words, true), "--resume --method RISE -w 2 --source 'my model'")
      }
    })).pipe(Effect.provide(NodeServices.layer)))
})

describe("--resume", () => {
  it.effect("a folder that is no run is refused, and nothing is said to be written there", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/a.txt`, "mine")
      const refused = yield* begin(folder, { out: folder, resume: false })
      assert.deepStrictEqual([refused.told, /already exists and holds no run/.test(refused.message)], [[], true])
      const out = `${folder}/run`
      assert.deepStrictEqual((yield* begin(folder, { out, resume: false })).told, [`writing to ${out}`])
      const again = yield* begin(folder, { out, resume: false })
      assert.deepStrictEqual([again.told, /already holds a run/.test(again.message)], [[], true])
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("without a run is refused, and makes no folder", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const { message } = yield* begin(folder, { out: `${folder}/TYPO`, resume: true })
      assert.strictEqual(
        message,
        `there is no run in ${folder}/TYPO to resume: check --out, or leave --resume out to begin one there`
      )
      const unnamed = yield* begin(folder, { resume: true })
      assert.match(unnamed.message, /^there is no run in \S+\/mood to resume: name its folder with --out$/)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("without --out takes the newest, and says which", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      for (const _ of [1, 2]) assert.deepStrictEqual((yield* begin(folder, { resume: false })).said, [])
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), ["mood", "mood-2"])
      const { said } = yield* begin(folder, { resume: true })
      const which = (said: ReadonlyArray<string>) => said.filter((text) => text.includes("going on"))
      assert.strictEqual(which(said).length, 1)
      assert.match(which(said)[0]!, /^going on with \S+\/mood-2$/)
      assert.deepStrictEqual(which((yield* begin(folder, { out: `${folder}/mood`, resume: true })).said), [])
    })).pipe(Effect.provide(NodeServices.layer)))
})

describe("the collector", () => {
  it.effect("is changed where the process is the command's own, and stays for others that compute in it", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const program = fileURLToPath(new URL("nursery.ts", import.meta.url))
      const grown = Effect.fnUntraced(function*(whose: "own" | "shared") {
        const { code, stderr, stdout } = yield* node([program, whose, `${folder}/${whose}`])
        assert.strictEqual(code, 0, stderr)
        const [, bytes] = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
        return bytes
      })
      assert.isAtMost(yield* grown("own"), 4 * 2 ** 20)
      assert.isAbove(yield* grown("shared"), 8 * 2 ** 20)
    })).pipe(Effect.provide(NodeServices.layer)))
})
