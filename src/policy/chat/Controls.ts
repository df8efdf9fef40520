/** Tokens that are no text: which ids they have, and by which names a chat template asks for them. */
import { Predicate } from "effect"
import type { ModelDirectory } from "../../kernels/weights/index.ts"

/** Ids that free text never holds. */
export const specialsOf = (
  directory: Pick<ModelDirectory.Texts, "tokenizerJson">,
  size: number,
  vocabulary: number
): ReadonlySet<number> => {
  const added: unknown = directory.tokenizerJson["added_tokens"]
  const controls = (Array.isArray(added) ? added : []).flatMap((
    token: { readonly id?: unknown; readonly special?: unknown }
  ) => token.special === true && typeof token.id === "number" ? [token.id] : [])
  return new Set([...controls, ...Array.from({ length: Math.max(0, vocabulary - size) }, (_, i) => size + i)])
}

/** Tokens that a chat template may ask for by the name it has in tokenizer_config.json. */
export const templateVariables = (
  { tokenizerConfig }: Pick<ModelDirectory.Texts, "tokenizerConfig">
): Readonly<Record<string, string>> =>
  Object.fromEntries(["bos_token", "eos_token", "pad_token", "unk_token"].flatMap((name) => {
    const value = tokenizerConfig[name]
    const content = Predicate.hasProperty(value, "content") ? value.content : value
    return typeof content === "string" ? [[name, content]] : []
  }))
