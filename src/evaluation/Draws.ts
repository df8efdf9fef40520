/**
 * Several answers about one picture, scored as the one that they come to.
 */
import { Effect, Option } from "effect"
import * as Combine from "../dsl/Combine.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Reward from "../dsl/Reward.ts"
import type { Sample, Task, TaskError } from "../dsl/Task.ts"
import type { Given } from "./measure.ts"

/**
 * The draw that is nearest to what all readable draws come to (`Combine`), with their annotation in the place of its
 * own; the first one where none can be read. Tokens are those of all draws.
 */
export const combined = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  sample: Sample<A>,
  [first, ...others]: readonly [Given<A>, ...ReadonlyArray<Given<A>>]
): Effect.fn.Return<Given<A>, TaskError> {
  if (others.length === 0) return first
  const all = [first, ...others]
  const tokens = all.reduce((sum, draw) => sum + (draw.tokens ?? 0), 0)
  const { found } = yield* Combine.draws(task, sample, all)
  if (Option.isNone(found)) return { ...first, tokens }
  const { agreed, annotation, draw: { ranked, ...draw } } = found.value
  const turn = Reward.turnOf(sample, draw.reasoning)
  const reward = yield* PlugIn.run(task, sample, () => Reward.similarity(task, sample.truth, annotation, turn))
  // A medoid is what its draw says; what a task combines has no text, and so no probability of its own.
  const own = task.combine === undefined && ranked !== undefined ? { ranked } : {}
  const sure = agreed === undefined ? {} : { confidence: agreed }
  return { ...draw, ...own, ...sure, annotation: Option.some(annotation), reward, tokens }
})
