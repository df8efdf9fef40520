/**
 * A batch of answers before the judge: asked with bounded concurrency, remembered by content, failures counted.
 */
import { Effect, Option } from "effect"
import { createHash } from "node:crypto"
import * as Rules from "../kernels/math/Rules.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { show } from "../kernels/text/show.ts"
import { JudgeError } from "./JudgeError.ts"
import * as PlugIn from "./PlugIn.ts"
import type { Scored } from "./Reward.ts"
import { formatReason, type Task, TaskError, type Turn } from "./Task.ts"

const rules: Rules.Table = {
  concurrency: Rules.whole(1, 4096),
  patience: Rules.whole(1),
  remembered: Rules.whole(0)
}

/** What is judged: an answer as it was paid by S, and what it was given to. */
export interface Candidate<out A> {
  readonly turn: Turn<A>
  readonly scored: Scored<A>
}

/** What is known of a task's judge in this process. */
interface Memory {
  readonly found: Map<string, number>
  /** Failures in a row, and the first of them. */
  failed: number
  first: { readonly sample: string; readonly error: unknown } | undefined
}

const memories = new WeakMap<NonNullable<Task<never>["judge"]>, Memory>()

const memoryOf = (judge: NonNullable<Task<never>["judge"]>): Memory => {
  const known = memories.get(judge) ?? { found: new Map(), failed: 0, first: undefined }
  memories.set(judge, known)
  return known
}

const said = (error: unknown): string =>
  error instanceof Error ? error.message : typeof error === "string" ? error : show(error)

/** What was judged, by content: the same answer to the same picture for the same reason is judged once. */
const keyOf = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  { image, question, reasoning, truth }: Turn<A>,
  predicted: A
) {
  const [wanted, given] = [
    yield* PlugIn.written(task, { image, truth }),
    yield* PlugIn.written(task, { image, truth: predicted })
  ]
  return createHash("sha256")
    .update(JSON.stringify([image.id, question ?? null, wanted, given, reasoning ?? null]))
    .digest("base64")
})

/** A judgment that is wanted, and the candidates that wait for it. */
interface Wanted<A> {
  readonly key: string
  readonly turn: Turn<A>
  readonly predicted: A
}

const refuse = (task: { readonly name: string }, reason: string, sample?: string) =>
  new TaskError({ task: task.name, reason, ...(sample !== undefined && { sample }) })

/**
 * Rewards with the judge's part in them: S · J for every candidate that S pays, and 0 with the verdict "judge" where
 * the judgment failed. Without a judge the candidates are as they were. Nothing that earns nothing is judged.
 */
export const pay = Effect.fnUntraced(function*<A>(task: Task<A>, candidates: ReadonlyArray<Candidate<A>>) {
  const { judge, judging = {} } = task
  if (judge === undefined) return candidates.map(({ scored }) => scored)
  const broken = Rules.misspelt(rules, judging) ?? Rules.broken(rules, judging)
  if (broken !== undefined) return yield* refuse(task, `judging: ${Rules.say(broken)}`)
  const { concurrency = 4, patience = 10, remembered = 10_000 } = judging
  const memory = memoryOf(judge)

  const wanted = yield* Effect.forEach(
    candidates,
    ({ scored: { annotation, reward, verdict }, turn }): Effect.Effect<Wanted<A> | undefined, TaskError> =>
      verdict === "ok" && reward > 0 && Option.isSome(annotation)
        ? Effect.map(
          keyOf(task, turn, annotation.value),
          (key) => ({ key, turn, predicted: annotation.value })
        )
        : Effect.succeed(undefined)
  )
  const values = new Map<string, number>()
  for (const one of wanted) {
    const known = one === undefined ? undefined : memory.found.get(one.key)
    if (one !== undefined && known !== undefined) values.set(one.key, known)
  }
  const missing = new Map(wanted.flatMap((one) => one === undefined || values.has(one.key) ? [] : [[one.key, one]]))

  /** What failed, by what was judged. */
  const faults = new Map<string, unknown>()
  const ask = ({ key, predicted, turn }: Wanted<A>) =>
    Effect.suspend(() => judge(turn.truth, predicted, turn)).pipe(
      Effect.result,
      Effect.catchDefect((cause) =>
        Effect.fail(
          new TaskError({ task: task.name, sample: turn.image.id, reason: `its judge threw ${String(cause)}`, cause })
        )
      ),
      Effect.flatMap((result) =>
        Effect.suspend((): Effect.Effect<void, TaskError | JudgeError> => {
          if (result._tag === "Success") {
            const value = result.success
            if (!(value >= -1e-9 && value <= 1 + 1e-9)) {
              const reason = `judge returned ${value} for "${task.encode(predicted)}", expected [0, 1]`
              return Effect.fail(refuse(task, reason, turn.image.id))
            }
            memory.failed = 0
            values.set(key, Math.min(1, Math.max(0, value)))
            return Effect.void
          }
          faults.set(key, result.failure)
          if (memory.failed++ === 0) memory.first = { sample: turn.image.id, error: result.failure }
          if (memory.failed < patience) return Effect.void
          const { error, sample } = memory.first ?? { sample: turn.image.id, error: result.failure }
          const failures = memory.failed
          memory.failed = 0
          return Effect.fail(
            new JudgeError({ task: task.name, sample, failures, reason: said(error), cause: error })
          )
        })
      )
    )
  yield* Effect.forEach(missing.values(), ask, { concurrency, discard: true })

  for (const [key, value] of values) memory.found.set(key, value)
  for (const key of memory.found.keys()) {
    if (memory.found.size <= remembered) break
    memory.found.delete(key)
  }
  const [first] = faults.values()
  if (faults.size > 0) {
    yield* warn(
      `judge of task "${task.name}": ${faults.size} of ${missing.size} judgments failed, their candidates earn ` +
        `nothing; the first: ${said(first)}`
    )
  }
  return candidates.map(({ scored }, i): Scored<A> => {
    const key = wanted[i]?.key
    const value = key === undefined ? undefined : values.get(key)
    if (key === undefined) return scored
    return value === undefined
      ? {
        ...scored,
        reward: 0,
        verdict: "judge",
        detail: Option.some(formatReason("judge-failed", said(faults.get(key))))
      }
      : { ...scored, reward: scored.reward * value }
  })
})
