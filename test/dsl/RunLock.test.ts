import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import { hostname } from "node:os"
import { fileURLToPath } from "node:url"
import * as RunLock from "../../src/dsl/RunLock.ts"

const program = fileURLToPath(new URL("programs/hold.ts", import.meta.url))

/** A process that tries to hold the folder, and what it said first. */
const contender = Effect.fnUntraced(function*(folder: string) {
  const child = yield* ChildProcess.make(process.execPath, [program, folder])
  const said = yield* child.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runHead,
    Effect.map((line) => line.pipe((found) => found._tag === "Some" ? found.value : ""))
  )
  return { child, said }
})

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const Text = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

describe("RunLock", () => {
  it.live("one holder at a time, also within one process, and nobody afterwards", () =>
    Effect.gen(function*() {
      const folder = yield* temporary
      const fs = yield* FileSystem.FileSystem
      yield* Effect.scoped(Effect.gen(function*() {
        yield* RunLock.hold(folder)
        const refused = yield* Effect.flip(Effect.scoped(RunLock.hold(folder)))
        assert.strictEqual(refused._tag, "RunFolderInUse")
        assert.include(refused.message, `process ${process.pid} on ${hostname()} has held it since 20`)
        const { said } = yield* contender(folder)
        assert.strictEqual(said, "RunFolderInUse")
        // The refused ones took nothing with them.
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [RunLock.lockFile])
      }))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      yield* Effect.scoped(RunLock.hold(folder))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("of a killed process is taken over, by one of several that try", () =>
    Effect.gen(function*() {
      const folder = yield* temporary
      const first = yield* contender(folder)
      assert.strictEqual(first.said, "held")
      yield* first.child.kill({ killSignal: "SIGKILL" })
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [RunLock.lockFile])
      const said = yield* Effect.forEach([1, 2, 3, 4], () => Effect.map(contender(folder), ({ said }) => said), {
        concurrency: 4
      })
      assert.deepStrictEqual(said.toSorted(), ["RunFolderInUse", "RunFolderInUse", "RunFolderInUse", "held"])
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [RunLock.lockFile])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live(
    "of a killed process is taken over after one that was killed while it took it over, at once",
    () =>
      Effect.gen(function*() {
        const folder = yield* temporary
        const fs = yield* FileSystem.FileSystem
        const file = `${folder}/${RunLock.lockFile}`
        const dead = (token: string) =>
          JSON.stringify({ pid: 999_999_999, host: hostname(), since: "2026-01-01T00:00:00.000Z", began: "1/1", token })
        // The lock, the right to remove it, and the right to remove that one: each holder died over it.
        const chain = ["holder", "second", "third"].map(dead)
        const rightTo = (text: string) =>
          `${file}.stale.${createHash("sha256").update(text).digest("hex").slice(0, 32)}`
        const left = Effect.all([
          fs.writeFileString(file, chain[0]!),
          fs.writeFileString(rightTo(chain[0]!), chain[1]!),
          fs.writeFileString(rightTo(chain[1]!), chain[2]!)
        ])
        yield* left
        yield* Effect.scoped(Effect.gen(function*() {
          // On a clock that stands still: whoever waits here waits for ever.
          yield* Effect.provide(RunLock.hold(folder), TestClock.layer())
          assert.deepStrictEqual(yield* fs.readDirectory(folder), [RunLock.lockFile])
        }))
        yield* left
        const tries = yield* Effect.forEach([1, 2, 3, 4], () => contender(folder), { concurrency: 4 })
        assert.deepStrictEqual(
          tries.map(({ said }) => said).toSorted(),
          ["RunFolderInUse", "RunFolderInUse", "RunFolderInUse", "held"]
        )
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [RunLock.lockFile])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.live("tells a process from the one that had its number before", () =>
    Effect.gen(function*() {
      const folder = yield* temporary
      const fs = yield* FileSystem.FileSystem
      const file = `${folder}/${RunLock.lockFile}`
      const holder = yield* Effect.scoped(
        Effect.andThen(RunLock.hold(folder), Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(Text)))
      )
      const left = (change: Record<string, unknown>) =>
        fs.writeFileString(file, JSON.stringify({ ...holder, token: "another", ...change }))
      // Restarted in a container, the new process has the old one's number.
      yield* left({ began: "an earlier boot/17" })
      yield* Effect.scoped(RunLock.hold(folder))
      // The parent is alive, and never held it.
      yield* left({ pid: process.ppid, began: "an earlier boot/17" })
      yield* Effect.scoped(RunLock.hold(folder))
      // Where the system tells no beginnings, the number is all: ours is not another's, one that runs may be.
      yield* left({ began: null })
      yield* Effect.scoped(RunLock.hold(folder))
      yield* left({ pid: process.ppid, began: null })
      assert.strictEqual((yield* Effect.flip(Effect.scoped(RunLock.hold(folder))))._tag, "RunFolderInUse")
      // Of another machine's processes nothing is known.
      yield* left({ pid: 999_999_999, host: "elsewhere" })
      const refused = yield* Effect.flip(Effect.scoped(RunLock.hold(folder)))
      assert.include(refused.message, `process 999999999 on elsewhere`)
      assert.include(refused.message, `if that process is gone, delete ${file}`)
      assert.isTrue(yield* fs.exists(file))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("of a process that has ended, and that nobody has collected yet, is taken over", (test) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      test.skip(!(yield* fs.exists("/proc/self/stat")), "no /proc tells of processes here")
      const folder = yield* temporary
      const file = `${folder}/${RunLock.lockFile}`
      // The shell becomes a program that never asks what became of the shell's child.
      const shell = yield* ChildProcess.make("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"])
      const said = yield* shell.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
      const pid = Number(Option.getOrThrow(said))
      const fields = Effect.map(
        fs.readFileString(`/proc/${pid}/stat`),
        (stat) => stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      )
      yield* Effect.repeat(Effect.andThen(Effect.sleep("20 millis"), fields), {
        until: ([state]) => state === "Z",
        times: 200
      })
      const boot = (yield* fs.readFileString("/proc/sys/kernel/random/boot_id")).trim()
      // It is the very process that the lock names, and signals still reach it.
      const holder = { pid, host: hostname(), since: "2026-01-01T00:00:00.000Z", token: "another" }
      yield* fs.writeFileString(file, JSON.stringify({ ...holder, began: `${boot}/${(yield* fields)[19]}` }))
      assert.isTrue(process.kill(pid, 0))
      yield* Effect.scoped(RunLock.hold(folder))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      // Its parent goes on: that one's lock holds.
      const parent = yield* fs.readFileString(`/proc/${shell.pid}/stat`)
      const began = `${boot}/${parent.slice(parent.lastIndexOf(")") + 2).split(" ")[19]}`
      yield* fs.writeFileString(file, JSON.stringify({ ...holder, pid: shell.pid, began }))
      assert.strictEqual((yield* Effect.flip(Effect.scoped(RunLock.hold(folder))))._tag, "RunFolderInUse")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("that says nothing is honoured, and named", () =>
    Effect.gen(function*() {
      const folder = yield* temporary
      const fs = yield* FileSystem.FileSystem
      for (const text of ["", "{\"pid\": 4", "{\"pid\": -1}"]) {
        yield* fs.writeFileString(`${folder}/${RunLock.lockFile}`, text)
        const refused = yield* Effect.flip(Effect.scoped(RunLock.hold(folder)))
        assert.include(refused.message, `${folder}/${RunLock.lockFile}`)
        assert.include(refused.message, "delete the file")
      }
      yield* fs.remove(`${folder}/${RunLock.lockFile}`)
      yield* fs.makeDirectory(`${folder}/${RunLock.lockFile}`)
      const odd = yield* Effect.flip(Effect.scoped(RunLock.hold(folder)))
      assert.match(odd.message, /run\.lock: taking the run folder failed: it is a folder/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
