/** One pass of a described closed loop over all data: what the described stages yield when they are pulled. */
import { Effect, Stream } from "effect"
import { Policy } from "../../policy/Policy.ts"
import type * as Group from "../Group.ts"
import * as Progress from "../Progress.ts"
import * as Provided from "../Provided.ts"
import { Run } from "../Run.ts"
import { stepSpan } from "../telemetry/Exporting.ts"
import { passing, type Planned } from "./Ahead.ts"
import * as Passing from "./Passing.ts"
import type { Fault, Loop, Pipeline } from "./Pipeline.ts"
import { Batching } from "./Sampling.ts"

/** What a group costs, for the display of tokens per second. */
const tokensOf = (group: Group.Group<unknown, Group.Reasoned & Partial<Group.Reconstructed>>): number =>
  group.candidates.reduce(
    (sum, { reasoning, reconstruction }) =>
      sum + reasoning.completion.tokens.length + (reconstruction?.completion.tokens.length ?? 0),
    0
  )

/** One pass of a described loop over all data under one session: what the described stages yield when pulled. */
export const pass = <A, X extends Group.Group<A, Group.Reasoned & Partial<Group.Reconstructed>>, E, R>(
  name: string,
  data: Pipeline<"Sampled", A, E, R>["data"],
  loop: Loop<A, X>
): Stream.Stream<X, E | Fault, R | Policy | Run> =>
  Stream.unwrap(Effect.gen(function*() {
    const policy = yield* Provided.policy("the pipeline")
    const { named } = yield* Provided.run("the pipeline")
    const { prompts } = yield* Batching
    const session = yield* policy.session
    const total = yield* Stream.runCount(data)
    const stage = named(name)
    let done = yield* Passing.Done
    yield* Progress.report(Progress.Event.Started({ stage, total, unit: "samples", ...(done > 0 && { done }) }))
    return Passing.left(data).pipe(
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.gen(function*() {
          const groups = yield* loop({ session, key: name }, samples)
          done += samples.length
          const tokens = groups.reduce((sum, group) => sum + tokensOf(group), 0)
          yield* Progress.report(Progress.Event.Step({ stage, step: done, tokens, figures: {} }))
          return groups
        }).pipe(stepSpan(stage, done + samples.length))
      ),
      Stream.flattenIterable,
      Stream.onEnd(Effect.suspend(() => Progress.report(Progress.Event.Finished({ stage, note: `${done} samples` }))))
    )
  }))

/** One pass of a loop that draws so many texts for a sample. */
export const explaining = (texts: number): Planned => passing("explain", ({ drawnInGroup }) => texts * drawnInGroup)
