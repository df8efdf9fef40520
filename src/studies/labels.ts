/**
 * How a method does label by label: counted over its answers to the test half, written to `labels.json`.
 */
import { Effect, Option, Path, Result, Schema, Stream } from "effect"
import * as Atomic from "../dsl/Atomic.ts"
import { Run } from "../dsl/Run.ts"
import type { Task } from "../dsl/Task.ts"
import { otherMethods, predictions } from "../evaluation/Results.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { show } from "../kernels/text/show.ts"
import type { Bar } from "./examples.ts"

/** Name of the file. */
export const labelsFile = "labels.json"

/** More than a page can show. */
const mostLabels = 10_000

const LabelRow = Schema.Struct({
  label: Schema.String,
  /** Pictures whose largest share is this label's. */
  n: Schema.Int,
  /** Of them, those that the answer's largest share names, too. */
  right: Schema.Int,
  /** Of them, those without an answer that could be read. */
  unread: Schema.Int,
  /** The wrong label that they were given most often, and how often. */
  confused: Schema.NullOr(Schema.Struct({ label: Schema.String, n: Schema.Int }))
})

/** What `labels.json` holds. */
export const Labels = Schema.Struct({
  /** Whose answers were counted. */
  method: Schema.String,
  /** In the task's order; labels without a picture are left out. */
  rows: Schema.Array(LabelRow).check(Schema.isMaxLength(mostLabels))
})
export type Labels = typeof Labels.Type

interface Count {
  n: number
  right: number
  unread: number
  readonly wrong: Map<string, number>
}

/** Labels with the largest share. */
const tops = (bars: ReadonlyArray<Bar>): ReadonlyArray<string> => {
  const most = Math.max(...bars.map(({ value }) => value))
  return bars.filter(({ value }) => value === most).map(({ label }) => label)
}

/** The most frequent, the first of those that are equally so. */
const most = (wrong: ReadonlyMap<string, number>): Labels["rows"][number]["confused"] =>
  [...wrong].reduce<Labels["rows"][number]["confused"]>(
    (found, [label, n]) => found !== null && found.n >= n ? found : { label, n },
    null
  )

/** Counts the answers of a method. Nothing is written for a task without labels, or without a single answer. */
export const labels = <A>(
  { bars, method, task }: {
    readonly task: Task<A>
    readonly method: string
    /** Labels with their shares; empty where an annotation has none. */
    readonly bars: (annotation: A) => ReadonlyArray<Bar>
  }
) =>
  Effect.gen(function*() {
    const { directory } = yield* Run
    const path = yield* Path.Path
    const read = (text: string | null) =>
      text === null ? [] : Option.match(Result.getSuccess(task.decode(text)), { onNone: () => [], onSome: bars })
    // As the task has them, and as they are met where an annotation does not have all.
    const order = new Set<string>()
    let answers = 0
    const counts = yield* Stream.runFold(
      Stream.tap(predictions(method), () => Effect.sync(() => answers++)),
      () => new Map<string, Count>(),
      (counts, { annotation, metrics, truth }) => {
        const [given, answer] = [read(truth), read(annotation)]
        const right = tops(given)
        const [label] = right
        if (label === undefined) return counts
        for (const bar of given) order.add(bar.label)
        const count = counts.get(label) ?? { n: 0, right: 0, unread: 0, wrong: new Map() }
        counts.set(label, count)
        const [said] = tops(answer)
        count.n++
        if (said === undefined) count.unread++
        // A truth is written in whole percents, in which three equal shares are no tie: accuracy knows the votes.
        else if (right.includes(said) || metrics["accuracy"] === 1) count.right++
        else count.wrong.set(said, (count.wrong.get(said) ?? 0) + 1)
        return counts
      }
    )
    if (answers === 0) yield* warn(`no answers of ${show(method)} to count by label${yield* otherMethods(method)}`)
    if (counts.size === 0 || counts.size > mostLabels || Option.isNone(directory)) return
    const rows = [...order].flatMap((label) => {
      const count = counts.get(label)
      return count === undefined ? [] : [{
        label,
        n: count.n,
        right: count.right,
        unread: count.unread,
        confused: most(count.wrong)
      }]
    })
    yield* Atomic.writeJson(path.join(directory.value, labelsFile), { method, rows })
  })
