/** The README's script, copied into an empty project, comes out where the README's table says. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "../cli/processes.ts"
import { minutes, skip } from "./long.ts"

const readme = readFileSync(join(root, "README.md"), "utf8")
const script = /^```ts\n(import [^]*?)^```$/m.exec(readme)?.[1] ?? ""
/** The JSD of RISE in the table of `npm run emotion6`. */
const promised = Number(/^\| RISE \| ([\d.]+) \|/m.exec(readme)?.[1])

/** The 300 test scenes of that table. */
const measuring = `
import { Effect } from "effect"
import { Emotion6, Policy, Rise, Scenes } from "rise-vlm"
const { task } = Emotion6
Rise.evaluate({ method: "RISE", task, data: Scenes.dataset({ split: "test", limit: 300 }) }).pipe(
  Effect.tap((rows) => Effect.sync(() => console.log(JSON.stringify(rows)))),
  Effect.provide(Policy.onnx({ model: "runs/mine/model" })),
  Rise.runMain
)
`

const node = (cwd: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
  return stdout
}

describe.skipIf(skip)("README", () => {
  it("has a script that reaches its table", () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-readme-"))
    try {
      const project = join(directory, "project")
      mkdirSync(project)
      node(root, "scripts/build.ts", "--out", join(project, "node_modules/rise-vlm"))
      // Its dependencies are found one folder up, as npm's hoisting leaves them.
      symlinkSync(join(root, "node_modules"), join(directory, "node_modules"), "junction")
      writeFileSync(join(project, "mine.mts"), script)
      node(project, "mine.mts")
      writeFileSync(join(project, "measure.mts"), measuring)
      const rows: ReadonlyArray<{ part: string; metric: string; value: number }> = JSON.parse(
        node(project, "measure.mts")
      )
      const jsd = rows.find(({ metric, part }) => part === "all" && metric === "JSD")?.value ?? Number.NaN
      console.log(`JSD ${jsd} where the table has ${promised}`)
      assert.approximately(jsd, promised, 0.02)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, minutes(60))
})
