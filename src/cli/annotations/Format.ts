/**
 * The formats that answers are written in, and which one a file's name asks for.
 */
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { FlagError, refuse } from "../futile.ts"
import { text } from "../values.ts"
import type { Shape } from "./Row.ts"

export type Format = "coco" | "coco-results" | "csv" | "jsonl" | "label-studio"

/** Of `--url-prefix`: where Label Studio's local storage has a file. */
const localStorage = "/data/local-files/?d="

export const flags = {
  out: Flag.String("out").pipe(
    Flag.withAlias("o"),
    Flag.withDescription(
      "Write to this file and, where it is there already, go on behind its rows; default: standard output"
    ),
    Flag.withMetavar("FILE"),
    Flag.optional
  ),
  format: Flag.Literals("format", ["jsonl", "csv", "coco", "coco-results", "label-studio"]).pipe(
    Flag.withDescription("How answers are written; default: by the name of --out, else jsonl"),
    Flag.optional
  ),
  overwrite: Flag.Boolean("overwrite").pipe(
    Flag.withDescription("Begin --out anew, whatever it holds"),
    Flag.withDefault(false)
  ),
  cocoIds: text("coco-ids", "FILE", "a COCO file").pipe(
    Flag.withDescription(
      "Write --format coco-results with the ids that this COCO file has for pictures and categories; default: from 1"
    ),
    Flag.optional
  ),
  urlPrefix: Flag.String("url-prefix").pipe(
    Flag.withDescription("What Label Studio finds pictures by, before their names; default: its local storage"),
    Flag.withMetavar("TEXT"),
    Flag.withDefault(localStorage)
  )
}

export interface FormatFlags {
  readonly out: Option.Option<string>
  readonly format: Option.Option<Format>
  readonly overwrite: boolean
  readonly cocoIds?: Option.Option<string>
  readonly urlPrefix?: string
}

/** Refuses a prefix of what is not written for Label Studio. */
export const checkPrefix = (
  urlPrefix: string | undefined,
  format: Option.Option<Format>
): Effect.Effect<void, FlagError> =>
  refuse(
    {
      "--url-prefix": urlPrefix !== undefined && urlPrefix !== localStorage &&
        !Option.contains(format, "label-studio")
    },
    (flag) => `${flag} is for --format label-studio: give that too, or leave ${flag} out`
  )

/** Whether a format is one document, which is written when all answers are there. */
export const isDocument = (format: Format): boolean => format !== "csv" && format !== "jsonl"

const fail = (reason: string) => Effect.fail(new FlagError({ reason }))

/** The format that flags ask for, where task and place can hold it. */
export const formatOf = (
  { cocoIds = Option.none(), format: asked, out, overwrite, urlPrefix }: FormatFlags,
  { kind }: Shape
): Effect.Effect<Format, FlagError> => {
  const name = Option.getOrElse(out, () => "")
  const ending = /\.(csv|json)$/i.exec(name)?.[1]?.toLowerCase()
  if (Option.isNone(asked) && ending === "json") {
    return fail(`--out ${name} may be any JSON: say which, --format coco, coco-results, label-studio or jsonl`)
  }
  const format = Option.getOrElse(asked, () => ending === "csv" ? "csv" : "jsonl")
  if (Option.isNone(out) && overwrite) return fail("--overwrite is for a file: give its name as --out FILE")
  if (Option.isNone(out) && isDocument(format)) {
    return fail(`--format ${format} is one document of all pictures: give its name as --out FILE`)
  }
  if (Option.isSome(cocoIds) && format !== "coco-results") {
    return fail(`--coco-ids is for --format coco-results, and this is ${format}: leave one of them out`)
  }
  if ((format === "coco" || format === "coco-results") && kind === "shares") {
    return fail(`--format ${format} holds boxes, and this task gives labels: --format jsonl, csv or label-studio`)
  }
  return Effect.as(checkPrefix(urlPrefix, Option.some(format)), format)
}
