import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Device, Runtime } from "../../../src/kernels/runtime/index.ts"

describe("Device", () => {
  it.effect(
    "lists what this machine has; the rest is refused with a reason and a next step",
    () =>
      Effect.gen(function*() {
        const findings = yield* Device.survey
        const available = findings.filter(({ missing }) => missing === undefined).map(({ device }) => device)
        assert.deepStrictEqual(findings.map(({ device }) => device), ["cpu", "webgpu", "cuda"])
        assert.include(available, "cpu")
        for (const device of ["cpu", "webgpu", "cuda"] as const) {
          const checked = yield* Effect.result(Device.check(device))
          assert.strictEqual(Result.isSuccess(checked), available.includes(device))
          if (Result.isSuccess(checked)) continue
          const error = checked.failure
          assert.instanceOf(error, Device.DeviceError)
          assert.deepStrictEqual(error.available, available)
          assert.match(error.message, new RegExp(`device ${device} is not available on this machine: .*Available: cpu`))
          assert.match(error.reason, device === "cuda" ? /setup:cuda|CUDA/ : /needs a GPU and its driver/)
          // The runtime refuses it the same way, before it starts a thread.
          const refused = yield* Effect.flip(Effect.scoped(Layer.build(Runtime.layer({ device }))))
          assert.deepStrictEqual(refused, error)
        }
      }),
    60_000
  )

  it.effect("one thread owns a webgpu device", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Runtime.layer({ device: "webgpu", workers: 2 }))))
      assert.match(error.message, /workers is 2, expected 1: one thread owns a webgpu device/)
    }))

  it("looks for libraries where onnxruntime keeps its own", () => {
    assert.isTrue(existsSync(join(Device.libraryFolder(), "onnxruntime_binding.node")))
  })
})
