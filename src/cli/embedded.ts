/**
 * The checkpoints that ship with the package, and which of them a task asks.
 */
import { basename } from "node:path"
import { fileURLToPath } from "node:url"

const assets = (name: string): string => fileURLToPath(new URL(`../../assets/${name}`, import.meta.url))

/** Knows what is in a scene: what is asked where no task says otherwise. */
export const embeddedModel = assets("scene-vl")

/** The same, trained on to tie names to places. */
const places = assets("scene-vl-places")
const ofPlaces: ReadonlySet<string> = new Set(["lisa", "coco-sub"])

/** Whether a checkpoint that ships with the package is asked. */
export const isEmbedded = ({ model }: { readonly model: string }): boolean => model === embeddedModel || model === places

/** The embedded checkpoint as a task needs it; a model of one's own as it is. */
export const modelFor = (model: string, task: string): string => model === embeddedModel && ofPlaces.has(task) ? places : model

/** What run.json calls a model directory. */
export const modelName = (model: string): string => isEmbedded({ model }) ? `embedded ${basename(model)}` : model
