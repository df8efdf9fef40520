/** A few seconds of `npm run test:fuzz`, the same inputs each time as far as the machine gets. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fuzz, table } from "./run.ts"

describe("fuzzed inputs", () => {
  it.effect(
    "end in success or in a typed error, soon and with little memory",
    () =>
      Effect.gen(function*() {
        const summary = yield* Effect.promise(() =>
          fuzz({ seed: 1, seconds: 60, inputs: 560, processes: 1, targets: [], findings: "fuzz-findings" })
        )
        assert.deepStrictEqual(summary.findings, [], table(summary))
        for (const [name, { taken }] of summary.counts) assert.isAbove(taken, 0, `${name} took none of its inputs`)
      })
  )
})
