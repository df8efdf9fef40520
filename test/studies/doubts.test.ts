/** A page says first whether its figures are those of a run. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { join } from "node:path"
import * as Digest from "../../src/dsl/Digest.ts"
import * as Ledger from "../../src/dsl/Ledger.ts"
import { report } from "../../src/studies/report/report.ts"
import { logs } from "../dsl/logs.ts"

const results = JSON.stringify([
  { method: "RISE", part: "all", shots: "full", metric: "JSD", value: 0.1, n: 4, seed: 0 }
])
const predictions = `${JSON.stringify({ image: "a", method: "RISE" })}\n`
const runJson = JSON.stringify({ identity: { task: "mood" }, about: {} })

const made = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const write = (name: string, text: string) => fs.writeFileString(join(folder, name), text)
  yield* fs.makeDirectory(join(folder, "checkpoints"))
  yield* write("run.json", runJson)
  yield* write("results.json", results)
  yield* write("chains.jsonl", predictions)
  yield* write(
    Ledger.fileName,
    Ledger.encode({
      ...Ledger.begun(Digest.ofText(runJson)),
      stages: [{
        stage: "evaluate",
        value: null,
        trained: false,
        files: { "chains.jsonl": Digest.ofText(predictions) },
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

      yield* write("chains.jsonl", predictions.replace("a", "b"))
      assert.match((yield* alerts).join(), /chains\.jsonl is missing, cut or changed/)
      yield* write("chains.jsonl", predictions + predictions)
      assert.match((yield* alerts).join(), /chains\.jsonl has \d+ bytes behind its last line/)
      yield* write("chains.jsonl", predictions)

      yield* write("run.json", runJson.replace("mood", "mode"))
      assert.match((yield* alerts).join(), /run\.json is damaged/)
      yield* write("run.json", runJson)
      assert.deepStrictEqual(yield* alerts, [])

      const ledger = yield* fs.readFileString(join(folder, Ledger.fileName))
      yield* write(Ledger.fileName, ledger.replace("true", "false"))
      assert.match((yield* alerts).join(), /ledger\.json is damaged/)
      yield* fs.remove(join(folder, Ledger.fileName))
      assert.match((yield* alerts).join(), /There is no checkpoints\/ledger\.json/)
    }).pipe(logs, Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("are not asked of a file", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(report("/etc/passwd"))
      assert.strictEqual(message, "/etc/passwd: is a file, expected the folder of a run: name one, such as runs/mine")
    }).pipe(Effect.provide(NodeServices.layer)))
})
