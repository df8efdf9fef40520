/** What towers differ in, by the kind of their blocks: names and shapes of parameters beside the arithmetic on them. */
import { geluTanh, layerNorm, mul, quickGelu, rmsNorm, silu, type Tensor } from "../graph/index.ts"
import type { Lookup } from "./Lookup.ts"

/**
 * `quickGelu`: layer norms and a two-matrix MLP (Qwen2-VL). `swiglu`: root-mean-square norms and a gated one
 * (Qwen2.5-VL). `geluTanh`: layer norms, a two-matrix MLP with another activation, a bias on the patches (Qwen3-VL).
 */
export type BlockKind = "quickGelu" | "swiglu" | "geluTanh"

/** A linear layer of a block, by its name in there. */
type Dense = (x: Tensor, name: string) => Tensor

export interface Block {
  /** Layer norms have a bias, root-mean-square norms none. */
  readonly norm: "layer" | "rms"
  /** Linear layers of the MLP: `wide` ones lead to its inner width, `back` ones from there. */
  readonly mlp: ReadonlyArray<readonly [name: string, way: "wide" | "back"]>
  readonly feedForward: (dense: Dense, x: Tensor) => Tensor
  /** Names of the merger's norm and of its two linear layers. */
  readonly merger: { readonly norm: string; readonly first: string; readonly second: string }
  readonly patchBias: boolean
}

export const kinds: Readonly<Record<BlockKind, Block>> = {
  quickGelu: {
    norm: "layer",
    mlp: [["fc1", "wide"], ["fc2", "back"]],
    feedForward: (dense, x) => dense(quickGelu(dense(x, "fc1")), "fc2"),
    merger: { norm: "ln_q", first: "mlp.0", second: "mlp.2" },
    patchBias: false
  },
  swiglu: {
    norm: "rms",
    mlp: [["gate_proj", "wide"], ["up_proj", "wide"], ["down_proj", "back"]],
    feedForward: (dense, x) => dense(mul(silu(dense(x, "gate_proj")), dense(x, "up_proj")), "down_proj"),
    merger: { norm: "ln_q", first: "mlp.0", second: "mlp.2" },
    patchBias: false
  },
  geluTanh: {
    norm: "layer",
    mlp: [["linear_fc1", "wide"], ["linear_fc2", "back"]],
    feedForward: (dense, x) => dense(geluTanh(dense(x, "linear_fc1")), "linear_fc2"),
    merger: { norm: "norm", first: "linear_fc1", second: "linear_fc2" },
    patchBias: true
  }
}

const EPSILON = 1e-6

/** The norm called `name`. */
export const norm = ({ norm }: Block, p: Lookup, x: Tensor, name: string): Tensor =>
  norm === "rms"
    ? rmsNorm(x, p(`${name}.weight`), EPSILON)
    : layerNorm(x, p(`${name}.weight`), p(`${name}.bias`), EPSILON)
