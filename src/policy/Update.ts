/** One update: its settings, and the figures that it tells. */
/** Settings of one AdamW step. */
export interface UpdateOptions {
  /** Learning rate of this step. */
  readonly learningRate: number
  /** Default 0.1; norms and biases are spared. */
  readonly weightDecay?: number
  /** Global gradient norm above which gradients are scaled down. Default 1. */
  readonly clipNorm?: number
}

/** Figures of a format loss. */
export interface FormatStats {
  /** Mean over the texts' tokens, nats, before it is weighted. */
  readonly loss: number
  /** Share of the texts that left their grammar. */
  readonly left: number
  /** Tokens of the texts, up to where each left. */
  readonly tokens: number
}

/** What had to be made good of rollouts that another policy drew (`Policy.split`). */
export interface CorrectionStats {
  /** Rollouts that were left out: too old, or impossible for the policy that learns. */
  readonly dropped: number
  /** Mean importance weight of the tokens that were learned from, after truncation. */
  readonly importance: number
  /** Share of those tokens whose weight was truncated. */
  readonly truncated: number
  /** Mean of |log π(trainer) − log π(sampler)| over those tokens, in nats. */
  readonly gap: number
}

/**
 * Ratios of the policy that learns to the one that drew, as the loss takes them (of gspo: one a sequence), over the
 * tokens that carried it, by the weights that the last inner update began with.
 */
export interface RatioStats {
  readonly mean: number
  readonly max: number
  /** Share of tokens that the lower bound holds. */
  readonly low: number
  /** Share of tokens that the upper bound holds. */
  readonly high: number
}

/** Figures of one update. */
export interface UpdateStats {
  /** Version of the new weights. */
  readonly version: number
  /** Of everything that was minimised, a format loss with its weight included. */
  readonly loss: number
  /** Global norm before clipping. Absent where an engine does not tell it. */
  readonly gradNorm?: number
  /** Mean estimate in nats per token (`klEstimator`, k3 by default); 0 without a reference. */
  readonly kl: number
  /** Share of tokens whose ratio was clipped. */
  readonly clipFraction: number
  /** Of the ratios that were clipped. */
  readonly ratios?: RatioStats
  /** Mean entropy of the tokens' distributions in nats, where the objective pays for it. */
  readonly entropy?: number
  /** Tokens that carried the objective's own loss. */
  readonly tokens: number
  /** Of a format loss beside the objective. */
  readonly format?: FormatStats
  /** Of rollouts that another policy drew. */
  readonly correction?: CorrectionStats
}
