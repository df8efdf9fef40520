/**
 * What a command-line program over the pipelines is made of.
 */
export { embeddedModel, settings, type Study } from "./flags.ts"
export { example, type Services } from "./main.ts"
export { methods, sourceOf } from "./methods.ts"
export { policy } from "./policy.ts"
export { study } from "./study.ts"
