/**
 * Whether answers to the validation split say more than a guess: what a stage that does not learn gives away while it
 * still runs.
 */
import { Effect, Option } from "effect"
import { mean } from "../../kernels/math/Spread.ts"
import * as Means from "../Means.ts"
import * as PlugIn from "../PlugIn.ts"
import type { Task, TaskError, TaskMetric } from "../Task.ts"

/** An answer to a sample of the split. */
export interface Answered<A> {
  readonly truth: A
  readonly annotation: Option.Option<A>
  /** What the task's first metric says of it. */
  readonly value: number
}

/** Fewer pictures tell luck from skill too seldom. */
const fewest = 8

/** Annotations that are tried as the guess: each is measured on every picture. */
const tried = 32

/** What to do, as a clause, where the stage has not learned its lessons by heart. */
export const nextSteps = Effect.map(
  Means.told({ settings: "steps, learningRate", flags: "--steps-…, --lr-…", preset: "another --preset" }),
  (settings) =>
    `give the stage more steps or another rate (${settings}; docs/when-it-does-not-learn.md of the package rise-vlm ` +
    "says where to look)"
)

/** The answer that all of them are, where the truths are several. */
const same = <A>(written: ReadonlyArray<string>, task: Pick<Task<A>, "encode">, truths: ReadonlyArray<A>) => {
  const [first] = written
  const isOne = first !== undefined && written.every((text) => text === first)
  return isOne && new Set(truths.map(task.encode)).size > 1 ? first : undefined
}

/**
 * Says that all answers are one and the same, or no better than the best of the split's own annotations given to every
 * picture; undefined where they are better, or too few.
 */
export const told = <A>(
  task: Task<A>,
  metric: TaskMetric<A>,
  answers: ReadonlyArray<Answered<A>>
): Effect.Effect<string | undefined, TaskError> =>
  Effect.gen(function*() {
    if (answers.length < fewest) return undefined
    const truths = answers.map(({ truth }) => truth)
    const one = yield* PlugIn.run(task, undefined, () =>
      same(
        answers.map(({ annotation }) =>
          Option.match(annotation, { onNone: () => "no answer that can be read", onSome: task.encode })
        ),
        task,
        truths
      ))
    if (one !== undefined) {
      return `the answer to each of ${answers.length} validation pictures is the same, "${one}", and their labels ` +
        "are not"
    }
    const guesses = yield* PlugIn.run(
      task,
      undefined,
      () => [...new Map(truths.map((truth) => [task.encode(truth), truth]))].slice(0, tried)
    )
    const valued = yield* Effect.forEach(guesses, ([text, guess]) =>
      PlugIn.run(task, undefined, () => ({
        text,
        value: mean(truths.map((truth) => PlugIn.figure(task, metric, truth, Option.some(guess))))
      })))
    const isBetter = (a: number, b: number) => metric.direction === "lower" ? a < b : a > b
    const best = valued.reduce((most, guess) => isBetter(guess.value, most.value) ? guess : most)
    const own = mean(answers.map(({ value }) => value))
    return valued.length < 2 || isBetter(own, best.value) ?
      undefined
      : `${metric.name} ${
        own.toFixed(3)
      } on ${answers.length} validation pictures is no better than "${best.text}" for ` +
        `every one of them (${best.value.toFixed(3)})`
  })
