/** The model under training and its live layer; servers that can be asked and not trained. */
export { NotFinite } from "./NotFinite.ts"
export * as OnnxPolicy from "./OnnxPolicy.ts"
export * as OpenAiPolicy from "./openai/OpenAiPolicy.ts"
export * as Plan from "./Plan.ts"
export * from "./Policy.ts"
