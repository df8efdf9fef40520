/**
 * A process that works for long, and says now and then how much memory it has: `node --expose-gc process.ts steps|
 * pipelines N`. Prints `[done, kind, MiB]` a line: "plain" is what the system counts as its resident set, "collected"
 * the same right after a garbage collection of the main thread.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { Emotion6, Evaluation, Pipelines, Policy, Progress, Rise, Run, Scenes } from "../../src/index.ts"

const [what = "", count = "0"] = process.argv.slice(2)

/** Samples of each kind, of plain ones five times as many. */
const SAMPLES = 50

const say = (done: number, kind: "plain" | "collected") =>
  void writeSync(1, `${JSON.stringify([done, kind, process.memoryUsage.rss() / 2 ** 20])}\n`)
const sample = (done: number, every: number) => {
  if (done % Math.max(1, every / 5) === 0) say(done, "plain")
  if (done % every !== 0) return
  globalThis.gc?.()
  say(done, "collected")
}

const { smoke } = Pipelines.Presets
const train = (limit: number) => Scenes.dataset({ split: "train", limit })

/** One long stage: one policy, its sessions and its moments. */
const steps = (count: number) =>
  Rise.make(Emotion6.task, train(200)).pipe(
    Rise.answers(),
    Rise.sft({ steps: count, batchSize: 4, learningRate: 1e-4 }),
    Rise.run({ out: `${folder}/steps`, seed: 1 }),
    Effect.provide(Policy.onnx({ model: "embedded" })),
    Effect.provideService(Progress.Progress, {
      report: (event) =>
        Effect.sync(() => {
          if (event._tag === "Step" && event.stage === "sft") sample(event.step, count / SAMPLES)
        })
    })
  )

/** Everything from nothing, and gone again: policies, sessions, worker threads, folders, pictures. */
const pipeline = (at: number) =>
  Pipelines.warmUp(Emotion6.task, train(8), smoke).pipe(
    Pipelines.rise(smoke),
    Rise.run({ out: `${folder}/${at}`, seed: at }),
    Effect.andThen(
      Evaluation.evaluate({
        method: "RISE",
        task: Emotion6.task,
        data: Scenes.dataset({ split: "test", limit: 4 }),
        ...smoke.evaluate
      }).pipe(Effect.provide(Run.layerMemory({ seed: at })))
    ),
    Effect.provide(Policy.onnx({ model: "embedded" })),
    Effect.provideService(Progress.Progress, Progress.silent),
    Effect.andThen(Effect.sync(() => rmSync(`${folder}/${at}`, { recursive: true }))),
    Effect.andThen(Effect.sync(() => sample(at, 1)))
  )

const folder = mkdtempSync(`${tmpdir()}/soak-`)
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

const program = what === "steps"
  ? steps(Number(count))
  : Effect.forEach(Array.from({ length: Number(count) }, (_, i) => i + 1), pipeline, { discard: true })
Effect.runPromise(Effect.provide(program, NodeServices.layer)).catch((error) => {
  console.error(error)
  process.exit(1)
})
