import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Advantage from "../../src/dsl/Advantage.ts"
import { Divergence } from "../../src/kernels/math/index.ts"

const Reward = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))).pipe(
  Arbitrary.map((n) => n / 1000)
)
const Rewards = Arbitrary.array(Reward, { minLength: 2, maxLength: 16 })
const Positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))
const runs = { arbitrary: { runs: 500 } }

const deviation = (rewards: ReadonlyArray<number>) => {
  const mean = Divergence.total(rewards) / rewards.length
  return Math.sqrt(rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (rewards.length - 1))
}

for (const [name, normalize] of [["GRPO", Advantage.grpo], ["Dr. GRPO", Advantage.drGrpo]] as const) {
  describe(`Advantage (${name})`, () => {
    it.prop("has zero mean and keeps the order of the rewards", [Rewards], ([rewards]) => {
      const { advantages, dead } = normalize(rewards)
      assert.strictEqual(advantages.length, rewards.length)
      assert.closeTo(Divergence.total(advantages), 0, 1e-9)
      assert.strictEqual(dead, new Set(rewards).size === 1)
      rewards.forEach((a, i) => rewards.forEach((b, j) => assert.isTrue(a <= b || advantages[i]! > advantages[j]!)))
    }, runs)

    it.prop("is zero and dead for constant groups, whatever the constant", [Schema.Finite, Positive], ([reward, n]) => {
      const { advantages, dead } = normalize(new Array<number>(n % 16).fill(reward))
      assert.isTrue(dead)
      assert.isTrue(advantages.every((advantage) => advantage === 0))
    }, runs)

    it("refuses a reward that would poison its group", () => {
      assert.throws(() => normalize([1, NaN]), /finite, got NaN/)
      assert.throws(() => normalize([Infinity, 1]), /finite, got Infinity/)
    })
  })
}

describe("Advantage (GRPO), scale", () => {
  const normalize = Advantage.grpo

  it.prop(
    "does not change when rewards are shifted or scaled up, but for the 1e-4",
    [Rewards, Positive, Reward],
    ([rewards, scale, shift]) => {
      const factor = scale / 10
      const { advantages, dead } = normalize(rewards)
      const moved = normalize(rewards.map((r) => factor * r + shift))
      assert.strictEqual(moved.dead, dead)
      if (dead) return
      // (r − m) / (s + ε) against f (r − m) / (f s + ε): they differ by ε / s at most, relative to the smaller
      // deviation.
      const bound = 1e-4 / (Math.min(1, factor) * deviation(rewards))
      advantages.forEach((a, i) => assert.isTrue(Math.abs(a - moved.advantages[i]!) <= bound * Math.abs(a) + 1e-9))
    },
    runs
  )

  it("divides by Bessel's deviation plus 1e-4", () => {
    const { advantages } = normalize([1, 0])
    assert.closeTo(advantages[0]!, 0.5 / (Math.SQRT1_2 + 1e-4), 1e-15)
  })
})

describe("Advantage (Dr. GRPO), scale", () => {
  it("only centres", () => {
    assert.deepStrictEqual(Advantage.drGrpo([1, 0, 0.5]), { advantages: [0.5, -0.5, 0], dead: false })
  })
})

describe("Advantage (scaled by the batch)", () => {
  const Groups = Arbitrary.array(Rewards, { minLength: 1, maxLength: 4 })

  it.prop("is that of its group alone where there is no other", [Rewards], ([rewards]) => {
    const expected = Advantage.grpo(rewards)
    assert.deepStrictEqual(Advantage.batchScaled(rewards), expected)
    assert.deepStrictEqual(Advantage.batchScaled(rewards, [rewards]), expected)
  }, runs)

  it.prop("divides every group by the deviation of all rewards together", [Groups], ([groups]) => {
    const all = groups.flat()
    groups.forEach((rewards) => {
      const { advantages, dead } = Advantage.batchScaled(rewards, groups)
      assert.strictEqual(dead, new Set(rewards).size === 1)
      const centred = Advantage.drGrpo(rewards).advantages
      advantages.forEach((advantage, i) => assert.closeTo(advantage * (deviation(all) + 1e-4), centred[i]!, 1e-9))
    })
  }, runs)

  it.prop("does not depend on the order of groups, nor on a shift of all", [Groups, Reward], ([groups, shift]) => {
    const [first] = groups
    const before = Advantage.batchScaled(first!, groups).advantages
    const turned = Advantage.batchScaled(first!, groups.toReversed()).advantages
    const moved = Advantage.batchScaled(
      first!.map((reward) => reward + shift),
      groups.map((rewards) => rewards.map((reward) => reward + shift))
    ).advantages
    before.forEach((advantage, i) => {
      assert.closeTo(turned[i]!, advantage, 1e-9)
      assert.closeTo(moved[i]!, advantage, 1e-9)
    })
  }, runs)
})

describe("the estimator of a loss", () => {
  it("is another where one is asked for", () => {
    const groups = [[1, 0], [1, 0.5]]
    const of = (scale: Advantage.Scale) => Advantage.ofLoss("dr_grpo", scale)(groups[0]!, groups)
    assert.deepStrictEqual([of("group"), of("batch"), of("none")], [
      Advantage.grpo(groups[0]!),
      Advantage.batchScaled(groups[0]!, groups),
      Advantage.drGrpo(groups[0]!)
    ])
  })

  it("is the one of its paper", () => {
    const of = (loss: Advantage.Loss) => Advantage.ofLoss(loss)([1, 0]).advantages[0]
    assert.deepStrictEqual([of("dr_grpo"), of("grpo"), of("dapo")], [
      0.5,
      Advantage.grpo([1, 0]).advantages[0],
      Advantage.grpo([1, 0]).advantages[0]
    ])
  })
})
