/**
 * Several draws of an annotation as one.
 */
import { Effect, Option } from "effect"
import * as Combine from "../dsl/Combine.ts"
import type { Task, TaskError } from "../dsl/Task.ts"
import type { Annotated } from "./Annotated.ts"

/**
 * The annotation that the draws come to, with the text of the one that is nearest to it. Draws that hold none are left
 * out, and counted; where none holds any, the first one's fault stands.
 */
export const combined = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  question: string | undefined,
  [first, ...others]: readonly [Annotated<A>, ...ReadonlyArray<Annotated<A>>]
): Effect.fn.Return<Annotated<A>, TaskError> {
  const all = [first, ...others]
  const read = all.flatMap((draw) =>
    Option.match(draw.annotation, { onNone: () => [], onSome: (annotation) => [{ annotation, draw }] })
  )
  const draws = { of: all.length, unread: all.length - read.length }
  const [one, ...more] = read
  if (one === undefined) return { ...first, draws }
  const { annotation, nearest } = yield* Combine.combine(
    task,
    { image: first.image, ...(question === undefined ? {} : { question }) },
    [one.annotation, ...more.map(({ annotation }) => annotation)]
  )
  return { ...(read[nearest] ?? one).draw, annotation: Option.some(annotation), draws }
})
