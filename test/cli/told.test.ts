/** What is set aside of a user's pictures: named once, whichever command reads them, and in one way. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import sharp from "sharp"
import { here } from "./here.ts"

const picture = (size: number, red: number) =>
  Effect.promise(() =>
    sharp({ create: { width: size, height: size, channels: 3, background: { r: red, g: 90, b: 9 } } }).png().toBuffer()
  )

const bad = ["cut", "empty", "half", "text"]

/** Two classes with four bad files in one, a picture of a pixel in the other, and files that are no pictures beside. */
const pictures = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const root = yield* fs.makeTempDirectoryScoped()
  for (const [c, name] of ["sun", "rain"].entries()) {
    yield* fs.makeDirectory(`${root}/${name}`)
    for (let i = 0; i < 8; i++) yield* fs.writeFile(`${root}/${name}/${i}.png`, yield* picture(16, 100 * c + i))
  }
  yield* fs.writeFile(`${root}/sun/dot.png`, yield* picture(1, 7))
  const whole = yield* picture(64, 200)
  const contents = [whole.subarray(0, 80), new Uint8Array(), whole.subarray(0, whole.length - 30), Buffer.from("no")]
  for (const [i, name] of bad.entries()) yield* fs.writeFile(`${root}/rain/${name}.png`, contents[i]!)
  yield* fs.writeFileString(`${root}/notes.txt`, "mine")
  yield* fs.writeFileString(`${root}/.DS_Store`, "")
  return root
})

/** How often each of the bad files is named. */
const named = (text: string) => bad.map((name) => text.split(`rain/${name}.png`).length - 1)

/** Words that were wrapped. */
const joined = (text: string) => text.replaceAll(/\s+/g, " ")

describe("rows that are set aside", () => {
  it.effect("rise doctor names the first and says how to see all; tiny pictures and other files are told", () =>
    Effect.gen(function*() {
      const root = yield* pictures
      const { code, stdout } = yield* here(["doctor", "-d", root])
      assert.strictEqual(code, 0)
      assert.strictEqual(named(stdout).reduce((sum, count) => sum + count, 0), 3)
      const text = joined(stdout)
      assert.include(text, "set aside: unreadable-image 4")
      assert.include(text, "and 1 more: --all names them")
      assert.include(text, "1 file is no picture: \"notes.txt\"")
      assert.include(
        text,
        "1 picture with a side under 8 pixels, which shows next to nothing: sun/dot.png (1 × 1)"
      )
      assert.match(text, /unreadable-image: rain\/empty\.png: the file is empty/)
      assert.notMatch(text, /\b(?:row|picture) \d+:|\.DS_Store|\(pictures\)/)
      const all = yield* here(["doctor", "-d", root, "--all"])
      assert.deepStrictEqual([named(all.stdout), /more/.test(all.stdout)], [[1, 1, 1, 1], false])
      const alone = yield* here(["doctor", "--all"])
      assert.match(alone.stderr, /--all is for pictures of one's own: name them, --data/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("rise plan and rise train name each once", () =>
    Effect.gen(function*() {
      const root = yield* pictures
      const plan = yield* here(["plan", "-d", root, "--preset", "smoke"])
      assert.strictEqual(plan.code, 0)
      assert.strictEqual(named(plan.stderr).reduce((sum, count) => sum + count, 0), 3)
      assert.include(plan.stderr, "    and 1 more: rise doctor --all names them\n")
      assert.notInclude(plan.stderr, "warning")
      const out = `${root}-out`
      const flags = ["--preset", "smoke", "--method", "SFT", "--no-warm-up", "--out", out]
      const train = yield* here(["train", "-d", root, ...flags])
      assert.strictEqual(train.code, 0, train.stderr)
      assert.deepStrictEqual(named(train.stderr), [1, 1, 1, 1])
      assert.strictEqual(train.stderr.split(`All of them: ${out}/quarantine.jsonl`).length - 1, 2)
      const rows = yield* (yield* FileSystem.FileSystem).readFileString(`${out}/quarantine.jsonl`)
      assert.deepStrictEqual(named(rows), [1, 1, 1, 1])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)
})
