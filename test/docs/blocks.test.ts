/** Every code block of README, docs and docstrings is a program that compiles; those that only compute are run. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Blocks from "./blocks.ts"

const folder = join(Blocks.root, ".cache/blocks")
const blocks = Blocks.collect()
const fileOf = (index: number) => join(folder, `block-${index}.ts`)

const write = () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  blocks.forEach((block, i) => {
    const claims = Blocks.isWhole(block) ? Blocks.claims(block) : []
    const said = claims.map(({ expression }) => `() => ${expression.replace(/;$/, "")}`).join(", ")
    writeFileSync(fileOf(i), Blocks.moduleOf(block).replace(/export \{\}\n$/, `export const claims = [${said}]\n`))
  })
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, types: ["node"] },
      include: ["*.ts", "../../src/kernels/math/hungarian-on3.d.ts"]
    })
  )
}

/** As a text states numbers. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => typeof part === "number" ? Number(part.toFixed(9)) : part))

describe("code blocks", () => {
  it("are found where there are any", () => {
    assert.isAbove(blocks.length, 35)
    for (const place of ["README.md", "docs/audit.md", "src/dsl/Rise.ts", "src/tasks/detection/Box.ts"]) {
      assert.isTrue(blocks.some((block) => block.place.startsWith(`${place}:`)), place)
    }
  })

  it("that bring their imports bring everything: whoever copies one has a program", () => {
    const copied = blocks.filter(({ code }) => /^import .* from "rise-vlm"$/m.test(code))
    assert.isAbove(copied.length, 5)
    assert.deepStrictEqual(copied.flatMap((block) => Blocks.unmade(block).map((name) => `${block.place} ${name}`)), [])
    for (const { code, place } of copied) assert.notInclude(code, "NodeRuntime", `${place} prints failures as stacks`)
  })

  it("compile", () => {
    write()
    const tsc = join(Blocks.root, "node_modules/typescript/bin/tsc")
    const { stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", folder], { encoding: "utf8" })
    const faults = stdout.trim().replace(
      /\S*block-(\d+)\.ts\((\d+),\d+\)/g,
      (_, i: string) => blocks[Number(i)]?.place ?? i
    )
    assert.strictEqual(faults, "")
  }, 300_000)

  const whole = blocks.flatMap((block, i) => Blocks.isWhole(block) ? [{ block, i }] : [])

  it("that only compute are run, to the values that they state", async () => {
    write()
    assert.isAbove(whole.length, 7)
    let checked = 0
    for (const { block, i } of whole) {
      const { claims } = (await import(/* @vite-ignore */ pathToFileURL(fileOf(i)).href)) as {
        readonly claims: ReadonlyArray<() => unknown>
      }
      const stated = Blocks.claims(block)
      claims.forEach((claim, k) => {
        checked++
        assert.deepStrictEqual(rounded(claim()), stated[k]?.value, `${block.place}: ${stated[k]?.expression}`)
      })
    }
    assert.isAbove(checked, 2)
  }, 300_000)
})
