import { assert, describe, it } from "@effect/vitest"
import * as Futile from "../../../src/kernels/math/Futile.ts"
import * as Rules from "../../../src/kernels/math/Rules.ts"

const rows: ReadonlyArray<Futile.Futile> = [
  { setting: "estimator", beside: "kl", where: Futile.is(0), why: "where nothing is estimated: set kl" },
  { setting: "practice.heat", beside: "practice.of", where: Futile.isNot("own"), why: "where nothing is drawn" }
]
const said = (given: object, settings?: object) => {
  const futile = Futile.first(rows, given, settings)
  return futile === undefined ? undefined : Rules.say(futile)
}

describe("a setting that does nothing beside another", () => {
  it("is named with the other, its value and why", () => {
    assert.strictEqual(
      said({ estimator: "k1", kl: 0 }),
      "estimator is \"k1\", expected nothing beside kl 0, where nothing is estimated: set kl"
    )
    assert.strictEqual(
      said({ practice: { heat: 0.5, of: "lessons" } }),
      "practice.heat is 0.5, expected nothing beside practice.of \"lessons\", where nothing is drawn"
    )
    // What is left out has no value to be named.
    assert.strictEqual(
      said({ practice: { heat: 0.5 } }),
      "practice.heat is 0.5, expected nothing beside practice.of, where nothing is drawn"
    )
  })

  it("is judged by the defaults of what is left out", () => {
    assert.isUndefined(said({ estimator: "k1" }))
    assert.isDefined(said({ estimator: "k1" }, { estimator: "k1", kl: 0 }))
    assert.isUndefined(said({ estimator: "k1" }, { estimator: "k1", kl: 0.1 }))
    assert.deepStrictEqual(Futile.all(rows, { estimator: "k1", kl: 0 }), ["estimator"])
    assert.deepStrictEqual(Futile.all(rows, { estimator: "k1" }, { estimator: "k1", kl: 0.1 }), [])
    assert.deepStrictEqual(Futile.all(rows, { practice: { heat: 1 }, kl: 0 }), ["practice.heat"])
  })

  it("is none where it is left out, off or taken away", () => {
    for (const estimator of [undefined, null, false]) assert.isUndefined(said({ estimator, kl: 0 }))
    assert.isUndefined(said({ practice: { of: "lessons" } }))
    assert.isUndefined(said({}))
  })
})
