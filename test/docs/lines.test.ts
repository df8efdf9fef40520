/** What the formatter cannot break is kept short by hand. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./blocks.ts"

describe("lines", () => {
  it("are at most 120 characters long", () => {
    const files = ["src", "scripts", "test", "typetest", "bench", "examples", "assets/report"].flatMap((folder) =>
      globSync(`${folder}/**/*.{js,ts}`, { cwd: root, exclude: ["**/node_modules/**"] })
    )
    assert.isAbove(files.length, 500)
    const long = files.flatMap((file) =>
      readFileSync(join(root, file), "utf8").split("\n").flatMap((line, i) =>
        [...line].length > 120 ? [`${file}:${i + 1}`] : []
      )
    )
    assert.deepStrictEqual(long, [])
  })
})
