/** What StrykerJS breaks, and what it tries the broken code on: `npm run test:mutants`. CONTRIBUTING.md says more. */
import { fileURLToPath } from "node:url"

export default {
  mutate: [
    "src/dsl/**/*.ts",
    "src/tasks/**/*.ts",
    "src/kernels/{math,train}/*.ts",
    "src/policy/TokenWeights.ts",
    "src/policy/onnx/{Auxiliary,KlReference,LossAndGradients,PackedBatches,Score}.ts",
    "!src/**/*.d.ts"
  ],
  // Texts are mostly messages, which tests quote where they matter.
  mutator: { excludedMutations: ["StringLiteral"] },
  // A constant of a module is evaluated before any test: each of its faults would cost a run of all tests.
  ignoreStatic: true,
  // A fault that ends no test in time counts as caught: a busy machine must not make one of that kind.
  timeoutMS: 60_000,
  testRunner: "vitest",
  vitest: { configFile: "scripts/mutants/vitest.config.ts" },
  checkers: ["sample"],
  plugins: ["@stryker-mutator/vitest-runner", fileURLToPath(new URL("sample.mjs", import.meta.url))],
  concurrency: 1,
  // It would rewrite tsconfig.json by TypeScript's own interface, which version 7 no longer has; nothing here reads it.
  tsconfigFile: "none",
  disableTypeChecks: false,
  tempDirName: ".cache/mutants",
  ignorePatterns: ["/.cache", "/runs", "/dist", "/bench/peers/.venv"],
  reporters: ["progress", "clear-text", "json"],
  clearTextReporter: { allowColor: false, reportTests: false },
  jsonReporter: { fileName: ".cache/mutants.json" }
}
