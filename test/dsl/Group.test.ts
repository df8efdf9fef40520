import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Group from "../../src/dsl/Group.ts"
import * as Image from "../../src/kernels/image/Image.ts"

const Rewards = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })))
const group = (rewards: ReadonlyArray<number>) => ({
  sample: { image: Image.file("a.png"), truth: "joy" },
  candidates: rewards.map((reward, at) => ({ reward, at }))
})

describe("Group", () => {
  it.prop("a mean reward is over candidates, whatever group they are in", [Rewards, Rewards], ([some, others]) => {
    const all = [...some, ...others]
    const sum = all.reduce((a, b) => a + b, 0)
    assert.closeTo(Group.meanReward([group(some), group(others)]) * all.length, sum, 1e-9)
    assert.strictEqual(Group.meanReward([group([]), group([])]), 0)
  }, { arbitrary: { runs: 200 } })

  it.prop("the best is the first of the highest", [Rewards], ([rewards]) => {
    const at = rewards.length === 0 ? undefined : rewards.indexOf(Math.max(...rewards))
    assert.strictEqual(Group.best(group(rewards).candidates)?.at, at)
  }, { arbitrary: { runs: 200 } })
})
