/**
 * What a run came to, in one sentence that needs no table.
 */
import { Option, Schema } from "effect"
import { nextByHeart } from "../dsl/stages/ByHeart.ts"
import type { TaskMetric } from "../dsl/Task.ts"
import { figure, type ResultRow } from "./Results.ts"

/** Whether a method is of use, and the sentence that says so. */
export interface Verdict {
  /**
   * Whether it is better than the guess, the training half's mean annotation, which has seen no picture, by more than
   * luck explains.
   */
  readonly learned: boolean
  readonly sentence: string
}

/**
 * A model that this run does not train: it was taught its task before, or taught none, or is behind a server, so that
 * nobody here knows its past.
 */
export const Given = Schema.Literals(["taught", "untaught", "served"])
export type Given = typeof Given.Type

/**
 * Whose answers were measured: a method's that this run trained, or trained until it knew its lessons by heart; or
 * those of a model as it was given.
 */
export const Measured = Schema.Literals(["trained", "byHeart", ...Given.literals])
export type Measured = typeof Measured.Type

/** What to do where it is no better than the guess. */
const advice: Readonly<Record<Measured, string>> = {
  trained: "It has not learned this task: more steps, another learning rate or more pictures may help " +
    "(docs/when-it-does-not-learn.md of the package rise-vlm).",
  byHeart: `It has not learned this task, and ${nextByHeart} (docs/when-it-does-not-learn.md of the package rise-vlm).`,
  taught: "On these pictures it is of no use: train it longer, or on pictures such as these " +
    "(docs/when-it-does-not-learn.md of the package rise-vlm).",
  untaught:
    "It was not taught this task: train it on labelled pictures (npx rise train), then measure what that saves.",
  served:
    "As it is asked here it is of no use for these pictures: read its answers in predictions.jsonl, ask another " +
    "model, or have one trained for this task (npx rise train)."
}

/** 97.5% of a normal distribution are below so many of its standard deviations. */
const beyond = 1.96

/**
 * Whether two means of figures in [0, 1] are farther apart than the luck of `n` pictures explains: Agresti and Caffo's
 * interval. It is made for shares, and no figure in [0, 1] scatters more than a share of the same mean.
 */
const isBeyondNoise = (one: number, other: number, n: number): boolean => {
  const shrunk = (mean: number) => (mean * n + 1) / (n + 2)
  const [a, b] = [shrunk(one), shrunk(other)]
  return Math.abs(a - b) > beyond * Math.sqrt((a * (1 - a) + b * (1 - b)) / (n + 2))
}

const isShare = (value: number) => value >= 0 && value <= 1

/** Methods that a verdict compares with. */
export const comparedWith: ReadonlyArray<string> = ["prior", "SFT"]

/** Where a method begins, the first as the model came. */
const starts = ["base", "warmed"]

/** Fewer test pictures tell luck from skill too seldom to be left unsaid. */
const few = 30

/**
 * Compares a method with guessing the mean annotation of the training half and, where it was trained too, with SFT, by
 * the task's first metric; with the model that it began with, where that was better beyond the noise of the test set.
 * None where one of the figures is missing. What it advises depends on whose answers were measured: by default those of
 * a method that this run trained.
 *
 * @param errors standard errors of the differences to the others, by their names (`standardErrors`): a smaller
 * difference is said to be none. Default: not known, so every difference counts.
 */
export const verdict = (
  rows: ReadonlyArray<ResultRow>,
  method: string,
  { direction, name: metric }: Pick<TaskMetric<never>, "direction" | "name">,
  measured: Measured = "trained",
  errors: ReadonlyMap<string, number> = new Map()
): Option.Option<Verdict> =>
  Option.gen(function*() {
    const of = (name: string) => figure(rows, name, "all", metric)
    const own = yield* of(method)
    const guess = yield* of("prior")
    const n = rows.find((row) => row.method === method && row.part === "all" && row.metric === metric)?.n ?? 0
    const ahead = (other: number) => direction === "lower" ? other - own : own - other
    const level = (other: number) => Math.abs(ahead(other)) < 5e-4
    /** What luck explains as well. */
    const noise = (method: string, other: number) =>
      Option.filter(Option.fromUndefinedOr(errors.get(method)), (error) => Math.abs(ahead(other)) <= error)
    const compared = (method: string, name: string, other: number) => {
      const named = `${name} (${other.toFixed(3)})`
      if (level(other)) return `no better than ${named}`
      const [by, how] = [Math.abs(ahead(other)).toFixed(3), ahead(other) > 0 ? "better" : "worse"]
      return Option.match(noise(method, other), {
        onNone: () => `${how} than ${named} by ${by}`,
        onSome: (error) => `too near ${named} to be told from it (${how} by ${by}, standard error ${error.toFixed(3)})`
      })
    }
    const guessing = metric === "accuracy" ? "always guessing the most frequent label" : "guessing the mean"
    const sft = method === "SFT" ? Option.none() : of("SFT")
    const learned = ahead(guess) > 0 && !level(guess) && Option.isNone(noise("prior", guess))
    // Figures that may be of any size have no noise that is known from their mean: every difference is told.
    const above = starts.includes(method) ?
      [] :
      starts.flatMap((name) =>
        Option.toArray(of(name)).filter((value) =>
          ahead(value) <= -5e-4 && (!isShare(own) || !isShare(value) || isBeyondNoise(own, value, n))
        ).map((value) => `${name} (${value.toFixed(3)}) by ${Math.abs(ahead(value)).toFixed(3)}`)
      )
    return {
      learned,
      sentence: [
        `${method} reaches ${metric} ${own.toFixed(3)} on ${n} test pictures: ${compared("prior", guessing, guess)}`,
        ...Option.match(sft, { onNone: () => [], onSome: (value) => [`, ${compared("SFT", "SFT", value)}`] }),
        ".",
        ...(above.length === 0 ? [] : [
          ` It is worse than the model that it began with: than ${
            above.join(" and ")
          }. Training has cost more than it ` +
          "taught: fewer steps, a lower learning rate or that model as it is may do better."
        ]),
        ...(n < few ? [` ${n} pictures are few: another ${few} would tell more.`] : []),
        ...(learned ? [] : [` ${advice[measured]}`])
      ].join("")
    }
  })
