import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Config } from "../../../src/kernels/models/index.ts"

describe("a configuration that lacks a field", () => {
  it.effect("is told with its folder and the field", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(Config.fromJson({}, "models/a\nb"))
      assert.strictEqual(
        message,
        "models/a\\u000ab/config.json: model_type is absent, expected a field that every model has"
      )
    }))
})
