/**
 * What a user does first: `rise train --data PICTURES --budget 5m` on pictures that are nothing like the embedded
 * scenes. RISE is to get more than 27 of 30 right, nothing masked, in the time.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rise } from "../cli/processes.ts"
import { minutes, skip } from "./long.ts"
import { type Drawn, type Kind, write } from "./pictures.ts"

const trained = (directory: string, data: string) => {
  const out = join(directory, "run")
  const began = performance.now()
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [rise, "train", "--data", data, "--out", out, "--budget", "5m"],
    { encoding: "utf8" }
  )
  const seconds = (performance.now() - began) / 1000
  assert.strictEqual(status, 0, stderr)
  const rows: ReadonlyArray<{ method: string; part: string; metric: string; value: number; n: number }> = JSON.parse(
    readFileSync(join(out, "results.json"), "utf8")
  )
  const of = (metric: string) =>
    rows.find((row) => row.method === "RISE" && row.part === "all" && row.metric === metric)
  const { n = 0, value = 0 } = of("accuracy") ?? {}
  const right = Math.round(value * n)
  const masked = Math.round((of("accuracy masked")?.value ?? 0) * n)
  console.log(`${data}: ${right} of ${n}, masked ${masked}, ${seconds.toFixed(0)} s\n${stdout}`)
  return { n, right, seconds, stderr, stdout }
}

const inFolder = async (body: (directory: string) => Promise<void>) => {
  const directory = mkdtempSync(join(tmpdir(), "rise-own-"))
  try {
    await body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** One line for each picture, with the label that it shows. */
const table = (drawn: ReadonlyArray<Drawn>) =>
  `image,label\n${drawn.map(({ file, label }) => `${file},${label}\n`).join("")}`

describe.skipIf(skip)("pictures of one's own", () => {
  for (const kind of ["discs", "weather", "photographs"] as const satisfies ReadonlyArray<Kind>) {
    it(`learns ${kind} in class folders`, () =>
      inFolder(async (directory) => {
        const data = join(directory, kind)
        await write(data, kind)
        const { n, right, seconds } = trained(directory, data)
        assert.strictEqual(n, 30)
        assert.isAbove(right, 27)
        assert.isBelow(seconds, 300)
      }), minutes(20))
  }

  it(
    "learns from a table with a broken row, a corrupt picture and an unknown label, and tells each",
    () =>
      inFolder(async (directory) => {
        const data = join(directory, "weather")
        const drawn = await write(data, "weather")
        const [corrupt] = drawn
        writeFileSync(join(data, corrupt!.file), readFileSync(join(data, corrupt!.file)).subarray(0, 200))
        const half = (name: Drawn["half"]) => drawn.filter((one) => one.half === name)
        writeFileSync(join(data, "train.csv"), `${table(half("train"))}only-a-name.png\n`)
        writeFileSync(join(data, "test.csv"), `${table(half("test"))}${drawn[1]!.file},hail\n`)
        const { n, right, stderr, stdout } = trained(directory, data)
        const told = stderr + stdout
        assert.include(told, corrupt!.file)
        assert.include(told, "row 62: wrong-cell-count")
        assert.include(told, "hail")
        assert.isAtLeast(n, 30)
        assert.isAbove(right, 27)
      }),
    minutes(20)
  )
})
