/**
 * How annotations are drawn that are held as text: the bars of labels with shares, the boxes of a picture. A page is
 * made of a run's files alone, so it reads them by the description of the task that run.json keeps.
 */
import { Option, Result, Schema } from "effect"
import type { Box, Detection } from "../tasks/detection/index.ts"
import * as Saved from "../tasks/Saved.ts"

/** A box in shares of the picture's sides, from the top left. */
export const DrawnBox = Schema.Struct({
  x: Schema.Finite,
  y: Schema.Finite,
  width: Schema.Finite,
  height: Schema.Finite,
  label: Schema.optionalKey(Schema.String),
  /** How sure the model was, where that is known. */
  score: Schema.optionalKey(Schema.Finite)
})
export type DrawnBox = typeof DrawnBox.Type

/** What can be drawn of an annotation. */
export interface Drawn {
  /** Shares in the order of the task's labels; empty where it has none. */
  readonly shares: ReadonlyArray<number>
  readonly boxes: ReadonlyArray<DrawnBox>
}

/** Pixels of the stored picture: boxes in pixels cannot be drawn without. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** Reads the annotations of one task. */
export interface Drawing {
  readonly kind: "boxes" | "labels" | "text"
  /** The task's labels; none where they are free. */
  readonly labels: ReadonlyArray<string>
  /** Whether an answer is one label, of which the share says nothing of how sure it is. */
  readonly single?: boolean
  /** None where the text is no annotation, or nothing that is drawn. */
  readonly of: (text: string, size?: Size) => Option.Option<Drawn>
  /** The same of a prediction with its scores, as `predictions.jsonl` has it. */
  readonly ranked: (json: unknown, size?: Size) => Option.Option<Drawn>
}

/** Of a task that only its script knows: its texts are shown as they are. */
export const none: Drawing = { kind: "text", labels: [], of: () => Option.none(), ranked: () => Option.none() }

const boxed = <S extends Box.Space>({ annotation, codec, decode }: Detection.Detection<S>): Drawing => {
  const { height: high, width: wide } = codec.grid
  const drawn = (targets: typeof annotation.Type, size: Size | undefined): Option.Option<Drawn> => {
    // Pixels of a picture that was resized for the model are nobody's to place.
    const frame = Number.isFinite(wide) ? { width: wide, height: high } : codec.space === "absolute" ? size : undefined
    if (frame === undefined) return Option.none()
    const boxes = targets.flatMap(({ box: [x, y, width, height], crowd, label, score }): ReadonlyArray<DrawnBox> =>
      crowd === true ? [] : [{
        x: x / frame.width,
        y: y / frame.height,
        width: width / frame.width,
        height: height / frame.height,
        ...(label !== undefined && { label }),
        ...(score !== undefined && { score })
      }]
    )
    return Option.some({ shares: [], boxes })
  }
  const decodeJson = Schema.decodeUnknownOption(Schema.toCodecJson(annotation))
  return {
    kind: "boxes",
    labels: codec.labels ?? [],
    of: (text, size) => Option.flatMap(Result.getSuccess(decode(text)), (targets) => drawn(targets, size)),
    ranked: (json, size) => Option.flatMap(decodeJson(json), (targets) => drawn(targets, size))
  }
}

const read = (saved: Saved.SavedTask): Drawing => {
  if (saved.kind === "classification") {
    const { decode, labels, single = false } = saved.task
    const of = (text: string) =>
      Option.map(Result.getSuccess(decode(text)), (shares): Drawn => ({ shares: [...shares], boxes: [] }))
    return { kind: "labels", labels, single, of, ranked: () => Option.none() }
  }
  switch (saved.space) {
    case "absolute":
      return boxed(saved.task)
    case "resized":
      return boxed(saved.task)
    case "thousandths":
      return boxed(saved.task)
    case "unit":
      return boxed(saved.task)
  }
}

/** By a task's description, as `Task.described` has it; `none` where there is none that this release reads. */
export const make = (described: unknown): Drawing =>
  Option.match(Result.getSuccess(Saved.read(described)), { onNone: () => none, onSome: read })
