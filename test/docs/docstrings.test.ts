/** Every public export has a docstring, every public module a header with `@module`: `npm run docs` shows them. */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import packageJson from "../../package.json" with { type: "json" }
import { root } from "./blocks.ts"
import { reached } from "./exports.ts"

const faces = [packageJson.exports["."], packageJson.exports["./cli"]].map((path) => path.replace("./", ""))

const without = (face: string, read: (file: string) => string): ReadonlyArray<string> =>
  reached(face, read).flatMap(({ documented, file, path }) => documented ? [] : [`${file}: ${path}`])

describe("docstrings", () => {
  it("stand before every public export", () => {
    const read = (file: string) => readFileSync(join(root, file), "utf8")
    const all = faces.flatMap((face) => reached(face, read).map(({ path }) => path))
    assert.includeMembers(all, ["Rise.sft", "Policy.onnx", "Scenes.dataset", "Studies.Ablations.Cell.Cell", "study"])
    assert.deepStrictEqual(faces.flatMap((face) => without(face, read)), [])
  })

  it("are missed where they are missing", () => {
    const house: Readonly<Record<string, string>> = {
      "src/index.ts": [
        "/**\n * The face.\n *\n * @module\n */",
        "export * as Room from \"./room.ts\"",
        "export { lamp, type Shade as Cover } from \"./lamp.ts\"",
        "export * from \"./chair.ts\""
      ].join("\n"),
      "src/room.ts": "/** A header without the tag. */\nexport const size = 3",
      "src/lamp.ts": [
        "/** An import is not documented by what stands before it. */",
        "import * as Room from \"./room.ts\"",
        "/** Light: “größer”. */",
        "export const lamp = Room.size",
        "export interface Shade {}",
        "export const hidden = 1"
      ].join("\n"),
      "src/chair.ts": [
        "/** Both. */",
        "export const Chair = 1",
        "export type Chair = typeof Chair",
        "/** @param legs how many */",
        "export const make = (legs: number) => legs",
        "// No docstring.",
        "export class Stool {}",
        "/* Nor is this. */",
        "export function sit() {}",
        "const table = 1",
        "/** A desk. */",
        "const desk = 1",
        "export { desk, table }"
      ].join("\n")
    }
    assert.deepStrictEqual(without("src/index.ts", (file) => house[file] ?? ""), [
      "src/room.ts: Room",
      "src/lamp.ts: Cover",
      "src/chair.ts: make",
      "src/chair.ts: Stool",
      "src/chair.ts: sit",
      "src/chair.ts: table"
    ])
  })
})
