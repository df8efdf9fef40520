import { defineConfig } from "vitest/config"

/** They train models. A second run, with SLOW=1, is for what has survived the others. */
const slow = [
  "test/dsl/{Diverged,PracticeEmbedded}.test.ts",
  "test/policy/onnx/{Adapter,Checkpoint,Devices,Directory,EndOfTurn,Format,MappedWeights,MemoryPlan}.test.ts",
  "test/policy/onnx/{NotFinite,OnnxPolicy,Parity,Settings}.test.ts"
]

export default defineConfig({
  test: {
    include: ["test/{dsl,tasks,kernels/math,kernels/train,policy/onnx}/**/*.test.ts"],
    exclude: process.env["SLOW"] === undefined ? slow : [],
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
