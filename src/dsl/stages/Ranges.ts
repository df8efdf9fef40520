/**
 * What the settings of stages may be: a number that cannot mean anything is refused before any work.
 */
import { Predicate, Stream } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { groupLosses, klEstimators } from "../../policy/Policy.ts"
import { scales } from "../Advantage.ts"

const { between, oneOf, orNone, required, share, whole } = Rules

/**
 * More than anyone means: a number beyond is a slip, and would run for ever, hold nothing else in memory or drown what
 * it is added to.
 */
export const most = { steps: 1e7, batch: 2 ** 16, tokens: 2 ** 20, weight: 1e4 } as const

/** A limit of new tokens. */
export const length: Rules.Rule = whole(1, most.tokens)

/** Prompts, lessons or examples of a step. */
export const batch: Rules.Rule = whole(1, most.batch)

/** Of one part of a loss beside others. */
export const lossWeight: Rules.Rule = between(0, most.weight)

/** What the settings of any training stage may be. */
export const optimising: Rules.Table = {
  steps: whole(0, most.steps),
  learningRate: Rules.learningRate,
  warmup: whole(0, most.steps),
  decay: oneOf("cosine", "linear", "constant"),
  weightDecay: between(0, 10),
  clipNorm: orNone(Rules.atLeast(1e-6)),
  "select.every": required(whole(1)),
  "select.samples": whole(1),
  "select.patience": whole(1),
  "select.ties": oneOf("first", "last", "start"),
  "augment.flip": Rules.yesOrNo,
  "augment.shift": between(0, 0.5),
  "augment.brightness": between(0, 0.9)
}

/** What the settings of a GRPO stage may be. */
export const reinforcing: Rules.Table = {
  ...optimising,
  promptsPerStep: batch,
  loss: oneOf(...groupLosses),
  "clip.low": share("[0, 1]"),
  "clip.high": Rules.atLeast(0),
  "gate.positive": Rules.above(0),
  "gate.negative": Rules.above(0),
  scaleRewards: oneOf(...scales),
  kl: between(0, 100),
  klEstimator: oneOf(...klEstimators),
  entropy: between(0, 100),
  maskTruncated: Rules.yesOrNo,
  format: lossWeight,
  blame: oneOf("text", "token"),
  innerUpdates: whole(1, 1024),
  lossLength: length,
  deadSteps: orNone(whole(1))
}

/** What a way of drawing texts may be. */
export const drawing: Rules.Table = { temperature: Rules.temperature(true), maxTokens: length }

/** What `filter`'s options may be. */
export const filtering: Rules.Table = {
  tau: share("[0, 1]"),
  least: share("[0, 1]"),
  // 0 would weigh all alike, which `sft` straight on D_RISE does.
  soft: {
    expected: "a number above 0, at most 100",
    holds: (value) => Rules.above(0).holds(value) && between(0, 100).holds(value)
  }
}

/** What `validate`'s options may be. */
export const validating: Rules.Table = {
  leak: Rules.yesOrNo,
  format: Rules.yesOrNo,
  repetition: Rules.yesOrNo
}

/** What `make` begins with. */
export const beginning: Rules.Table = {
  task: required({
    expected: "a task, of Task.make, Classification.make or Detection.make: Rise.make(task, data)",
    holds: (value) => Predicate.hasProperty(value, "annotation") && Predicate.hasProperty(value, "prompts")
  }),
  data: required({
    expected: "a stream of samples: that of a source, or Stream.fromIterable(samples)",
    holds: Stream.isStream
  })
}

/** What `make`'s options may be. */
export const making: Rules.Table = { validation: share("[0, 1)") }

/** What `run`'s options may be. */
export const running: Rules.Table = {
  out: required(Rules.text("the name of a folder: Rise.run({ out: \"runs/mine\" })")),
  seed: whole(),
  resume: Rules.yesOrNo,
  after: Rules.text("the folder of the run whose weights the policy holds"),
  "checkpoint.every.steps": whole(0),
  "checkpoint.every.minutes": Rules.atLeast(0),
  "checkpoint.keep": whole(1),
  "checkpoint.share": share("(0, 1]"),
  tried: Rules.yesOrNo,
  config: Rules.record("a record of JSON")
}

/** Whether texts are held to the grammar. */
export const grammarMode = oneOf("mask", "off")
