/** Every file of a run, damaged in every way: never a crash, never another result without a word. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { bytes, contents, temporary } from "./folders.ts"
import { stagedRun } from "./stagedRun.ts"

type Damage = (fs: FileSystem.FileSystem, file: string, text: Uint8Array) => Effect.Effect<void, unknown>

const flipped = (at: (length: number) => number): Damage => (fs, file, text) => {
  const other = Uint8Array.from(text)
  const i = at(text.length)
  other[i] = (other[i] ?? 0) ^ 1
  return fs.writeFile(file, other)
}

const damages: Readonly<Record<string, Damage>> = {
  "cut in half": (fs, file, text) => fs.truncate(file, Math.floor(text.length / 2)),
  "a byte short": (fs, file, text) => fs.truncate(file, Math.max(0, text.length - 1)),
  "first bit flipped": flipped(() => 0),
  "a bit flipped in the middle": flipped((length) => Math.floor(length / 2)),
  "last bit flipped": flipped((length) => length - 1),
  "emptied": (fs, file) => fs.truncate(file, 0),
  "a byte longer": (fs, file) => fs.writeFileString(file, "x", { flag: "a" }),
  "deleted": (fs, file) => fs.remove(file),
  "a folder": (fs, file) => Effect.andThen(fs.remove(file), fs.makeDirectory(file))
}

/** What must be as in an undisturbed run: all but what tells of the damage. */
const told = (files: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const { "checkpoints/ledger.json": _, ...rest } = files
  const { "metrics.jsonl": metrics = "" } = files
  return {
    ...rest,
    "metrics.jsonl": metrics.split("\n").filter((line) => !line.startsWith("{\"stage\":\"resume\"")).join("\n")
  }
}

type Outcome = "refused, untouched" | "told, and made again" | "told, and left" | "no matter"

const damaged = Effect.fnUntraced(function*(from: string, to: string, expected: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const counts = new Map<Outcome, number>()
  const count = (outcome: Outcome) => counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  for (const file of Object.keys(yield* bytes(from))) {
    const text = yield* fs.readFile(`${from}/${file}`)
    for (const [name, damage] of Object.entries(damages)) {
      const label = `${file}, ${name}`
      if (text.length === 0 && !["a byte longer", "deleted", "a folder"].includes(name)) continue
      yield* fs.remove(to, { recursive: true, force: true })
      yield* fs.copy(from, to)
      yield* damage(fs, `${to}/${file}`, text)
      const before = yield* bytes(to)
      const { lines, result } = yield* stagedRun(to)
      const after = yield* contents(to)
      const said = lines.filter((line) => line.includes(`${to}/${file}`))
      if (Result.isFailure(result)) {
        const { message } = result.failure
        assert.include(message, to, label)
        assert.isTrue(message.includes(file) || said.length > 0, `${label}: ${message}`)
        assert.deepStrictEqual(yield* bytes(to), before, `${label}: a resume that fails touches nothing`)
        count("refused, untouched")
        continue
      }
      if (JSON.stringify(after) === JSON.stringify(expected)) {
        count(said.length > 0 ? "told, and made again" : "no matter")
        continue
      }
      assert.isAbove(said.length, 0, `${label}: another result, without a word`)
      const { [file]: _, ...others } = told(after)
      const { [file]: __, ...wanted } = told(expected)
      assert.deepStrictEqual(others, wanted, label)
      count(told(after)[file] === told(expected)[file] ? "told, and made again" : "told, and left")
    }
  }
  return Object.fromEntries(counts)
})

const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, one) => sum + one, 0)

describe("a damaged file", () => {
  it.live("of a finished run is told of, and made again where that can be", () =>
    Effect.gen(function*() {
      const out = yield* temporary
      yield* stagedRun(`${out}/whole`)
      const counts = yield* damaged(`${out}/whole`, `${out}/run`, yield* contents(`${out}/whole`))
      assert.isAtLeast(total(counts), 100)
      assert.isAtLeast(counts["refused, untouched"] ?? 0, 50, JSON.stringify(counts))
      assert.isAtLeast(counts["told, and made again"] ?? 0, 10, JSON.stringify(counts))
      if (process.env["SHOW"]) console.log("finished", counts)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("of an unfinished run is told of, and made again where that can be", () =>
    Effect.gen(function*() {
      const out = yield* temporary
      yield* stagedRun(`${out}/whole`)
      const { result } = yield* stagedRun(`${out}/half`, 7)
      assert.isTrue(Result.isFailure(result))
      const counts = yield* damaged(`${out}/half`, `${out}/run`, yield* contents(`${out}/whole`))
      assert.isAtLeast(total(counts), 100)
      assert.isAtLeast(counts["refused, untouched"] ?? 0, 40, JSON.stringify(counts))
      assert.isAtLeast(counts["told, and made again"] ?? 0, 30, JSON.stringify(counts))
      if (process.env["SHOW"]) console.log("unfinished", counts)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
