/**
 * The checkpoint that ships with the package, for flags.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import * as Embedded from "../policy/Embedded.ts"

export { embedded as embeddedModel, nameOf as modelName } from "../policy/Embedded.ts"

/** Whether it is asked. */
export const isEmbedded = ({ model }: { readonly model: string }): boolean => Embedded.isEmbedded(model)

/** What has to be known of its reasons on pictures of somebody's own. */
export const caution =
  "This model has seen nothing but drawn scenes of emoji, and no photograph: it can learn the labels, but its " +
  "reasons name things that are not there and may be a code. Reasons to be read come from a real model (Qwen2-VL, " +
  "Qwen2.5-VL, Qwen3-VL: docs/models.md)."

/**
 * Whether a model has the words of the embedded checkpoint and no others: whether it is that one, or was trained from
 * it. Such a model knows no other prompts.
 */
export const ofFewWords = Effect.fnUntraced(function*(
  { model, remote }: { readonly model: string; readonly remote?: Option.Option<string> }
) {
  if (remote !== undefined && Option.isSome(remote)) return false
  if (Embedded.isEmbedded(model)) return true
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const tokenizer = (folder: string) =>
    Effect.orElseSucceed(fs.readFileString(join(folder, "tokenizer.json")), () => "")
  const own = yield* tokenizer(model)
  return own !== "" && own === (yield* tokenizer(Embedded.embedded))
})
