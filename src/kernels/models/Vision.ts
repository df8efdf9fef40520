/** Qwen2-VL's vision tower: patch embedding, transformer blocks with 2-D rotary positions, patch merger. */
import {
  add, checkpoint, constant, gelu, layerNorm, linear, matmul, quickGelu, reshape, rotary, rowPositions, slice, type Tensor, transpose
} from "../graph/index.ts"
import { attention, joinHeads } from "./Attention.ts"
import type { Config } from "./Config.ts"
import { adapted, type Lookup } from "./Lookup.ts"
import { visionAngles } from "./Rope.ts"

const EPSILON = 1e-6

/**
 * Visual tokens of images that share one grid.
 *
 * @param patches `[images·t·h·w, channels·temporalPatch·patch²]` in the pre-processor's merge-block order
 * @returns `[images·t·h·w / merge², width]`
 */
export const vision = (
  config: Config,
  p: Lookup,
  patches: Tensor,
  images: number,
  grid: readonly [number, number, number]
): Tensor => {
  const { depth, heads, merge, width } = config.vision
  const length = grid[0] * grid[1] * grid[2]
  // Frames attend within themselves; a still image has one.
  const [batch, frame] = [images * grid[0], grid[1] * grid[2]]
  const angles = visionAngles(config.vision, grid)
  const repeated = (table: Float32Array) => {
    const out = new Float32Array(table.length * images)
    for (let i = 0; i < images; i++) out.set(table, i * table.length)
    return constant(out, [images * length, width / heads / 2])
  }
  const cosines = repeated(angles.cosines)
  const sines = repeated(angles.sines)
  const positions = rowPositions(batch, frame)

  const kernel = p("visual.patch_embed.proj.weight")
  let x = matmul(patches, reshape(kernel, [width, patches.shape[1] as number]), { transB: true })
  x = checkpoint(x)
  const dense = (input: Tensor, name: string) => adapted(p, name, input, linear(input, p(`${name}.weight`), p(`${name}.bias`)))
  for (let i = 0; i < depth; i++) {
    const at = `visual.blocks.${i}`
    const norm = (name: string) => layerNorm(x, p(`${at}.${name}.weight`), p(`${at}.${name}.bias`), EPSILON)
    const qkv = transpose(reshape(dense(norm("norm1"), `${at}.attn.qkv`), [batch, frame, 3, heads, width / heads]), [2, 0, 3, 1, 4])
    const part = (k: number) => reshape(slice(qkv, 0, k, k + 1), [batch, heads, frame, width / heads])
    const attended = attention(
      rotary(part(0), positions, cosines, sines),
      rotary(part(1), positions, cosines, sines),
      part(2)
    )
    x = add(x, dense(joinHeads(attended), `${at}.attn.proj`))
    x = add(x, dense(quickGelu(dense(norm("norm2"), `${at}.mlp.fc1`)), `${at}.mlp.fc2`))
    x = checkpoint(x)
  }
  const unit = layerNorm(x, p("visual.merger.ln_q.weight"), p("visual.merger.ln_q.bias"), EPSILON)
  const merged = reshape(unit, [images * length / (merge * merge), width * merge * merge])
  return dense(gelu(dense(merged, "visual.merger.mlp.0")), "visual.merger.mlp.2")
}
