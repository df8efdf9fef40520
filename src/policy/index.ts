/** The model under training and its live layer; servers that can be asked and not trained. */
export { NotFinite } from "./NotFinite.ts"
export * as OnnxExport from "./onnx/Export.ts"
export * as MemoryLimit from "./onnx/MemoryLimit.ts"
export * as MemoryPlan from "./onnx/MemoryPlan.ts"
export * as OnnxPolicy from "./onnx/OnnxPolicy.ts"
export * as OpenAiPolicy from "./openai/OpenAiPolicy.ts"
export * from "./Policy.ts"
export * as SplitPolicy from "./split/SplitPolicy.ts"
export * as TinkerPolicy from "./tinker/TinkerPolicy.ts"
/** The cause of a `save` that can never succeed. */
export * as WeightsStay from "./WeightsStay.ts"
