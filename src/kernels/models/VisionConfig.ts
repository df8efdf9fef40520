/** What a vision tower is, whatever family it is of. */
import type { BlockKind } from "./VisionBlock.ts"

export interface VisionConfig {
  readonly depth: number
  readonly width: number
  readonly heads: number
  readonly mlpWidth: number
  readonly patch: number
  readonly temporalPatch: number
  readonly merge: number
  readonly channels: number
  readonly ropeTheta: number
  /** Norms, MLP and merger: `VisionBlock.kinds` says what each kind is. */
  readonly block: BlockKind
  /**
   * Blocks attend within windows of `side` × `side` visual tokens, but for those numbered in `full` (Qwen2.5-VL, 2.1).
   */
  readonly windows: { readonly side: number; readonly full: ReadonlyArray<number> } | undefined
  /** Temporal positions in a second of video (Qwen2.5-VL); undefined: one a frame, whatever its time (Qwen2-VL). */
  readonly positionsPerSecond: number | undefined
  /**
   * Side of the square of learned positions that is stretched over each picture (Qwen3-VL); undefined: patches know
   * their places by rotary positions alone.
   */
  readonly places: number | undefined
  /**
   * Blocks, from 0 and in order, whose output goes to the decoder as well: that of the n-th is added behind its layer n
   * (DeepStack, Meng et al. 2024). Empty: the decoder is given the last block's alone.
   */
  readonly deepstack: ReadonlyArray<number>
}
