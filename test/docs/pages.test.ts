/** The pages as a whole: short at the front, listed, linked to what is there, with JSON that is JSON. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, globSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import * as face from "../../src/index.ts"
import { root } from "./blocks.ts"
import { pages } from "./shell.ts"

const read = (file: string) => readFileSync(join(root, file), "utf8")

/** Anchors as GitHub makes them of headings. */
const anchors = (file: string): ReadonlySet<string> =>
  new Set(
    [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
      title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    )
  )

describe("pages", () => {
  it("begin with a README that is read in one sitting", () => {
    assert.isBelow(read("README.md").split("\n").length, 150)
  })

  it("are all listed for their readers", () => {
    const index = read("docs/README.md")
    const files = globSync("docs/*.md", { cwd: root }).map((file) => file.replace(/^docs./, ""))
    assert.isAbove(files.length, 25)
    assert.deepStrictEqual(files.filter((file) => file !== "README.md" && !index.includes(`](${file})`)), [])
  })

  it("link to what is there", () => {
    let links = 0
    const broken = pages().flatMap(([file, text]) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
        if (/^[a-z]+:/.test(target)) return []
        links++
        const [path = "", anchor] = target.split("#")
        const there = path === "" ? file : join(dirname(file), path)
        if (!existsSync(join(root, there))) return [`${file}: ${target}`]
        return anchor === undefined || anchors(there).has(anchor) ? [] : [`${file}: ${target}`]
      })
    )
    assert.isAbove(links, 80)
    assert.deepStrictEqual(broken, [])
  })

  it("name pages that are there", () => {
    const named = pages().flatMap(([file, text]) =>
      [...text.matchAll(/`(docs\/[\w-]+\.md)`/g)].map(([, page = ""]) => [file, page] as const)
    )
    assert.deepStrictEqual(named.filter(([, page]) => !existsSync(join(root, page))), [])
  })

  it("name exports that are there", () => {
    const rows = read("docs/api.md").split("\n").filter((line) => line.startsWith("| `"))
    const named = rows.flatMap((row) =>
      [...(row.split(" | ")[0] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name)
    )
    assert.isAbove(named.length, 20)
    assert.deepStrictEqual(named.filter((name) => !(name in face)), [])
  })

  it("have pictures that are small", () => {
    for (const picture of globSync("docs/*.{png,svg}", { cwd: root })) {
      assert.isBelow(statSync(join(root, picture)).size, 300_000, picture)
    }
  })

  it("show JSON that can be read, whole or a line at a time", () => {
    const blocks = pages().flatMap(([file, text]) =>
      [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, code = ""]) => [file, code] as const)
    )
    assert.isAbove(blocks.length, 2)
    for (const [file, code] of blocks) {
      // A figure that is left out.
      const filled = code.replace(/:…/g, ":0")
      const parts = /^\{.*\}$/m.test(filled) ? filled.trim().split("\n") : [filled]
      for (const part of parts) assert.doesNotThrow(() => JSON.parse(part), undefined, `${file}: ${part}`)
    }
  })
})
