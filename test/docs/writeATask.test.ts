/** The script of docs/write-a-task.md runs from its text, with a few steps instead of minutes. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import { root } from "./blocks.ts"

const guide = readFileSync(join(root, "docs/write-a-task.md"), "utf8")
const script = /^```ts\n(import [^]*?)^```$/m.exec(guide)?.[1] ?? ""

const picture = (file: string, tone: number) =>
  sharp({ create: { width: 56, height: 56, channels: 3, background: { r: tone, g: 120, b: 255 - tone } } })
    .toFile(file)

describe("docs/write-a-task.md", () => {
  it("starts from nothing and ends with a trained, evaluated, annotating task in under 40 lines", async () => {
    assert.isBelow(script.trim().split("\n").length, 40)
    mkdirSync(join(root, ".cache"), { recursive: true })
    // Below the package, so that its name is found.
    const folder = mkdtempSync(join(root, ".cache/guide-"))
    try {
      for (const [i, label] of ["rain", "snow", "sun"].entries()) {
        for (const half of ["train", "test"]) {
          mkdirSync(join(folder, "pictures", half, label), { recursive: true })
          for (const n of [1, 2]) await picture(join(folder, "pictures", half, label, `${n}.png`), 100 * i + 9 * n)
        }
      }
      mkdirSync(join(folder, "new"))
      await picture(join(folder, "new/a.png"), 40)
      const chosen = /yield\* Pipelines\.fitted\([^)]*\)/
      assert.match(script, chosen)
      writeFileSync(join(folder, "weather.mts"), script.replace(chosen, "Pipelines.Presets.smoke"))
      const ran = spawnSync(process.execPath, ["weather.mts"], { cwd: folder, encoding: "utf8", timeout: 300_000 })
      assert.strictEqual(ran.status, 0, ran.stderr)
      assert.match(ran.stdout, /accuracy +valid/)
      assert.match(ran.stdout, /a\.png: /)
      const { name } = JSON.parse(readFileSync(join(folder, "runs/weather/model/rise-task.json"), "utf8"))
      assert.strictEqual(name, "weather")
      // As the settings that it fits say of a small model.
      const { identity } = JSON.parse(readFileSync(join(folder, "runs/weather/run.json"), "utf8"))
      assert.strictEqual(identity.engine.trained, "all")
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }, 300_000)
})
