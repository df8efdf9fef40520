/**
 * Several annotations of one picture as one.
 */
import { Effect, Option } from "effect"
import * as PlugIn from "./PlugIn.ts"
import * as Reward from "./Reward.ts"
import { type Sample, type Task, TaskError } from "./Task.ts"

/** Index of the item that is most like all the others, the first of several. */
const medoid = (count: number, like: (a: number, b: number) => number): number => {
  let [best, most] = [0, -Infinity]
  for (let i = 0; i < count; i++) {
    let sum = 0
    // Both ways round: eq. 6 divides by the boxes of its first side.
    for (let j = 0; j < count; j++) if (j !== i) sum += like(i, j) + like(j, i)
    // Sums of the same numbers in another order are the same.
    if (sum > most + 1e-12) [best, most] = [i, sum]
  }
  return best
}

/** A picture, and what was asked about it. */
export type Asked = Pick<Sample<unknown>, "image" | "question">

const likeness = <A>(task: Task<A>, asked: Asked) => (truth: A, predicted: A): number =>
  Reward.similarity(task, truth, predicted, { ...asked, truth })

/**
 * One annotation of several: by the task's `combine`, else the medoid, the one that is most similar to all the others.
 * With it, which of the given ones is the nearest to it.
 */
export const combine = <A>(task: Task<A>, asked: Asked, annotations: readonly [A, ...ReadonlyArray<A>]) =>
  PlugIn.run(task, asked, (): { readonly annotation: A; readonly nearest: number } => {
    const like = likeness(task, asked)
    const at = (i: number): A => annotations[i] ?? annotations[0]
    if (task.combine === undefined) {
      const nearest = medoid(annotations.length, (a, b) => like(at(a), at(b)))
      return { annotation: at(nearest), nearest }
    }
    const annotation = task.combine(annotations)
    if (annotation === undefined || annotation === null) {
      throw new TaskError({ task: task.name, reason: `combine gave ${String(annotation)}, expected an annotation` })
    }
    const likenesses = annotations.map((one) => like(annotation, one))
    return { annotation, nearest: likenesses.indexOf(Math.max(...likenesses)) }
  })

/** What several draws come to: the annotation, and the draw that is nearest to it; how many held none. */
export interface Combined<D, A> {
  /** None where no draw holds an annotation. */
  readonly found: Option.Option<{
    readonly annotation: A
    readonly draw: D
    /** Share of all draws that say the same, where an annotation is one answer (`Task.single`). */
    readonly agreed?: number
  }>
  readonly unread: number
}

/** How many draws say what the annotation says. */
const agreed = <A>(task: Task<A>, annotation: A, read: ReadonlyArray<{ readonly annotation: A }>): number => {
  const said = task.encode(annotation)
  return read.filter((draw) => task.encode(draw.annotation) === said).length
}

/** `combine` of the draws that hold an annotation. */
export const draws = <A, D extends { readonly annotation: Option.Option<A> }>(
  task: Task<A>,
  asked: Asked,
  all: ReadonlyArray<D>
): Effect.Effect<Combined<D, A>, TaskError> => {
  const read = all.flatMap((draw) =>
    Option.match(draw.annotation, { onNone: () => [], onSome: (annotation) => [{ annotation, draw }] })
  )
  const unread = all.length - read.length
  const [one, ...more] = read
  return one === undefined
    ? Effect.succeed({ found: Option.none(), unread })
    : Effect.flatMap(
      combine(task, asked, [one.annotation, ...more.map(({ annotation }) => annotation)]),
      ({ annotation, nearest }) =>
        PlugIn.run(task, asked, () => ({
          found: Option.some({
            annotation,
            draw: (read[nearest] ?? one).draw,
            ...(task.single === true && { agreed: agreed(task, annotation, read) / all.length })
          }),
          unread
        }))
    )
}
