/**
 * What the numbers of a preprocessor_config.json can be at all: beyond, pixels would be no numbers, or no picture would
 * fit.
 */
import { Effect, Predicate } from "effect"
import * as Rules from "../math/Rules.ts"
import { ImageError } from "./ImageError.ts"

const { between, whole } = Rules

/** One number a channel. */
const three = (of: Rules.Rule): Rules.Rule => ({
  expected: `three numbers, each ${of.expected}`,
  holds: (value) => Array.isArray(value) && value.length === 3 && value.every(of.holds)
})

const pixels = whole(1, 2 ** 40)

const table: Rules.Table = {
  patch_size: whole(1, 256),
  temporal_patch_size: whole(1, 16),
  merge_size: whole(1, 16),
  min_pixels: pixels,
  max_pixels: pixels,
  "size.shortest_edge": pixels,
  "size.longest_edge": pixels,
  "size.min_pixels": pixels,
  "size.max_pixels": pixels,
  image_mean: three(between(-1000, 1000)),
  // Divided by: of pixels from 0 to 255 it must leave numbers that a model can read.
  image_std: three(between(1e-4, 1e4)),
  rescale_factor: between(1e-9, 1)
}

/** Fails at the first field that holds what it cannot, by its name. */
export const checkLimits = (file: string, config: unknown): Effect.Effect<void, ImageError> =>
  Effect.suspend(() => {
    const broken = Predicate.isObject(config) ? Rules.brokenIn(table, config) : undefined
    return broken === undefined ? Effect.void : Effect.fail(
      new ImageError({
        image: file,
        reason: `${broken.setting} is impossible`,
        found: broken.value.slice(0, 120),
        expected: broken.expected
      })
    )
  })
