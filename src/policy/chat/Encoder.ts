/** Prompts as token ids: chat template, tokenizer, and one image token per visual token. */
import { Effect } from "effect"
import { ChatTemplate, type Tokenizer } from "../../kernels/text/index.ts"
import { PolicyError, type Prompt } from "../Policy.ts"

/** A prompt ready for the model, up to where the assistant's turn begins. */
export interface EncodedPrompt {
  readonly tokens: Int32Array
  /** Patch grid of each image, in order. */
  readonly grids: ReadonlyArray<readonly [number, number, number]>
}

export interface Encoder {
  readonly prompt: (
    prompt: Prompt,
    grids: ReadonlyArray<readonly [number, number, number]>
  ) => Effect.Effect<EncodedPrompt, PolicyError>
  readonly text: (text: string) => Int32Array
}

/** Rendered texts kept: tasks ask few different questions about many pictures. */
const REMEMBERED = 512

/**
 * @param template a Jinja template, and the tokens it may ask for by name
 * @param ids what stands for a picture in a rendered prompt, and what for a clip, which is refused
 * @param mergedTokens visual tokens of a patch grid
 */
export const make = (
  tokenizer: Tokenizer.Tokenizer,
  template: { readonly source: string; readonly variables: Readonly<Record<string, string>> },
  { image: imageToken, video: videoToken }: { readonly image: number; readonly video: number },
  mergedTokens: (grid: readonly [number, number, number]) => number
): Encoder => {
  const remembered = new Map<string, Int32Array>()

  const render = Effect.fnUntraced(function*(images: number, text: string) {
    const key = `${images}|${text}`
    const held = remembered.get(key)
    if (held !== undefined) return held
    const content = [...Array.from({ length: images }, () => ({ type: "image" as const })), {
      type: "text" as const,
      text
    }]
    const rendered = yield* ChatTemplate.render(template.source, [{ role: "user", content }], {
      addGenerationPrompt: true,
      variables: template.variables
    }).pipe(
      Effect.mapError((cause) =>
        new PolicyError({ operation: "sample", reason: `the chat template failed: ${cause.message}`, cause })
      )
    )
    const tokens = tokenizer.encode(rendered)
    if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value ?? "")
    remembered.set(key, tokens)
    return tokens
  })

  return {
    text: (text) => tokenizer.encode(text),
    prompt: Effect.fnUntraced(function*(prompt, grids) {
      const compact = yield* render(prompt.images.length, prompt.text)
      const placeholders = compact.reduce((n, token) => n + Number(token === imageToken), 0)
      if (placeholders !== grids.length) {
        return yield* new PolicyError({
          operation: "sample",
          reason: `the rendered prompt has ${placeholders} image placeholders for ${grids.length} images; ` +
            `do not write image tokens in a prompt's text, and check the chat template`
        })
      }
      if (compact.includes(videoToken)) {
        return yield* new PolicyError({
          operation: "sample",
          reason: `the rendered prompt has a video placeholder (token ${videoToken}); video is not read: ` +
            `give its frames as pictures, and check the prompt's text and the chat template`
        })
      }
      const counts = grids.map(mergedTokens)
      const tokens = new Int32Array(compact.length + counts.reduce((n, count) => n + count - 1, 0))
      let at = 0
      let image = 0
      for (const token of compact) {
        const repeat = token === imageToken ? counts[image++] ?? 1 : 1
        tokens.fill(token, at, at + repeat)
        at += repeat
      }
      return { tokens, grids }
    })
  }
}
