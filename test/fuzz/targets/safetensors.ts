import { Effect } from "effect"
import * as Safetensors from "../../../src/kernels/weights/Safetensors.ts"
import { fixtures, put } from "../data.ts"
import { holds, type Target } from "../Target.ts"

export const target: Target = {
  name: "safetensors",
  kind: "bytes",
  seeds: fixtures("weights.safetensors", "weights-mixed.safetensors", "lora/adapter/adapter_model.safetensors"),
  run: (input, folder) =>
    Effect.gen(function*() {
      const header = yield* Safetensors.readHeader(yield* put(folder, "a.safetensors", input))
      for (const [name, { begin, end, shape }] of header.tensors) {
        holds(begin >= 8 && end <= input.length && begin <= end, () => `"${name}" outside of the file`)
        const length = shape.reduce((product, size) => product * size, 1)
        yield* Effect.ignore(Safetensors.readFloat32(header, name, new Float32Array(length)))
      }
      return true
    }).pipe(Effect.catch(() => Effect.succeed(false)))
}
