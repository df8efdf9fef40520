/**
 * A policy that draws on one engine and learns on another: vLLM writes, the trainer scores what it wrote and learns
 * from it. What the two disagree on, and what is a few updates old, is made good by truncated importance weights
 * (`Importance`); what is older is left out.
 *
 * @module
 */
import { Context, Effect, type FileSystem, Layer, type Path } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import {
  type Completion,
  type CorrectionStats,
  Objective,
  Policy,
  PolicyError,
  type Rollout,
  type UpdateStats
} from "../Policy.ts"
import * as Requests from "../Requests.ts"
import * as Importance from "./Importance.ts"
import * as Push from "./Push.ts"
import * as Settings from "./Settings.ts"

export type { Options, Pushing } from "./Settings.ts"

type GroupRelative = Extract<Objective, { readonly _tag: "GroupRelative" }>

/** Below it a token is one that the trainer's grammar forbids: no weight makes that good. */
const IMPOSSIBLE_NATS = -1e4

const refuse = (operation: PolicyError["operation"], reason: string) =>
  Effect.fail(new PolicyError({ operation, reason }))

const make = Effect.fnUntraced(function*<E, E2>(options: Settings.Options<E, E2>) {
  yield* Requests.checkAll("load", Settings.rules, options)
  const { adapters, staleness = Settings.defaults.staleness, truncation = Settings.defaults.truncation } = options
  const every = adapters?.every ?? Settings.defaults.every
  if (every > staleness + 1) {
    return yield* refuse(
      "load",
      `adapters.every is ${every}, expected at most ${staleness + 1} (staleness + 1): rollouts would be left out`
    )
  }
  const trainerContext = yield* Layer.build(options.trainer)
  const samplerContext = yield* Layer.build(options.sampler)
  const trainer = Context.get(trainerContext, Policy)
  const sampler = Context.get(samplerContext, Policy)
  const push = adapters && (yield* Push.make(adapters, { sampler: samplerContext, trainer: trainerContext }))

  /** Counts updates; what comes from elsewhere is too old for all that was drawn before. */
  let weights = 0
  /** What the sampler draws from: both begin with the same model. */
  let pushed = 0
  let open = 0
  const drawnFrom = new WeakMap<Completion, number>()
  const replaced = () => {
    weights += staleness + 1
  }

  const session = Effect.gen(function*() {
    if (push !== undefined && open === 0 && weights - pushed >= every) {
      yield* push()
      pushed = weights
    }
    const far = yield* sampler.session
    const near = yield* trainer.session
    yield* Effect.acquireRelease(
      Effect.sync(() => void open++),
      () => Effect.sync(() => void open--)
    )
    const from = pushed
    return {
      ...far,
      version: near.version,
      sample: (requests, sampling) =>
        Effect.tap(far.sample(requests, sampling), (drawn) =>
          Effect.sync(() => {
            for (const completion of drawn.flat()) drawnFrom.set(completion, from)
          })),
      logprobs: near.logprobs
    } satisfies Effect.Success<Policy["Service"]["session"]>
  })

  const ageOf = ({ completion }: Rollout): number => weights - (drawnFrom.get(completion) ?? NaN)

  const check = Effect.fnUntraced(function*(rollouts: ReadonlyArray<Rollout>) {
    for (const [i, rollout] of rollouts.entries()) {
      if (rollout.scored === true) continue
      const { logprobs, tokens } = rollout.completion
      if (Number.isNaN(ageOf(rollout))) {
        return yield* refuse("update", `rollout ${i} was not drawn in a session of this policy: its age is not known`)
      }
      if (logprobs.length !== tokens.length || tokens.some((token) => token < 0)) {
        return yield* refuse(
          "update",
          `the sampler does not tell token ids with a log-probability each (rollout ${i}): with a vLLM, ` +
            "Policy.openai({ grammars: true }) or extra: { return_token_ids: true }"
        )
      }
    }
  })

  /** Rollouts as the trainer learns from them: with its own log-probabilities, and weights for the difference. */
  const corrected = Effect.fnUntraced(function*(all: ReadonlyArray<Rollout>) {
    const scored = all.filter((rollout) => rollout.scored === true)
    const rollouts = all.filter((rollout) => rollout.scored !== true)
    const fresh = rollouts.filter((rollout) => ageOf(rollout) <= staleness)
    const old = fresh.length === 0 ?
      [] :
      yield* Effect.scoped(
        Effect.flatMap(
          trainer.session,
          ({ logprobs }) =>
            logprobs(fresh.map(({ completion: { tokens }, grammar, maxTokens, prompt, temperature = 1 }) => (
              { prompt, tokens, grammar, maxTokens, temperature }
            )))
        )
      )
    const kept = fresh.flatMap((rollout, i) => {
      const logprobs = old[i] ?? new Float32Array(0)
      if (logprobs.some((logprob) => !(logprob > IMPOSSIBLE_NATS))) return []
      const { gap, truncated, weights } = Importance.of(logprobs, rollout.completion.logprobs, truncation)
      return [{
        gap,
        truncated,
        weights,
        rollout: {
          ...rollout,
          importance: weights.map((weight, k) => weight * (rollout.importance?.[k] ?? 1)),
          completion: { ...rollout.completion, logprobs }
        }
      }]
    })
    const tokens = kept.reduce((n, { weights }) => n + weights.length, 0)
    const mean = (of: (one: typeof kept[number]) => number) =>
      kept.reduce((n, one) => n + of(one), 0) / Math.max(1, tokens)
    const correction: CorrectionStats = {
      dropped: rollouts.length - kept.length,
      importance: mean(({ weights }) => weights.reduce((a, b) => a + b, 0)),
      truncated: mean(({ truncated }) => truncated),
      gap: mean(({ gap }) => gap)
    }
    return { rollouts: [...kept.map(({ rollout }) => rollout), ...scored], correction }
  })

  const learn = Effect.fnUntraced(function*(objective: GroupRelative, update: Parameters<typeof trainer.update>[1]) {
    yield* check(objective.rollouts)
    const { correction, rollouts } = yield* corrected(objective.rollouts)
    if (correction.dropped > 0 && rollouts.length === 0) {
      const ages = objective.rollouts.map(ageOf)
      if (push === undefined && Math.min(...ages) > staleness) {
        return yield* refuse(
          "update",
          `all ${ages.length} rollouts are ${
            Math.min(...ages)
          } updates old, more than staleness, ${staleness}, and the ` +
            "sampler is told of none: give adapters: { directory } that its servers can read, or a greater staleness"
        )
      }
      yield* warn(
        `all ${correction.dropped} rollouts of an update are left out: too old, or impossible for the trainer`
      )
      if (objective.format === undefined) {
        const { version } = yield* Effect.scoped(trainer.session)
        const nothing: UpdateStats = { version, loss: 0, gradNorm: 0, kl: 0, clipFraction: 0, tokens: 0, correction }
        return nothing
      }
    }
    const stats = yield* trainer.update(Objective.GroupRelative({ ...objective, rollouts }), update)
    weights++
    return { ...stats, correction }
  })

  return Policy.of({
    session,
    update: (objective, update) =>
      objective._tag === "GroupRelative" ? learn(objective, update) : Effect.tap(
        trainer.update(objective, update),
        () => Effect.sync(() => weights++)
      ),
    beginStage: trainer.beginStage,
    endStage: trainer.endStage,
    snapshot: trainer.snapshot,
    revert: (snapshot) => Effect.tap(trainer.revert(snapshot), () => Effect.sync(replaced)),
    saveSnapshot: trainer.saveSnapshot,
    loadSnapshot: trainer.loadSnapshot,
    checkpoint: trainer.checkpoint,
    restore: (directory) => Effect.tap(trainer.restore(directory), () => Effect.sync(replaced)),
    save: trainer.save,
    identity: { engine: "split", sampler: sampler.identity, trainer: trainer.identity, staleness, truncation },
    ...(trainer.unable && { unable: trainer.unable }),
    tokenizer: trainer.tokenizer
  })
})

/** Builds both policies; they end with the layer. */
export const layer = <E, E2>(
  options: Settings.Options<E, E2>
): Layer.Layer<Policy, E | E2 | PolicyError, FileSystem.FileSystem | Path.Path> => Layer.effect(Policy, make(options))
