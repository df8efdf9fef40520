/**
 * What a run came to, in one sentence that needs no table.
 */
import { Option } from "effect"
import type { TaskMetric } from "../dsl/Task.ts"
import { figure, type ResultRow } from "./Results.ts"

/** Whether a method is of use, and the sentence that says so. */
export interface Verdict {
  /** Whether it is better than guessing the mean, which has seen no picture. */
  readonly learned: boolean
  readonly sentence: string
}

/** Fewer test pictures tell luck from skill too seldom to be left unsaid. */
const few = 30

/**
 * Compares a method with guessing the mean annotation of the training half and, where it was trained too, with SFT, by
 * the task's first metric. None where one of the figures is missing.
 */
export const verdict = (
  rows: ReadonlyArray<ResultRow>,
  method: string,
  { direction, name: metric }: Pick<TaskMetric<never>, "direction" | "name">
): Option.Option<Verdict> =>
  Option.gen(function*() {
    const of = (name: string) => figure(rows, name, "all", metric)
    const own = yield* of(method)
    const guess = yield* of("prior")
    const n = rows.find((row) => row.method === method && row.part === "all" && row.metric === metric)?.n ?? 0
    const ahead = (other: number) => direction === "lower" ? other - own : own - other
    const compared = (name: string, other: number) => {
      const by = ahead(other)
      const how = Math.abs(by) < 5e-4 ? "no better than" : by > 0 ? "better than" : "worse than"
      return `${how} ${name} (${other.toFixed(3)})${Math.abs(by) < 5e-4 ? "" : ` by ${Math.abs(by).toFixed(3)}`}`
    }
    const sft = method === "SFT" ? Option.none() : of("SFT")
    const learned = ahead(guess) >= 5e-4
    return {
      learned,
      sentence: [
        `${method} reaches ${metric} ${own.toFixed(3)} on ${n} test pictures: ${compared("guessing the mean", guess)}`,
        ...Option.match(sft, { onNone: () => [], onSome: (value) => [`, ${compared("SFT", value)}`] }),
        ".",
        ...(n < few ? [` ${n} pictures are few: another ${few} would tell more.`] : []),
        ...(learned ? [] : [" It has not learned this task: docs/when-it-does-not-learn.md says where to look."])
      ].join("")
    }
  })
