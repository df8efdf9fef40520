/** The task of an audit: a label is as wrong that lacks something as one that has too much. */
import { Option } from "effect"
import type { Task, TaskMetric } from "../../dsl/Task.ts"

const metricBothWays = <A>(metric: TaskMetric<A>): TaskMetric<A> => ({
  ...metric,
  of: (truth, predicted) => {
    const one = metric.of(truth, predicted)
    if (Option.isNone(predicted)) return one
    const other = metric.of(predicted.value, Option.some(truth))
    return metric.direction === "lower" ? Math.max(one, other) : Math.min(one, other)
  }
})

/**
 * The task with label and reconstruction compared both ways, the worse of the two, where it says that one way leaves
 * something free. Over N_g, eq. 6 gives 1 to a label that has forgotten a box which was rebuilt; both ways it is eq. 6
 * over max(N_g, N_p).
 */
export const bothWays = <A>(task: Task<A>): Task<A> => {
  if (task.oneSided !== true) return task
  const { metrics: [first, ...others] = [], similarity } = task
  return {
    ...task,
    similarity: (truth, predicted, turn) =>
      Math.min(similarity(truth, predicted, turn), similarity(predicted, truth, { ...turn, truth: predicted })),
    ...(first !== undefined && { metrics: [metricBothWays(first), ...others] })
  }
}
