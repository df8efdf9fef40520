/** The embedded checkpoints can do what their model cards say, measured on fewer scenes. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { evaluate, type Figures } from "../../../scripts/pretrain/Evaluate.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { OnnxPolicy } from "../../../src/policy/index.ts"

const wanted: Readonly<Record<string, Partial<Figures>>> = {
  "scene-vl": { cueRecall: 0.95, cuePrecision: 0.95, validThinkAnswers: 0.8, groundingIou: 0.45 },
  "scene-vl-places": {
    cueRecall: 0.95,
    cuePrecision: 0.95,
    validThinkAnswers: 0.8,
    groundingIou: 0.75,
    objectGroundingIou: 0.7,
    rebuiltIou: 0.7
  }
}

describe("embedded checkpoints", () => {
  for (const [name, figures] of Object.entries(wanted)) {
    it.live(name, () =>
      Effect.gen(function*() {
        const found = yield* evaluate(60)
        for (const figure of Object.keys(figures) as ReadonlyArray<keyof Figures>) {
          assert.isAtLeast(found[figure], figures[figure]!, figure)
        }
        // Neither has met an emotion label: no nearer to the truth than a guess.
        assert.isAtLeast(found.emotionJsd, 0.45)
      }).pipe(
        Effect.provide(
          OnnxPolicy.layer({ model: `assets/${name}`, seed: 0, trainable: "none" }).pipe(
            Layer.provide(Runtime.layer()),
            Layer.provideMerge(NodeServices.layer)
          )
        )
      ), 60_000)
  }
})
