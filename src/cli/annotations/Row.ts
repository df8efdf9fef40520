/**
 * One picture's answer as `rise annotate` writes it: a line of JSON, and what every other format is made of.
 */
import { Option, Schema } from "effect"
import type { Task } from "../../dsl/Task.ts"
import * as Confidence from "../../evaluation/confidence.ts"
import type { Annotated } from "../../pipelines/index.ts"

/** A box in pixels of the picture as it is stored: left, top, width, height. */
export const Boxed = Schema.Struct({
  label: Schema.optionalKey(Schema.String),
  box: Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite, Schema.Finite]),
  score: Schema.optionalKey(Schema.Finite)
})
export type Boxed = typeof Boxed.Type

/** A distribution by label, the shares of 1 that the annotation says; or boxes. */
export const Value = Schema.Union([Schema.Array(Boxed), Schema.Record(Schema.String, Schema.Finite)])
export type Value = typeof Value.Type

export const isBoxes = (value: Value): value is ReadonlyArray<Boxed> => Array.isArray(value)

export const Row = Schema.Struct({
  image: Schema.String,
  /** As the model writes it; null where there is none, and `fault` says why. */
  annotation: Schema.NullOr(Schema.String),
  value: Schema.NullOr(Value),
  reasoning: Schema.NullOr(Schema.String),
  /** In [0, 1]; absent where nothing is known of it. */
  confidence: Schema.optionalKey(Schema.Finite),
  /** True where the answer was cut off or closed at `--max-tokens`; else absent. */
  closed: Schema.optionalKey(Schema.Boolean),
  /** With `--samples`: answers that were drawn, and those that held no annotation and were left out; else absent. */
  draws: Schema.optionalKey(Schema.Struct({ of: Schema.Int, unread: Schema.Int })),
  /** Of the picture as it is stored, in pixels; absent where it cannot be read. */
  width: Schema.optionalKey(Schema.Finite),
  height: Schema.optionalKey(Schema.Finite),
  fault: Schema.optionalKey(Schema.String),
  /** What was written where it holds no annotation. */
  text: Schema.optionalKey(Schema.String)
})
export type Row = typeof Row.Type

/** What values of a task look like. */
export interface Shape {
  readonly kind: "boxes" | "shares"
  /** In the order of columns and categories. */
  readonly labels: ReadonlyArray<string>
}

/** Width and height in pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** @param value what an annotation is, in numbers */
export const rowOf = <A>(task: Task<A>, value: (annotation: A, size: Size) => Value) =>
(
  { annotation, closed, confidence, draws, fault, image, reasoning, size, text }: Annotated<A>
): Row => ({
  image: image.id,
  annotation: Option.match(annotation, { onNone: () => null, onSome: task.encode }),
  value: Option.match(Option.all([annotation, size]), { onNone: () => null, onSome: ([a, size]) => value(a, size) }),
  reasoning: Option.getOrNull(reasoning),
  ...Option.match(confidence, { onNone: () => ({}), onSome: (share) => ({ confidence: Confidence.rounded(share) }) }),
  ...(closed ? { closed } : {}),
  ...(draws === undefined ? {} : { draws }),
  ...Option.getOrElse(size, () => ({})),
  ...Option.match(fault, { onNone: () => ({}), onSome: (fault) => ({ fault, ...(text === "" ? {} : { text }) }) })
})
