/**
 * What a command-line program over the pipelines is made of.
 *
 * @module rise-vlm/cli
 */
export { comparison } from "./comparison.ts"
export { embeddedModel } from "./embedded.ts"
export { settings, type Study } from "./flags.ts"
export { FlagError } from "./futile.ts"
export { example, type Services } from "./main.ts"
export { policy } from "./policy.ts"
export { study, type StudyOptions } from "./study.ts"
