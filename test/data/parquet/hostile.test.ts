/** Files that announce what they do not hold, read where a reader that does not come back can be ended. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { Parquet } from "../../../src/data/index.ts"
import { collect, folder, live } from "../folders.ts"
import { levels, page, parquet, run } from "./file.ts"
import { lies, sound } from "./lies.ts"

interface Outcome {
  readonly at?: number
  readonly file?: string
  readonly error?: string
  readonly samples?: number
  readonly defect?: string
  readonly milliseconds: number
  readonly mebibytes: number
}

const program = fileURLToPath(new URL("./reads.ts", import.meta.url))
const interrupted = fileURLToPath(new URL("./interrupted.ts", import.meta.url))
const fixture = (codec: string) => fileURLToPath(new URL(`../../fixtures/parquet-${codec}.parquet`, import.meta.url))

/** What a process of its own made of files. It is killed after `seconds`. */
const readApart = (args: ReadonlyArray<string>, seconds: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(`${tmpdir()}/parquet-`)),
    (temporary) =>
      Effect.callback<ReadonlyArray<Outcome>>((resume) => {
        const options = {
          timeout: seconds * 1000,
          killSignal: "SIGKILL" as const,
          maxBuffer: 2 ** 28,
          env: { ...process.env, TMPDIR: temporary }
        }
        const child = execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
          const found = stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Outcome)
          const last = JSON.stringify(found.at(-1))
          const wrong = () => Effect.die(new Error(`ended after ${last}: ${error?.message} ${stderr}`))
          resume(error === null ? Effect.succeed(found) : wrong())
        })
        return Effect.sync(() => child.kill("SIGKILL"))
      }),
    (temporary) => Effect.sync(() => rmSync(temporary, { recursive: true }))
  )

/** Milliseconds that one small file may take, and MiB that a process may grow by for it, whatever it announces. */
const SOON = 3000
const LITTLE = 300

describe("what is announced is held against what is there", () => {
  it.effect("a sound file of this kind is read", () =>
    live(
      Effect.gen(function*() {
        const root = yield* folder({ "a.parquet": parquet(sound) })
        const { error, rows } = yield* collect(Parquet.read([`${root}/a.parquet`], { annotation: Schema.Unknown }))
        assert.match(error, /none of its 4 rows is usable/)
        assert.deepStrictEqual(
          rows.map(([, reason]) => reason),
          new Array(4).fill("unreadable-image")
        )
      })
    ))

  it.effect(
    "every lie is named, soon and without much memory",
    () =>
      live(
        Effect.gen(function*() {
          const root = yield* folder(
            Object.fromEntries(
              [["sound", parquet(sound)] as const, ...lies].map(([name, bytes]) => [`${name}.parquet`, bytes])
            )
          )
          const files = [["sound"] as const, ...lies].map(([name]) => `${root}/${name}.parquet`)
          const [before, ...found] = yield* readApart(files, 60)
          lies.forEach(([name, , says], i) => {
            const { error = "", milliseconds } = found[i]!
            assert.match(error, says, name)
            assert.include(error, `${root}/${name}.parquet`)
            assert.isBelow(milliseconds, SOON, name)
          })
          assert.isBelow(found.at(-1)!.mebibytes - before!.mebibytes, LITTLE)
        })
      ),
    300_000
  )

  it.effect(
    "Ctrl-C ends a reader that has long to go in a small file",
    () =>
      live(
        Effect.gen(function*() {
          // 64 MiB of zeros in a page, and sixty row groups of it: 4 MB that are unpacked for many seconds.
          const value = new Uint8Array(16 * 2 ** 20 - 4)
          const length = new Uint8Array(Uint32Array.of(value.length).buffer)
          const body = Buffer.concat([
            Uint8Array.from(levels(run(4, 2))),
            ...Array.from({ length: 4 }, () => [length, value]).flat()
          ])
          const pages = page({ body: gzipSync(body), unpacked: body.length })
          const file = parquet(pages, { codec: 2, groups: 60, apart: true, unpacked: body.length })
          assert.isBelow(file.length, 4_500_000)
          const root = yield* folder({ "a.parquet": file })
          const { code, stdout } = yield* Effect.callback<{ readonly code: number | null; readonly stdout: string }>(
            (resume) => {
              const child = spawn(process.execPath, [interrupted, `${root}/a.parquet`])
              let stdout = ""
              const late = setTimeout(() => child.kill("SIGKILL"), 60_000)
              child.stdout.once("data", () => setTimeout(() => child.kill("SIGINT"), 1000))
              child.stdout.on("data", (chunk) => stdout += String(chunk))
              child.once("close", (code) => {
                clearTimeout(late)
                resume(Effect.succeed({ code, stdout }))
              })
            }
          )
          assert.deepStrictEqual([code, stdout], [130, "reading\n"])
        })
      ),
    300_000
  )

  for (
    const [codec, stride] of [
      ["snappy", 11],
      ["zstd", 23],
      ["gzip", 23]
    ] as const
  ) {
    it.effect(
      `any byte of a footer changed, ${codec}: samples or an error, soon`,
      () =>
        Effect.gen(function*() {
          const found = yield* readApart(["--flip", "1", String(stride), fixture(codec)], 90)
          assert.isAbove(found.length, 4000 / stride)
          for (const { at, defect, error, milliseconds, samples = 0 } of found) {
            assert.isUndefined(defect, `byte ${at}`)
            assert.isTrue(error !== "" || samples > 0, `byte ${at}`)
            assert.isBelow(milliseconds, SOON, `byte ${at}`)
          }
          const errors = found.filter(({ error }) => error !== "").length
          assert.isTrue(errors > found.length / 10 && errors < found.length, String(errors))
          assert.isBelow(found.at(-1)!.mebibytes - found[0]!.mebibytes, LITTLE)
        }),
      300_000
    )
  }
})
