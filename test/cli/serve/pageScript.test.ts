/** What the served page says of its model. */
import { assert, describe, it } from "@effect/vitest"
import { runInNewContext } from "node:vm"
import { lead, script } from "../../../src/cli/serve/pageScript.ts"

const leadOf = (task: object): unknown =>
  runInNewContext(`${lead}\nleadOf(model)`, { model: { id: "m", task: { form: "think", ...task } } })

describe("the served page", () => {
  it("says what its model answers with", () => {
    const labels = ["rain", "sun"]
    assert.strictEqual(
      leadOf({ kind: "shares", labels }),
      "m answers with a share for each of rain, sun, and says why."
    )
    assert.strictEqual(
      leadOf({ kind: "shares", labels, description: { answer: "single" }, form: "answer" }),
      "m answers with one of rain, sun."
    )
    assert.strictEqual(leadOf({ kind: "boxes", labels }), "m answers with boxes of rain, sun, and says why.")
    assert.strictEqual(leadOf({ kind: "boxes", labels: ["answer"] }), "m answers with boxes, and says why.")
    const many = Array.from({ length: 14 }, (_, i) => `l${i}`)
    assert.match(String(leadOf({ kind: "boxes", labels: many })), /l11, and 2 more, and says why\.$/)
  })

  it("is a script that a browser reads", () => {
    assert.doesNotThrow(() => new Function(script))
  })
})
