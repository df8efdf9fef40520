/** Figures that are no numbers, in `metrics.jsonl`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Run } from "../../src/dsl/Run.ts"
import * as Curves from "../../src/studies/report/Curves.ts"
import { logs } from "./logs.ts"

it.effect("are written in quotation marks and told of once a figure, and the run goes on", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const out = `${yield* fs.makeTempDirectoryScoped()}/run`
    const { lines } = yield* logs(
      Effect.gen(function*() {
        const { metric, within } = yield* Run
        for (const [i, mine] of [0.5, NaN, -Infinity, 0.25].entries()) {
          yield* metric({ stage: "sft", step: i + 1, of: 4, mine, loss: 1 })
        }
        yield* within("RISE").metric({ stage: "sft", step: 1, of: 4, mine: Infinity })
      }).pipe(Effect.provide(Run.layer({ path: out, seed: 0, identity: {} })), Effect.scoped)
    )
    assert.deepStrictEqual(lines.map((line) => line.split(", which")[0]), [
      "sft: mine is NaN at step 2",
      "RISE/sft: mine is Infinity at step 1"
    ])
    const rows = (yield* fs.readFileString(`${out}/metrics.jsonl`)).trim().split("\n").map((row) => JSON.parse(row))
    assert.deepStrictEqual(rows.map(({ mine }) => mine), [0.5, "NaN", "-Infinity", 0.25, "Infinity"])
    const [curve] = yield* Curves.read(`${out}/metrics.jsonl`)
    assert.deepStrictEqual(curve?.figures.get("mine"), [[1, 0.5], [4, 0.25]])
    assert.strictEqual(curve?.figures.get("loss")?.length, 4)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
