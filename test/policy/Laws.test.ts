/** Laws of group-relative losses, on texts of random numbers. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { groupLosses, klEstimators } from "../../src/policy/Policy.ts"
import * as Ratios from "../../src/policy/Ratios.ts"
import * as Surrogate from "../../src/policy/Surrogate.ts"
import * as Losses from "./losses.ts"

const runs = { arbitrary: { runs: 400 } }

const between = (minimum: number, maximum: number) =>
  Arbitrary.map(
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1000 * minimum, maximum: 1000 * maximum }))),
    (thousandths) => thousandths / 1000
  )
const oneOf = <const A extends string>(words: ReadonlyArray<A>) => Arbitrary.schema(Schema.Literals(words))

const Token = Arbitrary.all({
  old: between(-4, -0.01),
  moved: between(-1, 1),
  apart: between(-1, 1),
  entropy: between(0, 2)
})
const Text = Arbitrary.map(
  Arbitrary.all({
    tokens: Arbitrary.array(Token, { minLength: 1, maxLength: 6 }),
    advantage: between(-2, 2),
    ended: Arbitrary.schema(Schema.Boolean)
  }),
  ({ advantage, ended, tokens }): Losses.Text => ({
    logprobs: tokens.map(({ moved, old }) => old + moved),
    old: tokens.map(({ old }) => old),
    reference: tokens.map(({ apart, old }) => old + apart),
    entropies: tokens.map(({ entropy }) => entropy),
    advantage,
    ended
  })
)
/** The first has ended: something is learned from. */
const Texts = Arbitrary.map(
  Arbitrary.array(Text, { minLength: 2, maxLength: 5 }),
  (texts) => texts.map((text, i) => i === 0 ? { ...text, ended: true } : text)
)
const Settings = Arbitrary.map(
  Arbitrary.all({
    loss: oneOf(groupLosses),
    klEstimator: oneOf(klEstimators),
    low: between(0.05, 0.9),
    high: between(0.05, 0.9),
    positive: between(0.2, 5),
    negative: between(0.2, 5),
    kl: between(0, 1),
    entropy: between(0, 0.5),
    maskTruncated: Arbitrary.schema(Schema.Boolean)
  }),
  ({ high, low, negative, positive, ...settings }): Losses.Settings => (
    { ...settings, clip: { low, high }, gate: { positive, negative }, maxTokens: 16 }
  )
)
/** Without what is beside the surrogate. */
const bare = (settings: Losses.Settings): Losses.Settings => ({ ...settings, kl: 0, entropy: 0 })

/** By the policy that drew. */
const onPolicy = (text: Losses.Text): Losses.Text => ({ ...text, logprobs: text.old })

const flat = (rows: ReadonlyArray<ReadonlyArray<number>>) => rows.flat()
const near = (found: ReadonlyArray<number>, expected: ReadonlyArray<number>, what: string, bound = 1e-9) => {
  assert.strictEqual(found.length, expected.length, what)
  const scale = Math.max(1, ...expected.map(Math.abs))
  const off = found.findIndex((value, i) => !(Math.abs(value - expected[i]!) <= bound * scale))
  if (off >= 0) assert.closeTo(found[off]!, expected[off]!, bound * scale, `${what} ${off}`)
}
const same = (found: Losses.Found, expected: Losses.Found) => {
  near([found.loss, found.kl, found.clipped], [expected.loss, expected.kl, expected.clipped], "figure")
  near(flat(found.slopes), flat(expected.slopes), "slope")
  near(flat(found.byEntropy), flat(expected.byEntropy), "slope by entropy")
}

describe("a group-relative loss", () => {
  it.prop("is the same as a graph and in plain numbers, with its gradient", [Texts, Settings], ([texts, settings]) => {
    const [graph, plain] = [Losses.computed(texts, settings), Losses.plain(texts, settings)]
    same({ ...graph, byEntropy: settings.entropy === 0 ? plain.byEntropy : graph.byEntropy }, plain)
  }, runs)

  it.prop("has the slopes that differences of it show", [Texts, Settings], ([texts, settings]) => {
    // CISPO's weight moves the loss and not the gradient: its law is below.
    if (settings.loss === "cispo") return
    const step = 1e-6
    const form = Surrogate.formOf(settings)
    const { clip } = settings
    const { slopes } = Losses.plain(texts, settings)
    Losses.learned(texts, settings).forEach(({ at, text }) => {
      // At a bound itself there is no derivative.
      const edge = [...Ratios.of(form, text.logprobs, text.old)].some((ratio) =>
        Math.abs(ratio - 1 + clip.low) < 1e-4 || Math.abs(ratio - 1 - clip.high) < 1e-4
      )
      if (edge) return
      text.logprobs.forEach((_, k) => {
        const moved = (by: number) => {
          const logprobs = text.logprobs.with(k, text.logprobs[k]! + by)
          return Losses.plain(texts.with(at, { ...text, logprobs }), settings).loss
        }
        assert.closeTo(slopes[at]![k]!, (moved(step) - moved(-step)) / (2 * step), 1e-6)
      })
    })
  }, runs)

  it.prop("does not depend on the order of its texts", [Texts, Settings], ([texts, settings]) => {
    const { loss, slopes } = Losses.computed(texts, settings)
    const turned = Losses.computed(texts.toReversed(), settings)
    near([turned.loss], [loss], "loss")
    near(flat(turned.slopes.toReversed()), flat(slopes), "slope")
  }, runs)

  it.prop("does not depend on the order of a text's tokens", [Texts, Settings], ([texts, settings]) => {
    const { loss, slopes } = Losses.computed(texts, settings)
    const turned = Losses.computed(
      texts.map((text) => ({
        ...text,
        logprobs: text.logprobs.toReversed(),
        old: text.old.toReversed(),
        reference: text.reference.toReversed(),
        entropies: text.entropies.toReversed()
      })),
      settings
    )
    near([turned.loss], [loss], "loss")
    near(flat(turned.slopes.map((row) => row.toReversed())), flat(slopes), "slope")
  }, runs)

  it.prop(
    "grows with its advantages, and its gradient with them",
    [Texts, Settings, between(0.1, 4)],
    ([texts, settings, factor]) => {
      const before = Losses.computed(texts, bare(settings))
      const after = Losses.computed(
        texts.map((text) => ({ ...text, advantage: factor * text.advantage })),
        bare(settings)
      )
      near([after.loss], [factor * before.loss], "loss")
      near(flat(after.slopes), flat(before.slopes).map((slope) => factor * slope), "slope")
      assert.strictEqual(after.clipped, before.clipped)
    },
    runs
  )

  it.prop("has no gradient without advantages, penalty and bonus", [Texts, Settings], ([texts, settings]) => {
    const { clipped, loss, slopes } = Losses.computed(
      texts.map((text) => ({ ...text, advantage: 0 })),
      bare({ ...settings, ...(settings.loss === "cispo" && { clip: { low: 1, high: 1e6 } }) })
    )
    assert.isTrue([loss, clipped, ...flat(slopes)].every((value) => value === 0))
  }, runs)

  it.prop("learns nothing from what is masked, whatever stands there", [Texts, Settings], ([texts, given]) => {
    const settings = { ...given, maskTruncated: true }
    const before = Losses.computed(texts, settings)
    const other = texts.map((text) =>
      text.ended ? text : { ...text, logprobs: text.old.map((value) => value - 3), advantage: 9 }
    )
    same(Losses.computed(other, settings), before)
    texts.forEach(({ ended, logprobs }, i) => assert.strictEqual(before.slopes[i]!.length, ended ? logprobs.length : 0))
    // Averages over tokens are those of the texts that are left; averages over texts keep their number.
    const left = texts.filter(({ ended }) => ended)
    const apart = Losses.computed(left, { ...settings, maskTruncated: false })
    const kept = given.loss === "dapo" || given.loss === "cispo" ? 1 : left.length / texts.length
    const unpaid = Losses.computed(left, { ...settings, maskTruncated: false, entropy: 0 })
    near([before.loss], [kept * unpaid.loss + apart.loss - unpaid.loss], "loss")
    near(flat(before.slopes), flat(apart.slopes).map((slope) => kept * slope), "slope")
  }, runs)
})

describe("where the policy is the one that drew", () => {
  it.prop(
    "gspo and sapo learn what grpo learns, and cispo what dapo does, whatever bounds and temperatures",
    [Texts, Settings],
    ([texts, settings]) => {
      const drawn = texts.map(onPolicy)
      const of = (loss: Losses.Settings["loss"]) => flat(Losses.computed(drawn, { ...bare(settings), loss }).slopes)
      near(of("gspo"), of("grpo"), "gspo")
      near(of("sapo"), of("grpo"), "sapo")
      near(of("cispo"), of("dapo"), "cispo")
    },
    runs
  )

  it.prop("no bound holds anything", [Texts, Settings], ([texts, settings]) => {
    assert.strictEqual(Losses.computed(texts.map(onPolicy), settings).clipped, 0)
    assert.strictEqual(Losses.plain(texts.map(onPolicy), settings).clipped, 0)
  }, runs)
})

describe("gspo", () => {
  it.prop("gives all tokens of a text one slope, and none where its ratio is held", [Texts, Settings], (
    [texts, given]
  ) => {
    const settings: Losses.Settings = { ...bare(given), loss: "gspo" }
    const { slopes } = Losses.computed(texts, settings)
    const { clip: { high, low } } = settings
    for (const { at, text, weight } of Losses.learned(texts, settings)) {
      const logs = text.logprobs.map((logprob, k) => logprob - text.old[k]!)
      const ratio = Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length)
      const held = text.advantage > 0 ? ratio > 1 + high : ratio < 1 - low
      near(slopes[at]!, logs.map(() => held ? 0 : -weight * ratio * text.advantage), "slope")
    }
  }, runs)

  it.prop("of texts of one token is grpo", [Texts, Settings], ([texts, settings]) => {
    const short = texts.map((text) => ({
      ...text,
      logprobs: text.logprobs.slice(0, 1),
      old: text.old.slice(0, 1),
      reference: text.reference.slice(0, 1),
      entropies: text.entropies.slice(0, 1)
    }))
    const of = (loss: Losses.Settings["loss"]) => Losses.computed(short, { ...settings, loss })
    same(of("gspo"), of("grpo"))
  }, runs)
})

describe("cispo", () => {
  it.prop("lets every token learn, by no more than its bound", [Texts, Settings], ([texts, given]) => {
    const settings: Losses.Settings = { ...bare(given), loss: "cispo" }
    const { clip: { high, low } } = settings
    const { slopes } = Losses.computed(texts, settings)
    for (const { at, text, weight } of Losses.learned(texts, settings)) {
      text.logprobs.forEach((logprob, k) => {
        const ratio = Math.exp(logprob - text.old[k]!)
        const bounded = Math.max(1 - low, Math.min(1 + high, ratio))
        assert.closeTo(slopes[at]![k]!, -weight * text.advantage * bounded, 1e-12)
      })
    }
  }, runs)
})

describe("sapo", () => {
  it.prop(
    "is bounded: no text gains more than 4/τ times its advantage, no slope is steeper than the ratio",
    [Texts, Settings, between(0, 12)],
    ([texts, given, far]) => {
      const settings: Losses.Settings = { ...bare(given), loss: "sapo", maskTruncated: false }
      const moved = texts.map((text) => ({ ...text, logprobs: text.logprobs.map((logprob) => logprob + far) }))
      const { positive, negative } = settings.gate!
      for (const text of moved) {
        const { clipped, loss, slopes } = Losses.computed([text], settings)
        const { advantage, logprobs, old } = text
        assert.isAtMost(Math.abs(loss), 4 / (advantage > 0 ? positive : negative) * Math.abs(advantage) + 1e-12)
        slopes[0]!.forEach((slope, k) => {
          const ratio = Math.exp(logprobs[k]! - old[k]!)
          assert.isAtMost(Math.abs(slope), ratio * Math.abs(advantage) / logprobs.length + 1e-12)
          assert.isTrue(slope * advantage <= 0, "towards what is rewarded")
        })
        assert.strictEqual(clipped, 0)
      }
    },
    runs
  )

  it.prop("fades the sooner, the higher its temperature", [Texts, Settings, between(0.1, 3)], (
    [texts, given, more]
  ) => {
    const settings: Losses.Settings = { ...bare(given), loss: "sapo" }
    const { positive, negative } = settings.gate!
    const [cool, hot] = [settings, { ...settings, gate: { positive: positive + more, negative: negative + more } }]
      .map((each) => flat(Losses.computed(texts, each).slopes))
    hot!.forEach((slope, i) => assert.isAtMost(Math.abs(slope), Math.abs(cool![i]!) + 1e-12))
  }, runs)
})

const Mass = between(0.01, 1)
/** Two distributions over the same tokens. */
const Pair = Arbitrary.map(
  Arbitrary.array(Arbitrary.all({ p: Mass, q: Mass }), { minLength: 2, maxLength: 6 }),
  (masses) => {
    const of = (values: ReadonlyArray<number>) => {
      const total = values.reduce((a, b) => a + b, 0)
      return values.map((value) => Math.log(value / total))
    }
    return { policy: of(masses.map(({ p }) => p)), reference: of(masses.map(({ q }) => q)) }
  }
)

describe("the KL penalty", () => {
  /** Value and slope of each token, drawn by the policy as it is. */
  const terms = (
    klEstimator: Losses.Settings["klEstimator"],
    policy: ReadonlyArray<number>,
    other: ReadonlyArray<number>
  ) =>
    policy.map((logprob, i) => {
      const { divergence, slopes } = Surrogate.groupRelative(
        Surrogate.formOf({ loss: "grpo", kl: 1, klEstimator }),
        { logprobs: [logprob], old: [logprob], reference: [other[i]!], advantages: [0], weight: 1 },
        { clip: { low: 0.2, high: 0.2 }, kl: 1 }
      )
      return { p: Math.exp(logprob), value: divergence, slope: slopes[0]! }
    })

  it.prop("is in the mean the divergence, by every estimator", [Pair], ([{ policy, reference }]) => {
    const exact = policy.reduce((sum, logprob, i) => sum + Math.exp(logprob) * (logprob - reference[i]!), 0)
    for (const estimator of klEstimators) {
      const mean = terms(estimator, policy, reference).reduce((sum, { p, value }) => sum + p * value, 0)
      assert.closeTo(mean, exact, 1e-9, estimator)
    }
  }, runs)

  it.prop("has in the mean the divergence's gradient by k1 and k3-corrected", [Pair], ([{ policy, reference }]) => {
    const exact = policy.reduce((sum, logprob, i) => sum + Math.exp(logprob) * (logprob - reference[i]!), 0)
    for (const estimator of ["k1", "k3-corrected"] as const) {
      const each = terms(estimator, policy, reference)
      const mean = each.reduce((sum, { p, slope }) => sum + p * slope, 0)
      // By the logits: ∂log p_i/∂logit_j = (i = j) − p_j.
      each.forEach(({ p, slope }, j) =>
        assert.closeTo(p * (slope - mean), p * (policy[j]! - reference[j]! - exact), 1e-9, estimator)
      )
    }
  }, runs)

  it.prop("by k3 is never below 0, and nothing where the policy is the reference", [Texts, Settings], (
    [texts, given]
  ) => {
    for (const klEstimator of ["k3", "k3-corrected"] as const) {
      const settings = { ...given, kl: 0.5, klEstimator }
      assert.isAtLeast(Losses.computed(texts, settings).kl, -1e-12)
      const there = texts.map((text) => ({ ...text, reference: text.logprobs }))
      const [held, free] = [Losses.computed(there, settings), Losses.computed(there, { ...settings, kl: 0 })]
      assert.closeTo(held.kl, 0, 1e-12)
      near(flat(held.slopes), flat(free.slopes), "slope")
    }
  }, runs)
})

describe("the entropy bonus", () => {
  it.prop("pays the mean entropy of the tokens that are learned from, whatever the loss averages", [Texts, Settings], (
    [texts, given]
  ) => {
    const settings = { ...given, entropy: 0.25 }
    const [paid, unpaid] = [Losses.computed(texts, settings), Losses.computed(texts, { ...settings, entropy: 0 })]
    const entropies = Losses.learned(texts, settings).flatMap(({ text }) => text.entropies)
    const mean = entropies.reduce((a, b) => a + b, 0) / entropies.length
    assert.closeTo(paid.loss - unpaid.loss, -0.25 * mean, 1e-9)
    near(flat(paid.byEntropy), entropies.map(() => -0.25 / entropies.length), "slope by entropy")
    near(flat(paid.slopes), flat(unpaid.slopes), "slope")
  }, runs)
})
