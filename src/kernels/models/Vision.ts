/**
 * The vision towers: patch embedding, transformer blocks with 2-D rotary positions, patch merger. Frames stand in it as
 * `VisionLayout` places them; what one kind of block differs in from another is in `VisionBlock`.
 */
import {
  add,
  checkpoint,
  concat,
  constant,
  equals,
  gather,
  gelu,
  input,
  matmul,
  mul,
  reshape,
  rotary,
  rowPositions,
  scalar,
  slice,
  sum,
  type Tensor,
  transpose,
  where
} from "../graph/index.ts"
import { attention, joinHeads, MASKED } from "./Attention.ts"
import type { Config } from "./Config.ts"
import { adapted, biasedProduct, type Lookup } from "./Lookup.ts"
import { kinds, norm } from "./VisionBlock.ts"
import { type VisionShape, windowSlots } from "./VisionLayout.ts"
import { TAPS } from "./VisionPlaces.ts"

/** Learned positions that each patch is given a mixture of. */
export interface Places {
  /** int32 `[rows, TAPS]`: rows of the learned square. */
  readonly taps: Tensor
  /** `[rows, TAPS]` */
  readonly weights: Tensor
}

/** Inputs of a tower run; `rows = frames · slots`. */
export interface VisionInputs extends VisionShape {
  /** `[rows, channels·temporalPatch·patch²]` */
  readonly patches: Tensor
  /** `[rows, headWidth / 2]`, as `sines` */
  readonly cosines: Tensor
  readonly sines: Tensor
  /** int32 `[rows]`: 1 where a patch stands; absent where no slot is empty. */
  readonly filled: Tensor | undefined
  /** Absent where the tower has no learned positions. */
  readonly places?: Places | undefined
}

/**
 * The graph inputs that a tower is fed with: `patches`, `patchCosines`, `patchSines`; where slots may be empty,
 * `patchFilled`; where it has learned positions, `patchTaps` and `patchTapWeights`.
 */
export const visionInputs = (
  { vision: { channels, heads, patch, places, temporalPatch, width } }: Config,
  shape: VisionShape
): VisionInputs => {
  const rows = shape.frames * shape.slots
  const half = width / heads / 2
  return {
    ...shape,
    patches: input("patches", [rows, channels * temporalPatch * patch * patch]),
    cosines: input("patchCosines", [rows, half]),
    sines: input("patchSines", [rows, half]),
    filled: shape.padded ? input("patchFilled", [rows], "i32") : undefined,
    ...(places !== undefined && {
      places: { taps: input("patchTaps", [rows, TAPS], "i32"), weights: input("patchTapWeights", [rows, TAPS]) }
    })
  }
}

/** The learned positions of patches `[rows, width]`. */
const placed = (p: Lookup, { taps, weights }: Places): Tensor =>
  sum(mul(gather(p("visual.pos_embed.weight"), taps), reshape(weights, [...weights.shape, 1])), [1])

/**
 * Visual tokens `[frames·slots / merge², visualWidth]`; which image's token a row is, `VisionLayout.tokenRows` says.
 */
export const vision = (config: Config, p: Lookup, inputs: VisionInputs): Tensor => {
  const { block, deepstack, depth, heads, merge, width, windows } = config.vision
  const { cosines, filled, frames, patches, places, sines, slots } = inputs
  const rows = frames * slots
  const kind = kinds[block]
  const dense = (x: Tensor, name: string) => adapted(p, name, x, biasedProduct(p, name, x))
  /** Everything within a stretch of `length` slots sees each other: a frame, or a window. */
  const attend = (x: Tensor, name: string, length: number) => {
    const batch = rows / length
    const qkv = transpose(reshape(dense(x, `${name}.qkv`), [batch, length, 3, heads, width / heads]), [2, 0, 3, 1, 4])
    const part = (k: number) => reshape(slice(qkv, 0, k, k + 1), [batch, heads, length, width / heads])
    const positions = rowPositions(batch, length)
    const turned = (k: number) => rotary(part(k), positions, cosines, sines)
    const bias = filled &&
      reshape(where(equals(filled, constant(Int32Array.of(1), [])), scalar(0), scalar(MASKED)), [batch, 1, 1, length])
    return dense(joinHeads(attention(turned(0), turned(1), part(2), bias)), `${name}.proj`)
  }
  const merged = [rows / (merge * merge), width * merge * merge]
  const merger = (x: Tensor, at: string) => {
    const { first, second } = kind.merger
    return dense(gelu(dense(x, `${at}.${first}`)), `${at}.${second}`)
  }

  const kernel = reshape(p("visual.patch_embed.proj.weight"), [width, patches.shape[1] as number])
  let x = matmul(patches, kernel, { transB: true })
  if (kind.patchBias) x = add(x, p("visual.patch_embed.proj.bias"))
  if (places !== undefined) x = add(x, placed(p, places))
  x = checkpoint(x)
  /** What the decoder's first layers are given, of blocks within: normed as the visual tokens that patches make. */
  const levels: Array<Tensor> = []
  for (let i = 0; i < depth; i++) {
    const at = `visual.blocks.${i}`
    const length = windows === undefined || windows.full.includes(i) ? slots : windowSlots(config.vision)
    x = add(x, attend(norm(kind, p, x, `${at}.norm1`), `${at}.attn`, length))
    x = add(x, kind.feedForward((x, name) => dense(x, `${at}.mlp.${name}`), norm(kind, p, x, `${at}.norm2`)))
    x = checkpoint(x)
    if (deepstack.includes(i)) {
      const own = `visual.deepstack_merger_list.${levels.length}`
      levels.push(merger(norm(kind, p, reshape(x, merged), `${own}.${kind.merger.norm}`), own))
    }
  }
  const last = reshape(norm(kind, p, x, `visual.merger.${kind.merger.norm}`), merged)
  const tokens = merger(last, "visual.merger")
  return levels.length === 0 ? tokens : concat([tokens, ...levels], 1)
}
