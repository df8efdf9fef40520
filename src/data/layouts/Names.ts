/**
 * What names of folders, files and columns tell: the half of a data set they stand for, labels that are hard to tell
 * apart.
 */
import * as Quoted from "../Quoted.ts"

/** A part of a data set. */
export type Half = "train" | "test" | "validation"

const halves: Readonly<Record<string, Half>> = {
  train: "train",
  training: "train",
  trn: "train",
  test: "test",
  testing: "test",
  tst: "test",
  val: "validation",
  valid: "validation",
  validation: "validation",
  validate: "validation",
  dev: "validation",
  eval: "validation",
  evaluation: "validation",
  // FER's.
  publictest: "validation",
  privatetest: "test"
}

/** The half that a word names, in any case. */
export const halfOf = (word: string): Half | undefined => {
  const key = word.trim().toLowerCase()
  return Object.hasOwn(halves, key) ? halves[key] : undefined
}

/** The half that some word of a name names, as in `train_labels`, `instances_train2017` or `test-00000-of-00001`. */
export const halfIn = (name: string): Half | undefined =>
  name.split(/[^\p{L}]+/u).map(halfOf).find((half) => half !== undefined)

/** A note on labels that differ in nothing but case and punctuation: two to a computer, one to most people. */
export const alike = (labels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const key = (label: string) => label.normalize("NFKC").toLowerCase().replaceAll(/[\s_-]+/g, " ").trim()
  return [...Map.groupBy(labels, key).values()].filter((same) => same.length > 1).map((same) =>
    `the labels ${same.map(Quoted.quoted).join(" and ")} are nearly the same and are read as ` +
    `${same.length} labels: if they are one, write them alike`
  )
}

/** What numbers of a place or a size are called. */
const measures = new Set(
  "x y z w h x1 y1 x2 y2 cx cy xmin ymin xmax ymax width height size area lat lon lng latitude longitude".split(" ")
)

/** Whether a name is that of a place or a size rather than of a label: `x`, `width`, `x_min`. */
export const isMeasure = (name: string): boolean => measures.has(name.trim().toLowerCase().replaceAll(/[\s_-]+/g, ""))

/** Words that say something of a row, or of its picture, and not what is in it. */
const marks = new Set(
  ("checked verified reviewed approved confirmed valid invalid flag flagged blurry blurred occluded truncated " +
    "difficult ignore ignored crowd iscrowd duplicate cropped augmented synthetic done skip skipped usable").split(" ")
)

/** Whether a name is that of a mark rather than of a label: `is_blurry`, `hasText`, `checked`. */
export const isFlag = (name: string): boolean =>
  /^(?:is|has|was|needs)[\s_-]/i.test(name.trim()) || /^(?:[Ii]s|[Hh]as|[Ww]as|[Nn]eeds)\p{Lu}/u.test(name.trim()) ||
  marks.has(name.trim().toLowerCase().replaceAll(/[\s_-]+/g, ""))

/** A name without case, spaces and signs. */
export const key = (name: string): string => name.normalize("NFKC").toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "")

/** Whether a name is that of a half rather than of a label: `train`, `isTest`, `in_val`. `invalid` is none. */
export const isHalf = (name: string): boolean =>
  halfOf(key(name.trim().replace(/^(?:is|in(?=[\s_-]))/i, ""))) !== undefined

/** A note on labels with numbers that are called as marks or halves are, beside others that are not. */
export const flagged = (labels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = labels.filter((label) => isFlag(label) || isHalf(label))
  if (found.length === 0 || found.length === labels.length) return []
  const others = labels.filter((label) => !found.includes(label))
  const [reads, are, them] = found.length === 1
    ? ["reads as a mark", "is a label", "it"]
    : ["read as marks", "are labels", "them"]
  return [
    `${Quoted.names(found)} ${reads} of the row, and ${are} here: where that is wrong, take ${them} out of the data; ` +
    `${Quoted.labelsFlag(others)} sets the rows aside that have any of ${them}` +
    (found.some(isHalf) ? "; which half a row belongs to is said by \"split\": \"train\" or \"test\"" : "")
  ]
}

/** What parts several labels in one text. A comma stands in names, too. */
const parting = [";", "|", ","]

/** A note on labels that look like several in one text, by the rows that have them; none of a single row. */
export const several = (rows: ReadonlyMap<string, number>): ReadonlyArray<string> => {
  for (const sign of parting) {
    const parted = [...rows].flatMap(([label, count]) => {
      const parts = label.split(sign).map((part) => part.trim())
      return parts.length > 1 && parts.every((part) => part !== "") ? [{ label, count, parts }] : []
    })
    const count = parted.reduce((sum, { count }) => sum + count, 0)
    // The same part in two of them, or alone: a name with a comma in it has parts of its own.
    const seen = new Map<string, number>()
    for (const part of parted.flatMap(({ parts }) => [...new Set(parts)])) seen.set(part, (seen.get(part) ?? 0) + 1)
    const shared = parted.filter(({ parts }) => parts.some((part) => rows.has(part) || (seen.get(part) ?? 0) > 1))
    const [first] = shared
    if (count < 2 || first === undefined) continue
    return [
      `${Quoted.count(shared.length, "label")} with ${Quoted.quoted(sign)} ${shared.length === 1 ? "looks" : "look"} ` +
      `like several in one, ${Quoted.quoted(first.label)} first, and ${shared.length === 1 ? "is" : "each is"} read ` +
      "as one label: write a number for each label, or in tables and JSON lines a row for each, which is a vote"
    ]
  }
  return []
}

/** What programs and people write where there is no value. */
const noValue = /^(?:[-–—?.*_/]+|nan|n\.?\/?a\.?|nil|null|none|<na>|missing|unknown|[-+]?inf(?:inity)?|[-+]?∞)$/i
/** What spreadsheets write in the place of a value. */
const noResult = /^#(?:n\/?a|null!|ref!|value!|num!|name\?|div\/0!)$/i

/** Whether a text says that a value is missing, or is none that is finite. */
export const isMissing = (text: string): boolean => noValue.test(text.trim()) || noResult.test(text.trim())

/** A note on labels that read as if the label were missing. */
export const missing = (labels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found = labels.filter(isMissing)
  return found.length === 0 ? [] : [
    `${Quoted.names(found)} ${found.length === 1 ? "reads" : "read"} as if a label were missing, and ` +
    `${found.length === 1 ? "is a label" : "are labels"} here: where there is none, leave it empty`
  ]
}

/** Labels in order of their names; numbers in order of their values. */
export const sorted = (labels: ReadonlyArray<string>): ReadonlyArray<string> =>
  labels.every((label) => /^\d+$/.test(label))
    ? labels.toSorted((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
    : labels.toSorted()
