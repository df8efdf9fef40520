/**
 * The vision towers of Qwen2-VL and Qwen2.5-VL: patch embedding, transformer blocks with 2-D rotary positions, patch
 * merger. Frames stand in it as `VisionLayout` places them.
 */
import {
  add,
  checkpoint,
  constant,
  equals,
  gelu,
  input,
  layerNorm,
  matmul,
  mul,
  quickGelu,
  reshape,
  rmsNorm,
  rotary,
  rowPositions,
  scalar,
  silu,
  slice,
  type Tensor,
  transpose,
  where
} from "../graph/index.ts"
import { attention, joinHeads } from "./Attention.ts"
import type { Config } from "./Config.ts"
import { adapted, biasedProduct, type Lookup } from "./Lookup.ts"
import { type VisionShape, windowSlots } from "./VisionLayout.ts"

/** Inputs of a tower run; `rows = frames · slots`. */
export interface VisionInputs extends VisionShape {
  /** `[rows, channels·temporalPatch·patch²]` */
  readonly patches: Tensor
  /** `[rows, headWidth / 2]`, as `sines` */
  readonly cosines: Tensor
  readonly sines: Tensor
  /** int32 `[rows]`: 1 where a patch stands; absent where no slot is empty. */
  readonly filled: Tensor | undefined
}

const EPSILON = 1e-6
const MASKED = -1e9

/**
 * The graph inputs that a tower is fed with: `patches`, `patchCosines`, `patchSines` and, where slots may be empty,
 * `patchFilled`.
 */
export const visionInputs = (
  { vision: { channels, heads, patch, temporalPatch, width } }: Config,
  shape: VisionShape
): VisionInputs => {
  const rows = shape.frames * shape.slots
  const half = width / heads / 2
  return {
    ...shape,
    patches: input("patches", [rows, channels * temporalPatch * patch * patch]),
    cosines: input("patchCosines", [rows, half]),
    sines: input("patchSines", [rows, half]),
    filled: shape.padded ? input("patchFilled", [rows], "i32") : undefined
  }
}

/** Visual tokens `[frames·slots / merge², width]`; which image's token a row is, `VisionLayout.tokenRows` says. */
export const vision = (config: Config, p: Lookup, inputs: VisionInputs): Tensor => {
  const { block, depth, heads, merge, width, windows } = config.vision
  const { cosines, filled, frames, patches, sines, slots } = inputs
  const rows = frames * slots
  const dense = (x: Tensor, name: string) => adapted(p, name, x, biasedProduct(p, name, x))
  const norm = (x: Tensor, name: string) =>
    block === "swiglu"
      ? rmsNorm(x, p(`${name}.weight`), EPSILON)
      : layerNorm(x, p(`${name}.weight`), p(`${name}.bias`), EPSILON)
  const feedForward = (x: Tensor, name: string) =>
    block === "swiglu"
      ? dense(mul(silu(dense(x, `${name}.gate_proj`)), dense(x, `${name}.up_proj`)), `${name}.down_proj`)
      : dense(quickGelu(dense(x, `${name}.fc1`)), `${name}.fc2`)
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

  const kernel = p("visual.patch_embed.proj.weight")
  let x = matmul(patches, reshape(kernel, [width, patches.shape[1] as number]), { transB: true })
  x = checkpoint(x)
  for (let i = 0; i < depth; i++) {
    const at = `visual.blocks.${i}`
    const length = windows === undefined || windows.full.includes(i) ? slots : windowSlots(config.vision)
    x = add(x, attend(norm(x, `${at}.norm1`), `${at}.attn`, length))
    x = add(x, feedForward(norm(x, `${at}.norm2`), `${at}.mlp`))
    x = checkpoint(x)
  }
  const merged = reshape(norm(x, "visual.merger.ln_q"), [rows / (merge * merge), width * merge * merge])
  return dense(gelu(dense(merged, "visual.merger.mlp.0")), "visual.merger.mlp.2")
}
