/** What sampling and training share: the model, its open sessions and its images. */
import { Effect } from "effect"
import type { Image } from "../../kernels/image/Image.ts"
import type { Lookup } from "../../kernels/models/index.ts"
import type { HostTensor, Runtime, SharedPool } from "../../kernels/runtime/index.ts"
import type { Prompt } from "../Policy.ts"
import * as ContextLimit from "./ContextLimit.ts"
import type { Grid } from "./Features.ts"
import type { Images } from "./Images.ts"
import type { Model } from "./Model.ts"
import type { PositionTable } from "./PackedSequences.ts"
import type { Sessions } from "./SessionCache.ts"
import type { Decode } from "./Settings.ts"

export interface PolicyContext {
  readonly model: Model
  readonly runtime: Runtime.Runtime["Service"]
  readonly sessions: Sessions
  readonly images: Images
  /** What runs are fed from. */
  readonly memory: SharedPool.SharedPool
  readonly positions: PositionTable
  /** The model's parameters as inputs of a graph, its adapter's included. */
  readonly parameters: () => Lookup
  /** Live weights by parameter name. */
  readonly weights: Readonly<Record<string, HostTensor.HostTensor>>
  /** How often the weights have changed: what was made of an older version is out of date. */
  readonly version: () => number
  /** Least and greatest number of weights that rollouts prepack into their sessions; outside it they are read live. */
  readonly packFrom: readonly [number, number]
  readonly seed: number
  /** Sequences of a training or scoring run on one worker. */
  readonly microBatch: number
  /** Tokens of a training or scoring run on one worker, padding included. */
  readonly microTokens: number
  /** Whether layers are computed again for the backward pass instead of being kept. */
  readonly recompute: boolean
  /** Prompts × candidates decoded together on one worker. */
  readonly rolloutRows: number
  /** Whether a rollout is one graph, or one run a token with its state on the device. */
  readonly decode: Decode
}

const imagesOf = (asked: ReadonlyArray<Asked>): ReadonlyArray<Image> => asked.flatMap(({ prompt }) => prompt.images)

/** A prompt and the number of tokens that follow it: what has to fit the model. */
export interface Asked {
  readonly prompt: Prompt
  readonly following: number
  /** The key of the request, where texts are drawn. */
  readonly key?: string
}

/** Prompts with their images' visual tokens. */
export const withFeatures = Effect.fnUntraced(function*(context: PolicyContext, asked: ReadonlyArray<Asked>) {
  const features = yield* context.images.features(imagesOf(asked))
  return { features, encoded: yield* encode(context, asked, features) }
})

/** Prompts with their images, for runs that cut these into patches and go through the tower. */
export const withPatches = Effect.fnUntraced(function*(context: PolicyContext, asked: ReadonlyArray<Asked>) {
  const cuts = yield* context.images.cuts(imagesOf(asked))
  return { cuts, encoded: yield* encode(context, asked, cuts) }
})

/** Fails where prompts do not fit, with all of them. */
const encode = Effect.fnUntraced(function*(
  context: PolicyContext,
  asked: ReadonlyArray<Asked>,
  known: ReadonlyMap<Image, { readonly grid: Grid }>
) {
  const tooLong: Array<ContextLimit.TokenBudgetError> = []
  const encoded = yield* Effect.forEach(asked, ({ following, key, prompt }) => {
    const grids = prompt.images.flatMap((image) => {
      const grid = known.get(image)?.grid
      return grid === undefined ? [] : [grid]
    })
    return Effect.tap(
      context.model.encoder.prompt(prompt, grids),
      (encoded) =>
        Effect.catch(
          ContextLimit.check(context.model, encoded, following, key),
          (error) => Effect.sync(() => void tooLong.push(error))
        )
    )
  })
  const [first, ...others] = tooLong
  return first === undefined ? encoded : yield* ContextLimit.together([first, ...others])
})
