/** Every command of package.json is in the documentation. */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import packageJson from "../../package.json" with { type: "json" }
import { root } from "./blocks.ts"

/** Those that a page names, as they are typed. */
const named = (pages: ReadonlyArray<string>): ReadonlySet<string> => {
  const text = pages.map((page) => readFileSync(join(root, page), "utf8")).join("\n")
  return new Set([...text.matchAll(/\bnpm (?:run )?(?:-s )?([\w:-]+)/g)].map(([, name = ""]) => name))
}

const scripts = Object.keys(packageJson.scripts)

describe("commands of package.json", () => {
  it("are all named on some page", () => {
    const all = named([...globSync("*.md", { cwd: root }), ...globSync("docs/*.md", { cwd: root })])
    assert.deepStrictEqual(scripts.filter((name) => !all.has(name)), [])
  })

  it("that every change has to pass are in CONTRIBUTING, with what these call", () => {
    const checks = ["test", "check", "lint", "structure", "formatted"]
    const called = Array.from(packageJson.scripts.check.matchAll(/npm run -s (\S+)/g), ([, name = ""]) => name)
    assert.isNotEmpty(called)
    const all = named(["CONTRIBUTING.md"])
    assert.deepStrictEqual([...checks, ...called].filter((name) => !all.has(name)), [])
  })
})
