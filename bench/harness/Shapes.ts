/**
 * The two decoder sizes of the benches, the same as SHAPES in bench/peers/decoder.py. Text only: the tower is not
 * timed.
 */
import { Effect } from "effect"
import { type Config, Initialize, Parameters } from "../../src/kernels/models/index.ts"
import { ParameterStore } from "../../src/kernels/train/index.ts"

const decoder = (
  { heads, kvHeads, layers, mlpWidth, vocabulary, width }: Pick<
    Config.Config,
    "heads" | "kvHeads" | "layers" | "mlpWidth" | "vocabulary" | "width"
  >
): Config.Config => {
  const half = width / heads / 2
  const side = Math.floor(half * 3 / 8)
  return {
    modelType: "qwen2_vl",
    attention: "biased",
    mrope: "stretches",
    names: "published",
    vocabulary,
    width,
    mlpWidth,
    layers,
    heads,
    kvHeads,
    headWidth: width / heads,
    normEpsilon: 1e-6,
    ropeTheta: 1_000_000,
    mropeSection: [half - 2 * side, side, side],
    maxPositions: 32768,
    tied: true,
    imageToken: vocabulary - 1,
    videoToken: vocabulary - 2,
    vision: {
      depth: 1,
      width: 32,
      heads: 2,
      mlpWidth: 32,
      patch: 14,
      temporalPatch: 2,
      merge: 2,
      channels: 3,
      ropeTheta: 10_000,
      block: "quickGelu",
      windows: undefined,
      positionsPerSecond: undefined,
      places: undefined,
      deepstack: []
    }
  }
}

export const sizes = {
  "2M": decoder({ width: 192, layers: 4, heads: 6, kvHeads: 2, mlpWidth: 512, vocabulary: 2048 }),
  "27M": decoder({ width: 512, layers: 8, heads: 8, kvHeads: 2, mlpWidth: 1408, vocabulary: 8192 })
} as const
export type Size = keyof typeof sizes

/** The decoder's parameters with random values, in one store. */
export const randomStore = Effect.fnUntraced(function*(config: Config.Config) {
  const store = yield* ParameterStore.make(Parameters.specs(config).filter(({ part }) => part === "decoder"))
  for (const { data, name } of Initialize.random(config, 0)) {
    if (store.slices.has(name)) yield* ParameterStore.set(store, name, data)
  }
  return store
})
