/** The first test scene of the embedded world, as PNG. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Stream } from "effect"
import sharp from "sharp"
import { Scenes } from "../../src/data/index.ts"
import { Decode } from "../../src/kernels/image/index.ts"

export const scene = Scenes.dataset({ split: "test", limit: 1 }).pipe(
  Stream.mapEffect(({ image }) => Decode.load(image)),
  Stream.mapEffect(({ data, height, width }) =>
    Effect.promise(() => sharp(data, { raw: { width, height, channels: 3 } }).png().toBuffer())
  ),
  Stream.runHead,
  Effect.flatMap(Effect.fromOption),
  Effect.provide(NodeServices.layer)
)
