/**
 * What the rows of a data set say, counted in one pass before any picture is opened.
 */
import { Option, Result } from "effect"
import * as Address from "../Address.ts"
import { inUnits } from "../BoxPlace.ts"
import * as Marks from "../Marks.ts"
import type { Box } from "./BoxForms.ts"
import type { Weights } from "./Labels.ts"
import type { Row } from "./Row.ts"
import * as Scale from "./Scale.ts"

export interface Survey {
  /** Rows with labels, with boxes, and with an empty list of boxes. */
  readonly classes: number
  readonly boxes: number
  readonly empty: number
  /** Rows (or boxes) by label, as far as labels are short enough to be some. */
  readonly labels: ReadonlyMap<string, number>
  /** Those of `labels` that rows to train on have. */
  readonly trained: ReadonlySet<string>
  /** Labels that are too long, or too many, to be kept. */
  readonly texts: number
  /** How labels are told: rows by kind. */
  readonly told: ReadonlyMap<Weights["told"], number>
  readonly scale: Scale.Tally
  /** Whether every row so far has all of its mass on one label. */
  readonly single: boolean
  /** Whether a number of a box is beyond 1. */
  readonly beyond: boolean
  /** Forms of boxes, by the field that they stand in. */
  readonly forms: ReadonlyMap<string, Box>
  /** Pictures with several rows, and whether these always say the same label. */
  readonly repeated: number
  readonly agreed: boolean
  /** Rows whose picture is named by an address. */
  readonly addresses: number
  /** Different questions of conversations, counted up to `mostQuestions`. */
  readonly questions: number
  /** What there is to say of how boxes are marked. */
  readonly marks: ReadonlyArray<string>
  /** Fields of rows that nothing is read from, in any row. */
  readonly left: ReadonlyArray<string>
}

/** Longest label that is kept. */
const longest = 1000
/** Most labels that are kept. */
const most = 100_000

/** Fields that are told apart. */
const mostKeys = 1000

/** Questions that are told apart. */
export const mostQuestions = 1000

/** Counts rows, one after the other. The maps it gives grow with the next row. */
export const counter = () => {
  const labels = new Map<string, number>()
  const trained = new Set<string>()
  const told = new Map<Weights["told"], number>()
  const forms = new Map<string, Box>()
  const pictures = new Map<string, string | undefined>()
  const again = new Set<string>()
  const questions = new Set<string>()
  const marks = Marks.counter()
  const [read, left] = [new Set<string>(), new Set<string>()]
  const note = (known: Set<string>, names: ReadonlyArray<string>) => {
    for (const name of names) if (known.size < mostKeys) known.add(name)
  }
  let [classes, boxes, empty, texts, addresses] = [0, 0, 0, 0, 0]
  let scale = Scale.none
  let [single, beyond, agreed] = [true, false, true]

  const label = (name: string, isTrained: boolean) => {
    const before = labels.get(name)
    if (before === undefined && (name.length > longest || labels.size >= most)) texts++
    else {
      labels.set(name, (before ?? 0) + 1)
      if (isTrained) trained.add(name)
    }
  }
  const draw = (box: Box, isTrained: boolean) => {
    const key = `${box.field} ${box.form}`
    if (!forms.has(key)) forms.set(key, box)
    marks.add(box)
    beyond ||= !inUnits(box.form) && box.numbers.some((value) => Math.abs(value) > 1)
    if (Option.isSome(box.label)) label(box.label.value, isTrained)
  }
  return {
    /** `source`: the part that the row is of: names are told apart by it. `isTrained`: whether it is to train on. */
    add: ({ keys, picture: name, question, said }: Row, source: string, isTrained: boolean): void => {
      note(read, keys?.read ?? [])
      note(left, keys?.left ?? [])
      if (question !== undefined && questions.size < mostQuestions) questions.add(question)
      const picture = Result.map(name, (name) => `${source}\u0000${name}`)
      if (Result.isSuccess(name) && Address.schemeOf(name.success) !== undefined) addresses++
      if (Result.isSuccess(picture)) {
        const only = Result.isSuccess(said) && said.success.kind === "weights" ? [...said.success.weights.keys()] : []
        const label = only.length === 1 ? only[0] : undefined
        const isKnown = pictures.has(picture.success)
        agreed &&= !isKnown || pictures.get(picture.success) === label
        if (isKnown) again.add(picture.success)
        pictures.set(picture.success, label)
      }
      if (Result.isFailure(said)) return
      const row = said.success
      if (row.kind === "boxes") {
        if (row.boxes.length > 0) boxes++
        else empty++
        for (const box of row.boxes) draw(box, isTrained)
        return
      }
      classes++
      told.set(row.told, (told.get(row.told) ?? 0) + 1)
      const weights = [...row.weights.values()]
      if (row.told === "numbers" || row.told === "vector") scale = Scale.add(scale, weights)
      single &&= weights.filter((weight) => weight > 0).length === 1
      for (const name of row.weights.keys()) label(name, isTrained)
    },
    survey: (): Survey => ({
      ...{ classes, boxes, empty, labels, trained, texts, told, scale, single, beyond, forms, agreed, addresses },
      repeated: again.size,
      questions: questions.size,
      marks: marks.notes(),
      left: [...left].filter((name) => !read.has(name))
    })
  }
}
