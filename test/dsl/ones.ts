/** The grammar of tests about texts that leave it. */
import type { Grammar } from "../../src/kernels/generate/Grammar.ts"

/** Token 1 any number of times, then 0. */
export const ones: Grammar = {
  id: "ones",
  states: 1,
  vocabulary: 3,
  allowed: Uint8Array.of(1, 1, 0),
  next: new Int32Array(3)
}
