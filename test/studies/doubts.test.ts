/** A page says first whether its figures are those of a run. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Logger } from "effect"
import { join } from "node:path"
import * as Digest from "../../src/dsl/Digest.ts"
import * as Ledger from "../../src/dsl/Ledger.ts"
import { report } from "../../src/studies/report/report.ts"

const results = JSON.stringify([
  { method: "RISE", part: "all", shots: "full", metric: "JSD", value: 0.1, n: 4, seed: 0 }
])
const figures = `${JSON.stringify({ stage: "sft", step: 1, of: 1, loss: 0.1 })}\n`
const runJson = JSON.stringify({ identity: { task: "mood" }, about: {} })

const made = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const write = (name: string, text: string) => fs.writeFileString(join(folder, name), text)
  yield* fs.makeDirectory(join(folder, "checkpoints"))
  yield* write("run.json", runJson)
  yield* write("results.json", results)
  yield* write("metrics.jsonl", figures)
  yield* write(
    Ledger.fileName,
    Ledger.encode({
      ...Ledger.begun(Digest.ofText(runJson)),
      stages: [{
        stage: "evaluate",
        value: null,
        trained: false,
        files: { "metrics.jsonl": Digest.ofText(figures) },
        checkpoint: {}
      }],
      written: { "results.json": Digest.ofText(results) },
      finished: true
    })
  )
  const alerts = Effect.gen(function*() {
    const html = yield* fs.readFileString(yield* report(folder))
    return [...html.matchAll(/role="alert"><strong>([^<]*)/g)].map(([, text]) => text ?? "")
  })
  return { alerts, fs, folder, write }
})

describe("the figures of a report", () => {
  it.effect("are doubted at the top of the page where the ledger says otherwise, or is missing", () =>
    Effect.gen(function*() {
      const { alerts, folder, fs, write } = yield* made
      assert.deepStrictEqual(yield* alerts, [])

      yield* write("results.json", results.replace("0.1", "0.9"))
      const [first = ""] = yield* alerts
      assert.match(first, /results\.json is damaged.* do not trust its figures/)
      yield* write("results.json", results)

      yield* write("metrics.jsonl", figures.replace("0.1", "0.9"))
      assert.match((yield* alerts).join(), /metrics\.jsonl is missing, cut or changed/)
      yield* write("metrics.jsonl", figures + figures)
      assert.match((yield* alerts).join(), /metrics\.jsonl has \d+ bytes behind its last line/)
      yield* write("metrics.jsonl", figures)

      yield* write("run.json", runJson.replace("mood", "mode"))
      assert.match((yield* alerts).join(), /run\.json is damaged/)
      yield* write("run.json", runJson)
      assert.deepStrictEqual(yield* alerts, [])

      const ledger = yield* fs.readFileString(join(folder, Ledger.fileName))
      yield* write(Ledger.fileName, ledger.replace("true", "false"))
      assert.match((yield* alerts).join(), /ledger\.json is damaged/)
      yield* fs.remove(join(folder, Ledger.fileName))
      assert.match((yield* alerts).join(), /There is no checkpoints\/ledger\.json/)
    }).pipe(Effect.provide(Logger.layer([])), Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("are not asked of a file", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(report("/etc/passwd"))
      assert.strictEqual(message, "/etc/passwd: is a file, expected the folder of a run: name one, such as runs/mine")
    }).pipe(Effect.provide(NodeServices.layer)))
})
