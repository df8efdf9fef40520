/**
 * The rows of a table as samples, once it is known which column is what.
 */
import { Effect, type FileSystem, Path, Result, Stream } from "effect"
import type { DataError, Dataset } from "../../../dsl/Dataset.ts"
import * as Divergence from "../../../kernels/math/Divergence.ts"
import * as Address from "../../Address.ts"
import * as Folder from "../../Folder.ts"
import * as PictureName from "../../PictureName.ts"
import * as Quoted from "../../Quoted.ts"
import type * as Rows from "../../Rows.ts"
import { samples as sifted } from "../../Rows.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import * as Names from "../Names.ts"
import * as Amounts from "./Amounts.ts"
import type { Truth } from "./Columns.ts"
import { type Located, pathOf } from "./Located.ts"
import type { Column } from "./Profile.ts"

/** A table and what its columns are. */
export interface Plan {
  readonly table: Table.Table
  /** The data set's folder, links resolved. */
  readonly root: string
  readonly image: Located
  readonly truth: Truth
  readonly split: Column | undefined
}

/** Which rows of a table are read: those of a half, or all of them. */
export type Part = Names.Half | "all"

type Bad<A> = Result.Result<A, Rows.BadRow>
const bad = (reason: string, detail: string): Bad<never> => Result.fail({ reason, detail })

/** Whether a row is of a part. What is wrong with a row of no part is told of the one to train on. */
const belongs = ({ split, table: { header } }: Plan, part: Part, read: Table.Record["cells"]): Bad<boolean> => {
  const first = part === "all" || part === "train"
  if (Result.isFailure(read)) return first ? Result.fail(read.failure) : Result.succeed(false)
  const cells = read.success
  if (cells.length !== header.length) {
    return first ? bad("wrong-cell-count", `${cells.length} cells, expected ${header.length}`) : Result.succeed(false)
  }
  if (split === undefined || part === "all") return Result.succeed(true)
  const cell = (cells[split.index] ?? "").trim()
  const half = Names.halfOf(cell)
  return half === undefined && first
    ? bad("unknown-split", `"${split.name}" is "${cell}", expected train, val or test`)
    : Result.succeed(half === part)
}

/** The id of a row's picture: its path from the data set's folder. */
const idOf = (path: Path.Path, { image, root }: Plan, cells: ReadonlyArray<string>): Bad<string> => {
  const name = (cells[image.column.index] ?? "").trim()
  if (name === "") return bad("no-image", "the name is empty")
  const named = Result.flatMap(
    PictureName.read(image.column.name, name),
    (found) =>
      Address.schemeOf(found) === undefined
        ? Result.succeed(pathOf(path, image, found))
        : (image.byAddress ?? Address.unknown)(found)
  )
  return Result.flatMap(named, (found) => Folder.within(path, root, found))
}

/** Whether a cell of a column of labels says that there is none. */
const isNone = (truth: Truth, cell: string): boolean =>
  truth._tag === "Label" && truth.numbered && Names.isMissing(cell)

/** What a pass over the labels of a part tells. */
export interface Tally {
  /** Rows by label. */
  readonly labels: ReadonlyMap<string, number>
  /** The labels of pictures in several rows, with how often each was given. */
  readonly several: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Why the first row with a label, but without a picture that could be one of the folder's, is not read. */
  readonly fault: Rows.BadRow | undefined
  /** Labels with white space around them, as they are written. */
  readonly spaced: ReadonlySet<string>
}

/** Counts the labels of a part, in a column of labels. Remembers ids. */
export const tally = (
  plan: Plan,
  column: Column,
  part: Part
): Effect.Effect<Tally, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const labels = new Map<string, number>()
    const first = new Map<string, string>()
    const several = new Map<string, Map<string, number>>()
    const spaced = new Set<string>()
    let fault: Rows.BadRow | undefined
    yield* Stream.runForEach(plan.table.records, ({ cells: read }) =>
      Effect.sync(() => {
        if (!Result.getOrElse(belongs(plan, part, read), () => false)) return
        const cells = Result.getOrElse(read, () => [])
        const id = idOf(path, plan, cells)
        const written = cells[column.index] ?? ""
        const label = written.trim()
        if (label === "" || isNone(plan.truth, label)) return
        if (Result.isFailure(id)) {
          fault ??= id.failure
          return
        }
        if (label !== written && spaced.size < 100) spaced.add(written)
        labels.set(label, (labels.get(label) ?? 0) + 1)
        const before = first.get(id.success)
        if (before === undefined) return void first.set(id.success, label)
        const given = several.get(id.success) ?? new Map([[before, 1]])
        several.set(id.success, given.set(label, (given.get(label) ?? 0) + 1))
      }))
    return { labels, several, spaced, fault }
  })

/** The labels of a picture, given once or by several, as a distribution. */
const sharesOf = (labels: ReadonlyArray<string>, given: ReadonlyMap<string, number>) =>
  Divergence.normalise(labels.map((label) => given.get(label) ?? 0))

/**
 * The samples of a part. `several` are the labels of pictures in several rows: such a picture comes once, with all of
 * them.
 */
export const samples = (
  plan: Plan,
  part: Part,
  source: string,
  labels: ReadonlyArray<string>,
  several: Tally["several"] = new Map()
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    const { root, table, truth } = plan
    const folder = yield* Folder.open(root, "the folder of the table's pictures")
    const known = new Set(labels)
    const seen = new Map<string, number>()

    /** The distribution of a row; none where an earlier row of the picture has given it. */
    const truthOf = (id: string, cells: ReadonlyArray<string>, row: number): Bad<ReadonlyArray<number> | undefined> => {
      const before = seen.get(id)
      if (truth._tag === "Amounts") {
        if (before !== undefined) return bad("duplicate-image", `image "${id}" was listed in row ${before}`)
        const { columns, values } = truth.amounts
        const other = Amounts.beyond(truth.amounts, table.number, cells)
        if (other !== undefined) {
          return bad(
            "unknown-label",
            `${Quoted.quoted(other.label)} is ${Quoted.quoted(other.cell)}, and is none of the labels ${
              Quoted.names(labels)
            }`
          )
        }
        const written = columns.map(({ index }) => table.number(cells[index] ?? ""))
        return Result.map(Shares.read(labels, written, 0.02, values), (shares) => {
          seen.set(id, row)
          return shares
        })
      }
      const label = (cells[truth.column.index] ?? "").trim()
      if (label === "") return bad("no-label", `"${truth.column.name}" of "${id}" is empty`)
      if (isNone(truth, label)) {
        return bad("not-a-number", `"${truth.column.name}" of "${id}" is ${Quoted.quoted(label)}, expected a number`)
      }
      if (!known.has(label)) {
        return bad("unknown-label", `${Quoted.quoted(label)} is none of the labels ${Quoted.names(labels)}`)
      }
      if (before !== undefined) return Result.succeed(undefined)
      seen.set(id, row)
      return Result.succeed(sharesOf(labels, several.get(id) ?? new Map([[label, 1]])))
    }

    return table.records.pipe(
      Stream.map(({ cells, row }) => ({ read: cells, row, mine: belongs(plan, part, cells) })),
      Stream.filter(({ mine }) => Result.getOrElse(mine, () => true)),
      Stream.map(({ mine, read, row }) => {
        const parsed = Result.gen(function*() {
          yield* mine
          const cells = yield* read
          const id = yield* idOf(path, plan, cells)
          return { id, truth: yield* truthOf(id, cells, row) }
        })
        const sample = Effect.gen(function*() {
          const { id, truth } = yield* Effect.fromResult(parsed)
          if (truth === undefined) return []
          const { image } = yield* folder.picture(id)
          return [{ image, truth }]
        })
        return { row, read: sample }
      }),
      sifted(source, "no rows below the header")
    )
  }))
