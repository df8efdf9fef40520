/**
 * Sampling in explicit batches: which prompts share a call is decided by their order alone, never by timing.
 */
import { Context, Effect } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import {
  type Completion,
  PolicyError,
  type SampleOptions,
  type SampleRequest,
  type Session
} from "../../policy/Policy.ts"

/** How many prompts go into one call of the policy, and how many calls may be under way. */
export const Batching = Context.Reference<{ readonly prompts: number; readonly calls: number }>("rise/Batching", {
  defaultValue: () => ({ prompts: 128, calls: 1 })
})

/** What it may be: batches of NaN prompts would be none at all. */
export const batchingRules: Rules.Table = {
  prompts: Rules.required(Rules.whole(1, 2 ** 20)),
  calls: Rules.required(Rules.whole(1, 4096))
}

/** How a text is drawn. */
export interface SamplingOptions {
  /** Softmax temperature; 0 is greedy. Default 1, the paper's. */
  readonly temperature?: number
  /** Longest text, in tokens. Default 160 for a reasoning, 64 for an annotation, 224 for a think-answer. */
  readonly maxTokens?: number
}

const slices = <T>(items: ReadonlyArray<T>, size: number): Array<ReadonlyArray<T>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** Refused requests, with none answered, that are taken for more than a fault of their pictures. */
export const patience = 10

/** Nothing but refusals. */
export const hopeless = (which: string, { refused }: Completion): PolicyError =>
  new PolicyError({
    operation: "sample",
    reason: `${which} refused and none was answered, so it may be more than these pictures: ${refused?.reason}; ` +
      "mend what it names and ask again, or, if these pictures are to be refused, let others come before them",
    cause: refused
  })

/** Refusals cost a stage their samples, not the run, unless there is nothing else. */
const noticed = Effect.fnUntraced(function*(groups: ReadonlyArray<ReadonlyArray<Completion>>) {
  let first: Completion | undefined
  let refusals = 0
  for (const group of groups) {
    const refusal = group.find(({ refused }) => refused !== undefined)
    if (refusal === undefined) continue
    first ??= refusal
    refusals++
  }
  if (first === undefined) return
  if (refusals === groups.length && groups.length >= patience) {
    return yield* hopeless(`all ${groups.length} requests of this step were`, first)
  }
  yield* warn(`${refusals} of ${groups.length} requests were refused; the first: ${first.fault}`)
})

/** Holds an engine to its contract: `count` completions for every request. Fewer would be paired with other samples. */
export const complete = (
  requests: ReadonlyArray<SampleRequest>,
  count: number,
  groups: ReadonlyArray<ReadonlyArray<Completion>>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Completion>>, PolicyError> => {
  const short = groups.find((group) => group.length !== count)
  return groups.length === requests.length && short === undefined ? Effect.succeed(groups) : Effect.fail(
    new PolicyError({
      operation: "sample",
      reason: `the policy gave ${
        groups.length === requests.length ? `${short?.length} completions` : `${groups.length} groups`
      } where ${requests.length} requests of ${count} were made: its \`sample\` must answer each, in order`
    })
  )
}

/** `count` completions for every request, in order. */
export const sampleAll = (
  session: Session,
  requests: ReadonlyArray<SampleRequest>,
  options: SampleOptions
): Effect.Effect<ReadonlyArray<ReadonlyArray<Completion>>, PolicyError> =>
  Effect.gen(function*() {
    const batching = yield* Batching
    const { calls, prompts } = batching
    const broken = Rules.broken(batchingRules, batching)
    if (broken !== undefined) {
      return yield* new PolicyError({ operation: "sample", reason: `Batching: ${Rules.say(broken)}` })
    }
    const batches = yield* Effect.forEach(slices(requests, prompts), (slice) => session.sample(slice, options), {
      concurrency: calls
    })
    const groups = yield* complete(requests, options.count, batches.flat())
    yield* noticed(groups)
    return groups
  })

/** Ids that occur again in a batch get a number: two draws of one sample must not be the same draw. */
export const distinctIds = (ids: ReadonlyArray<string>): ReadonlyArray<string> => {
  const seen = new Map<string, number>()
  return ids.map((id) => {
    const before = seen.get(id) ?? 0
    seen.set(id, before + 1)
    return before === 0 ? id : `${id}#${before + 1}`
  })
}
