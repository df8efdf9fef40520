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

describe("the estimator of a loss", () => {
  it("is the one of its paper", () => {
    const of = (loss: Advantage.Loss) => Advantage.ofLoss(loss)([1, 0]).advantages[0]
    assert.deepStrictEqual([of("dr_grpo"), of("grpo"), of("dapo")], [
      0.5,
      Advantage.grpo([1, 0]).advantages[0],
      Advantage.grpo([1, 0]).advantages[0]
    ])
  })
})
