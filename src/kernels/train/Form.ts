/** What a group-relative loss is made of. All of it has a default: the clipped surrogate of GRPO with a k3 penalty. */
import type { Divergence } from "./divergences.ts"
import type { Surrogate } from "./surrogates.ts"

/** What is left out is the first of each. */
export interface Form {
  readonly surrogate?: Surrogate
  /** Whether a token has a ratio of its own, or that of its sequence. */
  readonly ratio?: "token" | "sequence"
  readonly divergence?: Divergence
  /** Whether entropy is paid for. */
  readonly entropy?: boolean
}
