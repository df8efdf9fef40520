/** The model under training and its live layer. */
export * as OnnxPolicy from "./OnnxPolicy.ts"
export * as Plan from "./Plan.ts"
export * from "./Policy.ts"
