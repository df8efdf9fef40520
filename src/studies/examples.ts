/**
 * A few pictures with what every method said about them: printed after a run and shown in its report.
 */
import { Effect, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../dsl/Atomic.ts"
import { Run } from "../dsl/Run.ts"
import { sampleKeys } from "../dsl/sampleKeys.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { predictions } from "../evaluation/Results.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import type { Classification, Distribution } from "../tasks/classification/index.ts"
import { DataUri, dataUri } from "./picture.ts"

/** A label and its share, for a bar. */
export const Bar = Schema.Struct({ label: Schema.String, value: Schema.Finite })
export type Bar = typeof Bar.Type

/** A distribution as bars. */
export const barsOf = (task: Classification.Classification) => (distribution: Distribution): ReadonlyArray<Bar> =>
  task.labels.map((label, i) => ({ label, value: distribution[i] ?? 0 }))

const Said = Schema.Struct({
  method: Schema.String,
  text: Schema.String,
  reasoning: Schema.NullOr(Schema.String),
  annotation: Schema.NullOr(Schema.String),
  bars: Schema.Array(Bar)
})

/** A picture with what every method said about it. */
export const Example = Schema.Struct({
  /** Image id. */
  image: Schema.String,
  /** Part of the test set, or null. */
  part: Schema.NullOr(Schema.String),
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optional(Schema.String),
  /** A PNG as a data URI. */
  png: DataUri,
  /** The ground truth, as the task writes it. */
  truth: Schema.String,
  /** The ground truth, drawn; empty where it cannot be. */
  bars: Schema.Array(Bar),
  /** What each method wrote. */
  said: Schema.Array(Said),
  /** Whether it was chosen because the kept method is wrong about it, or farthest off. */
  worst: Schema.optionalKey(Schema.Boolean)
})
/** A picture with what every method said about it. */
export type Example = typeof Example.Type

/** Rows with what tells each from all others. */
const keyed = <B, E, R>(
  rows: Stream.Stream<B, E, R>,
  of: (row: B) => { readonly image: string; readonly question?: string | undefined }
) =>
  Stream.suspend(() => {
    const keyOf = sampleKeys()
    return Stream.map(rows, (row) => ({ row, key: keyOf(of(row)) }))
  })

const keyedSamples = <A, E, R>(samples: Stream.Stream<Sample<A>, E, R>) =>
  keyed(samples, ({ image: { id }, question }) => ({ image: id, question }))

const keyedAnswers = (method: string) => keyed(predictions(method), (row) => row)

/** `count` samples but these, spread over the parts, drawn by the run's seed. */
const choose = <A, E, R>(
  test: Stream.Stream<Sample<A>, E, R>,
  but: ReadonlyArray<string>,
  count: number,
  seed: number
) =>
  Effect.map(
    Stream.runFold(
      keyedSamples(test),
      () => new Map<string, Array<string>>(),
      (parts, { key, row: { part = "" } }) => {
        if (but.includes(key)) return parts
        const keys = parts.get(part)
        if (keys === undefined) parts.set(part, [key])
        else keys.push(key)
        return parts
      }
    ),
    (parts) => {
      const drawn = [...parts].map(([part, keys]) => Keyed.stream(seed, `examples/${part}`).shuffle(keys))
      // In turns, so that no part is left out.
      return Array.from({ length: count }, (_, i) => drawn.flatMap((keys) => keys.slice(i, i + 1))).flat().slice(
        0,
        count
      )
    }
  )

/** One that cannot be read is farther off than any that can. */
const unread = Infinity

/** The samples that a method is farthest off on by the task's first metric; none that it has entirely right. */
const worst = <A>(task: Task<A>, method: string, count: number) => {
  const [metric] = task.metrics ?? []
  // The best value there is: no distance, or all of a share.
  const off = (value: number) => metric?.direction === "lower" ? value : 1 - value
  return Stream.runFold(
    keyedAnswers(method),
    (): ReadonlyArray<{ readonly key: string; readonly off: number }> => [],
    (found, { key, row: { annotation, metrics } }) => {
      const far = annotation === null ? unread : off(metrics[metric?.name ?? "reward"] ?? NaN)
      return far > 1e-9 ? [...found, { key, off: far }].toSorted((a, b) => b.off - a.off).slice(0, count) : found
    }
  ).pipe(Effect.map((found) => found.map(({ key }) => key)))
}

export interface ExamplesOptions<A, E, R> {
  readonly task: Task<A>
  readonly test: Stream.Stream<Sample<A>, E, R>
  readonly methods: ReadonlyArray<string>
  /** The method whose worst answers come first. Default: none is looked at. */
  readonly of?: string | undefined
  /** How an annotation is drawn, where it can be. */
  readonly bars?: (annotation: A) => ReadonlyArray<Bar>
  readonly count?: number
}

/**
 * Collects the examples and writes them to `examples.json`: the worst first, at most half of all.
 */
export const examples = <A, E, R>({ bars = () => [], count = 6, methods, of, task, test }: ExamplesOptions<A, E, R>) =>
  Effect.gen(function*() {
    const run = yield* Run
    const path = yield* Path.Path
    const far = of === undefined ? [] : yield* worst(task, of, Math.ceil(count / 2))
    const chosen = new Set([...far, ...(yield* choose(test, far, count - far.length, run.seed))])
    const drawn = (text: string | null) =>
      text === null ? [] : Option.match(Option.getSuccess(task.decode(text)), { onNone: () => [], onSome: bars })
    const said = new Map<string, Array<typeof Said.Type>>()
    for (const method of methods) {
      yield* Stream.runForEach(
        Stream.filter(keyedAnswers(method), ({ key }) => chosen.has(key)),
        ({ key, row: { annotation, reasoning, text } }) =>
          Effect.sync(() => {
            const list = said.get(key) ?? []
            said.set(key, list)
            list.push({ method, text, reasoning, annotation, bars: drawn(annotation) })
          })
      )
    }
    const place = (key: string) => far.includes(key) ? far.indexOf(key) : far.length
    const collected = yield* keyedSamples(test).pipe(
      Stream.filter(({ key }) => chosen.has(key)),
      Stream.mapEffect(({ key, row: { image, part, question, truth } }) =>
        Effect.map(dataUri(image), (uri): { readonly key: string; readonly example: Example } => ({
          key,
          example: {
            image: image.id,
            part: part ?? null,
            ...(question === undefined ? {} : { question }),
            png: uri,
            truth: task.encode(truth),
            bars: bars(truth),
            said: said.get(key) ?? [],
            ...(far.includes(key) && { worst: true })
          }
        }))
      ),
      Stream.runCollect,
      Effect.map((found) => found.toSorted((a, b) => place(a.key) - place(b.key)).map(({ example }) => example))
    )
    if (Option.isSome(run.directory)) {
      yield* Atomic.writeJson(path.join(run.directory.value, "examples.json"), collected)
    }
    return collected
  })
