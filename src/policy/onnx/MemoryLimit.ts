/**
 * A plan held to a limit: where it is above, which option to change first.
 *
 * @module
 */
import { Effect, Schema } from "effect"
import type { Config } from "../../kernels/models/index.ts"
import { estimate, type Workload } from "./MemoryPlan.ts"
import { defaults } from "./Settings.ts"

/** More memory than there is. */
export class PlanError extends Schema.TaggedError<PlanError>()("PlanError", {
  /** Bytes that the run would hold. */
  needed: Schema.Number,
  /** Most bytes that it may hold. */
  limit: Schema.Number,
  /** What takes most of it. */
  largest: Schema.String,
  /** The option to change, and what it comes to then. */
  advice: Schema.String
}) {
  override get message() {
    return `this run would hold ${gibibytes(this.needed)}, the limit is ${
      gibibytes(this.limit)
    }; most of it for ${this.largest}. ${this.advice}`
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1)} GiB`

/** What to turn, in the order in which it costs least, and how. */
const knobs = (
  config: Config.Config,
  workload: Workload
): ReadonlyArray<readonly [advice: string, workload: Workload]> => {
  const {
    lora,
    microTokens = defaults.microTokens,
    quantize,
    recompute = false,
    rolloutRows = defaults.rolloutRows,
    trainable,
    workers
  } = workload
  const frozen = lora !== undefined || trainable === "none"
  const thrifty = { ...workload, recompute: true }
  const halves = (from: number, least: number): ReadonlyArray<number> =>
    from / 2 < least ? [] : [from / 2, ...halves(from / 2, least)]
  const rank = { rank: 16 }
  return [
    ...(recompute ? [] : [["recompute: true", thrifty] as const]),
    ...halves(microTokens, Math.min(microTokens / 2, workload.promptTokens)).map((tokens) =>
      [`recompute: true and microTokens: ${tokens}`, { ...thrifty, microTokens: tokens }] as const
    ),
    ...halves(rolloutRows, 1).map((rows) => [`rolloutRows: ${rows}`, { ...workload, rolloutRows: rows }] as const),
    ...(workers > 1 ? [["workers: 1 with recompute: true", { ...thrifty, workers: 1 }] as const] : []),
    ...(frozen && quantize === undefined ?
      [
        [`quantize: "int8"`, { ...workload, quantize: "int8" }] as const,
        [`quantize: "int4" with recompute: true and workers: 1`, { ...thrifty, quantize: "int4", workers: 1 }] as const
      ] :
      []),
    ...(!frozen ?
      [
        ["lora: { rank: 16 }", { ...workload, lora: rank }] as const,
        ["lora: { rank: 16 } with recompute: true and workers: 1", { ...thrifty, lora: rank, workers: 1 }] as const,
        [`lora: { rank: 16 } and quantize: "int4" with recompute: true and workers: 1`, {
          ...thrifty,
          lora: rank,
          quantize: "int4",
          workers: 1
        }] as const
      ] :
      []),
    ["everything at its least", {
      ...thrifty,
      workers: 1,
      ...(trainable === "none" ? {} : { lora: lora ?? rank }),
      quantize: "int4",
      microTokens: Math.min(microTokens, workload.promptTokens),
      rolloutRows: 1,
      packFrom: [Infinity, 0]
    }] as const
  ]
}

/**
 * The plan, when it stays under the limit (bytes); otherwise the error says by how much it does not, and which option
 * to change first: the cheapest that makes it fit.
 */
export const within = Effect.fn("MemoryLimit.within")(
  function*(config: Config.Config, workload: Workload, limit: number) {
    const plan = yield* estimate(config, workload)
    if (plan.total <= limit) return plan
    const { total, ...parts } = plan
    const [largest] = Object.entries(parts).reduce((most, part) => part[1] > most[1] ? part : most)
    let least = Infinity
    for (const [knob, changed] of knobs(config, workload)) {
      const { total: then } = yield* estimate(config, changed)
      least = Math.min(least, then)
      if (then > limit || knob === "everything at its least") continue
      return yield* new PlanError({
        needed: total,
        limit,
        largest,
        advice: `Set ${knob}: then it is ${gibibytes(then)}`
      })
    }
    return yield* new PlanError({
      needed: total,
      limit,
      largest,
      advice:
        `The least it can do with is ${
          gibibytes(least)
        } (an adapter, int4, one worker, recompute, small microTokens and rolloutRows): ` +
        "take a smaller model, shorter prompts or smaller images"
    })
  }
)
