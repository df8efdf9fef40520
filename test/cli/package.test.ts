import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { script as initScript } from "../../src/cli/init/script.ts"
import { tooOld } from "../../src/cli/nodeVersion.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const node = (cwd: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, args, { cwd, encoding: "utf8", timeout: 300_000 })

/** The script of the README, as somebody copies it. */
const readme = readFileSync(join(root, "README.md"), "utf8")
const script = /^```ts\n(import [^]*?)^```$/m.exec(readme)?.[1] ?? ""

/** A few steps on a few scenes instead of minutes; everything else as it stands. */
const shrunk = [
  [
    "= Pipelines.Presets ",
    "= { quick: { ...Pipelines.Presets.smoke, warmUp: { ...Pipelines.Presets.quick.warmUp, steps: 1 } } } "
  ],
  ["limit: 700", "limit: 8"]
].reduce((text, [from = "", to = ""]) => {
  assert.strictEqual(text.split(from).length, 2, `"${from}" stands once in the README's script`)
  return text.replace(from, to)
}, script)

describe("package", () => {
  it("trains, answers and type-checks where it is installed, below node_modules and outside of the clone", () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-package-"))
    try {
      const project = join(directory, "project")
      const installed = join(project, "node_modules/rise-vlm")
      const built = node(root, "scripts/build.ts", "--out", installed)
      assert.strictEqual(built.status, 0, built.stderr)
      assert.match(node(root, "scripts/build.ts", "--out", installed).stderr, /is not empty; choose another --out/)
      // Its dependencies are found one folder up, as npm's hoisting leaves them.
      symlinkSync(join(root, "node_modules"), join(directory, "node_modules"), "junction")

      writeFileSync(join(project, "mine.mjs"), shrunk)
      const ran = node(project, "mine.mjs")
      assert.strictEqual(ran.status, 0, ran.stderr)
      assert.isTrue(existsSync(join(project, "runs/mine/model/model.safetensors")))

      const { bin, version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"))
      const help = node(project, join(installed, bin.rise), "--help")
      assert.strictEqual(help.status, 0, help.stderr)
      assert.include(help.stdout, "annotate")
      assert.include(node(project, join(installed, bin.rise), "--version").stdout, version)
      // What it saved answers, as the README says next.
      const picture = join(root, "docs/scenes.png")
      const answered = node(project, join(installed, bin.rise), "annotate", "--model", "runs/mine/model", picture)
      assert.strictEqual(answered.status, 0, answered.stderr)
      assert.strictEqual(JSON.parse(answered.stdout).image, picture)

      // The Nodes that are turned away read the entry, where this machine has one of them outside of the clone.
      const outside = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"))
        .join(delimiter)
      const system = spawnSync("node", ["--version"], { encoding: "utf8", env: { PATH: outside } }).stdout?.trim()
        .slice(1)
      if (system !== undefined && tooOld(system) !== undefined) {
        const old = spawnSync("node", [join(installed, bin.rise), "--help"], {
          encoding: "utf8",
          cwd: project,
          env: { PATH: outside }
        })
        assert.deepStrictEqual([old.status, old.stdout], [1, ""])
        assert.match(old.stderr, /^rise needs Node 22\.19\.0 or newer, this is .*\n$/)
      }

      writeFileSync(join(project, "mine.mts"), script)
      writeFileSync(join(project, "init.mts"), initScript)
      writeFileSync(
        join(project, "typed.mts"),
        "import { Classification } from \"rise-vlm\"\nexport const name: number = Classification.make({ name: " +
          "\"a\", labels: [\"b\"], subject: \"c\" }).name\n"
      )
      const typed = node(
        project,
        join(root, "node_modules/typescript/bin/tsc"),
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2024",
        "--module",
        "nodenext",
        "mine.mts",
        "init.mts",
        "typed.mts"
      )
      assert.match(
        typed.stdout,
        /^typed\.mts\(2,14\): error TS2322: Type 'string' is not assignable to type 'number'\.\s*$/
      )
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 300_000)
})
