/**
 * How a data set is to be read, decided from what all of its rows say: labels, scales, units.
 */
import { Option, Result } from "effect"
import type { Xywh } from "../../kernels/math/Iou.ts"
import { areShares, inUnits, misfit, place, type Shown, words } from "../BoxPlace.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import { oneHot } from "../Shares.ts"
import type { Box } from "./BoxForms.ts"
import * as Hinted from "./Hinted.ts"
import type { Weights } from "./Labels.ts"
import type { Hints } from "./Layout.ts"
import * as Names from "./Names.ts"
import * as Scale from "./Scale.ts"
import type { Survey } from "./Survey.ts"

export interface Reading {
  readonly kind: "classes" | "boxes"
  readonly labels: ReadonlyArray<string>
  readonly single: boolean
  readonly notes: ReadonlyArray<string>
  /** Whether boxes are in shares of the sides. */
  readonly shares: boolean
  /** The distribution of a row, in the order of `labels`. */
  readonly distribution: (weights: Weights) => Result.Result<ReadonlyArray<number>, BadRow>
  /** The label of a box. */
  readonly labelOf: (box: Box) => Result.Result<string, BadRow>
  /** Where a box is, in pixels. */
  readonly place: (box: Box, size: Shown) => Result.Result<Xywh, BadRow>
}

/** Longest label that may stand alone, in characters and words: longer ones that nobody repeats are sentences. */
const longest = 64
const mostWords = 5
/** Most labels of which half may stand alone. */
const few = 200

const isNumber = (label: string) => /^\d{1,9}$/.test(label)

const inOrder = (labels: Iterable<string>): ReadonlyArray<string> => {
  const all = [...labels]
  return all.every(isNumber) ? all.toSorted((a, b) => Number(a) - Number(b)) : all.toSorted()
}

const isText = (label: string, rows: number) =>
  rows === 1 && (label.length > longest || label.split(/\s+/).length > mostWords || /\n|[。！？]$/.test(label))

/** Why labels are no labels, if they are not. */
const freeText = ({ boxes, classes, labels, texts }: Survey): string | undefined => {
  const sentences = [...labels].filter(([label, rows]) => isText(label, rows))
  const example = sentences[0]?.[0] ?? [...labels.keys()][0] ?? ""
  const rows = Math.max(classes, boxes)
  const words = labels.size - sentences.length
  return 2 * (sentences.length + texts) > rows || (words > few && rows < 2 * words)
    ? `its answers are free text, such as ${quoted(example)} (${
      labels.size + texts
    } different ones in ${rows} rows), ` +
      "which cannot be learned as labels: expected a label, shares of labels, or boxes"
    : undefined
}

const bad = (reason: string, detail: string) => Result.fail<BadRow>({ reason, detail })

/** What a label is called: numbers are places in the labels that are hinted, where these are not numbers too. */
const renaming = (survey: Survey, hints: Hints): Result.Result<(label: string) => string, string> => {
  const { labels: hinted } = hints
  const found = [...survey.labels.keys()]
  const isPlace = Option.isSome(hinted) && found.length > 0 && found.every(isNumber) &&
    !found.some((label) => hinted.value.includes(label))
  if (!isPlace) return Result.succeed((label) => label)
  const places = found.map(Number)
  if (!places.includes(0) && places.includes(hinted.value.length)) {
    return Result.fail(
      `its labels are numbers from ${Math.min(...places)} to ${
        Math.max(...places)
      }, and ${hinted.value.length} names ` +
        "are given for 0, 1, …: name what 0 is too, or write names into the data"
    )
  }
  return Result.succeed((label) => hinted.value[Number(label)] ?? label)
}

/** Whether a box in pixels was drawn in a picture of this size. */
const drawnIn = ({ drawnIn: stated }: Box, size: Shown): Result.Result<void, BadRow> => {
  const wrong = stated === undefined ? undefined : misfit(stated, size, "stated as")
  return wrong === undefined ? Result.succeed(undefined) : bad("size-mismatch", `the picture is ${wrong}`)
}

const numberedNote = (numbered: boolean) =>
  numbered ? ["labels are numbers: --labels NAME,… names them, from 0 on"] : []

const wordsOf = ({ told }: Survey, scale: Scale.Scale, tally: Scale.Tally, numbered: boolean) => [
  ...(told.has("numbers") || told.has("vector") ? [Scale.note(scale, tally)] : []),
  ...(told.size === 1 && told.has("numbers") && Scale.onesOf(tally) > 1
    ? [
      `every row has ${
        Scale.onesOf(tally)
      } ones, which are read as shares of one question: where they answer as many ` +
      "questions, leave the keys of one of these in the data"
    ]
    : []),
  ...(told.has("list") ? ["lists of labels: each counts as a vote, read as shares"] : []),
  ...numberedNote(numbered)
]

const boxWords = ({ forms }: Survey, shares: boolean, numbered: boolean) => [
  ...[...forms.values()].map(({ field, form }) => {
    const unit = shares ? ", in shares of the sides" : ", in pixels"
    return `"${field}" holds ${words[form]}${inUnits(form) ? "" : unit}`
  }),
  ...numberedNote(numbered)
]

/** Fails with what makes a reading impossible. `order` is the labels' own. */
export const decide = (
  survey: Survey,
  hints: Hints,
  order: Option.Option<ReadonlyArray<string>> = Option.none()
): Result.Result<Reading, string> =>
  Result.gen(function*() {
    const kind = survey.boxes > 0 && survey.boxes + survey.empty >= survey.classes ? "boxes" : "classes"
    if (kind === "classes" && survey.classes === 0) {
      return yield* Result.fail("its boxes are empty: every picture would be taught as one with nothing in it")
    }
    const hinted = hints.labels
    const text = Option.isSome(hinted) || Option.isSome(order) ? undefined : freeText(survey)
    if (text !== undefined) return yield* Result.fail(text)
    if (survey.told.has("vector") && Option.isNone(hinted) && Option.isNone(order)) {
      return yield* Result.fail("its labels are lists of numbers: say what each is of with --labels NAME,…")
    }
    const nameOf = yield* renaming(survey, hints)
    const found = [...survey.labels].filter(([label, rows]) => !isText(label, rows)).map(([label]) => label)
    const labels = Option.getOrElse(Option.orElse(hinted, () => order), () => inOrder(found))
    // Labels that the data name themselves are no slip.
    const isDeclared = Option.isSome(order) && labels.every((label) => order.value.includes(label))
    const unseen = yield* Hinted.check(
      [...survey.trained].map(nameOf),
      { ...hints, few: hints.few === true || kind === "boxes" || isDeclared },
      "stands in it, which has"
    )
    const known = new Set(labels)
    const scale = Scale.of(survey.scale)
    const shares = kind === "boxes" && !survey.beyond
    const numbered = Option.isNone(hinted) && labels.length > 0 && labels.every(isNumber)
    const unknown = (label: string) => bad("unknown-label", `${quoted(label)}, expected one of ${names(labels)}`)
    return {
      kind,
      labels,
      single: survey.single,
      shares,
      notes: [
        ...kind === "boxes" ? boxWords(survey, shares, numbered) : wordsOf(survey, scale, survey.scale, numbered),
        ...Option.isSome(hinted) || Option.isSome(order) ? [] : [
          // With a one in every row all of them are labels, whatever they are called: of vehicles a train is one.
          ...kind === "classes" && survey.told.has("numbers") && Scale.onesOf(survey.scale) !== 1
            ? Names.flagged(labels)
            : [],
          ...kind === "classes" && survey.told.has("one") ? Names.several(survey.labels) : [],
          ...Names.missing(labels)
        ],
        ...unseen
      ],
      distribution: ({ told, weights }) =>
        Result.gen(function*() {
          const renamed = new Map([...weights].map(([label, weight]) => [nameOf(label), weight]))
          const lost = [...renamed].find(([label, weight]) => weight !== 0 && !known.has(label))
          if (lost !== undefined) return yield* unknown(lost[0])
          const [label = ""] = renamed.keys()
          if (told === "one") return oneHot(labels, label)
          if (told === "vector" && weights.size !== labels.length) {
            return yield* bad("bad-annotation", `${weights.size} numbers for ${labels.length} labels`)
          }
          return yield* Scale.read(
            told === "list" || told === "votes" ? "votes" : scale,
            labels.map((name) => renamed.get(name) ?? 0)
          )
        }),
      labelOf: (box) => {
        if (Option.isNone(box.label)) return bad("no-label", `a box [${box.numbers.join(", ")}] without a label`)
        const label = nameOf(box.label.value)
        return known.has(label) ? Result.succeed(label) : unknown(label)
      },
      place: (box, size) =>
        shares || inUnits(box.form)
          ? Result.succeed(place(box, shares, size))
          : areShares(box.numbers)
          ? bad("bad-annotation", `box [${box.numbers.join(", ")}] in shares of the sides, where others are in pixels`)
          : Result.map(drawnIn(box, size), () => place(box, shares, size))
    }
  })
