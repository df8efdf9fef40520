/** The main job on a model directory that is not the embedded one: a random one of Qwen2-VL's architecture. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ModelDirectory, Safetensors } from "../../src/kernels/weights/index.ts"
import { here } from "../cli/here.ts"
import { unnamed } from "../docs/runFiles.ts"

const root = new URL("../../", import.meta.url).pathname
const fixture = join(root, "test/fixtures/parity/qwen2-vl")
const run = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 300_000 })
const read = (...path: ReadonlyArray<string>): unknown => JSON.parse(readFileSync(join(...path), "utf8"))

/** What a run folder records of the flags. */
const configOf = (out: string) =>
  (read(out, "run.json") as { readonly identity: { readonly config: Readonly<Record<string, unknown>> } }).identity
    .config

const inFolder = async (use: (folder: string) => Promise<void> | void) => {
  const folder = mkdtempSync(join(tmpdir(), "rise-emotion6-"))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** How far the saved model is from the one it was trained from, by tensor: root of the sum of squares. */
const moved = (saved: string) =>
  Effect.runPromise(
    Effect.gen(function*() {
      const [from, to] = [yield* ModelDirectory.open(fixture), yield* ModelDirectory.open(saved)]
      assert.deepStrictEqual([...to.tensors.keys()].sort(), [...from.tensors.keys()].sort())
      assert.deepStrictEqual(to.tokenizerJson, from.tokenizerJson)
      const distances: Array<readonly [string, number]> = []
      for (const [name, { header }] of from.tensors) {
        const [before, after] = [
          yield* Safetensors.readFloat32(header, name),
          yield* Safetensors.readFloat32(to.tensors.get(name)!.header, name)
        ]
        assert.isTrue(after.every(Number.isFinite), name)
        distances.push([name, Math.sqrt(after.reduce((n, x, i) => n + (x - before[i]!) ** 2, 0))])
      }
      return new Map(distances)
    }).pipe(Effect.provide(NodeServices.layer))
  )

describe("examples/emotion6.ts --model DIR", () => {
  it(
    "takes a random checkpoint through every stage of every method, and saves what it became",
    () =>
      inFolder(async (folder) => {
        const out = join(folder, "run")
        const { status, stderr } = run("examples/emotion6.ts", "--model", fixture, "--preset", "smoke", "--out", out)
        assert.strictEqual(status, 0, stderr)
        const rows = read(out, "results.json") as ReadonlyArray<
          { readonly method: string; readonly metric: string; readonly value: number }
        >
        for (const method of ["prior", "base", "SFT", "Visual-RFT", "RISE"]) {
          const row = rows.find((each) => each.method === method && each.metric === "JSD")
          assert.isTrue(row !== undefined && row.value >= 0 && row.value <= Math.log(2) + 1e-6, method)
        }
        assert.strictEqual(configOf(out)["model"], fixture)
        const lines = readFileSync(join(out, "cot.jsonl"), "utf8").trim().split("\n")
        assert.strictEqual(lines.length, 8)
        assert.deepStrictEqual(unnamed(out), [], "docs/files-of-a-run.md")
        const distances = await moved(join(out, "model"))
        for (const [name, distance] of distances) {
          // The tower is frozen; what the decoder multiplies with has learned.
          if (name.startsWith("visual.")) assert.strictEqual(distance, 0, name)
          if (name.endsWith("proj.weight") && !name.startsWith("visual.")) assert.isAbove(distance, 0, name)
        }
      }),
    300_000
  )

  it(
    "does so with an adapter on quantised weights within a limit of memory; what is saved is in full precision",
    () =>
      inFolder(async (folder) => {
        const [out, cache] = [join(folder, "run"), join(folder, "cache")]
        const { code, stderr } = await Effect.runPromise(here([
          ...["train", "--model", fixture, "--preset", "smoke", "--method", "RISE", "--out", out],
          ...["--lora", "4", "--quantize", "int4", "--cache", cache, "--recompute", "--micro-tokens", "512"],
          ...["--workers", "1", "--memory-limit", "4", "--prompt-tokens", "256"]
        ]))
        assert.strictEqual(code, 0, stderr)
        assert.strictEqual(readdirSync(cache).length, 1)
        assert.deepInclude(configOf(out), { lora: 4, quantize: "int4" })
        const distances = await moved(join(out, "model"))
        for (const [name, distance] of distances) {
          const adapted = /^model\.layers\..*_proj\.weight$/.test(name)
          // Four bits would move a matrix of 64 × 64 by more than this; an adapter's few steps do not.
          if (adapted) assert.isTrue(distance > 0 && distance < 0.1, `${name} ${distance}`)
          else assert.strictEqual(distance, 0, name)
        }
      }),
    300_000
  )

  it(
    "stops with a line and what to do where nothing is good enough, or memory is short",
    () =>
      inFolder(async (folder) => {
        const train = ["train", "--model", fixture, "--preset", "smoke", "--method", "RISE", "--workers", "1"]
        const picky = await Effect.runPromise(here([...train, "--tau", "1", "--out", join(folder, "picky")]))
        assert.strictEqual(picky.code, 1)
        assert.match(picky.stderr, /filter: no chain reaches tau 1; /)
        const short = await Effect.runPromise(here([...train, "--memory-limit", "0.1", "--out", join(folder, "short")]))
        assert.strictEqual(short.code, 1)
        assert.match(short.stderr, /this run would hold [\d.]+ GiB, the limit is 0\.10 GiB/)
        assert.notMatch(`${picky.stderr}${short.stderr}`, /\n\s+at /)
      }),
    300_000
  )
})
