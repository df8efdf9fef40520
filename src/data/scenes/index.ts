/**
 * The embedded world: rendered scenes whose cues, and therefore whose annotations, are known.
 *
 * @module
 */
export * as Atlas from "./Atlas.ts"
export * as Difficulty from "./Difficulty.ts"
export * as Emotions from "./Emotions.ts"
export * as Groundedness from "./Groundedness.ts"
export * as Language from "./Language.ts"
export * as Objects from "./Objects.ts"
export * as Reasoning from "./Reasoning.ts"
export * as Render from "./Render.ts"
export * as Riddles from "./Riddles.ts"
export * as Scene from "./Scene.ts"
export * from "./Scenes.ts"
export * as Things from "./Things.ts"
export * as Truth from "./Truth.ts"
export * as World from "./World.ts"
