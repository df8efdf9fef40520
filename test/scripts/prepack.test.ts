/** The clone is not packed as if it were the package. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))

describe("npm pack", () => {
  it("of the clone ends with how the package is packed, and writes no archive; of dist it packs", () => {
    const folder = mkdtempSync(join(tmpdir(), "rise-pack-"))
    try {
      const npm = (...args: ReadonlyArray<string>) =>
        spawnSync("npm", args, { cwd: folder, encoding: "utf8", timeout: 60_000 })
      mkdirSync(join(folder, "scripts"))
      for (const file of ["package.json", "scripts/prepack.ts"]) copyFileSync(join(root, file), join(folder, file))
      const clone = npm("pack", "--dry-run")
      assert.strictEqual(clone.status, 1, clone.stdout)
      assert.strictEqual(clone.stdout.match(/tgz/g), null)
      assert.match(clone.stderr, /^the clone is not the package: npm run build && npm pack \.\/dist /m)
      mkdirSync(join(folder, "dist"))
      writeFileSync(join(folder, "dist/package.json"), JSON.stringify({ name: "rise-vlm", version: "0.1.0" }))
      const built = npm("pack", "./dist")
      assert.strictEqual(built.status, 0, built.stderr)
      assert.match(built.stdout, /rise-vlm-0\.1\.0\.tgz/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
