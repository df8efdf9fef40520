/** The tree in CONTRIBUTING is the house as it stands. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./blocks.ts"

/** Folders of the tree, each with the words behind it. */
const stated = (): ReadonlyMap<string, string> => {
  const text = readFileSync(join(root, "CONTRIBUTING.md"), "utf8")
  const block = /^## The house\n+```\n(.*?)^```$/ms.exec(text)?.[1] ?? ""
  const found = new Map<string, string>()
  const above: Array<string> = []
  for (const [, indent = "", name = "", words = ""] of block.matchAll(/^( *)([\w.-]+)\/ +(.*)$/gm)) {
    above.splice(indent.length / 2)
    above.push(name)
    found.set(above.join("/"), words)
  }
  return found
}

const folders = (of: string): ReadonlyArray<string> =>
  readdirSync(join(root, of), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) =>
    of === "" ? name : `${of}/${name}`
  )

/** Not in a fresh clone. */
const made = ["node_modules", "dist", "docs-api", "runs"]

describe("the tree in CONTRIBUTING", () => {
  it("has every folder of the house, and no other", () => {
    const top = folders("").filter((name) => !made.includes(name) && !name.startsWith("."))
    const inside = [...folders("src"), ...folders("src/kernels")]
    assert.deepStrictEqual([...stated().keys()].sort(), [...top, ...inside].sort())
  })

  it("names the rooms inside of a folder in its words", () => {
    for (const [folder, words] of stated()) {
      if (!/^src\/(tasks|dsl|policy|studies|data)$/.test(folder)) continue
      for (const room of folders(folder)) assert.include(words, `${room.slice(folder.length + 1)}/`, folder)
    }
  })
})
