/**
 * Which settings of stages do nothing beside others.
 */
import type { Schema } from "effect"
import * as Futile from "../../kernels/math/Futile.ts"
import * as Rules from "../../kernels/math/Rules.ts"

const { is, isNot } = Futile

/** Of a GRPO stage. */
export const reinforcing: ReadonlyArray<Futile.Futile> = [
  {
    setting: "clip",
    beside: "loss",
    where: is("sapo"),
    why: "which has no bounds: leave clip out (gate says how soon a ratio counts less), or take another loss"
  },
  {
    setting: "gate",
    beside: "loss",
    where: isNot("sapo"),
    why: "which has bounds instead of a gate: leave gate out (clip has the bounds), or take the loss \"sapo\""
  },
  {
    setting: "lossLength",
    beside: "loss",
    where: isNot("dr_grpo"),
    why: "which divides by no constant length: leave lossLength out, or take the loss \"dr_grpo\""
  },
  {
    setting: "klEstimator",
    beside: "kl",
    where: is(0),
    why: "where nothing is estimated: leave klEstimator out, or set kl above 0"
  }
]

/** Of `sft`. */
export const supervising: ReadonlyArray<Futile.Futile> = [
  {
    setting: "practice.temperature",
    beside: "practice.of",
    where: is("lessons"),
    why: "where nothing is drawn: leave temperature out, or practise on texts of the policy's own"
  }
]

/** Of `filter`. */
export const filtering: ReadonlyArray<Futile.Futile> = ["tau", "least"].map((setting) => ({
  setting,
  beside: "soft",
  where: isNot(undefined, null),
  why: "which drops no lesson: leave one of them out"
}))

/** Of `validate`. */
export const validating: ReadonlyArray<Futile.Futile> = [
  {
    setting: "repetition",
    beside: "format",
    where: is(false),
    why: "of which it is a part: leave one of them out"
  }
]

/** By the stage, as presets and run.json name it. */
export const futileIn: Readonly<Record<string, ReadonlyArray<Futile.Futile>>> = {
  validate: validating,
  reinforce: reinforcing,
  filter: filtering,
  sft: supervising,
  rft: reinforcing
}

const isRecord = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * A record of settings by stage, however deep the stages lie in it, without those that do nothing: whether they are
 * written down makes no difference.
 */
export const effective = (settings: Schema.Json): Schema.Json =>
  isRecord(settings)
    ? Object.fromEntries(
      Object.entries(settings).map(([name, part]) => {
        const inner = effective(part)
        const rows = Object.hasOwn(futileIn, name) ? futileIn[name] ?? [] : []
        return [name, isRecord(inner) ? Futile.all(rows, inner).reduce(Rules.without, inner) : inner]
      })
    )
    : settings
