/**
 * Rows of somebody's data, as far as they can be read without their pictures.
 */
import type { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import type * as Folder from "../Folder.ts"
import type { BadRow } from "../Rows.ts"
import type { Box } from "./BoxForms.ts"
import type { Weights } from "./Labels.ts"
import type { Find } from "./Pictures.ts"

/** The boxes of a picture. */
export interface Drawn {
  readonly kind: "boxes"
  readonly boxes: ReadonlyArray<Box>
}

export interface Row {
  /** Names it in the quarantine. From 1. */
  readonly row: number
  /** The name of its picture. */
  readonly picture: Result.Result<string, BadRow>
  /** The picture itself, where the row holds it. Otherwise it is found by its name. */
  readonly held?: Effect.Effect<Folder.Picture, BadRow>
  /** The half that it says it belongs to. */
  readonly split: Option.Option<string>
  readonly said: Result.Result<Weights | Drawn, BadRow>
  /** What it asks of its picture, where it is a conversation. */
  readonly question?: string
  /** Names of its fields, where it has such: those that something is read from, and the others. */
  readonly keys?: { readonly read: ReadonlyArray<string>; readonly left: ReadonlyArray<string> }
}

/** Rows of one file, or of what stands for one. */
export interface Part {
  /** Names it in the quarantine. */
  readonly source: string
  /** What a row is called there. */
  readonly unit: string
  readonly rows: Stream.Stream<Row, DataError, FileSystem.FileSystem | Path.Path>
  /** The same without the pictures that rows hold, where that is less to read. Default: `rows`. */
  readonly brief?: Part["rows"]
  /** Lets go of what is held for several passes, after the last that needs it. */
  readonly release?: Effect.Effect<void>
  readonly find: Find
}
