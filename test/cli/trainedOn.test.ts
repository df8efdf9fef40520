/** A model that is measured on pictures that it was trained on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { here } from "./here.ts"

const labels = ["dark", "light"]

/** Class folders without a test half. */
const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    for (const [l, label] of labels.entries()) {
      mkdirSync(join(directory, "sky", label), { recursive: true })
      for (let i = 0; i < 10; i++) {
        const create = { width: 16, height: 16, channels: 3, background: { r: 200 * l + i, g: 200 * l, b: 9 } } as const
        await sharp({ create }).png().toFile(join(directory, "sky", label, `${i}.png`))
      }
    }
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

/** The warnings, without when they were logged. */
const said = (text: string) =>
  text.split("\n").filter((line) => line.includes("tell nothing of new pictures")).map((line) =>
    line.replace(/^\[.*?\] WARN \(.*?\): /, "")
  )

describe("a model that was trained on pictures to test on", () => {
  it.live("says so, and which seed measures others", () =>
    Effect.gen(function*() {
      const cwd = yield* folder
      const rise = (...line: ReadonlyArray<string>) => here([...line, "--workers", "1"], { cwd })
      const learning = ["train", "--data", "sky", "--preset", "smoke", "--method", "SFT"]
      const trained = yield* rise(...learning, "--seed", "3", "--out", "run")
      assert.strictEqual(trained.code, 0, trained.stderr)
      assert.deepStrictEqual(said(trained.stderr), [])
      let runs = 0
      const evaluated = (model: string, data: string, seed: number) =>
        Effect.map(
          rise("evaluate", "--model", model, "--data", data, "--seed", `${seed}`, "--out", `e${runs++}`),
          ({ code, stderr }) => {
            assert.strictEqual(code, 0, stderr)
            return said(stderr)
          }
        )
      assert.deepStrictEqual(yield* evaluated("run/model", "sky", 3), [])
      const [other = "", ...more] = yield* evaluated("run/model", "sky", 0)
      assert.lengthOf(more, 0)
      assert.match(
        other,
        /^\d of the 4 pictures to test on (is|are) in the half that run\/model was trained on \(run .*run; /
      )
      assert.match(
        other,
        /by seed 0, that run had seed 3: of the same data --seed 3 measures pictures that it was not trained on$/
      )

      // Under another name it is the same picture.
      for (const half of ["train", "test"]) cpSync(join(cwd, "sky"), join(cwd, "two", half), { recursive: true })
      assert.match(
        (yield* evaluated("run/model", "two", 3)).join(),
        /^16 of the 20 pictures to test on .*: take them out of the data, or name other pictures$/
      )
      // Who goes on from such a model measures on them, too.
      const again = yield* rise(...learning, "--model", "run/model", "--seed", "0", "--out", "again")
      assert.deepStrictEqual(said(again.stderr), [other])

      // Being prepared on the other half does not make it forget wrong labels.
      const audit = (data: string) =>
        rise("audit", "--model", "run/model", "--data", data, "--preset", "smoke", "--out", `audit-${data}`)
      const audited = yield* audit("sky")
      assert.strictEqual(audited.code, 0, audited.stderr)
      assert.match(
        audited.stderr,
        /run\/model was trained on \d of these 8 pictures: it may know wrong labels by heart and find none of them/
      )
      for (const name of ["sun", "rain"]) {
        mkdirSync(join(cwd, "other", name), { recursive: true })
        yield* Effect.promise(() =>
          sharp({ create: { width: 20, height: 20, channels: 3, background: { r: name.length, g: 9, b: 77 } } }).png()
            .toFile(join(cwd, "other", name, "new.png"))
        )
      }
      assert.notInclude((yield* audit("other")).stderr, "by heart")

      // Elsewhere only its card speaks of it.
      renameSync(join(cwd, "run", "model"), join(cwd, "model"))
      assert.deepStrictEqual(yield* evaluated("model", "sky", 3), [])
      assert.match(
        (yield* evaluated("model", "sky", 0)).join(),
        /^the model model was trained with seed 3 .*; --seed 3 measures/
      )
      renameSync(join(cwd, "sky"), join(cwd, "clouds"))
      assert.deepStrictEqual(yield* evaluated("model", "clouds", 0), [])

      mkdirSync(join(cwd, "run.json"))
      const unreadable = yield* rise("evaluate", "--model", "model", "--data", "clouds", "--out", "last")
      assert.match(
        unreadable.stderr,
        /run\.json: is a directory.*whether the model was trained on these pictures cannot be/
      )
      rmSync(join(cwd, "run.json"), { recursive: true })
      writeFileSync(join(cwd, "run.json"), "{}")
      assert.deepStrictEqual(yield* evaluated("model", "clouds", 0), [])
    }).pipe(Effect.scoped), 120_000)
})
