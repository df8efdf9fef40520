/**
 * The option `augment` of training stages: every time that a picture is learned from it is changed a little, so that
 * few pictures are learned by heart later. Not in the paper.
 */
import { Effect } from "effect"
import * as Image from "../../kernels/image/Image.ts"
import type { Variation } from "../../kernels/image/Variation.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { Run } from "../Run.ts"
import type { Task } from "../Task.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting } from "./StageError.ts"

/**
 * Refuses to mirror or to move pictures whose annotation says where something is, and a record without any change in
 * it. One that is switched off, such as `{ flip: false }`, asks for nothing.
 */
export const fits = <A>(
  stage: string,
  task: Task<A>,
  { augment }: Pick<Settings.TrainOptions, "augment">
): Effect.Effect<void, BadSetting> => {
  if (augment === undefined || augment === null) return Effect.void
  const { flip = false, shift = 0 } = augment
  const moves = flip ? "flip" : shift > 0 ? "shift" : undefined
  if (moves !== undefined && task.placeless !== true) {
    return Settings.refuse(stage, {
      setting: `augment.${moves}`,
      value: String(augment[moves]),
      expected: `none for task "${task.name}", whose annotations may say where things are. Brightness alone can be ` +
        "changed; a task of your own that does not mind says placeless: true"
    })
  }
  return [augment.flip, augment.shift, augment.brightness].some((part) => part !== undefined) ?
    Effect.void :
    Settings.refuse(stage, {
      setting: "augment",
      value: JSON.stringify(augment),
      expected: "flip, shift or brightness, or no augment"
    })
}

const variation = (key: string, seed: number, { brightness = 0, flip = false, shift = 0 }: Settings.Augmenting) => {
  const { next } = Keyed.stream(seed, key)
  const around = (most: number) => most * (2 * next() - 1)
  // All four are drawn whatever is asked for: one option more leaves the others' draws as they were.
  const [coin, right, down, light] = [next(), around(shift), around(shift), 1 + around(brightness)]
  return { mirrored: flip && coin < 0.5, right, down, light } satisfies Variation
}

/** The function that changes a stage's samples, each by a key of its own: the same seed, the same pixels. */
export const make = Effect.fnUntraced(function*({ augment }: Pick<Settings.TrainOptions, "augment">) {
  const { seed } = yield* Run
  const { brightness = 0, flip = false, shift = 0 } = augment ?? {}
  const changes = flip || shift > 0 || brightness > 0
  return <S extends { readonly image: Image.Image }>(key: string, samples: ReadonlyArray<S>): ReadonlyArray<S> =>
    !changes ? samples : samples.map((sample, i) => {
      const own = `${key}/augment/${i}`
      return {
        ...sample,
        image: Image.varied(
          `${sample.image.id}~${own}`,
          sample.image,
          variation(own, seed, { brightness, flip, shift })
        )
      }
    })
})
