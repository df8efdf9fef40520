/**
 * A task's own code is not ours: what it throws, and what it gives that is not what a task promises, is said with the
 * task and the sample it was run for, and ends the run as an error.
 */
import { Effect, Result } from "effect"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import * as ControlTokens from "../kernels/text/ControlTokens.ts"
import { show } from "../kernels/text/show.ts"
import * as Reward from "./Reward.ts"
import { type GrammarError, type Prompts, type Sample, shown, type Task, TaskError, type TaskMetric } from "./Task.ts"

/** What a task's code threw, as the run's error. */
const thrown = (task: string, sample: string | undefined, what: string, cause: unknown): TaskError => {
  const about = { task, ...(sample === undefined ? {} : { sample }) }
  return new TaskError(
    cause instanceof TaskError
      ? { ...about, reason: cause.reason }
      : { ...about, reason: `${what} threw ${String(cause)}`, cause }
  )
}

/** Runs a task's code, for a sample where there is one. */
const attempt = <B>(
  task: string,
  sample: string | undefined,
  code: () => B,
  what = "its code"
): Result.Result<B, TaskError> => Result.try({ try: code, catch: (cause) => thrown(task, sample, what, cause) })

/** Runs a task's code for a sample, or for a whole set of them. */
export const run = <B>(
  task: Pick<Task<never>, "name">,
  sample: Pick<Sample<never>, "image"> | undefined,
  code: () => B
): Effect.Effect<B, TaskError> => Effect.suspend(() => Effect.fromResult(attempt(task.name, sample?.image.id, code)))

/**
 * What is to be a text: `String` would make words of anything. With a plain `try`: prompts are written by the thousand
 * a second, and the closures of `Result.try` would cost more than they do.
 */
const text = (
  task: string,
  sample: string | undefined,
  what: string,
  code: () => unknown
): Result.Result<string, TaskError> => {
  try {
    const made = code()
    if (typeof made === "string") return Result.succeed(made)
    const reason = `${what} gave ${shown(made)}, expected a text`
    return Result.fail(new TaskError({ task, ...(sample === undefined ? {} : { sample }), reason }))
  } catch (cause) {
    return Result.fail(thrown(task, sample, what, cause))
  }
}

/** What of a task writes an annotation, reads it and compares what was read. */
type Codec<A> = Pick<Task<A>, "decode" | "encode" | "name" | "similarity">

/**
 * An annotation as the task writes it. One that a tokenizer would read a control token in is refused, as labels are: it
 * would end the turn that it stands in, or be taken for a picture.
 */
export const written = <A>(
  task: Pick<Task<A>, "encode" | "name">,
  { image, truth }: Pick<Sample<A>, "image" | "truth">
): Effect.Effect<string, TaskError> =>
  Effect.suspend(() =>
    Effect.fromResult(Result.flatMap(text(task.name, image.id, "encode", () => task.encode(truth)), (written) => {
      const token = ControlTokens.first(written)
      if (token === undefined) return Result.succeed(written)
      const reason = `encode gave ${shown(written)}, which holds ${show(token)}: a model takes that for a control ` +
        "token, or for a tag of its answer. Write the annotation without it"
      return Result.fail(new TaskError({ task: task.name, sample: image.id, reason }))
    }))
  )

/** Below this, what was read is another annotation: a text that rounds shares to percents stays far above it. */
const alike = 0.9

/**
 * What of decode(encode(x)) is not x; undefined where it is, as far as the text can say it. A text that is written
 * again as it was says all that it can: a box on a coarse grid, shares in percents. Where it comes out otherwise, its
 * similarity to the truth decides, as a rounding may move once more.
 */
const misread = <A>(task: Codec<A>, sample: Sample<A>, written: string): string | undefined => {
  const read = Reward.readAnswer(task, written)
  if (Result.isFailure(read)) return `decode refuses it (${read.failure.reason})`
  if (task.encode(read.success) === written || Reward.similarity(task, sample.truth, read.success, sample) >= alike) {
    return undefined
  }
  return `decode reads ${shown(read.success)} in it`
}

/**
 * A sample's truth as the task writes it, held to the law that the task reads it back: a model that is taught what
 * cannot be read learns it and is never paid for it.
 */
export const encode = <A>(task: Codec<A>, sample: Sample<A>): Effect.Effect<string, TaskError> =>
  Effect.tap(
    written(task, sample),
    (text) =>
      Effect.flatMap(run(task, sample, () => misread(task, sample, text)), (fault) =>
        fault === undefined ? Effect.void : Effect.fail(
          new TaskError({
            task: task.name,
            sample: sample.image.id,
            reason: `encode writes ${shown(sample.truth)} as ${show(text)}, and ${fault}: decode has to read ` +
              "what encode writes"
          })
        ))
  )

/**
 * One of a task's prompts, as its code writes it.
 *
 * @param inside what `reason` and `reconstruct` are about
 * @param sample its image id
 */
export const prompt = (
  { name, prompts }: Pick<Task<never>, "name" | "prompts">,
  form: keyof Prompts,
  inside: string,
  sample?: string
): Result.Result<string, TaskError> =>
  text(
    name,
    sample,
    `prompts.${form}`,
    () => form === "reason" || form === "reconstruct" ? prompts[form](inside) : prompts[form]
  )

/** The grammar of a task's answers, if it has one: its code may throw before there is an effect. */
export const grammar = <A>(
  { grammar: make, name }: Pick<Task<A>, "grammar" | "name">,
  ...asked: Parameters<NonNullable<Task<A>["grammar"]>>
): Effect.Effect<Grammar | undefined, GrammarError | TaskError> =>
  make === undefined ? Effect.succeed(undefined) : Effect.flatMap(
    Effect.suspend(() => Effect.fromResult(attempt(name, undefined, () => make(...asked), "grammar"))),
    (made): Effect.Effect<Grammar, GrammarError | TaskError> =>
      Effect.isEffect(made)
        ? made
        : Effect.fail(new TaskError({ task: name, reason: `grammar gave ${shown(made)}, expected an Effect` }))
  )

/**
 * A metric's figure of one sample.
 *
 * @throws TaskError where it is no finite number, and what the metric throws
 */
export const figure = <A>(
  task: Pick<Task<A>, "name">,
  { name, of }: TaskMetric<A>,
  ...answer: Parameters<TaskMetric<A>["of"]>
): number => finite(task.name, `metric "${name}"`, of(...answer))

/**
 * How many things of a sample a metric's figure is of; none where it does not say.
 *
 * @throws TaskError where that is no count, and what the metric throws
 */
export const items = <A>(
  task: Pick<Task<A>, "name">,
  { items, name }: TaskMetric<A>,
  ...answer: Parameters<TaskMetric<A>["of"]>
): number | undefined => {
  if (items === undefined) return undefined
  const count = items(...answer)
  if (Number.isSafeInteger(count) && count >= 0) return count
  const reason = `items of metric "${name}" gave ${shown(count)}, expected a whole number from 0 on`
  throw new TaskError({ task: task.name, reason })
}

/**
 * A figure that is a number.
 *
 * @throws TaskError where it is none
 */
export const finite = (task: string, what: string, value: number): number => {
  if (!Number.isFinite(value)) {
    throw new TaskError({ task, reason: `${what} gave ${shown(value)}, expected a finite number` })
  }
  return value
}
