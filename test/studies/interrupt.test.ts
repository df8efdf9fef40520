import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { contents } from "../dsl/folders.ts"

const program = new URL("./programs/study.ts", import.meta.url).pathname
const files = ["results.json", "predictions.jsonl", "metrics.jsonl", "cot.jsonl", "examples.json", "model/weights.f32"]

const until = async (condition: () => boolean) => {
  for (let i = 0; i < 2400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 25))
  assert.isTrue(condition(), "waited in vain")
}

describe("a study as a process", () => {
  const directory = mkdtempSync(join(tmpdir(), "rise-"))
  const whole = join(directory, "whole")
  beforeAll(() => assert.strictEqual(spawnSync(process.execPath, [program, whole, "0"]).status, 0))
  afterAll(() => rmSync(directory, { recursive: true }))

  // SIGKILL is a power cut: nothing may run any more, and still the folder has to be good.
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    it(`survives ${signal} in the middle of a stage and resumes to the same bytes`, async () => {
      const cut = join(directory, signal)
      const child = spawn(process.execPath, [program, cut, "60"], { stdio: "ignore" })
      const ended = new Promise<number | null>((resolve) => child.on("exit", resolve))
      await until(() =>
        existsSync(join(cut, "metrics.jsonl")) &&
        /"method":"RISE","stage":"reinforce","step":4/.test(readFileSync(join(cut, "metrics.jsonl"), "utf8"))
      )
      const killed = performance.now()
      child.kill(signal)
      const code = await ended
      assert.isBelow(performance.now() - killed, 15_000)
      if (signal === "SIGINT") {
        assert.strictEqual(code, 130)
        for (const name of readdirSync(cut, { recursive: true, encoding: "utf8" })) {
          assert.isFalse(name.endsWith(".tmp"), name)
          if (name.endsWith(".jsonl")) {
            readFileSync(join(cut, name), "utf8").trim().split("\n").forEach((line) => line === "" || JSON.parse(line))
          }
        }
      }
      assert.strictEqual(
        spawnSync(process.execPath, [program, cut, "0"]).status,
        1,
        "without --resume the folder is in use"
      )
      const resumed = spawnSync(process.execPath, [program, cut, "0", "resume"], { encoding: "utf8" })
      assert.strictEqual(resumed.status, 0, resumed.stderr)
      for (const file of files) {
        assert.strictEqual(readFileSync(join(cut, file), "latin1"), readFileSync(join(whole, file), "latin1"), file)
      }
      assert.isTrue(existsSync(join(cut, "report.html")))
    }, 300_000)
  }
})

describe("an audit as a process", () => {
  const audit = new URL("./programs/audit.ts", import.meta.url).pathname
  /** What it asks of its policy, until it dies before a call of it. */
  const run = (out: string, last: number) => {
    const { signal, status, stderr, stdout } = spawnSync(process.execPath, [audit, out, String(last)], {
      encoding: "utf8"
    })
    assert.strictEqual(signal ?? status, last === 0 ? 0 : "SIGKILL", stderr)
    return stdout.trim().split("\n")
  }

  it("that is killed in the middle of a pass goes on at the sample, and ends with the same bytes", () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    try {
      const [whole, cut] = [join(directory, "whole"), join(directory, "cut")]
      const all = run(whole, 0)
      // In the first half, and again in the second.
      const before = run(cut, 20)
      const second = run(cut, 30)
      const after = run(cut, 0)
      const asked = (lines: ReadonlyArray<string>) => lines.filter((line) => line.startsWith("explain"))
      assert.isAbove(asked(before).length, 40)
      assert.isAbove(asked(second).length, 40)
      assert.isAbove(asked(after).length, 10)
      const done = [...before, ...second, ...after]
      // Halves ask of other samples, so that what is asked twice was asked again: of a batch of four samples at most.
      const again = asked(done).length - new Set(asked(done)).size
      assert.isAtMost(again, 2 * 4 * 5)
      assert.deepStrictEqual([...new Set(done)].toSorted(), [...new Set(all)].toSorted())
      const files = (folder: string) => Effect.runSync(contents(folder))
      assert.deepStrictEqual(files(cut), files(whole))
      assert.isAbove(Object.keys(files(whole)).length, 10)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 300_000)
})
