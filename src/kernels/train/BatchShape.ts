/** What is fixed of a batch when its graph is built. */
import type { GroupShape, VisionLayout } from "../models/index.ts"

/** Static shape of a batch. */
export interface BatchShape {
  readonly batch: number
  /** Tokens a sequence, padded. */
  readonly length: number
  /** Rows that carry loss or are scored, padded. */
  readonly rows: number
  /** Room for candidates that attend as groups; absent: every sequence is one square of scores. */
  readonly groups?: GroupShape | undefined
  /**
   * Where visual tokens come from: `none`, ready-made `features` (frozen tower), or `pixels` through the tower, so that
   * it can be trained.
   */
  readonly visual:
    | { readonly kind: "none" }
    | { readonly kind: "features"; readonly rows: number }
    | { readonly kind: "pixels" } & VisionLayout.VisionShape
  readonly temperature: number
  /** Rows of hidden states after inner layers (counted from 1) that carry loss as well, padded. */
  readonly inner?: ReadonlyArray<{ readonly layer: number; readonly rows: number }> | undefined
  /** States of the grammar, when tokens are scored under one or the mass outside of it is held down. */
  readonly grammarStates: number | undefined
  /** Sequences that the rows are of, padded: where a ratio is of a sequence (`Form.ratio`). */
  readonly sequences?: number | undefined
}
