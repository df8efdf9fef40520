/**
 * Runs that are killed at random moments and resumed until they are done: inside line writes, inside checkpoints,
 * between any two changes of a file. `KILLS=50 npx vitest run test/chaos` for more; `MODEL=embedded` kills the main
 * job at random times instead.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import { contents, temporary } from "../dsl/folders.ts"

const kills = Number(process.env["KILLS"] ?? 5)
const seed = Number(process.env["SEED"] ?? 1)
const embedded = process.env["MODEL"] === "embedded"
/** Steps between two checkpoints of the program. */
const every = 3

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

type Line = readonly [what: string, stage: string, value: number]

/** How a process that was to die ended, and what it had said by then. */
const spawned = (args: ReadonlyArray<string>, timeout?: number) => {
  const { signal, status, stderr, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    ...(timeout === undefined ? {} : { timeout, killSignal: "SIGKILL" as const })
  })
  assert.isTrue(signal === "SIGKILL" || status === 0, `${stdout.slice(-500)}\n${stderr}`)
  return { killed: signal === "SIGKILL", stdout }
}

const linesOf = (stdout: string): ReadonlyArray<Line> =>
  stdout.split("\n").filter((line) => line.startsWith("[")).map((line): Line => JSON.parse(line))

/** The program; it dies at a change of a file. */
const stub = {
  life: (out: string) => {
    const lines = linesOf(spawned([at("program.ts"), out, "0"]).stdout)
    return lines.find(([what]) => what === "changes")?.[2] ?? 0
  },
  run: (out: string, last: number) => spawned([at("program.ts"), out, String(last)])
}

/** The main job in its smallest size; it dies after milliseconds. */
const main = {
  arguments: (out: string) => [
    at("../../src/cli/rise.ts"),
    ...["train", "--preset", "smoke", "--seed", "1", "--out", out, "--checkpoint-steps", "1"],
    ...(existsSync(`${out}/run.json`) ? ["--resume"] : [])
  ],
  life: (out: string) => {
    const begun = performance.now()
    spawned(main.arguments(out))
    return performance.now() - begun
  },
  run: (out: string, last: number) => spawned(main.arguments(out), last)
}

/** Steps of training that a process had done and the next one did again, by stage; of the last stage it was in. */
const lost = (before: ReadonlyArray<Line>, after: ReadonlyArray<Line>): number => {
  const [, stage = "", step = 0] = before.findLast(([what]) => what === "step") ?? []
  if (/chains|explain/.test(stage)) return 0
  const again = after.find(([what, name]) => what === "started" && name === stage)
  return again === undefined ? 0 : step - again[2]
}

describe(`a run that is killed ${kills} times`, () => {
  it.live("ends with the bytes of one that was left alone", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      const { life, run } = embedded ? main : stub
      const whole = `${directory}/whole`
      const most = life(whole)
      const expected = yield* contents(whole)
      const draws = Keyed.stream(seed, "kills")
      let died = 0
      let runs = 0
      let worst = 0
      while (died < kills) {
        const out = `${directory}/cut-${++runs}`
        let before: ReadonlyArray<Line> = []
        // Each life ends somewhere in what is left of the run, now and then right at its beginning.
        for (let left = 3; left >= 0; left--) {
          const last = left === 0 || died >= kills ? 0 : 1 + Math.floor(draws.next() * most / (4 - left))
          const { killed, stdout } = run(out, last === 0 && embedded ? 1e9 : last)
          const lines = linesOf(stdout)
          worst = Math.max(worst, lost(before, lines))
          before = lines
          if (!killed) break
          died++
        }
        assert.deepStrictEqual(yield* contents(out), expected, `run ${runs}, seed ${seed}`)
      }
      assert.isAtMost(worst, every, "steps of training done twice after a kill")
      console.log(`${died} kills, ${runs} runs, ${worst} steps done twice at most`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 3_600_000)
})
