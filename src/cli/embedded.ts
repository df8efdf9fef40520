/**
 * The checkpoint that ships with the package, for flags.
 */
import * as Embedded from "../policy/Embedded.ts"

export { embedded as embeddedModel, nameOf as modelName } from "../policy/Embedded.ts"

/** Whether it is asked. */
export const isEmbedded = ({ model }: { readonly model: string }): boolean => Embedded.isEmbedded(model)
