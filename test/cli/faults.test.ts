/** What a machine refuses, as a user meets it: said in words, without a stack, and with what was done kept. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { here } from "./here.ts"
import { rise, root } from "./processes.ts"

const isRoot = process.getuid?.() === 0

/** A folder of `count` pictures, removed at the end. */
const within = async (count: number, test: (folder: string) => void | Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), "rise-faults-"))
  try {
    mkdirSync(join(folder, "pictures"))
    const first = join(folder, "pictures", "0.png")
    await sharp({ create: { width: 32, height: 32, channels: 3, background: "red" } }).png().toFile(first)
    for (let i = 1; i < count; i++) copyFileSync(first, join(folder, "pictures", `${i}.png`))
    await test(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Where nothing stands before it that a process is held to. */
const plain = async (args: ReadonlyArray<string>) => {
  const ended = await Effect.runPromise(here(args))
  assert.notMatch(ended.stderr, /^ {4}at /m, "no stack")
  return ended
}

const shell = (before: string, args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(
    "bash",
    ["-c", `${before}; exec "$@"`, "bash", process.execPath, rise, ...args],
    { encoding: "utf8", cwd: root, timeout: 300_000 }
  )
  assert.notMatch(stderr, /^ {4}at /m, "no stack")
  return { status, stderr, stdout }
}

const annotate = (folder: string, out: string) => [
  "annotate",
  join(folder, "pictures"),
  "--workers",
  "1",
  "--batch",
  "8",
  "--max-tokens",
  "24",
  "--out",
  out
]

describe("a machine that refuses", () => {
  it(
    "more open files says so before anything is read: no picture is taken for a bad one",
    () =>
      within(24, (folder) => {
        const out = join(folder, "rows.jsonl")
        const { status, stderr } = shell("ulimit -n 28", annotate(folder, out))
        assert.strictEqual(status, 1)
        assert.match(stderr, /may hold 28 files open, expected at least 56: raise the limit with ulimit -n 1024/)
        assert.strictEqual(shell("ulimit -n 56", annotate(folder, out)).status, 0)
        const rows = readFileSync(out, "utf8").trim().split("\n").map((line) => JSON.parse(line))
        assert.strictEqual(rows.length, 24)
        assert.isTrue(rows.every(({ fault }) => fault === null || !/open files/.test(fault)))
      }),
    300_000
  )

  it("a larger file says so, keeps what was written, and the same command goes on", () =>
    within(24, async (folder) => {
      const [whole, cut] = [join(folder, "whole.jsonl"), join(folder, "cut.jsonl")]
      assert.strictEqual((await plain(annotate(folder, whole))).code, 0)
      const { status, stderr } = shell("ulimit -f 4", annotate(folder, cut))
      assert.strictEqual(status, 1)
      assert.match(stderr, /cut\.jsonl: writing failed: the file grows larger than .* \(ulimit -f\)/)
      assert.match(stderr, /What was answered is kept/)
      assert.strictEqual((await plain(annotate(folder, cut))).code, 0)
      assert.strictEqual(readFileSync(cut, "latin1"), readFileSync(whole, "latin1"))
    }), 300_000)

  it("a place to write is named once, with why", () =>
    within(1, async (folder) => {
      writeFileSync(join(folder, "file"), "")
      const { stderr } = await plain(annotate(folder, join(folder, "file", "x", "rows.jsonl")))
      assert.match(stderr, /failed: a part of the path is a file/)
    }), 300_000)

  /** File systems of one's own want the right to mount them. */
  const mounts = isRoot &&
    spawnSync("bash", ["-c", "d=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d && rmdir $d"]).status === 0

  it.skipIf(!mounts)(
    "a full disk says how much is needed, and goes on when there is room (skipped: no mount)",
    () =>
      within(24, async (folder) => {
        const disk = join(folder, "disk")
        mkdirSync(disk)
        const mount = (options: string) =>
          assert.strictEqual(spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk]).status, 0)
        mount("size=4k")
        try {
          const out = join(disk, "rows.jsonl")
          const { status, stderr } = shell("true", annotate(folder, out))
          assert.strictEqual(status, 1)
          assert.match(stderr, /the disk is full: [\d.]+ MiB needed, 0\.0 MiB free/)
          mount("remount,size=1m")
          assert.strictEqual((await plain(annotate(folder, out))).code, 0)
          assert.strictEqual(readFileSync(out, "utf8").trim().split("\n").length, 24)
          mount("remount,ro")
          const readOnly = await plain(annotate(folder, join(disk, "new.jsonl")))
          assert.match(readOnly.stderr, /the file system is read-only/)
        } finally {
          spawnSync("umount", [disk])
        }
      }),
    300_000
  )

  it.skipIf(isRoot)(
    "a folder without permission is named (skipped: root may write anywhere)",
    () =>
      within(1, async (folder) => {
        mkdirSync(join(folder, "closed"), { mode: 0o555 })
        const { stderr } = await plain(annotate(folder, join(folder, "closed", "x")))
        assert.match(stderr, /failed: permission denied/)
      }),
    300_000
  )
})

describe("rows on a terminal", () => {
  const hasScript = spawnSync("script", ["--version"]).status === 0

  it.skipIf(!hasScript)(
    "hold no command of a file's name, and are the same JSON (skipped: no script)",
    () =>
      within(1, (folder) => {
        const name = join(folder, "pictures", "a\u009b2K\u202eb.png")
        copyFileSync(join(folder, "pictures", "0.png"), name)
        const line = `'${process.execPath}' '${rise}' annotate --workers 1 --max-tokens 8 '${name}'`
        const shown = spawnSync("script", ["-qec", line, "/dev/null"], { encoding: "utf8", cwd: root })
        assert.notMatch(shown.stdout, /\u009b|\u202e/)
        assert.include(shown.stdout, "a\\u009b2K\\u202eb.png")
        const row = shown.stdout.split("\n").find((text) => text.startsWith("{"))
        assert.strictEqual(JSON.parse(row ?? "").image, name)
      }),
    300_000
  )
})
