/** Who pays for a broken format: the token that left it, or all tokens where none can be named. */
import { assert, describe, it } from "@effect/vitest"
import type { Verdict } from "../../src/dsl/Reward.ts"
import * as Blame from "../../src/dsl/stages/Blame.ts"
import type { Judged } from "../../src/dsl/stages/Judged.ts"
import type { Grammar } from "../../src/kernels/generate/Grammar.ts"
import { ones as grammar } from "./ones.ts"

const draw = (...tokens: ReadonlyArray<number>) => ({
  prompt: { images: [], text: "" },
  completion: {
    text: "",
    tokens: Int32Array.from(tokens),
    logprobs: Float32Array.from(tokens, () => -1),
    finish: "stop" as const
  }
})

const candidate = (verdict: Verdict, ...draws: ReadonlyArray<ReturnType<typeof draw>>): Judged => ({
  reward: 0,
  verdict,
  draws
})

const fault = (judged: Judged, grammars: ReadonlyArray<Grammar | undefined> = [grammar, grammar]) =>
  Blame.faultOf(judged, grammars)

describe("blame for a broken format", () => {
  it("is the first token's that left it, in the first draw where one did", () => {
    assert.deepStrictEqual(fault(candidate("format-annotation", draw(1, 1, 2, 1, 2))), { turn: 0, at: 2 })
    assert.deepStrictEqual(fault(candidate("format-reasoning", draw(2))), { turn: 0, at: 0 })
    assert.deepStrictEqual(fault(candidate("format-annotation", draw(1, 0), draw(1, 2, 1))), { turn: 1, at: 1 })
    const both = candidate("format-annotation", draw(2, 0), draw(1, 2, 1))
    assert.deepStrictEqual(fault(both), { turn: 0, at: 0 })
    // What has no grammar is not looked at.
    assert.deepStrictEqual(fault(both, [undefined, grammar]), { turn: 1, at: 1 })
  })

  it("is nobody's where a text can be read, was cut off, or has no grammar", () => {
    for (const verdict of ["ok", "leak", "judge"] as const) assert.isUndefined(fault(candidate(verdict, draw(1, 2))))
    assert.isUndefined(fault(candidate("format-annotation", draw(1, 1))))
    assert.isUndefined(fault(candidate("format-annotation", draw(1, 2)), [undefined]))
  })

  it("is √n times what each of the n tokens pays, in the draw at fault", () => {
    const rollout = { ...draw(1, 1, 2, 1), advantage: -1 }
    const fault = { turn: 1, at: 2 }
    const laid = Blame.laid(rollout, fault, 1)
    assert.deepStrictEqual([...laid.importance ?? []], [1, 1, 2, 1])
    assert.deepStrictEqual({ ...laid, importance: undefined }, { ...rollout, importance: undefined })
    assert.strictEqual(Blame.laid(rollout, fault, 0), rollout)
    assert.strictEqual(Blame.laid(rollout, undefined, 1), rollout)
    // What was among the better of its group is not held down.
    for (const advantage of [0, 1]) {
      assert.isUndefined(Blame.laid({ ...rollout, advantage }, fault, 1).importance)
    }
  })
})
