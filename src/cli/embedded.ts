/**
 * Which of the embedded checkpoints a task asks.
 */
import * as Embedded from "../dsl/Embedded.ts"

export { sceneVl as embeddedModel, nameOf as modelName } from "../dsl/Embedded.ts"

const ofPlaces: ReadonlySet<string> = new Set(["lisa", "coco-sub"])

/** Whether a checkpoint that ships with the package is asked. */
export const isEmbedded = ({ model }: { readonly model: string }): boolean => Embedded.isEmbedded(model)

/** The embedded checkpoint as a task needs it; a model of one's own as it is. */
export const modelFor = (model: string, task: string): string =>
  model === Embedded.sceneVl && ofPlaces.has(task) ? Embedded.sceneVlPlaces : model
