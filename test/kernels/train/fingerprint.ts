import { createHash } from "node:crypto"
import type { ParameterStore } from "../../../src/kernels/train/index.ts"

/** SHA-256 over names, shapes and bytes: equal exactly when the models are the same. */
export const fingerprint = (store: ParameterStore.ParameterStore): string => {
  const hash = createHash("sha256")
  for (const { length, name, offset, shape } of store.slices.values()) {
    hash.update(`${JSON.stringify([name, shape])}\n`)
    hash.update(new Uint8Array(store.data.buffer, offset * 4, length * 4))
  }
  return hash.digest("hex")
}
