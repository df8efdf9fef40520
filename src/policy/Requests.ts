/** What an engine may be asked to do: looked at before anything is computed. */
import { Effect } from "effect"
import * as Finite from "../kernels/math/Finite.ts"
import * as Futile from "../kernels/math/Futile.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { groupLosses, klEstimators, type Objective, PolicyError } from "./Policy.ts"

const { above, atLeast, finite, learningRate, oneOf, orNone, required, share, temperature, whole, yesOrNo } = Rules

/** Candidates of one prompt: each is a row that a worker holds in memory. */
export const candidates = (least: number): Rules.Rule => whole(least, 2 ** 16)

/** Of `SampleOptions` for a server, whose own limits hold. */
export const remoteSampling: Rules.Table = {
  count: required(whole(1)),
  maxTokens: required(whole(1)),
  temperature: atLeast(0),
  topP: share("(0, 1]")
}

/** Of `SampleOptions`. */
export const sampling: Rules.Table = {
  ...remoteSampling,
  count: required(candidates(1)),
  temperature: temperature(true)
}

/** Of texts that are scored or learned from. */
export const scoring: Rules.Table = { temperature: temperature(false) }

/** A schedule may end at 0. */
const rateOrNone: Rules.Rule = {
  expected: "a number from 0 and below 10",
  holds: (value) => value === 0 || learningRate.holds(value)
}

/** Of `UpdateOptions`. */
export const update: Rules.Table = {
  learningRate: required(rateOrNone),
  weightDecay: atLeast(0),
  clipNorm: orNone(above(0))
}

/** Of a part of a supervised example. */
const weighing: Rules.Table = { weight: required(atLeast(0)) }

/** Of a group-relative `Objective`. */
const groupRelative: Rules.Table = {
  loss: required(oneOf(...groupLosses)),
  clip: required({ expected: "{ low, high }", holds: (value) => typeof value === "object" && value !== null }),
  "clip.low": required(share("[0, 1]")),
  "clip.high": required(atLeast(0)),
  "gate.positive": required(above(0)),
  "gate.negative": required(above(0)),
  kl: required(atLeast(0)),
  klEstimator: oneOf(...klEstimators),
  entropy: atLeast(0),
  maskTruncated: yesOrNo,
  innerUpdates: required(whole(1, 1024)),
  maxTokens: required(whole(1, 2 ** 24))
}

const refuse = (operation: PolicyError["operation"], reason: string) =>
  Effect.fail(new PolicyError({ operation, reason }))

/** Fails on the first setting that breaks its rule. `where`: what the settings are of, as a prefix. */
export const check = (
  operation: PolicyError["operation"],
  table: Rules.Table,
  settings: object,
  where = ""
): Effect.Effect<void, PolicyError> => {
  const broken = Rules.broken(table, settings)
  return broken === undefined ? Effect.void : refuse(operation, where + Rules.say(broken))
}

/** The same, and on a setting that there is none of, or that does nothing beside another. */
export const checkAll = (
  operation: PolicyError["operation"],
  table: Rules.Table,
  settings: object,
  rows: ReadonlyArray<Futile.Futile> = []
): Effect.Effect<void, PolicyError> => {
  const wrong = Rules.misspelt(table, settings) ?? Rules.broken(table, settings) ?? Futile.first(rows, settings)
  return wrong === undefined ? Effect.void : refuse(operation, Rules.say(wrong))
}

/** Fails on a token that is none of the model's: a graph would take −1 for its last one. */
export const checkTokens = (
  operation: PolicyError["operation"],
  vocabulary: number,
  tokens: Int32Array,
  where: string
): Effect.Effect<void, PolicyError> => {
  const odd = tokens.findIndex((token) => token < 0 || token >= vocabulary)
  return odd < 0
    ? Effect.void
    : refuse(operation, `${where}token ${odd} is ${tokens[odd]}, expected an id from 0 to ${vocabulary - 1}`)
}

/** Fails on an objective with a number that is none, before anything is computed from it. */
export const checkObjective = Effect.fnUntraced(function*(objective: Objective, vocabulary: number) {
  const { format } = objective
  if (format !== undefined) yield* check("update", weighing, format, "format: ")
  for (const [i, { tokens }] of (format?.texts ?? []).entries()) {
    yield* checkTokens("update", vocabulary, tokens, `format text ${i}: `)
  }
  if (objective._tag === "Supervised") {
    for (const [i, { auxiliary = [], target }] of objective.examples.entries()) {
      for (const part of [...target, ...auxiliary]) yield* check("update", weighing, part, `example ${i}: `)
    }
    return
  }
  yield* check("update", groupRelative, objective)
  for (const [i, rollout] of objective.rollouts.entries()) {
    const { logprobs, tokens } = rollout.completion
    const where = `rollout ${i}: `
    yield* check("update", { advantage: required(finite), ...scoring }, rollout, where)
    yield* checkTokens("update", vocabulary, tokens, where)
    if (logprobs.length !== tokens.length) {
      return yield* refuse("update", `${where}${logprobs.length} log-probabilities for ${tokens.length} tokens`)
    }
    const { importance } = rollout
    if (importance !== undefined && importance.length !== tokens.length) {
      return yield* refuse("update", `${where}${importance.length} importance weights for ${tokens.length} tokens`)
    }
    const weight = importance?.find((weight) => !(weight >= 0 && weight < Infinity))
    if (weight !== undefined) {
      return yield* refuse("update", `${where}an importance weight is ${weight}, expected a number from 0`)
    }
    const odd = Finite.firstBeyond(logprobs)
    if (odd >= 0) {
      return yield* refuse("update", `${where}log-probability ${odd} is ${logprobs[odd]}, expected a number`)
    }
  }
})
