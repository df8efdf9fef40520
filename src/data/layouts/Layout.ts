/**
 * What a folder of somebody's own pictures turns out to hold, whichever way it is laid out.
 *
 * A layout looks at a folder and says whether it knows it; then it finds labels and halves by itself. Nothing is asked
 * of the user, and what was understood is said in `notes`.
 */
import type { Effect, FileSystem, Option, Path } from "effect"
import type { DataError, Dataset } from "../../dsl/Dataset.ts"
import type { Instances } from "../Instances.ts"

type Samples<A> = Dataset<A, DataError, FileSystem.FileSystem | Path.Path>

/** What the user says of the data, if anything: it goes before what is found. */
export interface Hints {
  /** The labels, in this order; others in the data are set aside with their rows. */
  readonly labels: Option.Option<ReadonlyArray<string>>
  /** Whether pictures of one label are enough, as where a model is only measured. Default false. */
  readonly few?: boolean
  /** What is to be read where pictures have both, as tasks of Label Studio may; default: what most of them have. */
  readonly kind?: "classes" | "boxes"
}

interface Halves<A> {
  /** As in "class folders": how a terminal names it. */
  readonly layout: string
  /** Found in the data, in order of their names, unless hinted. */
  readonly labels: ReadonlyArray<string>
  /** Replayable. Rows that cannot be used are set aside. */
  readonly train: Samples<A>
  /** None where the data has no part to test on. */
  readonly test: Option.Option<Samples<A>>
  /** One line each on what was understood, such as "votes: rows sum to 10, read as shares". */
  readonly notes: ReadonlyArray<string>
}

/** Pictures with a distribution over labels; `single` where every one has all of its mass on one label. */
export interface Classes extends Halves<ReadonlyArray<number>> {
  readonly kind: "classes"
  readonly single: boolean
}

/** Pictures with boxes. */
export interface Boxes extends Halves<Instances> {
  readonly kind: "boxes"
}

/** What a folder holds. */
export type Found = Classes | Boxes

/** A way of laying out a data set. */
export interface Layout {
  /** As in "class folders". */
  readonly name: string
  /** What it looks like, for the error that lists what is read: "sun/1.png, rain/2.png: one folder per label". */
  readonly example: string
  /**
   * None where the folder (or the single file that the path names) is not laid out this way. A folder that is, but
   * cannot be read, is an error.
   */
  readonly open: (
    path: string,
    hints: Hints
  ) => Effect.Effect<Option.Option<Found>, DataError, FileSystem.FileSystem | Path.Path>
}
