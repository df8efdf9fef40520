/** AUROC and rank correlation on real scores of wrong labels, against scikit-learn and scipy. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { auroc, spearman } from "../../../src/kernels/math/index.ts"

const Scores = Schema.Record(Schema.String, Schema.Array(Schema.Finite))

/** Written by bench/peers/label_noise.py: cleanlab's scores of embedded scenes, a tenth of whose labels are swapped. */
const Fixture = Schema.Struct({
  labels: Schema.Array(Schema.Int),
  probabilities: Schema.Array(Schema.Array(Schema.Finite)),
  wrong: Schema.Array(Schema.Boolean),
  entropy: Schema.Array(Schema.Finite),
  scores: Scores,
  auroc: Schema.Record(Schema.String, Schema.Finite),
  spearman: Schema.Record(Schema.String, Schema.Finite)
})

const { auroc: theirs, entropy, labels, probabilities, scores, spearman: ranked, wrong } = Schema.decodeUnknownSync(
  Schema.fromJsonString(Fixture)
)(readFileSync(new URL("../../fixtures/label-noise.json", import.meta.url), "utf8"))

describe("scores of wrong labels", () => {
  it("are scores of some hundred labels, some of them wrong", () => {
    assert.isAbove(wrong.filter(Boolean).length, 20)
    for (const own of Object.values(scores)) assert.strictEqual(own.length, wrong.length)
  })

  for (const [method, own] of Object.entries(scores)) {
    it(`${method}: the AUROC is scikit-learn's`, () => {
      const of = (bad: boolean) => own.flatMap((score, i) => wrong[i] === bad ? [-score] : [])
      assert.closeTo(auroc(of(true), of(false)), theirs[method] ?? NaN, 1e-9)
    })

    it(`${method}: the rank correlation with the votes' entropy is scipy's`, () => {
      assert.closeTo(spearman(own.map((score) => -score), entropy), ranked[method] ?? NaN, 1e-9)
    })
  }

  it("self-confidence is the probability of the label", () => {
    labels.forEach((label, i) =>
      assert.closeTo(scores["self_confidence"]?.[i] ?? NaN, probabilities[i]?.[label] ?? NaN, 1e-9)
    )
  })
})
