/**
 * Sampling in explicit batches: which prompts share a call is decided by their order alone, never by timing.
 */
import { Context, Effect } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import {
  type Completion,
  Policy,
  PolicyError,
  type SampleOptions,
  type SampleRequest,
  type Session,
  type Tokenizer
} from "../../policy/Policy.ts"
import { GrammarError, type Task } from "../Task.ts"

/** How many prompts go into one call of the policy, and how many calls may be under way. */
export const Batching = Context.Reference<{ readonly prompts: number; readonly calls: number }>("rise/Batching", {
  defaultValue: () => ({ prompts: 128, calls: 1 })
})

/** What it may be: batches of NaN prompts would be none at all. */
export const batchingRules: Rules.Table = {
  prompts: Rules.required(Rules.whole(1)),
  calls: Rules.required(Rules.whole(1))
}

/** How a text is drawn. */
export interface SamplingOptions {
  /** Softmax temperature; 0 is greedy. Default 1, the paper's. */
  readonly temperature?: number
  /** Longest text, in tokens. Default 160 for a reasoning, 64 for an annotation, 224 for a think-answer. */
  readonly maxTokens?: number
}

/** `"mask"`: tokens that break the task's answer format cannot be drawn, and log-probabilities are scored that way. */
export type GrammarMode = "mask" | "off"

/** The tokens that a grammar is made of. */
const tokenizerOf = (task: string): Effect.Effect<Tokenizer, GrammarError, Policy> =>
  Effect.flatMap(
    Policy,
    ({ tokenizer }) =>
      Effect.mapError(Effect.fromOption(tokenizer), () =>
        new GrammarError({
          task,
          reason: "the policy is remote and shows no tokens: leave grammar \"off\", and practice and format out"
        }))
  )

/** One mask per tokenizer. */
const narratives = new WeakMap<object, Grammar>()

/**
 * The mask of a chain, if it is asked for: any text without control tokens and tags, and not none. Whether it is a
 * narrative is for `validate` to say.
 */
export const reasoningGrammar = (
  task: string,
  mode: GrammarMode | undefined
): Effect.Effect<Grammar | undefined, GrammarError, Policy> =>
  Effect.gen(function*() {
    if (mode !== "mask") return undefined
    const tokenizer = yield* tokenizerOf(task)
    const { encode, endOfTurn, specials, vocabularySize: vocabulary } = tokenizer
    const known = narratives.get(tokenizer)
    if (known !== undefined) return known
    // A tag of several tokens is kept out by its first.
    const control = new Set([
      ...specials,
      endOfTurn,
      ...["<think>", "</think>", "<answer>", "</answer>"].map((tag) => encode(tag)[0] ?? endOfTurn)
    ])
    const [empty, begun, ended] = [0, 1, 2]
    const states = 3
    const allowed = new Uint8Array(states * vocabulary)
    const next = new Int32Array(states * vocabulary)
    for (const state of [empty, begun]) {
      for (let token = 0; token < vocabulary; token++) {
        if (control.has(token)) continue
        allowed[state * vocabulary + token] = 1
        next[state * vocabulary + token] = begun
      }
    }
    for (const state of [begun, ended]) {
      allowed[state * vocabulary + endOfTurn] = 1
      next[state * vocabulary + endOfTurn] = ended
    }
    const made = {
      id: `narrative/${vocabulary}/${endOfTurn}/${[...control].sort((a, b) => a - b).join(",")}`,
      states,
      vocabulary,
      allowed,
      next
    }
    narratives.set(tokenizer, made)
    return made
  })

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
  const refusals = groups.flatMap((group) => group.filter(({ refused }) => refused !== undefined).slice(0, 1))
  const [first] = refusals
  if (first === undefined) return
  if (refusals.length === groups.length && groups.length >= patience) {
    return yield* hopeless(`all ${groups.length} requests of this step were`, first)
  }
  yield* warn(`${refusals.length} of ${groups.length} requests were refused; the first: ${first.fault}`)
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

/** The task's grammar, if it has one and it is asked for. */
export const grammarOf = <A>(
  task: Task<A>,
  mode: GrammarMode | undefined,
  form: "answer" | "think"
): Effect.Effect<Grammar | undefined, GrammarError, Policy> =>
  Effect.gen(function*() {
    if (mode !== "mask" || task.grammar === undefined) return undefined
    const { encode, endOfTurn, specials, vocabularySize: size } = yield* tokenizerOf(task.name)
    return yield* task.grammar({ encode, size, endOfTurn, specials }, form)
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
