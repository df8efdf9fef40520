/**
 * Several draws of an annotation as one.
 */
import { Effect, Option } from "effect"
import * as Combine from "../dsl/Combine.ts"
import type { Task, TaskError } from "../dsl/Task.ts"
import type { Annotated } from "./Annotated.ts"

/**
 * The annotation that the draws come to, with the text of the one that is nearest to it; of a task of one
 * answer each, its confidence is the share of draws that agree with it. Draws that hold none are left out, and counted;
 * where none holds any, the first one's fault stands.
 */
export const combined = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  question: string | undefined,
  [first, ...others]: readonly [Annotated<A>, ...ReadonlyArray<Annotated<A>>]
): Effect.fn.Return<Annotated<A>, TaskError> {
  const all = [first, ...others]
  const asked = { image: first.image, ...(question === undefined ? {} : { question }) }
  const { found, unread } = yield* Combine.draws(task, asked, all)
  const draws = { of: all.length, unread }
  return Option.match(found, {
    onNone: () => ({ ...first, draws }),
    onSome: ({ agreed, annotation, draw }) => ({
      ...draw,
      annotation: Option.some(annotation),
      confidence: agreed === undefined ? draw.confidence : Option.some(agreed),
      draws
    })
  })
})
